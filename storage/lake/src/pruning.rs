//! Leaves out files by what the manifest says of them, before any of them is opened.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringViewArray, TimestampNanosecondArray, UInt64Array};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use model::Dataset;

use crate::manifest::FileEntry;

/// The manifest's knowledge of a list of files, as DataFusion's pruning wants it.
pub(crate) struct FileStatistics<'a> {
    pub(crate) dataset: Dataset,
    pub(crate) files: &'a [Arc<FileEntry>],
}

impl FileStatistics<'_> {
    fn values(
        &self,
        column: &Column,
        time: fn(&FileEntry) -> i64,
        key: fn(&(String, String)) -> &str,
    ) -> Option<ArrayRef> {
        if column.name == self.dataset.time_column() {
            let times = self.files.iter().map(|file| time(file));
            return Some(Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC")));
        }
        if let Dataset::Signal(signal) = self.dataset
            && column.name == store::sort_key(signal)
        {
            let keys = self.files.iter().map(|file| file.sort_keys.as_ref().map(key));
            return Some(Arc::new(StringViewArray::from_iter(keys)));
        }
        None
    }
}

impl PruningStatistics for FileStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |file| file.times.min.0, |keys| &keys.0)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |file| file.times.max.0, |keys| &keys.1)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.files.iter().map(|file| file.rows))))
    }

    fn contained(&self, _column: &Column, _values: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

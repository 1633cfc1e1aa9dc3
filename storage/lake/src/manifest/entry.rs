//! What the manifest knows of one file.

use std::sync::Arc;

use model::{Dataset, Tenant, TimeRange, Timestamp};
use object_store::path::Path;
use serde::{Deserialize, Serialize, de, ser};
use store::rollup::Folded;
use store::{Origin, SegmentId};

use crate::index::{self, IndexSize};

/// A file of rows of one tenant and dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) id: SegmentId,
    pub(crate) tenant: Tenant,
    #[serde(rename = "signal")]
    pub(crate) dataset: Dataset,
    #[serde(serialize_with = "write_path", deserialize_with = "read_path")]
    pub(crate) path: Path,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) times: TimeRange,
    /// Least and greatest value of the column that rows are sorted by first; `None` when all are NULL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sort_keys: Option<(String, String)>,
    /// The part of a log that the file holds all rows of; none when it was made of other files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Origin>,
    /// Size of the trace filter beside a file of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace_filter_bytes: Option<u64>,
    /// Size of the index beside the file, where the signal has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<IndexSize>,
    /// The rollups of these spans were kept with them. A file made of others is so if all of them were.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) rolled_up: bool,
    /// Of a rollup: what is summed under `(other)`.
    #[serde(default, skip_serializing_if = "Folded::is_nothing")]
    pub(crate) folded: Folded,
    /// How often its rows have been merged since they came from memory.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) level: u8,
}

/// A file that is no longer part of the lake, but still on the medium for queries that have begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    pub(crate) file: Arc<FileEntry>,
    /// When it was taken out, by the medium's clock.
    pub(crate) since: Timestamp,
    /// The version of the manifest that is the first without it.
    pub(crate) version: u64,
}

impl FileEntry {
    /// The folder that a file lies in: the day (UTC) of its earliest row, in days since 1970.
    pub(crate) fn day(&self) -> i64 {
        const NANOS_PER_DAY: i64 = 86_400_000_000_000;
        self.times.min.0.div_euclid(NANOS_PER_DAY)
    }

    /// The objects that the file consists of, with their sizes.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (Path, u64)> {
        let filter = self.trace_filter_bytes.map(|bytes| (index::trace_filter_path_of(&self.path), bytes));
        let index = self.index.map(|size| (index::path_of(&self.path), size.bytes));
        std::iter::once((self.path.clone(), self.bytes)).chain(filter).chain(index)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(level: &u8) -> bool {
    *level == 0
}

fn write_path<S: ser::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(path.as_ref())
}

fn read_path<'de, D: de::Deserializer<'de>>(deserializer: D) -> Result<Path, D::Error> {
    let path = String::deserialize(deserializer)?;
    Path::parse(path).map_err(de::Error::custom)
}

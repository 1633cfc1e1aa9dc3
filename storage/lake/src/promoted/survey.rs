//! Looks at some rows of the files of a merge, and says which of their attributes get columns.

use std::collections::{HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use model::Signal;
use xxhash_rust::xxh3::xxh3_64;

use super::Promoted;
use crate::manifest::FileEntry;
use crate::members;

/// Places of a file that are looked at, spread evenly over it.
pub(crate) const SPOTS: usize = 16;
/// Rows looked at in each.
pub(crate) const SPOT_ROWS: usize = 64;
/// An attribute is frequent when at least one row in so many has it.
const FREQUENT_ONE_IN: f64 = 20.0;
/// Columns for attributes make a file larger by one part in so many at most, as far as the rows looked at show it.
const GROWTH_ONE_IN: f64 = 8.0;
/// What the code of a value takes in a row, in bytes, beside the value itself in the dictionary.
const CODE_BYTES: f64 = 1.0;
/// Different keys that are counted.
const KEYS_MAX: usize = 4096;
/// Longer keys make no names of columns.
const KEY_BYTES_MAX: usize = 128;

/// What is known of the attributes of the files.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    seen: HashMap<(&'static str, String), Seen>,
    /// Rows and bytes of all files.
    rows: f64,
    bytes: f64,
}

/// Of one attribute.
#[derive(Debug, Default)]
struct Seen {
    /// Rows that have it, as far as is known.
    rows: f64,
    values: HashSet<u64>,
    /// What its different values take together, as far as is known.
    value_bytes: f64,
}

impl Survey {
    /// Adds a file by some of its rows.
    pub(crate) fn see(&mut self, file: &FileEntry, sample: &[RecordBatch]) {
        self.rows += file.rows as f64;
        self.bytes += file.bytes as f64;
        let sampled: usize = sample.iter().map(RecordBatch::num_rows).sum();
        let rows_each = file.rows as f64 / sampled.max(1) as f64;
        for rows in sample {
            for json in model::json::COLUMNS {
                let Some(objects) = rows.column_by_name(json) else { continue };
                objects.as_string_view().iter().flatten().for_each(|object| self.see_object(json, object, rows_each));
            }
        }
    }

    fn see_object(&mut self, json: &'static str, object: &str, rows: f64) {
        // What cannot be read has no attributes that would be found either.
        let _ = members::each(object, |key, written| {
            if key.len() > KEY_BYTES_MAX || self.seen.len() >= KEYS_MAX {
                return;
            }
            let seen = self.seen.entry((json, key.to_owned())).or_default();
            seen.rows += rows;
            if seen.values.insert(xxh3_64(written.as_bytes())) {
                seen.value_bytes += rows * written.len() as f64;
            }
        });
    }

    /// Columns for the most frequent attributes, so many at most.
    pub(crate) fn promoted(&self, signal: Signal, keys_max: usize) -> Promoted {
        let frequent = self.seen.iter().filter(|(_, seen)| seen.rows * FREQUENT_ONE_IN >= self.rows);
        let mut frequent: Vec<_> = frequent.collect();
        frequent.sort_by(|(name, seen), (other, other_seen)| {
            other_seen.rows.total_cmp(&seen.rows).then_with(|| name.cmp(other))
        });
        let mut room = self.bytes / GROWTH_ONE_IN;
        frequent.retain(|(_, seen)| {
            let bytes = seen.value_bytes + CODE_BYTES * seen.rows;
            let fits = bytes <= room;
            room -= if fits { bytes } else { 0.0 };
            fits
        });
        frequent.truncate(keys_max);
        let members: Vec<_> = frequent.into_iter().map(|((json, key), _)| (*json, key.as_str())).collect();
        Promoted::of(signal, &members)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringViewArray};
    use model::{Tenant, TimeRange};
    use object_store::path::Path;
    use serde_json::{Value, json};
    use store::SegmentId;
    use store::rollup::Folded;

    use super::*;

    const ROWS: u64 = 10_000;

    fn file(bytes_a_row: u64) -> FileEntry {
        FileEntry {
            id: SegmentId::new(),
            tenant: Tenant::default_tenant(),
            dataset: Signal::Spans.into(),
            path: Path::from("a.parquet"),
            bytes: ROWS * bytes_a_row,
            rows: ROWS,
            times: TimeRange::EMPTY,
            sort_keys: None,
            origin: None,
            trace_filter_bytes: None,
            index: None,
            rolled_up: true,
            folded: Folded::NOTHING,
            level: 0,
        }
    }

    /// Names of the columns for rows that say this of themselves.
    fn promoted(bytes_a_row: u64, keys_max: usize, attributes: impl Fn(usize) -> Value) -> Vec<String> {
        let objects: StringViewArray = (0..1000).map(|row| Some(attributes(row).to_string())).collect();
        let sample = RecordBatch::try_from_iter([("attributes", Arc::new(objects) as ArrayRef)]).expect("a batch");
        let mut survey = Survey::default();
        survey.see(&file(bytes_a_row), &[sample]);
        let schema = survey.promoted(Signal::Spans, keys_max).schema;
        schema
            .fields()
            .iter()
            .skip(model::Table::of(Signal::Spans).columns.len())
            .map(|field| field.name().clone())
            .collect()
    }

    #[test]
    fn the_most_frequent_attributes_get_columns() {
        let attributes = |row: usize| {
            let mut attributes = json!({"plan": row % 3});
            for (key, one_in) in [("often", 2), ("now.and.then", 10), ("seldom", 50)] {
                if row.is_multiple_of(one_in) {
                    attributes[key] = json!("yes");
                }
            }
            attributes
        };

        assert_eq!(promoted(50, 16, attributes), ["attributes.plan", "attributes.often", "attributes.now.and.then"]);
        assert_eq!(promoted(50, 1, attributes), ["attributes.plan"]);
    }

    #[test]
    fn what_makes_the_file_much_larger_gets_no_column() {
        let attributes = |row: usize| json!({"id": format!("{row:032}"), "plan": "gold"});

        assert_eq!(promoted(50, 16, attributes), ["attributes.plan"]);
        assert_eq!(promoted(500, 16, attributes), ["attributes.id", "attributes.plan"]);
    }
}

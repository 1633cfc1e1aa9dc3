//! Which rows of a batch are over a quota, and the batch without them.

use std::fmt;

use arrow::array::{AsArray, BooleanArray};
use arrow::datatypes::Int64Type;
use model::{Batch, Signal, Table};
use plane::RefusedRows;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use xxhash_rust::xxh3::xxh3_64;

use super::active::Active;
use crate::decode::DecodeError;

/// Refuses points of series that are one too many; says how many rows that were to pass no longer do.
pub(super) fn refuse_series(batch: &Batch, active: &mut Active, limit: usize, passes: &mut [bool]) -> u64 {
    if !matches!(batch.signal(), Signal::Metrics | Signal::Histograms) {
        return 0;
    }
    let column = Table::of(batch.signal()).index("series_id");
    let series = batch.said(column).expect("every point has a series").as_primitive::<Int64Type>();
    let mut refused = 0;
    for (row, series) in series.values().iter().enumerate() {
        if passes[row] && !active.see(series.cast_unsigned(), limit) {
            passes[row] = false;
            refused += 1;
        }
    }
    refused
}

/// The same for rows with an attribute key that is one too many.
pub(super) fn refuse_keys(batch: &Batch, active: &mut Active, limit: usize, passes: &mut [bool]) -> u64 {
    let mut refused = 0;
    for name in ["attributes", "resource_attributes", "scope_attributes"] {
        let Some(column) = batch.said(Table::of(batch.signal()).index(name)) else { continue };
        let texts = column.as_string_view();
        // Rows of one resource, and often of one operation, say the same.
        let mut last: Option<(&str, bool)> = None;
        for (text, passes) in texts.iter().zip(passes.iter_mut()) {
            let Some(text) = text.filter(|_| *passes) else { continue };
            let has_room = match last {
                Some((same, has_room)) if same == text => has_room,
                _ => see_keys(text, active, limit),
            };
            last = Some((text, has_room));
            if !has_room {
                *passes = false;
                refused += 1;
            }
        }
    }
    refused
}

/// True when every key of the object is known or has room.
fn see_keys(text: &str, active: &mut Active, limit: usize) -> bool {
    struct Keys<'a>(&'a mut Active, usize);

    impl<'de> Visitor<'de> for Keys<'_> {
        type Value = bool;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("attributes")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
            let mut has_room = true;
            while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                has_room &= self.0.see(xxh3_64(key.as_bytes()), self.1);
                map.next_value::<IgnoredAny>()?;
            }
            Ok(has_room)
        }
    }

    let mut json = serde_json::Deserializer::from_str(text);
    // The decoder writes JSON objects; what is none has no keys.
    json.deserialize_map(Keys(active, limit)).unwrap_or(true)
}

/// The rows that do not pass, as ranges; `None` when all do.
pub(super) fn refused(signal: Signal, passes: &[bool]) -> Option<RefusedRows> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for (row, _) in passes.iter().enumerate().filter(|(_, passes)| !**passes) {
        let row = u32::try_from(row).expect("a request has fewer rows");
        match ranges.last_mut() {
            Some((_, end)) if *end == row => *end = row + 1,
            _ => ranges.push((row, row + 1)),
        }
    }
    (!ranges.is_empty()).then_some(RefusedRows { signal, ranges })
}

/// The batch without these rows.
pub(super) fn without(batch: &Batch, refused: &RefusedRows) -> Result<Batch, DecodeError> {
    let mut kept = vec![true; batch.rows()];
    for (first, end) in &refused.ranges {
        let range = kept.get_mut(*first as usize..*end as usize);
        range.ok_or(DecodeError::Wire("rows that were refused are not there"))?.fill(false);
    }
    Ok(batch.filter(&BooleanArray::from(kept)).expect("columns of one length can be filtered"))
}

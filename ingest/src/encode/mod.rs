//! Rows back into OTLP: the inverse of `decode`, for exporters and for the proof that nothing is lost.
//!
//! What was accepted comes out as it went in, bit for bit, except for what OTLP itself gives no meaning to:
//! - the order of the attributes of an item or resource, of promoted keys among the others;
//! - how items are grouped: neighbours with equal resource and scope share an envelope, one without items is gone;
//!   number points come before distributions;
//! - absent against empty messages: resource, scope, status, body, the value of a `KeyValue`;
//! - ids of all zeros, and invalid ids of links, exemplars and log records: absent;
//! - sign and payload of a NaN inside an attribute or body;
//! - fields of profiles (`string_value_strindex`, `key_strindex`) and fields unknown to this version.

mod attributes;
mod columns;
mod context;
mod json_text;
mod logs;
mod metrics;
mod spans;

use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::compute::partition;
use model::{Batch, Signal};

pub use logs::logs;
pub use metrics::metrics;
pub use spans::traces;

/// Why rows cannot be said in OTLP. Rows that `decode` made always can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The batch holds rows of another signal than the request.
    #[error("rows of {got} do not belong into this request")]
    Signal {
        /// Signal of the batch.
        got: Signal,
    },
    /// A column holds what `decode` would not have written.
    #[error("column {column} holds '{value}', which {problem}")]
    Value {
        /// The column.
        column: &'static str,
        /// The beginning of what it holds.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl EncodeError {
    #[expect(clippy::needless_pass_by_value, reason = "numbers and references read better without another &")]
    fn value(column: &'static str, value: impl ToString, problem: &'static str) -> Self {
        /// Characters of the value that are shown.
        const SHOWN_MAX: usize = 200;
        EncodeError::Value { column, value: value.to_string().chars().take(SHOWN_MAX).collect(), problem }
    }
}

fn check_signal(batch: &Batch, expected: &[Signal]) -> Result<(), EncodeError> {
    if expected.contains(&batch.signal()) { Ok(()) } else { Err(EncodeError::Signal { got: batch.signal() }) }
}

/// Splits the rows into neighbours that agree in all the columns.
fn runs(columns: &[ArrayRef], rows: Range<usize>) -> Vec<Range<usize>> {
    if rows.is_empty() || columns.is_empty() {
        return vec![rows];
    }
    let columns: Vec<ArrayRef> = columns.iter().map(|column| column.slice(rows.start, rows.len())).collect();
    let parts = partition(&columns).expect("columns of one batch are equally long and of comparable types");
    parts.ranges().into_iter().map(|run| rows.start + run.start..rows.start + run.end).collect()
}

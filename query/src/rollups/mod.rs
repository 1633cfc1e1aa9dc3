//! Rollups in SQL: their tables, and the functions that read their sketches.

mod merge_once;
mod rewrite;
mod sketch_once;
mod sketches;
mod table;

pub(crate) use merge_once::MergeOnce;
pub(crate) use rewrite::FromRollups;
pub(crate) use sketch_once::{SketchOnce, SketchQuantile};
pub(crate) use sketches::all as functions;
pub(crate) use table::RollupTable;

/// Where the answer to a question about spans may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// From their rollups, where those give the same.
    FromRollups,
    /// From the spans themselves.
    FromSpans,
}

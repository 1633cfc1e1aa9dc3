//! What the query engine promises, over a real plane.

mod as_of;
mod attributes;
mod formats;
mod indexes;
mod limits;
mod matches;
mod promotion;
mod pruning;
mod refusals;
mod rollups;
mod snapshots;
mod sql;
mod support;

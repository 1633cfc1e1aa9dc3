//! The vocabulary every other room speaks: which signals there are, whose they are, what their rows look like.
//!
//! No IO, no async, no clock: a value that exists here is valid.

mod batch;
pub mod conventions;
mod dataset;
pub mod json;
pub mod patterns;
mod schema;
mod signal;
mod sketch;
mod tenant;
mod time;
pub mod words;

pub use batch::{Batch, BatchError, Defaults};
pub use conventions::{AttributeType, Convention, Level};
pub use dataset::{Dataset, Rollup};
pub use schema::{Column, Table, event_fields, exemplar_fields, link_fields, quantile_fields};
pub use signal::Signal;
pub use sketch::{Sketch, SketchError};
pub use tenant::{InvalidTenant, Tenant};
pub use time::{TimeRange, Timestamp};

//! The plugin on a plane of its own.

mod incident;
mod promql;

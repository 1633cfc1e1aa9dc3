//! The plugin on a plane of its own.

mod evidence;
mod incident;
mod promql;

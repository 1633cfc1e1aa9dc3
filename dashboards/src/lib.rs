//! Dashboards as code.

mod metric;
mod model;
mod read;
mod statement;
mod times;
mod written;

//! Every route over a plane of its own: dashboards are written, spans go in, panels are asked.

mod office;
mod panels;
mod queries;
mod written;

//! What can go wrong in operation, and how it is told.

mod clock;
mod limits;
mod odd_telemetry;
mod start;
mod storage;

//! What the database store promises, against real databases.
//!
//! PostgreSQL is this machine's; TimescaleDB is the one that `OBSERVATORY_TEST_TIMESCALE_URL` names, or else its build for
//! WebAssembly, which answers one connection at a time and runs no background workers.

mod aggregates;
mod bad_days;
mod conformance;
mod lossless;
mod pushdown;
mod rounds;
mod support;
mod upkeep;
mod views;

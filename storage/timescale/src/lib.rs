//! Segments as rows of TimescaleDB hypertables.

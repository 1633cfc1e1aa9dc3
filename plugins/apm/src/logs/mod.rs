//! Log records: found, counted, read around one another, and followed as they arrive.

pub(crate) mod filter;
mod member;

//! Settings of indexes.

use serde::{Deserialize, Serialize};

/// What is kept beside files, and in memory of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndexConfig {
    /// What a file of rows that have just come is indexed by: `traces`, or `everything` at a quarter more CPU for each log line. Files
    /// that are made of others are always indexed by everything. Default traces.
    pub at_flush: IndexScope,
    /// Memory for parts of indexes, in bytes. Default 128 MiB.
    pub cache_bytes_max: u64,
}

/// What goes into an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexScope {
    /// Trace ids.
    Traces,
    /// Trace ids, values of attributes, words of texts.
    Everything,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self { at_flush: IndexScope::Traces, cache_bytes_max: 128 << 20 }
    }
}

impl IndexConfig {
    /// Less holds hardly the contents of one large index.
    const CACHE_BYTES_MIN: u64 = 1 << 20;

    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let (given, least) = (self.cache_bytes_max, Self::CACHE_BYTES_MIN);
        if given < least {
            return Err(format!("storage.indexes.cache_bytes_max is {given}, must be at least {least}"));
        }
        Ok(())
    }
}

//! What the lake says of itself.

use crate::index::IndexFigures;
use crate::manifest::FileEntry;

/// Indexes were asked which rows of a table are to be read.
pub(crate) fn looked_up((files, of_files): (usize, usize), (rows, of_rows): (u64, u64), figures: IndexFigures) {
    let IndexFigures { cached_bytes, hits, misses } = figures;
    tracing::debug!(files, of_files, rows, of_rows, cached_bytes, hits, misses, "indexes looked up");
}

/// An index cannot be used; said once for each file.
pub(crate) fn index_unusable(file: &FileEntry, cause: &(dyn std::error::Error + 'static)) {
    tracing::warn!(file = %file.path, cause, "the index of a file cannot be used, queries read more of the file than they need");
}

//! Every message of this crate. What the caller is told in an error is the caller's to log.

use std::{io, path::Path};

use crate::WalError;

pub(crate) fn torn_tail_dropped(segment: &Path, offset: u64, bytes: u64) {
    tracing::warn!(segment = %segment.display(), offset, bytes, "dropped the half-written end of the log");
}

pub(crate) fn segment_abandoned(segment: &Path, error: &io::Error) {
    tracing::warn!(segment = %segment.display(), error = %error, "segment is written no further, the next frame begins another");
}

pub(crate) fn answered_frames_not_synced(segment: &Path, error: &io::Error) {
    tracing::error!(segment = %segment.display(), error = %error, "answered frames could not be synced and may be lost with the power");
}

pub(crate) fn not_closed(error: &WalError) {
    tracing::error!(error = error as &dyn std::error::Error, "log could not be closed");
}

//! What a copy of the lake consists of.

use bytes::Bytes;
use object_store::path::Path;
use store::StoreError;

use crate::{Lake, manifest};

/// The lake at one moment. Its files never change; they stay readable for the grace period of deletion.
#[derive(Clone, Debug)]
pub struct Contents {
    /// Objects of rows and of what was computed from them, with their sizes in bytes.
    pub files: Vec<(Path, u64)>,
    /// Objects that make these files a lake, to be written after them and in this order.
    pub manifest: Vec<(Path, Bytes)>,
}

impl Lake {
    /// What has to be copied for a lake that answers as this one does now.
    pub fn contents(&self) -> Result<Contents, StoreError> {
        let state = self.manifest.state();
        let files = state.files().flat_map(|file| file.objects()).collect();
        Ok(Contents { files, manifest: manifest::written_out(&state)? })
    }
}

//! The files of a write-ahead log that is in use, held open so that they can be read although the log is cut.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Open files by name. The log only appends to the newest, makes new ones, and deletes old ones.
#[derive(Debug, Default)]
pub(crate) struct LogFiles(BTreeMap<String, File>);

impl LogFiles {
    /// Opens what is there now. A directory that is not there has no files.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        files.open_new(directory)?;
        Ok(files)
    }

    /// Opens files that were made since; false when one may have come and gone between, so that rows may be missing.
    pub(crate) fn open_new(&mut self, directory: &Path) -> io::Result<bool> {
        let newest = self.0.keys().rfind(|name| is_segment(name)).cloned();
        let mut newest_is_there = newest.is_none();
        let entries = match fs::read_dir(directory) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(true),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            newest_is_there |= newest.as_ref() == Some(&name);
            if self.0.contains_key(&name) || !(is_segment(&name) || name == "id") {
                continue;
            }
            match File::open(entry.path()) {
                Ok(file) => drop(self.0.insert(name, file)),
                // Cut since it was listed: the store has its rows.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(newest_is_there)
    }

    pub(crate) fn into_files(self) -> impl Iterator<Item = (String, File)> {
        self.0.into_iter()
    }
}

fn is_segment(name: &str) -> bool {
    name.ends_with(".wal")
}

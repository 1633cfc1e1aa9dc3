//! The products' own state in a backup: a snapshot of the records, and the key that some of them are sealed with.

use std::path::Path;

use anyhow::Context;
use backup::StateFile;
use tempfile::TempDir;

use crate::config::Config;
use crate::sealing_key;

/// What is said where no backup has the records.
pub(super) const RECORDS_ELSEWHERE: &str = "records rest in PostgreSQL: back them up with its own tools";

/// Files to be backed up; those that were made for it are deleted with this.
pub(super) struct State {
    pub(super) files: Vec<StateFile>,
    _made: TempDir,
}

impl State {
    /// As it is now, also while a server writes to it.
    pub(super) fn now(config: &Config) -> anyhow::Result<Self> {
        let data_dir = &config.server.data_dir;
        let [database, key] = places(config, data_dir);
        // Beside the data, where there is room: a folder for temporary files may be memory.
        let made = tempfile::Builder::new().prefix("backup-").tempdir_in(data_dir);
        let made = made.with_context(|| format!("the data directory {} cannot be written", data_dir.display()))?;
        let mut files = Vec::new();
        if !records_are_elsewhere(config) && is_there(&database.path)? {
            let path = made.path().join(database.name);
            records::snapshot(&database.path, &path).context("records cannot be copied")?;
            files.push(StateFile { path, ..database });
        }
        // After the records: the key that they are sealed with was there before them.
        if is_there(&key.path)? {
            files.push(key);
        }
        Ok(Self { files, _made: made })
    }
}

/// Where the files belong.
pub(super) fn places(config: &Config, data_dir: &Path) -> [StateFile; 2] {
    [
        StateFile { name: "records.sqlite", path: config.records(data_dir).path },
        StateFile { name: "encryption.key", path: sealing_key::place(data_dir) },
    ]
}

/// True when they are in PostgreSQL.
pub(super) fn records_are_elsewhere(config: &Config) -> bool {
    config.records(&config.server.data_dir).url.is_some()
}

fn is_there(path: &Path) -> anyhow::Result<bool> {
    path.try_exists().with_context(|| format!("{} cannot be read", path.display()))
}

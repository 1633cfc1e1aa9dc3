//! Copies of a server's log, lake and state in another place, and the way back.
//!
//! A backup exists when its record is written, which is after every object that it names has been written, synced and read
//! again. Files of the lake never change, so backups of one place share them: the next one copies only what is new.
//!
//! ```text
//! observatory-backups.json            what this place is
//! 20261124T023000Z/backup.json        the record: every object, its size and SHA-256
//! 20261124T023000Z/manifest/…         what makes the files below a lake again
//! 20261124T023000Z/wal/…              rows that were not in the lake yet
//! 20261124T023000Z/state/…            what is neither: the products' own records, and the key they are sealed with
//! files/acme/spans/2026-11-24/….parquet   shared by all backups
//! ```

mod error;
mod keep;
mod log;
mod place;
mod progress;
mod record;
mod repository;
mod restore;
mod state;
mod take;
mod verify;

pub use error::BackupError;
pub use keep::Keep;
pub use place::Place;
pub use progress::{Progress, Watch};
pub use record::{BackupId, Record};
pub use repository::Repository;
pub use restore::{Target, restore};
pub use state::StateFile;
pub use take::{OpenLake, Source, take};
pub use verify::verify;

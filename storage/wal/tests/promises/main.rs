//! What the log promises, seen through its public face and the files it leaves.

#![allow(missing_docs)]

mod appends;
mod cuts;
mod damage;
mod failures;

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tempfile::TempDir;
use wal::{AppendError, Config, Position, Replayed, Wal};

/// Bytes of the headers on disk, part of the format.
const SEGMENT_HEADER: usize = 24;
const FRAME_HEADER: usize = 24;

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

fn open(directory: &Path, config: Config) -> (Wal, Vec<Replayed>) {
    let (wal, replay) = Wal::open(directory, config).expect("the log opens");
    let replayed = replay.collect::<Result<_, _>>().expect("the log is readable");
    (wal, replayed)
}

fn replay(directory: &Path) -> Vec<Replayed> {
    open(directory, Config::default()).1
}

/// Appends one frame and waits for its position.
fn append(wal: &Wal, payload: &[u8]) -> Result<Position, AppendError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(wal.append(vec![Bytes::copy_from_slice(payload)], |_| {}))
}

/// Makes a log of these frames and closes it.
fn fill<P: AsRef<[u8]>>(directory: &Path, config: Config, payloads: &[P]) {
    let (wal, _) = open(directory, config);
    for payload in payloads {
        append(&wal, payload.as_ref()).expect("appended");
    }
    wal.close().expect("closed");
}

fn frame(position: u64, payload: &[u8]) -> Replayed {
    Replayed::Frame { position: Position(position), payload: Bytes::copy_from_slice(payload) }
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("readable");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wal"));
    paths.sort();
    paths
}

fn only_segment(directory: &Path) -> PathBuf {
    let segments = segments(directory);
    assert_eq!(segments.len(), 1, "{segments:?}");
    segments[0].clone()
}

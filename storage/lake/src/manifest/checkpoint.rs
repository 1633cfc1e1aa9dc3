//! Sums of the log, so that a start reads a few objects and not every commit since the beginning.
//!
//! A checkpoint names chunks of file entries. A chunk is never changed: entries since the last checkpoint become a new one, and chunks
//! of similar size are merged, so each entry is written a logarithmic number of times over the years.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use store::{SegmentId, StoreError};
use uuid::Uuid;

use super::state::{Gone, State, Watermark};
use super::{FOLDER, FileEntry, Tombstone, from_json, to_json};
use crate::depot::Depot;

/// Commits and checkpoints that a newer checkpoint replaces stay this long for writers that have not seen it.
const REPLACED_KEPT: Duration = Duration::from_secs(24 * 3600);
/// A manifest chunk this large is left alone.
const CHUNK_FILES_MAX: usize = 16_384;
const ZSTD_LEVEL: i32 = 3;

const CHECKPOINT: &str = ".checkpoint.json";
const COMMIT: &str = ".commit.json";
const CHUNK: &str = ".chunk.json.zst";

/// The object that is a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
struct Checkpoint {
    version: u64,
    chunks: Vec<String>,
    watermarks: Vec<Watermark>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<Gone>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tombstones: Vec<Tombstone>,
}

impl Checkpoint {
    /// The object that says the state, and its place.
    fn of(state: &State, chunks: &[Chunk], tombstones: Vec<Tombstone>) -> (Path, Bytes) {
        let names = chunks.iter().map(|chunk| chunk.name.clone()).collect();
        let (watermarks, gone) = (state.watermarks(), state.gone());
        let checkpoint = Checkpoint { version: state.version, chunks: names, watermarks, gone, tombstones };
        (Path::from(format!("{FOLDER}/{:020}{CHECKPOINT}", state.version)), to_json(&checkpoint))
    }
}

/// The objects of a manifest that begins with this state, the one that makes it so last. Files that were taken out before
/// are not part of it: a copy does not have them.
pub(crate) fn written_out(state: &State) -> Result<Vec<(Path, Bytes)>, StoreError> {
    let chunk = Chunk::new(state.files().cloned().collect());
    let of_chunk = (Chunk::path(&chunk.name), chunk.packed()?);
    Ok(vec![of_chunk, Checkpoint::of(state, &[chunk], Vec::new())])
}

#[derive(Clone, Debug)]
struct Chunk {
    name: String,
    files: Vec<Arc<FileEntry>>,
}

/// The chunks of the last checkpoint.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    chunks: Vec<Chunk>,
}

impl Checkpoints {
    /// The newest checkpoint, and the state it says.
    pub(crate) async fn load(depot: &Depot) -> Result<(State, Self), StoreError> {
        let objects = depot.list(&Path::from(FOLDER)).await?;
        let newest =
            objects.iter().map(|object| &object.location).filter(|path| path.as_ref().ends_with(CHECKPOINT)).max();
        let Some(path) = newest else { return Ok((State::default(), Self::default())) };
        let bytes = read(depot, path).await?;
        let checkpoint: Checkpoint = from_json(path, &bytes)?;
        let mut chunks = Vec::with_capacity(checkpoint.chunks.len());
        for name in checkpoint.chunks {
            chunks.push(Chunk::load(depot, name).await?);
        }
        let files: Vec<_> = chunks.iter().flat_map(|chunk| chunk.files.iter().cloned()).collect();
        let Checkpoint { version, watermarks, gone, tombstones, .. } = checkpoint;
        let state = State::restore(version, &files, &watermarks, &gone).with_tombstones(tombstones);
        Ok((state, Self { chunks }))
    }

    /// Writes the state as a checkpoint and removes what it replaces.
    pub(crate) async fn write(&mut self, depot: &Depot, state: &State) -> Result<(), StoreError> {
        let chunks = self.next_chunks(state);
        let known: HashSet<&str> = self.chunks.iter().map(|chunk| chunk.name.as_str()).collect();
        for chunk in chunks.iter().filter(|chunk| !known.contains(chunk.name.as_str())) {
            chunk.store(depot).await?;
        }
        let (path, checkpoint) = Checkpoint::of(state, &chunks, state.tombstones().cloned().collect());
        depot.put(&path, checkpoint).await?;
        self.chunks = chunks;
        self.remove_replaced(depot, state.version).await
    }

    fn next_chunks(&self, state: &State) -> Vec<Chunk> {
        let live: HashSet<SegmentId> = state.files().map(|file| file.id).collect();
        let mut chunks: Vec<Chunk> = self.chunks.iter().filter_map(|chunk| chunk.without_removed(&live)).collect();
        let known: HashSet<SegmentId> =
            chunks.iter().flat_map(|chunk| chunk.files.iter().map(|file| file.id)).collect();
        let mut newest = Chunk::new(state.files().filter(|file| !known.contains(&file.id)).cloned().collect());
        while let Some(before) =
            chunks.pop_if(|before| before.files.len() < 2 * newest.files.len() && newest.files.len() < CHUNK_FILES_MAX)
        {
            newest = Chunk::new(before.files.into_iter().chain(newest.files).collect());
        }
        chunks.push(newest);
        chunks
    }

    async fn remove_replaced(&self, depot: &Depot, version: u64) -> Result<(), StoreError> {
        let objects = depot.list(&Path::from(FOLDER)).await?;
        // The medium's own clock: the newest object was written just now.
        let Some(now) = objects.iter().map(|object| object.last_modified).max() else { return Ok(()) };
        let old = |object: &&ObjectMeta| (now - object.last_modified).to_std().is_ok_and(|age| age > REPLACED_KEPT);
        for object in objects.iter().filter(old) {
            if self.replaces(object.location.filename().unwrap_or_default(), version) {
                depot.delete(&object.location).await?;
            }
        }
        Ok(())
    }

    /// True when nobody who starts from the checkpoint of `version` asks for the object.
    fn replaces(&self, name: &str, version: u64) -> bool {
        let of_version = |suffix| name.strip_suffix(suffix).and_then(|number| number.parse::<u64>().ok());
        if let Some(chunk) = name.strip_suffix(CHUNK) {
            return self.chunks.iter().all(|kept| kept.name != chunk);
        }
        of_version(COMMIT).is_some_and(|commit| commit <= version)
            || of_version(CHECKPOINT).is_some_and(|checkpoint| checkpoint < version)
    }
}

impl Chunk {
    fn new(files: Vec<Arc<FileEntry>>) -> Self {
        Self { name: Uuid::now_v7().simple().to_string(), files }
    }

    /// The chunk itself, a shorter one when some of its files are no longer in the lake, or none when all are gone.
    fn without_removed(&self, live: &HashSet<SegmentId>) -> Option<Self> {
        let kept: Vec<_> = self.files.iter().filter(|file| live.contains(&file.id)).cloned().collect();
        match kept.len() {
            0 => None,
            unchanged if unchanged == self.files.len() => Some(self.clone()),
            _ => Some(Self::new(kept)),
        }
    }

    async fn load(depot: &Depot, name: String) -> Result<Self, StoreError> {
        let path = Self::path(&name);
        let bytes = read(depot, &path).await?;
        let json = zstd::decode_all(bytes.as_ref()).map_err(|cause| StoreError::damaged(path.to_string(), cause))?;
        Ok(Self { name, files: from_json(&path, &json)? })
    }

    async fn store(&self, depot: &Depot) -> Result<(), StoreError> {
        depot.put(&Self::path(&self.name), self.packed()?).await
    }

    fn packed(&self) -> Result<Bytes, StoreError> {
        let json = to_json(&self.files);
        let packed = zstd::encode_all(json.as_ref(), ZSTD_LEVEL);
        Ok(packed.map_err(|cause| StoreError::unwritable("zstd", cause))?.into())
    }

    fn path(name: &str) -> Path {
        Path::from(format!("{FOLDER}/{name}{CHUNK}"))
    }
}

async fn read(depot: &Depot, path: &Path) -> Result<Bytes, StoreError> {
    depot.get(path).await?.ok_or_else(|| StoreError::damaged("the lake's manifest", format!("{path} is missing")))
}

//! What a file's rows hold, kept outside the file: trace ids, values of attributes, words of texts.
//!
//! Indexes are not the data: one that is missing or damaged costs time, never rows and never the query.
//! `docs/adr/0013-indexes.md` tells why they look as they do.

mod ask;
mod bits;
mod blocks;
mod build;
mod cache;
mod chapter;
mod config;
mod format;
mod terms;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use parking_lot::Mutex;
use parquet::bloom_filter::Sbbf;
use store::{SegmentId, StoreError};

pub(crate) use self::ask::Asked;
pub(crate) use self::blocks::BlockSet;
pub(crate) use self::build::{Builder, Index};
pub(crate) use self::cache::IndexFigures;
pub use self::config::{IndexConfig, IndexScope};
pub(crate) use self::format::IndexSize;

use self::cache::{Cache, Name, Part};
use self::format::Contents;
use self::terms::{Section, Term};
use crate::depot::Depot;
use crate::manifest::FileEntry;
use crate::telemetry;

/// An index up to this size is read at once.
const READ_WHOLE_BYTES: u64 = 64 << 10;
/// Files whose index was complained about that are remembered, so that each is said once.
const COMPLAINTS_MAX: usize = 10_000;

/// The index's own object, beside the file.
pub(crate) fn path_of(file: &Path) -> Path {
    beside(file, "index")
}

/// The trace filter that files of earlier versions have beside them.
pub(crate) fn trace_filter_path_of(file: &Path) -> Path {
    beside(file, "traces")
}

fn beside(file: &Path, extension: &str) -> Path {
    Path::from(format!("{}.{extension}", file.as_ref().trim_end_matches(".parquet")))
}

/// Indexes of the lake's files, read part by part when first asked.
#[derive(Debug)]
pub(crate) struct Indexes {
    depot: Arc<Depot>,
    cache: Cache,
    complaints: Mutex<HashSet<SegmentId>>,
}

impl Indexes {
    pub(crate) fn new(depot: Arc<Depot>, cache_bytes_max: u64) -> Self {
        Self { depot, cache: Cache::new(cache_bytes_max), complaints: Mutex::default() }
    }

    /// The blocks of the file that may hold what is asked; `None` for all of them.
    pub(crate) async fn find(&self, file: &FileEntry, asked: &Asked) -> Option<BlockSet> {
        let found = match (file.index, file.trace_filter_bytes) {
            (Some(size), _) => self.search(file, size, asked).await,
            (None, Some(bytes)) if asked.names_traces() => self.search_filter(file, bytes, asked).await,
            _ => Ok(None),
        };
        found.unwrap_or_else(|cause| {
            self.complain(file, &cause);
            None
        })
    }

    /// What indexes have cost and spared.
    pub(crate) fn figures(&self) -> IndexFigures {
        self.cache.figures()
    }

    async fn search(&self, file: &FileEntry, size: IndexSize, asked: &Asked) -> Result<Option<BlockSet>, StoreError> {
        let (contents, whole) = self.contents(file, size).await?;
        let on_shelf = |term: &Term| Some((term.section, contents.shelf_of(term.section, term.hash)?));
        let shelves: HashSet<(Section, u64)> = asked.terms().iter().filter_map(on_shelf).collect();
        let shelves = self.shelves(file, &contents, whole.as_ref(), shelves).await?;
        let mut found: HashMap<Term, BlockSet> = HashMap::new();
        for term in asked.terms() {
            let Some(shelf) = on_shelf(&term).and_then(|place| shelves.get(&place)) else { continue };
            let blocks = contents.find(term.section, term.hash, shelf);
            found.insert(term, blocks.ok_or_else(|| damaged(file, "a shelf's checksum is wrong"))?);
        }
        Ok(asked.blocks(&|term| found.get(term).cloned()))
    }

    async fn contents(&self, file: &FileEntry, size: IndexSize) -> Result<(Arc<Contents>, Option<Bytes>), StoreError> {
        if let Some(Part::Contents(contents, whole)) = self.cache.get(file.id, Name::Contents) {
            return Ok((contents, whole));
        }
        let path = path_of(&file.path);
        let start = size.bytes.checked_sub(size.contents_bytes);
        let start = start.ok_or_else(|| damaged(file, "the manifest's sizes of it make no sense"))?;
        let read_whole = size.bytes <= READ_WHOLE_BYTES;
        let range = if read_whole { 0..size.bytes } else { start..size.bytes };
        let [read] = self.depot.get_parts(&path, std::slice::from_ref(&range)).await?.try_into().expect("one part");
        let end = format::slice(&read, &(start - range.start..size.bytes - range.start));
        let end = end.ok_or_else(|| damaged(file, "it is cut short"))?;
        let contents = Contents::read(&end, file.rows).map_err(|what| damaged(file, &what))?;
        let (contents, whole) = (Arc::new(contents), read_whole.then_some(read));
        self.cache.put(file.id, Name::Contents, Part::Contents(Arc::clone(&contents), whole.clone()));
        Ok((contents, whole))
    }

    /// The shelves, those that are not in memory by one request.
    async fn shelves(
        &self,
        file: &FileEntry,
        contents: &Contents,
        whole: Option<&Bytes>,
        wanted: HashSet<(Section, u64)>,
    ) -> Result<HashMap<(Section, u64), Bytes>, StoreError> {
        let mut shelves = HashMap::new();
        let (mut missing, mut ranges) = (Vec::new(), Vec::new());
        for (section, number) in wanted {
            let range = contents.range(section, number).ok_or_else(|| damaged(file, "a shelf is missing"))?;
            if let Some(whole) = whole {
                let shelf = format::slice(whole, &range).ok_or_else(|| damaged(file, "a shelf is cut short"))?;
                shelves.insert((section, number), shelf);
            } else if let Some(Part::Shelf(shelf)) = self.cache.get(file.id, Name::Shelf(section, number)) {
                shelves.insert((section, number), shelf);
            } else {
                missing.push((section, number));
                ranges.push(range);
            }
        }
        if missing.is_empty() {
            return Ok(shelves);
        }
        for ((section, number), read) in
            missing.into_iter().zip(self.depot.get_parts(&path_of(&file.path), &ranges).await?)
        {
            // What was read may be a part of more, which is not to stay in memory.
            let shelf = Bytes::copy_from_slice(&read);
            self.cache.put(file.id, Name::Shelf(section, number), Part::Shelf(shelf.clone()));
            shelves.insert((section, number), shelf);
        }
        Ok(shelves)
    }

    async fn search_filter(&self, file: &FileEntry, bytes: u64, asked: &Asked) -> Result<Option<BlockSet>, StoreError> {
        let filter = match self.cache.get(file.id, Name::TraceFilter) {
            Some(Part::TraceFilter(filter)) => filter,
            _ => self.load_filter(file, bytes).await?,
        };
        let may_be = asked.may_be(&|id| filter.check(id.as_slice()));
        Ok((!may_be).then(|| BlockSet::none_of(0)))
    }

    async fn load_filter(&self, file: &FileEntry, bytes: u64) -> Result<Arc<Sbbf>, StoreError> {
        let bitset = self.depot.get(&trace_filter_path_of(&file.path)).await?;
        let bitset = bitset.filter(|bitset| bitset.len() as u64 == bytes);
        let bitset = bitset.ok_or_else(|| damaged(file, "the trace filter is missing or cut short"))?;
        let filter = Arc::new(Sbbf::new(&bitset));
        self.cache.put(file.id, Name::TraceFilter, Part::TraceFilter(Arc::clone(&filter)));
        Ok(filter)
    }

    fn complain(&self, file: &FileEntry, cause: &StoreError) {
        let mut complaints = self.complaints.lock();
        if complaints.len() < COMPLAINTS_MAX && complaints.insert(file.id) {
            telemetry::index_unusable(file, cause);
        }
    }
}

fn damaged(file: &FileEntry, what: &str) -> StoreError {
    StoreError::damaged(path_of(&file.path).to_string(), what.to_owned())
}

#[cfg(test)]
mod tests;

//! Rows that are durable in the log but not yet in the store.
//!
//! Requests enter in the order of the log, on its writer thread, so a segment always holds every row of its
//! table between its first and last position. A row leaves only after the store shows it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Batch, Signal, Tenant};
use parking_lot::Mutex;
use store::rollup::Summed;
use store::{Origin, Segment, SegmentId, WriterId};

use crate::budget::Room;

/// Below this many rows a batch is small: it will be merged with its neighbours.
const SMALL_BATCH_ROWS: usize = 256;
/// This many small batches in a row are merged into one, so that each row is copied once or twice, not each time.
const SMALL_BATCHES_MAX: usize = 32;

/// One tenant's table of one signal.
pub(crate) type TableKey = (Tenant, Signal);

/// The live rows of all tables.
#[derive(Debug)]
pub(crate) struct Live {
    writer: WriterId,
    segment_bytes: usize,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    by_key: HashMap<TableKey, LiveTable>,
    /// Every request up to here has been pushed.
    last: u64,
}

#[derive(Debug, Default)]
struct LiveTable {
    /// Waiting for the store, oldest first.
    sealed: VecDeque<Sealed>,
    open: Option<OpenSegment>,
}

#[derive(Debug)]
struct OpenSegment {
    origin: Origin,
    since: Instant,
    batches: Vec<Batch>,
    /// The same batches of spans, each to be summed on its own; nothing of other signals.
    summed: Vec<Arc<Summed>>,
    bytes: usize,
    room: Room,
}

/// A segment on its way to the store.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) segment: Arc<Segment>,
    /// When its first row came.
    since: Instant,
    /// All rows of spans, to be summed at once: fewer sums to read than one for each batch.
    summed: Option<Arc<Summed>>,
    /// Held as long as the rows are.
    room: Arc<Room>,
}

/// Sums over all tables, for metrics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LiveSize {
    pub(crate) rows: usize,
    pub(crate) sealed_segments: usize,
}

/// Rows of one table that are not in the store yet, as `system.segments` shows them.
#[derive(Clone, Debug)]
pub struct SegmentStatus {
    /// Whose rows.
    pub tenant: Tenant,
    /// Which table.
    pub signal: Signal,
    /// False: it still takes rows. True: it waits for the store.
    pub is_sealed: bool,
    /// Number of rows.
    pub rows: usize,
    /// Memory held, in bytes.
    pub bytes: usize,
    /// Time since its first row came.
    pub age: Duration,
}

impl Live {
    pub(crate) fn new(writer: WriterId, segment_bytes: usize) -> Self {
        Self { writer, segment_bytes, tables: Mutex::default() }
    }

    pub(crate) fn writer(&self) -> WriterId {
        self.writer
    }

    /// Adds a request's rows. True when a segment became full and was sealed.
    pub(crate) fn push(&self, tenant: &Tenant, position: u64, batches: Vec<Batch>, mut room: Room) -> bool {
        let mut tables = self.tables.lock();
        tables.last = position;
        let mut sealed = false;
        for batch in batches {
            let room = room.split(batch.byte_size());
            let table = tables.by_key.entry((tenant.clone(), batch.signal())).or_default();
            table.push(self.writer, position, batch, room);
            sealed |= table.seal_when(tenant, |open| open.bytes >= self.segment_bytes);
        }
        sealed
    }

    /// Seals every segment whose first row came at least `age` ago.
    pub(crate) fn seal_aged(&self, age: Duration) {
        for ((tenant, _), table) in self.tables.lock().by_key.iter_mut() {
            table.seal_when(tenant, |open| open.since.elapsed() >= age);
        }
    }

    /// Seals the largest open segment, if nothing waits for the store yet: the way out of a full memory that many small
    /// tables share.
    pub(crate) fn seal_largest(&self) {
        let mut tables = self.tables.lock();
        if tables.by_key.values().any(|table| !table.sealed.is_empty()) {
            return;
        }
        let largest =
            tables.by_key.iter_mut().max_by_key(|(_, table)| table.open.as_ref().map_or(0, |open| open.bytes));
        if let Some(((tenant, _), table)) = largest {
            table.seal_when(tenant, |_| true);
        }
    }

    /// The oldest segment of each table that waits for the store.
    pub(crate) fn waiting(&self) -> Vec<Sealed> {
        self.tables.lock().by_key.values().filter_map(|table| table.sealed.front().cloned()).collect()
    }

    /// Lets go of a segment that the store shows now.
    pub(crate) fn forget(&self, kept: &Segment) {
        let mut tables = self.tables.lock();
        let key = (kept.tenant.clone(), kept.signal);
        if let Some(table) = tables.by_key.get_mut(&key) {
            table.sealed.retain(|sealed| sealed.segment.id != kept.id);
            if table.sealed.is_empty() && table.open.is_none() {
                tables.by_key.remove(&key);
            }
        }
    }

    /// Rows of a table after `kept_through`, shared, not copied.
    pub(crate) fn rows_after(
        &self,
        key: &TableKey,
        kept_through: impl FnOnce() -> Result<u64, store::StoreError>,
    ) -> Result<LiveRows, store::StoreError> {
        let parts = self.tables.lock().by_key.get(key).map(LiveTable::parts).unwrap_or_default();
        // Asked for after the live rows were taken: a segment that moves in between is in both, never in none.
        let kept_through = kept_through()?;
        let mut rows = LiveRows::default();
        for part in parts.into_iter().filter(|part| part.through > kept_through) {
            rows.batches.extend(part.rows.batches);
            rows.summed.extend(part.rows.summed);
        }
        Ok(rows)
    }

    /// The store has all rows at or below this position.
    ///
    /// Not the last position of the log: a request that is durable but not pushed yet is in neither memory nor store.
    pub(crate) fn stored_through(&self) -> u64 {
        let tables = self.tables.lock();
        let first_live = tables.by_key.values().filter_map(LiveTable::first_position).min();
        first_live.map_or(tables.last, |first| first - 1)
    }

    /// What waits for the store and what still takes rows, of one tenant or of all.
    pub(crate) fn segments(&self, tenant: Option<&Tenant>) -> Vec<SegmentStatus> {
        let tables = self.tables.lock();
        let asked = tables.by_key.iter().filter(|((of, _), _)| tenant.is_none_or(|tenant| tenant == of));
        asked.flat_map(|((of, signal), table)| table.segments(of, *signal)).collect()
    }

    /// Sums over all tables.
    pub(crate) fn size(&self) -> LiveSize {
        self.tables.lock().by_key.values().fold(LiveSize::default(), |size, table| LiveSize {
            rows: size.rows + table.rows(),
            sealed_segments: size.sealed_segments + table.sealed.len(),
        })
    }
}

/// A run of live rows that moves to the store as one.
struct Part {
    through: u64,
    rows: LiveRows,
}

/// Live rows of one table.
#[derive(Debug, Default)]
pub(crate) struct LiveRows {
    pub(crate) batches: Vec<Batch>,
    /// The same rows, if they are spans.
    pub(crate) summed: Vec<Arc<Summed>>,
}

impl LiveTable {
    fn push(&mut self, writer: WriterId, position: u64, batch: Batch, room: Room) {
        let bytes = batch.byte_size();
        match &mut self.open {
            Some(open) => {
                open.origin.through = position;
                open.bytes += bytes;
                open.room.grow(room);
                open.push(batch);
                open.merge_small();
            }
            none => {
                let origin = Origin { writer, first: position, through: position };
                let (batches, summed) = (Vec::new(), Vec::new());
                none.insert(OpenSegment { origin, since: Instant::now(), batches, summed, bytes, room }).push(batch);
            }
        }
    }

    fn seal_when(&mut self, tenant: &Tenant, due: impl FnOnce(&OpenSegment) -> bool) -> bool {
        let Some(open) = self.open.take_if(|open| due(open)) else { return false };
        let segment = Segment {
            id: SegmentId::new(),
            tenant: tenant.clone(),
            signal: open.batches[0].signal(),
            origin: open.origin,
            batches: open.batches,
        };
        let summed = (segment.signal == Signal::Spans).then(|| Arc::new(Summed::new(segment.batches.clone())));
        let (segment, room) = (Arc::new(segment), Arc::new(open.room));
        self.sealed.push_back(Sealed { segment, since: open.since, summed, room });
        true
    }

    fn parts(&self) -> Vec<Part> {
        let sealed = self.sealed.iter().map(|sealed| Part {
            through: sealed.segment.origin.through,
            rows: LiveRows { batches: sealed.segment.batches.clone(), summed: sealed.summed.iter().cloned().collect() },
        });
        let open = self.open.iter().map(|open| Part {
            through: open.origin.through,
            rows: LiveRows { batches: open.batches.clone(), summed: open.summed.clone() },
        });
        sealed.chain(open).collect()
    }

    fn segments(&self, tenant: &Tenant, signal: Signal) -> Vec<SegmentStatus> {
        let status = |is_sealed, rows, bytes, since: Instant| SegmentStatus {
            tenant: tenant.clone(),
            signal,
            is_sealed,
            rows,
            bytes,
            age: since.elapsed(),
        };
        let sealed = self.sealed.iter().map(|sealed| status(true, sealed.segment.rows(), sealed.bytes(), sealed.since));
        let open = self
            .open
            .iter()
            .map(|open| status(false, open.batches.iter().map(Batch::rows).sum(), open.bytes, open.since));
        sealed.chain(open).collect()
    }

    fn first_position(&self) -> Option<u64> {
        let sealed = self.sealed.front().map(|sealed| sealed.segment.origin.first);
        sealed.or_else(|| self.open.as_ref().map(|open| open.origin.first))
    }

    fn rows(&self) -> usize {
        let sealed: usize = self.sealed.iter().map(|sealed| sealed.segment.rows()).sum();
        let open = self.open.as_ref().map_or(0, |open| open.batches.iter().map(Batch::rows).sum());
        sealed + open
    }
}

impl OpenSegment {
    fn push(&mut self, batch: Batch) {
        if batch.signal() == Signal::Spans {
            self.summed.push(Arc::new(Summed::new(vec![batch.clone()])));
        }
        self.batches.push(batch);
    }

    /// Merges the small batches at the end: a thousand requests of one row must not become a thousand batches.
    fn merge_small(&mut self) {
        let small = self.batches.iter().rev().take_while(|batch| batch.rows() < SMALL_BATCH_ROWS).count();
        if small < SMALL_BATCHES_MAX {
            return;
        }
        let start = self.batches.len() - small;
        let merged = Batch::concat(self.batches[start].signal(), &self.batches[start..])
            .expect("batches of one signal have the columns of its schema");
        self.bytes =
            self.bytes + merged.byte_size() - self.batches[start..].iter().map(Batch::byte_size).sum::<usize>();
        self.batches.truncate(start);
        self.summed.truncate(start);
        self.push(merged);
    }
}

impl Sealed {
    /// Bytes of the budget that are given back when the last holder is gone.
    pub(crate) fn bytes(&self) -> usize {
        self.room.bytes()
    }
}

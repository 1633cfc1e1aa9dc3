//! Calls, errors and durations by minute between services, databases, queues and hosts.
//!
//! Who calls a service is said by another span, the client's or producer's, which may be in another segment, or still on its way.
//! So rows also hold *halves*: a callee whose caller was not found, and every caller, for there may be callees to come.
//! A half counts as what it is without the other: a callee of nobody known, a caller of a host. `pair` joins halves of
//! several segments, whatever was joined before, and `settle` ends the waiting.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryArray, RecordBatch, StringViewArray,
    TimestampNanosecondArray, UInt32Array,
};
use arrow::compute::{filter_record_batch, interleave, take};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use arrow::error::ArrowError;
use model::{Batch, Rollup, Table, Timestamp};

use super::spans::{Columns, Periods};
use super::sums::{SUM_COLUMNS, SumBuilders, Sums};
use super::texts::{NULL, TextColumn, Texts};
use crate::StoreError;

const EDGES: Rollup = Rollup::ServiceEdges;
const CALLER: &str = "caller";
const CALLEE: &str = "callee";

/// Trace, and the caller's span in it.
type CallId = ([u8; 16], [u8; 8]);

/// One row for each minute and edge, then the halves.
pub(super) fn edges(spans: &[Batch]) -> RecordBatch {
    let mut edges = Edges::new();
    for batch in spans {
        edges.add(batch);
    }
    edges.finish()
}

/// What tells edges apart; texts by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Edge {
    minute: i64,
    source: u32,
    target: u32,
    target_kind: u32,
    system: u32,
    kind: u32,
    environment: u32,
}

/// A span that waits for another.
#[derive(Clone, Copy, Debug)]
struct Half {
    edge: Edge,
    id: CallId,
    duration: i64,
    is_error: bool,
    /// As long as nobody has answered it, a call is one of a host.
    counts: bool,
}

/// Numbers of the words that rows are told apart by.
#[derive(Clone, Copy, Debug)]
struct Words {
    server: u32,
    client: u32,
    producer: u32,
    consumer: u32,
    service: u32,
    database: u32,
    queue: u32,
    host: u32,
    error: u32,
}

impl Words {
    fn new(texts: &mut Texts) -> Self {
        Self {
            server: texts.number("server"),
            client: texts.number("client"),
            producer: texts.number("producer"),
            consumer: texts.number("consumer"),
            service: texts.number("service"),
            database: texts.number("database"),
            queue: texts.number("queue"),
            host: texts.number("host"),
            error: texts.number("error"),
        }
    }
}

#[derive(Debug)]
struct Edges {
    texts: Texts,
    words: Words,
    settled: HashMap<Edge, Sums, RandomState>,
    callers: Vec<Half>,
    callees: Vec<Half>,
}

impl Edges {
    fn new() -> Self {
        let mut texts = Texts::default();
        let words = Words::new(&mut texts);
        Self { texts, words, settled: HashMap::default(), callers: Vec::new(), callees: Vec::new() }
    }

    fn add(&mut self, spans: &Batch) {
        let columns = Columns::of(spans);
        let mut read = SpanReader::of(&columns);
        let (times, mut minutes) = (columns.times(), Periods::new(EDGES));
        let durations = columns.integers("duration_ns").expect("the duration is required").values();
        for (row, (time, duration)) in times.iter().zip(durations).enumerate() {
            let kind = read.kind.number(row, &mut self.texts);
            let Words { server, client, producer, consumer, .. } = self.words;
            if ![server, client, producer, consumer].contains(&kind) {
                continue;
            }
            let span = read.span(row, kind, minutes.of(*time), &mut self.texts);
            let is_error = read.status.number(row, &mut self.texts) == self.words.error;
            self.add_span(&span, *duration, is_error);
        }
    }

    fn add_span(&mut self, span: &Span, duration: i64, is_error: bool) {
        let words = self.words;
        let Span { edge, .. } = *span;
        let is_caller = edge.kind == words.client || edge.kind == words.producer;
        let is_queue = edge.kind == words.producer || (edge.kind != words.server && span.queue_system != NULL);
        if edge.kind == words.client && span.database_system != NULL {
            let target = if span.database == NULL { span.database_system } else { span.database };
            let edge = Edge { target, target_kind: words.database, system: span.database_system, ..edge };
            self.settled.entry(edge).or_default().add(duration, is_error);
            return;
        }
        if is_queue {
            let target = if span.queue == NULL { span.queue_system } else { span.queue };
            let edge = Edge { target, target_kind: words.queue, system: span.queue_system, ..edge };
            self.settled.entry(edge).or_default().add(duration, is_error);
        }
        if is_caller {
            let target = if span.peer == NULL { span.address } else { span.peer };
            let edge = Edge { target, target_kind: words.host, ..edge };
            self.callers.push(Half { edge, id: (span.trace, span.id), duration, is_error, counts: !is_queue });
            return;
        }
        let edge = Edge { source: NULL, target: edge.source, target_kind: words.service, ..edge };
        match span.parent {
            Some(parent) => {
                self.callees.push(Half { edge, id: (span.trace, parent), duration, is_error, counts: true });
            }
            None => self.settled.entry(edge).or_default().add(duration, is_error),
        }
    }

    /// Joins what is here already; the others stay halves.
    fn join(&mut self) {
        let Self { settled, callers, callees, .. } = self;
        let mut by_id: HashMap<CallId, (u32, bool), RandomState> = HashMap::default();
        for caller in callers.iter() {
            by_id.entry(caller.id).or_insert((caller.edge.source, false));
        }
        callees.retain(|callee| {
            let Some((source, is_answered)) = by_id.get_mut(&callee.id) else { return true };
            *is_answered = true;
            let edge = Edge { source: *source, ..callee.edge };
            settled.entry(edge).or_default().add(callee.duration, callee.is_error);
            false
        });
        for caller in callers {
            caller.counts &= !by_id[&caller.id].1;
        }
    }

    fn finish(mut self) -> RecordBatch {
        self.join();
        let Self { texts, settled, callers, callees, .. } = self;
        let mut rows = Rows::default();
        let mut sums = SumBuilders::with_capacity(settled.len() + callers.len() + callees.len());
        for (edge, sum) in &settled {
            rows.push(*edge, None);
            sums.append(sum);
        }
        for (word, halves) in [(CALLER, callers), (CALLEE, callees)] {
            for half in halves {
                let mut sum = Sums::default();
                if half.counts {
                    sum.add(half.duration, half.is_error);
                }
                rows.push(half.edge, Some((word, half.id)));
                sums.append(&sum);
            }
        }
        rows.finish(&texts, sums)
    }
}

/// A span that begins or ends an edge.
struct Span {
    /// From the span's service, to nowhere yet.
    edge: Edge,
    trace: [u8; 16],
    id: [u8; 8],
    parent: Option<[u8; 8]>,
    database: u32,
    database_system: u32,
    queue: u32,
    queue_system: u32,
    address: u32,
    peer: u32,
}

struct SpanReader<'a> {
    kind: TextColumn<'a>,
    status: TextColumn<'a>,
    service: TextColumn<'a>,
    environment: TextColumn<'a>,
    database: TextColumn<'a>,
    database_system: TextColumn<'a>,
    queue: TextColumn<'a>,
    queue_system: TextColumn<'a>,
    address: TextColumn<'a>,
    peer: TextColumn<'a>,
    trace: &'a FixedSizeBinaryArray,
    id: &'a FixedSizeBinaryArray,
    parent: Option<&'a FixedSizeBinaryArray>,
}

impl<'a> SpanReader<'a> {
    fn of(columns: &Columns<'a>) -> Self {
        Self {
            kind: columns.texts("kind"),
            status: columns.texts("status_code"),
            service: columns.texts("service_name"),
            environment: columns.texts("deployment_environment_name"),
            database: columns.texts("db_namespace"),
            database_system: columns.texts("db_system_name"),
            queue: columns.texts("messaging_destination_name"),
            queue_system: columns.texts("messaging_system"),
            address: columns.texts("server_address"),
            peer: columns.texts("peer_service"),
            trace: columns.ids("trace_id").expect("the trace is required"),
            id: columns.ids("span_id").expect("the span's id is required"),
            parent: columns.ids("parent_span_id"),
        }
    }

    fn span(&mut self, row: usize, kind: u32, minute: i64, texts: &mut Texts) -> Span {
        let (source, environment) = (self.service.number(row, texts), self.environment.number(row, texts));
        let edge = Edge { minute, source, target: NULL, target_kind: NULL, system: NULL, kind, environment };
        let parent = self.parent.filter(|parents| parents.is_valid(row));
        Span {
            edge,
            trace: bytes(self.trace, row),
            id: bytes(self.id, row),
            parent: parent.map(|parents| bytes(parents, row)),
            database: self.database.number(row, texts),
            database_system: self.database_system.number(row, texts),
            queue: self.queue.number(row, texts),
            queue_system: self.queue_system.number(row, texts),
            address: self.address.number(row, texts),
            peer: self.peer.number(row, texts),
        }
    }
}

fn bytes<const WIDTH: usize>(ids: &FixedSizeBinaryArray, row: usize) -> [u8; WIDTH] {
    ids.value(row).try_into().expect("ids have the width of their column")
}

/// Keys of rows that are written.
#[derive(Debug, Default)]
struct Rows {
    edges: Vec<Edge>,
    halves: Vec<Option<(&'static str, CallId)>>,
}

impl Rows {
    fn push(&mut self, edge: Edge, half: Option<(&'static str, CallId)>) {
        self.edges.push(edge);
        self.halves.push(half);
    }

    fn finish(self, texts: &Texts, sums: SumBuilders) -> RecordBatch {
        let Self { edges, halves } = self;
        let column = |number: &dyn Fn(&Edge) -> u32| -> ArrayRef {
            Arc::new(StringViewArray::from_iter(edges.iter().map(|edge| texts.text(number(edge)))))
        };
        let minutes = TimestampNanosecondArray::from_iter_values(edges.iter().map(|edge| edge.minute));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(minutes.with_timezone("UTC")),
            column(&|edge| edge.source),
            column(&|edge| edge.target),
            column(&|edge| edge.target_kind),
            column(&|edge| edge.system),
            column(&|edge| edge.kind),
            column(&|edge| edge.environment),
            Arc::new(StringViewArray::from_iter(halves.iter().map(|half| half.map(|(word, _)| word)))),
            ids(16, halves.iter().map(|half| half.map(|(_, (trace, _))| trace))),
            ids(8, halves.iter().map(|half| half.map(|(_, (_, span))| span))),
        ];
        columns.extend(sums.finish());
        RecordBatch::try_new(Arc::clone(&Table::of(EDGES).schema), columns).expect("the columns of the table")
    }
}

fn ids<const WIDTH: usize>(width: i32, ids: impl Iterator<Item = Option<[u8; WIDTH]>>) -> ArrayRef {
    let ids = FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, width);
    Arc::new(ids.expect("ids of one width"))
}

/// Joins callees with callers among the rows: the callee's edge gets its source, the caller no longer counts.
pub(super) fn pair(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let halves = Halves::of(rows);
    let mut callers: HashMap<CallId, (usize, bool), RandomState> = HashMap::default();
    for row in halves.that_are(CALLER) {
        callers.entry(halves.id(row)).or_insert((row, false));
    }
    // Of each row: whose source it has, and whether it is a half still.
    let mut sources: Vec<u32> = (0..rows.num_rows() as u32).collect();
    let mut is_joined = vec![false; rows.num_rows()];
    for row in halves.that_are(CALLEE) {
        if let Some((caller, is_answered)) = callers.get_mut(&halves.id(row)) {
            *is_answered = true;
            sources[row] = u32::try_from(*caller).expect("rows are counted in 32 bits");
            is_joined[row] = true;
        }
    }
    let mut is_answered = vec![false; rows.num_rows()];
    for row in halves.that_are(CALLER) {
        is_answered[row] = callers[&halves.id(row)].1;
    }
    let source = take(rows.column(column("source")), &UInt32Array::from(sources), None)?;
    let mut columns = without_half(rows, &is_joined)?;
    columns[column("source")] = source;
    without_calls(&mut columns, &is_answered)?;
    RecordBatch::try_new(rows.schema(), columns)
}

/// Ends the waiting of halves from before this time: what has found nobody counts as it is, for ever.
///
/// # Errors
/// When the rows are not those of edges.
pub fn settle(rows: &RecordBatch, before: Timestamp) -> Result<RecordBatch, StoreError> {
    let halves = Halves::of(rows);
    let minutes = rows.column(0).as_primitive::<TimestampNanosecondType>().values();
    let calls = rows.column(rows.num_columns() - SUM_COLUMNS).as_primitive::<Int64Type>().values();
    let is_due: Vec<bool> =
        (0..rows.num_rows()).map(|row| halves.half.is_valid(row) && minutes[row] < before.0).collect();
    let counts = is_due.iter().zip(calls).map(|(is_due, calls)| !is_due || *calls > 0);
    let settled = || {
        let columns = without_half(rows, &is_due)?;
        filter_record_batch(&RecordBatch::try_new(rows.schema(), columns)?, &counts.map(Some).collect::<BooleanArray>())
    };
    settled().map_err(|cause| StoreError::unwritable("arrow", cause))
}

/// The columns that say of a row which half it is.
struct Halves<'a> {
    half: &'a StringViewArray,
    trace: &'a FixedSizeBinaryArray,
    span: &'a FixedSizeBinaryArray,
}

impl<'a> Halves<'a> {
    fn of(rows: &'a RecordBatch) -> Self {
        Self {
            half: rows.column(column("half")).as_string_view(),
            trace: rows.column(column("trace_id")).as_fixed_size_binary(),
            span: rows.column(column("span_id")).as_fixed_size_binary(),
        }
    }

    fn that_are(&self, word: &str) -> impl Iterator<Item = usize> {
        self.half.iter().enumerate().filter(move |(_, half)| *half == Some(word)).map(|(row, _)| row)
    }

    fn id(&self, row: usize) -> CallId {
        (bytes(self.trace, row), bytes(self.span, row))
    }
}

fn column(name: &str) -> usize {
    Table::of(EDGES).index(name)
}

/// These rows are halves no longer.
fn without_half(rows: &RecordBatch, which: &[bool]) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut columns = rows.columns().to_vec();
    for name in ["half", "trace_id", "span_id"] {
        let place = column(name);
        columns[place] = arrow::compute::nullif(&columns[place], &BooleanArray::from(which.to_vec()))?;
    }
    Ok(columns)
}

/// These rows sum nothing.
fn without_calls(columns: &mut [ArrayRef], which: &[bool]) -> Result<(), ArrowError> {
    let mut nothing = SumBuilders::with_capacity(1);
    nothing.append(&Sums::default());
    let first = columns.len() - SUM_COLUMNS;
    for (place, nothing) in (first..).zip(nothing.finish()) {
        let places: Vec<(usize, usize)> =
            which.iter().enumerate().map(|(row, is_empty)| if *is_empty { (1, 0) } else { (0, row) }).collect();
        columns[place] = interleave(&[columns[place].as_ref(), nothing.as_ref()], &places)?;
    }
    Ok(())
}

//! Calls, errors and durations by minute between services, databases, queues and hosts.
//!
//! Who calls a service is said by another span, the client's or producer's, which may be in another segment, or still on its way.
//! So rows also hold *halves*: a callee whose caller was not found, and every caller, for there may be callees to come.
//! A half counts as what it is without the other: a callee of nobody known, a caller of a host.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, FixedSizeBinaryArray, RecordBatch, StringViewArray, TimestampNanosecondArray};
use model::{Batch, Rollup, Table};

use super::halves::{CALLEE, CALLER, CallId, bytes};
use super::spans::{Columns, Periods};
use super::sums::{SumBuilders, Sums};
use super::texts::{NULL, TextColumn, Texts};

const EDGES: Rollup = Rollup::ServiceEdges;

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
    call: Call,
    /// As long as nobody has answered it, a call is one of a host.
    counts: bool,
}

/// What is summed of a span.
#[derive(Clone, Copy, Debug)]
struct Call {
    duration: i64,
    is_error: bool,
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
            let (kind, words) = (read.kind.number(row, &mut self.texts), self.words);
            let is_caller = kind == words.client || kind == words.producer;
            if !is_caller && kind != words.server && kind != words.consumer {
                continue;
            }
            let edge = read.edge(row, kind, minutes.of(*time), &mut self.texts);
            let call = Call { duration: *duration, is_error: read.status.number(row, &mut self.texts) == words.error };
            let is_settled = kind != words.server && self.add_system(&mut read, row, edge, call);
            match is_caller {
                true => self.add_caller(&mut read, row, edge, call, is_settled),
                false => self.add_callee(&read, row, edge, call),
            }
        }
    }

    /// Adds the edge to the database or queue that the span calls; true when there is one.
    fn add_system(&mut self, read: &mut SpanReader<'_>, row: usize, edge: Edge, call: Call) -> bool {
        let (texts, words) = (&mut self.texts, self.words);
        let database = if edge.kind == words.client { read.database_system.number(row, texts) } else { NULL };
        let (target_kind, system, target) = if database == NULL {
            let system = read.queue_system.number(row, texts);
            if system == NULL && edge.kind != words.producer {
                return false;
            }
            (words.queue, system, read.queue.number(row, texts))
        } else {
            (words.database, database, read.database.number(row, texts))
        };
        let target = if target == NULL { system } else { target };
        self.settle(Edge { target, target_kind, system, ..edge }, call);
        true
    }

    /// Notes a span that others may be called by; nobody is by one that calls a database.
    fn add_caller(&mut self, read: &mut SpanReader<'_>, row: usize, edge: Edge, call: Call, is_settled: bool) {
        let (texts, words) = (&mut self.texts, self.words);
        if is_settled && edge.kind == words.client && read.database_system.number(row, texts) != NULL {
            return;
        }
        let peer = read.peer.number(row, texts);
        let target = if peer == NULL { read.address.number(row, texts) } else { peer };
        let edge = Edge { target, target_kind: words.host, ..edge };
        let id = (bytes(read.trace, row), bytes(read.id, row));
        self.callers.push(Half { edge, id, call, counts: !is_settled });
    }

    /// Notes a span that was called, by whom its parent will tell.
    fn add_callee(&mut self, read: &SpanReader<'_>, row: usize, edge: Edge, call: Call) {
        let edge = Edge { source: NULL, target: edge.source, target_kind: self.words.service, ..edge };
        match read.parent.filter(|parents| parents.is_valid(row)) {
            Some(parents) => {
                let id = (bytes(read.trace, row), bytes(parents, row));
                self.callees.push(Half { edge, id, call, counts: true });
            }
            None => self.settle(edge, call),
        }
    }

    fn settle(&mut self, edge: Edge, call: Call) {
        self.settled.entry(edge).or_default().add(call.duration, call.is_error);
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
            settled.entry(edge).or_default().add(callee.call.duration, callee.call.is_error);
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
                    sum.add(half.call.duration, half.call.is_error);
                }
                rows.push(half.edge, Some((word, half.id)));
                sums.append(&sum);
            }
        }
        rows.finish(&texts, sums)
    }
}

/// The columns of a batch that tell its edges.
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

    /// From the span's service, to nowhere yet.
    fn edge(&mut self, row: usize, kind: u32, minute: i64, texts: &mut Texts) -> Edge {
        let (source, environment) = (self.service.number(row, texts), self.environment.number(row, texts));
        Edge { minute, source, target: NULL, target_kind: NULL, system: NULL, kind, environment }
    }
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

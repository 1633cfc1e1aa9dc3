//! A simulated shop of eleven services, two databases and a queue that reports itself as OTLP.
//! Pure: no IO and no clock, and the same seed with the same steps gives the same bytes.

mod attributes;
mod failures;
mod faults;
mod fleet;
mod instruments;
mod logs;
mod machines;
mod metrics;
mod operations;
mod spans;
mod topology;
mod traces;
mod traffic;

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use self::faults::Faults;
pub use self::faults::{Fault, HEALTHY_FOR};
use self::fleet::{Fleet, Process, ProcessKey, SCHEMA_URL};
use self::logs::Line;
use self::machines::Machines;
use self::metrics::{Meters, Moment};
use self::operations::ENTRANCES;
use self::spans::Finished;
use self::topology::Library;
use self::traces::Trip;
use self::traffic::{SECOND, Visit};

/// Time between two collections of the metrics.
const COLLECT_EVERY: u64 = 10 * SECOND;
/// The first collection comes early, so that every run has some.
const FIRST_COLLECTION: u64 = SECOND;

/// What the shop reported in one step, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// Spans that ended in the step.
    pub traces: ExportTraceServiceRequest,
    /// Log records written in the step.
    pub logs: ExportLogsServiceRequest,
    /// The points of every collection in the step.
    pub metrics: ExportMetricsServiceRequest,
}

/// The shop, between two steps.
#[derive(Debug)]
pub struct Shop {
    rng: ChaCha8Rng,
    seed: u64,
    faults: Vec<Fault>,
    healthy_for: Duration,
    running: Option<Running>,
}

/// What there is once the first step has said what time it is.
#[derive(Debug)]
struct Running {
    fleet: Fleet,
    next_collection: u64,
    /// Ordered by their end; what the steps so far have begun and not yet reported.
    spans: Vec<Finished>,
    /// Ordered by their time.
    lines: Vec<Line>,
    meters: Meters,
    machines: Machines,
    seen: BTreeMap<ProcessKey, Process>,
}

impl Shop {
    /// A shop that opens with its first step; its faults set in [`HEALTHY_FOR`] later.
    pub fn new(seed: u64, faults: &[Fault]) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, seed, faults: faults.to_vec(), healthy_for: HEALTHY_FOR, running: None }
    }

    /// The same with faults that set in so long after it opens.
    #[must_use]
    pub fn healthy_for(self, length: Duration) -> Self {
        Self { healthy_for: length, ..self }
    }

    /// Lets `length` pass from `from_unix_nanos` on, with visitors arriving at this mean rate over a day
    /// (the busiest hour has 1.4 times as many, the quietest 0.6), and returns what was reported meanwhile.
    /// A span is reported when it ends, so a request under way at the end of a step shows in the next ones.
    pub fn step(&mut self, from_unix_nanos: u64, length: Duration, requests_per_second: f64) -> Telemetry {
        let from = from_unix_nanos;
        let until = from + length.as_nanos() as u64;
        let running = self
            .running
            .get_or_insert_with(|| Running::open(self.seed, Faults::new(&self.faults, from, self.healthy_for), from));
        for at in traffic::arrivals(from, until, requests_per_second, &mut self.rng) {
            running.receive(at, &mut self.rng);
        }
        running.report(from, until, &mut self.rng)
    }
}

impl Running {
    fn open(seed: u64, faults: Faults, now: u64) -> Self {
        Self {
            fleet: Fleet { seed, faults },
            next_collection: now + FIRST_COLLECTION,
            spans: Vec::new(),
            lines: Vec::new(),
            meters: Meters::default(),
            machines: Machines::default(),
            seen: BTreeMap::new(),
        }
    }

    /// A visitor comes: all that follows is worked out at once and reported when its time has come.
    fn receive(&mut self, at: u64, rng: &mut ChaCha8Rng) {
        let visit = Visit::draw(rng);
        let (_, entrance) =
            ENTRANCES.choose_weighted(rng, |(weight, _)| *weight).expect("the weights are positive constants");
        let trace = traces::new_trace(&visit, rng);
        let Self { fleet, spans, lines, .. } = self;
        Trip { fleet, rng, visit: &visit, trace, spans, lines }.enter(entrance, at);
    }

    fn report(&mut self, from: u64, until: u64, rng: &mut ChaCha8Rng) -> Telemetry {
        self.spans.sort_by_key(|finished| finished.span.end_time_unix_nano);
        let over = self.spans.partition_point(|finished| finished.span.end_time_unix_nano <= until);
        let resource_metrics = self.measure(from, until, over, rng);
        let spans = self.spans.drain(..over).collect();

        self.lines.sort_by_key(|line| line.record.time_unix_nano);
        let written = self.lines.partition_point(|line| line.record.time_unix_nano <= until);
        let lines = self.lines.drain(..written).collect();

        Telemetry {
            traces: ExportTraceServiceRequest { resource_spans: resource_spans(&self.fleet, spans) },
            logs: ExportLogsServiceRequest { resource_logs: resource_logs(&self.fleet, lines) },
            metrics: ExportMetricsServiceRequest { resource_metrics },
        }
    }

    /// Counts the first `over` spans, with every collection that falls between them.
    fn measure(&mut self, from: u64, until: u64, over: usize, rng: &mut ChaCha8Rng) -> Vec<ResourceMetrics> {
        let mut collected = Vec::new();
        let mut counted = 0;
        self.next_collection = self.next_collection.max(from);
        while self.next_collection <= until {
            let at = self.next_collection;
            while counted < over && self.spans[counted].span.end_time_unix_nano <= at {
                self.meters.record(&self.spans[counted]);
                counted += 1;
            }
            let moment = Moment { at, fleet: &self.fleet, unfinished: &self.spans[counted..] };
            collected.extend(self.meters.collect(&moment, rng));
            collected.extend(self.machines.collect(self.fleet.seed, at));
            self.look_at_processes(at, rng);
            self.next_collection += COLLECT_EVERY;
        }
        self.spans[counted..over].iter().for_each(|finished| self.meters.record(finished));
        collected
    }

    /// Writes what processes say by themselves, and notices those that came and went.
    fn look_at_processes(&mut self, at: u64, rng: &mut ChaCha8Rng) {
        let up: BTreeMap<ProcessKey, Process> =
            self.fleet.processes(at).map(|process| (process.key(), process)).collect();
        for process in up.values() {
            self.lines.extend(logs::background(*process, at, rng));
            if !self.seen.contains_key(&process.key()) {
                self.lines.push(logs::started(*process, self.fleet.version(*process), at));
            }
        }
        for process in self.seen.values().filter(|process| !up.contains_key(&process.key())) {
            if process.life.killed_at.is_some() {
                self.lines.push(logs::killed_for_memory(*process, &self.fleet.pod_name(*process), at));
            }
        }
        self.seen = up;
    }
}

/// Things of one process and one library each, in an order that never changes.
type Grouped<T> = BTreeMap<ProcessKey, (Process, BTreeMap<Library, Vec<T>>)>;

fn group<T>(things: impl Iterator<Item = (Process, Library, T)>) -> Grouped<T> {
    let mut groups = Grouped::new();
    for (process, library, thing) in things {
        let (_, libraries) = groups.entry(process.key()).or_insert_with(|| (process, BTreeMap::new()));
        libraries.entry(library).or_default().push(thing);
    }
    groups
}

fn resource_spans(fleet: &Fleet, finished: Vec<Finished>) -> Vec<ResourceSpans> {
    let groups = group(finished.into_iter().map(|finished| (finished.process, finished.library, finished.span)));
    let of_process = |(process, libraries): (Process, BTreeMap<Library, Vec<Span>>)| ResourceSpans {
        resource: Some(fleet.resource(process)),
        scope_spans: libraries
            .into_iter()
            .map(|(library, spans)| ScopeSpans {
                scope: Some(fleet::scope(process, library)),
                spans,
                schema_url: SCHEMA_URL.to_owned(),
            })
            .collect(),
        schema_url: SCHEMA_URL.to_owned(),
    };
    groups.into_values().map(of_process).collect()
}

fn resource_logs(fleet: &Fleet, lines: Vec<Line>) -> Vec<ResourceLogs> {
    let groups = group(lines.into_iter().map(|line| (line.process, line.library, line.record)));
    let of_process = |(process, libraries): (Process, BTreeMap<Library, Vec<LogRecord>>)| ResourceLogs {
        resource: Some(fleet.resource(process)),
        scope_logs: libraries
            .into_iter()
            .map(|(library, log_records)| ScopeLogs {
                scope: Some(fleet::scope(process, library)),
                log_records,
                schema_url: SCHEMA_URL.to_owned(),
            })
            .collect(),
        schema_url: SCHEMA_URL.to_owned(),
    };
    groups.into_values().map(of_process).collect()
}

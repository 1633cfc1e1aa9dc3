//! `ExportLogsServiceRequest` into rows of `logs`.

use std::sync::LazyLock;

use model::{Signal, Table, Timestamp};

use super::attributes::ItemAttributes;
use super::columns::Columns;
use super::context::{Envelope, Parts, Residue, Resource, Scope};
use super::json_text::Any;
use super::refusals::{Reason, Refusals};
use super::spans::{FAR_FUTURE_NANOS, nanos};
use super::wire::fields;
use super::{DecodeError, Rows, ids};

#[derive(Debug)]
struct Places {
    time: usize,
    observed_time: usize,
    severity_number: usize,
    severity_text: usize,
    body: usize,
    body_type: usize,
    event_name: usize,
    trace_id: usize,
    span_id: usize,
    flags: usize,
    dropped_attributes: usize,
    envelope: Envelope,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let place = |name| Table::of(Signal::Logs).index(name);
    Places {
        time: place("time"),
        observed_time: place("observed_time"),
        severity_number: place("severity_number"),
        severity_text: place("severity_text"),
        body: place("body"),
        body_type: place("body_type"),
        event_name: place("event_name"),
        trace_id: place("trace_id"),
        span_id: place("span_id"),
        flags: place("flags"),
        dropped_attributes: place("dropped_attributes_count"),
        envelope: Envelope::of(Signal::Logs),
    }
});

pub(super) fn decode(body: &[u8], received: Timestamp) -> Result<Rows, DecodeError> {
    let mut logs = Logs::new(body.len(), received);
    for field in fields(body) {
        if let (1, value) = field? {
            logs.resource(value.bytes()?)?;
        }
    }
    Ok(Rows { batches: logs.columns.finish().into_iter().collect(), refusals: logs.refusals })
}

struct Logs<'a> {
    columns: Columns,
    attributes: ItemAttributes<'a>,
    residue: Residue,
    refusals: Refusals,
    received: i64,
    record: Record<'a>,
    body: String,
}

/// The fields of one log record as they were said.
#[derive(Debug, Default)]
struct Record<'a> {
    time: u64,
    observed_time: u64,
    severity_number: i32,
    severity_text: &'a str,
    body: Option<Any<'a>>,
    attributes: Vec<&'a [u8]>,
    dropped_attributes: u32,
    flags: u32,
    trace_id: &'a [u8],
    span_id: &'a [u8],
    event_name: &'a str,
}

impl<'a> Logs<'a> {
    fn new(body_bytes: usize, received: Timestamp) -> Self {
        Self {
            columns: Columns::new(Signal::Logs, body_bytes),
            attributes: ItemAttributes::new(Signal::Logs),
            residue: Residue::default(),
            refusals: Refusals::default(),
            received: received.0,
            record: Record::default(),
            body: String::new(),
        }
    }

    fn resource(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let parts = Parts::read(message)?;
        let resource = Resource::read(&PLACES.envelope, &parts.head, parts.schema_url)?;
        let from = self.columns.rows();
        for scope in parts.items {
            self.scope(scope, &resource)?;
        }
        resource.repeat(&PLACES.envelope, &mut self.columns, from);
        Ok(())
    }

    fn scope(&mut self, message: &'a [u8], resource: &Resource<'a>) -> Result<(), DecodeError> {
        let parts = Parts::read(message)?;
        let scope = Scope::read(&parts.head, parts.schema_url)?;
        let from = self.columns.rows();
        self.columns.expect(parts.items.len(), message.len());
        for record in parts.items {
            self.record.read(record)?;
            self.row(resource)?;
        }
        scope.repeat(&PLACES.envelope, &mut self.columns, from);
        Ok(())
    }

    fn row(&mut self, resource: &Resource<'_>) -> Result<(), DecodeError> {
        self.times();
        let Self { columns, record, residue, refusals, .. } = self;
        let places = &*PLACES;
        if record.severity_number != 0 {
            columns.int32(places.severity_number, record.severity_number);
        }
        for (place, text) in [(places.severity_text, record.severity_text), (places.event_name, record.event_name)] {
            if !text.is_empty() {
                columns.text(place, text);
            }
        }
        match record.body {
            None | Some(Any::Empty) => {}
            Some(Any::Text(text)) => columns.text(places.body, text),
            Some(structured) => {
                self.body.clear();
                structured.write(&mut self.body)?;
                columns.text(places.body, &self.body);
                columns.text(places.body_type, "json");
            }
        }
        if let Some(id) = ids::valid::<16>(record.trace_id) {
            columns.id(places.trace_id, id);
        }
        if let Some(id) = ids::valid::<8>(record.span_id) {
            columns.id(places.span_id, id);
        }
        if ids::is_wrong::<16>(record.trace_id) || ids::is_wrong::<8>(record.span_id) {
            refusals.add(Reason::IdCleared);
        }
        columns.count(places.flags, record.flags);
        columns.count(places.dropped_attributes, record.dropped_attributes);
        self.attributes.write(columns, &record.attributes)?;
        residue.write(columns, places.envelope.residue, resource);
        columns.end_row();
        Ok(())
    }

    /// A record without a time has the one at which it was seen, by its sender or by us.
    fn times(&mut self) {
        let Self { columns, record, residue, refusals, .. } = self;
        let observed = nanos(record.observed_time, "observed_time_unix_nano", residue);
        let time = match record.time {
            0 => {
                residue.number("time_unix_nano", 0);
                if observed == 0 { self.received } else { observed }
            }
            said => nanos(said, "time_unix_nano", residue),
        };
        columns.time(PLACES.time, time);
        let suspect = time.saturating_sub(self.received) > FAR_FUTURE_NANOS;
        if suspect {
            refusals.add(Reason::SuspectTime);
        }
        if observed != 0 {
            columns.time(PLACES.observed_time, observed);
        } else if suspect || record.time == 0 {
            residue.number("observed_time_unix_nano", 0);
            columns.time(PLACES.observed_time, self.received);
        }
    }
}

impl<'a> Record<'a> {
    /// Reads a `LogRecord` message over the one before, whose list keeps its memory.
    fn read(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.clear();
        *self = Record { attributes, ..Record::default() };
        for field in fields(message) {
            match field? {
                (1, value) => self.time = value.fixed64()?,
                (2, value) => self.severity_number = value.int32()?,
                (3, value) => self.severity_text = value.text()?,
                (5, value) => self.body = Some(Any::read(value.bytes()?)?),
                (6, value) => self.attributes.push(value.bytes()?),
                (7, value) => self.dropped_attributes = value.uint32()?,
                (8, value) => self.flags = value.fixed32()?,
                (9, value) => self.trace_id = value.bytes()?,
                (10, value) => self.span_id = value.bytes()?,
                (11, value) => self.observed_time = value.fixed64()?,
                (12, value) => self.event_name = value.text()?,
                _ => {}
            }
        }
        Ok(())
    }
}

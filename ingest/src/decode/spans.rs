//! `ExportTraceServiceRequest` into rows of `spans`.

use std::sync::LazyLock;

use model::{Signal, Table, Timestamp};

use super::attributes::ItemAttributes;
use super::columns::Columns;
use super::context::{Envelope, Parts, Residue, Resource, Scope};
use super::names::{SPAN_KIND, STATUS_CODE};
use super::nested::{Events, Links};
use super::refusals::{Reason, Refusals};
use super::wire::fields;
use super::{DecodeError, Rows, ids};

/// A start this far ahead of its arrival is suspect, in nanoseconds.
pub(crate) const FAR_FUTURE_NANOS: i64 = 24 * 3600 * 1_000_000_000;

#[derive(Debug)]
struct Places {
    start_time: usize,
    end_time: usize,
    duration_ns: usize,
    trace_id: usize,
    span_id: usize,
    parent_span_id: usize,
    trace_state: usize,
    flags: usize,
    name: usize,
    kind: usize,
    status_code: usize,
    status_message: usize,
    events: usize,
    dropped_events: usize,
    links: usize,
    dropped_links: usize,
    dropped_attributes: usize,
    observed_time: usize,
    envelope: Envelope,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let place = |name| Table::of(Signal::Spans).index(name);
    Places {
        start_time: place("start_time"),
        end_time: place("end_time"),
        duration_ns: place("duration_ns"),
        trace_id: place("trace_id"),
        span_id: place("span_id"),
        parent_span_id: place("parent_span_id"),
        trace_state: place("trace_state"),
        flags: place("flags"),
        name: place("name"),
        kind: place("kind"),
        status_code: place("status_code"),
        status_message: place("status_message"),
        events: place("events"),
        dropped_events: place("dropped_events_count"),
        links: place("links"),
        dropped_links: place("dropped_links_count"),
        dropped_attributes: place("dropped_attributes_count"),
        observed_time: place("observed_time"),
        envelope: Envelope::of(Signal::Spans),
    }
});

pub(super) fn decode(body: &[u8], received: Timestamp) -> Result<Rows, DecodeError> {
    let mut spans = Spans::new(body.len(), received);
    for field in fields(body) {
        if let (1, value) = field? {
            spans.resource(value.bytes()?)?;
        }
    }
    Ok(spans.finish())
}

struct Spans<'a> {
    columns: Columns,
    attributes: ItemAttributes<'a>,
    events: Events<'a>,
    links: Links<'a>,
    residue: Residue,
    refusals: Refusals,
    received: i64,
    span: Span<'a>,
}

/// The fields of one span as they were said.
#[derive(Debug, Default)]
struct Span<'a> {
    trace_id: &'a [u8],
    span_id: &'a [u8],
    parent_span_id: &'a [u8],
    trace_state: &'a str,
    name: &'a str,
    kind: i32,
    start: u64,
    end: u64,
    attributes: Vec<&'a [u8]>,
    dropped_attributes: u32,
    events: Vec<&'a [u8]>,
    dropped_events: u32,
    links: Vec<&'a [u8]>,
    dropped_links: u32,
    status_message: &'a str,
    status_code: i32,
    flags: u32,
}

impl<'a> Spans<'a> {
    fn new(body_bytes: usize, received: Timestamp) -> Self {
        Self {
            columns: Columns::new(Signal::Spans, body_bytes),
            attributes: ItemAttributes::new(Signal::Spans),
            events: Events::new(),
            links: Links::new(),
            residue: Residue::default(),
            refusals: Refusals::default(),
            received: received.0,
            span: Span::default(),
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
        for span in parts.items {
            self.span.read(span)?;
            self.row(resource)?;
        }
        scope.repeat(&PLACES.envelope, &mut self.columns, from);
        Ok(())
    }

    fn row(&mut self, resource: &Resource<'_>) -> Result<(), DecodeError> {
        let Self { columns, span, residue, refusals, .. } = self;
        let (trace_id, span_id, parent) = match span.ids() {
            Ok(ids) => ids,
            Err(reason) => {
                refusals.add(reason);
                return Ok(());
            }
        };
        let row = columns.rows();
        let places = &*PLACES;
        let start = nanos(span.start, "start_time_unix_nano", residue);
        let end = nanos(span.end, "end_time_unix_nano", residue);
        columns.time(places.start_time, start);
        columns.time(places.end_time, end);
        // A clock that was set back makes no negative duration, which would spoil every average.
        columns.integer(places.duration_ns, end.saturating_sub(start).max(0));
        if start == 0 || end < start || start.saturating_sub(self.received) > FAR_FUTURE_NANOS {
            columns.time(places.observed_time, self.received);
            refusals.add(Reason::SuspectTime);
        }
        columns.id(places.trace_id, trace_id);
        columns.id(places.span_id, span_id);
        if let Some(parent) = parent {
            columns.id(places.parent_span_id, parent);
        }
        columns.text(places.name, span.name);
        columns.text(places.kind, &SPAN_KIND.text(span.kind));
        columns.text(places.status_code, &STATUS_CODE.text(span.status_code));
        for (place, text) in [(places.trace_state, span.trace_state), (places.status_message, span.status_message)] {
            if !text.is_empty() {
                columns.text(place, text);
            }
        }
        columns.count(places.flags, span.flags);
        columns.count(places.dropped_attributes, span.dropped_attributes);
        columns.count(places.dropped_events, span.dropped_events);
        columns.count(places.dropped_links, span.dropped_links);
        self.attributes.write(columns, &span.attributes)?;
        self.events
            .row(row, &span.events, |number, time| residue.number(&format!("events.{number}.time_unix_nano"), time))?;
        self.links.row(row, &span.links, refusals)?;
        residue.write(columns, places.envelope.residue, resource);
        columns.end_row();
        Ok(())
    }

    fn finish(mut self) -> Rows {
        let rows = self.columns.rows();
        self.columns.built(PLACES.events, self.events.finish(rows));
        self.columns.built(PLACES.links, self.links.finish(rows));
        Rows { batches: self.columns.finish().into_iter().collect(), refusals: self.refusals }
    }
}

type Ids<'s> = (&'s [u8; 16], &'s [u8; 8], Option<&'s [u8; 8]>);

impl<'a> Span<'a> {
    /// Reads a `Span` message over the one before, whose lists keep their memory.
    fn read(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let [mut attributes, mut events, mut links] =
            [&mut self.attributes, &mut self.events, &mut self.links].map(std::mem::take);
        attributes.clear();
        events.clear();
        links.clear();
        *self = Span { attributes, events, links, ..Span::default() };
        for field in fields(message) {
            match field? {
                (1, value) => self.trace_id = value.bytes()?,
                (2, value) => self.span_id = value.bytes()?,
                (3, value) => self.trace_state = value.text()?,
                (4, value) => self.parent_span_id = value.bytes()?,
                (5, value) => self.name = value.text()?,
                (6, value) => self.kind = value.int32()?,
                (7, value) => self.start = value.fixed64()?,
                (8, value) => self.end = value.fixed64()?,
                (9, value) => self.attributes.push(value.bytes()?),
                (10, value) => self.dropped_attributes = value.uint32()?,
                (11, value) => self.events.push(value.bytes()?),
                (12, value) => self.dropped_events = value.uint32()?,
                (13, value) => self.links.push(value.bytes()?),
                (14, value) => self.dropped_links = value.uint32()?,
                (15, value) => self.read_status(value.bytes()?)?,
                (16, value) => self.flags = value.fixed32()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_status(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        for field in fields(message) {
            match field? {
                (2, value) => self.status_message = value.text()?,
                (3, value) => self.status_code = value.int32()?,
                _ => {}
            }
        }
        Ok(())
    }

    fn ids(&self) -> Result<Ids<'a>, Reason> {
        let trace_id = ids::valid(self.trace_id).ok_or(Reason::SpanTraceId)?;
        let span_id = ids::valid(self.span_id).ok_or(Reason::SpanId)?;
        if !matches!(self.parent_span_id.len(), 0 | 8) {
            return Err(Reason::ParentSpanId);
        }
        Ok((trace_id, span_id, ids::valid(self.parent_span_id)))
    }
}

/// The time as the column has it; what lies beyond 2262 is kept in the residue.
pub(crate) fn nanos(unix_nanos: u64, name: &str, residue: &mut Residue) -> i64 {
    i64::try_from(unix_nanos).unwrap_or_else(|_| {
        residue.number(name, unix_nanos);
        i64::MAX
    })
}

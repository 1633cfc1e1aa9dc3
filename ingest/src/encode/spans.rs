//! Rows of `spans` into `ExportTraceServiceRequest`.

use arrow::array::{FixedSizeBinaryArray, StringViewArray, TimestampNanosecondArray, UInt32Array};
use model::{Batch, Level, Signal};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::attributes::{Attributes, read};
use super::columns::{Column, Lists};
use super::context::{Residue, groups, residues};
use super::{EncodeError, check_signal};
use crate::decode::names::{Names, SPAN_KIND, STATUS_CODE};

/// The spans of the batches, in order, as an export request.
pub fn traces(batches: &[Batch]) -> Result<ExportTraceServiceRequest, EncodeError> {
    let mut request = ExportTraceServiceRequest::default();
    for batch in batches {
        check_signal(batch, &[Signal::Spans])?;
        let residues = residues(batch)?;
        let spans = Spans::of(batch);
        for group in groups(batch, &residues)? {
            let mut scope_spans = Vec::with_capacity(group.scopes.len());
            for scope in group.scopes {
                let spans = scope.rows.map(|row| spans.at(row, &residues[row])).collect::<Result<_, _>>()?;
                scope_spans.push(ScopeSpans { scope: Some(scope.scope), spans, schema_url: scope.schema_url });
            }
            let resource = Some(group.resource);
            request.resource_spans.push(ResourceSpans { resource, scope_spans, schema_url: group.schema_url });
        }
    }
    Ok(request)
}

#[derive(Debug)]
struct Spans<'b> {
    start_time: Column<'b, TimestampNanosecondArray>,
    end_time: Column<'b, TimestampNanosecondArray>,
    trace_id: Column<'b, FixedSizeBinaryArray>,
    span_id: Column<'b, FixedSizeBinaryArray>,
    parent_span_id: Column<'b, FixedSizeBinaryArray>,
    trace_state: Column<'b, StringViewArray>,
    flags: Column<'b, UInt32Array>,
    name: Column<'b, StringViewArray>,
    kind: Column<'b, StringViewArray>,
    status_code: Column<'b, StringViewArray>,
    status_message: Column<'b, StringViewArray>,
    events: Events<'b>,
    dropped_events: Column<'b, UInt32Array>,
    links: Links<'b>,
    dropped_links: Column<'b, UInt32Array>,
    attributes: Attributes<'b>,
    dropped_attributes: Column<'b, UInt32Array>,
}

impl<'b> Spans<'b> {
    fn of(batch: &'b Batch) -> Self {
        Self {
            start_time: Column::of(batch, "start_time"),
            end_time: Column::of(batch, "end_time"),
            trace_id: Column::of(batch, "trace_id"),
            span_id: Column::of(batch, "span_id"),
            parent_span_id: Column::of(batch, "parent_span_id"),
            trace_state: Column::of(batch, "trace_state"),
            flags: Column::of(batch, "flags"),
            name: Column::of(batch, "name"),
            kind: Column::of(batch, "kind"),
            status_code: Column::of(batch, "status_code"),
            status_message: Column::of(batch, "status_message"),
            events: Events::of(batch),
            dropped_events: Column::of(batch, "dropped_events_count"),
            links: Links::of(batch),
            dropped_links: Column::of(batch, "dropped_links_count"),
            attributes: Attributes::of(batch, Level::Item),
            dropped_attributes: Column::of(batch, "dropped_attributes_count"),
        }
    }

    fn at(&self, row: usize, residue: &Residue) -> Result<Span, EncodeError> {
        let status = Status {
            message: self.status_message.at(row).unwrap_or_default().to_owned(),
            code: number("status_code", &STATUS_CODE, self.status_code.at(row))?,
        };
        Ok(Span {
            trace_id: self.trace_id.at(row).unwrap_or_default().to_vec(),
            span_id: self.span_id.at(row).unwrap_or_default().to_vec(),
            trace_state: self.trace_state.at(row).unwrap_or_default().to_owned(),
            parent_span_id: self.parent_span_id.at(row).unwrap_or_default().to_vec(),
            flags: self.flags.at(row).unwrap_or_default(),
            name: self.name.at(row).unwrap_or_default().to_owned(),
            kind: number("kind", &SPAN_KIND, self.kind.at(row))?,
            start_time_unix_nano: residue.time("start_time_unix_nano", self.start_time.at(row))?,
            end_time_unix_nano: residue.time("end_time_unix_nano", self.end_time.at(row))?,
            attributes: self.attributes.at(row)?,
            dropped_attributes_count: self.dropped_attributes.at(row).unwrap_or_default(),
            events: self.events.at(row, residue)?,
            dropped_events_count: self.dropped_events.at(row).unwrap_or_default(),
            links: self.links.at(row)?,
            dropped_links_count: self.dropped_links.at(row).unwrap_or_default(),
            status: (status != Status::default()).then_some(status),
        })
    }
}

/// The number of an enum from its column; NULL is zero.
pub(super) fn number(column: &'static str, names: &Names, text: Option<&str>) -> Result<i32, EncodeError> {
    match text {
        None => Ok(0),
        Some(text) => names.number(text).ok_or_else(|| EncodeError::value(column, text, "names no value of the enum")),
    }
}

#[derive(Debug)]
struct Events<'b> {
    lists: Lists<'b>,
    time: Column<'b, TimestampNanosecondArray>,
    name: Column<'b, StringViewArray>,
    attributes: Column<'b, StringViewArray>,
    dropped: Column<'b, UInt32Array>,
}

impl<'b> Events<'b> {
    fn of(batch: &'b Batch) -> Self {
        let lists = Lists::of(batch, "events");
        Self {
            time: lists.field("time"),
            name: lists.field("name"),
            attributes: lists.field("attributes"),
            dropped: lists.field("dropped_attributes_count"),
            lists,
        }
    }

    fn at(&self, row: usize, residue: &Residue) -> Result<Vec<Event>, EncodeError> {
        let event = |(number, place)| {
            Ok(Event {
                time_unix_nano: residue.nested_time("events", number, self.time.at(place))?,
                name: self.name.at(place).unwrap_or_default().to_owned(),
                attributes: read("events", self.attributes.at(place))?,
                dropped_attributes_count: self.dropped.at(place).unwrap_or_default(),
            })
        };
        self.lists.range(row).enumerate().map(event).collect()
    }
}

#[derive(Debug)]
struct Links<'b> {
    lists: Lists<'b>,
    trace_id: Column<'b, FixedSizeBinaryArray>,
    span_id: Column<'b, FixedSizeBinaryArray>,
    trace_state: Column<'b, StringViewArray>,
    attributes: Column<'b, StringViewArray>,
    dropped: Column<'b, UInt32Array>,
    flags: Column<'b, UInt32Array>,
}

impl<'b> Links<'b> {
    fn of(batch: &'b Batch) -> Self {
        let lists = Lists::of(batch, "links");
        Self {
            trace_id: lists.field("trace_id"),
            span_id: lists.field("span_id"),
            trace_state: lists.field("trace_state"),
            attributes: lists.field("attributes"),
            dropped: lists.field("dropped_attributes_count"),
            flags: lists.field("flags"),
            lists,
        }
    }

    fn at(&self, row: usize) -> Result<Vec<Link>, EncodeError> {
        let link = |place| {
            Ok(Link {
                trace_id: self.trace_id.at(place).unwrap_or_default().to_vec(),
                span_id: self.span_id.at(place).unwrap_or_default().to_vec(),
                trace_state: self.trace_state.at(place).unwrap_or_default().to_owned(),
                attributes: read("links", self.attributes.at(place))?,
                dropped_attributes_count: self.dropped.at(place).unwrap_or_default(),
                flags: self.flags.at(place).unwrap_or_default(),
            })
        };
        self.lists.range(row).map(link).collect()
    }
}

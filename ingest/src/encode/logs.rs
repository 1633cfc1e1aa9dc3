//! Rows of `logs` into `ExportLogsServiceRequest`.

use arrow::array::{FixedSizeBinaryArray, Int32Array, StringViewArray, TimestampNanosecondArray, UInt32Array};
use model::{Batch, Level, Signal};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use super::attributes::Attributes;
use super::columns::Column;
use super::context::{Residue, groups, residues};
use super::{EncodeError, check_signal, json_text};

/// The log records of the batches, in order, as an export request.
pub fn logs(batches: &[Batch]) -> Result<ExportLogsServiceRequest, EncodeError> {
    let mut request = ExportLogsServiceRequest::default();
    for batch in batches {
        check_signal(batch, &[Signal::Logs])?;
        let residues = residues(batch)?;
        let records = Records::of(batch);
        for group in groups(batch, &residues)? {
            let mut scope_logs = Vec::with_capacity(group.scopes.len());
            for scope in group.scopes {
                let log_records = scope.rows.map(|row| records.at(row, &residues[row])).collect::<Result<_, _>>()?;
                scope_logs.push(ScopeLogs { scope: Some(scope.scope), log_records, schema_url: scope.schema_url });
            }
            let resource = Some(group.resource);
            request.resource_logs.push(ResourceLogs { resource, scope_logs, schema_url: group.schema_url });
        }
    }
    Ok(request)
}

#[derive(Debug)]
struct Records<'b> {
    time: Column<'b, TimestampNanosecondArray>,
    observed_time: Column<'b, TimestampNanosecondArray>,
    severity_number: Column<'b, Int32Array>,
    severity_text: Column<'b, StringViewArray>,
    body: Column<'b, StringViewArray>,
    body_type: Column<'b, StringViewArray>,
    event_name: Column<'b, StringViewArray>,
    trace_id: Column<'b, FixedSizeBinaryArray>,
    span_id: Column<'b, FixedSizeBinaryArray>,
    flags: Column<'b, UInt32Array>,
    attributes: Attributes<'b>,
    dropped_attributes: Column<'b, UInt32Array>,
}

impl<'b> Records<'b> {
    fn of(batch: &'b Batch) -> Self {
        Self {
            time: Column::of(batch, "time"),
            observed_time: Column::of(batch, "observed_time"),
            severity_number: Column::of(batch, "severity_number"),
            severity_text: Column::of(batch, "severity_text"),
            body: Column::of(batch, "body"),
            body_type: Column::of(batch, "body_type"),
            event_name: Column::of(batch, "event_name"),
            trace_id: Column::of(batch, "trace_id"),
            span_id: Column::of(batch, "span_id"),
            flags: Column::of(batch, "flags"),
            attributes: Attributes::of(batch, Level::Item),
            dropped_attributes: Column::of(batch, "dropped_attributes_count"),
        }
    }

    fn at(&self, row: usize, residue: &Residue) -> Result<LogRecord, EncodeError> {
        Ok(LogRecord {
            time_unix_nano: residue.time("time_unix_nano", self.time.at(row))?,
            observed_time_unix_nano: residue.time("observed_time_unix_nano", self.observed_time.at(row))?,
            severity_number: self.severity_number.at(row).unwrap_or_default(),
            severity_text: self.severity_text.at(row).unwrap_or_default().to_owned(),
            body: self.body(row)?,
            attributes: self.attributes.at(row)?,
            dropped_attributes_count: self.dropped_attributes.at(row).unwrap_or_default(),
            flags: self.flags.at(row).unwrap_or_default(),
            trace_id: self.trace_id.at(row).unwrap_or_default().to_vec(),
            span_id: self.span_id.at(row).unwrap_or_default().to_vec(),
            event_name: self.event_name.at(row).unwrap_or_default().to_owned(),
        })
    }

    fn body(&self, row: usize) -> Result<Option<AnyValue>, EncodeError> {
        let Some(body) = self.body.at(row) else { return Ok(None) };
        match self.body_type.at(row) {
            None => Ok(Some(AnyValue { value: Some(Value::StringValue(body.to_owned())) })),
            Some(_) => json_text::value(body).map(Some).map_err(|problem| EncodeError::value("body", body, problem)),
        }
    }
}

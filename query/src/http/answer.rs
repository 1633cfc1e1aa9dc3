//! Which format a client wants, and the body that carries it while the rows arrive.

use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::response::Response;
use datafusion::arrow::array::RecordBatch;
use futures::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::columnar::{Csv, Ipc};
use super::json::{Json, Lines};
use crate::error::{FaultCode, QueryError};
use crate::rows::Rows;

/// Chunks of the body that may wait for the client.
const CHUNKS_AHEAD: usize = 2;
/// Says, in every format and before the first row, what is missing from the answer.
const WARNING: HeaderName = HeaderName::from_static("x-observatory-warning");
/// Rows in a chunk: enough to be fast, few enough that wide rows stay small in memory.
const CHUNK_ROWS: usize = 1024;

/// A format rows can be answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// One document with columns and rows.
    Json,
    /// An object a line.
    Lines,
    /// Comma-separated values under a line of names.
    Csv,
    /// Arrow IPC stream.
    Arrow,
}

/// Turns batches into bytes of one format.
pub(super) trait Writer: Send {
    /// What comes before the first row.
    fn start(&mut self) -> Result<Vec<u8>, QueryError>;
    /// Some rows.
    fn rows(&mut self, rows: &RecordBatch) -> Result<Vec<u8>, QueryError>;
    /// What comes after the last row.
    fn end(&mut self) -> Result<Vec<u8>, QueryError>;
    /// What tells the client that rows are missing; `None` where the format cannot say so.
    fn failed(&mut self, error: &QueryError) -> Option<Vec<u8>>;
}

impl Format {
    const ALL: [Format; 4] = [Format::Json, Format::Lines, Format::Csv, Format::Arrow];

    /// The first format in the client's list that there is; JSON when it does not care.
    pub(super) fn accepted(headers: &HeaderMap) -> Result<Self, QueryError> {
        let mut wanted = super::accepts(headers).peekable();
        if wanted.peek().is_none() {
            return Ok(Self::Json);
        }
        wanted.find_map(Self::of_range).ok_or_else(|| {
            let known = Self::ALL.map(Self::media_type).join(", ");
            let hint = format!("accept one of {known}");
            QueryError::fault(FaultCode::NotAcceptable, "there is no format that the request accepts", Some(&hint))
        })
    }

    fn of_range(range: &str) -> Option<Self> {
        match range {
            "*/*" | "application/*" => Some(Self::Json),
            "text/*" => Some(Self::Csv),
            range => Self::ALL.into_iter().find(|format| format.media_type() == range),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Lines => "application/x-ndjson",
            Self::Csv => "text/csv",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }

    /// A writer of these rows, and its media type.
    pub(super) fn writer(self, rows: &Rows, started: Instant) -> Result<(&'static str, Box<dyn Writer>), QueryError> {
        let schema = rows.schema();
        let writer: Box<dyn Writer> = match self {
            Self::Json => Box::new(Json::new(rows.schema(), rows.warnings(), started)),
            Self::Lines => Box::new(Lines::new(schema)),
            Self::Csv => Box::new(Csv::new(schema)),
            Self::Arrow => Box::new(Ipc::new(schema)?),
        };
        Ok((self.media_type(), writer))
    }
}

/// The answer with these rows. Dropping its body stops the query.
pub(super) fn stream(
    runtime: &Handle,
    (media_type, writer): (&'static str, Box<dyn Writer>),
    first: Option<RecordBatch>,
    rows: Rows,
) -> Response {
    let warnings: Vec<HeaderValue> =
        rows.warnings().iter().filter_map(|text| HeaderValue::from_str(text).ok()).collect();
    let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
    // Writing text takes as long as many a query; it stays off the runtime that takes rows in.
    let task = AbortOnDropHandle::new(runtime.spawn(write(writer, first, rows, sender)));
    let chunks = stream::unfold((chunks, task), |(mut chunks, task)| async {
        let chunk: Result<Bytes, QueryError> = chunks.recv().await?;
        Some((chunk, (chunks, task)))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    for warning in warnings {
        response.headers_mut().append(WARNING, warning);
    }
    response
}

/// Sends all chunks; the end of the channel is the end of the body.
async fn write(
    mut writer: Box<dyn Writer>,
    first: Option<RecordBatch>,
    rows: Rows,
    chunks: mpsc::Sender<Result<Bytes, QueryError>>,
) {
    if let Err(error) = write_all(writer.as_mut(), first, rows, &chunks).await {
        let last = match writer.failed(&error) {
            Some(chunk) => Ok(Bytes::from(chunk)),
            // The connection breaks off, which no client takes for the end.
            None => Err(error),
        };
        // Fails only when the client has left.
        let _ = chunks.send(last).await;
    }
}

async fn write_all(
    writer: &mut dyn Writer,
    first: Option<RecordBatch>,
    rows: Rows,
    chunks: &mpsc::Sender<Result<Bytes, QueryError>>,
) -> Result<(), QueryError> {
    let mut pending = writer.start()?;
    let mut batches = stream::iter(first.map(Ok)).chain(rows);
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        for from in (0..batch.num_rows()).step_by(CHUNK_ROWS) {
            let rows = batch.slice(from, CHUNK_ROWS.min(batch.num_rows() - from));
            pending.append(&mut writer.rows(&rows)?);
            if chunks.send(Ok(std::mem::take(&mut pending).into())).await.is_err() {
                return Ok(());
            }
        }
    }
    pending.append(&mut writer.end()?);
    // Fails only when the client has left.
    let _ = chunks.send(Ok(pending.into())).await;
    Ok(())
}

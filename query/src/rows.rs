//! The answer to a query while it arrives.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::{FutureExt, Stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::error::QueryError;

/// Batches of rows with the limits of their query attached; dropping them stops the query.
///
/// After an error no more rows come.
#[derive(Debug)]
pub struct Rows {
    schema: SchemaRef,
    warnings: Vec<String>,
    batches: mpsc::Receiver<RecordBatch>,
    /// Holds everything the query uses; its end says whether the rows are complete.
    driver: Option<AbortOnDropHandle<Result<(), QueryError>>>,
}

/// What is known of an answer before its first row.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) schema: SchemaRef,
    pub(crate) warnings: Vec<String>,
}

impl Rows {
    pub(crate) fn new(
        Planned { schema, warnings }: Planned,
        batches: mpsc::Receiver<RecordBatch>,
        driver: AbortOnDropHandle<Result<(), QueryError>>,
    ) -> Self {
        Self { schema, warnings, batches, driver: Some(driver) }
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What is not as one would expect, a sentence each: above all, stored rows that are missing because they cannot be read.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(batch) = ready!(self.batches.poll_recv(context)) {
            return Poll::Ready(Some(Ok(batch)));
        }
        let Some(driver) = &mut self.driver else { return Poll::Ready(None) };
        let ended = ready!(driver.poll_unpin(context));
        self.driver = None;
        Poll::Ready(outcome(ended).err().map(Err))
    }
}

/// How the query ended; a panic in it is its own fault, not that of the process.
pub(crate) fn outcome(ended: Result<Result<(), QueryError>, tokio::task::JoinError>) -> Result<(), QueryError> {
    ended.unwrap_or_else(|cause| Err(QueryError::Internal(Box::new(cause))))
}

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
    batches: mpsc::Receiver<RecordBatch>,
    /// Holds everything the query uses; its end says whether the rows are complete.
    driver: Option<AbortOnDropHandle<Result<(), QueryError>>>,
}

impl Rows {
    pub(crate) fn new(
        schema: SchemaRef,
        batches: mpsc::Receiver<RecordBatch>,
        driver: AbortOnDropHandle<Result<(), QueryError>>,
    ) -> Self {
        Self { schema, batches, driver: Some(driver) }
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
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

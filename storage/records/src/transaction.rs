//! Several changes as one: all of them or none.

use std::sync::Arc;
use std::time::Duration;

use model::Tenant;
use serde::Serialize;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::backend::Failure;
use crate::collection::Collection;
use crate::config::Limits;
use crate::document::{Document, Entry};
use crate::error::Error;
use crate::lease::Lease;
use crate::log::Log;
use crate::outbox;
use crate::records::Records;
use crate::session::{Open, Session};
use crate::telemetry;

/// Pause after the first conflict; grows with each.
const PAUSE_MIN: Duration = Duration::from_millis(2);

/// A transaction that is open; its handles read and write in it.
#[derive(Debug)]
pub struct Transaction {
    session: Session,
}

impl Records {
    /// Runs the work as one serializable transaction: when it is `Ok`, everything in it lasts; otherwise nothing does.
    ///
    /// The work is run again, `attempts_max` times at most, when other transactions came between; it must not do what
    /// cannot be done twice. Inside, handles of the transaction are used and no others: with SQLite a write beside the transaction
    /// would wait for it. A failure of the database ends the transaction, whatever the work makes of it.
    ///
    /// ```
    /// # use records::{Document, Error, Expected, RecordId, Records};
    /// # async fn example<T: Document>(records: &Records, tenant: &model::Tenant, id: &RecordId, body: &T) -> Result<(), Error> {
    /// records
    ///     .transaction(|transaction| async move {
    ///         let written = transaction.collection::<T>().put(tenant, id, body, Expected::Absent).await?;
    ///         transaction.publish(tenant, "example.made", &written.version).await
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub async fn transaction<R, E, F, W>(&self, work: F) -> Result<R, E>
    where
        F: Fn(Transaction) -> W,
        W: Future<Output = Result<R, E>>,
        E: From<Error>,
    {
        let Limits { attempts_max, transaction_time_max, .. } = self.session.shared.limits;
        for attempt in 1..=attempts_max {
            let open = self.begin(attempt).await?;
            let transaction = Transaction { session: self.session.within(&open) };
            let Ok(done) = timeout(transaction_time_max, work(transaction)).await else {
                return Err(Error::Busy(format!("a transaction took longer than {transaction_time_max:?}")).into());
            };
            match (done, open.failure()) {
                (_, Some(Failure::Conflict)) => {}
                (Err(error), _) => return Err(error),
                (Ok(_), Some(failure)) => return Err(Error::from(failure).into()),
                (Ok(result), None) => match open.commit().await {
                    Ok(()) => {
                        self.session.shared.laid_out.write().extend(open.laid_out.lock().drain(..));
                        return Ok(result);
                    }
                    Err(Failure::Conflict) => {}
                    Err(failure) => return Err(Error::from(failure).into()),
                },
            }
            // Rolled back before others are given time.
            drop(open);
            telemetry::tried_again(attempt);
            sleep(PAUSE_MIN * attempt).await;
        }
        Err(Error::Contended { attempts: attempts_max }.into())
    }

    async fn begin(&self, attempt: u32) -> Result<Arc<Open>, Error> {
        Ok(Arc::new(Open::new(self.session.shared.backend.begin(attempt).await?)))
    }
}

impl Transaction {
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// The documents of one type.
    pub fn collection<T: Document>(&self) -> Collection<T> {
        Collection::new(self.session.clone())
    }

    /// The log of one type of entry.
    pub fn log<T: Entry>(&self) -> Log<T> {
        Log::new(self.session.clone())
    }

    /// Leaves an event in the outbox, for everybody who reads there; gives its id.
    pub async fn publish<T: Serialize>(&self, tenant: &Tenant, topic: &str, body: &T) -> Result<Uuid, Error> {
        outbox::publish(&self.session, tenant, topic, body).await
    }

    /// Refuses with [`Error::Stale`] when somebody else has the lease by now; otherwise nobody gets it before the end of the transaction.
    pub async fn hold(&self, lease: &Lease) -> Result<(), Error> {
        lease.check(&self.session).await
    }
}

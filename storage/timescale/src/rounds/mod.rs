//! Adds rows of rollups up, so that they are few, and deletes those that count no longer.
//!
//! Rows are added up in *rounds*. A query is as of a round and counts what counted then, so that whatever is committed while it reads, it counts
//! each row or the sum that the row is in, never both. `docs/adr/0012-rollups.md` tells why that is so.

mod delete;
mod due;
mod round;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use model::{Rollup, Signal, Tenant, Timestamp};
use store::{Amount, Gate, Job, Maintained, Outcome, Pace, StoreError, Task, Work};
use tokio::time::timeout;

use self::due::Due;
use self::round::{Added, Round};
use crate::Shared;
use crate::database::too_slow;
use crate::error::{Form, Refusal};

/// What holds for rows of sums that count as of the round, in SQL. The statement fails when some of them are deleted already.
pub(crate) fn counts(schema: &str, tenant: &Tenant, round: i64) -> String {
    format!(
        "from_round <= {round} AND (to_round IS NULL OR to_round > {round}) AND {schema}.has_round('{tenant}', {round})"
    )
}

impl Shared {
    /// Does one piece of the work, if there is any and it may be done now.
    pub(crate) async fn add_up(&self, pace: &Pace) -> Maintained {
        if pace.gate() != Gate::Open {
            return Maintained::default();
        }
        let began = Instant::now();
        let maintained = Box::pin(self.one_piece()).await.unwrap_or_else(|cause| {
            let task = Task { job: Job::Compact, tenant: None, dataset: None, target: "rollups".to_owned() };
            Maintained { done: Some(failed(task, self.database.error(Form::Written, cause))), waiting: Vec::new() }
        });
        if maintained.done.is_some() {
            // Whether the process ends meanwhile, the work is done.
            let _ = pace.rest(began.elapsed()).await;
        }
        maintained
    }

    async fn one_piece(&self) -> Result<Maintained, Refusal> {
        self.ready().await?;
        if let Some(work) = self.delete_replaced().await? {
            return Ok(Maintained { done: Some(work), waiting: Vec::new() });
        }
        // Before the ledger is read: what came until now is known then.
        let now = crate::now();
        let (mut done, mut waiting) = (None, Vec::new());
        for due in self.look_for_due(now).await? {
            if done.is_none() {
                done = self.add_up_alone(&due, now).await;
                if done.is_some() {
                    continue;
                }
            }
            waiting.push(due.task());
        }
        waiting.truncate(Maintained::WAITING_MAX);
        Ok(Maintained { done, waiting })
    }

    /// Rows of one rollup that no query counts any more.
    async fn delete_replaced(&self) -> Result<Option<Work>, Refusal> {
        let connection = self.database.upkeep().await?;
        let mut work = None;
        for rollup in Rollup::ALL {
            let rows = delete::replaced(&connection, &self.config.schema, rollup, self.config.deletion_grace()).await?;
            if rows > 0 {
                let target = "rows that were added up".to_owned();
                let task = Task { job: Job::Delete, tenant: None, dataset: Some(rollup.into()), target };
                let (read, written) = (Amount { rows, ..Amount::default() }, Amount::default());
                work = Some(Work { task, read, written, outcome: Outcome::Done });
                break;
            }
        }
        connection.give_back();
        Ok(work)
    }

    /// What can be added up, each time from another place on: one that fails holds nobody up.
    async fn look_for_due(&self, now: Timestamp) -> Result<Vec<Due>, Refusal> {
        let connection = self.database.upkeep().await?;
        let schema = &self.config.schema;
        self.ledger.read_changes(&connection, schema, self.config.keep_seconds_max).await?;
        let mut due = due::all(&connection, schema, now, self.config.calls_wait()).await?;
        connection.give_back();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if let Some(first) = turn.checked_rem(due.len()) {
            due.rotate_left(first);
        }
        Ok(due)
    }

    /// Adds some periods up, unless another process does so for this tenant.
    async fn add_up_alone(&self, due: &Due, now: Timestamp) -> Option<Work> {
        let limit = Duration::from_secs(self.config.keep_seconds_max);
        let added = timeout(limit, Box::pin(self.commit_round(due, now))).await;
        match added.unwrap_or_else(|_| Err(too_slow("adding sums up", limit))) {
            Ok(None) => None,
            Ok(Some(Added { read, written })) => Some(Work { task: due.task(), read, written, outcome: Outcome::Done }),
            Err(cause) => Some(failed(due.task(), self.database.error(Form::Written, cause))),
        }
    }

    async fn commit_round(&self, due: &Due, now: Timestamp) -> Result<Option<Added>, Refusal> {
        let known = self.ledger.table(&due.tenant, Signal::Spans);
        let Some(round) = Round::of(due, &known, &self.config, now) else { return Ok(None) };
        let mut connection = self.database.upkeep().await?;
        let transaction = connection.transaction().await?;
        let added = round.write(&transaction).await?;
        match added {
            Some(_) => transaction.commit().await?,
            None => transaction.rollback().await?,
        }
        connection.give_back();
        Ok(added)
    }
}

fn failed(task: Task, cause: StoreError) -> Work {
    Work { task, read: Amount::default(), written: Amount::default(), outcome: Outcome::Failed(cause) }
}

//! The thread that writes: waiting statements together, transactions one by one.

use std::sync::mpsc as steps;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::place::Place;
use crate::backend::Failure;
use crate::statement::{Row, Statement};

/// Statements that are committed together.
const GROUP_MAX: usize = 128;

/// Where an outcome is waited for.
pub(super) type Answer<T> = oneshot::Sender<Result<T, Failure>>;

/// What the writer is given.
pub(super) enum Job {
    Alone(Statement, Answer<Vec<Row>>),
    Transaction(steps::Receiver<Step>),
}

/// What comes in a transaction; without a commit at the end nothing of it stays.
pub(super) enum Step {
    Query(Statement, Answer<Vec<Row>>),
    Commit(Answer<()>),
}

/// The thread that writes.
pub(super) struct Writer {
    pub(super) place: Place,
    pub(super) connection: Connection,
    pub(super) transaction_time_max: Duration,
}

impl Writer {
    /// Until nobody is left to give it anything.
    pub(super) fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut next = jobs.blocking_recv();
        while let Some(job) = next.take() {
            match job {
                Job::Transaction(steps) => self.transaction(&steps),
                Job::Alone(statement, answer) => {
                    let mut group = vec![(statement, answer)];
                    while group.len() < GROUP_MAX {
                        match jobs.try_recv() {
                            Ok(Job::Alone(statement, answer)) => group.push((statement, answer)),
                            Ok(transaction) => {
                                next = Some(transaction);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.group(group);
                }
            }
            next = next.or_else(|| jobs.blocking_recv());
        }
    }

    /// Runs the statements in one transaction; each is answered when it is committed.
    fn group(&self, mut group: Vec<(Statement, Answer<Vec<Row>>)>) {
        // Whoever has waited too long has been told so.
        group.retain(|(_, answer)| !answer.is_closed());
        let (statements, answers): (Vec<Statement>, Vec<Answer<Vec<Row>>>) = group.into_iter().unzip();
        let outcomes = match self.together(&statements) {
            Ok(outcomes) => outcomes,
            Err(failure) => statements.iter().map(|_| Err(failure.clone())).collect(),
        };
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Whoever asked may have gone away; what was committed stays.
            let _ = answer.send(outcome);
        }
    }

    fn together(&self, statements: &[Statement]) -> Result<Vec<Result<Vec<Row>, Failure>>, Failure> {
        self.execute("BEGIN IMMEDIATE")?;
        let mut outcomes = Vec::with_capacity(statements.len());
        for statement in statements {
            let outcome = self.place.run(&self.connection, statement);
            if let (Err(failure), true) = (&outcome, self.connection.is_autocommit()) {
                // A full disk ends the transaction of all.
                return Err(failure.clone());
            }
            outcomes.push(outcome);
        }
        self.execute("COMMIT").inspect_err(|_| self.roll_back())?;
        Ok(outcomes)
    }

    /// Does the steps of one transaction as they come, until its end or until it takes too long.
    fn transaction(&self, steps: &steps::Receiver<Step>) {
        let until = Instant::now() + self.transaction_time_max;
        let mut state = None;
        while let Ok(step) = steps.recv_timeout(until.saturating_duration_since(Instant::now())) {
            let begun = state.get_or_insert_with(|| self.execute("BEGIN IMMEDIATE"));
            match step {
                Step::Query(statement, answer) => {
                    let outcome = begun.clone().and_then(|()| self.place.run(&self.connection, &statement));
                    if let Err(failure) = &outcome {
                        *begun = Err(failure.clone());
                    }
                    let _ = answer.send(outcome);
                }
                Step::Commit(answer) => {
                    let outcome = begun.clone().and_then(|()| self.execute("COMMIT"));
                    self.roll_back();
                    let _ = answer.send(outcome);
                    return;
                }
            }
        }
        self.roll_back();
    }

    fn execute(&self, sql: &str) -> Result<(), Failure> {
        self.connection.execute_batch(sql).map_err(|cause| self.place.failure(cause))
    }

    /// Leaves nothing open.
    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // What cannot be rolled back is rolled back by the database when it is opened next.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

//! The rows of the checklist in its order, each with the check that tries it.
//! The list in each file is complete: a row that is not in one is not tried.

mod codings;
mod compat;
mod failure;
mod json;
mod json_shapes;
mod json_values;
mod limits;
mod overload;
mod success;
mod transport;

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{anyhow, bail};
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::timeout;

use super::answer::Answer;
use super::client::Client;
use super::matrix::{Cell, Level, Outcome, Row};
use super::target::Transport;
use super::trial::Trial;
use super::wire::Coding;

/// A row that takes longer has met a receiver that hangs.
const ROW_WITHIN: Duration = Duration::from_secs(300);

const ALL: &[Transport] = &Transport::ALL;
const HTTP: &[Transport] = &Transport::HTTP;
const JSON: &[Transport] = &[Transport::Json];
const GRPC: &[Transport] = &[Transport::Grpc];
/// The transports whose messages are protobuf.
const BINARY: &[Transport] = &[Transport::Grpc, Transport::Protobuf];

type Check = for<'a> fn(&'a mut Trial) -> BoxFuture<'a, anyhow::Result<()>>;

/// One row and how it is tried.
pub(super) struct Case {
    id: &'static str,
    level: Level,
    on: &'static [Transport],
    promise: &'static str,
    check: Check,
}

/// The cases that `only` names, in the order of the checklist; all of them if it names none.
pub(super) fn named(only: &[impl AsRef<str>]) -> anyhow::Result<Vec<&'static Case>> {
    // The rows that may bring the receiver down come last.
    let lists = [
        codings::CASES,
        transport::CASES,
        json::CASES,
        json_values::CASES,
        json_shapes::CASES,
        limits::CASES,
        success::CASES,
        failure::CASES,
        compat::CASES,
        overload::CASES,
    ];
    let cases: Vec<_> = lists.into_iter().flatten().collect();
    if let Some(stranger) = only.iter().find(|id| !cases.iter().any(|case| case.is_named(id.as_ref()))) {
        bail!("there is no row {}", stranger.as_ref());
    }
    Ok(cases.into_iter().filter(|case| only.is_empty() || only.iter().any(|id| case.is_named(id.as_ref()))).collect())
}

impl Case {
    fn is_named(&self, id: &str) -> bool {
        self.id == id || self.id.strip_prefix(id).is_some_and(|rest| rest.starts_with('-'))
    }

    pub(super) async fn run(&self, client: &Client) -> Row {
        let mut cells = Vec::with_capacity(Transport::ALL.len());
        for transport in Transport::ALL {
            cells.push(Cell { transport, outcome: self.outcome(client, transport).await });
        }
        Row { id: self.id, level: self.level, promise: self.promise, cells }
    }

    async fn outcome(&self, client: &Client, transport: Transport) -> Outcome {
        if !self.on.contains(&transport) || client.target().endpoint(transport.port()).is_none() {
            return Outcome::NotApplicable;
        }
        let mut trial = Trial::new(client.clone(), transport);
        let ended = timeout(ROW_WITHIN, (self.check)(&mut trial)).await;
        trial.end(ended.unwrap_or_else(|_| Err(anyhow!("they took longer than {ROW_WITHIN:?}"))))
    }
}

/// What several rows look at and is made only once in a run.
#[derive(Debug, Default)]
pub(super) struct Shared {
    bombs: Mutex<HashMap<(Coding, bool), Bytes>>,
    overloads: Mutex<HashMap<Transport, Vec<Answer>>>,
    stop: OnceCell<overload::Stopped>,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_whole_checklist_is_tried() {
        let rows = "E1 E2 E3 E4 E5 E6 E7 E8 J1 J2 J3 J4 J5 J6 J7 J8 L1 L2 L3 L4 S1 S2 S3 P1 P2 P3 P4 P5 \
                    R1 R2 R3 R4 R5 R6 R7 R8 C1 C2 C3 C4 C5";

        for row in rows.split_whitespace() {
            assert!(named(&[row]).is_ok(), "{row}");
        }
    }

    #[test]
    fn no_row_is_there_twice() {
        let all = named(&[""; 0]).expect("all rows exist");

        let ids: HashSet<_> = all.iter().map(|case| case.id).collect();

        assert_eq!(ids.len(), all.len());
    }

    #[test]
    fn a_row_brings_its_parts() {
        let ids: Vec<_> = named(&["E1"]).expect("it exists").iter().map(|case| case.id).collect();

        assert_eq!(ids, ["E1", "E1-codings"]);
    }
}

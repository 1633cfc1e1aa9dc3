//! What every database of records promises, as a suite that each one runs.

mod claims;
mod documents;
mod listing;
mod logs;
mod together;
mod transactions;

use model::Tenant;
use serde::{Deserialize, Serialize};

use crate::{Document, Entry, Key, RecordId, Records};

/// Runs what one handle can show, against an empty database.
///
/// # Panics
/// When a promise is broken; the message says which.
pub async fn check(records: &Records) {
    documents::check(records).await;
    listing::check(records).await;
    claims::check(records).await;
    logs::check(records).await;
    transactions::check(records).await;
}

/// Runs what shows only when many work at once, through handles of one empty database.
///
/// # Panics
/// When a promise is broken; the message says which.
pub async fn check_together(handles: &[Records]) {
    together::check(handles).await;
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Job {
    name: Option<String>,
    status: String,
    effort: i64,
    due: Option<i64>,
}

impl Document for Job {
    const COLLECTION: &'static str = "conformance.jobs";
    const KEYS: &'static [Key] = &[Key::unique("name"), Key::lookup("status"), Key::lookup("effort"), Key::due("due")];
}

impl Job {
    fn named(name: &str) -> Self {
        Self { name: Some(name.to_owned()), status: "new".to_owned(), effort: 0, due: None }
    }
}

/// A number that is added to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counter {
    count: u64,
}

impl Document for Counter {
    const COLLECTION: &'static str = "conformance.counters";
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Deed {
    text: String,
    /// Of the deed before, as a hash chain has it.
    before: u64,
}

impl Entry for Deed {
    const LOG: &'static str = "conformance.deeds";
}

impl Deed {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), before: 0 }
    }
}

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).expect("a valid name")
}

fn id(id: &str) -> RecordId {
    RecordId::new(id).expect("a valid id")
}

//! Single documents: what is put is there, and nothing else.

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Job, id, tenant};
use crate::{Document, Error, Expected, Key, List, Order, RecordId, Records};

pub(super) async fn check(records: &Records) {
    what_is_put_is_read_back(records).await;
    a_new_document_is_made_once(records).await;
    an_old_version_is_refused(records).await;
    deleting_wants_the_version(records).await;
    a_unique_key_is_unique_within_its_tenant(records).await;
    the_clock_stamps_and_decides_nothing(records).await;
    odd_texts_survive(records).await;
    what_cannot_be_stored_is_refused(records).await;
    new_keys_find_old_documents(records).await;
}

async fn what_is_put_is_read_back(records: &Records) {
    let (jobs, acme, globex) = (records.collection::<Job>(), tenant("read-a"), tenant("read-b"));
    let job = Job { effort: i64::MIN, due: Some(i64::MAX), ..Job::named("sweep") };
    assert_eq!(jobs.get(&acme, &id("1")).await.expect("an answer"), None, "nothing is there at first");

    let written = jobs.put(&acme, &id("1"), &job, Expected::Absent).await.expect("it is put");

    let read = jobs.get(&acme, &id("1")).await.expect("an answer").expect("it is there");
    assert_eq!((&read.body, read.version, &read.tenant), (&job, 1, &acme));
    assert_eq!((read.created_at, read.updated_at), (written.created_at, written.updated_at));
    assert_eq!(jobs.find(&acme, "name", "sweep").await.expect("an answer").as_ref(), Some(&read), "by its unique key");
    assert_eq!(jobs.get(&globex, &id("1")).await.expect("an answer"), None, "no other tenant has it");
    assert_eq!(jobs.find(&globex, "name", "sweep").await.expect("an answer"), None, "nor finds it");
    assert!(matches!(jobs.find(&acme, "status", "new").await, Err(Error::Invalid(_))), "found by unique keys only");
}

async fn a_new_document_is_made_once(records: &Records) {
    let (jobs, acme) = (records.collection::<Job>(), tenant("once"));
    jobs.put(&acme, &id("1"), &Job::named("a"), Expected::Absent).await.expect("it is put");

    let again = jobs.put(&acme, &id("1"), &Job::named("b"), Expected::Absent).await;

    assert!(matches!(again, Err(Error::Conflict { found: Some(1), .. })), "{again:?}");
    let read = jobs.get(&acme, &id("1")).await.expect("an answer").expect("it is there");
    assert_eq!(read.body.name.as_deref(), Some("a"), "the first one stays");
}

async fn an_old_version_is_refused(records: &Records) {
    let (jobs, acme) = (records.collection::<Job>(), tenant("versions"));
    let missing = jobs.put(&acme, &id("1"), &Job::named("a"), Expected::Version(1)).await;
    assert!(matches!(missing, Err(Error::Conflict { found: None, .. })), "{missing:?}");
    jobs.put(&acme, &id("1"), &Job::named("a"), Expected::Any).await.expect("it is made");

    let second = jobs.put(&acme, &id("1"), &Job::named("b"), Expected::Version(1)).await.expect("it is changed");
    let late = jobs.put(&acme, &id("1"), &Job::named("c"), Expected::Version(1)).await;
    let third = jobs.put(&acme, &id("1"), &Job::named("d"), Expected::Any).await.expect("the last one wins");

    assert!(matches!(late, Err(Error::Conflict { found: Some(2), .. })), "{late:?}");
    assert_eq!((second.version, third.version), (2, 3));
    assert_eq!(second.created_at, third.created_at, "a document is made once");
}

async fn deleting_wants_the_version(records: &Records) {
    let (jobs, acme) = (records.collection::<Job>(), tenant("deleting"));
    jobs.put(&acme, &id("1"), &Job::named("a"), Expected::Any).await.expect("it is made");
    jobs.put(&acme, &id("1"), &Job::named("a"), Expected::Any).await.expect("it is changed");

    let early = jobs.delete(&acme, &id("1"), Expected::Version(1)).await;
    let there = jobs.delete(&acme, &id("1"), Expected::Absent).await;

    assert!(matches!(early, Err(Error::Conflict { found: Some(2), .. })), "{early:?}");
    assert!(matches!(there, Err(Error::Conflict { found: Some(2), .. })), "{there:?}");
    assert!(jobs.delete(&acme, &id("1"), Expected::Version(2)).await.expect("the version is right"));
    assert!(!jobs.delete(&acme, &id("1"), Expected::Any).await.expect("an answer"), "it is gone");
    assert!(!jobs.delete(&acme, &id("1"), Expected::Absent).await.expect("as expected"));
}

async fn a_unique_key_is_unique_within_its_tenant(records: &Records) {
    let (jobs, acme) = (records.collection::<Job>(), tenant("unique-a"));
    jobs.put(&acme, &id("1"), &Job::named("only"), Expected::Absent).await.expect("it is put");
    jobs.put(&acme, &id("2"), &Job::named("other"), Expected::Absent).await.expect("it is put");

    let made = jobs.put(&acme, &id("3"), &Job::named("only"), Expected::Absent).await;
    let changed = jobs.put(&acme, &id("2"), &Job::named("only"), Expected::Version(1)).await;
    jobs.put(&tenant("unique-b"), &id("1"), &Job::named("only"), Expected::Absent).await.expect("of another tenant");

    for refused in [made, changed] {
        let taken = matches!(refused, Err(Error::Taken { collection: "conformance.jobs", key: "name" }));
        assert!(taken, "the key is named: {refused:?}");
    }
    let everywhere = jobs.find_everywhere("name", "only").await.expect("an answer");
    let tenants: Vec<&str> = everywhere.iter().map(|found| found.tenant.as_str()).collect();
    assert_eq!(tenants, ["unique-a", "unique-b"], "over all tenants both are found");

    jobs.put(&acme, &id("1"), &Job::named("first"), Expected::Any).await.expect("it has another name now");
    jobs.put(&acme, &id("2"), &Job::named("only"), Expected::Any).await.expect("its old one is free");
    for nameless in ["4", "5"] {
        let job = Job { name: None, ..Job::named("") };
        jobs.put(&acme, &id(nameless), &job, Expected::Absent).await.expect("documents without the key do not collide");
    }
}

async fn the_clock_stamps_and_decides_nothing(records: &Records) {
    let (acme, day) = (tenant("clock"), 86_400_000_000_000);
    let at = |time| records.clone().with_clock(move || Timestamp(time)).collection::<Job>();
    at(10 * day).put(&acme, &id("1"), &Job::named("a"), Expected::Absent).await.expect("it is put");

    let back = at(9 * day).put(&acme, &id("1"), &Job::named("b"), Expected::Version(1)).await;

    let back = back.expect("a clock that went back a day refuses nothing");
    assert_eq!((back.created_at, back.updated_at), (Timestamp(10 * day), Timestamp(9 * day)));
    assert_eq!(back.version, 2, "the order is that of versions");
}

async fn odd_texts_survive(records: &Records) {
    let (jobs, acme) = (records.collection::<Job>(), tenant("odd"));
    let names = ["two\nlines", "'); DROP TABLE documents; --", "%s \\ \" $1 ?1", "café ☕ 𝄞", " ", ""];
    for (place, name) in names.into_iter().enumerate() {
        let id = id(&format!("a/b/../{place}?x=#%2F ü"));
        jobs.put(&acme, &id, &Job::named(name), Expected::Absent).await.expect("it is put");

        let read = jobs.find(&acme, "name", name).await.expect("an answer").expect("it is found");

        assert_eq!((read.id, read.body.name.as_deref()), (id, Some(name)));
    }
    let zero = Job { name: None, status: "new".to_owned(), effort: 0, due: None };
    let note = Note { text: "a\0b".to_owned() };
    let notes = records.collection::<Note>();
    notes.put(&acme, &id("zero"), &note, Expected::Absent).await.expect("U+0000 is a character");
    assert_eq!(notes.get(&acme, &id("zero")).await.expect("an answer").map(|read| read.body), Some(note));
    let refused = jobs.put(&acme, &id("zero"), &Job { status: "a\0b".to_owned(), ..zero }, Expected::Any).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "but not one of a key: {refused:?}");
}

async fn what_cannot_be_stored_is_refused(records: &Records) {
    let (jobs, notes, acme) = (records.collection::<Job>(), records.collection::<Note>(), tenant("refused"));
    for wrong in ["", "a\nb", "\u{7f}"] {
        assert!(matches!(RecordId::new(wrong), Err(Error::Invalid(_))), "{wrong:?} is no id");
    }
    assert!(matches!(RecordId::new("x".repeat(257)), Err(Error::TooLarge { limit: 256, .. })));

    let huge = Note { text: "x".repeat(10 << 20) };
    let huge = notes.put(&acme, &id("huge"), &huge, Expected::Any).await;
    let long = jobs.put(&acme, &id("long"), &Job::named(&"x".repeat(1025)), Expected::Any).await;

    assert!(matches!(huge, Err(Error::TooLarge { limit: 1_048_576, size: 10_485_771, .. })), "{huge:?}");
    assert!(matches!(long, Err(Error::TooLarge { limit: 1024, .. })), "{long:?}");
    let large = Note { text: "x".repeat((1 << 20) - 20) };
    notes.put(&acme, &id("large"), &large, Expected::Any).await.expect("just within the limit");
    assert_eq!(notes.get(&acme, &id("huge")).await.expect("an answer"), None);
}

async fn new_keys_find_old_documents(records: &Records) {
    let (remarks, acme) = (records.collection::<Remark>(), tenant("new-keys"));
    for text in ["b", "a"] {
        remarks.put(&acme, &id(text), &Remark { text: text.to_owned() }, Expected::Any).await.expect("it is put");
    }

    let next_version = records.collection::<KeyedRemark>();
    let list = List::all().by(Order::Key("text".to_owned()));
    let list = next_version.list(&acme, &list).await.expect("old documents have the key now");

    let texts: Vec<&str> = list.records.iter().map(|record| record.body.text.as_str()).collect();
    assert_eq!(texts, ["a", "b"]);
    assert_eq!(list.records[0].version, 1, "they did not change");
}

/// Without keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    text: String,
}

impl Document for Note {
    const COLLECTION: &'static str = "conformance.notes";
}

/// A version of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remark {
    text: String,
}

impl Document for Remark {
    const COLLECTION: &'static str = "conformance.remarks";
}

/// The next version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeyedRemark {
    text: String,
}

impl Document for KeyedRemark {
    const COLLECTION: &'static str = "conformance.remarks";
    const KEYS: &'static [Key] = &[Key::lookup("text")];
}

//! Collections as tables of SQL.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::json::LineDelimitedWriter;
use futures::TryStreamExt;
use model::{Tenant, Timestamp};
use records::{Document, Entry, Error, Expected, RecordId, Records, Table};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Member {
    id: String,
    tenant: Tenant,
    joined: Timestamp,
    left: Option<Timestamp>,
    role: Role,
    logins: u32,
    balance: f64,
    is_active: bool,
    tags: Vec<String>,
    settings: BTreeMap<String, serde_json::Value>,
    reach: Reach,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    password_hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    Viewer,
    Owner,
}

#[derive(Serialize, Deserialize)]
enum Reach {
    Mail { address: String },
}

impl Document for Member {
    const COLLECTION: &'static str = "test.members";
    const TIMES: &'static [&'static str] = &["joined", "left"];
    const HIDDEN: &'static [&'static str] = &["password_hash"];

    fn example() -> Option<Self> {
        Some(Self { left: Some(Timestamp(0)), role: Role::Viewer, note: Some(String::new()), ..member("") })
    }
}

fn member(id: &str) -> Member {
    Member {
        id: id.to_owned(),
        tenant: Tenant::default_tenant(),
        joined: Timestamp(1_700_000_000_123_456_789),
        left: None,
        role: Role::Owner,
        logins: 3,
        balance: 0.5,
        is_active: true,
        tags: vec!["a".to_owned(), "b".to_owned()],
        settings: BTreeMap::from([("colour".to_owned(), serde_json::json!({"h": 1}))]),
        reach: Reach::Mail { address: format!("{id}@example.org") },
        note: None,
        password_hash: "$argon2id$…".to_owned(),
    }
}

#[derive(Serialize, Deserialize)]
struct Plain {
    name: String,
    size: Option<i64>,
}

impl Document for Plain {
    const COLLECTION: &'static str = "test.plain";
}

impl Entry for Plain {
    const LOG: &'static str = "test.plain_log";
    const HIDDEN: &'static [&'static str] = &["size"];
}

/// The columns with their types, then the rows.
async fn show(table: Result<Table, Error>, tenant: &str) -> String {
    let table = table.expect("a table");
    let fields = table.schema();
    let columns = fields.fields().iter().map(|field| format!("{}: {}\n", field.name(), field.data_type()));
    let mut shown = columns.collect::<String>().into_bytes();
    let batches = table.rows(&Tenant::new(tenant).expect("a tenant")).try_collect::<Vec<_>>().await.expect("rows");
    for batch in batches {
        assert_eq!(batch.schema(), table.schema());
        LineDelimitedWriter::new(&mut shown).write(&without_zone(&batch)).expect("rows are JSON too");
    }
    String::from_utf8(shown).expect("a text")
}

/// The writer knows no names of time zones.
fn without_zone(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let column = match field.data_type() {
            DataType::Timestamp(unit, _) => cast(column, &DataType::Timestamp(*unit, None)).expect("the same times"),
            _ => Arc::clone(column),
        };
        (field.name().clone(), column)
    });
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).expect("a batch")
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_columns_of_their_type() {
    let records = Records::in_memory().expect("a database").with_clock(|| Timestamp(0));
    let acme = Tenant::new("acme").expect("a tenant");
    for id in ["ada", "bob"] {
        let id_of = RecordId::new(id).expect("an id");
        records.collection().put(&acme, &id_of, &member(id), Expected::Absent).await.expect("it is put");
    }

    let shown = show(records.table::<Member>(), "acme").await;

    insta::assert_snapshot!(shown);
    assert!(!shown.contains("argon2id"), "secrets are not shown");
    assert!(!show(records.table::<Member>(), "globex").await.contains("ada"), "another tenant sees nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_told_from_the_type() {
    let records = Records::in_memory().expect("a database").with_clock(|| Timestamp(0));
    let acme = Tenant::new("acme").expect("a tenant");
    for (id, size) in [("1", Some(7)), ("2", None)] {
        let plain = Plain { name: "two\nlines".to_owned(), size };
        let id = RecordId::new(id).expect("an id");
        records.collection().put(&acme, &id, &plain, Expected::Absent).await.expect("it is put");
    }

    insta::assert_snapshot!(show(records.table::<Plain>(), "acme").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_tables_too() {
    let records = Records::in_memory().expect("a database").with_clock(|| Timestamp(0));
    let acme = Tenant::new("acme").expect("a tenant");
    for name in ["one", "two"] {
        let entry = Plain { name: name.to_owned(), size: Some(1) };
        records.log().append(&acme, &entry).await.expect("it is appended");
    }

    insta::assert_snapshot!(show(records.log_table::<Plain>(), "acme").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_read_page_by_page() {
    let records = Records::in_memory().expect("a database");
    let acme = Tenant::new("acme").expect("a tenant");
    let plain = &Plain { name: String::new(), size: None };
    let written = records.transaction(|tx| {
        let acme = &acme;
        async move {
            for _ in 0..2500 {
                tx.collection().put(acme, &RecordId::unique(), plain, Expected::Absent).await?;
            }
            Ok::<_, Error>(())
        }
    });
    written.await.expect("it is put");

    let rows = records.table::<Plain>().expect("a table").rows(&acme).try_collect::<Vec<_>>().await.expect("rows");

    assert_eq!(rows.iter().map(|batch| batch.num_rows()).collect::<Vec<_>>(), [1000, 1000, 500]);
}

#[test]
fn a_type_without_columns_is_refused() {
    #[derive(Serialize, Deserialize)]
    struct Anything {
        value: serde_json::Value,
    }
    impl Document for Anything {
        const COLLECTION: &'static str = "test.anything";
    }
    #[derive(Serialize, Deserialize)]
    struct Misspelt {
        secret: String,
    }
    impl Document for Misspelt {
        const COLLECTION: &'static str = "test.misspelt";
        const HIDDEN: &'static [&'static str] = &["secrets"];
    }
    let records = Records::in_memory().expect("a database");

    for refused in [records.table::<Anything>(), records.table::<Misspelt>()] {
        assert!(matches!(&refused, Err(Error::Invalid(_))), "{refused:?}");
    }
}

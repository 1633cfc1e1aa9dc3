//! Attributes with columns of their own in merged files are what they are in the JSON.
//!
//! The same rows lie in memory and in lakes whose files have such columns, have none, or are of both kinds: every question has
//! the same answer in all.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use futures::TryStreamExt;
use lake::{Config, Lake};
use model::Signal;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::{Value, json};
use store::{MemoryStore, Outcome, Pace, Store};

use crate::support::{Dice, Fixture, acme};

const KEYS: [&str; 5] = ["tier", "cart.items", "größe\"", "nested", "rare"];
const VALUES: [&str; 14] = [
    r#""gold""#,
    r#""line\n\"two\" \u00e9""#,
    r#""7""#,
    "7",
    "7.0",
    "-3",
    "1.5e300",
    "12345678901234567890",
    "null",
    "true",
    r#"["x",1,{"y":2}]"#,
    r#"{"x":{"y":2},"z":"7"}"#,
    "{}",
    r#""""#,
];

/// Any JSON object; a key may come twice, and not all need be readable.
fn object(dice: &mut Dice, broken_one_in: u64) -> Value {
    if dice.roll(12) == 0 {
        return Value::Null;
    }
    let mut object = String::from("{");
    for number in 0..dice.roll(7) {
        let key = KEYS[dice.roll(KEYS.len() as u64 - 1) as usize];
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(object, "{comma}{}:{}", json!(key), VALUES[dice.roll(VALUES.len() as u64) as usize]);
    }
    if dice.roll(200) == 0 {
        object = r#"{"rare":"gold""#.to_owned();
    }
    if broken_one_in == 0 || dice.roll(broken_one_in) > 0 {
        object.push('}');
    }
    json!(object)
}

fn log(dice: &mut Dice, time: u64, broken_one_in: u64) -> Value {
    json!({
        "time": time,
        "service_name": format!("service-{}", dice.roll(4)),
        "attributes": object(dice, broken_one_in),
        "resource_attributes": object(dice, 0),
        "severity_number": dice.roll(20),
        "trace_id": format!("{:032x}", dice.roll(40)),
    })
}

/// Something that is said of a member of a column of JSON, in the table of that name.
fn said(dice: &mut Dice, table: &str) -> String {
    let json = format!("{table}.{}", ["attributes", "attributes", "resource_attributes"][dice.roll(3) as usize]);
    let key = KEYS[dice.roll(KEYS.len() as u64) as usize];
    match dice.roll(12) {
        0..4 => format!("{json}->>'{key}'"),
        4 => format!("({json}->'{key}')::bigint"),
        5 => format!("({json}->'{key}')::double"),
        6 => format!("json_get_str({json}, '{key}')"),
        7 => format!("json_get_json({json}, '{key}')"),
        8 => format!("({json} ? '{key}')"),
        9 => format!("({json}->'{key}'->>'x')"),
        10 => format!("json_length({json}, '{key}')"),
        _ => format!("({json}->'{key}'->'x'->>'y')"),
    }
}

fn condition(dice: &mut Dice, table: &str) -> String {
    match dice.roll(8) {
        0 => format!("{} is not null", said(dice, table)),
        1 => format!("{table}.attributes->>'cart.items' = '{}'", ["7", "7.0", "gold"][dice.roll(3) as usize]),
        2 => format!("{table}.attributes->>'tier' in ('gold', '7')"),
        3 => format!("({table}.attributes->'tier')::bigint > {}", dice.roll(9)),
        4 => format!("{table}.service_name = 'service-1'"),
        5 => format!("{table}.attributes like '%gold%'"),
        // Rows of a trace are filtered while they are decoded.
        6 => format!("{table}.trace_id = '{:032x}' and {} is not null", dice.roll(42), said(dice, table)),
        _ => format!("({} or not {})", condition(dice, table), condition(dice, table)),
    }
}

fn question(dice: &mut Dice) -> String {
    let (one, other, condition) = (said(dice, "logs"), said(dice, "logs"), condition(dice, "logs"));
    match dice.roll(12) {
        0 | 1 => format!("select {one} as a, count(*) from logs group by 1 order by 1"),
        2 => format!(
            "select {one} as a, {other} as b, count(*), sum(severity_number) from logs where {condition} group by 1, 2 order by 1, 2"
        ),
        3 => format!("select count(*), min({one}) as a, max({other}) as b from logs where {condition}"),
        4 => format!("select {one} as a, {other} as b from logs where {condition} order by time"),
        5 => format!("select time from logs order by {one}, time limit 50"),
        6 => format!("select attributes, {one} as a from logs where {condition} order by time limit 50"),
        7 => {
            let of_inner = said(dice, "inside");
            format!(
                "select {of_inner} as a, count(*) from (select attributes, resource_attributes from logs where {condition}) inside group by 1 order by 1"
            )
        }
        8 => {
            let of_other = said(dice, "b");
            format!(
                "select {one} as a, {of_other} as b, count(*) from logs join logs b on logs.time = b.time + interval '1 second' where {condition} group by 1, 2 order by 1, 2"
            )
        }
        9 => format!(
            "select count(*) from logs where exists (select 1 from logs b where b.severity_number = logs.severity_number and b.attributes->>'tier' = logs.attributes->>'tier' and b.time > logs.time) and {condition}"
        ),
        10 => {
            format!("select {one} as a, row_number() over (partition by {other} order by time) from logs order by time")
        }
        _ => "with all_of_it as (select attributes->>'tier' as tier, attributes from logs union all select 'none', resource_attributes from logs) select tier, attributes->>'cart.items', count(*) from all_of_it group by 1, 2 order by 1, 2".to_owned(),
    }
}

/// A lake in memory that gives so many attributes columns when files are merged.
struct Merging {
    lake: Arc<Lake>,
    objects: Arc<InMemory>,
    fixture: Fixture,
}

impl Merging {
    async fn with(promote_keys_max: usize) -> Self {
        let objects = Arc::new(InMemory::new());
        let config = Config { promote_keys_max, promote_rows_min: 1, ..Self::config() };
        let lake = Lake::on_objects(Arc::clone(&objects) as _, "lake").await.expect("a lake").configured(config);
        let lake = Arc::new(lake);
        let fixture = Fixture::over(Arc::clone(&lake) as Arc<dyn Store>).await;
        Self { lake, objects, fixture }
    }

    fn config() -> Config {
        Config { settled_seconds: 0, deletion_grace_seconds: 0, ..Config::default() }
    }

    async fn merge(&self) {
        while let Some(work) = self.lake.maintain(&Pace::full()).await.done {
            assert!(matches!(work.outcome, Outcome::Done), "{work:?}");
        }
    }

    /// The columns of files of logs that no table has.
    async fn promoted(&self) -> Vec<String> {
        let objects: Vec<_> = self.objects.list(None).try_collect().await.expect("a list of objects");
        let mut promoted = Vec::new();
        for object in objects.iter().filter(|object| object.location.as_ref().ends_with(".parquet")) {
            let file = self.objects.get(&object.location).await.expect("an object").bytes().await.expect("its bytes");
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
            let names = reader.schema().fields().iter().map(|field| field.name().clone());
            promoted.extend(names.filter(|name| name.contains('.')));
        }
        promoted.sort();
        promoted
    }
}

async fn check(seed: u64, broken_one_in: u64, questions: usize) {
    let mut dice = Dice(seed);
    let memory = Fixture::over(Arc::new(MemoryStore::default())).await;
    let (all, some, none) = (Merging::with(16).await, Merging::with(2).await, Merging::with(0).await);
    let mut time = 0;
    for (number, rows) in [300, 2, 600, 40, 300].into_iter().enumerate() {
        let logs = (0..rows).map(|_| {
            time += 1_000_000_000;
            log(&mut dice, time, broken_one_in)
        });
        let logs: Vec<Value> = logs.collect();
        for fixture in [&memory, &all.fixture, &some.fixture, &none.fixture] {
            fixture.append(&acme(), Signal::Logs, &logs).await;
            // The last rows stay live, and those before them in a file as it was flushed.
            if number < 4 {
                fixture.flush().await;
            }
        }
        // Files with columns are merged with files without.
        if number == 1 || number == 2 {
            for merging in [&all, &some, &none] {
                merging.merge().await;
            }
        }
    }
    assert!(all.promoted().await.contains(&"attributes.cart.items".to_owned()), "{:?}", all.promoted().await);
    assert!(all.promoted().await.iter().all(|name| !name.ends_with("rare")), "{:?}", all.promoted().await);
    assert_eq!(some.promoted().await.len(), 2);
    assert!(none.promoted().await.is_empty());

    for _ in 0..questions {
        let sql = question(&mut dice);
        let expected = memory.rows(&sql).await;
        for merging in [&all, &some, &none] {
            assert_eq!(merging.fixture.rows(&sql).await, expected, "seed {seed}: {sql}");
        }
    }
}

#[tokio::test]
async fn every_question_has_the_answer_it_has_without_promoted_columns() {
    check(20_261_125, 0, 100).await;
}

#[tokio::test]
async fn json_that_cannot_be_read_has_the_members_it_has_without_promoted_columns() {
    check(20_261_126, 50, 50).await;
}

#[tokio::test]
async fn members_of_merged_files_are_read_without_the_rest_of_the_json() {
    let (all, none) = (Merging::with(16).await, Merging::with(0).await);
    let mut dice = Dice(1);
    for file in 0..2 {
        let log = |number: u64| {
            let noise: String = (0..20).map(|_| format!("{:x}", dice.roll(1 << 30))).collect();
            let tier = ["gold", "silver"][(number % 2) as usize];
            let attributes = json!({"noise": noise, "tier": tier, "items": number % 5});
            json!({"time": number + file * 1000, "attributes": attributes.to_string()})
        };
        let logs: Vec<Value> = (0..1000).map(log).collect();
        for merging in [&all, &none] {
            merging.fixture.append(&acme(), Signal::Logs, &logs).await;
            merging.fixture.flush().await;
        }
    }
    for merging in [&all, &none] {
        merging.merge().await;
    }

    for sql in [
        "select attributes->>'tier', count(*) from logs group by 1 order by 1",
        "select attributes->>'tier', sum((attributes->'items')::bigint) from logs where time < to_timestamp(1) group by 1 order by 1",
        "select count(*) from logs where attributes->>'tier' like 'g%'",
        "select distinct attributes->'items'->>'x' from logs",
        "select a.attributes->>'tier', count(*) from logs a join logs b on a.time = b.time and a.attributes->>'items' = b.attributes->>'items' group by 1 order by 1",
    ] {
        assert_eq!(all.fixture.rows(sql).await, none.fixture.rows(sql).await, "{sql}");
        let (with, without) = (all.bytes_read(sql).await, none.bytes_read(sql).await);
        assert!(with * 4.0 < without, "{sql}: {with} bytes were read with columns, {without} without");
    }
    assert!(all.promoted().await.iter().all(|name| name != "attributes.noise"), "its column would be too large");
}

impl Merging {
    /// What the scans of the statement have read.
    async fn bytes_read(&self, sql: &str) -> f64 {
        let plan = self.fixture.rows(&format!("explain analyze {sql}")).await;
        let read = plan.split("bytes_scanned=").skip(1).map(|rest| {
            let (number, unit) =
                rest.split_once([',', ']']).map_or(("", ""), |(told, _)| told.split_once(' ').unwrap_or((told, "")));
            let factor = match unit {
                "K" => 1e3,
                "M" => 1e6,
                _ => 1.0,
            };
            number.parse::<f64>().unwrap_or_else(|_| panic!("no number in {plan}")) * factor
        });
        read.sum()
    }
}

//! Chunks and partitions over time.

use model::{Signal, Timestamp};
use store::{Store, WriterId};
use testkit::Skip;
use timescale::{Config, Timescale};
use uuid::Uuid;

use crate::support::{Hypertables, config, count, now, open, postgres, segment, tenant};

const HOUR: i64 = 3_600_000_000_000;
const DAY: i64 = 24 * HOUR;

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_any_time_are_kept_in_a_bounded_number_of_partitions() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let store = open(&server.url()).await;
    let times: Vec<i64> = (0..400).map(|number| number * (i64::MAX / 400)).chain([now(), now() - DAY]).collect();

    store.keep(&segment(WriterId(Uuid::new_v4()), (1, 1), &times)).await.expect("kept");

    assert_eq!(count(&store).await, times.len());
    let partitions = server.psql("select count(*) from pg_inherits where inhparent = 'observatory.spans'::regclass");
    assert!(partitions.parse::<u32>().expect("a number") <= 4, "{partitions}: now, ahead, a day ago");
    assert_eq!(server.psql("select count(*) from observatory.spans_strays"), "400");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_rows_go_with_their_partition_or_alone() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let store = open(&server.url()).await;
    let (writer, horizon) = (WriterId(Uuid::new_v4()), now() - DAY);
    let times = [now() - 10 * DAY, now() - 2 * DAY, horizon - 1, horizon, horizon + 1, now(), 0];
    store.keep(&segment(writer, (1, 1), &times)).await.expect("kept");

    store.expire(&tenant(), Signal::Spans, Timestamp(horizon)).await.expect("expired");

    assert_eq!(count(&store).await, 3);
    store.keep(&segment(writer, (2, 2), &[now() - 10 * DAY])).await.expect("a dropped partition is made again");
    assert_eq!(count(&store).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_compressed_under_us_takes_late_rows() -> Result<(), ()> {
    let database = Hypertables::start().await.map_err(Skip::tell)?;
    let settings = database.config();
    let store = Timescale::open(settings.clone()).await.expect("the store opens");
    let (writer, old) = (WriterId(Uuid::new_v4()), now() - 5 * HOUR);
    store.keep(&segment(writer, (1, 1), &[old, old + 1, now()])).await.expect("kept");
    store.keep(&segment(writer, (2, 2), &[old + 2])).await.expect("kept");

    compress(&settings, old).await;
    assert_eq!(count(&store).await, 4, "compressed rows show");
    store.keep(&segment(writer, (3, 3), &[old + 3, old - DAY])).await.expect("a late row is kept");

    assert_eq!(count(&store).await, 6);
    store.expire(&tenant(), Signal::Spans, Timestamp(old + 2)).await.expect("expired");
    assert_eq!(count(&store).await, 3);
    store.maintain().await.expect("maintained");
    Ok(())
}

/// Calls the job that the policy would fire, as no worker does it where this runs, and makes sure that it did something.
async fn compress(settings: &Config, old: i64) {
    let url = format!("{:?}", settings.url);
    assert!(url.contains("(..)"), "passwords are not shown");
    let client = crate::support::client(settings).await;
    let schema = &settings.schema;
    let job = "select job_id from timescaledb_information.jobs where proc_name = 'policy_compression' \
               and hypertable_schema = $1 and hypertable_name = 'spans'";
    let job: i32 = client.query_one(job, &[schema]).await.expect("a policy").get(0);
    client.batch_execute(&format!("call run_job({job})")).await.expect("the job runs");
    let compressed =
        "select count(*) from timescaledb_information.chunks where hypertable_schema = $1 and is_compressed";
    let compressed: i64 = client.query_one(compressed, &[schema]).await.expect("an answer").get(0);
    assert_eq!(compressed, 1, "the chunk of {old}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_make_partitions_of_different_widths_side_by_side() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let wide = Config { chunk_hours: 6, ..config(&server.url()) };
    let (narrow, wide) = tokio::join!(Timescale::open(config(&server.url())), Timescale::open(wide));
    let (narrow, wide) = (narrow.expect("opens"), wide.expect("opens"));
    let times: Vec<i64> = (0..48).map(|hour| now() - hour * HOUR).collect();
    let (some, others): (Vec<i64>, Vec<i64>) = times.iter().partition(|time| **time / HOUR % 3 == 0);

    let (one, other) =
        (segment(WriterId(Uuid::new_v4()), (1, 1), &some), segment(WriterId(Uuid::new_v4()), (1, 1), &others));
    let (one, other) = tokio::join!(narrow.keep(&one), wide.keep(&other));

    one.and(other).expect("both are kept");
    assert_eq!(server.psql("select count(*) from observatory.spans"), "48");
    testkit::until("each sees what the other has kept", std::time::Duration::from_secs(20), async || {
        (count(&narrow).await == 48 && count(&wide).await == 48).then_some(())
    })
    .await;
}

//! The lake on a real S3 server, over the network.

use std::path::Path;
use std::sync::Arc;

use futures::future::join_all;
use lake::Lake;
use model::{Signal, Tenant};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use store::conformance::spans;
use store::{Job, Pace, Store, WriterId};
use testkit::S3Server;
use uuid::Uuid;

use crate::support::{Segments, eager, maintain_all, rows};

fn bucket(server: &S3Server) -> Arc<AmazonS3> {
    let settings = server.environment();
    let builder = settings.into_iter().fold(AmazonS3Builder::new(), |builder, (name, value)| {
        builder.with_config(name.to_ascii_lowercase().parse().expect("a setting of S3"), value)
    });
    Arc::new(builder.with_url(server.bucket_url()).build().expect("complete settings"))
}

macro_rules! s3_or_skip {
    () => {
        match S3Server::start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("external")).await {
            Ok(server) => server,
            Err(skip) => return skip.tell(),
        }
    };
}

#[tokio::test]
async fn the_lake_on_s3_conforms() {
    let server = s3_or_skip!();

    store::conformance::check(&Lake::on_objects(bucket(&server), "lake").await.expect("a lake")).await;
}

#[tokio::test]
async fn what_one_has_kept_on_s3_another_finds() {
    let server = s3_or_skip!();
    let (tenant, writer) = (Tenant::default_tenant(), WriterId(Uuid::new_v4()));
    let first = Lake::on_objects(bucket(&server), "lake").await.expect("a lake");
    // Beyond a checkpoint of the manifest.
    for position in 1..=70 {
        first.keep(&spans(&tenant, writer, (position, position), &[1, 2])).await.expect("kept");
    }

    let second = Lake::on_objects(bucket(&server), "lake").await.expect("a lake");

    let stored = second.table(&tenant, Signal::Spans).expect("a table");
    assert_eq!(stored.kept_through(writer), 70);
}

#[tokio::test]
async fn two_compactors_on_s3_neither_lose_nor_double_a_row() {
    let server = s3_or_skip!();
    let tenant = Tenant::default_tenant();
    let open = async || Lake::on_objects(bucket(&server), "lake").await.expect("a lake").configured(eager());
    let (one, two) = (open().await, open().await);
    let mut segments = Segments::new();
    for minute in 0..24 {
        let times = minute * 100..minute * 100 + 10;
        one.keep(&segments.next(Signal::Spans, &crate::support::spans(times))).await.expect("kept");
    }

    let (by_one, by_two) = tokio::join!(maintain_all(&one), maintain_all(&two));

    assert!(by_one.iter().chain(&by_two).any(|work| work.task.job == Job::Compact), "{by_one:?} {by_two:?}");
    for lake in [&one, &two, &open().await] {
        lake.maintain(&Pace::full()).await;
        assert_eq!(rows(lake, &tenant, Signal::Spans).await.len(), 240);
    }
}

#[tokio::test]
async fn of_writers_on_s3_that_commit_at_once_none_is_lost() {
    const WRITERS: u64 = 4;
    const SEGMENTS: u64 = 8;
    let server = s3_or_skip!();
    let tenant = Tenant::default_tenant();

    let writers = (0..WRITERS).map(|_| {
        let (server, tenant) = (&server, tenant.clone());
        async move {
            let writer = WriterId(Uuid::new_v4());
            let lake = Lake::on_objects(bucket(server), "lake").await.expect("a lake");
            for position in 1..=SEGMENTS {
                lake.keep(&spans(&tenant, writer, (position, position), &[1])).await.expect("kept");
            }
            writer
        }
    });
    let writers = join_all(writers).await;

    let lake = Lake::on_objects(bucket(&server), "lake").await.expect("a lake");
    let stored = lake.table(&tenant, Signal::Spans).expect("a table");
    for writer in writers {
        assert_eq!(stored.kept_through(writer), SEGMENTS);
    }
}

use model::{Rollup, Signal, TimeRange, Timestamp};
use store::{Origin, SegmentId, WriterId};
use uuid::Uuid;

use super::*;

fn entry(writer: WriterId, position: u64) -> FileEntry {
    let id = SegmentId::new();
    FileEntry {
        id,
        tenant: Tenant::default_tenant(),
        dataset: Signal::Logs.into(),
        path: Path::from(format!("default/logs/{id}.parquet")),
        bytes: 10,
        rows: 1,
        times: TimeRange { min: Timestamp(1), max: Timestamp(2) },
        sort_keys: None,
        origin: Some(Origin { writer, first: position, through: position }),
        trace_filter_bytes: None,
        level: 0,
        index: None,
        rolled_up: false,
        folded: store::rollup::Folded::NOTHING,
    }
}

fn adds(writer: WriterId, position: u64) -> Commit {
    Commit { add: vec![Arc::new(entry(writer, position))], ..Commit::default() }
}

fn positions(manifest: &Manifest) -> Vec<u64> {
    let table = manifest.table(&Tenant::default_tenant(), Signal::Logs.into());
    let mut positions: Vec<u64> =
        table.files.iter().map(|file| file.origin.expect("a segment's file").through).collect();
    positions.sort_unstable();
    positions
}

async fn on_disk(directory: &std::path::Path) -> Manifest {
    Manifest::open(Arc::new(Depot::on_disk(directory).expect("a depot"))).await.expect("a manifest")
}

#[tokio::test]
async fn a_reopened_manifest_says_the_same() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let writer = WriterId(Uuid::new_v4());
    let manifest = on_disk(directory.path()).await;

    let files = COMMITS_PER_CHECKPOINT * 2 + 7;
    for position in 1..=files {
        manifest.commit(&adds(writer, position)).await.expect("a commit");
    }

    let reopened = on_disk(directory.path()).await;
    assert_eq!(positions(&reopened), (1..=files).collect::<Vec<_>>());
    assert_eq!(reopened.table(&Tenant::default_tenant(), Signal::Logs.into()).watermarks.get(&writer), Some(&files));
}

#[tokio::test]
async fn a_start_reads_one_checkpoint_and_the_commits_after_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let writer = WriterId(Uuid::new_v4());
    let manifest = on_disk(directory.path()).await;
    for position in 1..=COMMITS_PER_CHECKPOINT + 1 {
        manifest.commit(&adds(writer, position)).await.expect("a commit");
    }

    for version in 1..=COMMITS_PER_CHECKPOINT {
        std::fs::remove_file(directory.path().join(commit_path(version).as_ref())).expect("a commit file");
    }

    assert_eq!(positions(&on_disk(directory.path()).await).len() as u64, COMMITS_PER_CHECKPOINT + 1);
}

#[tokio::test]
async fn two_writers_lose_nothing_to_each_other() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (one, two) = (on_disk(directory.path()).await, on_disk(directory.path()).await);
    let (first, second) = (WriterId(Uuid::new_v4()), WriterId(Uuid::new_v4()));

    for position in 1..=40 {
        let (one_more, another) = (adds(first, position), adds(second, position));
        let (a, b) = tokio::join!(one.commit(&one_more), two.commit(&another));
        a.and(b).expect("both commit");
    }

    let reopened = on_disk(directory.path()).await;
    assert_eq!(positions(&reopened).len(), 80);
}

#[tokio::test]
async fn a_half_written_object_is_not_part_of_the_manifest() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let writer = WriterId(Uuid::new_v4());
    on_disk(directory.path()).await.commit(&adds(writer, 1)).await.expect("a commit");

    std::fs::write(directory.path().join(FOLDER).join("0123#0"), b"{\"add\":[").expect("a leftover of a crash");

    assert_eq!(positions(&on_disk(directory.path()).await), [1]);
}

#[tokio::test]
async fn removed_files_stay_away_and_their_watermark_stays() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let writer = WriterId(Uuid::new_v4());
    let manifest = on_disk(directory.path()).await;
    let first = adds(writer, 1);
    manifest.commit(&first).await.expect("a commit");
    for position in 2..=COMMITS_PER_CHECKPOINT {
        manifest.commit(&adds(writer, position)).await.expect("a commit");
    }

    let gone = vec![first.add[0].id];
    let removal = Commit { remove: gone, at: Timestamp(7), ..Commit::default() };
    assert_eq!(manifest.commit(&removal).await.expect("a commit"), Committed::Done);

    for _ in 0..2 {
        let reopened = on_disk(directory.path()).await;
        assert_eq!(positions(&reopened), (2..=COMMITS_PER_CHECKPOINT).collect::<Vec<_>>());
        assert_eq!(reopened.commit(&adds(writer, 1)).await.expect("a commit"), Committed::Overtaken);
        assert_eq!(reopened.commit(&removal).await.expect("a commit"), Committed::Overtaken);
        // Through a checkpoint and what follows it.
        for position in 1..=COMMITS_PER_CHECKPOINT {
            let other = adds(WriterId(Uuid::new_v4()), position);
            reopened.commit(&other).await.expect("a commit");
            let removal = Commit { remove: vec![other.add[0].id], ..Commit::default() };
            assert_eq!(reopened.commit(&removal).await.expect("a commit"), Committed::Done);
        }
    }
}

#[tokio::test]
async fn rollups_say_from_when_on_they_are_those_of_the_spans() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (writer, tenant) = (WriterId(Uuid::new_v4()), Tenant::default_tenant());
    let hour = Rollup::ServiceHours.period_nanos();
    let spans = |position: u64, latest: i64, rolled_up| {
        let times = TimeRange { min: Timestamp(0), max: Timestamp(latest) };
        Arc::new(FileEntry { dataset: Signal::Spans.into(), times, rolled_up, ..entry(writer, position) })
    };
    let manifest = on_disk(directory.path()).await;
    let same_from = |manifest: &Manifest| manifest.state().same_from(&tenant, Rollup::ServiceHours).0;
    let commit = async |add: &[&Arc<FileEntry>], remove: &[&Arc<FileEntry>]| {
        let (add, remove) = (add.iter().copied().cloned().collect(), remove.iter().map(|file| file.id).collect());
        assert_eq!(
            manifest.commit(&Commit { add, remove, ..Commit::default() }).await.expect("a commit"),
            Committed::Done
        );
        (same_from(&manifest), same_from(&on_disk(directory.path()).await))
    };
    let (old, first, second) = (spans(3, 70, false), spans(1, 90, true), spans(2, 80, true));
    let compacted = Arc::new(FileEntry { origin: None, ..FileEntry::clone(&spans(9, 90, true)) });
    let dataset = Rollup::ServiceHours.into();
    let sums = Arc::new(FileEntry { dataset, times: TimeRange::of(&[0, hour]), ..entry(writer, 3) });

    assert_eq!(same_from(&manifest), i64::MIN, "an empty lake");
    assert_eq!(commit(&[&first, &second, &sums], &[]).await, (i64::MIN, i64::MIN), "rolled up from the start");
    assert_eq!(commit(&[&old], &[]).await, (71, 71), "after spans that were kept without");
    assert_eq!(commit(&[], &[&old]).await, (71, 71), "after spans that expired");
    assert_eq!(commit(&[&compacted], &[&first, &second]).await, (71, 71), "compaction loses nothing");
    assert_eq!(commit(&[], &[&compacted]).await, (91, 91), "after more that expired");
    assert_eq!(commit(&[], &[&sums]).await, (2 * hour, 2 * hour), "after sums that expired");
    for position in 4..4 + COMMITS_PER_CHECKPOINT {
        manifest.commit(&adds(writer, position)).await.expect("a commit");
    }
    assert_eq!(same_from(&on_disk(directory.path()).await), 2 * hour, "through a checkpoint");
}

//! What a backup promises, on a directory.

use std::fs;
use std::future::pending;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use backup::{BackupError, Keep, Place, Record, Repository, Source, StateFile, Target, Watch, restore, take, verify};
use lake::Lake;
use model::{Signal, Tenant};
use store::conformance::spans;
use store::{Store, WriterId};
use tempfile::TempDir;
use uuid::Uuid;

/// What is neither lake nor log.
const STATE: [&str; 2] = ["records.sqlite", "encryption.key"];

/// A data directory and a place for its backups.
struct Setting {
    folder: TempDir,
    writer: WriterId,
}

impl Setting {
    fn new() -> Self {
        let setting = Self { folder: TempDir::new().expect("a folder"), writer: WriterId(Uuid::new_v4()) };
        fs::create_dir_all(setting.wal()).expect("a folder");
        fs::write(setting.wal().join("id"), "an id").expect("a file");
        fs::write(setting.wal().join("00000000000000000001.wal"), "frames").expect("a file");
        for file in setting.state("data") {
            fs::write(&file.path, format!("what {} holds", file.name)).expect("a file");
        }
        setting
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn wal(&self) -> PathBuf {
        self.path("data/wal")
    }

    fn state(&self, data: &str) -> Vec<StateFile> {
        STATE.map(|name| StateFile { name, path: self.path(data).join(name) }).into()
    }

    async fn keep(&self, position: u64) {
        let lake = Lake::on_disk(&self.path("data/lake")).await.expect("a lake");
        let segment = spans(&Tenant::default_tenant(), self.writer, (position, position), &[position as i64]);
        lake.keep(&segment).await.expect("kept");
    }

    fn source(&self) -> Source {
        let lake = self.path("data/lake");
        let place = Place::on_disk(&lake).expect("a place");
        let open = move || {
            let lake = lake.clone();
            Box::pin(async move { Lake::on_disk(&lake).await }) as _
        };
        Source { place, open: Box::new(open), wal: self.wal(), state: self.state("data") }
    }

    async fn repository(&self) -> Repository {
        let place = Place::on_disk(&self.path("backups")).expect("a place");
        Repository::open_or_begin(place).await.expect("a place for backups")
    }

    async fn take(&self) -> Record {
        let (record, _) = take(&self.source(), &self.repository().await, Keep::default(), &unwatched(), pending())
            .await
            .expect("a backup");
        record
    }

    fn target(&self, name: &str) -> Target {
        let lake = Place::on_disk(&self.path(name).join("lake")).expect("a place");
        Target { lake, wal: self.path(name).join("wal"), state: self.state(name) }
    }
}

fn unwatched() -> Watch {
    Arc::new(|_| {})
}

async fn kept_through(lake: &Path, writer: WriterId) -> u64 {
    let lake = Lake::on_disk(lake).await.expect("a lake");
    lake.table(&Tenant::default_tenant(), Signal::Spans).expect("a table").kept_through(writer)
}

/// Files of spans; rollups have files of their own.
fn span_files(folder: &Path) -> Vec<PathBuf> {
    parquet_files(folder).into_iter().filter(|path| path.to_string_lossy().contains("/spans/")).collect()
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| if path.is_dir() { parquet_files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .collect()
}

#[tokio::test]
async fn what_is_restored_is_the_lake_and_the_log_of_that_moment() {
    let setting = Setting::new();
    setting.keep(1).await;
    setting.keep(2).await;
    let record = setting.take().await;
    setting.keep(3).await;

    restore(&setting.repository().await, &record, &setting.target("other"), &unwatched()).await.expect("restored");

    assert_eq!(kept_through(&setting.path("other/lake"), setting.writer).await, 2);
    assert_eq!(span_files(&setting.path("other/lake")).len(), 2);
    assert_eq!(fs::read(setting.path("other/wal/00000000000000000001.wal")).expect("a log"), b"frames");
    assert_eq!(fs::read(setting.path("other/wal/id")).expect("its identity"), b"an id");
}

#[tokio::test]
async fn the_next_backup_copies_only_what_is_new_and_says_how_far_it_is() {
    let setting = Setting::new();
    for position in 1..=3 {
        setting.keep(position).await;
    }
    setting.take().await;
    setting.keep(4).await;
    let copied = Arc::new(AtomicU64::new(0));
    let last = Arc::clone(&copied);
    let watch: Watch = Arc::new(move |progress| {
        if progress.step == "copying" {
            last.store(progress.objects, Ordering::Relaxed);
            assert!(progress.objects <= progress.objects_all && progress.bytes <= progress.bytes_all);
        }
    });
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;

    let repository = setting.repository().await;
    let (record, _) = take(&setting.source(), &repository, Keep::default(), &watch, pending()).await.expect("a backup");

    assert_eq!(copied.load(Ordering::Relaxed), 5, "rows, their index, three rollups");
    restore(&repository, &record, &setting.target("other"), &unwatched()).await.expect("restored");
    assert_eq!(kept_through(&setting.path("other/lake"), setting.writer).await, 4);
}

#[tokio::test]
async fn a_damaged_or_missing_object_is_named() {
    let setting = Setting::new();
    setting.keep(1).await;
    setting.keep(2).await;
    let record = setting.take().await;
    let repository = setting.repository().await;
    verify(&repository, &record, &unwatched()).await.expect("a whole backup");

    let files = span_files(&setting.path("backups"));
    let mut bytes = fs::read(&files[0]).expect("a file");
    *bytes.last_mut().expect("bytes") ^= 1;
    fs::write(&files[0], bytes).expect("a bit flipped");
    fs::remove_file(&files[1]).expect("a file deleted");

    let damage = verify(&repository, &record, &unwatched()).await.expect_err("damage");
    assert!(matches!(&damage, BackupError::Damaged { damaged, .. } if damaged.len() == 2), "{damage}");
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(damage.to_string().contains(&name), "{damage}");
    }
    let restored = restore(&repository, &record, &setting.target("other"), &unwatched()).await;
    restored.expect_err("nothing damaged is restored");
    assert_eq!(kept_through(&setting.path("other/lake"), setting.writer).await, 0, "half a restore is no lake");
}

#[tokio::test]
async fn a_restore_into_a_place_that_is_not_empty_is_refused_and_touches_nothing() {
    let setting = Setting::new();
    setting.keep(1).await;
    let record = setting.take().await;
    setting.keep(2).await;

    let refused = restore(&setting.repository().await, &record, &setting.target("data"), &unwatched()).await;

    assert!(matches!(refused, Err(BackupError::NotEmpty { .. })), "{refused:?}");
    assert_eq!(kept_through(&setting.path("data/lake"), setting.writer).await, 2);
}

#[tokio::test]
async fn state_comes_back_as_it_was_and_is_its_owners_alone() {
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    let setting = Setting::new();
    setting.keep(1).await;
    let record = setting.take().await;
    let repository = setting.repository().await;

    verify(&repository, &record, &unwatched()).await.expect("a whole backup");
    restore(&repository, &record, &setting.target("other"), &unwatched()).await.expect("restored");

    assert_eq!(mode(&setting.path("backups").join(record.id.to_string()).join("state")), 0o700);
    for file in setting.state("other") {
        let restored = fs::read_to_string(&file.path).expect("a file");
        assert_eq!(restored, format!("what {} holds", file.name));
        assert_eq!(mode(&file.path), 0o600);
    }
}

#[tokio::test]
async fn a_flipped_byte_of_the_state_is_noticed() {
    let setting = Setting::new();
    setting.keep(1).await;
    let record = setting.take().await;
    let copy = setting.path("backups").join(record.id.to_string()).join("state/records.sqlite");
    let mut bytes = fs::read(&copy).expect("a copy");
    bytes[0] ^= 1;
    fs::write(&copy, bytes).expect("a bit flipped");

    let damage = verify(&setting.repository().await, &record, &unwatched()).await.expect_err("damage");

    assert!(damage.to_string().contains("state/records.sqlite"), "{damage}");
    let restored = restore(&setting.repository().await, &record, &setting.target("other"), &unwatched()).await;
    assert!(matches!(restored, Err(BackupError::Damaged { .. })), "{restored:?}");
}

#[tokio::test]
async fn state_that_is_there_is_not_mixed_with_that_of_a_backup() {
    let setting = Setting::new();
    setting.keep(1).await;
    let record = setting.take().await;
    for (folder, there) in [("a", "records.sqlite"), ("b", "records.sqlite-wal"), ("c", "encryption.key")] {
        let (target, there) = (setting.target(folder), format!("{folder}/{there}"));
        fs::write(setting.path(&there), "of another server").expect("a file");

        let refused = restore(&setting.repository().await, &record, &target, &unwatched()).await;

        let is_named = refused.as_ref().is_err_and(|refused| refused.to_string().contains(&there));
        assert!(is_named && matches!(refused, Err(BackupError::NotEmpty { .. })), "{refused:?}");
        assert_eq!(fs::read_to_string(setting.path(&there)).expect("a file"), "of another server");
    }
}

#[tokio::test]
async fn a_backup_of_the_first_format_without_state_is_verified_and_restored() {
    let setting = Setting::new();
    setting.keep(1).await;
    let (repository, without) = (setting.repository().await, Source { state: Vec::new(), ..setting.source() });
    let (taken, _) = take(&without, &repository, Keep::default(), &unwatched(), pending()).await.expect("a backup");
    for file in [format!("{}/backup.json", taken.id), "observatory-backups.json".to_owned()] {
        let path = setting.path("backups").join(file);
        let record = fs::read_to_string(&path).expect("a file");
        fs::write(&path, record.replace("\"format\":2", "\"format\":1")).expect("an older one");
    }

    let repository = setting.repository().await;
    let record = repository.record(None).await.expect("it can be read");
    verify(&repository, &record, &unwatched()).await.expect("a whole backup");
    restore(&repository, &record, &setting.target("other"), &unwatched()).await.expect("restored");

    assert_ne!(record, taken, "it is an older one");
    assert_eq!(kept_through(&setting.path("other/lake"), setting.writer).await, 1);
    assert!(setting.state("other").iter().all(|file| !file.path.exists()));
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    setting.take().await;
}

#[tokio::test]
async fn backups_go_nowhere_where_other_things_are() {
    let setting = Setting::new();
    setting.keep(1).await;

    let refused = Repository::open_or_begin(Place::on_disk(&setting.path("data")).expect("a place")).await;

    assert!(matches!(refused, Err(BackupError::Foreign { .. })), "{refused:?}");
}

#[tokio::test]
async fn of_two_backups_at_once_one_is_refused_and_the_next_one_is_not() {
    let setting = Setting::new();
    setting.keep(1).await;
    let repository = setting.repository().await;
    let (first_source, second_source, unwatched) = (setting.source(), setting.source(), unwatched());

    let first = take(&first_source, &repository, Keep::default(), &unwatched, pending());
    let second = take(&second_source, &repository, Keep::default(), &unwatched, pending());
    let (first, second) = tokio::join!(first, second);

    let refused = [&first, &second].into_iter().filter(|taken| matches!(taken, Err(BackupError::Locked { .. })));
    assert_eq!(refused.count(), 1, "{first:?} {second:?}");
    setting.take().await;
}

#[tokio::test]
async fn a_backup_that_is_stopped_leaves_no_backup_and_no_lock() {
    let setting = Setting::new();
    setting.keep(1).await;
    let repository = setting.repository().await;

    let stopped = take(&setting.source(), &repository, Keep::default(), &unwatched(), async {}).await;

    assert!(matches!(stopped, Err(BackupError::Stopped)), "{stopped:?}");
    assert_eq!(repository.backups().await.expect("a list"), []);
    setting.take().await;
}

#[tokio::test]
async fn objects_that_no_backup_names_go_with_the_last_backup_that_did() {
    let setting = Setting::new();
    setting.keep(1).await;
    let first = setting.take().await;
    let orphan = setting.path("backups/files/default/spans/orphan.parquet");
    fs::create_dir_all(orphan.parent().expect("a folder")).expect("a folder");
    fs::write(&orphan, "of a backup that was killed").expect("a file");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    // All that made the first backup is gone, as after compaction.
    fs::remove_dir_all(setting.path("data/lake")).expect("a lake");
    setting.keep(2).await;

    let (repository, keep) = (setting.repository().await, Keep { daily: 1, weekly: 0 });
    let (second, expired) =
        take(&setting.source(), &repository, keep, &unwatched(), pending()).await.expect("a backup");

    assert_eq!(expired, [first.id]);
    assert_eq!(repository.backups().await.expect("a list"), [second.id]);
    assert!(!orphan.exists() && !setting.path("backups").join(first.id.to_string()).join("backup.json").exists());
    assert!(!setting.path("backups").join(first.id.to_string()).join("state/records.sqlite").exists());
    assert_eq!(span_files(&setting.path("backups")).len(), 1);
    verify(&repository, &second, &unwatched()).await.expect("a whole backup");
}

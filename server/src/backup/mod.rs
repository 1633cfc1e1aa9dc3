//! `observatory backup`, `restore` and `verify`.

mod progress;
pub(crate) mod schedule;
mod state;

use anyhow::{Context, ensure};
use backup::{BackupId, Record, Repository, Source, Target};

use self::state::State;
use crate::config::{Config, ConfigArgs, Rest};
use crate::data_dir::DataDir;
use crate::lake_place::LakePlace;

/// Options of `observatory backup`.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    settings: ConfigArgs,
    /// A directory, or s3://bucket/prefix [default: the setting backup.to]
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
    /// Days of which the newest backup stays [default: the setting backup.keep_daily, 7]
    #[arg(long, value_name = "DAYS")]
    keep_daily: Option<usize>,
    /// Weeks of which the newest backup stays [default: the setting backup.keep_weekly, 4]
    #[arg(long, value_name = "WEEKS")]
    keep_weekly: Option<usize>,
}

/// Options of `observatory restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    settings: ConfigArgs,
    /// A directory, or s3://bucket/prefix
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// Which one, as in 20261124T023000Z [default: the newest]
    #[arg(long, value_name = "NAME")]
    backup: Option<BackupId>,
}

/// Options of `observatory verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    settings: ConfigArgs,
    /// A directory, or s3://bucket/prefix [default: the setting backup.to]
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// Which one, as in 20261124T023000Z [default: the newest]
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    backup: Option<BackupId>,
    /// All that are there
    #[arg(long)]
    all: bool,
}

/// Takes a backup now.
pub(crate) fn run(args: BackupArgs) -> anyhow::Result<()> {
    let mut config = args.settings.load()?;
    config.backup.keep_daily = args.keep_daily.unwrap_or(config.backup.keep_daily);
    config.backup.keep_weekly = args.keep_weekly.unwrap_or(config.backup.keep_weekly);
    let to = args.to.or_else(|| config.backup.to.clone());
    let to = to.context("where to? Name a directory or s3://bucket/prefix with --to, or in the setting backup.to")?;
    ensure!(
        config.server.data_dir.is_dir(),
        "there is no data directory {}: name the server's with --data-dir or --config",
        config.server.data_dir.display()
    );
    block_on(async {
        let stop = crate::listen::interrupted();
        let (record, expired) = take(&config, &to, &progress::shown(), stop).await?;
        println!("{} is in {to}: {} objects, {} bytes, verified", record.id, record.objects(), record.bytes());
        for id in expired {
            println!("{id} is no longer kept and was deleted");
        }
        if state::records_are_elsewhere(&config) {
            println!("{}", state::RECORDS_ELSEWHERE);
        }
        Ok(())
    })
}

/// Takes a backup of the server that these settings describe.
async fn take(
    config: &Config,
    to: &str,
    watch: &backup::Watch,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<(Record, Vec<BackupId>)> {
    ensure!(
        config.storage.rest() == Rest::Lake,
        "telemetry rests in a database: back it up with PostgreSQL's own tools; this command copies Parquet files"
    );
    let repository = Repository::open_or_begin(LakePlace::named(to)?.objects()?).await?;
    let lake = LakePlace::of(&config.storage, &config.server.data_dir)?;
    let place = lake.objects()?;
    let open = move || {
        let lake = lake.clone();
        Box::pin(async move { lake.open().await }) as _
    };
    // Records before telemetry: they speak of rows, and say how far products have read. Older than the rows, they let products
    // read some rows twice after a restore; younger, they would speak of rows that are lost, and products would pass over the
    // new rows that take their positions.
    let settings = config.clone();
    let state =
        tokio::task::spawn_blocking(move || State::now(&settings)).await.context("copying records panicked")??;
    let wal = config.server.data_dir.join("wal");
    let source = Source { place, open: Box::new(open), wal, state: state.files.clone() };
    Ok(backup::take(&source, &repository, config.backup.keep(), watch, stop).await?)
}

/// Brings a backup back.
pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    block_on(async {
        let repository = Repository::open(LakePlace::named(&args.from)?.objects()?).await?;
        let record = repository.record(args.backup).await?;
        let data = DataDir::hold(&config.server.data_dir)?;
        let lake = LakePlace::of(&config.storage, data.path())?;
        let state = state::places(&config, data.path()).into();
        let target = Target { lake: lake.objects()?, wal: data.path().join("wal"), state };
        target.require_empty().await?;
        data.is_being_restored()?;
        backup::restore(&repository, &record, &target, &progress::shown()).await?;
        data.is_restored()?;
        println!("{} is restored to {}: start the server with it", record.id, data.path().display());
        Ok(())
    })
}

/// Compares backups with their records.
pub(crate) fn verify(args: VerifyArgs) -> anyhow::Result<()> {
    let from = args.from.or(args.settings.load()?.backup.to);
    let from = from.context("which? Name the place of the backups with --from, or in the setting backup.to")?;
    block_on(async {
        let repository = Repository::open(LakePlace::named(&from)?.objects()?).await?;
        let wanted = match args.all {
            true => repository.backups().await?.into_iter().map(Some).collect(),
            false => vec![args.backup],
        };
        for id in wanted {
            let record = repository.record(id).await?;
            let verified = backup::verify(&repository, &record, &progress::shown()).await;
            verified.with_context(|| format!("{} is not whole", record.id))?;
            println!("{} is whole: {} objects, {} bytes", record.id, record.objects(), record.bytes());
        }
        Ok(())
    })
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

//! The backup of every night.

use std::time::Duration;

use backup::{BackupId, Repository};
use time::{OffsetDateTime, Time};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{progress, state};
use crate::config::Config;
use crate::lake_place::LakePlace;

/// Pause after a backup that failed.
const RETRY: Duration = Duration::from_secs(15 * 60);
/// The clock is looked at this often: it may jump, and machines sleep.
const TICK: Duration = Duration::from_secs(30);

/// Takes a backup whenever one is due, until stopped; on a thread of its own, as hashing is work. Ends at once without `backup.to`.
pub(crate) fn start(config: Config, stop: CancellationToken) -> JoinHandle<()> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(run(config, stop)))
}

async fn run(config: Config, stop: CancellationToken) {
    let Some(to) = config.backup.to.clone() else { return };
    let at = config.backup.at().expect("settings are checked");
    loop {
        let pause = match due(&to, at).await {
            Ok(false) => TICK,
            Ok(true) => one(&config, &to, &stop).await,
            Err(cause) => failed(&to, &cause),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn one(config: &Config, to: &str, stop: &CancellationToken) -> Duration {
    match super::take(config, to, &progress::silent(), stop.cancelled()).await {
        Ok((record, expired)) => {
            let (id, objects, bytes) = (record.id.to_string(), record.objects(), record.bytes());
            tracing::info!(backup = id, objects, bytes, expired = expired.len(), "backup taken and verified");
            if state::records_are_elsewhere(config) {
                tracing::info!("{}", state::RECORDS_ELSEWHERE);
            }
            TICK
        }
        Err(cause) if stop.is_cancelled() => {
            tracing::info!("{cause:#}");
            RETRY
        }
        Err(cause) => failed(to, &cause),
    }
}

fn failed(to: &str, cause: &anyhow::Error) -> Duration {
    tracing::error!(to, cause = format!("{cause:#}"), retry_seconds = RETRY.as_secs(), "no backup was taken");
    RETRY
}

/// True when none was taken since the last time that one should have been.
async fn due(to: &str, at: Time) -> anyhow::Result<bool> {
    let repository = Repository::open_or_begin(LakePlace::named(to)?.objects()?).await?;
    let newest = repository.backups().await?.last().copied();
    Ok(newest.is_none_or(|newest| newest < last_due(at, OffsetDateTime::now_utc())))
}

fn last_due(at: Time, now: OffsetDateTime) -> BackupId {
    let today = now.replace_time(at);
    BackupId::at(if today <= now { today } else { today - time::Duration::DAY })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_once_a_day_at_its_time() {
        let at = Time::from_hms(2, 30, 0).expect("a time");
        let time = |text: &str| text.parse::<BackupId>().expect("a moment").time();

        for (now, expected) in [
            ("20261124T022959Z", "20261123T023000Z"),
            ("20261124T023000Z", "20261124T023000Z"),
            ("20261124T235959Z", "20261124T023000Z"),
        ] {
            assert_eq!(last_due(at, time(now)).to_string(), expected, "{now}");
        }
    }
}

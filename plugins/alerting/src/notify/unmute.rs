//! Looks for alerts that nothing mutes any more and has them told, in a task of its own: however many they are, no rule and no message
//! waits for them.

use std::sync::Arc;
use std::time::Duration;

use plugin::records::{Error, Lease};
use plugin::{PluginError, Shutdown};

use super::desk::Desk;
use super::telemetry;
use super::telling::sweep;
use crate::watch::is_passing;

const LEASE_NAME: &str = "alerting.unmute";
/// Who dies is followed by another process after so long. A look that takes longer may be joined by another one: what one of them has
/// written, the other leaves alone.
const LEASE: Duration = Duration::from_secs(15);
/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks until `shutdown`, whenever no other process does.
pub(crate) async fn unmute(desk: Desk, process: Arc<str>, shutdown: Shutdown) -> Result<(), PluginError> {
    let mut lease = None;
    while !shutdown.is_cancelled() {
        let looked = tokio::select! {
            // What it is in the middle of is rolled back, and found by the next look.
            () = shutdown.cancelled() => break,
            looked = look(&desk, &process, &mut lease) => looked,
        };
        match looked {
            Err(cause) if is_passing(&cause) => telemetry::unswept(&cause),
            looked => looked?,
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    match &lease {
        Some(lease) => match desk.records.release(lease).await {
            Err(cause) if !is_passing(&cause) => Err(cause.into()),
            _ => Ok(()),
        },
        None => Ok(()),
    }
}

async fn look(desk: &Desk, process: &str, lease: &mut Option<Lease>) -> Result<(), Error> {
    *lease = desk.records.lease(LEASE_NAME, process, LEASE, desk.now()).await?;
    if lease.is_some() { sweep(desk).await } else { Ok(()) }
}

//! Keeps the lease of whoever watches, however long reading rules or writing changes takes meanwhile.

use plugin::PluginContext;
use plugin::records::Lease;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{LEASE, LEASE_NAME, RENEW_EVERY, now};

/// Renews the lease while it lives.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Cancelled when the lease is somebody else's, or was in between.
    pub(super) lost: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

impl Keeper {
    pub(super) fn of(context: &PluginContext, lease: &Lease) -> Self {
        let (records, process, fence) = (context.records.clone(), context.process.clone(), lease.fence);
        let lost = CancellationToken::new();
        let tell = lost.clone();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(RENEW_EVERY);
            loop {
                ticks.tick().await;
                match records.lease(LEASE_NAME, &process, LEASE, now()).await {
                    Ok(Some(lease)) if lease.fence == fence => {}
                    // Records that are away for a while are not a lease that is lost; the next answer tells.
                    Err(_) => {}
                    Ok(_) => return tell.cancel(),
                }
            }
        });
        Self { lost, _task: AbortOnDropHandle::new(task) }
    }
}

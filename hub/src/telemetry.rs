//! What the hub says of itself: who came in, who did not, and what was refused.

use std::sync::atomic::{AtomicU64, Ordering};

use model::Tenant;

use crate::error::{Error, Refusal};

/// Names of refusals, in the order of their counters.
const REFUSALS: [&str; 6] = ["unauthenticated", "forbidden", "not_licensed", "too_often", "busy", "failed"];

/// A request failed for a reason that somebody has to look into.
pub(crate) fn failed(error: &Error) {
    tracing::error!(error = chain(error), "a request to the hub failed");
}

/// A provider did something else than it should; who signs in is told less of it than who runs the server.
pub(crate) fn provider_failed(tenant: &Tenant, provider: &str, cause: &dyn std::error::Error) {
    tracing::warn!(%tenant, provider, error = chain(cause), "signing in at an identity provider failed");
}

/// The error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct Telemetry {
    signed_in: AtomicU64,
    sign_ins_refused: AtomicU64,
    refresh_tokens_stolen: AtomicU64,
    refused: [AtomicU64; REFUSALS.len()],
}

impl Telemetry {
    pub(crate) fn signed_in(&self) {
        self.signed_in.fetch_add(1, Ordering::Relaxed);
        tracing::debug!("hub.sign_in");
    }

    pub(crate) fn sign_in_refused(&self) {
        self.sign_ins_refused.fetch_add(1, Ordering::Relaxed);
        tracing::debug!("hub.refuse_sign_in");
    }

    pub(crate) fn refresh_token_stolen(&self) {
        self.refresh_tokens_stolen.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("a refresh token was used twice: the session has ended");
    }

    pub(crate) fn refused(&self, error: &Error) {
        let reason = match error {
            Error::Refused(Refusal::Unauthenticated(_)) => "unauthenticated",
            Error::Refused(Refusal::Forbidden(_)) => "forbidden",
            Error::NotLicensed(_) => "not_licensed",
            Error::TooOften { .. } => "too_often",
            Error::Busy(_) => "busy",
            _ => "failed",
        };
        if let Some(place) = REFUSALS.iter().position(|name| *name == reason) {
            self.refused[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// People who came in.
    pub fn sign_ins(&self) -> u64 {
        self.signed_in.load(Ordering::Relaxed)
    }

    /// Wrong passwords, and right ones of locked accounts.
    pub fn sign_ins_refused(&self) -> u64 {
        self.sign_ins_refused.load(Ordering::Relaxed)
    }

    /// Sessions that ended because a refresh token came twice.
    pub fn refresh_tokens_stolen(&self) -> u64 {
        self.refresh_tokens_stolen.load(Ordering::Relaxed)
    }

    /// Requests that the guard refused, by reason.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        REFUSALS.iter().zip(&self.refused).map(|(name, count)| (*name, count.load(Ordering::Relaxed))).collect()
    }
}

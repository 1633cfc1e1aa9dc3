//! Refresh tokens: good for one use each.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Tenant;
use records::{Document, RecordId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::Hash;
use crate::error::Error;
use crate::passwords::random;

/// What is known of a session's refresh tokens; its id is the session's. No table shows it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Family {
    /// Of the part that all tokens of the session share.
    pub(super) shared: Hash,
    /// Of the part of the one that has not been used.
    pub(super) current: Hash,
}

impl Document for Family {
    const COLLECTION: &'static str = "hub.refresh_tokens";
}

/// `obr.<tenant>.<session>.<shared>.<own>`: the shared part tells an old token of the family from somebody's guess.
#[derive(Clone)]
pub(super) struct RefreshToken {
    pub(super) tenant: Tenant,
    pub(super) session: RecordId,
    shared: String,
    own: String,
}

impl RefreshToken {
    pub(super) fn first(tenant: &Tenant, session: &RecordId) -> Self {
        Self { tenant: tenant.clone(), session: session.clone(), shared: random(22), own: random(43) }
    }

    pub(super) fn next(self) -> Self {
        Self { own: random(43), ..self }
    }

    pub(super) fn family(&self) -> Family {
        Family { shared: Hash::of(self.shared.as_bytes()), current: Hash::of(self.own.as_bytes()) }
    }

    /// What must come in a header beside the cookies of this session: only who has its refresh token knows it.
    pub(super) fn csrf(&self) -> String {
        let digest = Sha256::new().chain_update("csrf ").chain_update(&self.shared).finalize();
        URL_SAFE_NO_PAD.encode(&digest[..16])
    }
}

impl fmt::Display for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "obr.{}.{}.{}.{}", self.tenant, self.session, self.shared, self.own)
    }
}

impl FromStr for RefreshToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let parts: Vec<&str> = text.split('.').collect();
            let ["obr", tenant, session, shared, own] = parts[..] else { return None };
            let (tenant, session) = (Tenant::new(tenant).ok()?, RecordId::new(session).ok()?);
            Some(Self { tenant, session, shared: shared.to_owned(), own: own.to_owned() })
        };
        parse().ok_or_else(|| Error::unauthenticated("this is no refresh token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_tokens_are_read_as_they_are_written() {
        let session = RecordId::unique();
        let token = RefreshToken::first(&Tenant::default_tenant(), &session);

        let read: RefreshToken = token.to_string().parse().expect("one of ours");

        assert_eq!((read.family().shared, read.family().current), (token.family().shared, token.family().current));
        assert_eq!((read.tenant, read.session), (Tenant::default_tenant(), session));
        for wrong in ["", "obr", "obr.default.x.y", "obs.default.x.y.z", "obr.DEFAULT.x.y.z", "obr.default.x.y.z.more"]
        {
            assert!(wrong.parse::<RefreshToken>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_next_token_is_another_of_the_same_family() {
        let first = RefreshToken::first(&Tenant::default_tenant(), &RecordId::unique());
        let next = first.clone().next();

        assert_eq!(first.family().shared, next.family().shared);
        assert_ne!(first.family().current, next.family().current);
        assert_eq!(first.csrf(), next.csrf(), "tabs of one browser share it");
        assert!(!first.to_string().contains(&first.csrf()));
    }
}

//! Who is asking: tenants, people, keys, roles, licences, the audit trail, and events between products.
//!
//! [`Access`] tells who sends a request, in memory; [`Hub::guarded`] lets in who may, by what the API's own description says;
//! everything that is done is in the audit trail of its tenant, in the same transaction.

mod access;
pub mod audit;
mod change;
mod clock;
mod config;
mod dead_letters;
mod directory;
mod email;
mod error;
mod first_start;
mod groups;
mod http;
mod keys;
mod licence;
mod limits;
mod lockout;
mod oidc;
mod passwords;
mod people;
mod permissions;
mod roles;
mod scim;
mod sessions;
mod sign_in;
mod telemetry;
mod tenants;
mod tokens;
mod upkeep;

pub mod cache;
pub mod events;
pub mod outgoing;
pub mod redis;
pub mod sealing;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use model::Tenant;
use records::{Records, Table};

use crate::audit::{AuditEntry, Hash};
use crate::change::Changes;
use crate::directory::{Directory, KnownKey};
use crate::licence::Licences;
use crate::limits::Limits;
use crate::oidc::Oidc;
use crate::outgoing::Outgoing;
use crate::passwords::Passwords;
use crate::sealing::Keyring;
use crate::tokens::Tokens;

pub use crate::access::{Access, Asking, Caller, Origin, Who};
pub use crate::clock::{Clock, Moment, system_clock};
pub use crate::config::{Anonymous, Config};
pub use crate::email::Email;
pub use crate::error::{Error, Refusal};
pub use crate::first_start::FirstOwner;
pub use crate::groups::Group;
pub use crate::keys::ApiKey;
pub use crate::licence::{Licence, LicenceLimits, Standing, issuers};
pub use crate::oidc::Provider;
pub use crate::passwords::Secret;
pub use crate::people::{Person, Status};
pub use crate::permissions::{Grant, InvalidGrant, Permission, Permissions};
pub use crate::roles::{BUILT_IN, BuiltIn, Role, RoleName};
pub use crate::sessions::Session;
pub use crate::telemetry::Telemetry;
pub use crate::tenants::{TENANTS_WITHOUT_LICENCE, TenantRecord, TenantState};

/// What the hub is made of.
pub struct Parts {
    /// Where people, keys and all the rest are kept.
    pub records: Records,
    /// Opens and seals stored secrets.
    pub ring: Arc<Keyring>,
    /// Calls identity providers.
    pub outgoing: Outgoing,
    /// Keys of the configuration, each with its tenant; they write and read telemetry, and those of `system` run the server.
    pub configured_keys: Vec<(Tenant, Secret)>,
    /// Who may sign licences: [`issuers`], or somebody else in a test.
    pub issuers: Vec<VerifyingKey>,
    /// What time it is.
    pub clock: Clock,
}

/// Who may come in and what they may do, for all protocols of one server.
pub struct Hub {
    config: Config,
    records: Records,
    ring: Arc<Keyring>,
    directory: Arc<Directory>,
    changes: Changes,
    access: Arc<Access>,
    passwords: Passwords,
    limits: Limits,
    oidc: Oidc,
    telemetry: Telemetry,
}

impl Hub {
    /// Opens the hub over its records. At the first start there is an owner, whom somebody has to be told of.
    pub async fn open(config: Config, parts: Parts) -> Result<(Arc<Self>, Option<FirstOwner>), Error> {
        config.check().map_err(Error::Invalid)?;
        let Parts { records, ring, outgoing, configured_keys, issuers, clock } = parts;
        let (tokens, licences) = (Tokens::new(&config), Licences::new(issuers));
        let directory = Arc::new(Directory::new(known(&configured_keys), tokens, licences, Arc::clone(&ring)));
        let hub = Self {
            changes: Changes::new(records.clone(), Arc::clone(&directory), Arc::clone(&clock)),
            access: Arc::new(Access::new(&config, Arc::clone(&directory), clock)),
            passwords: Passwords::new(&config),
            limits: Limits::new(&config),
            oidc: Oidc::new(outgoing),
            telemetry: Telemetry::default(),
            config,
            records,
            ring,
            directory,
        };
        hub.directory.load(&hub.records, hub.now()).await?;
        let owner = hub.begin(&tenants_of(&configured_keys)).await?;
        hub.reseal_provider_secrets().await?;
        hub.remember_newest_audit().await?;
        Ok((Arc::new(hub), owner))
    }

    /// Makes the tenants of keys that the configuration is about to have.
    pub async fn prepare_keys(&self, keys: &[(Tenant, Secret)]) -> Result<(), Error> {
        let tenants = &tenants_of(keys);
        self.changes
            .make(|change| async move {
                for tenant in tenants {
                    self.ensure_tenant(&change, tenant).await?;
                }
                Ok(())
            })
            .await
    }

    /// Knows these keys of the configuration, and no others, from now on.
    pub fn exchange_keys(&self, keys: &[(Tenant, Secret)]) {
        self.directory.exchange_configured(known(keys));
    }

    /// Tells who sends a request; for protocols that the guard does not stand before.
    pub fn access(&self) -> Arc<Access> {
        Arc::clone(&self.access)
    }

    /// What SQL shows of the hub to each tenant; no password, key or token is in it, nor a hash of one.
    pub fn tables(&self) -> Result<Vec<Table>, Error> {
        let records = &self.records;
        Ok(vec![
            records.table::<Person>()?,
            records.table::<Group>()?,
            records.table::<Role>()?,
            records.table::<ApiKey>()?,
            records.table::<Session>()?,
            records.table::<Provider>()?,
            records.table::<TenantRecord>()?,
            records.log_table::<AuditEntry>()?,
        ])
    }

    /// What was counted so far.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    fn now(&self) -> model::Timestamp {
        self.changes.now()
    }
}

fn known(keys: &[(Tenant, Secret)]) -> Vec<(Hash, Arc<KnownKey>)> {
    let known = |(tenant, key): &(Tenant, Secret)| {
        (Hash::of(key.reveal().as_bytes()), Arc::new(KnownKey::configured(tenant.clone())))
    };
    keys.iter().map(known).collect()
}

fn tenants_of(keys: &[(Tenant, Secret)]) -> BTreeSet<Tenant> {
    keys.iter().map(|(tenant, _)| tenant.clone()).collect()
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("records", &self.records).finish_non_exhaustive()
    }
}

//! Licences: a signed file that says what a customer may use. Checked without a network; telemetry is taken whatever it says.
//!
//! The file is one line of JSON and one line with the Ed25519 signature of that line in base64. The signature is over the bytes
//! as they are, so that there is nothing to argue about what was signed.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use model::{Tenant, Timestamp};
use parking_lot::RwLock;
use records::{Document, Expected, RecordId, Records};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::Hub;
use crate::audit::{By, Deed};
use crate::change::What;
use crate::clock::{DAY, Moment, after, before};
use crate::error::Error;
use crate::permissions::Permission;

/// How long everything works on after a licence has expired.
const GRACE: Duration = Duration::from_secs(14 * 86_400);
/// Longest file, in bytes.
const BYTES_MAX: usize = 64 << 10;
/// Products that a licence names; the others belong to every server.
const LICENSED_PRODUCTS: [&str; 4] = ["compliance", "catalog", "orchestrator", "insights"];
/// Products whose changes go on when a licence has expired: who gets in must stay manageable, and telemetry is never refused.
const ALWAYS: [&str; 3] = ["hub", "server", "telemetry"];

/// Those who may sign licences: the key of today, and the one that will follow it.
const ISSUERS: [&str; 2] =
    ["Aj98aZEnXnAjRsB0Rl+v0pYXueM/sZacm8+BYhlgfp0=", "nzJ0DSB/tSQFI4CmoRFLfR6Zp2+cxDDa1QRG1gu0Qec="];

/// What a customer may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Tells licences apart.
    pub id: String,
    /// For whom it is.
    pub customer: String,
    /// Products that may be used, of those that need a licence.
    pub products: Vec<String>,
    /// How much.
    pub limits: LicenceLimits,
    /// From when on.
    #[schema(value_type = String, format = DateTime)]
    pub not_before: Moment,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub not_after: Moment,
    /// Further things that were agreed on.
    pub features: Vec<String>,
}

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LicenceLimits {
    /// People who can sign in, of all tenants.
    pub users: u64,
    /// Telemetry each day, in gigabytes; more is taken, and told.
    pub gb_day: u64,
}

/// What a licence is worth at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none: everything works, for a few tenants.
    None,
    /// It holds.
    Valid(Licence),
    /// It has expired, and everything works until then.
    Grace(Licence, Timestamp),
    /// Products can be read only; the text says why.
    ReadOnly(Option<Licence>, &'static str),
}

/// The file that was installed, in the tenant `system`; its id is always the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Installed {
    file: String,
}

impl Document for Installed {
    const COLLECTION: &'static str = "hub.licence";
}

/// The licence of this server.
#[derive(Debug)]
pub(crate) struct Licences {
    issuers: Vec<VerifyingKey>,
    installed: RwLock<Option<Result<Licence, String>>>,
    /// The newest time in any audit trail, in nanoseconds since 1970: a clock far behind it was put back.
    newest_audit: AtomicI64,
}

/// Those who may sign licences of this build.
pub fn issuers() -> Vec<VerifyingKey> {
    let key = |text: &&str| VerifyingKey::try_from(STANDARD.decode(text).ok()?.as_slice()).ok();
    ISSUERS.iter().map(|text| key(text).expect("the keys of this build are keys")).collect()
}

impl Licence {
    /// Reads a file that one of the issuers has signed.
    pub fn read(file: &str, issuers: &[VerifyingKey]) -> Result<Self, String> {
        let (document, signature) = file.trim_end().split_once('\n').ok_or("a licence has two lines")?;
        let signature =
            STANDARD.decode(signature.trim_end_matches('\r')).map_err(|_| "its second line is no signature")?;
        let signature = Signature::from_slice(&signature).map_err(|_| "its second line is no signature")?;
        let is_signed = issuers.iter().any(|issuer| issuer.verify_strict(document.as_bytes(), &signature).is_ok());
        if file.len() > BYTES_MAX || !is_signed {
            return Err("it was changed, or is not one of ours: the signature does not fit".to_owned());
        }
        serde_json::from_str(document).map_err(|cause| format!("it is signed, but not for this version: {cause}"))
    }

    /// What it is worth now. `newest_audit` is the latest time that the server is known to have seen.
    fn standing(&self, now: Timestamp, newest_audit: Timestamp) -> Standing {
        let grace_ends = after(self.not_after.0, GRACE);
        let read_only = |reason| Standing::ReadOnly(Some(self.clone()), reason);
        match now {
            now if now < before(newest_audit, DAY) => read_only("the clock was put back by more than a day"),
            now if now < self.not_before.0 => read_only("the licence does not hold yet"),
            now if now <= self.not_after.0 => Standing::Valid(self.clone()),
            now if now <= grace_ends => Standing::Grace(self.clone(), grace_ends),
            _ => read_only("the licence has expired"),
        }
    }
}

impl Licences {
    pub(crate) fn new(issuers: Vec<VerifyingKey>) -> Self {
        Self { issuers, installed: RwLock::default(), newest_audit: AtomicI64::new(i64::MIN) }
    }

    pub(crate) async fn load(&self, records: &Records) -> Result<(), Error> {
        let installed = records.collection::<Installed>().get(&Tenant::system(), &id()).await?;
        *self.installed.write() = installed.map(|installed| Licence::read(&installed.body.file, &self.issuers));
        Ok(())
    }

    /// Remembers that it has been this late.
    pub(crate) fn saw(&self, time: Timestamp) {
        self.newest_audit.fetch_max(time.0, Ordering::Relaxed);
    }

    pub(crate) fn standing(&self, now: Timestamp) -> Standing {
        match &*self.installed.read() {
            None => Standing::None,
            Some(Ok(licence)) => licence.standing(now, Timestamp(self.newest_audit.load(Ordering::Relaxed))),
            Some(Err(_)) => Standing::ReadOnly(None, "the stored licence was changed"),
        }
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.installed.read().is_some()
    }

    /// How many people it is for.
    pub(crate) fn users_max(&self) -> Option<u64> {
        self.installed.read().as_ref()?.as_ref().ok().map(|licence| licence.limits.users)
    }

    /// Whether the licence allows it.
    pub(crate) fn check(&self, permission: &Permission, now: Timestamp) -> Result<(), Error> {
        let product = permission.product();
        if ALWAYS.contains(&product) {
            return Ok(());
        }
        let is_named = |licence: &Licence| licence.products.iter().any(|named| named == product);
        match self.standing(now) {
            Standing::None => Ok(()),
            Standing::ReadOnly(_, _) if permission.is_read() => Ok(()),
            Standing::ReadOnly(_, reason) => Err(Error::NotLicensed(format!("read only: {reason}"))),
            Standing::Valid(licence) | Standing::Grace(licence, _) => {
                let is_allowed = !LICENSED_PRODUCTS.contains(&product) || is_named(&licence);
                is_allowed
                    .then_some(())
                    .ok_or_else(|| Error::NotLicensed(format!("the licence does not name {product}")))
            }
        }
    }
}

fn id() -> RecordId {
    RecordId::new("licence").expect("a valid id")
}

impl Hub {
    /// Installs a licence in the place of the one there is, from the command line of the server.
    pub async fn install_licence_here(&self, file: &str) -> Result<(), Error> {
        self.install_licence(&By::server(), file).await
    }

    /// Installs a licence in the place of the one there is.
    pub(crate) async fn install_licence(&self, by: &By, file: &str) -> Result<(), Error> {
        let licence = &Licence::read(file, &self.directory.licences.issuers).map_err(Error::Invalid)?;
        self.changes
            .make(|change| async move {
                let (system, installed) = (Tenant::system(), Installed { file: file.to_owned() });
                change.collection::<Installed>().put(&system, &id(), &installed, Expected::Any).await?;
                let details =
                    json!({"customer": licence.customer, "products": licence.products, "not_after": licence.not_after});
                let deed = Deed { action: "licence.installed", subject: ("licence", &licence.id), details };
                change.audit(&system, by, deed).await?;
                change.changed(&system, What::Licence);
                Ok(())
            })
            .await
    }
}

//! The policy of each tenant, from its file: read again when the file has changed.
//!
//! A file with faults changes nothing: the policy before it stays, and the log and `GET /escalation` say what is wrong.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use plugin::model::Tenant;
use plugin::yaml::{self, Fault, Place};

use super::policy::{self, Policy};

/// The name of the file.
const FILE: &str = "escalation.yaml";
/// A change is seen after so long.
const LOOK_AFTER: Duration = Duration::from_secs(5);

/// The policies of all tenants.
#[derive(Debug)]
pub(crate) struct Policies {
    directory: Option<PathBuf>,
    default: Arc<Policy>,
    known: Mutex<HashMap<Tenant, Known>>,
}

/// What was read of a tenant's file.
#[derive(Clone, Debug)]
struct Known {
    looked: Instant,
    /// Of the file, when it was read; `None` without a file.
    state: Option<(SystemTime, u64)>,
    /// One that cannot be read is tried again: what makes it readable need not change its time.
    is_read: bool,
    policy: Arc<Policy>,
    faults: Arc<[Fault]>,
}

impl Policies {
    /// Of the directory, as `Config::directory` says.
    pub(crate) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory, default: Arc::new(Policy::default()), known: Mutex::default() }
    }

    /// What holds for the tenant.
    pub(crate) async fn of(&self, tenant: &Tenant) -> Arc<Policy> {
        self.with_faults(tenant).await.0
    }

    /// The same with what is wrong with the file, if it is not what holds.
    pub(crate) async fn with_faults(&self, tenant: &Tenant) -> (Arc<Policy>, Arc<[Fault]>) {
        let Some(directory) = &self.directory else { return (Arc::clone(&self.default), Arc::default()) };
        let known = self.known.lock().get(tenant).cloned();
        let known = match known {
            Some(known) if known.looked.elapsed() < LOOK_AFTER => known,
            known => {
                let known = self.look(&path(directory, tenant), known).await;
                self.known.lock().insert(tenant.clone(), known.clone());
                known
            }
        };
        (known.policy, known.faults)
    }

    async fn look(&self, path: &Path, known: Option<Known>) -> Known {
        let metadata = tokio::fs::metadata(path).await.ok();
        let state = metadata.map(|file| (file.modified().unwrap_or(SystemTime::UNIX_EPOCH), file.len()));
        let looked = Instant::now();
        if let Some(known) = &known
            && known.is_read
            && known.state == state
        {
            return Known { looked, ..known.clone() };
        }
        let before = known.map_or_else(|| Arc::clone(&self.default), |known| known.policy);
        let (read, is_read) = match text(path, state).await {
            Ok(text) => (policy::read(&text), true),
            Err(fault) => (Err(vec![fault]), false),
        };
        match read {
            Ok(policy) => Known { looked, state, is_read, policy: Arc::new(policy), faults: Arc::default() },
            Err(faults) => {
                let fault = faults.first().map(Fault::to_string).unwrap_or_default();
                let (file, faults_found) = (path.display(), faults.len());
                tracing::error!(%file, faults_found, fault, "a policy of escalation is wrong; the one before it holds on");
                Known { looked, state, is_read, policy: before, faults: faults.into() }
            }
        }
    }
}

/// The file of the tenant.
fn path(directory: &Path, tenant: &Tenant) -> PathBuf {
    match *tenant == Tenant::default_tenant() {
        true => directory.join(FILE),
        false => directory.join("tenants").join(tenant.as_str()).join(FILE),
    }
}

/// What the file says; nothing when there is none.
async fn text(path: &Path, state: Option<(SystemTime, u64)>) -> Result<String, Fault> {
    let Some((_, bytes)) = state else { return Ok(String::new()) };
    yaml::check_size(bytes)?;
    tokio::fs::read_to_string(path).await.map_err(|cause| {
        let remedy = "let the server read the file, as text in UTF-8".to_owned();
        Fault { place: Place::TOP, problem: format!("the file cannot be read: {cause}"), remedy }
    })
}

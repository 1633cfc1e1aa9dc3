//! The policy of each tenant, from its file: read again when the file has changed.
//!
//! A file with faults, or one that cannot be read, changes nothing: the policy before it stays, and the log and `GET /escalation` say
//! what is wrong. Only where there is no file the standard holds.

use std::collections::HashMap;
use std::io::ErrorKind;
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
        let (found, looked) = (state(path).await, Instant::now());
        if let Some(known) = &known
            && known.is_read
            && found.as_ref().is_ok_and(|state| known.state == *state)
        {
            return Known { looked, ..known.clone() };
        }
        let (state, text) = match found {
            Ok(state) => (state, text(path, state).await),
            Err(fault) => (known.as_ref().and_then(|known| known.state), Err(fault)),
        };
        let (read, is_read) = match text {
            Ok(text) => (policy::read(&text), true),
            Err(fault) => (Err(vec![fault]), false),
        };
        let before = known.as_ref().map_or_else(|| Arc::clone(&self.default), |known| Arc::clone(&known.policy));
        match read {
            Ok(policy) => Known { looked, state, is_read, policy: Arc::new(policy), faults: Arc::default() },
            Err(faults) => {
                // One that cannot be read is looked at every few seconds, and told of once.
                if known.is_none_or(|known| !known.has(state, &faults)) {
                    let fault = faults.first().map(Fault::to_string).unwrap_or_default();
                    let (file, faults_found) = (path.display(), faults.len());
                    tracing::error!(%file, faults_found, fault, "a policy of escalation is wrong; the one before it holds on");
                }
                Known { looked, state, is_read, policy: before, faults: faults.into() }
            }
        }
    }
}

impl Known {
    /// Whether the file was the same when it was looked at last, and the same was wrong with it.
    fn has(&self, state: Option<(SystemTime, u64)>, faults: &[Fault]) -> bool {
        self.state == state && *self.faults == *faults
    }
}

/// When the file was changed, and how long it is; nothing when there is none, and only then.
async fn state(path: &Path) -> Result<Option<(SystemTime, u64)>, Fault> {
    match tokio::fs::metadata(path).await {
        Ok(file) => Ok(Some((file.modified().unwrap_or(SystemTime::UNIX_EPOCH), file.len()))),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(unreadable(&cause)),
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
    tokio::fs::read_to_string(path).await.map_err(|cause| unreadable(&cause))
}

fn unreadable(cause: &std::io::Error) -> Fault {
    let remedy = "let the server read the file, as text in UTF-8".to_owned();
    Fault { place: Place::TOP, problem: format!("the file cannot be read: {cause}"), remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_cannot_be_looked_at_is_not_one_that_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (policies, file) = (Policies::new(Some(folder.path().to_owned())), folder.path().join(FILE));
        std::fs::write(&file, "auto_resolve: true").expect("a folder of ours");
        let read = policies.look(&file, None).await;
        std::fs::remove_file(&file).expect("a file of ours");
        // Whoever follows it never arrives.
        std::os::unix::fs::symlink(FILE, &file).expect("a folder of ours");

        let looped = policies.look(&file, Some(read.clone())).await;
        let again = policies.look(&file, Some(looped.clone())).await;
        std::fs::remove_file(&file).expect("a file of ours");
        let gone = policies.look(&file, Some(looped.clone())).await;

        assert!(looped.policy.auto_resolve && !looped.is_read, "the one before holds on");
        assert!(looped.faults[0].problem.contains("cannot be read"), "{:?}", looped.faults);
        assert_eq!(again.faults.len(), 1, "it is told until it can be read");
        assert!(looped.has(again.state, &again.faults), "and in the log once");
        assert!(!read.has(looped.state, &looped.faults) && !gone.has(looped.state, &looped.faults));
        assert!(!gone.policy.auto_resolve && gone.faults.is_empty(), "without a file the standard holds");
    }
}

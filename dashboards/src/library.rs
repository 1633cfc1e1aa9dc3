//! The dashboards of a tenant: those that people wrote in the app, those of files, and those that come with the program.
//!
//! Of one name the first of these counts, and the answer says which it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use plugin::hub::Asking;
use plugin::hub::audit::{Deed, Trail};
use plugin::model::Tenant;
use plugin::records::{Document, Expected, Key, List, PAGE_MAX, RecordId, Records, Transaction};
use plugin::{Failure, near};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::built_in;
use crate::files::Shelf;
use crate::model::Dashboard;
use crate::read::read;

/// Dashboards that people of a tenant wrote in the app.
const WRITTEN_MAX: usize = 500;
/// Longest dashboard that is written in the app, in bytes.
pub(crate) const YAML_BYTES_MAX: usize = 256 * 1024;

/// A dashboard that was written in the app; `dashboards.dashboard` in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredDashboard {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) panels: u64,
    /// As it was written.
    pub(crate) yaml: String,
    /// Who wrote it last.
    pub(crate) by: String,
}

impl Document for StoredDashboard {
    const COLLECTION: &'static str = "dashboards.dashboard";
    const KEYS: &'static [Key] = &[Key::unique("name")];
}

/// Where a dashboard comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DashboardOrigin {
    /// It was written in the app.
    App,
    /// It stands in a file.
    File,
    /// It comes with the program.
    BuiltIn,
}

/// A dashboard and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) dashboard: Arc<Dashboard>,
    pub(crate) yaml: Arc<str>,
    pub(crate) origin: DashboardOrigin,
    /// Below the directory, when it stands in a file.
    pub(crate) file: Option<String>,
    /// Counts up with each change in the app.
    pub(crate) version: Option<u64>,
}

/// A dashboard of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DashboardSummary {
    pub(crate) name: String,
    title: String,
    description: Option<String>,
    tags: Vec<String>,
    /// How many it has.
    panels: u64,
    origin: DashboardOrigin,
    /// Below the directory, when it stands in a file.
    file: Option<String>,
}

impl From<&Found> for DashboardSummary {
    fn from(found: &Found) -> Self {
        let dashboard = &found.dashboard;
        Self {
            name: dashboard.name.clone(),
            title: dashboard.title.clone(),
            description: dashboard.description.clone(),
            tags: dashboard.tags.clone(),
            panels: dashboard.panels().count() as u64,
            origin: found.origin,
            file: found.file.clone(),
        }
    }
}

impl From<StoredDashboard> for DashboardSummary {
    fn from(stored: StoredDashboard) -> Self {
        let StoredDashboard { name, title, description, tags, panels, .. } = stored;
        Self { name, title, description, tags, panels, origin: DashboardOrigin::App, file: None }
    }
}

/// All dashboards there are.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    records: Records,
    audit: Trail,
    shelf: Arc<Shelf>,
    built_in: Arc<[Found]>,
}

impl Library {
    pub(crate) fn new(records: Records, audit: Trail, shelf: Arc<Shelf>) -> Self {
        Self { records, audit, shelf, built_in: built_in::all() }
    }

    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// All of a tenant, by name.
    pub(crate) async fn all(&self, tenant: &Tenant) -> Result<Vec<DashboardSummary>, Failure> {
        let mut all: BTreeMap<String, DashboardSummary> = BTreeMap::new();
        for found in self.built_in.iter().chain(&self.shelf.all(tenant)) {
            all.insert(found.dashboard.name.clone(), found.into());
        }
        let mut after = None;
        loop {
            let list = List::all().limit(PAGE_MAX).after(after);
            let page = self.records.collection::<StoredDashboard>().list(tenant, &list).await?;
            all.extend(
                page.records.into_iter().map(|record| (record.body.name.clone(), DashboardSummary::from(record.body))),
            );
            after = page.next;
            if after.is_none() {
                return Ok(all.into_values().collect());
            }
        }
    }

    /// The dashboard of that name, or names that are near.
    pub(crate) async fn find(&self, tenant: &Tenant, name: &str) -> Result<Found, Failure> {
        let id = RecordId::new(name)?;
        if let Some(record) = self.records.collection::<StoredDashboard>().get(tenant, &id).await? {
            let read = read(&record.body.yaml).map_err(|faults| unreadable(name, &faults))?;
            return Ok(Found {
                dashboard: Arc::new(read.dashboard),
                yaml: record.body.yaml.into(),
                origin: DashboardOrigin::App,
                file: None,
                version: Some(record.version),
            });
        }
        match self.below(tenant, name) {
            Some(found) => Ok(found),
            None => Err(self.missing(tenant, name).await?),
        }
    }

    /// What is there when nobody wrote one of that name in the app.
    fn below(&self, tenant: &Tenant, name: &str) -> Option<Found> {
        let built_in = || self.built_in.iter().find(|found| found.dashboard.name == name).cloned();
        self.shelf.find(tenant, name).or_else(built_in)
    }

    async fn missing(&self, tenant: &Tenant, name: &str) -> Result<Failure, Failure> {
        let failure = Failure::not_found(format!("there is no dashboard '{name}'"));
        let all = self.all(tenant).await?;
        let near = near(name, all.iter().map(|dashboard| dashboard.name.as_str()));
        Ok(if near.is_empty() { failure } else { failure.hinting(format!("did you mean {}?", near.join(", "))) })
    }

    /// Writes one, new or in the place of what was there; with a version, only when nobody has changed it since. 0 is that of one
    /// that nobody wrote in the app.
    pub(crate) async fn write(
        &self,
        asking: &Asking,
        dashboard: &Dashboard,
        yaml: &str,
        version: Option<u64>,
    ) -> Result<(), Failure> {
        let (id, audit, tenant) = (&RecordId::new(dashboard.name.as_str())?, &self.audit, asking.tenant());
        let stored = &StoredDashboard {
            name: dashboard.name.clone(),
            title: dashboard.title.clone(),
            description: dashboard.description.clone(),
            tags: dashboard.tags.clone(),
            panels: dashboard.panels().count() as u64,
            yaml: yaml.to_owned(),
            by: asking.caller().who().name().to_owned(),
        };
        let write = self.records.transaction(|transaction| async move {
            let dashboards = transaction.collection::<StoredDashboard>();
            let known = dashboards.get(tenant, id).await?;
            if known.is_none() && !has_room::<StoredDashboard>(&transaction, tenant, WRITTEN_MAX).await? {
                let failure = Failure::invalid(format!("a tenant writes at most {WRITTEN_MAX} dashboards in the app"));
                return Err(failure.hinting("remove one first, or put it into a file"));
            }
            let expected = match version {
                None => Expected::Any,
                Some(0) => Expected::Absent,
                Some(version) => Expected::Version(version),
            };
            dashboards.put(tenant, id, stored, expected).await?;
            let details = json!({"title": stored.title, "panels": stored.panels, "is_new": known.is_none()});
            let deed = Deed { action: "dashboard.written", subject: ("dashboard", &stored.name), details };
            audit.by(&transaction, asking, deed).await?;
            Ok::<_, Failure>(())
        });
        write.await
    }

    /// Removes what was written in the app; what a file has or the program brings is there again.
    pub(crate) async fn remove(&self, asking: &Asking, name: &str) -> Result<(), Failure> {
        let (id, audit, tenant) = (&RecordId::new(name)?, &self.audit, asking.tenant());
        let remove = self.records.transaction(|transaction| async move {
            let was_there = transaction.collection::<StoredDashboard>().delete(tenant, id, Expected::Any).await?;
            if was_there {
                let deed = Deed { action: "dashboard.deleted", subject: ("dashboard", name), details: json!({}) };
                audit.by(&transaction, asking, deed).await?;
            }
            Ok::<_, Failure>(was_there)
        });
        if remove.await? {
            return Ok(());
        }
        match self.below(tenant, name) {
            Some(Found { file: Some(file), .. }) => {
                let failure = Failure::conflict(format!("the dashboard '{name}' stands in the file {file}"));
                Err(failure.hinting("remove the file; it is read within seconds"))
            }
            Some(_) => Err(Failure::conflict(format!("the dashboard '{name}' comes with the program"))),
            None => Err(self.missing(tenant, name).await?),
        }
    }
}

/// Whether there are fewer than there may be.
pub(crate) async fn has_room<T: Document>(
    transaction: &Transaction,
    tenant: &Tenant,
    most: usize,
) -> Result<bool, Failure> {
    let (mut count, mut after) = (0, None);
    loop {
        let list = List::all().limit(PAGE_MAX).after(after);
        let page = transaction.collection::<T>().list(tenant, &list).await?;
        count += page.records.len();
        after = page.next;
        if count >= most || after.is_none() {
            return Ok(count < most);
        }
    }
}

/// A version of this program that reads dashboards otherwise wrote it.
fn unreadable(name: &str, faults: &[plugin::yaml::Fault]) -> Failure {
    let first = faults.first().map(ToString::to_string).unwrap_or_default();
    Failure::conflict(format!("the dashboard '{name}' cannot be read: {first}")).hinting("write it anew, or remove it")
}

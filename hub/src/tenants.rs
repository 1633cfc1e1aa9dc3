//! Tenants: whose rows, people and records there are. Those who run the server make them; their names never come back.

use model::Tenant;
use records::{Document, Expected, List, PAGE_MAX, Record, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::Hub;
use crate::access::Asking;
use crate::audit::{By, Deed};
use crate::change::{Change, What};
use crate::clock::after;
use crate::email::Email;
use crate::error::Error;
use crate::passwords::{Password, Secret, one_time};
use crate::people::{Person, Status, check_name};
use crate::roles::RoleName;

/// Tenants of a server without a licence, beside `system`.
pub const TENANTS_WITHOUT_LICENCE: usize = 3;

/// A tenant as it is kept, in the tenant `system`; its id is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRecord {
    /// What people call it.
    pub title: String,
    /// Whether it is served.
    pub state: TenantState,
}

impl Document for TenantRecord {
    const COLLECTION: &'static str = "hub.tenants";
}

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// It is.
    Active,
    /// Nobody gets in, and no telemetry; what is stored stays.
    Suspended,
}

impl Hub {
    /// Makes a tenant with its first owner, whose one-time password is told once.
    pub(crate) async fn make_tenant(
        &self,
        asking: &Asking,
        tenant: &Tenant,
        title: &str,
        owner: &Email,
    ) -> Result<(RecordId, Secret), Error> {
        check_name(title)?;
        let secret = one_time();
        let hash = &self.passwords.hash(&secret).await?;
        let made = self
            .changes
            .make(|change| async move {
                let (system, id) = (Tenant::system(), RecordId::new(tenant.as_str())?);
                let tenants = change.collection::<TenantRecord>();
                let count = tenants.list(&system, &List::all().limit(PAGE_MAX)).await?.records.len();
                self.check_room(count)?;
                let record = TenantRecord { title: title.to_owned(), state: TenantState::Active };
                tenants.put(&system, &id, &record, Expected::Absent).await.map_err(|cause| match cause {
                    records::Error::Conflict { .. } => Error::Conflict(format!("there is a tenant '{tenant}' already")),
                    cause => cause.into(),
                })?;
                change.changed(tenant, What::Tenant);
                let details = json!({"title": title, "owner": owner});
                let deed = Deed { action: "tenant.made", subject: ("tenant", tenant.as_str()), details };
                change.audit(&system, asking.by(), deed).await?;
                let expires_at = Some(after(change.now, self.config.one_time()));
                let password = Password { hash: hash.clone(), is_one_time: true, expires_at };
                self.add_owner(&change, tenant, asking.by(), owner, &password).await
            })
            .await?;
        Ok((made, secret))
    }

    /// Makes an owner, who has not signed in yet.
    pub(crate) async fn add_owner(
        &self,
        change: &Change,
        tenant: &Tenant,
        by: &By,
        email: &Email,
        password: &Password,
    ) -> Result<RecordId, Error> {
        let id = RecordId::unique();
        let owner = Person {
            email: email.clone(),
            name: "Owner".to_owned(),
            roles: vec![RoleName::owner()],
            status: Status::Invited,
            generation: 1,
            identity: None,
            external_id: None,
        };
        self.add(change, tenant, by, &id, &owner, "person.invited").await?;
        change.collection::<Password>().put(tenant, &id, password, Expected::Any).await?;
        Ok(id)
    }

    /// Changes title or state. `system` and `default` are always served.
    pub(crate) async fn edit_tenant(
        &self,
        asking: &Asking,
        tenant: &Tenant,
        title: Option<&str>,
        state: Option<TenantState>,
    ) -> Result<Record<TenantRecord>, Error> {
        if let Some(title) = title {
            check_name(title)?;
        }
        if state == Some(TenantState::Suspended) && (*tenant == Tenant::system() || *tenant == Tenant::default_tenant())
        {
            return Err(Error::Conflict(format!("the tenant '{tenant}' cannot be suspended")));
        }
        self.changes
            .make(|change| async move {
                let (system, id) = (Tenant::system(), RecordId::new(tenant.as_str())?);
                let tenants = change.collection::<TenantRecord>();
                let before = tenants.get(&system, &id).await?;
                let before = before.ok_or_else(|| Error::not_found("tenant", tenant.as_str()))?;
                let mut body = before.body.clone();
                body.title = title.map_or(body.title, str::to_owned);
                body.state = state.unwrap_or(body.state);
                let written = tenants.put(&system, &id, &body, Expected::Version(before.version)).await?;
                let details = json!({"title": body.title, "state": body.state});
                let deed = Deed { action: "tenant.changed", subject: ("tenant", tenant.as_str()), details };
                change.audit(&system, asking.by(), deed).await?;
                change.changed(tenant, What::Tenant);
                Ok(Record { version: written.version, updated_at: written.updated_at, body, ..before })
            })
            .await
    }

    /// Makes sure that a tenant of the configuration is there.
    pub(crate) async fn ensure_tenant(&self, change: &Change, tenant: &Tenant) -> Result<(), Error> {
        let (system, id) = (Tenant::system(), RecordId::new(tenant.as_str())?);
        let tenants = change.collection::<TenantRecord>();
        if tenants.get(&system, &id).await?.is_none() {
            let record = TenantRecord { title: tenant.to_string(), state: TenantState::Active };
            tenants.put(&system, &id, &record, Expected::Absent).await?;
            let deed = Deed { action: "tenant.made", subject: ("tenant", tenant.as_str()), details: json!({}) };
            change.audit(&system, &By::server(), deed).await?;
            change.changed(tenant, What::Tenant);
        }
        Ok(())
    }

    /// `count` includes `system`.
    fn check_room(&self, count: usize) -> Result<(), Error> {
        if count > TENANTS_WITHOUT_LICENCE && !self.directory.licences.is_installed() {
            return Err(Error::NotLicensed(format!(
                "a server without a licence has {TENANTS_WITHOUT_LICENCE} tenants beside 'system', and there are {}",
                count - 1
            )));
        }
        Ok(())
    }
}

//! Identity providers of a tenant: what they are called, where they are, and what is believed of what they say.

use model::Tenant;
use records::{Document, Expected, List, PAGE_MAX, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Hub;
use crate::access::Asking;
use crate::audit::Deed;
use crate::error::Error;
use crate::passwords::Secret;
use crate::people::check_name;
use crate::roles::RoleName;
use crate::sealing::{Place, Sealed};

/// Providers of one tenant.
const PROVIDERS_MAX: usize = 20;

/// An identity provider; its id is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// What people read who sign in.
    pub title: String,
    /// Its address, under which `/.well-known/openid-configuration` is.
    pub issuer: String,
    /// Who this server is there.
    pub client_id: String,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups, if it decides who is in those of the same name here.
    pub groups_claim: Option<String>,
    /// Whether people who come for the first time become people of the tenant.
    pub makes_people: bool,
    /// What those may do.
    pub default_roles: Vec<RoleName>,
}

impl Document for Provider {
    const COLLECTION: &'static str = "hub.providers";

    fn example() -> Option<Self> {
        Some(Self {
            title: "Company login".to_owned(),
            issuer: "https://login.example.org".to_owned(),
            client_id: "observatory".to_owned(),
            scopes: vec!["email".to_owned()],
            groups_claim: Some("groups".to_owned()),
            makes_people: true,
            default_roles: vec![RoleName::owner()],
        })
    }
}

/// The secret this server has with a provider; its id is the provider's. No table shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ProviderSecret {
    secret: Sealed,
}

impl Document for ProviderSecret {
    const COLLECTION: &'static str = "hub.provider_secrets";
}

/// Says what is wrong with a provider, if anything is.
fn check(name: &str, provider: &Provider) -> Result<(), Error> {
    RoleName::new(name).map_err(|_| Error::Invalid(format!("'{name}' is not a name of a-z, 0-9, '-' and '_'")))?;
    check_name(&provider.title)?;
    let is_address = provider.issuer.starts_with("https://") || provider.issuer.starts_with("http://");
    if !is_address || provider.client_id.is_empty() {
        return Err(Error::Invalid(
            "a provider has an issuer as in https://login.example.org, and a client id".to_owned(),
        ));
    }
    Ok(())
}

impl Hub {
    /// Makes a provider or changes it; without a secret, the one there is stays.
    pub(crate) async fn put_provider(
        &self,
        asking: &Asking,
        name: &str,
        provider: &Provider,
        secret: Option<&Secret>,
    ) -> Result<(), Error> {
        check(name, provider)?;
        self.check_roles(asking, &provider.default_roles)?;
        let (tenant, id) = (asking.tenant(), &RecordId::new(name)?);
        self.changes
            .make(|change| async move {
                let providers = change.collection::<Provider>();
                let is_new = providers.get(tenant, id).await?.is_none();
                let count = providers.list(tenant, &List::all().limit(PROVIDERS_MAX)).await?.records.len();
                if is_new && count >= PROVIDERS_MAX {
                    return Err(Error::Conflict(format!("a tenant has at most {PROVIDERS_MAX} providers")));
                }
                providers.put(tenant, id, provider, Expected::Any).await?;
                if let Some(secret) = secret {
                    let secret = self.ring.seal(secret.reveal().as_bytes(), place(tenant, &purpose(id)));
                    change
                        .collection::<ProviderSecret>()
                        .put(tenant, id, &ProviderSecret { secret }, Expected::Any)
                        .await?;
                }
                let details =
                    json!({"issuer": provider.issuer, "client_id": provider.client_id, "new_secret": secret.is_some()});
                change
                    .audit(
                        tenant,
                        asking.by(),
                        Deed { action: "provider.changed", subject: ("provider", name), details },
                    )
                    .await
            })
            .await
    }

    /// Removes a provider; people who came by it stay, and cannot sign in by it.
    pub(crate) async fn remove_provider(&self, asking: &Asking, name: &str) -> Result<(), Error> {
        let missing = || Error::not_found("provider", name);
        let (tenant, id) = (asking.tenant(), &RecordId::new(name).map_err(|_| missing())?);
        self.changes
            .make(|change| async move {
                if !change.collection::<Provider>().delete(tenant, id, Expected::Any).await? {
                    return Err(missing());
                }
                change.collection::<ProviderSecret>().delete(tenant, id, Expected::Any).await?;
                let deed = Deed { action: "provider.removed", subject: ("provider", name), details: json!({}) };
                change.audit(tenant, asking.by(), deed).await
            })
            .await
    }

    /// Seals secrets that are sealed under an older key of the ring under its newest.
    pub(crate) async fn reseal_provider_secrets(&self) -> Result<(), Error> {
        let (secrets, mut next) = (self.records.collection::<ProviderSecret>(), None);
        loop {
            let page = secrets.list_everywhere(&List::all().limit(PAGE_MAX).after(next)).await?;
            for stored in page.records {
                let again = self.ring.reseal(&stored.body.secret, place(&stored.tenant, &purpose(&stored.id)))?;
                let Some(secret) = again else { continue };
                let expected = Expected::Version(stored.version);
                secrets.put(&stored.tenant, &stored.id, &ProviderSecret { secret }, expected).await?;
            }
            match page.next {
                Some(cursor) => next = Some(cursor),
                None => return Ok(()),
            }
        }
    }

    pub(crate) async fn provider_secret(&self, tenant: &Tenant, id: &RecordId) -> Result<Option<Secret>, Error> {
        let Some(stored) = self.records.collection::<ProviderSecret>().get(tenant, id).await? else { return Ok(None) };
        let secret = self.ring.open(&stored.body.secret, place(tenant, &purpose(id)))?;
        let secret = String::from_utf8(secret).map_err(|_| crate::sealing::OpenError::NotSealed)?;
        Ok(Some(Secret::new(secret)))
    }
}

fn purpose(id: &RecordId) -> String {
    format!("hub.provider/{id}/secret")
}

fn place<'a>(tenant: &'a Tenant, purpose: &'a str) -> Place<'a> {
    Place { tenant, purpose }
}

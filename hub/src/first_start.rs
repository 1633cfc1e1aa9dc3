//! The first start: two tenants, keys that sign, and one owner, whose password is told once.

use std::collections::BTreeSet;

use model::Tenant;
use records::{Expected, List, RecordId};
use serde_json::json;

use crate::Hub;
use crate::audit::{By, Deed};
use crate::change::What;
use crate::email::Email;
use crate::error::Error;
use crate::lockout::Attempts;
use crate::passwords::{Password, Secret, one_time};
use crate::people::Person;
use crate::tokens;

/// Who can come in first; to be shown once.
#[derive(Clone, Debug)]
pub struct FirstOwner {
    /// What they sign in with.
    pub email: Email,
    /// To be replaced at the first sign-in.
    pub password: Secret,
}

impl Hub {
    /// Makes what is missing of a server that can be signed in to.
    pub(crate) async fn begin(&self, configured: &BTreeSet<Tenant>) -> Result<Option<FirstOwner>, Error> {
        let system = &Tenant::system();
        let is_first =
            self.records.collection::<Person>().list(system, &List::all().limit(1)).await?.records.is_empty();
        let email = &Email::new(&self.config.owner_email).map_err(Error::Invalid)?;
        let secret = one_time();
        let hash = if is_first { Some(self.passwords.hash(&secret).await?) } else { None };
        let password = &hash.map(|hash| Password { hash, is_one_time: true, expires_at: None });
        let made = self
            .changes
            .make(|change| async move {
                for tenant in [system, &Tenant::default_tenant()].into_iter().chain(configured) {
                    self.ensure_tenant(&change, tenant).await?;
                }
                tokens::reseal(change.transaction(), &self.ring).await?;
                let lasts = self.directory.tokens.lasts();
                if tokens::roll_over(change.transaction(), &self.ring, lasts, change.now).await? {
                    change.changed(system, What::SigningKeys);
                }
                let people = change.collection::<Person>().list(system, &List::all().limit(1)).await?;
                // Of several processes that start at once, one makes the owner.
                let Some(password) = password.as_ref().filter(|_| people.records.is_empty()) else { return Ok(false) };
                self.add_owner(&change, system, &By::server(), email, password).await?;
                Ok(true)
            })
            .await?;
        Ok(made.then(|| FirstOwner { email: email.clone(), password: secret }))
    }

    /// A new one-time password for somebody who cannot get in, also without the old one; for the command line of the server.
    pub async fn forget_password(&self, tenant: &Tenant, email: &Email) -> Result<Secret, Error> {
        let secret = one_time();
        let hash = &self.passwords.hash(&secret).await?;
        self.changes
            .make(|change| async move {
                let person = change.collection::<Person>().find(tenant, "email", email.as_str()).await?;
                let person = person.ok_or_else(|| Error::not_found("person", email.as_str()))?;
                let password = Password { hash: hash.clone(), is_one_time: true, expires_at: None };
                let id: &RecordId = &person.id;
                change.collection::<Password>().put(tenant, id, &password, Expected::Any).await?;
                change.collection::<Attempts>().delete(&Tenant::system(), &Attempts::id(email), Expected::Any).await?;
                let deed = Deed { action: "password.reset", subject: ("person", id.as_str()), details: json!({}) };
                change.audit(tenant, &By::server(), deed).await
            })
            .await?;
        Ok(secret)
    }
}

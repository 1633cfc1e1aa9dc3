//! Signing in at an identity provider: OpenID Connect, authorisation code with PKCE.
//!
//! What a sign-in began with (nonce, verifier) stays here; the browser has a cookie with its name. So a code is worth something
//! only to the browser that asked for it, and only once.

mod provider;
mod relying;

use std::time::Duration;

use model::{Tenant, Timestamp};
use openidconnect::{Nonce, PkceCodeChallenge};
use records::{Document, Expected, Key, Record, RecordId};
use serde::{Deserialize, Serialize};

use crate::Hub;
use crate::access::Origin;
use crate::audit::{By, Hash};
use crate::change::Change;
use crate::clock::after;
use crate::email::Email;
use crate::error::Error;
use crate::passwords::random;
use crate::people::{Person, Status};
use crate::sessions::SignedIn;
use crate::tenants::TenantState;

pub use self::provider::Provider;
use self::relying::Identity;
pub(crate) use self::relying::Oidc;

/// How long a sign-in elsewhere may take.
pub(crate) const FLOW: Duration = Duration::from_secs(10 * 60);

/// A sign-in that has begun; its id is the hash of its state. No table shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Flow {
    provider: String,
    nonce: String,
    verifier: String,
    return_to: String,
    expires_at: Timestamp,
}

impl Document for Flow {
    const COLLECTION: &'static str = "hub.oidc_flows";
    const KEYS: &'static [Key] = &[Key::lookup("expires_at")];
}

/// Where the browser goes, and what it remembers meanwhile.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) state: String,
}

/// Somebody who came back.
pub(crate) struct CameBack {
    pub(crate) signed_in: SignedIn,
    pub(crate) return_to: String,
}

impl Hub {
    /// Sends a browser to the provider.
    pub(crate) async fn begin_oidc(
        &self,
        origin: &Origin,
        tenant: &Tenant,
        name: &str,
        return_to: &str,
    ) -> Result<Begun, Error> {
        self.limits.attempt(origin.address)?;
        let return_to = if is_local(return_to) { return_to } else { "/" };
        let provider = self.open_provider(tenant, name).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (state, nonce) = (format!("{tenant}.{}", random(43)), random(43));
        let url =
            self.oidc.authorize(&provider, &self.redirect_url(), &state, Nonce::new(nonce.clone()), challenge).await?;
        let flow = Flow {
            provider: name.to_owned(),
            nonce,
            verifier: verifier.secret().clone(),
            return_to: return_to.to_owned(),
            expires_at: after(self.now(), FLOW),
        };
        self.records.collection::<Flow>().put(tenant, &id(&state), &flow, Expected::Absent).await?;
        Ok(Begun { url, state })
    }

    /// Lets somebody in whom the provider has sent back to the browser they left with.
    pub(crate) async fn finish_oidc(
        &self,
        origin: &Origin,
        state: &str,
        remembered: Option<&str>,
        code: &str,
    ) -> Result<CameBack, Error> {
        let lost = || Error::forbidden("this sign-in began in another browser, or too long ago: begin again");
        if remembered != Some(state) {
            return Err(lost());
        }
        let tenant = state.split_once('.').and_then(|(tenant, _)| Tenant::new(tenant).ok()).ok_or_else(lost)?;
        let flows = self.records.collection::<Flow>();
        let flow = flows.get(&tenant, &id(state)).await?.ok_or_else(lost)?;
        // Taken before anything else: the same state twice does not work.
        if !flows.delete(&tenant, &flow.id, Expected::Any).await? || flow.body.expires_at <= self.now() {
            return Err(lost());
        }
        let Flow { provider: name, nonce, verifier, return_to, .. } = flow.body;
        let provider = self.open_provider(&tenant, &name).await?;
        let identity = self.oidc.identity(&provider, &self.redirect_url(), code, verifier, Nonce::new(nonce)).await?;
        let (tenant, name, provider, identity) = (&tenant, &name, &provider, &identity);
        let signed_in = self
            .changes
            .make(|change| async move {
                let by = By { who: crate::access::Who::Anonymous, origin: origin.clone() };
                let person = self.person_of(&change, tenant, &by, provider, identity).await?;
                if let Some(groups) = &identity.groups {
                    self.join_groups(&change, tenant, &by, &person.id, groups).await?;
                }
                self.start_session(&change, &person, &format!("oidc/{name}"), origin, true).await
            })
            .await?;
        self.telemetry.signed_in();
        Ok(CameBack { signed_in, return_to })
    }

    /// The person the identity belongs to: known by it, by the e-mail the provider has checked, or new.
    async fn person_of(
        &self,
        change: &Change,
        tenant: &Tenant,
        by: &By,
        provider: &relying::Open,
        identity: &Identity,
    ) -> Result<Record<Person>, Error> {
        let people = change.collection::<Person>();
        let known_as = format!("{}/{}", provider.name, identity.subject);
        if let Some(person) = people.find(tenant, "identity", known_as.as_str()).await? {
            return Ok(person);
        }
        let email = identity.email.as_deref().filter(|_| identity.is_email_verified);
        let email = email.and_then(|email| Email::new(email).ok()).ok_or_else(|| Error::Provider {
            name: provider.name.clone(),
            reason: "it does not say that it has verified an e-mail address of this person".to_owned(),
        })?;
        match people.find(tenant, "email", email.as_str()).await? {
            Some(person) if person.body.identity.is_some() => {
                Err(Error::Conflict("somebody with this e-mail signs in with another identity".to_owned()))
            }
            Some(before) => {
                let person = Person { identity: Some(known_as), ..before.body.clone() };
                self.write(change, tenant, by, &before, person).await
            }
            None if provider.provider.makes_people => {
                let id = RecordId::unique();
                let person = Person {
                    name: identity.name.clone().unwrap_or_else(|| email.to_string()),
                    email,
                    roles: provider.provider.default_roles.clone(),
                    status: Status::Active,
                    generation: 1,
                    identity: Some(known_as),
                    external_id: None,
                };
                self.add(change, tenant, by, &id, &person, "person.joined").await?;
                people.get(tenant, &id).await?.ok_or_else(|| Error::not_found("person", id.as_str()))
            }
            None => Err(Error::forbidden("nobody here has this e-mail: ask to be invited")),
        }
    }

    async fn open_provider(&self, tenant: &Tenant, name: &str) -> Result<relying::Open, Error> {
        let missing = || Error::not_found("provider", name);
        if self.directory.tenant(tenant) != Some(TenantState::Active) {
            return Err(missing());
        }
        let id = RecordId::new(name).map_err(|_| missing())?;
        let provider = self.records.collection::<Provider>().get(tenant, &id).await?.ok_or_else(missing)?;
        let secret = self.provider_secret(tenant, &id).await?;
        Ok(relying::Open {
            tenant: tenant.clone(),
            name: name.to_owned(),
            version: provider.version,
            provider: provider.body,
            secret,
        })
    }

    fn redirect_url(&self) -> String {
        format!("{}/api/v1/hub/oidc/callback", self.config.public_url)
    }
}

fn id(state: &str) -> RecordId {
    RecordId::new(Hash::of(state.as_bytes()).to_string()).expect("a hash is an id")
}

/// Whether it leads to a page of this server and nowhere else.
fn is_local(address: &str) -> bool {
    let is_path = address.starts_with('/') && !address.starts_with("//") && !address.contains('\\');
    is_path && address.len() <= 2048 && !address.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_server_after_signing_in() {
        for (address, expected) in [
            ("/", true),
            ("/traces?q=a//b", true),
            ("//evil.example.org", false),
            ("/\\evil.example.org", false),
            ("https://evil.example.org", false),
            ("javascript:alert(1)", false),
            ("/\r\nSet-Cookie: a=b", false),
            ("", false),
        ] {
            assert_eq!(is_local(address), expected, "{address}");
        }
    }
}

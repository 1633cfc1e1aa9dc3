//! Signing in with a password: the same work and the same answer, whether or not somebody is known, and however they are locked out.

use std::net::IpAddr;

use model::Tenant;
use records::{Expected, Record, RecordId};
use serde_json::json;

use crate::Hub;
use crate::access::{Origin, Who};
use crate::audit::{By, Deed};
use crate::email::Email;
use crate::error::Error;
use crate::lockout::Attempts;
use crate::passwords::{Password, Secret, Verdict};
use crate::people::{Person, Status};
use crate::sessions::SignedIn;
use crate::tenants::TenantState;

/// The same for a wrong password, a person nobody knows, and an account that is locked.
pub(crate) const WRONG: &str = "e-mail or password is wrong, or the account is locked for a while";

/// What somebody sends to sign in.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    pub(crate) email: Email,
    pub(crate) password: Secret,
    /// In the place of a one-time password.
    pub(crate) new_password: Option<Secret>,
    /// Where the e-mail is in several.
    pub(crate) tenant: Option<Tenant>,
    pub(crate) in_cookies: bool,
}

impl Hub {
    /// Lets somebody in who has the password.
    pub(crate) async fn sign_in(&self, origin: &Origin, sign_in: &SignIn) -> Result<SignedIn, Error> {
        let attempts = self.check_attempts(&sign_in.email, origin.address).await?;
        let person = self.candidate(sign_in).await?;
        let password = match &person {
            Some(person) => self.records.collection::<Password>().get(&person.tenant, &person.id).await?,
            None => None,
        };
        let hash = password.as_ref().map(|password| password.body.hash.as_str());
        let verdict = self.passwords.verify(&sign_in.password, hash).await?;
        let is_good = verdict != Verdict::Wrong && attempts.locked_until(self.now()).is_none();
        let (Some(person), Some(password)) = (&person, &password.filter(|_| is_good)) else {
            let person = person.as_ref().map(|person| (&person.tenant, &person.id));
            let by = By { who: Who::Anonymous, origin: origin.clone() };
            self.count_failure(&sign_in.email, &attempts, person, &by).await?;
            self.telemetry.sign_in_refused();
            return Err(Error::unauthenticated(WRONG));
        };
        let renewed = &self.renewed(sign_in, &password.body, verdict).await?;
        let signed_in = self
            .changes
            .make(|change| async move {
                let (passwords, attempts) = (change.collection::<Password>(), change.collection::<Attempts>());
                let (system, id) = (Tenant::system(), Attempts::id(&sign_in.email));
                let found = attempts.get(&system, &id).await?;
                // Many who guess at the same time get no more guesses than one.
                let is_locked = found.is_some_and(|found| found.body.locked_until(change.now).is_some());
                let found = passwords.get(&person.tenant, &person.id).await?;
                // It may have been replaced while it was checked.
                let is_same = found.is_some_and(|found| found.body.hash == password.body.hash);
                if is_locked || !is_same {
                    return Err(Error::unauthenticated(WRONG));
                }
                if let Some(renewed) = renewed {
                    passwords.put(&person.tenant, &person.id, renewed, Expected::Any).await?;
                }
                attempts.delete(&system, &id, Expected::Any).await?;
                self.start_session(&change, person, "password", origin, sign_in.in_cookies).await
            })
            .await?;
        self.telemetry.signed_in();
        Ok(signed_in)
    }

    /// The only one whom the e-mail can mean.
    async fn candidate(&self, sign_in: &SignIn) -> Result<Option<Record<Person>>, Error> {
        let mut people = self.records.collection::<Person>().find_everywhere("email", sign_in.email.as_str()).await?;
        people.retain(|person| {
            let is_meant = sign_in.tenant.as_ref().is_none_or(|tenant| *tenant == person.tenant);
            is_meant
                && person.body.status != Status::Suspended
                && self.directory.tenant(&person.tenant) == Some(TenantState::Active)
        });
        Ok(if people.len() == 1 { people.pop() } else { None })
    }

    /// What is to be stored in the place of the password that was right, if anything.
    async fn renewed(
        &self,
        sign_in: &SignIn,
        password: &Password,
        verdict: Verdict,
    ) -> Result<Option<Password>, Error> {
        if password.expires_at.is_some_and(|expires_at| expires_at <= self.now()) {
            return Err(Error::forbidden("this one-time password has expired: ask for another"));
        }
        let hash = match &sign_in.new_password {
            None if password.is_one_time => return Err(Error::PasswordChangeNeeded),
            None if verdict == Verdict::RightButOld => self.passwords.hash(&sign_in.password).await?,
            None => return Ok(None),
            Some(new) if *new == sign_in.password => {
                return Err(Error::Invalid("the new password is the old one".to_owned()));
            }
            Some(new) => {
                self.passwords.check_new(new, &sign_in.email)?;
                self.passwords.hash(new).await?
            }
        };
        Ok(Some(Password { hash, is_one_time: false, expires_at: None }))
    }

    /// The wrong passwords there were for the e-mail, unless the address has tried too often.
    pub(crate) async fn check_attempts(&self, email: &Email, address: Option<IpAddr>) -> Result<Attempts, Error> {
        self.limits.attempt(address)?;
        let attempts = self.records.collection::<Attempts>().get(&Tenant::system(), &Attempts::id(email)).await?;
        Ok(attempts.map_or_else(Attempts::default, |attempts| attempts.body))
    }

    /// Counts a wrong password, unless the account is locked anyway.
    pub(crate) async fn count_failure(
        &self,
        email: &Email,
        known: &Attempts,
        person: Option<(&Tenant, &RecordId)>,
        by: &By,
    ) -> Result<(), Error> {
        if known.locked_until(self.now()).is_some() {
            return Ok(());
        }
        let (system, id) = (&Tenant::system(), &Attempts::id(email));
        self.changes
            .make(|change| async move {
                let collection = change.collection::<Attempts>();
                let before = collection.get(system, id).await?.map_or_else(Attempts::default, |attempts| attempts.body);
                let attempts = before.failed(change.now);
                collection.put(system, id, &attempts, Expected::Any).await?;
                let Some((tenant, person)) = person else { return Ok(()) };
                let locked_until = attempts.locked_until(change.now);
                let action = if locked_until.is_some() { "person.locked" } else { "session.refused" };
                let details = json!({"locked_until": locked_until});
                change.audit(tenant, by, Deed { action, subject: ("person", person.as_str()), details }).await
            })
            .await
    }
}

//! Sessions: signing in, staying in, and being thrown out.
//!
//! A refresh token is good for one use. Each session is a family of such tokens; when one comes a second time, somebody has
//! copied it, and nobody can tell who: the family ends.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Tenant, Timestamp};
use records::{Document, Expected, Key, KeyValue, List, PAGE_MAX, Record, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Hub;
use crate::access::{Asking, Origin, Who};
use crate::audit::{By, Deed, Hash};
use crate::change::{Change, What};
use crate::clock::{after, before, seconds};
use crate::error::Error;
use crate::lockout::Attempts;
use crate::passwords::{Password, Secret, Verdict, random};
use crate::people::{Email, Person, Status};
use crate::tenants::TenantState;
use crate::tokens::Claims;

/// The same for a wrong password, a person nobody knows, and an account that is locked.
const WRONG: &str = "e-mail or password is wrong, or the account is locked for a while";

/// A person who is in, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who.
    pub person: RecordId,
    /// The version they had when they came in.
    pub version: u64,
    /// How: `password`, or `oidc/<provider>`.
    pub method: String,
    /// From where.
    pub address: Option<String>,
    /// With which program.
    pub agent: Option<String>,
    /// Whether tokens are in cookies.
    pub in_cookies: bool,
    /// When they came in.
    pub started_at: Timestamp,
    /// When a token was last refreshed.
    pub refreshed_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it ended before that.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub ended_because: Option<String>,
}

impl Document for Session {
    const COLLECTION: &'static str = "hub.sessions";
    const KEYS: &'static [Key] = &[Key::lookup("person"), Key::lookup("ended_at"), Key::lookup("expires_at")];
}

/// What is known of a session's refresh tokens; its id is the session's. No table shows it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Family {
    /// Of the part that all tokens of the session share.
    shared: Hash,
    /// Of the part of the one that has not been used.
    current: Hash,
}

impl Document for Family {
    const COLLECTION: &'static str = "hub.refresh_tokens";
}

/// `obr.<tenant>.<session>.<shared>.<own>`: the shared part tells an old token of the family from somebody's guess.
#[derive(Clone)]
struct RefreshToken {
    tenant: Tenant,
    session: RecordId,
    shared: String,
    own: String,
}

impl RefreshToken {
    fn first(tenant: &Tenant, session: &RecordId) -> Self {
        Self { tenant: tenant.clone(), session: session.clone(), shared: random(22), own: random(43) }
    }

    fn next(self) -> Self {
        Self { own: random(43), ..self }
    }

    fn family(&self) -> Family {
        Family { shared: Hash::of(self.shared.as_bytes()), current: Hash::of(self.own.as_bytes()) }
    }

    /// What must come in a header beside the cookies of this session: only who has its refresh token knows it.
    fn csrf(&self) -> String {
        let digest = Sha256::new().chain_update("csrf ").chain_update(&self.shared).finalize();
        URL_SAFE_NO_PAD.encode(&digest[..16])
    }
}

impl fmt::Display for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "obr.{}.{}.{}.{}", self.tenant, self.session, self.shared, self.own)
    }
}

impl FromStr for RefreshToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let parts: Vec<&str> = text.split('.').collect();
            let ["obr", tenant, session, shared, own] = parts[..] else { return None };
            let (tenant, session) = (Tenant::new(tenant).ok()?, RecordId::new(session).ok()?);
            Some(Self { tenant, session, shared: shared.to_owned(), own: own.to_owned() })
        };
        parse().ok_or_else(|| Error::unauthenticated("this is no refresh token"))
    }
}

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

/// What somebody gets who is in.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) tenant: Tenant,
    pub(crate) person: RecordId,
    pub(crate) session: RecordId,
    pub(crate) access: Secret,
    pub(crate) refresh: Secret,
    /// For requests with cookies.
    pub(crate) csrf: Option<String>,
    /// When there is no refreshing any more.
    pub(crate) expires_at: Timestamp,
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
                if let Some(password) = renewed {
                    change.collection::<Password>().put(&person.tenant, &person.id, password, Expected::Any).await?;
                }
                let (system, id) = (Tenant::system(), Attempts::id(&sign_in.email));
                let attempts = change.collection::<Attempts>().get(&system, &id).await?;
                // Many who guess at the same time get no more guesses than one.
                if attempts.is_some_and(|attempts| attempts.body.locked_until(change.now).is_some()) {
                    return Err(Error::unauthenticated(WRONG));
                }
                change.collection::<Attempts>().delete(&system, &id, Expected::Any).await?;
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

    /// Opens a session for somebody who has shown who they are.
    pub(crate) async fn start_session(
        &self,
        change: &Change,
        person: &Record<Person>,
        method: &str,
        origin: &Origin,
        in_cookies: bool,
    ) -> Result<SignedIn, Error> {
        let tenant = &person.tenant;
        let people = change.collection::<Person>();
        let mut found = people.get(tenant, &person.id).await?.ok_or_else(|| Error::unauthenticated(WRONG))?;
        if found.body.status == Status::Suspended {
            return Err(Error::unauthenticated(WRONG));
        }
        if found.body.status == Status::Invited {
            found.body.status = Status::Active;
            people.put(tenant, &found.id, &found.body, Expected::Version(found.version)).await?;
            change.changed(tenant, What::Person(found.id.clone()));
        }
        let id = RecordId::unique();
        let token = RefreshToken::first(tenant, &id);
        let session = Session {
            person: found.id.clone(),
            version: found.body.version,
            method: method.to_owned(),
            address: origin.address.map(|address| address.to_string()),
            agent: origin.agent.clone(),
            in_cookies,
            started_at: change.now,
            refreshed_at: change.now,
            expires_at: after(change.now, self.config.session_time()),
            ended_at: None,
            ended_because: None,
        };
        change.collection::<Session>().put(tenant, &id, &session, Expected::Absent).await?;
        change.collection::<Family>().put(tenant, &id, &token.family(), Expected::Absent).await?;
        let who = Who::Person { id: found.id.clone(), email: found.body.email.to_string(), session: id.clone() };
        let by = By { who, origin: origin.clone() };
        let details = json!({"method": method});
        change
            .audit(tenant, &by, Deed { action: "session.started", subject: ("session", id.as_str()), details })
            .await?;
        Ok(self.signed_in(&found, &session, &token, change.now))
    }

    fn signed_in(&self, person: &Record<Person>, session: &Session, token: &RefreshToken, now: Timestamp) -> SignedIn {
        let tokens = &self.directory.tokens;
        let csrf = session.in_cookies.then(|| token.csrf());
        let claims = Claims {
            iss: tokens.issuer().to_owned(),
            aud: tokens.issuer().to_owned(),
            sub: person.id.clone(),
            tid: token.tenant.clone(),
            sid: token.session.clone(),
            roles: person.body.roles.clone(),
            ver: session.version,
            iat: seconds(now),
            exp: seconds(after(now, tokens.lasts())),
            csrf: csrf.clone(),
        };
        SignedIn {
            tenant: token.tenant.clone(),
            person: person.id.clone(),
            session: token.session.clone(),
            access: Secret::new(tokens.sign(&claims, now)),
            refresh: Secret::new(token.to_string()),
            csrf,
            expires_at: session.expires_at,
        }
    }

    /// Exchanges a refresh token for the next one and an access token. `csrf` is what came beside it when it came in a cookie.
    pub(crate) async fn refresh(&self, origin: &Origin, token: &Secret, csrf: Option<&str>) -> Result<SignedIn, Error> {
        let token: &RefreshToken = &token.reveal().parse()?;
        let (tenant, id, sent) = (&token.tenant, &token.session, token.family());
        let next = &token.clone().next();
        let refreshed = self
            .changes
            .make(|change| async move {
                let bad = || Error::unauthenticated("this session has ended: sign in again");
                let families = change.collection::<Family>();
                let sessions = change.collection::<Session>();
                let family = families
                    .get(tenant, id)
                    .await?
                    .filter(|family| family.body.shared == sent.shared)
                    .ok_or_else(bad)?;
                let session = sessions.get(tenant, id).await?.ok_or_else(bad)?;
                if session.body.in_cookies && csrf != Some(token.csrf().as_str()) {
                    return Err(Error::forbidden("with cookies, refreshing needs the header that goes with them"));
                }
                let person = change.collection::<Person>().get(tenant, &session.body.person).await?.ok_or_else(bad)?;
                if session.body.ended_at.is_some() {
                    return Err(bad());
                }
                if family.body.current != sent.current {
                    let who = Who::Person { id: person.id, email: person.body.email.to_string(), session: id.clone() };
                    let by = By { who, origin: origin.clone() };
                    end(&change, tenant, &session, "a refresh token was used twice").await?;
                    let deed = Deed { action: "session.stolen", subject: ("session", id.as_str()), details: json!({}) };
                    change.audit(tenant, &by, deed).await?;
                    // The end must last, though the request fails.
                    return Ok(None);
                }
                let is_over = session.body.expires_at <= change.now
                    || session.body.refreshed_at < before(change.now, self.config.idle_time())
                    || person.body.status == Status::Suspended
                    || person.body.version != session.body.version
                    || self.directory.tenant(tenant) != Some(TenantState::Active);
                if is_over {
                    return Err(bad());
                }
                families.put(tenant, id, &next.family(), Expected::Version(family.version)).await?;
                let body = Session { refreshed_at: change.now, ..session.body };
                sessions.put(tenant, id, &body, Expected::Version(session.version)).await?;
                Ok(Some(self.signed_in(&person, &body, next, change.now)))
            })
            .await?;
        refreshed.ok_or_else(|| {
            self.telemetry.refresh_token_stolen();
            Error::unauthenticated("this refresh token was used before: the session has ended, sign in again")
        })
    }

    /// Ends the session of a refresh token.
    pub(crate) async fn sign_out(&self, origin: &Origin, token: &Secret, csrf: Option<&str>) -> Result<(), Error> {
        let token: &RefreshToken = &token.reveal().parse()?;
        let (tenant, id) = (&token.tenant, &token.session);
        self.changes
            .make(|change| async move {
                let family = change.collection::<Family>().get(tenant, id).await?;
                let session = change.collection::<Session>().get(tenant, id).await?;
                // Whoever has any token of the session may end it.
                let family = family.filter(|family| family.body.shared == token.family().shared);
                let (Some(_), Some(session)) = (family, session) else { return Ok(()) };
                if session.body.in_cookies && csrf != Some(token.csrf().as_str()) {
                    return Err(Error::forbidden("with cookies, signing out needs the header that goes with them"));
                }
                let person = change.collection::<Person>().get(tenant, &session.body.person).await?;
                let email = person.map_or_else(String::new, |person| person.body.email.to_string());
                let who = Who::Person { id: session.body.person.clone(), email, session: id.clone() };
                let by = By { who, origin: origin.clone() };
                self.close(&change, tenant, &by, &session).await
            })
            .await
    }

    /// Ends a session of the tenant; of one person only, if that is said.
    pub(crate) async fn end_session(&self, asking: &Asking, id: &RecordId, of: Option<&RecordId>) -> Result<(), Error> {
        let tenant = asking.tenant();
        self.changes
            .make(|change| async move {
                let session = change.collection::<Session>().get(tenant, id).await?;
                let session = session.filter(|session| of.is_none_or(|person| session.body.person == *person));
                let session = session.ok_or_else(|| Error::not_found("session", id.as_str()))?;
                self.close(&change, tenant, asking.by(), &session).await
            })
            .await
    }

    async fn close(&self, change: &Change, tenant: &Tenant, by: &By, session: &Record<Session>) -> Result<(), Error> {
        if session.body.ended_at.is_some() {
            return Ok(());
        }
        end(change, tenant, session, "signed out").await?;
        let deed = Deed { action: "session.ended", subject: ("session", session.id.as_str()), details: json!({}) };
        change.audit(tenant, by, deed).await
    }
}

async fn end(change: &Change, tenant: &Tenant, session: &Record<Session>, because: &str) -> Result<(), Error> {
    let (ended_at, ended_because) = (Some(change.now), Some(because.to_owned()));
    let ended = Session { ended_at, ended_because, ..session.body.clone() };
    change.collection::<Session>().put(tenant, &session.id, &ended, Expected::Version(session.version)).await?;
    change.collection::<Family>().delete(tenant, &session.id, Expected::Any).await?;
    change.changed(tenant, What::Session(session.id.clone()));
    Ok(())
}

/// Ends all sessions of a person.
pub(crate) async fn end_all(change: &Change, tenant: &Tenant, person: &RecordId, because: &str) -> Result<(), Error> {
    let open = List::all().equal("person", person.as_str()).equal("ended_at", KeyValue::Absent).limit(PAGE_MAX);
    for session in change.collection::<Session>().list(tenant, &open).await?.records {
        end(change, tenant, &session, because).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_tokens_are_read_as_they_are_written() {
        let session = RecordId::unique();
        let token = RefreshToken::first(&Tenant::default_tenant(), &session);

        let read: RefreshToken = token.to_string().parse().expect("one of ours");

        assert_eq!((read.family().shared, read.family().current), (token.family().shared, token.family().current));
        assert_eq!((read.tenant, read.session), (Tenant::default_tenant(), session));
        for wrong in ["", "obr", "obr.default.x.y", "obs.default.x.y.z", "obr.DEFAULT.x.y.z", "obr.default.x.y.z.more"]
        {
            assert!(wrong.parse::<RefreshToken>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_next_token_is_another_of_the_same_family() {
        let first = RefreshToken::first(&Tenant::default_tenant(), &RecordId::unique());
        let next = first.clone().next();

        assert_eq!(first.family().shared, next.family().shared);
        assert_ne!(first.family().current, next.family().current);
        assert_eq!(first.csrf(), next.csrf(), "tabs of one browser share it");
        assert!(!first.to_string().contains(&first.csrf()));
    }
}

//! Sessions: staying in, and being thrown out.
//!
//! A refresh token is good for one use. Each session is a family of such tokens; when one comes a second time, somebody has
//! copied it, and nobody can tell who: the family ends.

mod refresh_token;

use model::{Tenant, Timestamp};
use records::{Document, Expected, Key, KeyValue, List, PAGE_MAX, Record, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use self::refresh_token::Family;
use self::refresh_token::RefreshToken;
use crate::Hub;
use crate::access::{Asking, Origin, Who};
use crate::audit::{By, Deed};
use crate::change::{Change, What};
use crate::clock::{after, before, seconds};
use crate::error::Error;
use crate::passwords::Secret;
use crate::people::{Person, Status};
use crate::sign_in::WRONG;
use crate::tenants::TenantState;
use crate::tokens::Claims;

/// A person who is in, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who.
    pub person: RecordId,
    /// The generation they had when they came in.
    pub generation: u64,
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
    const TIMES: &'static [&'static str] = &["started_at", "refreshed_at", "expires_at", "ended_at"];

    fn example() -> Option<Self> {
        let time = Timestamp(1);
        Some(Self {
            person: RecordId::unique(),
            generation: 1,
            method: "password".to_owned(),
            address: Some("192.0.2.1".to_owned()),
            agent: Some("Firefox".to_owned()),
            in_cookies: true,
            started_at: time,
            refreshed_at: time,
            expires_at: time,
            ended_at: Some(time),
            ended_because: Some("signed out".to_owned()),
        })
    }
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
            generation: found.body.generation,
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
            ver: session.generation,
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
                    // The end must last, though the request fails.
                    self.end_stolen(&change, &session, &person, origin).await?;
                    return Ok(None);
                }
                if self.is_over(&session.body, &person, change.now) {
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

    /// Ends a session of which an old token came again, and says so in the trail.
    async fn end_stolen(
        &self,
        change: &Change,
        session: &Record<Session>,
        person: &Record<Person>,
        origin: &Origin,
    ) -> Result<(), Error> {
        let (tenant, id, email) = (&session.tenant, &session.id, person.body.email.to_string());
        let who = Who::Person { id: person.id.clone(), email, session: id.clone() };
        let by = By { who, origin: origin.clone() };
        end(change, tenant, session, "a refresh token was used twice").await?;
        let deed = Deed { action: "session.stolen", subject: ("session", id.as_str()), details: json!({}) };
        change.audit(tenant, &by, deed).await
    }

    /// Whether nobody gets in by this session any more.
    fn is_over(&self, session: &Session, person: &Record<Person>, now: Timestamp) -> bool {
        session.expires_at <= now
            || session.refreshed_at < before(now, self.config.idle_time())
            || person.body.status == Status::Suspended
            || person.body.generation != session.generation
            || self.directory.tenant(&person.tenant) != Some(TenantState::Active)
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

    /// Ends the sessions of a person of the tenant, but the one that is `kept`; tells how many.
    pub(crate) async fn end_sessions(
        &self,
        asking: &Asking,
        person: &RecordId,
        kept: Option<&RecordId>,
    ) -> Result<usize, Error> {
        let tenant = asking.tenant();
        self.changes
            .make(|change| async move {
                let found = change.collection::<Person>().get(tenant, person).await?;
                found.ok_or_else(|| Error::not_found("person", person.as_str()))?;
                let ended = end_others(&change, tenant, person, kept, "signed out").await?;
                if ended > 0 {
                    let (subject, details) = (("person", person.as_str()), json!({"ended": ended}));
                    change.audit(tenant, asking.by(), Deed { action: "sessions.ended", subject, details }).await?;
                }
                Ok(ended)
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
    end_others(change, tenant, person, None, because).await.map(drop)
}

/// Ends all sessions of a person but one, if that is said; tells how many had not ended before.
async fn end_others(
    change: &Change,
    tenant: &Tenant,
    person: &RecordId,
    kept: Option<&RecordId>,
    because: &str,
) -> Result<usize, Error> {
    let open = List::all().equal("person", person.as_str()).equal("ended_at", KeyValue::Absent).limit(PAGE_MAX);
    let (sessions, mut ended, mut next) = (change.collection::<Session>(), 0, None);
    loop {
        let page = sessions.list(tenant, &open.clone().after(next)).await?;
        for session in page.records {
            if kept != Some(&session.id) {
                end(change, tenant, &session, because).await?;
                ended += 1;
            }
        }
        next = page.next;
        if next.is_none() {
            return Ok(ended);
        }
    }
}

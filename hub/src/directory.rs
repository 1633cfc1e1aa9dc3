//! What requests depend on, in memory: keys, people, roles, tenants, ended sessions, signing keys and the licence.
//!
//! No request waits for the database to know who is asking. A change is seen here right after its transaction; those of other
//! processes with the next look at [`Recent`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ipnet::IpNet;
use model::{Tenant, Timestamp};
use parking_lot::{Mutex, RwLock};
use records::{Document, List, PAGE_MAX, Record, RecordId, Records};
use tokio::sync::Mutex as AsyncMutex;

use crate::access::ingest_and_query;
use crate::audit::Hash;
use crate::change::{Changed, Recent, What};
use crate::clock::before;
use crate::error::Error;
use crate::groups::Group;
use crate::keys::{ApiKey, KeyHash};
use crate::licence::Licences;
use crate::people::{Person, Status};
use crate::permissions::{Grant, Permissions};
use crate::roles::{BUILT_IN, BuiltIn, Role, RoleName};
use crate::sealing::Keyring;
use crate::sessions::Session;
use crate::tenants::{TenantRecord, TenantState};
use crate::tokens::Tokens;

/// The picture, and how new it is.
#[derive(Debug)]
pub(crate) struct Directory {
    built_in: HashMap<RoleName, Arc<[Grant]>>,
    /// Keys of the configuration, which no record knows.
    configured: Mutex<Vec<(Hash, Arc<KnownKey>)>>,
    picture: RwLock<Picture>,
    pub(crate) tokens: Tokens,
    pub(crate) licences: Licences,
    ring: Arc<Keyring>,
    /// Changes that the picture has. Held while reading, so that an older state never overwrites a newer one.
    seen: AsyncMutex<u64>,
}

#[derive(Debug, Default)]
struct Picture {
    tenants: HashMap<Tenant, OfTenant>,
    keys: HashMap<Hash, Arc<KnownKey>>,
    /// Sessions that ended while their last access tokens may still be around.
    ended: HashMap<RecordId, Timestamp>,
}

#[derive(Debug, Default)]
struct OfTenant {
    state: Option<TenantState>,
    roles: HashMap<RoleName, Arc<[Grant]>>,
    /// Groups that have roles.
    groups: HashMap<RecordId, Group>,
    people: HashMap<RecordId, Arc<KnownPerson>>,
    keys: HashMap<RecordId, Hash>,
}

/// A person as requests need them.
#[derive(Debug)]
pub(crate) struct KnownPerson {
    pub(crate) email: String,
    pub(crate) roles: Vec<RoleName>,
    pub(crate) is_active: bool,
    pub(crate) generation: u64,
}

/// A key as requests need it.
#[derive(Debug)]
pub(crate) struct KnownKey {
    pub(crate) tenant: Tenant,
    pub(crate) id: RecordId,
    pub(crate) name: String,
    pub(crate) roles: Vec<RoleName>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) allowed_from: Vec<IpNet>,
    /// In nanoseconds since 1970; 0 before the first time.
    pub(crate) last_used: AtomicI64,
}

/// What was read anew of one thing; `None` when it is gone.
enum Fresh {
    Tenant(Option<TenantState>),
    Role(RoleName, Option<Role>),
    Group(RecordId, Option<Group>),
    Person(RecordId, Option<Person>),
    Key(RecordId, Option<(Hash, ApiKey)>),
    Session(RecordId, Option<Timestamp>),
    /// Not part of the picture; it was read where it is.
    Elsewhere,
}

impl Directory {
    /// Knows nothing but what is given.
    pub(crate) fn new(
        configured: Vec<(Hash, Arc<KnownKey>)>,
        tokens: Tokens,
        licences: Licences,
        ring: Arc<Keyring>,
    ) -> Self {
        let name = |role: &BuiltIn| RoleName::new(role.name).expect("built-in roles have good names");
        let built_in = BUILT_IN.iter().map(|role| (name(role), role.grants())).collect();
        let (picture, seen) = (RwLock::default(), AsyncMutex::new(0));
        Self { built_in, configured: Mutex::new(configured), picture, tokens, licences, ring, seen }
    }

    /// Reads everything.
    pub(crate) async fn load(&self, records: &Records, now: Timestamp) -> Result<(), Error> {
        let mut seen = self.seen.lock().await;
        *seen = self.read_all(records, now).await?;
        Ok(())
    }

    /// Reads what has changed since the last time.
    pub(crate) async fn catch_up(&self, records: &Records, now: Timestamp) -> Result<(), Error> {
        let mut seen = self.seen.lock().await;
        let Some(recent) = records.collection::<Recent>().get(&Tenant::system(), &Recent::id()).await? else {
            return Ok(());
        };
        let recent = recent.body;
        match recent.since(*seen) {
            Some(changes) => {
                for changed in changes {
                    let fresh = self.read(records, changed).await?;
                    self.picture.write().apply(&changed.tenant, fresh);
                }
                *seen = recent.count;
            }
            None => *seen = self.read_all(records, now).await?,
        }
        Ok(())
    }

    /// Knows these keys of the configuration in place of those it knew.
    pub(crate) fn exchange_configured(&self, keys: Vec<(Hash, Arc<KnownKey>)>) {
        // Held until the picture has them, so that one which is read meanwhile has the same.
        let mut configured = self.configured.lock();
        let mut picture = self.picture.write();
        for (hash, _) in configured.iter() {
            picture.keys.remove(hash);
        }
        picture.keys.extend(keys.iter().cloned());
        *configured = keys;
    }

    /// Gives the number of changes that what was read has at least.
    async fn read_all(&self, records: &Records, now: Timestamp) -> Result<u64, Error> {
        let count = records.collection::<Recent>().get(&Tenant::system(), &Recent::id()).await?;
        let mut picture = Picture::default();
        each(records, List::all(), |tenant: Record<TenantRecord>| {
            if let Ok(name) = Tenant::new(tenant.id.as_str()) {
                picture.apply(&name, Fresh::Tenant(Some(tenant.body.state)));
            }
        })
        .await?;
        each(records, List::all(), |role: Record<Role>| {
            if let Ok(name) = RoleName::new(role.id.as_str()) {
                picture.apply(&role.tenant, Fresh::Role(name, Some(role.body)));
            }
        })
        .await?;
        each(records, List::all(), |group: Record<Group>| {
            picture.apply(&group.tenant, Fresh::Group(group.id, Some(group.body)));
        })
        .await?;
        each(records, List::all(), |person: Record<Person>| {
            picture.apply(&person.tenant, Fresh::Person(person.id, Some(person.body)));
        })
        .await?;
        let mut hashes = HashMap::new();
        each(records, List::all(), |hash: Record<KeyHash>| {
            hashes.insert((hash.tenant, hash.id), hash.body.hash);
        })
        .await?;
        each(records, List::all(), |key: Record<ApiKey>| {
            let hash = hashes.get(&(key.tenant.clone(), key.id.clone()));
            picture.apply(&key.tenant, Fresh::Key(key.id, hash.map(|hash| (*hash, key.body))));
        })
        .await?;
        let recently = List::all().at_least("ended_at", before(now, self.tokens.lasts()));
        each(records, recently, |session: Record<Session>| {
            picture.apply(&session.tenant, Fresh::Session(session.id, session.body.ended_at));
        })
        .await?;
        self.tokens.load(records, &self.ring).await?;
        self.licences.load(records).await?;
        let configured = self.configured.lock();
        picture.keys.extend(configured.iter().cloned());
        *self.picture.write() = picture;
        Ok(count.map_or(0, |recent| recent.body.count))
    }

    async fn read(&self, records: &Records, changed: &Changed) -> Result<Fresh, Error> {
        let tenant = &changed.tenant;
        Ok(match &changed.what {
            What::Tenant => {
                let name = RecordId::new(tenant.as_str())?;
                let record = records.collection::<TenantRecord>().get(&Tenant::system(), &name).await?;
                Fresh::Tenant(record.map(|record| record.body.state))
            }
            What::Role(name) => {
                let id = RecordId::new(name.as_str())?;
                Fresh::Role(name.clone(), body(records, tenant, &id).await?)
            }
            What::Group(id) => Fresh::Group(id.clone(), body(records, tenant, id).await?),
            What::Person(id) => Fresh::Person(id.clone(), body(records, tenant, id).await?),
            What::Key(id) => {
                let hash = body::<KeyHash>(records, tenant, id).await?.map(|hash| hash.hash);
                let key = body::<ApiKey>(records, tenant, id).await?;
                Fresh::Key(id.clone(), hash.zip(key))
            }
            What::Session(id) => {
                let session = body::<Session>(records, tenant, id).await?;
                Fresh::Session(id.clone(), session.and_then(|session| session.ended_at))
            }
            What::SigningKeys => self.tokens.load(records, &self.ring).await.map(|()| Fresh::Elsewhere)?,
            What::Licence => self.licences.load(records).await.map(|()| Fresh::Elsewhere)?,
        })
    }

    /// The key with this hash, and what it may do.
    pub(crate) fn key(&self, hash: &Hash) -> Option<(Arc<KnownKey>, Permissions)> {
        let picture = self.picture.read();
        let key = Arc::clone(picture.keys.get(hash)?);
        let permissions = self.allowed(picture.tenants.get(&key.tenant), &key.roles);
        Some((key, permissions))
    }

    /// The person, and what they may do.
    pub(crate) fn person(&self, tenant: &Tenant, id: &RecordId) -> Option<(Arc<KnownPerson>, Permissions)> {
        let picture = self.picture.read();
        let of_tenant = picture.tenants.get(tenant)?;
        let person = Arc::clone(of_tenant.people.get(id)?);
        let groups = of_tenant.groups.values().filter(|group| group.members.contains(id));
        let roles = person.roles.iter().chain(groups.flat_map(|group| &group.roles));
        let permissions = self.allowed(Some(of_tenant), roles);
        Some((person, permissions))
    }

    /// How many people of all tenants are not suspended.
    pub(crate) fn people_who_can_sign_in(&self) -> u64 {
        let picture = self.picture.read();
        let people = picture.tenants.values().flat_map(|tenant| tenant.people.values());
        people.filter(|person| person.is_active).count() as u64
    }

    /// What the roles allow in the tenant; a role that there is not allows nothing.
    pub(crate) fn permissions<'a>(
        &self,
        tenant: &Tenant,
        roles: impl IntoIterator<Item = &'a RoleName>,
    ) -> Permissions {
        self.allowed(self.picture.read().tenants.get(tenant), roles)
    }

    fn allowed<'a>(&self, tenant: Option<&OfTenant>, roles: impl IntoIterator<Item = &'a RoleName>) -> Permissions {
        let of_tenant = |role: &RoleName| tenant.and_then(|tenant| tenant.roles.get(role));
        roles.into_iter().filter_map(|role| self.built_in.get(role).or_else(|| of_tenant(role)).cloned()).collect()
    }

    /// Whether there is such a role in the tenant.
    pub(crate) fn has_role(&self, tenant: &Tenant, role: &RoleName) -> bool {
        let picture = self.picture.read();
        let of_tenant = picture.tenants.get(tenant);
        self.built_in.contains_key(role) || of_tenant.is_some_and(|tenant| tenant.roles.contains_key(role))
    }

    /// Whether the role is one that every tenant has.
    pub(crate) fn is_built_in(&self, role: &RoleName) -> bool {
        self.built_in.contains_key(role)
    }

    /// How many people, groups and keys of the tenant have the role.
    pub(crate) fn holders(&self, tenant: &Tenant, role: &RoleName) -> usize {
        let picture = self.picture.read();
        let Some(of_tenant) = picture.tenants.get(tenant) else { return 0 };
        let people = of_tenant.people.values().map(|person| &person.roles);
        let groups = of_tenant.groups.values().map(|group| &group.roles);
        let keys = of_tenant.keys.values().filter_map(|hash| picture.keys.get(hash)).map(|key| &key.roles);
        people.chain(groups).chain(keys).filter(|roles| roles.contains(role)).count()
    }

    /// Every tenant there is.
    pub(crate) fn tenants(&self) -> Vec<Tenant> {
        let picture = self.picture.read();
        picture.tenants.iter().filter(|(_, tenant)| tenant.state.is_some()).map(|(name, _)| name.clone()).collect()
    }

    /// What the tenant is; `None` when there is no such tenant.
    pub(crate) fn tenant(&self, tenant: &Tenant) -> Option<TenantState> {
        self.picture.read().tenants.get(tenant)?.state
    }

    /// Whether the session has ended, as far as its access tokens are concerned.
    pub(crate) fn has_ended(&self, session: &RecordId) -> bool {
        self.picture.read().ended.contains_key(session)
    }

    /// Forgets sessions whose last access tokens have expired.
    pub(crate) fn forget_ended(&self, now: Timestamp) {
        let oldest = before(now, self.tokens.lasts());
        self.picture.write().ended.retain(|_, ended_at| *ended_at >= oldest);
    }

    /// Keys of records that were used since then.
    pub(crate) fn used_keys(&self, since: Timestamp) -> Vec<Arc<KnownKey>> {
        let picture = self.picture.read();
        let hashes = picture.tenants.values().flat_map(|tenant| tenant.keys.values());
        let keys = hashes.filter_map(|hash| picture.keys.get(hash));
        keys.filter(|key| key.last_used.load(Ordering::Relaxed) >= since.0).cloned().collect()
    }
}

impl Picture {
    fn apply(&mut self, tenant: &Tenant, fresh: Fresh) {
        let of_tenant = self.tenants.entry(tenant.clone()).or_default();
        match fresh {
            Fresh::Tenant(state) => of_tenant.state = state,
            Fresh::Role(name, role) => set(&mut of_tenant.roles, name, role.map(|role| role.grants.into())),
            Fresh::Group(id, group) => set(&mut of_tenant.groups, id, group.filter(|group| !group.roles.is_empty())),
            Fresh::Person(id, person) => set(&mut of_tenant.people, id, person.map(|person| Arc::new(person.into()))),
            Fresh::Session(id, ended_at) => set(&mut self.ended, id, ended_at),
            Fresh::Key(id, key) => {
                let before = of_tenant.keys.remove(&id).and_then(|hash| self.keys.remove(&hash));
                let Some((hash, key)) = key else { return };
                of_tenant.keys.insert(id.clone(), hash);
                let last_used = before.map_or(0, |before| before.last_used.load(Ordering::Relaxed));
                self.keys.insert(hash, Arc::new(KnownKey::of(tenant.clone(), id, key, last_used)));
            }
            Fresh::Elsewhere => {}
        }
    }
}

fn set<K: std::hash::Hash + Eq, V>(map: &mut HashMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

impl KnownKey {
    /// A key of the configuration: it writes and reads telemetry, or runs the server.
    pub(crate) fn configured(tenant: Tenant) -> Self {
        let roles = if tenant == Tenant::system() { vec![RoleName::owner()] } else { ingest_and_query() };
        Self {
            tenant,
            id: RecordId::new("configured").expect("a valid id"),
            name: "a key of the configuration".to_owned(),
            roles,
            expires_at: None,
            allowed_from: Vec::new(),
            last_used: AtomicI64::new(0),
        }
    }

    fn of(tenant: Tenant, id: RecordId, key: ApiKey, last_used: i64) -> Self {
        let ApiKey { name, roles, expires_at, allowed_from, .. } = key;
        Self { tenant, id, name, roles, expires_at, allowed_from, last_used: AtomicI64::new(last_used) }
    }
}

impl From<Person> for KnownPerson {
    fn from(person: Person) -> Self {
        let Person { email, roles, status, generation, .. } = person;
        Self { email: email.into(), roles, is_active: status != Status::Suspended, generation }
    }
}

async fn body<T: Document>(records: &Records, tenant: &Tenant, id: &RecordId) -> Result<Option<T>, Error> {
    Ok(records.collection::<T>().get(tenant, id).await?.map(|record| record.body))
}

/// Calls with every document of the listing, of all tenants.
async fn each<T: Document>(records: &Records, list: List, mut visit: impl FnMut(Record<T>)) -> Result<(), Error> {
    let (collection, mut next) = (records.collection::<T>(), None);
    loop {
        let page = collection.list_everywhere(&list.clone().limit(PAGE_MAX).after(next)).await?;
        page.records.into_iter().for_each(&mut visit);
        match page.next {
            Some(cursor) => next = Some(cursor),
            None => return Ok(()),
        }
    }
}

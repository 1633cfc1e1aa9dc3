//! Access tokens: JSON Web Tokens signed with Ed25519, for some minutes; anyone can check them with the public keys.
//!
//! There is always a key that signs and the next one, which is public long before it signs. A key that no longer signs is known
//! until its last token has expired.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use model::{Tenant, Timestamp};
use parking_lot::RwLock;
use rand::RngCore;
use records::{Document, Expected, List, Record, RecordId, Records, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::{DAY, MINUTE, after, before, seconds};
use crate::config::Config;
use crate::error::{Error, Refusal};
use crate::passwords;
use crate::roles::RoleName;
use crate::sealing::{Keyring, Place, Sealed};

/// How long a key signs before the next one does.
const SIGNS: Duration = Duration::from_secs(30 * 86_400);
/// How far clocks of our own processes may be apart.
const LEEWAY: Duration = MINUTE;
/// Keys at the same time: the one before, the one that signs, the next.
const KEYS_MAX: usize = 16;

/// What a token says of its bearer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Who made the token.
    pub iss: String,
    /// For whom it was made.
    pub aud: String,
    /// The person.
    pub sub: RecordId,
    /// The person's tenant.
    pub tid: Tenant,
    /// The session.
    pub sid: RecordId,
    /// The person's roles when the token was made; what they allow is looked up with every request.
    pub roles: Vec<RoleName>,
    /// The person's generation: a later one makes this token worthless.
    pub ver: u64,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// What must come in a header beside the token when it comes in a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
}

/// A key as it is stored, in the tenant `system`; its id is the `kid` of its tokens. No table shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredKey {
    seed: Sealed,
    signs_from: Timestamp,
}

impl Document for StoredKey {
    const COLLECTION: &'static str = "hub.signing_keys";
}

/// A key as it is used.
struct Key {
    id: String,
    signs_from: Timestamp,
    signing: EncodingKey,
    checking: DecodingKey,
    public: String,
}

/// Signs and checks tokens.
pub(crate) struct Tokens {
    issuer: String,
    lasts: Duration,
    /// The oldest first.
    keys: RwLock<Vec<Key>>,
}

/// A public key, as RFC 8037 writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PublicKey {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    pub crv: String,
    /// Always `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// Always `EdDSA`.
    pub alg: String,
    /// The name that tokens have in their header.
    pub kid: String,
    /// The key.
    pub x: String,
}

/// All public keys, as RFC 7517 writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct PublicKeys {
    /// The one that signs, the next, and those whose tokens have not expired.
    pub keys: Vec<PublicKey>,
}

impl Tokens {
    /// Knows no key yet.
    pub(crate) fn new(config: &Config) -> Self {
        Self { issuer: config.issuer.clone(), lasts: config.access_time(), keys: RwLock::default() }
    }

    /// How long a token lasts.
    pub(crate) fn lasts(&self) -> Duration {
        self.lasts
    }

    /// Who makes tokens.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Reads the keys that there are.
    pub(crate) async fn load(&self, records: &Records, ring: &Keyring) -> Result<(), Error> {
        let stored = records.collection::<StoredKey>().list(&Tenant::system(), &List::all().limit(KEYS_MAX)).await?;
        let mut keys = stored.records.iter().map(|key| Key::open(key, ring)).collect::<Result<Vec<_>, Error>>()?;
        keys.sort_by_key(|key| key.signs_from);
        *self.keys.write() = keys;
        Ok(())
    }

    /// Signs the claims with the key whose turn it is.
    pub(crate) fn sign(&self, claims: &Claims, now: Timestamp) -> String {
        let keys = self.keys.read();
        let key = &keys[signing(&keys, now)];
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &key.signing).expect("claims are JSON, and the key is one for Ed25519")
    }

    /// What the token says, if it is one of ours and has not expired.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Refusal> {
        let bad = || Refusal::Unauthenticated("this access token is not one of this server".to_owned());
        let kid = decode_header(token).ok().and_then(|header| header.kid).ok_or_else(bad)?;
        let keys = self.keys.read();
        let key = keys.iter().find(|key| key.id == kid).ok_or_else(bad)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.issuer]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The clock is the caller's.
        rules.validate_exp = false;
        let claims = decode::<Claims>(token, &key.checking, &rules).map_err(|_| bad())?.claims;
        if claims.exp <= seconds(now) {
            return Err(Refusal::Unauthenticated("this access token has expired: refresh it".to_owned()));
        }
        if claims.iat > seconds(after(now, LEEWAY)) {
            return Err(Refusal::Unauthenticated("this access token is from the future: a clock is wrong".to_owned()));
        }
        Ok(claims)
    }

    /// What others need to check tokens.
    pub(crate) fn public(&self) -> PublicKeys {
        PublicKeys { keys: self.keys.read().iter().map(Key::public).collect() }
    }
}

/// Makes the keys that are missing and forgets those nobody needs; says whether anything changed.
pub(crate) async fn roll_over(
    transaction: &Transaction,
    ring: &Keyring,
    lasts: Duration,
    now: Timestamp,
) -> Result<bool, Error> {
    let (system, collection) = (Tenant::system(), transaction.collection::<StoredKey>());
    let stored = collection.list(&system, &List::all().limit(KEYS_MAX)).await?.records;
    let times: Vec<Timestamp> = stored.iter().map(|key| key.body.signs_from).collect();
    let plan = Plan::of(&times, lasts, now);
    for signs_from in &plan.make {
        let id = RecordId::new(passwords::random(12))?;
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        let seed = ring.seal(&seed, place(&system, id.as_str()));
        collection.put(&system, &id, &StoredKey { seed, signs_from: *signs_from }, Expected::Absent).await?;
    }
    for key in stored.iter().filter(|key| plan.forget.contains(&key.body.signs_from)) {
        collection.delete(&system, &key.id, Expected::Any).await?;
    }
    Ok(!plan.make.is_empty() || !plan.forget.is_empty())
}

/// Seals keys that are sealed under an older key of the ring under its newest.
pub(crate) async fn reseal(transaction: &Transaction, ring: &Keyring) -> Result<(), Error> {
    let (system, collection) = (Tenant::system(), transaction.collection::<StoredKey>());
    for key in collection.list(&system, &List::all().limit(KEYS_MAX)).await?.records {
        if let Some(seed) = ring.reseal(&key.body.seed, place(&system, key.id.as_str()))? {
            let key_again = StoredKey { seed, ..key.body };
            collection.put(&system, &key.id, &key_again, Expected::Version(key.version)).await?;
        }
    }
    Ok(())
}

/// Makes every token worthless: all keys go, others come.
pub(crate) async fn replace(
    transaction: &Transaction,
    ring: &Keyring,
    lasts: Duration,
    now: Timestamp,
) -> Result<(), Error> {
    let (system, collection) = (Tenant::system(), transaction.collection::<StoredKey>());
    for key in collection.list(&system, &List::all().limit(KEYS_MAX)).await?.records {
        collection.delete(&system, &key.id, Expected::Any).await?;
    }
    roll_over(transaction, ring, lasts, now).await.map(drop)
}

/// Which keys are to be made, by the time they begin to sign, and which to be forgotten.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    make: Vec<Timestamp>,
    forget: Vec<Timestamp>,
}

impl Plan {
    fn of(signs_from: &[Timestamp], lasts: Duration, now: Timestamp) -> Self {
        let current = signs_from.iter().copied().filter(|from| *from <= now).max();
        let next = signs_from.iter().copied().find(|from| *from > now);
        let mut plan = Self::default();
        if current.is_none() && next.is_none() {
            plan.make.push(now);
        }
        if next.is_none() {
            // Everybody has a day to hear of it, also when nothing ran for months.
            let turn = current.map_or(after(now, SIGNS), |current| after(current, SIGNS).max(after(now, DAY)));
            plan.make.push(turn);
        }
        if let Some(current) = current.filter(|current| *current < before(now, lasts + LEEWAY)) {
            plan.forget = signs_from.iter().copied().filter(|from| *from < current).collect();
        }
        plan
    }
}

/// The key whose turn it is: the last that has begun, or the first when the clock was put back behind all of them.
fn signing(keys: &[Key], now: Timestamp) -> usize {
    assert!(!keys.is_empty(), "keys are made before anybody signs in");
    keys.partition_point(|key| key.signs_from <= now).saturating_sub(1)
}

fn place<'a>(tenant: &'a Tenant, purpose: &'a str) -> Place<'a> {
    Place { tenant, purpose }
}

impl Key {
    fn open(stored: &Record<StoredKey>, ring: &Keyring) -> Result<Self, Error> {
        let seed = ring.open(&stored.body.seed, place(&Tenant::system(), stored.id.as_str()))?;
        let seed: [u8; 32] = seed.try_into().map_err(|_| crate::sealing::OpenError::NotSealed)?;
        let key = SigningKey::from_bytes(&seed);
        let public = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let der = key.to_pkcs8_der().expect("every seed is a key");
        Ok(Self {
            id: stored.id.to_string(),
            signs_from: stored.body.signs_from,
            signing: EncodingKey::from_ed_der(der.as_bytes()),
            checking: DecodingKey::from_ed_components(&public).expect("it was encoded here"),
            public,
        })
    }

    fn public(&self) -> PublicKey {
        PublicKey {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            usage: "sig".to_owned(),
            alg: "EdDSA".to_owned(),
            kid: self.id.clone(),
            x: self.public.clone(),
        }
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<String> = self.keys.read().iter().map(|key| key.id.clone()).collect();
        f.debug_struct("Tokens").field("issuer", &self.issuer).field("keys", &ids).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(600);

    fn day(count: u32) -> Timestamp {
        after(Timestamp(1_750_000_000_000_000_000), DAY * count)
    }

    #[test]
    fn there_is_always_a_key_that_signs_and_a_next_one() {
        for (signs_from, now, make, forget) in [
            (vec![], day(0), vec![day(0), day(30)], vec![]),
            (vec![day(0), day(30)], day(29), vec![], vec![]),
            (vec![day(0), day(30)], day(30), vec![day(60)], vec![]),
            (vec![day(0), day(30), day(60)], day(31), vec![], vec![day(0)]),
            (vec![day(0), day(30)], day(200), vec![day(201)], vec![day(0)]),
        ] {
            assert_eq!(Plan::of(&signs_from, LASTS, now), Plan { make, forget }, "{signs_from:?} at {now:?}");
        }
    }

    #[test]
    fn a_key_is_known_until_its_last_token_has_expired() {
        let keys = [day(0), day(30), day(60)];

        assert_eq!(Plan::of(&keys, LASTS, after(day(30), MINUTE * 5)).forget, []);
        assert_eq!(Plan::of(&keys, LASTS, after(day(30), MINUTE * 12)).forget, [day(0)]);
    }

    #[test]
    fn a_clock_that_was_put_back_makes_no_new_keys() {
        assert_eq!(Plan::of(&[day(10), day(40)], LASTS, day(9)), Plan::default());
    }
}

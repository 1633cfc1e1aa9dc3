//! Secrets at rest: sealed under a key that is not stored beside them, and each for one place only.
//!
//! Every secret has a random key of its own, which is wrapped by the newest key of the ring. A value that was changed by a
//! single bit, or moved to another tenant or purpose, does not open.

use std::fmt;
use std::str::FromStr;

use aes_gcm::aead::{Aead, Generate, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use model::Tenant;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// First part of a sealed text; another number will mean another form.
const VERSION: &str = "s1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// What a cipher adds to a text: its nonce and its tag.
const OVERHEAD: usize = NONCE_BYTES + 16;
const WRAPPED_KEY_BYTES: usize = KEY_BYTES + OVERHEAD;

/// Where a secret belongs. It opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Whose it is.
    pub tenant: &'a Tenant,
    /// What it is for and of which record, such as `alerting.channel/7f3a/token`.
    pub purpose: &'a str,
}

impl Place<'_> {
    /// Lengths first, so that no two places read the same.
    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [VERSION, self.tenant.as_str(), self.purpose] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// The keys that seal and open.
pub struct Keyring {
    newest: SealingKey,
    older: Vec<SealingKey>,
}

impl Keyring {
    /// Reads `ENCRYPTION_KEY`: one key of 32 bytes in base64 or hex, or several with commas between, the newest first.
    pub fn new(setting: &str) -> Result<Self, KeyError> {
        let mut keys = setting.split(',').map(|key| key.trim().parse());
        let newest = keys.next().unwrap_or(Err(KeyError::Missing))?;
        Ok(Self { newest, older: keys.collect::<Result<_, _>>()? })
    }

    /// Seals under the newest key.
    pub fn seal(&self, secret: &[u8], place: Place<'_>) -> Sealed {
        let own = Key::<Aes256Gcm>::generate();
        let body = encrypt(&Aes256Gcm::new(&own), secret, place);
        Sealed { key: self.newest.id, wrapped_key: self.newest.wrap(&own, place), body }
    }

    /// Gives the secret back.
    pub fn open(&self, sealed: &Sealed, place: Place<'_>) -> Result<Vec<u8>, OpenError> {
        decrypt(&Aes256Gcm::new(&self.unwrap(sealed, place)?), &sealed.body, place)
    }

    /// The same secret under the newest key, if it is sealed under an older one: only its own key is wrapped anew.
    pub fn reseal(&self, sealed: &Sealed, place: Place<'_>) -> Result<Option<Sealed>, OpenError> {
        if sealed.key == self.newest.id {
            return Ok(None);
        }
        let wrapped_key = self.newest.wrap(&self.unwrap(sealed, place)?, place);
        Ok(Some(Sealed { key: self.newest.id, wrapped_key, body: sealed.body.clone() }))
    }

    fn unwrap(&self, sealed: &Sealed, place: Place<'_>) -> Result<Key<Aes256Gcm>, OpenError> {
        let mut keys = std::iter::once(&self.newest).chain(&self.older);
        let key = keys.find(|key| key.id == sealed.key).ok_or(OpenError::UnknownKey(sealed.key))?;
        let own = decrypt(&key.cipher, &sealed.wrapped_key, place)?;
        Key::<Aes256Gcm>::try_from(own.as_slice()).map_err(|_| OpenError::Changed)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(std::iter::once(&self.newest).chain(&self.older).map(|key| key.id)).finish()
    }
}

/// A key of the ring.
struct SealingKey {
    id: KeyId,
    cipher: Aes256Gcm,
}

impl SealingKey {
    fn wrap(&self, own: &Key<Aes256Gcm>, place: Place<'_>) -> Vec<u8> {
        encrypt(&self.cipher, own, place)
    }
}

impl FromStr for SealingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.is_empty() {
            return Err(KeyError::Missing);
        }
        let bases = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD];
        let decoded = bases.iter().filter_map(|base| base.decode(text).ok());
        let key = decoded.chain(from_hex(text)).find(|key| key.len() == KEY_BYTES).ok_or(KeyError::NotAKey)?;
        if key.iter().all(|byte| *byte == key[0]) {
            return Err(KeyError::Guessable);
        }
        let cipher = Aes256Gcm::new_from_slice(&key).map_err(|_| KeyError::NotAKey)?;
        Ok(Self { id: KeyId::of(&key), cipher })
    }
}

/// Tells keys apart and says nothing of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    fn of(key: &[u8]) -> Self {
        let digest = Sha256::new().chain_update("observatory sealing key").chain_update(key).finalize();
        Self(std::array::from_fn(|place| digest[place]))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A secret as it is stored: `s1.<key id>.<wrapped key and secret>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed {
    key: KeyId,
    wrapped_key: Vec<u8>,
    body: Vec<u8>,
}

impl Sealed {
    /// The key of the ring that opens it.
    pub fn key(&self) -> KeyId {
        self.key
    }
}

impl fmt::Display for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.wrapped_key.as_slice(), &self.body].concat();
        write!(f, "{VERSION}.{}.{}", self.key, URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Sealed {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, OpenError> {
        let parse = || {
            let (key, bytes) = text.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')?;
            // One spelling only: what reads the same is the same.
            let is_lower = !key.bytes().any(|byte| byte.is_ascii_uppercase());
            let key = KeyId(from_hex(key).filter(|_| is_lower)?.try_into().ok()?);
            let bytes = URL_SAFE_NO_PAD.decode(bytes).ok()?;
            let (wrapped_key, body) = bytes.split_at_checked(WRAPPED_KEY_BYTES)?;
            Some(Self { key, wrapped_key: wrapped_key.to_vec(), body: body.to_vec() })
        };
        parse().ok_or(OpenError::NotSealed)
    }
}

impl TryFrom<String> for Sealed {
    type Error = OpenError;

    fn try_from(text: String) -> Result<Self, OpenError> {
        text.parse()
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        sealed.to_string()
    }
}

/// What is wrong with `ENCRYPTION_KEY`; the key itself is never told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is none, or nothing between two commas.
    #[error("ENCRYPTION_KEY is empty: make a key with `openssl rand -base64 32`, and keep a copy of it")]
    Missing,
    /// It has another length, or is a passphrase.
    #[error(
        "ENCRYPTION_KEY is not 32 bytes in base64 or hex; a passphrase can be guessed and is not taken: \
         make a key with `openssl rand -base64 32`"
    )]
    NotAKey,
    /// One byte over and over.
    #[error("ENCRYPTION_KEY is the same byte 32 times: make a key with `openssl rand -base64 32`")]
    Guessable,
}

/// Why a secret stays shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not a text that [`Keyring::seal`] has made.
    #[error("the stored secret is not in a form this version knows")]
    NotSealed,
    /// The ring lacks its key.
    #[error("the stored secret is sealed under key {0}, which is not in ENCRYPTION_KEY: add it behind the newest")]
    UnknownKey(KeyId),
    /// It was changed, or belongs to another tenant or purpose.
    #[error("the stored secret was changed, or moved from another tenant or purpose: set it again")]
    Changed,
}

fn encrypt(cipher: &Aes256Gcm, text: &[u8], place: Place<'_>) -> Vec<u8> {
    let nonce = aes_gcm::Nonce::generate();
    let payload = Payload { msg: text, aad: &place.bytes() };
    let encrypted = cipher.encrypt(&nonce, payload).expect("a secret is shorter than 64 GiB");
    [nonce.as_slice(), &encrypted].concat()
}

fn decrypt(cipher: &Aes256Gcm, bytes: &[u8], place: Place<'_>) -> Result<Vec<u8>, OpenError> {
    let (nonce, encrypted) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Changed)?;
    let payload = Payload { msg: encrypted, aad: &place.bytes() };
    cipher.decrypt(&(*nonce).into(), payload).map_err(|_| OpenError::Changed)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const NEW: &str = "ff01020304050607aa090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn acme() -> Tenant {
        Tenant::new("acme").expect("a valid name")
    }

    fn token(tenant: &Tenant) -> Place<'_> {
        Place { tenant, purpose: "channel/1/token" }
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let ring = Keyring::new(OLD).expect("a key");
        let (acme, globex) = (acme(), Tenant::new("globex").expect("a valid name"));
        let sealed = ring.seal(b"hunter2", token(&acme));

        assert_eq!(ring.open(&sealed, token(&acme)).as_deref(), Ok(&b"hunter2"[..]));
        for place in [token(&globex), Place { tenant: &acme, purpose: "channel/2/token" }] {
            assert_eq!(ring.open(&sealed, place), Err(OpenError::Changed), "{place:?}");
        }
        assert!(!sealed.to_string().contains("hunter2"));
        assert_ne!(sealed, ring.seal(b"hunter2", token(&acme)), "the same secret twice does not show");
    }

    #[test]
    fn one_flipped_bit_is_noticed_wherever_it_is() {
        let ring = Keyring::new(OLD).expect("a key");
        let acme = acme();
        let text = ring.seal(b"hunter2", token(&acme)).to_string();

        for place in 0..text.len() {
            for bit in 0..7 {
                let mut flipped = text.clone().into_bytes();
                flipped[place] ^= 1 << bit;
                let flipped = String::from_utf8(flipped).expect("still ASCII");
                let opened = flipped.parse().and_then(|sealed| ring.open(&sealed, token(&acme)));
                assert!(opened.is_err(), "bit {bit} of byte {place}: {flipped}");
            }
        }
        for shorter in 0..text.len() {
            let opened = text[..shorter].parse().and_then(|sealed| ring.open(&sealed, token(&acme)));
            assert!(opened.is_err(), "the first {shorter} bytes");
        }
    }

    #[test]
    fn keys_are_exchanged_without_losing_a_secret() {
        let acme = acme();
        let before = Keyring::new(OLD).expect("a key").seal(b"hunter2", token(&acme));

        let both = Keyring::new(&format!("{NEW}, {OLD}")).expect("two keys");
        let after = both.reseal(&before, token(&acme)).expect("it opens").expect("it was under the old key");

        let new = Keyring::new(NEW).expect("a key");
        assert_eq!(both.open(&before, token(&acme)).as_deref(), Ok(&b"hunter2"[..]), "all keys open");
        assert_eq!(new.open(&before, token(&acme)), Err(OpenError::UnknownKey(before.key())));
        assert_eq!(new.open(&after, token(&acme)).as_deref(), Ok(&b"hunter2"[..]));
        assert_eq!(both.reseal(&after, token(&acme)), Ok(None), "the newest seals");
    }

    #[test]
    fn a_key_is_32_random_bytes_in_base64_or_hex() {
        for (setting, expected) in [
            (OLD, None),
            (OLD.trim_end_matches('='), None),
            (NEW, None),
            (&NEW.to_uppercase(), None),
            ("", Some(KeyError::Missing)),
            (&format!("{OLD},"), Some(KeyError::Missing)),
            ("correct horse battery staple", Some(KeyError::NotAKey)),
            ("a passphrase of thirty-two chars", Some(KeyError::NotAKey)),
            (&OLD[4..], Some(KeyError::NotAKey)),
            (&"0".repeat(64), Some(KeyError::Guessable)),
        ] {
            assert_eq!(Keyring::new(setting).err(), expected, "{setting}");
        }
    }

    #[test]
    fn neither_keys_nor_secrets_are_shown() {
        let ring = Keyring::new(NEW).expect("a key");
        let refused = Keyring::new("correct horse battery staple").expect_err("a passphrase").to_string();

        assert!(!format!("{ring:?}").contains("0a0b0c0d"));
        assert!(refused.contains("openssl rand") && !refused.contains("horse"));
    }
}

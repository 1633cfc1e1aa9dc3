//! Passwords: argon2id, never more at once than the machine has room for, and the same work whether somebody is known or not.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use model::Timestamp;
use rand::Rng;
use rand::distr::Alphanumeric;
use records::Document;
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::config::Config;
use crate::email::Email;
use crate::error::Error;

/// Memory of one hash, in KiB: what OWASP recommends with two passes on one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// A longer text is no password that somebody types.
const BYTES_MAX: usize = 1024;
/// Characters of a password that the program makes: 119 bits.
const ONE_TIME_CHARACTERS: usize = 20;

/// A text that must not be seen: a password, a token.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text; for the one it is for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The hash of a person's password; its id is the person's. No table shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Password {
    /// PHC string: algorithm, parameters, salt and hash.
    pub(crate) hash: String,
    /// Made by somebody else, to be replaced at the first sign-in.
    pub(crate) is_one_time: bool,
    /// After which it is worth nothing.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Document for Password {
    const COLLECTION: &'static str = "hub.passwords";
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Wrong,
    Right,
    /// Right, and hashed with less care than today: it should be hashed again.
    RightButOld,
}

/// Hashes and checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    /// Those that are at work or wait for it.
    line: Arc<Semaphore>,
    /// Those that are at work.
    places: Arc<Semaphore>,
    length_min: usize,
    /// The hash of a text nobody has, checked for people who do not exist.
    nobodys: String,
}

impl Passwords {
    pub(crate) fn new(config: &Config) -> Self {
        let nobodys = hash(&one_time());
        Self {
            line: Arc::new(Semaphore::new(config.passwords_at_once + config.passwords_waiting_max)),
            places: Arc::new(Semaphore::new(config.passwords_at_once)),
            length_min: config.password_length_min,
            nobodys,
        }
    }

    /// Whether somebody may have this password.
    pub(crate) fn check_new(&self, password: &Secret, email: &Email) -> Result<(), Error> {
        let text = password.reveal();
        let wrong = |reason: String| Err(Error::Invalid(reason));
        if text.chars().count() < self.length_min {
            return wrong(format!("a password has at least {} characters", self.length_min));
        }
        if text.len() > BYTES_MAX {
            return wrong(format!("a password has at most {BYTES_MAX} bytes"));
        }
        if text.to_lowercase().contains(email.as_str()) || text.chars().all(|other| text.starts_with(other)) {
            return wrong("this password is the first that is guessed".to_owned());
        }
        Ok(())
    }

    /// The PHC string of a password.
    pub(crate) async fn hash(&self, password: &Secret) -> Result<String, Error> {
        let password = password.clone();
        self.work(move || hash(&password)).await
    }

    /// Checks a password against a PHC string; without one it takes as long and is wrong.
    pub(crate) async fn verify(&self, password: &Secret, hash: Option<&str>) -> Result<Verdict, Error> {
        // A text of a megabyte would be worth an attacker's while.
        let password = if password.0.len() > BYTES_MAX { Secret::new("") } else { password.clone() };
        let is_known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobodys).to_owned();
        let verdict = self.work(move || verify(&password, &hash)).await?;
        Ok(if is_known { verdict } else { Verdict::Wrong })
    }

    /// Waits for a turn at the processor and works; many wait, too many are sent away.
    async fn work<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Result<R, Error> {
        let turn = self.turn().await?;
        let work = move || {
            // Whoever hangs up does not stop the work; the place is taken until it is done.
            let _turn = turn;
            work()
        };
        Ok(spawn_blocking(work).await.expect("hashing does not panic"))
    }

    async fn turn(&self) -> Result<[OwnedSemaphorePermit; 2], Error> {
        let busy = |_| Error::Busy("too many are signing in; try again in a few seconds".to_owned());
        let line = Arc::clone(&self.line).try_acquire_owned().map_err(busy)?;
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the places are never closed");
        Ok([place, line])
    }
}

/// A password for somebody who will choose another.
pub(crate) fn one_time() -> Secret {
    Secret(random(ONE_TIME_CHARACTERS))
}

/// So many characters of `0-9 A-Z a-z` that nobody can guess; 43 are 256 bits.
pub(crate) fn random(characters: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(characters).map(char::from).collect()
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &Secret) -> String {
    hasher().hash_password(password.0.as_bytes()).expect("the system gives random numbers").to_string()
}

fn verify(password: &Secret, hash: &str) -> Verdict {
    let Ok(parsed) = PasswordHash::new(hash) else { return Verdict::Wrong };
    // The parameters of the hash count, not those of the hasher.
    if hasher().verify_password(password.0.as_bytes(), &parsed).is_err() {
        return Verdict::Wrong;
    }
    let is_todays = hash.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"));
    if is_todays { Verdict::Right } else { Verdict::RightButOld }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email() -> Email {
        Email::new("ada@example.org").expect("an e-mail")
    }

    #[tokio::test]
    async fn a_password_is_right_only_for_its_own_hash() {
        let passwords = Passwords::new(&Config::default());
        let (mine, other) = (Secret::new("correct horse battery"), Secret::new("correct horse batterz"));

        let hash = passwords.hash(&mine).await.expect("room");

        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        for (password, hash, expected) in [
            (&mine, Some(hash.as_str()), Verdict::Right),
            (&other, Some(hash.as_str()), Verdict::Wrong),
            (&mine, Some("$argon2id$v=19$broken"), Verdict::Wrong),
            (&mine, None, Verdict::Wrong),
        ] {
            assert_eq!(passwords.verify(password, hash).await.expect("room"), expected, "{hash:?}");
        }
    }

    #[tokio::test]
    async fn a_weaker_hash_of_the_past_is_right_and_told_to_be_old() {
        let passwords = Passwords::new(&Config::default());
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).expect("valid"));
        let hash = weaker.hash_password(b"correct horse battery").expect("random numbers").to_string();

        let verdict = passwords.verify(&Secret::new("correct horse battery"), Some(&hash)).await;

        assert_eq!(verdict.expect("room"), Verdict::RightButOld);
    }

    #[tokio::test]
    async fn whoever_comes_when_the_line_is_full_is_sent_away() {
        let config = Config { passwords_at_once: 1, passwords_waiting_max: 0, ..Config::default() };
        let passwords = Passwords::new(&config);
        let _first = passwords.turn().await.expect("room for one");

        let second = passwords.verify(&Secret::new("whatever"), None).await;

        assert!(matches!(second, Err(Error::Busy(_))), "{second:?}");
    }

    #[test]
    fn passwords_that_are_guessed_first_are_refused() {
        let passwords = Passwords::new(&Config::default());
        for (password, is_good) in [
            ("correct horse battery", true),
            ("zwölf Zeichen", true),
            ("short", false),
            ("aaaaaaaaaaaaaaaa", false),
            ("my ADA@example.org", false),
            (&"long".repeat(300), false),
        ] {
            assert_eq!(passwords.check_new(&Secret::new(password), &email()).is_ok(), is_good, "{password}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
    }
}

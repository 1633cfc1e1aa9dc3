//! Sessions: who is signed in.
//!
//! They have room of their own, so that no cached answer signs anybody out. In this process they end with it; in Redis they last.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{Config, Shelf, json, shelf};
use crate::redis::{Redis, Unavailable};

/// Sessions by the secret that stands for each. Clones mean the same sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    shelf: Arc<dyn Shelf>,
}

impl Sessions {
    /// Those of this process, or of all processes.
    pub fn new(redis: Option<&Redis>, config: &Config) -> Self {
        Self { shelf: shelf(redis, config.session_bytes_max) }
    }

    /// The session that the secret stands for; `None` when it has ended. Refused when it cannot be looked up: nobody is signed
    /// out by that.
    pub async fn get<T: DeserializeOwned>(&self, secret: &str) -> Result<Option<T>, Unavailable> {
        let session = self.shelf.get(&name(secret)).await?;
        Ok(session.and_then(|session| serde_json::from_slice(&session).ok()))
    }

    /// Begins a session, or changes it and lets it last so long from now.
    pub async fn put<T: Serialize>(&self, secret: &str, session: &T, ttl: Duration) -> Result<(), Unavailable> {
        self.shelf.put(&name(secret), json(session), ttl).await
    }

    /// Ends the session.
    pub async fn remove(&self, secret: &str) -> Result<(), Unavailable> {
        self.shelf.remove(&name(secret)).await
    }
}

/// Whoever can list the keys must not be able to use them.
fn name(secret: &str) -> String {
    let digest = Sha256::digest(secret);
    digest.iter().fold("session:".to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

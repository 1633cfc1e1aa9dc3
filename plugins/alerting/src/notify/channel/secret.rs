//! Secrets of channels: sealed in the records when they came through the API, and only named when they came from a file.
//!
//! They are opened for the one message that needs them; no answer, table or log has them.

use std::path::PathBuf;

use plugin::hub::Secret as Plain;
use plugin::hub::sealing::{Keyring, Place, Sealed};
use plugin::model::Tenant;
use serde::{Deserialize, Serialize};

use super::Channel;

/// Longest secret, in bytes.
const SECRET_BYTES_MAX: usize = 4096;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Secret {
    /// Here, for who has the key.
    Sealed(Sealed),
    /// In a file of the machine that sends.
    File(PathBuf),
    /// In an environment variable of the process that sends.
    Env(String),
}

/// A secret as it was written: `token`, `token_file` or `token_env`.
pub(crate) type Written<'a> = (&'a str, Option<&'a Plain>, Option<&'a PathBuf>, Option<&'a String>);

/// What becomes of secrets that were written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Vault<'a> {
    /// From `notifications.yaml`, which names where they are.
    File,
    /// Through the API: they are sealed. Those that are not said again stay as they were.
    Api { keyring: &'a Keyring, tenant: &'a Tenant, before: Option<&'a Channel> },
}

impl Vault<'_> {
    /// The secret of a channel; `None` when there is none.
    pub(crate) fn take(&self, channel: &str, written: Written<'_>) -> Result<Option<Secret>, String> {
        match (self, written) {
            (_, (_, None, None, None)) => Ok(None),
            (Self::File, (_, None, Some(file), None)) => Ok(Some(Secret::File(file.clone()))),
            (Self::File, (_, None, None, Some(name))) => Ok(Some(Secret::Env(name.clone()))),
            (Self::File, (name, Some(_), ..)) => Err(format!(
                "{name} stands here for everybody to read: write {name}_file: with the path of a file, or {name}_env: with the name of an environment variable"
            )),
            (Self::Api { keyring, tenant, .. }, (name, Some(plain), None, None)) => {
                let bytes = plain.reveal().as_bytes();
                if bytes.is_empty() || bytes.len() > SECRET_BYTES_MAX {
                    return Err(format!("{name} has {} bytes, must have 1 to {SECRET_BYTES_MAX}", bytes.len()));
                }
                Ok(Some(Secret::Sealed(keyring.seal(bytes, Place { tenant, purpose: &purpose(channel, name) }))))
            }
            // Who may use the API may not read the server's files.
            (Self::Api { .. }, (name, None, ..)) => Err(format!(
                "only notifications.yaml may say {name}_file or {name}_env: send {name} itself, it is sealed"
            )),
            (_, (name, ..)) => Err(format!("there must be one of {name}, {name}_file and {name}_env, not more")),
        }
    }
}

impl Secret {
    /// The secret itself, to be used and forgotten.
    pub(crate) async fn open(
        &self,
        keyring: &Keyring,
        tenant: &Tenant,
        channel: &str,
        name: &str,
    ) -> Result<String, String> {
        let text = match self {
            Self::Sealed(sealed) => {
                let place = Place { tenant, purpose: &purpose(channel, name) };
                let bytes = keyring.open(sealed, place).map_err(|cause| format!("{name}: {cause}"))?;
                String::from_utf8(bytes).map_err(|_| format!("{name} is no text"))?
            }
            Self::File(file) => {
                let read = tokio::fs::read_to_string(file).await;
                read.map_err(|cause| format!("{name}_file {} cannot be read: {cause}", file.display()))?
            }
            Self::Env(variable) => {
                std::env::var(variable).map_err(|_| format!("{name}_env names {variable}, which is not set"))?
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() { Err(format!("{name} is empty")) } else { Ok(text.to_owned()) }
    }
}

fn purpose(channel: &str, name: &str) -> String {
    format!("alerting.channels/{channel}/{name}")
}

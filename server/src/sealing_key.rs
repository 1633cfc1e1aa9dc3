//! The key that stored secrets are sealed with: from the settings, or made at the first start and kept beside the data.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use hub::sealing::Keyring;
use rand::RngCore;

use crate::config::Config;
use crate::data_dir::DataDir;

const FILE: &str = "encryption.key";
const KEY_BYTES: usize = 32;

/// The keys that seal and open. Whoever loses them loses what is sealed: signing keys and secrets of others.
pub(crate) fn of(config: &Config, data: &DataDir) -> anyhow::Result<Keyring> {
    let setting = match &config.encryption_key {
        Some(key) => key.reveal().to_owned(),
        // A key in one process's directory would lock the others out.
        None if config.records(data.path()).url.is_some() => {
            bail!("wrong setting: encryption_key is needed where records are in PostgreSQL; set ENCRYPTION_KEY to what `openssl rand -base64 32` prints, the same in every process")
        }
        None => own(&data.path().join(FILE))?,
    };
    Keyring::new(&setting).context("wrong setting: encryption_key")
}

/// The key of this data directory; made when there is none.
fn own(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(key) => Ok(key.trim_end().to_owned()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => make(path).with_context(|| format!("{} cannot be written", path.display())),
        Err(cause) => Err(cause).with_context(|| format!("{} cannot be read", path.display())),
    }
}

fn make(path: &Path) -> std::io::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    Ok(key)
}

//! The key that stored secrets are sealed with: from the settings, or made at the first start and kept beside the data.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use hub::Secret;
use hub::sealing::Keyring;
use rand::RngCore;

const FILE: &str = "encryption.key";
const KEY_BYTES: usize = 32;

/// Where the key of a data directory is, when the settings have none.
pub(crate) fn place(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// The keys that seal and open. Whoever loses them loses what is sealed: keys that sign tokens, and secrets of others.
pub(crate) fn ring(setting: Option<&Secret>, data_dir: &Path) -> anyhow::Result<Keyring> {
    match setting {
        Some(key) => Keyring::new(key.reveal()).context("wrong setting: encryption_key"),
        None => {
            let path = place(data_dir);
            let key = own(&path).with_context(|| format!("{} cannot be used", path.display()))?;
            Keyring::new(&key).with_context(|| format!("{} was changed", path.display()))
        }
    }
}

/// The key of this data directory; made when there is none.
fn own(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(key) => Ok(key.trim_end().to_owned()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => make(path),
        Err(cause) => Err(cause),
    }
}

fn make(path: &Path) -> io::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_of_a_data_directory_is_made_once_and_is_for_its_owner_only() {
        let data = tempfile::tempdir().expect("a directory");

        ring(None, data.path()).expect("a key is made");
        let made = fs::read_to_string(place(data.path())).expect("it is kept");
        ring(None, data.path()).expect("it is read again");

        assert_eq!(fs::read_to_string(place(data.path())).expect("it is kept"), made);
        let mode = fs::metadata(place(data.path())).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        ring(Some(&Secret::new("a passphrase")), data.path()).expect_err("a passphrase is no key");
    }
}

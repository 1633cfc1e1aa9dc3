//! Reads the directory: the texts of each tenant, and of a file that has none, why.
//!
//! What cannot be read takes nothing away: of a file, of a tenant's folder or of all, what was read before stays.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use plugin::model::Tenant;
use plugin::yaml::{Text, text_of};

use super::file_id;

/// Rule files of a tenant.
const FILES_MAX: usize = 1000;

/// The texts of one tenant, by file below the directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) rules: BTreeMap<String, Text>,
    pub(crate) notifications: Option<Text>,
}

/// What the directory says.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    /// None of a tenant whose folder cannot be read.
    pub(crate) tenants: BTreeMap<Tenant, Option<Texts>>,
    /// What is there and not read, though no file's faults can tell.
    pub(crate) strays: BTreeSet<String>,
}

impl Directory {
    /// Reads it. One that is not there is an error, not an empty one: a disk that is not mounted takes no rules away.
    pub(crate) fn read(directory: &Path) -> io::Result<Self> {
        std::fs::read_dir(directory)?;
        let mut read = Self::default();
        read.add(Tenant::default_tenant(), directory, "");
        for path in paths(&directory.join("tenants"))?.into_iter().filter(|path| !path.is_file()) {
            let name = path.file_name().and_then(|name| name.to_str());
            match name.map(Tenant::new) {
                Some(Ok(tenant)) if tenant != Tenant::default_tenant() => {
                    let below = format!("tenants/{}/", tenant.as_str());
                    read.add(tenant, &path, &below);
                }
                _ => read.stray(&path, "has no name of a tenant with a folder of its own"),
            }
        }
        Ok(read)
    }

    fn add(&mut self, tenant: Tenant, folder: &Path, below: &str) {
        let texts = self.texts(folder, below);
        if let Err(cause) = &texts {
            self.stray(folder, &format!("cannot be read, so what it said before stays: {cause}"));
        }
        self.tenants.insert(tenant, texts.ok());
    }

    fn texts(&mut self, folder: &Path, below: &str) -> io::Result<Texts> {
        let mut files = paths(&folder.join("rules"))?;
        files.retain(|path| path.extension().is_some_and(|end| end == "yaml" || end == "yml"));
        if files.len() > FILES_MAX {
            return Err(io::Error::other(format!("there are {} files of rules, more than {FILES_MAX}", files.len())));
        }
        let mut rules = BTreeMap::new();
        for path in files {
            let name = path.file_name().and_then(|name| name.to_str());
            match name.map(|name| format!("{below}rules/{name}")).filter(|file| file_id(file).is_ok()) {
                Some(file) => rules.extend(text_of(&path).map(|text| (file, text))),
                None => self.stray(&path, "has a name that is too long, or no text"),
            }
        }
        Ok(Texts { rules, notifications: text_of(&folder.join("notifications.yaml")) })
    }

    fn stray(&mut self, path: &Path, why: &str) {
        self.strays.insert(format!("{} {why}", path.display()));
    }
}

/// What is in a folder, by name; nothing when it is not there.
fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}

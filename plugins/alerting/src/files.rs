//! The directory that rules stand in: read again and again, so that a change is seen within seconds.
//!
//! ```text
//! rules/*.yaml              of the tenant `default`
//! notifications.yaml
//! escalation.yaml
//! tenants/<name>/…          the same of others
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use plugin::PluginContext;
use plugin::model::Tenant;
use plugin::records::{Document, Error, Expected, Key, List, RecordId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xxhash_rust::xxh3::xxh3_64;

use crate::config::Config;
use crate::notify;
use crate::rule::{self, Rule};
use crate::rule_book::{By, Refused, RuleBook};
use crate::stored::StoredRule;
use crate::watch::{all_of, now};

/// Rule files of a tenant.
const FILES_MAX: usize = 1000;
/// Longest file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Faults that are told of a file.
const FAULTS_TOLD: usize = 20;

/// A file of rules, and whether it could be read; `alerting.files` in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RuleFile {
    /// Below the directory.
    pub(crate) file: String,
    /// Of its text.
    pub(crate) hash: String,
    /// What is wrong with it; its rules are those that it had before.
    pub(crate) faults: Vec<String>,
    pub(crate) rules: u64,
}

impl Document for RuleFile {
    const COLLECTION: &'static str = "alerting.files";
    const KEYS: &'static [Key] = &[Key::unique("file")];
}

/// The texts of one tenant, by file below the directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) rules: BTreeMap<String, String>,
    pub(crate) notifications: Option<String>,
    pub(crate) escalation: Option<String>,
}

/// Reads the directory.
pub(crate) fn read(directory: &Path) -> io::Result<BTreeMap<Tenant, Texts>> {
    let mut tenants = BTreeMap::from([(Tenant::default_tenant(), of_tenant(directory, "")?)]);
    let others = directory.join("tenants");
    if others.is_dir() {
        for entry in std::fs::read_dir(&others)? {
            let name = entry?.file_name();
            match name.to_str().map(Tenant::new) {
                Some(Ok(tenant)) => {
                    let below = format!("tenants/{}/", tenant.as_str());
                    tenants.insert(tenant.clone(), of_tenant(&others.join(tenant.as_str()), &below)?);
                }
                _ => tracing::warn!(?name, "a folder of the alerting directory is no tenant's name"),
            }
        }
    }
    Ok(tenants)
}

fn of_tenant(directory: &Path, below: &str) -> io::Result<Texts> {
    let mut rules = BTreeMap::new();
    let folder = directory.join("rules");
    if folder.is_dir() {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        paths.sort();
        let is_yaml = |path: &PathBuf| path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        for path in paths.into_iter().filter(is_yaml).take(FILES_MAX) {
            if let (Some(name), Some(text)) = (path.file_name().and_then(|name| name.to_str()), text_of(&path)?) {
                rules.insert(format!("{below}rules/{name}"), text);
            }
        }
    }
    let (notifications, escalation) = (directory.join("notifications.yaml"), directory.join("escalation.yaml"));
    Ok(Texts { rules, notifications: text_of(&notifications)?, escalation: text_of(&escalation)? })
}

fn text_of(path: &Path) -> io::Result<Option<String>> {
    match std::fs::metadata(path) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
        Ok(about) if about.len() > FILE_BYTES_MAX => {
            Err(io::Error::other(format!("{} is larger than {FILE_BYTES_MAX} bytes", path.display())))
        }
        Ok(_) => std::fs::read_to_string(path).map(Some),
    }
}

/// Brings the stored rules of a tenant to what its files say.
pub(crate) async fn put_rules(
    context: &PluginContext,
    config: &Config,
    tenant: &Tenant,
    texts: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let known = all_of::<RuleFile>(&context.records, tenant, &List::all()).await?;
    let known: BTreeMap<String, RuleFile> =
        known.into_iter().map(|record| (record.body.file.clone(), record.body)).collect();
    for (file, text) in texts {
        let hash = format!("{:016x}", xxh3_64(text.as_bytes()));
        if known.get(file).is_none_or(|known| known.hash != hash) {
            put_file(context, config, tenant, file, text, hash).await?;
        }
    }
    let is_gone = |file: &&String| file.contains("rules/") && !texts.contains_key(*file);
    for file in known.keys().filter(is_gone) {
        put_file(context, config, tenant, file, "[]", String::new()).await?;
        context.records.collection::<RuleFile>().delete(tenant, &file_id(file)?, Expected::Any).await?;
    }
    Ok(())
}

async fn put_file(
    context: &PluginContext,
    config: &Config,
    tenant: &Tenant,
    file: &str,
    text: &str,
    hash: String,
) -> Result<(), Error> {
    let faults = match rule::read(text) {
        Ok(written) => {
            let rules: Vec<Rule> = written.into_iter().map(|written| written.rule).collect();
            replace(context, config, tenant, file, &rules).await?
        }
        Err(faults) => faults.iter().take(FAULTS_TOLD).map(ToString::to_string).collect(),
    };
    for fault in &faults {
        tracing::error!(
            tenant = tenant.as_str(),
            file,
            fault,
            "a file of rules is not read; its rules stay as they were"
        );
    }
    let stored = context.records.collection::<StoredRule>();
    let rules =
        stored.list(tenant, &List::all().equal("file", file).limit(plugin::records::PAGE_MAX)).await?.records.len();
    let read = RuleFile { file: file.to_owned(), hash, faults, rules: rules as u64 };
    context.records.collection::<RuleFile>().put(tenant, &file_id(file)?, &read, Expected::Any).await?;
    Ok(())
}

/// Puts the rules of a file in the place of those it had; says why not, if not.
async fn replace(
    context: &PluginContext,
    config: &Config,
    tenant: &Tenant,
    file: &str,
    rules: &[Rule],
) -> Result<Vec<String>, Error> {
    let known = all_of::<StoredRule>(&context.records, tenant, &List::all().equal("file", file)).await?;
    let is_gone = |name: &String| !rules.iter().any(|rule| rule.name == *name);
    let removed: Vec<String> = known.into_iter().map(|record| record.body.name).filter(is_gone).collect();
    let book = RuleBook { records: &context.records, audit: &context.audit, rules_max: config.rules_max };
    match book.change(tenant, By::File(file), rules, &removed).await {
        Ok(()) => Ok(Vec::new()),
        Err(Refused::Records(cause)) => Err(cause),
        Err(refused) => Ok(vec![refused.to_string()]),
    }
}

/// Lets channels and plans be what the file says. Without a file, those of the API alone are there.
pub(crate) async fn put_notifications(
    context: &PluginContext,
    tenant: &Tenant,
    text: Option<&str>,
) -> Result<(), Error> {
    const FILE: &str = "notifications.yaml";
    let read = notify::file::read(text.unwrap_or("{}"));
    let faults = match read {
        Ok(notifications) => {
            let replaced = notify::apply(&context.records, tenant, &notifications, now()).await?;
            for channel in replaced {
                tracing::warn!(tenant = tenant.as_str(), channel, "a channel of the API gives way to one of the file");
            }
            Vec::new()
        }
        Err(faults) => faults.iter().take(FAULTS_TOLD).map(ToString::to_string).collect(),
    };
    for fault in &faults {
        tracing::error!(tenant = tenant.as_str(), file = FILE, fault, "channels stay as they were");
    }
    let files = context.records.collection::<RuleFile>();
    if text.is_none() {
        return files.delete(tenant, &file_id(FILE)?, Expected::Any).await.map(drop);
    }
    let file = RuleFile { file: FILE.to_owned(), hash: String::new(), faults, rules: 0 };
    files.put(tenant, &file_id(FILE)?, &file, Expected::Any).await.map(drop)
}

fn file_id(file: &str) -> Result<RecordId, Error> {
    RecordId::new(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_holds_the_files_of_each_tenant() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders are made");
            std::fs::write(path, text).expect("a file is written");
        };
        write("rules/shop.yaml", "[]");
        write("rules/notes.txt", "not a rule");
        write("escalation.yaml", "levels: {}");
        write("tenants/acme/rules/a.yml", "[]");

        let texts = read(directory.path()).expect("texts");

        let of_default = &texts[&Tenant::default_tenant()];
        assert_eq!(of_default.rules.keys().collect::<Vec<_>>(), ["rules/shop.yaml"]);
        assert_eq!(of_default.escalation.as_deref(), Some("levels: {}"));
        let acme = Tenant::new("acme").expect("a name");
        assert_eq!(texts[&acme].rules.keys().collect::<Vec<_>>(), ["tenants/acme/rules/a.yml"]);
        assert_eq!(
            read(&directory.path().join("nothing")).expect("nothing")[&Tenant::default_tenant()],
            Texts::default()
        );
    }
}

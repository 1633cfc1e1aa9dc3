//! The directory that rules stand in: read again and again, so that a change is seen within seconds.
//! What is gone from it is gone: files, and the folders of tenants.
//!
//! ```text
//! rules/*.yaml              of the tenant `default`
//! notifications.yaml
//! escalation.yaml           read by `incident::Policies`
//! tenants/<name>/…          the same of others
//! ```

mod directory;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use plugin::model::Tenant;
use plugin::records::{Document, Error, Expected, Key, List, RecordId, Records};
use plugin::yaml::{Fault, Place, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::directory::Directory;
use self::directory::Texts;
use crate::notify;
use crate::pages::{all_of, everywhere};
use crate::rule::{Rule, Written};
use crate::rule_book::{self, By, Refused, RuleBook};
use crate::stored::StoredRule;
use crate::watch::{is_passing, now};

/// A file of rules, and whether it could be read; `alerting.files` in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RuleFile {
    /// Below the directory.
    pub(crate) file: String,
    /// Of its text; empty when that cannot be read.
    pub(crate) hash: String,
    /// What is wrong with it; its rules are those that it had before.
    pub(crate) faults: Vec<String>,
    pub(crate) rules: u64,
}

impl Document for RuleFile {
    const COLLECTION: &'static str = "alerting.files";
    const KEYS: &'static [Key] = &[Key::unique("file")];
}

/// What the directory said when it was put last.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// None of a tenant whose folder could never be read.
    texts: BTreeMap<Tenant, Option<Texts>>,
    strays: BTreeSet<String>,
}

impl Seen {
    /// Puts what the directory says in the place of what it said before.
    pub(crate) async fn put(&mut self, book: &RuleBook<'_>, read: Directory) -> Result<(), Error> {
        for stray in read.strays.difference(&self.strays) {
            tracing::error!(stray, "something in the alerting directory is not read");
        }
        self.strays = read.strays;
        let mut tenants = read.tenants;
        for tenant in self.tenants(book.records).await? {
            tenants.entry(tenant).or_insert_with(|| Some(Texts::default()));
        }
        for (tenant, texts) in tenants {
            let seen = self.texts.entry(tenant.clone()).or_default();
            let Some(texts) = texts.filter(|texts| seen.as_ref() != Some(texts)) else { continue };
            put_rules(book, &tenant, &texts.rules).await?;
            put_notifications(book.records, &tenant, texts.notifications.as_ref()).await?;
            *seen = Some(texts);
        }
        Ok(())
    }

    /// Those that have had files; at first the records know, also of folders that vanished while nobody looked.
    async fn tenants(&self, records: &Records) -> Result<BTreeSet<Tenant>, Error> {
        if !self.texts.is_empty() {
            return Ok(self.texts.keys().cloned().collect());
        }
        Ok(everywhere(&records.collection::<RuleFile>()).await?.into_iter().map(|file| file.tenant).collect())
    }
}

/// Brings the stored rules of a tenant to what its files say.
async fn put_rules(book: &RuleBook<'_>, tenant: &Tenant, texts: &BTreeMap<String, Text>) -> Result<(), Error> {
    let known = all_of(&book.records.collection::<RuleFile>(), tenant, &List::all()).await?;
    let known: BTreeMap<String, RuleFile> =
        known.into_iter().map(|record| (record.body.file.clone(), record.body)).collect();
    let is_gone = |file: &&String| file.contains("rules/") && !texts.contains_key(*file);
    // They go first, and who is refused is asked again: rules move from file to file, and files are renamed.
    for file in known.keys().filter(is_gone) {
        replace(book, tenant, file, &[]).await?;
        book.records.collection::<RuleFile>().delete(tenant, &file_id(file)?, Expected::Any).await?;
    }
    let is_to_be_read = |(file, text): &(&String, &Text)| {
        known.get(*file).is_none_or(|known| known.hash != hash(text) || !known.faults.is_empty())
    };
    let mut waiting: Vec<(&String, &Text)> = texts.iter().filter(is_to_be_read).collect();
    loop {
        let mut refused = Vec::new();
        for (file, text) in &waiting {
            let faults = put_file(book, tenant, file, text).await?;
            if !faults.is_empty() {
                refused.push((*file, *text, faults));
            }
        }
        if refused.is_empty() || refused.len() == waiting.len() {
            refused.iter().for_each(|(file, _, faults)| tell(tenant, file, faults));
            return Ok(());
        }
        waiting = refused.into_iter().map(|(file, text, _)| (file, text)).collect();
    }
}

/// Says what is wrong with it, if anything is.
async fn put_file(book: &RuleBook<'_>, tenant: &Tenant, file: &str, text: &Text) -> Result<Vec<String>, Error> {
    let read = match text {
        Ok(text) => rule_book::read(text.clone()).await,
        Err(fault) => Err(vec![fault.clone()]),
    };
    let faults = match read {
        Ok(written) => replace(book, tenant, file, &written).await?,
        Err(faults) => faults,
    };
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let rules =
        all_of(&book.records.collection::<StoredRule>(), tenant, &List::all().equal("file", file)).await?.len() as u64;
    let read = RuleFile { file: file.to_owned(), hash: hash(text), faults: faults.clone(), rules };
    book.records.collection::<RuleFile>().put(tenant, &file_id(file)?, &read, Expected::Any).await?;
    Ok(faults)
}

fn tell(tenant: &Tenant, file: &str, faults: &[String]) {
    for fault in faults {
        tracing::error!(tenant = tenant.as_str(), file, fault, "a file is not read; what it said before stays");
    }
}

/// Puts the rules of a file in the place of those it had; says why not, if not.
async fn replace(book: &RuleBook<'_>, tenant: &Tenant, file: &str, written: &[Written]) -> Result<Vec<Fault>, Error> {
    let known = all_of(&book.records.collection::<StoredRule>(), tenant, &List::all().equal("file", file)).await?;
    let rules: Vec<Rule> = written.iter().map(|written| written.rule.clone()).collect();
    let names: HashSet<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let is_gone = |name: &String| !names.contains(name.as_str());
    let removed: Vec<String> = known.into_iter().map(|record| record.body.name).filter(is_gone).collect();
    match book.change(tenant, By::File(file), &rules, &removed).await {
        Ok(()) => Ok(Vec::new()),
        Err(Refused::Records(cause)) if is_passing(&cause) => Err(cause),
        Err(refused) => Ok(vec![fault(&refused, written)]),
    }
}

/// At the rule whose name is taken.
fn fault(refused: &Refused, written: &[Written]) -> Fault {
    let (Refused::InFile { name, .. } | Refused::NotInFile { name }) = refused else {
        return Fault { place: Place::TOP, problem: refused.to_string(), remedy: String::new() };
    };
    let place = written.iter().find(|written| written.rule.name == *name).map_or(Place::TOP, |written| written.place);
    Fault { place, problem: refused.to_string(), remedy: "remove it there, or name it otherwise".to_owned() }
}

/// Lets channels and plans be what the file says. Without a file, those of the API alone are there.
async fn put_notifications(records: &Records, tenant: &Tenant, text: Option<&Text>) -> Result<(), Error> {
    const FILE: &str = "notifications.yaml";
    let read = match text {
        Some(Ok(text)) => notify::file::read(text),
        Some(Err(fault)) => Err(vec![fault.clone()]),
        None => notify::file::read(""),
    };
    let faults: Vec<String> = match read {
        Ok(notifications) => {
            for channel in notify::apply(records, tenant, &notifications, now()).await? {
                tracing::warn!(tenant = tenant.as_str(), channel, "a channel of the API gives way to one of the file");
            }
            Vec::new()
        }
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    };
    tell(tenant, FILE, &faults);
    let files = records.collection::<RuleFile>();
    let Some(text) = text else { return files.delete(tenant, &file_id(FILE)?, Expected::Any).await.map(drop) };
    let file = RuleFile { file: FILE.to_owned(), hash: hash(text), faults, rules: 0 };
    files.put(tenant, &file_id(FILE)?, &file, Expected::Any).await.map(drop)
}

fn hash(text: &Text) -> String {
    text.as_ref().map_or_else(|_| String::new(), |text| format!("{:016x}", xxh3_64(text.as_bytes())))
}

fn file_id(file: &str) -> Result<RecordId, Error> {
    RecordId::new(file)
}

#[cfg(test)]
mod tests {
    use plugin::hub::audit::Trail;

    use super::*;

    const RULE: &str = "{name: Errors, condition: error_count > 0, severity: info}";

    /// A directory, and the records that follow it.
    struct Office {
        directory: tempfile::TempDir,
        records: Records,
        seen: Seen,
    }

    impl Office {
        fn open() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            Self { directory, records: Records::in_memory().expect("records"), seen: Seen::default() }
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.directory.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders are made");
            std::fs::write(path, text).expect("a file is written");
        }

        fn remove(&self, path: &str) {
            let path = self.directory.path().join(path);
            let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            removed.expect("it was there");
        }

        async fn look(&mut self) {
            let audit = Trail::new(plugin::hub::system_clock());
            let book = RuleBook { records: &self.records, audit: &audit, rules_max: 10 };
            let read = Directory::read(self.directory.path()).expect("texts");
            self.seen.put(&book, read).await.expect("they are put");
        }

        /// Names of rules with their files.
        async fn rules(&self, tenant: &Tenant) -> Vec<(String, String)> {
            let rules = all_of(&self.records.collection::<StoredRule>(), tenant, &List::all()).await.expect("rules");
            rules.into_iter().map(|rule| (rule.body.name, rule.body.file.unwrap_or_default())).collect()
        }

        async fn faults(&self) -> Vec<(String, Vec<String>)> {
            let files = everywhere(&self.records.collection::<RuleFile>()).await.expect("files");
            files.into_iter().map(|file| (file.body.file, file.body.faults)).collect()
        }
    }

    fn of(name: &str, file: &str) -> (String, String) {
        (name.to_owned(), file.to_owned())
    }

    #[test]
    fn a_directory_holds_the_files_of_each_tenant_and_tells_what_is_neither() {
        let office = Office::open();
        office.write("rules/shop.yaml", "[]");
        office.write("rules/notes.txt", "not a rule");
        office.write("notifications.yaml", "{}");
        office.write("tenants/acme/rules/a.yml", "[]");

        office.write("tenants/no name/rules/a.yaml", "[]");
        office.write(&format!("rules/{}.yaml", "a".repeat(250)), "[]");

        let read = Directory::read(office.directory.path()).expect("texts");

        let texts = |tenant: &Tenant| read.tenants[tenant].as_ref().expect("a folder that can be read");
        let of_default = texts(&Tenant::default_tenant());
        assert_eq!(of_default.rules.keys().collect::<Vec<_>>(), ["rules/shop.yaml"]);
        assert_eq!(of_default.notifications, Some(Ok("{}".to_owned())));
        let acme = Tenant::new("acme").expect("a name");
        assert_eq!(texts(&acme).rules.keys().collect::<Vec<_>>(), ["tenants/acme/rules/a.yml"]);
        let strays: Vec<&String> = read.strays.iter().collect();
        assert!(strays.len() == 2 && strays[0].contains("aaa.yaml has a name that is too long"), "{strays:?}");
        assert!(strays[1].contains("no name has no name of a tenant"), "{strays:?}");
        Directory::read(&office.directory.path().join("nothing")).expect_err("a directory that is not there");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_keeps_its_rules_and_stops_no_other() {
        let (mut office, tenant) = (Office::open(), Tenant::default_tenant());
        office.write("rules/a.yaml", &format!("- {RULE}"));
        office.write("notifications.yaml", "{}");
        office.look().await;

        std::fs::write(office.directory.path().join("rules/a.yaml"), b"- \xff").expect("a file is written");
        std::fs::write(office.directory.path().join("notifications.yaml"), b"\xff").expect("a file is written");
        office.write("rules/b.yaml", "- {name: Other, condition: error_count > 0, severity: info}");
        office.look().await;

        assert_eq!(office.rules(&tenant).await, [of("Errors", "rules/a.yaml"), of("Other", "rules/b.yaml")]);
        let faulty = |faults: Vec<(String, Vec<String>)>| -> Vec<String> {
            let faulty = faults.into_iter().filter(|(_, faults)| faults.iter().any(|fault| fault.contains("UTF-8")));
            faulty.map(|(file, _)| file).collect()
        };
        let mut files = faulty(office.faults().await);
        files.sort();
        assert_eq!(files, ["notifications.yaml", "rules/a.yaml"]);
        office.write("rules/a.yaml", "[]");
        office.write("notifications.yaml", "{}");
        office.look().await;
        assert_eq!(office.rules(&tenant).await, [of("Other", "rules/b.yaml")]);
        assert!(faulty(office.faults().await).is_empty());
    }

    #[tokio::test]
    async fn a_file_that_names_a_rule_of_another_is_refused_and_says_whose_it_is() {
        let (mut office, tenant) = (Office::open(), Tenant::default_tenant());
        office.write("rules/a.yaml", &format!("- {RULE}"));
        office.write("rules/b.yaml", "- {name: Other, condition: error_count > 0, severity: info}");
        office.look().await;

        office.write("rules/b.yaml", &format!("- {{name: New, condition: error_count > 0, severity: info}}\n- {RULE}"));
        office.look().await;

        assert_eq!(office.rules(&tenant).await, [of("Errors", "rules/a.yaml"), of("Other", "rules/b.yaml")]);
        let fault = "line 2, column 3: the rule 'Errors' stands in the file rules/a.yaml; remove it there, or name it otherwise";
        let faults = [(String::from("rules/a.yaml"), vec![]), (String::from("rules/b.yaml"), vec![fault.to_owned()])];
        assert_eq!(office.faults().await, faults);
    }

    #[tokio::test]
    async fn a_rule_may_move_to_another_file_and_a_file_be_renamed() {
        let (mut office, tenant) = (Office::open(), Tenant::default_tenant());
        office.write("rules/b.yaml", &format!("- {RULE}"));
        office.look().await;

        office.write("rules/a.yaml", &format!("- {RULE}"));
        office.write("rules/b.yaml", "[]");
        office.look().await;
        assert_eq!(office.rules(&tenant).await, [of("Errors", "rules/a.yaml")]);

        office.remove("rules/a.yaml");
        office.write("rules/0.yaml", &format!("- {RULE}"));
        office.look().await;
        assert_eq!(office.rules(&tenant).await, [of("Errors", "rules/0.yaml")]);
        assert!(office.faults().await.iter().all(|(_, faults)| faults.is_empty()));
    }

    #[tokio::test]
    async fn a_file_that_was_refused_is_read_again_when_the_name_is_free() {
        let (mut office, tenant) = (Office::open(), Tenant::default_tenant());
        office.write("rules/a.yaml", &format!("- {RULE}"));
        office.write("rules/b.yaml", &format!("- {RULE}"));
        office.look().await;

        office.write("rules/a.yaml", "[]");
        office.look().await;

        assert_eq!(office.rules(&tenant).await, [of("Errors", "rules/b.yaml")]);
    }

    #[tokio::test]
    async fn rules_of_a_tenant_whose_folder_vanishes_are_gone() {
        for is_seen in [true, false] {
            let (mut office, acme) = (Office::open(), Tenant::new("acme").expect("a name"));
            office.write("rules/a.yaml", &format!("- {RULE}"));
            office.write("tenants/acme/rules/a.yaml", &format!("- {RULE}"));
            office.write("tenants/acme/notifications.yaml", "{}");
            office.look().await;
            assert_eq!(office.rules(&acme).await, [of("Errors", "tenants/acme/rules/a.yaml")]);

            office.remove("tenants/acme");
            if !is_seen {
                office.seen = Seen::default();
            }
            office.look().await;

            assert!(office.rules(&acme).await.is_empty(), "seen: {is_seen}");
            assert_eq!(office.faults().await, [(String::from("rules/a.yaml"), vec![])]);
            assert_eq!(office.rules(&Tenant::default_tenant()).await.len(), 1);
        }
    }
}

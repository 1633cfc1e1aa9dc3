//! The directory that dashboards stand in: read again and again, so that a change is seen within seconds.
//!
//! What cannot be read takes nothing away: of a file, of a tenant's folder or of all, what was read before stays. What is gone from
//! the directory is gone.
//!
//! ```text
//! *.yaml              of the tenant `default`; also *.yml
//! tenants/<name>/…    the same of others
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use plugin::Shutdown;
use plugin::model::Tenant;
use plugin::yaml::{Fault, Place, Text, text_of};
use serde::Serialize;
use utoipa::ToSchema;

use crate::library::{DashboardOrigin, Found};
use crate::read::read;

/// Files of a tenant.
const FILES_MAX: usize = 500;
/// How often the directory is read.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The texts of a tenant, by file below the directory.
type Texts = BTreeMap<String, Text>;

/// What the directory says.
#[derive(Debug, Default)]
struct Directory {
    /// None of a tenant whose folder cannot be read.
    tenants: BTreeMap<Tenant, Option<Texts>>,
    /// What is there and not read, though no file's faults can tell.
    strays: BTreeSet<String>,
}

/// What the directory said when it could be read last.
#[derive(Debug, Default)]
pub(crate) struct Shelf(RwLock<BTreeMap<Tenant, BTreeMap<String, Arc<Filed>>>>);

/// A file as it was read last.
#[derive(Debug)]
struct Filed {
    text: Text,
    faults: Vec<Fault>,
    /// What it says, or said before it had a fault.
    found: Option<Found>,
    name_place: Place,
}

/// A file with a fault; what it said before stays.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultyFile {
    /// Below the directory.
    pub(crate) file: String,
    pub(crate) faults: Vec<Fault>,
}

impl Shelf {
    /// Follows the directory until `shutdown`.
    pub(crate) async fn follow(&self, directory: &Path, shutdown: &Shutdown) {
        let (mut unreadable, mut strays) = (None, BTreeSet::new());
        while !shutdown.is_cancelled() {
            let path = directory.to_owned();
            let read = tokio::task::spawn_blocking(move || Directory::read(&path)).await;
            match read.expect("reading files does not panic") {
                Ok(read) => {
                    for stray in read.strays.difference(&strays) {
                        tracing::error!(stray, "something in the directory of dashboards is not read");
                    }
                    strays = read.strays;
                    self.put(read.tenants);
                    unreadable = None;
                }
                Err(cause) => {
                    let cause = cause.to_string();
                    if unreadable.as_ref() != Some(&cause) {
                        tracing::error!(directory = %directory.display(), cause, "the directory of dashboards cannot be read; they stay as they were");
                        unreadable = Some(cause);
                    }
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Puts what the directory says in the place of what it said before.
    fn put(&self, tenants: BTreeMap<Tenant, Option<Texts>>) {
        let before = self.0.read().clone();
        let mut now = BTreeMap::new();
        for (tenant, texts) in tenants {
            let known = before.get(&tenant);
            let Some(texts) = texts else {
                now.extend(known.map(|known| (tenant, known.clone())));
                continue;
            };
            let files = texts.into_iter().map(|(file, text)| {
                let filed = match known.and_then(|known| known.get(&file)) {
                    Some(filed) if filed.text == text => Arc::clone(filed),
                    before => {
                        let filed = Filed::new(&file, text, before.map(Arc::as_ref));
                        tell(&tenant, &file, &filed.faults);
                        Arc::new(filed)
                    }
                };
                (file, filed)
            });
            let files: BTreeMap<String, Arc<Filed>> = files.collect();
            now.insert(tenant, files);
        }
        *self.0.write() = now;
    }

    /// The dashboards of a tenant, each name once: that of the first file.
    pub(crate) fn all(&self, tenant: &Tenant) -> Vec<Found> {
        let mut all: Vec<Found> = Vec::new();
        for found in self.0.read().get(tenant).into_iter().flatten().filter_map(|(_, filed)| filed.found.as_ref()) {
            if all.iter().all(|known| known.dashboard.name != found.dashboard.name) {
                all.push(found.clone());
            }
        }
        all
    }

    /// The dashboard of that name.
    pub(crate) fn find(&self, tenant: &Tenant, name: &str) -> Option<Found> {
        let shelf = self.0.read();
        let mut found = shelf.get(tenant)?.values().filter_map(|filed| filed.found.as_ref());
        found.find(|found| found.dashboard.name == name).cloned()
    }

    /// What is wrong with files of a tenant.
    pub(crate) fn faults(&self, tenant: &Tenant) -> Vec<FaultyFile> {
        let mut faulty = Vec::new();
        let shelf = self.0.read();
        let mut first: BTreeMap<&str, &str> = BTreeMap::new();
        for (file, filed) in shelf.get(tenant).into_iter().flatten() {
            let mut faults = filed.faults.clone();
            if let Some(found) = &filed.found {
                let name = found.dashboard.name.as_str();
                match first.get(name) {
                    Some(other) => faults.push(taken(filed.name_place, name, other)),
                    None => {
                        first.insert(name, file);
                    }
                }
            }
            if !faults.is_empty() {
                faulty.push(FaultyFile { file: file.clone(), faults });
            }
        }
        faulty
    }
}

impl Filed {
    fn new(file: &str, text: Text, before: Option<&Filed>) -> Self {
        let said = text.as_ref().map_err(|fault| vec![fault.clone()]);
        match said.and_then(|yaml| Ok((read(yaml)?, yaml))) {
            Ok((read, yaml)) => {
                let found = Found {
                    dashboard: Arc::new(read.dashboard),
                    yaml: yaml.as_str().into(),
                    origin: DashboardOrigin::File,
                    file: Some(file.to_owned()),
                    version: None,
                };
                Self { text, faults: Vec::new(), found: Some(found), name_place: read.name_place }
            }
            Err(faults) => {
                let (found, name_place) =
                    before.map_or((None, Place::TOP), |before| (before.found.clone(), before.name_place));
                Self { text, faults, found, name_place }
            }
        }
    }
}

fn taken(place: Place, name: &str, other: &str) -> Fault {
    let problem = format!("the dashboard '{name}' stands in the file {other}, which counts");
    Fault { place, problem, remedy: "remove it there, or name it otherwise".to_owned() }
}

fn tell(tenant: &Tenant, file: &str, faults: &[Fault]) {
    for fault in faults {
        tracing::error!(tenant = tenant.as_str(), file, %fault, "a dashboard is not read; what the file said before stays");
    }
}

impl Directory {
    /// Reads it. One that is not there is an error, not an empty one: a disk that is not mounted takes no dashboards away.
    fn read(directory: &Path) -> io::Result<Self> {
        std::fs::read_dir(directory)?;
        let mut read = Self::default();
        read.add(Tenant::default_tenant(), directory, "");
        let others = match paths(&directory.join("tenants")) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            others => others?,
        };
        for path in others.into_iter().filter(|path| path.is_dir()) {
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
        let texts = texts(folder, below);
        if let Err(cause) = &texts {
            self.stray(folder, &format!("cannot be read, so what it said before stays: {cause}"));
        }
        self.tenants.insert(tenant, texts.ok());
    }

    fn stray(&mut self, path: &Path, why: &str) {
        self.strays.insert(format!("{} {why}", path.display()));
    }
}

fn texts(folder: &Path, below: &str) -> io::Result<Texts> {
    let files: Vec<PathBuf> = paths(folder)?.into_iter().filter(|path| is_yaml(path)).collect();
    if files.len() > FILES_MAX {
        return Err(io::Error::other(format!("there are {} files, more than {FILES_MAX}", files.len())));
    }
    let mut texts = Texts::new();
    for path in files {
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            texts.extend(text_of(&path).map(|text| (format!("{below}{name}"), text)));
        }
    }
    Ok(texts)
}

/// What is in a folder, by name.
fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, title: &str) -> String {
        format!("name: {name}\ntitle: {title}\nrows:\n  - panels: [{{title: A, kind: stat, sql: SELECT 1}}]\n")
    }

    /// A directory and what is known of it.
    struct Office {
        directory: tempfile::TempDir,
        shelf: Shelf,
    }

    impl Office {
        fn open() -> Self {
            Self { directory: tempfile::tempdir().expect("a directory"), shelf: Shelf::default() }
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.directory.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders are made");
            std::fs::write(path, text).expect("a file is written");
            self.look();
        }

        fn remove(&self, path: &str) {
            std::fs::remove_file(self.directory.path().join(path)).expect("it was there");
            self.look();
        }

        fn look(&self) {
            self.shelf.put(Directory::read(self.directory.path()).expect("a directory").tenants);
        }

        fn titles(&self, tenant: &Tenant) -> Vec<String> {
            self.shelf.all(tenant).iter().map(|found| found.dashboard.title.clone()).collect()
        }

        fn faulty(&self) -> Vec<String> {
            let faulty = self.shelf.faults(&Tenant::default_tenant());
            faulty.iter().map(|faulty| format!("{}: {}", faulty.file, faulty.faults[0])).collect()
        }
    }

    #[test]
    fn each_tenant_has_the_dashboards_of_its_folder() {
        let (office, acme) = (Office::open(), Tenant::new("acme").expect("a name"));
        office.write("shop.yaml", &text("shop", "Shop"));
        office.write("notes.txt", "no dashboard");
        office.write("tenants/acme/shop.yml", &text("shop", "Of acme"));

        assert_eq!(office.titles(&Tenant::default_tenant()), ["Shop"]);
        assert_eq!(office.titles(&acme), ["Of acme"]);
        office.remove("tenants/acme/shop.yml");
        assert!(office.titles(&acme).is_empty());
        Directory::read(&office.directory.path().join("nothing")).expect_err("a directory that is not there");
    }

    #[test]
    fn a_file_with_a_fault_stays_what_it_was_and_is_told_of() {
        let (office, tenant) = (Office::open(), Tenant::default_tenant());
        office.write("shop.yaml", &text("shop", "Shop"));

        office.write("shop.yaml", "name: shop\ntitel: Shop\n");

        assert_eq!(office.titles(&tenant), ["Shop"]);
        assert_eq!(office.faulty().len(), 1);
        office.write("shop.yaml", &text("shop", "Better"));
        assert_eq!((office.titles(&tenant), office.faulty()), (vec!["Better".to_owned()], Vec::new()));
    }

    #[test]
    fn what_cannot_be_read_stays_what_it_was_and_stops_no_other() {
        let (office, tenant) = (Office::open(), Tenant::default_tenant());
        let (acme, globex) = (Tenant::new("acme").expect("a name"), Tenant::new("globex").expect("a name"));
        office.write("shop.yaml", &text("shop", "Shop"));
        office.write("tenants/acme/shop.yaml", &text("shop", "Of acme"));

        std::fs::write(office.directory.path().join("shop.yaml"), b"name: \xff").expect("a file is written");
        for number in 0..FILES_MAX {
            let path = office.directory.path().join(format!("tenants/acme/{number}.yaml"));
            std::fs::write(path, "").expect("a file is written");
        }
        office.write("tenants/globex/shop.yaml", &text("shop", "Of globex"));

        assert_eq!(
            (office.titles(&tenant), office.titles(&acme)),
            (vec!["Shop".to_owned()], vec!["Of acme".to_owned()])
        );
        assert_eq!(office.titles(&globex), ["Of globex"]);
        let faulty = office.faulty();
        assert!(faulty.len() == 1 && faulty[0].contains("UTF-8"), "{faulty:?}");
        let strays = Directory::read(office.directory.path()).expect("a directory").strays;
        assert!(strays.len() == 1 && strays.iter().all(|stray| stray.contains("501 files")), "{strays:?}");
    }

    #[test]
    fn folders_of_nobody_and_a_second_one_of_the_first_tenant_are_told_of_and_take_nothing_away() {
        let office = Office::open();
        office.write("shop.yaml", &text("shop", "Shop"));

        office.write("tenants/no name/shop.yaml", &text("shop", "Of nobody"));
        office.write("tenants/default/other.yaml", &text("other", "Other"));

        assert_eq!(office.titles(&Tenant::default_tenant()), ["Shop"]);
        let strays = Directory::read(office.directory.path()).expect("a directory").strays;
        assert_eq!(strays.len(), 2, "{strays:?}");
    }

    #[test]
    fn a_name_is_that_of_the_first_file_until_it_is_gone() {
        let (office, tenant) = (Office::open(), Tenant::default_tenant());
        office.write("a.yaml", &text("shop", "First"));
        office.write("b.yaml", &text("shop", "Second"));

        assert_eq!(office.titles(&tenant), ["First"]);
        let fault = "b.yaml: line 1, column 7: the dashboard 'shop' stands in the file a.yaml, which counts; remove it there, or name it otherwise";
        assert_eq!(office.faulty(), [fault]);
        office.remove("a.yaml");
        assert_eq!((office.titles(&tenant), office.faulty()), (vec!["Second".to_owned()], Vec::new()));
    }
}

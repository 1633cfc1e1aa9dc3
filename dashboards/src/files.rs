//! The directory that dashboards stand in: read again and again, so that a change is seen within seconds.
//!
//! A file with a fault changes nothing: what it said before stays. What is gone from the directory is gone.
//!
//! ```text
//! *.yaml              of the tenant `default`; also *.yml
//! tenants/<name>/…    the same of others
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use plugin::Shutdown;
use plugin::model::Tenant;
use plugin::yaml::{Fault, Place, check_size};
use serde::Serialize;
use utoipa::ToSchema;

use crate::library::{DashboardOrigin, Found};
use crate::read::read;

/// Files of a tenant.
const FILES_MAX: usize = 500;
/// How often the directory is read.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The texts of each tenant, by file below the directory.
type Texts = BTreeMap<Tenant, BTreeMap<String, String>>;

/// What the directory said when it could be read last.
#[derive(Debug, Default)]
pub(crate) struct Shelf(RwLock<BTreeMap<Tenant, BTreeMap<String, Arc<Filed>>>>);

/// A file as it was read last.
#[derive(Debug)]
struct Filed {
    text: String,
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
        let mut unreadable = None;
        while !shutdown.is_cancelled() {
            let path = directory.to_owned();
            let texts = tokio::task::spawn_blocking(move || texts(&path)).await.expect("reading files does not panic");
            match texts {
                Ok(texts) => {
                    self.put(texts);
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
    fn put(&self, texts: Texts) {
        let before = self.0.read().clone();
        let mut now = BTreeMap::new();
        for (tenant, texts) in texts {
            let known = before.get(&tenant);
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
        self.all(tenant).into_iter().find(|found| found.dashboard.name == name)
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
    fn new(file: &str, text: String, before: Option<&Filed>) -> Self {
        match read(&text) {
            Ok(read) => {
                let found = Found {
                    dashboard: Arc::new(read.dashboard),
                    yaml: text.as_str().into(),
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

/// Reads the directory. One that is not there is an error, not an empty one: a disk that is not mounted takes no dashboards away.
fn texts(directory: &Path) -> io::Result<Texts> {
    let mut tenants = BTreeMap::from([(Tenant::default_tenant(), of_tenant(directory, "")?)]);
    let others = match paths(&directory.join("tenants")) {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
        others => others?,
    };
    for path in others.into_iter().filter(|path| path.is_dir()) {
        let name = path.file_name().and_then(|name| name.to_str());
        match name.map(Tenant::new) {
            Some(Ok(tenant)) => {
                let below = format!("tenants/{}/", tenant.as_str());
                tenants.insert(tenant, of_tenant(&path, &below)?);
            }
            _ => tracing::warn!(?path, "a folder of the directory of dashboards is no tenant's name"),
        }
    }
    Ok(tenants)
}

fn of_tenant(folder: &Path, below: &str) -> io::Result<BTreeMap<String, String>> {
    let files: Vec<PathBuf> = paths(folder)?.into_iter().filter(|path| is_yaml(path)).collect();
    if files.len() > FILES_MAX {
        return Err(io::Error::other(format!("{} has {} files, more than {FILES_MAX}", folder.display(), files.len())));
    }
    let mut texts = BTreeMap::new();
    for path in files {
        let bytes = std::fs::metadata(&path)?.len();
        let too_long = |fault: Fault| io::Error::other(format!("{}: {}", path.display(), fault.problem));
        check_size(bytes).map_err(too_long)?;
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            texts.insert(format!("{below}{name}"), std::fs::read_to_string(&path)?);
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
            self.shelf.put(texts(self.directory.path()).expect("texts"));
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
        texts(&office.directory.path().join("nothing")).expect_err("a directory that is not there");
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

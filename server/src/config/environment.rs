//! What the environment says: settings by names of their own and by promised names, or files that hold them.
//!
//! `<NAME>_FILE` names a file whose text is the value of `<NAME>`, so that a secret is in no environment. An error names the
//! variable, never the value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider, Source};

/// Begins the names of settings, as in `OBSERVATORY_SERVER__LISTEN`.
const PREFIX: &str = "OBSERVATORY_";
/// Variables that begin so and are options of commands.
const OPTIONS: [&str; 5] = ["API_KEY", "CA_FILE", "CONFIG", "CRASH_AT", "URL"];
/// Ends the names of variables that name a file.
const FILE: &str = "_FILE";

/// Variables whose names are promised, whatever the settings are called; a later one wins.
const PROMISED: [(&str, Meaning); 12] = [
    ("DEBUG", Meaning::DebugLevel),
    ("LOG_LEVEL", Meaning::Text("log.level")),
    ("APP_NAME", Meaning::Text("own_telemetry.service_name")),
    ("MAX_WORKERS", Meaning::Number("server.workers_max")),
    ("DATABASE_URL", Meaning::Text("storage.database.url")),
    ("REDIS_URL", Meaning::Text("redis.url")),
    ("HUB_URL", Meaning::Text("hub.public_url")),
    ("HUB_API_KEY", Meaning::Text("hub_api_key")),
    ("ENCRYPTION_KEY", Meaning::Text("encryption_key")),
    ("CACHE_TTL", Meaning::Number("cache.ttl_seconds_max")),
    (
        "SECRET_KEY",
        Meaning::Nothing("cookies hold tokens that are signed, and stored secrets are sealed with ENCRYPTION_KEY"),
    ),
    ("JWT_SECRET", Meaning::Nothing("tokens are signed with keys that the hub makes and rolls over")),
];

/// What a promised name stands for.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    Text(&'static str),
    Number(&'static str),
    /// `true` is the log's level `debug`, `false` leaves it.
    DebugLevel,
    /// There is nothing to set, for this reason.
    Nothing(&'static str),
}

/// The variables of a process, as of its start.
#[derive(Debug)]
pub(crate) struct Environment(BTreeMap<String, String>);

/// A setting that a variable gives, for figment.
#[derive(Debug)]
pub(super) struct Given {
    variable: String,
    file: Option<PathBuf>,
    setting: String,
    value: Value,
}

impl Environment {
    /// That of this process.
    pub(crate) fn of_process() -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect())
    }

    /// The value of a variable, or the text of the file that `<NAME>_FILE` names.
    pub(crate) fn value(&self, name: &str) -> anyhow::Result<Option<String>> {
        match (self.0.get(name), self.file(name)) {
            (Some(_), Some(_)) => bail!("wrong setting: {name} and {name}{FILE} are both set: leave one of them out"),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, Some(file)) => read(name, file).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// All that is set, in the order in which it wins.
    pub(super) fn settings(&self) -> anyhow::Result<Vec<Given>> {
        let promised = PROMISED.into_iter().map(|(name, meaning)| self.promised(name, meaning));
        let own = self.own_names().map(|(name, setting)| -> anyhow::Result<Option<Given>> {
            let Some(text) = self.value(&name)? else { return Ok(None) };
            let value = match text.parse().expect("any text is a value") {
                // A secret in a file is what the file says, with its spaces and quotes.
                Value::String(..) if self.file(&name).is_some() => text.into(),
                value => value,
            };
            Ok(Some(self.given(&name, &setting, value)))
        });
        promised.chain(own).filter_map(Result::transpose).collect()
    }

    fn promised(&self, name: &str, meaning: Meaning) -> anyhow::Result<Option<Given>> {
        // Compose files pass empty variables on.
        let Some(value) = self.value(name)?.filter(|value| !value.is_empty()) else { return Ok(None) };
        Ok(match meaning {
            Meaning::Text(setting) => Some(self.given(name, setting, value.into())),
            Meaning::Number(setting) => Some(self.given(name, setting, value.parse().expect("any text is a value"))),
            Meaning::DebugLevel => match value.as_str() {
                "true" | "1" => Some(self.given(name, "log.level", "debug".into())),
                "false" | "0" => None,
                other => bail!("wrong setting: {name} is '{other}', expected true or false"),
            },
            Meaning::Nothing(_) => None,
        })
    }

    /// Variables that are settings by our own names, without `_FILE`, each with its setting.
    fn own_names(&self) -> impl Iterator<Item = (String, String)> {
        let names = self.0.keys().filter_map(|name| name.strip_prefix(PREFIX));
        let names = names.filter(|name| !OPTIONS.contains(name)).map(|name| name.strip_suffix(FILE).unwrap_or(name));
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().map(|name| (format!("{PREFIX}{name}"), name.to_ascii_lowercase().replace("__", ".")))
    }

    fn given(&self, variable: &str, setting: &str, value: Value) -> Given {
        let file = self.file(variable).map(Path::to_owned);
        Given { variable: variable.to_owned(), file, setting: setting.to_owned(), value }
    }

    fn file(&self, name: &str) -> Option<&Path> {
        self.0.get(&format!("{name}{FILE}")).map(Path::new)
    }

    /// The files that hold settings.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let promised = PROMISED.iter().map(|(name, _)| (*name).to_owned());
        let names = promised.chain(self.own_names().map(|(name, _)| name));
        names.filter_map(|name| self.file(&name).map(Path::to_owned)).collect()
    }

    /// Names that somebody has set and that change nothing, with the reason: nobody should believe that they do.
    pub(crate) fn without_effect(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let useless = PROMISED.into_iter().filter_map(|(name, meaning)| match meaning {
            Meaning::Nothing(reason) => Some((name, reason)),
            _ => None,
        });
        useless.filter(|(name, _)| self.0.contains_key(*name) || self.file(name).is_some())
    }
}

/// Editors and `echo` end a file with a line break that is not part of a secret.
fn read(name: &str, file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("wrong setting: {name}{FILE}: {} cannot be read", file.display()))?;
    let text = text.trim_end_matches(['\r', '\n']);
    ensure!(!text.is_empty(), "wrong setting: {name}{FILE}: {} is empty", file.display());
    Ok(text.to_owned())
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        match &self.file {
            None => Metadata::named(format!("environment variable {}", self.variable)),
            Some(file) => Metadata::from(format!("file of {}{FILE}", self.variable), Source::File(file.clone())),
        }
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(&self.setting, self.value.clone());
        let settings = nested.into_dict().ok_or_else(|| figment::Error::from("it names no setting".to_owned()))?;
        Ok(Profile::Default.collect(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn settings(variables: &[(&str, &str)]) -> Result<Vec<(String, Value)>, String> {
        let settings = environment(variables).settings().map_err(|cause| format!("{cause:#}"))?;
        Ok(settings.into_iter().map(|given| (given.setting, given.value)).collect())
    }

    #[test]
    fn a_promised_name_is_text_where_text_is_meant_and_gives_way_to_our_own_name() {
        let given = settings(&[
            ("APP_NAME", "2026"),
            ("MAX_WORKERS", "3"),
            ("DEBUG", "true"),
            ("LOG_LEVEL", "warn"),
            ("OBSERVATORY_LOG__LEVEL", "info"),
            ("OBSERVATORY_CONFIG", "not a setting"),
        ]);

        let expected: [(&str, Value); 5] = [
            ("log.level", "debug".into()),
            ("log.level", "warn".into()),
            ("own_telemetry.service_name", "2026".into()),
            ("server.workers_max", 3_u8.into()),
            ("log.level", "info".into()),
        ];
        assert_eq!(given, Ok(expected.map(|(setting, value)| (setting.to_owned(), value)).to_vec()));
    }

    #[test]
    fn a_file_gives_a_value_without_its_last_line_break() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("url");
        std::fs::write(&file, " postgres://there \r\n").expect("a file");
        let path = file.to_str().expect("a path");

        for name in ["DATABASE_URL_FILE", "OBSERVATORY_STORAGE__DATABASE__URL_FILE"] {
            let given = settings(&[(name, path)]);

            let expected = ("storage.database.url".to_owned(), Value::from(" postgres://there "));
            assert_eq!(given, Ok(vec![expected]), "{name}");
        }
        let files = environment(&[("JWT_SECRET_FILE", path), ("OBSERVATORY_TENANTS_FILE", path)]).files();
        assert_eq!(files, [&*file, &*file]);
    }

    #[test]
    fn a_value_that_is_said_twice_or_cannot_be_read_is_named_and_not_told() {
        let twice = settings(&[("SECRET_KEY", "hunter2"), ("SECRET_KEY_FILE", "/dev/null")]).expect_err("both");
        let gone = settings(&[("SECRET_KEY_FILE", "/nowhere/secret")]).expect_err("no file");
        let empty = settings(&[("SECRET_KEY_FILE", "/dev/null")]).expect_err("nothing in it");

        assert!(twice.contains("SECRET_KEY and SECRET_KEY_FILE") && !twice.contains("hunter2"), "{twice}");
        assert!(gone.contains("SECRET_KEY_FILE: /nowhere/secret cannot be read"), "{gone}");
        assert!(empty.contains("SECRET_KEY_FILE: /dev/null is empty"), "{empty}");
    }
}

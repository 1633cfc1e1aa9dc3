//! Environment variables whose names are promised, whatever the settings are called.

use anyhow::bail;
use figment::Figment;
use figment::providers::{Env, Serialized};

/// Name, and the setting it stands for.
const SETTINGS: [(&str, &str); 4] = [
    ("LOG_LEVEL", "log.level"),
    ("APP_NAME", "own_telemetry.service_name"),
    ("MAX_WORKERS", "server.workers_max"),
    ("DATABASE_URL", "storage.database.url"),
];
/// Names of parts that are not in this version.
const WITHOUT_EFFECT: [&str; 7] =
    ["REDIS_URL", "HUB_URL", "HUB_API_KEY", "SECRET_KEY", "JWT_SECRET", "ENCRYPTION_KEY", "CACHE_TTL"];

/// Adds what the environment says by these names.
pub(super) fn merge(figment: Figment) -> anyhow::Result<Figment> {
    let level = match std::env::var("DEBUG").as_deref() {
        Ok("true" | "1") => Some("debug"),
        Ok("false" | "0" | "") | Err(_) => None,
        Ok(other) => bail!("wrong setting: DEBUG is '{other}', expected true or false"),
    };
    let figment =
        level.into_iter().fold(figment, |figment, level| figment.merge(Serialized::default("log.level", level)));
    Ok(SETTINGS
        .into_iter()
        .fold(figment, |figment, (name, setting)| figment.merge(Env::raw().only(&[name]).map(move |_| setting.into()))))
}

/// Names that somebody has set and that change nothing: nobody should believe that their database is in use.
pub(crate) fn without_effect() -> impl Iterator<Item = &'static str> {
    WITHOUT_EFFECT.into_iter().filter(|name| std::env::var_os(name).is_some())
}

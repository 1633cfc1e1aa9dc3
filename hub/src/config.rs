//! Settings of the hub.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::clock::{HOUR, MINUTE};

/// Who may come in, how, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The server as browsers see it, without a path. Cookies are for https only when it begins so. Default `http://127.0.0.1:8036`.
    pub public_url: String,
    /// Who makes tokens, and for whom. Default `observatory`.
    pub issuer: String,
    /// Who may write and read without a key: `nobody`, or `loopback` for whoever is on this machine, to try things out. Default nobody.
    pub anonymous: Anonymous,
    /// E-mail of the first owner, made when there is none. Default `owner@localhost`.
    pub owner_email: String,
    /// Proxies in front, whose `X-Forwarded-For` is believed. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// How long an access token lasts, in minutes. Default 10.
    pub access_minutes: u64,
    /// How long somebody stays signed in without doing anything, in hours. Default 72.
    pub idle_hours: u64,
    /// How long somebody stays signed in at most, in hours. Default 720.
    pub session_hours_max: u64,
    /// How long a password that was made for somebody can be used, in hours; that of the first owner does not expire. Default 168.
    pub one_time_hours: u64,
    /// Shortest password, in characters. Default 12.
    pub password_length_min: usize,
    /// Passwords that are checked at the same time, each on a core of its own. Default: half of the cores.
    pub passwords_at_once: usize,
    /// Passwords that wait for that; more are refused. Default 64.
    pub passwords_waiting_max: usize,
    /// Attempts to sign in from one address, each minute. Default 30.
    pub attempts_per_minute: u32,
    /// Requests of one person, key or address to the API, each minute; telemetry has its own quotas. Default 1200.
    pub requests_per_minute: u32,
    /// Requests of one tenant to the API, each minute. Default 12000.
    pub tenant_requests_per_minute: u32,
    /// How soon other processes see that a key was revoked or a role has changed, in seconds. Default 2.
    pub refresh_seconds: u64,
}

/// Who needs no key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anonymous {
    /// Everybody needs one.
    #[default]
    Nobody,
    /// Programs of this machine write and read in the tenants `default` and `system`.
    Loopback,
}

impl Default for Config {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            public_url: "http://127.0.0.1:8036".to_owned(),
            issuer: "observatory".to_owned(),
            anonymous: Anonymous::Nobody,
            owner_email: "owner@localhost".to_owned(),
            trusted_proxies: Vec::new(),
            access_minutes: 10,
            idle_hours: 72,
            session_hours_max: 720,
            one_time_hours: 168,
            password_length_min: 12,
            passwords_at_once: cores.div_ceil(2),
            passwords_waiting_max: 64,
            attempts_per_minute: 30,
            requests_per_minute: 1200,
            tenant_requests_per_minute: 12_000,
            refresh_seconds: 2,
        }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let least_one = [
            ("access_minutes", self.access_minutes),
            ("idle_hours", self.idle_hours),
            ("session_hours_max", self.session_hours_max),
            ("one_time_hours", self.one_time_hours),
            ("passwords_at_once", self.passwords_at_once as u64),
            ("attempts_per_minute", self.attempts_per_minute.into()),
            ("requests_per_minute", self.requests_per_minute.into()),
            ("tenant_requests_per_minute", self.tenant_requests_per_minute.into()),
            ("refresh_seconds", self.refresh_seconds),
        ];
        if let Some((name, _)) = least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(format!("hub.{name} is 0, must be at least 1"));
        }
        if self.password_length_min < 8 {
            return Err(format!("hub.password_length_min is {}, must be at least 8", self.password_length_min));
        }
        let host = self.public_url.strip_prefix("https://").or_else(|| self.public_url.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.contains('/')) {
            return Err(format!(
                "hub.public_url is '{}', must be as in https://observatory.example.org",
                self.public_url
            ));
        }
        crate::email::Email::new(&self.owner_email).map(drop).map_err(|cause| format!("hub.owner_email: {cause}"))
    }

    pub(crate) fn access_time(&self) -> Duration {
        MINUTE * u32::try_from(self.access_minutes).unwrap_or(u32::MAX)
    }

    pub(crate) fn idle_time(&self) -> Duration {
        hours(self.idle_hours)
    }

    pub(crate) fn session_time(&self) -> Duration {
        hours(self.session_hours_max)
    }

    pub(crate) fn one_time(&self) -> Duration {
        hours(self.one_time_hours)
    }
}

fn hours(count: u64) -> Duration {
    HOUR * u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_cannot_be_is_named() {
        Config::default().check().expect("defaults are valid");
        for (config, named) in [
            (Config { access_minutes: 0, ..Config::default() }, "access_minutes"),
            (Config { password_length_min: 4, ..Config::default() }, "password_length_min"),
            (Config { public_url: "observatory".to_owned(), ..Config::default() }, "public_url"),
            (Config { public_url: "https://there/".to_owned(), ..Config::default() }, "public_url"),
            (Config { owner_email: "me".to_owned(), ..Config::default() }, "owner_email"),
        ] {
            let wrong = config.check().expect_err(named);
            assert!(wrong.contains(named), "{wrong}");
        }
    }
}

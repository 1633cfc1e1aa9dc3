//! Settings of calls that leave the platform.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Who may be called, and how much one call may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Hosts that may be called wherever their names lead, such as `alertmanager.internal`. Default none.
    pub allow_hosts: Vec<String>,
    /// Networks that may be called although they are not public, such as `10.1.0.0/16`. Default none.
    pub allow_networks: Vec<IpNet>,
    /// Redirects that are followed, of GET and HEAD; 0 follows none. Default 3.
    pub redirects_max: usize,
    /// How long a connection may take to be made, in seconds. Default 5.
    pub connect_seconds_max: u64,
    /// How long a call may take with all its redirects, and waiting for its turn, in seconds. Default 30.
    pub seconds_max: u64,
    /// Calls at the same time; more wait for their turn. Default 32.
    pub calls_max: usize,
    /// Size of the body of a request, in bytes. Default 1 MiB.
    pub request_bytes_max: usize,
    /// Size of the body of an answer, in bytes. Default 4 MiB.
    pub answer_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow_hosts: Vec::new(),
            allow_networks: Vec::new(),
            redirects_max: 3,
            connect_seconds_max: 5,
            seconds_max: 30,
            calls_max: 32,
            request_bytes_max: 1 << 20,
            answer_bytes_max: 4 << 20,
        }
    }
}

impl Config {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let least_one = [
            ("connect_seconds_max", self.connect_seconds_max),
            ("seconds_max", self.seconds_max),
            ("calls_max", self.calls_max as u64),
            ("answer_bytes_max", self.answer_bytes_max as u64),
        ];
        if let Some((name, _)) = least_one.into_iter().find(|(_, value)| *value == 0) {
            return Err(format!("outgoing.{name} is 0, must be at least 1"));
        }
        match self.allow_hosts.iter().find(|host| host.is_empty() || host.contains(['/', ':', '*', ' '])) {
            Some(host) => Err(format!("outgoing.allow_hosts has '{host}', must be names of hosts without port or '*'")),
            None => Ok(()),
        }
    }
}

//! `observatory doctor`: looks at what a server needs, before it starts or while it runs, and says what to do.
//!
//! Nothing is changed: what is written to measure a disk or a bucket is removed again.

mod clock;
mod database;
mod directory;
mod finding;
mod lake;
mod limits;
mod permissions;
mod ports;
mod redis;

use std::path::PathBuf;

use anyhow::ensure;
use clap::ValueEnum;
use serde_json::json;

use self::finding::{Finding, Verdict};
use crate::config::environment::Environment;
use crate::config::{Config, ServeArgs};
use crate::sealing_key;
use crate::tls::Certificate;

/// Options of `observatory doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    serve: ServeArgs,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Looks at everything and prints it. Fails when a check does.
pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings = runtime.block_on(examine(&args.serve));
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    match args.format {
        Format::Text => findings.iter().for_each(|finding| print!("{finding}")),
        Format::Json => println!("{:#}", json!({"failed": failed, "checks": findings})),
    }
    ensure!(failed == 0, "{failed} of {} checks failed", findings.len());
    Ok(())
}

async fn examine(args: &ServeArgs) -> Vec<Finding> {
    let environment = Environment::of_process();
    let mut secret_files: Vec<PathBuf> = args.file().map(PathBuf::from).into_iter().collect();
    secret_files.extend(environment.files());
    match args.load() {
        Ok(config) => {
            secret_files.extend(config.server.tls.as_ref().map(|files| files.key.clone()));
            secret_files.push(sealing_key::place(&config.server.data_dir));
            let said = args.file().map_or("no file, so defaults".to_owned(), |file| file.display().to_string());
            let mut findings = vec![Finding::ok("configuration", format!("{said} and the environment are valid"))];
            findings.extend(permissions::finding(&secret_files));
            findings.extend(examine_parts(&config).await);
            findings
        }
        Err(wrong) => {
            let next = "correct it and run this again: all other checks need it";
            let wrong = Finding::fail("configuration", format!("{wrong:#}"), next);
            std::iter::once(wrong).chain(permissions::finding(&secret_files)).collect()
        }
    }
}

async fn examine_parts(config: &Config) -> Vec<Finding> {
    let mut findings = directory::findings(&config.server.data_dir, config.wal.bytes_max);
    findings.push(clock::of_files(&config.server.data_dir));
    findings.push(limits::open_files());
    findings.push(limits::memory(config));
    let certificate = config.server.tls.as_ref().map(Certificate::load).transpose();
    match certificate {
        Ok(certificate) => findings.extend(ports::findings(config, certificate.as_ref()).await),
        Err(wrong) => {
            let next = "name a certificate in PEM and the key that belongs to it";
            findings.push(Finding::fail("certificate", format!("{wrong:#}"), next));
        }
    }
    if config.storage.database.url.is_some() {
        findings.extend(database::findings(&config.storage.database).await);
    }
    if let Some(url) = &config.redis.url {
        findings.extend(redis::findings(url.as_str()).await);
    }
    findings.extend(lake::finding(config).await);
    findings
}

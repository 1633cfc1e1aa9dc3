//! The program: `observatory serve`, and the commands that talk to a running server.

mod access;
mod allocator;
mod api;
mod audit_roots;
mod backup;
mod banner;
mod client;
mod config;
mod crash;
mod dashboards_check;
mod data_dir;
mod demo;
mod doctor;
mod health;
mod health_check;
mod lake_place;
mod limits;
mod listen;
mod operator;
mod own_telemetry;
mod platform;
mod products;
mod quota_file;
mod reload;
mod rules;
mod sealing_key;
mod serve;
mod sql;
mod stores;
mod tls;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::backup::{BackupArgs, RestoreArgs, VerifyArgs};
use crate::config::ServeArgs;
use crate::dashboards_check::DashboardsArgs;
use crate::doctor::DoctorArgs;
use crate::health_check::HealthArgs;
use crate::operator::{AuditArgs, LicenceArgs, PasswordArgs};
use crate::rules::RulesArgs;
use crate::sql::SqlArgs;

/// Open observability: OTLP in, on disk before it is acknowledged, SQL out within a second.
#[derive(Debug, Parser)]
#[command(name = "observatory", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: OTLP over gRPC on 4317 and HTTP on 4318, API and pages on 8036.
    ///
    /// Settings come from the file given with --config, then from environment variables named
    /// OBSERVATORY_<SECTION>__<SETTING> (as in OBSERVATORY_SERVER__LISTEN), then from the options below.
    Serve(Box<ServeArgs>),
    /// Send the telemetry of a simulated shop: about ten services, their databases and queues.
    ///
    /// The same seed gives the same shop. Faults (--fault slow-database, failing-payment, bad-deploy, memory-leak)
    /// set in after a healthy minute.
    Demo(Box<bench::demo::DemoConfig>),
    /// Ask a running server whether it takes requests; the exit code says it too.
    Health(HealthArgs),
    /// Look at what a server needs, before it starts or while it runs: settings, disk, clock, ports, limits, database, Redis.
    ///
    /// Takes the options of `serve`. Each check says what was measured and what to do; the exit code is 1 when one fails.
    Doctor(Box<DoctorArgs>),
    /// Ask a running server in SQL and print the answer as a table.
    ///
    /// Tables: spans, logs, metrics, histograms; views: services, operations, traces. `show tables` and
    /// `describe spans` list what there is.
    Sql(SqlArgs),
    /// Check, test and try alert rules, before they wake anybody.
    Rules(RulesArgs),
    /// Check dashboards, before anybody looks at them.
    Dashboards(DashboardsArgs),
    /// Check the audit trails of this machine's server, or export what proves them.
    Audit(AuditArgs),
    /// Show or install the licence of this machine's server.
    Licence(LicenceArgs),
    /// Make a one-time password for somebody who cannot get in.
    Password(PasswordArgs),
    /// Copy the telemetry of this machine's server, running or not, to a directory or to S3.
    ///
    /// The copy is read again before it counts. Files that an earlier backup in the same place has are not copied again. The newest
    /// of seven days and of four weeks stay; the server does the same every night when `backup.to` is set.
    Backup(BackupArgs),
    /// Bring a backup back into an empty data directory (and an empty bucket, where the lake is in one).
    Restore(RestoreArgs),
    /// Read backups again and compare every object with what was written.
    Verify(VerifyArgs),
}

fn main() -> ExitCode {
    allocator::keep_freed_memory_for_a_while();
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve::run(*args),
        Command::Demo(args) => demo(*args),
        Command::Health(args) => health_check::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Sql(args) => sql::run(&args),
        Command::Rules(args) => rules::run(args),
        Command::Dashboards(args) => dashboards_check::run(args),
        Command::Audit(args) => operator::audit(args),
        Command::Licence(args) => operator::licence(args),
        Command::Password(args) => operator::password(&args),
        Command::Backup(args) => backup::run(args),
        Command::Restore(args) => backup::restore(&args),
        Command::Verify(args) => backup::verify(args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("observatory: {cause:#}");
            ExitCode::FAILURE
        }
    }
}

fn demo(args: bench::demo::DemoConfig) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(bench::demo::run(args, listen::interrupted()))
}

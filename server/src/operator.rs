//! Commands of whoever runs the machine: they open the records themselves, beside a running server or without it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use hub::audit::Root;
use hub::{Email, Hub, Standing};
use model::Tenant;
use serde_json::json;

use crate::config::ConfigArgs;
use crate::{audit_roots, platform};

/// Options of `observatory audit`.
#[derive(Debug, clap::Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Read audit trails from their beginning; fails when an entry was changed or removed
    Verify {
        #[command(flatten)]
        settings: ConfigArgs,
        /// Only this tenant's
        #[arg(long, value_parser = tenant)]
        tenant: Option<Tenant>,
        /// What `observatory audit roots` printed once, beside what is in `audit.roots_to`: a trail that was written anew does not
        /// have them
        #[arg(long, value_name = "FILE")]
        roots: Option<PathBuf>,
    },
    /// Print the newest hash of every trail, to be kept where nobody who can write to the records can write
    Roots(ConfigArgs),
}

/// Options of `observatory licence`.
#[derive(Debug, clap::Args)]
pub(crate) struct LicenceArgs {
    #[command(subcommand)]
    command: LicenceCommand,
}

#[derive(Debug, Subcommand)]
enum LicenceCommand {
    /// Say what the installed licence allows
    Show(ConfigArgs),
    /// Install a licence file in the place of the one there is
    Install {
        #[command(flatten)]
        settings: ConfigArgs,
        /// The file, as it came
        file: PathBuf,
    },
}

/// Options of `observatory password`.
#[derive(Debug, clap::Args)]
pub(crate) struct PasswordArgs {
    #[command(flatten)]
    settings: ConfigArgs,
    /// What they sign in with
    email: String,
    /// Where they belong; those who run the server belong to `system`
    #[arg(long, default_value = "system", value_parser = tenant)]
    tenant: Tenant,
}

/// `observatory audit`.
pub(crate) fn audit(args: AuditArgs) -> anyhow::Result<()> {
    match args.command {
        AuditCommand::Verify { settings, tenant, roots } => {
            let mut roots = roots.as_deref().map(read_roots).transpose()?.unwrap_or_default();
            let kept = settings.load()?.audit.roots_to;
            with_hub(&settings, async |hub| {
                if let Some(kept) = &kept {
                    roots.extend(audit_roots::known(kept).await?);
                }
                let tenants = tenant.map_or_else(|| hub.tenants(), |tenant| vec![tenant]);
                verify(&hub, tenants, &roots).await
            })
        }
        AuditCommand::Roots(settings) => with_hub(&settings, async |hub| {
            println!("{:#}", serde_json::to_value(hub.audit_roots().await?)?);
            Ok(())
        }),
    }
}

async fn verify(hub: &Hub, mut tenants: Vec<Tenant>, roots: &[Root]) -> anyhow::Result<()> {
    tenants.sort_unstable();
    let mut broken = 0;
    for tenant in &tenants {
        match hub.verify_audit(tenant, roots).await? {
            Ok(entries) => println!("{tenant}: {entries} entries, none was changed or removed"),
            Err(reason) => {
                broken += 1;
                println!("{tenant}: {reason}");
            }
        }
    }
    ensure!(broken == 0, "{broken} of {} audit trails are not what was written", tenants.len());
    Ok(())
}

fn read_roots(file: &Path) -> anyhow::Result<Vec<Root>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is not what `observatory audit roots` prints", file.display()))
}

/// `observatory licence`.
pub(crate) fn licence(args: LicenceArgs) -> anyhow::Result<()> {
    match args.command {
        LicenceCommand::Show(settings) => with_hub(&settings, async |hub| show(&hub)),
        LicenceCommand::Install { settings, file } => {
            let text = std::fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            with_hub(&settings, async |hub| {
                hub.install_licence_here(&text).await.context("the licence was not installed")?;
                show(&hub)
            })
        }
    }
}

fn show(hub: &Hub) -> anyhow::Result<()> {
    let told = match hub.access().licence() {
        Standing::None => json!({"standing": "none"}),
        Standing::Valid(licence) => json!({"standing": "valid", "licence": licence}),
        Standing::Grace(licence, ends) => {
            json!({"standing": "grace", "grace_ends": hub::Moment::from(ends), "licence": licence})
        }
        Standing::ReadOnly(licence, reason) => json!({"standing": "read_only", "reason": reason, "licence": licence}),
    };
    println!("{told:#}");
    Ok(())
}

/// `observatory password`.
pub(crate) fn password(args: &PasswordArgs) -> anyhow::Result<()> {
    let email = Email::new(&args.email).map_err(anyhow::Error::msg)?;
    with_hub(&args.settings, async |hub| {
        let password = hub.forget_password(&args.tenant, &email).await?;
        println!("{email} signs in once with {} and then chooses another password", password.reveal());
        std::io::stdout().flush()?;
        Ok(())
    })
}

fn tenant(name: &str) -> Result<Tenant, String> {
    Tenant::new(name).map_err(|cause| cause.to_string())
}

fn with_hub(settings: &ConfigArgs, work: impl AsyncFnOnce(Arc<Hub>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let config = settings.load()?;
    let data_dir = &config.server.data_dir;
    if !data_dir.is_dir() {
        bail!("there is no data directory {}: name the server's with --data-dir or --config", data_dir.display());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let opened = platform::open_hub(&config, data_dir).await?;
        if let Some(owner) = opened.first_owner {
            println!("{} is the first owner, with the one-time password {}", owner.email, owner.password.reveal());
        }
        work(opened.hub).await
    })
}

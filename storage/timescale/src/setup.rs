//! Makes the database ours: looks what it can, brings the tables up to date, and settles how rows are laid out.

use tokio_postgres::Client;

use crate::columns::expected;
use crate::config::Config;
use crate::database::Lease;
use crate::error::{Reaction, Refusal};
use crate::layout::Layout;
use model::Dataset;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Oldest PostgreSQL that is tested.
const VERSION_MIN: i32 = 140_000;
/// Name of the lock that programs take before they change tables or policies.
const LOCK: i64 = 0x0b5e_7a70_7279;
/// Where it is written which migrations were applied.
const HISTORY: &str = "migrations";

/// What the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Version of PostgreSQL, as in `15.18`.
    pub postgres: String,
    /// The extension, if the database has it.
    pub timescale: Option<Extension>,
}

/// The TimescaleDB extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its version, as in `2.23.0`.
    pub version: String,
    /// True where its licence has compression, policies and continuous aggregates; the Apache build has none of them.
    pub is_community: bool,
    /// The schema its functions lie in.
    pub(crate) schema: String,
}

/// Brings the tables up to date and says how they are laid out.
pub(crate) async fn prepare(client: &mut Lease, config: &Config) -> Result<(Edition, Layout), Refusal> {
    let edition = edition(client).await?;
    lock(client).await?;
    let prepared = prepare_alone(client, config, &edition).await;
    unlock(client).await?;
    Ok((edition, prepared?))
}

/// Waits until no other program changes tables or policies.
pub(crate) async fn lock(client: &Client) -> Result<(), Refusal> {
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await?;
    Ok(())
}

/// Lets others. A connection that failed is closed, and its locks with it.
pub(crate) async fn unlock(client: &Client) -> Result<(), Refusal> {
    client.execute("SELECT pg_advisory_unlock($1)", &[&LOCK]).await?;
    Ok(())
}

async fn prepare_alone(client: &mut Lease, config: &Config, edition: &Edition) -> Result<Layout, Refusal> {
    migrate(client, &config.schema).await?;
    check_tables(client, &config.schema).await?;
    Layout::settle(client, config, edition).await
}

/// Looks at version, extension and licence.
pub(crate) async fn edition(client: &Client) -> Result<Edition, Refusal> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::integer, current_setting('server_version'), \
             e.extversion, n.nspname::text, current_setting('timescaledb.license', true) \
             FROM (SELECT 1) one LEFT JOIN pg_extension e ON e.extname = 'timescaledb' \
             LEFT JOIN pg_namespace n ON n.oid = e.extnamespace",
            &[],
        )
        .await?;
    let (number, version): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    if number < VERSION_MIN {
        let advice = format!("the database is PostgreSQL {version}: 14 or later is needed");
        return Err(Refusal::new(Reaction::ChangeSomething, advice));
    }
    let postgres = version.split_whitespace().next().unwrap_or_default().to_owned();
    let (extension, schema): (Option<String>, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
    let license: Option<String> = row.try_get(4)?;
    let is_community = license.as_deref() == Some("timescale");
    let timescale = extension.zip(schema).map(|(version, schema)| Extension { version, is_community, schema });
    Ok(Edition { postgres, timescale })
}

async fn migrate(client: &mut Lease, schema: &str) -> Result<(), Refusal> {
    // Asked first: IF NOT EXISTS wants the right to make it even where it is there.
    let is_there = client.query_opt("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema]).await?.is_some();
    if !is_there {
        client.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    // Another connection may have left another path where connections are pooled outside.
    client.batch_execute(&format!("SET search_path = {schema}, public")).await?;
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name(format!("{schema}.{HISTORY}"));
    runner.run_async(&mut **client).await?;
    Ok(())
}

/// Says before the first row comes what would stop every row.
async fn check_tables(client: &Client, schema: &str) -> Result<(), Refusal> {
    check_owner(client, schema).await?;
    check_takes_writes(client).await?;
    for dataset in Dataset::all() {
        check_columns(client, schema, dataset).await?;
    }
    Ok(())
}

/// Says what would stop `prepare` for want of rights. Changes nothing.
pub(crate) async fn check_rights(client: &Client, schema: &str) -> Result<(), Refusal> {
    check_takes_writes(client).await?;
    let rights = "SELECT current_user::text, current_database()::text, \
                  has_database_privilege(current_database(), 'CREATE'), n.oid IS NOT NULL, \
                  coalesce(has_schema_privilege(n.oid, 'CREATE'), false), \
                  EXISTS (SELECT 1 FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')) \
                  FROM (SELECT 1) one LEFT JOIN pg_namespace n ON n.nspname = $1";
    let row = client.query_one(rights, &[&schema]).await?;
    let (role, database): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    let (may_make_schema, is_there): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
    let (may_make_tables, has_tables): (bool, bool) = (row.try_get(4)?, row.try_get(5)?);
    let advice = match is_there {
        false if !may_make_schema => {
            format!("the role {role} may not make schema {schema}: GRANT CREATE ON DATABASE {database} TO {role}")
        }
        true if !may_make_tables => {
            format!("the role {role} may not make tables in schema {schema}: ALTER SCHEMA {schema} OWNER TO {role}")
        }
        true if has_tables => return check_owner(client, schema).await,
        _ => return Ok(()),
    };
    Err(Refusal::new(Reaction::ChangeSomething, advice))
}

async fn check_owner(client: &Client, schema: &str) -> Result<(), Refusal> {
    let owned = "SELECT bool_and(pg_has_role(current_user, c.relowner, 'USAGE')), current_user::text FROM pg_class c \
                 JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')";
    let row = client.query_one(owned, &[&schema]).await?;
    if !row.try_get::<_, Option<bool>>(0)?.unwrap_or(false) {
        let role: String = row.try_get(1)?;
        let advice = format!(
            "the role {role} does not own the tables in schema {schema}: connect as their owner, or set another storage.database.schema"
        );
        return Err(Refusal::new(Reaction::ChangeSomething, advice));
    }
    Ok(())
}

async fn check_takes_writes(client: &Client) -> Result<(), Refusal> {
    let read_only = client.query_one("SELECT current_setting('transaction_read_only') = 'on'", &[]).await?;
    if read_only.try_get(0)? {
        let advice = "the database takes no writes: storage.database.url leads to a standby, or the role is read-only";
        return Err(Refusal::new(Reaction::ChangeSomething, advice));
    }
    Ok(())
}

async fn check_columns(client: &Client, schema: &str, dataset: Dataset) -> Result<(), Refusal> {
    let columns = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a \
                   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped";
    let rows = client.query(columns, &[&format!("{schema}.{dataset}")]).await?;
    let there: Vec<(String, String)> =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, tokio_postgres::Error>>()?;
    let missing = expected(dataset)
        .into_iter()
        .find(|(name, sql_type)| !there.iter().any(|(known, known_type)| known == name && known_type == sql_type));
    match missing {
        None => Ok(()),
        Some((name, sql_type)) => {
            let advice =
                format!("table {schema}.{dataset} has no column {name} of type {sql_type}: was it changed by hand?");
            Err(Refusal::new(Reaction::ChangeSomething, advice))
        }
    }
}

//! Sums of each hour for people at psql: continuous aggregates of TimescaleDB, which outlive the rows they were made of.
//!
//! A refresh makes an hour anew from the rows that are there. It never reaches an hour that rows have expired from, so nothing is lost
//! that was summed. Nothing here asks these views: a database where they cannot be made keeps telemetry all the same.

use model::{Dataset, Signal};
use tokio_postgres::Client;

use crate::config::Config;
use crate::error::Refusal;
use crate::layout::Layout;
use crate::setup::{self, Extension};

/// An hour that has been over for less is summed when somebody asks, so rows that are late by less show at once.
const OPEN_HOURS: i64 = 2;
/// The extension wants two whole hours in a refresh.
const REACH_HOURS_MIN: i64 = OPEN_HOURS + 2;
/// Clocks of the database and of whoever says what expires drift apart by less.
const CLOCK_HOURS: i64 = 1;
/// Refreshes reach further back again when it is by so much: not anew with every hour.
const STEP_HOURS: i64 = 24;
const DAY_HOURS: i64 = 24;

/// A continuous aggregate.
struct View {
    name: &'static str,
    signal: Signal,
    /// Its rows, with `{bucket}` for the hour and `{schema}`.
    select: &'static str,
    /// The column, after the tenant, that people ask for.
    key: &'static str,
}

const VIEWS: &[View] = &[
    View {
        name: "metrics_hourly",
        signal: Signal::Metrics,
        // `last` is the greatest of time, nanoseconds below it, value: `last(value, time)` may take any of those with equal microseconds.
        select: "SELECT tenant, {bucket} AS hour, name, service_name, unit, type, temporality, count(*) AS count, \
                 min(coalesce(value, value_int)) AS min, max(coalesce(value, value_int)) AS max, \
                 sum(coalesce(value, value_int)) AS sum, \
                 (max(ARRAY[extract(epoch FROM time - timestamptz 'epoch')::double precision, time_rest_ns, \
                            coalesce(value, value_int)]))[3] AS last \
                 FROM {schema}.metrics WHERE value IS NOT NULL OR value_int IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7",
        key: "name",
    },
    View {
        name: "logs_hourly",
        signal: Signal::Logs,
        select: "SELECT tenant, {bucket} AS hour, service_name, CASE \
                 WHEN severity_number BETWEEN 1 AND 4 THEN 'trace' WHEN severity_number BETWEEN 5 AND 8 THEN 'debug' \
                 WHEN severity_number BETWEEN 9 AND 12 THEN 'info' WHEN severity_number BETWEEN 13 AND 16 THEN 'warn' \
                 WHEN severity_number BETWEEN 17 AND 20 THEN 'error' WHEN severity_number BETWEEN 21 AND 24 THEN 'fatal' \
                 ELSE 'unspecified' END AS severity, count(*) AS count \
                 FROM {schema}.logs GROUP BY 1, 2, 3, 4",
        key: "service_name",
    },
];

/// Something that TimescaleDB does with rows of an age.
struct Policy {
    name: &'static str,
    procedure: &'static str,
    age: &'static str,
}

const COMPRESSION: Policy = Policy { name: "compression", procedure: "policy_compression", age: "compress_after" };
const RETENTION: Policy = Policy { name: "retention", procedure: "policy_retention", age: "drop_after" };

/// Makes the views, and their policies as they are configured; what is so already is left alone.
pub(crate) async fn settle(client: &Client, config: &Config, extension: &Extension) -> Result<(), Refusal> {
    if !config.hourly_views {
        return Ok(());
    }
    for view in VIEWS {
        let place = Place { client, config, extension, view };
        if !place.is_there().await? {
            place.make().await?;
        }
        place.reach().await?;
        // What may be refreshed stays as rows.
        place.set_age(&COMPRESSION, Some(place.late_hours() + DAY_HOURS)).await?;
        let kept_hours = i64::from(config.hourly_days) * DAY_HOURS;
        place.set_age(&RETENTION, (kept_hours > 0).then_some(kept_hours)).await?;
    }
    Ok(())
}

/// Keeps refreshes of the dataset's view, if it has one, from every hour that rows are written down to have expired from.
pub(crate) async fn stay_ahead_of_expiry(
    client: &Client,
    config: &Config,
    layout: &Layout,
    dataset: Dataset,
) -> Result<(), Refusal> {
    let Layout::Hypertables(extension) = layout else { return Ok(()) };
    let Some(view) = VIEWS.iter().find(|view| Dataset::from(view.signal) == dataset) else { return Ok(()) };
    let place = Place { client, config, extension, view };
    if !extension.is_community || !place.is_there().await? {
        return Ok(());
    }
    // Another process must not let it reach further by what it read before.
    setup::lock(client).await?;
    let reached = place.reach().await;
    setup::unlock(client).await?;
    reached
}

/// Adjusts how far refreshes of all views reach.
pub(crate) async fn maintain(client: &Client, config: &Config, layout: &Layout) -> Result<(), Refusal> {
    for view in VIEWS {
        stay_ahead_of_expiry(client, config, layout, view.signal.into()).await?;
    }
    Ok(())
}

/// A view in this database.
struct Place<'a> {
    client: &'a Client,
    config: &'a Config,
    extension: &'a Extension,
    view: &'static View,
}

impl Place<'_> {
    fn name(&self) -> String {
        format!("{}.{}", self.config.schema, self.view.name)
    }

    async fn is_there(&self) -> Result<bool, Refusal> {
        let view =
            "SELECT 1 FROM timescaledb_information.continuous_aggregates WHERE view_schema = $1 AND view_name = $2";
        Ok(self.client.query_opt(view, &[&self.config.schema, &self.view.name]).await?.is_some())
    }

    /// All of it or, if something fails, nothing. It is filled by the first refresh.
    async fn make(&self) -> Result<(), Refusal> {
        let (view, schema, own) = (self.name(), &self.config.schema, &self.extension.schema);
        let View { name, select, key, .. } = self.view;
        let bucket = format!("{own}.time_bucket(interval '1 hour', time)");
        let select = select.replace("{bucket}", &bucket).replace("{schema}", schema);
        let make = format!(
            "CREATE MATERIALIZED VIEW {view} WITH (timescaledb.continuous, timescaledb.materialized_only = false, \
             timescaledb.create_group_indexes = false) AS {select} WITH NO DATA; \
             CREATE INDEX ON {view} (tenant, {key}, hour); \
             SELECT {own}.set_chunk_time_interval(\
                 format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)::regclass, interval '30 days') \
             FROM timescaledb_information.continuous_aggregates WHERE view_schema = '{schema}' AND view_name = '{name}'; \
             ALTER MATERIALIZED VIEW {view} SET (timescaledb.compress, timescaledb.compress_segmentby = 'tenant, {key}', \
             timescaledb.compress_orderby = 'hour DESC')"
        );
        Ok(self.client.batch_execute(&make).await?)
    }

    /// Refreshes reach as far back as rows come late, and not to what has expired.
    async fn reach(&self) -> Result<(), Refusal> {
        let known = self.age("policy_refresh_continuous_aggregate", "start_offset").await?;
        let hours = self.reach_hours().await?;
        if known.is_some_and(|known| known <= hours && hours < known + STEP_HOURS) {
            return Ok(());
        }
        let (view, own) = (self.name(), &self.extension.schema);
        // Removing ends a refresh that runs and reaches too far.
        let remove = format!("SELECT {own}.remove_continuous_aggregate_policy('{view}', if_exists => true)");
        let add = format!(
            "SELECT {own}.add_continuous_aggregate_policy('{view}', start_offset => interval '{hours} hours', \
             end_offset => interval '{OPEN_HOURS} hours', schedule_interval => interval '1 hour')"
        );
        let set = if hours < REACH_HOURS_MIN { remove } else { format!("{remove}; {add}") };
        Ok(self.client.batch_execute(&set).await?)
    }

    /// How far back refreshes may reach; of all tenants, the one whose rows expired last decides.
    async fn reach_hours(&self) -> Result<i64, Refusal> {
        let hours = format!(
            "SELECT least($2::bigint, floor((extract(epoch FROM now()) * 1000000000 - max(through_ns)) / 3600000000000)::bigint \
             - $3::bigint) FROM {}.expired WHERE dataset = $1",
            self.config.schema
        );
        let (dataset, late_hours) = (self.view.signal.table_name(), self.late_hours());
        Ok(self.client.query_one(&hours, &[&dataset, &late_hours, &CLOCK_HOURS]).await?.try_get(0)?)
    }

    /// Rows that are late by more lie beside the chunks.
    fn late_hours(&self) -> i64 {
        let Config { past_days_max, hourly_days, .. } = *self.config;
        let days = if hourly_days == 0 { past_days_max } else { past_days_max.min(hourly_days) };
        i64::from(days) * DAY_HOURS
    }

    /// Sets the age at which rows of the view are taken care of; without one, they never are.
    async fn set_age(&self, policy: &Policy, hours: Option<i64>) -> Result<(), Refusal> {
        let Policy { name, procedure, age } = policy;
        if self.age(procedure, age).await? == hours {
            return Ok(());
        }
        let (view, own) = (self.name(), &self.extension.schema);
        let remove = format!("SELECT {own}.remove_{name}_policy('{view}', if_exists => true)");
        let set = match hours {
            None => remove,
            Some(hours) => {
                format!("{remove}; SELECT {own}.add_{name}_policy('{view}', {age} => interval '{hours} hours')")
            }
        };
        Ok(self.client.batch_execute(&set).await?)
    }

    /// The age that a policy has, in hours.
    async fn age(&self, procedure: &str, setting: &str) -> Result<Option<i64>, Refusal> {
        // Versions differ in whether a job is the view's or that of the table behind it.
        let age = "SELECT (extract(epoch FROM (job.config->>$4::text)::interval) / 3600)::bigint \
                   FROM timescaledb_information.continuous_aggregates v JOIN timescaledb_information.jobs job \
                   ON (job.hypertable_schema, job.hypertable_name) IN ((v.view_schema, v.view_name), \
                      (v.materialization_hypertable_schema, v.materialization_hypertable_name)) \
                   WHERE v.view_schema = $1 AND v.view_name = $2 AND job.proc_name = $3 ORDER BY 1 DESC NULLS FIRST LIMIT 1";
        let row = self.client.query_opt(age, &[&self.config.schema, &self.view.name, &procedure, &setting]).await?;
        Ok(row.map(|row| row.try_get::<_, Option<i64>>(0)).transpose()?.flatten())
    }
}

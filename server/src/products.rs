//! The products of this process: which there are, which were chosen, and what they get of the platform.

use std::sync::Arc;

use alerting::Alerting;
use apm::Apm;
use bytes::Bytes;
use dashboards::Dashboards;
use example::Example;
use hub::audit::Trail;
use model::{Tenant, Timestamp};
use plane::{DataPlane, Decoded, Encoding, Envelope, Payload};
use plugin::{Plugin, PluginContext, PluginError, Shutdown, Telemetry, TelemetryWriter};
use prost::Message;
use query::QueryEngine;

use crate::config::Config;
use crate::platform::Platform;

/// All there are, in the order in which they start.
fn all(config: &Config) -> Vec<Arc<dyn Plugin>> {
    vec![
        Arc::new(Apm::default()),
        Arc::new(Alerting::new(config.alerting.clone())),
        Arc::new(Dashboards::new(config.dashboards.clone())),
        Arc::new(Example::default()),
    ]
}

/// Runs only when it is named.
const EXAMPLE: &str = "example";

/// Those that the settings choose.
pub(crate) fn chosen(settings: &Config) -> Result<Vec<Arc<dyn Plugin>>, String> {
    let (config, all) = (&settings.products, all(settings));
    let names: Vec<&str> = all.iter().map(|plugin| plugin.name()).collect();
    let known = |name: &str| match names.contains(&name) {
        true => Ok(()),
        false => Err(format!("products has '{name}', there are: {}", names.join(", "))),
    };
    config.enabled.iter().flatten().try_for_each(|name| known(name))?;
    let is_chosen = |name: &str| match &config.enabled {
        Some(enabled) => enabled.iter().any(|enabled| enabled == name),
        None => name != EXAMPLE,
    };
    match config.listen.keys().find(|name| !is_chosen(name)) {
        Some(name) => Err(format!("products.listen has '{name}', which does not run here")),
        None => Ok(all.into_iter().filter(|plugin| is_chosen(plugin.name())).collect()),
    }
}

/// What products get of the platform.
pub(crate) fn context(
    platform: &Platform,
    engine: &QueryEngine,
    plane: &Arc<DataPlane>,
    stopping: &Shutdown,
) -> PluginContext {
    let plane = Arc::clone(plane);
    let telemetry = TelemetryWriter::new(move |tenant, telemetry| {
        let plane = Arc::clone(&plane);
        Box::pin(async move { write(&plane, tenant, telemetry).await })
    });
    PluginContext {
        process: format!("{}-{}", std::process::id(), uuid::Uuid::new_v4().simple()).into(),
        engine: engine.clone(),
        records: platform.records.clone(),
        events: platform.events.clone(),
        cache: platform.cache.clone(),
        outgoing: Arc::clone(&platform.outgoing),
        audit: Trail::new(hub::system_clock()),
        keyring: Arc::clone(&platform.keyring),
        telemetry,
        stopping: stopping.clone(),
    }
}

pub(crate) async fn write(plane: &DataPlane, tenant: Tenant, telemetry: Telemetry) -> Result<(), PluginError> {
    match telemetry {
        Telemetry::Traces(request) => append(plane, tenant, Payload::Traces, &request).await,
        Telemetry::Logs(request) => append(plane, tenant, Payload::Logs, &request).await,
        Telemetry::Metrics(request) => append(plane, tenant, Payload::Metrics, &request).await,
    }
}

/// Writes telemetry that comes from inside: durable and visible when this returns.
pub(crate) async fn append(
    plane: &DataPlane,
    tenant: Tenant,
    payload: Payload,
    request: &impl Message,
) -> Result<(), PluginError> {
    let body = Bytes::from(request.encode_to_vec());
    let envelope = Envelope {
        tenant,
        payload,
        encoding: Encoding::Protobuf,
        received: now(),
        rejected: 0,
        refused_rows: Vec::new(),
    };
    let batches = ingest::replay(&envelope, &body)?;
    if batches.is_empty() {
        return Ok(());
    }
    plane.append(Decoded { envelope, body, batches }).await?;
    Ok(())
}

fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProductsConfig;

    fn names(products: &ProductsConfig) -> Result<Vec<&'static str>, String> {
        let config = Config { products: products.clone(), ..Config::default() };
        Ok(chosen(&config)?.iter().map(|plugin| plugin.name()).collect())
    }

    #[test]
    fn a_product_runs_when_it_is_chosen_and_one_that_is_not_there_is_named() {
        let enabled = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let listen = [("example".to_owned(), "127.0.0.1:0".parse().expect("an address"))];

        assert_eq!(names(&ProductsConfig::default()), Ok(vec!["apm", "alerting", "dashboards"]));
        let of_example = ProductsConfig { enabled: enabled(&["example"]), listen: listen.clone().into() };
        assert_eq!(names(&of_example), Ok(vec!["example"]));
        let wrong = names(&ProductsConfig { enabled: enabled(&["exmaple"]), ..ProductsConfig::default() });
        assert!(wrong.is_err_and(
            |wrong| wrong.contains("exmaple") && wrong.contains("there are: apm, alerting, dashboards, example")
        ));
        let idle = names(&ProductsConfig { enabled: enabled(&[]), listen: listen.into() });
        assert!(idle.is_err_and(|wrong| wrong.contains("does not run here")));
    }
}

//! Which OpenTelemetry semantic conventions have a column of their own.
//!
//! One table, read by the schema, the decoder, the encoder and the query rewriter: an attribute listed here
//! is stored in its column, any other in the JSON text of its level. Names follow
//! the OpenTelemetry semantic conventions 1.45; the column is the key with dots as underscores.

use crate::Signal;

/// Where in OTLP an attribute was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// On the resource: column `resource_attributes`.
    Resource,
    /// On the span, log record or data point: column `attributes`.
    Item,
}

/// Type of a promoted column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeType {
    /// Text. A value of another type is stored here as text too, and typed in the JSON beside it.
    Text,
    /// 64-bit integer. A value that is not one stays in the JSON only.
    Integer,
}

/// One promoted attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    /// Attribute key, as in `http.route`.
    pub key: &'static str,
    /// Column name, as in `http_route`.
    pub column: &'static str,
    /// Type of the column.
    pub value: AttributeType,
    /// Where the key is looked for.
    pub level: Level,
}

const fn text(level: Level, key: &'static str, column: &'static str) -> Convention {
    Convention { key, column, value: AttributeType::Text, level }
}

const fn integer(level: Level, key: &'static str, column: &'static str) -> Convention {
    Convention { key, column, value: AttributeType::Integer, level }
}

use Level::{Item, Resource};

const RESOURCE: &[Convention] = &[
    text(Resource, "service.name", "service_name"),
    text(Resource, "service.namespace", "service_namespace"),
    text(Resource, "service.version", "service_version"),
    text(Resource, "service.instance.id", "service_instance_id"),
    text(Resource, "deployment.environment.name", "deployment_environment_name"),
    text(Resource, "host.name", "host_name"),
    text(Resource, "k8s.cluster.name", "k8s_cluster_name"),
    text(Resource, "k8s.namespace.name", "k8s_namespace_name"),
    text(Resource, "k8s.deployment.name", "k8s_deployment_name"),
    text(Resource, "k8s.pod.name", "k8s_pod_name"),
    text(Resource, "k8s.node.name", "k8s_node_name"),
];

const SPAN: &[Convention] = &[
    text(Item, "http.request.method", "http_request_method"),
    text(Item, "http.route", "http_route"),
    integer(Item, "http.response.status_code", "http_response_status_code"),
    text(Item, "url.scheme", "url_scheme"),
    text(Item, "url.path", "url_path"),
    text(Item, "url.full", "url_full"),
    text(Item, "server.address", "server_address"),
    integer(Item, "server.port", "server_port"),
    text(Item, "client.address", "client_address"),
    text(Item, "user_agent.original", "user_agent_original"),
    text(Item, "rpc.system.name", "rpc_system_name"),
    text(Item, "rpc.service", "rpc_service"),
    text(Item, "rpc.method", "rpc_method"),
    text(Item, "rpc.response.status_code", "rpc_response_status_code"),
    text(Item, "db.system.name", "db_system_name"),
    text(Item, "db.namespace", "db_namespace"),
    text(Item, "db.collection.name", "db_collection_name"),
    text(Item, "db.operation.name", "db_operation_name"),
    text(Item, "db.query.text", "db_query_text"),
    text(Item, "messaging.system", "messaging_system"),
    text(Item, "messaging.destination.name", "messaging_destination_name"),
    text(Item, "messaging.operation.type", "messaging_operation_type"),
    text(Item, "peer.service", "peer_service"),
    text(Item, "error.type", "error_type"),
    text(Item, "exception.type", "exception_type"),
    text(Item, "exception.message", "exception_message"),
    text(Item, "user.id", "user_id"),
    text(Item, "session.id", "session_id"),
];

const LOG: &[Convention] = &[
    text(Item, "error.type", "error_type"),
    text(Item, "exception.type", "exception_type"),
    text(Item, "exception.message", "exception_message"),
    text(Item, "exception.stacktrace", "exception_stacktrace"),
    text(Item, "http.request.method", "http_request_method"),
    text(Item, "http.route", "http_route"),
    integer(Item, "http.response.status_code", "http_response_status_code"),
    text(Item, "url.path", "url_path"),
    text(Item, "user.id", "user_id"),
    text(Item, "session.id", "session_id"),
];

const POINT: &[Convention] = &[
    text(Item, "http.request.method", "http_request_method"),
    text(Item, "http.route", "http_route"),
    integer(Item, "http.response.status_code", "http_response_status_code"),
    text(Item, "url.scheme", "url_scheme"),
    text(Item, "server.address", "server_address"),
    integer(Item, "server.port", "server_port"),
    text(Item, "rpc.system.name", "rpc_system_name"),
    text(Item, "rpc.service", "rpc_service"),
    text(Item, "rpc.method", "rpc_method"),
    text(Item, "db.system.name", "db_system_name"),
    text(Item, "db.namespace", "db_namespace"),
    text(Item, "db.collection.name", "db_collection_name"),
    text(Item, "db.operation.name", "db_operation_name"),
    text(Item, "messaging.system", "messaging_system"),
    text(Item, "messaging.destination.name", "messaging_destination_name"),
    text(Item, "error.type", "error_type"),
];

/// Promoted attributes of the resource, the same for every signal.
pub fn of_resource() -> &'static [Convention] {
    RESOURCE
}

/// Promoted attributes of the signal's own items.
pub fn of_item(signal: Signal) -> &'static [Convention] {
    match signal {
        Signal::Spans => SPAN,
        Signal::Logs => LOG,
        Signal::Metrics | Signal::Histograms => POINT,
    }
}

/// The promoted attribute of this key, if it has a column in the signal's table.
pub fn find(signal: Signal, level: Level, key: &str) -> Option<&'static Convention> {
    let conventions = match level {
        Level::Resource => of_resource(),
        Level::Item => of_item(signal),
    };
    conventions.iter().find(|convention| convention.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_named_after_its_key() {
        let all = Signal::ALL.into_iter().flat_map(of_item).chain(of_resource());

        for convention in all {
            assert_eq!(convention.column, convention.key.replace('.', "_"));
        }
    }
}

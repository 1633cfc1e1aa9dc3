//! Where a label of a measure is found in a table.

use plugin::query::Statement;
use serde_json::Value;

use crate::labels::is_whole;

/// Labels with short names, and their columns.
const COLUMNS: [(&str, &str); 21] = [
    ("cluster", "k8s_cluster_name"),
    ("collection", "db_collection_name"),
    ("db_name", "db_namespace"),
    ("db_operation", "db_operation_name"),
    ("db_system", "db_system_name"),
    ("deployment", "k8s_deployment_name"),
    ("environment", "deployment_environment_name"),
    ("error_type", "error_type"),
    ("host", "host_name"),
    ("instance", "service_instance_id"),
    ("kind", "kind"),
    ("method", "http_request_method"),
    ("namespace", "service_namespace"),
    ("node", "k8s_node_name"),
    ("operation", "name"),
    ("pod", "k8s_pod_name"),
    ("route", "http_route"),
    ("service", "service_name"),
    ("status_code", "http_response_status_code"),
    ("version", "service_version"),
    ("k8s_namespace", "k8s_namespace_name"),
];

/// Labels that are attributes of metrics under several names: the first that is there.
const ATTRIBUTES: [(&str, &[&str]); 4] = [
    ("container", &["container.name", "k8s.container.name"]),
    ("device", &["system.device", "device"]),
    ("mountpoint", &["system.filesystem.mountpoint", "mountpoint"]),
    ("process", &["process.executable.name", "process.pid"]),
];

/// A statement that grows; values are parameters.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(super) params: Vec<Value>,
}

impl Asked {
    /// The place of a value in the text: `$1`.
    pub(crate) fn param(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    /// What a label is read from.
    pub(crate) fn dimension(&mut self, label: &str) -> String {
        if let Some((_, column)) = COLUMNS.iter().find(|(name, _)| *name == label) {
            return (*column).to_owned();
        }
        let own = [label];
        let keys = ATTRIBUTES.iter().find(|(name, _)| *name == label).map_or(&own[..], |(_, keys)| keys);
        let mut places = Vec::new();
        for key in keys {
            let key = self.param(*key);
            places
                .extend(["attributes", "resource_attributes"].map(|column| format!("{column}->>cast({key} AS text)")));
        }
        format!("coalesce({})", places.join(", "))
    }

    /// A condition: a label has this value, or is not there. What was cut cannot be compared.
    pub(super) fn like(&mut self, label: &str, value: Option<&str>) -> String {
        match value {
            Some(value) if !is_whole(value) => String::new(),
            Some(value) => {
                let column = self.dimension(label);
                format!(" AND cast({column} AS text) = {}", self.param(value))
            }
            None => format!(" AND {} IS NULL", self.dimension(label)),
        }
    }

    pub(crate) fn statement(self, sql: String) -> Statement {
        Statement { params: self.params, ..Statement::new(sql) }
    }
}

/// `1, 2, 3`: the first columns of a statement.
pub(crate) fn first_columns(count: usize) -> String {
    (1..=count).map(|place| place.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_column_or_an_attribute_and_never_text_of_a_statement() {
        let mut asked = Asked::default();

        assert_eq!(asked.dimension("service"), "service_name");
        let evil = asked.dimension("x' OR 1=1 --");
        assert_eq!(evil, "coalesce(attributes->>cast($1 AS text), resource_attributes->>cast($1 AS text))");
        assert!(asked.dimension("mountpoint").contains("$2") && asked.params.len() == 3);
    }
}

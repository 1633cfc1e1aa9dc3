//! What a span was measured in, and how its other telemetry is found.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::conditions::Conditions;
use crate::rows::Row;

/// The columns that [`Resource::of`] reads.
pub(super) const COLUMNS: &str =
    "service_name, service_instance_id, k8s_pod_name, resource_attributes->>'container.id' AS container,
     host_name, k8s_namespace_name";
const CONTAINER: &str = "(resource_attributes->>'container.id')";

/// Who sent a span.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CorrelatedResource)]
pub(super) struct Resource {
    /// `service.name`
    pub(super) service: Option<String>,
    /// `service.instance.id`
    instance: Option<String>,
    /// `k8s.pod.name`
    pod: Option<String>,
    /// `container.id`
    container: Option<String>,
    /// `host.name`
    pub(super) host: Option<String>,
    /// `k8s.namespace.name`
    namespace: Option<String>,
}

/// Whose metrics these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MetricSender)]
pub(super) enum Sender {
    /// The resource itself.
    Itself,
    /// Something without a service that watches its pod.
    Pod,
    /// Something without a service that watches its host.
    Host,
}

impl Resource {
    pub(super) fn of(row: Row<'_>, place: usize) -> Self {
        let text = |number| row.owned(place + number);
        Self {
            service: text(0),
            instance: text(1),
            pod: text(2),
            container: text(3),
            host: text(4),
            namespace: text(5),
        }
    }

    /// What tells it from others of its service, as exactly as is known: column, label and value.
    fn identity(&self) -> Option<(&'static str, &'static str, &str)> {
        let known = [
            ("service_instance_id", "service.instance.id", &self.instance),
            ("k8s_pod_name", "k8s.pod.name", &self.pod),
            (CONTAINER, "container.id", &self.container),
            ("host_name", "host.name", &self.host),
        ];
        known.into_iter().find_map(|(column, label, value)| Some((column, label, value.as_deref()?)))
    }

    /// Rows that it sent itself.
    pub(super) fn itself(&self, conditions: &mut Conditions) -> String {
        let service = match &self.service {
            Some(service) => format!("service_name = {}", conditions.param(service.as_str())),
            None => "service_name IS NULL".to_owned(),
        };
        match self.identity() {
            Some((column, _, value)) => format!("({service} AND {column} = {})", conditions.param(value)),
            None => format!("({service})"),
        }
    }

    /// Rows of what watches its pod and its host; false where neither is known.
    pub(super) fn pod_and_host(&self, conditions: &mut Conditions) -> (String, String) {
        let mut of = |column: &str, value: &Option<String>| match value {
            Some(value) => format!("(service_name IS NULL AND {column} = {})", conditions.param(value.as_str())),
            None => "false".to_owned(),
        };
        let (mut pod, host) = (of("k8s_pod_name", &self.pod), of("host_name", &self.host));
        if let (Some(_), Some(namespace)) = (&self.pod, &self.namespace) {
            // Pods of two namespaces may share a name.
            let namespace = conditions.param(namespace.as_str());
            pod = format!("({pod} AND (k8s_namespace_name IS NULL OR k8s_namespace_name = {namespace}))");
        }
        (pod, host)
    }

    /// The labels of what one of these sends, as `filter` and `attributes` of other routes have them.
    pub(super) fn labels(&self, sender: Sender) -> String {
        let no_service = ("service.name", None);
        let labels: BTreeMap<&str, Option<&str>> = match sender {
            Sender::Itself => {
                let identity = self.identity().map(|(_, label, value)| (label, Some(value)));
                [("service.name", self.service.as_deref())].into_iter().chain(identity).collect()
            }
            Sender::Pod => BTreeMap::from([no_service, ("k8s.pod.name", self.pod.as_deref())]),
            Sender::Host => BTreeMap::from([no_service, ("host.name", self.host.as_deref())]),
        };
        json!(labels).to_string()
    }

    /// The label that tells it from others of its service, as a JSON object.
    pub(super) fn identity_label(&self) -> Option<String> {
        let (_, label, value) = self.identity()?;
        Some(json!({ label: value }).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resource: &Resource, itself: &str, labels: &str) {
        let mut conditions = Conditions::none();
        assert_eq!(resource.itself(&mut conditions), itself);
        assert_eq!(resource.labels(Sender::Itself), labels);
    }

    #[test]
    fn a_resource_is_known_by_the_most_exact_of_its_names() {
        let of = |name: &str| Some(name.to_owned());
        let host = Resource { service: of("shop"), host: of("node"), ..Resource::default() };
        let instance = Resource { instance: of("shop-1"), ..host.clone() };

        check(
            &instance,
            "(service_name = $1 AND service_instance_id = $2)",
            r#"{"service.instance.id":"shop-1","service.name":"shop"}"#,
        );
        check(&host, "(service_name = $1 AND host_name = $2)", r#"{"host.name":"node","service.name":"shop"}"#);
        check(&Resource::default(), "(service_name IS NULL)", r#"{"service.name":null}"#);
    }

    #[test]
    fn what_watches_a_pod_is_found_in_its_namespace() {
        let of = |name: &str| Some(name.to_owned());
        let resource = Resource { pod: of("shop-1"), namespace: of("prod"), ..Resource::default() };
        let mut conditions = Conditions::none();

        let (pod, host) = resource.pod_and_host(&mut conditions);

        assert!(pod.contains("k8s_pod_name = $1") && pod.contains("k8s_namespace_name = $2"), "{pod}");
        assert_eq!((host.as_str(), conditions.params().len()), ("false", 2));
    }
}

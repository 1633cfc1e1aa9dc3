//! The map: services, databases, queues and hosts, and who calls whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext, near};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::conditions::Conditions;
use crate::edges::{CallMeasures, Calls, Edge, End, NodeKind, edges};
use crate::range::{ROLLUP_DAYS_MAX, Range, RangeWanted, rfc3339};
use crate::rows::Source;

/// Which part of the map.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct MapWanted {
    /// Only what is downstream of this node: its id, or the name of a service.
    from_node: Option<String>,
    /// Only calls that were answered in this environment (`deployment.environment.name`).
    environment: Option<String>,
}

/// Nodes and edges.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceMap {
    /// Minutes are counted whole, so this may be before the `from` that was asked for.
    from: String,
    to: String,
    nodes: Vec<MapNode>,
    edges: Vec<MapEdge>,
    /// True when there are more edges than are drawn: those with the fewest calls are missing.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// Something that calls or is called.
#[derive(Debug, Serialize, ToSchema)]
struct MapNode {
    /// As in `service:checkout` or `database:postgresql:orders`.
    id: String,
    kind: NodeKind,
    /// `postgresql`, `kafka` and the like, where there is one.
    system: Option<String>,
    name: String,
    /// Calls to it, whoever made them.
    #[serde(flatten)]
    called: CallMeasures,
    /// Of these, calls whose caller is not known: they come from outside.
    calls_from_outside: u64,
}

/// Calls from one node to another.
#[derive(Debug, Serialize, ToSchema)]
struct MapEdge {
    source: String,
    target: String,
    #[serde(flatten)]
    called: CallMeasures,
}

/// Services, databases, queues and hosts, and who calls whom
#[utoipa::path(
    get, path = "/map", tag = "apm", security(("caller" = ["apm:map:read"])), params(RangeWanted, MapWanted),
    responses(
        (status = 200, body = ServiceMap),
        (status = 400, description = "The range is wrong"),
        (status = 404, description = "There is no node of that id in the range"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(wanted): Asked<MapWanted>,
) -> Result<Json<ServiceMap>, Failure> {
    let range = range.read(ROLLUP_DAYS_MAX)?;
    let source = Source::new(&context, tenant);
    let mut conditions = Conditions::of_edges(range);
    conditions.equal_if_said("deployment_environment_name", wanted.environment.as_deref());
    let found = edges(&source, &conditions).await?;
    let mut graph = Graph::of(&found.edges);
    if let Some(from_node) = &wanted.from_node {
        graph.keep_downstream(from_node)?;
    }
    Ok(Json(graph.drawn(range, found.is_truncated, source.warnings())))
}

/// The edges between nodes, each pair once.
#[derive(Debug, Default)]
struct Graph {
    nodes: BTreeMap<End, Called>,
    links: BTreeMap<(End, End), Calls>,
}

#[derive(Debug, Default)]
struct Called {
    all: Calls,
    from_outside: u64,
}

impl Graph {
    fn of(edges: &[Edge]) -> Self {
        let mut graph = Self::default();
        for Edge { source, target, calls } in edges {
            let called = graph.nodes.entry(target.clone()).or_default();
            called.all.add(calls);
            match source {
                Some(source) => {
                    graph.nodes.entry(source.clone()).or_default();
                    graph.links.entry((source.clone(), target.clone())).or_default().add(calls);
                }
                None => called.from_outside += calls.calls,
            }
        }
        graph
    }

    /// Takes away what cannot be reached from the node.
    fn keep_downstream(&mut self, from_node: &str) -> Result<(), Failure> {
        let of_service = End::service(from_node.to_owned());
        let start = self.nodes.keys().find(|end| end.id() == from_node || **end == of_service).cloned();
        let start = start.ok_or_else(|| self.unknown(from_node))?;
        let mut callees: BTreeMap<&End, Vec<&End>> = BTreeMap::new();
        for (source, target) in self.links.keys() {
            callees.entry(source).or_default().push(target);
        }
        let (mut reached, mut waiting) = (BTreeSet::from([start.clone()]), VecDeque::from([start]));
        while let Some(end) = waiting.pop_front() {
            for target in callees.get(&end).into_iter().flatten() {
                if reached.insert((*target).clone()) {
                    waiting.push_back((*target).clone());
                }
            }
        }
        self.nodes.retain(|end, _| reached.contains(end));
        self.links.retain(|(source, _), _| reached.contains(source));
        Ok(())
    }

    fn unknown(&self, from_node: &str) -> Failure {
        let ids: Vec<String> = self.nodes.keys().map(End::id).collect();
        let failure = Failure::not_found(format!("there is no node '{from_node}' in the range"));
        let near = near(from_node, ids.iter().map(String::as_str));
        match near.is_empty() {
            true => failure.hinting("ask for the map without 'from_node', or for a longer range"),
            false => failure.hinting(format!("there is {}", near.join(", "))),
        }
    }

    fn drawn(self, range: Range, is_truncated: bool, warnings: Vec<String>) -> ServiceMap {
        let nodes = self.nodes.into_iter().map(|(end, called)| MapNode {
            id: end.id(),
            kind: end.kind,
            system: end.system,
            name: end.name,
            called: called.all.measures(range),
            calls_from_outside: called.from_outside,
        });
        let edges = self.links.into_iter().map(|((source, target), calls)| MapEdge {
            source: source.id(),
            target: target.id(),
            called: calls.measures(range),
        });
        let (from, to) = (rfc3339(range.whole_minutes().from), rfc3339(range.until));
        ServiceMap { from, to, nodes: nodes.collect(), edges: edges.collect(), is_truncated, warnings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(source: Option<&str>, target: &str, calls: u64) -> Edge {
        let end = |name: &str| End::service(name.to_owned());
        Edge { source: source.map(end), target: end(target), calls: Calls { calls, ..Calls::default() } }
    }

    fn graph() -> Graph {
        Graph::of(&[
            edge(None, "gateway", 5),
            edge(Some("gateway"), "cart", 4),
            edge(Some("gateway"), "cart", 1),
            edge(Some("cart"), "stock", 2),
            edge(Some("stock"), "cart", 1),
            edge(Some("jobs"), "stock", 9),
        ])
    }

    fn nodes(graph: &Graph) -> Vec<&str> {
        graph.nodes.keys().map(|end| end.name.as_str()).collect()
    }

    #[test]
    fn each_pair_is_drawn_once_and_calls_from_outside_are_counted_at_their_node() {
        let map = graph().drawn(Range { from: 0, until: 60_000_000_000 }, false, Vec::new());

        let links: Vec<_> =
            map.edges.iter().map(|link| (link.source.as_str(), link.target.as_str(), link.called.calls)).collect();
        assert_eq!(
            links,
            [
                ("service:cart", "service:stock", 2),
                ("service:gateway", "service:cart", 5),
                ("service:jobs", "service:stock", 9),
                ("service:stock", "service:cart", 1),
            ]
        );
        let gateway = map.nodes.iter().find(|node| node.name == "gateway").expect("it is called");
        assert_eq!((gateway.called.calls, gateway.calls_from_outside), (5, 5));
    }

    #[test]
    fn downstream_ends_though_calls_go_in_circles() {
        let mut graph = graph();

        graph.keep_downstream("service:cart").expect("a node");

        assert_eq!(nodes(&graph), ["cart", "stock"]);
        assert_eq!(graph.links.len(), 2, "{:?}", graph.links.keys());
    }

    #[test]
    fn a_node_that_is_not_there_is_told_with_those_near_to_it() {
        let failure = format!("{:?}", graph().keep_downstream("crat").expect_err("no node"));

        assert!(failure.contains("'crat'"), "{failure}");
    }
}

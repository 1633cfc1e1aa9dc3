//! Every route of the API, for every role: the description says who may, and the guard does what it says.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use hub::{BUILT_IN, Grant, Permission};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;

use crate::server::{As, Server};

/// One thing the API can do.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// A permission, `known` or `everybody`.
    pub(crate) rule: String,
}

impl Operation {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// With something in the place of everything that has a name.
    pub(crate) fn address(&self, id: &str) -> String {
        let parts = self.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
        parts.collect::<Vec<_>>().join("/")
    }
}

/// What the description knows.
pub(crate) fn operations(description: &OpenApi) -> Vec<Operation> {
    let description = serde_json::to_value(description).expect("a description is JSON");
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let rule = match &operation["security"][0] {
                Value::Object(requirement) if requirement.is_empty() => "everybody".to_owned(),
                requirement => {
                    match requirement["caller"].as_array().expect("every route says who may use it").as_slice() {
                        [] => "known".to_owned(),
                        [permission] => permission.as_str().expect("a text").to_owned(),
                        more => panic!("{method} {path} wants {more:?}"),
                    }
                }
            };
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
            operations.push(Operation { method, path: path.clone(), rule });
        }
    }
    assert!(operations.len() > 50, "the walk sees the API");
    operations
}

fn allows(role: &str, permission: &str) -> bool {
    let role = BUILT_IN.iter().find(|built_in| built_in.name == role).expect("a role");
    let permission: Permission = permission.parse().expect("a permission");
    role.grants.iter().any(|grant| grant.parse::<Grant>().expect("a grant").allows(&permission))
}

#[tokio::test]
async fn every_route_lets_in_who_may_and_nobody_else() {
    let server = Server::start().await;
    let root = server.owner().await;
    let acme = server.tenant(&root, "acme").await;
    let mut keys = Vec::new();
    for role in &BUILT_IN {
        keys.push((role.name, server.key(&acme, &[role.name]).await.1));
    }

    for operation in operations(&server.description) {
        let address = operation.address("nobody");
        let unknown = server.send(operation.method.clone(), &address, &As::Nobody, Some(json!({}))).await;
        let needs_caller = operation.rule != "everybody";
        // A route for everybody may itself say that a password or a cookie is missing.
        let is_shut = unknown.status == StatusCode::UNAUTHORIZED && unknown.text.contains("a key or token is needed");
        assert_eq!(is_shut, needs_caller, "{} for nobody: {}", operation.name(), unknown.text);
        if !needs_caller {
            continue;
        }
        for (role, key) in &keys {
            let expected =
                operation.rule == "known" || (allows(role, &operation.rule) && !operation.rule.starts_with("server:"));
            let answer = server.send(operation.method.clone(), &address, &As::Bearer(key), Some(json!({}))).await;
            let lacks = format!("lacks the permission {}", operation.rule);
            assert_eq!(!answer.text.contains(&lacks), expected, "{} for {role}: {}", operation.name(), answer.text);
            assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{} for {role}", operation.name());
            assert!(answer.headers.contains_key("ratelimit-remaining") || !expected || answer.status.is_client_error());
        }
    }
}

#[tokio::test]
async fn what_each_role_may_do_with_the_hub_is_what_is_written_here() {
    let server = Server::start().await;
    let mut allowed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut rules: Vec<String> = operations(&server.description).into_iter().map(|operation| operation.rule).collect();
    rules.sort();
    rules.dedup();
    for rule in rules.iter().filter(|rule| rule.contains(':')) {
        for role in BUILT_IN.iter().filter(|role| allows(role.name, rule)) {
            allowed.entry(role.name).or_default().push(rule.clone());
        }
    }

    let reads = [
        "hub:audit:read",
        "hub:events:read",
        "hub:groups:read",
        "hub:keys:read",
        "hub:licence:read",
        "hub:people:read",
        "hub:providers:read",
        "hub:roles:read",
        "hub:scim:read",
        "hub:sessions:read",
        "server:tenants:read",
    ];
    let admin = [
        "hub:audit:read",
        "hub:events:read",
        "hub:events:write",
        "hub:groups:read",
        "hub:groups:write",
        "hub:keys:read",
        "hub:keys:write",
        "hub:licence:read",
        "hub:people:read",
        "hub:people:write",
        "hub:providers:read",
        "hub:roles:read",
        "hub:roles:write",
        "hub:sessions:read",
        "hub:sessions:write",
    ];
    assert_eq!(allowed.remove("auditor"), Some(reads.map(str::to_owned).to_vec()));
    assert_eq!(allowed.remove("admin"), Some(admin.map(str::to_owned).to_vec()));
    assert_eq!(
        allowed.remove("owner").map(|all| all.len()),
        Some(rules.iter().filter(|rule| rule.contains(':')).count())
    );
    assert!(allowed.is_empty(), "others have no business with the hub: {allowed:?}");
}

#[tokio::test]
async fn a_route_that_there_is_not_and_one_with_another_method_are_not_there() {
    let server = Server::start().await;
    let owner = server.owner().await;

    assert_eq!(server.get("/nothing", &owner).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.delete("/people", &owner).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.send(Method::HEAD, "/people", &As::Nobody, None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.send(Method::HEAD, "/people", &As::Bearer(&owner), None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_again() {
    let config = hub::Config { requests_per_minute: 5, ..crate::server::config() };
    let server = Server::with(config).await;
    let key = "configured-key-of-default";

    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(server.get("/me", key).await);
    }

    let remaining: Vec<Option<&str>> = answers
        .iter()
        .map(|answer| answer.headers.get("ratelimit-remaining").and_then(|left| left.to_str().ok()))
        .collect();
    assert_eq!(remaining, [Some("4"), Some("3"), Some("2"), Some("1"), Some("0"), None]);
    assert_eq!(answers[0].headers["ratelimit-limit"], "5");
    assert_eq!((answers[5].status, answers[5].code()), (StatusCode::TOO_MANY_REQUESTS, "too_often"));
    let again: u64 = answers[5].headers["retry-after"].to_str().expect("ASCII").parse().expect("seconds");
    assert!((1..=12).contains(&again), "{again}");
}

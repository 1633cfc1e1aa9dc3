//! The API as a whole: its description, who gets in by it, and what browsers are told.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::{Http, Server};

use crate::observatory;

/// Method, path with something in place of each name, and the permission that is asked for, if one is.
fn operations(description: &Value) -> Vec<(String, String, Option<String>)> {
    let mut operations = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        let address: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('{') { "nobody" } else { part }).collect();
        for (method, operation) in item.as_object().expect("methods") {
            let caller = &operation["security"][0]["caller"];
            let permission = caller.as_array().map(|list| list.first().and_then(Value::as_str).unwrap_or("known"));
            operations.push((method.to_uppercase(), address.join("/"), permission.map(str::to_owned)));
        }
    }
    operations
}

async fn description(server: &Server) -> Value {
    server.api().get("/api/openapi.json").await.expect("an answer").json()
}

#[tokio::test]
async fn the_web_app_is_built_from_what_the_server_says_of_itself() {
    let server = observatory().closed().start().await.expect("a server");
    let copy = concat!(env!("CARGO_MANIFEST_DIR"), "/../dashboards/web/openapi.json");

    let copy: Value = serde_json::from_str(&fs::read_to_string(copy).expect("a file")).expect("JSON");

    let is_same = description(&server).await == copy;
    assert!(is_same, "copy it again as dashboards/web/README.md says, then see whether the app still builds");
}

#[tokio::test]
async fn no_route_lets_anybody_in_without_a_key() {
    let server = observatory().closed().start().await.expect("a server");
    let operations = operations(&description(&server).await);
    assert!(operations.len() > 50, "hub, telemetry and server are described: {}", operations.len());
    for path in ["/api/v1/sql", "/api/v1/system/reload", "/api/v1/hub/people"] {
        assert!(operations.iter().any(|(_, known, _)| known == path), "{path}");
    }

    for (method, path, permission) in operations {
        let reply = server.api().request(&method, &path, &[], "{}").await.expect("an answer");
        let is_shut = reply.status == 401 && reply.text().contains("a key or token is needed");
        assert_eq!(is_shut, permission.is_some(), "{method} {path}: {} {}", reply.status, reply.text());
    }
}

#[tokio::test]
async fn a_tenant_is_nowhere_else_on_any_route() {
    const ACME: &str = "acme-0123456789abcdef";
    let setup = observatory().closed().yaml(format!("tenants: [{{name: acme, api_keys: [{ACME}]}}]"));
    let server = setup.start().await.expect("a server");
    let operations = operations(&description(&server).await);
    let shut: Vec<_> = operations.into_iter().filter(|(.., permission)| permission.is_some()).collect();

    for number in 0..1000 {
        let (method, path, _) = &shut[number % shut.len()];
        let other = format!("tenant-{number}");
        let headers = [("x-observatory-tenant", other.as_str())];
        let api = server.api().with_key(Some(ACME));
        let reply = api.request(method, path, &headers, "{}").await.expect("an answer");
        assert!(matches!(reply.status, 403 | 404 | 429), "{method} {path} of {other}: {}", reply.text());
    }
}

#[tokio::test]
async fn the_description_has_a_page_to_try_it_that_loads_nothing_from_elsewhere() {
    let server = observatory().closed().start().await.expect("a server");

    let page = server.api().get("/api/docs/").await.expect("an answer");

    assert_eq!(page.status, 200);
    assert!(page.text().contains("swagger-ui") && !page.text().contains("https://"), "{}", page.text());
    let script = server.api().get("/api/docs/swagger-initializer.js").await.expect("an answer");
    assert!(script.text().contains("/api/openapi.json"), "{}", script.text());
}

#[tokio::test]
async fn every_address_that_is_not_the_apis_opens_the_web_app_and_a_program_is_told_that_nothing_is_there() {
    let server = observatory().closed().start().await.expect("a server");
    let api = server.api();
    let open =
        async |path: &str, accept: &str| api.request("GET", path, &[("accept", accept)], "").await.expect("an answer");
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";

    for path in ["/", "/services/checkout", "/traces?service=checkout"] {
        let page = open(path, browser).await;
        assert!(page.status == 200 && page.text().contains("Observatory"), "{path}: {}", page.text());
        assert_eq!(page.header("cache-control"), Some("no-cache"));
    }
    assert_eq!(open("/metricz", "*/*").await.status, 404);
    for path in ["/api/v1/nothing", "/assets/nothing.js", "/health/nothing"] {
        assert!([401, 404].contains(&open(path, browser).await.status), "{path}");
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_browsers() {
    let server = observatory().closed().start().await.expect("a server");

    for path in ["/api/docs/", "/api/openapi.json", "/api/v1/hub/me", "/nothing"] {
        let reply = server.api().get(path).await.expect("an answer");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("x-frame-options"), Some("DENY"), "{path}");
        let policy = reply.header("content-security-policy").expect(path);
        assert!(policy.contains("default-src 'self'") && !policy.contains("script-src"), "{policy}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
    }
}

async fn asks(api: &Http, origin: &str) -> Option<String> {
    let headers = [("origin", origin), ("access-control-request-method", "POST")];
    let reply = api.request("OPTIONS", "/api/v1/sql", &headers, "").await.expect("an answer");
    reply.header("access-control-allow-origin").map(str::to_owned)
}

#[tokio::test]
async fn only_named_origins_may_use_the_api_from_a_page() {
    let setup = observatory().yaml("server: {cors_origins: ['https://app.example.org']}");
    let server = setup.start().await.expect("a server");

    assert_eq!(asks(&server.api(), "https://app.example.org").await.as_deref(), Some("https://app.example.org"));
    assert_eq!(asks(&server.api(), "https://evil.example.org").await, None);
}

#[tokio::test]
async fn a_product_answers_on_the_api_on_its_own_port_and_in_sql() {
    const KEY: &str = "operator-0123456789abcdef";
    let setup = observatory()
        .closed()
        .env("HUB_API_KEY", KEY)
        .yaml("products: {enabled: [example], listen: {example: '127.0.0.1:0'}}");
    let server = setup.start().await.expect("a server");
    let said = server.said();
    let own = said.lines().find_map(|line| line.trim().strip_prefix("example")).expect("its port is told");
    let own = Http::new(own.trim().trim_end_matches("/api/docs")).with_key(Some(KEY));
    let api = server.api().with_key(Some(KEY));
    let watch = json!({"service": "checkout", "silent_after_seconds": 3600}).to_string();

    let made = own.post("/api/v1/example/watches", &[("content-type", "application/json")], watch).await;

    let made = made.expect("an answer");
    assert_eq!(made.status, 200, "{}", made.text());
    let listed = api.get("/api/v1/example/watches").await.expect("an answer");
    assert_eq!(listed.json()[0]["service"], "checkout");
    let asked = api.post("/api/v1/sql", &[("content-type", "text/plain")], "select service from example.watches").await;
    assert_eq!(asked.expect("an answer").json()["rows"], json!([["checkout"]]));
    assert_eq!(own.with_key(None).get("/api/v1/example/watches").await.expect("an answer").status, 401);
    let health = server.api().get("/health").await.expect("an answer").json();
    assert_eq!(health["details"]["products"], json!({"example": "running"}), "{health}");
}

#[tokio::test]
async fn a_process_of_products_takes_no_telemetry() {
    let server = observatory().option("--role", "products").option("--products", "example");

    let server = server.start_without_otlp().await.expect("a server");

    assert!(!server.said().contains("OTLP"), "{}", server.said());
    assert_eq!(server.api().get("/health/ready").await.expect("an answer").status, 200);
}

/// Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let of_entry = |path: PathBuf| if path.is_dir() { sources(&path) } else { vec![path] };
    entries.flat_map(of_entry).filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

/// Names under which types of a file stand in the description: their own, or those that they are given.
fn schemas(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    for behind in source.split("#[derive(").skip(1) {
        let (derived, rest) = behind.split_once(")]").expect("the end of what is derived");
        if !derived.contains("ToSchema") {
            continue;
        }
        let code: Vec<&str> = rest.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let given = code.split_once(['{', ';']).expect("a type has a body").0;
        let word_after = |words: &str, mark: &str| {
            let (_, name) = words.split_once(mark)?;
            name.split(|letter: char| !letter.is_alphanumeric()).find(|word| !word.is_empty()).map(str::to_owned)
        };
        let own = word_after(given, "struct ").or_else(|| word_after(given, "enum "));
        names.push(word_after(given, "schema(as = ").or(own).expect("a type has a name"));
    }
    names
}

#[tokio::test]
async fn every_operation_and_every_schema_of_the_description_has_a_name_of_its_own() {
    let server = observatory().start().await.expect("a server");
    let described = description(&server).await;
    server.stop().await;

    let mut operations: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for (path, item) in described["paths"].as_object().expect("paths") {
        for operation in item.as_object().expect("methods").values() {
            operations.entry(operation["operationId"].as_str().expect("a name")).or_default().push(path);
        }
    }
    operations.retain(|_, paths| paths.len() > 1);
    assert!(operations.is_empty(), "{operations:#?}");

    // Two types of one name are one schema, and the description then says of one what is true of the other.
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let mut types: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for folder in ["hub/src", "query/src", "plugins", "dashboards/src", "server/src"] {
        for path in sources(&root.join(folder)) {
            for name in schemas(&fs::read_to_string(&path).expect("a source")) {
                types.entry(name).or_default().push(path.clone());
            }
        }
    }
    assert!(types.len() > 100, "types were found: {}", types.len());
    types.retain(|_, paths| paths.len() > 1);
    assert!(types.is_empty(), "give one of them another name with #[schema(as = …)]: {types:#?}");
}

//! Signing in at an identity provider, from the first redirect to the last.

use std::time::Duration;

use http::header::LOCATION;
use http::{Method, StatusCode};
use hub::outgoing::{self, Outgoing};
use serde_json::{Value, json};

use crate::provider::{CLIENT, Provider, SECRET};
use crate::server::{Answer, As, RING, Server};

/// A server whose tenant `default` knows a provider.
async fn set_up(more: Value) -> (Server, String, Provider) {
    let (server, provider) = (Server::start().await, Provider::start().await);
    let owner = server.owner().await;
    let mut request = json!({
        "title": "Company login", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET,
        "groups_claim": "groups", "makes_people": true, "default_roles": ["viewer"],
    });
    request.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let made = server.put("/providers/company", &owner, request).await;
    assert_eq!(made.status, StatusCode::NO_CONTENT, "{}", made.text);
    (server, owner, provider)
}

/// Goes to the provider as a browser does; gives where it is sent back to, and its cookies.
async fn leave(server: &Server) -> (String, String) {
    let begun = server.send(Method::GET, "/oidc/default/company?return_to=/traces", &As::Nobody, None).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
    let provider = begun.headers[LOCATION].to_str().expect("an address").parse().expect("an address");
    let networks = vec!["127.0.0.0/8".parse().expect("a network")];
    let config = outgoing::Config { allow_networks: networks, redirects_max: 0, ..outgoing::Config::default() };
    let browser = Outgoing::new(&config).expect("a client");
    let mut request = http::Request::new(bytes::Bytes::new());
    *request.uri_mut() = provider;
    let answer = browser.send(request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{:?}", answer.body());
    let back = answer.headers()[LOCATION].to_str().expect("an address");
    let back = back.strip_prefix("http://127.0.0.1:8036").expect("the public address of the server").to_owned();
    (back, begun.cookies())
}

async fn sign_in(server: &Server) -> Answer {
    let (back, cookies) = leave(server).await;
    server.send(Method::GET, &back, &As::Cookies(&cookies, None), None).await
}

fn ada() -> Value {
    json!({"sub": "ada-1", "email": "Ada@Example.org", "email_verified": true, "name": "Ada King", "groups": ["sre", "chess"]})
}

async fn me(server: &Server, signed_in: &Answer) -> Answer {
    server.send(Method::GET, "/me", &As::Cookies(&signed_in.cookies(), None), None).await
}

#[tokio::test]
async fn somebody_who_comes_first_time_becomes_a_person_with_the_roles_of_their_groups() {
    let (server, owner, provider) = set_up(json!({})).await;
    let group = server.post("/groups", &owner, json!({"name": "sre", "roles": ["operator"]})).await;
    provider.say(ada());

    let signed_in = sign_in(&server).await;

    assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{}", signed_in.text);
    assert_eq!(signed_in.headers[LOCATION], "/traces");
    let me = me(&server, &signed_in).await;
    assert_eq!((me.text_at("name"), me.text_at("tenant")), ("ada@example.org".to_owned(), "default".to_owned()));
    assert!(me.text.contains("alerting:*:*") && me.text.contains("telemetry:*:read"), "{}", me.text);
    let person = server.get("/people?email=ada@example.org", &owner).await.json["people"][0].clone();
    assert_eq!((&person["identity"], &person["name"]), (&json!("company/ada-1"), &json!("Ada King")));

    provider.say(json!({"sub": "ada-1", "email": "ada@example.org", "email_verified": true, "groups": []}));
    let again = sign_in(&server).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.text);
    let members = server.get(&format!("/groups/{}", group.text_at("id")), &owner).await.json["members"].clone();
    assert_eq!(members, json!([]), "the provider takes people out of groups, too");
    assert!(server.trail(&owner).await.contains(&"person.joined".to_owned()));
}

#[tokio::test]
async fn somebody_who_was_invited_is_the_same_person_when_the_provider_has_checked_the_email() {
    let (server, owner, provider) = set_up(json!({"makes_people": false})).await;
    provider.say(ada());
    assert_eq!(sign_in(&server).await.status, StatusCode::FORBIDDEN, "nobody has invited them");
    let (id, _) = server.person(&owner, "ada@example.org", &["auditor"]).await;

    provider.say(json!({"sub": "ada-1", "email": "ada@example.org", "email_verified": false}));
    let unchecked = sign_in(&server).await;
    provider.say(ada());
    let checked = sign_in(&server).await;
    provider.say(json!({"sub": "mallory", "email": "ada@example.org", "email_verified": true}));
    let other = sign_in(&server).await;

    assert_eq!(unchecked.status, StatusCode::BAD_GATEWAY, "{}", unchecked.text);
    assert_eq!(me(&server, &checked).await.text_at("id"), id);
    assert_eq!(other.status, StatusCode::CONFLICT, "an identity is not replaced by another: {}", other.text);
}

#[tokio::test]
async fn a_code_is_worth_something_only_once_and_only_to_the_browser_that_asked() {
    let (server, _, provider) = set_up(json!({})).await;
    provider.say(ada());
    let (back, cookies) = leave(&server).await;
    let (_, cookies_of_another) = leave(&server).await;

    let nobody = server.send(Method::GET, &back, &As::Nobody, None).await;
    let another = server.send(Method::GET, &back, &As::Cookies(&cookies_of_another, None), None).await;
    let right = server.send(Method::GET, &back, &As::Cookies(&cookies, None), None).await;
    let again = server.send(Method::GET, &back, &As::Cookies(&cookies, None), None).await;

    assert_eq!([nobody.status, another.status], [StatusCode::FORBIDDEN; 2]);
    assert_eq!(right.status, StatusCode::SEE_OTHER, "{}", right.text);
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    let (back, cookies) = leave(&server).await;
    server.wait(Duration::from_secs(601));
    assert_eq!(
        server.send(Method::GET, &back, &As::Cookies(&cookies, None), None).await.status,
        StatusCode::FORBIDDEN,
        "too late"
    );
}

#[tokio::test]
async fn a_word_of_the_provider_that_is_wrong_is_not_believed() {
    let (server, _, provider) = set_up(json!({})).await;

    for (what, wrong) in [
        ("for another client", json!({"aud": "somebody-else"})),
        ("of another issuer", json!({"iss": "https://evil.example.org"})),
        ("of yesterday", json!({"exp": 1_000_000})),
        ("of another sign-in", json!({"nonce": "another"})),
    ] {
        provider.say(ada());
        provider.err(|says| says.wrong = wrong);
        let answer = sign_in(&server).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_GATEWAY, "provider"), "{what}: {}", answer.text);
    }
    provider.say(ada());
    provider.err(|says| says.forges = true);
    assert_eq!(sign_in(&server).await.status, StatusCode::BAD_GATEWAY, "signed by somebody else");
    provider.say(ada());
    assert_eq!(sign_in(&server).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_provider_that_has_changed_its_keys_is_asked_for_them_and_not_before() {
    let (server, _, provider) = set_up(json!({})).await;
    provider.say(ada());

    sign_in(&server).await;
    sign_in(&server).await;
    let before = provider.asked_for_keys();
    provider.change_key();
    let after = sign_in(&server).await;

    assert_eq!(before, 1);
    assert_eq!(after.status, StatusCode::SEE_OTHER, "{}", after.text);
    assert_eq!(provider.asked_for_keys(), 2);
}

#[tokio::test]
async fn somebody_who_is_suspended_does_not_get_in_by_the_provider_either() {
    let (server, owner, provider) = set_up(json!({})).await;
    provider.say(ada());
    sign_in(&server).await;
    let id = server.get("/people?email=ada@example.org", &owner).await.json["people"][0]["id"].clone();

    server.patch(&format!("/people/{}", id.as_str().expect("an id")), &owner, json!({"suspended": true})).await;

    assert_eq!(sign_in(&server).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_secret_of_a_provider_is_never_shown_and_its_settings_are_checked() {
    let (server, owner, provider) = set_up(json!({})).await;

    let listed = server.get("/providers", &owner).await;
    let kept = json!({"title": "New title", "issuer": provider.issuer, "client_id": CLIENT, "makes_people": true});
    server.put("/providers/company", &owner, kept).await;
    let choices = server.send(Method::GET, "/oidc/default", &As::Nobody, None).await;

    assert!(!listed.text.contains("secret"), "{}", listed.text);
    assert_eq!(choices.json["providers"], json!([{"name": "company", "title": "New title"}]));
    provider.say(ada());
    assert_eq!(sign_in(&server).await.status, StatusCode::SEE_OTHER, "the secret stayed");
    for (name, wrong) in [
        ("Company", json!({"title": "t", "issuer": "https://a.example", "client_id": "c"})),
        ("other", json!({"title": "t", "issuer": "file:///etc/passwd", "client_id": "c"})),
        ("other", json!({"title": "t", "issuer": "https://a.example", "client_id": ""})),
    ] {
        assert_eq!(
            server.put(&format!("/providers/{name}"), &owner, wrong).await.status,
            StatusCode::BAD_REQUEST,
            "{name}"
        );
    }
    assert_eq!(server.delete("/providers/company", &owner).await.status, StatusCode::NO_CONTENT);
    let gone = server.send(Method::GET, "/oidc/default/company", &As::Nobody, None).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_new_sealing_key_takes_over_at_the_start_and_the_old_one_can_go() {
    let (server, owner, provider) = set_up(json!({})).await;
    provider.say(ada());
    let newest = "1f".repeat(31) + "2e";

    server.beside_sealing(&format!("{newest},{RING}")).await;
    let server = server.beside_sealing(&newest).await;

    assert_eq!(server.send(Method::GET, "/me", &As::Bearer(&owner), None).await.status, StatusCode::OK);
    let signed_in = sign_in(&server).await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{}", signed_in.text);
}

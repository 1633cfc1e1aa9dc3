//! Incidents from the first call to the review, and who is told meanwhile.

pub(crate) mod desk;

use http::Method;
use serde_json::{Value, json};

use self::desk::Desk;

fn texts<'a>(incident: &'a Value, kind: &str) -> Vec<&'a str> {
    let timeline = incident["timeline"].as_array().expect("a timeline").iter();
    timeline.filter(|entry| entry["kind"] == kind).filter_map(|entry| entry["text"].as_str()).collect()
}

/// Levels that were told, in order.
fn told(incident: &Value) -> Vec<&str> {
    texts(incident, "told").iter().filter_map(|text| text.split(':').next()).collect()
}

#[test]
fn an_incident_is_worked_through_from_the_call_to_the_review() {
    Desk::visit(None, async |desk| {
        let outage =
            json!({"title": "checkout is down", "priority": "P2", "services": ["checkout"], "text": "by phone"});

        let opened = desk.post("/incidents", outage).await;

        assert_eq!(
            (&opened["number"], &opened["status"], &opened["version"]),
            (&json!("INC-000001"), &json!("open"), &json!(1))
        );
        desk.pass_minutes(10);
        let (status, refused) =
            desk.ask(Method::POST, "/incidents/INC-000001/acknowledge", Some(json!({"version": 7}))).await;
        assert_eq!((status, &refused["error"]["code"]), (409, &json!("conflict")));
        let taken = desk.post("/incidents/INC-000001/acknowledge", json!({"version": 1})).await;
        assert_eq!((&taken["first_response_seconds"], &taken["stage"]), (&json!(600.0), &json!("response")));
        let (status, _) = desk.ask(Method::POST, "/incidents/INC-000001/acknowledge", Some(json!({}))).await;
        assert_eq!(status, 400, "it is acknowledged already");
        desk.post("/incidents/INC-000001/assign", json!({"assignee": "person-1"})).await;
        let deciding = json!({"text": "it may need a code change", "stage": "escalation_decision"});
        assert_eq!(desk.post("/incidents/INC-000001/note", deciding).await["stage"], "escalation_decision");
        let up = desk.post("/incidents/INC-000001/escalate", json!({"to": "2", "reason": "a code change"})).await;
        assert_eq!((&up["level"], &up["tier"], &up["escalations"]), (&json!("2"), &json!(2), &json!(1)));
        let changed = desk.ask(Method::PATCH, "/incidents/INC-000001", Some(json!({"priority": "P3"}))).await;
        assert_eq!((changed.0, &changed.1["priority"]), (200, &json!("P3")));
        desk.pass_minutes(50);
        let over = desk.post("/incidents/INC-000001/resolve", json!({"text": "rolled back", "satisfaction": 5})).await;
        assert_eq!((&over["status"], &over["resolution_seconds"]), (&json!("resolved"), &json!(3600.0)));
        desk.post("/incidents/INC-000001/reopen", json!({"reason": "it fails again"})).await;
        desk.post("/incidents/INC-000001/resolve", json!({"text": "fixed"})).await;
        let review = json!({"causes": "a bad release", "actions": ["a test"]});
        assert_eq!(desk.post("/incidents/INC-000001/review", review).await["status"], "reviewed");

        let shown = desk.get("/incidents/INC-000001").await;
        let kinds: Vec<&str> = shown["timeline"]
            .as_array()
            .expect("a timeline")
            .iter()
            .filter_map(|entry| entry["kind"].as_str())
            .collect();
        let walk = [
            "opened",
            "note",
            "acknowledged",
            "assigned",
            "note",
            "escalation_decision",
            "escalated",
            "priority",
            "resolved",
            "reopened",
            "resolved",
            "reviewed",
        ];
        assert_eq!(kinds, walk, "{shown}");
        assert_eq!((&shown["reopenings"], &shown["satisfaction"]), (&json!(1), &json!(5)));
        assert!(shown["opened_by"].as_str().is_some_and(|by| by.starts_with("key/")), "{shown}");
        assert_eq!(desk.ask(Method::GET, "/incidents/INC-000002", None).await.0, 404);
        let audited = desk.audited().await;
        let acts: Vec<&str> = audited.iter().filter_map(|(_, action)| action.strip_prefix("incident.")).collect();
        let done = [
            "opened",
            "acknowledged",
            "assigned",
            "noted",
            "escalated",
            "changed",
            "resolved",
            "reopened",
            "resolved",
            "reviewed",
        ];
        assert_eq!(acts, done, "what was refused is not in it");
        assert!(audited.iter().all(|(who, _)| who.starts_with("key/")), "{audited:?}");
    });
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    Desk::visit(None, async |desk| {
        desk.post("/incidents", json!({"title": "a", "priority": "P4"})).await;

        for (path, body) in [
            ("/incidents", json!({"title": " ", "priority": "P4"})),
            ("/incidents", json!({"title": "a", "priority": "P5"})),
            ("/incidents", json!({"title": "a".repeat(501), "priority": "P4"})),
            ("/incidents", json!({"title": "a", "priority": "P4", "links": [{"name": "a", "url": "javascript:a"}]})),
            ("/incidents/INC-000001/note", json!({"text": "a".repeat(20_000)})),
            ("/incidents/INC-000001/escalate", json!({"to": "1", "reason": "a"})),
            ("/incidents/INC-000001/reopen", json!({"reason": "a"})),
            ("/incidents/INC-000001/review", json!({"causes": "a"})),
            ("/incidents/INC-000001/resolve", json!({"text": "a", "satisfaction": 6})),
        ] {
            let (status, told) = desk.ask(Method::POST, path, Some(body.clone())).await;
            assert_eq!(status, 400, "{path} {body}: {told}");
        }
    });
}

#[test]
fn incidents_are_listed_by_what_they_are_the_newest_first() {
    Desk::visit(None, async |desk| {
        for (title, priority) in [("first", "P1"), ("second", "P2"), ("third", "P2")] {
            desk.post("/incidents", json!({"title": title, "priority": priority})).await;
            desk.pass_minutes(1);
        }
        desk.post("/incidents/INC-000002/resolve", json!({"text": "done"})).await;
        let titles = async |path: &str| {
            let told = desk.get(path).await;
            let incidents = told["incidents"].as_array().expect("a list").iter();
            incidents.filter_map(|incident| incident["title"].as_str().map(str::to_owned)).collect::<Vec<_>>()
        };

        assert_eq!(titles("/incidents").await, ["third", "second", "first"]);
        assert_eq!(titles("/incidents?active=true").await, ["third", "first"]);
        assert_eq!(titles("/incidents?priority=P2&status=resolved").await, ["second"]);
        let page = desk.get("/incidents?limit=2").await;
        let next = page["next"].as_str().expect("more");
        assert_eq!(titles(&format!("/incidents?limit=2&after={next}")).await, ["first"]);
        assert_eq!(desk.ask(Method::GET, "/incidents?state=open", None).await.0, 400);
    });
}

#[test]
fn two_processes_tell_of_each_step_once() {
    Desk::visit(None, async |desk| {
        let processes = [desk.process(), desk.process()];
        desk.post("/incidents", json!({"title": "checkout is slow", "priority": "P2"})).await;

        desk.somebody_is_told().await;
        for minutes in [60, 60, 60] {
            desk.pass_minutes(minutes);
            desk.somebody_is_told().await;
        }
        desk.post("/incidents/INC-000001/resolve", json!({"text": "done"})).await;
        desk.somebody_is_told().await;
        for process in processes {
            process.stop().await;
        }

        let shown = desk.get("/incidents/INC-000001").await;
        let climb = ["level 1", "level 2", "level 3", "management"];
        assert_eq!(told(&shown), [climb, climb].concat(), "on the way up, and of the end: {shown}");
        assert_eq!((&shown["escalations"], &shown["due"]), (&json!(3), &Value::Null));
        let audited = desk.audited().await;
        let by_server = |action| audited.iter().filter(|(who, of)| who == "server" && of == action).count();
        assert_eq!(by_server("incident.escalated"), 3, "{audited:?}");
        assert!(by_server("incident.told") >= 5, "{audited:?}");
        let line = texts(&shown, "told")[0];
        assert_eq!(line, "level 1: the channel's receivers by Email, the channel's receivers by Slack");
    });
}

#[test]
fn after_a_pause_the_highest_step_is_told_and_the_others_are_noted() {
    Desk::visit(None, async |desk| {
        desk.post("/incidents", json!({"title": "checkout is slow", "priority": "P2"})).await;
        desk.pass_minutes(600);

        let process = desk.process();
        desk.somebody_is_told().await;
        process.stop().await;

        let shown = desk.get("/incidents/INC-000001").await;
        assert_eq!(told(&shown), ["level 1", "management"], "{shown}");
        assert!(shown["reached"].is_null(), "{shown}");
        let passed = texts(&shown, "escalation_decision");
        assert_eq!(passed.iter().filter(|text| text.contains("passed over")).count(), 2, "{shown}");
    });
}

#[test]
fn figures_are_sql_beside_their_targets_for_the_tenants_own_incidents() {
    Desk::visit(None, async |desk| {
        // Answered after 30 and 150 minutes; resolved after 1 and 60 hours, the second one on level 2; the third one is open.
        desk.post("/incidents", json!({"title": "first", "priority": "P3"})).await;
        desk.post("/incidents", json!({"title": "second", "priority": "P3"})).await;
        desk.pass_minutes(30);
        desk.post("/incidents/INC-000001/acknowledge", json!({})).await;
        desk.pass_minutes(30);
        desk.post("/incidents/INC-000001/resolve", json!({"text": "done", "satisfaction": 5})).await;
        desk.pass_minutes(90);
        desk.post("/incidents/INC-000002/escalate", json!({"to": "2", "reason": "complex"})).await;
        desk.pass_minutes(60 * 60 - 150);
        desk.post("/incidents/INC-000002/resolve", json!({"text": "done", "satisfaction": 2})).await;
        desk.post("/incidents", json!({"title": "third", "priority": "P4"})).await;
        desk.pass_minutes(1);

        let told = desk.get("/incidents/figures").await;

        assert_eq!(told["volume"], 3, "{told}");
        let share = 1.0 / 3.0;
        for (place, (name, value, is_met)) in [
            ("first_response_seconds", 5400.0, false),
            ("resolution_seconds_tier_1", 3600.0, true),
            ("resolution_seconds_tier_2", 216_000.0, false),
            ("satisfied_share", 0.5, false),
            ("escalated_share", share, false),
            ("resolved_share", 2.0 * share, false),
        ]
        .into_iter()
        .enumerate()
        {
            let figure = &told["figures"][place];
            assert_eq!((&figure["name"], &figure["is_met"]), (&json!(name), &json!(is_met)), "{figure}");
            assert!(figure["value"].as_f64().is_some_and(|found| (found - value).abs() < 1e-6), "{figure}");
        }
        assert_eq!(told["figures"][0]["target"], json!({"below": 3600.0}));
        let nothing = desk.get("/incidents/figures?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z").await;
        assert_eq!((&nothing["volume"], &nothing["figures"][3]["is_met"]), (&json!(0), &Value::Null));
        let average = "select avg(first_response_seconds) from alerting.incidents";
        assert_eq!(desk.sql("acme", average).await, [["5400.0"]]);
        let entries = "select count(*) from alerting.timeline where incident = 'INC-000002' and kind = 'escalated'";
        assert_eq!(desk.sql("acme", entries).await, [["1"]]);
        assert_eq!(desk.sql("globex", "select count(*) from alerting.incidents").await, [["0"]]);
    });
}

const POLICY: &str = "
levels:
  1:
    rotations:
      - {zone: Europe/Berlin, participants: [person-1, person-2], start: 2026-11-23, handover: 09:00, length: 1w}
people:
  person-1: {contacts: {email: person-1@example.org}}
  person-2: {}
";

#[test]
fn the_policy_of_the_tenants_file_says_who_is_on_call() {
    let files = tempfile::tempdir().expect("a directory");
    let tenant = files.path().join("tenants/acme");
    std::fs::create_dir_all(&tenant).expect("a directory");
    std::fs::write(tenant.join("escalation.yaml"), POLICY).expect("a file");
    Desk::visit(Some(files.path()), async |desk| {
        let on_call = async |at: &str| {
            let told = desk.get(&format!("/on-call?at={at}")).await;
            told["levels"][0]["people"][0]["id"].as_str().map(str::to_owned)
        };

        assert_eq!(on_call("2026-11-23T08:00:01Z").await.as_deref(), Some("person-1"));
        assert_eq!(on_call("2026-11-30T08:00:01Z").await.as_deref(), Some("person-2"));
        assert_eq!(on_call("2026-11-23T07:59:59Z").await, None);
        let policy = desk.get("/escalation").await;
        let policy = policy.as_str().expect("YAML");
        assert!(policy.contains("person-1@example.org") && policy.contains("response: 15m"), "{policy}");
        assert_eq!(desk.ask(Method::GET, "/on-call?at=noon", None).await.0, 400);
    });
}

#[test]
fn a_file_with_faults_leaves_what_held_before_and_says_where_they_are() {
    let files = tempfile::tempdir().expect("a directory");
    let tenant = files.path().join("tenants/acme");
    std::fs::create_dir_all(&tenant).expect("a directory");
    std::fs::write(tenant.join("escalation.yaml"), "levels:\n  1: {members: [person-1]}\n").expect("a file");
    Desk::visit(Some(files.path()), async |desk| {
        let policy = desk.get("/escalation").await;

        let policy = policy.as_str().expect("YAML");
        assert!(policy.starts_with("# not in force: line 2, column 17: 'person-1' is nobody"), "{policy}");
        assert!(policy.contains("response: 15m"), "the default holds");
    });
}

use std::collections::BTreeMap;
use std::time::Duration;

use plugin::hub::audit::AuditEntry;
use plugin::records::{PAGE_MAX, Records, Sequence};

use super::super::document::Status;
use super::super::timeline;
use super::*;
use crate::labels::Labels;
use crate::rule::{Condition, NoData, Severity};

const START: i64 = 1_795_392_000_000_000_000;
const MINUTE: i64 = 60_000_000_000;

fn rule(name: &str, incident: Option<Priority>) -> Rule {
    Rule {
        name: name.to_owned(),
        condition: Condition::Sql("select 1".to_owned()),
        severity: Severity::Critical,
        interval: Duration::from_secs(60),
        hold: Duration::ZERO,
        keep_firing: Duration::ZERO,
        offset: Duration::ZERO,
        no_data: NoData::Ok,
        group_by: Vec::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        channels: Vec::new(),
        runbook: None,
        incident,
        enabled: true,
    }
}

fn alert(rule: &Rule, service: &str, at: i64) -> Alert {
    let labels = Labels::from_iter([("service", service)]);
    Alert {
        rule: rule.name.clone(),
        state: AlertState::Firing,
        severity: rule.severity,
        fingerprint: format!("{:016x}", labels.fingerprint()),
        labels,
        annotations: BTreeMap::from([("summary".to_owned(), format!("{service} fails"))]),
        value: Some(0.25),
        traces: vec!["4bf92f3577b34da6a3ce929d0e0e4736".to_owned()],
        runbook: None,
        active_since: at,
        fired_at: Some(at),
        resolved_at: None,
        last_true: None,
        muted_by: Vec::new(),
        incident: None,
    }
}

struct Place {
    records: Records,
    audit: Trail,
    acme: Tenant,
}

impl Place {
    fn new() -> Self {
        let (records, acme) = (Records::in_memory().expect("records"), Tenant::new("acme").expect("a name"));
        Self { records, audit: Trail::new(plugin::hub::system_clock()), acme }
    }

    async fn changed(&self, rule: &Rule, alert: &Alert, change: Change) -> Alert {
        let tenant = &self.acme;
        let changed = self.records.transaction(|transaction| async move {
            let mut alert = alert.clone();
            alert_changed(&transaction, &self.audit, tenant, rule, &mut alert, change).await?;
            Ok::<_, Error>(alert)
        });
        changed.await.expect("the records answer")
    }

    async fn fires(&self, rule: &Rule, alert: &Alert) -> Alert {
        self.changed(rule, alert, Change::Fired).await
    }

    async fn is_over(&self, rule: &Rule, alert: &Alert, at: i64) {
        let over = Alert { state: AlertState::Resolved, resolved_at: Some(at), ..alert.clone() };
        self.changed(rule, &over, Change::Resolved).await;
    }

    async fn incident(&self, number: &str) -> Incident {
        let id = RecordId::new(number).expect("an id");
        let found = self.records.collection::<Incident>().get(&self.acme, &id).await.expect("an answer");
        found.expect("an incident").body
    }

    async fn kinds(&self, number: &str) -> Vec<EntryKind> {
        let (entries, _) = timeline::of(&self.records, &self.acme, number).await.expect("a timeline");
        entries.into_iter().map(|entry| entry.kind).collect()
    }
}

#[tokio::test]
async fn alerts_of_a_rule_are_one_incident_and_those_of_another_are_another() {
    let (place, errors, disk) = (Place::new(), rule("errors", Some(Priority::P1)), rule("disk", Some(Priority::P3)));

    let first = place.fires(&errors, &alert(&errors, "checkout", START)).await;
    let second = place.fires(&errors, &alert(&errors, "payments", START + MINUTE)).await;
    let other = place.fires(&disk, &alert(&disk, "checkout", START)).await;
    let none = place.fires(&rule("quiet", None), &alert(&errors, "checkout", START)).await;

    let numbers = [first, second, other, none].map(|alert| alert.incident);
    let number = |number: &str| Some(number.to_owned());
    assert_eq!(numbers, [number("INC-000001"), number("INC-000001"), number("INC-000002"), None]);
    let incident = place.incident("INC-000001").await;
    assert_eq!(
        (incident.title.as_str(), incident.priority, incident.due),
        ("checkout fails", Priority::P1, Some(START))
    );
    assert_eq!((incident.alerts.len(), incident.services), (2, vec!["checkout".to_owned(), "payments".to_owned()]));
    assert_eq!(incident.links[0].url, "/api/v1/apm/traces/4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(incident.opened_by, "rule/errors");
}

#[tokio::test]
async fn an_alert_opens_an_incident_when_it_is_muted_no_more() {
    let (place, errors) = (Place::new(), rule("errors", Some(Priority::P1)));
    let muted = Alert { muted_by: vec!["maintenance".to_owned()], ..alert(&errors, "checkout", START) };

    assert_eq!(place.fires(&errors, &muted).await.incident, None);
    assert_eq!(place.changed(&errors, &muted, Change::Noted).await.incident, None);
    let heard = Alert { muted_by: Vec::new(), ..muted };
    let heard = place.changed(&errors, &heard, Change::Noted).await;
    place.changed(&errors, &heard, Change::Noted).await;

    assert_eq!(heard.incident.as_deref(), Some("INC-000001"));
    assert!(place.incident("INC-000001").await.opened_at != START, "its time begins now");
    assert_eq!(place.kinds("INC-000001").await, [EntryKind::Opened, EntryKind::AlertFiring]);
}

#[tokio::test]
async fn the_end_of_the_last_alert_is_noted_and_people_end_the_incident() {
    let (place, errors) = (Place::new(), rule("errors", Some(Priority::P1)));
    let checkout = place.fires(&errors, &alert(&errors, "checkout", START)).await;
    let payments = place.fires(&errors, &alert(&errors, "payments", START)).await;

    place.is_over(&errors, &checkout, START + MINUTE).await;
    assert_eq!(place.incident("INC-000001").await.quiet_at, None);
    place.is_over(&errors, &payments, START + 2 * MINUTE).await;

    let incident = place.incident("INC-000001").await;
    assert_eq!((incident.status, incident.quiet_at), (Status::Open, Some(START + 2 * MINUTE)));
    use EntryKind::{AlertFiring, AlertResolved, Opened, Quiet};
    let expected = [Opened, AlertFiring, AlertFiring, AlertResolved, AlertResolved, Quiet];
    assert_eq!(place.kinds("INC-000001").await, expected);
}

#[tokio::test]
async fn the_timeline_says_of_an_alert_what_it_says_to_people() {
    let (place, errors) = (Place::new(), rule("errors", Some(Priority::P1)));
    let checkout = place.fires(&errors, &alert(&errors, "checkout", START)).await;
    let mut payments = alert(&errors, "payments", START);
    payments.annotations.clear();
    place.fires(&errors, &payments).await;
    place.is_over(&errors, &checkout, START + MINUTE).await;

    let (entries, _) = timeline::of(&place.records, &place.acme, "INC-000001").await.expect("a timeline");

    let texts: Vec<_> = entries.iter().map(|entry| entry.text.as_str()).collect();
    let firing = ["service=checkout: checkout fails", "service=payments: value 0.25"];
    assert_eq!(texts, ["P1: checkout fails", firing[0], firing[1], "service=checkout"]);
}

#[tokio::test]
async fn an_alert_that_fires_again_joins_while_the_incident_is_open_and_opens_another_after_it() {
    let (place, errors) = (Place::new(), rule("errors", Some(Priority::P2)));
    let first = place.fires(&errors, &alert(&errors, "checkout", START)).await;
    place.is_over(&errors, &first, START + MINUTE).await;

    let again = place.fires(&errors, &alert(&errors, "checkout", START + 2 * MINUTE)).await;
    let mut incident = place.incident("INC-000001").await;
    assert_eq!((again.incident.as_deref(), incident.quiet_at, incident.alerts.len()), (Some("INC-000001"), None, 1));
    incident.resolve(START + 3 * MINUTE);
    let id = RecordId::new("INC-000001").expect("an id");
    place.records.collection().put(&place.acme, &id, &incident, Expected::Any).await.expect("it is put");
    let later = place.fires(&errors, &alert(&errors, "checkout", START + 4 * MINUTE)).await;

    assert_eq!(later.incident.as_deref(), Some("INC-000002"));
}

#[tokio::test]
async fn an_alert_that_comes_and_goes_all_the_time_does_not_fill_the_timeline() {
    let (place, errors) = (Place::new(), rule("errors", Some(Priority::P2)));
    let first = place.fires(&errors, &alert(&errors, "checkout", START)).await;
    let mut incident = place.incident("INC-000001").await;
    incident.entries = ALERT_ENTRIES_MAX;
    let id = RecordId::new("INC-000001").expect("an id");
    place.records.collection().put(&place.acme, &id, &incident, Expected::Any).await.expect("it is put");

    place.fires(&errors, &first).await;

    assert_eq!(place.incident("INC-000001").await.unlisted, 1);
    assert_eq!(place.kinds("INC-000001").await.len(), 2, "as before");
}

#[test]
fn alerts_beyond_those_that_are_listed_are_counted_until_they_are_over() {
    use super::super::document::ALERTS_MAX;
    let opening = Opening {
        title: "many".to_owned(),
        priority: Priority::P4,
        opened_by: "rule/many".to_owned(),
        rule: None,
        services: Vec::new(),
        links: Vec::new(),
    };
    let mut incident = Incident::open(1, START, opening);
    let fingerprints: Vec<String> = (0..ALERTS_MAX + 2).map(|number| format!("{number:016x}")).collect();

    fingerprints.iter().for_each(|fingerprint| incident.join(fingerprint));
    assert_eq!((incident.alerts.len(), incident.more_alerts, incident.more_firing), (ALERTS_MAX, 2, 2));
    let ends = fingerprints.iter().filter(|fingerprint| incident.leave(fingerprint, START)).count();

    assert_eq!((ends, incident.more_firing), (1, 0));
}

#[tokio::test]
async fn that_the_server_opens_an_incident_is_in_the_audit_trail_once() {
    let (place, rule) = (Place::new(), rule("Errors", Some(Priority::P2)));

    for service in ["cart", "checkout"] {
        place.fires(&rule, &alert(&rule, service, START)).await;
    }

    let trail = place.records.log::<AuditEntry>().read(&place.acme, Sequence(0), PAGE_MAX).await.expect("a trail");
    let told: Vec<_> = trail.iter().map(|entry| (entry.body.who.as_str(), entry.body.action.as_str())).collect();
    assert_eq!(told, [("server", "incident.opened")]);
}

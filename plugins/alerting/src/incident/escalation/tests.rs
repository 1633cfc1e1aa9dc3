use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use plugin::hub::audit::Trail;
use plugin::model::{Tenant, Timestamp};
use plugin::records::{Expected, RecordId, Records};

use super::super::document::{Opening, Reached};
use super::super::policy::read;
use super::super::timeline::{self, Entry};
use super::super::{Incidents, Policies};
use super::worker::{PLACES_PER_TENANT_MAX, Worker};
use super::*;
use crate::rule::Priority;

const MINUTE: i64 = 60_000_000_000;
const HOUR: i64 = 60 * MINUTE;
const START: i64 = 1_795_392_000_000_000_000;

fn opened(priority: Priority) -> Incident {
    let opening = Opening {
        title: "checkout is down".to_owned(),
        priority,
        opened_by: "person/1".to_owned(),
        rule: None,
        services: vec!["checkout".to_owned()],
        links: Vec::new(),
    };
    Incident::open(1, START, opening)
}

fn receivers(advance: &Advance) -> BTreeSet<(&str, Option<&str>)> {
    advance.orders.iter().map(|order| (order.channel.as_str(), order.to.as_deref())).collect()
}

#[test]
fn without_people_the_channels_of_the_priority_have_receivers_of_their_own_each_once() {
    let advance = advance(&Policy::default(), &opened(Priority::P1), START);

    let expected = ["SMS", "Email", "Slack", "PagerDuty"].map(|channel| (channel, None));
    assert_eq!(receivers(&advance), BTreeSet::from(expected));
    assert_eq!(advance.orders.len(), 4, "three levels, and each channel once");
    assert_eq!((advance.incident.level, advance.incident.escalations, advance.incident.tier), (Level::Three, 1, 2));
    let Incident { response_target_seconds, resolution_target_seconds, .. } = advance.incident;
    assert_eq!((response_target_seconds, resolution_target_seconds), (Some(900.0), Some(14_400.0)));
    assert_eq!(advance.incident.told, [Level::One, Level::Three, Level::Management]);
    assert_eq!(advance.events, ["alerting.incident.escalated", "alerting.incident.told"]);
}

#[test]
fn people_on_call_are_told_where_the_channel_reaches_them() {
    let policy = "
levels:
  1: {members: [person-1, person-2]}
people:
  person-1: {contacts: {email: person-1@example.org}}
  person-2: {contacts: {email: person-2@example.org, slack: '#two'}}
";
    let policy = read(policy).unwrap_or_else(|faults| panic!("{faults:?}"));

    let advance = advance(&policy, &opened(Priority::P2), START);

    let expected =
        [("Email", Some("person-1@example.org")), ("Email", Some("person-2@example.org")), ("Slack", Some("#two"))];
    assert_eq!(receivers(&advance), BTreeSet::from(expected));
    let item = &advance.orders[0].item;
    assert_eq!(item.title, "INC-000001 (P2) is open: checkout is down");
    assert_eq!((item.kind, item.subject.as_str()), (ItemKind::IncidentOpened, "incident/INC-000001"));
}

#[test]
fn who_was_told_is_told_of_the_end_once() {
    let policy = Policy::default();
    let mut incident = advance(&policy, &opened(Priority::P3), START).incident;
    incident.resolve(START + HOUR);

    let end = advance(&policy, &incident, START + HOUR);

    let kinds: Vec<ItemKind> = end.orders.iter().map(|order| order.item.kind).collect();
    assert_eq!((kinds, end.incident.due), (vec![ItemKind::IncidentResolved], None));
    assert!(advance(&policy, &end.incident, START + 2 * HOUR).orders.is_empty());
}

#[test]
fn who_was_told_when_it_was_urgent_is_told_of_the_end_when_it_is_not() {
    let policy = Policy::default();
    let mut incident = advance(&policy, &opened(Priority::P1), START).incident;
    incident.set_priority(Priority::P3, START + HOUR);
    let mut incident = advance(&policy, &incident, START + HOUR).incident;
    incident.resolve(START + HOUR + MINUTE);

    let end = advance(&policy, &incident, START + HOUR + MINUTE);

    let expected = ["SMS", "Email", "Slack", "PagerDuty"].map(|channel| (channel, None));
    assert_eq!(receivers(&end), BTreeSet::from(expected));
    assert!(end.orders.iter().all(|order| order.item.kind == ItemKind::IncidentResolved));
}

#[test]
fn who_was_told_is_told_of_the_end_whoever_is_on_call_by_then() {
    let policy = "
levels:
  1:
    rotations:
      - {zone: Europe/Berlin, participants: [person-1, person-2], start: 2026-11-16, handover: 09:00, length: 1w}
people:
  person-1: {contacts: {email: person-1@example.org}}
  person-2: {contacts: {email: person-2@example.org}}
";
    let policy = read(policy).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut incident = advance(&policy, &opened(Priority::P4), START).incident;
    let end = START + 10 * HOUR;
    incident.resolve(end);
    let mut of_before = incident.clone();
    of_before.reached.clear();

    let ended = advance(&policy, &incident, end);
    let ended_of_before = advance(&policy, &of_before, end);

    assert_eq!(receivers(&ended), BTreeSet::from([("Email", Some("person-1@example.org"))]));
    let noted = format!("{:?}", ended.entries);
    assert!(noted.contains("level 1: person-1 by Email"), "{noted}");
    assert_eq!(receivers(&ended_of_before), BTreeSet::from([("Email", Some("person-2@example.org"))]));
}

#[test]
fn of_those_who_were_told_an_incident_keeps_each_once_and_not_too_many() {
    let mut incident = opened(Priority::P1);
    let reached = |number: usize| Reached {
        level: Level::One,
        channel: "Email".to_owned(),
        person: Some(format!("person-{number}")),
    };

    let left_out = incident.reach((0..REACHED_MAX + 5).chain(0..10).map(reached).collect());

    assert_eq!((incident.reached.len(), left_out), (REACHED_MAX, 5));
}

#[test]
fn an_incident_that_is_quiet_ends_by_itself_only_where_the_policy_says_so() {
    let mut incident = opened(Priority::P3);
    incident.join("a");
    assert!(incident.leave("a", START + HOUR));

    let stays = advance(&Policy::default(), &incident, START + HOUR);
    let policy = read("auto_resolve: true").expect("a policy");
    let ends = advance(&policy, &incident, START + HOUR);

    assert!(stays.incident.is_active && !ends.incident.is_active);
    assert_eq!((ends.incident.resolved_at, ends.incident.resolution_seconds), (Some(START + HOUR), Some(3600.0)));
    assert!(ends.orders.is_empty(), "nobody was told that it began");
}

/// Two processes over the same records, whose clock stands where it is put.
struct Processes {
    records: Records,
    now: Arc<AtomicI64>,
    acme: Tenant,
}

impl Processes {
    async fn with(incident: &Incident) -> Self {
        let (records, acme) = (Records::in_memory().expect("records"), Tenant::new("acme").expect("a name"));
        let id = RecordId::new(incident.number.as_str()).expect("an id");
        records.collection().put(&acme, &id, incident, Expected::Absent).await.expect("it is put");
        Self { records, now: Arc::new(AtomicI64::new(START)), acme }
    }

    fn process(&self) -> Incidents {
        self.process_with(Policies::new(None))
    }

    fn process_with(&self, policies: Policies) -> Incidents {
        let now = Arc::clone(&self.now);
        let clock = Arc::new(move || Timestamp(now.load(Ordering::SeqCst)));
        let audit = Trail::new(plugin::hub::system_clock());
        Incidents::new(self.records.clone(), audit, Arc::new(policies), clock)
    }

    async fn incident(&self) -> Incident {
        let id = RecordId::new("INC-000001").expect("an id");
        let found = self.records.collection::<Incident>().get(&self.acme, &id).await.expect("an answer");
        found.expect("an incident").body
    }

    async fn told(&self) -> Vec<Entry> {
        self.told_of(&self.acme).await
    }

    async fn told_of(&self, tenant: &Tenant) -> Vec<Entry> {
        let (entries, _) = timeline::of(&self.records, tenant, "INC-000001").await.expect("a timeline");
        entries.into_iter().filter(|entry| entry.kind == EntryKind::Told).collect()
    }
}

/// Takes all that is due; gives how many incidents had some.
async fn escalate_due(process: &Incidents) -> usize {
    let mut worker = Worker::new(process.clone(), Arc::default());
    worker.look().await.expect("the records answer");
    worker.idle().await
}

#[tokio::test]
async fn several_processes_take_each_step_once() {
    let processes = Processes::with(&opened(Priority::P2)).await;
    let workers: Vec<Incidents> = (0..4).map(|_| processes.process()).collect();

    for minute in [0, 59, 60, 61, 120, 179, 180, 240] {
        processes.now.store(START + minute * MINUTE, Ordering::SeqCst);
        futures::future::join_all(workers.iter().map(escalate_due)).await;
    }

    let told: Vec<String> = processes.told().await.into_iter().map(|entry| entry.text).collect();
    let levels: Vec<&str> = told.iter().filter_map(|text| text.split(':').next()).collect();
    assert_eq!(levels, ["level 1", "level 2", "level 3", "management"], "{told:?}");
    let incident = processes.incident().await;
    assert_eq!((incident.steps.len(), incident.due), (5, None));
}

#[tokio::test]
async fn after_a_pause_one_step_is_told_and_the_others_are_noted() {
    let processes = Processes::with(&opened(Priority::P2)).await;
    let worker = processes.process();
    escalate_due(&worker).await;
    processes.now.store(START + 50 * HOUR, Ordering::SeqCst);

    assert_eq!(escalate_due(&worker).await, 1);
    assert_eq!(escalate_due(&worker).await, 0, "nothing is left");

    let told = processes.told().await;
    assert_eq!(told.len(), 2, "the opening before the pause, the highest after it: {told:?}");
    assert!(told[1].text.starts_with("management: "), "{told:?}");
    let (entries, _) = timeline::of(&processes.records, &processes.acme, "INC-000001").await.expect("a timeline");
    assert_eq!(entries.iter().filter(|entry| entry.text.contains("passed over")).count(), 2, "{entries:?}");
}

#[tokio::test]
async fn what_people_do_meanwhile_is_not_overwritten() {
    let processes = Processes::with(&opened(Priority::P2)).await;
    let worker = processes.process();
    let claims = processes.records.collection::<Incident>();
    let claim = claims.claim(Timestamp(START), std::time::Duration::from_secs(30), 1).await.expect("claims").remove(0);
    let mut acknowledged = claim.record.body.clone();
    acknowledged.acknowledge(START + 1);
    let expected = Expected::Version(claim.record.version);
    claims.put(&processes.acme, &claim.record.id, &acknowledged, expected).await.expect("it is put");

    assert!(!worker.advance(&claim).await.expect("somebody was faster"));
    processes.now.store(START + 2 * HOUR, Ordering::SeqCst);
    assert_eq!(escalate_due(&worker).await, 1);

    let incident = processes.incident().await;
    assert_eq!((incident.acknowledged_at, incident.level), (Some(START + 1), Level::One));
    assert_eq!(processes.told().await.len(), 1, "only the opening");
}

/// The policy of `acme` as a pipe: whoever reads it waits for somebody who writes.
fn pipe_of_acme(folder: &Path) -> PathBuf {
    let of_acme = folder.join("tenants/acme");
    std::fs::create_dir_all(&of_acme).expect("a folder of ours");
    let pipe = of_acme.join("escalation.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()), "there is a pipe");
    pipe
}

/// Lets who waits for the pipe read that it is empty; nobody waits for it again.
async fn fill(pipe: PathBuf) {
    let filled = tokio::task::spawn_blocking(move || {
        let opened = std::fs::OpenOptions::new().write(true).open(&pipe);
        std::fs::remove_file(&pipe).map(|()| opened)
    });
    drop(filled.await.expect("it is opened").expect("it is removed").expect("a pipe"));
}

#[tokio::test]
async fn a_tenant_whose_policy_does_not_come_holds_up_no_other() {
    let (processes, globex) = (Processes::with(&opened(Priority::P2)).await, Tenant::new("globex").expect("a name"));
    let id = RecordId::new("INC-000001").expect("an id");
    processes.records.collection().put(&globex, &id, &opened(Priority::P2), Expected::Absent).await.expect("it is put");
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = pipe_of_acme(folder.path());
    let process = processes.process_with(Policies::new(Some(folder.path().to_owned())));
    let mut worker = Worker::new(process, Arc::default());

    assert_eq!(worker.look().await.expect("the records answer"), 2);
    let first = worker.turns.join_next().await.expect("a turn").expect("it ends well");

    let told = (processes.told_of(&globex).await.len(), processes.told().await.len());
    assert_eq!((first, told), (1, (1, 0)));
    fill(pipe).await;
    assert_eq!((worker.idle().await, processes.told().await.len()), (1, 1));
}

#[tokio::test]
async fn one_tenant_does_not_take_all_places_and_what_had_none_comes_soon_after() {
    let (processes, globex) = (Processes::with(&opened(Priority::P2)).await, Tenant::new("globex").expect("a name"));
    let incidents = processes.records.collection::<Incident>();
    for number in 2..=3 * PLACES_PER_TENANT_MAX {
        let id = RecordId::new(format!("INC-{number:06}")).expect("an id");
        let incident = Incident { number: id.to_string(), due: Some(START - 1), ..opened(Priority::P2) };
        incidents.put(&processes.acme, &id, &incident, Expected::Absent).await.expect("it is put");
    }
    let id = RecordId::new("INC-000001").expect("an id");
    incidents.put(&globex, &id, &opened(Priority::P2), Expected::Absent).await.expect("it is put");
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = pipe_of_acme(folder.path());
    let mut worker = Worker::new(processes.process_with(Policies::new(Some(folder.path().to_owned()))), Arc::default());

    assert_eq!(worker.look().await.expect("the records answer"), PLACES_PER_TENANT_MAX + 1);
    let first = worker.turns.join_next().await.expect("a turn").expect("it ends well");

    assert_eq!((first, processes.told_of(&globex).await.len()), (1, 1));
    fill(pipe).await;
    assert_eq!(worker.idle().await, PLACES_PER_TENANT_MAX);
    for _ in 0..2 {
        processes.now.fetch_add(MINUTE / 20, Ordering::SeqCst);
        assert_eq!(worker.look().await.expect("the records answer"), PLACES_PER_TENANT_MAX);
        assert_eq!(worker.idle().await, PLACES_PER_TENANT_MAX);
    }
}

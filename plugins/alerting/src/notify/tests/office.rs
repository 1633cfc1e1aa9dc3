//! Records in memory, a clock that a test moves, and alerts that fire when it says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use plugin::hub::audit::{AuditEntry, Trail};
use plugin::hub::outgoing::{self, Outgoing};
use plugin::hub::sealing::Keyring;
use plugin::hub::{self, Access, Asking, Hub, Origin, Parts, Secret, system_clock};
use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Expected, List, PAGE_MAX, RecordId, Records, Sequence, Transaction};
use serde_json::Value;
use tokio::sync::OnceCell;
use tower::ServiceExt;

use crate::alert::{Alert, AlertState, Change};
use crate::labels::Labels;
use crate::notify::deliver::Courier;
use crate::notify::desk::Desk;
use crate::notify::notification::Notification;
use crate::notify::{self, Teller, apply, file};
use crate::rule::{Condition, NoData, Rule, Severity};

pub(super) const SECOND: i64 = 1_000_000_000;
/// 2026-11-24T10:00:00Z, a Tuesday.
pub(super) const BEGIN: i64 = 1_795_514_400 * SECOND;

/// What a test of notifications has.
pub(super) struct Office {
    pub(super) desk: Desk,
    pub(super) acme: Tenant,
    pub(super) folder: tempfile::TempDir,
    time: Arc<AtomicI64>,
    access: OnceCell<Arc<Access>>,
}

impl Office {
    /// One that may call this machine.
    pub(super) fn open() -> Self {
        let allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
        Self::with(&outgoing::Config { allow_networks, ..outgoing::Config::default() })
    }

    pub(super) fn with(outgoing: &outgoing::Config) -> Self {
        let time = Arc::new(AtomicI64::new(BEGIN));
        let clock = Arc::clone(&time);
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let desk = Desk {
            records: Records::in_memory().expect("records"),
            audit: Trail::new(system_clock()),
            outgoing: Arc::new(Outgoing::new(outgoing).expect("a client")),
            keyring: Arc::new(Keyring::new(key).expect("a key")),
            clock: Arc::new(move || Timestamp(clock.load(Ordering::Relaxed))),
            counters: Arc::default(),
            nowhere: Arc::default(),
        };
        let folder = tempfile::tempdir().expect("a folder");
        Self { desk, acme: Tenant::new("acme").expect("a name"), folder, time, access: OnceCell::new() }
    }

    pub(super) fn now(&self) -> i64 {
        self.desk.now().0
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.time.fetch_add(seconds * SECOND, Ordering::Relaxed);
    }

    /// A file with a secret, to be named in `notifications.yaml`.
    pub(super) fn secret(&self, secret: &str) -> String {
        let path = self.folder.path().join(uuid::Uuid::new_v4().to_string());
        std::fs::write(&path, format!("{secret}\n")).expect("a folder of ours");
        path.display().to_string()
    }

    /// Lets `notifications.yaml` say this.
    pub(super) async fn settle(&self, yaml: &str) {
        let read = file::read(yaml).unwrap_or_else(|faults| panic!("{faults:?}\n{yaml}"));
        apply(&self.desk.records, &self.acme, &read, self.desk.now()).await.expect("it is written");
    }

    /// An alert fires, as if a rule had found it.
    pub(super) async fn fire(&self, rule: &Rule, service: &str) -> Alert {
        let mut alert = self.firing(rule, service);
        self.change(rule, &mut alert, Change::Fired).await;
        alert
    }

    /// Alerts fire in one transaction, as what one evaluation has found.
    pub(super) async fn fire_together(&self, fired: &[(&Rule, &str)]) -> Vec<Alert> {
        let written = self.desk.records.transaction(|transaction| async move {
            let (mut teller, mut told) = (self.teller(&transaction), Vec::new());
            for (rule, service) in fired {
                let mut alert = self.firing(rule, service);
                teller.alert_changed(rule, &mut alert, Change::Fired).await?;
                transaction.collection().put(&self.acme, &id(&alert), &alert, Expected::Any).await?;
                told.push(alert);
            }
            teller.write().await?;
            Ok::<_, Error>(told)
        });
        written.await.expect("it is written")
    }

    fn teller<'a>(&'a self, transaction: &'a Transaction) -> Teller<'a> {
        Teller::new(transaction, &self.acme, &self.desk.nowhere)
    }

    fn firing(&self, rule: &Rule, service: &str) -> Alert {
        let labels = Labels::from_iter([("service", service)]);
        Alert {
            rule: rule.name.clone(),
            state: AlertState::Firing,
            severity: rule.severity,
            fingerprint: format!("{:016x}", labels.fingerprint()),
            labels,
            annotations: [("summary".to_owned(), format!("{service} is <bad> & slow"))].into(),
            value: Some(0.5),
            traces: vec!["4bf92f3577b34da6a3ce929d0e0e4736".to_owned()],
            runbook: Some("https://example.org/runbook".to_owned()),
            active_since: self.now(),
            fired_at: Some(self.now()),
            resolved_at: None,
            last_true: None,
            muted_by: Vec::new(),
            incident: None,
        }
    }

    pub(super) async fn resolve(&self, rule: &Rule, alert: &Alert) {
        let mut alert = Alert { state: AlertState::Resolved, resolved_at: Some(self.now()), ..alert.clone() };
        self.change(rule, &mut alert, Change::Resolved).await;
    }

    async fn change(&self, rule: &Rule, alert: &mut Alert, change: Change) {
        let (id, before) = (&id(alert), &*alert);
        let written = self.desk.records.transaction(|transaction| async move {
            let mut alert = before.clone();
            let mut teller = self.teller(&transaction);
            teller.alert_changed(rule, &mut alert, change).await?;
            teller.write().await?;
            transaction.collection().put(&self.acme, id, &alert, Expected::Any).await?;
            Ok::<_, Error>(alert)
        });
        *alert = written.await.expect("it is written");
    }

    pub(super) async fn sweep(&self) {
        notify::telling::sweep(&self.desk).await.expect("a sweep");
    }

    /// Sends what is due, and waits for the answers; gives how many were begun.
    pub(super) async fn round(&self) -> usize {
        let mut courier = Courier::new(self.desk.clone());
        let begun = courier.round().await.expect("a round");
        courier.idle().await;
        begun
    }

    /// All notifications, the oldest first.
    pub(super) async fn notifications(&self) -> Vec<Notification> {
        let list = List::all().limit(1000);
        let page = self.desk.records.collection::<Notification>().list(&self.acme, &list).await.expect("a page");
        page.records.into_iter().map(|record| record.body).collect()
    }

    /// How often each notification was written, the oldest first.
    pub(super) async fn versions(&self) -> Vec<u64> {
        let list = List::all().limit(1000);
        let page = self.desk.records.collection::<Notification>().list(&self.acme, &list).await.expect("a page");
        page.records.into_iter().map(|record| record.version).collect()
    }

    /// The only notification.
    pub(super) async fn notification(&self) -> Notification {
        let mut all = self.notifications().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    pub(super) async fn alerts(&self, rule: &str) -> Vec<Alert> {
        let page = self.desk.records.collection::<Alert>().list(&self.acme, &List::all().equal("rule", rule)).await;
        page.expect("a page").records.into_iter().map(|record| record.body).collect()
    }

    /// A program of the tenant's.
    async fn asking(&self, tenant: &Tenant) -> Asking {
        let access = self.access.get_or_init(access).await;
        let key = HeaderValue::from_str(&format!("Bearer {}", key(tenant.as_str()))).expect("letters");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, key)]);
        Asking::new(access.caller(&Method::GET, &headers, None).expect("a caller"), Origin::default())
    }

    /// What the tenant's audit trail says was done, and with what.
    pub(super) async fn audited(&self) -> Vec<(String, String)> {
        let trail = self.desk.records.log::<AuditEntry>().read(&self.acme, Sequence(0), PAGE_MAX).await;
        trail.expect("a trail").into_iter().map(|entry| (entry.body.action, entry.body.details)).collect()
    }

    /// Status and answer of a route.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.ask_as(&self.acme, method, path, body).await
    }

    pub(super) async fn ask_as(&self, tenant: &Tenant, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (routes, _) = notify::routes().with_state(self.desk.clone()).split_for_parts();
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let routes = routes.layer(Extension(tenant.clone())).layer(Extension(self.asking(tenant).await));
        let response = routes.oneshot(request).await.expect("routes always answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let told = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or(Value::Null) };
        (status, told)
    }
}

fn id(alert: &Alert) -> RecordId {
    RecordId::new(format!("{}/{}", alert.rule, alert.fingerprint)).expect("an id")
}

/// Of `acme` and `globex`, which have a key each; the hub has records of its own.
async fn access() -> Arc<Access> {
    let configured = |name| (Tenant::new(name).expect("a name"), Secret::new(key(name)));
    let parts = Parts {
        records: Records::in_memory().expect("records"),
        ring: Arc::new(Keyring::new(&"0123456789abcdef".repeat(4)).expect("a key")),
        outgoing: Outgoing::new(&outgoing::Config::default()).expect("a client"),
        configured_keys: ["acme", "globex"].map(configured).into(),
        issuers: Vec::new(),
        clock: system_clock(),
    };
    Hub::open(hub::Config::default(), parts).await.expect("a hub").0.access()
}

fn key(tenant: &str) -> String {
    format!("{tenant:0>32}")
}

/// A rule that names channels.
pub(super) fn rule(name: &str, severity: Severity, channels: &[&str]) -> Rule {
    Rule {
        name: name.to_owned(),
        condition: Condition::Sql(String::new()),
        severity,
        interval: Duration::from_secs(60),
        hold: Duration::ZERO,
        keep_firing: Duration::ZERO,
        offset: Duration::ZERO,
        no_data: NoData::Ok,
        group_by: Vec::new(),
        labels: [].into(),
        annotations: [].into(),
        channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
        runbook: None,
        incident: None,
        enabled: true,
    }
}

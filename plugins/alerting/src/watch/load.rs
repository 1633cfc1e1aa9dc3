//! Brings what is watched up to date with the records.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use plugin::model::Tenant;
use plugin::records::{Error, Expected, List};

use super::change::{BATCH, is_passing};
use super::{Due, Kept, MADE_UP_MAX, OfTenant, PAUSE_MIN, Watch, Watched};
use crate::alert::{Alert, Change};
use crate::pages::{all_of, everywhere};
use crate::rule::{Condition, NoData, Rule, Severity};
use crate::rule_book::RuleBook;
use crate::state;
use crate::stored::{Pause, Progress, Revision, RuleHealth, StoredRule, rule_id, the_only};
use crate::{files, notify};

impl Watch<'_> {
    /// Puts what the directory says in the place of what it said before.
    pub(super) async fn read_files(&mut self) -> Result<(), Error> {
        let Some(directory) = self.config.directory.clone() else { return Ok(()) };
        let read =
            tokio::task::spawn_blocking(move || files::Directory::read(&directory).map_err(|cause| (directory, cause)))
                .await;
        let texts = match read.expect("reading files does not panic") {
            Ok(texts) => texts,
            Err((directory, cause)) => {
                let cause = cause.to_string();
                if self.unreadable.as_ref() != Some(&cause) {
                    tracing::error!(directory = %directory.display(), cause, "the alerting directory cannot be read; rules stay as they were");
                    self.unreadable = Some(cause);
                }
                return Ok(());
            }
        };
        self.unreadable = None;
        let (records, audit) = (&self.context.records, &self.context.audit);
        self.seen.put(&RuleBook { records, audit, rules_max: self.config.rules_max }, texts).await
    }

    /// Reads the rules of every tenant whose rules were changed since they were read.
    pub(super) async fn load(&mut self, now: i64) -> Result<(), Error> {
        let revisions = everywhere(&self.context.records.collection::<Revision>()).await?;
        for revision in revisions {
            let known = self.tenants.get(&revision.tenant).map(|of| of.revision);
            if known != Some(revision.body.number) {
                match self.load_tenant(&revision.tenant, revision.body.number, now).await {
                    Err(cause) if is_passing(&cause) => return Err(cause),
                    // What one tenant has must not stop the rules of the others.
                    Err(cause) => {
                        tracing::error!(tenant = revision.tenant.as_str(), %cause, "the rules of a tenant cannot be read");
                    }
                    Ok(()) => {}
                }
            }
        }
        Ok(())
    }

    async fn load_tenant(&mut self, tenant: &Tenant, revision: u64, now: i64) -> Result<(), Error> {
        let records = &self.context.records;
        let stored = all_of(&records.collection::<StoredRule>(), tenant, &List::all()).await?;
        let failing = List::all().equal("is_failing", true);
        let failing = all_of(&records.collection::<RuleHealth>(), tenant, &failing).await?;
        let failing: BTreeMap<String, Option<String>> =
            failing.into_iter().map(|health| (health.body.rule, health.body.error)).collect();
        let (mut rules, mut unreadable) = (BTreeMap::new(), Vec::new());
        for record in &stored {
            match record.body.rule() {
                Ok(rule) if rule.enabled => drop(rules.insert(rule.name.clone(), rule)),
                Ok(_) => {}
                // Its alerts stay as they are: nobody knows whether they are over.
                Err(faults) if record.body.enabled => {
                    let name = &record.body.name;
                    tracing::error!(tenant = tenant.as_str(), rule = name, ?faults, "a stored rule cannot be read");
                    rules.insert(name.clone(), Arc::new(gone(name, record.body.severity)));
                    unreadable.push((name.clone(), faults.first().map(ToString::to_string)));
                }
                Err(_) => {}
            }
        }
        let is_new = !self.tenants.contains_key(tenant);
        let mut alerts = BTreeMap::new();
        if is_new {
            let written = self.progress_before(tenant, &rules, now).await?;
            alerts = self.active_alerts(tenant).await?;
            self.tenants.insert(tenant.clone(), OfTenant { made_up_until: now, written, ..OfTenant::default() });
        }
        let of_tenant = self.tenants.get_mut(tenant).expect("it was put there");
        of_tenant.revision = revision;
        // A rule that is new begins now.
        let before = if is_new { of_tenant.written.clone() } else { Progress::default() };
        let begin = |rule: &Rule| before.begin(rule, now);
        let mut changes = Vec::new();
        for (name, watched) in &of_tenant.rules {
            let active: Vec<Alert> = watched.alerts.iter().map(|kept| kept.alert.clone()).collect();
            let of_rule = match rules.get(name) {
                Some(rule) => state::rule_changed(&watched.rule, rule, &active),
                None => state::rule_ended(&active, now),
            };
            changes.extend(of_rule.into_iter().map(|(alert, change)| (Arc::clone(&watched.rule), alert, change)));
        }
        of_tenant.replace(rules, begin, &mut alerts, &failing);
        for (name, error) in &unreadable {
            if let Some(watched) = of_tenant.rules.get_mut(name) {
                watched.error.clone_from(error);
            }
        }
        for orphan in alerts.into_values().flatten() {
            of_tenant.adopt(orphan, now, &mut changes);
        }
        for lane in super::Lane::ALL {
            let of_lane = changes.iter().filter(|(rule, _, _)| super::Lane::of(rule) == lane).cloned().collect();
            self.write_changes(tenant, lane, of_lane, now).await?;
        }
        unreadable.retain(|(name, _)| !failing.contains_key(name));
        self.write_health(tenant, &unreadable, now).await?;
        let of_tenant = self.tenants.get_mut(tenant).expect("it was put there");
        // Rules that are gone were kept until their alerts were over.
        let enabled = stored.iter().filter(|record| record.body.enabled);
        let enabled: HashSet<&str> = enabled.map(|record| record.body.name.as_str()).collect();
        of_tenant.rules.retain(|name, _| enabled.contains(name.as_str()));
        Ok(())
    }

    /// How far the tenant's rules were evaluated by who watched before; notes a pause.
    async fn progress_before(
        &self,
        tenant: &Tenant,
        rules: &BTreeMap<String, Arc<Rule>>,
        now: i64,
    ) -> Result<Progress, Error> {
        let stored = self.context.records.collection::<Progress>().get(tenant, &the_only()).await?;
        let progress = stored.map(|stored| stored.body).unwrap_or_default();
        let Some(from) = progress.missed_since(rules.values(), now) else { return Ok(progress) };
        let gap = now.saturating_sub(from);
        if gap >= nanoseconds(PAUSE_MIN) {
            let made_up_from = from.max(now.saturating_sub(nanoseconds(MADE_UP_MAX)));
            let pause = Pause { from, until: now, made_up_from };
            self.context.records.log::<Pause>().append(tenant, &pause).await?;
            tracing::warn!(
                tenant = tenant.as_str(),
                seconds = gap / 1_000_000_000,
                made_up_seconds = (now - made_up_from) / 1_000_000_000,
                "rules were not evaluated for a while; they are now, as of then"
            );
        }
        Ok(progress)
    }

    /// Alerts that are pending or firing, by rule.
    async fn active_alerts(&self, tenant: &Tenant) -> Result<BTreeMap<String, Vec<Kept>>, Error> {
        let mut active: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
        let alerts = self.context.records.collection::<Alert>();
        for state in ["pending", "firing"] {
            for record in all_of(&alerts, tenant, &List::all().equal("state", state)).await? {
                // That one is raised and ended by whoever delivers.
                if record.body.rule != notify::UNDELIVERABLE {
                    let kept = Kept { id: record.id, alert: record.body };
                    active.entry(kept.alert.rule.clone()).or_default().push(kept);
                }
            }
        }
        Ok(active)
    }

    /// Says whether rules can be evaluated, of those with which that has changed. Under the lease: who has lost it must not overwrite what
    /// the next one knows. Of a rule that is gone meanwhile nothing is said.
    pub(super) async fn write_health(
        &self,
        tenant: &Tenant,
        health: &[(String, Option<String>)],
        at: i64,
    ) -> Result<(), Error> {
        for (rule, error) in health {
            match error {
                Some(error) => tracing::warn!(tenant = tenant.as_str(), rule, error, "a rule cannot be evaluated"),
                None => tracing::info!(tenant = tenant.as_str(), rule, "a rule can be evaluated again"),
            }
        }
        let lease = &self.lease;
        for batch in health.chunks(BATCH) {
            let write = self.context.records.transaction(|transaction| async move {
                transaction.hold(lease).await?;
                for (rule, error) in batch {
                    let id = rule_id(rule)?;
                    if transaction.collection::<StoredRule>().get(tenant, &id).await?.is_none() {
                        continue;
                    }
                    let (rule, error) = (rule.clone(), error.clone());
                    let health = RuleHealth { rule, is_failing: error.is_some(), error, since: at };
                    transaction.collection().put(tenant, &id, &health, Expected::Any).await?;
                }
                Ok::<_, Error>(())
            });
            write.await?;
        }
        Ok(())
    }
}

impl OfTenant {
    /// The rules in the place of those there were; who stays keeps its alerts and its time.
    fn replace(
        &mut self,
        rules: BTreeMap<String, Arc<Rule>>,
        begin: impl Fn(&Rule) -> Due,
        alerts: &mut BTreeMap<String, Vec<Kept>>,
        failing: &BTreeMap<String, Option<String>>,
    ) {
        for (name, rule) in rules {
            let alerts = alerts.remove(&name).unwrap_or_default();
            match self.rules.get_mut(&name) {
                Some(watched) if *watched.rule == *rule => {}
                Some(watched) => {
                    // What is under way comes to nothing: it is of the rule as it was.
                    watched.due = Due::from(watched.not_done(), rule.interval);
                    watched.under_way = None;
                    watched.rule = rule;
                }
                None => {
                    let due = begin(&rule);
                    let (had_data, error) = (!alerts.is_empty(), failing.get(&name).cloned().flatten());
                    self.rules.insert(name, Watched { rule, due, under_way: None, had_data, alerts, error });
                }
            }
        }
    }

    /// An alert whose rule is gone is over.
    fn adopt(&mut self, orphan: Kept, now: i64, changes: &mut Vec<(Arc<Rule>, Alert, Change)>) {
        let rule = Arc::new(gone(&orphan.alert.rule, orphan.alert.severity));
        for (alert, change) in state::rule_ended(std::slice::from_ref(&orphan.alert), now) {
            changes.push((Arc::clone(&rule), alert, change));
        }
        let gone = self.rules.entry(orphan.alert.rule.clone()).or_insert_with(|| Watched {
            due: Due::from(i64::MAX / 2, rule.interval),
            rule,
            under_way: None,
            alerts: Vec::new(),
            had_data: true,
            error: None,
        });
        gone.alerts.push(orphan);
    }
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What stands for a rule that is not there any more while its alerts end, or that cannot be read while they stay. It is not evaluated.
fn gone(name: &str, severity: Severity) -> Rule {
    Rule {
        name: name.to_owned(),
        condition: Condition::SloBurn(String::new()),
        severity,
        interval: Duration::from_secs(86_400),
        hold: Duration::ZERO,
        keep_firing: Duration::ZERO,
        offset: Duration::ZERO,
        no_data: NoData::Ok,
        group_by: Vec::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        channels: Vec::new(),
        runbook: None,
        incident: None,
        enabled: false,
    }
}

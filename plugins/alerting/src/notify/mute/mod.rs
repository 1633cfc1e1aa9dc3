//! Why an alert is not told: silences, maintenance windows, and alerts that explain it already.

pub(crate) mod matcher;
pub(crate) mod silence;
pub(crate) mod window;

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Collection, Error, List, PAGE_MAX, Record};
use serde::{Deserialize, Serialize};

use self::matcher::{Matcher, all_true};
use self::silence::Silence;
use super::plan::Plan;
use super::severity_name;
use crate::alert::Alert;
use crate::labels::Labels;

/// Firing alerts that are looked at for one that explains another; behind them an alert is told rather than lost.
const EXPLAINING_MAX: usize = PAGE_MAX;

/// While an alert of one kind fires, those of another are not told: the first explains them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Inhibition {
    pub(crate) name: String,
    /// Of the alert that explains.
    pub(crate) source: Vec<Matcher>,
    /// Of those that are not told.
    pub(crate) target: Vec<Matcher>,
    /// Both have the same value in each of these labels.
    pub(crate) equal: Vec<String>,
}

/// All there is that can mute alerts of a tenant, as it is at one moment.
#[derive(Debug)]
pub(crate) struct Mutes {
    silences: Vec<Record<Silence>>,
    /// What matchers see of alerts that fire; read when an inhibition may need it.
    firing: Option<Vec<Labels>>,
}

impl Mutes {
    /// Reads the silences that have not ended by now.
    pub(crate) async fn read(silences: &Collection<Silence>, tenant: &Tenant, now: Timestamp) -> Result<Self, Error> {
        Ok(Self { silences: silence::not_ended(silences, tenant, now).await?, firing: None })
    }

    /// Why an alert with these labels is not told, if it is not: what mutes it, each by its name. Alerts that fire are read once.
    pub(crate) async fn of(
        &mut self,
        alerts: &Collection<Alert>,
        (tenant, plan): (&Tenant, &Plan),
        labels: &Labels,
        now: i64,
    ) -> Result<Vec<String>, Error> {
        let is_target = plan.inhibitions.iter().any(|inhibition| all_true(&inhibition.target, labels));
        if is_target && self.firing.is_none() {
            self.firing = Some(firing_of(alerts, tenant).await?);
        }
        let firing = self.firing.as_deref().unwrap_or_default();
        let silences = self.silences.iter().filter(|silence| silence.body.mutes(labels, now));
        let silences = silences.map(|silence| format!("silence {}", silence.id));
        let windows = plan.maintenance.iter().filter(|window| window.mutes(labels, now));
        let windows = windows.map(|window| format!("maintenance {}", window.name));
        let inhibitions = plan.inhibitions.iter().filter(|inhibition| inhibition.is_at_work(labels, firing));
        let inhibitions = inhibitions.map(|inhibition| format!("inhibition {}", inhibition.name));
        Ok(silences.chain(windows).chain(inhibitions).collect())
    }

    /// One with these labels fires since, and may explain those that follow.
    pub(crate) fn fires(&mut self, labels: &Labels) {
        if let Some(firing) = self.firing.as_mut().filter(|firing| firing.len() < EXPLAINING_MAX) {
            firing.push(labels.clone());
        }
    }

    /// One with these labels is over since, and explains nothing any more.
    pub(crate) fn is_over(&mut self, labels: &Labels) {
        if let Some(firing) = &mut self.firing
            && let Some(place) = firing.iter().position(|known| known == labels)
        {
            firing.swap_remove(place);
        }
    }
}

async fn firing_of(alerts: &Collection<Alert>, tenant: &Tenant) -> Result<Vec<Labels>, Error> {
    let list = List::all().equal("state", "firing").limit(EXPLAINING_MAX);
    Ok(alerts.list(tenant, &list).await?.records.iter().map(|record| matched(&record.body)).collect())
}

impl Inhibition {
    fn is_at_work(&self, target: &Labels, firing: &[Labels]) -> bool {
        if !all_true(&self.target, target) {
            return false;
        }
        let explains_itself = all_true(&self.source, target);
        firing.iter().any(|source| {
            let is_both = explains_itself && all_true(&self.target, source);
            all_true(&self.source, source) && !is_both && self.is_equal(source, target)
        })
    }

    fn is_equal(&self, source: &Labels, target: &Labels) -> bool {
        self.equal.iter().all(|name| source.get(name).unwrap_or_default() == target.get(name).unwrap_or_default())
    }
}

/// What matchers see of an alert: its labels, its rule and its severity.
pub(crate) fn matched(alert: &Alert) -> Labels {
    let mut labels = alert.labels.clone();
    labels.set("rule", alert.rule.as_str());
    labels.set("severity", severity_name(alert.severity));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inhibition() -> Inhibition {
        let matchers = |written: &[&str]| written.iter().map(|each| each.parse().expect("a matcher")).collect();
        Inhibition {
            name: "database".to_owned(),
            source: matchers(&["rule=\"Database Down\""]),
            target: matchers(&["severity=~\"warning|critical\""]),
            equal: vec!["region".to_owned()],
        }
    }

    fn labels(rule: &str, region: &str) -> Labels {
        Labels::from_iter([("rule", rule), ("severity", "critical"), ("region", region)])
    }

    #[test]
    fn an_alert_is_explained_by_one_that_is_equal_in_the_labels_named() {
        let down = [labels("Database Down", "eu")];

        assert!(inhibition().is_at_work(&labels("API Slow", "eu"), &down));
        assert!(!inhibition().is_at_work(&labels("API Slow", "us"), &down));
        assert!(!inhibition().is_at_work(&labels("API Slow", "eu"), &[]));
    }

    #[test]
    fn what_explains_is_told_itself() {
        let down = [labels("Database Down", "eu"), labels("Database Down", "eu")];

        assert!(!inhibition().is_at_work(&labels("Database Down", "eu"), &down));
    }
}

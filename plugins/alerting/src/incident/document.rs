//! An incident as the records have it, and what becomes of it. Pure: who changes it says what time it is.

use plugin::records::{Document, Key};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::policy::{Level, Promise};
use crate::notify::Link;
use crate::rule::Priority;

/// Most alerts that an incident lists; more are counted.
pub(crate) const ALERTS_MAX: usize = 1000;
/// Most services that an incident lists.
pub(crate) const SERVICES_MAX: usize = 50;
/// Most links of an incident.
pub(crate) const LINKS_MAX: usize = 50;
/// Most of those who were told whom an incident keeps; its timeline says that there are more.
pub(crate) const REACHED_MAX: usize = 1000;

/// Something that people have to work on; `alerting.incidents` in SQL.
// Times are nanoseconds since 1970 here, and RFC 3339 in answers, which are [`plugin::Told`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Incident {
    /// `INC-000001`, counted for each tenant.
    pub(crate) number: String,
    pub(crate) title: String,
    pub(crate) priority: Priority,
    pub(crate) status: Status,
    pub(crate) stage: Stage,
    /// Open or acknowledged.
    pub(crate) is_active: bool,
    /// `rule/<name>`, or who opened it: `person/<id>`, `key/<id>`.
    pub(crate) opened_by: String,
    /// The rule whose alerts it holds.
    pub(crate) rule: Option<String>,
    /// The same while it is active: a rule has one active incident.
    pub(crate) open_rule: Option<String>,
    pub(crate) assignee: Option<String>,
    /// Who has it now.
    pub(crate) level: Level,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) level_since: i64,
    /// 1 while frontline has it; 2 once it has been on a level above.
    pub(crate) tier: u8,
    /// Fingerprints of its alerts.
    pub(crate) alerts: Vec<String>,
    /// Those of them that fire.
    pub(crate) firing: Vec<String>,
    /// Alerts beyond those that are listed, and how many of them fire.
    pub(crate) more_alerts: u32,
    pub(crate) more_firing: u32,
    pub(crate) services: Vec<String>,
    /// To traces and more that its alerts or people name.
    pub(crate) links: Vec<Link>,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) opened_at: i64,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) acknowledged_at: Option<i64>,
    /// When somebody first did something about it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) first_response_at: Option<i64>,
    /// When it first went up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) escalated_at: Option<i64>,
    /// When the last of its alerts was over.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) quiet_at: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) resolved_at: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) reviewed_at: Option<i64>,
    pub(crate) first_response_seconds: Option<f64>,
    pub(crate) resolution_seconds: Option<f64>,
    /// What its priority promises, as the policy said when it was last due.
    pub(crate) response_target_seconds: Option<f64>,
    pub(crate) resolution_target_seconds: Option<f64>,
    /// How often it went up.
    pub(crate) escalations: u32,
    pub(crate) reopenings: u32,
    /// What was done about it.
    pub(crate) resolution: Option<String>,
    /// What the review found: why it happened, and what is done against it.
    pub(crate) causes: Option<String>,
    pub(crate) actions: Vec<String>,
    /// 1 to 5, from whom it was resolved for.
    pub(crate) satisfaction: Option<u8>,
    /// Entries of its timeline.
    pub(crate) entries: u32,
    /// Changes of alerts that its timeline has no room for.
    pub(crate) unlisted: u32,
    /// From when the times of its priority count: it was opened, reopened, or given another priority.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) counts_from: i64,
    /// Steps of escalation that were taken; none is taken twice.
    pub(crate) steps: Vec<String>,
    /// Levels that were told.
    pub(crate) told: Vec<Level>,
    /// Who was told of it, over which channels: they are told of its end. Answers and SQL do not have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(ignore)]
    pub(crate) reached: Vec<Reached>,
    /// Levels that people have it brought before, and that were not told yet.
    pub(crate) to_tell: Vec<Level>,
    /// When the next step is due.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) due: Option<i64>,
}

/// Where an incident is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = IncidentStatus)]
pub(crate) enum Status {
    Open,
    Acknowledged,
    Resolved,
    Reviewed,
}

/// What people are at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Assessment,
    Response,
    EscalationDecision,
    Escalation,
    Resolution,
}

/// Somebody who was told of an incident. Where the channel reaches them is looked up when there is more to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reached {
    pub(crate) level: Level,
    /// Its name or kind, as the policy had it.
    pub(crate) channel: String,
    /// By id; nobody for the channel's own receivers.
    pub(crate) person: Option<String>,
}

/// What an incident is opened with.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) title: String,
    pub(crate) priority: Priority,
    pub(crate) opened_by: String,
    pub(crate) rule: Option<String>,
    pub(crate) services: Vec<String>,
    pub(crate) links: Vec<Link>,
}

impl Document for Incident {
    const COLLECTION: &'static str = "alerting.incidents";
    const KEYS: &'static [Key] = &[
        Key::unique("open_rule"),
        Key::lookup("opened_at"),
        Key::lookup("status"),
        Key::lookup("priority"),
        Key::lookup("is_active"),
        Key::lookup("rule"),
        Key::lookup("assignee"),
        Key::due("due"),
    ];
    const TIMES: &'static [&'static str] = &[
        "level_since",
        "opened_at",
        "acknowledged_at",
        "first_response_at",
        "escalated_at",
        "quiet_at",
        "resolved_at",
        "reviewed_at",
        "counts_from",
        "due",
    ];
    const HIDDEN: &'static [&'static str] = &["reached"];

    fn example() -> Option<Self> {
        let text = || Some("text".to_owned());
        let opening = Opening {
            title: "text".to_owned(),
            priority: Priority::P1,
            opened_by: "rule/text".to_owned(),
            rule: text(),
            services: vec!["text".to_owned()],
            links: vec![Link { name: "text".to_owned(), url: "text".to_owned() }],
        };
        Some(Self {
            assignee: text(),
            alerts: vec!["text".to_owned()],
            firing: vec!["text".to_owned()],
            acknowledged_at: Some(1),
            first_response_at: Some(1),
            escalated_at: Some(1),
            quiet_at: Some(1),
            resolved_at: Some(1),
            reviewed_at: Some(1),
            first_response_seconds: Some(1.0),
            resolution_seconds: Some(1.0),
            response_target_seconds: Some(1.0),
            resolution_target_seconds: Some(1.0),
            resolution: text(),
            causes: text(),
            actions: vec!["text".to_owned()],
            satisfaction: Some(5),
            steps: vec!["text".to_owned()],
            told: vec![Level::One],
            reached: vec![Reached { level: Level::One, channel: "text".to_owned(), person: text() }],
            to_tell: vec![Level::One],
            ..Self::open(1, 1, opening)
        })
    }
}

impl Incident {
    /// A new one. It is due at once: the first step tells of it.
    pub(crate) fn open(number: u64, at: i64, opening: Opening) -> Self {
        let Opening { title, priority, opened_by, rule, services, links } = opening;
        Self {
            number: format!("INC-{number:06}"),
            title,
            priority,
            status: Status::Open,
            stage: Stage::Assessment,
            is_active: true,
            opened_by,
            open_rule: rule.clone(),
            rule,
            assignee: None,
            level: Level::One,
            level_since: at,
            tier: 1,
            alerts: Vec::new(),
            firing: Vec::new(),
            more_alerts: 0,
            more_firing: 0,
            services,
            links,
            opened_at: at,
            acknowledged_at: None,
            first_response_at: None,
            escalated_at: None,
            quiet_at: None,
            resolved_at: None,
            reviewed_at: None,
            first_response_seconds: None,
            resolution_seconds: None,
            response_target_seconds: None,
            resolution_target_seconds: None,
            escalations: 0,
            reopenings: 0,
            resolution: None,
            causes: None,
            actions: Vec::new(),
            satisfaction: None,
            entries: 0,
            unlisted: 0,
            counts_from: at,
            steps: Vec::new(),
            told: Vec::new(),
            reached: Vec::new(),
            to_tell: Vec::new(),
            due: Some(at),
        }
    }

    /// The policy promises this for its priority.
    pub(crate) fn promise(&mut self, promise: &Promise) {
        self.response_target_seconds = Some(seconds(0, promise.response));
        self.resolution_target_seconds = Some(seconds(0, promise.resolution));
    }

    /// Somebody has done something about it.
    pub(crate) fn respond(&mut self, now: i64) {
        if self.first_response_at.is_none() {
            self.first_response_at = Some(now);
            self.first_response_seconds = Some(seconds(self.opened_at, now));
        }
    }

    pub(crate) fn acknowledge(&mut self, now: i64) {
        self.respond(now);
        (self.status, self.stage) = (Status::Acknowledged, Stage::Response);
        self.acknowledged_at = Some(now);
        self.due = Some(now);
    }

    /// Another level has it from now on.
    pub(crate) fn move_to(&mut self, level: Level, since: i64) {
        (self.level, self.level_since) = (level, since);
        if level > Level::One {
            self.tier = 2;
        }
    }

    /// They were told of it; gives how many of them there is no room for.
    pub(crate) fn reach(&mut self, reached: Vec<Reached>) -> usize {
        let mut left_out = 0;
        for one in reached {
            match self.reached.len() < REACHED_MAX {
                _ if self.reached.contains(&one) => {}
                true => self.reached.push(one),
                false => left_out += 1,
            }
        }
        left_out
    }

    /// It went up.
    pub(crate) fn escalated(&mut self, now: i64) {
        self.stage = Stage::Escalation;
        self.escalations += 1;
        self.escalated_at.get_or_insert(now);
    }

    /// The times of another priority hold, from now on.
    pub(crate) fn set_priority(&mut self, priority: Priority, now: i64) {
        let (is_less, step) = (priority > self.priority, opened_step(priority));
        self.priority = priority;
        self.counts_from = now;
        self.due = Some(now);
        // Nobody has to be told at once that there is less haste.
        if is_less && !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }

    pub(crate) fn resolve(&mut self, now: i64) {
        (self.status, self.stage) = (Status::Resolved, Stage::Resolution);
        self.is_active = false;
        self.open_rule = None;
        self.resolved_at = Some(now);
        self.resolution_seconds = Some(seconds(self.opened_at, now));
        self.due = Some(now);
    }

    /// It was not over: it begins again where it was.
    pub(crate) fn reopen(&mut self, now: i64) {
        (self.status, self.stage) = (Status::Open, Stage::Assessment);
        self.is_active = true;
        (self.acknowledged_at, self.resolved_at, self.reviewed_at, self.resolution_seconds) = (None, None, None, None);
        self.reopenings += 1;
        (self.counts_from, self.level_since, self.due) = (now, now, Some(now));
        self.steps.clear();
    }

    pub(crate) fn review(&mut self, causes: String, actions: Vec<String>, now: i64) {
        self.status = Status::Reviewed;
        self.reviewed_at = Some(now);
        (self.causes, self.actions) = (Some(causes), actions);
    }

    /// An alert of it fires.
    pub(crate) fn join(&mut self, fingerprint: &str) {
        self.quiet_at = None;
        let is_listed = self.alerts.iter().any(|alert| alert == fingerprint);
        if !is_listed && self.alerts.len() >= ALERTS_MAX {
            self.more_alerts += 1;
            self.more_firing += 1;
            return;
        }
        for list in [&mut self.alerts, &mut self.firing] {
            if !list.iter().any(|alert| alert == fingerprint) {
                list.push(fingerprint.to_owned());
            }
        }
    }

    /// An alert of it is over; says whether that was the last.
    pub(crate) fn leave(&mut self, fingerprint: &str, now: i64) -> bool {
        if self.alerts.iter().any(|alert| alert == fingerprint) {
            self.firing.retain(|alert| alert != fingerprint);
        } else {
            self.more_firing = self.more_firing.saturating_sub(1);
        }
        let is_quiet = self.firing.is_empty() && self.more_firing == 0 && self.quiet_at.is_none();
        if is_quiet {
            self.quiet_at = Some(now);
        }
        is_quiet
    }

    pub(crate) fn add_service(&mut self, service: &str) {
        if self.services.len() < SERVICES_MAX && !self.services.iter().any(|known| known == service) {
            self.services.push(service.to_owned());
        }
    }

    pub(crate) fn add_link(&mut self, link: Link) {
        if self.links.len() < LINKS_MAX && !self.links.contains(&link) {
            self.links.push(link);
        }
    }
}

/// The step in which the level that has it is told of it.
pub(crate) fn opened_step(priority: Priority) -> String {
    format!("{priority:?}:opened")
}

fn seconds(from: i64, until: i64) -> f64 {
    until.saturating_sub(from).max(0) as f64 / 1e9
}

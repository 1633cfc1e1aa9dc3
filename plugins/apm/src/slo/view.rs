//! An SLO as it is told: the promise, what is left of the budget, and the rows of the table.

use plugin::records::Record;
use serde::Serialize;
use utoipa::ToSchema;

use super::burn::{Budget, Severity, rules};
use super::document::{Indicator, Minutes, Slo, SloBurn, Standing, State};
use super::telemetry::window_name;
use crate::range::rfc3339;

const NANOS_A_DAY: f64 = 86_400e9;

/// SLOs of the tenant, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Slos {
    pub(crate) slos: Vec<SloView>,
}

/// An SLO and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SloView {
    name: String,
    service: String,
    description: String,
    owner: String,
    /// In percent.
    objective: f64,
    window_days: u32,
    bad_events_min: u64,
    indicator: Indicator,
    /// Counts up with every change.
    version: u64,
    /// Counts up with every change of what is counted, which begins anew then.
    generation: u64,
    state: State,
    /// What part of the events in the window was good; null when there were none.
    sli: Option<f64>,
    budget: BudgetView,
    /// The rows of the table, pages first; empty until it was first judged.
    burns: Vec<BurnView>,
    /// Events since then are counted; null when none are yet.
    counted_from: Option<String>,
    /// Events until then are counted.
    counted_until: Option<String>,
    evaluated_at: Option<String>,
    /// The last time that was counted only afterwards, as when the server was down.
    caught_up: Option<CaughtUp>,
    /// Why the last minutes are not counted; null when they are.
    error: Option<String>,
    /// What to know about these numbers, a sentence each.
    warnings: Vec<String>,
}

/// What may be bad, in the window.
#[derive(Debug, Serialize, ToSchema)]
struct BudgetView {
    good: u64,
    valid: u64,
    bad: u64,
    /// So many of these events may be bad.
    total_bad: f64,
    /// So many more; less than 0 when it is overspent.
    left_bad: f64,
    /// What part of the budget is left, 1 being all of it; null when there were no events.
    left_share: Option<f64>,
    /// When nothing is left if it goes on as in the last hour; null when that spends no more than there is.
    exhausted_at: Option<String>,
}

/// A row of the table.
#[derive(Debug, Serialize, ToSchema)]
struct BurnView {
    severity: Severity,
    /// Both windows must exceed it.
    burn: f64,
    /// What part of the budget this burn spends in the row's own long window.
    budget_share: f64,
    /// As in `6h`.
    long_window: String,
    short_window: String,
    /// Null where nothing happened.
    long_burn: Option<f64>,
    short_burn: Option<f64>,
    is_burning: bool,
    /// True when the row's own windows had too few bad events to tell, and these are longer ones.
    is_widened: bool,
    /// Bad events in the long window.
    bad: u64,
    /// Events in the long window.
    valid: u64,
}

/// Time that was counted when it was over.
#[derive(Debug, Serialize, ToSchema)]
struct CaughtUp {
    from: String,
    to: String,
}

impl SloView {
    pub(crate) fn of(slo: Record<Slo>, standing: Option<Standing>, burns: &[SloBurn]) -> Self {
        let (version, slo) = (slo.version, slo.body);
        let standing = standing.filter(|standing| standing.series == slo.series).unwrap_or_default();
        let is_counted = standing.counted_until > standing.counted_from;
        let time = |minute| is_counted.then(|| moment(minute));
        let budget = slo.budget();
        let mut warnings = standing.warnings.clone();
        warnings.extend(out_of_reach(slo.window_days, budget));
        Self {
            state: standing.state,
            sli: standing.counts().share_good(),
            budget: BudgetView::of(&slo, &standing),
            burns: burns.iter().map(BurnView::of).collect(),
            counted_from: time(standing.counted_from),
            counted_until: time(standing.counted_until),
            evaluated_at: standing.evaluated_at.map(rfc3339),
            caught_up: standing
                .caught_up
                .map(|Minutes { from, until }| CaughtUp { from: moment(from), to: moment(until) }),
            error: standing.error,
            warnings,
            name: slo.name,
            service: slo.service,
            description: slo.description,
            owner: slo.owner,
            objective: slo.objective,
            window_days: slo.window_days,
            bad_events_min: slo.bad_events_min,
            indicator: slo.indicator,
            version,
            generation: slo.generation,
        }
    }
}

fn moment(minute: i64) -> String {
    rfc3339(Minutes { from: minute, until: minute }.range().from)
}

impl BudgetView {
    fn of(slo: &Slo, standing: &Standing) -> Self {
        let (budget, counts) = (slo.budget(), standing.counts());
        let total_bad = budget.events(counts.valid);
        let left_share = counts.burn(budget).map(|burn| 1.0 - burn);
        Self {
            good: counts.good,
            valid: counts.valid,
            bad: counts.bad(),
            total_bad,
            left_bad: total_bad - counts.bad() as f64,
            left_share,
            exhausted_at: left_share.and_then(|left| exhausted_at(slo, standing, left)),
        }
    }
}

/// A burn of 1 spends the whole budget in one window, and as much comes back meanwhile.
fn exhausted_at(slo: &Slo, standing: &Standing, left: f64) -> Option<String> {
    let burn = standing.hour_burn.filter(|burn| *burn > 1.0)?;
    let counted = Minutes { from: standing.counted_until, until: standing.counted_until }.range().from;
    let nanos = (left.max(0.0) * f64::from(slo.window_days) / burn * NANOS_A_DAY) as i64;
    Some(rfc3339(counted.saturating_add(nanos)))
}

/// Rows that do not burn whatever happens.
fn out_of_reach(window_days: u32, budget: Budget) -> Vec<String> {
    let unreachable = rules(window_days).into_iter().filter(|rule| rule.burn >= budget.burn_max());
    let sentence = unreachable.map(|rule| {
        let (window, burn, most) = (window_name(rule.windows.long), rule.burn, budget.burn_max());
        format!("the row of {window} never burns: it asks for more than {burn:.2}, and when all is bad the burn is {most:.2}")
    });
    sentence.collect()
}

impl BurnView {
    fn of(row: &SloBurn) -> Self {
        Self {
            severity: row.severity,
            burn: row.burn,
            budget_share: row.budget_share,
            long_window: window_name(row.long_seconds / 60),
            short_window: window_name(row.short_seconds / 60),
            long_burn: row.long_burn,
            short_burn: row.short_burn,
            is_burning: row.is_burning,
            is_widened: row.is_widened,
            bad: row.bad,
            valid: row.valid,
        }
    }
}

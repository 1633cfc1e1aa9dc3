//! The job: counts the minutes that are over, and judges every SLO by all that is counted.
//!
//! The last minutes are read again each time, for spans that come late. What is counted, how far, and what it says are written in one
//! transaction, which refuses what was counted for an SLO that is another by then; so a job that is cut off goes on where it was.
//! SLOs ask in places of their own, not in those of people, and no tenant takes the time of others.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use futures::StreamExt;
use plugin::model::{Tenant, Timestamp};
use plugin::query::{Class, QueryEngine};
use plugin::records::{Error, Expected, List, PAGE_MAX, Record, Transaction};
use plugin::{PluginContext, PluginError};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use super::burn::{Counts, RULES_MAX, Severity, Verdict, judge, rules, windows};
use super::count;
use super::document::{Discarded, Minutes, Slo, SloBurn, Standing, State};
use super::hours::{Hour, hour_of};
use super::ledger::{KEPT_DAYS, Ledger};
use super::telemetry::{self, Measured};
use super::turns::{Due, Part, parts};
use crate::rows::Source;

/// A minute is counted when it has been over for so long, in nanoseconds: exporters send every few seconds.
const SETTLED: i64 = 20_000_000_000;
/// Steps of one SLO in one evaluation; the next goes on.
const STEPS_MAX: usize = 100;
/// So many minutes between two evaluations are a pause that is told of.
const PAUSE_MINUTES: i64 = 5;
/// Warnings that are kept of an evaluation.
const WARNINGS_MAX: usize = 5;
/// Tenants whose SLOs are evaluated at once. Each asks one thing at a time, so there is a place for each.
const TENANTS_AT_ONCE: usize = 4;
/// What the SLOs of one tenant may take in one evaluation: less than there is between two.
const TENANT_TIME_MAX: Duration = Duration::from_secs(25);
/// What one reading of rows may take: one that is slow leaves time for others.
const COUNT_TIME_MAX: Duration = Duration::from_secs(12);
/// Rows of the answer to one statement.
const ROWS_MAX: usize = 100_000;

/// Brings all SLOs of all tenants up to this time. The job does so every half a minute.
///
/// # Errors
/// When the records cannot be read or written; those of one tenant do not hold up the others. What cannot be counted stands in
/// the standing of its SLO.
pub async fn evaluate(context: &PluginContext, now: Timestamp) -> Result<(), PluginError> {
    sweep(context).await?;
    let engine = &context.engine.of_class(Class {
        concurrent_max: TENANTS_AT_ONCE,
        time_seconds_max: TENANT_TIME_MAX.as_secs(),
        rows_max: ROWS_MAX,
    });
    let until = Minutes::of(now.0.saturating_sub(SETTLED));
    let tenants = futures::stream::iter(by_tenant(context).await?);
    let evaluations = tenants.map(|(tenant, slos)| async move {
        let deadline = Instant::now() + TENANT_TIME_MAX;
        let (measured, late) = (Vec::new(), 0);
        let evaluation = Evaluation { context, engine, tenant: &tenant, until, now, deadline, measured, late };
        evaluation.tell(slos).await
    });
    let told: Vec<Result<(), String>> = evaluations.buffer_unordered(TENANTS_AT_ONCE).collect().await;
    told.into_iter().collect::<Result<(), String>>().map_err(PluginError::from)
}

async fn by_tenant(context: &PluginContext) -> Result<BTreeMap<Tenant, Vec<Record<Slo>>>, Error> {
    let (mut tenants, mut after) = (BTreeMap::<Tenant, Vec<Record<Slo>>>::new(), None);
    loop {
        let list = List::all().limit(PAGE_MAX).after(after);
        let page = context.records.collection::<Slo>().list_everywhere(&list).await?;
        for slo in page.records {
            tenants.entry(slo.tenant.clone()).or_default().push(slo);
        }
        after = page.next;
        if after.is_none() {
            return Ok(tenants);
        }
    }
}

/// Deletes hours that no SLO counts by any more, some at a time.
async fn sweep(context: &PluginContext) -> Result<(), Error> {
    let discarded = context.records.collection::<Discarded>().list_everywhere(&List::all()).await?;
    for record in &discarded.records {
        let swept = context.records.transaction(|transaction| async move {
            let (tenant, series) = (&record.tenant, record.body.series.as_str());
            let mut ledger = Ledger::new(transaction.collection::<Hour>(), tenant, series, 0);
            if ledger.forget_before(i64::MAX).await? == 0 {
                transaction.collection::<Discarded>().delete(tenant, &record.id, Expected::Any).await?;
            }
            Ok::<_, Error>(())
        });
        swept.await?;
    }
    Ok(())
}

/// One tenant's SLOs at one time.
struct Evaluation<'a> {
    context: &'a PluginContext,
    engine: &'a QueryEngine,
    tenant: &'a Tenant,
    /// The first minute that is not counted.
    until: i64,
    now: Timestamp,
    /// Nothing is begun any more then.
    deadline: Instant,
    measured: Vec<Measured>,
    /// SLOs for which there was no time.
    late: usize,
}

impl Evaluation<'_> {
    /// Evaluates the SLOs and tells how they stand.
    async fn tell(mut self, slos: Vec<Record<Slo>>) -> Result<(), String> {
        let (tenant, began) = (self.tenant, Instant::now());
        let span = telemetry::evaluate(tenant, slos.len());
        let ran = self.run(slos).instrument(span.clone()).await;
        telemetry::evaluated(&span, self.measured.len(), self.late, began.elapsed());
        if self.late > 0 {
            tracing::warn!(%tenant, slos = self.late, "SLOs are not counted this time, the tenant's time is over");
        }
        if let Err(cause) = telemetry::write(self.context, tenant, self.now, &self.measured).await {
            tracing::warn!(%tenant, error = %cause, "how SLOs stand is not written as metrics this time");
        }
        ran.map_err(|cause| format!("the SLOs of the tenant '{tenant}' are not all judged: {cause}"))
    }

    async fn run(&mut self, slos: Vec<Record<Slo>>) -> Result<(), Error> {
        let mut due = self.due(slos).await?;
        for _ in 0..STEPS_MAX {
            if due.is_empty() {
                break;
            }
            for part in parts(std::mem::take(&mut due), self.until) {
                due.extend(self.count(part).await?);
            }
        }
        Ok(())
    }

    /// The SLOs that have something to be counted or judged.
    async fn due(&self, slos: Vec<Record<Slo>>) -> Result<Vec<Due>, Error> {
        let mut standings = standings(self.context, self.tenant).await?;
        let mut all = Vec::new();
        for slo in slos {
            let known = standings.remove(&slo.body.name).filter(|standing| standing.series == slo.body.series);
            let mut standing = known.unwrap_or_else(|| begun(&slo.body, self.until));
            let is_behind = standing.counted_until < self.until;
            if !is_behind && (standing.judged_version == slo.version || standing.counted_until > self.until) {
                continue;
            }
            let behind = Minutes { from: standing.counted_until, until: self.until };
            if standing.evaluated_at.is_some() && behind.until - behind.from > PAUSE_MINUTES {
                tracing::info!(tenant = %self.tenant, slo = slo.body.name, minutes = behind.until - behind.from,
                    "an SLO was not counted for a while, it catches up");
                standing.caught_up = Some(behind);
            }
            all.push(Due { slo, standing });
        }
        Ok(all)
    }

    /// Counts the next minutes of these; gives those that are still behind.
    async fn count(&mut self, Part { minutes, due: all }: Part) -> Result<Vec<Due>, Error> {
        let slos: Vec<&Slo> = all.iter().map(|due| &due.slo.body).collect();
        // Warnings are those of this reading, and nobody else's.
        let source = Source::of_telemetry(self.engine, self.tenant.clone());
        let counted = self.in_time(count::together(&source, minutes, &slos)).await;
        let (warnings, mut behind) = (source.warnings(), Vec::new());
        match counted {
            Ok(counted) => {
                for (mut due, counts) in all.into_iter().zip(counted) {
                    due.attempted(self.now);
                    due.standing.warnings = warnings.iter().take(WARNINGS_MAX).cloned().collect();
                    if self.keep(&mut due, minutes, &counts).await? && minutes.until < self.until {
                        behind.push(due);
                    }
                }
            }
            Err(uncounted) => {
                for mut due in all {
                    self.not_counted(&mut due, &uncounted);
                    self.keep(&mut due, Minutes { until: minutes.from, ..minutes }, &[]).await?;
                }
            }
        }
        Ok(behind)
    }

    /// The answer, if it comes in time.
    async fn in_time(
        &self,
        counting: impl Future<Output = Result<Vec<Vec<Counts>>, String>>,
    ) -> Result<Vec<Vec<Counts>>, Uncounted> {
        let began = Instant::now();
        if began >= self.deadline {
            return Err(Uncounted::Late);
        }
        let slow_at = began + COUNT_TIME_MAX;
        match timeout_at(slow_at.min(self.deadline), counting).await {
            Ok(counted) => counted.map_err(Uncounted::Failed),
            Err(_) if slow_at <= self.deadline => Err(Uncounted::Slow),
            Err(_) => Err(Uncounted::Late),
        }
    }

    /// Who had its turn waits for the others before the next one; who had none, or not all of its time, is the first then.
    fn not_counted(&mut self, due: &mut Due, uncounted: &Uncounted) {
        let (tenant, slo, reason) = (self.tenant, &due.slo.body.name, uncounted.to_string());
        match uncounted {
            Uncounted::Late => self.late += 1,
            Uncounted::Slow | Uncounted::Failed(_) => {
                tracing::warn!(%tenant, slo, reason, "an SLO is not counted");
                due.attempted(self.now);
                if matches!(uncounted, Uncounted::Slow) {
                    due.standing.slowed = due.standing.slowed.saturating_add(1);
                }
            }
        }
        due.standing.error = Some(reason);
    }

    /// Writes what was counted; says whether the SLO still is what it was.
    async fn keep(&mut self, due: &mut Due, minutes: Minutes, counts: &[Counts]) -> Result<bool, Error> {
        if !counts.is_empty() {
            due.standing.counted_until = minutes.until;
            due.standing.error = None;
            if minutes.until == self.until {
                // What is caught up is counted in small steps anyhow.
                due.standing.slowed = 0;
            }
        }
        let (this, due_now) = (&*self, &*due);
        let kept = self
            .context
            .records
            .transaction(|transaction| async move { this.write(&transaction, due_now, minutes, counts).await });
        let Some((standing, measured)) = kept.await? else { return Ok(false) };
        due.standing = standing;
        self.measured.extend(measured);
        Ok(true)
    }

    /// The same in a transaction; `None` when the SLO is gone or counts something else.
    async fn write(
        &self,
        transaction: &Transaction,
        due: &Due,
        minutes: Minutes,
        counts: &[Counts],
    ) -> Result<Option<(Standing, Option<Measured>)>, Error> {
        let slo = transaction.collection::<Slo>().get(self.tenant, &due.slo.id).await?;
        let Some(slo) = slo.filter(|slo| slo.body.series == due.slo.body.series) else { return Ok(None) };
        let (mut standing, mut measured) = (due.standing.clone(), None);
        if !counts.is_empty() {
            let mut ledger =
                Ledger::new(transaction.collection::<Hour>(), self.tenant, &slo.body.series, standing.counted_from);
            ledger.write(minutes, counts).await?;
            if minutes.until == self.until {
                measured = Some(self.judge(transaction, &mut ledger, &slo, &mut standing).await?);
                ledger.forget_before(hour_of(self.until) - KEPT_DAYS * 24).await?;
            }
        }
        transaction.collection::<Standing>().put(self.tenant, &slo.id, &standing, Expected::Any).await?;
        Ok(Some((standing, measured)))
    }

    /// Judges the SLO by what is counted, and writes the rows of its table.
    async fn judge(
        &self,
        transaction: &Transaction,
        ledger: &mut Ledger<'_>,
        slo: &Record<Slo>,
        standing: &mut Standing,
    ) -> Result<Measured, Error> {
        let Record { version, body: slo, .. } = slo;
        let (rules, budget) = (rules(slo.window_days), slo.budget());
        let all = ledger.sum_before(self.until).await?.unwrap_or_default();
        let mut sums = BTreeMap::new();
        for minutes in windows(slo.window_days) {
            let before = ledger.sum_before(self.until - minutes).await?.unwrap_or(all);
            sums.insert(minutes, all.since(before));
        }
        let verdicts = judge(&rules, budget, slo.bad_events_min, |minutes| sums[&minutes]);

        let burns = transaction.collection::<SloBurn>();
        for row in 0..RULES_MAX {
            let id = SloBurn::id(&slo.name, row)?;
            match (rules.get(row), verdicts.get(row)) {
                (Some(rule), Some(verdict)) => {
                    let burn = self.row(slo, (rule.severity, rule.burn, rule.budget_share), verdict);
                    burns.put(self.tenant, &id, &burn, Expected::Any).await?;
                }
                // Of a longer window that the SLO had.
                _ => drop(burns.delete(self.tenant, &id, Expected::Any).await?),
            }
        }
        let Counts { good, valid } = sums.values().last().copied().unwrap_or_default();
        let severities = rules.iter().map(|rule| rule.severity).zip(&verdicts);
        let burning = severities.filter(|(_, verdict)| verdict.is_burning).map(|(severity, _)| severity).max();
        standing.state = match burning {
            Some(Severity::Page) => State::Page,
            Some(Severity::Ticket) => State::Ticket,
            None if verdicts.iter().any(|verdict| verdict.counts.valid > 0) => State::Ok,
            None => State::NoData,
        };
        standing.evaluated_at = Some(self.now.0);
        standing.judged_version = *version;
        (standing.good, standing.valid) = (good, valid);
        standing.hour_burn = sums.get(&60).and_then(|counts| counts.burn(budget));
        let burns = sums.iter().filter_map(|(minutes, counts)| Some((*minutes, counts.burn(budget)?)));
        Ok(Measured { slo: slo.name.clone(), service: slo.service.clone(), burns: burns.collect() })
    }

    fn row(&self, slo: &Slo, (severity, burn, budget_share): (Severity, f64, f64), verdict: &Verdict) -> SloBurn {
        SloBurn {
            slo: slo.name.clone(),
            service: slo.service.clone(),
            severity,
            burn,
            long_seconds: verdict.windows.long * 60,
            short_seconds: verdict.windows.short * 60,
            long_burn: verdict.long_burn,
            short_burn: verdict.short_burn,
            is_burning: verdict.is_burning,
            is_widened: verdict.is_widened,
            budget_share,
            bad: verdict.counts.bad(),
            valid: verdict.counts.valid,
            evaluated_at: self.now,
        }
    }
}

/// Why SLOs are not counted.
#[derive(Debug)]
enum Uncounted {
    /// Others of the tenant took its time.
    Late,
    /// It takes too long.
    Slow,
    Failed(String),
}

impl fmt::Display for Uncounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late => {
                let time = TENANT_TIME_MAX.as_secs();
                write!(f, "there was no time for it: the SLOs of a tenant have {time} s, the next evaluation goes on")
            }
            Self::Slow => {
                let time = COUNT_TIME_MAX.as_secs();
                write!(f, "counting it takes more than {time} s; it is tried again with less at once")
            }
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

/// Where counting begins: a window ago, or with the last minute where what was before cannot be known.
fn begun(slo: &Slo, until: i64) -> Standing {
    let minutes = if slo.indicator.is_counted_back() { i64::from(slo.window_days) * 24 * 60 } else { 1 };
    let counted_from = until - minutes;
    Standing { series: slo.series.clone(), counted_from, counted_until: counted_from, ..Standing::default() }
}

/// Of every SLO of the tenant, by its name.
pub(crate) async fn standings(context: &PluginContext, tenant: &Tenant) -> Result<BTreeMap<String, Standing>, Error> {
    let list = List::all().limit(PAGE_MAX);
    let page = context.records.collection::<Standing>().list(tenant, &list).await?;
    let named = |record: Record<Standing>| (String::from(record.id), record.body);
    Ok(page.records.into_iter().map(named).collect())
}

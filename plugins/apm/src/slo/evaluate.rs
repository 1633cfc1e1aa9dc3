//! The job: counts the minutes that are over, and judges every SLO by all that is counted.
//!
//! The last minutes are read again each time, for spans that come late. What is counted, how far, and what it says are written in one
//! transaction, which refuses what was counted for an SLO that is another by then; so a job that is cut off goes on where it was.

use std::collections::BTreeMap;
use std::time::Instant;

use plugin::model::{Tenant, Timestamp};
use plugin::records::{Error, Expected, List, PAGE_MAX, Record, Transaction};
use plugin::{PluginContext, PluginError};
use tracing::Instrument;

use super::burn::{Counts, RULES_MAX, Severity, Verdict, judge, rules, windows};
use super::count;
use super::document::{Discarded, Indicator, Minutes, Slo, SloBurn, Standing, State};
use super::hours::{Hour, hour_of};
use super::ledger::{KEPT_DAYS, Ledger};
use super::telemetry::{self, Measured};
use crate::rows::Source;

/// A minute is counted when it has been over for so long, in nanoseconds: exporters send every few seconds.
const SETTLED: i64 = 20_000_000_000;
/// Minutes that are counted again each time, for what comes late.
const LATE_MINUTES: i64 = 10;
/// Minutes that are counted in one step.
const STEP_MINUTES: i64 = 24 * 60;
/// The same for statements that are asked for every minute.
const STATEMENTS_STEP_MAX: i64 = 60;
/// Steps of one SLO in one evaluation; the next goes on.
const STEPS_MAX: usize = 100;
/// So many minutes between two evaluations are a pause that is told of.
const PAUSE_MINUTES: i64 = 5;
/// Warnings that are kept of an evaluation.
const WARNINGS_MAX: usize = 5;

/// Brings all SLOs of all tenants up to this time. The job does so every half a minute.
///
/// # Errors
/// When the records cannot be read or written; those of one tenant do not hold up the others. What cannot be counted stands in
/// the standing of its SLO.
pub async fn evaluate(context: &PluginContext, now: Timestamp) -> Result<(), PluginError> {
    sweep(context).await?;
    let until = Minutes::of(now.0.saturating_sub(SETTLED));
    let mut failed = None;
    for (tenant, slos) in by_tenant(context).await? {
        let source = Source::of_telemetry(context, tenant.clone());
        let mut evaluation = Evaluation { context, tenant: &tenant, source, until, now, measured: Vec::new() };
        let (span, began) = (telemetry::evaluate(&tenant, slos.len()), Instant::now());
        if let Err(cause) = evaluation.run(slos).instrument(span.clone()).await {
            failed = Some(format!("the SLOs of the tenant '{tenant}' are not all judged: {cause}"));
        }
        let measured = evaluation.measured;
        telemetry::evaluated(&span, measured.len(), began.elapsed());
        if let Err(cause) = telemetry::write(context, &tenant, now, &measured).await {
            tracing::warn!(%tenant, error = %cause, "how SLOs stand is not written as metrics this time");
        }
    }
    failed.map_or(Ok(()), |cause| Err(cause.into()))
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
    tenant: &'a Tenant,
    source: Source,
    /// The first minute that is not counted.
    until: i64,
    now: Timestamp,
    measured: Vec<Measured>,
}

/// An SLO that is behind.
#[derive(Clone, Debug)]
struct Due {
    slo: Record<Slo>,
    standing: Standing,
}

impl Due {
    /// What is counted next: the last minutes again, and some that are new.
    fn next(&self, until: i64) -> Minutes {
        let Standing { counted_from, counted_until, .. } = self.standing;
        let step = match self.slo.body.indicator {
            Indicator::Sql { by_minute: false, .. } => STATEMENTS_STEP_MAX,
            _ => STEP_MINUTES,
        };
        Minutes { from: counted_from.max(counted_until - LATE_MINUTES), until: until.min(counted_until + step) }
    }
}

impl Evaluation<'_> {
    async fn run(&mut self, slos: Vec<Record<Slo>>) -> Result<(), Error> {
        let mut due = self.due(slos).await?;
        for _ in 0..STEPS_MAX {
            let mut groups = BTreeMap::<Minutes, Vec<Due>>::new();
            for due in due.drain(..) {
                groups.entry(due.next(self.until)).or_default().push(due);
            }
            if groups.is_empty() {
                return Ok(());
            }
            for (minutes, group) in groups {
                due.extend(self.count(minutes, group).await?);
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

    /// Counts the minutes for all of these; gives those that are still behind.
    async fn count(&mut self, minutes: Minutes, group: Vec<Due>) -> Result<Vec<Due>, Error> {
        let slos: Vec<&Slo> = group.iter().map(|due| &due.slo.body).collect();
        let counted = count::all(&self.source, minutes, &slos).await;
        let mut behind = Vec::new();
        for (mut due, counted) in group.into_iter().zip(counted) {
            match counted {
                Ok(counts) => {
                    if self.keep(&mut due, minutes, &counts).await? && minutes.until < self.until {
                        behind.push(due);
                    }
                }
                Err(reason) => {
                    tracing::warn!(tenant = %self.tenant, slo = due.slo.body.name, reason, "an SLO is not counted");
                    due.standing.error = Some(reason);
                    self.keep(&mut due, Minutes { until: minutes.from, ..minutes }, &[]).await?;
                }
            }
        }
        Ok(behind)
    }

    /// Writes what was counted; says whether the SLO still is what it was.
    async fn keep(&mut self, due: &mut Due, minutes: Minutes, counts: &[Counts]) -> Result<bool, Error> {
        if !counts.is_empty() {
            due.standing.counted_until = minutes.until;
            due.standing.error = None;
            due.standing.warnings = self.source.warnings();
            due.standing.warnings.truncate(WARNINGS_MAX);
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

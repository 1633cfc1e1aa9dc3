//! Rules tried without a server: whether a file can be read, and whether rules do what their author's tests expect.

mod ask;
mod telemetry;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use plugin::model::{Tenant, Timestamp};
use plugin::query::QueryEngine;
use plugin::{PluginError, TelemetryWriter};

pub use self::ask::{Element, ask};
use crate::alert::Alert;
use crate::config::Config;
use crate::evaluate::Evaluator;
use crate::rule::unit_test::{Test, TestFile, difference};
use crate::rule::{self, Rule, Written};
use crate::state::Memory;

/// The time 0 of tests: the first of January 2026, in nanoseconds since 1970.
const BEGIN: i64 = 1_767_225_600_000_000_000;

/// A place to try rules in, with nothing in it.
#[derive(Clone, Debug)]
pub struct Sandbox {
    /// SQL over what was written.
    pub engine: QueryEngine,
    /// Writes.
    pub telemetry: TelemetryWriter,
}

/// What a file of rules says.
#[derive(Debug, Default)]
pub struct Checked {
    /// Names of its rules.
    pub rules: Vec<String>,
    /// What was made of them that their author should know.
    pub notes: Vec<String>,
    /// What is wrong, with line and column.
    pub faults: Vec<String>,
}

/// Reads a file of rules, and asks the sandbox whether their statements could be asked.
pub async fn check(sandbox: &Sandbox, text: &str) -> Checked {
    match rule::read(text) {
        Err(faults) => Checked { faults: faults.iter().map(ToString::to_string).collect(), ..Checked::default() },
        Ok(written) => {
            let evaluator = Evaluator::new(&sandbox.engine, &Config::default());
            let faults = evaluator.faults(&tenant(), &written).await;
            let notes = written.iter().flat_map(|written| written.notes.clone()).collect();
            let rules = written.into_iter().map(|written| written.rule.name).collect();
            Checked { rules, notes, faults: faults.iter().map(ToString::to_string).collect() }
        }
    }
}

/// What tests of rules came to.
#[derive(Debug, Default)]
pub struct Tested {
    /// Expectations that were met.
    pub met: usize,
    /// What is wrong with the files, or how alerts differ from what was expected: texts of some lines.
    pub failures: Vec<String>,
}

/// Runs a file of tests. `open` reads a file of rules that it names; `sandbox` makes an empty place for each test.
///
/// # Errors
/// When telemetry cannot be written into a sandbox.
pub async fn test<F>(
    text: &str,
    open: impl Fn(&str) -> io::Result<String>,
    sandbox: impl Fn() -> F,
) -> Result<Tested, PluginError>
where
    F: Future<Output = Result<Sandbox, PluginError>>,
{
    let mut tested = Tested::default();
    let file = match TestFile::read(text) {
        Ok(file) => file,
        Err(faults) => {
            tested.failures = faults.iter().map(ToString::to_string).collect();
            return Ok(tested);
        }
    };
    let mut written: Vec<Written> = Vec::new();
    for path in &file.rule_files {
        match open(path).map(|text| rule::read(&text)) {
            Err(cause) => tested.failures.push(format!("{path} cannot be read: {cause}")),
            Ok(Err(faults)) => tested.failures.extend(faults.iter().map(|fault| format!("{path}, {fault}"))),
            Ok(Ok(rules)) => written.extend(rules),
        }
    }
    if tested.failures.is_empty() {
        for test in &file.tests {
            Trial::new(&sandbox().await?, test, &written).run(test, &mut tested).await?;
        }
    }
    Ok(tested)
}

fn tenant() -> Tenant {
    Tenant::default_tenant()
}

/// One test as it runs.
struct Trial<'a> {
    evaluator: Evaluator,
    sandbox: Sandbox,
    /// Of the rules that are expected to do something, with their names in the file.
    rules: Vec<(&'a str, Arc<Rule>)>,
    memories: BTreeMap<String, Memory>,
}

impl<'a> Trial<'a> {
    fn new(sandbox: &Sandbox, test: &Test, written: &'a [Written]) -> Self {
        let is_named =
            |written: &&Written| test.expectations.iter().any(|expected| expected.alertname == written.alertname);
        let rules = written.iter().filter(is_named);
        Self {
            evaluator: Evaluator::new(&sandbox.engine, &Config::default()),
            sandbox: sandbox.clone(),
            rules: rules.map(|written| (written.alertname.as_str(), Arc::new(written.rule.clone()))).collect(),
            memories: BTreeMap::new(),
        }
    }

    async fn run(mut self, test: &Test, tested: &mut Tested) -> Result<(), PluginError> {
        for telemetry in telemetry::of(test, BEGIN) {
            self.sandbox.telemetry.write(&tenant(), telemetry).await?;
        }
        let mut expectations: Vec<_> = test.expectations.iter().collect();
        expectations.sort_by_key(|expected| expected.eval_time);
        let mut evaluated = Duration::ZERO;
        for expected in expectations {
            if let Some(error) = self.evaluate(evaluated, expected.eval_time).await {
                tested.failures.push(format!("{}{error}", name(test)));
                return Ok(());
            }
            evaluated = expected.eval_time + Duration::from_nanos(1);
            let of_name = self.rules.iter().filter(|(name, _)| *name == expected.alertname);
            let memories = of_name.filter_map(|(_, rule)| self.memories.get(&rule.name));
            let alerts: Vec<Alert> = memories.flat_map(|memory| memory.active.iter().cloned()).collect();
            match difference(expected, &alerts) {
                None => tested.met += 1,
                Some(difference) => tested.failures.push(format!("{}{difference}", name(test))),
            }
        }
        Ok(())
    }

    /// Evaluates every rule at its times from `from` to `until`; tells why one cannot be.
    async fn evaluate(&mut self, from: Duration, until: Duration) -> Option<String> {
        for (_, rule) in &self.rules {
            let mut steps = from.as_nanos().div_ceil(rule.interval.as_nanos().max(1));
            loop {
                let since = rule.interval * u32::try_from(steps).unwrap_or(u32::MAX);
                if since > until {
                    break;
                }
                let at = BEGIN + i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
                let evaluated = self.evaluator.evaluate(&tenant(), std::slice::from_ref(rule), Timestamp(at)).await;
                let evaluated = evaluated.into_iter().next().expect("one rule was evaluated");
                if let Some(error) = evaluated.error {
                    return Some(format!("`{}` cannot be evaluated: {error}", rule.name));
                }
                let memory = self.memories.entry(rule.name.clone()).or_default();
                let changes = memory.step(rule, Config::default().alerts_per_rule_max, evaluated.outcome, at);
                memory.take(changes);
                steps += 1;
            }
        }
        None
    }
}

fn name(test: &Test) -> String {
    test.name.as_ref().map_or_else(String::new, |name| format!("{name}: "))
}

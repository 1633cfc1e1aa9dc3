//! Objectives that burn their error budget too fast, as `apm.slo_burns` tells.

use plugin::model::{Tenant, Timestamp};
use plugin::query::Statement;

use super::{Evaluated, Evaluator, Unevaluated};
use crate::labels::Labels;
use crate::state::{Found, Outcome};

/// All objectives.
const ALL: &str = "*";
/// Objectives are judged every minute; one that was not for ten cannot be counted, and what it said is old.
const BURNS: &str = "SELECT slo, service, severity, cast(long_seconds AS text), long_burn, is_burning, \
    evaluated_at < now() - interval '10 minutes' FROM apm.slo_burns";

/// How fast an objective burns its budget in one pair of windows.
#[derive(Clone, Debug)]
pub(crate) struct Burn {
    slo: String,
    labels: Labels,
    burn: Option<f64>,
    is_burning: bool,
    /// Nobody knows whether that is still so.
    is_old: bool,
}

pub(super) async fn ask(evaluator: &Evaluator, tenant: &Tenant, at: Timestamp) -> Result<Vec<Burn>, Unevaluated> {
    let answer = evaluator.ask(tenant, Statement::new(BURNS), at).await?;
    let [slos, services, severities, windows] = [0, 1, 2, 3].map(|place| answer.texts(place));
    let (burns, [burning, old]) = (answer.numbers(4), [5, 6].map(|place| answer.texts(place)));
    let burn = |row: usize| {
        let mut labels = Labels::default();
        for (name, value) in
            [("slo", &slos), ("service", &services), ("burn", &severities), ("window_seconds", &windows)]
        {
            if let Some(value) = &value[row] {
                labels.set(name, value.as_str());
            }
        }
        let [is_burning, is_old] = [&burning, &old].map(|column| column[row].as_deref() == Some("true"));
        Burn { slo: slos[row].clone().unwrap_or_default(), labels, burn: burns[row], is_burning, is_old }
    };
    Ok((0..answer.len()).map(burn).collect())
}

/// What a rule about this objective finds. What an objective said that is not judged any more stays, and the rule is failing.
pub(super) fn found(burns: &[Burn], name: &str) -> Evaluated {
    let of_rule: Vec<&Burn> = burns.iter().filter(|burn| name == ALL || burn.slo == name).collect();
    let saw_data = !of_rule.is_empty();
    let old = of_rule.iter().find(|burn| burn.is_old).map(|burn| {
        let slo = &burn.slo;
        Unevaluated(format!("the objective '{slo}' was not judged for 10 minutes; /api/v1/apm/slos/{slo} says why"))
    });
    let burning = of_rule.into_iter().filter(|burn| burn.is_burning);
    let rows = burning.map(|burn| Found { labels: burn.labels.clone(), value: burn.burn, traces: Vec::new() });
    Evaluated { outcome: Outcome::Rows { rows: rows.collect(), saw_data }, error: old }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(slo: &str, is_burning: bool, is_old: bool) -> Burn {
        Burn { slo: slo.to_owned(), labels: Labels::default(), burn: Some(20.0), is_burning, is_old }
    }

    #[test]
    fn an_objective_that_is_not_judged_any_more_makes_its_rules_failing_and_hides_no_other() {
        let burns = [burn("cart", true, true), burn("checkout", true, false), burn("search", false, false)];
        let check = |name: &str, expected: usize, is_failing: bool| {
            let Evaluated { outcome, error } = found(&burns, name);
            assert!(matches!(&outcome, Outcome::Rows { rows, .. } if rows.len() == expected), "{name}: {outcome:?}");
            assert_eq!(error.is_some_and(|error| error.0.contains("'cart'")), is_failing, "{name}");
        };

        check("cart", 1, true);
        check("checkout", 1, false);
        check("search", 0, false);
        check(ALL, 2, true);
    }
}

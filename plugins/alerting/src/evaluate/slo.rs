//! Objectives that burn their error budget too fast, as `apm.slo_burns` tells.

use plugin::model::{Tenant, Timestamp};
use plugin::query::Statement;

use super::{Evaluator, Unevaluated};
use crate::labels::Labels;
use crate::state::{Found, Outcome};

/// All objectives.
const ALL: &str = "*";
const BURNS: &str =
    "SELECT slo, service, severity, cast(long_seconds AS text), long_burn, is_burning FROM apm.slo_burns";

/// How fast an objective burns its budget in one pair of windows.
#[derive(Clone, Debug)]
pub(crate) struct Burn {
    slo: String,
    labels: Labels,
    burn: Option<f64>,
    is_burning: bool,
}

pub(super) async fn ask(evaluator: &Evaluator, tenant: &Tenant, at: Timestamp) -> Result<Vec<Burn>, Unevaluated> {
    let answer = evaluator.ask(tenant, Statement::new(BURNS), at).await?;
    let [slos, services, severities, windows] = [0, 1, 2, 3].map(|place| answer.texts(place));
    let (burns, burning) = (answer.numbers(4), answer.texts(5));
    let burn = |row: usize| {
        let mut labels = Labels::default();
        for (name, value) in
            [("slo", &slos), ("service", &services), ("burn", &severities), ("window_seconds", &windows)]
        {
            if let Some(value) = &value[row] {
                labels.set(name, value.as_str());
            }
        }
        let is_burning = burning[row].as_deref() == Some("true");
        Burn { slo: slos[row].clone().unwrap_or_default(), labels, burn: burns[row], is_burning }
    };
    Ok((0..answer.len()).map(burn).collect())
}

/// What a rule about this objective finds.
pub(super) fn found(burns: &[Burn], name: &str) -> Outcome {
    let of_rule: Vec<&Burn> = burns.iter().filter(|burn| name == ALL || burn.slo == name).collect();
    let saw_data = !of_rule.is_empty();
    let burning = of_rule.into_iter().filter(|burn| burn.is_burning);
    let rows = burning.map(|burn| Found { labels: burn.labels.clone(), value: burn.burn, traces: Vec::new() });
    Outcome::Rows { rows: rows.collect(), saw_data }
}

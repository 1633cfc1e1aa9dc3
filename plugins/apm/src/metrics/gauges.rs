//! Points that say how much there is, and quantiles that summaries tell: SQL puts these together.

use plugin::Failure;

use super::function::Function;
use super::grid::{Grid, Steps};
use super::selection::{Selection, label};
use crate::conditions::Conditions;
use crate::range::Range;
use crate::rows::{Answer, Source};

/// Most values (series by buckets) that are looked at.
const VALUES_MAX: usize = 250_000;

/// What is asked of the points of a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) source: &'a Source,
    pub(crate) selection: &'a Selection,
    pub(crate) range: Range,
    pub(crate) by: &'a [String],
    pub(crate) steps: &'a Steps,
}

/// Values, and how many points they are made of.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) grid: Grid,
    pub(crate) points: u64,
    pub(crate) warnings: Vec<String>,
}

/// How much there is, over time.
pub(crate) async fn levels(asking: Asking<'_>, function: Function) -> Result<Told, Failure> {
    let mut conditions = asking.selection.conditions(asking.range);
    conditions.and("value IS NOT NULL AND NOT isnan(value)");
    let (labels, names) = labels(&mut conditions, asking.by);
    let (bucket, conditions_text) = (bucket(asking.steps), conditions.text());
    let points = format!("SELECT {bucket}, series_id, time, value{labels} FROM metrics WHERE {conditions_text}");
    let aggregate = match function {
        Function::Min => "min(value)".to_owned(),
        Function::Max => "max(value)".to_owned(),
        Function::Count => "cast(count(value) AS double)".to_owned(),
        Function::Last => "last_value(value ORDER BY time)".to_owned(),
        Function::Quantile(quantile) => format!("approx_percentile_cont({quantile:?}) WITHIN GROUP (ORDER BY value)"),
        _ => "avg(value)".to_owned(),
    };
    let limit = VALUES_MAX + 1;
    let sql = match function {
        // What all have together: the last value of each.
        Function::Sum => format!(
            "SELECT bucket, sum(last) AS value, cast(sum(points) AS bigint) AS points{names} FROM (
                SELECT bucket, series_id{names}, last_value(value ORDER BY time) AS last, count(*) AS points
                FROM ({points}) AS points GROUP BY bucket, series_id{names}
            ) AS series GROUP BY bucket{names} LIMIT {limit}"
        ),
        _ => format!(
            "SELECT bucket, {aggregate} AS told, count(*) AS points{names} FROM ({points}) AS points
            GROUP BY bucket{names} LIMIT {limit}"
        ),
    };
    told(&asking, &asking.source.ask(sql, conditions.params()).await?)
}

/// A quantile as summaries tell it, over time.
pub(crate) async fn told_quantiles(asking: Asking<'_>, quantile: f64) -> Result<Told, Failure> {
    check_told(&asking, quantile).await?;
    let mut conditions = asking.selection.conditions(asking.range);
    let (labels, names) = labels(&mut conditions, asking.by);
    let sql = format!(
        "SELECT bucket, max(told['value']) AS value, count(*) AS points{names}, count(DISTINCT series_id) AS series FROM (
            SELECT {bucket}, series_id, unnest(quantiles) AS told{labels} FROM histograms WHERE {conditions}
        ) AS points WHERE abs(told['quantile'] - {quantile:?}) < 1e-9 AND NOT isnan(told['value'])
        GROUP BY bucket{names} LIMIT {limit}",
        bucket = bucket(asking.steps),
        conditions = conditions.text(),
        limit = VALUES_MAX + 1,
    );
    let answer = asking.source.ask(sql, conditions.params()).await?;
    let mut told = told(&asking, &answer)?;
    if answer.rows().any(|row| row.count(3 + asking.by.len()) > 1) {
        told.warnings.push(
            "quantiles of several summaries cannot be put together: where series share a value, it is the largest of them"
                .to_owned(),
        );
    }
    Ok(told)
}

/// Refuses a quantile that no summary tells.
async fn check_told(asking: &Asking<'_>, quantile: f64) -> Result<(), Failure> {
    let conditions = asking.selection.conditions(asking.range);
    let sql = format!(
        "SELECT DISTINCT told['quantile'] AS quantile FROM (
            SELECT unnest(quantiles) AS told FROM histograms WHERE {}
        ) AS points ORDER BY quantile LIMIT 100",
        conditions.text()
    );
    let answer = asking.source.ask(sql, conditions.params()).await?;
    let told: Vec<f64> = answer.rows().filter_map(|row| row.double(0)).collect();
    if told.iter().any(|told| (told - quantile).abs() < 1e-9) {
        return Ok(());
    }
    let failure = Failure::invalid(format!("no summary of '{}' tells the quantile {quantile}", asking.selection.name));
    let told: Vec<String> = told.iter().map(f64::to_string).collect();
    Err(failure
        .hinting(format!("these are told: {}", if told.is_empty() { "none".to_owned() } else { told.join(", ") })))
}

fn bucket(steps: &Steps) -> String {
    format!("time_bucket('{} seconds', time) AS bucket", steps.width_seconds())
}

/// The columns of labels, and their names, each after a comma.
fn labels(conditions: &mut Conditions, by: &[String]) -> (String, String) {
    let (mut columns, mut names) = (String::new(), String::new());
    for (number, key) in by.iter().enumerate() {
        columns.push_str(&format!(", {} AS label_{number}", label(conditions, key)));
        names.push_str(&format!(", label_{number}"));
    }
    (columns, names)
}

fn told(asking: &Asking<'_>, answer: &Answer) -> Result<Told, Failure> {
    if answer.len() > VALUES_MAX {
        let failure = Failure::invalid(format!("there are more than {VALUES_MAX} values, series by buckets"));
        return Err(failure.hinting("tell apart 'by' fewer labels, choose some with 'filter', or say a longer 'step'"));
    }
    let mut told = Told::default();
    for row in answer.rows() {
        let place = row.integer(0).and_then(|start| asking.steps.place(start));
        let (Some(place), Some(value)) = (place, row.double(1)) else { continue };
        told.points += row.count(2);
        let group = (0..asking.by.len()).map(|number| row.owned(3 + number)).collect();
        told.grid.entry(group).or_default().insert(place, value);
    }
    Ok(told)
}

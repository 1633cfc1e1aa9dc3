//! The short form of a condition: `error_rate > 1%`.

use plugin::yaml::Wrong;

use super::measure::{self, Unit};
use super::{Comparison, Measure};

/// Signs of comparisons; longer ones first, so that `>=` is not read as `>`.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::GreaterOrEqual),
    ("<=", Comparison::LessOrEqual),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
];

/// What a short condition says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Short {
    pub(crate) measure: Measure,
    pub(crate) comparison: Comparison,
    pub(crate) threshold: f64,
}

/// Reads a measure and what it is held against.
pub(crate) fn parse(text: &str) -> Result<Short, Wrong> {
    let start = text.len() - text.trim_start().len();
    let name_end =
        text[start..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(text.len(), |end| start + end);
    let described = measure::named(&text[start..name_end]).map_err(|wrong| wrong.at(start))?;
    let measure = described.measure;
    if text[name_end..].trim().is_empty() {
        return bare(measure).ok_or_else(|| {
            let example = format!("write `{} > {}`", described.name, described.unit.written(0.5));
            Wrong::new(format!("`{}` is held against nothing", described.name), example).at(name_end)
        });
    }
    let (sign_end, comparison) = sign(text, name_end)?;
    Ok(Short { measure, comparison, threshold: threshold(text, sign_end, described.unit)? })
}

/// A measure that is a condition in itself.
fn bare(measure: Measure) -> Option<Short> {
    let is_condition = measure == Measure::DbConnectionFailed;
    is_condition.then_some(Short { measure, comparison: Comparison::Greater, threshold: 0.0 })
}

/// The comparison after the measure, and where it ends.
fn sign(text: &str, from: usize) -> Result<(usize, Comparison), Wrong> {
    let start = text.len() - text[from..].trim_start().len();
    let found = SIGNS.iter().find(|(sign, _)| text[start..].starts_with(sign));
    found.map(|(sign, comparison)| (start + sign.len(), *comparison)).ok_or_else(|| {
        let written: String = text[start..].chars().take_while(|c| !c.is_whitespace()).take(20).collect();
        Wrong::new(format!("`{written}` is no comparison"), "write one of > >= < <= == !=").at(start)
    })
}

fn threshold(text: &str, from: usize, unit: Unit) -> Result<f64, Wrong> {
    let start = text.len() - text[from..].trim_start().len();
    let rest = &text[start..];
    let number_end = start + number_len(rest);
    if number_end == start {
        return Err(Wrong::new("there is no number to hold it against", "write one, as in `> 5%`").at(start));
    }
    let unit_start = text.len() - text[number_end..].trim_start().len();
    let unit_end = text[unit_start..].find(char::is_whitespace).map_or(text.len(), |end| unit_start + end);
    let after = text[unit_end..].trim();
    if !after.is_empty() {
        let remedy = "write it as members of the rule: `for: 5m`, `over: 10m`, `where: {service: checkout}`";
        return Err(Wrong::new(format!("`{after}` is too much"), remedy).at(unit_end + 1));
    }
    unit.value(&text[start..number_end], &text[unit_start..unit_end]).map_err(|wrong| wrong.at(start))
}

/// How long the number is that the text begins with: `0.5`, `-1`, `1e-3`.
pub(super) fn number_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let sign_len = |at: usize| usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
    let whole = sign_len(0);
    let whole = whole + digits(whole);
    if whole == sign_len(0) || !matches!(bytes.get(whole), Some(b'e' | b'E')) {
        return if whole == sign_len(0) { 0 } else { whole };
    }
    let power = whole + 1 + sign_len(whole + 1);
    let power_digits = digits(power);
    if power_digits == 0 { whole } else { power + power_digits }
}

impl Comparison {
    pub(crate) fn sign(self) -> &'static str {
        SIGNS
            .iter()
            .find(|(_, comparison)| *comparison == self)
            .map(|(sign, _)| *sign)
            .expect("every comparison has one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Percent;

    #[test]
    fn short_conditions_are_a_measure_a_comparison_and_a_threshold() {
        let check = |text: &str, measure, comparison, threshold| {
            assert_eq!(parse(text), Ok(Short { measure, comparison, threshold }), "{text}");
        };

        check("error_rate > 1%", Measure::ErrorRate, Comparison::Greater, 0.01);
        check("error_rate > 0.5%", Measure::ErrorRate, Comparison::Greater, 0.005);
        check("  cpu_usage>=80 %  ", Measure::CpuUsage, Comparison::GreaterOrEqual, 0.8);
        check("p95_response_time > 150ms", Measure::ResponseTime(Percent::P95), Comparison::Greater, 150.0);
        check("p99_response_time > 1.5s", Measure::ResponseTime(Percent::P99), Comparison::Greater, 1500.0);
        check("p50_db_response_time > 2m", Measure::DbResponseTime(Percent::P50), Comparison::Greater, 120_000.0);
        check("request_rate < 30/m", Measure::RequestRate, Comparison::Less, 0.5);
        check("request_rate == 0", Measure::RequestRate, Comparison::Equal, 0.0);
        check("db_connection_failed", Measure::DbConnectionFailed, Comparison::Greater, 0.0);
        check("db_connection_failed > 3", Measure::DbConnectionFailed, Comparison::Greater, 3.0);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
        let check = |text: &str, offset: usize, says: &str| {
            let wrong = parse(text).expect_err(text);
            let said = format!("{}; {}", wrong.problem, wrong.remedy);
            assert_eq!(wrong.offset, offset, "{text}: {said}");
            assert!(said.contains(says), "{text}: {said}");
        };

        check("eror_rate > 1%", 0, "did you mean error_rate");
        check("error_rate > 150ms", 13, "write a percentage");
        check("error_rate > 5", 13, "has no unit");
        check("p95_response_time > 150", 20, "write us, ms, s or m");
        check("error_count > 5%", 14, "write a number alone");
        check("error_rate => 5%", 11, "write one of >");
        check("error_rate", 10, "write `error_rate > 50%`");
        check("error_rate >", 12, "no number");
        check("error_rate > much", 13, "no number");
        check("cpu_usage > 180%", 12, "more than 100%");
        check("cpu_usage > -1%", 12, "less than 0");
        check("error_rate > 1% for 5m", 16, "for: 5m");
        check("error_rate > 1.2.3%", 13, "not a number");
        check("error_rate > 1e999%", 13, "not a number");
    }
}

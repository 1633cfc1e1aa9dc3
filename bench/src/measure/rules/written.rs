//! Ten thousand rules in files: ten for each operation of each service, of which one fires.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Context;

use super::requests::{OPERATIONS, SERVICES, operation_name, service_name};

const FILES: usize = 4;
pub(super) const FIRING: usize = SERVICES * OPERATIONS;
pub(super) const RULES: usize = FIRING * CONDITIONS.len();
/// Rules that are statements of their own, in the place of one condition: each is a query.
pub(super) const STATEMENTS: usize = 100;

/// Measure and window; the first is true, all others are not.
const CONDITIONS: [(&str, &str); 10] = [
    ("request_rate > 0.01/s", "5m"),
    ("request_rate > 1000/s", "5m"),
    ("error_count > 1000000", "5m"),
    ("error_rate > 50%", "5m"),
    ("p50_response_time > 10s", "5m"),
    ("p90_response_time > 10s", "5m"),
    ("p95_response_time > 10s", "5m"),
    ("p99_response_time > 10s", "5m"),
    ("error_rate > 50%", "10m"),
    ("p95_response_time > 10s", "10m"),
];

/// Puts the files into the folder of rules at once, so that none is read half-written.
pub(super) fn put(directory: &Path) -> anyhow::Result<()> {
    let (unseen, folder) = (directory.join("rules.new"), directory.join("rules"));
    fs::create_dir(&unseen).with_context(|| format!("cannot make {}", unseen.display()))?;
    for file in 0..FILES {
        let rules = file * RULES / FILES..(file + 1) * RULES / FILES;
        fs::write(unseen.join(format!("{file}.yaml")), rules.map(rule).collect::<String>())?;
    }
    fs::rename(&unseen, &folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// A rule as a line of YAML.
fn rule(number: usize) -> String {
    let (thing, condition) = (number / CONDITIONS.len(), number % CONDITIONS.len());
    let (service, operation) = (service_name(thing / OPERATIONS), operation_name(thing % OPERATIONS));
    let mut rule = format!("- {{name: Rule {number}, interval: 30s, severity: warning, incident: none, ");
    let rest = match (thing, condition) {
        (..STATEMENTS, 1) => format!("sql: \"{}\"}}", statement(&service, &operation)),
        _ => {
            let (condition, over) = CONDITIONS[condition];
            format!("condition: {condition}, over: {over}, where: {{service: {service}, operation: {operation}}}}}")
        }
    };
    writeln!(rule, "{rest}").expect("a text takes all");
    rule
}

fn statement(service: &str, operation: &str) -> String {
    format!(
        "SELECT service_name AS service, count(*) AS value FROM spans WHERE service_name = '{service}' AND name = '{operation}' \
         AND start_time > now() - interval '5 minutes' GROUP BY 1 HAVING count(*) > 1000000"
    )
}

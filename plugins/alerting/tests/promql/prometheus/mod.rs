//! What a Prometheus server answers, held against what we answer: the same series are sent to us as OpenTelemetry has them
//! and to it as it has them, and every expression is asked of both at several times.

mod expressions;
mod series;

use alerting::trial::{self, Element, Sandbox};
use plugin::model::Timestamp;
use testkit::{PrometheusElement, PrometheusServer};

use self::expressions::{DIFFERENCES, Difference, FAILURES, NUMBERS, VECTORS};
use super::bench;

const SEED: u64 = 7;
/// In milliseconds since the begin. No sample is exactly as old as a range, which Prometheus 2 sees otherwise than 3 does.
const INSTANTS: [i64; 6] = [720_003, 1_391_003, 2_466_003, 3_000_003, 3_599_903, 3_725_003];
/// Of the larger number: sums are not all added up in the same order.
const TOLERANCE: f64 = 1e-9;

type Found = Result<Vec<Element>, String>;

#[test]
fn what_prometheus_answers_we_answer() {
    with_both(async |ours, prometheus| {
        let named = VECTORS.iter().map(|text| named(text));
        let expressions: Vec<String> = named.chain(NUMBERS.iter().map(ToString::to_string)).collect();
        let mut disagreements = Vec::new();

        for at in INSTANTS {
            for (expression, found) in expressions.iter().zip(asked(ours, &expressions, at).await) {
                let told = prometheus.ask(expression, series::millis(at)).await.map(as_alerts);
                if !agree(&found, &told) {
                    disagreements.push(format!("{expression} at {at}:\nours {found:?}\ntold {told:?}"));
                }
            }
        }

        assert!(disagreements.is_empty(), "seed {SEED}\n{}", disagreements.join("\n"));
    });
}

#[test]
fn what_prometheus_cannot_evaluate_we_cannot() {
    with_both(async |ours, prometheus| {
        let expressions: Vec<String> = FAILURES.iter().map(ToString::to_string).collect();

        for at in INSTANTS {
            for (expression, found) in expressions.iter().zip(asked(ours, &expressions, at).await) {
                let told = prometheus.ask(expression, series::millis(at)).await;
                let failed = found.as_ref().err().filter(|failed| !failed.contains("not supported"));
                assert!(failed.is_some() && told.is_err(), "{expression} at {at}:\nours {found:?}\ntold {told:?}");
            }
        }
    });
}

#[test]
fn where_prometheus_3_differs_from_2_we_follow_3() {
    with_both(async |ours, prometheus| {
        for Difference { text, at, second, third, why } in DIFFERENCES {
            let expressions = [(*text).to_owned()];

            let found = asked(ours, &expressions, *at).await.remove(0).expect("an answer");
            let told = prometheus.ask(text, series::millis(*at)).await.expect("an answer");

            let ([found], [told]) = (&found[..], &told[..]) else { panic!("{text}: {found:?}, {told:?}") };
            assert!(is_same(found.value, *third), "{text}, as {why}: {found:?}");
            assert!(is_same(told.value, *second) || is_same(told.value, *third), "{text}, as {why}: {told:?}");
        }
    });
}

/// A place of ours and a server that know the same series; skipped where there is no Prometheus.
fn with_both(check: impl AsyncFnOnce(&Sandbox, &PrometheusServer)) {
    let metrics = series::metrics(SEED);
    bench::beside(&series::sent(&metrics), async |sandbox| match PrometheusServer::start().await {
        Err(skip) => skip.tell(),
        Ok(prometheus) => {
            prometheus.write(&series::held(&metrics)).await;
            check(sandbox, &prometheus).await;
        }
    });
}

async fn asked(ours: &Sandbox, expressions: &[String], at: i64) -> Vec<Found> {
    trial::ask(ours, expressions, Timestamp(series::millis(at) * 1_000_000)).await
}

/// With the name of the metric in a label of its own: alerts have no names, and Prometheus says where there is one.
fn named(expression: &str) -> String {
    format!("label_replace({expression}, \"named\", \"$1\", \"__name__\", \"(.+)\")")
}

fn as_alerts(elements: Vec<PrometheusElement>) -> Vec<Element> {
    let element = |PrometheusElement { mut labels, value }| {
        labels.remove("__name__");
        Element { labels, value }
    };
    elements.into_iter().map(element).collect()
}

/// In any order.
fn agree(found: &Found, told: &Found) -> bool {
    let (Ok(found), Ok(told)) = (found, told) else { return false };
    let sorted = |elements: &[Element]| {
        let mut elements = elements.to_vec();
        elements.sort_by(|one, other| one.labels.cmp(&other.labels).then(one.value.total_cmp(&other.value)));
        elements
    };
    let (found, told) = (sorted(found), sorted(told));
    let mut pairs = found.iter().zip(&told);
    found.len() == told.len() && pairs.all(|(one, other)| one.labels == other.labels && is_same(one.value, other.value))
}

fn is_same(one: f64, other: f64) -> bool {
    let is_near = || (one - other).abs() <= TOLERANCE * one.abs().max(other.abs());
    one == other || (one.is_nan() && other.is_nan()) || (one.is_finite() && other.is_finite() && is_near())
}

use proptest::prelude::*;

use super::{MINUTE, SECOND, given, given_each};

#[test]
fn a_rate_reaches_to_the_ends_of_its_range() {
    let steady = given("c 0+10x10");

    // Four samples of 4 minutes are 3 minutes apart; the fourth minute is as the others were.
    steady.check(10 * MINUTE, "increase(c[4m])", "{} 40");
    steady.check(10 * MINUTE, "rate(c[4m]) * 60", "{} 10");
    // Half a minute after the last sample: half a step to it, half a step before the first.
    steady.check(10 * MINUTE + 30 * SECOND, "increase(c[5m])", "{} 50");
    steady.check(10 * MINUTE, "delta(c[4m])", "{} 40");
    steady.check(10 * MINUTE, "rate(c[1m])", "");
}

#[test]
fn a_series_that_begins_in_the_range_is_not_thought_to_be_older() {
    let young = given("c _x6 5+10x3");

    // From the eighth minute on 30; half a step more before the first, as nobody knows, but not below zero.
    young.check(10 * MINUTE, "increase(c[10m])", "{} 35");
    young.check(10 * MINUTE, "delta(c[10m])", "{} 35");
    given("c _x6 0+10x3").check(10 * MINUTE, "increase(c[10m])", "{} 30");
    given("c _x6 0+10x3").check(10 * MINUTE, "delta(c[10m])", "{} 35");
    given("c _x6 2+10x3").check(10 * MINUTE, "increase(c[10m])", "{} 32");
    // One that ended in between is not thought to go on for long.
    given("c 0+10x4").check(10 * MINUTE, "delta(c[10m])", "{} 45");
}

#[test]
fn a_counter_that_begins_again_has_lost_nothing() {
    let reset = given("c 0+10x4 0+10x5");

    // From 10 to 40 and from 0 to 50 in nine minutes, and as fast in the first.
    reset.check(10 * MINUTE, "increase(c[10m])", "{} 88.888888889");
    reset.check(10 * MINUTE, "resets(c[20m])", "{} 1");
    reset.check(10 * MINUTE, "changes(c[20m])", "{} 10");
    reset.check(5 * MINUTE, "irate(c[5m])", "{} 0");
    reset.check(5 * MINUTE, "idelta(c[5m])", "{} -40");
    reset.check(6 * MINUTE, "irate(c[5m]) * 60", "{} 10");
    given("c 5 3").check(MINUTE, "irate(c[5m]) * 60", "{} 3");
}

#[test]
fn gauges_have_slopes() {
    let line = given("g 4+2x10");

    line.check(10 * MINUTE, "deriv(g[10m]) * 60", "{} 2");
    line.check(10 * MINUTE, "predict_linear(g[10m], 3600)", "{} 144");
    line.check(11 * MINUTE, "predict_linear(g[10m], 0)", "{} 26");
    given("g 3x10").check(10 * MINUTE, "deriv(g[10m])", "{} 0");
    given("g 3").check(0, "deriv(g[10m])", "");
    given("g Infx10").check(10 * MINUTE, "deriv(g[10m])", "{} NaN");
}

#[test]
fn numbers_over_time_are_of_what_is_in_the_range() {
    let gauge = given("g 1 3 2 6 NaN stale");
    let check = |text: &str, expected: &str| gauge.check(3 * MINUTE, text, expected);

    check("avg_over_time(g[4m])", "{} 3");
    check("min_over_time(g[4m])", "{} 1");
    check("max_over_time(g[4m])", "{} 6");
    check("sum_over_time(g[4m])", "{} 12");
    check("count_over_time(g[4m])", "{} 4");
    check("last_over_time(g[4m])", "{__name__=\"g\"} 6");
    check("present_over_time(g[4m])", "{} 1");
    check("stdvar_over_time(g[4m])", "{} 3.5");
    check("stddev_over_time(g[4m]) ^ 2", "{} 3.5");
    check("quantile_over_time(0.5, g[4m])", "{} 2.5");
    check("quantile_over_time(2, g[4m])", "{} inf");
    gauge.check(4 * MINUTE, "max_over_time(g[5m])", "{} 6");
    gauge.check(5 * MINUTE, "count_over_time(g[6m])", "{} 5");
    gauge.check(4 * MINUTE, "changes(g[5m])", "{} 4");
}

#[test]
fn a_range_begins_after_its_begin_and_ends_with_its_end() {
    let each_second = given_each(SECOND, "g 0+1x100");

    each_second.check(100 * SECOND, "count_over_time(g[10s])", "{} 10");
    each_second.check(100 * SECOND, "min_over_time(g[10s])", "{} 91");
    each_second.check(100 * SECOND, "max_over_time(g[10s] offset 50s)", "{} 50");
    each_second.check(50 * SECOND, "max_over_time(g[10s] offset -20s)", "{} 70");
}

#[test]
fn each_number_becomes_another() {
    let some = given("v{a=\"x\"} -1.5\n v{a=\"y\"} 2.5");
    let check = |text: &str, x: &str, y: &str| some.check(0, text, &format!("{{a=\"x\"}} {x}; {{a=\"y\"}} {y}"));

    check("abs(v)", "1.5", "2.5");
    check("ceil(v)", "-1", "3");
    check("floor(v)", "-2", "2");
    check("round(v)", "-1", "3");
    check("round(v, 0.2)", "-1.4", "2.6");
    check("sgn(v)", "-1", "1");
    check("-v", "1.5", "-2.5");
    check("clamp(v, 0, 2)", "0", "2");
    check("clamp_min(v, 0)", "0", "2.5");
    check("clamp_max(v, NaN)", "NaN", "NaN");
    check("exp(ln(v + 2.5))", "1", "5");
    check("log2(v * 0 + 8) + log10(v * 0 + 100)", "5", "5");
    check("sqrt(v)", "NaN", "1.58113883");
    check("v % 2", "-1.5", "0.5");
    check("v ^ 2", "2.25", "6.25");
    check("v / 0", "-inf", "inf");
    some.check(0, "clamp(v, 2, 0)", "");
    check("clamp_max(v / 0, NaN)", "-inf", "NaN");
    check("clamp_min(v / 0, NaN)", "NaN", "inf");
    check("clamp(v * NaN, Inf, Inf)", "inf", "inf");
    some.check(0, "sort_desc(sort(v{a='x'}))", "{__name__=\"v\", a=\"x\"} -1.5");
}

#[test]
fn numbers_and_vectors_become_each_other() {
    let some = given("v{a=\"x\"} 7\n v{a=\"y\"} 2");

    some.check(90 * SECOND, "time()", "{} 90");
    some.check(0, "vector(3) + 1", "{} 4");
    some.check(0, "scalar(v{a='x'}) * 2", "{} 14");
    some.check(0, "scalar(v)", "{} NaN");
    some.check(0, "1 + 2 * 3 ^ 2 - -1", "{} 20");
    some.check(0, "2 > bool 1", "{} 1");
    some.check(90 * SECOND, "timestamp(v{a='x'})", "{a=\"x\"} 0");
    some.check(90 * SECOND, "timestamp(v{a='x'} * 1)", "{a=\"x\"} 90");
    some.check(90 * SECOND, "timestamp((v{a='x'}))", "{a=\"x\"} 0");
    some.check(90 * SECOND, "timestamp(sort(v{a='x'}))", "{a=\"x\"} 90");
}

#[test]
fn what_is_not_there_is_told_with_the_labels_that_are_known() {
    let some = given("v{a=\"x\"} 7");

    some.check(0, "absent(v)", "");
    some.check(0, "absent(w{a='x', b=~'y.*', c='', d!='z'})", "{a=\"x\"} 1");
    some.check(0, "absent(w{a='x', a='y', b='z'})", "{b=\"z\"} 1");
    some.check(0, "absent(w{a=~'.*', a='x', b='', b='y'})", "{a=\"x\"} 1");
    some.check(0, "absent(sum(w{a='x'}))", "{} 1");
    some.check(0, "absent(sort(w{a='x'}))", "{} 1");
    some.check(4 * MINUTE, "absent_over_time(v{a='x'}[5m])", "");
    some.check(5 * MINUTE, "absent_over_time(v{a='x'}[5m])", "{a=\"x\"} 1");
}

#[test]
fn labels_are_replaced_where_the_whole_value_matches() {
    let some = given("v{pod=\"shop-7f\"} 1\n v{pod=\"pay\"} 2");

    some.check(0, "label_replace(v, 'app', '${1}!', 'pod', '(.*)-.*')", {
        "{__name__=\"v\", app=\"shop!\", pod=\"shop-7f\"} 1; {__name__=\"v\", pod=\"pay\"} 2"
    });
    some.check(0, "label_replace(v{pod='pay'}, 'pod', '', 'pod', '.*')", "{__name__=\"v\"} 2");
    some.check_fails(0, "label_replace(v, 'pod', 'same', 'pod', '.*')", "would all be {__name__=\"v\", pod=\"same\"}");
    // One that stays as it is may be what another becomes.
    some.check_fails(
        0,
        "label_replace(v, 'pod', 'pay', 'pod', 'shop.*')",
        "would all be {__name__=\"v\", pod=\"pay\"}",
    );
    some.check_fails(0, "label_replace(v, 'pod', 'shop-7f', 'pod', 'pay')", "would all be");
}

proptest! {
    #[test]
    fn a_counter_never_falls_and_a_steady_one_has_its_slope(
        steps in prop::collection::vec(0.0..1e6_f64, 2..50), slope in 0.0..1e6_f64
    ) {
        let mut sum = 0.0;
        let values: Vec<String> = steps.iter().map(|step| { sum += step; sum.to_string() }).collect();
        let at = (steps.len() as i64 - 1) * MINUTE;
        let told = given(&format!("c {}", values.join(" "))).ask(at, "increase(c[1h])").expect("a vector");
        prop_assert!(told[0].1 >= 0.0 && told[0].1 <= sum * 1.000001);

        let steady = given(&format!("c 1e9+{slope}x60")).ask(60 * MINUTE, "rate(c[30m])").expect("a vector");
        prop_assert!((steady[0].1 * 60.0 - slope).abs() <= 1e-6 * (1.0 + slope));
    }
}

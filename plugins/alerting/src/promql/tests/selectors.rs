use super::{MINUTE, given};
use crate::promql::names;

#[test]
fn labels_are_matched_from_begin_to_end() {
    let some = given("v{a=\"shop\"} 1\n v{a=\"shopping\"} 2\n v 3\n w{a=\"shop\"} 4");
    let check = |text: &str, expected: &[f64]| {
        let told = some.ask(0, text).expect("a vector");
        assert_eq!(told.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), expected, "{text}");
    };

    check("v", &[1.0, 2.0, 3.0]);
    check("v{a='shop'}", &[1.0]);
    check("v{a!='shop'}", &[2.0, 3.0]);
    check("v{a=~'sh.p'}", &[1.0]);
    check("v{a=~'shop.*'}", &[1.0, 2.0]);
    check("v{a!~'shop|shopping'}", &[3.0]);
    check("v{a=''}", &[3.0]);
    check("v{a=~'x|'}", &[3.0]);
    check("v{a!=''}", &[1.0, 2.0]);
    check("{a='shop'}", &[1.0, 4.0]);
    check("{__name__=~'v|w', a='shop'}", &[1.0, 4.0]);
    check("{\"w\"}", &[4.0]);
}

#[test]
fn a_sample_counts_for_five_minutes_unless_its_series_ends() {
    let some = given("v 1");
    some.check(5 * MINUTE - 1, "v", "{__name__=\"v\"} 1");
    some.check(5 * MINUTE, "v", "");

    let ended = given("v 1 stale _ 2");
    ended.check(MINUTE - 1, "v", "{__name__=\"v\"} 1");
    ended.check(MINUTE, "v", "");
    ended.check(2 * MINUTE, "v", "");
    ended.check(3 * MINUTE, "v", "{__name__=\"v\"} 2");
}

#[test]
fn an_offset_looks_back_or_ahead() {
    let some = given("v 0+1x60");

    some.check(30 * MINUTE, "v - v offset 10m", "{} 10");
    some.check(30 * MINUTE, "v offset -10m", "{__name__=\"v\"} 40");
    some.check(30 * MINUTE, "increase(v[5m] offset 10m)", "{} 5");
}

#[test]
fn names_of_attributes_may_have_dots() {
    let some = given("v{http_route=\"/\"} 1\n b{le=\"1\"} 2");

    some.check(0, "v{\"http.route\"='/'}", "{__name__=\"v\", http_route=\"/\"} 1");
    some.check(0, "b{le='1.0'}", "{__name__=\"b\", le=\"1\"} 2");
    assert_eq!(names::label("http.route"), "http_route");
}

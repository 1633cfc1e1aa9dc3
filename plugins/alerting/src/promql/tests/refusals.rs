use crate::promql::lower::DEPTH_MAX;
use crate::promql::parse;

/// What is refused, and the word that it is about.
#[track_caller]
fn check(text: &str, words: &str, at: &str) {
    let refused = parse(text).expect_err(text);
    assert!(refused.message.contains(words), "{text}: {}", refused.message);
    assert_eq!(refused.offset_in_text, text.find(at).expect("it is there"), "{text}: {}", refused.message);
}

#[test]
fn what_is_not_supported_is_refused_by_name_and_place() {
    check("1 + max_over_time(rate(x[1m])[1h:1m])", "subqueries are not supported", "[");
    check("sum(x @ 100)", "`@` is not supported", "@");
    check("x @ end()", "`@` is not supported", "@");
    check("up + histogram_avg(x)", "`histogram_avg` is not supported", "histogram_avg");
    check("up + holt_winters(x[5m], 1, 1)", "unknown function with name 'holt_winters'", "holt_winters");
    check("label_join(x, 'a', 'b', 'c')", "`label_join` is not supported", "label_join");
    check("mad_over_time(x[5m])", "`mad_over_time` is not supported", "mad_over_time");
    check("hour() > 8", "`hour` is not supported", "hour");
    check("x + on (a) fill (0) y", "`fill` is not supported", "fill");
    check("x{a='1' or b='2'}", "`or` between matchers", "or");
    check("sum(count_values('a', x))", "`count_values` is not supported", "count_values");
    check("limitk(1, x)", "`limitk` is not supported", "limitk");
    check("x atan2 y", "`atan2` is not supported", "atan2");
    check("1 + pi()", "`pi` is not supported", "pi");
}

#[test]
fn types_are_those_of_prometheus() {
    check("'text'", "a text is no condition", "");
    check("x[5m]", "a range is no condition", "[");
    check("x > 1 and 1", "set operator 'and' not allowed", "and");
    check("sum(1)", "", "sum");
    check("ln(1)", "expected type vector", "");
    check("ln(-1)", "is a number where a vector is wanted", "");
    check("1 > 2", "BOOL", "");
    check("rate(x)", "rate", "rate");
    check("{a=~'.*'}", "matcher", "");
    check("x{a=~'(y'}", "illegal regex", "(y");
    check("x +", "", "");
    check("", "empty", "");
    check(" # nothing", "no expression", "");
    check("label_replace(x, '', 'a', 'b', 'c')", "name of a label", "label_replace");
}

#[test]
fn the_deepest_expression_can_be_walked() {
    let deep = |open: &str, close: &str, times| format!("{}x{}", open.repeat(times), close.repeat(times));

    for (open, close) in [("(", ")"), ("abs(", ")"), ("-", ""), ("", " + x")] {
        assert!(parse(&deep(open, close, DEPTH_MAX - 1)).is_ok(), "{open}x{close}");
        assert!(parse(&deep(open, close, DEPTH_MAX)).is_err(), "{open}x{close}");
        assert!(parse(&deep(open, close, 199)).is_err(), "{open}x{close}");
    }
    assert!(parse(&deep("(", ")", 16_000)).is_err());
}

use super::{MINUTE, given};

const SHOP: &str = r#"
    errors{s="a", code="500"} 4
    errors{s="a", code="503"} 6
    errors{s="b", code="500"} 1
    requests{s="a"} 100
    requests{s="b"} 50
    requests{s="c"} 7
"#;

#[test]
fn elements_are_aggregated_by_labels() {
    let shop = given(SHOP);
    let check = |text: &str, expected: &str| shop.check(0, text, expected);

    check("sum(errors)", "{} 11");
    check("sum by (s) (errors)", "{s=\"a\"} 10; {s=\"b\"} 1");
    check("sum without (code) (errors)", "{s=\"a\"} 10; {s=\"b\"} 1");
    check("avg by (code) (errors)", "{code=\"500\"} 2.5; {code=\"503\"} 6");
    check("max(errors) - min(errors)", "{} 5");
    check("count by (nothing) (errors)", "{} 3");
    check("group(errors)", "{} 1");
    check("stdvar(requests{s!='c'})", "{} 625");
    check("stddev(requests{s!='c'})", "{} 25");
    check("quantile(0.5, requests)", "{} 50");
    check("topk(1, errors)", "{__name__=\"errors\", code=\"503\", s=\"a\"} 6");
    check("bottomk by (s) (1, errors)", {
        "{__name__=\"errors\", code=\"500\", s=\"a\"} 4; {__name__=\"errors\", code=\"500\", s=\"b\"} 1"
    });
    check("topk(0, errors)", "");
    check("topk(-3, errors)", "");
    check("sum(nothing)", "");
    shop.check_fails(0, "topk(NaN, errors)", "NaN");
}

#[test]
fn nan_is_the_worst_of_all() {
    let some = given("v{a=\"x\"} NaN\n v{a=\"y\"} 1\n v{a=\"z\"} 2");

    some.check(0, "max(v)", "{} 2");
    some.check(0, "topk(1, v)", "{__name__=\"v\", a=\"z\"} 2");
    some.check(0, "bottomk(1, v)", "{__name__=\"v\", a=\"y\"} 1");
    some.check(0, "sum(v)", "{} NaN");
    some.check(0, "v == v", "{__name__=\"v\", a=\"y\"} 1; {__name__=\"v\", a=\"z\"} 2");
    some.check(0, "v != bool v", "{a=\"x\"} 1; {a=\"y\"} 0; {a=\"z\"} 0");
}

#[test]
fn of_equal_elements_the_first_by_label_are_kept() {
    let lines = ["v{a=\"x\"} 1", "v{a=\"y\"} 1", "v{a=\"z\"} 1"];
    let first = "{__name__=\"v\", a=\"x\"} 1; {__name__=\"v\", a=\"y\"} 1";

    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let some = given(&order.map(|place| lines[place]).join("\n"));
        some.check(0, "topk(2, v)", first);
        some.check(0, "bottomk(2, v)", first);
    }
}

#[test]
fn comparisons_keep_what_they_hold_for_and_its_name() {
    let shop = given(SHOP);
    let check = |text: &str, expected: &str| shop.check(0, text, expected);

    check("requests > 49", "{__name__=\"requests\", s=\"a\"} 100; {__name__=\"requests\", s=\"b\"} 50");
    check("49 < requests{s='a'}", "{__name__=\"requests\", s=\"a\"} 100");
    check("requests > bool 60", "{s=\"a\"} 1; {s=\"b\"} 0; {s=\"c\"} 0");
    check("60 <= bool requests{s='a'}", "{s=\"a\"} 1");
    check("requests == 7", "{__name__=\"requests\", s=\"c\"} 7");
    check("requests >= 50 < 100", "{__name__=\"requests\", s=\"b\"} 50");
    check("requests * 2 != 14", "{s=\"a\"} 200; {s=\"b\"} 100");
}

#[test]
fn two_sides_belong_together_by_their_labels() {
    let shop = given(SHOP);
    let check = |text: &str, expected: &str| shop.check(0, text, expected);

    check("sum by (s) (errors) / requests", "{s=\"a\"} 0.1; {s=\"b\"} 0.02");
    check("errors{code='500'} / on (s) requests", "{s=\"a\"} 0.04; {s=\"b\"} 0.02");
    check("errors{code='500'} / ignoring (code) requests", "{s=\"a\"} 0.04; {s=\"b\"} 0.02");
    check("requests > on (s) errors{code='503'}", "{s=\"a\"} 100");
    check("requests > ignoring (code) errors{code='503'}", "{__name__=\"requests\", s=\"a\"} 100");
    check("requests > bool on (s) errors{code='503'}", "{s=\"a\"} 1");
    check("errors + requests", "");
    check("nothing / on (s) errors", "");
    check("errors / on (s) nothing", "");
}

#[test]
fn many_may_belong_to_one_when_it_is_said() {
    let shop = given(&format!("{SHOP}\n owner{{s=\"a\", team=\"blue\"}} 1\n owner{{s=\"b\"}} 1"));
    let check = |text: &str, expected: &str| shop.check(0, text, expected);

    check("errors / on (s) group_left requests", {
        "{code=\"500\", s=\"a\"} 0.04; {code=\"500\", s=\"b\"} 0.02; {code=\"503\", s=\"a\"} 0.06"
    });
    check("requests * on (s) group_left (team) owner", "{s=\"a\", team=\"blue\"} 100; {s=\"b\"} 50");
    check("owner * on (s) group_right (team) requests", "{s=\"a\", team=\"blue\"} 100; {s=\"b\"} 50");
    check("requests > on (s) group_right errors{code='503'}", "{__name__=\"errors\", code=\"503\", s=\"a\"} 100");
}

#[test]
fn many_to_many_is_an_error() {
    let shop = given(SHOP);

    shop.check_fails(0, "errors / on (s) requests", "group_left");
    shop.check_fails(0, "requests / on (s) errors", "on the right side of an operator, two series belong to {s=\"a\"}");
    shop.check_fails(0, "errors * on (s) group_right requests", "on the left side");
    shop.check_fails(0, "errors * on (s) group_left (s2) errors", "on the right side");
}

#[test]
fn sets_are_made_of_what_belongs_together() {
    let shop = given(SHOP);
    let check = |text: &str, expected: &str| shop.check(0, text, expected);

    check("requests and on (s) errors{code='503'}", "{__name__=\"requests\", s=\"a\"} 100");
    check("requests unless on (s) errors", "{__name__=\"requests\", s=\"c\"} 7");
    check("requests{s='c'} or errors{code='503'}", {
        "{__name__=\"errors\", code=\"503\", s=\"a\"} 6; {__name__=\"requests\", s=\"c\"} 7"
    });
    let both = "{__name__=\"requests\", s=\"a\"} 100; {s=\"b\"} 100; {s=\"c\"} 14";
    check("requests{s='a'} or requests * 2", both);
    check("requests and ignoring (code) errors{code='503'}", "{__name__=\"requests\", s=\"a\"} 100");
    check("vector(1) and on () errors", "{} 1");
    check("vector(1) unless on () errors", "");
}

#[test]
fn series_that_only_names_tell_apart_cannot_lose_them() {
    let twins = given("a{x=\"1\"} 0+1x5\n b{x=\"1\"} 0+1x5");

    twins.check_fails(5 * MINUTE, "rate({__name__=~'a|b'}[5m])", "would all be {x=\"1\"}");
    twins.check_fails(5 * MINUTE, "-{__name__=~'a|b'}", "would all be");
    twins.check(5 * MINUTE, "sum by (__name__) ({__name__=~'a|b'})", "{__name__=\"a\"} 5; {__name__=\"b\"} 5");
}

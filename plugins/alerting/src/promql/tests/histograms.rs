use super::given;

const LATENCY: &str = r#"
    d_bucket{s="a", le="0.1"} 50
    d_bucket{s="a", le="0.2"} 90
    d_bucket{s="a", le="0.4"} 100
    d_bucket{s="a", le="+Inf"} 100
    d_bucket{s="b", le="0.1"} 0
    d_bucket{s="b", le="0.2"} 0
    d_bucket{s="b", le="+Inf"} 10
"#;

#[test]
fn a_quantile_lies_between_the_bounds_of_its_bucket() {
    let latency = given(LATENCY);
    let check = |text: &str, expected: &str| latency.check(0, text, expected);

    check("histogram_quantile(0.5, d_bucket{s='a'})", "{s=\"a\"} 0.1");
    check("histogram_quantile(0.25, d_bucket{s='a'})", "{s=\"a\"} 0.05");
    check("histogram_quantile(0.7, d_bucket{s='a'})", "{s=\"a\"} 0.15");
    check("histogram_quantile(0.95, d_bucket{s='a'})", "{s=\"a\"} 0.3");
    check("histogram_quantile(1, d_bucket{s='a'})", "{s=\"a\"} 0.4");
    // What is in the last bucket is at least as large as the bound below it.
    check("histogram_quantile(0.5, d_bucket{s='b'})", "{s=\"b\"} 0.2");
    check("histogram_quantile(-1, d_bucket{s='a'})", "{s=\"a\"} -inf");
    check("histogram_quantile(1.1, d_bucket{s='a'})", "{s=\"a\"} inf");
    check("histogram_quantile(NaN, d_bucket{s='a'})", "{s=\"a\"} NaN");
    check("histogram_quantile(0.5, sum by (le) (d_bucket))", "{} 0.1125");
}

#[test]
fn buckets_that_do_not_make_a_histogram_have_no_quantile() {
    let check = |lines: &str, expected: &str| given(lines).check(0, "histogram_quantile(0.5, b)", expected);

    check("b{le=\"1\"} 1\n b{le=\"2\"} 2", "{} NaN");
    check("b{le=\"+Inf\"} 2", "{} NaN");
    check("b{le=\"1\"} 0\n b{le=\"+Inf\"} 0", "{} NaN");
    check("b{le=\"one\"} 1\n b 1", "");
}

#[test]
fn histograms_that_only_names_tell_apart_are_not_one() {
    let twins = given("a{le=\"1\"} 1\n a{le=\"+Inf\"} 2\n b{le=\"1\"} 3\n b{le=\"+Inf\"} 4");

    twins.check_fails(0, "histogram_quantile(0.5, {__name__=~'a|b'})", "would all be {}");
    twins.check(0, "histogram_quantile(0.5, sum by (le) ({__name__=~'a|b'}))", "{} 0.75");
}

#[test]
fn bounds_may_be_below_zero_and_counts_may_be_inexact() {
    let check = |lines: &str, expected: &str| given(lines).check(0, "histogram_quantile(0.5, b)", expected);

    check("b{le=\"-1\"} 9\n b{le=\"+Inf\"} 10", "{} -1");
    // The second fell behind the first and is lifted.
    check("b{le=\"1\"} 6\n b{le=\"2\"} 5\n b{le=\"4\"} 10\n b{le=\"+Inf\"} 10", "{} 0.833333333");
    // One bound in two spellings is one bucket.
    check("b{le=\"1\"} 2\n b{le=\"1.0\", x=\"\"} 2\n b{le=\"+Inf\"} 4", "{} 0.5");
}

use super::*;

const PANEL: &str = "
rows:
  - panels:
      - title: Requests
        kind: stat
        sql: SELECT 1
";

fn told(text: &str) -> Vec<String> {
    match read(text) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

/// What is wrong with a panel with these members, the first of which is on line 4.
fn check(members: &str, expected: &[&str]) {
    let members = members.replace('\n', "\n        ");
    let text = format!("name: a\ntitle: A\nrows:\n- panels:\n      - {members}\n");
    assert_eq!(told(&text), expected, "{text}");
}

#[test]
fn a_dashboard_has_its_usual_values_and_is_the_same_when_it_is_written_again() {
    let text = "
name: shop
title: Shop
tags: [demo]
variables:
  - {name: service, kind: query, sql: SELECT DISTINCT service_name FROM spans WHERE start_time >= $from, multi: true}
rows:
  - title: Traffic
    panels:
      - {title: 'Requests, all', kind: stat, width: 4, sql: SELECT count(*) FROM spans, thresholds: [{at: 1.5, level: warning}]}
      - title: Requests, all
        kind: time_series
        sql: |
          SELECT time_bucket($interval, start_time) AS time, count(*)
          FROM spans WHERE ($service_is_all OR service_name IN ($service)) GROUP BY 1
      - {title: Memory, kind: stat, metric: {name: process.memory.usage, function: sum, filter: {service.name: $service}}}
  - panels: [{title: Read me, kind: markdown, text: '# Hello'}]
";

    let dashboard = read(text).expect("a dashboard").dashboard;

    let ids: Vec<&str> = dashboard.panels().map(|panel| panel.id.as_str()).collect();
    assert_eq!(ids, ["requests-all", "requests-all-2", "memory", "read-me"]);
    let widths: Vec<u16> = dashboard.panels().map(|panel| panel.width).collect();
    assert_eq!(widths, [4, 4, 4, 12]);
    assert_eq!((dashboard.time.as_str(), dashboard.rows[0].height), ("1h", 6));
    assert_eq!(read(&dashboard.yaml()).expect("a dashboard").dashboard, dashboard);
    let json = serde_json::to_string(&dashboard).expect("JSON");
    assert_eq!(read(&json).expect("JSON is YAML").dashboard, dashboard);
}

#[test]
fn all_that_is_wrong_is_told_with_its_place() {
    assert_eq!(
        told(&format!(
            "name: Shop\ntitle: ''\ntime: soon\nrefresh: 1s\nlinks: [{{title: a, url: 'javascript:b'}}]{PANEL}"
        )),
        [
            "line 1, column 7: 'Shop' cannot be an id; use 1 to 64 of a-z, 0-9 and '-'",
            "line 2, column 8: this is empty; write it, or leave the member out",
            "line 3, column 7: 'soon' is no length of time; write a length of time as 30s, 15m, 6h, 7d or 4w",
            "line 4, column 10: `refresh` is 1s, less than 5s; let it be longer",
            "line 5, column 25: 'javascript:b' is no address; write a page as /traces, or an http or https address",
        ]
    );
    assert_eq!(told("name: a\ntitle: A\n"), ["line 1, column 1: there is no `rows`; write `rows: …`"]);
    assert_eq!(
        told("name: query\ntitle: A\nrows: []\n"),
        [
            "line 1, column 1: there are no panels; write `rows:` with `panels:` in them",
            "line 1, column 7: 'query' is a word of the API and cannot be a dashboard's name; name it otherwise",
        ]
    );
}

#[test]
fn a_panel_asks_one_thing_or_is_a_text() {
    check("title: A\nkind: stat", &["line 5, column 9: the panel asks nothing; write `sql: …` or `metric: …`"]);
    check(
        "title: A\nkind: stat\nsql: SELECT 1\nmetric: {name: a, function: avg}",
        &["line 5, column 9: the panel has both `sql` and `metric`; keep one of them"],
    );
    check(
        "title: A\nkind: markdown\nsql: SELECT 1",
        &["line 5, column 9: a panel of kind markdown has no `text`; write `text: …`"],
    );
    check(
        "title: A\nkind: logs\nmetric: {name: a, function: avg}",
        &[
            "line 5, column 9: a panel of this kind cannot show a metric; write `sql: …`, or take time_series, bar, stat, gauge or table",
        ],
    );
    check(
        "title: A\nkind: pie\nsql: SELECT 1",
        &[
            "line 6, column 15: `pie` is none of what may stand here; there is time_series, bar, stat, table, heat_map, gauge, map, logs, traces, markdown",
        ],
    );
    check(
        "title: A\nkind: stat\nsql: SELECT 1\nwidht: 3",
        &["line 8, column 9: `panels` has no member `widht`; did you mean id, width?"],
    );
}

#[test]
fn names_in_statements_are_known_and_their_place_is_told() {
    check(
        "title: A\nkind: stat\nsql: |\n  SELECT 1\n  WHERE a = $servce",
        &["line 9, column 21: there is no `$servce`; there is from, to, interval, interval_seconds, range_seconds"],
    );
    check(
        "title: A\nkind: stat\nsql: SELECT $1",
        &["line 7, column 21: `$1` is no name; name a variable, or `$from`, `$to`, `$interval`"],
    );
    check(
        "title: A\nkind: stat\nmetric: {name: a, function: avg, filter: {b: $c}}",
        &["line 7, column 54: there is no variable 'c'; write it below `variables`"],
    );
}

#[test]
fn what_is_too_wide_or_out_of_order_is_told() {
    check(
        "title: A\nkind: stat\nsql: SELECT 1\nwidth: 13\nthresholds: [{at: 2, level: ok}, {at: 1, level: critical}]",
        &[
            "line 4, column 3: the panels of a row are 13 wide together, more than 12; make them narrower, or begin another row",
            "line 8, column 16: `width` is 13, expected 1 to 12; choose a number between them",
            "line 9, column 47: the threshold 1 is not above the one before it; write them from the lowest to the highest",
        ],
    );
}

#[test]
fn one_panel_is_read_by_itself() {
    let (panel, _) =
        read_panel(r#"{"title": "A", "kind": "stat", "sql": "SELECT $a"}"#, ["a".to_owned()]).expect("a panel");
    assert_eq!((panel.id.as_str(), panel.width), ("a", 12));

    let faults = read_panel("{title: A, kind: stat, sql: SELECT $b}", ["a".to_owned()]).expect_err("no such variable");
    assert_eq!((faults[0].place.line, faults[0].place.column), (1, 36));
}

#[test]
fn limits_hold() {
    let many = |count: usize| "      - {title: A, kind: stat, sql: SELECT 1}\n  - panels:\n".repeat(count);
    let text = format!(
        "name: a\ntitle: A\nrows:\n  - panels:\n{}      - {{title: A, kind: stat, sql: SELECT 1}}\n",
        many(PANELS_MAX)
    );

    assert_eq!(told(&text), ["line 1, column 1: 61 panels, over the limit of 60; leave some out"]);
}

//! The metrics that a tenant has, and which of them a selector reads.

use super::expression::Selector;
use super::names::{self, Kind};

/// Most metrics that one selector reads.
pub(super) const METRICS_MAX: usize = 50;

/// The table that has the points of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Table {
    Metrics,
    Histograms,
}

/// What is read of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Number,
    Buckets,
    Sum,
    Count,
}

/// What points have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Metric {
    pub(super) table: Table,
    pub(super) name: String,
    pub(super) unit: String,
    /// As in the column `type`.
    pub(super) kind: String,
    pub(super) temporality: String,
    pub(super) is_monotonic: bool,
}

/// What a selector reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken<'a> {
    pub(super) metric: &'a Metric,
    pub(super) part: Part,
    /// What the metric is called for it.
    pub(super) name: String,
}

/// Whether the selector may read histograms.
pub(super) fn may_take_histograms(selector: &Selector) -> bool {
    Part::OF_HISTOGRAM.iter().any(|part| selector.may_take_suffix(part.suffix()))
}

/// What a selector reads of these metrics, or what is wrong with them.
pub(super) fn taken<'a>(metrics: &'a [Metric], selector: &Selector) -> Result<Vec<Taken<'a>>, String> {
    let mut all = Vec::new();
    for metric in metrics {
        for part in metric.parts() {
            let names = metric.names(*part);
            // What a selector leaves out by one name it does not read by the other.
            if names.iter().any(|name| selector.leaves_out(name)) {
                continue;
            }
            let Some(name) = names.into_iter().find(|name| selector.takes_name(name)) else { continue };
            metric.check(*part)?;
            all.push(Taken { metric, part: *part, name });
        }
    }
    match all.len() > METRICS_MAX {
        true => Err(format!("a selector reads {} metrics, over the limit of {METRICS_MAX}; name fewer", all.len())),
        false => Ok(all),
    }
}

impl Part {
    const OF_HISTOGRAM: [Self; 3] = [Self::Buckets, Self::Sum, Self::Count];

    fn suffix(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::Buckets => "_bucket",
            Self::Sum => "_sum",
            Self::Count => "_count",
        }
    }
}

impl Metric {
    fn parts(&self) -> &'static [Part] {
        match (self.table, self.kind.as_str()) {
            (Table::Metrics, _) => &[Part::Number],
            (Table::Histograms, "summary") => &[Part::Sum, Part::Count],
            (Table::Histograms, _) => &Part::OF_HISTOGRAM,
        }
    }

    /// As Prometheus has it, then as it is.
    fn names(&self, part: Part) -> [String; 2] {
        let kind = match self.kind.as_str() {
            "gauge" => Kind::Gauge,
            "sum" if self.is_monotonic => Kind::Counter,
            _ => Kind::Other,
        };
        let suffix = part.suffix();
        [names::metric(&self.name, &self.unit, kind) + suffix, format!("{}{suffix}", self.name)]
    }

    fn check(&self, part: Part) -> Result<(), String> {
        let name = &self.name;
        if self.temporality == "delta" {
            return Err(format!(
                "`{name}` tells changes and not sums (delta temporality), which PromQL cannot read; \
                 send it as cumulative, or ask it with `sql`"
            ));
        }
        if part == Part::Buckets && self.kind == "exponential_histogram" {
            return Err(format!(
                "`{name}` is an exponential histogram and has no buckets with bounds; \
                 send it with explicit bounds, or ask its `_sum` and `_count`"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse;

    fn metric(table: Table, name: &str, unit: &str, kind: &str) -> Metric {
        let (name, unit, kind) = (name.to_owned(), unit.to_owned(), kind.to_owned());
        Metric { table, name, unit, kind, temporality: "cumulative".to_owned(), is_monotonic: true }
    }

    fn told(metrics: &[Metric], selector: &str) -> Result<Vec<(Part, String)>, String> {
        let query = parse(selector).expect("a selector");
        let taken = taken(metrics, &query.selectors[0])?;
        Ok(taken.into_iter().map(|taken| (taken.part, taken.name)).collect())
    }

    #[test]
    fn a_metric_is_found_by_both_of_its_names() {
        let io = [metric(Table::Metrics, "system.network.io", "By", "sum")];

        let expected = |name: &str| Ok(vec![(Part::Number, name.to_owned())]);
        assert_eq!(told(&io, "system_network_io_bytes_total"), expected("system_network_io_bytes_total"));
        assert_eq!(told(&io, "{\"system.network.io\"}"), expected("system.network.io"));
        assert_eq!(told(&io, "{__name__=~'system.*'}"), expected("system_network_io_bytes_total"));
        assert_eq!(told(&io, "system_network_io"), Ok(Vec::new()));
    }

    #[test]
    fn a_metric_that_is_left_out_by_one_name_is_not_found_by_the_other() {
        let io = [metric(Table::Metrics, "system.network.io", "By", "sum")];

        for name in ["!='system_network_io_bytes_total'", "!='system.network.io'", "!~'system_.*'", "!~'.*[.]io'"] {
            assert_eq!(told(&io, &format!("{{__name__{name}, a='b'}}")), Ok(Vec::new()), "{name}");
        }
        assert!(told(&io, "{__name__!='up', a='b'}").is_ok_and(|taken| taken.len() == 1));
    }

    #[test]
    fn histograms_are_three_metrics() {
        let one = |kind: &str| [metric(Table::Histograms, "http.server.request.duration", "s", kind)];
        let histogram = one("histogram");

        let buckets = told(&histogram, "http_server_request_duration_seconds_bucket").expect("buckets");
        assert_eq!(buckets[0].0, Part::Buckets);
        assert_eq!(told(&histogram, "{__name__=~'http.*'}").expect("all").len(), 3);
        let exponential = one("exponential_histogram");
        assert!(told(&exponential, "http_server_request_duration_seconds_count").is_ok_and(|all| all.len() == 1));
        let refused = told(&exponential, "http_server_request_duration_seconds_bucket").expect_err("no bounds");
        assert!(refused.contains("exponential"), "{refused}");
        assert_eq!(told(&one("summary"), "http_server_request_duration_seconds_bucket"), Ok(Vec::new()));
    }

    #[test]
    fn histograms_are_only_looked_for_where_they_are_named() {
        let may_take = |text: &str| may_take_histograms(&parse(text).expect("a selector").selectors[0]);

        assert!(
            may_take("x_bucket{le='1'}") && may_take("x_sum") && may_take("{__name__=~'x.*'}") && may_take("{a='b'}")
        );
        assert!(!may_take("up") && !may_take("{\"queue.depth\"}"));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let mut delta = metric(Table::Metrics, "orders", "", "sum");
        delta.temporality = "delta".to_owned();
        assert!(told(&[delta], "orders_total").expect_err("delta").contains("delta temporality"));

        let many: Vec<Metric> =
            (0..=METRICS_MAX).map(|n| metric(Table::Metrics, &format!("m{n}"), "", "gauge")).collect();
        assert!(told(&many, "{a='b'}").expect_err("many").contains("51 metrics"));
    }
}

//! The times a question is about, and which of them whole periods cover.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::utils::{conjunction, disjunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, ident, lit};
use model::{Rollup, Signal, TimeRange};
use plane::SnapshotRollup;

/// Times from `from` to before `until`, in nanoseconds since 1970; wider than 64 bits, so that every time has one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    from: i128,
    until: i128,
}

/// Times that are answered from one table: a rollup, or the spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) rollup: Option<Rollup>,
    ranges: Vec<Range>,
}

impl Range {
    pub(super) const ALL: Range = Range { from: i64::MIN as i128, until: i64::MAX as i128 + 1 };

    /// True when the condition says between which times spans start: then it is part of the range.
    pub(super) fn narrow(&mut self, condition: &Expr) -> bool {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return false };
        let (op, time) = match (is_time(left), nanos(right), is_time(right), nanos(left)) {
            (true, Some(time), ..) => (Some(*op), time),
            (_, _, true, Some(time)) => (op.swap(), time),
            _ => return false,
        };
        let (from, until) = match op {
            Some(Operator::GtEq) => (time, Self::ALL.until),
            Some(Operator::Gt) => (time + 1, Self::ALL.until),
            Some(Operator::Lt) => (Self::ALL.from, time),
            Some(Operator::LtEq) => (Self::ALL.from, time + 1),
            Some(Operator::Eq) => (time, time + 1),
            _ => return false,
        };
        *self = Self { from: self.from.max(from), until: self.until.min(until) };
        true
    }

    /// Each time in one part: the first rollup that has it in a whole period, or the spans.
    pub(super) fn parts(self, rollups: &[&SnapshotRollup]) -> Vec<Part> {
        let (mut parts, mut left) = (Vec::new(), vec![self]);
        for rollup in rollups {
            let whole = |range: &Range| range.whole_periods(rollup.rollup(), rollup.stored().same_from.0);
            let ranges: Vec<Range> = left.iter().map(whole).filter(|range| !range.is_empty()).collect();
            left = left.iter().flat_map(|range| range.without(whole(range))).collect();
            if !ranges.is_empty() {
                parts.push(Part { rollup: Some(rollup.rollup()), ranges });
            }
        }
        if !left.is_empty() {
            parts.push(Part { rollup: None, ranges: left });
        }
        parts
    }

    fn whole_periods(self, rollup: Rollup, same_from: i64) -> Range {
        let period = i128::from(rollup.period_nanos());
        let from = self.from.max(same_from.into());
        // Where time begins and ends, so do the first and the last period.
        let from = if from == Self::ALL.from { from } else { -(-from).div_euclid(period) * period };
        let until = if self.until == Self::ALL.until { self.until } else { self.until.div_euclid(period) * period };
        Range { from, until }
    }

    fn without(self, hole: Range) -> impl Iterator<Item = Range> {
        let parts = if hole.is_empty() {
            [self, Range { from: self.until, ..self }]
        } else {
            [Range { until: hole.from, ..self }, Range { from: hole.until, ..self }]
        };
        parts.into_iter().filter(|range| !range.is_empty())
    }

    fn is_empty(self) -> bool {
        self.from >= self.until
    }

    fn condition(self, time: &str) -> Option<Expr> {
        let literal = |nanos: i128| {
            let nanos = i64::try_from(nanos).expect("a range that ends within all times ends at one");
            lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())))
        };
        let from = (self.from > Self::ALL.from).then(|| ident(time).gt_eq(literal(self.from)));
        let until = (self.until < Self::ALL.until).then(|| ident(time).lt(literal(self.until)));
        conjunction(from.into_iter().chain(until))
    }
}

impl Part {
    /// What the rows of the part have in common; nothing when it is all rows.
    pub(super) fn condition(&self, time: &str) -> Option<Expr> {
        let ranges: Option<Vec<Expr>> = self.ranges.iter().map(|range| range.condition(time)).collect();
        ranges.and_then(disjunction)
    }

    pub(super) fn overlaps(&self, times: &TimeRange) -> bool {
        let (min, max) = (i128::from(times.min.0), i128::from(times.max.0));
        !times.is_empty() && self.ranges.iter().any(|range| range.from <= max && min < range.until)
    }
}

fn is_time(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == Signal::Spans.time_column())
}

fn nanos(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), _), _) => Some((*nanos).into()),
        _ => None,
    }
}

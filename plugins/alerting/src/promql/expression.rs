//! Expressions that can be evaluated: scalars and vectors are types of their own, and what is not supported cannot be said.

use std::collections::BTreeMap;
use std::time::Duration;

use promql_parser::label::{MatchOp, Matcher};

/// Names and values; no value is empty.
pub(super) type Labels = BTreeMap<String, String>;

/// The label that holds the name of a metric.
pub(super) const NAME: &str = "__name__";
/// The label that holds the upper bound of a bucket.
pub(super) const BOUND: &str = "le";
/// How long ago the last sample of an instant selector may be.
pub(super) const LOOKBACK: Duration = Duration::from_secs(300);

/// What a rule may ask.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    Scalar(Scalar),
    Vector(Vector),
}

/// A number.
#[derive(Clone, Debug)]
pub(super) enum Scalar {
    Number(f64),
    Time,
    OfVector(Box<Vector>),
    Negated(Box<Scalar>),
    /// A comparison is 0 or 1.
    Calculated {
        operator: Operator,
        left: Box<Scalar>,
        right: Box<Scalar>,
    },
}

/// Numbers with labels.
#[derive(Clone, Debug)]
pub(super) enum Vector {
    Selected(Selector),
    /// When the samples were taken, in seconds.
    TakenAt(Selector),
    OfScalar(Box<Scalar>),
    OverTime {
        function: OverTime,
        of: Selector,
    },
    Absent {
        of: Box<Vector>,
        labels: Labels,
    },
    AbsentOverTime {
        of: Selector,
        labels: Labels,
    },
    Mapped {
        function: Mapping,
        of: Box<Vector>,
    },
    HistogramQuantile {
        quantile: Box<Scalar>,
        of: Box<Vector>,
    },
    LabelReplaced {
        of: Box<Vector>,
        replace: LabelReplace,
    },
    Aggregated {
        aggregation: Aggregation,
        grouping: Grouping,
        of: Box<Vector>,
    },
    WithScalar {
        operator: Operator,
        is_bool: bool,
        vector: Box<Vector>,
        scalar: Box<Scalar>,
        scalar_side: Side,
    },
    Joined {
        operator: Operator,
        is_bool: bool,
        left: Box<Vector>,
        right: Box<Vector>,
        matching: Matching,
        group: Group,
    },
    Set {
        operator: SetOperator,
        left: Box<Vector>,
        right: Box<Vector>,
        matching: Matching,
    },
}

/// Which series, and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Selector {
    /// Also of the name; label names are as Prometheus has them, without dots.
    pub(super) matchers: Vec<Matcher>,
    /// None for the last sample.
    pub(super) range: Option<Duration>,
    /// Into the past, in nanoseconds.
    pub(super) offset: i64,
}

/// A range of time without its begin, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Window {
    pub(super) after: i64,
    pub(super) until: i64,
}

impl Selector {
    /// What it reads as of a time.
    pub(super) fn window(&self, at: i64) -> Window {
        let until = at.saturating_sub(self.offset);
        let range = i64::try_from(self.range.unwrap_or(LOOKBACK).as_nanos()).unwrap_or(i64::MAX);
        Window { after: until.saturating_sub(range), until }
    }

    /// Whether metrics of this name are read.
    pub(super) fn takes_name(&self, name: &str) -> bool {
        self.matchers.iter().filter(|matcher| matcher.name == NAME).all(|matcher| matcher.is_match(name))
    }

    /// Whether metrics of this name are not to be read.
    pub(super) fn leaves_out(&self, name: &str) -> bool {
        let is_negative = |matcher: &&Matcher| matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRe(_));
        let mut names = self.matchers.iter().filter(|matcher| matcher.name == NAME).filter(is_negative);
        names.any(|matcher| !matcher.is_match(name))
    }

    /// Whether metrics may be read whose names end so.
    pub(super) fn may_take_suffix(&self, suffix: &str) -> bool {
        let names = self.matchers.iter().filter(|matcher| matcher.name == NAME && matches!(matcher.op, MatchOp::Equal));
        names.into_iter().all(|matcher| matcher.value.ends_with(suffix))
    }

    /// Whether series with these labels are read, whatever their name.
    pub(super) fn takes<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        let others = self.matchers.iter().filter(|matcher| matcher.name != NAME);
        others.into_iter().all(|matcher| matcher.is_match(label(&matcher.name).unwrap_or_default()))
    }

    /// The labels that a series must have which is not there.
    pub(super) fn labels_of_absent(&self) -> Labels {
        let mut labels = Labels::new();
        let mut seen = std::collections::HashSet::new();
        for matcher in self.matchers.iter().filter(|matcher| matcher.name != NAME) {
            let is_only_value = matches!(matcher.op, MatchOp::Equal) && seen.insert(matcher.name.as_str());
            if is_only_value && !matcher.value.is_empty() {
                labels.insert(matcher.name.clone(), matcher.value.clone());
            } else {
                labels.remove(&matcher.name);
            }
        }
        labels
    }
}

/// What is made of the samples of a range.
#[derive(Clone, Debug)]
pub(super) enum OverTime {
    Rate,
    Irate,
    Increase,
    Delta,
    Idelta,
    Deriv,
    PredictLinear(Box<Scalar>),
    Changes,
    Resets,
    Avg,
    Min,
    Max,
    Sum,
    Count,
    Last,
    Stddev,
    Stdvar,
    Present,
    Quantile(Box<Scalar>),
}

/// What is made of each number.
#[derive(Clone, Debug)]
pub(super) enum Mapping {
    Negated,
    Abs,
    Ceil,
    Floor,
    Exp,
    Ln,
    Log2,
    Log10,
    Sqrt,
    Sgn,
    /// The time of the evaluation.
    Timestamp,
    Round(Option<Box<Scalar>>),
    Clamp {
        min: Box<Scalar>,
        max: Box<Scalar>,
    },
    ClampMin(Box<Scalar>),
    ClampMax(Box<Scalar>),
}

/// `label_replace`.
#[derive(Clone, Debug)]
pub(super) struct LabelReplace {
    pub(super) to: String,
    pub(super) replacement: String,
    pub(super) from: String,
    /// A matcher of expressions; only its expression counts.
    pub(super) pattern: Matcher,
}

/// How elements become one, or fewer.
#[derive(Clone, Debug)]
pub(super) enum Aggregation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Quantile(Box<Scalar>),
    Top(Box<Scalar>),
    Bottom(Box<Scalar>),
}

/// By which labels.
#[derive(Clone, Debug)]
pub(super) enum Grouping {
    By(Vec<String>),
    Without(Vec<String>),
}

/// By which labels elements of two sides belong together.
#[derive(Clone, Debug)]
pub(super) enum Matching {
    On(Vec<String>),
    Ignoring(Vec<String>),
}

/// How many elements of each side belong together; labels are those taken from the side with one.
#[derive(Clone, Debug)]
pub(super) enum Group {
    OneToOne,
    ManyToOne(Vec<String>),
    OneToMany(Vec<String>),
}

/// Of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Of two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SetOperator {
    And,
    Or,
    Unless,
}

impl Operator {
    pub(super) fn is_comparison(self) -> bool {
        !self.is_arithmetic()
    }

    fn is_arithmetic(self) -> bool {
        use Operator::{Add, Divide, Modulo, Multiply, Power, Subtract};
        matches!(self, Add | Subtract | Multiply | Divide | Modulo | Power)
    }

    /// The number, and whether it is kept: a comparison keeps the left one if it holds.
    pub(super) fn apply(self, left: f64, right: f64) -> (f64, bool) {
        match self {
            Self::Add => (left + right, true),
            Self::Subtract => (left - right, true),
            Self::Multiply => (left * right, true),
            Self::Divide => (left / right, true),
            Self::Modulo => (left % right, true),
            Self::Power => (left.powf(right), true),
            Self::Equal => (left, left == right),
            Self::NotEqual => (left, left != right),
            Self::Greater => (left, left > right),
            Self::GreaterOrEqual => (left, left >= right),
            Self::Less => (left, left < right),
            Self::LessOrEqual => (left, left <= right),
        }
    }
}

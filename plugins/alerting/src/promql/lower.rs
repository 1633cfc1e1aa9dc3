//! From what the parser reads to what can be evaluated; all else is refused, by name and place.

use std::collections::BTreeSet;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::token::{
    T_ADD, T_AVG, T_BOTTOMK, T_COUNT, T_DIV, T_EQL_REGEX, T_EQLC, T_GROUP, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE,
    T_LUNLESS, T_MAX, T_MIN, T_MOD, T_MUL, T_NEQ, T_NEQ_REGEX, T_POW, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUB, T_SUM,
    T_TOPK, TokenId,
};
use promql_parser::parser::{
    AggregateExpr, BinModifier, BinaryExpr, Call, Expr, LabelModifier, Offset, VectorMatchCardinality, VectorSelector,
};

use super::Refused;
use super::expression::{
    Aggregation, BOUND, Expression, Group, Grouping, LabelReplace, Labels, Mapping, Matching, NAME, Operator, OverTime,
    Scalar, Selector, SetOperator, Side, Vector,
};
use super::names;
use super::text::place_of;
use crate::pattern;

/// An expression is walked by recursion, and one that is too deep would end the process.
pub(super) const DEPTH_MAX: usize = 100;
/// How far a selector may look back: rules are asked again and again.
const LOOK_BACK_MAX: std::time::Duration = std::time::Duration::from_secs(7 * 86_400);

/// An expression as it is being read.
#[derive(Debug)]
pub(super) struct Lowering<'a> {
    text: &'a str,
    depth: usize,
    /// All that are met.
    pub(super) selectors: Vec<Selector>,
    /// Labels that the expression names.
    pub(super) labels: BTreeSet<String>,
}

type Lowered<T> = Result<T, Refused>;

impl<'a> Lowering<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, depth: 0, selectors: Vec::new(), labels: BTreeSet::new() }
    }

    /// The whole: a rule asks a vector, or a number that stands for one.
    pub(super) fn expression(&mut self, expr: &Expr) -> Lowered<Expression> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.refused(format!("the expression is more than {DEPTH_MAX} deep"), "");
        }
        let lowered = self.at_this_depth(expr);
        self.depth -= 1;
        lowered
    }

    fn at_this_depth(&mut self, expr: &Expr) -> Lowered<Expression> {
        Ok(match expr {
            Expr::Paren(paren) => return self.expression(&paren.expr),
            Expr::NumberLiteral(number) => Expression::Scalar(Scalar::Number(number.val)),
            Expr::StringLiteral(_) => {
                return self.refused("a text is no condition; compare a vector with a number", "");
            }
            Expr::MatrixSelector(_) => {
                return self.refused("a range is no condition; put a function such as `rate` around it", "[");
            }
            Expr::Subquery(_) => return self.refused("subqueries are not supported", "["),
            Expr::Extension(_) => return self.refused("the expression is not supported", ""),
            Expr::VectorSelector(selector) => Expression::Vector(Vector::Selected(self.selector(selector, None)?)),
            Expr::Unary(unary) => match self.expression(&unary.expr)? {
                Expression::Scalar(scalar) => Expression::Scalar(Scalar::Negated(scalar.into())),
                Expression::Vector(of) => {
                    Expression::Vector(Vector::Mapped { function: Mapping::Negated, of: of.into() })
                }
            },
            Expr::Aggregate(aggregate) => Expression::Vector(self.aggregate(aggregate)?),
            Expr::Binary(binary) => self.binary(binary)?,
            Expr::Call(call) => self.call(call)?,
        })
    }

    fn refused<T>(&self, message: impl Into<String>, at: &str) -> Lowered<T> {
        Err(Refused { message: message.into(), offset_in_text: place_of(self.text, at) })
    }

    fn vector(&mut self, expr: &Expr) -> Lowered<Box<Vector>> {
        match self.expression(expr)? {
            Expression::Vector(vector) => Ok(vector.into()),
            Expression::Scalar(_) => self.refused(format!("`{expr}` is a number where a vector is wanted"), ""),
        }
    }

    fn scalar(&mut self, expr: &Expr) -> Lowered<Box<Scalar>> {
        match self.expression(expr)? {
            Expression::Scalar(scalar) => Ok(scalar.into()),
            Expression::Vector(_) => self.refused(format!("`{expr}` is a vector where a number is wanted"), ""),
        }
    }

    fn range(&mut self, expr: &Expr, function: &str) -> Lowered<Selector> {
        match without_parens(expr) {
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs, Some(matrix.range)),
            Expr::Subquery(_) => self.refused(format!("subqueries are not supported, as in `{function}`"), "["),
            _ => self.refused(format!("`{function}` wants a range, such as `[5m]`"), function),
        }
    }

    fn selector(&mut self, selector: &VectorSelector, range: Option<std::time::Duration>) -> Lowered<Selector> {
        if selector.at.is_some() {
            return self.refused("`@` is not supported", "@");
        }
        if !selector.matchers.or_matchers.is_empty() {
            return self.refused("`or` between matchers is not supported; use `=~`", "or");
        }
        let name = selector.name.iter().map(|name| Matcher::new(MatchOp::Equal, NAME, name));
        let all: Vec<Matcher> = name.chain(selector.matchers.matchers.iter().cloned()).collect();
        if all.iter().all(|matcher| matcher.is_match("")) {
            return self.refused("a selector needs a name or a matcher that does not match the empty text", "{");
        }
        let matchers = all.into_iter().map(|matcher| self.matcher(matcher)).collect::<Lowered<_>>()?;
        let nanos = |duration: &std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let offset = match &selector.offset {
            None => 0,
            Some(Offset::Pos(offset)) => nanos(offset),
            Some(Offset::Neg(offset)) => -nanos(offset),
        };
        if range.as_ref().map_or(0, nanos).saturating_add(offset) > nanos(&LOOK_BACK_MAX) {
            let days = LOOK_BACK_MAX.as_secs() / 86_400;
            return self.refused(format!("a range and its offset look back more than {days} days"), "[");
        }
        let selector = Selector { matchers, range, offset };
        if !self.selectors.contains(&selector) {
            self.selectors.push(selector.clone());
        }
        Ok(selector)
    }

    fn matcher(&mut self, matcher: Matcher) -> Lowered<Matcher> {
        let (name, value) = (self.label(&matcher.name), matcher.value);
        match matcher.op {
            MatchOp::Re(_) => self.pattern(T_EQL_REGEX, &name, &value),
            MatchOp::NotRe(_) => self.pattern(T_NEQ_REGEX, &name, &value),
            op => {
                let bound = value.parse().ok().filter(|_| name == BOUND);
                let value = bound.map_or(value, names::bound);
                Ok(Matcher { op, name, value })
            }
        }
    }

    /// Matches from begin to end, and `.` any character, as in Prometheus.
    fn pattern(&self, token: TokenId, name: &str, pattern: &str) -> Lowered<Matcher> {
        if let Err(message) = pattern::check(pattern) {
            return Err(Refused { message, offset_in_text: self.text.find(pattern).unwrap_or_default() });
        }
        match Matcher::new_matcher(token, name.to_owned(), format!("(?s:{pattern})")) {
            Ok(matcher) => Ok(matcher),
            Err(_) => {
                let offset_in_text = self.text.find(pattern).unwrap_or_default();
                Err(Refused { message: format!("`{pattern}` is no regular expression"), offset_in_text })
            }
        }
    }

    /// Notes a label that the expression names.
    fn label(&mut self, label: &str) -> String {
        let label = names::label(label);
        self.labels.insert(label.clone());
        label
    }

    fn some_labels(&mut self, labels: &promql_parser::label::Labels) -> Vec<String> {
        labels.labels.iter().map(|label| self.label(label)).collect()
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr) -> Lowered<Vector> {
        let of = self.vector(&aggregate.expr)?;
        let param = aggregate.param.as_ref();
        let aggregation = match (aggregate.op.id(), param) {
            (T_SUM, _) => Aggregation::Sum,
            (T_AVG, _) => Aggregation::Avg,
            (T_MIN, _) => Aggregation::Min,
            (T_MAX, _) => Aggregation::Max,
            (T_COUNT, _) => Aggregation::Count,
            (T_GROUP, _) => Aggregation::Group,
            (T_STDDEV, _) => Aggregation::Stddev,
            (T_STDVAR, _) => Aggregation::Stdvar,
            (T_QUANTILE, Some(param)) => Aggregation::Quantile(self.scalar(param)?),
            (T_TOPK, Some(param)) => Aggregation::Top(self.scalar(param)?),
            (T_BOTTOMK, Some(param)) => Aggregation::Bottom(self.scalar(param)?),
            _ => {
                let name = aggregate.op.to_string();
                return self.refused(format!("the aggregation `{name}` is not supported"), &name);
            }
        };
        let grouping = match &aggregate.modifier {
            None => Grouping::By(Vec::new()),
            Some(LabelModifier::Include(labels)) => Grouping::By(self.some_labels(labels)),
            Some(LabelModifier::Exclude(labels)) => Grouping::Without(self.some_labels(labels)),
        };
        Ok(Vector::Aggregated { aggregation, grouping, of })
    }

    fn binary(&mut self, binary: &BinaryExpr) -> Lowered<Expression> {
        let modifier = binary.modifier.clone().unwrap_or_default();
        if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
            let fills = ["fill", "fill_left", "fill_right"].map(|fill| place_of(self.text, fill));
            let offset_in_text = fills.into_iter().find(|place| *place > 0).unwrap_or_default();
            return Err(Refused { message: "`fill` is not supported".to_owned(), offset_in_text });
        }
        let (left, right) = (self.expression(&binary.lhs)?, self.expression(&binary.rhs)?);
        let set = match binary.op.id() {
            T_LAND => Some(SetOperator::And),
            T_LOR => Some(SetOperator::Or),
            T_LUNLESS => Some(SetOperator::Unless),
            _ => None,
        };
        match (set, left, right) {
            (Some(operator), Expression::Vector(left), Expression::Vector(right)) => {
                let (left, right) = (left.into(), right.into());
                Ok(Expression::Vector(Vector::Set { operator, left, right, matching: self.matching(&modifier) }))
            }
            (Some(_), _, _) => self.refused(format!("`{}` wants vectors on both sides", binary.op), ""),
            (None, left, right) => self.calculated(binary, &modifier, left, right),
        }
    }

    fn calculated(
        &mut self,
        binary: &BinaryExpr,
        modifier: &BinModifier,
        left: Expression,
        right: Expression,
    ) -> Lowered<Expression> {
        let Some(operator) = operator(binary.op.id()) else {
            let name = binary.op.to_string();
            return self.refused(format!("the operator `{name}` is not supported"), &name);
        };
        let is_bool = modifier.return_bool;
        let with_scalar = |vector: Vector, scalar: Scalar, scalar_side| {
            let (vector, scalar) = (vector.into(), scalar.into());
            Expression::Vector(Vector::WithScalar { operator, is_bool, vector, scalar, scalar_side })
        };
        Ok(match (left, right) {
            (Expression::Scalar(left), Expression::Scalar(right)) => {
                Expression::Scalar(Scalar::Calculated { operator, left: left.into(), right: right.into() })
            }
            (Expression::Vector(vector), Expression::Scalar(scalar)) => with_scalar(vector, scalar, Side::Right),
            (Expression::Scalar(scalar), Expression::Vector(vector)) => with_scalar(vector, scalar, Side::Left),
            (Expression::Vector(left), Expression::Vector(right)) => {
                let (matching, group) = (self.matching(modifier), self.group(modifier));
                let (left, right) = (left.into(), right.into());
                Expression::Vector(Vector::Joined { operator, is_bool, left, right, matching, group })
            }
        })
    }

    fn matching(&mut self, modifier: &BinModifier) -> Matching {
        match &modifier.matching {
            None => Matching::Ignoring(Vec::new()),
            Some(LabelModifier::Include(labels)) => Matching::On(self.some_labels(labels)),
            Some(LabelModifier::Exclude(labels)) => Matching::Ignoring(self.some_labels(labels)),
        }
    }

    fn group(&mut self, modifier: &BinModifier) -> Group {
        match &modifier.card {
            VectorMatchCardinality::ManyToOne(labels) => Group::ManyToOne(self.some_labels(labels)),
            VectorMatchCardinality::OneToMany(labels) => Group::OneToMany(self.some_labels(labels)),
            VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => Group::OneToOne,
        }
    }

    /// The parser has checked how many arguments there are.
    fn call(&mut self, call: &Call) -> Lowered<Expression> {
        let (name, args) = (call.func.name, &call.args.args);
        if let Some(function) = self.over_time(name, args)? {
            let range =
                args.iter().find(|arg| matches!(without_parens(arg), Expr::MatrixSelector(_) | Expr::Subquery(_)));
            let Some(range) = range else {
                return self.refused(format!("`{name}` wants a range, such as `[5m]`"), name);
            };
            return Ok(Expression::Vector(Vector::OverTime { function, of: self.range(range, name)? }));
        }
        if let Some(function) = self.mapping(name, args)? {
            return Ok(Expression::Vector(Vector::Mapped { function, of: self.vector(&args[0])? }));
        }
        Ok(match (name, args.as_slice()) {
            ("time", _) => Expression::Scalar(Scalar::Time),
            ("scalar", [of]) => Expression::Scalar(Scalar::OfVector(self.vector(of)?)),
            ("vector", [of]) => Expression::Vector(Vector::OfScalar(self.scalar(of)?)),
            // The order of what a rule finds says nothing.
            ("sort" | "sort_desc", [of]) => Expression::Vector(*self.vector(of)?),
            ("timestamp", [of]) => Expression::Vector(self.timestamp(of)?),
            ("absent", [arg]) => {
                let of = self.vector(arg)?;
                let labels = match (&*of, without_parens(arg)) {
                    (Vector::Selected(of), Expr::VectorSelector(_)) => of.labels_of_absent(),
                    _ => Labels::new(),
                };
                Expression::Vector(Vector::Absent { of, labels })
            }
            ("absent_over_time", [of]) => {
                let of = self.range(of, name)?;
                let labels = of.labels_of_absent();
                Expression::Vector(Vector::AbsentOverTime { of, labels })
            }
            ("histogram_quantile", [quantile, of]) => {
                self.labels.insert(BOUND.to_owned());
                let (quantile, of) = (self.scalar(quantile)?, self.vector(of)?);
                Expression::Vector(Vector::HistogramQuantile { quantile, of })
            }
            ("label_replace", [of, texts @ ..]) => Expression::Vector(self.label_replace(of, texts)?),
            _ => return self.refused(format!("the function `{name}` is not supported"), name),
        })
    }

    fn over_time(&mut self, name: &str, args: &[Box<Expr>]) -> Lowered<Option<OverTime>> {
        Ok(Some(match (name, args) {
            ("rate", _) => OverTime::Rate,
            ("irate", _) => OverTime::Irate,
            ("increase", _) => OverTime::Increase,
            ("delta", _) => OverTime::Delta,
            ("idelta", _) => OverTime::Idelta,
            ("deriv", _) => OverTime::Deriv,
            ("predict_linear", [_, seconds]) => OverTime::PredictLinear(self.scalar(seconds)?),
            ("changes", _) => OverTime::Changes,
            ("resets", _) => OverTime::Resets,
            ("avg_over_time", _) => OverTime::Avg,
            ("min_over_time", _) => OverTime::Min,
            ("max_over_time", _) => OverTime::Max,
            ("sum_over_time", _) => OverTime::Sum,
            ("count_over_time", _) => OverTime::Count,
            ("last_over_time", _) => OverTime::Last,
            ("stddev_over_time", _) => OverTime::Stddev,
            ("stdvar_over_time", _) => OverTime::Stdvar,
            ("present_over_time", _) => OverTime::Present,
            ("quantile_over_time", [quantile, _]) => OverTime::Quantile(self.scalar(quantile)?),
            _ => return Ok(None),
        }))
    }

    fn mapping(&mut self, name: &str, args: &[Box<Expr>]) -> Lowered<Option<Mapping>> {
        Ok(Some(match (name, args) {
            ("abs", [_]) => Mapping::Abs,
            ("ceil", [_]) => Mapping::Ceil,
            ("floor", [_]) => Mapping::Floor,
            ("exp", [_]) => Mapping::Exp,
            ("ln", [_]) => Mapping::Ln,
            ("log2", [_]) => Mapping::Log2,
            ("log10", [_]) => Mapping::Log10,
            ("sqrt", [_]) => Mapping::Sqrt,
            ("sgn", [_]) => Mapping::Sgn,
            ("round", [_]) => Mapping::Round(None),
            ("round", [_, to]) => Mapping::Round(Some(self.scalar(to)?)),
            ("clamp", [_, min, max]) => Mapping::Clamp { min: self.scalar(min)?, max: self.scalar(max)? },
            ("clamp_min", [_, min]) => Mapping::ClampMin(self.scalar(min)?),
            ("clamp_max", [_, max]) => Mapping::ClampMax(self.scalar(max)?),
            _ => return Ok(None),
        }))
    }

    /// Of a selector, when its samples were taken; of all else, now.
    fn timestamp(&mut self, of: &Expr) -> Lowered<Vector> {
        match (*self.vector(of)?, without_parens(of)) {
            (Vector::Selected(selector), Expr::VectorSelector(_)) => Ok(Vector::TakenAt(selector)),
            (of, _) => Ok(Vector::Mapped { function: Mapping::Timestamp, of: of.into() }),
        }
    }

    fn label_replace(&mut self, of: &Expr, texts: &[Box<Expr>]) -> Lowered<Vector> {
        let of = self.vector(of)?;
        let texts = texts.iter().map(|text| match without_parens(text) {
            Expr::StringLiteral(text) => Some(text.val.as_str()),
            _ => None,
        });
        let texts: Option<Vec<&str>> = texts.collect();
        let Some(&[to, replacement, from, pattern]) = texts.as_deref() else {
            return self.refused("`label_replace` wants a vector and four texts", "label_replace");
        };
        if to.is_empty() {
            return self.refused("`label_replace` needs the name of a label to set", "label_replace");
        }
        let pattern = self.pattern(T_EQL_REGEX, from, pattern)?;
        let (to, from) = (names::label(to), self.label(from));
        Ok(Vector::LabelReplaced {
            of,
            replace: LabelReplace { to, replacement: replacement.to_owned(), from, pattern },
        })
    }
}

fn without_parens(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => without_parens(&paren.expr),
        _ => expr,
    }
}

fn operator(token: TokenId) -> Option<Operator> {
    Some(match token {
        T_ADD => Operator::Add,
        T_SUB => Operator::Subtract,
        T_MUL => Operator::Multiply,
        T_DIV => Operator::Divide,
        T_MOD => Operator::Modulo,
        T_POW => Operator::Power,
        T_EQLC => Operator::Equal,
        T_NEQ => Operator::NotEqual,
        T_GTR => Operator::Greater,
        T_GTE => Operator::GreaterOrEqual,
        T_LSS => Operator::Less,
        T_LTE => Operator::LessOrEqual,
        _ => return None,
    })
}

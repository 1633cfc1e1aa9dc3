//! What the filters of a query ask of an index.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Cast, InList, ScalarFunction, TryCast};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use model::words::{self, WordQuery};
use model::{Dataset, Signal};

use super::blocks::BlockSet;
use super::terms::{Indexed, Term};

/// Terms looked up for one query; filters that name more are not used.
const TERMS_MAX: usize = 512;

/// Terms that rows which pass the filters must have.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    /// Any row may pass.
    Anything,
    Trace([u8; 16]),
    Term(Term),
    All(Vec<Asked>),
    Any(Vec<Asked>),
}

impl Asked {
    /// What rows of the table must have to pass all filters.
    pub(crate) fn of(dataset: Dataset, filters: &[Expr]) -> Self {
        let Dataset::Signal(signal) = dataset else { return Self::Anything };
        let asked = Self::all(filters.iter().map(|filter| filtered(signal, filter)));
        if asked.terms().len() > TERMS_MAX { Self::Anything } else { asked }
    }

    fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = parts.into_iter().filter(|part| *part != Self::Anything).collect();
        match parts.len() {
            0 => Self::Anything,
            1 => parts.remove(0),
            _ => Self::All(parts),
        }
    }

    fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let parts: Vec<Self> = parts.into_iter().collect();
        if parts.is_empty() || parts.contains(&Self::Anything) { Self::Anything } else { Self::Any(parts) }
    }

    /// All terms there are in it.
    pub(super) fn terms(&self) -> Vec<Term> {
        match self {
            Self::Anything => Vec::new(),
            Self::Trace(id) => vec![Term::trace(id)],
            Self::Term(term) => vec![*term],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::terms).collect(),
        }
    }

    /// True when the rows asked for are of few traces.
    pub(crate) fn names_traces(&self) -> bool {
        match self {
            Self::Anything | Self::Term(_) => false,
            Self::Trace(_) => true,
            Self::All(parts) => parts.iter().any(Self::names_traces),
            Self::Any(parts) => parts.iter().all(Self::names_traces),
        }
    }

    /// The blocks that may have what is asked, by the blocks that have each term; `None` for all there are.
    pub(super) fn blocks(&self, of_term: &impl Fn(&Term) -> Option<BlockSet>) -> Option<BlockSet> {
        match self {
            Self::Anything => None,
            Self::Trace(id) => of_term(&Term::trace(id)),
            Self::Term(term) => of_term(term),
            Self::All(parts) => parts.iter().filter_map(|part| part.blocks(of_term)).reduce(|mut all, part| {
                all.intersect(&part);
                all
            }),
            Self::Any(parts) => {
                let parts: Option<Vec<BlockSet>> = parts.iter().map(|part| part.blocks(of_term)).collect();
                parts?.into_iter().reduce(|mut any, part| {
                    any.unite(&part);
                    any
                })
            }
        }
    }

    /// False when no row has what is asked, by what is known of traces alone.
    pub(super) fn may_be(&self, has_trace: &impl Fn(&[u8; 16]) -> bool) -> bool {
        match self {
            Self::Anything | Self::Term(_) => true,
            Self::Trace(id) => has_trace(id),
            Self::All(parts) => parts.iter().all(|part| part.may_be(has_trace)),
            Self::Any(parts) => parts.iter().any(|part| part.may_be(has_trace)),
        }
    }
}

fn filtered(signal: Signal, filter: &Expr) -> Asked {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            Asked::all([filtered(signal, left), filtered(signal, right)])
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Asked::any([filtered(signal, left), filtered(signal, right)])
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Literal(value, _), subject) | (subject, Expr::Literal(value, _)) => equal(signal, subject, value),
            _ => Asked::Anything,
        },
        Expr::InList(InList { expr, list, negated: false }) => Asked::any(list.iter().map(|item| match item {
            Expr::Literal(value, _) => equal(signal, expr, value),
            _ => Asked::Anything,
        })),
        Expr::ScalarFunction(function) if function.func.name() == words::FUNCTION => matching(signal, function),
        Expr::Alias(alias) => filtered(signal, &alias.expr),
        Expr::IsTrue(filter) => filtered(signal, filter),
        _ => Asked::Anything,
    }
}

fn equal(signal: Signal, subject: &Expr, value: &ScalarValue) -> Asked {
    match as_written(subject) {
        Expr::Column(column) => equal_column(signal, &column.name, value),
        Expr::ScalarFunction(function) => equal_member(signal, function, value),
        _ => Asked::Anything,
    }
}

fn equal_column(signal: Signal, column: &str, value: &ScalarValue) -> Asked {
    match (Indexed::of_name(signal, column), value) {
        (Indexed::Traces, ScalarValue::FixedSizeBinary(16, Some(id))) => {
            id.as_slice().try_into().map_or(Asked::Anything, Asked::Trace)
        }
        (Indexed::Integers, ScalarValue::Int64(Some(value))) => Asked::Term(Term::integer(column, *value)),
        (Indexed::Texts, value) => text(value).map_or(Asked::Anything, |text| Asked::Term(Term::text(column, text))),
        _ => Asked::Anything,
    }
}

/// `attributes->>'key' = 'value'`.
fn equal_member(signal: Signal, function: &ScalarFunction, value: &ScalarValue) -> Asked {
    let ("json_as_text" | "json_get_str", [json, Expr::Literal(key, _)]) =
        (function.func.name(), function.args.as_slice())
    else {
        return Asked::Anything;
    };
    match (as_written(json), text(key), text(value)) {
        (Expr::Column(json), Some(key), Some(value)) if Indexed::of_name(signal, &json.name) == Indexed::Members => {
            let is_member = Asked::Term(Term::member(&json.name, key, value));
            Asked::any([is_member, Asked::Term(Term::unreadable(&json.name))])
        }
        _ => Asked::Anything,
    }
}

/// `matches(column, 'words')`.
fn matching(signal: Signal, function: &ScalarFunction) -> Asked {
    let [subject, Expr::Literal(query, _)] = function.args.as_slice() else { return Asked::Anything };
    let (Expr::Column(column), Some(query)) = (as_written(subject), text(query)) else { return Asked::Anything };
    if Indexed::of_name(signal, &column.name) != Indexed::Words {
        return Asked::Anything;
    }
    // The function itself tells what is wrong with a question.
    let Ok(query) = WordQuery::parse(query) else { return Asked::Anything };
    let term = |word: &str| Asked::Term(Term::word(&column.name, word));
    Asked::any(query.needed().map(|words| Asked::all(words.map(term))))
}

/// The expression without what only changes the type of a text.
fn as_written(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => as_written(&alias.expr),
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) if field.data_type().is_string() => {
            match as_written(expr) {
                // Whether the column is a text is looked at where its name is.
                inner @ (Expr::Column(_) | Expr::ScalarFunction(_)) => inner,
                _ => expr,
            }
        }
        expr => expr,
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

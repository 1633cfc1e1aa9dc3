//! Refuses statements that would be too much to plan.
//!
//! Planning cannot be interrupted: it recurses once a level of an expression, and a `WITH` query named twice is
//! planned twice, all the way down, so that forty short lines can ask for 2^40 tables. Both are bounded before.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::ptr;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, Select, Visit, Visitor};

use crate::error::{FaultCode, QueryError};

/// Levels of one expression, as in `a OR b OR …`.
const LEVELS_MAX: usize = 500;
/// Tables and subqueries, each as often as it is planned.
const PARTS_MAX: usize = 100;

/// Says which limit the statement is over, if it is.
pub(crate) fn check(statement: &Statement) -> Result<(), QueryError> {
    let mut size = Size { levels: 0, queries: vec![0], bodies: HashMap::new(), named: HashMap::new() };
    let visited = match statement {
        Statement::Statement(statement) => statement.visit(&mut size),
        Statement::Explain(explain) => return check(&explain.statement),
        // These are not queries; they are refused in any case.
        _ => ControlFlow::Continue(()),
    };
    match visited {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(TooMuch::Levels) => {
            let message = format!("an expression has more than {LEVELS_MAX} levels");
            Err(QueryError::fault(FaultCode::Plan, message, Some("use IN (…) in place of many ORs")))
        }
        ControlFlow::Break(TooMuch::Parts) => {
            let message = format!("the statement reads more than {PARTS_MAX} tables and subqueries in all");
            Err(QueryError::fault(FaultCode::Plan, message, Some("a WITH query counts each time it is named")))
        }
    }
}

enum TooMuch {
    Levels,
    Parts,
}

/// What has been seen of a statement.
struct Size {
    /// Levels of the expression being visited.
    levels: usize,
    /// Parts of each query being visited, the innermost last.
    queries: Vec<usize>,
    /// Names of the `WITH` queries that are yet to be visited, by their address.
    bodies: HashMap<*const Query, String>,
    /// Parts of the `WITH` queries seen.
    named: HashMap<String, usize>,
}

impl Size {
    fn add(&mut self, parts: usize) -> ControlFlow<TooMuch> {
        let query = self.queries.last_mut().expect("the statement itself is the first");
        *query += parts;
        if *query > PARTS_MAX { ControlFlow::Break(TooMuch::Parts) } else { ControlFlow::Continue(()) }
    }
}

impl Visitor for Size {
    type Break = TooMuch;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<TooMuch> {
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.bodies.insert(ptr::from_ref(&*table.query), table.alias.name.value.to_lowercase());
        }
        self.queries.push(0);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<TooMuch> {
        let parts = self.queries.pop().expect("a query is left after it was entered");
        match self.bodies.remove(&ptr::from_ref(query)) {
            Some(name) => {
                self.named.insert(name, parts);
                ControlFlow::Continue(())
            }
            None => self.add(parts),
        }
    }

    fn pre_visit_select(&mut self, _select: &Select) -> ControlFlow<TooMuch> {
        self.add(1)
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<TooMuch> {
        let name = relation.0.last().and_then(|part| part.as_ident()).map(|name| name.value.to_lowercase());
        let parts = name.and_then(|name| self.named.get(&name)).copied();
        self.add(parts.unwrap_or(1))
    }

    fn pre_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<TooMuch> {
        self.levels += 1;
        if self.levels > LEVELS_MAX { ControlFlow::Break(TooMuch::Levels) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<TooMuch> {
        self.levels -= 1;
        ControlFlow::Continue(())
    }
}

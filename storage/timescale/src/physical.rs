//! Expressions of a plan right above a scan, in terms of the dataset that it reads.

use std::sync::Arc;

use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Expr, Like, binary_expr, ident, lit};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr, Literal, NotExpr,
};
use model::{Dataset, Table};

use crate::predicate::translate;
use crate::select::{Asked, Select};

/// The columns of a scan: those at these places of the dataset's schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns<'a> {
    dataset: Dataset,
    places: &'a [usize],
}

impl<'a> Columns<'a> {
    /// `None` unless it is all rows of interest that are read, one by one.
    pub(crate) fn of(select: &'a Select) -> Option<Self> {
        match &select.asked {
            Asked::Values(places) if select.limit.is_none() => Some(Self { dataset: select.dataset, places }),
            _ => None,
        }
    }

    /// The column that the expression is.
    pub(crate) fn column(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<&'static model::Column> {
        let place = self.places.get(expr.downcast_ref::<Column>()?.index())?;
        Table::of(self.dataset).columns.get(*place)
    }

    /// The condition in SQL that lets the same rows through, no more and no less.
    pub(crate) fn condition(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<String> {
        let condition = translate(self.dataset, &self.logical(expr)?)?;
        condition.is_exact.then_some(condition.sql)
    }

    /// What the expression was before it was planned, if it is of a kind that [`translate`] knows.
    fn logical(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<Expr> {
        if let Some(column) = self.column(expr) {
            return Some(ident(column.name));
        }
        if let Some(literal) = expr.downcast_ref::<Literal>() {
            return Some(lit(literal.value().clone()));
        }
        if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
            return Some(binary_expr(self.logical(binary.left())?, *binary.op(), self.logical(binary.right())?));
        }
        if let Some(not) = expr.downcast_ref::<NotExpr>() {
            return Some(Expr::Not(Box::new(self.logical(not.arg())?)));
        }
        if let Some(is_null) = expr.downcast_ref::<IsNullExpr>() {
            return Some(self.logical(is_null.arg())?.is_null());
        }
        if let Some(is_not_null) = expr.downcast_ref::<IsNotNullExpr>() {
            return Some(self.logical(is_not_null.arg())?.is_not_null());
        }
        if let Some(in_list) = expr.downcast_ref::<InListExpr>() {
            let list: Option<Vec<Expr>> = in_list.list().iter().map(|item| self.logical(item)).collect();
            let expr = Box::new(self.logical(in_list.expr())?);
            return Some(Expr::InList(InList { expr, list: list?, negated: in_list.negated() }));
        }
        let like = expr.downcast_ref::<LikeExpr>()?;
        let (text, pattern) = (Box::new(self.logical(like.expr())?), Box::new(self.logical(like.pattern())?));
        Some(Expr::Like(Like::new(like.negated(), text, pattern, None, like.case_insensitive())))
    }
}

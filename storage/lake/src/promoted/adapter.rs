//! Reads promoted columns instead of the JSON, in files that have them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::ScalarUDF;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use model::json;

use super::assembled::Assembled;
use super::{MARK, MARK_VERSION, column_name};

/// Fits the expressions of a scan to each file.
#[derive(Debug)]
pub(crate) struct PromotedColumns;

impl PhysicalExprAdapterFactory for PromotedColumns {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let default = DefaultPhysicalExprAdapterFactory.create(table, Arc::clone(&file))?;
        Ok(Arc::new(Adapter { default, file }))
    }
}

#[derive(Debug)]
struct Adapter {
    default: Arc<dyn PhysicalExprAdapter>,
    file: SchemaRef,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let expr = self.default.rewrite(expr)?;
        expr.transform_down(|expr| match self.replaced(&expr)? {
            Some(new) => Ok(Transformed::new(new, true, TreeNodeRecursion::Jump)),
            None => Ok(Transformed::no(expr)),
        })
        .data()
    }
}

impl Adapter {
    fn replaced(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(function) = expr.downcast_ref::<ScalarFunctionExpr>() else { return Ok(None) };
        let [object, path @ ..] = function.args() else { return Ok(None) };
        if function.name() == json::ONLY_KEYS {
            let keys: Option<Vec<&str>> = path.iter().map(text).collect();
            let smaller = keys.map(|keys| self.assembled(function, object, &keys)).transpose()?;
            return Ok(Some(smaller.flatten().unwrap_or_else(|| Arc::clone(object))));
        }
        let Some(key) = path.first().and_then(text).filter(|_| json::takes_members(function.name())) else {
            return Ok(None);
        };
        let Some(smaller) = self.assembled(function, object, &[key])? else { return Ok(None) };
        let mut args = function.args().to_vec();
        args[0] = smaller;
        Arc::clone(expr).with_new_children(args).map(Some)
    }

    /// An object with no other members than these, if the file has a column for each.
    fn assembled(
        &self,
        function: &ScalarFunctionExpr,
        object: &Arc<dyn PhysicalExpr>,
        keys: &[&str],
    ) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(object) = object.downcast_ref::<Column>().filter(|_| self.is_marked()) else { return Ok(None) };
        let column = |key: &&str| {
            let name = column_name(object.name(), key);
            let place = self.file.index_of(&name).ok()?;
            Some(Arc::new(Column::new(&name, place)) as Arc<dyn PhysicalExpr>)
        };
        let Some(columns) = keys.iter().map(column).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let field = object.return_field(&self.file)?;
        let assembled = Arc::new(ScalarUDF::new_from_impl(Assembled::new(keys)));
        let config = Arc::new(function.config_options().clone());
        let assembled = ScalarFunctionExpr::new(assembled.name(), Arc::clone(&assembled), columns, field, config);
        Ok(Some(Arc::new(assembled)))
    }

    fn is_marked(&self) -> bool {
        self.file.metadata().get(MARK).is_some_and(|version| version == MARK_VERSION)
    }
}

fn text(expr: &Arc<dyn PhysicalExpr>) -> Option<&str> {
    expr.downcast_ref::<Literal>()?.value().try_as_str()?
}

//! Plans a statement for one tenant.
//!
//! Functions, rules and settings are made once; a query gets a cheap copy with a catalog of its own.

use std::sync::Arc;

use chrono::DateTime;
use datafusion::arrow::datatypes::DataType;
use datafusion::config::Dialect;
use datafusion::error::Result;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::optimizer::Optimizer;
use datafusion::optimizer::{Analyzer, AnalyzerRule, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::prelude::SessionConfig;
use datafusion_functions_json::udfs::json_union_to_text_udf;
use model::Timestamp;

use crate::as_of;
use crate::asked_keys::AskedKeys;
use crate::attributes::PromotedAttributes;
use crate::catalog::{self, CATALOG, SCHEMA, Tables};
use crate::config::Config;
use crate::functions;
use crate::ids::HexIds;
use crate::rollups;
use crate::statement::{self, Statement};

/// What all sessions share; `physical_rules` are those of the store.
pub(crate) fn base(
    config: &Config,
    physical_rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>,
) -> Result<SessionState> {
    let footers = RuntimeEnvBuilder::new().with_metadata_cache_limit(config.footer_bytes_max);
    // Spilling would fight the write-ahead log for the disk.
    let no_spilling = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let mut state = SessionStateBuilder::new_with_default_features()
        .with_runtime_env(footers.with_disk_manager_builder(no_spilling).build_arc()?)
        .with_config(session_config(config))
        .with_analyzer_rules(analyzer_rules())
        .with_optimizer_rules(optimizer_rules())
        .with_physical_optimizer_rules(physical_rules)
        .build();
    datafusion_functions_json::register_all(&mut state)?;
    state.register_expr_planner(Arc::new(HexIds))?;
    for function in functions::all() {
        state.register_udf(function)?;
    }
    for function in rollups::functions() {
        state.register_udaf(function)?;
    }
    Ok(state)
}

fn session_config(config: &Config) -> SessionConfig {
    let mut session = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true)
        .with_target_partitions(config.target_partitions);
    let options = session.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    options.sql_parser.collect_spans = true;
    // now() has the type of our time columns, so that comparing them needs no cast and prunes.
    options.execution.time_zone = Some("UTC".to_owned());
    // It moves JSON accesses below filters, where they are for more rows, and cannot move them into recursive queries.
    options.optimizer.enable_leaf_expression_pushdown = false;
    session
}

/// Ours come first: afterwards types are coerced and what was written can no longer be seen.
fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> = vec![Arc::new(PromotedAttributes), Arc::new(HexIds)];
    rules.extend(Analyzer::new().rules);
    rules
}

/// Those of rollups come first: the others push filters and projections into what these look for.
fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> =
        vec![Arc::new(rollups::FromRollups), Arc::new(rollups::MergeOnce), Arc::new(rollups::SketchOnce)];
    rules.extend(Optimizer::new().rules);
    rules.push(Arc::new(AskedKeys));
    rules
}

/// The session of one query: nothing in it outlives the query.
pub(crate) fn over(base: &Arc<SessionState>, tables: &Arc<Tables>, as_of: Option<Timestamp>) -> SessionState {
    let mut state = SessionState::clone(base);
    state.register_catalog_list(catalog::of_tenant(tables, Arc::clone(base)));
    state.mark_start_execution();
    if let Some(Timestamp(at)) = as_of {
        state.execution_props_mut().query_execution_start_time = Some(DateTime::from_timestamp_nanos(at));
    }
    state
}

/// What the statement asks, over the tables of the session.
pub(crate) async fn plan(state: &SessionState, statement: &Statement) -> Result<LogicalPlan> {
    let parsed = statement::parse(&statement.sql)?;
    let plan = state.statement_to_plan(parsed).await?;
    let plan = statement::bind(plan, &statement.params)?;
    let plan = match statement.as_of {
        Some(at) => as_of::without_later(plan, at)?,
        None => plan,
    };
    let plan = unions_as_text(plan)?;
    if let LogicalPlan::Explain(explain) = &plan {
        // EXPLAIN by itself would show what our rules refuse as if it were a plan.
        state.analyzer().execute_and_check(LogicalPlan::clone(&explain.plan), state.config_options(), |_, _| {})?;
    }
    Ok(plan)
}

/// `attributes->'key'` is a union of all JSON types, which few clients read; its JSON text says the same.
fn unions_as_text(plan: LogicalPlan) -> Result<LogicalPlan> {
    let is_union = |data_type: &DataType| matches!(data_type, DataType::Union(..));
    if !plan.schema().fields().iter().any(|field| is_union(field.data_type())) {
        return Ok(plan);
    }
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .map(|(relation, field)| {
            let column = Expr::from((relation, field));
            match is_union(field.data_type()) {
                true => json_union_to_text_udf().call(vec![column]).alias_qualified(relation.cloned(), field.name()),
                false => column,
            }
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

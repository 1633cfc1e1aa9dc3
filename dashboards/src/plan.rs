//! Says what is wrong with the statements of a dashboard before anybody looks at it: tables and columns that are not there, and
//! columns that a kind of panel needs.
//!
//! Nothing is read for that: each statement is planned for no rows.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, SchemaRef};
use plugin::model::Tenant;
use plugin::query::{Asker, QueryEngine, QueryError, Statement};
use plugin::yaml::{At, Fault, Faults};

use crate::choices::Choices;
use crate::model::PanelKind;
use crate::read::{Read, Spot};
use crate::times::{SECOND, Times};

/// Some times; nothing is read of them.
const TIMES: Times = Times { from: 0, until: 3600 * SECOND, interval: 60 * SECOND };

/// What is wrong with the statements of the dashboard that this text is, as far as that can be told before they are asked.
pub(crate) async fn faults(engine: &QueryEngine, tenant: &Tenant, text: &str, read: &Read) -> Vec<Fault> {
    let planner =
        Planner { engine, asker: Asker::new(tenant.clone()), choices: Choices::usual(&read.dashboard.variables) };
    let mut faults = Faults::default();
    for sql in read.variables.iter().flatten() {
        planner.columns(sql, text, &mut faults).await;
    }
    for (panel, spot) in read.dashboard.panels().zip(&read.panels) {
        let Some(sql) = &spot.sql else { continue };
        if let Some(columns) = planner.columns(sql, text, &mut faults).await {
            check_columns(panel.kind, &columns, spot, &mut faults);
        }
    }
    faults.told()
}

struct Planner<'a> {
    engine: &'a QueryEngine,
    /// Sees every table of the tenant, and no row of any.
    asker: Asker,
    choices: Choices,
}

impl Planner<'_> {
    /// The columns that the statement answers with, if it can be asked.
    async fn columns(&self, sql: &At<String>, text: &str, faults: &mut Faults) -> Option<SchemaRef> {
        let prepared = match self.choices.statement(&sql.value, TIMES, &BTreeMap::new()) {
            Ok(prepared) => prepared,
            Err(wrong) => {
                faults.add(sql.place_in(text, wrong.offset), wrong.problem, wrong.remedy);
                return None;
            }
        };
        let statement = format!("SELECT * FROM (\n{}\n) AS panel LIMIT 0", prepared.sql);
        let statement = Statement { params: prepared.params.clone(), ..Statement::new(statement) };
        match self.engine.sql(&self.asker, statement).await {
            Ok(rows) => Some(rows.schema().clone()),
            Err(cause) => {
                let place = match cause.position() {
                    Some(position) => {
                        sql.place_in(text, prepared.offset(position.line.saturating_sub(1), position.column))
                    }
                    None => sql.place,
                };
                faults.add(place, format!("the statement cannot be asked: {cause}"), remedy(&cause));
                None
            }
        }
    }
}

fn remedy(cause: &QueryError) -> String {
    cause.hint().unwrap_or("mend it; `observatory sql` tries it over a running server").to_owned()
}

/// A kind of panel needs columns of its own, and what it names must be there.
fn check_columns(kind: PanelKind, schema: &SchemaRef, spot: &Spot, faults: &mut Faults) {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    for column in &spot.columns {
        if !names.contains(&column.value.as_str()) {
            let problem = format!("the statement has no column `{}`", column.value);
            faults.add(column.place, problem, plugin::yaml::meant(&column.value, names.iter().copied()));
        }
    }
    let any = |is: fn(&DataType) -> bool| schema.fields().iter().any(|field| is(field.data_type()));
    let (has_number, has_time) = (any(DataType::is_numeric), any(|kind| matches!(kind, DataType::Timestamp(..))));
    let needed: &[&str] = match kind {
        PanelKind::Logs => &["time", "body"],
        PanelKind::Traces => &["trace_id"],
        PanelKind::Map => &["source", "target"],
        _ => &[],
    };
    let place = spot.sql.as_ref().map_or(spot.place, |sql| sql.place);
    for column in needed.iter().filter(|column| !names.contains(*column)) {
        faults.add(place, format!("a panel of this kind needs a column `{column}`"), format!("select … AS {column}"));
    }
    let needs_number = matches!(
        kind,
        PanelKind::TimeSeries | PanelKind::Bar | PanelKind::Stat | PanelKind::Gauge | PanelKind::HeatMap
    );
    if needs_number && !has_number {
        faults.add(place, "a panel of this kind needs a column of numbers", "select a number");
    }
    if kind == PanelKind::TimeSeries && !has_time {
        let remedy = "select time_bucket($interval, …) AS time";
        faults.add(place, "a panel over time needs a column of times", remedy);
    }
    if kind == PanelKind::HeatMap && names.len() < 3 {
        faults.add(place, "a heat map needs three columns", "select what is along, what is up, and a number");
    }
}

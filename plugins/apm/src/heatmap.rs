//! Durations over time: how many spans, and how many failed ones, took about how long.
//!
//! Rows are half an octave of durations, or a multiple of it when that would be too many.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::Serialize;
use utoipa::ToSchema;

use crate::conditions::{Conditions, REQUESTS};
use crate::filter::SpanFilter;
use crate::range::{Buckets, RangeWanted, SPAN_DAYS_MAX, rfc3339};
use crate::rows::Source;

/// Most rows of a heat map.
const ROWS_MAX: i64 = 40;

/// Spans by the time they start at and how long they take.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Heatmap {
    from: String,
    to: String,
    bucket_seconds: i64,
    /// The start of each bucket of time.
    columns: Vec<String>,
    /// Durations, the shortest first; none when no span matches.
    rows: Vec<HeatmapRow>,
    /// What is not empty, by time.
    cells: Vec<HeatmapCell>,
    /// All spans that match.
    spans: u64,
    errors: u64,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// Durations from `min_duration_ms` to `max_duration_ms`: what a filter says for those in this row and no others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
struct HeatmapRow {
    min_duration_ms: f64,
    max_duration_ms: f64,
}

/// Spans of one column and row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct HeatmapCell {
    column: usize,
    row: usize,
    count: u64,
    errors: u64,
}

/// Spans by time and duration; those of kind server or consumer, unless a kind is asked for
#[utoipa::path(
    get, path = "/traces/heatmap", tag = "apm", security(("caller" = ["apm:traces:read"])),
    params(RangeWanted, SpanFilter),
    responses((status = 200, body = Heatmap), (status = 400, description = "The range or a parameter is wrong"))
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(filter): Asked<SpanFilter>,
) -> Result<Json<Heatmap>, Failure> {
    let range = range.read(SPAN_DAYS_MAX)?;
    let buckets = range.fine_buckets();
    let mut conditions = Conditions::of_spans(range);
    shown(&filter, &mut conditions)?;
    let sql = format!(
        "SELECT time_bucket('{} seconds', start_time) AS bucket,
            cast(floor(2 * log2(cast(greatest(duration_ns, 1) AS double))) AS bigint) AS step,
            count(*), count(*) FILTER (WHERE status_code = 'error')
        FROM spans WHERE {} GROUP BY bucket, step",
        buckets.width_seconds(),
        conditions.text()
    );
    let source = Source::new(&context, tenant);
    let answer = source.ask(sql, conditions.params()).await?;
    let counted =
        answer.rows().filter_map(|row| Some((row.integer(0)?, row.integer(1)?, [row.count(2), row.count(3)])));
    let Drawn { columns, rows, cells } = drawn(counted.collect(), buckets);
    Ok(Json(Heatmap {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        bucket_seconds: buckets.width_seconds(),
        columns: columns.into_iter().map(rfc3339).collect(),
        spans: cells.iter().map(|cell| cell.count).sum(),
        errors: cells.iter().map(|cell| cell.errors).sum(),
        rows,
        cells,
        warnings: source.warnings(),
    }))
}

/// Spans that a heat map of this filter shows.
pub(crate) fn shown(filter: &SpanFilter, conditions: &mut Conditions) -> Result<(), Failure> {
    if !filter.says_kind() {
        conditions.and(REQUESTS);
    }
    filter.narrow(conditions)
}

/// A heat map without the words around it.
#[derive(Debug)]
struct Drawn {
    columns: Vec<i64>,
    rows: Vec<HeatmapRow>,
    cells: Vec<HeatmapCell>,
}

/// Puts spans and errors, counted by bucket and half octave, into few rows.
fn drawn(counted: Vec<(i64, i64, [u64; 2])>, buckets: Buckets) -> Drawn {
    let columns: Vec<i64> = buckets.all().map(|(start, _)| start).collect();
    let steps = counted.iter().map(|(_, step, _)| *step);
    let (Some(least), Some(most)) = (steps.clone().min(), steps.max()) else {
        return Drawn { columns, rows: Vec::new(), cells: Vec::new() };
    };
    let steps_a_row = (most - least) / ROWS_MAX + 1;
    let rows = (least..=most).step_by(usize::try_from(steps_a_row).unwrap_or(1));
    let rows = rows.map(|step| row(step, step + steps_a_row)).collect();
    let mut cells: BTreeMap<(usize, i64), [u64; 2]> = BTreeMap::new();
    for (bucket, step, [count, errors]) in counted {
        if let Ok(column) = columns.binary_search(&bucket) {
            let cell = cells.entry((column, (step - least) / steps_a_row)).or_default();
            *cell = [cell[0] + count, cell[1] + errors];
        }
    }
    let cells = cells.into_iter().map(|((column, row), [count, errors])| {
        let row = usize::try_from(row).expect("no step is less than the least");
        HeatmapCell { column, row, count, errors }
    });
    Drawn { columns, rows, cells: cells.collect() }
}

/// Durations of these half octaves.
fn row(from: i64, until: i64) -> HeatmapRow {
    let nanos = |step: i64| 2_f64.powf(step as f64 / 2.0).ceil();
    // Nothing counts to the first half octave but 0 and 1 ns.
    let least = if from == 0 { 0.0 } else { nanos(from) };
    HeatmapRow { min_duration_ms: least / 1e6, max_duration_ms: (nanos(until) - 1.0) / 1e6 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::range::Range;

    const SECOND: i64 = 1_000_000_000;

    fn buckets() -> Buckets {
        Range { from: 0, until: 60 * SECOND }.fine_buckets()
    }

    /// As the statement has it.
    fn step(nanos: i64) -> i64 {
        (2.0 * (nanos.max(1) as f64).log2()).floor() as i64
    }

    #[test]
    fn nothing_has_no_rows() {
        let drawn = drawn(Vec::new(), buckets());

        assert!(drawn.rows.is_empty() && drawn.cells.is_empty());
        assert_eq!(drawn.columns.len(), 60);
    }

    #[test]
    fn a_row_is_half_an_octave() {
        let counted = vec![(0, step(1_000_000), [3, 1]), (2 * SECOND, step(1_200_000), [1, 0])];

        let drawn = drawn(counted, buckets());

        let cells: Vec<_> = drawn.cells.iter().map(|cell| (cell.column, cell.row, cell.count, cell.errors)).collect();
        assert_eq!(cells, [(0, 0, 3, 1), (2, 1, 1, 0)]);
        assert_eq!(drawn.rows.len(), 2);
    }

    proptest! {
        #[test]
        fn every_span_is_in_the_row_whose_durations_are_its_own(
            all in prop::collection::vec(0..(1_i64 << 50), 1..50), shift in 0..40_u32
        ) {
            let all: Vec<i64> = all.into_iter().map(|nanos| nanos >> shift).collect();
            let counted = all.iter().map(|nanos| (0, step(*nanos), [1, 0])).collect();

            let drawn = drawn(counted, buckets());

            prop_assert!(drawn.rows.len() <= ROWS_MAX as usize);
            prop_assert_eq!(drawn.cells.iter().map(|cell| cell.count).sum::<u64>(), all.len() as u64);
            for (number, row) in drawn.rows.iter().enumerate() {
                let nanos = |millis: f64| (millis * 1e6).round() as i64;
                let within = nanos(row.min_duration_ms)..=nanos(row.max_duration_ms);
                let expected = all.iter().filter(|nanos| within.contains(nanos)).count() as u64;
                let told = drawn.cells.iter().filter(|cell| cell.row == number).map(|cell| cell.count).sum::<u64>();
                prop_assert_eq!(told, expected, "{:?}", row);
            }
        }
    }
}

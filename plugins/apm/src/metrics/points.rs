//! Reads points of counters and histograms, those of a series one after the other.

use plugin::Failure;

use super::explicit::Explicit;
use super::exponential::{Exponential, Side};
use super::increase::Point;
use super::kind::Kind;
use super::selection::{Selection, label};
use super::shape::Shape;
use crate::range::{MINUTE, Range};
use crate::rows::{Answer, Row, Source};

/// Most points that are read without their buckets.
const POINTS_MAX: usize = 500_000;
/// Most points that are read with their buckets.
const SHAPES_MAX: usize = 100_000;
/// So long before a range is read, for the point before the first one.
const LOOK_BACK: i64 = 5 * MINUTE;

/// Columns before those of the buckets: series, time, start, whether it is a delta, count, sum.
const COMMON: usize = 6;
const OF_EXPLICIT: &str = ", explicit_bounds, bucket_counts, count";
const OF_EXPONENTIAL: &str = ", cast(scale AS bigint) AS scale, zero_count, zero_threshold,
    cast(positive_offset AS bigint) AS positive_offset, positive_counts,
    cast(negative_offset AS bigint) AS negative_offset, negative_counts";

/// Points of one metric.
#[derive(Debug)]
pub(crate) struct Points {
    answer: Answer,
    /// Of the buckets that were read, if they were.
    shapes: Option<Kind>,
    /// Where the labels are.
    labels_at: usize,
    labels: usize,
    /// No point after this time was left out.
    pub(crate) read_from: i64,
}

/// A point and what else it says.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    row: Row<'a>,
    pub(crate) series: i64,
    pub(crate) point: Point,
    pub(crate) sum: Option<f64>,
    pub(crate) shape: Option<Shape>,
}

/// The points in the range and shortly before, by series and time; refused where there are too many.
pub(crate) async fn read(
    source: &Source,
    selection: &Selection,
    range: Range,
    by: &[String],
    (kind, with_shapes): (Kind, bool),
) -> Result<Points, Failure> {
    let range = Range { from: range.from.saturating_sub(LOOK_BACK), ..range };
    let mut conditions = selection.conditions(range);
    let labels: String = by.iter().map(|key| format!(", {}", label(&mut conditions, key))).collect();
    let (table, count, sum) = match kind {
        Kind::Level | Kind::Counter => ("metrics", "value", "cast(NULL AS double)"),
        Kind::Explicit | Kind::Exponential | Kind::Summary => ("histograms", "cast(count AS double)", "sum"),
    };
    let shapes = Some(kind).filter(|kind| with_shapes && matches!(kind, Kind::Explicit | Kind::Exponential));
    let (columns, width) = match shapes {
        Some(Kind::Explicit) => (OF_EXPLICIT, 3),
        Some(_) => (OF_EXPONENTIAL, 7),
        None => ("", 0),
    };
    let points_max = if shapes.is_some() { SHAPES_MAX } else { POINTS_MAX };
    let points_max = points_max.min(source.rows_max().saturating_sub(1));
    let sql = format!(
        "SELECT series_id, time, start_time, CASE WHEN temporality = 'delta' THEN 1 ELSE 0 END AS is_delta,
            {count} AS told, {sum} AS total{columns}{labels}
        FROM {table} WHERE {} AND {count} IS NOT NULL ORDER BY series_id, time LIMIT {}",
        conditions.text(),
        points_max + 1
    );
    let answer = source.ask(sql, conditions.params()).await?;
    if answer.len() > points_max {
        let failure = Failure::invalid(format!("there are more than {points_max} points of '{}'", selection.name));
        return Err(failure.hinting("ask for a shorter range, or choose some series with 'filter'"));
    }
    Ok(Points { answer, shapes, labels_at: COMMON + width, labels: by.len(), read_from: range.from })
}

impl Points {
    pub(crate) fn all(&self) -> impl Iterator<Item = Read<'_>> {
        self.answer.rows().filter_map(|row| {
            let (series, time, count) = (row.integer(0)?, row.integer(1)?, row.double(4)?);
            let point = Point { time, start: row.integer(2), is_delta: row.count(3) == 1, count };
            let shape = self.shapes.map(|kind| shape(row, kind));
            count.is_finite().then(|| Read { row, series, point, sum: row.double(5), shape })
        })
    }

    /// The labels of the point's series.
    pub(crate) fn labels_of(&self, read: &Read<'_>) -> Vec<Option<String>> {
        (0..self.labels).map(|number| read.row.owned(self.labels_at + number)).collect()
    }
}

fn shape(row: Row<'_>, kind: Kind) -> Shape {
    let at = |number| COMMON + number;
    if kind == Kind::Explicit {
        return Shape::Explicit(Explicit::new(row.doubles(at(0)), row.counts(at(1)), row.count(at(2))));
    }
    let small = |place| row.integer(place).and_then(|number| i32::try_from(number).ok()).unwrap_or_default();
    let side = |place| Side { offset: small(place), counts: row.counts(place + 1) };
    let (scale, zero, threshold) = (small(at(0)), row.count(at(1)), row.double(at(2)).unwrap_or_default());
    Shape::Exponential(Exponential::new(scale, zero, threshold, &side(at(3)), &side(at(5))))
}

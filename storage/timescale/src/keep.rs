//! Keeps a segment: its rows and the ledger's line in one transaction, so that both are there or neither.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use arrow::error::ArrowError;
use bytes::Bytes;
use futures::SinkExt;
use model::{Dataset, Table};
use store::rollup::Partial;
use store::{Segment, sorted};
use tokio::sync::mpsc;
use tokio_postgres::Transaction;

use crate::copy;
use crate::encode::{self, HEADER, Head, Mark, TRAILER};
use crate::error::{Reaction, Refusal};
use crate::ledger::{FoldedRollups, Line, folded_of};
use crate::window::{HOUR, Spread, Window};

/// Rows encoded at once; at about 1 KiB a row, what lies between encoder and socket stays a few MiB.
const BATCH_ROWS: usize = 2048;
/// Batches the encoder may be ahead of the socket.
const BATCHES_AHEAD: usize = 2;

/// Takes the ledger's line of the segment's table; no row comes back when the segment is kept already.
///
/// First in the transaction: whoever tries the same segment again while an earlier attempt has not ended waits here for its outcome.
const CLAIM: &str = "INSERT INTO {schema}.ledger AS l \
     (writer, tenant, signal, through, rows, bytes, earliest, latest, kept_at) \
     VALUES ($1, $2, $3, $4, $5, $6, timestamptz 'epoch' + $7::bigint * interval '1 microsecond', \
             timestamptz 'epoch' + $8::bigint * interval '1 microsecond', now()) \
     ON CONFLICT (writer, tenant, signal) DO UPDATE SET \
         through = excluded.through, rows = l.rows + excluded.rows, bytes = l.bytes + excluded.bytes, \
         earliest = least(l.earliest, excluded.earliest), latest = greatest(l.latest, excluded.latest), \
         kept_at = excluded.kept_at \
     WHERE l.through < excluded.through RETURNING rows, folded";
/// Says that keys were too many in some periods; rare.
const FOLD: &str = "UPDATE {schema}.ledger SET folded = $4 WHERE writer = $1 AND tenant = $2 AND signal = $3";

/// A segment on its way, with what is known of its rows.
pub(crate) struct Kept<'a> {
    pub(crate) schema: &'a str,
    pub(crate) segment: &'a Segment,
    pub(crate) window: &'a Window,
    pub(crate) spread: &'a Spread,
    pub(crate) writer: i32,
    /// Sums of the segment's rows, if they are spans.
    pub(crate) partials: &'a [Partial],
}

/// What the ledger says of the table, with this segment.
struct Claimed {
    rows: u64,
    folded: FoldedRollups,
}

impl Kept<'_> {
    /// Writes rows and line; `None` when the segment was kept before. The transaction is not committed yet.
    pub(crate) async fn write(&self, transaction: &Transaction<'_>) -> Result<Option<Line>, Refusal> {
        let Some(Claimed { rows, folded }) = self.claim(transaction).await? else { return Ok(None) };
        let table = self.segment.signal.table_name();
        if !self.spread.hours.is_empty() {
            self.copy(transaction, table, Rows::InChunks).await?;
        }
        if self.spread.has_strays {
            self.copy(transaction, &format!("{table}_strays"), Rows::Strays).await?;
        }
        for partial in self.partials.iter().filter(|partial| partial.rows.num_rows() > 0) {
            let (sums, tenant) = ((partial.rollup, &partial.rows), &self.segment.tenant);
            copy::write_sums(transaction, self.schema, sums, tenant, self.mark()?).await?;
        }
        let folded = self.fold(transaction, folded).await?;
        let Segment { tenant, signal, origin, .. } = self.segment;
        let times = self.micros();
        let (tenant, signal, log, through) = (tenant.clone(), *signal, origin.writer, origin.through);
        Ok(Some(Line { tenant, signal, writer: self.writer, log, through, rows, times, folded }))
    }

    /// Rows of the table with this segment, or `None` when it is kept already.
    async fn claim(&self, transaction: &Transaction<'_>) -> Result<Option<Claimed>, Refusal> {
        let Segment { tenant, signal, batches, .. } = self.segment;
        let number = |number: usize| i64::try_from(number).expect("memory holds less than 2^63 bytes");
        let rows = number(self.segment.rows());
        let bytes = number(batches.iter().map(model::Batch::byte_size).sum());
        let (earliest, latest) = self.micros().unzip();
        let claim = CLAIM.replace("{schema}", self.schema);
        let (tenant, signal) = (tenant.as_str(), signal.table_name());
        let claimed = transaction
            .query_opt(&claim, &[&self.writer, &tenant, &signal, &self.through()?, &rows, &bytes, &earliest, &latest])
            .await?;
        let Some(row) = claimed else { return Ok(None) };
        let rows = u64::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
        Ok(Some(Claimed { rows, folded: folded_of(row.try_get(1)?)? }))
    }

    /// Adds to the ledger in which periods keys of this segment were too many.
    async fn fold(&self, transaction: &Transaction<'_>, before: FoldedRollups) -> Result<FoldedRollups, Refusal> {
        let mut folded = before.clone();
        for partial in self.partials.iter().filter(|partial| !partial.folded.is_nothing()) {
            let known = folded.entry(partial.rollup).or_default();
            *known = known.union(&partial.folded);
        }
        if folded != before {
            let (tenant, signal) = (self.segment.tenant.as_str(), self.segment.signal.table_name());
            let said = serde_json::to_string(&folded).expect("names and times are plain data");
            let fold = FOLD.replace("{schema}", self.schema);
            transaction.execute(&fold, &[&self.writer, &tenant, &signal, &said]).await?;
        }
        Ok(folded)
    }

    fn micros(&self) -> Option<(i64, i64)> {
        self.spread.times.map(|(earliest, latest)| (earliest.div_euclid(1000), latest.div_euclid(1000)))
    }

    fn through(&self) -> Result<i64, Refusal> {
        i64::try_from(self.segment.origin.through)
            .map_err(|_| Refusal::new(Reaction::WrongData, "a position of the log is beyond 63 bits"))
    }

    fn mark(&self) -> Result<Mark, Refusal> {
        Ok(Mark { writer: self.writer, through: self.through()?, round: 0 })
    }

    async fn copy(&self, transaction: &Transaction<'_>, table: &str, rows: Rows) -> Result<(), Refusal> {
        let segment = self.segment.clone();
        let places = said(&segment);
        let dataset = Dataset::Signal(segment.signal);
        let sql = copy::into_table(self.schema, table, dataset, &places);
        let prefix = Head::new(dataset, &places, segment.tenant.as_str(), self.mark()?);
        let encoder = Encoder {
            segment,
            places,
            head: prefix,
            rows,
            window: self.window.clone(),
            is_one_hour: self.spread.is_one_hour(),
        };

        let (sender, mut encoded) = mpsc::channel(BATCHES_AHEAD);
        let encoding = tokio::task::spawn_blocking(move || encoder.run(&sender));
        let sink = transaction.copy_in::<_, Bytes>(&sql).await?;
        tokio::pin!(sink);
        sink.send(Bytes::from_static(HEADER)).await?;
        while let Some(bytes) = encoded.recv().await {
            sink.send(bytes).await?;
        }
        encoding.await.map_err(wrong)?.map_err(wrong)?;
        sink.send(Bytes::from_static(TRAILER)).await?;
        sink.finish().await?;
        Ok(())
    }
}

fn wrong(cause: impl std::error::Error) -> Refusal {
    Refusal::new(Reaction::WrongData, format!("rows cannot be encoded: {cause}"))
}

/// Places of the columns that some row says something about; the tables know the defaults of the others.
fn said(segment: &Segment) -> Vec<usize> {
    let places = 0..Table::of(segment.signal).columns.len();
    places.filter(|place| segment.batches.iter().any(|batch| batch.said(*place).is_some())).collect()
}

/// Which rows of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    InChunks,
    Strays,
}

/// Turns a segment into bytes, away from the tasks that wait for sockets.
struct Encoder {
    segment: Segment,
    places: Vec<usize>,
    head: Head,
    rows: Rows,
    window: Window,
    is_one_hour: bool,
}

impl Encoder {
    fn run(&self, encoded: &mpsc::Sender<Bytes>) -> Result<(), ArrowError> {
        let Self { segment, places, head, .. } = self;
        let mut bytes_before = 0;
        for batch in sorted(segment, BATCH_ROWS) {
            let batch = batch?;
            let mut bytes = Vec::with_capacity(bytes_before + bytes_before / 8);
            let picked = if self.is_one_hour { (0..batch.num_rows()).collect() } else { self.picked(&batch) };
            encode::rows(&batch, segment.signal.into(), places, head, &picked, &mut bytes);
            bytes_before = bytes.len();
            if !bytes.is_empty() && encoded.blocking_send(bytes.into()).is_err() {
                // The other side has failed and says why.
                return Ok(());
            }
        }
        Ok(())
    }

    /// The rows that belong to this table, those of one hour together: a chunk is opened once, not for each row.
    fn picked(&self, batch: &RecordBatch) -> Vec<usize> {
        let times = batch.column(0).as_primitive::<TimestampNanosecondType>().values();
        let mut picked: Vec<usize> = (0..batch.num_rows())
            .filter(|row| self.window.holds(times[*row]) == (self.rows == Rows::InChunks))
            .collect();
        picked.sort_by_key(|row| times[*row].div_euclid(HOUR));
        picked
    }
}

/// The number of a log, given when it is seen for the first time.
pub(crate) async fn writer_number(
    client: &tokio_postgres::Client,
    schema: &str,
    log: store::WriterId,
) -> Result<i32, Refusal> {
    let add = format!("INSERT INTO {schema}.writers (log) VALUES ($1::text::uuid) ON CONFLICT (log) DO NOTHING");
    client.execute(&add, &[&log.to_string()]).await?;
    let find = format!("SELECT id FROM {schema}.writers WHERE log = $1::text::uuid");
    Ok(client.query_one(&find, &[&log.to_string()]).await?.try_get(0)?)
}

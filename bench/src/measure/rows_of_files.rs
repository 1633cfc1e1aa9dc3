//! Simulated rows for files of millions, and questions for a few of them.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray};
use model::words::Words;
use model::{Batch, Defaults, Signal, Table, Tenant, Timestamp};
use plane::Payload;
use prost::Message;
use store::{Origin, Segment, SegmentId, WriterId};
use uuid::Uuid;

use crate::simulator::Shop;

const SEED: u64 = 42;
const STEP: Duration = Duration::from_secs(10);
const VISITS_PER_SECOND: f64 = 300.0;
/// A word this long with a digit is an order's number or the like: rare.
const RARE_WORD_BYTES: usize = 6;

/// The rows of one file.
pub(super) struct FileRows {
    signal: Signal,
    batches: Vec<Batch>,
}

impl FileRows {
    /// At least so many rows of the signal.
    pub(super) fn simulate(signal: Signal, rows: usize) -> anyhow::Result<Self> {
        let mut shop = Shop::new(SEED, &[]);
        let mut now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
        let (mut batches, mut count) = (Vec::new(), 0);
        while count < rows {
            let report = shop.step(now, STEP, VISITS_PER_SECOND);
            now += STEP.as_nanos() as u64;
            let (payload, body) = match signal {
                Signal::Logs => (Payload::Logs, report.logs.encode_to_vec()),
                _ => (Payload::Traces, report.traces.encode_to_vec()),
            };
            let decoded = ingest::decode(payload, &body, Timestamp(0)).context("a report of our own decodes")?;
            count += decoded.batches.iter().map(Batch::rows).sum::<usize>();
            batches.extend(decoded.batches);
        }
        Ok(Self { signal, batches })
    }

    pub(super) fn count(&self) -> usize {
        self.batches.iter().map(Batch::rows).sum()
    }

    /// The rows for the file of this number, with trace ids of its own.
    pub(super) fn segment(&self, number: u64) -> anyhow::Result<Segment> {
        let batches: anyhow::Result<Vec<Batch>> =
            self.batches.iter().map(|batch| self.renumbered(batch, number)).collect();
        Ok(Segment {
            id: SegmentId::new(),
            tenant: Tenant::default_tenant(),
            signal: self.signal,
            origin: Origin { writer: WriterId(Uuid::nil()), first: number, through: number },
            batches: batches?,
        })
    }

    fn renumbered(&self, batch: &Batch, number: u64) -> anyhow::Result<Batch> {
        let (table, mut defaults) = (Table::of(self.signal), Defaults::new(self.signal));
        let mut columns: Vec<Option<ArrayRef>> = (0..table.columns.len())
            .map(|place| batch.said(place).map(|_| batch.column(place, &mut defaults)))
            .collect();
        let traces = &mut columns[table.index("trace_id")];
        if let Some(ids) = traces {
            let ids = ids.as_fixed_size_binary();
            let renumbered = ids.iter().map(|id| id.map(|id| other_trace(id, number)));
            *traces = Some(Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(renumbered, 16)?));
        }
        Ok(Batch::new(self.signal, batch.rows(), columns)?)
    }

    /// What is asked, by its name.
    pub(super) fn questions(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let middle = &self.batches[self.batches.len() / 2];
        let table = Table::of(self.signal);
        let texts =
            |column: &str| middle.said(table.index(column)).with_context(|| format!("no {column} was simulated"));
        let traces = texts("trace_id")?.as_fixed_size_binary().iter().flatten().last().context("no trace")?;
        let trace: String = other_trace(traces, 1).iter().map(|byte| format!("{byte:02x}")).collect();
        let user = texts("user_id")?.as_string_view().iter().flatten().last().context("no user")?;
        let mut questions = vec![
            ("a trace by id", format!("select service_name, span_id from {} where trace_id = '{trace}'", self.signal)),
            ("a user", format!("select service_name, trace_id from {} where user_id = '{user}'", self.signal)),
        ];
        if self.signal == Signal::Logs {
            let bodies = texts("body")?.as_string_view();
            let rare =
                |word: &&str| word.len() >= RARE_WORD_BYTES && word.contains(|digit: char| digit.is_ascii_digit());
            let rare = bodies.iter().flatten().flat_map(Words::of).filter(rare).max_by_key(|word| word.len());
            let rare = rare.context("no rare word")?;
            questions.extend([
                ("a rare word", format!("select time, body from logs where matches(body, '{rare}')")),
                ("a word that is nowhere", "select time, body from logs where matches(body, 'zebrafinch')".to_owned()),
                (
                    "a user's failures",
                    format!("select time, body from logs where matches(body, 'failed') and user_id = '{user}'"),
                ),
            ]);
        }
        Ok(questions)
    }
}

fn other_trace(id: &[u8], number: u64) -> [u8; 16] {
    let mut other = [0; 16];
    other.copy_from_slice(id);
    other.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, own)| *byte ^= own);
    other
}

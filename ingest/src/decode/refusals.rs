//! What was wrong with items of a request, counted by reason: bounded, however many there are.

use std::fmt;

/// Why an item was refused, or mended and kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Refused: a span without a valid trace id.
    SpanTraceId,
    /// Refused: a span without a valid span id.
    SpanId,
    /// Refused: a span whose parent id has a wrong length.
    ParentSpanId,
    /// Refused: a histogram whose counts and bounds do not fit together.
    BucketCounts,
    /// Refused: a point of a series beyond the tenant's quota.
    SeriesQuota,
    /// Refused: an item with an attribute key beyond the tenant's quota.
    AttributeKeyQuota,
    /// Mended: a log record's or exemplar's invalid id was cleared.
    IdCleared,
    /// Mended: a time is missing, reversed or far in the future; `observed_time` says when it came.
    SuspectTime,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 8] = [
        Reason::SpanTraceId,
        Reason::SpanId,
        Reason::ParentSpanId,
        Reason::BucketCounts,
        Reason::SeriesQuota,
        Reason::AttributeKeyQuota,
        Reason::IdCleared,
        Reason::SuspectTime,
    ];

    /// True when the item is not stored.
    pub fn refuses(self) -> bool {
        !matches!(self, Reason::IdCleared | Reason::SuspectTime)
    }

    /// Name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Reason::SpanTraceId => "invalid_trace_id",
            Reason::SpanId => "invalid_span_id",
            Reason::ParentSpanId => "invalid_parent_span_id",
            Reason::BucketCounts => "inconsistent_buckets",
            Reason::SeriesQuota => "series_quota",
            Reason::AttributeKeyQuota => "attribute_key_quota",
            Reason::IdCleared => "id_cleared",
            Reason::SuspectTime => "suspect_time",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Reason::SpanTraceId => "trace_id must be 16 bytes, not all zero",
            Reason::SpanId => "span_id must be 8 bytes, not all zero",
            Reason::ParentSpanId => "parent_span_id must be 8 bytes or empty",
            Reason::BucketCounts => "bucket_counts must be one longer than explicit_bounds, or empty",
            Reason::SeriesQuota => {
                "this tenant's quota of active series is used up: send fewer label values, or ask for a larger quota"
            }
            Reason::AttributeKeyQuota => {
                "this tenant's quota of attribute keys is used up: send fewer different keys, or ask for a larger quota"
            }
            Reason::IdCleared => "invalid trace_id or span_id was cleared",
            Reason::SuspectTime => {
                "time is zero, ends before it starts, or lies a day ahead: stored with observed_time"
            }
        }
    }
}

/// Counts by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    counts: [u64; Reason::ALL.len()],
}

impl Refusals {
    pub(crate) fn add(&mut self, reason: Reason) {
        self.counts[reason as usize] += 1;
    }

    pub(crate) fn add_many(&mut self, reason: Reason, items: u64) {
        self.counts[reason as usize] += items;
    }

    /// Items with this reason.
    pub fn count(&self, reason: Reason) -> u64 {
        self.counts[reason as usize]
    }

    /// Items that are not stored.
    pub fn rejected(&self) -> u64 {
        Reason::ALL.into_iter().filter(|reason| reason.refuses()).map(|reason| self.count(reason)).sum()
    }

    /// Nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }
}

/// The message of a partial success: `12 refused: …; 3 kept: …`.
impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for reason in Reason::ALL.into_iter().filter(|reason| self.count(*reason) > 0) {
            let fate = if reason.refuses() { "refused" } else { "kept" };
            write!(f, "{separator}{} {fate}: {}", self.count(reason), reason.advice())?;
            separator = "; ";
        }
        Ok(())
    }
}

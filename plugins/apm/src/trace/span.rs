//! A span, as far as the shape of its trace goes.

use std::sync::Arc;

/// A span.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) id: [u8; 8],
    /// As the span says, though there may be no such span.
    pub(crate) parent: Option<[u8; 8]>,
    /// Shared with all spans that say the same.
    pub(crate) labels: Arc<Labels>,
    /// In nanoseconds since 1970.
    pub(crate) start: i64,
    /// Not before its start, whatever the span says.
    pub(crate) end: i64,
    /// True when the span says that it ended before it began.
    pub(crate) ends_before_start: bool,
    pub(crate) events: u32,
    pub(crate) links: u32,
}

/// What many spans of a trace say alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) service: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) http_request_method: Option<String>,
    pub(crate) http_route: Option<String>,
    pub(crate) http_response_status_code: Option<i64>,
    pub(crate) db_system_name: Option<String>,
    pub(crate) error_type: Option<String>,
}

impl Span {
    pub(crate) fn duration(&self) -> i64 {
        nanos_between(self.start, self.end)
    }

    pub(crate) fn is_error(&self) -> bool {
        self.labels.status == "error"
    }
}

/// How long after the first time the second is; clocks may be centuries apart.
pub(crate) fn nanos_between(from: i64, until: i64) -> i64 {
    until.saturating_sub(from)
}

#[cfg(test)]
pub(crate) mod samples {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn id(number: u8) -> [u8; 8] {
        [0, 0, 0, 0, 0, 0, 0, number]
    }

    /// A span of the service `shop`.
    pub(crate) fn span(number: u8, parent: Option<u8>, start: i64, end: i64) -> Span {
        let labels = Labels {
            service: Some("shop".to_owned()),
            name: format!("span {number}"),
            kind: "internal".to_owned(),
            status: "unset".to_owned(),
            ..Labels::default()
        };
        Span {
            id: id(number),
            parent: parent.map(id),
            labels: Arc::new(labels),
            start,
            end,
            ends_before_start: false,
            events: 0,
            links: 0,
        }
    }

    /// Any spans: with parents that are missing, ids that are there twice, cycles, and times that cannot be.
    pub(crate) fn any_spans() -> impl Strategy<Value = Vec<Span>> {
        let any_span = (0..20_u8, prop::option::of(0..25_u8), 0..100_i64, 0..60_i64)
            .prop_map(|(number, parent, start, duration)| span(number, parent, start, start + duration));
        prop::collection::vec(any_span, 1..60)
    }
}

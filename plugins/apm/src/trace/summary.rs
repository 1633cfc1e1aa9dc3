//! Where the time of a trace went, by service.

use std::collections::HashMap;

use ahash::RandomState;
use serde::Serialize;
use utoipa::ToSchema;

use super::span::Span;
use super::tree::Tree;

/// What one service did in a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ServiceShare {
    /// Null for spans that name none.
    service: Option<String>,
    spans: usize,
    errors: usize,
    /// Time in which its spans ran and none of their children did.
    self_ns: i64,
}

/// All services of the trace, most self time first.
pub(crate) fn by_service(spans: &[Span], tree: &Tree) -> Vec<ServiceShare> {
    let mut shares: HashMap<Option<&str>, ServiceShare, RandomState> = HashMap::default();
    for node in &tree.nodes {
        let span = &spans[node.span];
        let share = shares.entry(span.labels.service.as_deref()).or_default();
        share.spans += 1;
        share.errors += usize::from(span.is_error());
        share.self_ns = share.self_ns.saturating_add(node.self_nanos);
    }
    let named =
        shares.into_iter().map(|(service, share)| ServiceShare { service: service.map(str::to_owned), ..share });
    let mut shares: Vec<ServiceShare> = named.collect();
    shares.sort_by(|a, b| b.self_ns.cmp(&a.self_ns).then_with(|| a.service.cmp(&b.service)));
    shares
}

#[cfg(test)]
mod tests {
    use super::super::span::Labels;
    use super::super::span::samples::span;
    use super::*;

    #[test]
    fn self_time_is_added_up_by_service() {
        let labels = Labels { service: Some("stock".to_owned()), status: "error".to_owned(), ..Labels::default() };
        let failed = Span { labels: labels.into(), ..span(2, Some(1), 10, 80) };
        let spans = [span(1, None, 0, 100), failed, span(3, Some(2), 20, 30)];

        let shares = by_service(&spans, &Tree::of(&spans));

        let told: Vec<_> =
            shares.iter().map(|share| (share.service.as_deref(), share.spans, share.errors, share.self_ns)).collect();
        assert_eq!(told, [(Some("stock"), 1, 1, 60), (Some("shop"), 2, 0, 40)]);
    }
}

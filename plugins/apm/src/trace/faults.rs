//! What is wrong with a trace: it is shown all the same, and this says why it looks as it does.

use std::collections::HashSet;

use serde::Serialize;
use utoipa::ToSchema;

use super::span::{Span, nanos_between};
use super::tree::Tree;
use crate::rows::hex;

/// Faults of one kind that are told one by one.
const TOLD_MAX: usize = 20;

/// How many faults of each kind there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TraceFaults {
    /// Spans whose parent is not in the trace: it was not sent, not sampled, or has not arrived yet.
    missing_parents: usize,
    /// Spans without a parent, beyond the first.
    further_roots: usize,
    /// Spans with the id of a span before them.
    duplicate_ids: usize,
    /// Circles of parents; each was cut at its first span.
    circles: usize,
    /// Spans that start before their parent: clocks differ.
    starts_before_parent: usize,
    /// Spans that end before they start.
    ends_before_start: usize,
    /// The first ones of each kind.
    told: Vec<TraceFault>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TraceFault {
    kind: FaultKind,
    /// The span's place in the tree.
    node: usize,
    /// What is wrong, in a sentence.
    message: String,
}

/// Kinds of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    MissingParent,
    FurtherRoot,
    DuplicateId,
    Circle,
    StartsBeforeParent,
    EndsBeforeStart,
}

/// All faults of the trace, counted.
pub(crate) fn told(tree: &Tree, spans: &[Span]) -> TraceFaults {
    let mut place_of = vec![0; spans.len()];
    for (place, node) in tree.nodes.iter().enumerate() {
        place_of[node.span] = place;
    }
    let cut: HashSet<usize> = tree.cut.iter().copied().collect();
    let (mut faults, mut roots) = (TraceFaults::default(), 0);
    for (place, node) in tree.nodes.iter().enumerate() {
        let span = &spans[node.span];
        match (node.parent, span.parent) {
            (Some(parent), _) => {
                let early = nanos_between(span.start, spans[tree.nodes[parent].span].start);
                if early > 0 {
                    let tell = || format!("span {} starts {early} ns before its parent: clocks differ", hex(&span.id));
                    faults.add(FaultKind::StartsBeforeParent, place, tell);
                }
            }
            (None, Some(_)) if cut.contains(&node.span) => {}
            (None, Some(parent)) => {
                let tell = || {
                    let (id, parent) = (hex(&span.id), hex(&parent));
                    format!("span {id} names the parent {parent}, which is not in the trace")
                };
                faults.add(FaultKind::MissingParent, place, tell);
            }
            (None, None) => {
                roots += 1;
                if roots > 1 {
                    let tell = || format!("span {} is a further one without a parent", hex(&span.id));
                    faults.add(FaultKind::FurtherRoot, place, tell);
                }
            }
        }
        if span.ends_before_start {
            faults.add(FaultKind::EndsBeforeStart, place, || format!("span {} ends before it starts", hex(&span.id)));
        }
    }
    for span in &tree.duplicates {
        let tell = || format!("span {} has the id of a span before it", hex(&spans[*span].id));
        faults.add(FaultKind::DuplicateId, place_of[*span], tell);
    }
    for span in &tree.cut {
        let tell = || format!("the parents of span {} lead back to it: it is shown as a root", hex(&spans[*span].id));
        faults.add(FaultKind::Circle, place_of[*span], tell);
    }
    faults
}

impl TraceFaults {
    fn add(&mut self, kind: FaultKind, node: usize, tell: impl FnOnce() -> String) {
        let count = match kind {
            FaultKind::MissingParent => &mut self.missing_parents,
            FaultKind::FurtherRoot => &mut self.further_roots,
            FaultKind::DuplicateId => &mut self.duplicate_ids,
            FaultKind::Circle => &mut self.circles,
            FaultKind::StartsBeforeParent => &mut self.starts_before_parent,
            FaultKind::EndsBeforeStart => &mut self.ends_before_start,
        };
        *count += 1;
        if *count <= TOLD_MAX {
            self.told.push(TraceFault { kind, node, message: tell() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::span::samples::span;
    use super::*;

    fn faults(spans: &[Span]) -> TraceFaults {
        told(&Tree::of(spans), spans)
    }

    fn check(spans: &[Span], expected: &[(FaultKind, usize)]) {
        let told: Vec<(FaultKind, usize)> = faults(spans).told.iter().map(|fault| (fault.kind, fault.node)).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn a_whole_trace_has_no_faults() {
        assert_eq!(faults(&[span(1, None, 0, 100), span(2, Some(1), 0, 300)]), TraceFaults::default());
    }

    #[test]
    fn each_fault_is_told_at_its_span() {
        let backwards = Span { ends_before_start: true, ..span(2, Some(1), 10, 10) };

        check(&[span(1, None, 0, 9), span(2, Some(8), 1, 2)], &[(FaultKind::MissingParent, 1)]);
        check(&[span(1, None, 0, 9), span(2, None, 1, 2)], &[(FaultKind::FurtherRoot, 1)]);
        check(&[span(1, None, 0, 9), span(2, Some(1), 1, 2), span(2, Some(1), 3, 4)], &[(FaultKind::DuplicateId, 2)]);
        check(&[span(1, Some(2), 0, 9), span(2, Some(1), 1, 2)], &[(FaultKind::Circle, 0)]);
        check(&[span(1, None, 5, 9), span(2, Some(1), 1, 2)], &[(FaultKind::StartsBeforeParent, 1)]);
        check(&[span(1, None, 0, 90), backwards], &[(FaultKind::EndsBeforeStart, 1)]);
    }

    #[test]
    fn many_faults_are_counted_and_the_first_ones_told() {
        let spans: Vec<Span> = (0..100).map(|number| span(number, Some(200), number.into(), 200)).collect();

        let faults = faults(&spans);

        assert_eq!((faults.missing_parents, faults.told.len()), (100, TOLD_MAX));
    }
}

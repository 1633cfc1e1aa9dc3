//! All that is worked out of the spans of a trace, once for all pages of it.

use super::critical_path::critical_path;
use super::faults::{TraceFaults, told};
use super::read::Loaded;
use super::span::{Span, nanos_between};
use super::summary::{ServiceShare, by_service};
use super::tree::{Node, Tree};
use super::{PathStep, TracePath};

/// Most steps of the critical path that are told; the first ones of longer paths.
const STEPS_MAX: usize = 1000;

/// A trace with its tree.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) spans: Vec<Span>,
    pub(crate) is_truncated: bool,
    pub(crate) nodes: Vec<Node>,
    /// Of each node, what is on the critical path, in nanoseconds.
    pub(crate) critical: Vec<i64>,
    pub(crate) path: TracePath,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) errors: usize,
    pub(crate) services: Vec<ServiceShare>,
    pub(crate) faults: TraceFaults,
    /// What was missing when it was read, a sentence each.
    pub(crate) warnings: Vec<String>,
    text_bytes: usize,
}

impl Whole {
    /// The trace of these spans.
    pub(crate) fn of(Loaded { spans, is_truncated, text_bytes }: Loaded, warnings: Vec<String>) -> Self {
        let tree = Tree::of(&spans);
        let path = critical_path(&spans, &tree);
        let start = spans.iter().map(|span| span.start).min().unwrap_or_default();
        let steps = path.steps.iter().take(STEPS_MAX).map(|step| PathStep {
            node: step.node,
            start_ns: nanos_between(start, step.from),
            duration_ns: nanos_between(step.from, step.until),
        });
        let told_path =
            TracePath { root: path.root, steps: steps.collect(), is_truncated: path.steps.len() > STEPS_MAX };
        Self {
            start,
            end: spans.iter().map(|span| span.end).max().unwrap_or_default(),
            errors: spans.iter().filter(|span| span.is_error()).count(),
            critical: path.by_node(tree.nodes.len()),
            path: told_path,
            services: by_service(&spans, &tree),
            faults: told(&tree, &spans),
            nodes: tree.nodes,
            spans,
            is_truncated,
            warnings,
            text_bytes,
        }
    }

    /// What it takes in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        let one = size_of::<Span>() + size_of::<Node>() + size_of::<i64>();
        size_of::<Self>() + self.spans.len() * one + self.path.steps.len() * size_of::<PathStep>() + self.text_bytes
    }
}

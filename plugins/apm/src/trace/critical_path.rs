//! The critical path: the chain of spans that the duration of a trace's root is made of.
//!
//! From the end of the root backwards: what it waited for last is the child that ended last, and so on until its start.
//! Where no child was running the span itself was at work. The steps fill the root's duration without gaps.

use std::cmp::Reverse;

use super::span::{Span, nanos_between};
use super::tree::Tree;

/// The path through a trace.
#[derive(Debug)]
pub(crate) struct CriticalPath {
    /// Whose duration it is, by its place in the tree.
    pub(crate) root: Option<usize>,
    /// In the order of time.
    pub(crate) steps: Vec<Step>,
}

/// A time in which one span is what the root waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The span, by its place in the tree.
    pub(crate) node: usize,
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl CriticalPath {
    /// How much of the path each of so many nodes is, in nanoseconds.
    pub(crate) fn by_node(&self, nodes: usize) -> Vec<i64> {
        let mut critical = vec![0; nodes];
        for step in &self.steps {
            critical[step.node] += nanos_between(step.from, step.until);
        }
        critical
    }
}

/// The path of the longest root.
pub(crate) fn critical_path(spans: &[Span], tree: &Tree) -> CriticalPath {
    let span = |node: usize| &spans[tree.nodes[node].span];
    let root = tree.roots().max_by_key(|root| (span(*root).duration(), Reverse(*root)));
    let Some(root) = root else { return CriticalPath { root, steps: Vec::new() } };
    // Backwards in time.
    let mut steps = Vec::new();
    let mut step = |node: usize, from: i64, until: i64| {
        if from < until {
            steps.push(Step { node, from, until });
        }
    };
    let whole = Step { node: root, from: span(root).start, until: span(root).end };
    let mut waiting = vec![Waiting::on(whole, spans, tree)];
    while let Some(inner) = waiting.last_mut() {
        match inner.ended_last() {
            Some(child) => {
                step(inner.node, child.until, inner.until);
                inner.until = child.from;
                waiting.push(Waiting::on(child, spans, tree));
            }
            None => {
                step(inner.node, inner.from, inner.until);
                waiting.pop();
            }
        }
    }
    steps.reverse();
    CriticalPath { root: Some(root), steps }
}

/// A span on the path, what is left of its time, and children that may have been waited for in it.
struct Waiting {
    node: usize,
    from: i64,
    until: i64,
    /// Within the span's own time; those that end last come last.
    children: Vec<Step>,
}

impl Waiting {
    fn on(Step { node, from, until }: Step, spans: &[Span], tree: &Tree) -> Self {
        let within = |child: usize| {
            let span = &spans[tree.nodes[child].span];
            Step { node: child, from: span.start.max(from), until: span.end.min(until) }
        };
        let mut children: Vec<Step> =
            tree.children(node).map(within).filter(|child| child.from < child.until).collect();
        children.sort_by_key(|child| (child.until, Reverse(child.from)));
        Self { node, from, until, children }
    }

    /// The child that ended last in what is left.
    fn ended_last(&mut self) -> Option<Step> {
        while let Some(child) = self.children.pop() {
            if child.until <= self.until {
                return Some(child);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::span::samples::{any_spans, span};
    use super::*;

    fn check(spans: &[Span], expected: &[(&str, i64, i64)]) {
        let tree = Tree::of(spans);
        let path = critical_path(spans, &tree);
        let steps: Vec<(&str, i64, i64)> = path
            .steps
            .iter()
            .map(|step| (spans[tree.nodes[step.node].span].labels.name.as_str(), step.from, step.until))
            .collect();
        assert_eq!(steps, expected);
    }

    #[test]
    fn a_span_without_children_is_its_own_path() {
        check(&[span(1, None, 0, 100)], &[("span 1", 0, 100)]);
        check(&[span(1, None, 5, 5)], &[]);
    }

    #[test]
    fn the_root_waits_for_the_child_that_ends_last() {
        let spans = [
            span(1, None, 0, 100),
            span(2, Some(1), 10, 30),
            span(3, Some(1), 10, 60),
            span(4, Some(3), 20, 50),
            span(5, Some(1), 70, 90),
        ];

        check(
            &spans,
            &[
                ("span 1", 0, 10),
                ("span 3", 10, 20),
                ("span 4", 20, 50),
                ("span 3", 50, 60),
                ("span 1", 60, 70),
                ("span 5", 70, 90),
                ("span 1", 90, 100),
            ],
        );
    }

    #[test]
    fn what_goes_on_after_the_root_is_not_waited_for() {
        check(&[span(1, None, 0, 100), span(2, Some(1), 40, 500)], &[("span 1", 0, 40), ("span 2", 40, 100)]);
        check(&[span(1, None, 0, 100), span(2, Some(1), 100, 500)], &[("span 1", 0, 100)]);
    }

    #[test]
    fn the_longest_of_several_roots_is_the_one() {
        check(&[span(1, None, 0, 10), span(2, Some(9), 5, 50)], &[("span 2", 5, 50)]);
    }

    proptest! {
        #[test]
        fn the_steps_fill_the_root_without_gaps(spans in any_spans()) {
            let tree = Tree::of(&spans);

            let path = critical_path(&spans, &tree);

            let root = path.root.expect("a tree of spans has a root");
            let root = &spans[tree.nodes[root].span];
            let mut at = root.start;
            for step in &path.steps {
                let span = &spans[tree.nodes[step.node].span];
                prop_assert_eq!(step.from, at);
                prop_assert!(span.start <= step.from && step.from < step.until && step.until <= span.end);
                at = step.until;
            }
            prop_assert_eq!(at, root.end);
            prop_assert_eq!(path.by_node(tree.nodes.len()).iter().sum::<i64>(), root.duration());
        }
    }
}

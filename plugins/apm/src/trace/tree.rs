//! Spans as a tree, depth first, whatever they say of their parents.
//!
//! Every span is in the tree once. A parent that is missing, or a circle of parents, makes a root of the span; the tree
//! tells which. Nothing here recurses: a trace may be one chain of all its spans.

use std::collections::HashMap;

use ahash::RandomState;

use super::span::Span;

/// The tree of a trace.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Depth first, children in the order of their starts.
    pub(crate) nodes: Vec<Node>,
    /// Spans whose parents lead back to them; each was cut off its parent.
    pub(crate) cut: Vec<usize>,
    /// Spans with the id of a span before them.
    pub(crate) duplicates: Vec<usize>,
}

/// A span in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Which span.
    pub(crate) span: usize,
    /// Its parent's place in the tree.
    pub(crate) parent: Option<usize>,
    pub(crate) depth: usize,
    pub(crate) children: usize,
    /// Spans below it, children included: they come right behind it.
    pub(crate) descendants: usize,
    /// Of its duration, what no child was running in.
    pub(crate) self_nanos: i64,
}

impl Tree {
    /// The tree of the spans.
    pub(crate) fn of(spans: &[Span]) -> Self {
        let mut by_start: Vec<usize> = (0..spans.len()).collect();
        by_start.sort_by_key(|span| (spans[*span].start, *span));
        let (first, duplicates) = first_of_each_id(spans, &by_start);
        let mut parents: Vec<Option<usize>> =
            spans.iter().map(|span| span.parent.and_then(|parent| first.get(&parent).copied())).collect();
        let cut = cut_circles(spans, &by_start, &mut parents);
        let nodes = depth_first(spans, &by_start, &parents);
        Self { nodes, cut, duplicates }
    }

    /// Places of the children of a node, in order.
    pub(crate) fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        let end = node + 1 + self.nodes[node].descendants;
        let first = Some(node + 1).filter(|first| *first < end);
        std::iter::successors(first, move |child| {
            let next = child + 1 + self.nodes[*child].descendants;
            (next < end).then_some(next)
        })
    }

    /// Places of the nodes without a parent in the tree, in order.
    pub(crate) fn roots(&self) -> impl Iterator<Item = usize> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.parent.is_none()).map(|(place, _)| place)
    }
}

/// The first span of each id, and the spans that have an id that was there before.
fn first_of_each_id(spans: &[Span], by_start: &[usize]) -> (HashMap<[u8; 8], usize, RandomState>, Vec<usize>) {
    let mut first = HashMap::with_capacity_and_hasher(spans.len(), RandomState::new());
    let mut duplicates = Vec::new();
    for span in by_start {
        let kept = *first.entry(spans[*span].id).or_insert(*span);
        if kept != *span {
            duplicates.push(*span);
        }
    }
    (first, duplicates)
}

/// Takes one parent out of each circle of parents: that of its first span.
fn cut_circles(spans: &[Span], by_start: &[usize], parents: &mut [Option<usize>]) -> Vec<usize> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Never,
        Now,
        Before,
    }
    let (mut seen, mut cut) = (vec![Seen::Never; parents.len()], Vec::new());
    for start in by_start {
        let (mut way, mut next) = (Vec::new(), Some(*start));
        while let Some(span) = next.filter(|span| seen[*span] == Seen::Never) {
            seen[span] = Seen::Now;
            way.push(span);
            next = parents[span];
        }
        if let Some(met) = next.filter(|span| seen[*span] == Seen::Now) {
            let circle = way.iter().skip_while(|span| **span != met);
            let first = circle.min_by_key(|span| (spans[**span].start, **span)).copied().unwrap_or(met);
            parents[first] = None;
            cut.push(first);
        }
        for span in way {
            seen[span] = Seen::Before;
        }
    }
    cut
}

fn depth_first(spans: &[Span], by_start: &[usize], parents: &[Option<usize>]) -> Vec<Node> {
    let mut below = Below { last: vec![None; spans.len()], before: vec![None; spans.len()] };
    for span in by_start {
        if let Some(parent) = parents[*span] {
            below.before[*span] = below.last[parent].replace(*span);
        }
    }
    // What starts last comes first, so that it is taken last.
    let roots = by_start.iter().rev().filter(|span| parents[**span].is_none());
    let mut waiting: Vec<(usize, Option<usize>, usize)> = roots.map(|span| (*span, None, 0)).collect();
    let mut nodes: Vec<Node> = Vec::with_capacity(spans.len());
    while let Some((span, parent, depth)) = waiting.pop() {
        let (place, first) = (nodes.len(), waiting.len());
        waiting.extend(below.latest_first(span).map(|child| (child, Some(place), depth + 1)));
        let children = &waiting[first..];
        let self_nanos = self_nanos(&spans[span], children.iter().rev().map(|(child, ..)| &spans[*child]));
        nodes.push(Node { span, parent, depth, children: children.len(), descendants: 0, self_nanos });
    }
    for place in (0..nodes.len()).rev() {
        let below = nodes[place].descendants + 1;
        if let Some(parent) = nodes[place].parent {
            nodes[parent].descendants += below;
        }
    }
    nodes
}

/// The children of all spans, in two lists however many spans there are.
struct Below {
    /// The last child of each span.
    last: Vec<Option<usize>>,
    /// The child of the same parent that started before each span.
    before: Vec<Option<usize>>,
}

impl Below {
    fn latest_first(&self, span: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.last[span], |child| self.before[*child])
    }
}

/// What is left of the span's duration; its children come in the order of their starts.
fn self_nanos<'a>(span: &Span, children: impl Iterator<Item = &'a Span>) -> i64 {
    let (mut busy, mut covered_until) = (0, span.start);
    for child in children {
        let (from, until) = (child.start.max(covered_until), child.end.min(span.end));
        if from < until {
            busy += until - from;
            covered_until = until;
        }
    }
    span.duration() - busy
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::span::samples::{any_spans, span};
    use super::*;

    /// Each node as its name, indented.
    fn shape(spans: &[Span]) -> Vec<String> {
        let tree = Tree::of(spans);
        tree.nodes.iter().map(|node| format!("{}{}", "  ".repeat(node.depth), spans[node.span].labels.name)).collect()
    }

    #[test]
    fn children_stand_below_their_parent_in_the_order_of_their_starts() {
        let spans =
            [span(3, Some(1), 50, 60), span(1, None, 0, 100), span(4, Some(2), 12, 15), span(2, Some(1), 10, 20)];

        assert_eq!(shape(&spans), ["span 1", "  span 2", "    span 4", "  span 3"]);
    }

    #[test]
    fn self_time_is_what_no_child_runs_in() {
        let spans =
            [span(1, None, 0, 100), span(2, Some(1), 10, 30), span(3, Some(1), 20, 40), span(4, Some(1), 90, 150)];

        let tree = Tree::of(&spans);

        assert_eq!(tree.nodes.iter().map(|node| node.self_nanos).collect::<Vec<_>>(), [60, 20, 20, 60]);
        assert_eq!((tree.nodes[0].children, tree.nodes[0].descendants), (3, 3));
    }

    #[test]
    fn a_span_whose_parent_is_missing_is_a_root() {
        let spans = [span(1, None, 0, 100), span(2, Some(9), 10, 30)];

        assert_eq!(shape(&spans), ["span 1", "span 2"]);
    }

    #[test]
    fn a_circle_is_cut_at_its_first_span() {
        let spans = [span(1, Some(3), 5, 9), span(2, Some(1), 6, 9), span(3, Some(2), 7, 9), span(4, Some(4), 0, 1)];

        let tree = Tree::of(&spans);

        assert_eq!(shape(&spans), ["span 4", "span 1", "  span 2", "    span 3"]);
        assert_eq!(tree.cut, [3, 0]);
    }

    #[test]
    fn a_span_whose_id_is_there_twice_is_shown_twice() {
        let spans =
            [span(1, None, 0, 100), span(2, Some(1), 10, 20), span(2, Some(1), 30, 40), span(3, Some(2), 31, 32)];

        let tree = Tree::of(&spans);

        assert_eq!(shape(&spans), ["span 1", "  span 2", "    span 3", "  span 2"]);
        assert_eq!(tree.duplicates, [2]);
    }

    #[test]
    fn a_chain_of_all_spans_does_not_overflow_the_stack() {
        let mut spans: Vec<Span> = (0..200_000_u64)
            .map(|number| {
                let mut link = span(0, None, i64::try_from(number).expect("small"), 1_000_000);
                link.id = number.to_be_bytes();
                link.parent = number.checked_sub(1).map(u64::to_be_bytes);
                link
            })
            .collect();
        spans.reverse();

        let tree = Tree::of(&spans);

        assert_eq!(tree.nodes.last().map(|node| node.depth), Some(199_999));
    }

    proptest! {
        #[test]
        fn every_span_is_in_the_tree_once_below_its_parent(spans in any_spans()) {
            let tree = Tree::of(&spans);

            let mut all: Vec<usize> = tree.nodes.iter().map(|node| node.span).collect();
            all.sort_unstable();
            prop_assert_eq!(all, (0..spans.len()).collect::<Vec<_>>());
            for (place, node) in tree.nodes.iter().enumerate() {
                let duration = spans[node.span].duration();
                prop_assert!((0..=duration).contains(&node.self_nanos), "{node:?} of {duration}");
                if let Some(parent) = node.parent {
                    prop_assert!(parent < place && place <= parent + tree.nodes[parent].descendants);
                    prop_assert_eq!(node.depth, tree.nodes[parent].depth + 1);
                    prop_assert_eq!(spans[node.span].parent, Some(spans[tree.nodes[parent].span].id));
                }
                let children: Vec<usize> = tree.children(place).collect();
                prop_assert_eq!(children.len(), node.children);
                prop_assert!(children.iter().all(|child| tree.nodes[*child].parent == Some(place)));
            }
        }
    }
}

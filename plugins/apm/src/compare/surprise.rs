//! How much more often one set has something than another: the log-likelihood ratio G², with a sign.
//!
//! T. Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", Computational Linguistics 19(1),
//! 1993: unlike Pearson's X² it holds for what is rare, as most values of attributes are.

/// How many spans of a set have something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) with: u64,
    pub(crate) of: u64,
}

impl Part {
    /// From 0 to 1; nothing of nothing is 0.
    pub(crate) fn share(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.with as f64 / self.of as f64 }
    }

    fn without(self) -> u64 {
        self.of.saturating_sub(self.with)
    }
}

/// G² of both sets having it with one probability: above 0 where the selection has it more often, below where less.
pub(crate) fn surprise(selection: Part, rest: Part) -> f64 {
    let all = Part { with: selection.with + rest.with, of: selection.of + rest.of };
    let term = |observed: u64, of_set: u64, of_all: u64| {
        let expected = of_set as f64 * of_all as f64 / all.of as f64;
        if observed == 0 { 0.0 } else { observed as f64 * (observed as f64 / expected).ln() }
    };
    let sum: f64 = [selection, rest]
        .map(|set| term(set.with, set.of, all.with) + term(set.without(), set.of, all.without()))
        .iter()
        .sum();
    // Rounding may leave a little less than nothing.
    let squared = (2.0 * sum).max(0.0);
    if selection.share() < rest.share() { -squared } else { squared }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(selection: (u64, u64), rest: (u64, u64), expected: f64) {
        let part = |(with, of)| Part { with, of };
        let told = surprise(part(selection), part(rest));
        assert!((told - expected).abs() < 0.01, "{selection:?} and {rest:?}: {told}");
    }

    #[test]
    fn what_both_have_as_often_is_no_surprise() {
        check((10, 100), (100, 1000), 0.0);
        check((100, 100), (1000, 1000), 0.0);
        check((0, 100), (0, 1000), 0.0);
        check((0, 0), (5, 10), 0.0);
    }

    #[test]
    fn the_sign_says_which_has_it_more_often() {
        // By hand: 2 (4 ln 26 + 100 ln 1.04).
        check((4, 4), (0, 100), 33.91);
        check((0, 4), (100, 100), -33.91);
        check((110, 2552), (29, 1155), 7.66);
    }

    proptest! {
        #[test]
        fn it_is_a_number_and_changes_its_sign_with_the_sides(
            (a, b) in (0..1000_u64, 0..1000_u64), (c, d) in (0..1000_u64, 0..1000_u64)
        ) {
            let (one, other) = (Part { with: a, of: a + b }, Part { with: c, of: c + d });

            let (told, turned) = (surprise(one, other), surprise(other, one));

            prop_assert!(told.is_finite());
            prop_assert!((told.abs() - turned.abs()).abs() < 1e-6);
            prop_assert!(told * turned <= 1e-6);
        }
    }
}

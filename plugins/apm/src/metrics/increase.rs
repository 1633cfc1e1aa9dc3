//! How much a counter grew from one point to the next.
//!
//! Nothing is guessed: a point whose beginning is not known tells no increase, but the next one does.

/// A point of one series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// When it was taken, in nanoseconds since 1970.
    pub(crate) time: i64,
    /// When counting began, where that was said.
    pub(crate) start: Option<i64>,
    /// It says what was counted since `start` alone, and the next one begins anew.
    pub(crate) is_delta: bool,
    /// What can only grow as long as nobody begins anew.
    pub(crate) count: f64,
}

/// From when on the point tells what was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// From nothing, at that time: all of the point is increase.
    Nothing(i64),
    /// From the point before, which was taken then.
    Previous(i64),
    /// Not known.
    Unknown,
}

impl Point {
    /// What this point is counted from, when no point of its series after `read_from` was left out.
    pub(crate) fn since(&self, previous: Option<&Point>, read_from: i64) -> Since {
        // Some exporters that do not know the start say the time instead.
        let start = self.start.filter(|start| *start < self.time);
        if self.is_delta {
            return Since::Nothing(start.unwrap_or(self.time));
        }
        match (previous.filter(|previous| !previous.is_delta), start) {
            (None, Some(start)) if start >= read_from => Since::Nothing(start),
            (None, _) => Since::Unknown,
            (Some(previous), Some(start)) if start >= previous.time => Since::Nothing(start),
            (Some(previous), _) if self.count < previous.count => Since::Nothing(previous.time),
            (Some(previous), _) => Since::Previous(previous.time),
        }
    }

    /// How much was counted; `None` when that is not known.
    pub(crate) fn increase(&self, previous: Option<&Point>, read_from: i64) -> Option<f64> {
        match self.since(previous, read_from) {
            Since::Nothing(_) => Some(self.count),
            Since::Previous(_) => Some(self.count - previous.map_or(0.0, |previous| previous.count)),
            Since::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(time: i64, start: Option<i64>, count: f64) -> Point {
        Point { time, start, is_delta: false, count }
    }

    fn total(points: &[Point], read_from: i64) -> f64 {
        let previous = std::iter::once(None).chain(points.iter().map(Some));
        points.iter().zip(previous).filter_map(|(point, previous)| point.increase(previous, read_from)).sum()
    }

    #[test]
    fn a_fall_is_a_reset_and_counts_from_nothing() {
        assert_eq!(total(&[point(10, None, 5.0), point(20, None, 8.0), point(30, None, 2.0)], 0), 5.0);
    }

    #[test]
    fn a_new_start_is_a_reset_even_where_the_count_did_not_fall() {
        assert_eq!(total(&[point(10, Some(1), 5.0), point(30, Some(20), 7.0)], 5), 7.0);
        // Clocks of some exporters give a start that wavers, which is none.
        assert_eq!(total(&[point(10, Some(1), 5.0), point(30, Some(2), 7.0)], 5), 2.0);
    }

    #[test]
    fn a_first_point_counts_only_when_it_began_while_everything_was_read() {
        assert_eq!(point(10, Some(6), 5.0).since(None, 5), Since::Nothing(6));
        assert_eq!(point(10, Some(4), 5.0).since(None, 5), Since::Unknown);
        assert_eq!(point(10, None, 5.0).since(None, 5), Since::Unknown);
        assert_eq!(point(10, Some(10), 5.0).since(None, 5), Since::Unknown);
    }

    #[test]
    fn a_delta_is_all_increase() {
        let delta = Point { is_delta: true, ..point(10, Some(4), 5.0) };

        assert_eq!(delta.since(Some(&delta), 0), Since::Nothing(4));
        assert_eq!(point(20, None, 9.0).since(Some(&delta), 0), Since::Unknown);
    }

    proptest! {
        /// A process counts and is restarted now and then: what is told of it is what was counted.
        #[test]
        fn increases_with_resets_are_what_was_counted(
            lives in prop::collection::vec(prop::collection::vec(1_u32..100, 1..10), 1..6),
            says_start in any::<bool>(),
        ) {
            let (mut points, mut counted, mut time) = (Vec::new(), 0.0, 100);
            for life in &lives {
                let (start, mut count) = (time, 0.0);
                // Without starts a reset shows by a fall alone, so every life begins lower than the one before ended.
                let first = if says_start { f64::from(life[0]) } else { 0.5 };
                for (number, step) in life.iter().enumerate() {
                    let step = if number == 0 { first } else { f64::from(*step) };
                    (count, counted, time) = (count + step, counted + step, time + 10);
                    points.push(point(time, says_start.then_some(start), count));
                }
                if !says_start {
                    (count, counted, time) = (count + 1.0, counted + 1.0, time + 10);
                    points.push(point(time, None, count));
                }
            }

            // The beginning of the first life is not known when it is not said.
            let unknown = if says_start { 0.0 } else { points[0].count };
            prop_assert!((total(&points, 100) - (counted - unknown)).abs() < 1e-6);
        }
    }
}

//! The buckets of a histogram of either kind.

use super::explicit::Explicit;
use super::exponential::Exponential;

/// How values spread over buckets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Explicit(Explicit),
    Exponential(Exponential),
}

impl Shape {
    /// What was counted since; `None` when that cannot be told.
    pub(crate) fn minus(&self, before: &Self) -> Option<Self> {
        match (self, before) {
            (Self::Explicit(now), Self::Explicit(before)) => now.minus(before).map(Self::Explicit),
            (Self::Exponential(now), Self::Exponential(before)) => now.minus(before).map(Self::Exponential),
            _ => None,
        }
    }

    /// Adds one of the same kind; true when bounds were lost in it.
    pub(crate) fn add(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Explicit(sum), Self::Explicit(other)) => sum.add(other),
            (Self::Exponential(sum), Self::Exponential(other)) => {
                sum.add(other);
                false
            }
            _ => unreachable!("points of one type are read at a time"),
        }
    }

    pub(crate) fn quantile(&self, quantile: f64) -> Option<f64> {
        match self {
            Self::Explicit(explicit) => explicit.quantile(quantile),
            Self::Exponential(exponential) => exponential.quantile(quantile),
        }
    }
}

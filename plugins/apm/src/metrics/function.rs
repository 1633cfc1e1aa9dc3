//! What is asked of points.

use plugin::Failure;

/// What is made of the points of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Function {
    /// Increase by second.
    Rate,
    Increase,
    Sum,
    Avg,
    Min,
    Max,
    Last,
    Count,
    /// From 0 to 1.
    Quantile(f64),
}

const NAMES: [(&str, Function); 8] = [
    ("rate", Function::Rate),
    ("increase", Function::Increase),
    ("sum", Function::Sum),
    ("avg", Function::Avg),
    ("min", Function::Min),
    ("max", Function::Max),
    ("last", Function::Last),
    ("count", Function::Count),
];

impl Function {
    /// The function as it is written, and any quantile; `None` when neither is said.
    pub(crate) fn read(function: Option<&str>, quantile: Option<f64>) -> Result<Option<Self>, Failure> {
        if let Some(quantile) = quantile.filter(|quantile| !(0.0..=1.0).contains(quantile)) {
            return Err(Failure::invalid(format!("'quantile' is {quantile}, expected 0 to 1")));
        }
        match (function.filter(|function| !function.is_empty()), quantile) {
            (None | Some("quantile"), Some(quantile)) => Ok(Some(Self::Quantile(quantile))),
            (None, None) => Ok(None),
            (Some(function), Some(_)) => {
                let failure = Failure::invalid(format!("'function' is '{function}', but 'quantile' is said as well"));
                Err(failure.hinting("leave one of the two out"))
            }
            (Some(function), None) => Self::named(function).map(Some).ok_or_else(|| {
                let failure = Failure::invalid(format!("'function' is '{function}', which is none"));
                failure.hinting("there are rate, increase, sum, avg, min, max, last, count, p50, p90, p95, p99, or 'quantile=0.999'")
            }),
        }
    }

    fn named(name: &str) -> Option<Self> {
        let percent = || {
            let digits = name.strip_prefix('p').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            let percent = digits.parse::<u8>().ok().filter(|percent| *percent <= 100)?;
            Some(Self::Quantile(f64::from(percent) / 100.0))
        };
        NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, function)| function).or_else(percent)
    }

    pub(crate) fn name(self) -> String {
        if let Self::Quantile(quantile) = self {
            return format!("quantile {quantile}");
        }
        let name = NAMES.into_iter().find(|(_, function)| *function == self).map(|(name, _)| name);
        name.expect("every function that is no quantile has a name").to_owned()
    }

    /// True when values of several buckets may be added up.
    pub(crate) fn adds_up(self) -> bool {
        matches!(self, Self::Rate | Self::Increase | Self::Sum | Self::Count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(function: Option<&str>, quantile: Option<f64>, expected: Option<Function>) {
        assert_eq!(Function::read(function, quantile).expect("a function"), expected, "{function:?} {quantile:?}");
    }

    #[test]
    fn a_function_is_named_or_a_quantile() {
        check(None, None, None);
        check(Some("rate"), None, Some(Function::Rate));
        check(Some("p99"), None, Some(Function::Quantile(0.99)));
        check(None, Some(0.999), Some(Function::Quantile(0.999)));
        check(Some("quantile"), Some(0.5), Some(Function::Quantile(0.5)));
    }

    #[test]
    fn what_is_no_function_is_refused() {
        for (function, quantile) in [
            (Some("rat"), None),
            (Some("p"), None),
            (Some("p101"), None),
            (Some("p-1"), None),
            (Some("quantile"), None),
            (Some("rate"), Some(0.5)),
            (None, Some(1.1)),
            (None, Some(f64::NAN)),
        ] {
            assert!(Function::read(function, quantile).is_err(), "{function:?} {quantile:?}");
        }
    }
}

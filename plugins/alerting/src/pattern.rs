//! Regular expressions of users: how much memory one may take.

use regex::{Error, RegexBuilder};

/// Memory of one compiled pattern, in bytes; `\w{200}` alone takes more than ten times of it.
const PATTERN_MEMORY_MAX: usize = 1 << 20;

/// Refuses a pattern that takes more memory than patterns of names and values need. Whether it is one at all, others tell.
pub(crate) fn check(pattern: &str) -> Result<(), String> {
    match RegexBuilder::new(pattern).size_limit(PATTERN_MEMORY_MAX).build() {
        Err(Error::CompiledTooBig(_)) => {
            Err(format!("the pattern takes more than {PATTERN_MEMORY_MAX} bytes of memory; repeat less in it"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_names_are_small_and_many_repetitions_are_not() {
        for pattern in ["prod|staging", r"(?s:\w+-\w+-[0-9a-f]{8})", ".*checkout.*", "(not closed"] {
            assert_eq!(check(pattern), Ok(()), "{pattern}");
        }
        for pattern in [r"\w{2000}", r"((\w{20}){20}){20}"] {
            assert!(check(pattern).is_err(), "{pattern}");
        }
    }
}

//! Conditions on labels, as silences, inhibitions and maintenance windows have them: `service=checkout`, `rule=~"Slow.*"`.

use std::str::FromStr;

use promql_parser::label::Matcher as Condition;
use promql_parser::parser::token::{T_EQL, T_EQL_REGEX, T_NEQ, T_NEQ_REGEX};
use serde::{Deserialize, Serialize};

use crate::labels::Labels;

/// Longest matcher, in bytes.
const MATCHER_BYTES_MAX: usize = 1024;
/// Most matchers of one list.
pub(crate) const MATCHERS_MAX: usize = 32;

/// A condition on one label; a label that is not there is as one that is empty. Patterns are of the whole value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Matcher {
    written: String,
    condition: Condition,
}

impl Matcher {
    pub(crate) fn is_true_of(&self, labels: &Labels) -> bool {
        self.condition.is_match(labels.get(&self.condition.name).unwrap_or_default())
    }
}

/// True when all are.
pub(crate) fn all_true(matchers: &[Matcher], labels: &Labels) -> bool {
    matchers.iter().all(|matcher| matcher.is_true_of(labels))
}

impl FromStr for Matcher {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("'{written}' is no matcher: {why}");
        if written.len() > MATCHER_BYTES_MAX {
            return Err(format!("a matcher has {} bytes, over the limit of {MATCHER_BYTES_MAX}", written.len()));
        }
        let how = "write it as service=checkout, service!=checkout, service=~\"check.*\" or service!~\"check.*\"";
        let place = written.find(['=', '!']).ok_or_else(|| wrong(how))?;
        let (name, rest) = (written[..place].trim(), &written[place..]);
        let operators = [("=~", T_EQL_REGEX), ("!~", T_NEQ_REGEX), ("!=", T_NEQ), ("=", T_EQL)];
        let found = operators.into_iter().find_map(|(sign, operator)| Some((operator, rest.strip_prefix(sign)?)));
        let (operator, value) = found.filter(|_| !name.is_empty()).ok_or_else(|| wrong(how))?;
        let value = unquoted(value.trim()).ok_or_else(|| wrong("a quotation mark is missing"))?;
        if [T_EQL_REGEX, T_NEQ_REGEX].contains(&operator) {
            crate::pattern::check(&value).map_err(|cause| wrong(&cause))?;
        }
        let condition = Condition::new_matcher(operator, name.to_owned(), value).map_err(|cause| wrong(&cause))?;
        Ok(Self { written: written.to_owned(), condition })
    }
}

/// Without its quotation marks, if it has any.
fn unquoted(value: &str) -> Option<String> {
    if !value.starts_with('"') {
        return (!value.ends_with('"')).then(|| value.to_owned());
    }
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\\\"", "\""))
}

impl TryFrom<String> for Matcher {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        written.parse()
    }
}

impl From<Matcher> for String {
    fn from(matcher: Matcher) -> Self {
        matcher.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(matcher: &str, expected: bool) {
        let labels = Labels::from_iter([("service", "checkout"), ("rule", "Slow \"API\"")]);
        let parsed: Matcher = matcher.parse().unwrap_or_else(|cause| panic!("{cause}"));
        assert_eq!(parsed.is_true_of(&labels), expected, "{matcher}");
    }

    #[test]
    fn labels_are_compared_as_a_whole() {
        check("service=checkout", true);
        check("service = \"checkout\"", true);
        check("service=check", false);
        check("service!=payments", true);
        check("service=~check.*", true);
        check("service=~\"check\"", false);
        check("service!~\"(checkout|cart)\"", false);
        check(r#"rule="Slow \"API\"""#, true);
        check("region=", true);
        check("region!=eu", true);
        check("region=~.+", false);
    }

    #[test]
    fn what_is_no_matcher_is_refused() {
        for wrong in ["", "service", "=x", "service!x", "service=~(", "service=\"x", "service=x\""] {
            assert!(wrong.parse::<Matcher>().is_err(), "{wrong}");
        }
        assert!(format!("a={}", "x".repeat(MATCHER_BYTES_MAX)).parse::<Matcher>().is_err());
    }
}

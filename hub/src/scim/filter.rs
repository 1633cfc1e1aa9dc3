//! Filters: `attribute eq "value"`, which is what provisioning systems send.

use std::str::FromStr;

use records::Record;

use crate::error::Error;
use crate::groups::Group;
use crate::people::Person;

/// One attribute that has one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    attribute: Attribute,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attribute {
    Id,
    ExternalId,
    UserName,
    DisplayName,
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::Invalid(format!("filter: '{}' is not as in userName eq \"ada@example.org\"", text.escape_debug()))
        };
        let (attribute, rest) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let (operator, value) = rest.trim_start().split_once(' ').ok_or_else(wrong)?;
        let attribute = match attribute.to_ascii_lowercase().as_str() {
            "id" => Attribute::Id,
            "externalid" => Attribute::ExternalId,
            "username" | "emails.value" | "emails" => Attribute::UserName,
            "displayname" => Attribute::DisplayName,
            _ => return Err(wrong()),
        };
        if !operator.eq_ignore_ascii_case("eq") {
            return Err(wrong());
        }
        // Values are JSON.
        let value = serde_json::from_str(value.trim()).map_err(|_| wrong())?;
        Ok(Self { attribute, value })
    }
}

impl Filter {
    pub(crate) fn fits_user(&self, person: &Record<Person>) -> bool {
        match self.attribute {
            Attribute::Id => person.id.as_str() == self.value,
            Attribute::ExternalId => person.body.external_id.as_deref() == Some(&self.value),
            Attribute::UserName => person.body.email.as_str() == self.value.to_lowercase(),
            Attribute::DisplayName => person.body.name == self.value,
        }
    }

    pub(crate) fn fits_group(&self, group: &Record<Group>) -> bool {
        match self.attribute {
            Attribute::Id => group.id.as_str() == self.value,
            Attribute::ExternalId => group.body.external_id.as_deref() == Some(&self.value),
            Attribute::DisplayName => group.body.name == self.value,
            Attribute::UserName => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_compares_one_attribute_with_one_value() {
        for (text, expected) in [
            (r#"userName eq "Ada@Example.org""#, Some((Attribute::UserName, "Ada@Example.org"))),
            (r#"USERNAME EQ "a""#, Some((Attribute::UserName, "a"))),
            (r#"externalId  eq  "x \" y""#, Some((Attribute::ExternalId, "x \" y"))),
            (r#"displayName eq "a b c""#, Some((Attribute::DisplayName, "a b c"))),
            (r#"userName sw "a""#, None),
            (r#"userName eq "a" and active eq true"#, None),
            (r#"userName eq a"#, None),
            ("userName pr", None),
            ("", None),
        ] {
            let filter = text.parse::<Filter>().ok();
            let expected = expected.map(|(attribute, value)| Filter { attribute, value: value.to_owned() });
            assert_eq!(filter, expected, "{text}");
        }
    }
}

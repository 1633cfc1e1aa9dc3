//! Names that lead to no channel. Each is told in the log once, until it leads somewhere: a thousand alerts of one rule are one warning.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use plugin::model::Tenant;

/// Most names that are remembered; behind them all are told once more.
const NAMES_MAX: usize = 10_000;

/// The names that this process has told of.
#[derive(Debug, Default)]
pub(crate) struct Nowhere {
    /// None of a tenant without a default channel.
    told: Mutex<BTreeSet<(Tenant, Option<String>)>>,
}

impl Nowhere {
    /// Somebody looked for channels of this name, or for default ones; true when it is to be told that there is none.
    pub(crate) fn is_news(&self, tenant: &Tenant, name: Option<&str>, is_found: bool) -> bool {
        let place = (tenant.clone(), name.map(str::to_owned));
        let mut told = self.told.lock();
        if is_found {
            told.remove(&place);
            return false;
        }
        if told.len() >= NAMES_MAX {
            told.clear();
        }
        told.insert(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_nowhere_is_told_once_until_it_has_led_somewhere() {
        let (nowhere, acme) = (Nowhere::default(), Tenant::new("acme").expect("a name"));
        let globex = Tenant::new("globex").expect("a name");

        let first = [None, None, Some("sms"), Some("sms")].map(|name| nowhere.is_news(&acme, name, false));
        assert_eq!(first, [true, false, true, false]);
        assert!(nowhere.is_news(&globex, None, false), "of each tenant");

        assert!(!nowhere.is_news(&acme, None, true), "there is one");
        let again = [None, None, Some("sms")].map(|name| nowhere.is_news(&acme, name, false));
        assert_eq!(again, [true, false, false]);
    }

    #[test]
    fn no_more_names_are_remembered_than_may_be() {
        let (nowhere, acme) = (Nowhere::default(), Tenant::new("acme").expect("a name"));

        for name in 0..=NAMES_MAX {
            assert!(nowhere.is_news(&acme, Some(&name.to_string()), false));
        }

        assert_eq!(nowhere.told.lock().len(), 1);
    }
}

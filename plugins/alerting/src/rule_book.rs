//! The rules of a tenant: put, removed, and kept the same as the files they stand in.

use plugin::hub::Asking;
use plugin::hub::audit::{Deed, Trail};
use plugin::model::Tenant;
use plugin::records::{Expected, RecordId, Records, Transaction};
use plugin::yaml::Fault;
use plugin::{Failure, PluginError};
use serde_json::json;

use crate::rule::{self, Rule, Written};
use crate::stored::{Revision, RuleHealth, StoredRule, rule_id, the_only};

/// Reads rules where nobody waits for it: a file may be large, and its patterns are compiled.
pub(crate) async fn read(text: String) -> Result<Vec<Written>, Vec<Fault>> {
    let read = tokio::task::spawn_blocking(move || rule::read(&text));
    read.await.expect("reading rules does not panic")
}

/// Why a rule was not put or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the rule '{name}' stands in the file {file}")]
    InFile { name: String, file: String },
    #[error("the rule '{name}' was made through the API")]
    NotInFile { name: String },
    #[error("there is no rule '{name}'")]
    Unknown { name: String },
    #[error("there are {max} rules already (alerting.rules_max)")]
    TooMany { max: usize },
    #[error(transparent)]
    Records(#[from] plugin::records::Error),
    #[error(transparent)]
    Other(#[from] PluginError),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let message = refused.to_string();
        match refused {
            Refused::InFile { .. } => Failure::conflict(message).hinting("change the file; it is read within seconds"),
            Refused::NotInFile { .. } => Failure::conflict(message).hinting("remove it there, or name it otherwise"),
            Refused::Unknown { .. } => Failure::not_found(message),
            Refused::TooMany { .. } => Failure::invalid(message).hinting("remove rules, or raise the limit"),
            Refused::Records(cause) => cause.into(),
            Refused::Other(cause) => Failure::internal(cause.as_ref()),
        }
    }
}

/// Who changes rules.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By<'a> {
    Somebody(&'a Asking),
    /// The file they stand in, below the directory.
    File(&'a str),
}

impl By<'_> {
    fn file(self) -> Option<String> {
        match self {
            By::Somebody(_) => None,
            By::File(file) => Some(file.to_owned()),
        }
    }
}

/// Changes rules, and says so to whoever watches them and in the audit trail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleBook<'a> {
    pub(crate) records: &'a Records,
    pub(crate) audit: &'a Trail,
    pub(crate) rules_max: usize,
}

impl RuleBook<'_> {
    /// Puts rules and removes others, together or not at all.
    pub(crate) async fn change(
        &self,
        tenant: &Tenant,
        by: By<'_>,
        put: &[Rule],
        removed: &[String],
    ) -> Result<(), Refused> {
        if put.is_empty() && removed.is_empty() {
            return Ok(());
        }
        let change = self.records.transaction(|transaction| async move {
            let mut count = 0_i64;
            for rule in put {
                count += i64::from(self.put(&transaction, tenant, by, rule).await?);
            }
            for name in removed {
                self.remove(&transaction, tenant, by, name).await?;
                count -= 1;
            }
            self.count(&transaction, tenant, count).await?;
            let names: Vec<&str> = put.iter().map(|rule| rule.name.as_str()).collect();
            let details = json!({"put": names, "removed": removed, "file": by.file()});
            let deed = Deed { action: "rules.changed", subject: ("rules", "all"), details };
            let told = match by {
                By::Somebody(asking) => self.audit.by(&transaction, asking, deed).await,
                By::File(_) => self.audit.by_server(&transaction, tenant, deed).await,
            };
            Ok(told?)
        });
        change.await
    }

    /// True when the rule is new.
    async fn put(&self, transaction: &Transaction, tenant: &Tenant, by: By<'_>, rule: &Rule) -> Result<bool, Refused> {
        let (rules, id) = (transaction.collection::<StoredRule>(), rule_id(&rule.name)?);
        let known = rules.get(tenant, &id).await?;
        if let Some(known) = &known {
            of_the_same(&known.body, by)?;
        }
        let expected = known.as_ref().map_or(Expected::Absent, |known| Expected::Version(known.version));
        rules.put(tenant, &id, &StoredRule::new(rule, by.file()), expected).await?;
        Ok(known.is_none())
    }

    async fn remove(&self, transaction: &Transaction, tenant: &Tenant, by: By<'_>, name: &str) -> Result<(), Refused> {
        let (rules, id) = (transaction.collection::<StoredRule>(), rule_id(name)?);
        let unknown = || Refused::Unknown { name: name.to_owned() };
        let known = rules.get(tenant, &id).await?.ok_or_else(unknown)?;
        of_the_same(&known.body, by)?;
        rules.delete(tenant, &id, Expected::Version(known.version)).await?;
        transaction.collection::<RuleHealth>().delete(tenant, &id, Expected::Any).await?;
        Ok(())
    }

    async fn count(&self, transaction: &Transaction, tenant: &Tenant, more: i64) -> Result<(), Refused> {
        let (revisions, id): (_, RecordId) = (transaction.collection::<Revision>(), the_only());
        let known = revisions.get(tenant, &id).await?.map(|known| known.body).unwrap_or_default();
        let rules = known.rules.saturating_add_signed(more);
        if more > 0 && usize::try_from(rules).unwrap_or(usize::MAX) > self.rules_max {
            return Err(Refused::TooMany { max: self.rules_max });
        }
        let next = Revision { number: known.number + 1, rules };
        revisions.put(tenant, &id, &next, Expected::Any).await?;
        Ok(())
    }
}

/// A rule is changed where it was made.
fn of_the_same(known: &StoredRule, by: By<'_>) -> Result<(), Refused> {
    match (&known.file, by.file()) {
        (Some(file), own) if own.as_ref() != Some(file) => {
            Err(Refused::InFile { name: known.name.clone(), file: file.clone() })
        }
        (None, Some(_)) => Err(Refused::NotInFile { name: known.name.clone() }),
        _ => Ok(()),
    }
}

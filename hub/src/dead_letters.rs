//! What somebody does about dead letters: lets them be tried again, or deletes them, with a word in the trail.

use records::{Expected, Record, RecordId};
use serde_json::json;

use crate::Hub;
use crate::access::Asking;
use crate::audit::Deed;
use crate::change::Change;
use crate::error::Error;
use crate::events::Letter;

impl Hub {
    /// Lets a dead letter of the tenant be tried again, as often as a new event.
    pub(crate) async fn retry_letter(&self, asking: &Asking, id: &RecordId) -> Result<(), Error> {
        self.changes
            .make(|change| async move {
                let Record { version, body: letter, .. } = dead(&change, asking, id).await?;
                audit(&change, asking, "dead_letter.retried", id, &letter).await?;
                let letters = change.collection::<Letter>();
                letters.put(asking.tenant(), id, &letter.revived(), Expected::Version(version)).await?;
                Ok(())
            })
            .await
    }

    /// Deletes a dead letter of the tenant: its consumer never gets the event.
    pub(crate) async fn delete_letter(&self, asking: &Asking, id: &RecordId) -> Result<(), Error> {
        self.changes
            .make(|change| async move {
                let Record { version, body: letter, .. } = dead(&change, asking, id).await?;
                audit(&change, asking, "dead_letter.deleted", id, &letter).await?;
                change.collection::<Letter>().delete(asking.tenant(), id, Expected::Version(version)).await?;
                Ok(())
            })
            .await
    }
}

/// The letter, if nobody tries it any more: the others are their consumers'.
async fn dead(change: &Change, asking: &Asking, id: &RecordId) -> Result<Record<Letter>, Error> {
    let letter = change.collection::<Letter>().get(asking.tenant(), id).await?;
    let letter = letter.filter(|letter| letter.body.is_dead);
    letter.ok_or_else(|| Error::not_found("dead letter", id.as_str()))
}

async fn audit(change: &Change, asking: &Asking, action: &str, id: &RecordId, letter: &Letter) -> Result<(), Error> {
    let details = json!({"type": letter.event.kind, "subject": letter.event.subject, "attempts": letter.attempts});
    let deed = Deed { action, subject: ("dead_letter", id.as_str()), details };
    change.audit(asking.tenant(), asking.by(), deed).await
}

//! Keeps the columns of stored documents those of their collection's keys, when a program comes with other keys.

use std::any::TypeId;

use crate::collection::{Collection, with_columns};
use crate::document::Document;
use crate::error::Error;
use crate::key;
use crate::records::Records;
use crate::session::Session;
use crate::statement::Statement;
use crate::telemetry;

/// Documents that are looked at in one go.
const AT_ONCE: u64 = 500;

const KNOWN: &str = "SELECT keys FROM collections WHERE name = $1";
/// First in its transaction: of two programs that come with other keys, one waits here.
const KNOW: &str = "INSERT INTO collections (name, keys) VALUES ($1, $2) \
                    ON CONFLICT (name) DO UPDATE SET keys = excluded.keys";
const BODIES: &str = "SELECT tenant, id, body FROM documents WHERE collection = $1 AND (tenant, id) > ($2, $3) \
                      ORDER BY tenant, id LIMIT $4";
const LAY_OUT: &str = "UPDATE documents SET unique1 = $4, unique2 = $5, unique3 = $6, unique4 = $7, \
         key1 = $8, key2 = $9, key3 = $10, key4 = $11, key5 = $12, key6 = $13, key7 = $14, key8 = $15, due = $16 \
     WHERE collection = $1 AND tenant = $2 AND id = $3";

/// Before keys are written or asked for.
pub(crate) async fn ensure<T: Document>(session: &Session) -> Result<(), Error> {
    if session.shared.laid_out.read().contains(&TypeId::of::<T>()) {
        return Ok(());
    }
    match &session.within {
        None => {
            let records = Records { session: session.clone() };
            Box::pin(records.transaction(|transaction| async move { ensure_within::<T>(transaction.session()).await }))
                .await
        }
        Some(_) => ensure_within::<T>(session).await,
    }
}

async fn ensure_within<T: Document>(session: &Session) -> Result<(), Error> {
    let Some(open) = &session.within else { return Ok(()) };
    if open.laid_out.lock().contains(&TypeId::of::<T>()) {
        return Ok(());
    }
    let keys = key::described(T::KEYS);
    let known = session.query_row(Statement::read(KNOWN).with(T::COLLECTION)).await?;
    let known = known.map(|mut row| row.text()).transpose()?;
    if known.as_ref() != Some(&keys) {
        session.query(Statement::write(KNOW).with(T::COLLECTION).with(keys)).await?;
        lay_out::<T>(session).await?;
    }
    open.laid_out.lock().push(TypeId::of::<T>());
    Ok(())
}

async fn lay_out<T: Document>(session: &Session) -> Result<(), Error> {
    let (mut last, mut documents) = ((String::new(), String::new()), 0);
    loop {
        let bodies =
            Statement::read(BODIES).with(T::COLLECTION).with(last.0.as_str()).with(last.1.as_str()).with(AT_ONCE);
        let rows = session.query(bodies).await?;
        documents += rows.len();
        let is_last = rows.is_empty();
        for mut row in rows {
            let (tenant, id, body) = (row.text()?, row.text()?, row.text()?);
            let columns = key::columns(T::KEYS, &id, &body)?;
            let statement = Statement::write(LAY_OUT).with(T::COLLECTION).with(tenant.as_str()).with(id.as_str());
            session.query(with_columns(statement, columns)).await.map_err(Collection::<T>::told)?;
            last = (tenant, id);
        }
        if is_last {
            if documents > 0 {
                telemetry::laid_out(T::COLLECTION, documents);
            }
            return Ok(());
        }
    }
}

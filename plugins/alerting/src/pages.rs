//! Listings of records, read to their end.
//!
//! A page ends after some documents or some megabytes, whichever comes first, so whoever needs all of them follows `next`.

use plugin::model::Tenant;
use plugin::records::{Collection, Document, Error, List, PAGE_MAX, Record};

/// All documents of a tenant that a listing names, whatever its limit.
pub(crate) async fn all_of<T: Document>(
    collection: &Collection<T>,
    tenant: &Tenant,
    list: &List,
) -> Result<Vec<Record<T>>, Error> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = collection.list(tenant, &list.clone().limit(PAGE_MAX).after(after)).await?;
        all.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// All documents of all tenants.
pub(crate) async fn everywhere<T: Document>(collection: &Collection<T>) -> Result<Vec<Record<T>>, Error> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = collection.list_everywhere(&List::all().limit(PAGE_MAX).after(after)).await?;
        all.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

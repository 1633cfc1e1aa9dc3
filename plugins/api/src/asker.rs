//! Who asks in SQL, told by who asks in HTTP.

use hub::Caller;
use query::Asker;

/// Sees its tenant's telemetry, and `<product>.<table>` when it may read that.
pub fn asker(caller: Caller) -> Asker {
    let tenant = caller.tenant().clone();
    Asker::new(tenant).seeing(move |schema, table| {
        let permission = format!("{schema}:{table}:read").parse();
        permission.is_ok_and(|permission| caller.may(&permission))
    })
}

//! Who is asking: tenants, people, keys, roles, licences, the audit trail, and events between products.

pub mod outgoing;
pub mod sealing;

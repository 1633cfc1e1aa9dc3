//! Who is asking: tenants, people, keys, roles, licences, the audit trail, and events between products.

pub mod cache;
pub mod events;
pub mod outgoing;
pub mod redis;
pub mod sealing;

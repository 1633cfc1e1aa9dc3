//! The products' own state: typed documents with versions and keys, logs, leases and an outbox, in SQLite or PostgreSQL.
//!
//! ```
//! # use records::{Document, Error, Expected, Key, List, RecordId, Records};
//! # use serde::{Deserialize, Serialize};
//! #[derive(Serialize, Deserialize)]
//! struct User { email: String, is_active: bool }
//!
//! impl Document for User {
//!     const COLLECTION: &'static str = "hub.users";
//!     const KEYS: &'static [Key] = &[Key::unique("email"), Key::lookup("is_active")];
//! }
//!
//! # async fn example(acme: &model::Tenant) -> Result<(), Error> {
//! let records = Records::sqlite("records.sqlite").await?;
//! let users = records.collection::<User>();
//! let ada = User { email: "ada@example.org".into(), is_active: true };
//! users.put(acme, &RecordId::unique(), &ada, Expected::Absent).await?;
//! let active = users.list(acme, &List::all().equal("is_active", true)).await?;
//! # Ok(()) }
//! ```

mod backend;
mod claim;
mod collection;
mod config;
pub mod conformance;
mod document;
mod error;
mod key;
mod layout;
mod lease;
mod list;
mod log;
mod outbox;
mod records;
mod session;
mod statement;
mod table;
mod telemetry;
mod transaction;

pub use self::backend::snapshot;
pub use self::claim::{CLAIMS_MAX, Claim};
pub use self::collection::{Collection, Expected, Written};
pub use self::config::{Config, Url};
pub use self::document::{Document, Entry, NAME_BYTES_MAX, Record, RecordId};
pub use self::error::{Cause, Error};
pub use self::key::{KEY_BYTES_MAX, Key, KeyValue};
pub use self::lease::Lease;
pub use self::list::{Cursor, List, Order, PAGE_BYTES_MAX, PAGE_MAX, Page};
pub use self::log::{Appended, Log, Sequence};
pub use self::outbox::{Event, Outbox};
pub use self::records::Records;
pub use self::table::Table;
pub use self::transaction::Transaction;

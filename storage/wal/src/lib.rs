//! A write-ahead log: makes opaque frames durable and gives them back in order after a crash.
//! A frame that was answered with its position is on disk; a frame that was refused never comes back.
//!
//! One thread writes. It takes every frame that waits, writes them with one `writev`, syncs once, and answers them all:
//!
//! ```text
//! append ─┐
//! append ─┼─▶ queue ─▶ Writer ─▶ Tail ─▶ 00000000000000000001.wal
//! append ─┘   (Room)   (group)   (fsync) 00000000000000000812.wal   a segment is named for its first position
//!                         └─▶ on_durable, answer
//! ```
//!
//! - `append` reserves room in the `ledger`, computes the checksum and waits; `writer` groups; `tail` owns the open file.
//! - `open` reads the last segment to find where to go on, and cuts off what a crash left half written.
//! - `Replay` reads every segment with the same `reader`, survives damage, and says where it was.
//! - `cut` deletes whole segments, from the oldest on.

mod config;
mod directory;
mod error;
mod frame;
mod ledger;
mod reader;
mod replay;
mod segment;
mod tail;
mod telemetry;
mod wal;
mod writer;

pub use config::{Config, Durability, Observer, Step};
pub use error::{AppendError, WalError};
pub use frame::Position;
pub use reader::CorruptReason;
pub use replay::{Replay, Replayed};
pub use wal::Wal;

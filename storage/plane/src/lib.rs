//! The data plane: takes decoded requests, makes them durable, keeps them queryable, hands them to the store.
//!
//! What `append` has answered is on disk and visible, and every snapshot holds each row exactly once.

mod backlog;
mod budget;
mod config;
mod error;
mod flush;
mod frame;
mod live;
mod maintenance;
mod plane;
mod replay;
mod snapshot;
mod subscription;
mod telemetry;
mod upkeep;

pub use budget::{Budget, Room};
pub use config::Config;
pub use error::{AppendError, CloseError, OpenError};
pub use flush::FlushStep;
pub use frame::{Decoded, Encoding, Envelope, Payload, RefusedRows};
pub use live::SegmentStatus;
pub use maintenance::{Hours, Maintenance, Retention, TenantRetention};
pub use plane::{DataPlane, Decode, Position, Status};
pub use snapshot::{Snapshot, SnapshotRollup};
pub use store::rollup::Folded;
pub use store::{Condition, Examine, Part, StoreError, Task, Unreadable};
pub use subscription::{Committed, Event, Subscription};
pub use upkeep::{Done, UpkeepStatus};

//! What the hub promises, with real servers and on bad days.

mod cache;
mod events;
mod place;

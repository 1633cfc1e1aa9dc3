//! The face that plugins see: the `Plugin` trait, its context, and the host that runs them.

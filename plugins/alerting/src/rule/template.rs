//! Texts with `{{ $labels.service }}` and `{{ $value }}` in them.

/// A text of a label or annotation, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template(String);

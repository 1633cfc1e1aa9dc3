//! Trace and span ids: the right length and not all zero, or none.

/// A valid id, or `None`.
#[inline]
pub(crate) fn valid<const N: usize>(id: &[u8]) -> Option<&[u8; N]> {
    let id: &[u8; N] = id.try_into().ok()?;
    (*id != [0; N]).then_some(id)
}

/// Something was said that is not an id. All zeros is OTLP's way to say nothing.
#[inline]
pub(crate) fn is_wrong<const N: usize>(id: &[u8]) -> bool {
    valid::<N>(id).is_none() && id.iter().any(|byte| *byte != 0)
}

//! The allocator of the program.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Memory that is not used goes back to the system after this long, in milliseconds.
const GIVE_BACK_AFTER_MILLIS: std::ffi::c_long = 10_000;

/// Sets the allocator up; to be called before other threads start.
///
/// A segment's memory is free again once it is in the store, and the next requests want it a moment later. With the
/// allocator's own delay of 10 ms it has gone back to the system by then, and each page is asked for and cleared anew: a
/// tenth of all processor time under full load (docs/benchmarks.md).
#[expect(unsafe_code, reason = "the option has no safe setter")]
pub(crate) fn keep_freed_memory_for_a_while() {
    /// `mi_option_purge_delay`, which the bindings do not name.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    // SAFETY: the number is an option of this allocator, and no other thread reads options yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, GIVE_BACK_AFTER_MILLIS) }
}

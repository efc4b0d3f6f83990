//! The steps of an edit after which a crash is tried out.

/// A step is done. In test builds a process that was told to dies here, as if by `kill -9`.
#[cfg(not(all(test, unix)))]
pub(crate) fn reached() {}

#[cfg(all(test, unix))]
pub(crate) use trial::{die_at, reached};

#[cfg(all(test, unix))]
mod trial {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// How many steps are left to do; none ends a process that was not told to die.
    static LEFT: AtomicU64 = AtomicU64::new(u64::MAX);

    /// Lets this process die at the step of this number, counted from 1.
    pub(crate) fn die_at(step: u64) {
        LEFT.store(step, Ordering::SeqCst);
    }

    pub(crate) fn reached() {
        if LEFT.load(Ordering::SeqCst) != u64::MAX && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
}

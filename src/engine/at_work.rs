//! Work that must come to its end before the program does: sessions, and whatever else writes. All other work only looks, and
//! may be left where it is.

use std::sync::{Condvar, Mutex, PoisonError};

static AT_WORK: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// Work that is waited for until this is dropped.
#[derive(Debug)]
pub struct Work(());

impl Work {
    /// Work begins. To be made before its thread is, so that nobody can miss it.
    pub fn begin() -> Self {
        *AT_WORK.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        *AT_WORK.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_all();
    }
}

/// Returns when all of it has ended.
pub fn wait() {
    let mut at_work = AT_WORK.lock().unwrap_or_else(PoisonError::into_inner);
    while *at_work > 0 {
        at_work = ENDED.wait(at_work).unwrap_or_else(PoisonError::into_inner);
    }
}

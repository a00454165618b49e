//! Whether a program still does anything.

use std::time::{Duration, Instant};

use crate::host::process::proc;

/// How often its life signs are counted.
const PULSE: Duration = Duration::from_secs(1);
/// Less than that is an idle program's breathing, not work: clock ticks, and bytes read and written.
const BREATH: (u64, u64) = (5, 4096);

/// The life signs of a program and of what it started.
#[derive(Debug)]
pub(crate) struct Pulse {
    group: u32,
    counted: (u64, u64),
    looked: Instant,
    last: Instant,
}

impl Pulse {
    /// Of a program that leads this group, from now on.
    pub(crate) fn of(group: u32) -> Self {
        let now = Instant::now();
        Self { group, counted: (0, 0), looked: now, last: now }
    }

    pub(super) fn beat(&mut self) {
        self.last = Instant::now();
    }

    /// For how long it has done nothing.
    pub(crate) fn silence(&mut self) -> Duration {
        if self.looked.elapsed() >= PULSE {
            self.looked = Instant::now();
            let now = proc::work_of_group(self.group);
            // One that ended takes its count with it, which is a sign of life, too.
            let less = now.0 < self.counted.0 || now.1 < self.counted.1;
            if less || now.0 >= self.counted.0 + BREATH.0 || now.1 >= self.counted.1 + BREATH.1 {
                self.counted = now;
                self.beat();
            }
        }
        self.last.elapsed()
    }
}

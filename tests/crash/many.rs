//! Runs many cases, two at a time in the whole program, each pair of them on its own processor; and which part of
//! them is today's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

static FREE: Mutex<Option<Vec<usize>>> = Mutex::new(None);
static FREED: Condvar = Condvar::new();

/// A processor that one case has for itself (as far as this program goes).
pub struct Slot {
    pub cpu: usize,
}

impl Slot {
    pub fn take() -> Self {
        let mut free = FREE.lock().unwrap();
        loop {
            if let Some(cpu) = free.get_or_insert_with(processors).pop() {
                return Self { cpu };
            }
            free = FREED.wait(free).unwrap();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(free) = FREE.lock().unwrap().as_mut() {
            free.push(self.cpu);
        }
        FREED.notify_one();
    }
}

/// The first two processors that this process may use.
fn processors() -> Vec<usize> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned();
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        first.parse::<usize>().unwrap()..=last.parse::<usize>().unwrap()
    };
    list.split(',').flat_map(range).take(2).collect()
}

/// Runs every case and gives what came out; if any failed, all of them are named.
pub fn each<C: Sync, R: Send>(
    cases: &[C],
    name: impl Fn(&C) -> String + Sync,
    work: impl Fn(&C, &Slot) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let (results, failed) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let slot = Slot::take();
                    match catch_unwind(AssertUnwindSafe(|| work(case, &slot))) {
                        Ok(result) => results.lock().unwrap().push(result),
                        Err(panic) => {
                            let said = panic.downcast_ref::<String>().cloned();
                            let said = said.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                            failed.lock().unwrap().push((name(case), said.unwrap_or_default()));
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let all: String =
        failed.iter().map(|(name, said)| format!("\n{name}: {}", said.lines().next().unwrap_or_default())).collect();
    let first = failed.first().map(|(_, said)| said.as_str()).unwrap_or_default();
    assert!(failed.is_empty(), "{} of {} cases failed:{all}\nthe first:\n{first}", failed.len(), cases.len());
    results.into_inner().unwrap()
}

/// Today's part of all cases, or the part that is asked for.
pub fn shard<C>(cases: Vec<C>, parts: usize, name: impl Fn(&C) -> String) -> Vec<C> {
    let total = cases.len();
    if let Ok(one) = std::env::var("POS_CALL") {
        return cases.into_iter().filter(|c| name(c) == one).collect();
    }
    let today = usize::try_from(jiff::Timestamp::now().as_second() / 86_400).unwrap();
    let (part, parts) = match std::env::var("POS_SHARD").ok().as_deref() {
        None => (today % parts, parts),
        Some("all") => (0, 1),
        Some(one) => {
            let (part, parts) = one.split_once('/').expect("POS_SHARD is `all` or as `2/6`");
            (part.parse::<usize>().unwrap() % parts.parse::<usize>().unwrap(), parts.parse().unwrap())
        }
    };
    let kept: Vec<C> = cases.into_iter().enumerate().filter(|(i, _)| i % parts == part).map(|(_, c)| c).collect();
    println!("part {part} of {parts}: {} of {total} cases (POS_SHARD={part}/{parts})", kept.len());
    kept
}

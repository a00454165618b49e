//! Locks of other programs that work in an install. Reads only.

use std::path::Path;

use crate::core::error_code::Code;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::engine::planning::leftover::Leftover;
use crate::engine::refusal::{Problem, problem};
use crate::host::process::foreign_lock_holders::{self, LockFile};
use crate::host::server;

/// Locks of other programs: those that a living process holds stop an upgrade, all others are left over. Blocking.
pub(crate) fn find(install: &Path) -> (Vec<Problem>, Vec<Leftover>) {
    let (mut problems, mut left) = (Vec::new(), Vec::new());
    let data = &layouts().leftovers;
    for path in &data.locks {
        sort_out(install, path, &mut problems, &mut left, |_| false);
    }
    // The install's own server holds its locks as long as it runs, and is looked after.
    let mut servers = None;
    for path in &data.server_locks {
        sort_out(install, path, &mut problems, &mut left, |pid| {
            servers.get_or_insert_with(|| server::all(install)).iter().any(|server| server.pid == pid)
        });
    }
    (problems, left)
}

fn sort_out(
    install: &Path,
    path: &RelPath,
    problems: &mut Vec<Problem>,
    left: &mut Vec<Leftover>,
    mut expected: impl FnMut(u32) -> bool,
) {
    let place = path.under(install);
    match foreign_lock_holders::look(&place) {
        LockFile::Held(pid) if pid == std::process::id() || expected(pid) => {}
        LockFile::Held(pid) => {
            let what =
                format!("{}: process {pid} holds this lock: another program is at work in this install", place.shown());
            problems.push(problem(
                Code::ForeignLock,
                what,
                format!("wait for it to end, or look what it is: ps -fp {pid}"),
            ));
        }
        LockFile::HeldUnseen => {
            let what = format!("{}: a process that can't be seen from here holds this lock", place.shown());
            problems.push(problem(
                Code::ForeignLock,
                what,
                "end what works in this install (in a container, or on another machine)",
            ));
        }
        LockFile::Left => {
            left.push(Leftover::new("lock", &place, "a lock that nobody holds any more").removable(&place));
        }
        LockFile::Absent => {}
    }
}

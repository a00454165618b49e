//! Processes as the system lets them be held, signalled and changed.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Gid, Pid, Signal, Uid};

#[cfg(target_os = "linux")]
use super::without::is_without;

#[cfg(target_os = "linux")]
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A process that is held: what is signalled is this one, also when its number was given to another meanwhile. Where there
/// are no such handles it is a number, and only the look at it right before tells that it is the same.
#[derive(Debug)]
pub(crate) struct Handle {
    pid: Pid,
    #[cfg(target_os = "linux")]
    held: Option<std::os::fd::OwnedFd>,
}

/// How often one that is no more than a number is looked at.
const LOOK: Duration = Duration::from_millis(20);

impl Handle {
    /// Takes hold of a process; none if it is gone.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
        #[cfg(target_os = "linux")]
        if !is_without("linux") {
            let held = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()?;
            return Some(Self { pid, held: Some(held) });
        }
        rustix::process::test_kill_process(pid).ok()?;
        Some(Self {
            pid,
            #[cfg(target_os = "linux")]
            held: None,
        })
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// [`rustix::io::Errno`], also where it is gone.
    pub(crate) fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(held) = &self.held {
            return rustix::process::pidfd_send_signal(held, signal);
        }
        rustix::process::kill_process(self.pid, signal)
    }

    /// Waits until it has ended; false if it lives when the time is over.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            #[cfg(target_os = "linux")]
            if let Some(held) = &self.held {
                let timeout =
                    Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: i64::from(left.subsec_nanos()) };
                let mut fds = [PollFd::new(held, PollFlags::IN)];
                match poll(&mut fds, Some(&timeout)) {
                    Ok(n) if n > 0 => return true,
                    Err(rustix::io::Errno::INTR) => continue,
                    Ok(_) | Err(_) => return false,
                }
            }
            if rustix::process::test_kill_process(self.pid).is_err() {
                return true;
            }
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(LOOK.min(left));
        }
    }
}

/// Whether some process has this number.
pub(crate) fn has_number(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// Lets this process be ended with the one that started it. Elsewhere than on Linux it lives on: whoever takes the lock over
/// ends it.
pub(crate) fn end_with_parent() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
}

/// Gives up root's rights for a user's, for good. Only while this process has one thread: Linux keeps them by thread.
///
/// # Errors
/// [`io::Error`], also where the rights could be had back, and where there is no such call.
pub(crate) fn become_user(uid: Uid, gid: Gid, groups: &[Gid]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
        set_thread_groups(groups)?;
        set_thread_gid(gid)?;
        set_thread_uid(uid)?;
        match set_thread_uid(Uid::ROOT) {
            Err(_) => Ok(()),
            Ok(()) => Err(io::Error::other("root's rights can't be given up here")),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (uid, gid, groups);
        Err(io::Error::other("root's rights can't be given up on this system"))
    }
}

/// Where the running program can be started again from.
pub(crate) fn own_program() -> std::path::PathBuf {
    #[cfg(target_os = "linux")]
    let path = std::path::PathBuf::from("/proc/self/exe");
    #[cfg(not(target_os = "linux"))]
    let path = std::env::current_exe().unwrap_or_else(|_| "pos-upgrade-tui".into());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_does_for_a_handle() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_child(&child);
        let handle = Handle {
            pid,
            #[cfg(target_os = "linux")]
            held: None,
        };
        assert!(!handle.wait(Duration::from_millis(50)));
        handle.signal(Signal::TERM).unwrap();
        // A zombie has its number until somebody asks for its end.
        child.wait().unwrap();
        assert!(handle.wait(Duration::from_secs(5)));
        assert!(handle.signal(Signal::TERM).is_err());
    }
}

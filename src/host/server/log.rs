//! The server's log: what it wrote since it was started, by a line of ours that stands above it.

use std::fs as stdfs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::core::visible::start_of;
use crate::host::files::error::{Doing, FsError};
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install::locked::LockedInstall;

/// More than this is not read: the last part tells what is asked for.
const MOST: u64 = 8 << 20;
/// In so much of its end the last lines are looked for.
const LAST: u64 = 64 << 10;
/// Characters of a line that are shown.
const SHOWN: usize = 500;
/// A server that writes more than this while it is watched never ends to. A log of that length is set aside at the next
/// start; the one that was set aside before goes.
const LONGEST: u64 = 64 << 20;
/// Behind the name of a log that is set aside.
const ASIDE: &str = "mcp_server.log.1";
/// How the line of ours begins.
const MARK: &str = "==== pos-upgrade-tui starts the server";

/// The server's log.
pub fn log_path(install: &Path) -> PathBuf {
    install.join(".cache/mcp_server.log")
}

/// Opens the log for a server that is about to start; also its length now.
///
/// # Errors
/// [`FsError`]: no folder, no permission, or a link in its place.
pub(crate) fn open(install: &LockedInstall) -> Result<(stdfs::File, u64), FsError> {
    let path = log_path(install);
    install.make_folder(path.parent().unwrap_or(install))?;
    if path.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() > LONGEST) {
        // Without it the next one is longer, and that is all.
        let _ = stdfs::rename(&path, path.with_file_name(ASIDE));
    }
    let mut options = stdfs::OpenOptions::new();
    options.create(true).append(true).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    let mut file = options.open(&path).doing("open", &path)?;
    let time = crate::core::session::time_of(jiff::Timestamp::now());
    writeln!(file, "{MARK}, {time} ====").doing("write", &path)?;
    let length = file.metadata().map_or(0, |m| m.len());
    Ok((file, length))
}

/// Where the log of the server that was started last begins.
pub(crate) fn last_start(log: &Path) -> u64 {
    let text = written_since(log, 0);
    let length = stdfs::metadata(log).map_or(0, |m| m.len());
    let Some(at) = text.rfind(MARK) else { return length };
    let behind = text[at..].find('\n').map_or(text.len(), |n| at + n + 1);
    length.saturating_sub((text.len() - behind) as u64)
}

/// Says what is wrong where a server has written so much since `from` bytes that it will never end to.
pub(crate) fn floods(log: &Path, from: u64) -> Option<String> {
    let written = stdfs::metadata(log).map_or(0, |m| m.len()).saturating_sub(from);
    (written > LONGEST).then(|| format!("writes without end into its log, {} by now", fs::human_size(written)))
}

/// The last lines that a log got after `from` bytes.
pub fn last_lines(log: &Path, from: u64, count: usize) -> String {
    let length = stdfs::metadata(log).map_or(0, |m| m.len());
    let text = written_since(log, from.max(length.saturating_sub(LAST)));
    let lines: Vec<&str> = text.lines().rev().filter(|l| !l.trim().is_empty()).take(count).collect();
    lines.into_iter().rev().map(|line| start_of(line, SHOWN)).collect::<Vec<_>>().join("\n")
}

/// What a log got after `from` bytes; of very much only the last part.
pub(crate) fn written_since(log: &Path, from: u64) -> String {
    between(log, from, u64::MAX)
}

/// What a log got between two lengths.
pub(crate) fn between(log: &Path, from: u64, to: u64) -> String {
    let read = || {
        let mut file = read::open_own(log).ok()?;
        let length = file.metadata().ok()?.len().min(to);
        let from = from.min(length).max(length.saturating_sub(MOST));
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        file.take(length - from).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

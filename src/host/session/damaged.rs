//! Damaged files of a session go out of the way, and are kept.

use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::core::session::stamp_of;
use crate::host::files::crash_points::{MOVE_ASIDE, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::rename;
use crate::host::install::locked::LockedInstall;

/// Renames a damaged file (or whatever stands there) to `<name>.damaged-<stamp>`, over nothing.
///
/// # Errors
/// [`FsError`].
pub(crate) fn move_aside(_: &LockedInstall, path: &Path) -> Result<PathBuf, FsError> {
    let stamp = stamp_of(jiff::Timestamp::now());
    for number in 1..1000 {
        let more = if number == 1 { String::new() } else { format!("-{number}") };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".damaged-{stamp}{more}"));
        let target = path.with_file_name(name);
        match around(MOVE_ASIDE, || rename::path_over_nothing(path, &target)) {
            Ok(()) => return Ok(target),
            Err(Errno::EXIST) => {}
            Err(e) => return Err(e).doing("move aside", path),
        }
    }
    Err(Errno::EXIST).doing("move aside", path)
}

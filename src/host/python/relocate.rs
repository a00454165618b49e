//! What an environment says of its own place, where its install got another name.

use std::fs as stdfs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::core::renamed;
use crate::host::files::error::{Doing, FsError};
use crate::host::files::fs;
use crate::host::install::locked::LockedInstall;

/// Makes the texts of an environment that are no scripts name its new place: those that a shell reads to activate it, and
/// its own settings. `before` and `now` are the environment's folders, or those of the install around it.
///
/// # Errors
/// [`FsError`].
pub(crate) fn plain_texts(_: &LockedInstall, built: &Path, before: &Path, now: &Path) -> Result<(), FsError> {
    let bin = built.join("bin");
    let entries = stdfs::read_dir(&bin).doing("read", &bin)?.flatten();
    let activate = entries.map(|e| e.path()).filter(|path| {
        path.file_name().is_some_and(|name| name.as_bytes().to_ascii_lowercase().starts_with(b"activate"))
    });
    for path in activate.chain([built.join("pyvenv.cfg")]) {
        let Ok(meta) = stdfs::symlink_metadata(&path) else { continue };
        if !meta.is_file() {
            continue;
        }
        let old = stdfs::read(&path).doing("read", &path)?;
        let new = renamed::renamed(&old, before.as_os_str().as_bytes(), now.as_os_str().as_bytes());
        if new != old {
            // Replaced, not rewritten: the old file may be shared with the environment that it is a clone of.
            fs::write_durable(&path, &new, meta.permissions().mode() & 0o7777)?;
        }
    }
    Ok(())
}

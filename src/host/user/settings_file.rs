//! Where the user's own settings are.

use std::path::{Path, PathBuf};

use crate::core::settings::FILE;
use crate::host::files::error::FsError;
use crate::host::files::fs;

/// The user's `upgrade.json`, whether it is there or not; none where the user has no home.
pub(crate) fn path() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "pos-upgrade-tui").map(|dirs| dirs.config_dir().join(FILE))
}

/// Writes the user's `upgrade.json`, in a folder that is made where it isn't there.
///
/// # Errors
/// [`FsError`].
pub(crate) fn write(path: &Path, text: &str) -> Result<(), FsError> {
    if let Some(folder) = path.parent() {
        fs::create_folders(folder)?;
    }
    fs::write_durable(path, text.as_bytes(), 0o600)
}

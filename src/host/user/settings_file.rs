//! Where the user's own settings are.

use std::path::PathBuf;

use crate::core::settings::FILE;

/// The user's `upgrade.json`, whether it is there or not; none where the user has no home.
pub(crate) fn path() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "pos-upgrade-tui").map(|dirs| dirs.config_dir().join(FILE))
}

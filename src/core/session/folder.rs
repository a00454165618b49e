//! The folder of the install, where an upgrade gives it another name. Which of the two names stands tells where the move is.

use std::path::PathBuf;

use super::saved::Session;
use crate::core::layout::layouts;

impl Session {
    /// Where this session's install was before, and where it will be; none where its folder keeps its name.
    pub(crate) fn folders(&self) -> Option<(PathBuf, PathBuf)> {
        let before = self.folder_before.as_ref()?;
        Some((before.under(&self.project), layouts().newest().folder.under(&self.project)))
    }

    /// Where the install will be when the upgrade is done.
    pub(crate) fn goes_to(&self) -> PathBuf {
        self.folders().map_or_else(|| self.install.clone(), |(_, after)| after)
    }

    /// Where the install was before this upgrade renamed its folder; none where it keeps its name, or still has the old one.
    pub(crate) fn moved_from(&self) -> Option<PathBuf> {
        self.folders().filter(|(_, after)| *after == self.install).map(|(before, _)| before)
    }

    /// Whether the folder is still to be renamed.
    pub(crate) fn is_to_move(&self) -> bool {
        self.folders().is_some_and(|(before, _)| before == self.install)
    }
}

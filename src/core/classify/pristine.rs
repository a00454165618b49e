//! What tells a file with some release's very bytes from one that somebody edited.

use crate::core::blob::sha256;
use crate::core::known_releases::was_shipped;
use crate::core::path::RelPath;

use super::{Installed, Lineage, Planner};

impl Planner<'_> {
    /// Whether a file is nobody's edit: it is as the release that the install is of has it, or as any other one had it.
    pub(super) fn is_pristine(
        &self,
        line: &Lineage,
        source: Option<&RelPath>,
        spot: &RelPath,
        mine: &Installed,
    ) -> bool {
        let shipped_once = || {
            source.is_some_and(|s| {
                let ids = [Some(&mine.blob), mine.blob_with_lf.as_ref()];
                ids.into_iter().flatten().any(|id| was_shipped(self.inputs.history, s, id)) || self.in_manifest(s, spot)
            })
        };
        line.base.as_ref().is_some_and(|base| mine.is(&base.blob)) || shipped_once()
    }

    /// Whether the source's manifest lists mine, for a source whose history doesn't reach back: a manifest that was
    /// forgotten is one of an earlier release.
    pub(super) fn in_manifest(&self, source: &RelPath, spot: &RelPath) -> bool {
        let listed = if self.cut_off { self.inputs.manifest.get(source) } else { None };
        let mine = listed.and_then(|_| self.inputs.texts.mine(spot));
        listed.zip(mine).is_some_and(|(sum, mine)| *sum == sha256(&mine))
    }
}

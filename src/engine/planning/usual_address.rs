//! The address that is offered where no source is named, or the one that was named is gone.

use std::path::Path;

use crate::core::layout::layouts;
use crate::host::git::cached;
use crate::host::session::catalog;

/// The address that an install came from, else the usual one. Reads the install's sessions.
pub(crate) fn usual_address(install: &Path) -> String {
    let sessions = catalog::survey(install).sessions;
    let known = sessions.iter().rev().find_map(|s| cached::address_of(s.source()));
    known.unwrap_or_else(|| layouts().source_address.clone())
}

//! What the commands know of a project's sessions.

use std::path::Path;

use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::host::install;
use crate::host::session::catalog;
use crate::host::session::catalog::Found;

/// All sessions of a project, as far as anything can be told of them.
///
/// # Errors
/// [`Refusal`] if nothing can be told of the last one.
pub(crate) fn all(project: &Path) -> Result<Found, Refusal> {
    let found = catalog::survey(&install::folder_of(project));
    match found.lost() {
        None => Ok(found),
        Some(damage) => Err(Refusal::refused(
            Code::SessionDamaged,
            format!("{}; nothing was changed", damage.describe()),
            damage.next(),
        )),
    }
}

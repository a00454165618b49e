//! What to say of a backup that is damaged.

use crate::core::os_text::quoted;
use crate::engine::session::context::{Run, Stop};
use crate::host::backup::copy::BackupError;

/// A backup that does not hold what it should, and what can be done with the rest of it.
pub fn damaged(run: &Run, error: &BackupError) -> Stop {
    let project = quoted(&run.session.project);
    let next = match (run.session.rolling_back, &run.session.backup) {
        (false, Some(name)) if error.is_damage() => Some(format!(
            "pos-upgrade-tui backups verify --project {project} names what is damaged; the rest can be brought back one by \
             one: pos-upgrade-tui restore PATH --from {name} --project {project}"
        )),
        _ => None,
    };
    Stop::Failed { what: error.to_string(), next }
}

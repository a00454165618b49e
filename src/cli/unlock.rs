//! `unlock`: a person says that an upgrade is over which nobody here can ask.

use crate::cli::args::Common;
use crate::cli::ask::ask;
use crate::cli::output;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::unlock;
use crate::engine::maintenance::unlock::Found;
use crate::host::files::fs::visible;
use crate::host::install;
use crate::host::session::lock;

/// Runs the subcommand. Removes `.upgrade-lock` and nothing else.
///
/// # Errors
/// [`Refusal`]; then the lock is as it was.
pub(crate) fn run(common: &Common, session: &str) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let install = install::folder_of(&project);
    let note = match unlock::look(&install, session)? {
        Found::Nothing(what) => return Ok(output::nothing_to_do(&what, common.json)),
        Found::Note(note) => note,
    };
    if !common.json {
        say!("{}\n  locked by: {}", lock::note_path(&install).shown(), note.describe());
        say!("  If that upgrade still runs, unlocking lets two of them change the install at once.");
    }
    ask(common, "Is it over? Remove the lock?", &format!("unlock {}", visible(session)))?;
    unlock::remove(&install)?.iter().for_each(|line| complain!("{line}"));
    let message = format!(
        "{} is unlocked; see how it stands: pos-upgrade-tui status --project {}",
        install.shown(),
        quoted(&project)
    );
    Ok(output::done(&message, common.json))
}

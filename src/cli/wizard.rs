//! No subcommand: the wizard.

use crate::cli::args::{Common, From, Look, Part};
use crate::cli::ask::at_a_terminal;
use crate::cli::plain;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::policy::OnConflict;
use crate::core::session::Session;
use crate::core::settings::Options;
use crate::engine::session::word;
use crate::host::user::consent;
use crate::host::user::consent::Wish;
use crate::tui;
use crate::tui::launch::Launch;

/// Opens the wizard.
///
/// # Errors
/// [`Refusal`] without a terminal, naming `upgrade`.
pub(crate) async fn run(common: &Common, from: &From, look: &Look) -> Result<Exit, Refusal> {
    if !look.plain && !at_a_terminal() {
        return Err(Refusal::usage(
            Code::NeedsTerminal,
            "the wizard needs a terminal; nothing was changed",
            "without one: pos-upgrade-tui upgrade --source DIR --yes, or line by line: pos-upgrade-tui --plain",
        ));
    }
    let project = request::project(common)?;
    let layers = request::layers(&project, from)?;
    let found = layers.all();
    let look = request::look(found.clone(), look);
    if plain::is_meant(look) {
        return plain::run(common, from).await;
    }
    let source = request::source_of(&project, &layers, from)?;
    if let Some(source) = &source {
        request::deepen(source, from)?;
    }
    // Shown in the preview, and switched off in setup.
    let options = Options { editor_config: true, ..request::options(&found, from) };
    let (to, only) = (from.to.clone(), from.only.map(Part::only));
    let on_conflict = if options.interactive_conflicts { OnConflict::Ask } else { OnConflict::Park };
    let here = std::env::current_dir().unwrap_or_else(|_| project.clone());
    let word = layers.word(&project, from.allow_test_command);
    if let Some(command) = &word.tests {
        // By flag or by the user's own file: no need to ask.
        consent::allow(&project, &Wish::TestCommand(command.clone()));
    }
    let foreign_source = word.foreign_source;
    let (offline, base) = (from.offline, Launch::new(project));
    let launch = Launch { source, to, offline, only, options, look, on_conflict, here, foreign_source, ..base };
    open(launch).await
}

/// Opens the wizard where an unfinished session waits for a person, who may have named its source.
///
/// # Errors
/// [`Refusal`].
pub(crate) async fn resume(session: &Session, is_named: bool) -> Result<Exit, Refusal> {
    let project = session.project.clone();
    let found = request::settings(&project, &From::default())?;
    let (options, look) = (session.options().clone(), request::look(found, &Look::default()));
    let source = Some(session.source().to_owned());
    let foreign_source = source.clone().filter(|_| !is_named && word::is_missing(session));
    let (only, on_conflict, base) = (session.plan().only, session.on_conflict(), Launch::new(project));
    let launch = Launch { source, only, options, look, on_conflict, resume: true, foreign_source, ..base };
    open(launch).await
}

/// Opens the wizard on a project.
///
/// # Errors
/// [`Refusal`] where the terminal can't be used.
pub(crate) async fn open(launch: Launch) -> Result<Exit, Refusal> {
    let next = Next::Status.of(&launch.project);
    tui::run::run(launch).await.map_err(|e| {
        let what = format!("the wizard stopped: {e}; its session, if one was begun, is saved");
        Refusal::of(Code::OutputFailed, Exit::Interrupted, what, next)
    })
}

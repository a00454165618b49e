//! `resume`: an upgrade goes on where it stopped.

use std::path::Path;

use crate::cli::answers;
use crate::cli::args::{Common, From, Look};
use crate::cli::ask::{at_a_terminal, confirmed};
use crate::cli::output;
use crate::cli::plain;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::session;
use crate::cli::wizard;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::session::Session;
use crate::core::visible::Shown as _;
use crate::core::visible::line as visible;
use crate::engine::executor;
use crate::engine::session::word;
use crate::host::session::catalog;

/// How conflicts are settled by whoever goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How<'a> {
    /// In the wizard, where there is a terminal.
    Screen,
    /// Line by line.
    Plain,
    /// By this file.
    Answers(&'a Path),
}

impl<'a> How<'a> {
    fn answers(self) -> Option<&'a Path> {
        if let Self::Answers(file) = self { Some(file) } else { None }
    }
}

/// Goes on with an unfinished session.
///
/// # Errors
/// [`Refusal`].
pub(crate) async fn run(
    common: &Common,
    named: Option<&str>,
    source: Option<&Path>,
    how: How<'_>,
) -> Result<Exit, Refusal> {
    let answers = how.answers();
    let project = request::project(common)?;
    let found = session::all(&project)?;
    let session = match named {
        Some(id) => found.sessions.iter().find(|s| s.session_id == id),
        None => found.unfinished(),
    };
    let Some(session) = session else {
        return match named {
            Some(id) => Err(Refusal::usage(
                Code::NoSuchSession,
                format!("there is no session {}", visible(id)),
                "see which there are: pos-upgrade-tui history",
            )),
            None => {
                unused(answers, &project)?;
                output::tidy(&project);
                let message = format!("nothing to resume: no upgrade of {} is unfinished", project.shown());
                Ok(output::nothing_to_do(&message, common.json))
            }
        };
    };
    if !session.is_unfinished() {
        unused(answers, &project)?;
        output::tidy(&project);
        let message = format!("nothing to resume: session {} is {}", session.session_id, session.status().words());
        return Ok(output::nothing_to_do(&message, common.json));
    }
    if session.rebuilt() {
        let damage = found.damage(&session.session_id);
        let why = damage.map_or_else(|| session.reason().unwrap_or_default().to_owned(), catalog::Damage::describe);
        let next = Next::Rollback.of(&project);
        return Err(Refusal::refused(Code::NothingToGoOnWith, format!("{why}; nothing was changed"), next));
    }
    let is_named = is_named(session, source)?;
    let person = at_a_terminal() && !common.json && !common.yes;
    let look = || Ok::<_, Refusal>(request::look(request::settings(&project, &From::default())?, &Look::default()));
    if matches!(how, How::Plain) || matches!(how, How::Screen) && person && plain::is_meant(look()?) {
        return plain::resume(session, is_named).await;
    }
    let decided = answers.map(|file| answers::for_session(session, file)).transpose()?;
    // Conflicts are for a person, if one is there.
    if session.asks_about_conflicts() && person && decided.is_none() {
        return wizard::resume(session, is_named).await;
    }
    let is_named = is_named || person && word::is_missing(session) && agreed(session)?;
    let handle = executor::resume(session.clone(), is_named);
    Ok(output::follow_with(handle, common.json, Vec::new(), decided.unwrap_or_default()).await)
}

/// Refuses answers that no session waits for: whoever wrote them believes that they count.
fn unused(answers: Option<&Path>, project: &Path) -> Result<(), Refusal> {
    let Some(file) = answers else { return Ok(()) };
    let paths: String = answers::read(file)?.keys().map(|path| format!("\n  {path}")).collect();
    let what = format!("no upgrade waits for answers, so that none of these were used; nothing was changed:{paths}");
    Err(Refusal::usage(Code::BadAnswers, what, Next::Status.of(project)))
}

/// Whether `--source` names the session's own source: a session can't be led to another one.
fn is_named(session: &Session, source: Option<&Path>) -> Result<bool, Refusal> {
    let Some(source) = source else { return Ok(false) };
    if request::absolute(Some(source)) == request::absolute(Some(session.source())) {
        return Ok(true);
    }
    let own = session.source();
    let what = format!(
        "session {} upgrades from {}, not from {}; nothing was changed",
        session.session_id,
        own.shown(),
        source.shown()
    );
    let next = format!(
        "if you trust it: {}, else go back: {}",
        Next::ResumeFrom(own).of(&session.project),
        Next::Rollback.of(&session.project)
    );
    Err(Refusal::usage(Code::OtherSource, what, next))
}

/// Asks a person about a source that only the session's files name.
fn agreed(session: &Session) -> Result<bool, Refusal> {
    say!(
        "The source is named by the files of an unfinished session in the project, and its code will run here:\n  {}",
        session.source().shown()
    );
    match confirmed("\nGo on with it?") {
        true => Ok(true),
        false => Err(Refusal::refused(Code::SaidNo, "not resumed; nothing was changed", "")),
    }
}

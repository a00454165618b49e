//! The wizard line by line, for whoever hears it, or has a terminal that can't draw: sentences and numbered questions.

mod conflicts;
mod person;
mod telling;

use std::path::Path;

use crate::cli::args::{Common, From};
use crate::cli::output;
use crate::cli::plan::{self, Around};
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::session;
use crate::cli::upgrade;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::plan::Plan;
use crate::core::policy::OnConflict;
use crate::core::session::Session;
use crate::core::settings::Look;
use crate::core::visible::Shown as _;
use crate::engine::events::{Command, Event, Finish, FinishKind};
use crate::engine::executor::{self, Handle};
use crate::engine::planning::inspect;
use crate::engine::session::word;
use person::Person;
use telling::Telling;

/// Whether no screen is to be drawn: by a flag, by the settings, or because the terminal says that it can't draw.
pub(crate) fn is_meant(look: Look) -> bool {
    look.plain || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// From the plan to the report. An upgrade that was left is taken up first.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) async fn run(common: &Common, from: &From) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let mut person = person(&project)?;
    if let Some(session) = session::all(&project)?.unfinished() {
        return unfinished(&mut person, session).await;
    }
    let layers = request::layers(&project, from)?;
    let mut request = request::request_of(project.clone(), &layers, from)?;
    let word = layers.word(&project, from.allow_test_command);
    say!("The upgrade is checked and planned. Nothing is changed yet.");
    let mut inspection = inspect::inspect(&request);
    let warnings = std::mem::take(&mut inspection.evidence.warnings);
    let around = Around::of(&mut inspection);
    let source = inspection.source.take();
    let plan = plan::plan_of(inspection)?;
    warnings.iter().for_each(|warning| say!("A warning: {warning}."));
    if !around.has_entries() && !around.has_rules() && inspect::nothing_to_do(&request, &plan) {
        return Ok(upgrade::nothing(&request, &around, false));
    }
    telling::plan(&plan);
    if let Some(source) = &word.foreign_source {
        say!("Only the project's own upgrade.json names this source, and its code will run here: {}.", source.shown());
    }
    if !starts(&mut person, &plan, &around).await {
        return Ok(output::done("Not started; nothing was changed.", false));
    }
    request.options.editor_config = around.has_entries()
        && agrees(&mut person, "Shall the editors' entries be changed, so that they start the new server?").await?;
    request.options.rules = around.has_rules()
        && agrees(&mut person, "Shall the release's text come into the rules files for assistants?").await?;
    let on_conflict = if request.options.interactive_conflicts { OnConflict::Ask } else { OnConflict::Park };
    if let Some(many) = plan.many_removals(on_conflict) {
        let question = format!("{many}. The backup keeps them. Shall these {} files go?", many.removed);
        if !agrees(&mut person, &question).await? {
            return Err(said_no());
        }
    }
    request::remember(&request.project, &word, &request.source);
    Ok(follow(&mut person, executor::start(request, plan, source, on_conflict), &project).await)
}

/// Goes on with a session that asks about its conflicts.
///
/// # Errors
/// [`Refusal`] without signals.
pub(crate) async fn resume(session: &Session, is_named: bool) -> Result<Exit, Refusal> {
    let mut person = person(&session.project)?;
    take_up(&mut person, session, is_named).await
}

/// Follows a session that was begun elsewhere, and asks what it asks.
///
/// # Errors
/// [`Refusal`] without signals.
pub(crate) async fn go_on(handle: Handle, project: &Path) -> Result<Exit, Refusal> {
    let mut person = person(project)?;
    Ok(follow(&mut person, handle, project).await)
}

fn person(project: &Path) -> Result<Person, Refusal> {
    let untold = |e: std::io::Error| {
        let what = format!("the system gives no signals ({e}); nothing was changed");
        Refusal::refused(Code::Files, what, Next::Status.of(project))
    };
    Person::new().map_err(untold)
}

fn said_no() -> Refusal {
    Refusal::refused(Code::SaidNo, "not started; nothing was changed", "")
}

/// A yes or a no before anything was begun.
async fn agrees(person: &mut Person, question: &str) -> Result<bool, Refusal> {
    person.agrees(question, "Yes", "No").await.ok_or_else(said_no)
}

async fn starts(person: &mut Person, plan: &Plan, around: &Around) -> bool {
    let choices = [
        "Start the upgrade",
        "Hear each file that changes, and why",
        "Hear the whole plan, with what it changes outside of the install",
        "End; nothing is changed",
    ];
    loop {
        match person.choose("What now?", &choices.map(str::to_owned)).await {
            Some(0) => return true,
            Some(1) => telling::files(plan),
            Some(2) => plan::print(plan, around),
            _ => return false,
        }
    }
}

async fn unfinished(person: &mut Person, session: &Session) -> Result<Exit, Refusal> {
    say!("An upgrade of {} was left unfinished: session {}.", session.install.shown(), session.session_id);
    let mut ways = vec![("Go on where it stopped", Way::GoOn), ("Put the install back as it was", Way::Back)];
    if !session.applied() {
        ways.push(("Forget it. It has changed nothing", Way::Forget));
    }
    ways.push(("End; leave it as it is", Way::End));
    let labels: Vec<String> = ways.iter().map(|(label, _)| (*label).to_owned()).collect();
    let chosen = person.choose("What becomes of it?", &labels).await.and_then(|at| ways.into_iter().nth(at));
    match chosen.map_or(Way::End, |(_, way)| way) {
        Way::GoOn => take_up(person, session, false).await,
        Way::Back => {
            let handle = executor::roll_back(session.clone(), "asked for by a person", false);
            Ok(follow(person, handle, &session.project).await)
        }
        Way::Forget => Ok(follow(person, executor::discard(session.clone()), &session.project).await),
        Way::End => Ok(output::done("Nothing was changed.", false)),
    }
}

/// What becomes of a session that was left.
enum Way {
    GoOn,
    Back,
    Forget,
    End,
}

async fn take_up(person: &mut Person, session: &Session, is_named: bool) -> Result<Exit, Refusal> {
    let mut is_named = is_named;
    if !is_named && word::is_missing(session) {
        say!(
            "Only the files of this session name its source, and its code will run here: {}.",
            session.source().shown()
        );
        if !agrees(person, "Go on with it?").await? {
            return Err(said_no());
        }
        is_named = true;
    }
    Ok(follow(person, executor::resume(session.clone(), is_named), &session.project).await)
}

/// Tells what happens, asks what is asked, and offers the way back at the end.
async fn follow(person: &mut Person, handle: Handle, project: &Path) -> Exit {
    let Some(finish) = to_its_end(person, handle).await else { return Exit::Bug };
    telling::finish(&finish);
    let exit = finish.exit_code;
    if finish.result != FinishKind::Completed || person.is_gone() {
        return exit;
    }
    let id = finish.session_id.as_deref();
    let Some(session) = id.and_then(|id| inspect::session(project, id)).filter(Session::applied) else { return exit };
    let ways = ["End".to_owned(), "Undo it: put the install back as it was".to_owned()];
    if person.choose("What now?", &ways).await != Some(1) {
        return exit;
    }
    let Some(undone) = to_its_end(person, executor::roll_back(session, "asked for by a person", false)).await else {
        return Exit::Bug;
    };
    telling::finish(&undone);
    undone.exit_code
}

async fn to_its_end(person: &mut Person, mut handle: Handle) -> Option<Finish> {
    let mut telling = Telling::new();
    loop {
        let event = tokio::select! {
            event = handle.events.recv() => event?,
            () = person.interrupt() => {
                let _ = handle.commands.send(Command::Pause).await;
                continue;
            }
        };
        match event {
            Event::ConflictsOpen { files } => conflicts::settle(person, &mut handle, &files).await,
            Event::QuestionAsked(question) => {
                question.lines.iter().for_each(|line| say!("{line}"));
                let labels: Vec<String> =
                    question.choices.iter().map(|choice| format!("{}: {}", choice.label, choice.effect)).collect();
                let chosen = person.choose(&question.title, &labels).await;
                let way = chosen.and_then(|at| question.choices.get(at)).map(|choice| choice.way);
                let command = way.map_or(Command::Pause, |way| Command::Choose { id: question.id, way });
                let _ = handle.commands.send(command).await;
            }
            Event::Finished(finish) => return Some(finish),
            event => telling.event(&event),
        }
    }
}

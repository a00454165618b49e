//! The rehearsal: the whole new install is tried before anything changes, in a view that only a process of ours and the
//! server that it starts have; where there can be none, in a copy. The old server answers meanwhile.

use std::ffi::OsStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::error_code::Code;
use crate::core::phase::Phase;
use crate::core::question::{Question, Way};
use crate::core::session::Rehearsal;
use crate::core::task::Task;
use crate::engine::events::{Level, Outcome};
use crate::engine::phases::server::{index, target};
use crate::engine::planning::rehearsal::{self, Foreseen};
use crate::engine::session::context::Run;
use crate::engine::session::stop::{Advice, Stop};
use crate::engine::session::task::{TaskResult, Told, done};
use crate::host::files::fs::visible;
use crate::host::files::journal::Journal;
use crate::host::process::children;
use crate::host::process::program::{self, Limits, Listener, ProgramError};
use crate::host::python::venv;
use crate::host::server::{kept_index, view};

const PHASE: Phase = Phase::Content;
/// The folder of what it writes, in the session's.
pub(crate) const FOLDER: &str = "rehearsal";
/// What the server said in a rehearsal that failed, in the session's folder.
pub(crate) const KEPT_LOG: &str = "rehearsal.log";
/// A first index may take long; the server itself is only waited for as long as it does something.
const LIMITS: Limits = Limits { silent: Duration::from_secs(40 * 60), total: Duration::from_secs(90 * 60) };

/// Where the release is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the install's own place, in a view.
    Here,
    /// In a copy.
    Copy,
}

impl Place {
    /// The word for the hidden command.
    fn word(self) -> &'static str {
        match self {
            Place::Here => "here",
            Place::Copy => "copy",
        }
    }

    /// What a word of [`Self::word`] means.
    pub(crate) fn of(word: &OsStr) -> Self {
        if word == Place::Copy.word() { Place::Copy } else { Place::Here }
    }
}

/// What the hidden command says last, in a line of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The release works here.
    Passed,
    /// It does not.
    Failed {
        /// What went wrong.
        what: String,
        /// What to do about it.
        next: Option<String>,
    },
    /// There can be no view; a copy may do.
    NoView {
        /// Why.
        what: String,
    },
    /// It can't be tried here, which says nothing about the release.
    Impossible {
        /// Why.
        what: String,
    },
}

/// Tries the release; what came of it, in words. Where it can't be tried, the upgrade goes on as if there were no rehearsal.
///
/// # Errors
/// [`Stop::Failed`] with what went wrong; nothing was changed.
pub(crate) fn run(run: &mut Run) -> TaskResult<Rehearsal> {
    let install = run.session.install.clone();
    if run.session.options().no_rehearsal {
        return not_tried("switched off".into());
    }
    if !venv::is_there(&install) {
        return not_tried("no venv".into());
    }
    let code = Journal::load(&install, &run.folder("server"))?;
    if !target(run).package.under(&install).is_dir() && code.is_none_or(|code| code.is_empty()) {
        return not_tried("no server code".into());
    }
    let no_view = match rehearsal::place(&install, run.session.options(), index::is_elsewhere(run)) {
        Foreseen::Nowhere(why) => return not_tried(why),
        Foreseen::Copy(why) => Some(why),
        Foreseen::Here => None,
    };
    let (verdict, no_view) = loop {
        let (verdict, no_view) = wherever_possible(run, no_view.clone())?;
        match &verdict {
            Verdict::Failed { what, .. } if !run.session.options().only_rehearsal => {
                match run.ask(question(what, run.session.has_own_answers()))? {
                    Way::Retry => index::note(run),
                    Way::GoOn => return not_tried("it failed, and you went on".into()),
                    Way::ChangeAnswers => return Err(Stop::ChangeAnswers),
                    _ => break (verdict, no_view),
                }
            }
            _ => break (verdict, no_view),
        }
    };
    match verdict {
        Verdict::Passed if no_view.is_some() => {
            staged_is_sound(run)?;
            let why = no_view.unwrap_or_default();
            done(format!("the new release starts and answers in a copy: {why}"), Rehearsal::PassedInCopy(why))
        }
        Verdict::Passed => {
            // What waits for the switch must be what was staged, whatever the server did.
            staged_is_sound(run)?;
            let index = run.folder(kept_index::FOLDER);
            if let Some(record) = kept_index::noted(&index) {
                kept_index::is_rehearsed(&index, record)?;
            }
            done("the new release starts and answers here", Rehearsal::Passed)
        }
        Verdict::Failed { what, next } => Err(Stop::Failed {
            code: Some(Code::DoesNotWorkHere),
            what: format!("the new release was tried, and does not work here: {what}"),
            next: Some(Advice::mend(next.unwrap_or_else(|| "mend that".into()))),
        }),
        Verdict::Impossible { what } | Verdict::NoView { what } => {
            // It may have got as far as to build half an index where the copy waits.
            index::note(run);
            run.log(Level::Info, "rehearsal", &format!("not tried before the switch: {what}"));
            not_tried(what)
        }
    }
}

/// Tries it in place, else in a copy, and then says why not in place; `no_view` says it where that is known before.
fn wherever_possible(run: &mut Run, no_view: Option<String>) -> Result<(Verdict, Option<String>), Stop> {
    if no_view.is_some() {
        return Ok((attempt(run, Place::Copy)?, no_view));
    }
    match attempt(run, Place::Here)? {
        Verdict::NoView { what } => Ok((attempt(run, Place::Copy)?, Some(what))),
        // The copy of the index may be what it fails on: before the release is blamed it has to fail without one.
        Verdict::Failed { what, .. } if index::begin_empty(run)? => {
            run.log(Level::Info, "rehearsal", &format!("tried once more without the old index: {what}"));
            Ok((attempt(run, Place::Here)?, None))
        }
        verdict => Ok((verdict, None)),
    }
}

/// What is asked where a trial failed; `answered` says that a person settled conflicts, of which one may be the cause.
fn question(what: &str, answered: bool) -> Question {
    let asked = Question::new("rehearsal", "The new release was tried, and does not work here", Way::RollBack)
        .saying(what.lines().map(visible))
        .offering(Way::Retry, "Try again", "when what it names is mended");
    let asked = match answered {
        true => asked.offering(Way::ChangeAnswers, "Change answers", "back to the conflicts, your answers as they are"),
        false => asked,
    };
    asked.offering(Way::GoOn, "Switch anyway", "what fails then is taken back").offering(
        Way::RollBack,
        "Give up",
        "nothing in the install was changed; your answers are kept",
    )
}

fn not_tried(why: String) -> TaskResult<Rehearsal> {
    Ok(Told { outcome: Outcome::NotApplicable, detail: why.clone(), value: Rehearsal::NotTried(why) })
}

/// One try, with all that it leaves cleared away.
fn attempt(run: &mut Run, place: Place) -> Result<Verdict, Stop> {
    let folder = run.folder(FOLDER);
    view::prepare(&folder)?;
    let tried = tried(run, place);
    if let Err(e) = view::clear(&folder) {
        run.log(Level::Warn, "rehearsal", &e.to_string());
    }
    tried
}

fn tried(run: &mut Run, place: Place) -> Result<Verdict, Stop> {
    let impossible = |what: String| Verdict::Impossible { what };
    // What the command reads has to be there.
    run.save()?;
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(e) => return Ok(impossible(e.to_string())),
    };
    let mut command = children::command(program);
    command.arg(view::COMMAND).arg(&run.session.install).arg(&run.session.session_id).arg(place.word());
    command.env(view::INSIDE, "1");
    if place == Place::Copy {
        // The environment is the real one.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
    }
    // Where a test lets this process die, the other one lives.
    command.env_remove("POS_CRASH_AT").env_remove("POS_CRASH_LOG");
    if let Some(settings) = &run.server_settings {
        settings.hand_on(&mut command);
    }
    let install = run.session.install.clone();
    run.tried.clear();
    let mut watcher = Watcher { run, verdict: None, asked: None, at: Task::StartServer.name() };
    let ended = program::run("the rehearsal", &mut command, LIMITS, &mut watcher);
    let Watcher { run, verdict, asked, .. } = watcher;
    for line in children::end_work(&install) {
        run.log(Level::Warn, "rehearsal", &line);
    }
    match (asked, verdict, ended) {
        (Some(asked), _, Err(ProgramError::Cancelled { .. })) => Err(asked),
        (_, Some(verdict), _) => Ok(verdict),
        (_, None, Err(e)) => Ok(impossible(e.to_string())),
        (_, None, Ok(_)) => Ok(impossible("it ended without a word".into())),
    }
}

/// Reads what the hidden command says, line by line.
struct Watcher<'a> {
    run: &'a mut Run,
    verdict: Option<Verdict>,
    asked: Option<Stop>,
    /// What is tried now.
    at: &'static str,
}

impl Listener for Watcher<'_> {
    fn started(&mut self, pid: u32) {
        self.run.note_child(pid);
    }

    fn line(&mut self, text: &str) {
        if let Ok(verdict) = serde_json::from_str(text) {
            self.verdict = Some(verdict);
            return;
        }
        let Ok(said) = serde_json::from_str::<Value>(text) else {
            self.run.log(Level::Info, "rehearsal", text);
            return;
        };
        let word = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        match said["event"].as_str().unwrap_or_default() {
            "log" => self.run.log(Level::Info, "rehearsal", &word("text")),
            "task_started" => {
                self.at = Task::of(&word("task")).map_or("", Task::name);
                self.run.progress(PHASE, Task::Rehearsal, 0, 0, self.at);
            }
            "task_progress" => {
                let done = said["done"].as_u64().unwrap_or_default();
                let detail = match word("detail") {
                    said if said.is_empty() => self.at.to_owned(),
                    said => format!("{}: {said}", self.at),
                };
                self.run.progress(PHASE, Task::Rehearsal, done, 0, detail);
            }
            "task_finished" => {
                let name = Task::of(&word("task")).map_or("", Task::name);
                let outcome = word("outcome").replace('_', " ");
                let told = format!("{name}: {outcome} {}", word("detail"));
                self.run.log(Level::Info, "rehearsal", told.trim_end());
                self.run.tried.push(visible(told.trim_end()));
            }
            _ => {}
        }
    }

    fn go_on(&mut self) -> bool {
        self.asked = self.run.check().err();
        self.asked.is_none()
    }
}

/// Hashes every staged byte again.
fn staged_is_sound(run: &Run) -> Result<(), Stop> {
    let install = &run.session.install;
    for name in ["server", "content"] {
        let Some(journal) = Journal::staged_in(install, &run.folder(name)) else { continue };
        if let Some(path) = journal.first_unsound() {
            return Err(Stop::failed(format!("{path}: what was staged was changed while the new release was tried")));
        }
    }
    Ok(())
}

//! The rehearsal: the whole new install is tried before anything changes, in a view that only a process of ours and the
//! server that it starts have. The old server answers meanwhile.

use std::time::Duration;

use serde_json::Value;

use crate::core::phase::Phase;
use crate::core::task::Task;
use crate::engine::events::Level;
use crate::engine::events::Outcome;
use crate::engine::phases::server::target;
use crate::engine::session::context::Run;
use crate::engine::session::stop::{Advice, Stop};
use crate::engine::session::task::{TaskResult, Told, done};
use crate::host::files::fs;
use crate::host::files::journal::Journal;
use crate::host::process::children;
use crate::host::process::program::{self, Limits, Listener, ProgramError};
use crate::host::python::venv;
use crate::host::server::{kept_index, view};

const PHASE: Phase = Phase::Content;
/// The folder of what it writes, in the session's.
pub(crate) const FOLDER: &str = "rehearsal";
/// The hidden command that sees the view.
pub const COMMAND: &str = "rehearse";
/// A first index may take long; the server itself is only waited for as long as it does something.
const LIMITS: Limits = Limits { silent: Duration::from_secs(40 * 60), total: Duration::from_secs(90 * 60) };

/// How it ended: the words of the line in which the hidden command says it.
pub(crate) const PASSED: &str = "passed";
/// The release does not work here.
pub(crate) const FAILED: &str = "failed";
/// It can't be tried here, which says nothing about the release.
pub(crate) const IMPOSSIBLE: &str = "impossible";

/// Tries the release; what came of it, in words. Where it can't be tried, the upgrade goes on as if there were no rehearsal.
///
/// # Errors
/// [`Stop::Failed`] with what went wrong; nothing was changed.
pub(crate) fn run(run: &mut Run) -> TaskResult<String> {
    let install = run.session.install.clone();
    let unneeded =
        |why: &str| Ok(Told { outcome: Outcome::NotApplicable, detail: why.to_owned(), value: why.to_owned() });
    if run.session.options().no_rehearsal {
        return unneeded("switched off");
    }
    if !venv::live(&install).exists() {
        return unneeded("no venv");
    }
    let code = Journal::load(&install, &run.folder("server"))?;
    if !target(run).package.under(&install).is_dir() && code.is_none_or(|code| code.is_empty()) {
        return unneeded("no server code");
    }
    let folder = run.folder(FOLDER);
    view::prepare(&folder)?;
    // What waits for the switch must be what was staged, whatever the server did.
    let tried = attempt(run);
    let cleared = view::clear(&folder);
    if let Err(e) = cleared {
        run.log(Level::Warn, "rehearsal", &e.to_string());
    }
    let verdict = tried?;
    match verdict.word.as_str() {
        PASSED => {
            staged_is_sound(run)?;
            let index = run.folder(kept_index::FOLDER);
            if let Some(record) = kept_index::noted(&index) {
                kept_index::is_rehearsed(&index, record)?;
            }
            done("the new release starts and answers here", PASSED.to_owned())
        }
        FAILED => Err(Stop::Failed {
            what: format!("the new release was tried, and does not work here: {}", verdict.what),
            next: Some(Advice::mend(verdict.next.unwrap_or_else(|| "mend that".into()))),
        }),
        _ => {
            // Built for a view that never was.
            let what = format!("not tried before the switch: {}", verdict.what);
            run.log(Level::Info, "rehearsal", &what);
            Ok(Told { outcome: Outcome::NotApplicable, detail: what.clone(), value: what })
        }
    }
}

/// What the hidden command said last.
#[derive(Debug, Default)]
struct Verdict {
    word: String,
    what: String,
    next: Option<String>,
}

fn attempt(run: &mut Run) -> Result<Verdict, Stop> {
    let impossible = |what: String| Verdict { word: IMPOSSIBLE.into(), what, next: None };
    if let Err(why) = view::is_possible(&run.session.install) {
        return Ok(impossible(why.to_string()));
    }
    // What the command reads has to be there.
    run.save()?;
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(e) => return Ok(impossible(e.to_string())),
    };
    let mut command = children::command(program);
    command.arg(COMMAND).arg(&run.session.install).arg(&run.session.session_id).env(view::INSIDE, "1");
    // Where a test lets this process die, the other one lives.
    command.env_remove("POS_CRASH_AT").env_remove("POS_CRASH_LOG");
    if let Some(settings) = &run.server_settings {
        settings.hand_on(&mut command);
    }
    let install = run.session.install.clone();
    let mut watcher = Watcher { run, verdict: None, asked: None };
    let ended = program::run("the rehearsal", &mut command, LIMITS, &mut watcher);
    let Watcher { run, verdict, asked } = watcher;
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
}

impl Listener for Watcher<'_> {
    fn started(&mut self, pid: u32) {
        self.run.note_child(pid);
    }

    fn line(&mut self, text: &str) {
        let Ok(said) = serde_json::from_str::<Value>(text) else {
            self.run.log(Level::Info, "rehearsal", text);
            return;
        };
        let word = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        if !said["verdict"].is_null() {
            let next = said["next"].as_str().map(ToOwned::to_owned);
            self.verdict = Some(Verdict { word: word("verdict"), what: word("what"), next });
            return;
        }
        match said["event"].as_str().unwrap_or_default() {
            "log" => self.run.log(Level::Info, "rehearsal", &word("text")),
            "task_started" => self.run.progress(PHASE, Task::Rehearsal, 0, 0, word("task")),
            "task_progress" => {
                let done = said["done"].as_u64().unwrap_or_default();
                self.run.progress(PHASE, Task::Rehearsal, done, 0, word("detail"));
            }
            "task_finished" => {
                let told = format!("{}: {} {}", word("task"), word("outcome"), word("detail"));
                self.run.log(Level::Info, "rehearsal", told.trim_end());
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
        let Some(journal) = Journal::staged_in(install, &run.folder(name))? else { continue };
        if let Some(path) = journal.first_unsound() {
            return Err(Stop::failed(format!("{path}: what was staged was changed while the new release was tried")));
        }
    }
    let _: Result<(), _> = fs::sync_folder(install);
    Ok(())
}

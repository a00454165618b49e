//! How phase 3, phase 4 and a rollback start the server: with which command, with which settings, and what is told of it.

use crate::core::error_code::Code;
use crate::core::task::Task;
use std::time::Duration;

use crate::core::json;
use crate::core::layout::layouts;
use crate::core::os_text;
use crate::core::phase::Phase;
use crate::core::session::ServerBefore;
use crate::core::visible::{Shown as _, start_of};
use crate::engine::events::Level;
use crate::engine::phases::validation::table::table;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::error::Doing as _;
use crate::host::files::error::FsError;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::process::children::Mark;
use crate::host::server::{self, Live, Running, ServerError, Settings, Watch};

const PHASE: Phase = Phase::Server;
/// Lines of a complaint that are shown, and characters of each.
const COMPLAINT: usize = 8;
const COMPLAINT_LINE: usize = 300;
/// Where the names, never the values, of the settings are noted that the server had before.
const SETTINGS_NOTED: &str = "server-settings.json";

/// Keeps the settings of a server whose place another may take, and notes what they are called: who goes on after a kill
/// can't know their values any more, but can say what is missing.
pub(crate) fn keep_settings(run: &mut Run, live: &Live) -> Result<(), Stop> {
    let settings = Settings::of_process(&live.process);
    let names = settings.names();
    if !names.is_empty() {
        let path = run.folder(SETTINGS_NOTED);
        fs::write_durable(&path, json::compact(&names).doing("write", &path)?.as_bytes(), 0o600)?;
    }
    run.server_settings = Some(settings);
    Ok(())
}

/// The settings for a start: of the server that was there before, of the one that is left alone, or an editor's.
fn settings(run: &mut Run) -> Settings {
    let (install, project) = (&run.session.install, &run.session.project);
    let settings = run.server_settings.clone().unwrap_or_else(|| match server::find(install) {
        Running::Yes(live) => Settings::of_process(&live.process),
        Running::No(_) => Settings::of_editor(install, project),
    });
    let noted = read::read_note(&run.folder(SETTINGS_NOTED)).unwrap_or_default();
    let noted: Vec<String> = serde_json::from_slice(&noted).unwrap_or_default();
    let known = settings.names();
    let lost: Vec<String> =
        noted.into_iter().filter(|n| !known.contains(&n.as_str()) && std::env::var_os(n).is_none()).collect();
    if !lost.is_empty() {
        let lost = lost.join(", ");
        run.warn(
            "server",
            format!(
                "the server is started without {lost}, which the one before it had: values of settings are never \
                 saved, and the upgrade was interrupted; if it needs them, restart it where they are set"
            ),
        );
    }
    settings
}

/// How the server is started: as it was, as the editor does, or as the layout says. What the session or a file says is
/// checked before it is run.
pub(crate) fn launch(run: &mut Run) -> Option<ServerBefore> {
    let (install, project) = (run.session.install.clone(), run.session.project.clone());
    // The environment may be there only now.
    let planned = || server::planned(&install, &project);
    let Some(mut before) = run.session.server.clone() else { return planned() };
    if let (Some(name), Some(_)) = (&run.session.folder_before, run.session.moved_from()) {
        before = before.renamed(name, &layouts().newest().folder);
    }
    let before = server::of_this_package(&install, &before);
    let is_known = before.was_running || before.pid.is_some();
    match server::checked(&install, &project, &before) {
        Ok(launch) if is_known => Some(launch),
        Ok(_) => planned(),
        Err(why) => {
            if is_known && planned().is_some() {
                run.log(Level::Warn, "server", &format!("it is not started as before, but as planned: {why}"));
            }
            planned()
        }
    }
}

/// Shows what a starting server says, and notes its process until it answers.
struct Starting<'a> {
    run: &'a mut Run,
    mark: Option<Mark>,
    pid: Option<u32>,
    asked: Option<Stop>,
}

impl Watch for Starting<'_> {
    fn mark(&mut self) -> Result<Option<Mark>, FsError> {
        self.mark = self.run.lock.mark()?;
        Ok(self.mark.clone())
    }

    fn started(&mut self, pid: u32) {
        self.pid = Some(pid);
        self.run.note_child(pid);
    }

    fn waiting(&mut self, waited: Duration, last: &str) -> bool {
        self.run.progress(PHASE, Task::StartServer, waited.as_secs(), 0, last);
        self.asked = self.run.check().err();
        self.asked.is_none()
    }
}

/// Starts the server that the session knows; its address, or none where the install can't run one.
///
/// # Errors
/// [`Stop`].
pub(crate) fn start_again(run: &mut Run) -> Result<Option<String>, Stop> {
    let install = run.install();
    let Some(launch) = launch(run) else { return Ok(None) };
    let (launch, changed) = server::without_stdin(launch);
    if let Some(changed) = changed {
        let told = format!(
            "the server is started with {changed}: nobody holds the standard input of one in the background, and it \
             would end at once"
        );
        // Who ran it will see another server from now on; one for a proof is gone soon.
        if run.session.server.as_ref().is_some_and(|s| s.was_running) {
            run.warn("server", told);
        } else {
            run.log(Level::Info, "server", &told);
        }
    }
    let settings = settings(run);
    run.commands_run.push(os_text::command_line(&launch.command));
    let mut watch = Starting { run, mark: None, pid: None, asked: None };
    let started = server::start(&install, &launch, &settings, &mut watch);
    let Starting { run, mark, pid, asked } = watch;
    match started {
        Ok(started) => {
            // One that is only for the proof stays noted until it ends: nobody else would end it.
            let stays = run.session.server.as_ref().is_some_and(|s| s.was_running);
            if let (Some(mark), Some(pid), true) = (mark, pid, stays) {
                run.hand_over(&mark, pid);
            }
            let url = started.url.clone();
            run.log(Level::Info, "server", &format!("pid {} answers at {url}", started.pid()));
            run.server = Some(started);
            Ok(Some(url))
        }
        Err(ServerError::Cancelled) => Err(asked.unwrap_or(Stop::Pause)),
        Err(e) => {
            let next = Some(format!("read the server's log: {}", server::log_path(&install).shown()).into());
            Err(Stop::Failed { code: Some(Code::ServerNotStarted), what: reason(&e), next })
        }
    }
}

/// Why a server did not start, with what it complained of: the last lines of a log often tell only how it tidied up.
fn reason(error: &ServerError) -> String {
    let ServerError::Ended { log, last, .. } = error else { return error.to_string() };
    let text = server::log::written_since(log, server::log::last_start(log));
    let told: Vec<String> =
        table().log.last_told(&text, COMPLAINT).into_iter().map(|line| start_of(line, COMPLAINT_LINE)).collect();
    match told.first() {
        Some(first) if !last.contains(first.as_str()) => {
            format!("{error}\nwhat it complained of:\n{}", told.join("\n"))
        }
        _ => error.to_string(),
    }
}

//! One call of a tool: which project and which session it is about, and how it waits while the engine works.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::ProgressNotificationParam;
use rmcp::service::{RequestContext, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::question::{Question, Way};
use crate::core::report_parts;
use crate::core::session::{Session, Status as Saved};
use crate::core::visible::{self, Shown as _};
use crate::engine::events::Command;
use crate::engine::executor::Handle;
use crate::engine::planning::settings;
use crate::host::install;
use crate::host::session::{catalog, lock};
use crate::host::user::identity;
use crate::mcp::elicit::{self, Rounds, Said};
use crate::mcp::fault::Fault;
use crate::mcp::live::{Here, Live, Seen, Waits};
use crate::mcp::shapes::{Progress, Stands, Status, Step};

/// Progress is told at most this often.
const TELL: Duration = Duration::from_millis(200);

/// A call.
pub(crate) struct Call {
    /// The project that the server was started for.
    pub(crate) default: Option<PathBuf>,
    /// The sessions that run here.
    pub(crate) here: Here,
    /// The client's request.
    pub(crate) context: RequestContext<RoleServer>,
    /// What is asked and answered within the call.
    pub(crate) rounds: Rounds,
}

/// Does what blocks on a thread of its own.
///
/// # Errors
/// [`Fault`] where it panics: a bug.
pub(crate) async fn off<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|e| {
        let fault = Fault::new(Code::Bug, format!("a bug in this program: {e}"), "look how the install stands");
        Fault { exit_code: Exit::Bug.code(), ..fault }.then("upgrade_status")
    })
}

/// The arguments of a call, in their own type.
///
/// # Errors
/// [`Fault`] naming what is wrong with them.
pub(crate) fn arguments<T: DeserializeOwned>(given: Option<Map<String, Value>>) -> Result<T, Fault> {
    serde_json::from_value(Value::Object(given.unwrap_or_default())).map_err(|e| {
        let problem = visible::start_of(&e.to_string(), 300);
        Fault::usage(Code::Usage, format!("the arguments can't be used: {problem}"), "see the tool's input schema")
    })
}

impl Call {
    /// The project that is meant.
    ///
    /// # Errors
    /// [`Fault`] if there is none.
    pub(crate) fn project(&self, named: Option<&Path>) -> Result<PathBuf, Fault> {
        let project = settings::project(named.or(self.default.as_deref()))?;
        let install = install::folder_of(&project);
        // Root has become the owner of the project that it was started for, and of no other.
        if identity::is_root() && identity::owner_of(&install).is_some_and(|(uid, _)| uid != 0) {
            let what = format!("{}: belongs to somebody else than root, who this server runs as", install.shown());
            return Err(Fault::new(
                Code::NoInstall,
                what,
                "start a server for that project: pos-upgrade-tui mcp --project DIR",
            ));
        }
        Ok(project)
    }

    /// A session as it is saved: the named one, else the unfinished, else the last; none where there never was one.
    ///
    /// # Errors
    /// [`Fault`] where it can't be told, or none has that id.
    pub(crate) async fn saved(&self, project: &Path, id: Option<&str>) -> Result<Option<Session>, Fault> {
        let install = install::folder_of(project);
        let found = off(move || catalog::survey(&install)).await?;
        if let Some(damage) = found.lost() {
            return Err(Fault::new(Code::SessionDamaged, damage.describe(), damage.next()));
        }
        let Some(id) = id else {
            return Ok(found.unfinished().or(found.sessions.last()).cloned());
        };
        match found.sessions.iter().find(|s| s.session_id == id) {
            Some(session) => Ok(Some(session.clone())),
            None => {
                let what = format!(
                    "there is no session {} in {}",
                    visible::start_of(id, 60),
                    install::folder_of(project).shown()
                );
                Err(Fault::usage(Code::NoSuchSession, what, "ask without an id: that gives the last one")
                    .then("upgrade_status"))
            }
        }
    }

    /// The same, where there has to be one.
    ///
    /// # Errors
    /// [`Fault`].
    pub(crate) async fn session(&self, named: Option<&Path>, id: Option<&str>) -> Result<Session, Fault> {
        let project = self.project(named)?;
        self.saved(&project, id).await?.ok_or_else(|| {
            let what = format!("no upgrade of {} is on record", project.shown());
            Fault::new(Code::NothingToGoOnWith, what, "see what an upgrade would do").then("upgrade_plan")
        })
    }

    /// A session that runs here.
    ///
    /// # Errors
    /// [`Fault`] naming the tool that takes it up.
    pub(crate) async fn seen(&self, named: Option<&Path>, id: Option<&str>) -> Result<(Session, Arc<Live>), Fault> {
        let session = self.session(named, id).await?;
        match self.here.running(&session.session_id) {
            Some(live) => Ok((session, live)),
            None if session.is_unfinished() => {
                let what = format!("session {} does not run in this server", session.session_id);
                Err(Fault::new(Code::NotNow, what, "take it up first").then("upgrade_resume"))
            }
            None => {
                let what = format!("session {} is {}", session.session_id, session.status().words());
                Err(Fault::new(Code::NothingToGoOnWith, what, "see what an upgrade would do now").then("upgrade_plan"))
            }
        }
    }

    /// Begins a session, if none runs in this server.
    ///
    /// # Errors
    /// [`Fault`] naming the one that runs.
    pub(crate) fn begin(&self, project: &Path, start: impl FnOnce() -> Handle) -> Result<Arc<Live>, Fault> {
        self.here.begin(project, start).map_err(|live| {
            let what = format!("this server is at work in {}, and does one upgrade at a time", live.project.shown());
            let fix = "let that one end, or pause it (upgrade_pause); or start a server of its own for the other project: \
                       pos-upgrade-tui mcp --project DIR";
            Fault { exit_code: Exit::Locked.code(), ..Fault::new(Code::OtherUpgrade, what, fix) }.then("upgrade_status")
        })
    }

    /// A fault with the truth on the disk: how the install stands if an upgrade of it is not over, whether waiting helps, and the
    /// tool that leads on.
    pub(crate) async fn in_truth(&self, named: Option<&Path>, fault: Fault) -> Fault {
        let Ok(project) = self.project(named) else { return fault };
        let install = install::folder_of(&project);
        let Ok((found, held)) = off(move || (catalog::survey(&install), lock::held_by(&install))).await else {
            return fault;
        };
        // Somebody else works on the install: that ends, unless nobody can tell whether it does.
        let is_locked = fault.exit_code == Exit::Locked.code();
        let held_for_good = held.as_ref().is_some_and(|holder| holder.untold || holder.unlock.is_some());
        let fault = Fault { retryable: (fault.retryable || is_locked) && !held_for_good, ..fault };
        if found.lost().is_some() {
            let state = "not known: the files of its last upgrade can't be used";
            return Fault { state: state.to_owned(), retryable: false, ..fault };
        }
        let Some(session) = found.unfinished() else { return fault };
        let seen = self.here.seen_of(session);
        let stands = stands(Some(session), seen.as_ref(), held.is_some());
        let tool = next(named, session, stands, seen.as_ref()).tool;
        let leads_nowhere = match fault.next_tool.as_deref() {
            // No other upgrade begins before this one is over.
            None | Some("upgrade_plan" | "upgrade_start") => true,
            Some(_) => is_locked && seen.is_none(),
        };
        Fault {
            state: format!("session {} is not over; the install is {}", session.session_id, session.install_stands()),
            retryable: fault.retryable && stands == Stands::Running,
            next_tool: if leads_nowhere { Some(tool) } else { fault.next_tool },
            ..fault
        }
    }

    /// Waits until somebody has to do something, and tells progress meanwhile. A question of the engine is asked of the person,
    /// where the client can. A call that is cancelled pauses the session, as `q` does in the wizard. Gives why a question has no
    /// answer.
    pub(crate) async fn wait(&self, live: &Live, seconds: Option<u64>) -> Option<String> {
        let mut seen = live.seen.clone();
        let deadline = seconds.and_then(|s| tokio::time::Instant::now().checked_add(Duration::from_secs(s)));
        let mut told: f64 = 0.0;
        loop {
            let now = seen.borrow_and_update().clone();
            if let Waits::Question(question) = &now.waits {
                let asked = match deadline {
                    Some(deadline) => tokio::time::timeout_at(deadline, self.ask(question)).await,
                    None => Ok(self.ask(question).await),
                };
                match asked.unwrap_or(Err("the person has not answered within wait_seconds")) {
                    Ok(way) => {
                        live.say(Command::Choose { id: question.id.clone(), way }).await;
                        continue;
                    }
                    Err(why) if !self.is_cancelled() => return Some(why.to_owned()),
                    Err(_) => {}
                }
            }
            if now.rests() && !self.is_cancelled() {
                return None;
            }
            told = self.tell(&now, told).await;
            let late = async {
                match deadline.filter(|_| now.session_id.is_some()) {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.context.ct.cancelled() => {
                    live.say(Command::Pause).await;
                    let _ = seen.wait_for(|seen| seen.over).await;
                    return None;
                }
                () = late => return None,
                changed = seen.changed() => {
                    if changed.is_err() {
                        return None;
                    }
                    // Many small steps are told as one.
                    if !seen.borrow().rests() {
                        tokio::time::sleep(TELL).await;
                    }
                }
            }
        }
    }

    fn is_cancelled(&self) -> bool {
        self.context.ct.is_cancelled() || self.rounds.task.as_ref().is_some_and(|task| task.is_cancel_requested())
    }

    /// Asks the person what a phase asks. What is to be allowed is not asked here: a client may answer by itself.
    async fn ask(&self, question: &Question) -> Result<Way, &'static str> {
        let offered: Vec<(String, String)> = question
            .choices
            .iter()
            .filter(|c| c.way != Way::Allow)
            .map(|c| (word(c.way), format!("{}: {}", c.label, c.effect)))
            .collect();
        let message = [&[question.title.clone()][..], &question.lines].concat().join("\n");
        match elicit::ask(&self.context, &self.rounds, &question.id, message, &offered).await {
            Said::Word(said) => {
                let chosen = question.choices.iter().find(|c| word(c.way) == said);
                chosen.map(|c| c.way).ok_or("the client's answer is none of those that were offered")
            }
            Said::Nothing(why) => Err(why),
        }
    }

    /// Tells how far the work is, if the client wants that. What is told only grows.
    async fn tell(&self, seen: &Seen, told: f64) -> f64 {
        let token = self.context.meta.get_progress_token();
        if token.is_none() && self.rounds.task.is_none() {
            return told;
        }
        let (done, total, detail) = &seen.progress;
        let part = if *total > 0 { (*done as f64 / *total as f64).min(0.99) } else { 0.0 };
        let now = f64::from(seen.tasks_done) + part;
        if now <= told {
            return told;
        }
        let (phase, task) = (seen.phase.map_or(0, |p| p.number()), seen.task.as_deref().unwrap_or_default());
        let count = if *total > 0 { format!(" {done}/{total}") } else { String::new() };
        let message = visible::line(&format!("phase {phase}: {task}{count} {detail}"));
        if let Some(task) = &self.rounds.task {
            task.set_status_message(message.trim_end());
        } else if let Some(token) = token {
            let told = ProgressNotificationParam::new(token, now).with_message(message.trim_end());
            let _ = self.context.peer.notify_progress(told).await;
        }
        now
    }

    /// Where a session stands. `named` is the project as the call named it.
    ///
    /// # Errors
    /// [`Fault`] where it could not even begin.
    pub(crate) async fn status_of(
        &self,
        project: &Path,
        named: Option<&Path>,
        live: Option<&Live>,
        session_id: Option<&str>,
    ) -> Result<Status, Fault> {
        let seen = live.map(Live::now);
        if let Some(finish) = seen.as_ref().filter(|seen| seen.session_id.is_none()).and_then(|s| s.finish.as_ref()) {
            let fault = Fault::new(Code::Bug, &finish.message, finish.next.clone().unwrap_or_default());
            return Err(Fault { code: finish.code, exit_code: finish.exit_code.code(), ..fault }.then("upgrade_status"));
        }
        let id = seen.as_ref().and_then(|seen| seen.session_id.clone()).or(session_id.map(str::to_owned));
        let session = self.saved(project, id.as_deref()).await?;
        let seen = seen.filter(|seen| session.as_ref().is_none_or(|session| !seen.is_overtaken(session)));
        let install = install::folder_of(project);
        let held = off(move || lock::held_by(&install).is_some()).await?;
        Ok(status(project, named, session.as_ref(), seen.as_ref(), held))
    }
}

/// The word of an answer, as it stands in JSON.
pub(crate) fn word(way: Way) -> String {
    serde_json::to_value(way).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The step that calls a tool, for the project as the call named it.
pub(crate) fn step(tool: &str, named: Option<&Path>, session_id: Option<&str>, why: &str) -> Step {
    let mut arguments = Map::new();
    if let Some(project) = named {
        arguments.insert("project".into(), project.to_string_lossy().into());
    }
    if let Some(id) = session_id {
        arguments.insert("session_id".into(), id.into());
    }
    Step { tool: tool.to_owned(), arguments, why: why.to_owned() }
}

/// A step with one argument more.
pub(crate) fn with(mut step: Step, key: &str, value: impl Into<Value>) -> Step {
    step.arguments.insert(key.to_owned(), value.into());
    step
}

/// Where a session stands, as it is saved and as it was seen.
pub(crate) fn stands(session: Option<&Session>, seen: Option<&Seen>, held: bool) -> Stands {
    let Some(session) = session else { return Stands::Idle };
    if let Some(seen) = seen.filter(|seen| !seen.over) {
        return match &seen.waits {
            Waits::No => Stands::Running,
            Waits::Conflicts if seen.open() > 0 => Stands::AwaitingAnswers,
            Waits::Conflicts => Stands::ReadyToApply,
            Waits::Question(_) => Stands::AwaitingWord,
        };
    }
    match session.status() {
        Saved::Running | Saved::AwaitingDecision if held => Stands::Running,
        Saved::Running | Saved::AwaitingDecision | Saved::Interrupted => Stands::Interrupted,
        Saved::Completed => Stands::Completed,
        Saved::Failed => Stands::Failed,
        Saved::RolledBack => Stands::RolledBack,
        Saved::Aborted => Stands::Aborted,
    }
}

fn next(named: Option<&Path>, session: &Session, stands: Stands, seen: Option<&Seen>) -> Step {
    let id = Some(&session.session_id[..]);
    match stands {
        Stands::Idle | Stands::Aborted => step("upgrade_plan", named, None, "see what an upgrade would do"),
        Stands::Running => step("upgrade_status", named, id, "it works: look again later"),
        Stands::AwaitingAnswers => step("conflict_list", named, id, "conflicts wait for the person's answers"),
        Stands::ReadyToApply => {
            let why = "nothing is applied before this; the person agrees to the plan and the answers";
            with(step("upgrade_apply", named, id, why), "plan_id", session.plan().id())
        }
        Stands::AwaitingWord => {
            let question = seen.and_then(|seen| match &seen.waits {
                Waits::Question(question) => Some(question.id.clone()),
                _ => None,
            });
            let step = step("question_answer", named, id, "a phase asked: ask the person, and say which of its ways");
            with(with(step, "question_id", question.unwrap_or_default()), "way", "WAY")
        }
        Stands::Interrupted if session.rolling_back() || session.rebuilt() => {
            step("upgrade_rollback", named, id, "there is no way but back")
        }
        Stands::Interrupted => step("upgrade_resume", named, id, "go on where it stopped"),
        Stands::Failed if session.applied() => step("upgrade_rollback", named, id, "put the install back as it was"),
        Stands::Failed => step("upgrade_plan", named, None, "mend what failed, then plan anew"),
        Stands::Completed | Stands::RolledBack => step("upgrade_report", named, id, "read what was done"),
    }
}

fn status(project: &Path, named: Option<&Path>, session: Option<&Session>, seen: Option<&Seen>, held: bool) -> Status {
    let stands = stands(session, seen, held);
    let runs = seen.is_some_and(|seen| !seen.over);
    let finish = seen.and_then(|seen| seen.finish.as_ref());
    let phase = session.map(|s| seen.filter(|_| runs).and_then(|seen| seen.phase).unwrap_or(s.current_phase()));
    let question = seen.and_then(|seen| match &seen.waits {
        Waits::Question(question) => Some(question.clone()),
        _ => None,
    });
    let progress = seen.filter(|_| runs).and_then(|seen| {
        let (done, total, detail) = seen.progress.clone();
        Some(Progress { task: seen.task.clone()?, done, total, detail })
    });
    let reason = || session.and_then(|s| s.reason().map(visible::lines));
    Status {
        schema: 1,
        install: install::folder_of(project).to_string_lossy().into_owned(),
        session_id: session.map(|s| s.session_id.clone()),
        stands,
        runs_here: runs,
        phase: phase.map(|p| p.number()),
        phase_name: phase.map(|p| p.name().to_owned()),
        progress,
        applied: session.is_some_and(Session::applied),
        plan_id: session.filter(|s| !s.rebuilt()).map(|s| s.plan().id()),
        open_conflicts: seen.filter(|_| runs).map_or(0, Seen::open),
        question: question.or_else(|| session.and_then(|s| s.asked().cloned())),
        not_asked: None,
        message: finish.map(|f| f.message.clone()).or_else(reason),
        exit_code: finish.map(|f| f.exit_code.code()),
        report: finish.map(|f| report_parts::lines(&f.report)).unwrap_or_default(),
        log: seen.map(|seen| seen.log.iter().cloned().collect()).unwrap_or_default(),
        next: match session {
            Some(session) => Some(next(named, session, stands, seen)),
            None => Some(step("upgrade_plan", named, None, "see what an upgrade would do")),
        },
    }
}

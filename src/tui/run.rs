//! The loop that joins model, terminal and engine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ratatui::crossterm::event::{Event as Input, EventStream, MouseEventKind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::merge_rows::Layout;
use super::model::{Launch, Model};
use super::setup::Looked;
use super::terminal::Screen;
use super::theme::Theme;
use super::update::{Effect, Look, Msg, update};
use super::{diff, merge_rows};
use crate::core::merge::Merge;
use crate::core::outcome::{Outcome, Sides, merge_of, outcome};
use crate::core::plan::FileEntry;
use crate::engine::dry_run;
use crate::engine::events::{Command, ConflictFile, Event};
use crate::engine::executor::{self, Handle};
use crate::engine::inspect;
use crate::engine::outside::{self, Tool};
use crate::engine::sources::{self, Candidate, Found, Standing};
use crate::host::recent;

/// At most so often is the screen drawn.
const FRAME: Duration = Duration::from_millis(16);
/// How often a clock on the screen moves.
const TICK: Duration = Duration::from_millis(250);
/// How long a path must stay as it is before it is looked at.
const PAUSE: Duration = Duration::from_millis(150);
/// How long a session may take to finish its step after a signal.
const GRACE: Duration = Duration::from_secs(60);

/// How the wizard reaches the engine; tests put their own in its place.
pub(crate) trait Engine: Clone + Send + 'static {
    fn unfinished(&self, launch: &Launch) -> Result<Option<crate::core::session::Session>, String>;
    fn inspect(&self, request: &inspect::Request) -> inspect::Inspection;
    fn deepen(&self, request: &inspect::Request) -> Result<inspect::Inspection, String>;
    fn texts(&self, request: &inspect::Request, entry: &FileEntry) -> Result<Sides, String>;
    fn candidates(&self, launch: &Launch) -> Vec<Candidate>;
    fn look(&self, look: &Look) -> Looked;
    fn standing(&self, request: &inspect::Request) -> Result<Standing, String>;
    fn remember(&self, source: &Path);
    fn recall(&self, launch: &Launch, session: &str) -> Option<crate::core::session::Session>;
    fn handle(&self, effect: Effect, launch: &Launch) -> Option<Handle>;
}

/// The engine itself.
#[derive(Clone)]
struct Real;

impl Engine for Real {
    fn unfinished(&self, launch: &Launch) -> Result<Option<crate::core::session::Session>, String> {
        inspect::unfinished(&launch.project)
    }

    fn inspect(&self, request: &inspect::Request) -> inspect::Inspection {
        inspect::inspect(request)
    }

    fn deepen(&self, request: &inspect::Request) -> Result<inspect::Inspection, String> {
        inspect::deepen(&request.source).map_err(|e| e.to_string())?;
        Ok(inspect::inspect(request))
    }

    fn texts(&self, request: &inspect::Request, entry: &FileEntry) -> Result<Sides, String> {
        inspect::texts(request, entry)
    }

    fn candidates(&self, launch: &Launch) -> Vec<Candidate> {
        let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
        sources::candidates(&launch.project, home.as_deref(), recent::folder().as_deref())
    }

    fn look(&self, look: &Look) -> Looked {
        let path = &look.request.source;
        Looked {
            found: sources::look(path, look.request.to.as_deref()),
            folders: sources::folders(path, look.typed.ends_with('/')),
            typed: look.typed.clone(),
        }
    }

    fn standing(&self, request: &inspect::Request) -> Result<Standing, String> {
        sources::standing(request)
    }

    fn remember(&self, source: &Path) {
        if let Some(folder) = recent::folder() {
            sources::remember(&folder, source);
        }
    }

    fn recall(&self, launch: &Launch, session: &str) -> Option<crate::core::session::Session> {
        inspect::session(&launch.project, session)
    }

    fn handle(&self, effect: Effect, launch: &Launch) -> Option<Handle> {
        match effect {
            Effect::Resolve(plan) => Some(executor::resolve(&launch.project, *plan, launch.options.clone())),
            Effect::Start(request, plan, policy) => Some(executor::start(*request, *plan, policy)),
            Effect::Resume(session) => Some(executor::resume(*session)),
            Effect::RollBack(session) => Some(executor::roll_back(*session, "asked for in the wizard")),
            Effect::Discard(session) => Some(executor::discard(*session)),
            _ => None,
        }
    }
}

/// Runs the wizard on the terminal until the person leaves; returns the process's exit code.
///
/// Await it with `Runtime::block_on` on a multi-threaded runtime, after color-eyre's hooks are installed: the thread
/// that polls it draws, and it alone gives the terminal back.
///
/// # Errors
/// When the terminal can't be taken over or is lost, or a task panicked that the wizard can't do without.
pub async fn run(launch: Launch) -> color_eyre::Result<u8> {
    drive(launch, Real).await
}

struct Signals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
    /// One of the first two came while a program of the person's had the terminal.
    ended: bool,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            ended: false,
        })
    }

    /// Somebody wants the end, not only of what runs in the foreground.
    async fn ended(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
        self.ended = true;
    }

    /// Drops the interrupts that are waiting.
    async fn forget_interrupts(&mut self) {
        loop {
            tokio::select! {
                biased;
                _ = self.interrupt.recv() => {}
                () = std::future::ready(()) => return,
            }
        }
    }

    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What the loop woke up for.
enum Woken {
    Msg(Box<Msg>),
    Continued,
    Draw,
    Nothing,
}

/// How the wizard ends: the process's exit code, and what stands on the normal screen afterwards.
type End = (u8, Vec<String>);

pub(crate) async fn drive(launch: Launch, engine: impl Engine) -> color_eyre::Result<u8> {
    let mut signals = Signals::new()?;
    let mut continued = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    let mut screen = Screen::enter(launch.look.mouse)?;
    let mut input = Some(EventStream::new());
    let (results, mut inbox) = mpsc::channel::<Msg>(64);
    let (width, height) = screen.size()?;
    let theme = Theme::detect(launch.look, |name| std::env::var(name).ok());
    let mut model = Model::new(launch, theme, width, height);
    model.home = std::env::var("HOME").ok();
    model.started = Some(jiff::Timestamp::now());
    let mut worker = Worker { engine, results, handle: None, commands: None, looks: Arc::default() };
    worker.open(&model.launch);
    let ended = turn(&mut signals, &mut continued, &mut screen, &mut input, &mut inbox, &mut model, &mut worker).await;
    let (exit_code, lines) = ended.unwrap_or_else(|error| lost(&mut model, &mut worker, &error));
    screen.leave(&lines);
    worker.wind_down().await;
    Ok(exit_code)
}

/// The terminal is gone: as after a hang-up, the session pauses.
fn lost<E: Engine>(model: &mut Model, worker: &mut Worker<E>, error: &color_eyre::Report) -> End {
    let mut end = (130, Vec::new());
    for effect in update(model, Msg::Terminate) {
        match effect {
            Effect::Quit { exit_code, lines } => end = (exit_code, lines),
            other => worker.perform(other, &model.launch),
        }
    }
    end.1.insert(0, format!("The terminal was lost: {error}."));
    end
}

/// Turns until the person or a signal ends it.
///
/// # Errors
/// When the terminal is gone.
async fn turn<E: Engine>(
    signals: &mut Signals,
    continued: &mut Signal,
    screen: &mut Screen,
    input: &mut Option<EventStream>,
    inbox: &mut mpsc::Receiver<Msg>,
    model: &mut Model,
    worker: &mut Worker<E>,
) -> color_eyre::Result<End> {
    let began = Instant::now();
    let mut drawn = Instant::now();
    screen.draw(model)?;
    let mut dirty = false;
    let mut resized = false;
    loop {
        let woken = tokio::select! {
            biased;
            () = signals.end() => Woken::Msg(Box::new(Msg::Terminate)),
            _ = continued.recv() => Woken::Continued,
            event = next_event(&mut worker.handle) => Woken::Msg(Box::new(event.map_or(Msg::EngineGone, Msg::Event))),
            Some(msg) = inbox.recv() => Woken::Msg(Box::new(msg)),
            () = tokio::time::sleep_until((drawn + FRAME).into()), if dirty => Woken::Draw,
            read = next_input(input) => read_input(read),
            () = tokio::time::sleep(TICK), if model.ticks() => Woken::Draw,
        };
        model.now = began.elapsed();
        let effects = match woken {
            Woken::Msg(msg) => {
                dirty = true;
                resized |= matches!(*msg, Msg::Resize(..));
                update(model, *msg)
            }
            Woken::Continued => {
                screen.reenter()?;
                (model.width, model.height) = screen.size()?;
                dirty = true;
                vec![]
            }
            Woken::Draw => {
                dirty = true;
                vec![]
            }
            Woken::Nothing => vec![],
        };
        for effect in effects {
            match effect {
                Effect::Quit { exit_code, lines } => {
                    return Ok((exit_code, lines));
                }
                Effect::Copy(text) => screen.copy(&text)?,
                Effect::Suspend => {
                    screen.suspend()?;
                    (model.width, model.height) = screen.size()?;
                }
                Effect::Edit { tool, name } => {
                    let edited = edit(screen, input, signals, tool, name, &model.launch).await?;
                    (model.width, model.height) = screen.size()?;
                    for effect in update(model, Msg::Edited(edited)) {
                        worker.perform(effect, &model.launch);
                    }
                    if signals.ended {
                        let _ = worker.results.try_send(Msg::Terminate);
                    }
                    dirty = true;
                }
                other => worker.perform(other, &model.launch),
            }
        }
        if model.undrawn {
            // What was typed before the question stands there is not an answer to it. Dropped before drawing, not
            // after: whoever answers as soon as the question is seen must be heard, however busy the machine is.
            while let Some(read) = waiting(input).await {
                if let Input::Resize(width, height) = read? {
                    resized = true;
                    update(model, Msg::Resize(width, height));
                }
            }
        }
        if model.undrawn || dirty && drawn.elapsed() >= FRAME {
            // A frame for the old size may have met the new one, also when the size is what it was by now.
            if std::mem::take(&mut resized) {
                (model.width, model.height) = screen.size()?;
                screen.refresh()?;
            }
            screen.draw(model)?;
            drawn = Instant::now();
            dirty = false;
            update(model, Msg::Drawn);
        }
    }
}

/// The next event of the session, or forever nothing while there is no session. None when the channel closed.
async fn next_event(handle: &mut Option<Handle>) -> Option<Event> {
    match handle {
        Some(running) => {
            let event = running.events.recv().await;
            if event.is_none() {
                *handle = None;
            }
            event
        }
        None => std::future::pending().await,
    }
}

/// The next input, or forever nothing while a program of the person's reads the terminal.
async fn next_input(input: &mut Option<EventStream>) -> Option<std::io::Result<Input>> {
    match input {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

/// Gives the terminal to a program of the person's, waits for its end and takes the terminal back.
async fn edit(
    screen: &mut Screen,
    input: &mut Option<EventStream>,
    signals: &mut Signals,
    tool: Tool,
    name: String,
    launch: &Launch,
) -> color_eyre::Result<Result<Vec<u8>, String>> {
    let project = launch.project.clone();
    let prepared = tokio::task::spawn_blocking(move || outside::prepare(&tool, &name, &project)).await;
    let mut prepared = match prepared.unwrap_or_else(|_| Err("Preparing it ended in a bug.".to_owned())) {
        Ok(prepared) => prepared,
        Err(why) => return Ok(Err(why)),
    };
    let Some(command) = prepared.command() else { return Ok(Err("It was started already.".to_owned())) };
    // Nobody but the program may read keys now.
    *input = None;
    screen.give_up()?;
    let ended = match tokio::process::Command::from(command).kill_on_drop(true).spawn() {
        Ok(mut child) => {
            tokio::select! {
                status = child.wait() => status,
                // Not the interrupts: Ctrl-C is meant for the program, and reaches us too.
                () = signals.ended() => {
                    let _ = child.start_kill();
                    child.wait().await
                }
            }
        }
        Err(e) => Err(e),
    };
    signals.forget_interrupts().await;
    screen.reenter()?;
    *input = Some(EventStream::new());
    let result = tokio::task::spawn_blocking(move || prepared.result(ended)).await;
    Ok(result.unwrap_or_else(|_| Err("Reading it ended in a bug.".to_owned())))
}

/// Input that is there already. Not `now_or_never`: the stream would keep that call's waker and ours would sleep
/// through keys; and no timer either, since even a millisecond is long enough to swallow an answer.
async fn waiting(input: &mut Option<EventStream>) -> Option<std::io::Result<Input>> {
    tokio::select! {
        biased;
        read = next_input(input) => read,
        () = std::future::ready(()) => None,
    }
}

fn read_input(read: Option<std::io::Result<Input>>) -> Woken {
    let msg = match read {
        Some(Ok(Input::Key(key))) => Msg::Key(key),
        Some(Ok(Input::Paste(text))) => Msg::Paste(text),
        Some(Ok(Input::Resize(width, height))) => Msg::Resize(width, height),
        Some(Ok(Input::Mouse(mouse))) => match mouse.kind {
            MouseEventKind::ScrollUp => Msg::Wheel { up: true },
            MouseEventKind::ScrollDown => Msg::Wheel { up: false },
            _ => return Woken::Nothing,
        },
        Some(Ok(_)) => return Woken::Nothing,
        // The terminal is gone, as after a hang-up.
        Some(Err(_)) | None => Msg::Terminate,
    };
    Woken::Msg(Box::new(msg))
}

/// Does what effects ask for, off the drawing thread.
struct Worker<E> {
    engine: E,
    results: mpsc::Sender<Msg>,
    handle: Option<Handle>,
    commands: Option<mpsc::UnboundedSender<Command>>,
    /// Counts the paths that were to be looked at: only the last one matters.
    looks: Arc<AtomicU64>,
}

impl<E: Engine> Worker<E> {
    /// Runs `work` on a thread where it may block; its message comes back through the inbox.
    fn spawn(&self, work: impl FnOnce() -> Msg + Send + 'static, failed: impl FnOnce() -> Msg + Send + 'static) {
        let results = self.results.clone();
        tokio::spawn(async move {
            let msg = tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| failed());
            let _ = results.send(msg).await;
        });
    }

    fn open(&self, launch: &Launch) {
        let (engine, launch) = (self.engine.clone(), launch.clone());
        self.spawn(
            move || Msg::Opened(engine.unfinished(&launch).map(|s| s.map(Box::new))),
            || Msg::Broken("Looking for an unfinished session ended in a bug; nothing was changed."),
        );
    }

    fn perform(&mut self, effect: Effect, launch: &Launch) {
        match effect {
            Effect::Inspect(request) => {
                let engine = self.engine.clone();
                self.spawn(
                    move || Msg::Inspected(Box::new(engine.inspect(&request))),
                    || Msg::Broken("The checks ended in a bug; nothing was changed."),
                );
            }
            Effect::Offer => {
                let (engine, launch) = (self.engine.clone(), launch.clone());
                self.spawn(move || Msg::Offered(engine.candidates(&launch)), || Msg::Offered(Vec::new()));
            }
            Effect::Look(look) => self.look(*look),
            Effect::Remember(source) => {
                let engine = self.engine.clone();
                tokio::task::spawn_blocking(move || engine.remember(&source));
            }
            Effect::Recall(session) => {
                let (engine, launch) = (self.engine.clone(), launch.clone());
                self.spawn(
                    move || Msg::Recalled(engine.recall(&launch, &session).map(Box::new)),
                    || Msg::Recalled(None),
                );
            }
            Effect::Save { folder, request, inspection } => self.spawn(
                move || Msg::Saved(dry_run::save(&folder, &request, &inspection)),
                || Msg::Saved(Err("Writing it ended in a bug".to_owned())),
            ),
            Effect::Deepen(request) => {
                let engine = self.engine.clone();
                self.spawn(
                    move || match engine.deepen(&request) {
                        Ok(inspection) => Msg::Inspected(Box::new(inspection)),
                        Err(why) => Msg::NotDeepened(why),
                    },
                    || Msg::Broken("Fetching the history ended in a bug; nothing was changed in the install."),
                );
            }
            Effect::LoadTexts(entry) => {
                let (engine, request, lost) = (self.engine.clone(), launch.request(), entry.clone());
                self.spawn(
                    move || {
                        let texts = match request {
                            Some(request) => engine.texts(&request, &entry),
                            None => Err("There is no source to read from.".to_owned()),
                        };
                        let result = texts.as_ref().ok().and_then(|sides| written(&entry, sides));
                        Msg::TextsLoaded { entry, texts, result }
                    },
                    move || {
                        let texts = Err("Reading it ended in a bug.".to_owned());
                        Msg::TextsLoaded { entry: lost, texts, result: None }
                    },
                );
            }
            Effect::BuildDiff { owner, compare, old, new, how } => {
                let lost = owner.clone();
                self.spawn(
                    move || {
                        let diff = Arc::new(diff::build(old.as_ref(), new.as_ref(), how));
                        Msg::DiffReady { owner, compare, diff }
                    },
                    move || {
                        let diff = Arc::new(diff::Diff::with_note("Comparing them ended in a bug."));
                        Msg::DiffReady { owner: lost, compare, diff }
                    },
                );
            }
            Effect::BuildMerge { file, texts, layout } => {
                let lost = move || Msg::MergeReady { file, merge: None, rows: None };
                self.spawn(move || align(file, &texts, layout), lost);
            }
            Effect::LayOut { file, merge, layout } => {
                let lost = move || Msg::MergeReady { file, merge: None, rows: None };
                self.spawn(move || lay_out(file, merge, layout), lost);
            }
            Effect::Find { file, needle, place } => {
                let lost = needle.clone();
                self.spawn(
                    move || {
                        let hits = place.find(&needle);
                        Msg::Found { file, needle, hits }
                    },
                    move || Msg::Found { file, needle: lost, hits: Vec::new() },
                );
            }
            Effect::Send(command) => drop(self.commands.as_ref().map(|c| c.send(command))),
            other => {
                if let Some(handle) = self.engine.handle(other, launch) {
                    self.forward(handle.commands.clone());
                    self.handle = Some(handle);
                }
            }
        }
    }

    /// Looks at a path, and then at the install from there, unless another path comes in between.
    fn look(&self, look: Look) {
        let (engine, results, looks) = (self.engine.clone(), self.results.clone(), Arc::clone(&self.looks));
        let own = looks.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::spawn(async move {
            let outdated = || looks.load(Ordering::SeqCst) != own;
            if !look.at_once {
                tokio::time::sleep(PAUSE).await;
            }
            if outdated() {
                return;
            }
            let (typed, request) = (look.typed.clone(), look.request.clone());
            let work = engine.clone();
            let looked = tokio::task::spawn_blocking(move || work.look(&look)).await.unwrap_or_else(|_| Looked {
                typed: typed.clone(),
                found: Found::Folder("looking at it ended in a bug".to_owned()),
                folders: Vec::new(),
            });
            let is_clone = matches!(looked.found, Found::Clone(_));
            let _ = results.send(Msg::Looked(Box::new(looked))).await;
            if is_clone && !outdated() {
                let standing = tokio::task::spawn_blocking(move || engine.standing(&request)).await;
                let standing = standing.unwrap_or_else(|_| Err("comparing it ended in a bug".to_owned()));
                let _ = results.send(Msg::Stood(typed, standing)).await;
            }
        });
    }

    /// Commands go through a task of their own: the loop must never wait for an engine that waits for the loop.
    fn forward(&mut self, to: mpsc::Sender<Command>) {
        let (sender, mut queue) = mpsc::unbounded_channel();
        self.commands = Some(sender);
        tokio::spawn(async move {
            while let Some(command) = queue.recv().await {
                if to.send(command).await.is_err() {
                    break;
                }
            }
        });
    }

    /// Lets a session finish its step: a half-written file is worse than a second's wait.
    async fn wind_down(mut self) {
        if let Some(handle) = &mut self.handle {
            let ended = async {
                while let Some(event) = handle.events.recv().await {
                    if matches!(event, Event::Finished(_)) {
                        break;
                    }
                }
            };
            let _ = tokio::time::timeout(GRACE, ended).await;
        }
    }
}

/// What a plan entry writes, where that is neither mine nor theirs: a merge that needs no question.
fn written(entry: &FileEntry, sides: &Sides) -> Option<Arc<[u8]>> {
    match outcome(entry, None, sides) {
        Ok(Outcome::Write { bytes, .. }) if sides.mine.is_some() && sides.theirs.as_ref() != Some(&bytes) => {
            Some(bytes)
        }
        _ => None,
    }
}

/// Aligns a conflict's texts and lays its rows out both ways.
pub(crate) fn align(file: usize, texts: &ConflictFile, layout: Layout) -> Msg {
    let sides = Sides { base: texts.base.clone(), mine: texts.mine.clone(), theirs: texts.theirs.clone() };
    match merge_of(&texts.path, &sides) {
        Some(merge) => lay_out(file, Arc::new(merge), layout),
        None => Msg::MergeReady { file, merge: None, rows: None },
    }
}

/// Lays the rows of a conflict out both ways.
pub(crate) fn lay_out(file: usize, merge: Arc<Merge>, layout: Layout) -> Msg {
    let rows = Arc::new((merge_rows::build(&merge, false, layout), merge_rows::build(&merge, true, layout)));
    Msg::MergeReady { file, merge: Some(merge), rows: Some(rows) }
}

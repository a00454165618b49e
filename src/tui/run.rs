//! The loop that joins model, terminal and engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::input::{Input, Keyboard};
use super::launch::Launch;
use super::message::{Effect, Msg};
use super::model::Model;
use super::sight::Sight;
use super::terminal::Screen;
use super::theme::Theme;
use super::update::update;
use super::worker::{Ears, Engine, GRACE, Real, Worker};
use crate::core::exit::Exit;
use crate::engine::events::{Command, Event};
use crate::engine::executor::Handle;
use crate::engine::own_tools::{self, Tool};

/// At most so often is the screen drawn.
const FRAME: Duration = Duration::from_millis(16);
/// How often a clock on the screen moves.
const TICK: Duration = Duration::from_millis(250);
/// How long a key waits for the texts that it is about.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the terminal's answers are waited for before somebody else gets it.
const LAST_ANSWERS: Duration = Duration::from_millis(300);
/// So soon after it went on by itself, the signal that says so is no news.
const OWN_RETURN: Duration = Duration::from_secs(1);
/// How long the loop may take to hear a signal that asks for the end.
const STUCK: Duration = Duration::from_secs(5);

/// Runs the wizard on the terminal until the person leaves; returns the process's exit code.
///
/// Await it with `Runtime::block_on` on a multi-threaded runtime, after color-eyre's hooks are installed: the thread
/// that polls it draws, and it alone gives the terminal back.
///
/// # Errors
/// When the terminal can't be taken over or is lost, or a task panicked that the wizard can't do without.
pub(crate) async fn run(launch: Launch) -> color_eyre::Result<Exit> {
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
    Resized,
    Draw,
    Nothing,
}

/// How the wizard ends: the process's exit code, and what stands on the normal screen afterwards.
type End = (Exit, Vec<String>);

pub(crate) async fn drive(launch: Launch, engine: impl Engine) -> color_eyre::Result<Exit> {
    let signals = Signals::new()?;
    let continued = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    let resized = signal(SignalKind::window_change())?;
    let mut screen = Screen::enter(launch.look.mouse)?;
    let mut input = Some(Keyboard::start()?);
    let (results, mut inbox) = mpsc::channel::<Msg>(64);
    let (width, height) = screen.size()?;
    let theme = Theme::detect(launch.look, |name| std::env::var(name).ok());
    let mut model = Model::new(launch, theme, width, height);
    model.home = std::env::var("HOME").ok();
    model.started = Some(jiff::Timestamp::now());
    let mut worker = Worker {
        engine,
        results,
        handle: None,
        commands: None,
        engine_ears: Arc::default(),
        looks: Arc::default(),
        stop_fetching: Arc::default(),
    };
    worker.open(&model.launch);
    let is_left = watch(Arc::clone(&worker.engine_ears))?;
    let mut sight = Sight::new(Instant::now());
    let mut outside = Outside { signals, continued, resized, input: &mut input, sight: &mut sight };
    let ended = turn(&mut outside, &mut screen, &mut inbox, &mut model, &mut worker).await;
    let (exit_code, lines) = ended.unwrap_or_else(|error| lost(&mut model, &mut worker, &error));
    answered(&mut input, &mut sight).await;
    // Nobody but the shell may read keys now.
    drop(input);
    screen.leave(&lines);
    is_left.store(true, Ordering::SeqCst);
    worker.wind_down().await;
    Ok(exit_code)
}

/// Ends the program where a signal asks for that and the terminal takes nothing: a write to it can't be given up, and the
/// loop stands still in it. The session pauses first. To be told when the loop has ended by itself.
fn watch(engine: Ears) -> std::io::Result<Arc<AtomicBool>> {
    let mut signals = Signals::new()?;
    let is_left = Arc::new(AtomicBool::new(false));
    let left = Arc::clone(&is_left);
    tokio::spawn(async move {
        signals.ended().await;
        tokio::time::sleep(STUCK).await;
        if left.load(Ordering::SeqCst) {
            return;
        }
        let commands = engine.lock().ok().and_then(|ears| ears.as_ref()?.upgrade());
        if let Some(commands) = commands {
            let _ = commands.try_send(Command::Pause);
            let _ = tokio::time::timeout(GRACE, commands.closed()).await;
        }
        std::process::exit(Exit::Interrupted.code().into());
    });
    Ok(is_left)
}

/// The terminal is gone: as after a hang-up, the session pauses.
fn lost<E: Engine>(model: &mut Model, worker: &mut Worker<E>, error: &color_eyre::Report) -> End {
    let mut end = (Exit::Interrupted, Vec::new());
    for effect in update(model, Msg::Terminate) {
        match effect {
            Effect::Quit { exit_code, lines } => end = (exit_code, lines),
            other => worker.perform(other, &model.launch),
        }
    }
    end.1.insert(0, format!("The terminal was lost: {error}."));
    end
}

/// What the loop listens to besides the engine.
struct Outside<'a> {
    signals: Signals,
    continued: Signal,
    resized: Signal,
    /// None while a program of the person's reads the terminal.
    input: &'a mut Option<Keyboard>,
    sight: &'a mut Sight,
}

/// Turns until the person or a signal ends it.
///
/// # Errors
/// When the terminal is gone.
async fn turn<E: Engine>(
    outside: &mut Outside<'_>,
    screen: &mut Screen,
    inbox: &mut mpsc::Receiver<Msg>,
    model: &mut Model,
    worker: &mut Worker<E>,
) -> color_eyre::Result<End> {
    let began = Instant::now();
    let mut drawn = Instant::now();
    let mut dirty = true;
    let mut resized = false;
    let mut awaited: Option<Instant> = None;
    let mut back: Option<Instant> = None;
    loop {
        if model.undrawn || dirty && drawn.elapsed() >= FRAME {
            // A frame for the old size may have met the new one, also when the size is what it was by now.
            if std::mem::take(&mut resized) {
                fit(model, screen, worker)?;
                screen.refresh()?;
            }
            let asking = model.undrawn;
            screen.draw(model, asking)?;
            drawn = Instant::now();
            dirty = false;
            if asking {
                outside.sight.asked(drawn);
            }
            update(model, Msg::Drawn);
        }
        // The texts come after the screen, by an instant. A key pressed in between is about them: it is read then.
        awaited = model.awaits_texts().then(|| awaited.unwrap_or_else(Instant::now));
        let unread = awaited.map(|since| since + PATIENCE).filter(|end| *end > Instant::now());
        let patience = outside.sight.patience().filter(|_| model.unseen);
        let woken = tokio::select! {
            biased;
            () = outside.signals.end() => Woken::Msg(Box::new(Msg::Terminate)),
            _ = outside.continued.recv() => Woken::Continued,
            _ = outside.resized.recv() => Woken::Resized,
            event = next_event(&mut worker.handle) => Woken::Msg(Box::new(event.map_or(Msg::EngineGone, Msg::Event))),
            Some(msg) = inbox.recv() => Woken::Msg(Box::new(msg)),
            () = tokio::time::sleep_until((drawn + FRAME).into()), if dirty => Woken::Draw,
            () = tokio::time::sleep_until(unread.unwrap_or(drawn).into()), if unread.is_some() => Woken::Nothing,
            read = next_input(outside.input), if unread.is_none() => read_input(read, outside.sight),
            () = tokio::time::sleep_until(patience.unwrap_or(drawn).into()), if patience.is_some() => {
                outside.sight.gave_up();
                // What was typed while it was waited for.
                while let Some(read) = outside.input.as_mut().and_then(Keyboard::take) {
                    let _ = read_input(read, outside.sight);
                }
                Woken::Msg(Box::new(Msg::Seen))
            }
            () = tokio::time::sleep(TICK), if model.ticks() => Woken::Draw,
        };
        model.now = began.elapsed();
        let effects = match woken {
            Woken::Msg(msg) => {
                dirty |= !matches!(*msg, Msg::Seen);
                update(model, *msg)
            }
            Woken::Resized => {
                (dirty, resized) = (true, true);
                let (width, height) = screen.size()?;
                update(model, Msg::Resize(width, height))
            }
            // That of our own Ctrl-z was heard where it stopped us.
            Woken::Continued if back.is_some_and(|back| back.elapsed() < OWN_RETURN) => vec![],
            Woken::Continued => {
                screen.reenter()?;
                dirty = true;
                let (width, height) = screen.size()?;
                update(model, Msg::Covered);
                update(model, Msg::Resize(width, height))
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
                    answered(outside.input, outside.sight).await;
                    screen.suspend()?;
                    back = Some(Instant::now());
                    update(model, Msg::Covered);
                    fit(model, screen, worker)?;
                }
                Effect::Edit { tool, name } => {
                    let (edited, saved, back) = edit(screen, outside, tool, name, &model.launch).await;
                    // Before anything else: it may be all that is left of what the person wrote.
                    let saved = saved.filter(|_| edited.is_err()).map(Msg::LeftOver);
                    for msg in saved.into_iter().chain([Msg::Edited(edited)]) {
                        for effect in update(model, msg) {
                            worker.perform(effect, &model.launch);
                        }
                    }
                    back?;
                    update(model, Msg::Covered);
                    fit(model, screen, worker)?;
                    if outside.signals.ended {
                        let _ = worker.results.try_send(Msg::Terminate);
                    }
                    dirty = true;
                }
                other => worker.perform(other, &model.launch),
            }
        }
    }
}

/// Waits a moment for the terminal's answers that are still to come: nobody else must get them for keys.
async fn answered(input: &mut Option<Keyboard>, sight: &mut Sight) {
    let Some(keyboard) = input else { return };
    let all = async {
        while sight.is_owed() {
            if let Woken::Msg(msg) = read_input(keyboard.next().await, sight)
                && matches!(*msg, Msg::Terminate)
            {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LAST_ANSWERS, all).await;
}

/// Tells the model how large the terminal is now, which may have changed while somebody else had it.
fn fit<E: Engine>(model: &mut Model, screen: &Screen, worker: &mut Worker<E>) -> std::io::Result<()> {
    let (width, height) = screen.size()?;
    for effect in update(model, Msg::Resize(width, height)) {
        worker.perform(effect, &model.launch);
    }
    Ok(())
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
async fn next_input(input: &mut Option<Keyboard>) -> Input {
    match input {
        Some(keyboard) => keyboard.next().await,
        None => std::future::pending().await,
    }
}

/// What came of a program of the person's, what it had saved, and whether the terminal could be had back.
type Edited = (Result<Vec<u8>, String>, Option<Vec<u8>>, color_eyre::Result<()>);

/// Gives the terminal to a program of the person's, waits for its end and takes the terminal back.
async fn edit(screen: &mut Screen, outside: &mut Outside<'_>, tool: Tool, name: String, launch: &Launch) -> Edited {
    let project = launch.project.clone();
    let prepared = tokio::task::spawn_blocking(move || own_tools::prepare(&tool, &name, &project)).await;
    let mut prepared = match prepared.unwrap_or_else(|_| Err("Preparing it ended in a bug.".to_owned())) {
        Ok(prepared) => prepared,
        Err(why) => return (Err(why), None, Ok(())),
    };
    let Some(command) = prepared.command() else { return (Err("It was started already.".to_owned()), None, Ok(())) };
    answered(outside.input, outside.sight).await;
    // Nobody but the program may read keys now.
    *outside.input = None;
    if let Err(e) = screen.give_up() {
        return (Err("The terminal was lost.".to_owned()), None, Err(e.into()));
    }
    let signals = &mut outside.signals;
    let ended = match tokio::process::Command::from(command).kill_on_drop(true).spawn() {
        Ok(mut child) => {
            tokio::select! {
                status = child.wait() => status,
                // Not the interrupts: Ctrl-C is meant for the program, and reaches us too.
                () = signals.ended() => {
                    if let Some(pid) = child.id() {
                        let _ = tokio::task::spawn_blocking(move || own_tools::end(pid)).await;
                    }
                    let _ = child.start_kill();
                    child.wait().await
                }
            }
        }
        Err(e) => Err(e),
    };
    signals.forget_interrupts().await;
    let result = tokio::task::spawn_blocking(move || (prepared.saved(), prepared.result(ended))).await;
    let (saved, result) = result.unwrap_or_else(|_| (None, Err("Reading it ended in a bug.".to_owned())));
    let back = screen.reenter().and_then(|()| Keyboard::start()).map(|keyboard| *outside.input = Some(keyboard));
    (result, saved, back.map_err(Into::into))
}

fn read_input(read: Input, sight: &mut Sight) -> Woken {
    let msg = match read {
        Input::Key(key) => Msg::Key(key),
        Input::Paste(text) => Msg::Paste(text),
        Input::Wheel(up) => Msg::Wheel { up },
        Input::Click(x, y) => Msg::Click { x, y },
        Input::Shown => match sight.answered() {
            true => Msg::Seen,
            false => return Woken::Nothing,
        },
        // As after a hang-up.
        Input::Lost(_) => Msg::Terminate,
    };
    Woken::Msg(Box::new(msg))
}

//! The loop that joins model, terminal and engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use ratatui::crossterm::event::{Event as Input, EventStream, MouseButton, MouseEventKind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::model::{Launch, Model};
use super::terminal::Screen;
use super::theme::Theme;
use super::update::{Effect, Msg, awaits_texts, update};
use super::worker::{Engine, Real, Worker};
use crate::engine::events::Event;
use crate::engine::executor::Handle;
use crate::engine::outside::{self, Tool};

/// At most so often is the screen drawn.
const FRAME: Duration = Duration::from_millis(16);
/// How often a clock on the screen moves.
const TICK: Duration = Duration::from_millis(250);
/// How long a key waits for the texts that it is about.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a session may take to finish its step after a signal.
pub(super) const GRACE: Duration = Duration::from_secs(60);

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
    let mut awaited: Option<Instant> = None;
    loop {
        // The texts come after the screen, by an instant. A key pressed in between is about them: it is read then.
        awaited = awaits_texts(model).then(|| awaited.unwrap_or_else(Instant::now));
        let unread = awaited.map(|since| since + PATIENCE).filter(|end| *end > Instant::now());
        let woken = tokio::select! {
            biased;
            () = signals.end() => Woken::Msg(Box::new(Msg::Terminate)),
            _ = continued.recv() => Woken::Continued,
            event = next_event(&mut worker.handle) => Woken::Msg(Box::new(event.map_or(Msg::EngineGone, Msg::Event))),
            Some(msg) = inbox.recv() => Woken::Msg(Box::new(msg)),
            () = tokio::time::sleep_until((drawn + FRAME).into()), if dirty => Woken::Draw,
            () = tokio::time::sleep_until(unread.unwrap_or(drawn).into()), if unread.is_some() => Woken::Nothing,
            read = next_input(input), if unread.is_none() => read_input(read),
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
                dirty = true;
                let (width, height) = screen.size()?;
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
                    screen.suspend()?;
                    fit(model, screen, worker)?;
                }
                Effect::Edit { tool, name } => {
                    let edited = edit(screen, input, signals, tool, name, &model.launch).await?;
                    fit(model, screen, worker)?;
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
                    (model.width, model.height) = (width, height);
                }
            }
        }
        if model.undrawn || dirty && drawn.elapsed() >= FRAME {
            // A frame for the old size may have met the new one, also when the size is what it was by now.
            if std::mem::take(&mut resized) {
                fit(model, screen, worker)?;
                screen.refresh()?;
            }
            screen.draw(model)?;
            drawn = Instant::now();
            dirty = false;
            update(model, Msg::Drawn);
        }
    }
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
                    if let Some(pid) = child.id() {
                        let _ = tokio::task::spawn_blocking(move || outside::end(pid)).await;
                    }
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
            // With a key held it is meant for the terminal, which may tell of it all the same.
            MouseEventKind::Down(MouseButton::Left) if mouse.modifiers.is_empty() => {
                Msg::Click { x: mouse.column, y: mouse.row }
            }
            _ => return Woken::Nothing,
        },
        Some(Ok(_)) => return Woken::Nothing,
        // The terminal is gone, as after a hang-up.
        Some(Err(_)) | None => Msg::Terminate,
    };
    Woken::Msg(Box::new(msg))
}

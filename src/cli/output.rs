//! Events as lines: text for people, JSON for programs.

use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::print;
pub(crate) use crate::cli::print::columns;
use crate::cli::progress_row::Row;
use crate::cli::refusal::Refusal;
use crate::core::conflict_list::Listed;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::path::RelPath;
use crate::core::report_parts::{Part, Told};
use crate::core::session::Decision;
use crate::core::visible::Shown as _;
use crate::engine::events::{Command, Event, Finish, FinishKind, Level, Outcome};
use crate::engine::executor::{self, Handle};

/// How long the last lines of an interrupted run may take where nobody seems to read them.
const LAST_LINES: std::time::Duration = std::time::Duration::from_secs(1);

/// Prints a refusal: text on stderr, or the one JSON line that ends a run.
pub(crate) fn refusal(refusal: &Refusal, json: bool) {
    let next = Some(refusal.next.clone()).filter(|next| !next.is_empty());
    if json {
        let end = without_session(FinishKind::Failed, refusal.exit_code, &refusal.what, next);
        print_json(&Event::Finished(Finish { code: Some(refusal.code), conflicts: refusal.conflicts.clone(), ..end }));
    } else {
        print::error_text(&format!("pos-upgrade-tui: {}", refusal.what));
        if let Some(next) = next {
            print::error_text(&format!("  next: {next}"));
        }
        code_line(Some(refusal.code));
    }
}

/// Where more is said of an error.
fn code_line(code: Option<Code>) {
    if let Some(code) = code {
        complain!("  more: pos-upgrade-tui help {code}");
    }
}

/// Clears away what a run that was cut off left, and says what people should know of that.
pub(crate) fn tidy(project: &std::path::Path) {
    executor::tidy(project).iter().for_each(|line| complain!("{line}"));
}

/// Ends a run in which there was nothing to do; exit code 0.
pub(crate) fn nothing_to_do(message: &str, json: bool) -> Exit {
    if json {
        print_json(&Event::Finished(without_session(FinishKind::NothingToDo, Exit::Done, message, None)));
    } else {
        print::text(message);
    }
    Exit::Done
}

/// Ends a run that did what was asked without a session; exit code 0.
pub(crate) fn done(message: &str, json: bool) -> Exit {
    if json {
        print_json(&Event::Finished(without_session(FinishKind::Completed, Exit::Done, message, None)));
    } else {
        print::text(message);
    }
    Exit::Done
}

fn without_session(result: FinishKind, exit_code: Exit, message: &str, next: Option<String>) -> Finish {
    Finish {
        result,
        exit_code,
        code: Code::of_exit(exit_code),
        message: message.to_owned(),
        next,
        report: Vec::new(),
        session_id: None,
        backup: None,
        seconds: None,
        conflicts: Vec::new(),
    }
}

/// Prints events on a thread of its own, in their order: a reader that stands still, such as a pager or a full pipe, must
/// stop neither the session nor the signals.
struct Printer {
    events: Option<std::sync::mpsc::Sender<Event>>,
    done: tokio::sync::oneshot::Receiver<()>,
}

impl Printer {
    fn start(json: bool, warnings: Vec<String>) -> std::io::Result<Self> {
        let (events, queue) = std::sync::mpsc::channel::<Event>();
        let (finished, done) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name("printer".to_owned()).spawn(move || {
            warnings.iter().for_each(|warning| complain!("warning: {warning}"));
            let mut row = Row::new(json);
            for event in queue {
                if json {
                    print_json(&event);
                    continue;
                }
                if !matches!(event, Event::TaskProgress { .. } | Event::TaskStarted { .. }) {
                    row.clear();
                }
                print_text(&event);
                row.follow(&event);
            }
            row.clear();
            let _ = finished.send(());
        })?;
        Ok(Self { events: Some(events), done })
    }

    fn print(&self, event: Event) {
        if let Some(events) = &self.events {
            let _ = events.send(event);
        }
    }

    /// Waits until all is printed.
    async fn finish(&mut self) {
        self.events = None;
        let _ = (&mut self.done).await;
    }
}

/// The signals that ask for an end.
pub(crate) struct Interrupts(Signal, Signal, Signal);

impl Interrupts {
    /// # Errors
    /// Where the system gives none.
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?))
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
            _ = self.2.recv() => {}
        }
    }
}

/// Follows a session to its end, printing as it goes. Interrupts pause it. Returns the exit code. A reader that went away
/// stops nothing: the session goes on to its end, as it does without a terminal.
pub(crate) async fn follow(handle: Handle, json: bool) -> Exit {
    follow_with(handle, json, Vec::new(), Vec::new()).await
}

/// The same, with warnings before all else, and with what was decided of the conflicts that it will ask about.
pub(crate) async fn follow_with(
    handle: Handle,
    json: bool,
    warnings: Vec<String>,
    decided: Vec<(RelPath, Decision)>,
) -> Exit {
    let printer = Printer::start(json, warnings);
    let (Ok(mut interrupts), Ok(mut printer)) = (Interrupts::new(), printer) else { return Exit::Bug };
    let mut interrupted = false;
    let say = |event: &Event| printer.print(event.clone());
    let ended = follow_to_end(handle, &mut interrupts, say, &mut interrupted, decided).await;
    tokio::select! {
        () = printer.finish() => {}
        // Whoever doesn't read to the end, and asks for the end, has it.
        () = interrupts.next() => {}
        () = tokio::time::sleep(LAST_LINES), if interrupted => {}
    }
    ended.map_or(Exit::Bug, |finish| finish.exit_code)
}

/// The same without a word: how it ended.
pub(crate) async fn follow_quietly(handle: Handle) -> Finish {
    let ended = match Interrupts::new() {
        Ok(mut interrupts) => follow_to_end(handle, &mut interrupts, |_| {}, &mut false, Vec::new()).await,
        Err(_) => None,
    };
    ended.unwrap_or_else(|| without_session(FinishKind::Failed, Exit::Bug, "the engine ended without a word", None))
}

/// How it ended; with exit code 3 where conflicts stopped it.
async fn follow_to_end(
    mut handle: Handle,
    interrupts: &mut Interrupts,
    say: impl Fn(&Event),
    interrupted: &mut bool,
    mut decided: Vec<(RelPath, Decision)>,
) -> Option<Finish> {
    let mut waiting: Vec<Listed> = Vec::new();
    loop {
        let event = tokio::select! {
            event = handle.events.recv() => event,
            () = interrupts.next() => {
                *interrupted = true;
                let _ = handle.commands.send(Command::Pause).await;
                continue
            }
        };
        // The engine always ends with `Finished`; without it, it was torn down.
        let mut event = event?;
        if let Event::Finished(finish) = &mut event
            && !waiting.is_empty()
        {
            (finish.exit_code, finish.conflicts) = (Exit::Conflicts, std::mem::take(&mut waiting));
            finish.code = Some(Code::Conflicts);
        }
        say(&event);
        match event {
            Event::ConflictsOpen { .. } if !decided.is_empty() => {
                let _ = handle.commands.send(Command::Finish(std::mem::take(&mut decided))).await;
            }
            // All are answered: who resumes without a wizard means that.
            Event::ConflictsOpen { files } if files.iter().all(|f| f.answered) => {
                let _ = handle.commands.send(Command::Finish(Vec::new())).await;
            }
            Event::ConflictsOpen { files } => {
                waiting = files.iter().filter(|f| !f.answered).map(|f| f.listed(None)).collect();
                let _ = handle.commands.send(Command::Pause).await;
            }
            // Nobody is there to ask.
            Event::QuestionAsked(question) => {
                let _ = handle.commands.send(Command::Choose { id: question.id, way: question.unattended }).await;
            }
            Event::Finished(finish) => return Some(finish),
            _ => {}
        }
    }
}

fn print_json(event: &Event) {
    // Every line says its schema, so that each can be read alone.
    match serde_json::to_value(event) {
        Ok(serde_json::Value::Object(mut line)) => {
            line.entry("schema").or_insert(json!(1));
            print::json(&serde_json::Value::Object(line));
        }
        // It says why, or that it is no object.
        _ => print::json(event),
    }
}

fn print_text(event: &Event) {
    match event {
        Event::SessionStarted { session_id, resumed, install, .. } => {
            let word = if *resumed { "resumed" } else { "started" };
            say!("session {session_id} {word} on {}", install.shown());
        }
        Event::PhaseStarted { phase, name, .. } => say!("phase {} {name}", phase.number()),
        Event::TaskFinished { task, outcome, detail, seconds, .. } => {
            let mark = match outcome {
                Outcome::Done => "ok  ",
                Outcome::NotApplicable => "n/a ",
                Outcome::Warning => "warn",
                Outcome::Failed => "FAIL",
            };
            say!("  {mark} {:<38} {detail} ({seconds:.1} s)", task.name());
        }
        Event::Log { level, origin, text } if *level > Level::Info => complain!("  {origin}: {text}"),
        Event::ConflictsOpen { files } => {
            let open: Vec<_> = files.iter().filter(|f| !f.answered).collect();
            if !open.is_empty() {
                complain!("without an answer ({}):", open.len());
                open.iter().for_each(|file| complain!("  {}", file.path));
            }
        }
        Event::QuestionAsked(question) => {
            complain!("{}", question.title);
            question.lines.iter().for_each(|line| complain!("  {line}"));
            let label = question.choices.iter().find(|c| c.way == question.unattended).map_or("", |c| &c.label);
            complain!("  nobody is here to ask: {label}");
        }
        Event::RollbackStarted { reason } => print::text(&format!("rolling back: {reason}")),
        Event::RollbackFinished { restored, rescued, seconds } => {
            say!("  {restored} paths restored ({seconds:.1} s)");
            for path in rescued {
                say!("  what you wrote since is now in {path}");
            }
        }
        Event::Finished(finish) => print_finish(finish),
        _ => {}
    }
}

/// The end, for people.
pub(crate) fn print_finish(finish: &Finish) {
    if finish.exit_code.is_done() {
        print::text(&format!("\n{}", finish.message));
    } else {
        print::error_text(&format!("\n{}", finish.message));
    }
    for told in finish.report.iter().flat_map(Part::told) {
        match told {
            Told::Heading(heading) => say!("{heading}"),
            Told::Line(line) => say!("  {line}"),
        }
    }
    if let Some(next) = &finish.next {
        print::error_text(&format!("  next: {next}"));
    }
    code_line(finish.code);
}

//! What happens, in sentences that can be heard: no columns, no signs, nothing that is drawn anew.

use std::time::{Duration, Instant};

use crate::cli::print;
use crate::core::phase::Phase;
use crate::core::plan::{Kind, Plan};
use crate::core::release_history::short;
use crate::core::report_parts::{Part, Told};
use crate::core::visible::Shown as _;
use crate::engine::events::{Event, Finish, Level, Outcome};

/// What takes long says so, not more often than this.
const STILL: Duration = Duration::from_secs(10);

/// So many lines of a text are said at once.
const LINES: usize = 30;

/// Tells events, and how far a long task is.
pub(super) struct Telling {
    told: Instant,
}

impl Telling {
    pub(super) fn new() -> Self {
        Self { told: Instant::now() }
    }

    /// Says what an event is about, where that is worth a sentence.
    pub(super) fn event(&mut self, event: &Event) {
        if let Event::TaskProgress { task, done, total, .. } = event {
            if self.told.elapsed() > STILL {
                let of = if *total > 0 { format!(": {done} of {total}") } else { String::new() };
                say!("Still at work: {}{of}.", task.name());
                self.told = Instant::now();
            }
            return;
        }
        if told(event) {
            self.told = Instant::now();
        }
    }
}

/// Whether there was something to say.
fn told(event: &Event) -> bool {
    match event {
        Event::SessionStarted { resumed: true, .. } => say!("The upgrade goes on where it stopped."),
        Event::SessionStarted { install, .. } => say!("The upgrade of {} has begun.", install.shown()),
        Event::PhaseStarted { phase, name, .. } => {
            say!("Phase {} of {}: {name}.", phase.number(), Phase::ALL.len() - 1);
        }
        Event::TaskFinished { task, outcome: Outcome::Warning, detail, .. } => {
            say!("Look at this later. {}: {detail}.", task.name());
        }
        Event::TaskFinished { task, outcome: Outcome::Failed, detail, .. } => say!("{} failed: {detail}.", task.name()),
        Event::Log { level, origin, text } if *level > Level::Info => say!("From {origin}: {text}"),
        Event::NotDone { problem } => say!("That can't be done: {problem}."),
        Event::RollbackStarted { reason } => print::text(&format!("The install goes back to what it was: {reason}.")),
        Event::RollbackFinished { restored, rescued, .. } => {
            say!("It is back; {restored} paths were put back.");
            rescued.iter().for_each(|path| say!("What you wrote since is now in {path}."));
        }
        _ => return false,
    }
    true
}

/// What a plan comes to: a sentence for each kind.
pub(super) fn plan(plan: &Plan) {
    let from = plan
        .install
        .release
        .as_deref()
        .map_or_else(|| "a release that is not known".to_owned(), |id| short(id).to_owned());
    say!("The install {} is at {from}.", plan.install.folder().shown());
    say!("The source is at {}, version {}.", short(&plan.source.commit), plan.source.version);
    for kind in Kind::ALL {
        let count = plan.summary.get(kind);
        if count > 0 {
            say!("{}: {count} {}.", what(kind), if count == 1 { "file" } else { "files" });
        }
    }
}

/// What becomes of the files of a kind.
fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Conflict => "You and the release changed the same places, so you decide",
        Kind::AutoMerge => "Merged without a question, because you and the release changed different places",
        Kind::Update => "Replaced by the release's, because you changed nothing there",
        Kind::New => "New",
        Kind::Move => "Moved, as the release moved them",
        Kind::Remove => "Removed, as the release removed them",
        Kind::LocalOnly => "Left as you edited them",
        Kind::StaysDeleted => "Deleted by you, and not brought back",
        Kind::Linked => "Left alone, because a link leads there",
        Kind::Unchanged => "Not changed by anybody",
    }
}

/// The files of the kinds that change something, each with its reason.
pub(super) fn files(plan: &Plan) {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.changes_install()) {
        let of_kind: Vec<_> = plan.files.iter().filter(|file| file.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        say!("{}:", what(kind));
        for file in of_kind {
            say!("{}: {}.", file.path, file.reason);
        }
    }
}

/// How it ended: what happened, the report, and what can be typed next.
pub(super) fn finish(finish: &Finish) {
    say!("");
    print::text(&finish.message);
    for told in finish.report.iter().flat_map(Part::told) {
        match told {
            Told::Heading(heading) => say!("{heading}:"),
            Told::Line(line) => say!("{line}"),
        }
    }
    if let Some(next) = &finish.next {
        print::text(&format!("Next: {next}"));
    }
    if let Some(code) = finish.code {
        say!("More: pos-upgrade-tui help {code}");
    }
}

/// Some lines of a text, with where they stand; of many the first, unless all are asked for. Whether something was left out.
pub(super) fn lines(whose: &str, text: &[u8], before: usize, all: bool) -> bool {
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    match lines.len() {
        0 => say!("{whose}: no line."),
        1 => say!("{whose}, line {}:", before + 1),
        many => say!("{whose}, lines {} to {}:", before + 1, before + many),
    }
    let shown = if all { lines.len() } else { lines.len().min(LINES) };
    for line in lines.iter().take(shown) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() { say!("(an empty line)") } else { say!("{line}") }
    }
    let left = lines.len() - shown;
    if left > 0 {
        say!("{left} more lines are left out.");
    }
    left > 0
}

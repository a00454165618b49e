//! All that the wizard knows. Nothing here reads a clock, a file or the terminal.

mod compare;
mod conflicts;
mod overlay;
mod preview;

pub(crate) use compare::Compare;
pub use conflicts::{ConflictTexts, Conflicts, Editing, HunkFacts, Part};
pub(crate) use overlay::{Overlay, Question};
pub use preview::{DiffPane, Pane, Preview, Tab};

use std::time::Duration;

use crate::core::question;
use crate::core::session::Session;
use crate::engine::events::{ConflictFile, Finish, Level};
use crate::engine::planning::inspect::Draft;
use crate::engine::refusal::Problem;
use crate::host::install;
use crate::tui::click::Click;
use crate::tui::conflict::Shape;
use crate::tui::keymap::Mode;
use crate::tui::launch::Launch;
use crate::tui::progress::Progress;
use crate::tui::setup::{Setup, Spot};
use crate::tui::text;
use crate::tui::theme::Theme;

/// Texts up to this size, in bytes, are aligned before anybody could notice.
const ALIGNED_AT_ONCE: usize = 1 << 20;

/// What fills the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// The inspection runs.
    Checking,
    /// The source and the options; problems, if there are any.
    Setup,
    /// The plan.
    Preview,
    /// The phases run.
    Progress,
    /// Conflicts wait for answers.
    Conflict,
    /// The end.
    Report,
    /// A session was left unfinished.
    Unfinished,
}

/// Which lines of the log are shown.
#[derive(Debug, Clone)]
pub struct LogView {
    /// At least so serious.
    pub level: Level,
    /// Only lines that contain this, case ignored.
    pub filter: String,
    /// The filter is being typed.
    pub(crate) filtering: bool,
}

impl Default for LogView {
    fn default() -> Self {
        Self { level: Level::Info, filter: String::new(), filtering: false }
    }
}

/// A page of the workflow beside the progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageView {
    /// Which, by position; none follows the running phase.
    pub at: Option<usize>,
    /// First row on the screen.
    pub scroll: usize,
}

/// Everything.
#[derive(Debug, Clone)]
pub struct Model {
    /// Columns of the terminal.
    pub(crate) width: u16,
    /// Rows of the terminal.
    pub(crate) height: u16,
    /// Colours and glyphs.
    pub theme: Theme,
    /// Time since the wizard's start.
    pub now: Duration,
    /// The user's home, for writing `~`.
    pub home: Option<String>,
    /// What it was started with; the source may be typed.
    pub launch: Launch,
    /// What fills the screen.
    pub screen: Screen,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// What a running phase asks; stands over the screen until it is answered.
    pub asked: Option<question::Question>,
    /// A screen or a question has come up that has not been drawn yet.
    pub(crate) undrawn: bool,
    /// It has come up and is not known to stand on the terminal yet: what is typed, pasted or clicked is not meant for it.
    pub unseen: bool,
    /// The last click.
    pub(crate) clicked: Option<Click>,
    /// First row of the list since one of its rows was clicked: it stays where it is then.
    pub held: Option<usize>,
    /// A line about the last key, until the next one.
    pub status: Option<String>,
    /// The release that the install matches.
    pub from: Option<String>,
    /// The commit that it goes to.
    pub to: Option<String>,
    /// What stops the upgrade.
    pub problems: Vec<Problem>,
    /// The setup screen, while it is shown.
    pub setup: Option<Box<Setup>>,
    /// The plan.
    pub preview: Option<Preview>,
    /// The phases.
    pub progress: Progress,
    /// The log is large; scrolled up so many lines from its end.
    pub(crate) big_log: Option<usize>,
    /// Which of its lines are shown then.
    pub(crate) log_view: LogView,
    /// A page of the workflow is open.
    pub page: Option<PageView>,
    /// The conflicts.
    pub conflicts: Conflicts,
    /// The unfinished session; on the report the one that was completed, once it has been read.
    pub session: Option<Session>,
    /// What is settled in the unfinished session without being an answer yet.
    pub drafts: Vec<Draft>,
    /// Only its own files name its source, and the person has not said yes to it.
    pub(crate) needs_a_word: bool,
    /// When the wizard was started.
    pub started: Option<jiff::Timestamp>,
    /// How it ended.
    pub finish: Option<Finish>,
    /// First row (setup, report, unfinished).
    pub scroll: usize,
    /// First column (log, report).
    pub across: usize,
    /// The engine runs.
    pub running: bool,
    /// The person wants to leave as soon as the engine has paused.
    pub(crate) leaving: bool,
    /// The person wants the install back as it was, as soon as the engine has finished its step.
    pub(crate) going_back: bool,
}

impl Model {
    /// A wizard that has just been started.
    pub fn new(launch: Launch, theme: Theme, width: u16, height: u16) -> Self {
        Self {
            width,
            height,
            theme,
            now: Duration::ZERO,
            home: None,
            launch,
            screen: Screen::Checking,
            overlay: None,
            asked: None,
            undrawn: true,
            // It decides nothing.
            unseen: false,
            clicked: None,
            held: None,
            status: None,
            from: None,
            to: None,
            problems: Vec::new(),
            setup: None,
            preview: None,
            progress: Progress::default(),
            big_log: None,
            log_view: LogView::default(),
            page: None,
            conflicts: Conflicts::default(),
            session: None,
            drafts: Vec::new(),
            needs_a_word: false,
            started: None,
            finish: None,
            scroll: 0,
            across: 0,
            running: false,
            leaving: false,
            going_back: false,
        }
    }

    /// Which keys are listened to.
    pub fn mode(&self) -> Mode {
        match &self.overlay {
            Some(Overlay::Help(_)) => Mode::Help,
            Some(Overlay::Leave) => Mode::Leave,
            Some(Overlay::Confirm(_)) => Mode::Confirm,
            Some(Overlay::Files(_)) => Mode::Files,
            None if self.asked.is_some() => Mode::Asked,
            None => self.screen_mode(),
        }
    }

    /// The same without what lies over the screen.
    pub(crate) fn screen_mode(&self) -> Mode {
        match self.screen {
            Screen::Checking => Mode::Checking,
            Screen::Setup => match self.setup.as_ref().map(|s| s.spot) {
                Some(Spot::Source | Spot::Offer(_)) => Mode::Source,
                _ => Mode::Setup,
            },
            Screen::Preview => match &self.preview {
                Some(p) if p.filtering => Mode::Filter,
                Some(Preview { pane: Pane::Diff(pane), .. }) => match pane.search.as_ref().is_some_and(|s| s.typing) {
                    true => Mode::Search,
                    false => Mode::Diff,
                },
                Some(Preview { pane: Pane::News(_), .. }) => Mode::News,
                _ => Mode::Preview,
            },
            Screen::Progress if self.page.is_some() => Mode::Page,
            Screen::Progress if self.big_log.is_some() && self.log_view.filtering => Mode::Filter,
            Screen::Progress if self.big_log.is_some() => Mode::Log,
            Screen::Progress => Mode::Progress,
            Screen::Conflict if self.conflicts.search.as_ref().is_some_and(|s| s.typing) => Mode::Search,
            Screen::Conflict => Mode::Conflict,
            Screen::Report => Mode::Report,
            Screen::Unfinished => Mode::Unfinished,
        }
    }

    /// A path with the home folder as `~`.
    pub(crate) fn tilde(&self, path: &str) -> String {
        let shown = text::visible_str(path, false);
        match self.home.as_deref().filter(|h| !h.is_empty()).and_then(|h| shown.strip_prefix(h)) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("~{rest}"),
            _ => shown,
        }
    }

    /// The same of a path, with every byte that is no text shown by its number.
    pub(crate) fn tilde_path(&self, path: &std::path::Path) -> String {
        self.tilde(&text::visible(path.as_os_str().as_encoded_bytes(), false))
    }

    /// A text for people, with the home folder as `~` wherever a path in it begins with that.
    pub(crate) fn tilde_text(&self, text: &str) -> String {
        let shown: Vec<String> = text.lines().map(|l| text::visible_str(l, false)).collect();
        let shown = shown.join("\n");
        match self.home.as_deref().filter(|h| h.len() > 1) {
            Some(home) => shown.replace(&format!("{home}/"), "~/"),
            None => shown,
        }
    }

    /// The install's folder for the title.
    pub fn install(&self) -> String {
        self.tilde_path(&install::folder_of(&self.launch.project))
    }

    /// Whether the plan is there and starting it would do nothing.
    pub fn is_current(&self) -> bool {
        self.preview.as_ref().is_some_and(|p| p.inspection.current)
    }

    /// Whether something moves by itself, so that a clock must tick.
    pub fn ticks(&self) -> bool {
        match self.screen {
            Screen::Checking => true,
            Screen::Progress => self.running,
            _ => false,
        }
    }

    /// Whether the hunks of the file under the cursor are not known yet, but will be in no time.
    pub(crate) fn awaits_texts(&self) -> bool {
        let c = &self.conflicts;
        let size =
            |f: &ConflictFile| [&f.mine, &f.theirs].into_iter().flatten().map(|bytes| bytes.len()).sum::<usize>();
        self.screen == Screen::Conflict
            && c.settling.current().is_some_and(|f| f.shape == Shape::Waiting)
            && c.file().is_some_and(|f| size(f) <= ALIGNED_AT_ONCE)
    }
}

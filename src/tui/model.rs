//! All that the wizard knows. Nothing here reads a clock, a file or the terminal.

mod conflicts;

pub use conflicts::{ConflictTexts, Conflicts, Editing, Part};

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::core::outcome::Sides;
use crate::core::plan::{FileEntry, Kind, Only, Plan, Removals};
use crate::core::policy::OnConflict;
use crate::core::question;
use crate::core::session::Session;
use crate::core::settings::{Look, Options};
use crate::engine::events::{Finish, Level};
use crate::engine::planning::inspect::{Draft, Inspection};
use crate::engine::planning::request::Request;
use crate::engine::refusal::Problem;

use super::click::Click;
use super::diff::Diff;
use super::folding::{self, Moved, Row};
use super::keymap::Mode;
use super::progress::Progress;
use super::search::Search;
use super::setup::{Setup, Spot};
use super::theme::Theme;

/// What the wizard is started with.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// The project's folder.
    pub project: PathBuf,
    /// The clone of praxis-os, if it is known; else the wizard asks.
    pub source: Option<PathBuf>,
    /// Commit, tag or branch; HEAD if none.
    pub to: Option<String>,
    /// Only this part of the install; all of it if none.
    pub only: Option<Only>,
    /// The options.
    pub options: Options,
    /// How the wizard looks and listens.
    pub look: Look,
    /// Who settles conflicts.
    pub on_conflict: OnConflict,
    /// The folder that it was started in: typed paths begin there.
    pub here: PathBuf,
    /// Settle conflicts that were put off, by this plan, instead of upgrading.
    pub resolve: Option<Box<Plan>>,
    /// Go on with the unfinished session without asking.
    pub resume: bool,
    /// The source that only the project's own file names, as long as the user has not said yes to it.
    pub foreign_source: Option<PathBuf>,
}

impl Launch {
    /// What the engine is asked, once there is a source.
    pub fn request(&self) -> Option<Request> {
        let source = self.source.clone()?;
        let Launch { project, to, only, options, .. } = self.clone();
        Some(Request { project, source, to, only, options })
    }
}

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

/// A yes-or-no question over a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Put the install back.
    RollBack,
    /// Forget the session.
    Discard,
    /// Write the plan down, about here.
    Save(PathBuf),
    /// Fetch what a shallow source lacks.
    Deepen,
    /// Start a plan that removes unusually many files.
    Removals(Removals),
    /// Keep (or take) these conflicts of a folder, by position.
    Folder {
        /// Which.
        files: Vec<usize>,
        /// Theirs rather than mine.
        take: bool,
        /// The folder.
        folder: String,
    },
    /// Make the answer for the file under the cursor a standing rule.
    Rule {
        /// Theirs rather than mine.
        take: bool,
        /// The globs to choose from, the narrowest first.
        patterns: Vec<String>,
        /// Which of them.
        at: usize,
    },
}

/// What lies over a screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The keys; scrolled so far.
    Help(usize),
    /// How to leave a running upgrade.
    Leave,
    /// Yes or no.
    Confirm(Question),
    /// The list of conflicts, this one selected.
    Files(usize),
}

/// What the preview shows in place of the list.
#[derive(Debug, Clone)]
pub enum Pane {
    /// The list.
    List,
    /// The selected file's diff.
    Diff(Box<DiffPane>),
    /// The source's commits.
    News(usize),
}

/// The diff of a file of the plan.
#[derive(Debug, Clone)]
pub struct DiffPane {
    /// The file.
    pub entry: FileEntry,
    /// Its texts, once they are read; or why they can't be.
    pub texts: Option<Result<Sides, String>>,
    /// What will be written, where that is known and not simply theirs.
    pub result: Option<Arc<[u8]>>,
    /// Which two versions.
    pub compare: Compare,
    /// The rows, once computed.
    pub diff: Option<Arc<Diff>>,
    /// First row on the screen.
    pub scroll: usize,
    /// First column on the screen.
    pub across: usize,
    /// Lines that are too long go on in the next row.
    pub wrap: bool,
    /// What is searched for.
    pub search: Option<Search>,
}

/// Which versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compare {
    /// All three, as a merge.
    Merge,
    /// What the user changed.
    BaseMine,
    /// What the source changed.
    BaseTheirs,
    /// The two as they are now.
    MineTheirs,
    /// What will be written, against what is installed.
    Result,
}

impl Compare {
    /// What the pane is headed with.
    pub fn title(self) -> &'static str {
        match self {
            Compare::Merge => "merge",
            Compare::BaseMine => "what you changed (base → mine)",
            Compare::BaseTheirs => "what the source changed (base → theirs)",
            Compare::MineTheirs => "installed and new (mine → theirs)",
            Compare::Result => "what will be written (mine → result)",
        }
    }
}

/// The preview's state.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What was found.
    pub inspection: Inspection,
    /// Kinds that have files, with their counts; `Kind` none is everything that changes.
    pub tabs: Vec<(Tab, usize)>,
    /// Which of them.
    pub tab: usize,
    /// Only paths that contain this, case ignored.
    pub filter: String,
    /// The filter is being typed.
    pub filtering: bool,
    /// The rows of the list.
    pub rows: Vec<Row>,
    /// Folders that move whose files are listed.
    pub open: BTreeSet<Moved>,
    /// Which of `rows`.
    pub selected: usize,
    /// What is shown.
    pub pane: Pane,
}

/// A tab of the preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// All that changes the install.
    Changes,
    /// One kind.
    Kind(Kind),
    /// Every managed path.
    All,
}

impl Preview {
    /// Opens on everything that changes.
    pub fn new(inspection: Inspection) -> Self {
        let files = inspection.plan.as_ref().map_or(&[][..], |p| &p.files);
        let count = |wanted: &dyn Fn(Kind) -> bool| files.iter().filter(|f| wanted(f.kind)).count();
        let mut tabs = vec![(Tab::Changes, count(&Kind::changes_install))];
        for kind in Kind::ALL {
            match count(&|k| k == kind) {
                0 => {}
                n => tabs.push((Tab::Kind(kind), n)),
            }
        }
        tabs.push((Tab::All, files.len()));
        let mut preview = Self {
            inspection,
            tabs,
            tab: 0,
            filter: String::new(),
            filtering: false,
            rows: Vec::new(),
            open: BTreeSet::new(),
            selected: 0,
            pane: Pane::List,
        };
        preview.list();
        preview
    }

    /// Fills `rows` for the tab and the filter: by kind, those that need a person first, then by path.
    pub fn list(&mut self) {
        let tab = self.tabs.get(self.tab).map_or(Tab::All, |t| t.0);
        let needle = self.filter.to_lowercase();
        let fits = |f: &FileEntry| {
            let kind = match tab {
                Tab::Changes => f.kind.changes_install(),
                Tab::Kind(kind) => f.kind == kind,
                Tab::All => true,
            };
            kind && (needle.is_empty() || f.path.to_string().to_lowercase().contains(&needle))
        };
        let files = self.inspection.plan.as_ref().map_or(&[][..], |p| &p.files);
        let mut rows: Vec<usize> = (0..files.len()).filter(|i| fits(&files[*i])).collect();
        let rank = |kind: Kind| Kind::ALL.iter().position(|k| *k == kind);
        rows.sort_by_key(|i| (rank(files[*i].kind), *i));
        self.rows = match needle.is_empty() {
            true => folding::fold(files, &rows, &self.open),
            // What was looked for is not hidden in a folder.
            false => rows.into_iter().map(Row::File).collect(),
        };
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }

    /// Whether the source is a shallow clone, whose history would tell more.
    pub fn is_shallow(&self) -> bool {
        self.inspection.plan.as_ref().is_some_and(|p| p.source.shallow)
    }

    /// The selected file.
    pub fn entry(&self) -> Option<&FileEntry> {
        let plan = self.inspection.plan.as_ref()?;
        plan.files.get(self.rows.get(self.selected)?.file()?)
    }

    /// How many files are listed, those in folded folders included.
    pub fn listed(&self) -> usize {
        let count = |row: &Row| match row {
            Row::File(_) => 1,
            Row::Folder { files, .. } => files.len(),
            Row::Within(_) => 0,
        };
        self.rows.iter().map(count).sum()
    }

    /// Opens or closes the selected folder, or that of the selected file.
    pub fn toggle(&mut self) {
        let folder = self.rows.get(..=self.selected).and_then(|rows| {
            let from = rows.iter().rposition(|row| !matches!(row, Row::Within(_)))?;
            Some((from, rows.get(from)?.clone()))
        });
        if let Some((at, Row::Folder { moved, .. })) = folder {
            if !self.open.remove(&moved) {
                self.open.insert(moved);
            }
            self.selected = at;
            self.list();
        }
    }
}

/// Which lines of the log are shown.
#[derive(Debug, Clone)]
pub struct LogView {
    /// At least so serious.
    pub level: Level,
    /// Only lines that contain this, case ignored.
    pub filter: String,
    /// The filter is being typed.
    pub filtering: bool,
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
    pub width: u16,
    /// Rows of the terminal.
    pub height: u16,
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
    pub undrawn: bool,
    /// It has come up and is not known to stand on the terminal yet: what is typed, pasted or clicked is not meant for it.
    pub unseen: bool,
    /// The last click.
    pub clicked: Option<Click>,
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
    pub big_log: Option<usize>,
    /// Which of its lines are shown then.
    pub log_view: LogView,
    /// A page of the workflow is open.
    pub page: Option<PageView>,
    /// The conflicts.
    pub conflicts: Conflicts,
    /// The unfinished session; on the report the one that was completed, once it has been read.
    pub session: Option<Session>,
    /// What is settled in the unfinished session without being an answer yet.
    pub drafts: Vec<Draft>,
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
    pub leaving: bool,
    /// The person wants the install back as it was, as soon as the engine has finished its step.
    pub going_back: bool,
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
    pub fn screen_mode(&self) -> Mode {
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
    pub fn tilde(&self, path: &str) -> String {
        let shown = super::text::visible_str(path, false);
        match self.home.as_deref().filter(|h| !h.is_empty()).and_then(|h| shown.strip_prefix(h)) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("~{rest}"),
            _ => shown,
        }
    }

    /// The same of a path, with every byte that is no text shown by its number.
    pub fn tilde_path(&self, path: &std::path::Path) -> String {
        self.tilde(&super::text::visible(path.as_os_str().as_encoded_bytes(), false))
    }

    /// A text for people, with the home folder as `~` wherever a path in it begins with that.
    pub fn tilde_text(&self, text: &str) -> String {
        let shown: Vec<String> = text.lines().map(|l| super::text::visible_str(l, false)).collect();
        let shown = shown.join("\n");
        match self.home.as_deref().filter(|h| h.len() > 1) {
            Some(home) => shown.replace(&format!("{home}/"), "~/"),
            None => shown,
        }
    }

    /// The install's folder for the title.
    pub fn install(&self) -> String {
        self.tilde_path(&self.launch.project.join(".praxis-os"))
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
}

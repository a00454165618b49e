//! What the wizard hears, and what it asks for.

use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::KeyEvent;

use crate::core::exit::Exit;
use crate::core::merge::Merge;
use crate::core::outcome::Sides;
use crate::core::plan::{FileEntry, Plan};
use crate::core::policy::OnConflict;
use crate::core::session::{Decision, Session};
use crate::engine::events::{Command, ConflictFile, Event};
use crate::engine::own_tools::Tool;
use crate::engine::planning::inspect::{Inspection, Unfinished};
use crate::engine::planning::request::Request;
use crate::engine::planning::source::Source;
use crate::engine::planning::sources::{Candidate, Standing};

use crate::tui::diff::{Diff, How};
use crate::tui::merge_rows::{Layout, MergeRows};
use crate::tui::model::{Compare, HunkFacts};
use crate::tui::setup::Looked;

/// Something happened.
#[derive(Debug)]
pub enum Msg {
    /// The wizard begins: an unfinished session, none, or why that can't be told.
    Opened(Result<Option<Box<Unfinished>>, String>),
    /// Something that can't be done without panicked; a sentence.
    Broken(&'static str),
    /// A key was pressed.
    Key(KeyEvent),
    /// The wheel was turned.
    Wheel {
        /// Towards the top.
        up: bool,
    },
    /// The mouse's left button was pressed.
    Click {
        /// Column on the screen.
        x: u16,
        /// Row on the screen.
        y: u16,
    },
    /// Text was pasted.
    Paste(String),
    /// The terminal has a new size.
    Resize(u16, u16),
    /// The engine says something.
    Event(Event),
    /// The engine's channel closed without a last word.
    EngineGone,
    /// The inspection is done.
    Inspected(Box<Inspection>),
    /// What may be meant as the source, before anything is typed.
    Offered(Vec<Candidate>),
    /// What is at the path that is being typed.
    Looked(Box<Looked>),
    /// How the install stands, seen from the source that was typed like this.
    Stood(String, Result<Standing, String>),
    /// git's words while an address is fetched.
    Fetching(String),
    /// The address that was typed like this was fetched into a folder, or couldn't be; why.
    Fetched(String, Result<std::path::PathBuf, String>),
    /// The session that was completed, for taking it back; none if it can't be read.
    Recalled(Option<Box<Session>>),
    /// The plan was written to this file, or couldn't be.
    Saved(Result<std::path::PathBuf, String>),
    /// An option is in this settings file now, or couldn't be put there; a sentence.
    OptionSaved(Result<std::path::PathBuf, String>),
    /// The source's history could not be fetched; why.
    NotDeepened(String),
    /// The texts of a plan entry were read, or couldn't be.
    TextsLoaded {
        /// Which.
        entry: Box<FileEntry>,
        /// The texts, or a sentence.
        texts: Result<Sides, String>,
        /// What will be written, where that is known and not simply theirs.
        result: Option<Arc<[u8]>>,
    },
    /// A diff is ready.
    DiffReady {
        /// For whom.
        owner: Owner,
        /// Of what.
        compare: Compare,
        /// The rows.
        diff: Arc<Diff>,
    },
    /// A conflict's alignment is ready.
    MergeReady {
        /// Which file, by position.
        file: usize,
        /// The alignment, none if it can't be merged.
        merge: Option<Arc<Merge>>,
        /// What is known of its hunks, in their order; none where it is only laid out anew.
        hunks: Arc<[HunkFacts]>,
        /// Its rows: one below the other, and side by side.
        rows: Option<Arc<(MergeRows, MergeRows)>>,
    },
    /// The rows in which a text was found.
    Found {
        /// For whom.
        owner: Owner,
        /// What was searched for.
        needle: String,
        /// Their positions.
        hits: Vec<usize>,
    },
    /// What a program of the person's had saved when it came to no good end; [`Msg::Edited`] follows.
    LeftOver(Vec<u8>),
    /// The person's program has ended: what it wrote, or a sentence saying why that can't be used.
    Edited(Result<Vec<u8>, String>),
    /// Time since the wizard's start.
    Tick(Duration),
    /// Somebody else had the terminal: what stands here must be shown again before it is answered.
    Covered,
    /// The screen has been drawn and is on its way to the terminal.
    Drawn,
    /// The terminal shows what was drawn last: what is typed from now on is meant for it.
    Seen,
    /// A signal asks to end.
    Terminate,
}

/// Who asked for a diff, or looks for a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Owner {
    /// The preview, for this path.
    Preview(Box<FileEntry>),
    /// The conflict at this position.
    Conflict(usize),
}

/// A path to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// As it was typed.
    pub typed: String,
    /// What would be planned with it as the source.
    pub request: Request,
    /// It will not be typed on: no need to wait.
    pub(crate) at_once: bool,
}

/// Where something is searched for.
#[derive(Debug, Clone)]
pub enum Place {
    /// In the rows of a merge; `true` for those that stand side by side.
    Merge(Arc<Merge>, Arc<(MergeRows, MergeRows)>, bool),
    /// In the rows of a diff.
    Diff(Arc<Diff>),
}

impl Place {
    /// The rows that contain a text. Takes a while for big files: call it off the drawing thread.
    pub fn find(&self, needle: &str) -> Vec<usize> {
        let needle = needle.as_bytes();
        match self {
            Place::Merge(merge, rows, beside) => (if *beside { &rows.1 } else { &rows.0 }).find(merge, needle),
            Place::Diff(diff) => {
                let hit = |row: &&crate::tui::diff::Row| crate::tui::merge_rows::contains(diff.bytes(row), needle);
                diff.rows.iter().enumerate().filter(|(_, row)| hit(row)).map(|(i, _)| i).collect()
            }
        }
    }
}

/// What the loop is asked to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Check and plan.
    Inspect(Box<Request>),
    /// Look for what may be meant as the source.
    Offer,
    /// Fetch what the address has that was typed like this.
    Fetch {
        /// As it stands in the field.
        typed: String,
        /// The address.
        address: std::path::PathBuf,
    },
    /// Give the fetching up.
    StopFetching,
    /// Look at the path that is being typed; once it has not changed for a moment, unless it is final.
    Look(Box<Look>),
    /// Read the session that was completed, and remember the source that it came from.
    Recall(String),
    /// Write the plan down, into a folder.
    Save {
        /// Where.
        folder: std::path::PathBuf,
        /// What was asked.
        request: Box<Request>,
        /// What was found.
        inspection: Box<Inspection>,
    },
    /// Keep an option in the user's own settings.
    SaveOption(&'static str, serde_json::Value),
    /// Fetch the history that the source lacks, then check and plan.
    Deepen(Box<Request>),
    /// Read a plan entry's texts, and tell what will be written.
    LoadTexts {
        /// Which.
        entry: Box<FileEntry>,
        /// The answer that it has already.
        prior: Option<Decision>,
        /// Who settles it, if nobody has.
        policy: OnConflict,
        /// The source that the plan was made from, while it is open.
        source: Option<Arc<Source>>,
    },
    /// Compare two texts.
    BuildDiff {
        /// For whom.
        owner: Owner,
        /// Of what.
        compare: Compare,
        /// Before.
        old: Option<Arc<[u8]>>,
        /// After.
        new: Option<Arc<[u8]>>,
        /// How.
        how: How,
    },
    /// Align a conflict's texts.
    BuildMerge {
        /// Which, by position.
        file: usize,
        /// Its texts.
        texts: Box<ConflictFile>,
        /// How its rows are laid out.
        layout: Layout,
    },
    /// Lay the rows of a conflict out anew.
    LayOut {
        /// Which, by position.
        file: usize,
        /// Its alignment.
        merge: Arc<Merge>,
        /// How.
        layout: Layout,
    },
    /// Look for a text.
    Find {
        /// For whom.
        owner: Owner,
        /// What for.
        needle: String,
        /// Where.
        place: Place,
    },
    /// Give a text to a program of the person's; the terminal is its own meanwhile.
    Edit {
        /// Which program, and the text.
        tool: Tool,
        /// The file's name.
        name: String,
    },
    /// Begin the upgrade.
    Start(Box<Request>, Box<Plan>, Option<Arc<Source>>, OnConflict),
    /// Settle what was put off.
    Resolve(Box<Plan>),
    /// Take the session up; true where the person has said yes to its source.
    Resume(Box<Session>, bool),
    /// Put the install back.
    RollBack(Box<Session>),
    /// Forget the session.
    Discard(Box<Session>),
    /// Tell the engine.
    Send(Command),
    /// To the terminal's clipboard.
    Copy(String),
    /// To the shell, until `fg`.
    Suspend,
    /// The end of the wizard.
    Quit {
        /// The process's exit code.
        exit_code: Exit,
        /// What stands on the normal screen afterwards.
        lines: Vec<String>,
    },
}

//! What keys can do, and where they are listened to.

/// Which keys are listened to: a screen, a pane that covers it, or a question over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The inspection runs.
    Checking,
    /// The options, and what stops the upgrade.
    Setup,
    /// The source's path is being typed, or chosen.
    Source,
    /// The plan.
    Preview,
    /// The plan's filter is being typed.
    Filter,
    /// The diff of a file of the plan.
    Diff,
    /// The source's commits since the installed release.
    News,
    /// The phases run.
    Progress,
    /// The log, large.
    Log,
    /// A page of the workflow, beside the progress.
    Page,
    /// Conflicts wait for answers.
    Conflict,
    /// The list of conflicts.
    Files,
    /// What is searched for is being typed.
    Search,
    /// The end.
    Report,
    /// A session was left unfinished.
    Unfinished,
    /// The list of keys.
    Help,
    /// How to leave a running upgrade.
    Leave,
    /// A yes-or-no question.
    Confirm,
    /// A running phase asks something.
    Asked,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is said in its binding
pub enum Action {
    Accept,
    Leave,
    Back,
    Help,
    Suspend,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Top,
    Bottom,
    NextTab,
    PreviousTab,
    Diff,
    Copy,
    Filter,
    News,
    Deepen,
    Log,
    LogLevel,
    Page,
    Again,
    RollBack,
    Discard,
    Yes,
    Pause,
    GoOn,
    LeaveAlone,
    StopIt,
    Keep,
    Take,
    Merge,
    KeepFolder,
    TakeFolder,
    Mine,
    Theirs,
    Both,
    Combined,
    Base,
    NextOpen,
    PreviousOpen,
    NextChange,
    PreviousChange,
    Undo,
    Redo,
    SideBySide,
    Edit,
    EditFile,
    MergeTool,
    Park,
    Rule,
    Files,
    BasePane,
    Whitespace,
    Wrap,
    Less,
    More,
    NextHit,
    PreviousHit,
    Finish,
    Erase,
    EraseNext,
    ErasePart,
    EraseAll,
    Setup,
    Toggle,
    Save,
    AskAgain,
}

/// Every mode.
pub(crate) const ALL_MODES: [Mode; 19] = [
    Mode::Checking,
    Mode::Setup,
    Mode::Source,
    Mode::Preview,
    Mode::Filter,
    Mode::Diff,
    Mode::News,
    Mode::Progress,
    Mode::Log,
    Mode::Page,
    Mode::Conflict,
    Mode::Files,
    Mode::Search,
    Mode::Report,
    Mode::Unfinished,
    Mode::Help,
    Mode::Leave,
    Mode::Confirm,
    Mode::Asked,
];

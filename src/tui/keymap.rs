//! The one table of keys: it drives dispatch, the footer and the help.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::core::question::Way;

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

/// A key with or without Ctrl.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Ctrl is held.
    pub ctrl: bool,
}

const fn key(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), ctrl: false }
}

const fn ctrl(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), ctrl: true }
}

const fn named(code: KeyCode) -> Chord {
    Chord { code, ctrl: false }
}

impl Chord {
    /// How it is written in the footer and the help.
    pub fn label(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Enter => "Enter".to_owned(),
            KeyCode::Esc => "Esc".to_owned(),
            KeyCode::Tab => "Tab".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::Backspace => "Backspace".to_owned(),
            KeyCode::Delete => "Delete".to_owned(),
            KeyCode::F(n) => format!("F{n}"),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::Home => "Home".to_owned(),
            KeyCode::End => "End".to_owned(),
            other => format!("{other:?}"),
        };
        if self.ctrl { format!("Ctrl-{name}") } else { name }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Any of these does it.
    pub keys: &'static [Chord],
    /// Where.
    pub modes: &'static [Mode],
    /// What.
    pub action: Action,
    /// A word or two for the footer; empty if it isn't shown there.
    pub(crate) hint: &'static str,
    /// A sentence for the help.
    pub help: &'static str,
    /// Its place in the footer: the lowest comes first and is the last to be dropped.
    pub(crate) priority: u8,
}

impl Binding {
    /// All of its keys, as they are written.
    pub fn labels(&self) -> String {
        self.keys.iter().map(|k| k.label()).collect::<Vec<_>>().join(" ")
    }
}

const fn bind(
    keys: &'static [Chord],
    modes: &'static [Mode],
    action: Action,
    hint: &'static str,
    help: &'static str,
    priority: u8,
) -> Binding {
    Binding { keys, modes, action, hint, help, priority }
}

use Action as A;
use Mode as M;

const LISTS: &[Mode] = &[
    M::Setup,
    M::Preview,
    M::Diff,
    M::News,
    M::Progress,
    M::Log,
    M::Page,
    M::Conflict,
    M::Files,
    M::Report,
    M::Unfinished,
    M::Help,
];
const TEXTS: &[Mode] = &[M::Source, M::Filter, M::Search];

/// The table. One key has one meaning on all screens; a screen without use for it ignores it.
pub(crate) const BINDINGS: &[Binding] = &[
    bind(&[named(KeyCode::Enter)], &[M::Preview], A::Accept, "start", "start the upgrade as planned", 1),
    bind(
        &[named(KeyCode::Enter)],
        &[M::Conflict],
        A::Accept,
        "next",
        "settled: accept this file and go on; not settled: go to the next open hunk. Never decides anything",
        2,
    ),
    bind(
        &[named(KeyCode::Enter)],
        &[M::Source],
        A::Accept,
        "go on",
        "check this source and show the plan; at an offered folder: take it",
        1,
    ),
    bind(
        &[named(KeyCode::Tab)],
        &[M::Source],
        A::NextTab,
        "complete",
        "complete the path; at an offered folder: take it",
        2,
    ),
    bind(&[named(KeyCode::Up)], &[M::Source], A::Up, "", "up, to the path", 0),
    bind(&[named(KeyCode::Down)], &[M::Source], A::Down, "options", "down, to the folders offered and the options", 4),
    bind(&[named(KeyCode::Enter)], &[M::Filter], A::Accept, "done", "keep the filter", 1),
    bind(&[named(KeyCode::Enter)], &[M::Report], A::Accept, "leave", "leave the report", 1),
    bind(&[named(KeyCode::Enter)], &[M::Setup], A::Accept, "go on", "check the source and show the plan", 1),
    bind(&[key(' ')], &[M::Setup], A::Toggle, "change", "change the option", 2),
    bind(&[named(KeyCode::Right)], &[M::Setup], A::Right, "", "the option's next value", 0),
    bind(&[named(KeyCode::Left)], &[M::Setup], A::Left, "", "the option's value before", 0),
    bind(&[key('k')], &[M::Conflict], A::Keep, "keep", "keep mine, the whole file", 3),
    bind(&[key('t')], &[M::Conflict], A::Take, "take", "take theirs, the whole file", 4),
    bind(&[key('m')], &[M::Conflict], A::Merge, "merge", "combine both; what overlaps stays open", 5),
    bind(&[key('1')], &[M::Conflict], A::Mine, "", "this hunk: my lines", 6),
    bind(&[key('2')], &[M::Conflict], A::Theirs, "", "this hunk: their lines", 6),
    bind(&[key('3')], &[M::Conflict], A::Both, "", "this hunk: mine, then theirs", 7),
    bind(&[key('0')], &[M::Conflict], A::Base, "", "this hunk: as it was before either changed it", 7),
    bind(
        &[key('e')],
        &[M::Conflict],
        A::Edit,
        "",
        "this hunk: write it yourself, in the program that $VISUAL or $EDITOR names; in vi if neither is set",
        7,
    ),
    bind(&[key('E')], &[M::Conflict], A::EditFile, "", "the whole file, in $VISUAL or $EDITOR", 0),
    bind(&[key('x')], &[M::Conflict], A::MergeTool, "", "the whole file, in the merge tool that git is set up with", 0),
    bind(
        &[key('.')],
        &[M::Conflict],
        A::Park,
        "park",
        "put this file off: mine stays, theirs is kept; `resolve` settles it on a later day",
        9,
    ),
    bind(
        &[key('i')],
        &[M::Conflict],
        A::Rule,
        "",
        "make keep or take a standing rule for such files, after showing what it covers",
        0,
    ),
    bind(&[key('u')], &[M::Conflict], A::Undo, "undo", "undo the last choice", 7),
    bind(&[ctrl('r')], &[M::Conflict], A::Redo, "redo", "redo what was undone", 12),
    bind(&[key('n')], &[M::Conflict], A::NextOpen, "", "next open hunk", 10),
    bind(&[key('p')], &[M::Conflict], A::PreviousOpen, "", "previous open hunk", 0),
    bind(&[key(']')], &[M::Conflict, M::Diff], A::NextChange, "next change", "next change", 12),
    bind(&[key('[')], &[M::Conflict, M::Diff], A::PreviousChange, "", "previous change", 0),
    bind(&[key('K')], &[M::Conflict], A::KeepFolder, "", "keep mine in this whole folder, after showing the count", 0),
    bind(
        &[key('T')],
        &[M::Conflict],
        A::TakeFolder,
        "",
        "take theirs in this whole folder, after showing the count",
        0,
    ),
    bind(&[key('F')], &[M::Conflict], A::Finish, "finish", "finish and apply, when nothing is open", 1),
    bind(&[named(KeyCode::Tab)], &[M::Conflict], A::NextTab, "file", "next file", 8),
    bind(&[named(KeyCode::BackTab)], &[M::Conflict], A::PreviousTab, "", "previous file", 0),
    bind(&[key('f')], &[M::Conflict, M::Files], A::Files, "files", "the list of files and what is decided", 9),
    bind(&[named(KeyCode::Enter)], &[M::Files], A::Accept, "go there", "go to this file", 1),
    bind(&[named(KeyCode::Tab)], &[M::Confirm], A::NextTab, "", "a wider or narrower rule, where one is asked for", 2),
    bind(&[named(KeyCode::Tab)], &[M::Preview], A::NextTab, "kind", "next kind of file", 5),
    bind(&[named(KeyCode::BackTab)], &[M::Preview], A::PreviousTab, "", "previous kind of file", 0),
    bind(&[key('d')], &[M::Preview], A::Diff, "diff", "show what changes in the selected file", 2),
    bind(&[key('d')], &[M::Diff, M::Conflict], A::Diff, "compare", "compare the next pair of versions", 8),
    bind(&[key('s')], &[M::Conflict], A::SideBySide, "side by side", "side by side or one below the other", 11),
    bind(&[key('b')], &[M::Conflict], A::BasePane, "", "show or hide the base of each hunk", 0),
    bind(&[key('w')], &[M::Conflict], A::Whitespace, "", "white space: all of it, not its amount, none of it", 0),
    bind(&[key('W')], &[M::Conflict, M::Diff], A::Wrap, "", "wrap long lines, or cut them off", 0),
    bind(&[key('-')], &[M::Conflict], A::Less, "", "show less around each change", 0),
    bind(&[key('+')], &[M::Conflict], A::More, "", "show more around each change, up to the whole file", 0),
    bind(&[key('/')], &[M::Conflict], A::Filter, "", "search; all lines are shown meanwhile", 0),
    bind(&[key('/')], &[M::Diff], A::Filter, "search", "search in the diff", 9),
    bind(&[ctrl('n')], &[M::Conflict, M::Diff], A::NextHit, "", "next hit", 0),
    bind(&[ctrl('p')], &[M::Conflict, M::Diff], A::PreviousHit, "", "previous hit", 0),
    bind(&[named(KeyCode::Enter)], &[M::Search], A::Accept, "first hit", "go to the first hit", 1),
    bind(&[key('/')], &[M::Preview], A::Filter, "filter", "show only paths that contain a text", 3),
    bind(&[key(' ')], &[M::Preview], A::Toggle, "open", "open or close a folder that moves", 7),
    bind(
        &[key('>')],
        &[M::Preview],
        A::Save,
        "plan to file",
        "write this plan to a file; the install stays as it is",
        9,
    ),
    bind(&[key('o')], &[M::Preview], A::Setup, "options", "another source, and the options", 6),
    bind(&[key('N')], &[M::Preview], A::News, "what's new", "the source's commits since the installed release", 4),
    bind(
        &[key('a')],
        &[M::Preview],
        A::AskAgain,
        "ask again",
        "ask the conflicts that were answered before, or take those answers after all",
        1,
    ),
    bind(
        &[key('h')],
        &[M::Preview],
        A::Deepen,
        "fetch history",
        "fetch the history that the shallow clone lacks, plan again",
        2,
    ),
    bind(
        &[key('C')],
        &[M::Preview, M::Diff, M::Conflict, M::Report, M::Unfinished],
        A::Copy,
        "",
        "copy the path that is shown to the terminal's clipboard",
        0,
    ),
    bind(&[key('L')], &[M::Progress, M::Log, M::Page], A::Log, "log", "the log, large or small", 3),
    bind(
        &[key('P')],
        &[M::Progress, M::Log, M::Page],
        A::Page,
        "about",
        "what this phase checks, changes and may ask, how it fails, and what to do then",
        4,
    ),
    bind(
        &[key('v')],
        &[M::Progress, M::Log],
        A::LogLevel,
        "warnings",
        "the log's warnings, then its errors, then all of it",
        5,
    ),
    bind(&[key('/')], &[M::Log], A::Filter, "filter", "only lines of the log that contain a text", 4),
    bind(&[named(KeyCode::Tab)], &[M::Page], A::NextTab, "next page", "the workflow's next page", 5),
    bind(&[named(KeyCode::BackTab)], &[M::Page], A::PreviousTab, "", "the workflow's previous page", 0),
    bind(&[named(KeyCode::Enter)], &[M::Unfinished], A::Accept, "resume", "go on where it stopped; never back", 1),
    bind(&[key('r')], &[M::Unfinished], A::Again, "resume", "go on where it stopped", 1),
    bind(&[key('r')], &[M::Setup], A::Again, "check again", "check again", 3),
    bind(
        &[key('R')],
        &[M::Unfinished, M::Report, M::Leave],
        A::RollBack,
        "roll back",
        "put the install back as it was",
        2,
    ),
    bind(&[key('D')], &[M::Unfinished], A::Discard, "discard", "forget the session; nothing was changed", 3),
    bind(&[key('r')], &[M::Asked], A::Again, "retry", "try again what failed", 1),
    bind(&[key('c')], &[M::Asked], A::GoOn, "go on", "go on without it", 2),
    bind(&[key('l')], &[M::Asked], A::LeaveAlone, "leave alone", "leave alone what is in use", 2),
    bind(&[key('S')], &[M::Asked], A::StopIt, "stop it", "end what is in use, and go on", 3),
    bind(&[key('R')], &[M::Asked], A::RollBack, "roll back", "put the install back as it was", 4),
    bind(&[key('y')], &[M::Asked], A::Yes, "allow", "allow what is shown", 1),
    bind(&[key('q'), ctrl('c')], &[M::Asked], A::Leave, "leave", "leave: asks whether to pause or to roll back", 5),
    bind(&[key('p')], &[M::Leave], A::Pause, "pause and leave", "finish this step, save and leave", 1),
    bind(&[ctrl('c')], &[M::Leave], A::Pause, "", "finish this step, save and leave", 0),
    bind(&[key('y')], &[M::Confirm], A::Yes, "yes", "yes", 1),
    bind(&[named(KeyCode::Up)], LISTS, A::Up, "", "up", 0),
    bind(&[named(KeyCode::Down)], LISTS, A::Down, "", "down", 0),
    bind(&[named(KeyCode::Left)], &[M::Preview], A::Left, "", "previous kind of file", 0),
    bind(&[named(KeyCode::Right)], &[M::Preview], A::Right, "", "next kind of file", 0),
    bind(&[named(KeyCode::Left)], &[M::Diff, M::Conflict, M::Log], A::Left, "", "scroll left", 0),
    bind(&[named(KeyCode::Right)], &[M::Diff, M::Conflict, M::Log], A::Right, "", "scroll right", 0),
    bind(&[named(KeyCode::PageUp)], LISTS, A::PageUp, "", "a page up", 0),
    bind(&[named(KeyCode::PageDown)], LISTS, A::PageDown, "", "a page down", 0),
    bind(&[key('g'), named(KeyCode::Home)], LISTS, A::Top, "", "to the top", 0),
    bind(&[key('G'), named(KeyCode::End)], LISTS, A::Bottom, "", "to the end", 0),
    bind(&[named(KeyCode::Backspace)], TEXTS, A::Erase, "", "erase a character", 0),
    bind(&[ctrl('u')], TEXTS, A::EraseAll, "clear", "erase all", 5),
    bind(&[ctrl('w')], &[M::Source], A::ErasePart, "", "erase back to the last /", 0),
    bind(&[named(KeyCode::Delete)], &[M::Source], A::EraseNext, "", "erase the character under the cursor", 0),
    bind(&[named(KeyCode::Left)], &[M::Source], A::Left, "", "a character to the left", 0),
    bind(&[named(KeyCode::Right)], &[M::Source], A::Right, "", "a character to the right", 0),
    bind(&[named(KeyCode::Home)], &[M::Source], A::Top, "", "to the start of the path", 0),
    bind(&[named(KeyCode::End)], &[M::Source], A::Bottom, "", "to the end of the path", 0),
    bind(&[named(KeyCode::F(1))], &[M::Source], A::Help, "help", "this list", 250),
    bind(
        &[named(KeyCode::Esc)],
        &[
            M::Setup,
            M::Source,
            M::Filter,
            M::Search,
            M::Files,
            M::Diff,
            M::News,
            M::Log,
            M::Page,
            M::Help,
            M::Leave,
            M::Confirm,
        ],
        A::Back,
        "back",
        "back",
        2,
    ),
    bind(&[named(KeyCode::Esc)], &[M::Preview], A::Back, "", "drop the filter", 0),
    bind(&[named(KeyCode::Esc)], &[M::Conflict], A::Back, "", "end the search", 0),
    bind(
        &[key('q'), ctrl('c')],
        &[M::Progress, M::Log, M::Page],
        A::Leave,
        "leave",
        "leave: asks whether to pause or to roll back",
        1,
    ),
    bind(&[key('q'), ctrl('c')], &[M::Conflict], A::Leave, "leave", "save the answers given and leave", 6),
    bind(
        &[key('q'), ctrl('c')],
        &[M::Checking, M::Setup, M::Preview, M::Unfinished],
        A::Leave,
        "leave",
        "leave, nothing is changed",
        8,
    ),
    bind(&[key('q'), ctrl('c')], &[M::Report], A::Leave, "", "leave the report", 0),
    bind(&[key('q'), ctrl('c')], &[M::Diff, M::News, M::Files, M::Help], A::Leave, "", "close this", 0),
    bind(&[ctrl('c')], &[M::Filter, M::Search, M::Confirm], A::Leave, "", "back", 0),
    bind(&[ctrl('c')], &[M::Source], A::Leave, "leave", "leave, nothing is changed", 3),
    bind(&[ctrl('z')], &ALL_MODES, A::Suspend, "", "to the shell; `fg` comes back", 0),
    bind(
        &[key('?')],
        &[
            M::Checking,
            M::Setup,
            M::Preview,
            M::Diff,
            M::News,
            M::Progress,
            M::Log,
            M::Page,
            M::Conflict,
            M::Report,
            M::Unfinished,
            M::Asked,
        ],
        A::Help,
        "help",
        "this list",
        250,
    ),
];

/// Every mode.
pub(crate) const ALL_MODES: [Mode; 19] = [
    M::Checking,
    M::Setup,
    M::Source,
    M::Preview,
    M::Filter,
    M::Diff,
    M::News,
    M::Progress,
    M::Log,
    M::Page,
    M::Conflict,
    M::Files,
    M::Search,
    M::Report,
    M::Unfinished,
    M::Help,
    M::Leave,
    M::Confirm,
    M::Asked,
];

/// What a key does in a mode.
pub(crate) fn lookup(mode: Mode, event: &KeyEvent) -> Option<Action> {
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let chord = Chord { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) };
    in_mode(mode).find(|b| b.keys.contains(&chord)).map(|b| b.action)
}

/// The answer to a phase's question that an action stands for.
pub fn way(action: Action) -> Option<Way> {
    WAYS.iter().find(|(_, a)| *a == action).map(|(way, _)| *way)
}

/// The key that answers so.
pub(crate) fn key_of(way: Way) -> Option<Chord> {
    let (_, action) = WAYS.iter().find(|(w, _)| *w == way)?;
    in_mode(Mode::Asked).find(|b| b.action == *action)?.keys.first().copied()
}

const WAYS: [(Way, Action); 6] = [
    (Way::Retry, Action::Again),
    (Way::GoOn, Action::GoOn),
    (Way::Leave, Action::LeaveAlone),
    (Way::Stop, Action::StopIt),
    (Way::RollBack, Action::RollBack),
    (Way::Allow, Action::Yes),
];

/// The rows of a mode, in the table's order.
pub fn in_mode(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |b| b.modes.contains(&mode))
}

/// The character a key types, if it types one.
pub fn typed(event: &KeyEvent) -> Option<char> {
    let held = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SUPER;
    match event.code {
        KeyCode::Char(c) if !event.modifiers.intersects(held) && !c.is_control() => Some(c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn no_key_is_bound_twice_in_a_mode() {
        for mode in ALL_MODES {
            let mut seen = HashMap::new();
            for binding in in_mode(mode) {
                for chord in binding.keys {
                    assert_eq!(seen.insert(*chord, binding.action), None, "{} in {mode:?}", chord.label());
                }
            }
        }
    }

    #[test]
    fn one_key_has_one_meaning() {
        let mut meaning = HashMap::new();
        for binding in BINDINGS.iter().filter(|b| b.action != Action::Pause) {
            for chord in binding.keys {
                let action = *meaning.entry(*chord).or_insert(binding.action);
                assert_eq!(action, binding.action, "{}", chord.label());
            }
        }
    }

    #[test]
    fn every_key_is_explained_and_every_mode_can_be_left() {
        assert!(BINDINGS.iter().all(|b| !b.help.is_empty() && !b.keys.is_empty()));
        for mode in ALL_MODES {
            let out = [Action::Leave, Action::Back, Action::Pause];
            assert!(in_mode(mode).any(|b| out.contains(&b.action)), "{mode:?}");
        }
    }
}

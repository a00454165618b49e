//! The errors that a person can meet: one code for each, that a page explains and a program can tell apart.
//!
//! A number is never used again for something else. The hundreds are areas: 1 the install, 2 the source, 3 the plan,
//! 4 sessions and phases, 5 backups and rollback, 6 the server, 7 Python and packages, 8 what was typed and settings,
//! 9 the machine.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::exit::Exit;

macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal;)*) => {
        /// What went wrong, as a number that stays.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name = $number,)*
        }

        /// Every code with its title, by number.
        pub(crate) const ALL: &[(Code, &str)] = &[$((Code::$name, $title),)*];
    };
}

codes! {
    NoInstall = 101, "There is no install here";
    UnknownInstall = 102, "The install is of no kind that is known";
    InstallReadOnly = 103, "The install can't be written";
    NotToBeCopied = 104, "The install holds something that can't be backed up";
    HeldFromChange = 105, "The system keeps a file or folder of the install from change";
    NameNotPossible = 106, "A name or a path of the release can't be held here";
    MergeMarks = 107, "git left both sides of a merge in a file";
    BadBaseline = 108, "The install's baseline can't be used";
    TwoBaselines = 109, "A git merge left two baselines";
    OddPlace = 110, "Something else stands where a file or folder of ours must be";
    ReleaseNotKnown = 111, "The release that the install came from is not known";
    FoldersInTheWay = 112, "Two folders are in each other's way";
    Uninstalled = 113, "The install was taken out";

    NoSource = 201, "No source is named";
    NotASource = 202, "The source is not a clone of praxis-os";
    NoSuchCommit = 203, "The source has no such commit";
    SourceNotYours = 204, "The source belongs to somebody else";
    GitFailed = 205, "git failed";
    SourceDamaged = 206, "The source is damaged, or lacks what is needed";
    SourceUnclean = 207, "The source has changes that are not committed";
    LfsPointers = 208, "The source holds pointers instead of files";
    UnrelatedSource = 209, "The source does not know the installed release";
    Downgrade = 210, "The source is older than the install";
    AddressRefused = 211, "Nothing is fetched from this address";
    FetchFailed = 212, "The source can't be fetched";
    SourceNotNamedByYou = 213, "Only the project's own files name this source";
    OtherSource = 214, "The session upgrades from another source";

    Conflicts = 301, "Conflicts need a person";
    BadPlan = 302, "The saved plan can't be used";
    PlanOutdated = 303, "Something changed since the plan was made";
    ManyRemovals = 304, "The plan removes many files";
    OnlyAcrossGenerations = 305, "Only a part can't be upgraded across generations";

    PreflightFailed = 401, "Phase 0 failed: the checks before the upgrade";
    BackupFailed = 402, "Phase 1 failed: the backup";
    ContentFailed = 403, "Phase 2 failed: the content";
    CleanupFailed = 404, "Phase 5 failed: cleaning up";
    OtherUpgrade = 405, "Another upgrade is at work";
    Unfinished = 406, "An unfinished session is in the way";
    SessionDamaged = 407, "The files of a session are damaged or can't be read";
    NoSuchSession = 408, "There is no such session";
    NothingToGoOnWith = 409, "There is nothing to go on with";
    ForeignLock = 410, "Another program is at work in the install";
    SaidNo = 411, "It was not wanted";
    Lost = 412, "Something of yours is missing";

    RollbackIncomplete = 501, "The install is not whole";
    LaterUpgrade = 502, "A later upgrade has to be rolled back first";
    WouldMix = 503, "Going back would mix two releases";
    BadBackup = 504, "The backup can't be used";
    NoSuchBackup = 505, "There is no such backup";
    NotInBackup = 506, "That can't be restored from the backup";
    NotPruned = 507, "Backups could not be removed";

    ServerFailed = 601, "Phase 3 failed: the server and its dependencies";
    ValidationFailed = 602, "Phase 4 failed: the validation";
    DoesNotWorkHere = 603, "The new release does not work here";
    NotTried = 604, "The new release can't be tried here";
    ServerNotStarted = 605, "The server did not start, or ended";
    RunsFromFolder = 606, "Something runs from the folder that gets another name";
    TestFailed = 607, "The test command failed";

    PythonTooOld = 701, "The install's Python can't run the release";
    NoPython = 702, "No Python that could be used";
    BrokenEnvironment = 703, "The install's environment is broken";
    PackagesFailed = 704, "Packages could not be installed";
    StepFailed = 705, "A step after installation failed";

    Usage = 801, "That can't be meant";
    NeedsTerminal = 802, "There is nobody to ask";
    NoSuchName = 803, "Nothing has that name";
    BadSettings = 804, "The settings can't be used";
    BadAnswers = 805, "The answers can't be used";
    NotWritten = 806, "A file of the project could not be written";
    NotNow = 807, "That is not possible at this moment";
    PersonOnly = 808, "Only a person may do that";

    DiskFull = 901, "There is not enough room";
    NotPermitted = 902, "The system does not permit it";
    Files = 903, "A file or folder can't be read or written";
    NoGit = 904, "git is missing";
    NoHome = 905, "There is no home folder";
    SomebodyElses = 906, "The install belongs to somebody else";
    OutputFailed = 907, "The output can't be written";
    NoDemo = 908, "The demo can't be built";
    Bug = 999, "A bug in this program";
}

impl Code {
    /// Its title.
    pub(crate) fn title(self) -> &'static str {
        ALL.iter().find(|(code, _)| *code == self).map_or("", |(_, title)| title)
    }

    /// The code that a person names: with or without `POS-E`, in any case.
    pub(crate) fn find(text: &str) -> Option<Self> {
        let text = text.to_uppercase();
        let digits = text.strip_prefix("POS-E").or_else(|| text.strip_prefix('E')).unwrap_or(&text);
        let number: u16 = digits.parse().ok().filter(|_| digits.len() == 4)?;
        ALL.iter().map(|(code, _)| *code).find(|code| *code as u16 == number)
    }

    /// The code of an end that nothing more exact is known of; none where all is well or only put off.
    pub(crate) fn of_exit(exit: Exit) -> Option<Self> {
        match exit {
            Exit::Done | Exit::Pending | Exit::Interrupted => None,
            Exit::Bug => Some(Code::Bug),
            Exit::Usage => Some(Code::Usage),
            Exit::Conflicts => Some(Code::Conflicts),
            Exit::Refused => Some(Code::PreflightFailed),
            Exit::RolledBack | Exit::Incomplete => Some(Code::RollbackIncomplete),
            Exit::Locked => Some(Code::OtherUpgrade),
        }
    }
}

/// As a person types it.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "POS-E{:04}", *self as u16)
    }
}

/// As a person types it.
impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text such as `POS-E0101`.
impl JsonSchema for Code {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Code".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^POS-E[0-9]{4}$"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::manual;
    use crate::tui::tests::generated;

    #[test]
    fn codes_rise_and_are_found() {
        assert!(ALL.windows(2).all(|two| two[0].0 < two[1].0));
        for (code, title) in ALL {
            assert_eq!(Code::find(&code.to_string().to_lowercase()), Some(*code));
            assert_eq!(code.title(), *title);
        }
        assert_eq!(Code::NoInstall.to_string(), "POS-E0101");
        for none in ["", "POS-E", "101", "POS-E0100", "keys"] {
            assert_eq!(Code::find(none), None, "{none}");
        }
    }

    /// Each code has a page with its title, and no page is of a code that there is not.
    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        for (code, title) in ALL {
            let page = manual::error_page(&code.to_string()).unwrap_or_else(|| panic!("{code} has no page"));
            assert!(page.starts_with(&format!("## {code}: {title}\n")), "{page}");
            assert!(page.contains("What to do: ") && page.lines().count() > 3, "{code} says too little");
        }
        let pages: Vec<String> = manual::error_titles().into_iter().map(|title| title[..9].to_owned()).collect();
        let codes: Vec<String> = ALL.iter().map(|(code, _)| code.to_string()).collect();
        assert_eq!(pages, codes);
    }

    #[test]
    fn manual_lists_every_error() {
        let anchor = |code: &Code, title: &str| {
            let title: String =
                title.to_lowercase().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-')).collect();
            format!("{}-{}", code.to_string().to_lowercase(), title.replace(' ', "-"))
        };
        let row = |(code, title): &(Code, &str)| {
            let file = manual::error_file(&code.to_string());
            format!("| [{code}](errors/{file}#{}) | {title} |\n", anchor(code, title))
        };
        let rows: String = ALL.iter().map(row).collect();
        generated::holds("errors", "errors", &format!("| code | what happened |\n|---|---|\n{rows}"));
    }
}

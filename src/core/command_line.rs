//! Commands of this program as a person types them: the words, the order and the quoting stand here and nowhere else.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

use super::os_text::quoted;

/// The program's name, as it is typed.
const PROGRAM: &str = "pos-upgrade-tui";

/// A command that an advice names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// How the install stands.
    Status,
    /// Where everything of the user's is.
    Account,
    /// Go on with the unfinished session.
    Resume,
    /// The same, by naming the source that it upgrades from.
    ResumeFrom(&'a Path),
    /// Back to what was before the unfinished or last session.
    Rollback,
    /// Back to what was before this session, by its id.
    RollbackOf(&'a str),
    /// The same, moving what stands in the way.
    SetAside,
    /// Settle the conflicts that were put off.
    Resolve,
    /// One baseline of two, from this source; `DIR` where it is not known.
    Reconcile(Option<&'a Path>),
    /// A baseline for an install that has none, from this source; `DIR` where it is not known.
    Adopt(Option<&'a Path>),
    /// Take out what releases put there.
    Uninstall,
    /// Bring one file back from a backup, by its name.
    Restore(&'a str),
    /// The same for this file.
    RestoreFile(&'a OsStr, &'a str),
    /// Read the backups back.
    VerifyBackups,
    /// Every line that an upgrade from this source would change.
    PlanDiff(&'a Path),
}

impl Next<'_> {
    /// The command for a project, as a shell reads it.
    pub(crate) fn of(self, project: &Path) -> String {
        let mut line = PROGRAM.to_owned();
        let mut word = |word: &OsStr| {
            let _ = write!(line, " {}", quoted(word));
        };
        let mut words = |all: &[&str]| all.iter().for_each(|one| word(OsStr::new(one)));
        match self {
            Next::Status => words(&["status"]),
            Next::Account => words(&["account"]),
            Next::Resume => words(&["resume"]),
            Next::ResumeFrom(source) => {
                words(&["resume", "--source"]);
                word(source.as_os_str());
            }
            Next::Rollback => words(&["rollback"]),
            Next::RollbackOf(session) => words(&["rollback", session]),
            Next::SetAside => words(&["rollback", "--set-aside"]),
            Next::Resolve => words(&["resolve"]),
            Next::Reconcile(source) => {
                words(&["reconcile", "--source"]);
                word(source.map_or(OsStr::new("DIR"), Path::as_os_str));
            }
            Next::Uninstall => words(&["uninstall"]),
            Next::Adopt(source) => {
                words(&["adopt", "--source"]);
                word(source.map_or(OsStr::new("DIR"), Path::as_os_str));
            }
            Next::Restore(backup) => words(&["restore", "PATH", "--from", backup]),
            Next::RestoreFile(path, backup) => {
                word(OsStr::new("restore"));
                word(path);
                word(OsStr::new("--from"));
                word(OsStr::new(backup));
            }
            Next::VerifyBackups => words(&["backups", "verify"]),
            Next::PlanDiff(source) => {
                words(&["plan", "--diff", "--source"]);
                word(source.as_os_str());
            }
        }
        word(OsStr::new("--project"));
        word(project.as_os_str());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_them() {
        let project = Path::new("/my project");
        assert_eq!(Next::Resume.of(Path::new("/p")), "pos-upgrade-tui resume --project /p");
        assert_eq!(
            Next::ResumeFrom(Path::new("/it's")).of(project),
            format!("pos-upgrade-tui resume --source {} --project '/my project'", quoted("/it's"))
        );
        assert_eq!(Next::SetAside.of(Path::new("/p")), "pos-upgrade-tui rollback --set-aside --project /p");
        assert_eq!(
            Next::RestoreFile(OsStr::new("a b"), "1").of(Path::new("/p")),
            "pos-upgrade-tui restore 'a b' --from 1 --project /p"
        );
        assert_eq!(Next::Reconcile(None).of(Path::new("/p")), "pos-upgrade-tui reconcile --source DIR --project /p");
    }
}

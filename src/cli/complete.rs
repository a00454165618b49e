//! What a shell is answered when somebody presses Tab: subcommands and options, and what only this machine knows, such as
//! the sessions and backups of the install.
//!
//! The script of `completions` starts this program with the words that are typed. It reads, never writes, starts nothing,
//! and says nothing where something is wrong: then the shell completes as if the program had none to offer.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, PathCompleter, ValueCompleter as _};
use clap_complete::env::Shells;

use crate::cli::args::Cli;
use crate::cli::print;
use crate::cli::schema;
use crate::core::exit::Exit;
use crate::core::layout::layouts;
use crate::core::manual;
use crate::core::path::RelPath;
use crate::core::session::{Session, moment};
use crate::core::settings::KEYS;
use crate::core::visible;
use crate::core::workflow;
use crate::engine::planning::settings;
use crate::host::backup::copy::{self, Backup, Entry};
use crate::host::backup::retention;
use crate::host::git::address;
use crate::host::install;
use crate::host::session::catalog;
use crate::host::user::recent_sources;

/// The variable that names the shell that asks.
pub(crate) const ASKED: &str = "POS_UPGRADE_TUI_COMPLETE";
/// As people type the program.
pub(crate) const NAME: &str = "pos-upgrade-tui";

/// What can be offered for an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    File,
    Folder,
    /// A clone: one that was used lately, or a folder.
    Source,
    /// A session's id.
    Session,
    /// The id of a session that goes on.
    Unfinished,
    /// A backup's name.
    Backup,
    /// Either of both.
    SessionOrBackup,
    /// A path in the newest backup, or in the one that `--from` names.
    InBackup,
    /// A path in the project.
    InProject,
    Key,
    /// A page of the manual.
    Topic,
    /// One of the workflow's.
    Page,
    Schema,
    Generation,
    /// Only the person knows: a number, a text.
    Nothing,
}

/// What is offered for an argument of a subcommand (that of the wizard is the program itself), by their names; none for
/// what is not known here.
fn offer(command: &str, argument: &str) -> Option<Offer> {
    Some(match (command, argument) {
        (_, "project") | ("demo" | "man", "dir") => Offer::Folder,
        (_, "source") => Offer::Source,
        (_, "python" | "answers" | "plan") => Offer::File,
        ("resume" | "unlock", "session") => Offer::Unfinished,
        ("account", "session") => Offer::Session,
        ("rollback", "session") => Offer::SessionOrBackup,
        ("verify", "backup") => Offer::Backup,
        ("restore", "path") => Offer::InBackup,
        ("restore", "from") => Offer::Backup,
        ("outside", "write") => Offer::InProject,
        ("set" | "unset", "key") => Offer::Key,
        ("help", "words") => Offer::Topic,
        ("workflow", "page") => Offer::Page,
        ("schema", "name") => Offer::Schema,
        ("demo", "from") => Offer::Generation,
        (_, "to" | "keep_backups" | "allow_removals") | ("prune", "keep") | ("set", "value") | ("outside", "undo") => {
            Offer::Nothing
        }
        _ => return None,
    })
}

/// Answers a shell that asks, and gives the exit code; none where no shell asks. Only reads, also as root on somebody
/// else's project.
pub fn complete() -> Option<Exit> {
    let shell = std::env::var_os(ASKED)?;
    let shells = Shells::builtins();
    let shell = shells.completer(shell.to_str()?)?;
    let words: Vec<OsString> = std::env::args_os().skip_while(|word| word != "--").skip(1).collect();
    if words.is_empty() {
        return None;
    }
    let mut command = offering(for_people(&Cli::command()), &Typed::of(&words));
    let mut answer = Vec::new();
    let here = std::env::current_dir().ok();
    let answered = shell.write_complete(&mut command, words, here.as_deref(), &mut answer);
    let said = answered.is_ok() && print::much(|out| out.write_all(&answer)).is_ok();
    Some(if said { Exit::Done } else { Exit::Usage })
}

/// What a person may type: without the subcommands that only tests and upkeep use.
fn for_people(all: &Command) -> Command {
    let subcommands = all.get_subcommands().filter(|c| !c.is_hide_set()).cloned();
    let own = Command::new(NAME).disable_help_subcommand(true);
    own.args(all.get_arguments().cloned()).subcommands(subcommands)
}

/// What the words so far say about where to look.
#[derive(Debug, Clone, Default)]
struct Typed {
    project: Option<PathBuf>,
    from: Option<OsString>,
}

impl Typed {
    fn of(words: &[OsString]) -> Self {
        let value = |option: &str| {
            let at = words.iter().rposition(|word| word == option);
            let behind = at.and_then(|at| words.get(at + 1)).filter(|value| !value.is_empty()).cloned();
            let joined = |word: &OsString| {
                let rest = word.as_bytes().strip_prefix(option.as_bytes())?.strip_prefix(b"=")?;
                Some(OsStr::from_bytes(rest).to_owned())
            };
            behind.or_else(|| words.iter().rev().find_map(joined))
        };
        Self { project: value("--project").map(|named| at_home(&named)), from: value("--from") }
    }

    fn project(&self) -> Option<PathBuf> {
        settings::project(self.project.as_deref()).ok()
    }

    fn install(&self) -> Option<PathBuf> {
        self.project().map(|project| install::folder_of(&project)).filter(|install| install.is_dir())
    }
}

/// A path as a shell would read it: here nobody has.
fn at_home(named: &OsStr) -> PathBuf {
    let rest = named.as_bytes().strip_prefix(b"~/").map(OsStr::from_bytes);
    match (rest, std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(named),
    }
}

/// The command and its subcommands with all that can be offered.
fn offering(command: Command, typed: &Typed) -> Command {
    let name = command.get_name().to_owned();
    let subcommands: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    let command = command.mut_args(|argument| with_offer(&name, argument, typed));
    subcommands.into_iter().fold(command, |all, name| all.mut_subcommand(name, |one| offering(one, typed)))
}

fn with_offer(command: &str, argument: Arg, typed: &Typed) -> Arg {
    let Some(offer) = offer(command, argument.get_id().as_str()) else { return argument };
    let typed = typed.clone();
    match offer {
        Offer::File => argument.add(ArgValueCompleter::new(PathCompleter::any())),
        Offer::Folder => argument.add(ArgValueCompleter::new(PathCompleter::dir())),
        Offer::Source => argument.add(ArgValueCompleter::new(|current: &OsStr| sources(current))),
        Offer::InBackup => argument.add(ArgValueCompleter::new(move |current: &OsStr| in_backup(&typed, current))),
        Offer::InProject => argument.add(ArgValueCompleter::new(move |current: &OsStr| in_project(&typed, current))),
        other => argument.add(ArgValueCandidates::new(move || candidates(other, &typed))),
    }
}

/// What is offered whatever the word begins with: the shell's adapter takes what fits.
fn candidates(offer: Offer, typed: &Typed) -> Vec<CompletionCandidate> {
    let plain = |names: Vec<&str>| names.into_iter().map(CompletionCandidate::new).collect();
    let of_install =
        |list: fn(&Path) -> Vec<CompletionCandidate>| typed.install().map(|i| list(&i)).unwrap_or_default();
    match offer {
        Offer::Session => of_install(|install| sessions(install, false)),
        Offer::Unfinished => of_install(|install| sessions(install, true)),
        Offer::Backup => of_install(backups),
        Offer::SessionOrBackup => {
            of_install(|install| sessions(install, false).into_iter().chain(backups(install)).collect())
        }
        Offer::Key => plain(KEYS.to_vec()),
        Offer::Schema => schema::names().map(|(name, about)| described(name, about)).collect(),
        Offer::Topic => manual::pages().iter().map(|page| described(page.topic, page.title())).collect(),
        Offer::Page => workflow::pages().iter().map(|page| described(page.name, page.title())).collect(),
        Offer::Generation => plain(layouts().generations.iter().map(|one| one.name.as_str()).collect()),
        _ => Vec::new(),
    }
}

fn described(name: &str, about: &str) -> CompletionCandidate {
    CompletionCandidate::new(name).help(Some(visible::line(about).into()))
}

/// Ids, the newest first.
fn sessions(install: &Path, unfinished: bool) -> Vec<CompletionCandidate> {
    let found = catalog::survey(install);
    let fits = found.sessions.iter().rev().filter(|session| !unfinished || session.is_unfinished());
    let about = |when: &str, status: &str| format!("upgrade of {}, {status}", moment(when, None));
    let one = |(at, session): (usize, &Session)| {
        described(&session.session_id, &about(&session.created_at, session.status().words())).display_order(Some(at))
    };
    fits.filter(|session| can_be_typed(session.session_id.as_bytes())).enumerate().map(one).collect()
}

/// Names, the newest first.
fn backups(install: &Path) -> Vec<CompletionCandidate> {
    let all = retention::list(install).unwrap_or_default();
    let whole = all.iter().rev().filter(|one| one.complete && can_be_typed(one.name.as_bytes()));
    let one = |(at, name): (usize, &String)| {
        described(name, if at == 0 { "the newest backup" } else { "a backup" }).display_order(Some(at))
    };
    whole.map(|one| &one.name).enumerate().map(one).collect()
}

/// Clones used lately, and folders.
fn sources(current: &OsStr) -> Vec<CompletionCandidate> {
    let known = recent_sources::folder().map(|folder| recent_sources::sources(&folder)).unwrap_or_default();
    // What an address has in front of its last `@` is a password, perhaps.
    let fits = |path: &PathBuf| {
        let name = path.as_os_str().as_bytes();
        can_be_typed(name)
            && name.starts_with(current.as_bytes())
            && !(address::is_address(path) && name.contains(&b'@'))
    };
    let about = |path: PathBuf| CompletionCandidate::new(path).help(Some("used lately".into()));
    let lately = known.into_iter().filter(fits).map(about);
    lately.chain(PathCompleter::dir().complete(current)).collect()
}

/// Files and links of a backup, folder by folder, as paths are completed.
fn in_backup(typed: &Typed, current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(install) = typed.install() else { return Vec::new() };
    let name = match typed.from.as_ref().and_then(|name| name.to_str()) {
        Some(named) if RelPath::new(named).is_ok_and(|path| path.parts().count() == 1) => Some(named.to_owned()),
        Some(_) => None,
        None => retention::list(&install).unwrap_or_default().into_iter().rev().find(|b| b.complete).map(|b| b.name),
    };
    let opened = name.and_then(|name| Backup::open(&copy::folder_of(&install).join(name)).ok());
    let Some(backup) = opened else { return Vec::new() };
    let files = backup.manifest.entries.iter().filter(|(_, entry)| !matches!(entry, Entry::Folder { .. }));
    let paths: Vec<&[u8]> = files.map(|(path, _)| path.as_bytes()).collect();
    let next = one_level(&paths, current.as_bytes());
    next.iter().map(|path| CompletionCandidate::new(OsStr::from_bytes(path))).collect()
}

/// The paths that begin so, each up to its next slash.
fn one_level<'p>(paths: &[&'p [u8]], current: &[u8]) -> BTreeSet<&'p [u8]> {
    let fits = paths.iter().filter(|path| path.starts_with(current) && can_be_typed(path));
    let up_to_slash = |path: &&'p [u8]| {
        let path: &'p [u8] = path;
        let rest = &path[current.len()..];
        rest.iter().position(|byte| *byte == b'/').map_or(path, |at| &path[..=current.len() + at])
    };
    fits.map(up_to_slash).collect()
}

fn in_project(typed: &Typed, current: &OsStr) -> Vec<CompletionCandidate> {
    typed.project().map(|project| PathCompleter::any().current_dir(project).complete(current)).unwrap_or_default()
}

/// Whether a shell can be given a name in a line of its own.
fn can_be_typed(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|text| !visible::has_unsafe(text) && !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each argument with a value of its own is thought of, so that a new one is, too.
    #[test]
    fn something_is_offered_for_every_argument_or_said_that_nothing_can_be() {
        let mut all = for_people(&Cli::command());
        all.build();
        let mut seen = BTreeSet::new();
        let mut rooms = vec![&all];
        while let Some(command) = rooms.pop() {
            rooms.extend(command.get_subcommands());
            for argument in command.get_arguments() {
                if argument.get_action().takes_values() && argument.get_possible_values().is_empty() {
                    let (command, argument) = (command.get_name(), argument.get_id().as_str());
                    seen.extend(offer(command, argument).map(|offer| format!("{offer:?}")));
                    assert!(offer(command, argument).is_some(), "{command} {argument}");
                }
            }
        }
        assert_eq!(seen.len(), 15, "an offer that nothing has: {seen:?}");
    }

    #[test]
    fn paths_are_offered_folder_by_folder() {
        let paths: [&[u8]; 5] = [b"a/b/c.md", b"a/b/d.md", b"a/e", b"f\n", b"g"];
        let offered = |current: &str| -> Vec<String> {
            one_level(&paths, current.as_bytes())
                .into_iter()
                .map(|p| String::from_utf8(p.to_owned()).unwrap())
                .collect()
        };
        assert_eq!(offered(""), ["a/", "g"]);
        assert_eq!(offered("a"), ["a/"]);
        assert_eq!(offered("a/"), ["a/b/", "a/e"]);
        assert_eq!(offered("a/b/d"), ["a/b/d.md"]);
        assert!(offered("x").is_empty());
    }

    #[test]
    fn what_is_typed_says_where_to_look() {
        let typed = |words: &[&str]| Typed::of(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(typed(&["restore", "--project", "/a", "--from=b", ""]).project, Some("/a".into()));
        assert_eq!(typed(&["restore", "--project", "/a", "--from=b", ""]).from, Some("b".into()));
        assert_eq!(typed(&["--project=/c", "rollback"]).project, Some("/c".into()));
        assert_eq!(typed(&["rollback", "--project", ""]).project, None);
    }
}

//! Root on somebody else's project: the program becomes the owner, or refuses.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};
use rustix::fs::{Access, access};

use crate::cli::args::{Cli, Command, ConfigCommand};
use crate::cli::option_order;
use crate::cli::output;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::visible::Shown as _;
use crate::host::git::address::{is_address, shown};
use crate::host::install;
use crate::host::user::identity;
use crate::host::user::identity::Account;

/// How many paths a refusal names.
const SHOWN: usize = 10;

/// Becomes the owner of the project that the arguments are about, where root runs this and somebody else owns the
/// install: then this does not return, the program starts over in the owner's name. Returns the exit code of a refusal,
/// or none to go on as we are. Only while this process has one thread.
pub fn become_owner() -> Option<Exit> {
    if !identity::is_root() {
        return None;
    }
    // What is wrong with the arguments is told later.
    let mut all = Cli::command();
    all.build();
    let words = option_order::arranged(&all, std::env::args_os().collect()).ok()?;
    let cli = Cli::try_parse_from(words).ok()?;
    let project = project_of(&cli)?;
    let install = install::folder_of(&project);
    let (uid, gid) = identity::owner_of(&install).filter(|(uid, _)| *uid != 0)?;
    let refusal = match identity::account(uid) {
        None => nobody(&install, uid, gid),
        Some(account) => enter(&cli, &project, &install, &account),
    };
    output::refusal(&refusal, cli.common.json);
    Some(refusal.exit_code)
}

/// The project, for commands that are about one.
fn project_of(cli: &Cli) -> Option<PathBuf> {
    match cli.command {
        Some(
            Command::Workflow { .. }
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::CrashPoints
            | Command::Demo(_)
            | Command::Schema { .. }
            | Command::Config {
                command: Some(ConfigCommand::Set { user: true, .. } | ConfigCommand::Unset { user: true, .. }),
            }
            | Command::KnownReleases(_),
        ) => None,
        _ => request::project(&cli.common).ok(),
    }
}

/// This command line again, behind `before`.
fn again(before: &str) -> String {
    let words = std::env::args_os().skip(1).map(|word| quoted(without_password(word))).collect::<Vec<_>>().join(" ");
    format!("{before} pos-upgrade-tui {words}").trim_end().to_owned()
}

/// A word of a command line as it may be printed: an address has no password in it.
fn without_password(word: OsString) -> OsString {
    let Some(text) = word.to_str() else { return word };
    let (option, value) = match text.split_once('=') {
        Some((option, value)) if option.starts_with('-') => (Some(option), value),
        _ => (None, text),
    };
    if !is_address(Path::new(value)) {
        return word;
    }
    option.map_or_else(|| shown(value), |option| format!("{option}={}", shown(value))).into()
}

fn nobody(install: &Path, uid: u32, gid: u32) -> Refusal {
    let what = format!(
        "{}: belongs to user {uid}, who has no account on this machine, and what root writes there that user could not \
         change; nothing was changed",
        install.shown()
    );
    let next = again(&format!("setpriv --reuid {uid} --regid {gid} --clear-groups"));
    Refusal::refused(Code::SomebodyElses, what, format!("run it as that user: {next}"))
}

/// Gives up root's rights and starts over; what is in the way of that.
fn enter(cli: &Cli, project: &Path, install: &Path, account: &Account) -> Refusal {
    let (user, shown) = (quoted(&account.name), install.shown());
    let next = again(&format!("sudo -u {user}"));
    if let Err(e) = account.enter() {
        let what = format!("{shown}: belongs to {user}, and root can't become {user} here ({e}); nothing was changed");
        return Refusal::refused(Code::SomebodyElses, what, format!("run it as {user}: {next}"));
    }
    if let Some(refusal) = in_the_way(cli, project, install, account) {
        return refusal;
    }
    complain!("{shown} belongs to {user}: going on as {user}, not as root");
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let e = account.start_over(arguments.into_iter());
    let what = format!("{shown}: belongs to {user}, and {user} can't start this program ({e}); nothing was changed");
    Refusal::refused(Code::SomebodyElses, what, format!("make it executable for everybody, then: {next}"))
}

/// What the owner may not do, seen with the owner's rights.
fn in_the_way(cli: &Cli, project: &Path, install: &Path, account: &Account) -> Option<Refusal> {
    let (user, shown) = (quoted(&account.name), install.shown());
    let next = again(&format!("sudo -u {user}"));
    let (closed, more) = identity::closed(install, account.uid, SHOWN);
    if !closed.is_empty() {
        let mut what = format!("{shown}: belongs to {user}, who may not write all that is in it:");
        for path in &closed {
            what.push_str(&format!("\n  {}", path.shown()));
        }
        what.push_str(if more { "\n  and more" } else { "" });
        what.push_str("\nnothing was changed");
        let whole = format!("{user}:{}", account.gid);
        let next = format!("give it to {user}: chown -hR {whole} {}, then: {next}", quoted(install));
        return Some(Refusal::refused(Code::SomebodyElses, what, next));
    }
    let needed = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    if access(project, needed).is_err() {
        let what = format!(
            "{}: {user}, whose install this is, may not write in that folder; nothing was changed",
            project.shown()
        );
        return Some(Refusal::refused(Code::SomebodyElses, what, format!("let {user} write there, then: {next}")));
    }
    let source = source_of(cli, project)?;
    if access(&source, Access::READ_OK | Access::EXEC_OK).is_err() {
        let there = quoted(&source);
        let what =
            format!("{}: {user}, whose project this is, may not read this source; nothing was changed", source.shown());
        return Some(Refusal::refused(
            Code::SomebodyElses,
            what,
            format!(
                "name a clone that {user} can read: --source DIR, or make {there} readable for {user}, then: {next}"
            ),
        ));
    }
    None
}

/// The source that the arguments name, or the settings.
fn source_of(cli: &Cli, project: &Path) -> Option<PathBuf> {
    let from = match &cli.command {
        None => &cli.from,
        Some(Command::Plan(arguments)) => &arguments.from,
        Some(Command::Upgrade(arguments)) => &arguments.from,
        Some(_) => return None,
    };
    let named = request::absolute(request::settings(project, from).ok()?.source_path.as_deref());
    // An address is fetched into the owner's own cache.
    named.filter(|source| !is_address(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_has_no_password() {
        let plain = |word: &str| without_password(word.into()).into_string().unwrap_or_default();
        assert_eq!(plain("https://ada:secret@h.invalid/x"), "https://h.invalid/x");
        assert_eq!(plain("--source=https://ada:secret@h.invalid/x"), "--source=https://h.invalid/x");
        assert_eq!(plain("--source=/srv/a@b"), "--source=/srv/a@b");
        assert_eq!(plain("upgrade"), "upgrade");
    }
}

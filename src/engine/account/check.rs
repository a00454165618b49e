//! The account as a check: an upgrade that lost something of the user's does not end well, nor does such a rollback.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::account::{Account, Fate, Item};
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::visible;
use crate::engine::account::take::{self, AccountError, When};
use crate::engine::events::Level;
use crate::engine::rollback::changes;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy::Backup;

/// So many files, and so many lines of one, are named.
const NAMED: usize = 10;

impl From<AccountError> for Stop {
    fn from(error: AccountError) -> Self {
        Stop::failed(error)
    }
}

/// Notes which files of before are gone when a phase begins to change things: somebody else took them away. Not again in a
/// phase that was taken up: then it may have been this one.
///
/// # Errors
/// [`Stop::Failed`], also where the session can't be saved.
pub(crate) fn note_gone(run: &mut Run, phase: Phase) -> Result<(), Stop> {
    if run.session.backup.is_some() {
        let gone = take::gone(&run.session)?;
        run.session.gone.insert(phase.number(), gone);
    }
    run.save()
}

/// Notes what is gone when an upgrade is taken up that had begun to change things, and is none of what it changes: while it
/// stood still somebody took that away. Each is named, because a fault of this program would look the same after a crash.
/// Where it can't be told nothing is noted, and the account tells of it.
pub(crate) fn note_gone_meanwhile(run: &mut Run) {
    if run.session.gone.is_empty() {
        return;
    }
    let (Ok(mut new), Ok(changed)) = (take::gone(&run.session), changes::touched(run)) else { return };
    let known: BTreeSet<&RelPath> = run.session.gone.values().flatten().chain(&changed).collect();
    new.retain(|path| !known.contains(path));
    let backup = run.session.backup.clone().unwrap_or_default();
    for path in new.iter().take(NAMED) {
        let restore = Next::RestoreFile(path.as_path().as_os_str(), &backup).of(&run.session.project);
        run.warn("account", format!("{path}: gone while the upgrade stood still; to have it back: {restore}"));
    }
    if new.len() > NAMED {
        let more = new.len() - NAMED;
        run.warn("account", format!("{more} more files of yours are gone since; the backup {backup} has them"));
    }
    if let Some(mut last) = run.session.gone.last_entry() {
        last.get_mut().extend(new);
    }
}

/// Takes the account, and fails where something of the user's is lost. How many files of the user's there are.
///
/// # Errors
/// [`Stop::Failed`], naming what is lost. The session then has it noted, so that a rollback brings it back.
pub(crate) fn nothing_lost(run: &mut Run, when: When) -> Result<usize, Stop> {
    if run.session.backup.is_none() {
        return Ok(0);
    }
    let account = take::of(&run.session, when)?;
    for item in account.of(Fate::ChangedSince) {
        let said = item.note.as_deref().unwrap_or("it is not as it was");
        let text = format!("{}: {said}, and not by this upgrade; as it was, it is in the backup", item.path);
        run.log(Level::Info, "account", &text);
    }
    if account.count(Fate::Lost) == 0 {
        let files = account.items.len();
        run.account = Some(account);
        return Ok(files);
    }
    run.session.lost = account.of(Fate::Lost).map(|item| item.path.clone()).collect();
    run.save()?;
    let see = Next::Account.of(&run.session.project);
    let next = format!("if nobody took it away meanwhile, report this as a bug, with what this says: {see}");
    Err(Stop::Failed { code: Some(Code::Lost), what: lost(&account), next: Some(next.into()) })
}

/// Takes an account where a run has none: one that was taken up behind the look. What is gone by then, it was while nobody
/// looked.
///
/// # Errors
/// [`Stop::Failed`] where it can't be told.
pub(crate) fn look(run: &mut Run) -> Result<(), Stop> {
    if run.account.is_none() && run.session.backup.is_some() {
        run.account = Some(take::of(&run.session, When::Ended)?);
    }
    Ok(())
}

/// Looks again once the new release's code has run: the account from before is what it found. Fails where a file of the user's
/// is gone since. One that has other bytes may have got them from the user just as well, and is named.
///
/// # Errors
/// [`Stop::Failed`], as [`nothing_lost`].
pub(crate) fn still_there(run: &mut Run) -> Result<(), Stop> {
    let Some(since) = since(run)? else { return Ok(()) };
    if !since.gone.is_empty() {
        let files = match since.gone.len() {
            1 => "1 file of yours is".to_owned(),
            n => format!("{n} files of yours are"),
        };
        let what = format!("{files} gone since the new release's server was started:{}", named(&since.gone));
        run.session.lost = since.gone;
        run.save()?;
        let next = "if nobody took it away meanwhile, report this to whoever made that release";
        return Err(Stop::Failed { code: Some(Code::Lost), what, next: Some(next.into()) });
    }
    let backup = run.session.backup.clone().unwrap_or_default();
    let what = "changed since the new release's server was started";
    for path in since.changed.iter().take(NAMED) {
        let restore = Next::RestoreFile(path.as_path().as_os_str(), &backup).of(&run.session.project);
        run.warn("account", format!("{path}: {what}; if that was not you: {restore}"));
    }
    if since.changed.len() > NAMED {
        let (more, see) = (since.changed.len() - NAMED, Next::Account.of(&run.session.project));
        run.warn("account", format!("{more} more files of yours {what}: {see}"));
    }
    run.account = Some(since.now);
    Ok(())
}

/// Before a failed upgrade is taken back: what its server took away comes back, whatever it failed of.
pub(crate) fn note_lost(run: &mut Run) {
    if run.session.applied()
        && !run.session.rolling_back()
        && run.session.lost.is_empty()
        && let Ok(Some(since)) = since(run)
    {
        // Saved as soon as the rollback begins.
        run.session.lost = since.gone;
    }
}

/// What became of the user's files since the run took its account.
struct Since {
    gone: Vec<RelPath>,
    changed: Vec<RelPath>,
    now: Account,
}

fn since(run: &Run) -> Result<Option<Since>, Stop> {
    let Some(found) = &run.account else { return Ok(None) };
    let now = take::of(&run.session, When::Ended)?;
    let amiss = |item: &&Item| matches!(item.fate, Fate::Lost | Fate::ChangedSince);
    let before: BTreeMap<&RelPath, &Item> = found.items.iter().filter(amiss).map(|item| (&item.path, item)).collect();
    // There servers keep what is theirs.
    let servers = || layouts().servers().filter(|server| server.session_folders.is_some());
    let is_users = |path: &RelPath| !servers().any(|server| path.is_within(&server.sessions));
    let (mut gone, mut changed) = (Vec::new(), Vec::new());
    for item in now.items.iter().filter(amiss).filter(|item| is_users(&item.path)) {
        match (&item.now, before.get(&item.path)) {
            (None, Some(before)) if before.now.is_none() => {}
            (None, _) => gone.push(item.path.clone()),
            (Some(_), Some(_)) => {}
            (Some(_), None) => changed.push(item.path.clone()),
        }
    }
    Ok(Some(Since { gone, changed, now }))
}

/// Paths in lines, not all of many.
fn named(paths: &[RelPath]) -> String {
    let mut text: String = paths.iter().take(NAMED).map(|path| format!("\n  {path}")).collect();
    if paths.len() > NAMED {
        text.push_str(&format!("\n  and {} more", paths.len() - NAMED));
    }
    text
}

/// What is lost, in lines.
fn lost(account: &Account) -> String {
    let count = account.count(Fate::Lost);
    let files = if count == 1 { "file" } else { "files" };
    let mut text = format!("{count} {files} of yours would be lost or lack lines of yours:");
    for item in account.of(Fate::Lost).take(NAMED) {
        text.push_str(&format!("\n  {}", described(item)));
    }
    if count > NAMED {
        text.push_str(&format!("\n  and {} more", count - NAMED));
    }
    text
}

/// One file that is lost: its path, and the lines that are missing.
pub(crate) fn described(item: &Item) -> String {
    let missing = item.lines.as_ref().map(|lines| &lines.missing[..]).unwrap_or_default();
    let Some(first) = missing.first() else { return format!("{}: it is nowhere in the install", item.path) };
    let more = if missing.len() > 1 { format!(" (and {} more)", missing.len() - 1) } else { String::new() };
    format!("{}: without your line \"{}\"{more}", item.path, visible::start_of(first, 60))
}

/// After a rollback: what is neither back nor set aside, though the upgrade had changed it.
///
/// # Errors
/// [`Stop::Failed`] where it can't be told.
pub(crate) fn not_back(run: &mut Run, backup: &Backup, touched: &BTreeSet<RelPath>) -> Result<BTreeSet<RelPath>, Stop> {
    let look = || take::back(&run.session, backup, touched, When::Applied);
    let mut account = look()?;
    if account.of(Fate::Lost).next().is_some() {
        // A disk or a limit can refuse one call. What is told as lost was looked at twice.
        account = look()?;
    }
    let missing = account.of(Fate::Lost).map(|item| item.path.clone()).collect();
    run.account = Some(account);
    Ok(missing)
}

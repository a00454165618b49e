//! Puts the install back as it was before a session: the same journal as the upgrade, with the backup as its source.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::core::document;
use crate::core::index::Trust;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::session::StateEvent;
use crate::core::visible::Shown as _;
use crate::engine::conflicts::apply;
use crate::engine::events::{Event, Level};
use crate::engine::phases::relocate;
use crate::engine::phases::server::launch::start_again;
use crate::engine::phases::server::replace::stop_live;
use crate::engine::report::documents;
use crate::engine::rollback::changes;
use crate::engine::rollback::set_aside;
use crate::engine::rollback::{assistant_rules, editors};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::wait_until_idle;
use crate::host::backup::copy;
use crate::host::backup::copy::{Backup, Entry};
use crate::host::backup::owners;
use crate::host::files::aside;
use crate::host::files::error::FsError;
use crate::host::files::folder::Folder;
use crate::host::files::fs;
use crate::host::files::journal::{Journal, JournalError};
use crate::host::process::proc;
use crate::host::python::venv;
use crate::host::server::mcp::Client;
use crate::host::server::search_index;
use crate::host::server::{self, Live, Owner, Running};
use crate::host::session::{damaged, shown};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// What a rollback did.
#[derive(Debug, Default)]
pub struct Restored {
    /// Paths that were put back or taken away.
    pub paths: u64,
    /// What the user wrote since, and where it is now.
    pub rescued: Vec<String>,
    /// What could not be put back, because its copy in the backup is damaged.
    pub left_out: BTreeSet<RelPath>,
    /// The old server should run again, but doesn't.
    pub server_problem: Option<String>,
}

/// Rolls the session back. Can be repeated after any interruption.
///
/// # Errors
/// [`Stop::Failed`]; the session stays as one that can be rolled back again. Nothing was changed as long as it is not
/// `rolling_back`.
pub fn roll_back(run: &mut Run, reason: &str) -> Result<Restored, Stop> {
    let begun = Instant::now();
    run.stop_listening();
    run.say(Event::RollbackStarted { reason: reason.to_owned() });
    let mut restored = Restored::default();
    if run.session.applied() && run.set_aside {
        if !run.session.rolling_back() {
            // Once something was moved there is no way but back, and from a damaged backup there is none.
            open_backup(run)?.verify().map_err(|e| changes::damaged(&run.session, &e))?;
        }
        begin(run, reason)?;
        let rescue = set_aside::rescue_folder(&run.session)?;
        let moved = set_aside::force(run, &rescue)?;
        tell(run, &mut restored, &moved, "it could not be looked at");
    }
    let prepared = if run.session.applied() { Some(prepare(run, &mut restored)?) } else { None };
    begin(run, reason)?;
    match prepared {
        Some((backup, journal)) => put_back(run, &backup, &journal, &mut restored)?,
        None => drop_unfinished_backup(run),
    }
    // Before the session ends: nobody would clear away the note of one that has.
    run.lock.unexplain();
    // Where that can't be saved, whoever finds the session must go on going back, not forward.
    run.commit(&StateEvent::RollbackDone)?;
    run.say(Event::RollbackFinished {
        restored: restored.paths,
        rescued: restored.rescued.clone(),
        seconds: begun.elapsed().as_secs_f64(),
    });
    Ok(restored)
}

/// From here on there is no way but back, also for whoever finds the session after a crash.
fn begin(run: &mut Run, reason: &str) -> Result<(), Stop> {
    let event = StateEvent::RollbackBegan(reason.to_owned());
    if run.session.is_unfinished() {
        run.advance(&event)?;
        return run.save();
    }
    let saved = run.commit(&event);
    if saved.is_err() {
        // Nothing was put back yet, so nothing has to be.
        let _ = fs::remove_tree(&run.folder(JOURNAL));
    }
    saved
}

/// The name of the rollback's journal in the session's folder.
const JOURNAL: &str = "rollback";

fn open_backup(run: &Run) -> Result<Backup, Stop> {
    let name = run.session.backup.clone().ok_or_else(|| Stop::failed("this session has no backup"))?;
    Backup::open(&copy::folder_of(&run.session.install).join(name)).map_err(|e| Stop::Failed {
        what: e.to_string(),
        next: Some("see which backups there are: pos-upgrade-tui backups".into()),
    })
}

/// Opens the backup, and stages and commits all that has to come back from it. Nothing in the install changes here, so
/// a backup that is no good, or a full disk, leaves it as it is.
fn prepare(run: &mut Run, restored: &mut Restored) -> Result<(Backup, Journal), Stop> {
    let install = &run.session.install.clone();
    let backup = open_backup(run)?;
    if !run.session.gitignore_added.is_empty() && !run.set_aside {
        // Written back after the install: by then it would be too late to find out.
        backup.gitignore().map_err(|e| changes::damaged(&run.session, &e))?;
    }
    forward(run)?;
    match Journal::load(install, &run.folder(JOURNAL)) {
        Ok(Some(journal)) if journal.is_done() || !run.session.rolling_back() => return Ok((backup, journal)),
        // Cut off before its end. Who knows what was done here since: all is compared with the backup again.
        Ok(Some(journal)) => {
            let rescue = set_aside::rescue_folder(&run.session)?;
            match journal.rescue_left(&rescue) {
                Ok(moved) => {
                    tell(run, restored, &moved, EDITED);
                    journal.give_up()?;
                }
                Err(_) if run.set_aside => drop(damaged::move_aside(&run.folder(JOURNAL))?),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(None) => {}
        // What came out of the install may still be staged there: it is kept, and all is looked at anew.
        Err(JournalError::Damaged(_)) => {
            damaged::move_aside(&run.folder(JOURNAL))?;
        }
        Err(other) => return Err(other.into()),
    }
    let committed = changes::wanted(run, &backup).and_then(|(all, left_out)| {
        restored.left_out.extend(left_out);
        Ok(Journal::commit(install, &run.folder(JOURNAL), all)?)
    });
    if committed.is_err() && !run.session.rolling_back() {
        // What was staged so far takes space, and counts for nothing.
        let _ = fs::remove_tree(&run.folder(JOURNAL));
    }
    Ok((backup, committed?))
}

/// Why something was set aside that came out of a file's place.
const EDITED: &str = "you edited it since the upgrade";

/// Tells what was set aside, and why.
fn tell(run: &mut Run, restored: &mut Restored, moved: &set_aside::Aside, why: &str) {
    for (path, to) in moved {
        run.warn("rescued", format!("{path}: {why}; what you wrote is now in {to}"));
        restored.rescued.push(to.to_string());
    }
}

/// The journals of the upgrade, as far as they can be told.
///
/// # Errors
/// [`Stop::Failed`] for one that is there and can't be read: it may tell more than the backup does.
fn forward(run: &Run) -> Result<[Option<Journal>; 2], Stop> {
    let load = |name| match Journal::load(&run.session.install, &run.folder(name)) {
        // What is staged there can't be told apart any more, and stays where it is.
        Err(JournalError::Damaged(_)) => Ok(None),
        other => other,
    };
    Ok([load("content")?, load("server")?])
}

/// A backup without its manifest is none, and would only take space.
pub fn drop_unfinished_backup(run: &Run) {
    if let Some(name) = &run.session.backup {
        let folder = copy::folder_of(&run.session.install).join(name);
        // One whose manifest can't be looked at may be whole.
        if matches!(fs::is_there(&folder.join(copy::MANIFEST)), Ok(false)) {
            let _ = fs::remove_tree(&folder);
        }
    }
}

fn put_back(run: &mut Run, backup: &Backup, journal: &Journal, restored: &mut Restored) -> Result<(), Stop> {
    let install = run.session.install.clone();
    let server_was_running = stop_server(run);
    // Where the upgrade left it, by a config that may go now.
    let flag_before = search_index::places(&install).flag();
    let rescue = set_aside::rescue_folder(&run.session)?;
    // What the user wrote while the upgrade ran, and a crash kept it from telling.
    let forward = forward(run)?;
    if !journal.is_done() {
        let moved = set_aside::clear(run, backup, journal, &rescue)?;
        tell(run, restored, &moved, "it stood where a folder was");
    }
    let mut applied = journal.apply(&rescue, &mut |_, _| {})?;
    for interrupted in forward.iter().flatten() {
        applied.rescued.extend(interrupted.rescue_left(&rescue)?);
    }
    tell(run, restored, &applied.rescued, EDITED);
    if !journal.is_done() {
        let moved = set_aside::bring_back(run, backup, journal, &rescue, &mut restored.left_out)?;
        tell(run, restored, &moved, "it stood in a folder that came back");
    }
    restored.paths = applied.changed;
    let touched = journal.results().map(|(path, _)| path.clone()).chain(changes::touched(run)?).collect();
    let flags = index_flags(run, backup, flag_before);
    for flag in &flags {
        search_index::take_back(&install, flag)?;
    }
    if outdate_index(run, &touched) && !server_was_running {
        // Whoever starts the server next starts one whose index is of the new release: the one file that is left over.
        ask_for_rebuild(run);
        run.log(Level::Info, "index", "the server that is started next rebuilds its search index");
    }
    let gone = missing_folders(&install, backup)?;
    for refused in folders(&install, backup, touched.iter().chain(&flags), journal.is_done())? {
        run.warn("folders", refused.to_string());
    }
    owners(run, backup, &touched, &gone);
    gitignore(run, backup)?;
    editors::put_back(run, backup)?;
    assistant_rules::put_back(run, backup)?;
    if let Some(name) = run.session.venv_generation.clone() {
        venv::switch_back(&install, &name)?;
    }
    // Once verified, the log below may be written; after a crash behind that it is no longer what the journal wrote.
    if !journal.is_done() {
        apply::verify(run, journal, &applied.since)?;
        journal.drop_staging();
    }
    forward.iter().flatten().for_each(Journal::drop_staging);
    let version = crate::core::provenance::short(run.session.source_commit()).to_owned();
    documents::log_line(&run.session, &format!("rolled back, session {} ({version})", run.session.session_id))?;
    sessions(run, backup, &rescue, restored)?;
    relocate::back(run)?;
    let install = run.session.install.clone();
    if server_was_running {
        restored.server_problem = start_old_server(run);
        // The flag came and went in a folder whose time was restored already.
        let _ = folders(&install, backup, touched.iter().chain(&flags), true);
    }
    Ok(())
}

/// What the new server keeps of workflows: our own session's copies go, and so does what was made meanwhile in a folder that
/// the install did not have.
fn sessions(run: &mut Run, backup: &Backup, rescue: &RelPath, restored: &mut Restored) -> Result<(), Stop> {
    shown::take_back(&run.session)?;
    let root = Folder::open(&run.session.install)?;
    for layout in layouts().servers().filter(|layout| layout.session_folders.is_some()) {
        let Some(top) = layout.sessions.parts().next().and_then(|top| RelPath::new(top).ok()) else { continue };
        let had = backup.manifest.entries.keys().any(|path| path.is_within(&top));
        if had || nothing_at(&root, &top) || root.remove_hollow(OsStr::from_bytes(top.as_bytes())) {
            continue;
        }
        let to = aside::set_aside(&root, &top, rescue)?;
        let moved: Vec<_> = to.map(|to| (top, to)).into_iter().collect();
        tell(run, restored, &moved, "the new server made it");
    }
    Ok(())
}

/// Where the flag may stand that phase 3 left, if no server has taken it: also by the config that came back.
fn index_flags(run: &Run, backup: &Backup, before: Option<RelPath>) -> BTreeSet<RelPath> {
    let now = search_index::places(&run.session.install).flag();
    before.into_iter().chain(now).filter(|flag| !backup.manifest.entries.contains_key(flag)).collect()
}

/// Makes the server read all standards again, if any of them came back: they have their old times, by which it would take
/// an index of the new release for a current one. Whether a server has built such an index.
fn outdate_index(run: &mut Run, touched: &BTreeSet<RelPath>) -> bool {
    let install = run.session.install.clone();
    let places = search_index::places(&install);
    let pages: Vec<&RelPath> = touched.iter().filter(|path| places.is_page(path)).collect();
    if pages.is_empty() {
        return false;
    }
    let has_index = places.note().is_some_and(|note| note.under(&install).is_file());
    let left_alone = if has_index { wait_until_idle::left_alone(run) } else { Vec::new() };
    // Nobody is listened to any more, so nothing stops this.
    let _ = wait_until_idle::before_outdating(run, &left_alone);
    let built = search_index::is_built(&install, &places);
    if let Err(e) = search_index::outdate(&install, &places, Trust::Nothing) {
        run.warn("index", search_index::problem(&install, &places, &e));
    }
    if let Some(page) = pages.iter().find(|page| page.under(&install).is_file())
        && !left_alone.is_empty()
    {
        // One that was at its index while the pages came back did not see them.
        search_index::nudge(&install, page);
    }
    built
}

/// Leaves the flag for a server; without it the server goes on with the index that it has.
fn ask_for_rebuild(run: &mut Run) {
    let install = run.session.install.clone();
    if let Err(e) = search_index::ask_for_rebuild(&install) {
        run.warn("index", search_index::problem(&install, &search_index::places(&install), &e));
    }
}

/// Stops the server that runs what is about to go; whether one has to run again afterwards.
fn stop_server(run: &mut Run) -> bool {
    if run.session.rebuilt() && run.session.server.is_none() {
        find_out_about_server(run);
    }
    let before = run.session.server.as_ref().is_some_and(|s| s.was_running);
    if let Some(started) = run.server.take_if(|_| before) {
        started.stop();
        return true;
    }
    // One that was only started for the proof.
    run.stop_proof_server();
    match server::find(&run.session.install) {
        Running::Yes(live) if !is_replaced(run, &live) => false,
        Running::Yes(live) if live.owner == Owner::Nobody => {
            if !before {
                // Somebody started it after the upgrade.
                run.session.server = Some(live.before(Vec::new()));
            }
            if let Err(problem) = stop_live(run, &live) {
                run.warn("server", problem);
            }
            true
        }
        Running::Yes(live) => {
            let (pid, whose) = (live.process.pid, live.owner.words());
            run.warn("server", format!("the server (pid {pid}) is {whose}: start it again there"));
            false
        }
        Running::No(_) => before,
    }
}

/// Whether a server runs code that this session put in place. One that ran before, and one of an upgrade that never came
/// to the server, runs what was there and what stays there.
fn is_replaced(run: &Run, live: &Live) -> bool {
    if run.session.rebuilt() {
        return true;
    }
    // Phase 3 begins by noting what runs.
    let Some(before) = &run.session.server else { return false };
    let began = run.session.created_at.parse::<jiff::Timestamp>().ok();
    let ran_before = match (began, proc::started_at(live.process.pid)) {
        // The session's time is cut to the second.
        (Some(began), Some(started)) => started.as_second() < began.as_second(),
        _ => false,
    };
    before.pid != Some(live.process.pid) && !ran_before
}

/// Nobody knows any more whether a server ran before the upgrade: one that runs now is started again afterwards.
fn find_out_about_server(run: &mut Run) {
    match server::find(&run.session.install) {
        Running::Yes(live) if live.owner == Owner::Nobody => run.session.server = Some(live.before(Vec::new())),
        Running::Yes(_) => {}
        Running::No(_) => {
            run.warn("server", "no server runs; if one did before the upgrade, start it as you always do".into());
        }
    }
}

/// How long a small index may take; a large one goes on being rebuilt after the rollback has ended.
const INDEX_WAIT: Duration = Duration::from_secs(5);

/// Starts the old server with an order to rebuild its index, and proves that it answers; what is wrong, if anything.
fn start_old_server(run: &mut Run) -> Option<String> {
    let install = run.session.install.clone();
    let flag = search_index::places(&install).flag().map(|flag| flag.under(&install));
    ask_for_rebuild(run);
    let url = match start_again(run) {
        Ok(Some(url)) => url,
        Ok(None) => return None,
        Err(Stop::Failed { what, .. }) => return Some(what),
        Err(_) => return Some("it was not started".into()),
    };
    let answer = run.runtime.block_on(Client::tools_at(&url));
    if let Some(started) = run.server.take() {
        started.leave();
    }
    let begun = Instant::now();
    while answer.is_ok() && flag.as_ref().is_some_and(|f| f.exists()) && begun.elapsed() < INDEX_WAIT {
        std::thread::sleep(Duration::from_millis(20));
    }
    answer.err().map(|e| e.to_string())
}

/// Folders: those that were there come back with their modes and times, those that the upgrade made go if empty. Gives the
/// errors for times that only the folder's owner may set, who is somebody else. Once all was `verified`, a link in a folder's
/// place is the user's, put there since.
fn folders<'p>(
    install: &std::path::Path,
    backup: &Backup,
    paths: impl Iterator<Item = &'p RelPath>,
    verified: bool,
) -> Result<Vec<FsError>, Stop> {
    let root = Folder::open(install)?;
    let entries = &backup.manifest.entries;
    let mut refused = Vec::new();
    let mut touched: Vec<RelPath> = Vec::new();
    for (path, entry) in entries {
        // Never by path: a link may stand there by now.
        if let Entry::Folder { mode, .. } = entry
            && nothing_at(&root, path)
        {
            root.below(path, true)?.set_mode(*mode)?;
            touched.push(path.clone());
        }
    }
    for path in paths {
        let mut folder = path.parent();
        while let Some(here) = folder {
            folder = here.parent();
            touched.push(here);
        }
    }
    touched.sort();
    touched.dedup();
    let folds = fs::folds_case(install);
    // From the inside out: a removed or restored entry changes its parent's time.
    for path in touched.iter().rev() {
        let (parent, name) = match root.parent_of(path, false) {
            Ok(found) => found,
            // What is behind a link is not done, so neither is the rollback.
            Err(e) if e.is_link() && !verified => return Err(e.into()),
            Err(_) => continue,
        };
        match changes::entry(backup, path, folds) {
            Some((_, Entry::Folder { mode, mtime, .. })) => {
                // One that had gone came back with the mode of any new folder.
                let folder = match root.below(path, false) {
                    Err(e) if e.is_no_folder() && (verified || !e.is_link()) => continue,
                    folder => folder?,
                };
                folder.set_mode(*mode)?;
                if let Ok(time) = mtime.parse()
                    && parent.mtime(name)? != Some(time)
                {
                    match parent.set_mtime(name, time) {
                        Err(e) if e.source.raw_os_error() == Some(rustix::io::Errno::PERM.raw_os_error()) => {
                            refused.push(e)
                        }
                        set => set?,
                    }
                }
                folder.sync()?;
            }
            _ => {
                if parent.remove_empty(name)? {
                    parent.sync()?;
                } else if !verified && parent.link_target(name).is_some() {
                    root.below(path, false)?;
                }
            }
        }
    }
    Ok(refused)
}

/// Folders that the backup has and that are not there.
fn missing_folders(install: &std::path::Path, backup: &Backup) -> Result<BTreeSet<RelPath>, Stop> {
    let root = Folder::open(install)?;
    let folders = backup.manifest.entries.iter().filter(|(_, entry)| matches!(entry, Entry::Folder { .. }));
    Ok(folders.map(|(path, _)| path).filter(|path| nothing_at(&root, path)).cloned().collect())
}

/// What came back belongs to whom it did; what this user may not give away is named.
fn owners(run: &mut Run, backup: &Backup, touched: &BTreeSet<RelPath>, gone: &BTreeSet<RelPath>) {
    let install = run.session.install.clone();
    let wrong = owners::give_back(&install, backup, touched.iter().chain(gone).map(|path| (path, path)));
    if let Some(what) = owners::not_kept(&wrong) {
        run.warn("owner", what);
    }
}

/// Whether nothing stands there: what the user put in a folder's place, nothing of ours being in it, is his.
fn nothing_at(root: &Folder, path: &RelPath) -> bool {
    match root.parent_of(path, false).and_then(|(folder, name)| folder.kind(name)) {
        Ok(kind) => kind.is_none(),
        Err(e) => e.source.kind() == std::io::ErrorKind::NotFound,
    }
}

/// The project's `.gitignore`: the old bytes if nobody else changed it, else only our lines go. It is bytes throughout:
/// what the user wrote there need not be UTF-8.
fn gitignore(run: &mut Run, backup: &Backup) -> Result<(), Stop> {
    if run.session.gitignore_added.is_empty() {
        return Ok(());
    }
    let path = run.session.project.join(".gitignore");
    if documents::is_something_else(&path) {
        run.warn("gitignore", format!("{}: no file any more, so it stays as it is", path.shown()));
        return Ok(());
    }
    let Some(bytes) = fs::read_if_there(&path)? else { return Ok(()) };
    let kept = document::without_lines(&bytes, &run.session.gitignore_added);
    let before = match backup.gitignore() {
        Err(e) if run.set_aside && e.is_damage() => {
            run.warn("gitignore", format!("{e}; only the lines of this upgrade were taken out"));
            Some(kept.clone())
        }
        before => before.map_err(Stop::failed)?,
    };
    // As it was to the byte, it is as old as it was.
    let (mut time, known) = (None, backup.manifest.project_gitignore_mtime.as_ref());
    let new = match before {
        None if kept.trim_ascii().is_empty() => None,
        Some(before) if before.trim_ascii_end() == kept.trim_ascii_end() => {
            time = known.and_then(|time| time.parse().ok());
            Some(before)
        }
        // Nothing of ours is in it.
        _ if kept == bytes => return Ok(()),
        _ => {
            run.log(Level::Info, "gitignore", "it was changed since; only the lines of this upgrade were taken out");
            Some(kept)
        }
    };
    let written = match &new {
        Some(new) if *new == bytes => time.map_or(Ok(()), |time| fs::set_mtime(&path, time)),
        Some(new) => fs::write_durable_as_of(&path, new, documents::mode_of(&path), time),
        None => fs::remove_file(&path),
    };
    match written {
        Err(e) if run.set_aside => {
            run.warn("gitignore", format!("{e}; the lines of the upgrade are still in {}", path.shown()));
            Ok(())
        }
        written => Ok(written?),
    }
}

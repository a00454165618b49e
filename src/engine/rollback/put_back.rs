//! Puts the install back as it was before a session: the same journal as the upgrade, with the backup as its source.

use std::time::Instant;

use crate::core::error_code::Code;
use crate::core::session::End;
use crate::core::session::StateEvent;
use crate::core::update_log::Ending;
use crate::engine::account::check;
use crate::engine::conflicts::apply;
use crate::engine::events::{Event, Level};
use crate::engine::phases::rename_folder;
use crate::engine::phases::server::{dependencies, rehearse};
use crate::engine::report::documents;
use crate::engine::rollback::changes;
use crate::engine::rollback::restored::{Restored, tell};
use crate::engine::rollback::set_aside;
use crate::engine::rollback::{assistant_rules, editors, taken_out};
use crate::engine::rollback::{folders, gitignore, index, server};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::backup::copy;
use crate::host::backup::copy::Backup;
use crate::host::files::fs;
use crate::host::files::journal::{Journal, JournalError};
use crate::host::python::venv;
use crate::host::server::search_index;
use crate::host::server::{kept_index, view};
use crate::host::session::damaged;
use crate::host::session::ended;

/// Rolls the session back. Can be repeated after any interruption.
///
/// # Errors
/// [`Stop::Failed`]; the session stays as one that can be rolled back again. Nothing was changed as long as it is not
/// `rolling_back`.
pub(crate) fn roll_back(run: &mut Run, reason: &str) -> Result<Restored, Stop> {
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
    let folder_mtime = match &prepared {
        Some((backup, journal)) => {
            put_back(run, backup, journal, &mut restored)?;
            backup.manifest.folder_mtime.clone()
        }
        None => {
            nothing_applied(run);
            dependencies::abandon(run)?;
            None
        }
    };
    // Before the session ends: nobody would clear away the note of one that has.
    run.lock.unexplain();
    if let Some(time) = folder_mtime.and_then(|time| time.parse().ok()) {
        // The last that is written there. Whose folder it is not can't set it, and nothing depends on it.
        let _ = fs::set_mtime(&run.session.install, time);
    }
    // Where that can't be saved, whoever finds the session must go on going back, not forward.
    run.commit(&StateEvent::RollbackDone)?;
    kept_index::forget(&run.folder(kept_index::FOLDER));
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
        code: Some(Code::BadBackup),
        what: e.to_string(),
        next: Some("see which backups there are: pos-upgrade-tui backups".into()),
    })
}

/// Opens the backup, and stages and commits all that has to come back from it. Nothing in the install changes here, so
/// a backup that is no good, or a full disk, leaves it as it is.
fn prepare(run: &mut Run, restored: &mut Restored) -> Result<(Backup, Journal), Stop> {
    let install = &run.install();
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
            match journal.rescue_left(install, &rescue) {
                Ok(moved) => {
                    tell(run, restored, &moved, EDITED);
                    journal.give_up(install)?;
                }
                Err(_) if run.set_aside => drop(damaged::move_aside(install, &run.folder(JOURNAL))?),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(None) => {}
        // What came out of the install may still be staged there: it is kept, and all is looked at anew.
        Err(JournalError::Damaged(_)) => {
            damaged::move_aside(install, &run.folder(JOURNAL))?;
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

/// What a session leaves that ends without having changed anything: its copies for a server, with the folders that were made
/// for them, and a backup without its manifest, which is none and would only take space.
pub(crate) fn nothing_applied(run: &mut Run) {
    // What a kill left of a rehearsal.
    if let Err(e) = view::clear(&run.folder(rehearse::FOLDER)) {
        run.warn("rehearsal", e.to_string());
    }
    // The copy of the index that waited for the new server.
    kept_index::forget(&run.folder(kept_index::FOLDER));
    if let Ok(backup) = open_backup(run)
        && let Err(Stop::Failed { what, .. }) = server::copies(run, &backup)
    {
        run.warn("session", what);
    }
    if let Some(name) = &run.session.backup {
        let folder = copy::folder_of(&run.session.install).join(name);
        // One whose manifest can't be looked at may be whole.
        if matches!(fs::is_there(&folder.join(copy::MANIFEST)), Ok(false)) {
            let _ = fs::remove_tree(&folder);
        }
    }
}

fn put_back(run: &mut Run, backup: &Backup, journal: &Journal, restored: &mut Restored) -> Result<(), Stop> {
    // Then all was verified once: what is not there any more, the user took away since.
    let was_verified = journal.is_done();
    let install = run.install();
    let supervised = server::supervised(run);
    let server_was_running = server::stop_server(run);
    // Where the upgrade left it, by a config that may go now.
    let flag_before = search_index::places(&install).flag();
    let rescue = set_aside::rescue_folder(&run.session)?;
    // What the user wrote while the upgrade ran, and a crash kept it from telling.
    let forward = forward(run)?;
    if !journal.is_done() {
        let moved = set_aside::clear(run, backup, journal, &rescue)?;
        tell(run, restored, &moved, "it stood where a folder was");
    }
    let mut applied = journal.apply(&install, &rescue, &mut |_, _| {})?;
    for interrupted in forward.iter().flatten() {
        applied.rescued.extend(interrupted.rescue_left(&install, &rescue)?);
    }
    tell(run, restored, &applied.rescued, EDITED);
    if !journal.is_done() {
        let moved = set_aside::bring_back(run, backup, journal, &rescue, &mut restored.left_out)?;
        tell(run, restored, &moved, "it stood in a folder that came back");
    }
    restored.paths = applied.changed;
    let touched = journal.results().map(|(path, _)| path.clone()).chain(changes::touched(run)?);
    let touched = touched.chain(run.session.lost.clone()).collect();
    let flags = index::index_flags(run, backup, flag_before);
    for flag in &flags {
        search_index::take_back(&install, flag)?;
    }
    let index_fits = index::bring_back(run)?;
    if !index_fits && index::outdate_index(run, &touched) && !server_was_running {
        // Whoever starts the server next starts one whose index is of the new release: the one file that is left over.
        index::ask_for_rebuild(run);
        run.log(Level::Info, "index", "the server that is started next rebuilds its search index");
    }
    let gone = folders::missing_folders(&install, backup)?;
    for refused in folders::folders(&install, backup, touched.iter().chain(&flags), journal.is_done())? {
        run.warn("folders", refused.to_string());
    }
    folders::owners(run, backup, &touched, &gone);
    gitignore::gitignore(run, backup)?;
    editors::put_back(run, backup)?;
    assistant_rules::put_back(run, backup)?;
    taken_out::put_back(run, backup)?;
    if let Some(name) = run.session.venv_generation.clone() {
        venv::switch_back(&install, &name)?;
    }
    // Once verified, the log below may be written; after a crash behind that it is no longer what the journal wrote.
    if !journal.is_done() {
        apply::verify(run, journal, &applied.since)?;
        journal.drop_staging(&install);
    }
    forward.iter().flatten().for_each(|journal| journal.drop_staging(&install));
    let version = crate::core::release_history::short(run.session.source_commit()).to_owned();
    let ending = Ending::RolledBack { session: &run.session.session_id, version: &version };
    documents::log_line(&install, &run.session, &ending.to_string())?;
    ended::note(&install, &run.session.session_id, End::RolledBack)?;
    server::sessions(run, backup, &rescue, restored)?;
    rename_folder::back(run)?;
    let install = run.install();
    // Its folder may have another name now.
    let backup = &open_backup(run)?;
    let missing = check::not_back(run, backup, &touched)?;
    if !was_verified {
        let missing = missing.difference(&restored.left_out).filter(|p| !applied.since.contains(p));
        restored.missing = missing.cloned().collect();
    }
    // The last of all that is put back: where no server starts now, what the files name is as it was.
    server::state_files(run, backup, &rescue, server_was_running, restored)?;
    if let Some(supervisor) = supervised.as_ref().filter(|_| !server_was_running) {
        server::restart_supervised(run, supervisor);
    }
    if server_was_running {
        restored.server_problem = server::start_old_server(run, index_fits);
        // The flag came and went in a folder whose time was restored already.
        let _ = folders::folders(&install, backup, touched.iter().chain(&flags), true);
    }
    Ok(())
}

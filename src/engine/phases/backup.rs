//! Phase 1: the explaining lock file, and a verified copy of the whole install.

use crate::core::task::Task;
use std::sync::Mutex;

use crate::core::phase::{BackupEvidence, Fact, NotApplicable, Phase};
use crate::engine::phases::{assistant_rules, editors, uninstall};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{done, not_applicable, warned};
use crate::host::backup::copy;
use crate::host::backup::copy::{Backup, Manifest};
use crate::host::backup::owners;
use crate::host::backup::scope;
use crate::host::files::fs;
use crate::host::process::timing::{Who, waiting};
use crate::host::python::condition::{self, Condition};
use crate::host::python::installer::Installer;
use crate::host::python::{packages, venv};

const PHASE: Phase = Phase::Backup;
/// What was installed in the environment.
const REQUIREMENTS: &str = "requirements-snapshot.txt";

/// Makes the backup. What an interrupted try left is removed first: without its manifest it is no backup.
///
/// # Errors
/// [`Stop`]; the install is as it was.
pub(crate) fn run(run: &mut Run) -> Result<BackupEvidence, Stop> {
    let install = run.install();
    run.task(PHASE, Task::Lock, |run| {
        let (id, since) = (run.session.session_id.clone(), run.session.created_at.clone());
        run.lock.explain(&id, &since)?;
        done("held", ())
    })?;
    if !run.session.uninstalling() {
        crate::engine::phases::server::fetch::begin(run);
    }
    let folder = run.task(PHASE, Task::BackupFolder, |run| {
        let name = match &run.session.backup {
            Some(name) => name.clone(),
            None => free_name(run)?,
        };
        run.session.backup = Some(name.clone());
        run.save()?;
        let folder = copy::folder_of(&install).join(&name);
        fs::remove_tree(&folder)?;
        done(name, folder)
    })?;
    let mut made = run.task(PHASE, Task::BackupFiles, |run| {
        let files = scope::files(&install)?;
        let (id, at) = (run.session.session_id.clone(), crate::engine::session::context::now());
        let project = run.session.project.clone();
        let teller = Mutex::new(&mut *run);
        let made = copy::create(&install, &project, &folder, &id, &at, &|n, path| {
            if let Ok(mut run) = teller.lock() {
                run.progress(PHASE, Task::BackupFiles, n, files, path);
            }
        })
        .map_err(Stop::failed)?;
        let (number, parent) = (run.session.number, run.session.parent().map(str::to_owned));
        let folder_mtime = run.lock.found_at().map(|time| time.to_string());
        let made = Backup { manifest: Manifest { number, parent, folder_mtime, ..made.manifest }, ..made };
        let mut made = made;
        // They may hold secrets: what nobody wants changed needs no copy.
        if run.session.options().editor_config {
            editors::keep(&project, &install, &mut made)?;
        }
        assistant_rules::keep(run, &mut made)?;
        if run.session.uninstalling() {
            uninstall::outside::keep(run, &mut made)?;
        }
        let left = made.attributes_left_out(&install);
        if let Some(what) = owners::lost(&left, "extended attributes could not be copied into the backup") {
            run.warn("backup", what);
        }
        let (count, bytes) = made.size();
        done(format!("{count} files, {}", fs::human_size(bytes)), made)
    })?;
    run.check()?;
    let snapshot = run.task(PHASE, Task::BackupRequirements, |run| {
        if !venv::is_there(&install) {
            return not_applicable(NotApplicable::NoVenv, Fact::NotApplicable(NotApplicable::NoVenv));
        }
        // Read from the packages' own metadata; pip is only asked where they are not all in the environment.
        let text = match packages::installed(&venv::live(&install)) {
            Some(installed) => Ok(installed.snapshot()),
            None => {
                let project = run.session.project.clone();
                match condition::of(&install, &project) {
                    Condition::Sound(by) if by != Installer::Ensured => {
                        run.commands_run.push(by.shown("venv", "freeze", ""));
                        let _pip = waiting(Who::Pip);
                        by.freeze(&venv::live(&install)).map_err(|e| e.to_string())
                    }
                    _ => Err("nobody can be asked for them".to_owned()),
                }
            }
        };
        match text {
            Ok(text) => {
                let path = made.keep_beside(&install, REQUIREMENTS, text.as_bytes())?;
                done(format!("{} packages", text.lines().count()), Fact::Is(run.shown(&path)))
            }
            // Rolling back never needs it: the old environment itself is kept.
            Err(e) => {
                run.warn("pip", format!("the installed packages could not be listed: {e}"));
                warned("could not be listed", Fact::Is(String::new()))
            }
        }
    })?;
    run.task(PHASE, Task::BackupManifest, |_| {
        made.write_manifest(&install)?;
        done(format!("{} entries", made.manifest.entries.len()), ())
    })?;
    run.task(PHASE, Task::BackupVerify, |_| {
        let backup = Backup::open(&folder).map_err(Stop::failed)?;
        let files = backup.verify().map_err(Stop::failed)?;
        done(format!("{files} files read back"), ())
    })?;
    let (files_backed_up, backup_size_bytes) = made.size();
    Ok(BackupEvidence {
        backup_path: format!("{}/", run.shown(&folder)),
        backup_timestamp: made.manifest.created_at.clone(),
        files_backed_up,
        backup_size_bytes,
        backup_manifest: run.shown(&folder.join(copy::MANIFEST)),
        integrity_verified: true,
        lock_acquired: true,
        requirements_snapshot: snapshot,
    })
}

/// The session's stamp, with a number behind it where another backup has that second already.
///
/// # Errors
/// [`Stop::Failed`] where it can't be told which names are taken.
fn free_name(run: &Run) -> Result<String, Stop> {
    let stamp = &run.session.stamp;
    let folder = copy::folder_of(&run.session.install);
    let mut name = stamp.clone();
    let mut number = 1_u32;
    while fs::is_there(&folder.join(&name))? {
        number += 1;
        name = format!("{stamp}-{number}");
    }
    Ok(name)
}

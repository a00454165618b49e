//! Phase 5: old backups, reports, the optional commit, and the lock.

use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::os_text::quoted;
use crate::core::phase::{CleanupEvidence, Phase};
use crate::core::release_history::short;
use crate::core::session::End;
use crate::core::settings::commit_message;
use crate::core::task::Task;
use crate::core::update_log::Ending;
use crate::core::visible::Shown as _;
use crate::engine::events::Level;
use crate::engine::planning::outside;
use crate::engine::report::documents;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{done, warned};
use crate::host::backup::retention;
use crate::host::files::fs;
use crate::host::files::scan;
use crate::host::git;
use crate::host::install;
use crate::host::server::kept_index;
use crate::host::session::ended;

const PHASE: Phase = Phase::Cleanup;

/// Cleans up. The upgrade itself is done: what goes wrong here is a warning, not a rollback.
///
/// # Errors
/// [`Stop`] only if asked to, or the disk refuses.
pub(crate) fn run(run: &mut Run) -> Result<CleanupEvidence, Stop> {
    let install = run.install();
    let old_backups_archived = run.task(PHASE, Task::PruneBackups, |run| {
        let keep = run.session.options().keep_backups as usize;
        let own = run.session.backup.clone().unwrap_or_default();
        // An environment kept for a rollback goes with the backup that the rollback would need.
        let found = run.found_now();
        let pruned = retention::prunable(&install, &found, keep, &[own])
            .and_then(|names| retention::prune(&install, &found, &names).map_err(|e| e.to_string()));
        let retention::Pruned { removed, problems } = pruned.unwrap_or_else(|e| {
            run.warn("backup", format!("old backups could not be removed: {e}"));
            retention::Pruned::default()
        });
        kept_index::forget_others(&install, &run.session.session_id);
        for problem in problems {
            run.warn("venv", format!("an old environment could not be removed: {problem}"));
        }
        done(format!("{} removed, last {keep} kept", removed.len()), removed.len() as u64)
    })?;
    outside_lines(run);
    let path = install.join(format!(".cache/upgrade-summary-{}.md", &run.session.stamp[..10]));
    let upgrade_summary = run.task(PHASE, Task::Summary, |run| {
        install.make_folder(".cache")?;
        let warnings = run.warnings.clone();
        let text = documents::summary(&run.session, &warnings, run.seconds(), run.account.as_ref());
        fs::write_durable(&path, text.as_bytes(), 0o644)?;
        done(run.shown(&path), run.shown(&path))
    })?;
    run.task(PHASE, Task::InstallationSummary, |run| {
        let section = documents::installation_section(&run.session);
        documents::append_document(run, "INSTALLATION_SUMMARY.md", &section)?;
        done("INSTALLATION_SUMMARY.md", ())
    })?;
    run.task(PHASE, Task::UpdateLog, |run| {
        let date = crate::engine::session::context::now();
        let short = crate::core::release_history::short(run.session.source_commit()).to_owned();
        let ending = Ending::Validated { session: &run.session.session_id };
        let line = format!("{} | {short} | {ending}\n", &date[..10]);
        documents::append_document(run, "UPDATE_LOG.txt", &line)?;
        ended::note(run.lock.install(), &run.session.session_id, End::Completed)?;
        done("UPDATE_LOG.txt", ())
    })?;
    remember_files(run);
    let git_changes_committed = run.task(PHASE, Task::GitCommit, |run| {
        if !run.session.options().git_commit_after {
            return done("not asked for", false);
        }
        match commit(run) {
            Ok(git::Committed { id, behind: None }) => done(id, true),
            Ok(git::Committed { id, behind: Some(problem) }) => {
                let words = "the changes are committed, but git's index does not know it yet, so that git status shows them \
                             the other way round; git reset mends that";
                run.warn("git", format!("{words} ({problem})"));
                warned(id, true)
            }
            Err(problem) => {
                let (project, name) = (run.session.project.shown(), install::name_of(&run.session.install));
                let by_hand = format!("git -C {project} add {name} .gitignore, then git commit");
                run.warn("git", format!("the changes were not committed: {problem}; to do it yourself: {by_hand}"));
                warned("not committed", false)
            }
        }
    })?;
    release(run)?;
    Ok(CleanupEvidence {
        lock_released: true,
        old_backups_archived,
        upgrade_summary,
        installation_summary_updated: true,
        update_log_appended: true,
        git_changes_committed,
    })
}

/// The last task of a session: nobody is kept out any more.
///
/// # Errors
/// [`Stop`].
pub(super) fn release(run: &mut Run) -> Result<(), Stop> {
    run.task(PHASE, Task::Unlock, |run| {
        run.lock.unexplain();
        done("released", ())
    })
}

/// Keeps what the install's files are now, so that the next plan need not read those that stay so. What was hashed in this run
/// and was not changed by it is not read again.
fn remember_files(run: &Run) {
    let ids = run.session.plan().files.iter().find_map(|file| file.theirs.as_ref().or(file.mine.as_ref()));
    let format = ids.map_or(ObjectFormat::Sha1, BlobId::format);
    let kept = scan::scan_and_remember(&run.session.install, format, &run.hashed)
        .and_then(|(_, cache)| cache.write(run.lock.install(), format));
    if let Err(e) = kept {
        run.log(Level::Info, "stat-cache", &format!("the next plan reads every file: {e}"));
    }
}

/// Tells how many lines of the project name what is elsewhere now: they are the user's to change.
fn outside_lines(run: &mut Run) {
    if run.session.resolving() {
        return;
    }
    let (project, install) = (run.session.project.clone(), run.session.install.clone());
    let moves = outside::moves(&project, &install, None, Some(run.session.plan()));
    if let Some(count) = outside::find(&project, &install, moves).count() {
        let see = format!("pos-upgrade-tui outside --project {}", quoted(&project));
        let source = quoted(run.session.source());
        run.warn("outside", format!("{count}; to see them: {see} --source {source}"));
    }
}

/// Commits exactly the paths that this upgrade changed.
fn commit(run: &Run) -> Result<git::Committed, String> {
    let project = &run.session.project;
    git::work_tree_of(project).ok_or("the project is not in a git repository")?;
    let mut paths: Vec<std::path::PathBuf> = vec![project.join(".gitignore")];
    if run.session.options().editor_config {
        paths.extend(run.session.editors.keys().map(|path| path.under(project)));
    }
    if run.session.options().rules {
        paths.extend(run.session.rules_files.keys().map(|path| path.under(project)));
    }
    let names = ["VERSION.txt", "UPDATE_LOG.txt", "INSTALLATION_SUMMARY.md", crate::core::baseline::FILE];
    paths.extend(names.iter().map(|n| run.session.install.join(n)));
    for file in run.session.plan().files.iter().filter(|f| f.kind.changes_install()) {
        paths.push(file.path.under(&run.session.install));
        paths.extend(file.from.iter().map(|f| f.under(&run.session.install)));
    }
    let message = commit_message(
        run.session.options().git_commit_message.as_deref(),
        &install::name_of(&run.session.install).to_string(),
        run.session.from_release().map_or("unknown", short),
        short(run.session.source_commit()),
        &crate::core::visible::line(run.session.source_version()),
    );
    let before = run.session.moved_from();
    let moved = before.as_deref().map(|before| (before, run.session.install.as_path()));
    git::commit_paths(project, &paths, moved, &message).map_err(|e| e.to_string())
}

//! Gives an install that no upgrade of ours ever touched its baseline, and nothing else: from here on it is known what its files
//! were, without asking a source.

use std::path::{Path, PathBuf};

use crate::core::baseline;
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::path::RelPath;
use crate::core::plan::{Plan, ReleaseEvidence};
use crate::core::visible::Shown as _;
use crate::engine::maintenance::locked;
use crate::engine::maintenance::reconcile::{self, Found, ReconcileError};
use crate::engine::planning::edits::{self, Edit, EditKind};
use crate::engine::planning::make_plan::{self, PlanningError};
use crate::engine::planning::source::Source;
use crate::engine::planning::uninstalled;
use crate::engine::refusal::{Problem, problem};
use crate::host::session::catalog;
use crate::host::session::lock::Lock;

/// A baseline that can be written. The lock is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Adoption {
    /// What it says.
    pub(crate) found: Found,
    /// How the release was told.
    pub(crate) evidence: ReleaseEvidence,
    /// How many of its files stand there as some release shipped them.
    pub(crate) as_shipped: usize,
    /// Those that the user edited.
    pub(crate) edited: Vec<RelPath>,
    /// Those that are not there.
    pub(crate) deleted: Vec<RelPath>,
    /// How many files among the release's folders are the user's own.
    pub(crate) own: usize,
    /// Where the baseline is.
    pub(crate) path: PathBuf,
    _lock: Lock,
}

/// The release that an install's readable baseline names already; none where it has no baseline.
///
/// # Errors
/// [`Problem`] for a baseline that can't be read, and an install that was taken out.
pub(crate) fn known(install: &Path) -> Result<Option<String>, Problem> {
    if let Some(session) = uninstalled::done(install, &catalog::survey(install)) {
        return Err(uninstalled::is_out(install, session).unchanged());
    }
    make_plan::read_baseline(install).map(|found| found.map(|baseline| baseline.release)).map_err(|e| {
        let next = Next::Reconcile(None).of(install.parent().unwrap_or(install));
        let code = if matches!(e, PlanningError::Merged { .. }) { Code::TwoBaselines } else { Code::BadBaseline };
        problem(code, e, next).unchanged()
    })
}

impl Adoption {
    /// Opens the source, takes the lock, and looks at the install. Nothing is written yet.
    ///
    /// # Errors
    /// [`Problem`] for a source that has nothing to say about the install, and a lock that can't be had.
    pub(crate) fn find(source: &Path, install: &Path, note: &mut dyn FnMut(&str)) -> Result<Self, Problem> {
        let opened = reconcile::opened(source, &again(install))?;
        // Who is refused leaves nothing behind, not even a lock's file.
        planned(&opened, install)?;
        // From here on nobody else writes there.
        let lock = locked::without_session(install, note)?;
        let (found, evidence, all) = looked(&opened, install)?;
        let of = |kind: EditKind| all.iter().filter(|edit| edit.kind == kind).map(|edit| edit.path.clone()).collect();
        let (edited, deleted, own): (Vec<_>, Vec<_>, Vec<_>) =
            (of(EditKind::Edited), of(EditKind::Deleted), of(EditKind::Own));
        Ok(Self {
            evidence,
            as_shipped: found.baseline.files.len().saturating_sub(edited.len() + deleted.len()),
            edited,
            deleted,
            own: own.len(),
            path: install.join(baseline::FILE),
            found,
            _lock: lock,
        })
    }

    /// Writes the baseline and nothing else.
    ///
    /// # Errors
    /// [`Problem`]; then the install is as it was.
    pub(crate) fn write(&self) -> Result<(), Problem> {
        self.found.write(&self.path)
    }
}

/// The plan of an install without a baseline, and the release that it is of.
fn planned(source: &Source, install: &Path) -> Result<(Plan, String), Problem> {
    let planned = make_plan::plan_from(source, install, None, None).map_err(|e| unread(install, &e))?;
    let release = planned.plan.install.release.clone().filter(|commit| source.repo.resolve(commit).is_ok());
    let none = || unlike(install, ReconcileError::NoRelease(install.shown().to_string()).to_string());
    Ok((planned.plan, release.ok_or_else(none)?))
}

/// What the baseline would say, how the release was told, and what the user did since.
fn looked(source: &Source, install: &Path) -> Result<(Found, ReleaseEvidence, Vec<Edit>), Problem> {
    let (before, release) = planned(source, install)?;
    let found = reconcile::find(source, install, Some(&release)).map_err(|e| unread(install, &e))?;
    // What is written must not make an upgrade do anything else than it would have done.
    let with = make_plan::plan_from(source, install, None, Some(found.baseline.clone()));
    if let Some(path) = before.disagreements(&with.map_err(|e| unread(install, &e))?.plan).first() {
        let shown = install.shown();
        let what =
            format!("{shown}: the source does not tell clearly which release this install is of (for instance {path})");
        return Err(unlike(install, what));
    }
    let all = edits::find(install, Some(source)).map_err(|e| unread(install, &e))?.edits;
    Ok((found, before.install.release_evidence, all))
}

fn again(install: &Path) -> String {
    Next::Adopt(None).of(install.parent().unwrap_or(install))
}

fn unread(install: &Path, error: &impl std::fmt::Display) -> Problem {
    problem(Code::Files, error, again(install)).unchanged()
}

fn unlike(install: &Path, what: String) -> Problem {
    let next = format!("name a clone that has all releases: {}", again(install));
    problem(Code::ReleaseNotKnown, what, next).unchanged()
}

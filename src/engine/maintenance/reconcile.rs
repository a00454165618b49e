//! Makes one baseline where two upgrades met in a git merge: from the source's releases, what the two sides say, and the
//! files that stand in the install.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::baseline::{self, Baseline, BaselineFile};
use crate::core::classify::{Installed, InstalledTree};
use crate::core::error_code::Code;
use crate::core::path::RelPath;
use crate::core::release_history::{History, Shipped, Tree};
use crate::core::visible::Shown as _;
use crate::engine::maintenance::locked;
use crate::engine::planning::make_plan;
use crate::engine::planning::make_plan::PlanningError;
use crate::engine::planning::source::Source;
use crate::engine::refusal::{Problem, problem};
use crate::engine::report::documents;
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::files::scan;
use crate::host::files::stat_cache::StatCache;
use crate::host::install;
use crate::host::session::lock::Lock;

/// Why no baseline can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// Source or install can't be read.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// The install is like none that the source knows.
    #[error("{0}: no release of the source is like this install")]
    NoRelease(String),
}

impl From<FsError> for ReconcileError {
    fn from(error: FsError) -> Self {
        Self::Planning(error.into())
    }
}

/// A baseline that can be written. The lock is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Reconciled {
    /// What was found.
    pub(crate) found: Found,
    /// Where the baseline is.
    pub(crate) path: PathBuf,
    lock: Lock,
}

impl Reconciled {
    /// Opens the source, takes the lock, and looks at the install. Nothing is written yet.
    ///
    /// # Errors
    /// [`Problem`] for a source that has nothing to say about the install, and a lock that can't be had.
    pub(crate) fn find(source: &Path, install: &Path, note: &mut dyn FnMut(&str)) -> Result<Self, Problem> {
        let next = "name a clone: pos-upgrade-tui reconcile --source DIR";
        let unusable = |what: String| problem(Code::NotASource, what, next).unchanged();
        let opened = opened(source, next)?;
        // From here on nobody else writes there.
        let lock = locked::without_session(install, note)?;
        let found = find(&opened, install, None).map_err(|e| unusable(e.to_string()))?;
        Ok(Self { found, path: install.join(baseline::FILE), lock })
    }

    /// Writes the baseline and nothing else; one that could not be read is kept among the rescued files. Where, relative
    /// to the project.
    ///
    /// # Errors
    /// [`Problem`]; then the install is as it was.
    pub(crate) fn write(&self) -> Result<Option<String>, Problem> {
        let install = self.lock.install();
        let mut kept = None;
        if self.found.unusable {
            let rescue = locked::rescue_folder(install)?;
            let folder = install.make_folder(rescue.under(install)).map_err(failed)?;
            let old = read::read_if_there(&self.path).map_err(failed)?.unwrap_or_default();
            fs::write_durable(&folder.join(baseline::FILE), &old, 0o644).map_err(failed)?;
            kept = Some(format!("{}/{rescue}/{}", install::name_of(install), baseline::FILE));
        }
        self.found.write(&self.path)?;
        Ok(kept)
    }
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The baseline as it should be.
    pub(crate) baseline: Baseline,
    /// The releases that the file in the install names, one for each side of a merge; empty if it names none.
    pub(crate) named: Vec<String>,
    /// Files that are of other releases, with those.
    pub(crate) others: Vec<(RelPath, String)>,
    /// Files that are no release's: the user's edits, judged against the release.
    pub(crate) edited: Vec<RelPath>,
    /// The file in the install says all this already.
    pub(crate) same: bool,
    /// The file in the install can't be read as a baseline.
    pub(crate) unusable: bool,
}

impl Found {
    /// Writes the baseline.
    ///
    /// # Errors
    /// [`Problem`]; then the install is as it was.
    pub(super) fn write(&self, path: &Path) -> Result<(), Problem> {
        let text = self.baseline.to_json().doing("write", path).map_err(failed)?;
        fs::write_durable(path, text.as_bytes(), documents::mode_of(path)).map_err(failed)
    }
}

fn failed(error: FsError) -> Problem {
    problem(Code::Files, format!("{error}; the install is as it was"), "mend that, then try again")
}

/// The clone that has an install's releases; `next` says how another one is named.
///
/// # Errors
/// [`Problem`] for what is none.
pub(super) fn opened(source: &Path, next: &str) -> Result<Source, Problem> {
    let unusable = |what: String| problem(Code::NotASource, what, next).unchanged();
    let opened = Source::open(source, None).map_err(|e| unusable(e.to_string()))?;
    match opened.marked() {
        Some(_) => Ok(opened),
        None => Err(unusable(format!("{}: not a praxis-os repository", source.shown()))),
    }
}

/// Looks at the source and the install. `told` is the release that the install is most like, where that is known already.
///
/// # Errors
/// [`ReconcileError`].
pub(super) fn find(source: &Source, install: &Path, told: Option<&str>) -> Result<Found, ReconcileError> {
    let text = read::read_if_there(&install.join(baseline::FILE))?;
    let now: Option<Baseline> = text.as_ref().and_then(|text| serde_json::from_slice(text).ok());
    let mut sides: Vec<Baseline> = match (&now, &text) {
        (Some(one), _) => vec![one.clone()],
        (None, Some(text)) => baseline::sides(text).into_iter().flatten().collect(),
        (None, None) => Vec::new(),
    };
    let mut named: Vec<String> = sides.iter().map(|side| side.release.clone()).collect();
    named.dedup();
    let installed = scan::scan(install, source.repo.format, &StatCache::default())?;
    let (_, layout) = make_plan::layout_of(install)?;
    let place = |path: &RelPath| layout.install_path(path, |folder| installed.folders.contains(folder));
    let release = match choose(source, &named, &installed, &place)? {
        Some(release) => release,
        None => told.map_or_else(|| like(source, install), |told| Ok(told.to_owned()))?,
    };
    // The side of the release that was chosen tells first.
    sides.sort_by_key(|side| side.release != release);
    let history = History::new(source.repo.history(&source.blobs, &release).map_err(PlanningError::from)?);
    let tree = tree_at(source, &release)?;
    let judge = Judge { release: &release, sides: &sides, history: &history, installed: &installed };
    let mut files = BTreeMap::new();
    let mut edited = Vec::new();
    for (source_path, shipped) in &tree {
        let Some(path) = place(source_path) else { continue };
        let (file, is_edited) = judge.file(&path, source_path, shipped);
        if is_edited {
            edited.push(path.clone());
        }
        files.insert(path, file);
    }
    for (path, file) in judge.left_behind(&tree, &files) {
        files.insert(path, file);
    }
    let others =
        files.iter().filter_map(|(path, file): (&RelPath, &BaselineFile)| Some((path.clone(), file.release.clone()?)));
    let others = others.collect();
    let baseline = Baseline { schema: 1, release, layout: layout.name.clone(), files };
    let same = now.as_ref() == Some(&baseline);
    Ok(Found { baseline, named, others, edited, same, unusable: text.is_some() && now.is_none() })
}

fn tree_at(source: &Source, commit: &str) -> Result<Tree, ReconcileError> {
    Ok(source.tree_at(commit).map_err(PlanningError::from)?)
}

/// The release among those named: the one that holds the others, for a merge has the changes of both; else the one with
/// more files in the install as it ships them. None where the source has none of them.
fn choose(
    source: &Source,
    named: &[String],
    installed: &InstalledTree,
    place: &dyn Fn(&RelPath) -> Option<RelPath>,
) -> Result<Option<String>, ReconcileError> {
    let known: Vec<&String> = named.iter().filter(|commit| source.repo.resolve(commit).is_ok()).collect();
    let newest =
        known.iter().find(|one| known.iter().all(|other| one == &other || source.repo.is_ancestor(other, one)));
    if let Some(newest) = newest {
        return Ok(Some((*newest).clone()));
    }
    let mut best: Option<(usize, &String)> = None;
    for commit in known {
        let tree = tree_at(source, commit)?;
        let is_there = |(path, shipped): &(&RelPath, &Shipped)| {
            place(path).and_then(|path| installed.files.get(&path)).is_some_and(|mine| same(mine, shipped))
        };
        let count = tree.iter().filter(is_there).count();
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, commit));
        }
    }
    Ok(best.map(|(_, commit)| commit.clone()))
}

/// The release that the install is most like, where no baseline tells.
fn like(source: &Source, install: &Path) -> Result<String, ReconcileError> {
    let planned = make_plan::plan_from(source, install, None, None)?;
    let release = planned.plan.install.release.filter(|commit| source.repo.resolve(commit).is_ok());
    release.ok_or_else(|| ReconcileError::NoRelease(install.shown().to_string()))
}

fn same(mine: &Installed, shipped: &Shipped) -> bool {
    mine.blob == shipped.blob || mine.blob_with_lf.as_ref() == Some(&shipped.blob)
}

struct Judge<'a> {
    release: &'a str,
    sides: &'a [Baseline],
    history: &'a History,
    installed: &'a InstalledTree,
}

impl Judge<'_> {
    /// What one path of the release started from, and whether what stands there is the user's edit of it.
    fn file(&self, path: &RelPath, source_path: &RelPath, shipped: &Shipped) -> (BaselineFile, bool) {
        let of_release = BaselineFile::of(source_path, shipped);
        let mine = self.installed.files.get(path);
        if mine.is_some_and(|mine| same(mine, shipped)) {
            return (of_release, false);
        }
        // What a side has there, and stands there as that side's release ships it.
        let said: Vec<BaselineFile> = self.sides.iter().filter_map(|side| self.said(side, path)).collect();
        if let Some(mine) = mine {
            if let Some(other) = said.iter().find(|file| same(mine, &file.shipped())) {
                return (other.clone(), false);
            }
            if let Some((release, blob)) = self.shipped_by(source_path, mine) {
                let file = BaselineFile { blob, release: Some(release), ..of_release };
                return (file, false);
            }
        }
        // Edited or gone. Where all sides agree on what it was, it was that; else a merge has brought the newest in.
        let agreed = said.first().filter(|first| said.iter().all(|file| file.blob == first.blob));
        (agreed.cloned().unwrap_or(of_release), mine.is_some())
    }

    /// A side's word on a path, with the release it is from where that is not the one that was chosen.
    fn said(&self, side: &Baseline, path: &RelPath) -> Option<BaselineFile> {
        let file = side.files.get(path)?.clone();
        let from = file.release.clone().unwrap_or_else(|| side.release.clone());
        Some(BaselineFile { release: Some(from).filter(|from| from != self.release), ..file })
    }

    /// The newest commit that brought what stands there.
    fn shipped_by(&self, source_path: &RelPath, mine: &Installed) -> Option<(String, crate::core::blob::BlobId)> {
        self.history.commits().iter().rev().find_map(|commit| {
            let change = commit.changes.iter().find(|change| change.path == *source_path)?;
            let blob = change.blob.as_ref()?;
            let it = Shipped { blob: blob.clone(), executable: change.executable };
            same(mine, &it).then(|| (commit.id.clone(), blob.clone()))
        })
    }

    /// Files that a side knows, that the release no longer ships, and that still stand there.
    fn left_behind(&self, tree: &Tree, files: &BTreeMap<RelPath, BaselineFile>) -> Vec<(RelPath, BaselineFile)> {
        let paths: BTreeSet<&RelPath> = self.sides.iter().flat_map(|side| side.files.keys()).collect();
        let left =
            paths.into_iter().filter(|path| !files.contains_key(*path) && self.installed.files.contains_key(*path));
        left.filter_map(|path| {
            let file = self.sides.iter().find_map(|side| self.said(side, path))?;
            (!tree.contains_key(&file.source_path)).then(|| (path.clone(), file))
        })
        .collect()
    }
}

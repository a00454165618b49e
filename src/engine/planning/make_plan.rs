//! Reads source and install and makes the plan; gives the texts of its entries.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::baseline::{self, Baseline};
use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::classify::{self, Inputs, InstalledTree};
use crate::core::layout::{Generation, Layout, layouts};
use crate::core::outcome::{Sides, merge_of};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Only, Plan};
use crate::core::related::{self, Both};
use crate::core::release_history::History;
use crate::core::visible::{self, Shown as _};
use crate::engine::planning::lfs_pointers;
use crate::engine::planning::source::Source;
use crate::host::files::error::FsError;
use crate::host::files::folder::{Content, Folder};
use crate::host::files::read;
use crate::host::files::scan;
use crate::host::files::stat_cache::StatCache;
use crate::host::git::{Blobs, GitError};
use crate::host::python::compile;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The source.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The install.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// A baseline that can't be used.
    #[error("{}: not a readable baseline ({})", .path.shown(), visible::line(.problem))]
    Baseline {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A baseline in which git left two sides of a merge.
    #[error("{path}: git left two sides of a merge in it, from line {line} on: {}", of_releases(releases))]
    Merged {
        /// The file.
        path: PathBuf,
        /// The first line with a conflict marker.
        line: usize,
        /// The releases that the sides name, as far as they can be read.
        releases: Vec<String>,
    },
    /// No known layout.
    #[error("{}: has no `standards` folder, so it doesn't look like an install", .0.shown())]
    UnknownLayout(PathBuf),
}

fn of_releases(releases: &[String]) -> String {
    let names: Vec<&str> = releases.iter().map(|r| crate::core::release_history::short(r)).collect();
    match names.as_slice() {
        [] => "what they say can't be read".to_owned(),
        [one] => format!("both of release {one}"),
        all => format!("of the releases {}", all.join(" and ")),
    }
}

/// Texts from the source's objects, the kept base, and the install.
struct Store<'a> {
    blobs: &'a Blobs,
    install: &'a Path,
    folder: Folder,
    /// The first text that is there and could not be read. A plan without it would be another one.
    unreadable: RefCell<Option<FsError>>,
    /// The last text of the user's: one question about a file leads to the next.
    last: RefCell<Option<(RelPath, Arc<[u8]>)>>,
    /// Those of Python files, which are merged once more for whoever compiles them.
    python: RefCell<BTreeMap<RelPath, Arc<[u8]>>>,
    /// Texts of the user's in which git left two sides of a merge, with the line.
    unmerged: RefCell<BTreeMap<RelPath, usize>>,
}

impl<'a> Store<'a> {
    fn open(blobs: &'a Blobs, install: &'a Path) -> Result<Self, FsError> {
        Ok(Self {
            blobs,
            install,
            folder: Folder::open(install)?,
            unreadable: RefCell::default(),
            last: RefCell::default(),
            python: RefCell::default(),
            unmerged: RefCell::default(),
        })
    }

    /// What was read, if it could be; an error is kept for [`Self::check`].
    fn noted<T>(&self, read: Result<Option<T>, FsError>) -> Option<T> {
        read.unwrap_or_else(|e| {
            self.unreadable.borrow_mut().get_or_insert(e);
            None
        })
    }

    /// The texts of an entry, as far as they exist.
    fn sides(&self, entry: &FileEntry) -> Sides {
        use classify::Texts as _;
        let spot = entry.from.as_ref().unwrap_or(&entry.path);
        Sides {
            base: entry.base.as_ref().and_then(|id| self.blob(id)),
            mine: if entry.mine.is_some() { self.mine(spot) } else { None },
            theirs: entry.theirs.as_ref().and_then(|id| self.blob(id)),
        }
    }

    /// What a program says against texts that are merged by themselves, by their entries' paths.
    fn damages<'e>(&self, entries: impl Iterator<Item = &'e FileEntry>) -> BTreeMap<RelPath, String> {
        let merged = entries.filter(|entry| is_python(&entry.path)).filter_map(|entry| {
            let sides = self.sides(entry);
            let merged = merge_of(&entry.path, &sides)?.result(&[])?;
            Some(Merged { path: entry.path.clone(), mine: sides.mine?, text: merged.into() })
        });
        python_damages(self.install, &merged.collect::<Vec<_>>())
    }

    /// Whether everything that was asked for could be read.
    fn check(&self) -> Result<(), FsError> {
        self.unreadable.take().map_or(Ok(()), Err)
    }
}

impl classify::Texts for Store<'_> {
    fn blob(&self, id: &BlobId) -> Option<Arc<[u8]>> {
        self.blobs.read(id).or_else(|| self.noted(kept_base(self.install, id)))
    }

    fn mine(&self, path: &RelPath) -> Option<Arc<[u8]>> {
        if let Some((_, text)) = self.last.borrow().as_ref().filter(|(last, _)| last == path) {
            return Some(text.clone());
        }
        if let Some(text) = self.python.borrow().get(path) {
            return Some(text.clone());
        }
        let text = self.noted(mine(&self.folder, path))?;
        if is_python(path) {
            self.python.borrow_mut().insert(path.clone(), text.clone());
        }
        self.last.replace(Some((path.clone(), text.clone())));
        if let Some(line) = baseline::marker(&text) {
            self.unmerged.borrow_mut().insert(path.clone(), line);
        }
        Some(text)
    }
}

/// The user's text at a path; none if no file stands there.
///
/// # Errors
/// [`FsError`] where one does and can't be read.
pub fn mine(folder: &Folder, path: &RelPath) -> Result<Option<Arc<[u8]>>, FsError> {
    match folder.read(path)? {
        Content::File { bytes, .. } => Ok(Some(bytes.into())),
        Content::Absent | Content::Folder | Content::Other => Ok(None),
    }
}

fn is_python(path: &RelPath) -> bool {
    path.name().ends_with(b".py")
}

/// A text that was merged from the user's.
struct Merged {
    path: RelPath,
    mine: Arc<[u8]>,
    text: Arc<[u8]>,
}

/// Merged Python files that no longer compile, where mine did. Whether theirs do is not asked: this machine's interpreter
/// may be older than the one that will run them, and then a person looks at it.
fn python_damages(install: &Path, all: &[Merged]) -> BTreeMap<RelPath, String> {
    let texts = all.iter().map(|merged| (merged.path.clone(), merged.text.clone()));
    let errors = compile::compile_errors(install, &texts.collect::<Vec<_>>());
    let broken = all.iter().filter(|merged| errors.contains_key(&merged.path));
    let mine = broken.map(|merged| (merged.path.clone(), merged.mine.clone()));
    let before = compile::compile_errors(install, &mine.collect::<Vec<_>>());
    let new = errors.into_iter().filter(|(path, _)| !before.contains_key(path));
    new.map(|(path, error)| (path, format!("does not compile: {error}"))).collect()
}

/// The same for one file, of whatever kind.
pub(crate) fn python_damage(install: &Path, path: &RelPath, mine: &[u8], merged: &[u8]) -> Option<String> {
    if !is_python(path) {
        return None;
    }
    let one = Merged { path: path.clone(), mine: mine.into(), text: merged.into() };
    python_damages(install, &[one]).into_values().next()
}

/// Where the bytes of the release last installed are kept, by blob id.
pub fn base_path(install: &Path, id: &BlobId) -> PathBuf {
    install.join(".upgrade/base").join(id.to_string())
}

/// Bytes of an earlier release that the install keeps; none if they are gone, or are not what their name says.
///
/// # Errors
/// Those of [`kept`].
pub(crate) fn kept_base(install: &Path, id: &BlobId) -> Result<Option<Arc<[u8]>>, FsError> {
    kept(&base_path(install, id), id)
}

/// The bytes of a blob that are kept in a file; none if they are gone, or are not what they should be.
///
/// # Errors
/// [`FsError`] where they are there and can't be read.
pub fn kept(path: &Path, id: &BlobId) -> Result<Option<Arc<[u8]>>, FsError> {
    let bytes = read::read_own_if_there(path)?;
    Ok(bytes.filter(|bytes| BlobId::of(bytes, id.format()) == *id).map(Into::into))
}

/// The install's generation and layout by its folders.
///
/// # Errors
/// [`PlanningError::UnknownLayout`].
pub(crate) fn layout_of(install: &Path) -> Result<(&'static Generation, &'static Layout), PlanningError> {
    let name = install.file_name().unwrap_or_default().as_encoded_bytes();
    let found = layouts().installed(name, |folder| folder.under(install).is_dir());
    found.ok_or_else(|| PlanningError::UnknownLayout(install.to_owned()))
}

/// The install's baseline, if it has one.
///
/// # Errors
/// [`PlanningError::Baseline`] for one that can't be read: guessing instead could take an edit for a release's file.
pub(crate) fn read_baseline(install: &Path) -> Result<Option<Baseline>, PlanningError> {
    let path = install.join(baseline::FILE);
    let Some(bytes) = read::read_note_if_there(&path)? else { return Ok(None) };
    match serde_json::from_slice(&bytes) {
        Ok(found) => Ok(Some(found)),
        Err(e) => Err(match baseline::marker(&bytes) {
            Some(line) => {
                let sides: Vec<Baseline> = baseline::sides(&bytes).into_iter().flatten().collect();
                let mut releases: Vec<String> = sides.into_iter().map(|side| side.release).collect();
                releases.dedup();
                PlanningError::Merged { path, line, releases }
            }
            None => PlanningError::Baseline { path, problem: e.to_string() },
        }),
    }
}

/// A plan with what it was made from.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The source's history up to its commit.
    pub history: History,
    /// What the install held when it was made.
    pub(crate) installed: InstalledTree,
    /// The baseline that is written when the plan has been applied.
    pub next_baseline: Baseline,
    /// Why this would be a downgrade, if it would.
    pub downgrade: Option<String>,
    /// Why the source has nothing to do with this install, if it hasn't.
    pub stranger: Option<String>,
    /// Paths whose new content is only a git-lfs pointer; see [`lfs_pointers`].
    pub pointers: Vec<RelPath>,
    /// Texts of the user's that were read and in which git left two sides of a merge, with the line.
    pub unmerged: BTreeMap<RelPath, usize>,
}

/// Makes the plan for the whole install. Reads only.
///
/// # Errors
/// [`PlanningError`].
pub fn make_plan(source: &Source, install: &Path) -> Result<Planned, PlanningError> {
    make_plan_for(source, install, None)
}

/// Makes the plan for a part of the install, or all of it. Reads only, and no file of which is known what it holds.
///
/// # Errors
/// [`PlanningError`].
pub(crate) fn make_plan_for(source: &Source, install: &Path, only: Option<Only>) -> Result<Planned, PlanningError> {
    plan_from(source, install, only, read_baseline(install)?)
}

/// Makes the plan once more for who is going to carry it out: each file is read. Gives also what is known of them now.
///
/// # Errors
/// [`PlanningError`].
pub(crate) fn make_plan_anew(
    source: &Source,
    install: &Path,
    only: Option<Only>,
) -> Result<(Planned, StatCache), PlanningError> {
    let mut cache = StatCache::default();
    let scan = |format| {
        let (tree, now) = scan::scan_and_remember(install, format, &StatCache::default())?;
        cache = now;
        Ok(tree)
    };
    let planned = plan_with(source, install, only, read_baseline(install)?, scan)?;
    Ok((planned, cache))
}

/// Makes a plan as if the install had this baseline, or none. Reads only.
///
/// # Errors
/// [`PlanningError`].
pub(crate) fn plan_from(
    source: &Source,
    install: &Path,
    only: Option<Only>,
    baseline: Option<Baseline>,
) -> Result<Planned, PlanningError> {
    plan_with(source, install, only, baseline, |format| scan::scan(install, format, &StatCache::read(install, format)))
}

fn plan_with(
    source: &Source,
    install: &Path,
    only: Option<Only>,
    baseline: Option<Baseline>,
    scan: impl FnOnce(ObjectFormat) -> Result<InstalledTree, FsError> + Send,
) -> Result<Planned, PlanningError> {
    let (generation_now, layout_now) = layout_of(install)?;
    let generation_next = source.generation();
    // The three need different things of the machine: git, the disk, and git again.
    let (history, installed) = std::thread::scope(|scope| {
        let scan = scope.spawn(|| scan(source.repo.format));
        let history = source.repo.history(&source.blobs, &source.commit);
        let installed = scan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (history, installed)
    });
    // Comparing files, git stumbles over what is damaged without saying which file it is.
    let told = |e: GitError| source.find_damage().err().unwrap_or(e);
    let (history, later) = (history.map_err(told)?, source.repo.later(&source.blobs, &source.commit).map_err(told)?);
    let (history, installed) = (History::new(history).with_later(&later), installed?);
    let roots = classify::roots(&history, &installed, baseline.as_ref(), (generation_now, layout_now), generation_next);
    let texts = Store::open(&source.blobs, install)?;
    let (mut vetoes, mut asked) = (BTreeMap::new(), BTreeSet::new());
    let classify::Planned { mut plan, newer, next_baseline } = loop {
        let planned = classify::plan(&Inputs {
            history: &history,
            target: &source.tree,
            generation_now,
            layout_now,
            generation_next,
            roots: &roots,
            installed: &installed,
            baseline: baseline.as_ref(),
            manifest: source.manifest(),
            only,
            source: source.head(),
            install_path: install.to_owned(),
            texts: &texts,
            vetoes: &vetoes,
        });
        // Each is asked about once, so this ends.
        let damaged = texts.damages(planned.auto_merges().filter(|entry| asked.insert(entry.path.clone())));
        if damaged.is_empty() {
            break planned;
        }
        vetoes.extend(damaged);
    };
    texts.check()?;
    let unmerged = texts.unmerged.take();
    let both = Both {
        history: &history,
        target: &source.tree,
        roots: &roots,
        installed: &installed,
        baseline: baseline.as_ref(),
    };
    let stranger = related::stranger(&both);
    let downgrade = downgrade(source, generation_now, baseline.as_ref(), &newer);
    source.check_contents(&plan)?;
    let pointers = lfs_pointers::name(source, &mut plan);
    Ok(Planned { plan, history, installed, next_baseline, downgrade, stranger, pointers, unmerged })
}

/// Whether the install is newer than what would be installed, and how that is known.
fn downgrade(source: &Source, now: &Generation, baseline: Option<&Baseline>, newer: &[RelPath]) -> Option<String> {
    let to = crate::core::release_history::short(&source.commit);
    let next = source.generation();
    if next.is_before(now) {
        return Some(format!(
            "the install is of the generation {}, which came after {}, of which {to} is",
            now.name, next.name
        ));
    }
    if let Some(installed) = baseline.map(|b| &b.release).filter(|r| **r != source.commit)
        && source.repo.is_ancestor(&source.commit, installed)
    {
        return Some(format!(
            "the install is at {}, which came after {to}",
            crate::core::release_history::short(installed)
        ));
    }
    let first = newer.first()?;
    Some(format!("{} files of the install are from a release after {to}, for instance {first}", newer.len()))
}

/// The texts of an entry, as far as they exist.
///
/// # Errors
/// [`PlanningError`] for an install that can't be read, and a source that has something else under a blob's name.
pub fn sides(source: &Source, install: &Path, entry: &FileEntry) -> Result<Sides, PlanningError> {
    let store = Store::open(&source.blobs, install)?;
    let sides = store.sides(entry);
    for (id, text) in [(&entry.base, &sides.base), (&entry.theirs, &sides.theirs)] {
        // What the install keeps of an earlier release may stand in for it.
        source.must_be_sound(id.as_ref().filter(|_| text.is_none()), &entry.path)?;
    }
    store.check()?;
    Ok(sides)
}

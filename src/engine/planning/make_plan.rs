//! Reads source and install and makes the plan; gives the texts of its entries.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::core::baseline::{self, Baseline};
use crate::core::blob::{BlobId, is_lfs_pointer, sha256};
use crate::core::classify::{self, Inputs};
use crate::core::layout::{Layout, layouts};
use crate::core::os_text;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Only, Plan, PlanSource};
use crate::core::provenance::{History, Tree};
use crate::core::related::{self, Both};
use crate::core::visible::{self, Shown as _};
use crate::engine::planning::lfs_pointers;
use crate::host::files::error::FsError;
use crate::host::files::folder::{Content, Folder};
use crate::host::files::fs;
use crate::host::files::scan;
use crate::host::git::{Blobs, GitError, Listing, Repo};
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
    let names: Vec<&str> = releases.iter().map(|r| classify::short(r)).collect();
    match names.as_slice() {
        [] => "what they say can't be read".to_owned(),
        [one] => format!("both of release {one}"),
        all => format!("of the releases {}", all.join(" and ")),
    }
}

/// The source at one commit.
#[derive(Debug)]
pub struct Source {
    /// The repository.
    pub repo: Repo,
    /// The commit's full id.
    pub commit: String,
    /// Its label.
    pub version: String,
    /// Its files that an install can hold.
    pub tree: Tree,
    /// What else its commit ships, as far as it matters.
    listing: Listing,
    blobs: Blobs,
    /// Read when it is first asked for.
    manifest: OnceLock<BTreeMap<RelPath, String>>,
}

impl Source {
    /// Opens a clone at a commit, tag or branch (HEAD if none).
    ///
    /// # Errors
    /// [`GitError`].
    pub fn open(path: &Path, to: Option<&str>) -> Result<Self, GitError> {
        let repo = Repo::open(path)?;
        let commit = repo.resolve(to.unwrap_or("HEAD"))?;
        let blobs = repo.blobs()?;
        let mut listing = blobs.listing(&commit)?;
        let version = repo.version(&blobs, &listing);
        let tree = std::mem::take(&mut listing.tree);
        Ok(Self { repo, commit, version, tree, listing, blobs, manifest: OnceLock::new() })
    }

    /// The files of another commit of its history that an install can hold.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn tree_at(&self, commit: &str) -> Result<Tree, GitError> {
        Ok(self.blobs.listing(commit)?.tree)
    }

    /// The bytes of one of its blobs; none if it doesn't have it, or has something else under this name.
    pub fn read(&self, id: &BlobId) -> Option<Arc<[u8]>> {
        self.blobs.read(id)
    }

    /// The error of a blob that something else was found for, by a name for people.
    ///
    /// # Errors
    /// [`GitError::Damaged`].
    pub fn must_be_sound(&self, id: Option<&BlobId>, file: &RelPath) -> Result<(), GitError> {
        match id.filter(|id| self.blobs.is_damaged(id)) {
            Some(id) => Err(self.damaged(id, file)),
            None => Ok(()),
        }
    }

    fn damaged(&self, id: &BlobId, file: &RelPath) -> GitError {
        let (path, id) = (self.repo.path().to_owned(), id.as_str().to_owned());
        GitError::Damaged { path, kind: "blob", id, file: Some(file.to_string()) }
    }

    /// Reads all that the commit ships.
    fn find_damage(&self) -> Result<(), GitError> {
        match self.tree.iter().find(|(_, shipped)| self.read(&shipped.blob).is_none()) {
            Some((path, shipped)) => Err(self.damaged(&shipped.blob, path)),
            None => Ok(()),
        }
    }

    /// Reads what a plan installs, once, so that nothing is found damaged when it is applied.
    fn check_contents(&self, plan: &Plan) -> Result<(), GitError> {
        for file in &plan.files {
            let name = file.source_path.as_ref().unwrap_or(&file.path);
            if let Some(id) = file.theirs.as_ref().filter(|_| lfs_pointers::theirs_is_used(file))
                && self.read(id).is_none()
            {
                return Err(self.damaged(id, name));
            }
            if let Some(base) = file.base.as_ref().filter(|base| file.mine.as_ref() != Some(base)) {
                // What the user's edit is compared with; nothing may have asked for it yet.
                let _ = self.read(base);
            }
            self.must_be_sound(file.base.as_ref(), name)?;
            self.must_be_sound(file.theirs.as_ref(), name)?;
        }
        Ok(())
    }

    /// Whether a blob of the commit stands for a file that git-lfs keeps elsewhere.
    pub fn is_lfs_pointer(&self, id: &BlobId) -> bool {
        self.listing.small.contains(id) && self.read(id).is_some_and(|bytes| is_lfs_pointer(&bytes))
    }

    /// Whether the commit has the folders that every praxis-os repository has.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn is_praxis_os(&self) -> Result<bool, GitError> {
        Ok(is_laid_out(&self.listing.top_folders))
    }

    /// The last release before this commit that has these folders, where the commit itself is laid out otherwise, as
    /// those of a later generation are.
    pub fn last_known(&self) -> Option<String> {
        let mut last = layouts().source_marks.iter().filter_map(|mark| self.repo.last_with(&self.commit, mark));
        last.find(|commit| self.blobs.top_folders(commit).is_ok_and(|top| is_laid_out(&top)))
    }

    /// What its manifest lists: the sha256 (hex) of each source path. Empty without a readable manifest.
    fn manifest(&self) -> &BTreeMap<RelPath, String> {
        self.manifest.get_or_init(|| self.read_manifest().unwrap_or_default())
    }

    fn read_manifest(&self) -> Option<BTreeMap<RelPath, String>> {
        #[derive(serde::Deserialize)]
        struct Manifest {
            files: BTreeMap<String, Listed>,
        }
        #[derive(serde::Deserialize)]
        struct Listed {
            checksum: String,
        }
        let bytes = self.read(self.listing.blob(&format!("{MANIFEST_FOLDER}.universal-manifest.json"))?)?;
        let found: Manifest = serde_json::from_slice(&bytes).ok()?;
        let listed = |(path, file): (String, Listed)| {
            let sum = file.checksum.strip_prefix("sha256:")?.to_ascii_lowercase();
            Some((RelPath::new(format!("{MANIFEST_FOLDER}{path}")).ok()?, sum))
        };
        Some(found.files.into_iter().filter_map(listed).collect())
    }

    /// For the plan's head.
    pub fn head(&self) -> PlanSource {
        PlanSource {
            path: self.repo.path().to_string_lossy().into_owned(),
            path_base64: os_text::base64(self.repo.path()),
            version: self.version.clone(),
            commit: self.commit.clone(),
            shallow: self.repo.shallow,
        }
    }
}

/// Whether these are the top folders of a praxis-os repository.
fn is_laid_out(top: &[String]) -> bool {
    layouts().source_marks.iter().all(|mark| top.contains(mark))
}

/// Texts from the source's objects, the kept base, and the install.
struct Store<'a> {
    blobs: &'a Blobs,
    install: &'a Path,
    folder: Folder,
    /// The first text that is there and could not be read. A plan without it would be another one.
    unreadable: RefCell<Option<FsError>>,
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

    /// Whether everything that was asked for could be read.
    fn check(&self) -> Result<(), FsError> {
        self.unreadable.take().map_or(Ok(()), Err)
    }
}

impl classify::Texts for Store<'_> {
    fn blob(&self, id: &BlobId) -> Option<Arc<[u8]>> {
        self.blobs.read(id).or_else(|| self.noted(kept_base(self.install, id)))
    }

    fn damage(&self, path: &RelPath, mine: &[u8], merged: &[u8]) -> Option<String> {
        python_damage(self.install, path, mine, merged)
    }

    fn mine(&self, path: &RelPath) -> Option<Arc<[u8]>> {
        let text = self.noted(mine(&self.folder, path))?;
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

/// A merged Python file that no longer compiles, where mine did. Whether theirs does is not asked: this machine's
/// interpreter may be older than the one that will run it, and then a person looks at it.
pub fn python_damage(install: &Path, path: &RelPath, mine: &[u8], merged: &[u8]) -> Option<String> {
    if !path.name().ends_with(b".py") {
        return None;
    }
    let error = compile::compile_error(install, merged)?;
    compile::compile_error(install, mine).is_none().then(|| format!("does not compile: {error}"))
}

/// What the manifest's paths are relative to.
const MANIFEST_FOLDER: &str = "universal/";

/// How the source's manifest compares with what its commit ships: usually it is stale, so it is asked last.
pub fn stale_manifest(source: &Source) -> Option<String> {
    let manifest = source.manifest();
    if manifest.is_empty() {
        return None;
    }
    let (mut same, mut other, mut gone) = (0, 0, 0);
    for (path, sum) in manifest {
        match source.tree.get(path).and_then(|file| source.read(&file.blob)) {
            None => gone += 1,
            Some(bytes) if *sum == sha256(&bytes) => same += 1,
            Some(_) => other += 1,
        }
    }
    let in_folder = source.tree.keys().filter(|p| p.to_str().is_some_and(|p| p.starts_with(MANIFEST_FOLDER)));
    let unlisted = in_folder.filter(|p| !manifest.contains_key(p)).count();
    (other + gone + unlisted > 0).then(|| {
        format!(
            "nothing to do: the source's manifest is out of date, its history is used ({same} of {} checksums match, \
             {other} differ, {gone} files are gone, {unlisted} are not listed)",
            manifest.len()
        )
    })
}

/// Where the bytes of the release last installed are kept, by blob id.
pub fn base_path(install: &Path, id: &BlobId) -> PathBuf {
    install.join(".upgrade/base").join(id.as_str())
}

/// Bytes of an earlier release that the install keeps; none if they are gone, or are not what their name says.
///
/// # Errors
/// Those of [`kept`].
pub fn kept_base(install: &Path, id: &BlobId) -> Result<Option<Arc<[u8]>>, FsError> {
    kept(&base_path(install, id), id)
}

/// The bytes of a blob that are kept in a file; none if they are gone, or are not what they should be.
///
/// # Errors
/// [`FsError`] where they are there and can't be read.
pub fn kept(path: &Path, id: &BlobId) -> Result<Option<Arc<[u8]>>, FsError> {
    let bytes = fs::read_own_if_there(path)?;
    Ok(bytes.filter(|bytes| BlobId::of(bytes, id.format()) == *id).map(Into::into))
}

/// The install's layout by its folders.
///
/// # Errors
/// [`PlanningError::UnknownLayout`].
pub fn layout_of(install: &Path) -> Result<&'static Layout, PlanningError> {
    let found = layouts().detect(|folder| folder.under(install).is_dir());
    found.ok_or_else(|| PlanningError::UnknownLayout(install.to_owned()))
}

/// The install's baseline, if it has one.
///
/// # Errors
/// [`PlanningError::Baseline`] for one that can't be read: guessing instead could take an edit for a release's file.
pub fn read_baseline(install: &Path) -> Result<Option<Baseline>, PlanningError> {
    let path = install.join(baseline::FILE);
    let Some(bytes) = fs::read_note_if_there(&path)? else { return Ok(None) };
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

/// Makes the plan for a part of the install, or all of it. Reads only.
///
/// # Errors
/// [`PlanningError`].
pub fn make_plan_for(source: &Source, install: &Path, only: Option<Only>) -> Result<Planned, PlanningError> {
    plan_from(source, install, only, read_baseline(install)?)
}

/// Makes a plan as if the install had this baseline, or none. Reads only.
///
/// # Errors
/// [`PlanningError`].
pub fn plan_from(
    source: &Source,
    install: &Path,
    only: Option<Only>,
    baseline: Option<Baseline>,
) -> Result<Planned, PlanningError> {
    let layout_now = layout_of(install)?;
    let layout_next = layouts().target();
    // The three need different things of the machine: git, the disk, and git again.
    let (history, installed) = std::thread::scope(|scope| {
        let scan = scope.spawn(|| scan::scan(install, source.repo.format));
        let history = source.repo.history(&source.commit);
        let installed = scan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (history, installed)
    });
    // Comparing files, git stumbles over what is damaged without saying which file it is.
    let told = |e: GitError| source.find_damage().err().unwrap_or(e);
    let (history, later) = (history.map_err(told)?, source.repo.later(&source.commit).map_err(told)?);
    let (history, installed) = (History::new(history).with_later(&later), installed?);
    let texts = Store::open(&source.blobs, install)?;
    let classify::Planned { mut plan, newer, next_baseline } = classify::plan(&Inputs {
        history: &history,
        target: &source.tree,
        layout_now,
        layout_next,
        installed: &installed,
        baseline: baseline.as_ref(),
        manifest: source.manifest(),
        only,
        source: source.head(),
        install_path: install.to_owned(),
        texts: &texts,
    });
    texts.check()?;
    let unmerged = texts.unmerged.take();
    let both = Both {
        history: &history,
        target: &source.tree,
        layout: layout_now,
        installed: &installed,
        baseline: baseline.as_ref(),
    };
    let stranger = related::stranger(&both);
    let downgrade = downgrade(source, baseline.as_ref(), &newer);
    source.check_contents(&plan)?;
    let pointers = lfs_pointers::name(source, &mut plan);
    Ok(Planned { plan, history, next_baseline, downgrade, stranger, pointers, unmerged })
}

/// Whether the install is newer than what would be installed, and how that is known.
fn downgrade(source: &Source, baseline: Option<&Baseline>, newer: &[RelPath]) -> Option<String> {
    let to = classify::short(&source.commit);
    if let Some(installed) = baseline.map(|b| &b.release).filter(|r| **r != source.commit)
        && source.repo.is_ancestor(&source.commit, installed)
    {
        return Some(format!("the install is at {}, which came after {to}", classify::short(installed)));
    }
    let first = newer.first()?;
    Some(format!("{} files of the install are from a release after {to}, for instance {first}", newer.len()))
}

/// The texts of an entry, as far as they exist.
///
/// # Errors
/// [`PlanningError`] for an install that can't be read, and a source that has something else under a blob's name.
pub fn sides(source: &Source, install: &Path, entry: &FileEntry) -> Result<Sides, PlanningError> {
    use classify::Texts as _;
    let store = Store::open(&source.blobs, install)?;
    let spot = entry.from.as_ref().unwrap_or(&entry.path);
    let sides = Sides {
        base: entry.base.as_ref().and_then(|id| store.blob(id)),
        mine: if entry.mine.is_some() { store.mine(spot) } else { None },
        theirs: entry.theirs.as_ref().and_then(|id| store.blob(id)),
    };
    for (id, text) in [(&entry.base, &sides.base), (&entry.theirs, &sides.theirs)] {
        // What the install keeps of an earlier release may stand in for it.
        source.must_be_sound(id.as_ref().filter(|_| text.is_none()), &entry.path)?;
    }
    store.check()?;
    Ok(sides)
}

//! The clone of praxis-os at one commit: its files, its manifest, and whether it is sound.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::core::blob::{BlobId, is_lfs_pointer, sha256};
use crate::core::error_code::Code;
use crate::core::layout::editors_and_rules::RuleText;
use crate::core::layout::{Generation, layouts};
use crate::core::os_text;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Plan, PlanSource};
use crate::core::release_history::Tree;
use crate::core::rules_file::Shipped;
use crate::host::git::{Blobs, GitError, Listing, MANIFEST_FOLDER, Repo};

/// The source at one commit.
#[derive(Debug)]
pub struct Source {
    /// The repository.
    pub repo: Repo,
    /// The commit's full id.
    pub commit: String,
    /// Its label.
    pub version: String,
    /// Its files that an install can hold, by the names of their pages.
    pub tree: Tree,
    /// What else its commit ships, as far as it matters.
    listing: Listing,
    pub(crate) blobs: Blobs,
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

    /// Whether it is this folder, open at this commit.
    pub(crate) fn is(&self, path: &Path, commit: &str) -> bool {
        self.repo.path() == path && self.commit == commit
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

    /// The texts for rules files that the commit ships, with what they ever said.
    pub fn rules(&self) -> Vec<Shipped> {
        let one = |text: &RuleText| {
            let page = text.source.to_str()?;
            let next = self.read(self.listing.blob(page)?)?;
            // Without its history only what is current is known.
            let known = self.repo.versions_of(&self.commit, page).unwrap_or_default();
            let versions = known.iter().filter_map(|id| self.read(id)).collect();
            Some(Shipped { page: page.to_owned(), file: text.file.clone(), next, versions })
        };
        layouts().outside.rule_texts.iter().filter_map(one).collect()
    }

    /// The error of a blob that something else was found for, by a name for people.
    ///
    /// # Errors
    /// [`GitError::Damaged`].
    pub(crate) fn must_be_sound(&self, id: Option<&BlobId>, file: &RelPath) -> Result<(), GitError> {
        match id.filter(|id| self.blobs.is_damaged(id)) {
            Some(id) => Err(self.damaged(id, file)),
            None => Ok(()),
        }
    }

    fn damaged(&self, id: &BlobId, file: &RelPath) -> GitError {
        let file = self.listing.elsewhere.get(file).unwrap_or(file);
        let (path, id) = (self.repo.path().to_owned(), id.to_string());
        GitError::Damaged { path, kind: "blob", id, file: Some(file.to_string()) }
    }

    /// Reads all that the commit ships.
    pub(crate) fn find_damage(&self) -> Result<(), GitError> {
        match self.tree.iter().find(|(_, shipped)| self.read(&shipped.blob).is_none()) {
            Some((path, shipped)) => Err(self.damaged(&shipped.blob, path)),
            None => Ok(()),
        }
    }

    /// Reads what a plan installs, once, so that nothing is found damaged when it is applied.
    pub(crate) fn check_contents(&self, plan: &Plan) -> Result<(), GitError> {
        fn theirs(file: &FileEntry) -> Option<&BlobId> {
            file.theirs.as_ref().filter(|_| file.uses_theirs())
        }
        // What the user's edit is compared with, too; nothing may have asked for it yet.
        fn base(file: &FileEntry) -> Option<&BlobId> {
            file.base.as_ref().filter(|base| file.mine.as_ref() != Some(base))
        }
        let asked: BTreeSet<&BlobId> = plan.files.iter().flat_map(|f| [theirs(f), base(f)]).flatten().collect();
        let asked: Vec<&BlobId> = asked.into_iter().collect();
        let mut found = HashSet::new();
        self.blobs.read_each(&asked, |at, bytes| found.extend(bytes.map(|_| asked[at])));
        for file in &plan.files {
            let name = file.source_path.as_ref().unwrap_or(&file.path);
            if let Some(id) = theirs(file)
                && !found.contains(id)
                // What a partial clone lacks is told with the plan.
                && (!self.repo.lacks.any() || self.blobs.is_damaged(id))
            {
                return Err(self.damaged(id, name));
            }
            self.must_be_sound(file.base.as_ref(), name)?;
            self.must_be_sound(file.theirs.as_ref(), name)?;
        }
        Ok(())
    }

    /// Whether a blob of the commit stands for a file that git-lfs keeps elsewhere.
    pub(crate) fn is_lfs_pointer(&self, id: &BlobId) -> bool {
        self.listing.small.contains(id) && self.read(id).is_some_and(|bytes| is_lfs_pointer(&bytes))
    }

    /// The generation of the commit, by its folders; none if no praxis-os repository has such.
    pub fn marked(&self) -> Option<&'static Generation> {
        generation_of(&self.listing)
    }

    /// The same, for who has to have one: a commit that has no marks is laid out as the first sources were.
    pub fn generation(&self) -> &'static Generation {
        self.marked().unwrap_or_else(|| layouts().first_target())
    }

    /// The last release before this commit that is laid out as some generation is, where the commit itself isn't: it may
    /// be of a later one.
    pub(crate) fn last_known(&self) -> Option<String> {
        let marks = layouts().targets().flat_map(|g| &g.source_marks).flatten();
        let mut last = marks.filter_map(|mark| self.repo.last_with(&self.commit, mark.to_str()?));
        last.find(|commit| self.blobs.listing(commit).is_ok_and(|listing| generation_of(&listing).is_some()))
    }

    /// What its manifest lists: the sha256 (hex) of each source path. Empty without a readable manifest.
    pub(crate) fn manifest(&self) -> &BTreeMap<RelPath, String> {
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
        let bytes = self.read(self.listing.manifest()?)?;
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
            partial: self.repo.lacks.any(),
            generation: self.generation().name.clone(),
        }
    }
}

fn generation_of(listing: &Listing) -> Option<&'static Generation> {
    layouts().generation_of_source(|mark| listing.folders.contains(mark))
}

/// Which error of a source that is one: its own damage, or git's failure.
pub(crate) fn code_of(error: &GitError) -> Code {
    match error {
        GitError::Damaged { .. } => Code::SourceDamaged,
        _ => Code::GitFailed,
    }
}

/// How the source's manifest compares with what its commit ships: usually it is stale, so it is asked last.
pub(crate) fn stale_manifest(source: &Source) -> Option<String> {
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
            "the source's manifest is out of date, its history is used instead ({same} of {} checksums match, \
             {other} differ, {gone} files are gone, {unlisted} are not listed)",
            manifest.len()
        )
    })
}

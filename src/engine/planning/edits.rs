//! What the user has customised, against the release that the install came from. Reads, never writes.
//!
//! The baseline of the last upgrade knows that release path by path; without one, the source's history is asked, in
//! the way a plan asks it. What `git status` and `git diff` are to a work tree, this is to an install.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::core::baseline::Baseline;
use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::classify::{Installed, InstalledTree};
use crate::core::known_releases::{known, was_shipped};
use crate::core::layout::{Layout, layouts};
use crate::core::path::RelPath;
use crate::core::plan::{Kind, Plan, ReleaseEvidence};
use crate::core::release_history::{History, Shipped, Tree};
use crate::core::visible::Shown as _;
use crate::engine::planning::make_plan;
use crate::engine::planning::make_plan::PlanningError;
use crate::engine::planning::source::Source;
use crate::host::files::error::FsError;
use crate::host::files::folder::Folder;
use crate::host::files::scan;
use crate::host::files::stat_cache::StatCache;
use crate::host::git::GitError;

/// What the user did to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EditKind {
    /// Its text, its mode or what it is differs from the release.
    Edited,
    /// The release has it, the install doesn't.
    Deleted,
    /// The user's own, among managed folders.
    Own,
}

impl EditKind {
    /// All, in the order in which they are listed.
    pub(crate) const ALL: [EditKind; 3] = [EditKind::Edited, EditKind::Deleted, EditKind::Own];

    /// The word in JSON and on screens.
    pub(crate) fn word(self) -> &'static str {
        match self {
            EditKind::Edited => "edited",
            EditKind::Deleted => "deleted",
            EditKind::Own => "own",
        }
    }
}

/// One path that the user has customised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Edit {
    /// Where it stands in the install.
    #[serde(serialize_with = "lossy")]
    pub(crate) path: RelPath,
    /// The path's bytes, for a name that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path_base64: Option<String>,
    /// What was done to it.
    pub(crate) kind: EditKind,
    /// The release's content; none for the user's own files, and where it is not known.
    pub(crate) base: Option<BlobId>,
    /// The content now; none for what is deleted and for what isn't a file.
    pub(crate) mine: Option<BlobId>,
    /// Whether it is executable now, where the release has it the other way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) executable: Option<bool>,
    /// What stands there instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// All that the user has customised, as `edits --json` prints it (schema 1).
///
/// ```json
/// {"schema":1,"release":"<commit>","release_evidence":"baseline",
///  "edits":[{"path":"standards/universal/x.md","kind":"edited","base":"<blob id>","mine":"<blob id>"}]}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Edits {
    /// 1.
    pub(crate) schema: u32,
    /// The release it is compared with; none if the install is like none that the source knows.
    pub(crate) release: Option<String>,
    /// How that is known.
    pub(crate) release_evidence: ReleaseEvidence,
    /// Sorted by path.
    pub(crate) edits: Vec<Edit>,
}

/// Why it can't be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EditsError {
    /// Nothing says which release the install came from.
    #[error("{}: there is no .upgrade-baseline.json, so the release that this install came from is not known", .0.shown())]
    NoRelease(PathBuf),
    /// Source or install can't be read.
    #[error(transparent)]
    Planning(#[from] PlanningError),
}

impl From<FsError> for EditsError {
    fn from(error: FsError) -> Self {
        Self::Planning(error.into())
    }
}

/// Finds what the user has customised. Blocking. Where the install has a baseline, the source only tells which bytes are
/// another release's, besides those of the table of known releases: as in a plan, they are nobody's edit.
///
/// # Errors
/// [`EditsError`].
pub(crate) fn find(install: &Path, source: Option<&Source>) -> Result<Edits, EditsError> {
    match (make_plan::read_baseline(install)?, source) {
        (Some(baseline), source) => {
            let format = format_of(&baseline);
            let installed = scan::scan(install, format, &StatCache::read(install, format))?;
            let layout =
                make_plan::layout_of(install).map_or_else(|_| layouts().first_target().newest(), |found| found.1);
            let mut edits =
                against_baseline(&baseline, layout, &installed, &|page, id| known().version(page, id).is_some());
            if let Some(source) = source.filter(|_| edits.edits.iter().any(|e| e.kind == EditKind::Edited)) {
                // What can't be read of it tells nothing.
                if let Ok(history) = history(source) {
                    let released = |page: &RelPath, id: &BlobId| was_shipped(&history, page, id);
                    edits = against_baseline(&baseline, layout, &installed, &released);
                }
            }
            Ok(edits)
        }
        (None, Some(source)) => {
            let planned = make_plan::make_plan(source, install)?;
            let tree = planned.plan.install.release.as_deref().and_then(|id| planned.history.tree(id));
            let layout = make_plan::layout_of(install)?.1;
            Ok(against_plan(&planned.plan, &tree.unwrap_or_default(), layout, &planned.installed))
        }
        (None, None) => Err(EditsError::NoRelease(install.to_owned())),
    }
}

/// All that the source tells of releases.
fn history(source: &Source) -> Result<History, GitError> {
    let history = source.repo.history(&source.blobs, &source.commit)?;
    Ok(History::new(history).with_later(&source.repo.later(&source.blobs, &source.commit)?))
}

/// How the repository that a baseline was made from names its objects.
fn format_of(baseline: &Baseline) -> ObjectFormat {
    let long = baseline.files.values().any(|f| f.blob.format() == ObjectFormat::Sha256);
    if long { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 }
}

fn edit(path: &RelPath, kind: EditKind, base: Option<&BlobId>, mine: Option<&BlobId>) -> Edit {
    let (base, mine) = (base.cloned(), mine.cloned());
    Edit { path: path.clone(), path_base64: path.base64(), kind, base, mine, executable: None, note: None }
}

/// Against what the last upgrade noted; `released` tells whether some release had these bytes at this path of the source.
fn against_baseline(
    baseline: &Baseline,
    layout: &Layout,
    installed: &InstalledTree,
    released: &dyn Fn(&RelPath, &BlobId) -> bool,
) -> Edits {
    let mut edits = Vec::new();
    let mut managed = BTreeSet::new();
    let own = |p: &RelPath| layouts().is_own(p) || layouts().is_ephemeral(p);
    for (path, file) in baseline.files.iter().filter(|(path, _)| !own(path)) {
        managed.insert(path);
        let mut shipped = file.shipped();
        // Config is the user's own, whatever a template once said.
        let mine = installed.files.get(path).filter(|_| !layouts().is_config(path));
        let ids = mine.into_iter().flat_map(|mine| [Some(&mine.blob), mine.blob_with_lf.as_ref()]).flatten();
        if let Some(id) = ids.into_iter().find(|id| released(&file.source_path, id)) {
            shipped.blob = id.clone();
        }
        edits.extend(compared(path, &shipped, installed));
    }
    edits.extend(own_files(&managed, layout, installed));
    edits.sort_by(|a, b| a.path.cmp(&b.path));
    let release = Some(baseline.release.clone());
    Edits { schema: 1, release, release_evidence: ReleaseEvidence::Baseline, edits }
}

fn same(mine: &Installed, shipped: &Shipped) -> bool {
    mine.blob == shipped.blob || mine.blob_with_lf.as_ref() == Some(&shipped.blob)
}

/// One path of the release against what stands there.
fn compared(path: &RelPath, shipped: &Shipped, installed: &InstalledTree) -> Option<Edit> {
    if let Some(mine) = installed.files.get(path) {
        let mode = (mine.executable != shipped.executable).then_some(mine.executable);
        let found = Edit { executable: mode, ..edit(path, EditKind::Edited, Some(&shipped.blob), Some(&mine.blob)) };
        return (mode.is_some() || !same(mine, shipped)).then_some(found);
    }
    let instead = if installed.links.contains(path) {
        "a symbolic link"
    } else if installed.links.iter().any(|link| path.is_within(link)) {
        // The link itself is listed.
        return None;
    } else if installed.folders.contains(path) {
        "a folder"
    } else if installed.special.contains(path) {
        "a special file"
    } else {
        return Some(edit(path, EditKind::Deleted, Some(&shipped.blob), None));
    };
    let note = Some(format!("{instead} stands there"));
    Some(Edit { note, ..edit(path, EditKind::Edited, Some(&shipped.blob), None) })
}

/// Files and links where releases may put files, that no release did.
fn own_files(managed: &BTreeSet<&RelPath>, layout: &Layout, installed: &InstalledTree) -> Vec<Edit> {
    let among = |path: &RelPath| {
        let here = |folder: &RelPath| path.is_within(folder);
        // The flag stands wherever the config has the standards.
        let is_flag =
            |path: &RelPath| layouts().server().rebuild_flag.as_ref().is_some_and(|f| f.name() == path.name());
        let leftover = layouts().never_installed(path) || is_flag(path);
        !managed.contains(path) && !leftover && layout.install_folders().any(here)
    };
    let files = installed.files.iter().filter(|(path, _)| among(path));
    let files = files.map(|(path, mine)| edit(path, EditKind::Own, None, Some(&mine.blob)));
    // Also a link that a managed folder lies behind.
    let leads = |link: &RelPath| layout.install_folders().any(|folder| folder.is_within(link));
    let links = installed.links.iter().filter(|link| !managed.contains(link) && (among(link) || leads(link)));
    let note = || Some("a symbolic link; what it leads to is not looked at".to_owned());
    files.chain(links.map(|link| Edit { note: note(), ..edit(link, EditKind::Own, None, None) })).collect()
}

/// Without a baseline: what a plan found out about each path, with the modes of the release `tree`.
fn against_plan(plan: &Plan, tree: &Tree, layout: &Layout, installed: &InstalledTree) -> Edits {
    let mut edits: Vec<Edit> = Vec::new();
    let mut managed = BTreeSet::new();
    for entry in plan.files.iter().filter(|e| e.kind != Kind::Linked && !layouts().is_own(&e.path)) {
        let spot = entry.from.as_ref().unwrap_or(&entry.path);
        managed.insert(spot);
        let (base, mine) = (entry.base.as_ref(), entry.mine.as_ref());
        let kind = match (base, mine) {
            (Some(base), Some(mine)) if base == mine => continue,
            (Some(_), Some(_)) => EditKind::Edited,
            (Some(_), None) => EditKind::Deleted,
            (None, Some(_)) if entry.kind == Kind::LocalOnly => EditKind::Edited,
            (None, _) if entry.kind == Kind::Conflict => EditKind::Own,
            (None, _) => continue,
        };
        let note = (kind == EditKind::Own && mine.is_none()).then(|| entry.reason.clone());
        edits.push(Edit { note, ..edit(spot, kind, base, mine) });
    }
    for (source, shipped) in tree {
        let Some(path) = layout.install_path(source, |f| installed.folders.contains(f)) else { continue };
        let Some(mine) = installed.files.get(&path).filter(|m| m.executable != shipped.executable) else { continue };
        match edits.iter_mut().find(|e| e.path == path) {
            Some(known) => known.executable = Some(mine.executable),
            None if same(mine, shipped) => edits.extend(compared(&path, shipped, installed)),
            None => {}
        }
    }
    edits.extend(own_files(&managed, layout, installed));
    edits.sort_by(|a, b| a.path.cmp(&b.path));
    let (release, release_evidence) = (plan.install.release.clone(), plan.install.release_evidence);
    Edits { schema: 1, release, release_evidence, edits }
}

/// The texts of edits: the release's from the install's own store or the source, the user's from the install.
#[derive(Debug)]
pub(crate) struct EditTexts<'a> {
    install: &'a Path,
    folder: Folder,
    source: Option<&'a Source>,
}

impl<'a> EditTexts<'a> {
    /// Opens the install.
    ///
    /// # Errors
    /// [`EditsError::Planning`].
    pub(crate) fn open(install: &'a Path, source: Option<&'a Source>) -> Result<Self, EditsError> {
        Ok(Self { install, folder: Folder::open(install)?, source })
    }

    /// The release's text; none if neither the install nor the source has it.
    ///
    /// # Errors
    /// [`FsError`] where the install keeps it and it can't be read.
    pub(crate) fn base(&self, edit: &Edit) -> Result<Option<Arc<[u8]>>, FsError> {
        let Some(id) = &edit.base else { return Ok(None) };
        let kept = make_plan::kept_base(self.install, id)?;
        Ok(kept.or_else(|| self.source?.read(id)))
    }

    /// The user's text, if a file stands there.
    ///
    /// # Errors
    /// [`FsError`] where it can't be read.
    pub(crate) fn mine(&self, edit: &Edit) -> Result<Option<Arc<[u8]>>, FsError> {
        make_plan::mine(&self.folder, &edit.path)
    }
}

fn lossy<S: Serializer>(path: &RelPath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(path.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::baseline::BaselineFile;
    use crate::engine::planning::make_plan::base_path;

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    fn blob(text: &str) -> BlobId {
        BlobId::of(text.as_bytes(), ObjectFormat::Sha1)
    }

    fn file(text: &str, executable: bool) -> Installed {
        Installed { blob: blob(text), blob_with_lf: None, executable }
    }

    fn baseline(files: &[(&str, &str, bool)]) -> Baseline {
        let entry = |(path, text, executable): &(&str, &str, bool)| {
            (
                rel(path),
                BaselineFile { source_path: rel(path), blob: blob(text), release: None, executable: *executable },
            )
        };
        let files = files.iter().map(entry).collect();
        Baseline { schema: 1, release: "c1".into(), layout: "current".into(), files }
    }

    fn found(baseline: &Baseline, installed: &InstalledTree) -> Vec<String> {
        // As if some release had had a page of this text.
        let released =
            |page: &RelPath, id: &BlobId| *page == rel("scripts/b.py") && *id == blob("b of another release");
        let edits = against_baseline(baseline, layouts().first_target().newest(), installed, &released).edits;
        let line =
            |e: Edit| format!("{} {}{}", e.kind.word(), e.path, if e.executable.is_some() { " mode" } else { "" });
        edits.into_iter().map(line).collect()
    }

    #[test]
    fn each_state_of_a_path_is_told() {
        let release = baseline(&[
            ("scripts/a.py", "a", true),
            ("scripts/b.py", "b", true),
            ("scripts/c.py", "c", false),
            ("scripts/d.py", "d", false),
            ("scripts/e.py", "e", false),
            ("config.json", "old layout", false),
            ("workflows/w/1.md", "w", false),
        ]);
        let mut installed = InstalledTree::default();
        installed.files.insert(rel("scripts/a.py"), file("a", true));
        installed.files.insert(rel("scripts/b.py"), file("b", false));
        let crlf = Installed { blob_with_lf: Some(blob("c")), ..file("c\r", false) };
        installed.files.insert(rel("scripts/c.py"), crlf);
        installed.files.insert(rel("scripts/own.py"), file("mine", false));
        installed.files.insert(rel("scripts/.DS_Store"), file("", false));
        installed.files.insert(rel("VERSION.txt"), file("1", false));
        installed.folders.insert(rel("scripts/e.py"));
        installed.links.insert(rel("workflows/w"));
        let expected = [
            "edited scripts/b.py mode",
            "deleted scripts/d.py",
            "edited scripts/e.py",
            "own scripts/own.py",
            "own workflows/w",
        ];
        assert_eq!(found(&release, &installed), expected);
    }

    #[test]
    fn another_release_s_bytes_are_nobody_s_edit() {
        let release = baseline(&[("scripts/a.py", "a", false), ("scripts/b.py", "b", false)]);
        let installed = |a: &str, b: &str| {
            let mut installed = InstalledTree::default();
            installed.files.insert(rel("scripts/a.py"), file(a, false));
            installed.files.insert(rel("scripts/b.py"), file(b, false));
            found(&release, &installed)
        };
        assert_eq!(installed("a", "b of another release"), Vec::<String>::new());
        assert_eq!(installed("b of another release", "b"), ["edited scripts/a.py"], "of another page");
        assert_eq!(installed("a", "mine"), ["edited scripts/b.py"]);
    }

    #[test]
    fn a_base_that_is_no_id_or_other_bytes_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".upgrade/base")).unwrap();
        std::fs::write(base_path(dir.path(), &blob("text")), "other").unwrap();
        let texts = EditTexts::open(dir.path(), None).unwrap();
        assert!(serde_json::from_str::<BlobId>("\"../../secret\"").is_err());
        assert!(texts.base(&edit(&rel("scripts/a"), EditKind::Edited, Some(&blob("text")), None)).unwrap().is_none());
        std::fs::write(base_path(dir.path(), &blob("text")), "text").unwrap();
        let good = edit(&rel("scripts/a"), EditKind::Edited, Some(&blob("text")), None);
        assert_eq!(texts.base(&good).unwrap().unwrap()[..], b"text"[..]);
    }
}

//! What an uninstall takes out: every file with a release's very bytes, and nothing else. No source is needed: the baseline,
//! the kept bytes of releases and the table of known releases tell. Reads, never writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::core::baseline::{self, Baseline};
use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::classify::{Installed, InstalledTree};
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::known_releases::known;
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind, Plan, PlanInstall, PlanSource, ReleaseEvidence, Summary};
use crate::core::session::DOCUMENTS;
use crate::core::settings;
use crate::core::version_file;
use crate::core::visible::Shown as _;
use crate::engine::planning::make_plan::{self, PlanningError};
use crate::engine::planning::uninstall_outside::{self, Part};
use crate::engine::planning::{checks, foreign_locks, other_upgrades, room, writable};
use crate::engine::refusal::{Problem, problem};
use crate::host::files::error::FsError;
use crate::host::files::folder::{Content, Folder};
use crate::host::files::scan;
use crate::host::files::stat_cache::StatCache;
use crate::host::python::venv;
use crate::host::server::{self, Live, Running};
use crate::host::session::catalog::Found;

/// The commit that stands in a plan where no release is known.
const NO_RELEASE: &str = "0000000000000000000000000000000000000000";
/// The record of what is installed.
const VERSION: &str = "VERSION.txt";

/// What goes, and what stays.
#[derive(Debug)]
pub(crate) struct Uninstall {
    /// What goes is removed in it; what is of a release and edited stays as it is. What is the user's own is not in it.
    pub(crate) plan: Plan,
    /// Files and links that no release put there: they stay.
    pub(crate) own: Vec<RelPath>,
    /// What the project has of the install outside of it, and what becomes of it.
    pub(crate) outside: Vec<Part>,
    /// The server that runs.
    pub(crate) server: Option<Box<Live>>,
    /// There is an environment.
    pub(crate) environment: bool,
}

impl Uninstall {
    /// The paths that go.
    pub(crate) fn goes(&self) -> impl Iterator<Item = &RelPath> {
        self.plan.files.iter().filter(|file| file.kind == Kind::Remove).map(|file| &file.path)
    }

    /// Files of releases that the user edited: they stay.
    pub(crate) fn edited(&self) -> impl Iterator<Item = &RelPath> {
        self.plan.files.iter().filter(|file| file.kind == Kind::LocalOnly).map(|file| &file.path)
    }
}

/// Looks at an install. Blocking; reads only.
///
/// # Errors
/// [`Problem`] where it can't be told what is whose, or nothing is a release's.
pub(crate) fn look(project: &Path, install: &Path, found: &Found) -> Result<Uninstall, Problem> {
    let unread = |e: FsError| problem(Code::Files, format!("{e}; nothing was changed"), "mend that, then try again");
    let baseline = make_plan::read_baseline(install).map_err(|e| not_told(install, &e))?;
    let sha256 = |b: &Baseline| b.files.values().any(|file| file.blob.format() == ObjectFormat::Sha256);
    let format = if baseline.as_ref().is_some_and(sha256) { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
    let tree = scan::scan(install, format, &StatCache::default()).map_err(unread)?;
    let told = Told { baseline: baseline.as_ref(), places: known().by_place(), install };
    let mut files = Vec::new();
    let mut own = Vec::new();
    for (path, mine) in tree.files.iter().filter(|(path, _)| !is_ours(path)) {
        match told.of(path, mine).map_err(unread)? {
            Whose::Release(why) => files.push(entry(path, mine, Kind::Remove, Some(&mine.blob), why)),
            Whose::Edited(base) => files.push(entry(path, mine, Kind::LocalOnly, base, "you edited it")),
            Whose::User => own.push(path.clone()),
        }
    }
    if !files.iter().any(|file| file.kind == Kind::Remove) {
        let what = format!("{}: no file here is known to be a release's; nothing was changed", install.shown());
        return Err(problem(Code::ReleaseNotKnown, what, Next::Adopt(None).of(project)));
    }
    records(install, &tree, &mut files).map_err(unread)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let users = |path: &&RelPath| layouts().is_own(path) && !layouts().is_ephemeral(path);
    own.extend(tree.skipped.iter().filter(users).chain(&tree.links).cloned());
    own.sort();
    let server = match server::find(install) {
        Running::Yes(live) => Some(live),
        Running::No(_) => None,
    };
    let plan = plan(install, baseline.as_ref(), files);
    let outside = uninstall_outside::find(project, install, &found.sessions);
    Ok(Uninstall { plan, own, outside, server, environment: venv::is_there(install) })
}

fn not_told(install: &Path, error: &PlanningError) -> Problem {
    let what = format!("{error}; without it a file of yours could be taken for a release's; nothing was changed");
    let (code, next) = match error {
        PlanningError::Merged { .. } => (Code::TwoBaselines, Next::Reconcile(None)),
        PlanningError::Baseline { .. } => (Code::BadBaseline, Next::Reconcile(None)),
        _ => (Code::Files, Next::Status),
    };
    problem(code, what, next.of(install.parent().unwrap_or(install)))
}

/// What this program and installers note of an install, and its settings: told apart from what releases ship.
fn is_ours(path: &RelPath) -> bool {
    let names = [baseline::FILE, VERSION, settings::FILE];
    names.iter().chain(&DOCUMENTS).any(|name| name.as_bytes() == path.as_bytes())
}

/// Whose a file is.
enum Whose<'b> {
    Release(&'static str),
    Edited(Option<&'b BlobId>),
    User,
}

/// What tells whose a file is.
struct Told<'a> {
    baseline: Option<&'a Baseline>,
    /// What releases are known to have shipped, by its place.
    places: BTreeMap<RelPath, Vec<&'static BlobId>>,
    install: &'a Path,
}

impl Told<'_> {
    fn of(&self, path: &RelPath, mine: &Installed) -> Result<Whose<'_>, FsError> {
        if layouts().is_own(path) && !layouts().is_config(path) {
            return Ok(Whose::User);
        }
        let ids: Vec<&BlobId> = [Some(&mine.blob), mine.blob_with_lf.as_ref()].into_iter().flatten().collect();
        let noted = self.baseline.and_then(|baseline| baseline.files.get(path));
        if noted.is_some_and(|file| ids.contains(&&file.blob)) {
            return Ok(Whose::Release("as it was installed"));
        }
        let shipped = self.places.get(path);
        if shipped.is_some_and(|all| all.iter().any(|id| ids.contains(id))) {
            return Ok(Whose::Release("as a release shipped it"));
        }
        let Some(noted) = noted else {
            return Ok(shipped.map_or(Whose::User, |_| Whose::Edited(None)));
        };
        // A version of another release, kept when that was installed.
        for id in ids {
            if !layouts().is_config(path) && make_plan::kept_base(self.install, id)?.is_some() {
                return Ok(Whose::Release("as an earlier release shipped it"));
            }
        }
        Ok(Whose::Edited(Some(&noted.blob)))
    }
}

fn entry(path: &RelPath, mine: &Installed, kind: Kind, base: Option<&BlobId>, why: &str) -> FileEntry {
    FileEntry {
        path: path.clone(),
        path_base64: path.base64(),
        kind,
        from: None,
        source_path: None,
        base: base.cloned(),
        mine: Some(mine.blob.clone()),
        theirs: None,
        conflict_hunks: 0,
        reason: why.to_owned(),
        executable: mine.executable,
    }
}

/// Our record of the release goes, and that of its version, if nobody wrote anything else into it. What tells of past upgrades
/// stays, as long as they can be undone.
fn records(install: &Path, tree: &InstalledTree, files: &mut Vec<FileEntry>) -> Result<(), FsError> {
    for name in [baseline::FILE, VERSION] {
        let Some((path, mine)) = tree.files.iter().find(|(path, _)| path.as_bytes() == name.as_bytes()) else {
            continue;
        };
        let goes = match Folder::open(install)?.read(path)? {
            Content::File { bytes, .. } => name != VERSION || version_file::is_record(&bytes),
            _ => false,
        };
        let (kind, why) = if goes { (Kind::Remove, "a record") } else { (Kind::LocalOnly, "you wrote into it") };
        files.push(entry(path, mine, kind, goes.then_some(&mine.blob), why));
    }
    Ok(())
}

fn plan(install: &Path, baseline: Option<&Baseline>, files: Vec<FileEntry>) -> Plan {
    let found = make_plan::layout_of(install).ok();
    let (generation, layout) = found.unwrap_or_else(|| {
        let first = layouts().first_target();
        (first, first.newest())
    });
    let release = baseline.map(|baseline| baseline.release.clone());
    Plan {
        schema: 1,
        source: PlanSource {
            path: String::new(),
            path_base64: None,
            version: "taken out".to_owned(),
            commit: release.clone().unwrap_or_else(|| NO_RELEASE.to_owned()),
            shallow: false,
            partial: false,
            generation: generation.name.clone(),
        },
        install: PlanInstall {
            release_evidence: if release.is_some() { ReleaseEvidence::Baseline } else { ReleaseEvidence::Known },
            release,
            ..PlanInstall::laid_out(install, &generation.name, &layout.name)
        },
        only: None,
        summary: Summary::of(&files),
        files,
    }
}

/// What stops it. `own` says that this process holds the lock. Blocking; reads only.
pub(crate) fn problems(project: &Path, install: &Path, what: &Uninstall, found: &Found, own: bool) -> Vec<Problem> {
    let alone = other_upgrades::concurrent(install, found, own).err();
    let copied = checks::can_be_copied(install);
    let mut all: Vec<Problem> = alone.into_iter().collect();
    all.extend(checks::own_places(project, install));
    all.extend(writable::shut(install, "the install can't be written"));
    all.extend(writable::around(project, install, None));
    all.extend(writable::unwritable(install, &what.plan));
    all.extend(uninstall_outside::unwritable(project, &what.outside));
    all.extend(foreign_locks::find(install).0);
    match copied {
        Ok(scope) => all.extend(room::on_disk(install, &settings::Options::default(), false, Some(scope)).err()),
        Err(problem) => all.push(problem),
    }
    all
}

/// The folders in which something goes, for what is left in them that can be made again.
pub(crate) fn folders_of(plan: &Plan) -> BTreeSet<RelPath> {
    let goes = plan.files.iter().filter(|file| file.kind == Kind::Remove);
    goes.filter_map(|file| file.path.parent()).collect()
}

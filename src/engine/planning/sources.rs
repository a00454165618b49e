//! What is at a path that somebody names as the source: looked at while it is typed. Reads, never writes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::core::plan::{Kind, ReleaseEvidence};
use crate::core::release_history::short;
use crate::engine::planning::inspect;
use crate::engine::planning::make_plan;
use crate::engine::planning::request::Request;
use crate::engine::planning::source::Source;
use crate::engine::planning::usual_address::usual_address;
use crate::host::demo;
use crate::host::git::GitError;
use crate::host::git::address;
use crate::host::git::cached;
use crate::host::git::snapshot;
use crate::host::install;
use crate::host::process::program::Listener;
use crate::host::user::recent_sources;

/// At most so many names of a folder are looked at.
const NAMES: usize = 2_000;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No folder.
    Nothing,
    /// A folder that isn't a clone of praxis-os; a sentence why.
    Folder(String),
    /// A clone of praxis-os.
    Clone(Facts),
    /// The address of a repository, which is fetched before anything of it is known.
    Address(Fetchable),
}

/// An address that can be fetched from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetchable {
    /// It, without a password.
    pub shown: String,
    /// The clone in the user's cache folder and how long ago it was fetched, where it was.
    pub fetched: Option<(PathBuf, Duration)>,
}

/// What is to be known about a clone at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its folder, absolute and without links.
    pub path: PathBuf,
    /// The label of the commit.
    pub version: String,
    /// The commit's full id.
    pub commit: String,
    /// Its date, `YYYY-MM-DD`.
    pub date: String,
    /// History is cut off.
    pub shallow: bool,
    /// Contents of its history were left out.
    pub partial: bool,
    /// A folder without git.
    pub snapshot: bool,
    /// How many uncommitted changes there are.
    pub uncommitted: usize,
}

/// What an install is, seen from a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The release it matches, a full id.
    pub release: Option<String>,
    /// How that is known.
    pub evidence: ReleaseEvidence,
    /// Files that the user edited.
    pub edited: u64,
    /// Files that the user deleted.
    pub deleted: u64,
    /// Paths that an upgrade would change.
    pub pending: u64,
    /// Conflicts among them.
    pub conflicts: u64,
    /// Those of the conflicts that rules and earlier answers settle.
    pub settled: u64,
}

/// A folder that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// It looks like praxis-os.
    pub(crate) is_source: bool,
    /// An earlier upgrade came from it.
    pub(crate) recent: bool,
}

/// Looks at a path. Blocking, some git calls.
pub fn look(path: &Path, to: Option<&str>) -> Found {
    if !path.is_dir() {
        return match address::address(path) {
            None => Found::Nothing,
            Some(Err(why)) => Found::Folder(format!("Nothing is fetched from this address: {why}.")),
            Some(Ok(url)) => {
                let clone = cached::place(url);
                let fetched = clone.and_then(|clone| cached::age(&clone).map(|age| (clone, age)));
                Found::Address(Fetchable { shown: address::shown(url), fetched })
            }
        };
    }
    let source = match Source::open(path, to) {
        Ok(source) => source,
        Err(GitError::NotARepository { .. }) => return Found::Folder("Not a clone of praxis-os.".to_owned()),
        Err(e @ GitError::NoSuchCommit { .. }) if to.is_none() => {
            return Found::Folder(format!("A repository without a commit ({e})."));
        }
        Err(GitError::NoSuchCommit { name, .. }) => {
            return Found::Folder(format!("A repository without a commit called {name}."));
        }
        Err(e) => {
            let next = e.ways_on().map(|next| format!(" To go on, {next}.")).unwrap_or_default();
            return Found::Folder(format!("{e}.{next}"));
        }
    };
    if source.marked().is_none() {
        return Found::Folder(match source.last_known() {
            Some(last) => format!("A later praxis-os than this program knows; start it with --to {}.", short(&last)),
            None => "A git repository, but not of praxis-os.".to_owned(),
        });
    }
    Found::Clone(Facts {
        path: path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        date: source.repo.date_of(&source.commit).unwrap_or_default(),
        shallow: source.repo.shallow,
        partial: source.repo.lacks.any(),
        snapshot: source.repo.is_snapshot(),
        uncommitted: source.repo.dirty().map_or(0, |lines| lines.len()),
        version: source.version,
        commit: source.commit,
    })
}

/// Fetches what an address has into its clone in the user's cache folder, which is given back. Blocking, and uses the network.
///
/// # Errors
/// A sentence with git's words; what was fetched before is as it was.
pub fn fetch(address: &Path, listener: &mut dyn Listener) -> Result<PathBuf, String> {
    let Some(Ok(url)) = address::address(address) else { return Err("That is no address".to_owned()) };
    let Some(clone) = cached::place(url) else {
        return Err("There is no cache folder to fetch it into (HOME is not set)".to_owned());
    };
    cached::fetch(url, &clone, listener).map_err(|e| e.to_string())?;
    Ok(clone)
}

/// What the install is, seen from a clone. Blocking: makes the plan.
///
/// # Errors
/// A sentence saying why it can't be told.
pub fn standing(request: &Request) -> Result<Standing, String> {
    let source = Source::open(&request.source, request.to.as_deref()).map_err(|e| e.to_string())?;
    let install = request.install();
    let planned = make_plan::make_plan_for(&source, &install, request.only).map_err(|e| e.to_string())?;
    if let Some(why) = planned.stranger.filter(|_| !request.options.unrelated_source) {
        return Err(inspect::unrelated(&request.source, &why));
    }
    let plan = planned.plan;
    let count =
        |wanted: &dyn Fn(&crate::core::plan::FileEntry) -> bool| plan.files.iter().filter(|f| wanted(f)).count();
    let differs = |f: &crate::core::plan::FileEntry| f.mine.is_some() && f.mine != f.base;
    let mine = |kind| matches!(kind, Kind::Conflict | Kind::AutoMerge | Kind::LocalOnly | Kind::Move);
    let edited = count(&|f| mine(f.kind) && differs(f));
    let deleted = count(&|f| f.kind == Kind::StaysDeleted || f.kind == Kind::Conflict && f.mine.is_none());
    let prior = inspect::prior(request, &plan).map_err(|e| e.to_string())?;
    let settled = prior.values().filter(|p| !(p.earlier && request.options.ask_again)).count();
    Ok(Standing {
        edited: edited as u64,
        deleted: deleted as u64,
        pending: plan.summary.pending(),
        conflicts: plan.summary.conflict,
        settled: settled as u64,
        release: plan.install.release,
        evidence: plan.install.release_evidence,
    })
}

/// The folders whose path begins with what was typed, sorted; hidden ones only where the dot was typed. Blocking.
pub fn folders(typed: &Path, ends_with_slash: bool) -> Vec<Candidate> {
    let (parent, begun) = match (ends_with_slash, typed.parent(), typed.file_name()) {
        (false, Some(parent), Some(name)) => (parent, name.to_string_lossy().into_owned()),
        _ => (typed, String::new()),
    };
    let wanted = |name: &str| name.starts_with(&begun) && (begun.starts_with('.') || !name.starts_with('.'));
    let mut found = children(parent, wanted);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn children(folder: &Path, wanted: impl Fn(&str) -> bool) -> Vec<Candidate> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(NAMES);
    let named = entries.filter(|e| e.file_name().to_str().is_some_and(&wanted)).map(|e| e.path());
    let candidate = |path: PathBuf| Candidate { is_source: snapshot::has_marks(&path), path, recent: false };
    named.filter(|path| path.is_dir()).map(candidate).collect()
}

/// What may be meant before anything is typed: what earlier upgrades came from, then what looks like praxis-os in the
/// folders around the project and at home, where there is nothing of that the address that praxis-os is fetched
/// from. Blocking.
pub fn candidates(project: &Path, home: Option<&Path>, state: Option<&Path>) -> Vec<Candidate> {
    let recent = state.map(recent_sources::sources).unwrap_or_default();
    let mut all: Vec<Candidate> = recent
        .into_iter()
        .filter(|path| !demo::is_demo(path))
        .map(|path| Candidate {
            is_source: address::is_address(&path) || snapshot::has_marks(&path),
            path,
            recent: true,
        })
        .collect();
    for folder in [project.parent(), home].into_iter().flatten() {
        let mut near = children(folder, |name| !name.starts_with('.'));
        near.retain(|c| c.is_source && c.path != project && all.iter().all(|known| known.path != c.path));
        near.sort_by(|a, b| a.path.cmp(&b.path));
        all.extend(near);
    }
    if all.is_empty() {
        let path = PathBuf::from(usual_address(&install::folder_of(project)));
        all.push(Candidate { path, is_source: true, recent: false });
    }
    all
}

/// Remembers a source that an upgrade was completed from. One that a demo made is no praxis-os of anybody's.
pub fn remember(state: &Path, source: &Path) {
    if let Ok(path) = source.canonicalize()
        && !demo::is_demo(&path)
    {
        // Its clone in the cache is no name that anybody knows.
        recent_sources::remember(state, &cached::address_of(source).map_or(path, PathBuf::from));
    }
}

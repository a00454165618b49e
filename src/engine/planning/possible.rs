//! Whether what a plan makes can stand on the file system of the install, asked before anything changes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind, Only, Plan};
use crate::core::possible::{Impossible, LONGEST_PATH, Limits, Why, impossible};
use crate::core::visible::Shown as _;
use crate::engine::refusal::{About, Problem};
use crate::host::backup::scope;
use crate::host::files::fs;
use crate::host::files::names;
use crate::host::files::names::Names;
use crate::host::install::locked::LockedInstall;

/// How many paths are named.
const SHOWN: usize = 20;
/// With so many inodes free nothing is counted: no install comes near.
const PLENTY: u64 = 500_000;
const SHORTER: &str = "move the project to a folder with a shorter path, then try again";
/// Inodes for notes, reports and the like.
const SOME: u64 = 64;

/// Bytes behind the install's own path that this program's notes take at most: a session's folder by its id, the
/// half-written copy of a journal in it.
const NOTES: usize = 100;

/// What stops the upgrade: paths that can't be there, and too few inodes. Blocking; reads only.
pub(crate) fn problems(install: &Path, plan: &Plan) -> Vec<Problem> {
    let found = impossible_in(install, plan);
    let about_paths = too_deep(install).or_else(|| refusal(install, &found));
    about_paths.into_iter().chain(inodes(install, plan)).collect()
}

/// The install lies so deep that nothing can be noted about an upgrade in it.
fn too_deep(install: &Path) -> Option<Problem> {
    let (length, most) = (install.as_os_str().len(), LONGEST_PATH - NOTES);
    (length > most).then(|| Problem {
        code: Code::NameNotPossible,
        about: About::Install,
        exit_code: Exit::Refused,
        what: format!("{}: this folder's path has {length} bytes, {most} are allowed here", install.shown()),
        next: SHORTER.to_owned(),
    })
}

/// Makes a file of every new name once, in a folder of the session, where the file system is one that keeps names in its
/// own way: what it refuses, or takes for the same, can't all be known before. Blocking.
pub(crate) fn tried(install: &LockedInstall, plan: &Plan, folder: &Path) -> Option<Problem> {
    let (new, _) = sides(plan);
    if new.is_empty() || !Names::of(install).are_odd {
        return None;
    }
    let failed = names::tried(install, folder, &new);
    let found: Vec<Impossible> =
        failed.into_iter().map(|(path, said)| Impossible { path, why: Why::Tried(said) }).collect();
    refusal(install, &found)
}

/// The paths that a plan makes anew, and those of the release that are there and stay.
fn sides(plan: &Plan) -> (Vec<RelPath>, Vec<RelPath>) {
    let comes = |f: &FileEntry| {
        let kind = matches!(f.kind, Kind::New | Kind::Move | Kind::AutoMerge | Kind::Conflict);
        kind && f.theirs.is_some() && (f.from.is_some() || f.mine.is_none())
    };
    let stays = |f: &FileEntry| f.mine.is_some() && f.from.is_none() && f.kind != Kind::Remove;
    let paths = |wanted: &dyn Fn(&FileEntry) -> bool| {
        plan.files.iter().filter(|f| wanted(f)).map(|f| f.path.clone()).collect::<Vec<_>>()
    };
    (paths(&comes), paths(&stays))
}

fn impossible_in(install: &Path, plan: &Plan) -> Vec<Impossible> {
    let (new, stays) = sides(plan);
    if new.is_empty() {
        return Vec::new();
    }
    let known: RefCell<BTreeMap<Option<RelPath>, Names>> = RefCell::default();
    let limits = |path: &RelPath| {
        let mut known = known.borrow_mut();
        let names = known.entry(path.parent()).or_insert_with(|| names_at(install, path));
        Limits { name: names.longest, folds: names.fold, windows: names.windows }
    };
    let mut found = impossible(install.as_os_str().as_bytes().len(), &limits, &new, &stays);
    let told: BTreeSet<RelPath> = found.iter().map(|one| one.path.clone()).collect();
    let planned: BTreeSet<&RelPath> = plan.files.iter().filter(|f| f.kind == Kind::New).map(|f| &f.path).collect();
    // Nothing of exactly this name was found there, and yet something is.
    let taken = |path: &&RelPath| {
        planned.contains(*path)
            && !told.contains(*path)
            && path.under(install).symlink_metadata().is_ok_and(|meta| !meta.is_dir())
    };
    found.extend(new.iter().filter(taken).map(|path| Impossible { path: path.clone(), why: Why::Taken }));
    found
}

/// How names are kept in the nearest folder of a path that is there.
fn names_at(install: &Path, path: &RelPath) -> Names {
    let above = std::iter::successors(path.parent(), RelPath::parent).map(|folder| folder.under(install));
    let there = above.chain([install.to_owned()]).find(|folder| folder.is_dir());
    Names::of(&there.unwrap_or_else(|| install.to_owned()))
}

fn refusal(install: &Path, found: &[Impossible]) -> Option<Problem> {
    if found.is_empty() {
        return None;
    }
    let paths = if found.len() == 1 { "path" } else { "paths" };
    let mut what = format!("{}: {} {paths} of the release can't stand here:", install.shown(), found.len());
    for one in found.iter().take(SHOWN) {
        what.push_str(&format!("\n  {one}"));
    }
    if found.len() > SHOWN {
        what.push_str(&format!("\n  and {} more", found.len() - SHOWN));
    }
    let too_deep = found.iter().all(|one| matches!(one.why, Why::Path(..)));
    let room = |one: &Impossible| install.as_os_str().len() + 2 * one.path.as_bytes().len() < LONGEST_PATH;
    let (about, next) = match too_deep {
        true if found.iter().any(room) || found.iter().all(|one| one.path.as_bytes().len() < LONGEST_PATH / 2) => {
            (About::Install, SHORTER.to_owned())
        }
        true => (About::Source, another("for shorter names")),
        false if found.iter().any(|one| matches!(one.why, Why::Name(..))) => {
            (About::Source, another("for shorter names"))
        }
        false => {
            let plain = "move the project to a file system that keeps every name as it is (ext4, xfs, btrfs)";
            (About::Source, format!("{plain}, or {}", another("to rename them")))
        }
    };
    Some(Problem { code: Code::NameNotPossible, about, exit_code: Exit::Refused, what, next })
}

fn another(wish: &str) -> String {
    format!("name a commit without them, --to REF, or ask the source's maintainer {wish}")
}

/// Too few free inodes for the backup and what is written: nothing else tells of that before it is too late.
fn inodes(install: &Path, plan: &Plan) -> Option<Problem> {
    let free = fs::free_inodes(install).ok().flatten().filter(|free| *free < PLENTY)?;
    let backup = scope::count(install).ok()?;
    let changed = plan.files.iter().filter(|f| f.kind.changes_install()).count() as u64;
    let kept = plan.files.iter().filter(|f| f.theirs.is_some()).count() as u64;
    let environment = if plan.only == Some(Only::Content) { 0 } else { names::entries_of_clone(&install.join("venv")) };
    // Staged once, and once more for a rollback; new folders are few.
    let needed = backup + 3 * changed + kept + environment + SOME;
    if free >= needed {
        return None;
    }
    let what = format!(
        "{}: {free} more files and folders can be made on this file system, about {needed} are needed (the backup alone: \
         {backup})",
        install.shown()
    );
    let next =
        format!("remove files that you don't need there (df -i {} counts them), then try again", quoted(install));
    Some(Problem { code: Code::NameNotPossible, about: About::Install, exit_code: Exit::Refused, what, next })
}

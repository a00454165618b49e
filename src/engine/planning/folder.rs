//! The install's folder itself: what it is called, what stands beside it, and what keeps it from getting another name.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::layout::layouts;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::plan::Plan;
use crate::core::visible::Shown as _;
use crate::engine::planning::request::Request;
use crate::engine::refusal::{About, Problem, problem};
use crate::host::install::{Beside, Install};

/// The name that the install's folder loses, if an upgrade that begins now renames it.
pub(crate) fn leaves(install: &Path) -> Option<RelPath> {
    let target = &layouts().newest().folder;
    let name = RelPath::new(install.file_name()?.as_encoded_bytes()).ok()?;
    (name != *target && layouts().folders().contains(&&name)).then_some(name)
}

/// Why the folder can't get the name that the release's generation has.
pub(crate) fn problems(request: &Request) -> Vec<Problem> {
    let install = Install::find(&request.project);
    let Some(name) = leaves(&install.path) else { return Vec::new() };
    let target = install.target();
    let mut problems = Vec::new();
    let mut add = |code, exit_code, what: String, next: String| {
        problems.push(Problem { code, about: About::Install, exit_code, what, next });
    };
    if request.only.is_some() {
        let what = format!("{}: this upgrade renames {name}, so it can't be done in part", install.path.shown());
        add(Code::OnlyAcrossGenerations, Exit::Usage, what, "upgrade all of it: leave --only out".into());
    }
    if let Beside::InTheWay(other) = &install.beside {
        add(
            Code::FoldersInTheWay,
            Exit::Refused,
            format!("{}: stands where {} has to go, and is no install", other.shown(), install.path.shown()),
            format!("look at both, then move it aside: mv {0} {0}.old", quoted(other)),
        );
    }
    if let Some(why) = cannot_move(&install.path, &request.project) {
        let what = format!("{}: can't be renamed to {}: it is {why}", install.path.shown(), target.shown());
        add(Code::FoldersInTheWay, Exit::Refused, what, "make it a plain folder of the project, then try again".into());
    }
    problems
}

/// The share of a release's files that a folder must have to be an install of it: one in so many.
const FEWEST: usize = 20;

/// A folder of an earlier generation's name with next to no file of a release: other programs, and what was before the
/// first release, have such folders, too, and a page or two of them became a release's.
pub(crate) fn stranger(install: &Path, plan: &Plan) -> Option<Problem> {
    leaves(install)?;
    let shipped = plan.files.iter().filter(|f| f.base.is_some() || f.theirs.is_some()).count();
    let pristine = plan.files.iter().filter(|f| f.base.is_some() && f.mine == f.base).count();
    if plan.install.release.is_some() && pristine * FEWEST >= shipped {
        return None;
    }
    let found = match pristine {
        0 => "no file of any release".to_owned(),
        n => format!("only {n} of the {shipped} files that releases have"),
    };
    let what = format!("{}: holds {found}, so it is taken for something else", install.shown());
    Some(problem(
        Code::UnknownInstall,
        what,
        "name the project that has an install of this source: --project DIR, or its clone: --source DIR",
    ))
}

/// What a folder is that a rename would break.
fn cannot_move(install: &Path, project: &Path) -> Option<&'static str> {
    let here = std::fs::symlink_metadata(install).ok()?;
    if here.is_symlink() {
        return Some("a link");
    }
    if std::fs::symlink_metadata(install.join(".git")).is_ok() {
        return Some("a repository of its own (a submodule, or a work tree)");
    }
    let around = std::fs::metadata(project).ok()?;
    (around.dev() != here.dev()).then_some("on another file system than the project")
}

/// What a person should know about the folder before he says yes.
pub(crate) fn warnings(project: &Path) -> Vec<String> {
    let install = Install::find(project);
    let target = &layouts().newest().folder;
    let mut warnings = Vec::new();
    if let Some(name) = leaves(&install.path) {
        warnings.push(format!("the folder {name} becomes {target}; a rollback takes that back"));
    }
    if let Beside::Earlier(other) = &install.beside {
        warnings.push(format!(
            "{}: another install stands beside this one; it is left as it is: look for files of yours in it",
            other.shown()
        ));
    }
    warnings
}

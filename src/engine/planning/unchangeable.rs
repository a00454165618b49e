//! What a plan changes and nobody can change as it stands: files and folders with an attribute that forbids it, and places in
//! the install where something is mounted. Said before anything begins, for both stop an upgrade in its middle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::core::baseline;
use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::plan::Plan;
use crate::core::session::DOCUMENTS;
use crate::core::visible::Shown as _;
use crate::engine::refusal::Problem;
use crate::engine::refusal::problem;
use crate::host::files::fixed;
use crate::host::files::fixed::Attribute;
use crate::host::install::Install;

/// How many paths are named.
const SHOWN: usize = 20;
/// What an upgrade writes beside the files of its plan.
const BESIDE: [&str; 3] = [DOCUMENTS[0], DOCUMENTS[1], "VERSION.txt"];
/// Where new files are made ready, to be put in their places by one rename each.
const STAGE: &str = ".upgrade";

/// What stops a plan that changes what is in these folders, too. Blocking; reads only.
pub(crate) fn problems(install: &Path, plan: &Plan, folders: &BTreeSet<PathBuf>) -> Vec<Problem> {
    let changed = plan.files.iter().filter(|f| f.kind.changes_install());
    let files = changed.flat_map(|f| f.from.iter().chain([&f.path])).map(|path| path.under(install));
    let beside = BESIDE.iter().chain([&baseline::FILE]).map(|name| install.join(name));
    let files: BTreeSet<PathBuf> =
        if plan.summary.pending() == 0 { BTreeSet::new() } else { files.chain(beside).collect() };
    let inside = |path: &&Path| path.starts_with(install) && *path != install;
    let held = files.iter().chain(folders).map(PathBuf::as_path);
    let held: BTreeMap<&Path, Attribute> = held.filter_map(|path| Some((path, fixed::attribute(path)?))).collect();
    let stage = install.join(STAGE);
    // A mount on any folder above a file makes that another file system.
    let ways: BTreeSet<&Path> =
        files.iter().flat_map(|f| f.ancestors().take_while(inside)).chain([stage.as_path()]).collect();
    // An install that gets a folder of another name is renamed as a whole.
    let project = install.parent().unwrap_or(install);
    let renamed = (Install::find(project).target() != install).then_some(install);
    let mounted: Vec<&Path> = ways.into_iter().chain(renamed).filter(|path| fixed::is_mounted_at(path)).collect();
    let sticky: Vec<&Path> = files.iter().map(PathBuf::as_path).filter(|path| fixed::is_kept_by_others(path)).collect();
    attributes(install, &held).into_iter().chain(mounts(install, &mounted)).chain(others(install, &sticky)).collect()
}

/// Files of somebody else's in folders where only the owner may replace a file.
fn others(install: &Path, kept: &[&Path]) -> Option<Problem> {
    let first = kept.first()?;
    let what = listed(
        "files of others lie in folders with the sticky bit, where only their owners may replace them",
        kept.iter().map(|path| path.shown().to_string()),
    );
    let folder = quoted(first.parent().unwrap_or(first));
    Some(problem(
        Code::HeldFromChange,
        format!("{}: {what}", install.shown()),
        format!(
            "make them yours: sudo chown \"$(id -un)\" {}, or take the bit away: chmod -t {folder}",
            kept.iter().take(SHOWN).map(quoted).collect::<Vec<_>>().join(" ")
        ),
    ))
}

/// The refusal of one path that has such an attribute.
pub(crate) fn held(path: &Path) -> Option<Problem> {
    let attribute = fixed::attribute(path)?;
    attributes(path.parent().unwrap_or(path), &[(path, attribute)].into())
}

/// The refusal of a file outside of the install that is replaced.
pub(crate) fn document(path: &Path) -> Option<Problem> {
    held(path).or_else(|| {
        mounts(
            path.parent().unwrap_or(path),
            &[path].into_iter().filter(|p| fixed::is_mounted_at(p)).collect::<Vec<_>>(),
        )
    })
}

/// What takes the attributes of these paths away, as a command for a person.
fn command(held: &BTreeMap<&Path, Attribute>) -> String {
    let letters: BTreeSet<char> = held.values().map(|attribute| attribute.letter()).collect();
    let paths: Vec<String> = held.keys().take(SHOWN).map(quoted).collect();
    format!("sudo chattr -{} {}", letters.iter().collect::<String>(), paths.join(" "))
}

fn attributes(top: &Path, held: &BTreeMap<&Path, Attribute>) -> Option<Problem> {
    if held.is_empty() {
        return None;
    }
    let lines = held.iter().map(|(path, attribute)| format!("{} ({})", path.shown(), attribute.letter()));
    let what = listed("an attribute forbids every change of what an upgrade changes (lsattr shows it)", lines);
    Some(problem(
        Code::HeldFromChange,
        format!("{}: {what}", top.shown()),
        format!("take it away, then try again: {}", command(held)),
    ))
}

fn mounts(install: &Path, mounted: &[&Path]) -> Option<Problem> {
    let first = mounted.first()?;
    let what = listed(
        "something is mounted inside, where an upgrade replaces files",
        mounted.iter().map(|path| path.shown().to_string()),
    );
    Some(problem(
        Code::HeldFromChange,
        format!("{}: {what}", install.shown()),
        format!(
            "take it away, or upgrade where nothing is mounted there, as outside of a container: sudo umount {}",
            quoted(first)
        ),
    ))
}

fn listed(what: &str, lines: impl ExactSizeIterator<Item = String>) -> String {
    let more = lines.len().saturating_sub(SHOWN);
    let mut text = format!("{what}:");
    lines.take(SHOWN).for_each(|line| text.push_str(&format!("\n  {line}")));
    if more > 0 {
        text.push_str(&format!("\n  and {more} more"));
    }
    text
}

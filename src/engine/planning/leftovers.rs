//! What other ways of upgrading left in an install and beside it. Reads only.

use std::path::Path;
use std::sync::Arc;

use crate::core::blob::BlobId;
use crate::core::config::keyed::lacking;
use crate::core::layout::layouts;
use crate::core::layout::leftovers::Left;
use crate::core::os_text::quoted;
use crate::core::outcome::{Outcome, keyed_format};
use crate::core::path::RelPath;
use crate::core::plan::FileEntry;
use crate::core::policy::OnConflict;
use crate::core::visible::{self, Shown as _};
use crate::engine::conflicts::settle;
use crate::engine::planning::leftover::Leftover;
use crate::engine::planning::make_plan::{self, Planned};
use crate::engine::planning::source::Source;
use crate::host::files::folder::Folder;
use crate::host::files::fs;

/// The files that hand-made upgrades left in the install, and the copies of it beside it. Blocking.
pub(crate) fn files(project: &Path, install: &Path, source: &Source, planned: &Planned) -> Vec<Leftover> {
    // What is the user's own, which the plan does not look at, may be called as he likes.
    let is_there = |path: &RelPath| planned.installed.files.contains_key(path);
    let mut found = Vec::new();
    for path in planned.installed.files.keys() {
        let place = path.under(install);
        found.extend(match layouts().leftovers.of(path) {
            Some(Left::Template(of)) if is_there(&of) => template(install, source, planned, path, &of),
            Some(Left::Copy(of)) if is_there(&of) && !is_released(source, planned, path) => {
                let what = format!("a copy of {of} that somebody made by hand: look for what is only in it");
                let mut left = Leftover::new("copy", &place, what);
                left.next = Some(format!("to compare them: diff {} {}", quoted(&place), quoted(of.under(install))));
                Some(left)
            }
            Some(Left::Note) if layouts().is_config(path) => {
                let what =
                    "a note of an earlier upgrade that a config had to be merged by hand: this upgrade merges it";
                let mut left = Leftover::new("note", &place, what);
                left.next = Some(format!("once its points are settled: rm {}", quoted(&place)));
                Some(left)
            }
            _ => None,
        });
    }
    found.extend(backups(project, install));
    found
}

/// Whether a release ships a file of this very name.
fn is_released(source: &Source, planned: &Planned, path: &RelPath) -> bool {
    let page = layouts().source_of(path).map(|source| layouts().page(&source));
    page.is_some_and(|page| source.tree.contains_key(&page) || planned.history.paths().any(|known| *known == page))
}

/// A file that lies beside another as the release had it.
fn template(install: &Path, source: &Source, planned: &Planned, path: &RelPath, of: &RelPath) -> Option<Leftover> {
    if is_released(source, planned, path) {
        return None;
    }
    let place = path.under(install);
    let bytes = text(install, path)?;
    let blob = BlobId::of(&bytes, source.repo.format);
    let pages = layouts().templates_of(of).chain(layouts().source_of(of)).map(|path| layouts().page(&path));
    let history = &planned.history;
    let shipped = |page: &RelPath| history.shipped(page, &blob) || history.shipped_later(page, &blob);
    if !pages.into_iter().any(|page| shipped(&page)) {
        let what = format!("lies beside {of}, and is of no release of this source: look for what is only in it");
        let mut left = Leftover::new("template", &place, what);
        left.next = Some(format!("to compare them: diff {} {}", quoted(of.under(install)), quoted(&place)));
        return Some(left);
    }
    let lacks = match after(install, source, planned, of) {
        Some(then) => what_it_lacks(of, &then, &bytes),
        None => Err("what will stand there can't be told yet".to_owned()),
    };
    Some(match lacks {
        Ok(keys) if keys.is_empty() => {
            let what = format!("a release's version of {of}, which has all of it when the upgrade is done");
            Leftover::new("template", &place, what).removable(&place)
        }
        Ok(keys) => {
            const SHOWN: usize = 5;
            let more = if keys.len() > SHOWN { format!(" and {} more", keys.len() - SHOWN) } else { String::new() };
            let named = keys.iter().take(SHOWN).map(|key| visible::line(key)).collect::<Vec<_>>().join(", ");
            let what = format!("a release's version of {of}, which will still lack {named}{more}");
            let mut left = Leftover::new("template", &place, what);
            left.next = Some("keep it until these are settled".to_owned());
            left
        }
        Err(why) => {
            let mut left = Leftover::new("template", &place, format!("a release's version of {of}: {why}"));
            left.next = Some("keep it until the upgrade is done, then look again: pos-upgrade-tui plan".to_owned());
            left
        }
    })
}

/// The text that stands at a path when the upgrade is done, as far as no answer changes it.
fn after(install: &Path, source: &Source, planned: &Planned, path: &RelPath) -> Option<Arc<[u8]>> {
    let entry: Option<&FileEntry> = planned.plan.files.iter().find(|entry| entry.path == *path);
    let Some(entry) = entry.filter(|entry| entry.kind.changes_install()) else { return text(install, path) };
    let sides = make_plan::sides(source, install, entry).ok()?;
    match settle::unasked_outcome(entry, None, OnConflict::MergeKeep, &sides)? {
        Outcome::Write { bytes, .. } => Some(bytes),
        Outcome::Nothing => text(install, path),
        Outcome::Remove { .. } => None,
    }
}

/// Keys of a release's config that are missing; for other files only whether it is the very same text.
fn what_it_lacks(path: &RelPath, then: &[u8], template: &[u8]) -> Result<Vec<String>, String> {
    match keyed_format(path).filter(|_| layouts().is_config(path)) {
        Some(format) => lacking(format, then, template).map_err(|why| format!("they can't be compared ({why})")),
        None if then == template => Ok(Vec::new()),
        None => Err("it says something else".to_owned()),
    }
}

fn text(install: &Path, path: &RelPath) -> Option<Arc<[u8]>> {
    Folder::open(install).and_then(|folder| make_plan::mine(&folder, path)).ok().flatten()
}

/// Copies of an install beside it.
fn backups(project: &Path, install: &Path) -> Vec<Leftover> {
    let folders = layouts().folders();
    let is_one = |name: &std::ffi::OsStr| {
        let name = name.as_encoded_bytes();
        folders.iter().any(|folder| layouts().leftovers.is_backup(folder, name))
    };
    let entries = fs::entries_in(project).unwrap_or_default();
    let mut names: Vec<_> = entries.iter().map(std::fs::DirEntry::file_name).filter(|name| is_one(name)).collect();
    names.sort();
    let one = |name: &std::ffi::OsString| {
        let place = project.join(name);
        let what = format!("a copy of {} that another program made; nothing here reads or removes it", install.shown());
        let mut left = Leftover::new("backup", &place, what);
        left.next = Some(format!("if you need it no more: rm -r {}", quoted(&place)));
        left
    };
    names.iter().map(one).collect()
}

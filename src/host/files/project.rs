//! The project's own files, which are read and not written: those that git tracks, or where no git says it, all that do
//! not look as if a tool had made them.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::core::path::RelPath;
use crate::host::files::walk;

/// A file of more bytes is not read.
pub(crate) const LARGEST: u64 = 1 << 20;
/// Where no git says which files there are, no more of them are looked at.
const MOST: usize = 50_000;

/// What a file holds.
#[derive(Debug)]
pub(crate) enum Held {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It is a link, and leads there.
    Link(Vec<u8>),
    /// It is larger than [`LARGEST`]; its size in bytes.
    TooLarge(u64),
    /// It is there and can't be read; why.
    Unreadable(String),
    /// Nothing stands there, or something that holds no text: a folder, a pipe.
    Nothing,
}

/// Looks at a file of the project. Links are not followed.
pub(crate) fn held(project: &Path, path: &RelPath) -> Held {
    let Ok(meta) = walk::metadata(project, path) else { return Held::Nothing };
    if meta.is_symlink() {
        return walk::link_target(project, path).map_or(Held::Nothing, Held::Link);
    }
    if !meta.is_file() {
        return Held::Nothing;
    }
    if meta.len() > LARGEST {
        return Held::TooLarge(meta.len());
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    match walk::open_file(project, path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
        Ok(_) if bytes.len() as u64 > LARGEST => Held::TooLarge(bytes.len() as u64),
        Ok(_) => Held::Bytes(bytes),
        Err(e) => Held::Unreadable(e.to_string()),
    }
}

/// All files and links below a folder of the project, or the file itself, but for what is below folders that are not
/// wanted; also whether these are all. What can't be looked into holds nothing.
pub(crate) fn below(
    project: &Path,
    top: Option<&RelPath>,
    wanted: impl Fn(&RelPath) -> bool,
) -> (BTreeSet<RelPath>, bool) {
    let start = top.map_or_else(|| project.to_owned(), |top| top.under(project));
    let inside = |path: &Path| RelPath::new(path.strip_prefix(project).ok()?.as_os_str().as_bytes()).ok();
    let walked = walkdir::WalkDir::new(&start).follow_links(false).into_iter();
    let walked = walked.filter_entry(|entry| {
        !entry.file_type().is_dir() || entry.path() == start || inside(entry.path()).is_some_and(|path| wanted(&path))
    });
    let files = walked.filter_map(Result::ok).filter(|entry| !entry.file_type().is_dir());
    let mut paths = files.filter_map(|entry| inside(entry.path()));
    let found: BTreeSet<RelPath> = paths.by_ref().take(MOST).collect();
    (found, paths.next().is_none())
}

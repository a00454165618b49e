//! A copy of an install in which an upgrade has happened already, with a project root of its own: for where there can be no
//! view of the install's own place ([`super::view`]). It takes space and time, and the index built there is of no use
//! elsewhere; config, imports, tools and probes are the same.

use std::ffi::OsStr;
use std::fs as stdfs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::host::files::error::Doing as _;
use crate::host::files::{fs, tree};
use crate::host::python::venv;
use crate::host::server::view::{self, Impossible};

/// The copy's project, in the rehearsal's folder.
const PROJECT: &str = "project";
/// Bytes that stay free on the disk.
const SPARE: u64 = 256 << 20;

/// Copies an install into `folder`, under the name that it will have, and leads to the environment `built`, or to the live
/// one. What is no file, folder or link stays out. The copy's project.
///
/// # Errors
/// [`Impossible`], also where there is too little space.
pub(crate) fn make(live: &Path, folder: &Path, name: &OsStr, built: Option<&str>) -> Result<PathBuf, Impossible> {
    let project = folder.join(PROJECT);
    let copy = project.join(name);
    let live = view::canonical(live)?;
    let entries = view::looked_at(&live).collect::<Result<Vec<_>, _>>().map_err(|e| Impossible(e.to_string()))?;
    let bytes: u64 = entries.iter().filter_map(|e| e.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).sum();
    if fs::free_space(folder)? < bytes.saturating_add(SPARE) {
        return Err(Impossible("there is too little space for a copy of the install".into()));
    }
    fs::create_folders(&project)?;
    tree::mirror_of(entries.into_iter().map(Ok), &live, &copy, "copy", |entry, target| {
        if !entry.file_type().is_file() {
            return Ok(());
        }
        match stdfs::copy(entry.path(), target) {
            // Files of a running server come and go.
            Err(e) if e.kind() == ErrorKind::NotFound && !fs::is_there(entry.path())? => return Ok(()),
            copied => copied.doing("copy to", target)?,
        };
        // A server tells by the times which pages changed.
        let time = entry.metadata().ok().and_then(|meta| meta.modified().ok());
        if let (Ok(file), Some(time)) = (stdfs::File::options().write(true).open(target), time) {
            file.set_modified(time).doing("set the time of", target)?;
        }
        Ok(())
    })?;
    let environment = built.map_or_else(|| venv::live(&live), |name| venv::generation(&live, name));
    symlink(&environment, venv::live(&copy)).doing("link", &environment)?;
    Ok(project)
}

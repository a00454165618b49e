//! Copies of files as they will be, for pip to read.

use std::path::Path;

use crate::core::path::RelPath;
use crate::engine::session::stop::Stop;
use crate::host::files::error::Doing as _;

/// Writes a file of a draft. It is made anew whenever it is needed, so nobody waits for the disk.
pub(crate) fn put(folder: &Path, path: &RelPath, bytes: &[u8]) -> Result<(), Stop> {
    let to = path.under(folder);
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).doing("create folder", parent)?;
    }
    Ok(std::fs::write(&to, bytes).doing("write", &to)?)
}

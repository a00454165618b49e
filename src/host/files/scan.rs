//! What an install holds; each file is hashed once, or is known to be as it was.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::classify::{Installed, InstalledTree};
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::host::files::error::{Doing as _, FsError};
use crate::host::files::parallel::in_parallel;
use crate::host::files::read::read_of_length;
use crate::host::files::stat_cache::{Stat, StatCache};
use crate::host::files::walk;

/// Looks at everything in an install that releases may have put there. A file that is known to be as it was is not read;
/// each other one is hashed once.
///
/// # Errors
/// [`FsError`] for the first file that can't be read.
pub(crate) fn scan(install: &Path, format: ObjectFormat, known: &StatCache) -> Result<InstalledTree, FsError> {
    Ok(look(install, format, known)?.0)
}

/// The same, with what the next look need not read.
///
/// # Errors
/// Those of [`scan`].
pub(crate) fn scan_and_remember(
    install: &Path,
    format: ObjectFormat,
    known: &StatCache,
) -> Result<(InstalledTree, StatCache), FsError> {
    let began = SystemTime::now();
    let (tree, stats) = look(install, format, known)?;
    let hashed = tree.files.iter().zip(stats).map(|((path, file), stat)| (path.clone(), stat, file.clone()));
    let cache = StatCache::of(began, hashed);
    Ok((tree, cache))
}

/// What stands there, and what the system says of each regular file, in the order of their paths.
fn look(install: &Path, format: ObjectFormat, known: &StatCache) -> Result<(InstalledTree, Vec<Stat>), FsError> {
    let mut tree = InstalledTree::default();
    let mut paths = Vec::new();
    let mut skipped = BTreeSet::new();
    let own = |path: &RelPath| layouts().is_own(path) && !layouts().is_config(path);
    let wanted = |path: &RelPath| {
        let skip = layouts().is_ephemeral(path) || own(path);
        if skip {
            skipped.insert(path.clone());
        }
        !skip
    };
    for (path, kind) in walk::below(install, wanted)? {
        if kind.is_dir() {
            tree.folders.insert(path);
        } else if kind.is_symlink() {
            tree.links.insert(path);
        } else if kind.is_file() {
            paths.push(path);
        } else {
            tree.special.insert(path);
        }
    }
    paths.sort();
    let found = in_parallel(&paths, |path| match known.is_empty() {
        true => hash_installed(install, path, format),
        false => {
            let meta = walk::metadata(install, path).doing("look at", path.under(install))?;
            let same = known.find(path, &meta).map(|file| (file, Stat::of(&meta)));
            same.map_or_else(|| hash_installed(install, path, format), Ok)
        }
    })?;
    let (files, stats): (Vec<Installed>, Vec<Stat>) = found.into_iter().unzip();
    tree.files = paths.into_iter().zip(files).collect();
    tree.skipped = skipped;
    Ok((tree, stats))
}

fn hash_installed(install: &Path, path: &RelPath, format: ObjectFormat) -> Result<(Installed, Stat), FsError> {
    let shown = || path.under(install);
    let (file, meta) = walk::open_file_and_look(install, path).doing("read", shown())?;
    let mode = meta.permissions().mode();
    let bytes = read_of_length(file, meta.len()).doing("read", shown())?;
    let lf = with_lf(&bytes).map(|text| BlobId::of(&text, format));
    let installed = Installed { blob: BlobId::of(&bytes, format), blob_with_lf: lf, executable: mode & 0o100 != 0 };
    Ok((installed, Stat::of(&meta)))
}

/// The text with CRLF read as LF; none if it has no CRLF or is binary.
pub(crate) fn with_lf(bytes: &[u8]) -> Option<Vec<u8>> {
    // Most have none, which is soon told.
    let crlf =
        bytes.contains(&b'\r') && bytes.windows(2).any(|w| w == b"\r\n") && !crate::core::merge::is_binary(bytes);
    crlf.then(|| {
        let mut out = Vec::with_capacity(bytes.len());
        let mut rest = bytes.iter().peekable();
        while let Some(byte) = rest.next() {
            if !(*byte == b'\r' && rest.peek() == Some(&&b'\n')) {
                out.push(*byte);
            }
        }
        out
    })
}

//! Sets aside what stands in the way: the user's, whatever it is, moved as it is and looked into never.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{FileType, RenameFlags};
use rustix::io::Errno;

use crate::core::path::RelPath;
use crate::host::files::crash_points::{RESCUE, around};
use crate::host::files::error::{Doing, FsError};
use crate::host::files::folder::Folder;
use crate::host::files::rename;
use crate::host::install::locked::LockedInstall;

/// What a place among the rescued files is good for.
enum Spot {
    /// Nothing stands there; its folder, open, and its name in it.
    Free(Folder, OsString),
    /// Something stands there.
    Taken,
    /// Nothing can: a file or a link was set aside where a folder would be needed, or the name is too long.
    Impossible(FsError),
}

fn spot(root: &Folder, place: &RelPath) -> Result<Spot, FsError> {
    let (folder, name) = match root.parent_of(place, true) {
        Ok((folder, name)) => (folder, name.to_owned()),
        Err(e) if e.is_no_folder() => return Ok(Spot::Impossible(e)),
        Err(e) => return Err(e),
    };
    match folder.kind(&name) {
        Ok(None) => Ok(Spot::Free(folder, name)),
        Ok(Some(_)) => Ok(Spot::Taken),
        Err(e) if e.source.kind() == std::io::ErrorKind::InvalidFilename => Ok(Spot::Impossible(e)),
        Err(e) => Err(e),
    }
}

/// A place among the rescued files that nothing has, with its folder open: an earlier try may have rescued another text of
/// the same path, or what stood where one of its folders was. Then it has a number behind its name, and where that can't
/// be, behind that of the rescued files' folder.
///
/// # Errors
/// [`FsError`].
pub(crate) fn free_place(
    root: &Folder,
    rescue: &RelPath,
    path: &RelPath,
) -> Result<(Folder, OsString, RelPath), FsError> {
    let shown = || path.under(root.path());
    let mut last = None;
    for number in 1..1000 {
        let numbered = |name: &[u8]| match number {
            1 => name.to_vec(),
            _ => [name, format!(".{number}").as_bytes()].concat(),
        };
        let near = rescue.join(&numbered(path.as_bytes()));
        let far = RelPath::new(numbered(rescue.as_bytes())).and_then(|beside| beside.join(path.as_bytes()));
        for place in [near, far] {
            let place = place.map_err(|_| Errno::INVAL).doing("rescue", shown())?;
            match spot(root, &place)? {
                Spot::Free(folder, name) => return Ok((folder, name, place)),
                Spot::Taken => break,
                Spot::Impossible(e) => last = Some(e),
            }
        }
    }
    match last {
        Some(e) => Err(e),
        None => Err(Errno::EXIST).doing("rescue", shown()),
    }
}

/// Moves whatever stands at a path to `rescue`; where it is now, or none if nothing stood there. Nothing is read, and
/// nothing followed.
///
/// # Errors
/// [`FsError`]; then it stands where it stood.
pub(crate) fn set_aside(
    _: &LockedInstall,
    root: &Folder,
    path: &RelPath,
    rescue: &RelPath,
) -> Result<Option<RelPath>, FsError> {
    let (from, name) = root.parent_of(path, false)?;
    let Some(kind) = from.kind(name)? else { return Ok(None) };
    let (to, to_name, place) = free_place(root, rescue, path)?;
    let moved = around(RESCUE, || match from.rename(name, &to, &to_name, RenameFlags::NOREPLACE) {
        // Nobody but this program writes there, and it has just looked.
        Err(errno) if rename::is_unsupported(errno) => from.rename(name, &to, &to_name, RenameFlags::empty()),
        moved => moved,
    });
    moved.doing("set aside", path.under(root.path()))?;
    if kind != FileType::Directory && to.kind(&to_name)? == Some(FileType::Directory) {
        // It was exchanged between the look and the move: a folder is taken for nothing else.
        to.place(&to_name, &from, name).doing("put back", path.under(root.path()))?;
        return Err(Errno::AGAIN).doing("set aside", path.under(root.path()));
    }
    to.sync()?;
    from.sync()?;
    Ok(Some(place))
}

/// For how long a link must have stood where a folder was before it counts as put there for good.
const SETTLED: Duration = Duration::from_secs(1);
const LOOKS: u32 = 30;

/// Whether what stands there has stood for a moment: what changes places all the time is left to whoever does that. May
/// wait for a little longer than that moment.
pub(crate) fn has_settled(folder: &Folder, name: &OsStr) -> bool {
    let Ok(Some((inode, changed))) = folder.identity(name) else { return false };
    for _ in 0..LOOKS {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let stands = i128::try_from(now).unwrap_or(0) - changed;
        if stands >= i128::try_from(SETTLED.as_nanos()).unwrap_or(0) {
            return true;
        }
        std::thread::sleep(SETTLED / (LOOKS - 5));
        if !matches!(folder.identity(name), Ok(Some(same)) if same == (inode, changed)) {
            return false;
        }
    }
    // A clock that was put back: it has been the same for long enough.
    true
}

/// A path below the install, from one that names the install too.
pub(crate) fn relative(install: &Path, path: &Path) -> Option<RelPath> {
    RelPath::new(path.strip_prefix(install).ok()?.as_os_str().as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn rel(text: &str) -> RelPath {
        text.parse().unwrap()
    }

    #[test]
    fn everything_finds_a_place_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let locked = LockedInstall::of_test(dir.path());
        let root = Folder::open(&locked).unwrap();
        let at = |path: &str| dir.path().join(path);
        let long = "n".repeat(255);
        for (number, expected) in [(1, "rescued/1/s"), (2, "rescued/1/s.2"), (3, "rescued/1/s.3")] {
            symlink(format!("{number}"), at("s")).unwrap();
            assert_eq!(set_aside(&locked, &root, &rel("s"), &rel("rescued/1")).unwrap(), Some(rel(expected)));
        }
        // Below what is no folder there, and where the name has no room for a number.
        for expected in ["rescued/1.2/s/", "rescued/1.3/s/"] {
            fs::create_dir_all(at("s")).unwrap();
            fs::write(at("s").join(&long), "mine").unwrap();
            let path = rel(&format!("s/{long}"));
            assert_eq!(
                set_aside(&locked, &root, &path, &rel("rescued/1")).unwrap(),
                Some(rel(&format!("{expected}{long}")))
            );
        }
        fs::write(at("s/in it"), "mine").unwrap();
        assert_eq!(set_aside(&locked, &root, &rel("s"), &rel("rescued/1")).unwrap(), Some(rel("rescued/1/s.4")));
        assert_eq!(fs::read_to_string(at("rescued/1/s.4/in it")).unwrap(), "mine");
        assert_eq!(set_aside(&locked, &root, &rel("s"), &rel("rescued/1")).unwrap(), None);
    }
}

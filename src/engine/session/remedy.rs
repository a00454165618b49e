//! What a person can do about an error of the file system, about the path that it came from.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::engine::planning::make_plan::PlanningError;
use crate::engine::session::stop::{Advice, Stop};
use crate::host::files::error::FsError;
use crate::host::files::fixed;
use crate::host::files::fs;

impl From<FsError> for Stop {
    fn from(error: FsError) -> Self {
        let next = remedy(&error).map(Advice::mend);
        Stop::Failed { code: code_of(&error), what: error.to_string(), next }
    }
}

impl From<PlanningError> for Stop {
    fn from(error: PlanningError) -> Self {
        match error {
            PlanningError::Fs(error) => error.into(),
            other => Stop::failed(other),
        }
    }
}

/// What an error of the file system is, where the machine is what has to be mended.
fn code_of(error: &FsError) -> Option<Code> {
    match error.source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(Code::DiskFull),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(Code::NotPermitted),
        _ if error.is_no_folder() => Some(Code::OddPlace),
        _ => None,
    }
}

/// What a person can do, if it is one of those errors that a person can mend.
pub(crate) fn remedy(error: &FsError) -> Option<String> {
    if error.is_no_folder() {
        return Some(format!("move aside what stands there: mv {0} {0}.old", quoted(&error.path)));
    }
    if error.source.raw_os_error() == Some(Errno::BUSY.raw_os_error()) {
        return Some(format!("take away what is mounted there: umount {}", quoted(&error.path)));
    }
    match error.source.kind() {
        ErrorKind::StorageFull => Some("free some disk space".to_owned()),
        ErrorKind::QuotaExceeded => Some("free some of your disk quota".to_owned()),
        ErrorKind::PermissionDenied if held(&error.path).is_some() => held(&error.path),
        ErrorKind::PermissionDenied => Some(match shut(&error.path) {
            Shut::Folder(folder) => format!("make it writable for you (chmod u+w {})", quoted(&folder)),
            Shut::Entry(path) => format!("make it readable for you (chmod u+r {})", quoted(&path)),
        }),
        ErrorKind::ReadOnlyFilesystem => {
            Some(format!("make the file system of {} writable", quoted(folder_of(&error.path))))
        }
        _ => None,
    }
}

/// How to take an attribute away that forbids changing a path whatever its mode says, or what is in the folder around it.
fn held(path: &Path) -> Option<String> {
    let around = path.ancestors().skip(1).find(|folder| folder.is_dir());
    let (path, attribute) =
        [Some(path), around].into_iter().flatten().find_map(|path| Some((path, fixed::attribute(path)?)))?;
    Some(format!(
        "take away the attribute that forbids to change it, which lsattr shows (sudo chattr -{} {})",
        attribute.letter(),
        quoted(path)
    ))
}

/// What refuses.
enum Shut {
    /// A folder that can't be written in or walked through.
    Folder(PathBuf),
    /// A file that can't be read.
    Entry(PathBuf),
}

/// Which folder or file it is that may not be used: the path itself, or the outermost one above it that refuses.
fn shut(path: &Path) -> Shut {
    let mut folders: Vec<&Path> = path.ancestors().skip(1).filter(|p| !p.as_os_str().is_empty()).collect();
    folders.reverse();
    let walked = folders.iter().find(|folder| folder.is_dir() && !fs::can_be_walked(folder));
    if let Some(folder) = walked {
        return Shut::Folder(folder.to_path_buf());
    }
    let refuses = |folder: &Path| fs::check_writable(folder).is_err();
    if path.is_dir() && refuses(path) {
        return Shut::Folder(path.to_owned());
    }
    let parent = folder_of(path);
    if !refuses(parent) && path.is_file() && std::fs::File::open(path).is_err() {
        return Shut::Entry(path.to_owned());
    }
    Shut::Folder(parent.to_owned())
}

/// The nearest folder that is there, the path itself included.
fn folder_of(path: &Path) -> &Path {
    match path.ancestors().skip(1).find(|folder| folder.is_dir()) {
        Some(parent) if !path.is_dir() || fs::check_writable(path).is_ok() => parent,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_about_the_path_that_refused() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("project");
        std::fs::create_dir_all(project.join(".praxis-os")).unwrap();
        let says = |path: &Path, errno: Errno| {
            let error = FsError { doing: "create a file in", path: path.to_owned(), source: errno.into() };
            remedy(&error).unwrap_or_default()
        };
        assert!(says(&project.join("none/x"), Errno::ROFS).contains(&project.display().to_string()));
        assert!(says(&project, Errno::BUSY).contains("umount"));
        if rustix::process::geteuid().is_root() {
            // Nothing refuses there.
            return;
        }
        std::fs::set_permissions(&project, std::fs::Permissions::from_mode(0o555)).unwrap();
        for path in [project.clone(), project.join(".gitignore")] {
            let said = says(&path, Errno::ACCESS);
            assert!(said.ends_with(&format!("chmod u+w {})", project.display())), "{said}");
        }
        std::fs::set_permissions(&project, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

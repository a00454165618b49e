//! Mounts that only this process and those that it starts see. Only Linux has them.

use std::path::{Path, PathBuf};

/// Why something can't be mounted here.
pub(crate) type Refused = String;

#[cfg(not(target_os = "linux"))]
pub(crate) use nowhere::{bind, is_overlay, mounted_within, overlay, own, tmpfs};
#[cfg(target_os = "linux")]
pub(crate) use on_linux::{bind, is_overlay, mounted_within, overlay, own, tmpfs};

#[cfg(target_os = "linux")]
mod on_linux {
    use std::ffi::{CStr, CString, OsString};
    use std::os::unix::ffi::OsStringExt as _;

    use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind_recursive, mount_change};
    use rustix::process::{getegid, geteuid};
    use rustix::thread::UnshareFlags;

    use super::{Path, PathBuf, Refused};

    /// The number by which the kernel names an overlay, on which no other one can write.
    const OVERLAYFS: rustix::fs::FsWord = 0x794c_7630;

    fn refused(what: &str) -> impl Fn(rustix::io::Errno) -> Refused {
        move |errno| format!("{what}: {errno}")
    }

    /// Makes mounts that nobody else sees, from here on. There must be one thread only.
    ///
    /// # Errors
    /// [`Refused`]; the process is of no use then.
    pub(crate) fn own() -> Result<(), Refused> {
        let (uid, gid) = (geteuid(), getegid());
        apart(if uid.is_root() { UnshareFlags::NEWNS } else { UnshareFlags::NEWNS | UnshareFlags::NEWUSER })?;
        if !uid.is_root() {
            let write = |file: &str, text: String| {
                std::fs::write(format!("/proc/self/{file}"), text).map_err(|e| format!("{file}: {e}"))
            };
            write("setgroups", "deny".into())?;
            write("uid_map", format!("{uid} {uid} 1"))?;
            write("gid_map", format!("{gid} {gid} 1"))?;
        }
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount_change("/", private).map_err(refused("mounts can't be made private"))
    }

    /// Leaves the namespaces that all others share.
    #[allow(unsafe_code)]
    fn apart(flags: UnshareFlags) -> Result<(), Refused> {
        // SAFETY: without `FILES` no descriptor becomes this thread's alone, which is what can go wrong in memory; and
        // there is one thread only, or the kernel refuses.
        unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(refused("no private mounts here"))
    }

    /// Mounts an overlay: what is written lands in `upper`.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) fn overlay(lower: &str, upper: &str, work: &str, at: &Path) -> Result<(), Refused> {
        let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        let options = if geteuid().is_root() { options } else { format!("{options},userxattr") };
        let data = CString::new(options).map_err(|e| e.to_string())?;
        mount("overlay", at, "overlay", MountFlags::empty(), &*data).map_err(refused("no overlay can be mounted"))
    }

    /// Mounts an empty folder in memory.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) fn tmpfs(at: &Path) -> Result<(), Refused> {
        let mounted = mount("tmpfs", at, "tmpfs", MountFlags::empty(), None::<&CStr>);
        mounted.map_err(refused("no tmpfs can be mounted"))
    }

    /// Shows a folder or a file, with what is mounted in it, at another place too. `what` is said where that can't be.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) fn bind(from: &Path, at: &Path, what: &str) -> Result<(), Refused> {
        mount_bind_recursive(from, at).map_err(refused(what))
    }

    /// Whether a path lies on an overlay.
    ///
    /// # Errors
    /// [`Refused`] where that can't be told.
    pub(crate) fn is_overlay(path: &Path) -> Result<bool, Refused> {
        let stat = rustix::fs::statfs(path).map_err(refused("the file system can't be told"))?;
        Ok(stat.f_type == OVERLAYFS)
    }

    /// A mount at or below a path, if there is one.
    pub(crate) fn mounted_within(top: &Path) -> Option<PathBuf> {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut places = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(unescaped);
        places.find(|place| place.starts_with(top))
    }

    /// A path as the kernel's table of mounts has it: blanks and backslashes stand there as octal numbers.
    fn unescaped(text: &str) -> PathBuf {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((first, behind)) = rest.split_first() {
            let octal = behind.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
            match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\') {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &behind[3..];
                }
                None => {
                    bytes.push(*first);
                    rest = behind;
                }
            }
        }
        PathBuf::from(OsString::from_vec(bytes))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_kernels_table_has_paths_with_numbers() {
            assert_eq!(unescaped("/a\\040b,c\\134d\\n\\9"), Path::new("/a b,c\\d\\n\\9"));
        }
    }
}

/// Where there is no Linux: all is refused, and a release is tried in a copy.
#[cfg(not(target_os = "linux"))]
mod nowhere {
    use super::{Path, PathBuf, Refused};

    fn none() -> Refused {
        "no private mounts on this system".to_owned()
    }

    pub(crate) fn own() -> Result<(), Refused> {
        Err(none())
    }

    pub(crate) fn overlay(_: &str, _: &str, _: &str, _: &Path) -> Result<(), Refused> {
        Err(none())
    }

    pub(crate) fn tmpfs(_: &Path) -> Result<(), Refused> {
        Err(none())
    }

    pub(crate) fn bind(_: &Path, _: &Path, _: &str) -> Result<(), Refused> {
        Err(none())
    }

    /// Says that there can be no view, which is all that this is asked for.
    pub(crate) fn is_overlay(_: &Path) -> Result<bool, Refused> {
        Err(none())
    }

    pub(crate) fn mounted_within(_: &Path) -> Option<PathBuf> {
        None
    }
}

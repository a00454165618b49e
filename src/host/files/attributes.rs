//! Extended attributes of files, among them access control lists: kept where a file is replaced, copied or brought back, as
//! far as the file system and this user's rights allow.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};

/// The access control list of a file, as Linux keeps it.
const ACL: &str = "system.posix_acl_access";
/// What the system gives to each file by itself.
const OF_SYSTEM: [&str; 5] =
    ["security.selinux", "security.ima", "security.evm", "security.SMACK64", "com.apple.provenance"];
/// No attribute is larger on Linux, and no list of names.
const LARGEST: usize = 64 << 10;

/// The attributes of a file, by name.
pub(crate) type Attributes = BTreeMap<OsString, Vec<u8>>;

/// What a file has; nothing where the file system has no such thing.
pub(crate) fn of(file: &File) -> Attributes {
    let mut buffer = vec![0_u8; LARGEST];
    let Ok(length) = flistxattr(file, &mut buffer[..]) else { return Attributes::new() };
    let names = buffer[..length].split(|b| *b == 0).filter(|name| !name.is_empty());
    let wanted = names.filter(|name| !OF_SYSTEM.iter().any(|own| own.as_bytes() == *name));
    let mut found = Attributes::new();
    let mut value = vec![0_u8; LARGEST];
    for name in wanted {
        let name = OsString::from_vec(name.to_vec());
        if let Ok(length) = fgetxattr(file, &name, &mut value[..]) {
            found.insert(name, value[..length].to_vec());
        }
    }
    found
}

/// Gives a file these attributes, and no others; the names of those that it could not be given, or that could not be taken
/// from it. An access list is made to fit the mode, which stays as it is.
pub(crate) fn put(file: &File, wanted: &Attributes, mode: u32) -> Vec<OsString> {
    let now = of(file);
    let mut failed = Vec::new();
    for (name, value) in wanted {
        let value = if *name == ACL { with_mode(value, mode) } else { value.clone() };
        if now.get(name) != Some(&value) && fsetxattr(file, name, &value, XattrFlags::empty()).is_err() {
            failed.push(name.clone());
        }
    }
    for name in now.keys().filter(|name| !wanted.contains_key(*name)) {
        if fremovexattr(file, name).is_err() {
            failed.push(name.clone());
        }
    }
    failed
}

/// A name as people know it.
pub(crate) fn words(name: &OsStr) -> String {
    if name == ACL { "access list".to_owned() } else { String::from_utf8_lossy(name.as_bytes()).into_owned() }
}

/// An access list whose entries for the owner, for others and for the limit of all else say what a mode says: the kernel keeps
/// them the same.
fn with_mode(list: &[u8], mode: u32) -> Vec<u8> {
    const HEAD: usize = 4;
    const ENTRY: usize = 8;
    let mut list = list.to_vec();
    let tag = |entry: &[u8]| u16::from_le_bytes([entry[0], entry[1]]);
    let has_mask = list.get(HEAD..).is_some_and(|rest| rest.chunks_exact(ENTRY).any(|entry| tag(entry) == 0x10));
    let Some(rest) = list.get_mut(HEAD..) else { return list };
    for entry in rest.chunks_exact_mut(ENTRY) {
        let bits = match tag(entry) {
            0x01 => mode >> 6,
            0x10 => mode >> 3,
            0x04 if !has_mask => mode >> 3,
            0x20 => mode,
            _ => continue,
        };
        entry[2] = (bits & 7) as u8;
        entry[3] = 0;
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `user::rwx user:7:rw- group::r-x mask::rwx other::---`
    fn list(user: u8, mask: u8, other: u8) -> Vec<u8> {
        let entry = |tag: u8, bits: u8, id: u32| [&[tag, 0, bits, 0][..], &id.to_le_bytes()].concat();
        let none = u32::MAX;
        [
            vec![2, 0, 0, 0],
            entry(0x01, user, none),
            entry(0x02, 6, 7),
            entry(0x04, 5, none),
            entry(0x10, mask, none),
            entry(0x20, other, none),
        ]
        .concat()
    }

    #[test]
    fn an_access_list_follows_the_mode() {
        assert_eq!(with_mode(&list(7, 7, 0), 0o644), list(6, 4, 4));
        assert_eq!(with_mode(&list(7, 7, 0), 0o770), list(7, 7, 0));
        for cut in 0..list(7, 7, 0).len() {
            with_mode(&list(7, 7, 0)[..cut], 0o644);
        }
    }

    #[test]
    fn attributes_are_kept_and_what_is_too_much_goes() {
        let (from, to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        if fsetxattr(&from, "user.a", b"1", XattrFlags::empty()).is_err() {
            return;
        }
        fsetxattr(&to, "user.b", b"2", XattrFlags::empty()).unwrap();
        assert_eq!(put(&to, &of(&from), 0o600), Vec::<OsString>::new());
        assert_eq!(of(&to), of(&from));
        assert_eq!(of(&to)[OsStr::new("user.a")], b"1");
    }
}

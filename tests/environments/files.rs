//! Extended attributes and access lists of files that are replaced, taken away and brought back.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use pos_upgrade_tui::host::demo::Demo;
use rustix::fs::{XattrFlags, lgetxattr, llistxattr, lsetxattr};

use crate::common::ext::{Plain, is_root, skipped};
use crate::common::mounts::{Mount, tool};
use crate::common::{Sandbox, assert_same, snapshot, text};

/// Replaced, of the server, merged, taken away by the release, moved by it, the user's own; beside the install.
const FILES: [&str; 6] = [
    "scripts/check-links.py",
    "mcp_server/tools.py",
    "standards/universal/concurrency/race-conditions.md",
    "standards/universal/concurrency/thread-pools.md",
    "standards/universal/documentation/code-comments.md",
    "standards/development/team-conventions.md",
];

/// A list that gives user 4711 something, and says for all else what a mode says.
fn access_list(mode: u32) -> Vec<u8> {
    let entry = |tag: u8, bits: u8, id: u32| [&[tag, 0, bits, 0][..], &id.to_le_bytes()].concat();
    let none = u32::MAX;
    let bits = |shift: u32| u8::try_from(mode >> shift & 7).unwrap();
    let (user, mask, other) = (entry(1, bits(6), none), entry(16, bits(3), none), entry(32, bits(0), none));
    let entries = [user, entry(2, 6, 4711), entry(4, 4, none), mask, other];
    [vec![2, 0, 0, 0], entries.concat()].concat()
}

/// All attributes below a folder, by path; also what the modes say.
fn attributes(folder: &Path) -> BTreeMap<PathBuf, Vec<(String, Vec<u8>)>> {
    let ours = [".backups", ".upgrade", ".cache", "rescued"];
    let walk = walkdir::WalkDir::new(folder).into_iter();
    let walk = walk.filter_entry(|e| !ours.contains(&e.file_name().to_string_lossy().as_ref()));
    let mut all = BTreeMap::new();
    for entry in walk.map(Result::unwrap).filter(|e| !e.file_type().is_symlink()) {
        let mut names = vec![0; 4096];
        let length = llistxattr(entry.path(), &mut names[..]).unwrap();
        let names = names[..length].split(|b| *b == 0).filter(|n| !n.is_empty());
        let one = |name: &[u8]| {
            let mut value = vec![0; 4096];
            let name = String::from_utf8(name.to_vec()).unwrap();
            let length = lgetxattr(entry.path(), &name, &mut value[..]).unwrap();
            (name, value[..length].to_vec())
        };
        let found: Vec<_> = names.map(one).filter(|(name, _)| !name.starts_with("security.selinux")).collect();
        if !found.is_empty() {
            all.insert(entry.path().to_owned(), found);
        }
    }
    all
}

fn set(path: &Path, name: &str, value: &[u8]) -> bool {
    lsetxattr(path, name, value, XattrFlags::empty()).is_ok()
}

fn run(command: &mut Command, demo: &Demo, arguments: &[&str]) -> String {
    let output = command.args(arguments).arg("--project").arg(&demo.project).output().unwrap();
    let (code, said) = text(&output);
    assert_eq!(code, 0, "{said}");
    said
}

fn upgrade(command: &mut Command, demo: &Demo) -> String {
    let source = demo.source.to_str().unwrap().to_owned();
    run(
        command,
        demo,
        &["upgrade", "--yes", "--on-conflict", "merge-keep", "--source", &source, "--allow-removals", "99"],
    )
}

#[test]
fn attributes_and_access_lists_outlive_upgrade_restore_and_rollback() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let ignored = demo.project.join(".gitignore");
    fs::write(&ignored, "/target\n").unwrap();
    let marked: Vec<PathBuf> =
        FILES.iter().map(|f| demo.install.join(f)).filter(|f| f.is_file()).chain([ignored.clone()]).collect();
    assert!(marked.len() > 4, "{marked:?}");
    for path in &marked {
        let list = set(path, "system.posix_acl_access", &access_list(fs::metadata(path).unwrap().permissions().mode()));
        if !list || !set(path, "user.note", path.as_os_str().as_encoded_bytes()) {
            return skipped("the file system has no access lists or attributes");
        }
    }
    // Folders, too; what is made in some of them inherits a list.
    let empty = demo.install.join("standards/universal/concurrency/empty");
    fs::create_dir(&empty).unwrap();
    let walk = walkdir::WalkDir::new(demo.install.join("standards")).into_iter().map(Result::unwrap);
    let folders: Vec<PathBuf> = walk.filter(|e| e.file_type().is_dir()).map(|e| e.path().to_owned()).collect();
    for (i, path) in folders.iter().enumerate() {
        assert!(set(path, "user.note", path.as_os_str().as_encoded_bytes()));
        let inherited = ["system.posix_acl_access", "system.posix_acl_default"][i % 2];
        assert!(set(path, inherited, &access_list(fs::metadata(path).unwrap().permissions().mode())));
    }
    let (before, had) = (snapshot(&demo.install), attributes(&demo.project));
    assert_eq!(had.len(), marked.len() + folders.len());
    let said = upgrade(&mut sandbox.command(), &demo);
    assert!(!said.contains("could not be kept"), "{said}");
    let now = attributes(&demo.project);
    let still = |path: &PathBuf| path.is_file();
    for path in marked.iter().filter(|path| still(path)) {
        // What the list says of owner and others follows the mode, which is the release's.
        let named = |list: &[u8]| list[4..].chunks(8).find(|entry| entry[0] == 2).map(<[u8]>::to_vec);
        let kept = |all: &BTreeMap<PathBuf, Vec<(String, Vec<u8>)>>| {
            let one = |(name, value): &(String, Vec<u8>)| match name.as_str() {
                "system.posix_acl_access" => (name.clone(), named(value)),
                _ => (name.clone(), Some(value.clone())),
            };
            all.get(path).map(|found| found.iter().map(one).collect::<Vec<_>>())
        };
        assert_eq!(kept(&now), kept(&had), "{}", path.display());
    }
    assert_ne!(snapshot(&demo.install), before, "something was replaced");
    for path in folders.iter().filter(|path| path.is_dir()) {
        assert_eq!(now.get(path), had.get(path), "{}", path.display());
    }
    // One file brought back alone, then all.
    let page = demo.install.join(FILES[0]);
    assert!(fs::remove_file(&page).is_ok());
    run(&mut sandbox.command(), &demo, &["restore", FILES[0]]);
    assert_eq!(attributes(&demo.project).get(&page), had.get(&page));
    fs::remove_dir(&empty).unwrap();
    run(&mut sandbox.command(), &demo, &["rollback", "--yes"]);
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(attributes(&demo.project), had);
}

#[test]
fn what_a_user_may_not_keep_is_named_once() {
    if !is_root() {
        return skipped("only root can set such an attribute");
    }
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let plain = Plain::new(&sandbox);
    let page = demo.install.join(FILES[0]);
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    if !set(&page, "security.capability", &capability) {
        return skipped("the file system has no capabilities");
    }
    let before = snapshot(&demo.install);
    let said = upgrade(&mut plain.command(&sandbox), &demo);
    let told: Vec<&str> = said.lines().filter(|line| line.contains("security.capability")).collect();
    assert!(told.iter().all(|line| line.contains(FILES[0])), "{said}");
    assert!((1..=2).contains(&told.len()), "as it happens, and in the report: {said}");
    run(&mut plain.command(&sandbox), &demo, &["rollback", "--yes"]);
    assert_same(&before, &snapshot(&demo.install));
}

#[test]
fn an_install_on_a_file_system_that_is_mounted_read_only() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (install, project) = (demo.install.to_str().unwrap(), demo.project.to_str().unwrap());
    let before = snapshot(&demo.install);
    let bound = match Mount::by(&demo.install, "mount", &["--bind", install]) {
        Ok(bound) => bound,
        Err(why) => return skipped(&why),
    };
    if let Err(why) = tool("mount", &["-o", "remount,bind,ro", install]) {
        return skipped(&why);
    }
    let upgrade = ["upgrade", "--yes", "--on-conflict", "merge-keep", "--source", demo.source.to_str().unwrap()];
    let words = ["the install can't be written", "Read-only file system", "make the file system of", "writable"];
    let (code, said) = text(&sandbox.command().args(upgrade).args(["--project", project]).output().unwrap());
    assert_eq!(code, 4, "{said}");
    assert!(words.iter().all(|word| said.contains(word)) && !said.contains("chmod"), "{said}");
    // What only looks still does.
    let edits = ["edits", "--source", demo.source.to_str().unwrap(), "--project", project];
    let (code, said) = text(&sandbox.command().args(edits).output().unwrap());
    assert!(code == 0 && said.contains("standards/"), "{code}: {said}");
    drop(bound);
    assert_same(&before, &snapshot(&demo.install));
}

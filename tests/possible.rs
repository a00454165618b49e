//! What can't stand on a file system is refused before anything changes, at the very byte; what the user has there already
//! stops nothing.

#[allow(dead_code)]
use crate::common::ext;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::common::ext::refused;
use crate::common::mounts::{Mount, tool};
use crate::common::{Sandbox, assert_same, git, snapshot, text};
use pos_upgrade_tui::core::path::RelPath;
use pos_upgrade_tui::core::possible::LONGEST_PATH;
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::host::files::walk;
use rustix::fs::{Mode, OFlags};

const TOP: &str = "standards/universal";

/// A release with files at these paths of an install, whatever this machine's file system says to them: made of git's
/// objects, never checked out.
fn ship(source: &Path, paths: &[&str]) {
    let mut child = Command::new("git")
        .current_dir(source)
        .args(["hash-object", "-w", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"a page\n").unwrap();
    let id = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let shipped: Vec<String> = paths.iter().map(|p| p.replacen(TOP, "universal/standards", 1)).collect();
    let feed = |arguments: &[&str], line: &dyn Fn(&String) -> String| {
        let mut child = Command::new("git").current_dir(source).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        shipped.iter().for_each(|path| input.write_all(line(path).as_bytes()).unwrap());
        drop(input);
        assert!(child.wait().unwrap().success());
    };
    feed(&["update-index", "-z", "--index-info"], &|path| format!("100644 {} 0\t{path}\0", id.trim()));
    git(source, &["commit", "-q", "-m", "More pages"]);
    // Nothing is missing in the work tree then.
    feed(&["update-index", "-z", "--skip-worktree", "--stdin"], &|path| format!("{path}\0"));
    assert_eq!(git(source, &["status", "--porcelain"]), "");
}

fn arguments<'a>(demo: &'a Demo, command: &[&'a str]) -> Vec<&'a str> {
    let paths = ["--project", demo.project.to_str().unwrap(), "--source", demo.source.to_str().unwrap()];
    [command, &paths, &["--only", "content"]].concat()
}

const UPGRADE: [&str; 4] = ["upgrade", "--yes", "--on-conflict", "merge-keep"];

fn ok(output: &Output) -> String {
    let (code, said) = text(output);
    assert_eq!(code, 0, "{said}");
    said
}

/// Upgraded, looked at in every way, and back.
fn there_and_back(sandbox: &Sandbox, demo: &Demo) {
    let project = ["--project", demo.project.to_str().unwrap()];
    let before = snapshot(&demo.install);
    ok(&sandbox.run(&arguments(demo, &UPGRADE)));
    let again = ok(&sandbox.run(&arguments(demo, &["plan"])));
    assert!(again.contains("nothing to do") || again.contains("yours"), "{again}");
    ok(&sandbox.run(&[&["edits"], &project[..]].concat()));
    ok(&sandbox.run(&[&["backups", "verify"], &project[..]].concat()));
    ok(&sandbox.run(&[&["rollback", "--yes"], &project[..]].concat()));
    assert_same(&before, &snapshot(&demo.install));
}

/// `plan` and `upgrade` both say so, and leave everything as it is.
fn is_refused(sandbox: &Sandbox, demo: &Demo, names: &[&str]) {
    for command in [&["plan"][..], &UPGRADE] {
        refused(sandbox, &demo.project, &arguments(demo, command), 4, names);
    }
}

#[test]
fn a_name_may_have_as_many_bytes_as_the_file_system_allows() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let most = usize::try_from(rustix::fs::statvfs(&demo.install).unwrap().f_namemax).unwrap();
    ship(&demo.source, &[&format!("{TOP}/{}", "n".repeat(most))]);
    there_and_back(&sandbox, &demo);
    let name = "o".repeat(most + 1);
    ship(&demo.source, &[&format!("{TOP}/{name}"), &format!("{TOP}/{name}p/in.md")]);
    let bytes = [most + 1, most + 2].map(|n| format!("{n} bytes, {most} are allowed"));
    is_refused(&sandbox, &demo, &[&bytes[0], &bytes[1], "2 paths", "--to REF"]);
    println!("names of {most} bytes upgraded and back, of {} refused", most + 1);
}

/// A path below [`TOP`] with so many bytes in all.
fn path_of(bytes: usize) -> String {
    let mut text = TOP.to_owned();
    while text.len() < bytes {
        let left = bytes - text.len() - 1;
        // No part may be empty, and the last must take what is left.
        let part = if left <= 200 {
            left
        } else if left == 201 {
            100
        } else {
            200
        };
        text.push('/');
        text.push_str(&"p".repeat(part));
    }
    assert_eq!(text.len(), bytes);
    text
}

#[test]
fn a_whole_path_may_have_as_many_bytes_as_the_system_takes() {
    let behind = "/.backups/YYYY-MM-DD-HHMMSS-NN/files/".len();
    let measured = |demo: &Demo| demo.install.as_os_str().len();
    // What the backup's copy of it may have at most.
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    ship(&demo.source, &[&path_of(LONGEST_PATH - measured(&demo) - behind)]);
    there_and_back(&sandbox, &demo);
    let cases = [(1, "the copy of it in a backup has a path of 4096 bytes"), (behind, ": it has a path of 4096 bytes")];
    for (more, said) in cases {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        ship(&demo.source, &[&path_of(LONGEST_PATH - measured(&demo) - behind + more)]);
        is_refused(&sandbox, &demo, &[said, "4095 are allowed"]);
    }
    // The last byte that the live path itself may have.
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    ship(&demo.source, &[&path_of(LONGEST_PATH - measured(&demo) - 1)]);
    is_refused(&sandbox, &demo, &["the copy of it in a backup"]);
    println!("{LONGEST_PATH} bytes upgraded and back, one more refused, for the copy and for the path itself");
}

/// The demo in a folder so deep that its install's path has so many bytes.
fn at_depth(sandbox: &mut Sandbox, bytes: usize) -> Demo {
    let made = sandbox.content_demo();
    let mut there = made.dir.parent().unwrap().join("deep");
    let end = "/project/.praxis-os".len();
    while there.as_os_str().len() < bytes - end {
        let left = bytes - end - there.as_os_str().len() - 1;
        there.push("d".repeat(if left <= 200 {
            left
        } else if left == 201 {
            100
        } else {
            200
        }));
    }
    fs::create_dir_all(&there).unwrap();
    let project = there.join("project");
    fs::rename(&made.project, &project).unwrap();
    let install = project.join(".praxis-os");
    assert_eq!(install.as_os_str().len(), bytes);
    Demo { project, install, ..made }
}

#[test]
fn a_project_may_lie_as_deep_as_its_own_notes_fit() {
    // An update alone makes no new path: nothing is in its way.
    let page = "universal/standards/ai-safety/git-safety.md";
    let mut sandbox = Sandbox::new();
    let demo = at_depth(&mut sandbox, LONGEST_PATH - 100);
    git(&demo.source, &["checkout", "-q", "--detach", &demo.commits[0]]);
    fs::write(demo.source.join(page), "another text\n").unwrap();
    git(&demo.source, &["commit", "-qam", "Say it otherwise"]);
    // The user's own, just within what the system takes: the path of its copy is not.
    fs::write(demo.install.join(path_of(99)), "mine").unwrap();
    assert_ne!(*demo.commits.last().unwrap(), git(&demo.source, &["rev-parse", "HEAD"]));
    there_and_back(&sandbox, &demo);
    // One byte more, and there is no room for the notes.
    let mut sandbox = Sandbox::new();
    let demo = at_depth(&mut sandbox, LONGEST_PATH - 99);
    is_refused(&sandbox, &demo, &["has 3996 bytes, 3995 are allowed", "shorter path"]);
    println!("installs at {} bytes upgraded and back, at {} refused", LONGEST_PATH - 100, LONGEST_PATH - 99);
}

/// A file of the user's that no single path can name.
fn own_file(install: &Path) -> RelPath {
    let folder = RelPath::new(path_of(5_000)).unwrap();
    walk::create_folder(install, &folder).unwrap();
    let path = folder.join(b"mine.md").unwrap();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    walk::open(install, &path, flags, Mode::from_raw_mode(0o640)).unwrap().write_all(b"my notes").unwrap();
    path
}

fn read(install: &Path, path: &RelPath) -> String {
    let mut text = String::new();
    walk::open_file(install, path).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_the_user_has_at_a_path_too_long_for_the_system_stops_nothing_and_is_kept() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let path = own_file(&demo.install);
    let project = ["--project", demo.project.to_str().unwrap()];
    ok(&sandbox.run(&arguments(&demo, &["plan"])));
    ok(&sandbox.run(&arguments(&demo, &UPGRADE)));
    assert_eq!(read(&demo.install, &path), "my notes");
    let said = ok(&sandbox.run(&[&["edits", "--diff"], &project[..]].concat()));
    assert!(said.contains("mine.md"), "{said}");
    ok(&sandbox.run(&[&["backups", "verify"], &project[..]].concat()));
    // The backup holds it, and brings it back.
    let (folder, _) = path.as_bytes().split_at(path.as_bytes().len() - "/mine.md".len());
    let parent = pos_upgrade_tui::host::files::folder::Folder::open(&demo.install).unwrap();
    let parent = parent.below(&RelPath::new(folder).unwrap(), false).unwrap();
    parent.remove(std::ffi::OsStr::new("mine.md")).unwrap();
    let mut restore = sandbox.command();
    restore.arg("restore").arg(std::ffi::OsStr::from_bytes(path.as_bytes())).args(project);
    let (code, said) = text(&restore.output().unwrap_or_else(|e| panic!("{e}")));
    assert_eq!(code, 0, "{said}");
    assert_eq!(read(&demo.install, &path), "my notes");
    ok(&sandbox.run(&[&["rollback", "--yes"], &project[..]].concat()));
    assert_eq!(read(&demo.install, &path), "my notes");
    ok(&sandbox.run(&[&["backups", "prune", "--yes", "--keep", "1"], &project[..]].concat()));
    println!("a path of {} bytes: planned, listed, backed up, restored", path.as_bytes().len());
}

/// The demo on a mounted file system.
fn demo_on(sandbox: &mut Sandbox, disk: &Path) -> Demo {
    let made = sandbox.content_demo();
    let project = disk.join("project");
    tool("cp", &["-r", "--preserve=mode,timestamps", made.project.to_str().unwrap(), project.to_str().unwrap()])
        .unwrap();
    Demo { install: project.join(".praxis-os"), project, ..made }
}

#[test]
fn too_few_inodes_are_told_before_anything_begins() {
    let mut sandbox = Sandbox::new();
    let disk = sandbox.path().join("disk");
    let options = "size=64m,nr_inodes=1000";
    let mounted = Mount::by(&disk, "mount", &["-t", "tmpfs", "-o", options, "pos-possible"]);
    let _mount = match mounted {
        Ok(mount) => mount,
        Err(why) => return ext::skipped(&why),
    };
    let demo = demo_on(&mut sandbox, &disk);
    there_and_back(&sandbox, &demo);
    let free = || pos_upgrade_tui::host::files::fs::free_inodes(&disk).unwrap().unwrap();
    // All but so many are taken: by files that have nothing to do with this.
    let fill = disk.join("fill");
    fs::create_dir(&fill).unwrap();
    let mut made = 0;
    while free() > 30 {
        fs::write(fill.join(made.to_string()), "").unwrap();
        made += 1;
    }
    is_refused(&sandbox, &demo, &["more files and folders can be made", "df -i"]);
    assert_eq!(free(), 30, "nothing was made");
    fs::remove_dir_all(&fill).unwrap();
    there_and_back(&sandbox, &demo);
    println!("with 30 inodes left refused, with room again upgraded and back");
}

/// A file system that is kept in a file, for kinds that this machine may not know; whether it ran is told.
fn on_image(make: &str, made_by: &[&str], mount: (&str, &[&str]), work: impl Fn(&mut Sandbox, &Path)) {
    let mut sandbox = Sandbox::new();
    let image = sandbox.path().join("image");
    fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let image = image.to_str().unwrap().to_owned();
    let disk: PathBuf = sandbox.path().join("disk");
    let made = tool(make, &[made_by, &[&image]].concat());
    match made.and_then(|()| Mount::by(&disk, mount.0, &[mount.1, &[image.as_str()]].concat())) {
        Ok(_mount) => work(&mut sandbox, &disk),
        Err(why) => println!("did not run: {why}"),
    }
}

fn two_that_are_one(sandbox: &mut Sandbox, disk: &Path) {
    let demo = demo_on(sandbox, disk);
    ship(&demo.source, &[&format!("{TOP}/Topic.md"), &format!("{TOP}/tOPIC.md")]);
    is_refused(sandbox, &demo, &["is one and the same file as", "Topic.md", "tOPIC.md"]);
    println!("two names that are one there: refused");
}

#[test]
fn two_paths_that_are_one_where_case_does_not_count_are_refused() {
    let ntfs = ["-q", "-F", "-Q"];
    let options = ["-o", "permissions,ignore_case"];
    on_image("mkntfs", &ntfs, ("lowntfs-3g", &options), two_that_are_one);
    let folding = ["-q", "-F", "-O", "casefold", "-E", "encoding=utf8"];
    on_image("mkfs.ext4", &folding, ("mount", &["-o", "loop"]), |sandbox, disk| {
        let folder = disk.join("folds");
        fs::create_dir(&folder).unwrap();
        tool("chattr", &["+F", folder.to_str().unwrap()]).unwrap();
        two_that_are_one(sandbox, &folder);
    });
    on_image("mkfs.vfat", &[], ("mount", &["-o", "loop"]), two_that_are_one);
    // Here they are two.
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    ship(&demo.source, &[&format!("{TOP}/Topic.md"), &format!("{TOP}/tOPIC.md")]);
    there_and_back(&sandbox, &demo);
}

#[test]
fn a_name_that_the_file_system_refuses_is_named_and_nothing_changes() {
    let work = |sandbox: &mut Sandbox, disk: &Path| {
        let demo = demo_on(sandbox, disk);
        let bad = format!("{TOP}/what: a page?.md");
        ship(&demo.source, &[&bad, &format!("{TOP}/fine.md")]);
        let install = snapshot(&demo.install);
        let (code, said) = text(&sandbox.run(&arguments(&demo, &UPGRADE)));
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("what: a page?.md") && !said.contains("fine.md:"), "{said}");
        assert!(said.contains("next:"), "{said}");
        assert_same(&install, &snapshot(&demo.install));
        // No name of the kind, and it goes.
        git(&demo.source, &["reset", "-q", "--hard", "HEAD~1"]);
        there_and_back(sandbox, &demo);
        println!("a name with a colon: refused");
    };
    let ntfs = ["-q", "-F", "-Q"];
    on_image("mkntfs", &ntfs, ("ntfs-3g", &["-o", "permissions,windows_names"]), work);
    on_image("mkfs.vfat", &[], ("mount", &["-o", "loop"]), work);
}

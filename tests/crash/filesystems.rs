//! The small install on several file systems: upgraded, rolled back, killed in the middle and gone on with.

use std::fs;
use std::path::Path;

use crate::common::ext::skipped;
use crate::common::mounts::{Mount, tool};
use crate::common::text;
use crate::crash::many::{Slot, shard};
use crate::crash::strace::{self, Call};
use crate::crash::world::{Small, copy};

/// An upgrade and its rollback, undisturbed.
fn there_and_back(small: &Small, project: &Path) {
    let (code, said) = text(&small.run(project, &small.upgrade()));
    assert_eq!(code, 0, "{said}");
    small.assert_new(project, &said);
    let (code, said) = text(&small.run(project, &["rollback", "--yes"]));
    assert_eq!(code, 0, "{said}");
    small.assert_old(project, &said);
}

/// Everything once, on whatever is mounted at `disk`; one day's kills are one of so many parts.
fn works_on(small: &Small, disk: &Path, parts: usize) {
    let project = disk.join("project");
    copy(&small.pristine, &project);
    there_and_back(small, &project);
    fs::remove_dir_all(&project).unwrap();
    if !strace::works() {
        return;
    }
    // Every rename of the plan, which is where file systems differ.
    let whole = Small::case_on(disk, &small.pristine);
    let run = strace::run(small, &Slot::take(), &whole, &small.upgrade(), &[]);
    let renames: Vec<_> = strace::targets(&run).into_iter().filter(|c| c.name == "renameat2").collect();
    assert!(renames.len() >= 10, "{renames:?}");
    drop(whole);
    let count = renames.len();
    for call in shard(renames, parts, Call::id) {
        let case = Small::case_on(disk, &small.pristine);
        let inject = format!("{}:signal=KILL:when={}", call.name, call.nth);
        let run = strace::run(small, &Slot::take(), &case, &small.upgrade(), &[inject]);
        assert_eq!(run.signal, Some(9), "{}", run.said);
        small.recover(case);
    }
    println!("upgraded, rolled back, killed at some of {count} renames");
}

/// A file system on a loop device, and what else is to be seen on it.
fn on_loop(kind: &str, megabytes: u64, make: &[&str], look: impl FnOnce(&Small, &Path)) {
    let small = Small::new();
    // xfs wants 300 MB, though it fills little of it.
    let image = small.path().join("image");
    fs::File::create(&image).unwrap().set_len(megabytes << 20).unwrap();
    let disk = small.path().join("disk");
    let program = format!("mkfs.{kind}");
    let made = tool(&program, &[make, &[image.to_str().unwrap()]].concat());
    let mounted = made.and_then(|()| Mount::by(&disk, "mount", &["-o", "loop", image.to_str().unwrap()]));
    match mounted {
        Ok(_mount) => {
            works_on(&small, &disk, 4);
            look(&small, &disk);
        }
        Err(why) => skipped(&why),
    }
}

#[test]
fn ext4() {
    on_loop("ext4", 64, &["-q", "-F"], |_, _| ());
}

/// The backup takes no room there until one of the two files changes.
#[test]
fn xfs() {
    on_loop("xfs", 320, &["-q", "-f", "-m", "reflink=1"], the_backup_shares_blocks);
}

fn the_backup_shares_blocks(small: &Small, disk: &Path) {
    let (project, own) = (disk.join("shared"), "standards/large-one-of-mine.md");
    copy(&small.pristine, &project);
    let install = project.join(".praxis-os");
    // Larger than what a file system keeps beside the name.
    fs::write(install.join(own), vec![b'x'; 1 << 20]).unwrap();
    let (code, said) = text(&small.run(&project, &small.upgrade()));
    assert_eq!(code, 0, "{said}");
    let backup = fs::read_dir(install.join(".backups")).unwrap().next().unwrap().unwrap().path();
    let copy = backup.join("files").join(own);
    let blocks = || {
        let said = std::process::Command::new("filefrag").arg("-v").arg(&copy).output().unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    assert!(blocks().contains("shared"), "{}", blocks());
    fs::write(install.join(own), "changed").unwrap();
    assert_eq!(fs::read(&copy).unwrap(), vec![b'x'; 1 << 20]);
}

#[test]
fn tmpfs() {
    let small = Small::new();
    let disk = small.path().join("disk");
    if let Some(_mount) = Mount::tmpfs(&disk, 64 << 20) {
        works_on(&small, &disk, 4);
    }
}

/// The install lies in the lower layer, as in a container's image.
#[test]
fn overlay() {
    let small = Small::new();
    let layers = ["lower", "upper", "work"].map(|n| small.path().join(n));
    layers.iter().for_each(|l| fs::create_dir(l).unwrap());
    let [lower, upper, work] = layers.map(|l| l.to_str().unwrap().to_owned());
    copy(&small.pristine, &Path::new(&lower).join("below"));
    let disk = small.path().join("disk");
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    match Mount::by(&disk, "mount", &["-t", "overlay", "-o", &options, "pos-crash"]) {
        Ok(_mount) => {
            works_on(&small, &disk, 4);
            there_and_back(&small, &disk.join("below"));
        }
        Err(why) => skipped(&why),
    }
}

/// Makes an NTFS disk, which is mounted by a program of its own; says what is missing, if that can't be done. Not every
/// machine can, so it is told whether it ran.
fn on_ntfs(driver: &str, options: &str, work: impl Fn(&Small, &Path, &dyn Fn() -> Mount)) {
    let small = Small::new();
    let image = small.path().join("image");
    fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let image = image.to_str().unwrap();
    let disk = small.path().join("disk");
    let mount = || Mount::by(&disk, driver, &["-o", options, image]);
    match tool("mkntfs", &["-q", "-F", "-Q", image]).and_then(|()| mount()) {
        Ok(first) => {
            drop(first);
            work(&small, &disk, &|| mount().unwrap());
        }
        Err(why) => println!("did not run: {why}"),
    }
}

/// Two files can't be exchanged there, and none can be kept from being overwritten.
#[test]
fn without_exchange() {
    on_ntfs("ntfs-3g", "permissions", |small, disk, mount| {
        let _mount = mount();
        works_on(small, disk, 12);
    });
}

/// Names that differ in case only are one file there. Mounted anew before each look: this driver and the kernel
/// disagree about the names of what was just renamed.
#[test]
fn without_case() {
    on_ntfs("lowntfs-3g", "permissions,ignore_case", |small, disk, mount| {
        let project = disk.join("project");
        let mut mounted = mount();
        copy(&small.pristine, &project);
        fs::write(disk.join("A"), "").unwrap();
        assert!(disk.join("a").exists(), "it tells cases apart");
        for (arguments, like) in [(small.upgrade(), &small.upgraded), (vec!["rollback", "--yes"], &small.pristine)] {
            let (code, said) = text(&small.run(&project, &arguments));
            assert_eq!(code, 0, "{said}");
            drop(mounted);
            mounted = mount();
            small.assert_same_but_for_case(like, &project, &said);
        }
        drop(mounted);
        println!("upgraded, rolled back");
    });
}

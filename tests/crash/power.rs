//! Power is lost: in a model that keeps only what was made durable, and on a real ext4 that is shut down without its
//! journal being written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::ext::{is_root, skipped};
use crate::common::text;
use crate::crash::many::{Slot, each, shard};
use crate::crash::model::{Disk, Run};
use crate::crash::points::{crash_at, record};
use crate::crash::trace;
use crate::crash::world::{Case, Outcome, Small, copy};

/// A small generator: the same number gives the same subset on every machine.
fn coin(seed: u64, at: usize) -> bool {
    let mut x = seed ^ (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for _ in 0..3 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x >> 33 & 1 == 1
}

fn counted(outcomes: &[Outcome]) -> BTreeMap<Outcome, usize> {
    let mut all = BTreeMap::new();
    outcomes.iter().for_each(|o| *all.entry(*o).or_default() += 1);
    all
}

/// Follows a run call by call.
pub fn traced(small: &Small, start: &Path, arguments: &[&str]) -> Run {
    traced_without("", small, start, arguments)
}

/// The same on a system that lacks this, as `POS_WITHOUT` says it.
pub fn traced_without(lacks: &str, small: &Small, start: &Path, arguments: &[&str]) -> Run {
    let slot = Slot::take();
    let case = small.case(start);
    let log = case.beside("calls");
    let before = Disk::read(&case.project);
    let mut command = Command::new("taskset");
    command.args(["-c", &slot.cpu.to_string(), "strace"]).args(trace::strace(&log));
    // For the program alone: strace goes through no launcher.
    if !lacks.is_empty() {
        command.arg("-E").arg(format!("POS_WITHOUT={lacks}"));
    }
    command.arg(&small.binary).args(arguments).arg("--project").arg(&case.project);
    let (code, said) = text(&small.settle(&mut command).output().unwrap());
    assert_eq!(code, 0, "{said}");
    Run::new(&case.project, before, &trace::read(&fs::read_to_string(log).unwrap()))
}

/// How many of what is not durable reaches the disk all the same.
const SUBSETS: u64 = 3;

#[test]
fn anything_that_was_not_synced_is_lost() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skipped("strace is not here");
    }
    let small = Small::new();
    let flows = [
        ("upgrade", traced(&small, &small.pristine, &small.upgrade())),
        ("rollback", traced(&small, &small.upgraded, &["rollback", "--yes"])),
        ("upgrade file by file", traced_without("syncfs", &small, &small.pristine, &small.upgrade())),
        ("rollback file by file", traced_without("syncfs", &small, &small.upgraded, &["rollback", "--yes"])),
    ];
    let mut cases = Vec::new();
    for (flow, run) in &flows {
        let moments = (0..run.moments()).filter(|m| run.pending(*m) > 0);
        let before = cases.len();
        cases.extend(moments.flat_map(|m| (0..SUBSETS).map(move |seed| (*flow, run, m, seed))));
        println!("{flow}: {} cases at {} moments", cases.len() - before, run.moments());
    }
    assert!(cases.len() >= 500, "{} cases", cases.len());
    let name = |(flow, run, moment, seed): &(&str, &Run, usize, u64)| {
        format!("{flow}:{moment}/{seed} behind {}", Run::last(run, *moment))
    };
    let cases = shard(cases, 36, name);
    let outcomes = each(&cases, name, |(_, run, moment, seed), _| {
        let case = small.empty_case();
        // Nothing at all survives, or one half or the other.
        let disk = Run::lose_power(run, *moment, |at| *seed > 0 && coin(seed ^ (*moment as u64) << 8, at));
        disk.write(&case.project);
        small.recover(case)
    });
    println!("power lost {} times in the model: {:?}", outcomes.len(), counted(&outcomes));
}

/// An ext4 of its own, mounted so that nothing is written before it must be.
struct Ext4 {
    image: PathBuf,
    mount: PathBuf,
    mounted: bool,
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|o| o.status.success())
}

impl Ext4 {
    fn new(case: &Case) -> Self {
        let (image, mount) = (case.beside("disk.img"), case.beside("disk"));
        fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
        fs::create_dir(&mount).unwrap();
        assert!(run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()]), "mkfs.ext4");
        let mut disk = Self { image, mount, mounted: false };
        disk.mount();
        disk
    }

    fn mount(&mut self) {
        let (image, mount) = (self.image.to_str().unwrap(), self.mount.to_str().unwrap());
        assert!(run("mount", &["-o", "loop,commit=600,noauto_da_alloc", image, mount]), "mount");
        self.mounted = true;
    }

    fn unmount(&mut self) {
        assert!(run("umount", &[self.mount.to_str().unwrap()]), "umount");
        self.mounted = false;
    }

    /// As if the machine stopped: what is in memory only is gone, the journal included.
    fn lose_power(&mut self) {
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
        let shutdown = "import fcntl,os,struct,sys; fd=os.open(sys.argv[1],os.O_RDONLY); \
                        fcntl.ioctl(fd,0x8004587d,struct.pack('I',2))";
        assert!(run("python3", &["-c", shutdown, self.mount.to_str().unwrap()]), "shutdown");
        self.unmount();
        self.mount();
        // A program in a private tree of mounts may still hold the old one: until it ends, that is what is mounted again.
        for _ in 0..200 {
            if is_alive(&self.mount) {
                return;
            }
            self.unmount();
            std::thread::sleep(Duration::from_millis(50));
            self.mount();
        }
        panic!("{}: still shut down", self.mount.display());
    }
}

/// Whether a file system answers: one that was shut down opens no file.
fn is_alive(mount: &Path) -> bool {
    let mut files = walkdir::WalkDir::new(mount).into_iter().flatten().filter(|e| e.file_type().is_file());
    files.next().is_none_or(|file| fs::File::open(file.path()).is_ok())
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        if self.mounted {
            run("umount", &["-l", self.mount.to_str().unwrap_or_default()]);
        }
    }
}

#[test]
fn an_ext4_is_shut_down_at_every_point() {
    if !is_root() || !run("mkfs.ext4", &["-V"]) {
        return skipped("only root can mount a file system, with mkfs.ext4");
    }
    let small = Small::new();
    let rollback = ["rollback", "--yes"];
    let upgrade = small.upgrade();
    let flows: [(&str, &Path, &[&str]); 2] =
        [("upgrade", &small.pristine, &upgrade), ("rollback", &small.upgraded, &rollback)];
    let mut cases = Vec::new();
    for (flow, start, arguments) in flows {
        let points = record(&small, &Slot::take(), &small.case(start), arguments);
        cases.extend(points.into_iter().enumerate().map(|(n, name)| (flow, start, arguments, n + 1, name)));
    }
    type Shutdown<'a> = (&'a str, &'a Path, &'a [&'a str], usize, String);
    let name = |(flow, _, _, number, point): &Shutdown<'_>| format!("{flow}:{number} {point}");
    let cases = shard(cases, 36, name);
    let outcomes = each(&cases, name, |(_, start, arguments, number, _), slot| {
        let case = small.empty_case();
        let mut disk = Ext4::new(&case);
        let project = disk.mount.join("project");
        copy(start, &project);
        assert!(run("sync", &["-f", project.to_str().unwrap()]));
        crash_at(&small, slot, &project, arguments, *number);
        disk.lose_power();
        copy(&project, &case.project);
        disk.unmount();
        small.recover(case)
    });
    println!("an ext4 shut down {} times: {:?}", outcomes.len(), counted(&outcomes));
}

//! The harness itself on trial: the program is built with one mistake in its protocol, and some part of the harness has
//! to notice. A mistake that nothing notices is one that could come back unseen.

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::text;
use crate::crash::many::{Slot, shard};
use crate::crash::model::Run;
use crate::crash::points::{crash_at, record};
use crate::crash::power::{traced, traced_without};
use crate::crash::world::Small;

/// A mistake, and the part of the harness that notices it by panicking.
struct Mutant {
    name: &'static str,
    file: &'static str,
    /// Stands in the file exactly once.
    from: &'static str,
    to: &'static str,
    notices: fn(&Small),
}

const fn mutant(
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    notices: fn(&Small),
) -> Mutant {
    Mutant { name, file, from, to, notices }
}

const MUTANTS: &[Mutant] = &[
    mutant(
        "staged bytes are not synced",
        "src/host/files/batch.rs",
        "None => around(SYNC_FILE, || file.sync_all()).doing(\"sync\", path),",
        "None => around(SYNC_FILE, || Ok::<(), std::io::Error>(())).doing(\"sync\", path),",
        power_in_upgrade_file_by_file,
    ),
    mutant(
        "nothing is synced as a whole",
        "src/host/files/batch.rs",
        "around(SYNC_ALL, || platform::sync_file_system(folder))",
        "around(SYNC_ALL, || folder.metadata().map(drop))",
        power_in_upgrade,
    ),
    mutant(
        "folders are not synced",
        "src/host/files/folder.rs",
        "around(SYNC_FOLDER, || rustix::fs::fsync(&self.fd))",
        "around(SYNC_FOLDER, || Ok::<(), rustix::io::Errno>(()))",
        power_in_upgrade,
    ),
    mutant(
        "a replacement is renamed before it is synced",
        "src/host/files/fs.rs",
        "    temporary.as_file().sync_all().doing(\"sync\", path)?;\n    Ok(temporary)",
        "    Ok(temporary)",
        power_in_upgrade,
    ),
    mutant(
        "files are written in place",
        "src/host/files/fs.rs",
        "    around(REPLACE, || temporary.persist(path)).map_err(|e| e.error).doing(\"replace\", path)?;",
        "    drop(temporary);\n    around(REPLACE, || fs::write(path, bytes)).doing(\"replace\", path)?;",
        power_in_upgrade,
    ),
    mutant(
        "the journal's checksum is not looked at",
        "src/host/files/journal/mod.rs",
        "    if sha256(committed.steps.get().as_bytes()) != committed.sha256 {\n        return None;\n    }\n",
        "",
        tampered_journal,
    ),
    mutant(
        "committed before the staging folder is durable",
        "src/host/files/journal/mod.rs",
        "        batch.finish()?;\n        let step =",
        "        let step =",
        power_in_upgrade,
    ),
    mutant(
        "the lock's file is unlinked",
        "src/host/session/lock.rs",
        "        let mut file = open(install)?;\n        let begun",
        "        let _ = std::fs::remove_file(install.join(\".upgrade/lock\"));\n        let mut file = open(install)?;\n        let begun",
        lock_is_held,
    ),
    mutant(
        "the newer generation of a session is overwritten",
        "src/host/session/store.rs",
        "(1 - slot, sequence.saturating_add(1))",
        "(slot, sequence.saturating_add(1))",
        newest_generation_torn,
    ),
    mutant(
        "what comes out of the live tree is not looked at",
        "src/host/files/journal/steps.rs",
        "            self.rescue(&at, number, &mut applied)?;\n        }\n        let Place",
        "        }\n        let Place",
        written_meanwhile,
    ),
    mutant(
        "a rollback leaves what was added",
        "src/engine/rollback/changes.rs",
        "        None => None,\n    };\n    Ok(Some",
        "        None => return Ok(None),\n    };\n    Ok(Some",
        there_and_back,
    ),
    mutant(
        "modes are not set",
        "src/host/files/fs.rs",
        "        file.set_permissions(fs::Permissions::from_mode(mode)).doing(\"set mode of\", path)?;\n        set_time",
        "        set_time",
        odd_umask,
    ),
    mutant(
        "steps are done again that are done",
        "src/host/files/journal/steps.rs",
        "        if step.new.matches(&live) {\n            return Ok(Standing::Reached);\n        }\n",
        "        if step.new != State::Absent {\n            return Ok(Standing::ToDo);\n        }\n",
        crashes_among_the_exchanges,
    ),
    mutant(
        "the install's own folder is not synced",
        "src/host/files/journal/steps.rs",
        "        batch.finish()?;\n        for step in self",
        "        for step in self",
        power_in_upgrade_file_by_file,
    ),
    mutant(
        "the environment is given up before the switch back is durable",
        "src/host/python/venv.rs",
        "    fs::sync_folder(&generations(install))?;\n    fs::sync_folder(install)",
        "    fs::sync_folder(install)",
        power_in_rollback,
    ),
];

/// Loses power at some of the moments until that makes a difference.
fn lose_power(small: &Small, run: &Run) {
    for moment in (0..run.moments()).rev().filter(|m| run.pending(*m) > 0) {
        for seed in 0..2 {
            let case = small.empty_case();
            Run::lose_power(run, moment, |at| seed > 0 && (at + moment) % 2 == 0).write(&case.project);
            small.recover(case);
        }
    }
}

fn power_in_upgrade(small: &Small) {
    lose_power(small, &traced(small, &small.pristine, &small.upgrade()));
}

fn power_in_upgrade_file_by_file(small: &Small) {
    lose_power(small, &traced_without("syncfs", small, &small.pristine, &small.upgrade()));
}

fn power_in_rollback(small: &Small) {
    lose_power(small, &traced(small, &small.upgraded, &["rollback", "--yes"]));
}

/// A project in which apply has begun, and the folder of its session.
fn half_applied(small: &Small) -> (crate::crash::world::Case, PathBuf) {
    let slot = Slot::take();
    let points = record(small, &slot, &small.case(&small.pristine), &small.upgrade());
    let exchanges: Vec<usize> = (0..points.len()).filter(|n| points[*n] == "journal.exchange before").collect();
    let case = small.case(&small.pristine);
    crash_at(small, &slot, &case.project, &small.upgrade(), exchanges[exchanges.len() / 2] + 1);
    let notes = fs::read_dir(case.project.join(".praxis-os/.upgrade")).unwrap();
    let session = notes.flatten().map(|e| e.path()).find(|p| p.join("session.json").exists()).unwrap();
    (case, session)
}

/// Another path in the journal, of the same length: the steps no longer are what was committed.
fn tampered_journal(small: &Small) {
    let (case, session) = half_applied(small);
    for name in ["journal.json", "journal.copy.json"] {
        let path = session.join("content").join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("standards/universal/a/merge.md"));
        fs::write(path, text.replace("standards/universal/a/merge.md", "standards/universal/a/local.md")).unwrap();
    }
    small.run(&case.project, &["resume"]);
    small.run(&case.project, &["rollback", "--yes"]);
    // What nobody can tell from the user's own words is set aside.
    let _ = fs::remove_dir_all(case.project.join(".praxis-os/rescued"));
    small.assert_old(&case.project, "a tampered journal was followed");
}

/// The last save is torn: the one before it must still be there.
fn newest_generation_torn(small: &Small) {
    let (case, session) = half_applied(small);
    let age = |name: &str| fs::metadata(session.join(name)).and_then(|m| m.modified()).ok();
    let newest = ["session.json", "session.1.json"].into_iter().max_by_key(|n| age(n)).unwrap();
    fs::write(session.join(newest), "{").unwrap();
    let (code, said) = text(&small.run(&case.project, &["resume"]));
    assert_eq!(code, 0, "{said}");
    assert!(small.is_new(&case.project), "{said}");
}

/// Somebody holds the lock. (An upgrade looks whether it is free before it takes it; this one takes it at once.)
fn lock_is_held(small: &Small) {
    let case = small.case(&small.upgraded);
    let file = fs::File::open(case.project.join(".praxis-os/.upgrade/lock")).unwrap();
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let restore = ["restore", "standards/universal/a/merge.md", "--yes"];
    let (code, said) = text(&small.run(&case.project, &restore));
    assert_eq!(code, 7, "{said}");
}

/// The user writes a file between the commit and the exchange.
fn written_meanwhile(small: &Small) {
    let slot = Slot::take();
    let points = record(small, &slot, &small.case(&small.pristine), &small.upgrade());
    let first = points.iter().position(|p| p == "journal.exchange before").unwrap() + 1;
    let case = small.case(&small.pristine);
    crash_at(small, &slot, &case.project, &small.upgrade(), first);
    let install = case.project.join(".praxis-os");
    fs::write(install.join("standards/universal/a/merge.md"), "written meanwhile\n").unwrap();
    let (code, said) = text(&small.run(&case.project, &["resume"]));
    assert_eq!(code, 0, "{said}");
    let rescued = walkdir::WalkDir::new(install.join("rescued")).into_iter().flatten();
    let words = rescued.filter_map(|e| fs::read_to_string(e.path()).ok());
    assert!(words.into_iter().any(|w| w == "written meanwhile\n"), "{said}");
}

/// Nothing goes wrong at all.
fn there_and_back(small: &Small) {
    let case = small.case(&small.upgraded);
    let (code, said) = text(&small.run(&case.project, &["rollback", "--yes"]));
    assert_eq!(code, 0, "{said}");
    small.assert_old(&case.project, &said);
}

/// The same where new files get fewer rights than the old ones have.
fn odd_umask(small: &Small) {
    let case = small.case(&small.upgraded);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$@\"", "sh"]).arg(&small.binary).args(["rollback", "--yes", "--project"]);
    let (code, said) = text(&small.settle(&mut command).arg(&case.project).output().unwrap());
    assert_eq!(code, 0, "{said}");
    small.assert_old(&case.project, &said);
}

fn crashes_among_the_exchanges(small: &Small) {
    let slot = Slot::take();
    let points = record(small, &slot, &small.case(&small.pristine), &small.upgrade());
    for number in (0..points.len()).filter(|n| points[*n].starts_with("journal.exchange")) {
        let case = small.case(&small.pristine);
        crash_at(small, &slot, &case.project, &small.upgrade(), number + 1);
        small.recover(case);
    }
}

/// A copy of the crate beside the real one's build, so that what it depends on need not be built again.
struct Workshop {
    tree: PathBuf,
    target: PathBuf,
}

impl Workshop {
    fn new() -> Self {
        let debug = std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().to_owned();
        let target = debug.parent().unwrap().join("mutants");
        let (tree, built) = (target.join("tree"), target.join("debug"));
        let _ = fs::remove_dir_all(&tree);
        fs::create_dir_all(&tree).unwrap();
        let copy = |from: &Path, to: &Path, how: &str| {
            let status = Command::new("cp").arg(how).arg("--").arg(from).arg(to).status().unwrap();
            assert!(status.success(), "cp {}", from.display());
        };
        for part in ["Cargo.toml", "Cargo.lock", "CHANGELOG.md", "src", "assets", "benches", "tests"] {
            copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(part), &tree.join(part), "-a");
        }
        if !built.exists() {
            fs::create_dir_all(&built).unwrap();
            for part in ["deps", "build", ".fingerprint"] {
                copy(&debug.join(part), &built.join(part), "-al");
            }
        }
        Self { tree, target }
    }

    /// The program with a mistake in it.
    fn build(&self, mutant: &Mutant) -> PathBuf {
        let path = self.tree.join(mutant.file);
        let sound = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(mutant.file)).unwrap();
        assert_eq!(sound.matches(mutant.from).count(), 1, "{}: the mistake has lost its place", mutant.name);
        fs::write(&path, sound.replace(mutant.from, mutant.to)).unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--offline", "--locked", "--bin", "pos-upgrade-tui"]);
        // With flags of its own it would build all dependencies anew.
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        let (code, said) = text(&command.output().unwrap());
        fs::write(path, sound).unwrap();
        assert_eq!(code, 0, "{}: it does not build: {said}", mutant.name);
        self.target.join("debug/pos-upgrade-tui")
    }
}

#[test]
fn every_mistake_is_noticed() {
    if Command::new("strace").arg("-V").output().is_err() {
        return crate::common::ext::skipped("strace is not here");
    }
    let mutants = shard(MUTANTS.iter().collect(), 14, |m: &&Mutant| m.name.to_owned());
    let sound = Small::new();
    for quick in [tampered_journal, newest_generation_torn, lock_is_held, written_meanwhile, there_and_back, odd_umask]
    {
        // Without a mistake nothing is noticed.
        quick(&sound);
    }
    drop(sound);
    let workshop = Workshop::new();
    let mut unnoticed = Vec::new();
    for mutant in &mutants {
        let mut small = Small::new();
        small.binary = workshop.build(mutant);
        let noticed = catch_unwind(AssertUnwindSafe(|| (mutant.notices)(&small))).is_err();
        println!("{}: {}", mutant.name, if noticed { "noticed" } else { "NOT noticed" });
        std::io::stdout().flush().unwrap();
        if !noticed {
            unnoticed.push(mutant.name);
        }
    }
    assert!(unnoticed.is_empty(), "not noticed: {unnoticed:?}");
    println!("{} of {} mistakes noticed", mutants.len(), MUTANTS.len());
}

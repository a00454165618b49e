//! Killed at named points of an upgrade that renames the folder, and of its rollback: each way out ends entirely old or new.

use super::{NEW, OLD, before, content_demo, tree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::text;
use crate::crash::many::{Slot, each, shard};
use crate::crash::world::{copy, quick_folder};

struct World {
    dir: tempfile::TempDir,
    source: PathBuf,
    pristine: PathBuf,
    upgraded: PathBuf,
}

type Found = (Vec<String>, BTreeMap<String, String>, Option<Vec<u8>>);

impl World {
    fn new() -> Self {
        let dir = quick_folder();
        let demo = content_demo(&dir.path().canonicalize().unwrap().join("demo"));
        fs::create_dir(dir.path().join("home")).unwrap();
        let upgraded = demo.dir.join("upgraded");
        copy(&demo.project, &upgraded);
        let world = Self { dir, source: demo.source, pristine: demo.project, upgraded };
        let (code, said) = text(&world.command(&world.upgraded, &world.upgrade()).output().unwrap());
        assert_eq!(code, 0, "{said}");
        world
    }

    fn upgrade(&self) -> Vec<&str> {
        vec!["upgrade", "--yes", "--on-conflict", "take", "--source", self.source.to_str().unwrap()]
    }

    fn command(&self, project: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
        command.current_dir(self.dir.path()).env("HOME", self.dir.path().join("home"));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        command.stdin(std::process::Stdio::null()).args(arguments).arg("--project").arg(project);
        command
    }

    fn case(&self, start: &Path) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::Builder::new().prefix("case-").tempdir_in(self.dir.path()).unwrap();
        let project = dir.path().canonicalize().unwrap().join("project");
        copy(start, &project);
        (dir, project)
    }

    /// The points that a run passes.
    fn points(&self, start: &Path, arguments: &[&str]) -> Vec<String> {
        let (dir, project) = self.case(start);
        let log = dir.path().join("points.log");
        let output = self.command(&project, arguments).env("POS_CRASH_LOG", &log).output().unwrap();
        assert!(output.status.success(), "{}", text(&output).1);
        fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
    }

    fn crash(&self, project: &Path, arguments: &[&str], number: usize) {
        let output = self.command(project, arguments).env("POS_CRASH_AT", number.to_string()).output().unwrap();
        assert_eq!(output.status.signal(), Some(6), "it did not die at point {number}: {}", text(&output).1);
    }

    fn is_old(&self, project: &Path) -> bool {
        old(project) == old(&self.pristine)
    }

    fn is_new(&self, project: &Path) -> bool {
        new(project) == new(&self.upgraded)
    }
}

fn old(project: &Path) -> Found {
    before(project)
}

/// Kinds, modes and bytes of what an upgrade leaves; times and dated files are each run's own.
fn new(project: &Path) -> (bool, bool, BTreeMap<String, String>) {
    let dated = ["VERSION.txt", "UPDATE_LOG.txt", "INSTALLATION_SUMMARY.md", ".upgrade-baseline.json"];
    let tree = tree(&project.join(NEW)).into_iter().filter(|(path, _)| !dated.contains(&path.as_str()));
    let words = |state: String| {
        let words: Vec<&str> = state.split(' ').collect();
        [words[0], words[1], words.get(4).copied().unwrap_or_default()].join(" ")
    };
    let tree = tree.map(|(path, state)| (path, words(state))).collect();
    (project.join(OLD).exists(), project.join(NEW).exists(), tree)
}

/// Both ways out, each on a copy of its own. What came of resuming.
fn recover(world: &World, crashed: &Path) -> &'static str {
    let (_dir, other) = world.case(crashed);
    let (code, said) = text(&world.command(&other, &["resume"]).output().unwrap());
    assert_eq!(code, 0, "resume: {said}");
    let outcome = match (world.is_new(&other), world.is_old(&other)) {
        (true, false) => "new",
        (false, true) => "old",
        _ => panic!("neither old nor new after resume: {said}\n{:?}", new(&other)),
    };
    let (code, said) = text(&world.command(crashed, &["rollback", "--yes"]).output().unwrap());
    assert_eq!(code, 0, "rollback: {said}");
    assert!(
        world.is_old(crashed),
        "not old after a rollback: {said}\n{:?}\n{:?}",
        old(crashed).0,
        old(&world.pristine).0
    );
    let (code, said) = text(&world.command(crashed, &world.upgrade()).output().unwrap());
    assert!(code == 0 && world.is_new(crashed), "the next upgrade: {said}");
    outcome
}

#[test]
fn a_crash_at_every_point_ends_old_or_new() {
    let world = World::new();
    let mut cases = Vec::new();
    for (flow, start, arguments) in
        [("upgrade", &world.pristine, world.upgrade()), ("rollback", &world.upgraded, vec!["rollback", "--yes"])]
    {
        let points = world.points(start, &arguments);
        assert!(points.iter().filter(|p| p.starts_with("folder.rename")).count() == 2, "{flow}: {points:?}");
        println!("{flow}: {} crash points passed", points.len());
        cases.extend(points.into_iter().enumerate().map(|(at, name)| (flow, start, arguments.clone(), at + 1, name)));
    }
    type Of<'a> = (&'a str, &'a PathBuf, Vec<&'a str>, usize, String);
    let name = |(flow, _, _, number, point): &Of<'_>| format!("{flow}:{number} {point}");
    let total = cases.len();
    // Around the rename always; of the others today's part.
    let (near, far): (Vec<Of<'_>>, Vec<Of<'_>>) = cases.into_iter().partition(|c| c.4.starts_with("folder.rename"));
    let chosen: Vec<Of<'_>> = near.into_iter().chain(shard(far, 60, name)).collect();
    let outcomes = each(&chosen, name, |(_, start, arguments, number, _), _: &Slot| {
        let (_dir, project) = world.case(start);
        world.crash(&project, arguments, *number);
        recover(&world, &project)
    });
    let kinds: BTreeSet<&str> = outcomes.iter().copied().collect();
    println!("{} of {total} crashes, each resumed and rolled back: {kinds:?}", outcomes.len());
}

//! Killed in an upgrade that renames the folder, writes an editor's entry and may replace the server's package, and in its
//! rollback: each way out ends entirely old or new.

use super::{NEW, OLD, before, content_demo_up_to, tree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::text;
use crate::crash::many::{Slot, each, shard};
use crate::crash::strace::{self, Call};
use crate::crash::world::{Small, copy, quick_folder};

struct World {
    dir: tempfile::TempDir,
    source: PathBuf,
    pristine: PathBuf,
    upgraded: PathBuf,
}

type Found = (Vec<String>, BTreeMap<String, String>, Option<Vec<u8>>);

/// The last releases of the second and of the third generation.
const LAST: [&str; 2] = ["1.2.0", "2.1.0"];

impl World {
    fn new(last: &str) -> Self {
        let dir = quick_folder();
        let demo = content_demo_up_to(&dir.path().canonicalize().unwrap().join("demo"), last);
        fs::create_dir(dir.path().join("home")).unwrap();
        let upgraded = demo.dir.join("upgraded");
        copy(&demo.project, &upgraded);
        let world = Self { dir, source: demo.source, pristine: demo.project, upgraded };
        let (code, said) = text(&world.command(&world.upgraded, &world.upgrade()).output().unwrap());
        assert_eq!(code, 0, "{said}");
        world
    }

    fn upgrade(&self) -> Vec<&str> {
        let source = self.source.to_str().unwrap();
        vec!["upgrade", "--yes", "--on-conflict", "take", "--editor-config", "yes", "--source", source]
    }

    fn command(&self, project: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
        self.settle(&mut command);
        command.args(arguments).arg("--project").arg(project);
        command
    }

    fn settle(&self, command: &mut Command) {
        command.current_dir(self.dir.path()).env("HOME", self.dir.path().join("home"));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        command.stdin(std::process::Stdio::null());
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

fn old(project: &Path) -> (Found, Vec<u8>, usize) {
    let (entry, beside) = editor(project);
    (before(project), entry, beside)
}

/// The editor's entry, and how many files stand in its folder.
fn editor(project: &Path) -> (Vec<u8>, usize) {
    let folder = project.join(".cursor");
    (fs::read(folder.join("mcp.json")).unwrap(), fs::read_dir(folder).unwrap().count())
}

/// Kinds, modes and bytes of what an upgrade leaves; times, dated files and sessions are each run's own.
fn new(project: &Path) -> (bool, bool, BTreeMap<String, String>, (Vec<u8>, usize)) {
    let dated = ["VERSION.txt", "UPDATE_LOG.txt", "INSTALLATION_SUMMARY.md", ".upgrade-baseline.json"];
    let own = |path: &str| dated.contains(&path) || path.starts_with("state/workflow/");
    let tree = tree(&project.join(NEW)).into_iter().filter(|(path, _)| !own(path));
    let words = |state: String| {
        let words: Vec<&str> = state.split(' ').collect();
        [words[0], words[1], words.get(4).copied().unwrap_or_default()].join(" ")
    };
    let tree = tree.map(|(path, state)| (path, words(state))).collect();
    (project.join(OLD).exists(), project.join(NEW).exists(), tree, editor(project))
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

/// What is struck: the flow, its start, the arguments, the number and name of the point.
type Of<'a> = (&'a str, &'a PathBuf, Vec<&'a str>, usize, String);

/// `named` is in how many parts the named points are one day's.
fn crashed_everywhere(last: &str, named: usize) {
    let world = World::new(last);
    let mut cases = Vec::new();
    for (flow, start, arguments) in
        [("upgrade", &world.pristine, world.upgrade()), ("rollback", &world.upgraded, vec!["rollback", "--yes"])]
    {
        let points = world.points(start, &arguments);
        assert!(points.iter().filter(|p| p.starts_with("folder.rename")).count() == 2, "{flow}: {points:?}");
        println!("{last}, {flow}: {} crash points passed", points.len());
        cases.extend(points.into_iter().enumerate().map(|(at, name)| (flow, start, arguments.clone(), at + 1, name)));
    }
    let name = |(flow, _, _, number, point): &Of<'_>| format!("{flow}:{number} {point}");
    let total = cases.len();
    // Around the rename always; each named point where it is passed first, and the others, in today's part.
    let mut seen = BTreeSet::new();
    let (near, far): (Vec<Of<'_>>, Vec<Of<'_>>) =
        cases.into_iter().partition(|(_, _, _, _, point)| point.starts_with("folder.rename"));
    let (first, far): (Vec<Of<'_>>, Vec<Of<'_>>) =
        far.into_iter().partition(|(flow, _, _, _, point)| seen.insert((*flow, point.clone())));
    println!("{last}: {} named points and {} around the rename, and a part of the others", seen.len(), near.len());
    let chosen: Vec<Of<'_>> = near.into_iter().chain(shard(first, named, name)).chain(shard(far, 120, name)).collect();
    let outcomes = each(&chosen, name, |(_, start, arguments, number, _), _: &Slot| {
        let (_dir, project) = world.case(start);
        world.crash(&project, arguments, *number);
        recover(&world, &project)
    });
    let kinds: BTreeSet<&str> = outcomes.iter().copied().collect();
    println!("{last}: {} of {total} crashes, each resumed and rolled back: {kinds:?}", outcomes.len());
}

#[test]
fn a_crash_at_every_point_to_the_second_generation_ends_old_or_new() {
    crashed_everywhere(LAST[0], 6);
}

#[test]
fn a_crash_at_every_point_to_the_third_generation_ends_old_or_new() {
    crashed_everywhere(LAST[1], 4);
}

/// How many calls before and behind the rename are struck.
const AROUND: usize = 8;

#[test]
fn killed_at_every_call_around_the_rename_and_the_editors_entry() {
    if !strace::works() {
        return;
    }
    let world = World::new(LAST[1]);
    let settle = |command: &mut Command| world.settle(command);
    for (flow, start, arguments) in
        [("upgrade", &world.pristine, world.upgrade()), ("rollback", &world.upgraded, vec!["rollback", "--yes"])]
    {
        let case = Small::case_on(world.dir.path(), start);
        let run = strace::run_with(&settle, &Slot::take(), &case, &arguments, &[]);
        assert_eq!(run.code, Some(0), "{}", run.said);
        let all = strace::targets(&run);
        let is_rename = |call: &Call| {
            let names = [OLD, NEW].map(|name| format!("/{name}"));
            call.name.starts_with("rename") && names.iter().all(|name| call.paths.contains(name))
        };
        let rename = all.iter().position(is_rename).unwrap_or_else(|| panic!("{flow}: no rename in {all:#?}"));
        let near = |at: usize, call: &Call| {
            at.abs_diff(rename) <= AROUND || call.paths.iter().any(|path| path.contains("/.cursor"))
        };
        let chosen: Vec<Call> = all.iter().enumerate().filter(|(at, c)| near(*at, c)).map(|(_, c)| c.clone()).collect();
        assert!(chosen.iter().any(|call| call.paths.iter().any(|path| path.contains("/.cursor"))));
        let chosen = shard(chosen, 4, Call::id);
        let outcomes = each(&chosen, Call::id, |call, slot| {
            let case = Small::case_on(world.dir.path(), start);
            let inject = format!("{}:signal=KILL:when={}", call.name, call.nth);
            let run = strace::run_with(&settle, slot, &case, &arguments, &[inject]);
            assert_eq!(run.signal, Some(9), "not killed at {}: {:?}\n{}", call.line, run.code, run.said);
            let struck = run.struck(&call.name, call.nth).is_some_and(|struck| struck.is(call));
            (struck, recover(&world, &case.project))
        });
        let struck = outcomes.iter().filter(|(struck, _)| *struck).count();
        let kinds: BTreeSet<&str> = outcomes.iter().map(|(_, kind)| *kind).collect();
        println!("{flow}: {} of {} calls, {struck} struck as meant: {kinds:?}", outcomes.len(), all.len());
        assert!(struck * 10 > outcomes.len() * 8, "{flow}: {struck} of {}", outcomes.len());
    }
}

//! The process ends by itself at each of its named crash points, and again while it recovers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{Sandbox, assert_same, snapshot, text, tools};
use crate::crash::many::{Slot, each, shard};
use crate::crash::world::{Case, Small};
use pos_upgrade_tui::host::files::crash_points;

/// SIGABRT.
const ABORTED: i32 = 6;

/// The binary on one processor: it makes one thread for its work, and passes its points in the same order every time.
pub fn pinned(small: &Small, slot: &Slot, project: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &slot.cpu.to_string()]).arg(&small.binary);
    small.settle(&mut command).args(arguments).arg("--project").arg(project);
    command
}

/// The points that a run passes, as `NAME before` and `NAME after`.
pub fn record(small: &Small, slot: &Slot, case: &Case, arguments: &[&str]) -> Vec<String> {
    record_without("", small, slot, case, arguments)
}

/// The same on a system that lacks this, as `POS_WITHOUT` says it.
fn record_without(lacks: &str, small: &Small, slot: &Slot, case: &Case, arguments: &[&str]) -> Vec<String> {
    let log = case.beside("points.log");
    let mut command = pinned(small, slot, &case.project, arguments);
    let output = command.env("POS_CRASH_LOG", &log).env("POS_WITHOUT", lacks).output().unwrap();
    let (code, said) = text(&output);
    assert_eq!(code, 0, "{said}");
    fs::read_to_string(log).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Runs until the point with this number (from 1), where it must die.
pub fn crash_at(small: &Small, slot: &Slot, project: &Path, arguments: &[&str], number: usize) -> Output {
    let output = pinned(small, slot, project, arguments).env("POS_CRASH_AT", number.to_string()).output().unwrap();
    assert_eq!(output.status.signal(), Some(ABORTED), "it did not die at point {number}: {}", text(&output).1);
    output
}

/// The first and the last time that each point is passed, by number from 1.
fn ends(points: &[String]) -> Vec<(usize, &str)> {
    let mut seen: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (at, name) in points.iter().enumerate() {
        seen.entry(name).or_insert((at + 1, at + 1)).1 = at + 1;
    }
    let numbers: BTreeSet<(usize, &str)> =
        seen.into_iter().flat_map(|(name, (first, last))| [(first, name), (last, name)]).collect();
    numbers.into_iter().collect()
}

/// The first time that each point is passed.
fn firsts(points: &[String]) -> Vec<(usize, &str)> {
    let mut seen = BTreeSet::new();
    let numbered = points.iter().enumerate().map(|(at, name)| (at + 1, name.as_str()));
    numbered.filter(|(_, name)| seen.insert(*name)).collect()
}

/// An upgrade of an untouched project, or the rollback of a finished one.
fn flows(small: &Small) -> [(&'static str, &Path, Vec<&str>); 2] {
    let rollback = vec!["rollback", "--yes"];
    [("upgrade", &small.pristine, small.upgrade()), ("rollback", &small.upgraded, rollback)]
}

#[test]
fn a_crash_at_every_point() {
    let small = Small::new();
    let mut cases = Vec::new();
    for (flow, start, arguments) in flows(&small) {
        let slot = Slot::take();
        let points = record(&small, &slot, &small.case(start), &arguments);
        println!("{flow}: {} crash points passed", points.len());
        cases.extend(points.into_iter().enumerate().map(|(n, name)| (flow, start, arguments.clone(), n + 1, name)));
    }
    assert!(cases.len() > 200, "{} points", cases.len());
    let name =
        |(flow, _, _, number, point): &(&str, &Path, Vec<&str>, usize, String)| format!("{flow}:{number} {point}");
    let total = cases.len();
    let cases = shard(cases, 12, name);
    let outcomes = each(&cases, name, |(_, start, arguments, number, _), slot| {
        let case = small.case(start);
        crash_at(&small, slot, &case.project, arguments, *number);
        small.recover(case)
    });
    let mut counted: BTreeMap<_, usize> = BTreeMap::new();
    outcomes.iter().for_each(|o| *counted.entry(o).or_default() += 1);
    println!("{} of {total} crashes, each resumed and rolled back: {counted:?}", outcomes.len());
}

#[test]
fn a_second_crash_while_recovering() {
    let small = Small::new();
    let slot = Slot::take();
    let mut first = Vec::new();
    for (flow, start, arguments) in flows(&small) {
        let points = record(&small, &slot, &small.case(start), &arguments);
        first.extend(ends(&points).into_iter().map(|(n, name)| (flow, start, arguments.clone(), n, name.to_owned())));
    }
    let mut pairs = Vec::new();
    for (flow, start, arguments, number, name) in first {
        let crashed = small.case(start);
        crash_at(&small, &slot, &crashed.project, &arguments, number);
        for way in [&["resume"][..], &["rollback", "--yes"]] {
            let points = record(&small, &slot, &small.case(&crashed.project), way);
            for (second, again) in firsts(&points) {
                pairs.push((flow, start, arguments.clone(), number, name.clone(), way, second, again.to_owned()));
            }
        }
    }
    drop(slot);
    let total = pairs.len();
    type Pair<'a> = (&'a str, &'a Path, Vec<&'a str>, usize, String, &'a [&'a str], usize, String);
    let name = |(flow, _, _, first, at, way, second, again): &Pair<'_>| {
        format!("{flow}:{first} {at}, then {}:{second} {again}", way[0])
    };
    let pairs = shard(pairs, 140, name);
    let outcomes = each(&pairs, name, |(_, start, arguments, first, _, way, second, _), slot| {
        let case = small.case(start);
        crash_at(&small, slot, &case.project, arguments, *first);
        crash_at(&small, slot, &case.project, way, *second);
        small.recover(case)
    });
    println!("{} of {total} pairs of crashes, each resumed and rolled back", outcomes.len());
}

/// What the user writes while the upgrade is down goes to `rescued/`; dying there loses nothing either.
#[test]
fn a_crash_while_the_users_words_are_put_aside() {
    let small = Small::new();
    let slot = Slot::take();
    let points = record(&small, &slot, &small.case(&small.pristine), &small.upgrade());
    let exchange = points.iter().position(|p| p == "journal.exchange before").unwrap() + 1;
    let path = "standards/universal/a/merge.md";
    let interrupted = || {
        let case = small.case(&small.pristine);
        crash_at(&small, &slot, &case.project, &small.upgrade(), exchange);
        fs::write(case.project.join(".praxis-os").join(path), "written meanwhile\n").unwrap();
        case
    };
    let points = record(&small, &slot, &interrupted(), &["resume"]);
    let rescues: Vec<usize> =
        (0..points.len()).filter(|n| points[*n].starts_with("journal.rescue")).map(|n| n + 1).collect();
    assert_eq!(rescues.len(), 2, "before and after: {points:?}");
    for number in rescues {
        let case = interrupted();
        crash_at(&small, &slot, &case.project, &["resume"], number);
        let (code, said) = text(&small.run(&case.project, &["resume"]));
        assert_eq!(code, 0, "{said}");
        let rescued = walkdir::WalkDir::new(case.project.join(".praxis-os/rescued")).into_iter().flatten();
        let rescued: Vec<_> = rescued.filter(|e| e.file_type().is_file()).map(|e| e.into_path()).collect();
        assert_eq!(rescued.len(), 1, "{said}");
        assert_eq!(fs::read_to_string(&rescued[0]).unwrap(), "written meanwhile\n");
    }
}

/// What stands where something is restored is set aside, wherever that is cut off; what the user writes between the crash
/// and the next command is the user's as well.
#[test]
fn a_crash_at_every_point_of_a_restore() {
    let small = Small::new();
    let path = "standards/universal/a/merge.md";
    // A file over another one, a file where nothing is, and a file over a link.
    type Change = fn(&Path);
    let starts: [(&str, Change); 3] = [
        ("edited", |live| fs::write(live, "mine\n").unwrap()),
        ("gone", |live| fs::remove_file(live).unwrap()),
        ("a link", |live| {
            fs::remove_file(live).unwrap();
            std::os::unix::fs::symlink("mine", live).unwrap();
        }),
    ];
    let arguments = ["restore", path];
    let slot = Slot::take();
    let (mut crashes, mut set_aside) = (0, 0);
    for (what, change) in starts {
        let start = small.case(&small.upgraded);
        let install = start.project.join(".praxis-os");
        change(&install.join(path));
        let before = crate::common::snapshot(&install);
        let mine = before.get(path).cloned();
        let done = small.case(&start.project);
        let points = record(&small, &slot, &done, &arguments);
        let restored = crate::common::snapshot(&done.project.join(".praxis-os"))[path].clone();
        for (number, point) in points.iter().enumerate() {
            let why = format!("{what}, {} {point}", number + 1);
            let case = small.case(&start.project);
            crash_at(&small, &slot, &case.project, &arguments, number + 1);
            crashes += 1;
            let (code, said) = text(&small.run(&case.project, &arguments));
            assert_eq!(code, 0, "{why}: {said}");
            let now = crate::common::snapshot(&case.project.join(".praxis-os"));
            assert_eq!(now[path], restored, "{why}");
            let rescued = walkdir::WalkDir::new(case.project.join(".praxis-os/rescued")).into_iter().flatten();
            let rescued: Vec<_> = rescued.filter(|e| !e.file_type().is_dir()).map(|e| e.into_path()).collect();
            assert_eq!(rescued.len(), usize::from(mine.is_some()), "{why}: {rescued:?}");
            for kept in rescued {
                let same = match fs::read_link(&kept) {
                    Ok(target) => target == Path::new("mine"),
                    Err(_) => fs::read_to_string(&kept).unwrap() == "mine\n",
                };
                assert!(same, "{why}: {kept:?}");
                set_aside += 1;
            }
            let left = walkdir::WalkDir::new(&case.project).into_iter().flatten();
            let left: Vec<_> = left
                .map(|e| e.into_path())
                .filter(|p| p.ends_with(".upgrade/restore") || p.to_string_lossy().contains("pos-upgrade-tmp"))
                .collect();
            assert!(left.is_empty(), "{why}: {left:?}");
        }
    }
    println!("{crashes} crashes of a restore; what the user wrote was set aside {set_aside} times, each whole");
}

/// A damaged generation goes out of the way of the next one; dying there loses neither.
#[test]
fn a_crash_while_a_damaged_file_is_moved_aside() {
    let small = Small::new();
    let slot = Slot::take();
    let points = record(&small, &slot, &small.case(&small.pristine), &small.upgrade());
    let exchange = points.iter().position(|p| p == "journal.exchange before").unwrap() + 1;
    let damaged = || {
        let case = small.case(&small.pristine);
        crash_at(&small, &slot, &case.project, &small.upgrade(), exchange);
        for entry in walkdir::WalkDir::new(case.project.join(".praxis-os/.upgrade")).into_iter().flatten() {
            if entry.file_name() == "session.json" {
                fs::write(entry.path(), "{").unwrap();
            }
        }
        case
    };
    let points = record(&small, &slot, &damaged(), &["resume"]);
    let moves: Vec<usize> =
        (0..points.len()).filter(|n| points[*n].starts_with("damaged.aside")).map(|n| n + 1).collect();
    assert_eq!(moves.len(), 2, "before and after: {points:?}");
    for number in moves {
        let case = damaged();
        crash_at(&small, &slot, &case.project, &["resume"], number);
        small.recover(case);
    }
}

/// The environment is switched in one step: dying on either side of it leaves a server that answers, old or new.
#[test]
fn a_crash_at_the_switch_of_the_environment() {
    let link = [("venv.link after", "resume"), ("venv.link before", "rollback")];
    let switch = [("before", "resume"), ("after", "resume"), ("before", "rollback"), ("after", "rollback")];
    let switch =
        switch.map(|(when, way)| (if when == "before" { "venv.switch before" } else { "venv.switch after" }, way));
    let cases = shard(switch.into_iter().chain(link).collect(), 3, |(point, way)| format!("{point}, {way}"));
    for (point, way) in cases {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.demo();
        let before = (snapshot(&demo.install), tools(&demo.install).expect("the old server answers"));
        let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
        let log = sandbox.path().join("points.log");
        let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source", source];
        let upgrade = || {
            let mut command = sandbox.command();
            command.args(upgrade);
            command
        };
        // How many points come before depends on how much work is done side by side: it dies at the first that is seen.
        let output = upgrade().env("POS_CRASH_LOG", &log).env("POS_CRASH_AT", point).output();
        let output = output.unwrap();
        assert_eq!(output.status.signal(), Some(ABORTED), "{}", text(&output).1);
        assert!(fs::read_to_string(&log).unwrap().contains("venv.link"));
        let arguments: &[&str] = if way == "resume" { &["resume"] } else { &["rollback", "--yes"] };
        let (code, said) = text(&sandbox.run(&[arguments, &["--project", project]].concat()));
        assert_eq!(code, 0, "{way} after a crash at {point}: {said}");
        let now = tools(&demo.install).expect("a server answers");
        if way == "resume" {
            assert!(now.contains(&"list_standards".to_owned()), "{now:?}");
        } else {
            assert_eq!(now, before.1);
            assert_same(&before.0, &snapshot(&demo.install));
        }
    }
}

/// Every named point is passed in one of the tests above.
#[test]
fn no_point_is_never_passed() {
    let small = Small::new();
    let slot = Slot::take();
    let mut passed: BTreeSet<String> = BTreeSet::new();
    for (_, start, arguments) in flows(&small) {
        for lacks in ["", "syncfs"] {
            passed.extend(record_without(lacks, &small, &slot, &small.case(start), &arguments));
        }
    }
    let elsewhere = [
        "journal.rescue",
        "venv.link",
        "venv.switch",
        "restore.rename",
        "restore.aside",
        "damaged.aside",
        "folder.rename",
        "index.rename",
    ];
    // Of an install without a server there are none: `server/left.rs` kills at each of them.
    let elsewhere = [&elsewhere[..], &["child.start", "child.end", "child.hand_over"]].concat();
    let missing: Vec<&str> = crash_points::ALL.iter().map(|p| p.0).filter(|p| !elsewhere.contains(p)).collect();
    let missing: Vec<&&str> = missing.iter().filter(|p| !passed.contains(&format!("{p} after"))).collect();
    assert!(missing.is_empty(), "never passed: {missing:?}");
    let output = small.run(&small.pristine, &["crash-points"]);
    let listed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), crash_points::ALL.iter().map(|p| p.0).collect::<Vec<_>>());
}

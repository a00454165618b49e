//! Going back: twice, further than once, interrupted, and where the disk or the permissions refuse.

use crate::common::ext;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::ext::{Mode, Plain, refused, skipped};
use crate::common::{Sandbox, assert_same, snapshot, text};
use pos_upgrade_tui::core::session::Status;
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::host::session::{catalog, store};

struct World {
    sandbox: Sandbox,
    demo: Demo,
    /// Before the first upgrade, and after each.
    states: Vec<BTreeMap<String, String>>,
}

impl World {
    fn new(upgrades: usize) -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let mut world = Self { states: vec![snapshot(&demo.install)], sandbox, demo };
        for number in 1..=upgrades {
            let (source, commit) = (world.demo.source.to_str().unwrap(), &world.demo.commits[number]);
            let arguments = ["upgrade", "--yes", "--on-conflict", "keep", "--source", source, "--to", commit];
            let (code, said) = world.run(&arguments);
            assert_eq!(code, 0, "{said}");
            world.states.push(snapshot(&world.demo.install));
        }
        world
    }

    fn project(&self) -> &str {
        self.demo.project.to_str().unwrap()
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [arguments, &["--project", self.project()]].concat()
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        text(&self.sandbox.run(&self.arguments(arguments)))
    }

    fn assert_at(&self, state: usize) {
        assert_same(&self.states[state], &snapshot(&self.demo.install));
    }

    fn ids(&self) -> Vec<String> {
        store::ids(&self.demo.install).unwrap()
    }
}

#[test]
fn twice_is_once_and_further_back_is_said() {
    let world = World::new(2);
    let ids = world.ids();
    // Not over a later one.
    let names = [ids[0].as_str(), &ids[1], &format!("pos-upgrade-tui rollback {}", ids[1])];
    refused(&world.sandbox, &world.demo.project, &world.arguments(&["rollback", &ids[0], "--yes"]), 4, &names);
    world.assert_at(2);

    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    world.assert_at(1);
    for arguments in [vec!["rollback", "--yes"], vec!["rollback", &ids[1], "--yes"], vec!["rollback"]] {
        let (code, said) = world.run(&arguments);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("rolled back already") && said.contains("nothing was changed"), "{said}");
        assert!(said.contains(&format!("pos-upgrade-tui rollback {}", ids[0])), "how to go further: {said}");
        world.assert_at(1);
    }
    // Further back, by the name of its backup.
    let first = catalog::survey(&world.demo.install).sessions.remove(0);
    let (code, said) = world.run(&["rollback", first.backup.as_deref().unwrap(), "--yes"]);
    assert_eq!(code, 0, "{said}");
    world.assert_at(0);
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert!(code == 0 && said.contains("rolled back already") && !said.contains("further back"), "{said}");
    refused(&world.sandbox, &world.demo.project, &world.arguments(&["rollback", "nobody", "--yes"]), 2, &["nobody"]);
}

#[test]
fn killed_in_the_rollback_of_a_finished_upgrade() {
    let world = World::new(1);
    // Where it dies, and whether the upgrade is still whole and finished then.
    let points = [
        ("file.create before", true),
        ("journal.exchange before", false),
        ("journal.exchange after", false),
        ("time.set after", false),
        ("journal.release before", false),
        ("journal.release after", false),
    ];
    for (point, still_whole) in points {
        let project = world.sandbox.path().join(point.replace(' ', "-"));
        assert!(Command::new("cp").arg("-a").arg(world.project()).arg(&project).status().unwrap().success());
        let project = project.to_str().unwrap();
        let mut command = world.sandbox.command();
        command.args(["rollback", "--yes", "--project", project]).env("POS_CRASH_AT", point);
        let (code, said) = text(&command.output().unwrap());
        assert_eq!(code, -1, "it was to die at {point}: {said}");
        let install = Path::new(project).join(".praxis-os");
        let found = catalog::survey(&install);
        let last = found.sessions.last().unwrap();
        // Whether going back had begun by then is for the next run to find; that it is told is what counts.
        if still_whole {
            assert!(last.is_unfinished() == last.rolling_back(), "{point}: {last:?}");
        } else {
            assert!(
                last.is_unfinished() && last.rolling_back() && last.status() != Status::Completed,
                "{point}: {last:?}"
            );
            // Nothing else may begin now.
            let status = world.sandbox.run(&["status", "--project", project]);
            assert_eq!(status.status.code(), Some(10), "{}", text(&status).1);
            let source = world.demo.source.to_str().unwrap();
            let output = world.sandbox.run(&["upgrade", "--yes", "--source", source, "--project", project]);
            assert_eq!(output.status.code(), Some(7), "{}", text(&output).1);
        }
        let (code, said) = text(&world.sandbox.run(&["rollback", "--yes", "--project", project]));
        assert_eq!(code, 0, "after {point}: {said}");
        assert_same(&world.states[0], &snapshot(&install));
    }
    println!("killed at {} points of a rollback", points.len());
}

#[test]
fn permissions_that_stop_a_rollback() {
    let world = World::new(1);
    let plain = Plain::new(&world.sandbox);
    let run =
        |arguments: &[&str]| text(&plain.command(&world.sandbox).args(world.arguments(arguments)).output().unwrap());
    // The last folder in which a file was changed in place: others come before it.
    let changed = |path: &&String| {
        let (before, after) = (&world.states[0][*path], world.states[1].get(*path));
        before.starts_with("file") && path.contains('/') && after.is_some_and(|after| after != before)
    };
    let path = world.states[0].keys().rev().find(changed).unwrap();
    let folder = world.demo.install.join(path).parent().unwrap().to_owned();
    let sealed = Mode::set(&folder, 0o555);
    for _ in 0..2 {
        let (code, said) = run(&["rollback", "--yes"]);
        assert_eq!(code, 6, "{said}");
        let advice = format!("chmod u+w {}", folder.display());
        assert!(said.contains(&advice) && said.contains("pos-upgrade-tui rollback"), "{said}");
        assert!(said.contains("can be repeated"), "{said}");
        let (code, said) = run(&["status"]);
        assert_eq!(code, 10, "{said}");
    }
    let now = snapshot(&world.demo.install);
    assert!(now != world.states[0] && now != world.states[1], "it had begun");
    drop(sealed);
    let (code, said) = run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    world.assert_at(0);
    assert!(!world.demo.install.join("rescued").exists(), "nothing was taken for the user's");
}

/// The project's folder, which only `.gitignore` is written in.
#[test]
fn a_project_that_can_not_be_written() {
    let world = World::new(0);
    let ignored = world.demo.project.join(".gitignore");
    fs::write(&ignored, "/target\n").unwrap();
    let plain = Plain::new(&world.sandbox);
    let run =
        |arguments: &[&str]| text(&plain.command(&world.sandbox).args(world.arguments(arguments)).output().unwrap());
    let source = world.demo.source.to_str().unwrap();
    let upgrade = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep", "--source", source];
    let advice = format!("chmod u+w {}", world.project());
    let before = || snapshot(&world.demo.install);
    let start = before();

    // It would add lines there, so it says so before anything begins.
    let sealed = Mode::set(&world.demo.project, 0o555);
    let names = [".gitignore", &advice];
    let arguments = world.arguments(&upgrade);
    ext::refused_by(&|| plain.command(&world.sandbox), &world.demo.project, &arguments, 4, &names);
    drop(sealed);

    // Shut since: the advice is about the folder that is shut, and opening it is enough.
    assert_eq!(run(&upgrade).0, 0);
    let with_lines = fs::read_to_string(&ignored).unwrap();
    assert!(with_lines.contains(".praxis-os/.upgrade/"), "{with_lines}");
    let sealed = Mode::set(&world.demo.project, 0o555);
    for _ in 0..2 {
        let (code, said) = run(&["rollback", "--yes"]);
        assert_eq!(code, 6, "{said}");
        assert!(said.lines().any(|l| l.contains("next:") && l.contains(&format!("{advice})"))), "{said}");
    }
    drop(sealed);
    let (code, said) = run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&start, &before());
    assert_eq!(fs::read_to_string(&ignored).unwrap(), "/target\n");

    // Where nothing is missing nothing is written, there and back.
    fs::write(&ignored, &with_lines).unwrap();
    let sealed = Mode::set(&world.demo.project, 0o555);
    for arguments in [&upgrade[..], &["rollback", "--yes"]] {
        let (code, said) = run(arguments);
        assert_eq!(code, 0, "{said}");
    }
    drop(sealed);
    assert_same(&start, &before());
    assert_eq!(fs::read_to_string(&ignored).unwrap(), with_lines);

    // And a person can do without the lines going.
    fs::write(&ignored, "/target\n").unwrap();
    assert_eq!(run(&upgrade).0, 0);
    let sealed = Mode::set(&world.demo.project, 0o555);
    let (code, said) = run(&["rollback", "--yes"]);
    assert!(code == 6 && said.contains("rollback --set-aside --project"), "{said}");
    let (code, said) = run(&["rollback", "--yes", "--set-aside"]);
    assert!(code == 0 && said.contains(".gitignore"), "{said}");
    drop(sealed);
    assert_same(&start, &before());
}

/// Each folder of our own, and those deep inside that an upgrade changes: said before anything begins, about that folder.
#[test]
fn folders_that_can_not_be_written() {
    let world = World::new(1);
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    fs::create_dir_all(world.demo.install.join("rescued")).unwrap();
    let plain = Plain::new(&world.sandbox);
    let source = world.demo.source.to_str().unwrap();
    let upgrade = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep", "--source", source];
    let arguments = world.arguments(&upgrade);
    for folder in [".upgrade", ".upgrade/base", ".backups", ".cache", ".cache/state", "rescued", "scripts"] {
        let folder = world.demo.install.join(folder);
        let sealed = Mode::set(&folder, 0o555);
        let advice = format!("u+w {}", folder.display());
        ext::refused_by(&|| plain.command(&world.sandbox), &world.demo.project, &arguments, 4, &[&advice]);
        drop(sealed);
    }
}

/// A rollback on a file system of its own that is full, then no longer full.
#[test]
fn a_full_disk_stops_a_rollback() {
    let world = World::new(1);
    let (small, after) = (world.sandbox.path().join("small"), world.sandbox.path().join("after"));
    fs::create_dir(&small).unwrap();
    fs::create_dir(&after).unwrap();
    // Full at first; then there is room for the session's file and no more; then enough.
    let script = r#"
        mount -t tmpfs -o size=16m small "$1" || exit 99
        cp -a "$2/." "$1/" || exit 99
        fill() { dd if=/dev/zero of="$1/.filler" bs=4k 2>/dev/null; }
        fill "$1"
        "$4" rollback --yes --project "$1"; echo "first: $?"
        cp -a "$1/.praxis-os" "$3/full" 2>/dev/null
        for kb in 16 64 128 256; do
            truncate -s "-${kb}K" "$1/.filler"
            "$4" rollback --yes --project "$1"; echo "more room: $?"
        done
        rm "$1/.filler"
        "$4" rollback --yes --project "$1"; echo "last: $?"
        cp -a "$1/." "$3/end/""#;
    fs::create_dir(after.join("end")).unwrap();
    let binary = env!("CARGO_BIN_EXE_pos-upgrade-tui");
    let start = |namespace: &str| {
        let mut command = Command::new("unshare");
        command
            .args([namespace, "--", "sh", "-c", script, "sh"])
            .args([&small, &world.demo.project, &after])
            .arg(binary);
        command.env("HOME", world.sandbox.path().join("home")).stdin(std::process::Stdio::null());
        text(&command.output().unwrap())
    };
    let ran = ["-m", "-rm"].into_iter().map(start).find(|(code, said)| *code == 0 && said.contains("last:"));
    let Some((_, said)) = ran else {
        return skipped("this user may not mount a tmpfs, not even in a namespace");
    };
    assert!(said.contains("first: 6"), "{said}");
    assert!(said.contains("free some disk space, then: pos-upgrade-tui rollback"), "{said}");
    assert!(said.contains("No space left") && said.contains("POS-E0501"), "{said}");
    assert!(said.contains("last: 0"), "{said}");
    assert_same(&world.states[1], &snapshot(&after.join("full")));
    assert_same(&world.states[0], &snapshot(&after.join("end/.praxis-os")));
    for line in said.lines().filter(|l| l.starts_with("more room:")) {
        assert!(["more room: 6", "more room: 0"].contains(&line), "{said}");
    }
    println!("{}", said.lines().filter(|l| l.contains("room:") || l.contains("first:")).collect::<Vec<_>>().join(", "));
}

#[test]
fn a_backup_that_is_damaged_changes_nothing() {
    let world = World::new(1);
    let session = catalog::survey(&world.demo.install).sessions.remove(0);
    let backup = world.demo.install.join(".backups").join(session.backup.as_deref().unwrap());
    let damaged = changed_file(&world, &backup.join("files"));
    let good = fs::read(&damaged).unwrap();
    fs::write(&damaged, "rotten").unwrap();
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 6, "{said}");
    assert!(said.contains(damaged.to_str().unwrap()) && said.contains("not rolled back"), "{said}");
    world.assert_at(1);
    assert_eq!(world.run(&["status"]).0, 0, "the upgrade stands as it stood");
    fs::write(&damaged, good).unwrap();
    // A path of the manifest, changed: never followed.
    let manifest = backup.join("MANIFEST.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("check-links.py", "check-linkz.py", 1)).unwrap();
    let names = ["checksum", "pos-upgrade-tui backups"];
    refused(&world.sandbox, &world.demo.project, &world.arguments(&["rollback", "--yes"]), 4, &names);
    fs::write(&manifest, text).unwrap();
    assert_eq!(world.run(&["rollback", "--yes"]).0, 0);
    world.assert_at(0);
}

/// What the flag that the message of a refusal names may not do: begin what can't be ended.
#[test]
fn a_damaged_backup_is_not_begun_with_set_aside_either() {
    let world = World::new(1);
    let session = catalog::survey(&world.demo.install).sessions.remove(0);
    let files = world.demo.install.join(".backups").join(session.backup.as_deref().unwrap()).join("files");
    let damaged = changed_file(&world, &files);
    for gone in [false, true] {
        if gone {
            fs::remove_file(&damaged).unwrap()
        } else {
            fs::write(&damaged, "rotten").unwrap()
        }
        for arguments in [&["rollback", "--yes"][..], &["rollback", "--yes", "--set-aside"], &["rollback", "--yes"]] {
            let (code, said) = world.run(arguments);
            assert_eq!(code, 6, "{said}");
            assert!(said.contains("not rolled back") && said.contains("restore PATH --from"), "{said}");
            world.assert_at(1);
            assert_eq!(world.run(&["status"]).0, 0, "the upgrade stands as it stood");
        }
    }
}

/// Damaged when it had begun: it ends, with what can be had.
#[test]
fn a_backup_that_is_damaged_while_going_back() {
    let world = World::new(1);
    let session = catalog::survey(&world.demo.install).sessions.remove(0);
    let files = world.demo.install.join(".backups").join(session.backup.as_deref().unwrap()).join("files");
    let mut command = world.sandbox.command();
    command.args(["rollback", "--yes", "--project", world.project()]).env("POS_CRASH_AT", "journal.exchange before");
    assert_eq!(text(&command.output().unwrap()).0, -1);
    let damaged = changed_file(&world, &files);
    fs::write(&damaged, "rotten").unwrap();
    let name = damaged.strip_prefix(&files).unwrap().to_str().unwrap().to_owned();
    let left = fs::read(world.demo.install.join(&name)).ok();
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert!(code == 6 && said.contains("--set-aside"), "{said}");
    let (code, said) = world.run(&["rollback", "--yes", "--set-aside"]);
    assert!(code == 6 && said.contains("is back as it was") && said.contains(&name), "{said}");
    assert_eq!(fs::read(world.demo.install.join(&name)).ok(), left, "nothing comes back from a damaged copy");
    let (mut before, mut now) = (world.states[0].clone(), snapshot(&world.demo.install));
    let others = |states: &mut BTreeMap<String, String>| {
        // Its folders got other times with it.
        states.retain(|path, _| *path != name && !Path::new(&name).starts_with(path));
    };
    others(&mut before);
    others(&mut now);
    assert_same(&before, &now);
    assert_eq!(world.run(&["status"]).0, 0, "nothing is unfinished");
    let source = world.demo.source.to_str().unwrap();
    let (code, said) = world.run(&["upgrade", "--yes", "--on-conflict", "keep", "--source", source]);
    assert_eq!(code, 0, "the way is free: {said}");
}

/// Where this program's own file and folders were, anything may stand by the time somebody goes back.
#[test]
fn what_stands_in_our_own_places_is_set_aside() {
    use std::os::unix::fs::symlink;
    let world = World::new(1);
    let elsewhere = world.sandbox.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("note"), "mine").unwrap();
    let kinds = ["file", "folder", "pipe", "link to a folder", "link to nothing", "link to itself"];
    for place in [".upgrade-baseline.json", ".cache", ".cache/state"] {
        for kind in kinds {
            // A file and a folder are what belongs there.
            if (place == ".upgrade-baseline.json") == (kind == "file") && ["file", "folder"].contains(&kind) {
                continue;
            }
            let project = world.sandbox.path().join("copy");
            let _ = fs::remove_dir_all(&project);
            assert!(Command::new("cp").arg("-a").arg(world.project()).arg(&project).status().unwrap().success());
            let install = project.join(".praxis-os");
            let path = install.join(place);
            if path.is_dir() {
                fs::remove_dir_all(&path).unwrap()
            } else {
                fs::remove_file(&path).unwrap()
            }
            match kind {
                "file" => fs::write(&path, "mine").unwrap(),
                "folder" => {
                    fs::create_dir(&path).unwrap();
                    fs::write(path.join("note"), "mine").unwrap();
                }
                "pipe" => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
                "link to a folder" => symlink(&elsewhere, &path).unwrap(),
                "link to nothing" => symlink("nowhere", &path).unwrap(),
                _ => symlink(path.file_name().unwrap(), &path).unwrap(),
            }
            let said = text(&world.sandbox.run(&["rollback", "--yes", "--project", project.to_str().unwrap()]));
            assert_eq!(said.0, 0, "{kind} at {place}: {}", said.1);
            let mut now = snapshot(&install);
            // Nothing was there before the upgrade, so the user's folder need not make room.
            now.retain(|path, _| !Path::new(path).starts_with(place));
            assert_same(&world.states[0], &now);
            let names: Vec<_> = fs::read_dir(&elsewhere).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names, ["note"], "{kind} at {place}: nothing is written behind a link");
            let rescued = fs::read_dir(install.join("rescued")).ok().and_then(|mut all| all.next());
            let rescued = rescued.map(|folder| folder.unwrap().path().join(place));
            let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
            let kept = rescued.is_some_and(|path| is_there(&path)) || place.ends_with(".json") && is_there(&path);
            assert!(kept, "{kind} at {place}: it is kept: {}", said.1);
        }
    }
}

/// `.upgrade/` is ignored by git, so a clean-up may take it: what is left of the way back is said.
#[test]
fn sessions_that_are_gone_leave_the_backup() {
    let world = World::new(1);
    let session = catalog::survey(&world.demo.install).sessions.remove(0);
    fs::remove_dir_all(world.demo.install.join(".upgrade")).unwrap();
    let (code, said) = world.run(&["rollback", "--yes"]);
    let way = format!("restore PATH --from {}", session.backup.unwrap());
    assert!(code == 0 && said.contains("nothing to roll back") && said.contains(&way), "{said}");
    world.assert_at(1);
}

/// A file of the backup that the upgrade changed.
fn changed_file(world: &World, files: &Path) -> PathBuf {
    let differs = |path: &&String| {
        let (before, after) = (&world.states[0][*path], world.states[1].get(*path));
        before.starts_with("file") && after != Some(before)
    };
    let path = world.states[0].keys().find(differs).unwrap();
    files.join(path)
}

#[test]
fn what_a_crash_left_staged_of_the_users_is_rescued() {
    use pos_upgrade_tui::host::files::journal::Journal;
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let before = snapshot(&demo.install);
    let mut command = sandbox.command();
    command.args(["upgrade", "--json", "--yes", "--on-conflict", "keep", "--source", demo.source.to_str().unwrap()]);
    command.args(["--project", demo.project.to_str().unwrap()]);
    let seen = ext::kill_at(command, |l| l["event"] == "task_started" && l["task"] == "apply");
    let folder = store::folder(&demo.install, seen[0]["session_id"].as_str().unwrap());
    let journal = Journal::load(&demo.install, &folder.join("content")).unwrap().unwrap();
    // As after an exchange whose outcome nobody looked at any more: the user's text is in the staging.
    let path = "scripts/check-links.py";
    let number = journal.results().position(|(p, _)| p.to_string() == path).unwrap();
    let staged = folder.join("content/stage").join(number.to_string());
    fs::write(&staged, "written while it ran").unwrap();
    let (code, said) = text(&sandbox.run(&["rollback", "--yes", "--project", demo.project.to_str().unwrap()]));
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &snapshot(&demo.install));
    let rescued = walkdir::WalkDir::new(demo.install.join("rescued")).into_iter().flatten();
    let texts: Vec<_> = rescued.filter_map(|e| fs::read_to_string(e.path()).ok()).collect();
    assert_eq!(texts, ["written while it ran"]);
}

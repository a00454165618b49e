//! `backups`, `restore` and `history`, and what a backup could not hold: found before anything begins.

use crate::common;
use crate::common::ext;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::ext::{Mode, Plain, refused, refused_by};
use crate::common::{Sandbox, assert_same, locked, snapshot, text};
use pos_upgrade_tui::host::demo::Demo;
use serde_json::Value;

/// The demo after one upgrade per commit behind the first.
struct World {
    sandbox: Sandbox,
    demo: Demo,
    before: std::collections::BTreeMap<String, String>,
}

impl World {
    fn new(upgrades: usize) -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let before = snapshot(&demo.install);
        let world = Self { sandbox, demo, before };
        for commit in &world.demo.commits[1..=upgrades] {
            let source = world.demo.source.to_str().unwrap();
            let (code, said) =
                world.run(&["upgrade", "--yes", "--on-conflict", "keep", "--source", source, "--to", commit]);
            assert_eq!(code, 0, "{said}");
            // Stamps count seconds, and two upgrades in one would have numbered names.
            std::thread::sleep(std::time::Duration::from_millis(1100));
        }
        world
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [arguments, &["--project", self.demo.project.to_str().unwrap()]].concat()
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        text(&self.sandbox.run(&self.arguments(arguments)))
    }

    fn json(&self, arguments: &[&str], code: i32) -> Value {
        let output = self.sandbox.run(&self.arguments(&[arguments, &["--json"]].concat()));
        assert_eq!(output.status.code(), Some(code), "{}", text(&output).1);
        let mut lines = ext::lines(&output.stdout);
        assert_eq!(lines.len(), 1, "one object");
        let line = lines.pop().unwrap();
        assert_eq!(line["schema"], 1);
        line
    }

    fn refused(&self, arguments: &[&str], code: i32, names: &[&str]) {
        refused(&self.sandbox, &self.demo.project, &self.arguments(arguments), code, names);
    }

    fn backups(&self) -> Vec<String> {
        let listed = self.json(&["backups"], 0);
        listed["backups"].as_array().unwrap().iter().map(|b| b["name"].as_str().unwrap().to_owned()).collect()
    }

    fn backup(&self, name: &str) -> PathBuf {
        self.demo.install.join(".backups").join(name)
    }
}

#[test]
fn listed_verified_and_pruned() {
    let world = World::new(2);
    let names = world.backups();
    assert_eq!(names.len(), 2);
    let listed = world.json(&["backups", "list"], 0);
    let of = |n: usize| &listed["backups"][n];
    assert_eq!((&of(0)["newest_good"], &of(1)["newest_good"]), (&false.into(), &true.into()));
    assert!(of(1)["files"].as_u64().unwrap() > 40 && of(1)["bytes"].as_u64().unwrap() > 10_000, "{listed}");
    let (code, said) = world.run(&["backups"]);
    assert!(code == 0 && names.iter().all(|n| said.contains(n.as_str())) && said.contains("newest good"), "{said}");
    assert_eq!(world.json(&["backups", "verify"], 0)["sound"], true);

    // Changed, missing and extra are told apart and named.
    let files = world.backup(&names[0]).join("files");
    fs::write(files.join("standards/more.md"), "x").unwrap();
    fs::remove_file(files.join("scripts/check-links.py")).unwrap();
    let changed = files.join("workflows").join(first_file(&files.join("workflows")));
    let mut bytes = fs::read(&changed).unwrap();
    bytes[0] ^= 1;
    fs::write(&changed, bytes).unwrap();
    let verified = world.json(&["backups", "verify"], 4);
    let one = &verified["backups"][0];
    assert_eq!((&one["sound"], &verified["backups"][1]["sound"]), (&false.into(), &true.into()));
    assert_eq!(one["missing"], serde_json::json!(["scripts/check-links.py"]));
    assert_eq!(one["extra"], serde_json::json!(["standards/more.md"]));
    assert_eq!(one["changed"], serde_json::json!([changed.strip_prefix(&files).unwrap().to_str().unwrap()]));
    let (code, said) = world.run(&["backups", "verify", &names[0]]);
    assert!(code == 4 && said.contains("missing: scripts/check-links.py"), "{said}");
    assert_eq!(world.run(&["backups", "verify", &names[1]]).0, 0);
    world.refused(&["backups", "verify", "../.."], 2, &["../..", "pos-upgrade-tui backups"]);

    world.refused(&["backups", "prune", "--keep", "1"], 2, &["--yes"]);
    let pruned = world.json(&["backups", "prune", "--keep", "0", "--yes"], 0);
    assert_eq!(pruned["removed"], serde_json::json!([names[0]]));
    assert_eq!(world.backups(), [names[1].clone()], "one always stays");
    assert!(world.run(&["backups", "prune", "--keep", "1", "--yes"]).1.contains("nothing to prune"));
    // Its session can't be rolled back any more, and says so instead of half trying.
    let history = world.json(&["history"], 0);
    assert_eq!(
        (&history["sessions"][1]["backup_exists"], &history["sessions"][0]["backup_exists"]),
        (&false.into(), &true.into())
    );
    assert_eq!(world.run(&["rollback", "--yes"]).0, 0);
    let id = history["sessions"][1]["session_id"].as_str().unwrap();
    world.refused(&["rollback", id, "--yes"], 4, &[id, "is gone: it was pruned", "pos-upgrade-tui backups"]);
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert!(code == 0 && said.contains("no way further back") && said.contains("is gone: it was pruned"), "{said}");
    assert!(!said.contains(&format!("rollback {id}")), "{said}");
    assert_eq!(world.run(&["status"]).0, 0, "nothing was begun");
}

#[test]
fn what_is_good_is_read_to_its_last_byte_before_the_rest_goes() {
    let world = World::new(2);
    let names = world.backups();
    let file = world.backup(&names[1]).join("files/scripts/check-links.py");
    fs::write(file, "damaged").unwrap();
    let pruned = world.json(&["backups", "prune", "--keep", "1", "--yes"], 0);
    assert_eq!(pruned["removed"], serde_json::json!([]), "the older one is the only good one");
    assert_eq!(world.backups(), names);
}

#[test]
fn the_backup_of_an_unfinished_upgrade_stays() {
    let world = World::new(1);
    let mut command = world.sandbox.command();
    let source = world.demo.source.to_str().unwrap();
    command.args(world.arguments(&["upgrade", "--json", "--yes", "--on-conflict", "keep", "--source", source]));
    ext::kill_at(command, |l| l["event"] == "phase_started" && l["phase"] == 2);
    let names = world.backups();
    assert_eq!(names.len(), 2);
    assert_eq!(world.json(&["backups"], 0)["backups"][1]["needed"], true);
    // Not even one that is damaged: there is nothing else to go back with.
    fs::write(world.backup(&names[1]).join("files/more"), "x").unwrap();
    assert_eq!(world.json(&["backups", "prune", "--keep", "1", "--yes"], 0)["removed"], serde_json::json!([]));
    world.refused(&["restore", "scripts/check-links.py"], 7, &["resume", "rollback"]);
    assert_eq!(world.run(&["rollback", "--yes"]).0, 0);
}

fn first_file(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .flatten()
        .filter(|e| e.file_type().is_file() && e.metadata().unwrap().len() > 0)
        .map(|e| e.path().strip_prefix(folder).unwrap().to_owned())
        .collect();
    files.sort();
    files.remove(0)
}

#[test]
fn one_file_is_brought_back() {
    let world = World::new(1);
    let path = "scripts/check-links.py";
    let live = world.demo.install.join(path);
    fs::write(&live, "mine now").unwrap();
    let done = world.json(&["restore", path], 0);
    let rescued = world.demo.install.join(done["rescued"].as_str().unwrap());
    assert_eq!(fs::read_to_string(&rescued).unwrap(), "mine now");
    let now = snapshot(&world.demo.install);
    assert_eq!(now[path], world.before[path], "bytes, mode and time");
    let (code, said) = world.run(&["restore", path]);
    assert!(code == 0 && said.contains("nothing to do"), "{said}");
    // As people type it.
    fs::remove_file(&live).unwrap();
    assert_eq!(world.run(&["restore", &format!(".praxis-os/{path}")]).0, 0);
    fs::remove_file(&live).unwrap();
    assert_eq!(world.run(&["restore", live.to_str().unwrap()]).0, 0);
    assert_eq!(snapshot(&world.demo.install)[path], world.before[path]);

    let name = world.backups()[0].clone();
    world.refused(&["restore", "scripts/none.py"], 4, &["scripts/none.py", &name]);
    world.refused(&["restore", "scripts"], 4, &["a folder"]);
    world.refused(&["restore", path, "--from", "2020-01-01-000000"], 2, &["2020-01-01-000000"]);
    world.refused(&["restore", path, "--from", "../../demo"], 2, &["pos-upgrade-tui backups"]);
    for out in ["../x", "/etc/passwd", "a/../../b", "."] {
        world.refused(&["restore", out], 2, &["relative to .praxis-os"]);
    }
    world.refused(&["restore", ".upgrade/lock"], 4, &[".upgrade/lock"]);
    fs::write(&live, "mine again").unwrap();
    fs::write(world.backup(&name).join("files").join(path), "rotten").unwrap();
    world.refused(&["restore", path], 4, &[path, "backups verify"]);
    assert_eq!(fs::read_to_string(&live).unwrap(), "mine again");
}

#[test]
fn what_was_is_told_newest_first() {
    let world = World::new(2);
    assert_eq!(world.run(&["rollback", "--yes"]).0, 0);
    let history = world.json(&["history"], 0);
    let sessions = history["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let of = |n: usize, key: &str| sessions[n][key].as_str().unwrap_or_default().to_owned();
    assert_eq!((of(0, "status"), of(1, "status")), ("rolled_back".into(), "completed".into()));
    assert_eq!(
        (of(1, "from_release"), of(1, "to_commit")),
        (world.demo.commits[0].clone(), world.demo.commits[1].clone())
    );
    assert_eq!(of(0, "to_commit"), world.demo.commits[2]);
    assert!(of(0, "created_at") > of(1, "created_at") && of(0, "reason").contains("person"));
    let (code, said) = world.run(&["history"]);
    assert!(code == 0 && said.find("rolled back").unwrap() < said.find("completed").unwrap(), "{said}");
}

#[test]
fn what_can_not_be_copied_is_named_before_anything_begins() {
    let world = World::new(0);
    let source = world.demo.source.to_str().unwrap();
    let upgrade = ["upgrade", "--yes", "--on-conflict", "keep", "--source", source];
    let specs = world.demo.install.join("specs");
    fs::create_dir_all(&specs).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(specs.join("s.sock")).unwrap();
    assert!(Command::new("mkfifo").arg(world.demo.install.join("standards/pipe")).status().unwrap().success());
    let (said, _) = ext::refusal(
        &|| world.sandbox.command(),
        &world.arguments(&upgrade),
        4,
        &["specs/s.sock", "standards/pipe", "sockets, pipes or devices"],
    );
    assert!(said.contains("nothing was changed"), "{said}");
    assert!(ext::sessions(&world.demo.install).is_empty() && !world.demo.install.join(".backups").exists());
    fs::remove_file(specs.join("s.sock")).unwrap();
    fs::remove_file(world.demo.install.join("standards/pipe")).unwrap();
    drop(socket);
    assert_eq!(world.run(&upgrade).0, 0);
}

#[test]
fn what_may_not_be_read_or_written_deep_inside() {
    let world = World::new(0);
    let plain = Plain::new(&world.sandbox);
    let start = || plain.command(&world.sandbox);
    let source = world.demo.source.to_str().unwrap();
    let upgrade = world.arguments(&["upgrade", "--yes", "--on-conflict", "keep", "--source", source]);
    // A folder below the top ones, into which the plan writes.
    let deep = world.demo.install.join("standards/universal/ai-safety");
    let sealed = Mode::set(&deep, 0o555);
    refused_by(&start, &world.demo.project, &upgrade, 4, &[deep.to_str().unwrap(), "can't be written", "chmod u+w"]);
    drop(sealed);
    let secret = world.demo.install.join("specs/secret.txt");
    fs::create_dir_all(secret.parent().unwrap()).unwrap();
    fs::write(&secret, "x").unwrap();
    let unreadable = Mode::set(&secret, 0o000);
    let output = start().args(&upgrade).output().unwrap();
    let (code, said) = text(&output);
    assert!(code == 4 && said.contains("specs/secret.txt") && said.contains("chmod -R u+rX"), "{said}");
    assert!(ext::sessions(&world.demo.install).is_empty());
    drop(unreadable);
    fs::remove_dir_all(secret.parent().unwrap()).unwrap();
    // A folder that the plan has no business in may be read-only.
    let own = world.demo.install.join("standards/development");
    fs::create_dir_all(&own).unwrap();
    let sealed = Mode::set(&own, 0o555);
    let output = start().args(&upgrade).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    drop(sealed);
    let back = start().args(world.arguments(&["rollback", "--yes"])).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    let mut now = snapshot(&world.demo.install);
    now.retain(|path, _| !path.starts_with("standards/development"));
    let mut before = world.before.clone();
    before.retain(|path, _| !path.starts_with("standards/development"));
    // Their times changed when this test made things in them.
    for path in ["standards", "specs"] {
        now.remove(path);
        before.remove(path);
    }
    assert_same(&before, &now);
}

/// Every file of a backup with one bit changed, one at a time.
#[test]
fn every_byte_that_may_be_written_back_is_verified() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    common::git(&demo.project, &["init", "-q"]);
    fs::write(demo.project.join(".gitignore"), "/target\n").unwrap();
    let before = snapshot(&demo.install);
    let run = |arguments: &[&str], project: &Path| {
        let mut command = sandbox.command();
        text(&command.args(arguments).arg("--project").arg(project).output().unwrap())
    };
    let source = demo.source.to_str().unwrap();
    let (code, said) = run(&["upgrade", "--yes", "--on-conflict", "keep", "--source", source], &demo.project);
    assert_eq!(code, 0, "{said}");
    let upgraded = snapshot(&demo.install);
    let ignored = fs::read(demo.project.join(".gitignore")).unwrap();
    let session = pos_upgrade_tui::host::session::catalog::survey(&demo.install).sessions.remove(0);
    let backup = Path::new(".praxis-os/.backups").join(session.backup.unwrap());
    // A file beside the copies, as an install with an environment has it.
    let opened = pos_upgrade_tui::host::backup::copy::Backup::open(&demo.project.join(&backup)).unwrap();
    let mut with_snapshot = opened;
    let lock = locked(&demo.install);
    with_snapshot.keep_beside(lock.install(), "requirements-snapshot.txt", b"a==1\n").unwrap();
    with_snapshot.write_manifest(lock.install()).unwrap();
    drop(lock);
    assert_eq!(run(&["backups", "verify"], &demo.project).0, 0);
    let walk = walkdir::WalkDir::new(demo.project.join(&backup)).into_iter().map(Result::unwrap);
    let files: Vec<PathBuf> = walk
        .filter(|e| e.file_type().is_file())
        .map(|e| e.path().strip_prefix(demo.project.join(&backup)).unwrap().to_owned())
        .collect();
    assert!(files.iter().any(|f| f.ends_with("project.gitignore")), "{files:?}");
    let (mut noticed, mut refused, mut back) = (0, 0, 0);
    for file in &files {
        let project = sandbox.path().join("case");
        let _ = fs::remove_dir_all(&project);
        assert!(Command::new("cp").arg("-a").arg(&demo.project).arg(&project).status().unwrap().success());
        let path = project.join(&backup).join(file);
        let mut bytes = fs::read(&path).unwrap();
        match bytes.last_mut() {
            Some(last) => *last ^= 1,
            None => bytes.push(b'x'),
        }
        fs::write(&path, bytes).unwrap();
        let (code, said) = run(&["backups", "verify"], &project);
        let name = file.strip_prefix("files").unwrap_or(file).display().to_string();
        let named = said.contains(&name) || said.contains("MANIFEST.json");
        assert!(code == 4 && named, "{} is not noticed: {said}", file.display());
        noticed += 1;
        let (code, said) = run(&["rollback", "--yes"], &project);
        let now = snapshot(&project.join(".praxis-os"));
        if code == 0 {
            // A copy that is not written back: the install is as it was, to the byte.
            assert_same(&before, &now);
            assert_eq!(fs::read(project.join(".gitignore")).unwrap(), b"/target\n", "{}", file.display());
            back += 1;
        } else {
            assert!([4, 6].contains(&code) && said.contains(&name), "{}: {said}", file.display());
            assert_same(&upgraded, &now);
            assert_eq!(upgraded.get("UPDATE_LOG.txt"), now.get("UPDATE_LOG.txt"));
            assert_eq!(fs::read(project.join(".gitignore")).unwrap(), ignored, "{}", file.display());
            let (code, said) = run(&["status"], &project);
            assert_eq!(code, 0, "nothing was begun: {said}");
            refused += 1;
        }
    }
    println!(
        "{noticed} files of a backup changed, one at a time: all noticed; {refused} rollbacks refused, {back} did not need it"
    );
    assert!(refused > 5 && noticed == refused + back, "{refused} refused");
}

/// Backups without the sums and numbers that came later are read as before.
#[test]
fn older_backups_are_still_read() {
    let world = World::new(1);
    let name = world.backups().remove(0);
    let folder = world.backup(&name);
    let mut manifest: Value = serde_json::from_slice(&fs::read(folder.join("MANIFEST.json")).unwrap()).unwrap();
    for key in ["number", "parent", "beside"] {
        assert!(manifest.as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    fs::write(folder.join("MANIFEST.json"), manifest.to_string()).unwrap();
    fs::remove_file(folder.join("MANIFEST.json.sha256")).unwrap();
    assert_eq!(world.run(&["backups", "verify"]).0, 0);
    let (code, said) = world.run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&world.before, &snapshot(&world.demo.install));
}

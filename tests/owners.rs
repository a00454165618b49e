//! Owner and group: root on somebody else's project becomes its owner or refuses, and what an upgrade replaces or brings
//! back belongs to whom it did.

use crate::common::ext;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::common::ext::{State, is_root, skipped};
use crate::common::{Sandbox, assert_same, program, snapshot, text};
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::server::{self, Running};

/// An account that every machine has, and numbers that none has.
const NOBODY: u32 = 65534;
const STRANGER: u32 = 54321;
const GROUPS: [u32; 2] = [60001, 60002];
/// Merged by an upgrade of the demo: what stands there is replaced.
const PAGE: &str = "standards/universal/testing/test-pyramid.md";

fn everything(top: &Path) -> Vec<walkdir::DirEntry> {
    walkdir::WalkDir::new(top).into_iter().map(Result::unwrap).collect()
}

fn give(top: &Path, uid: u32, gid: u32) {
    everything(top).iter().for_each(|e| lchown(e.path(), Some(uid), Some(gid)).unwrap());
}

/// A sandbox that other users can look into.
fn open_sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::set_permissions(sandbox.path(), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox
}

/// Owner and group of everything that a rollback brings back.
fn owners(project: &Path) -> BTreeMap<String, (u32, u32)> {
    let install = project.join(".praxis-os");
    let known = snapshot(&install);
    let owner = |path: &Path| path.symlink_metadata().map(|m| (m.uid(), m.gid())).unwrap();
    let mut all: BTreeMap<_, _> = known.keys().map(|p| (p.clone(), owner(&install.join(p)))).collect();
    all.insert("the project".into(), owner(project));
    all
}

fn assert_owners(before: &BTreeMap<String, (u32, u32)>, project: &Path) {
    let now = owners(project);
    let differ: Vec<_> = before.iter().filter(|(p, owner)| now.get(*p) != Some(owner)).collect();
    let differ: Vec<_> = differ.iter().map(|(p, owner)| (p, owner, now.get(*p))).collect();
    assert!(differ.is_empty(), "{differ:#?}");
}

fn none_of_roots(project: &Path) -> usize {
    let all = everything(project);
    let roots: Vec<_> = all.iter().filter(|e| e.path().symlink_metadata().unwrap().uid() == 0).collect();
    assert!(roots.is_empty(), "{} of {} are root's: {roots:#?}", roots.len(), all.len());
    all.len()
}

fn arguments<'a>(demo: &'a Demo, command: &[&'a str]) -> Vec<&'a str> {
    let project = ["--project", demo.project.to_str().unwrap()];
    let source = ["--source", demo.source.to_str().unwrap()];
    match command[0] {
        "upgrade" | "plan" => [command, &project, &source].concat(),
        _ => [command, &project].concat(),
    }
}

const UPGRADE: [&str; 4] = ["upgrade", "--yes", "--on-conflict", "merge-keep"];
const CONTENT: [&str; 6] = ["upgrade", "--yes", "--on-conflict", "merge-keep", "--only", "content"];

fn ok(output: &Output) -> String {
    let (code, said) = text(output);
    assert_eq!(code, 0, "{said}");
    said
}

/// The whole demo, its server stopped, with a Python that every user can run.
fn demo_for_all(sandbox: &mut Sandbox) -> Demo {
    let dir = sandbox.path().join("demo");
    let mut command = sandbox.command();
    let made = command
        .args(["demo", "--from", "2", "--prepare-only"])
        .arg(&dir)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .output();
    ok(&made.unwrap());
    let (source, project) = (dir.join("source"), dir.join("project"));
    let install = project.join(".praxis-os");
    sandbox.watch(&install);
    if let Running::Yes(live) = server::find(&install) {
        proc::stop(&live.process, Duration::from_secs(5));
    }
    Demo { dir, source, project, install, server_pid: None, commits: Vec::new() }
}

#[test]
fn root_on_a_users_project_leaves_nothing_of_roots() {
    if !is_root() {
        return skipped("only root can give files away");
    }
    let mut sandbox = open_sandbox();
    let demo = demo_for_all(&mut sandbox);
    fs::remove_file(demo.install.join(".mcp_server_state.json")).unwrap_or_default();
    give(&demo.dir, NOBODY, NOBODY);
    let (before, belonged) = (snapshot(&demo.install), owners(&demo.project));
    let home = fs::read_dir(sandbox.path().join("home")).unwrap().count();
    let run = |command: &[&str]| {
        let said = ok(&sandbox.run(&arguments(&demo, command)));
        let count = none_of_roots(&demo.project);
        println!("{command:?}: {count} entries, none of root's");
        said
    };
    let said = run(&UPGRADE);
    assert_eq!(said.matches("going on as nobody, not as root").count(), 1, "{said}");
    run(&["status"]);
    fs::write(demo.install.join(PAGE), "written since").unwrap();
    run(&["rollback", "--yes"]);
    assert_same(&before, &snapshot(&demo.install));
    assert_owners(&belonged, &demo.project);
    run(&UPGRADE);
    run(&["restore", PAGE]);
    run(&["backups", "verify"]);
    run(&["backups", "prune", "--yes", "--keep", "1"]);
    run(&["rollback", "--yes"]);
    assert_same(&before, &snapshot(&demo.install));
    assert_owners(&belonged, &demo.project);
    assert_eq!(fs::read_dir(sandbox.path().join("home")).unwrap().count(), home, "nothing in root's home");
}

#[test]
fn root_refuses_where_it_can_become_nobody() {
    if !is_root() {
        return skipped("only root can give files away");
    }
    let mut sandbox = open_sandbox();
    let demo = sandbox.content_demo();
    give(&demo.dir, STRANGER, GROUPS[0]);
    for command in [&CONTENT[..], &["rollback", "--yes"], &["restore", PAGE], &["status"]] {
        let said = ext::refused(&sandbox, &demo.project, &arguments(&demo, command), 4, &["54321", "no account"]);
        none_of_roots(&demo.project);
        // The command that it names does it.
        let next = said.lines().find_map(|l| l.trim().strip_prefix("next: run it as that user: ")).unwrap().to_owned();
        assert!(next.starts_with("setpriv --reuid 54321 --regid 60001 --clear-groups pos-upgrade-tui"), "{next}");
        if command == CONTENT {
            let typed = next.replacen("pos-upgrade-tui", program::program().to_str().unwrap(), 1);
            let mut shell = Command::new("bash");
            shell.args(["-c", &typed]).env("HOME", sandbox.path().join("home")).stdin(Stdio::null());
            ok(&shell.output().unwrap());
            none_of_roots(&demo.project);
            give(&demo.dir, STRANGER, GROUPS[0]);
        }
    }
}

#[test]
fn root_refuses_what_the_owner_could_not_do() {
    if !is_root() {
        return skipped("only root can give files away");
    }
    let mut sandbox = open_sandbox();
    let demo = sandbox.content_demo();
    give(&demo.dir, NOBODY, NOBODY);
    // What a run with sudo left there once.
    let left = [demo.install.join(".cache"), demo.install.join(".cache/state"), demo.install.join(PAGE)];
    fs::create_dir_all(&left[1]).unwrap();
    lchown(&left[2], Some(0), Some(0)).unwrap();
    let said = ext::refused(
        &sandbox,
        &demo.project,
        &arguments(&demo, &CONTENT),
        4,
        &["nobody, who may not write", PAGE, ".cache/state", "chown -hR nobody:65534"],
    );
    let next = said.lines().find_map(|l| l.trim().strip_prefix("next: give it to nobody: ")).unwrap();
    let (chown, _) = next.split_once(", then: ").unwrap();
    assert!(Command::new("bash").args(["-c", chown]).status().unwrap().success(), "{chown}");
    // A source that is root's alone.
    fs::set_permissions(&demo.source, fs::Permissions::from_mode(0o700)).unwrap();
    lchown(&demo.source, Some(0), Some(0)).unwrap();
    let names =
        ["nobody, whose project this is, may not read this source", "--source DIR", "sudo -u nobody", "POS-E0906"];
    ext::refused(&sandbox, &demo.project, &arguments(&demo, &CONTENT), 4, &names);
    give(&demo.source, NOBODY, NOBODY);
    fs::set_permissions(&demo.project, fs::Permissions::from_mode(0o555)).unwrap();
    ext::refused(&sandbox, &demo.project, &arguments(&demo, &CONTENT), 4, &["may not write in that folder"]);
    fs::set_permissions(&demo.project, fs::Permissions::from_mode(0o755)).unwrap();
    ok(&sandbox.run(&arguments(&demo, &CONTENT)));
    none_of_roots(&demo.project);
}

/// The binary as a user without an account, in these groups.
fn as_stranger(sandbox: &Sandbox, groups: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new("setpriv");
    let (user, groups) = (STRANGER.to_string(), format!("--groups={groups}"));
    command.args(["--reuid", &user, "--regid", &user, &groups, program::program().to_str().unwrap()]);
    command.args(arguments).env("HOME", sandbox.path().join("home")).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_user_keeps_the_group_of_a_file_and_hears_where_that_can_not_be() {
    if !is_root() {
        return skipped("only root can give files away");
    }
    let mut sandbox = open_sandbox();
    let demo = sandbox.content_demo();
    give(&demo.dir, STRANGER, STRANGER);
    for path in [PAGE, "standards/universal/testing"] {
        lchown(demo.install.join(path), Some(STRANGER), Some(GROUPS[0])).unwrap();
    }
    fs::write(demo.project.join(".gitignore"), "/target\n").unwrap();
    lchown(demo.project.join(".gitignore"), Some(STRANGER), Some(GROUPS[0])).unwrap();
    let (before, belonged) = (snapshot(&demo.install), owners(&demo.project));
    let page = demo.install.join(PAGE);
    let old = fs::read(&page).unwrap();
    let run = |groups: &str, command: &[&str]| ok(&as_stranger(&sandbox, groups, &arguments(&demo, command)));
    let said = run("54321,60001", &CONTENT);
    assert_ne!(fs::read(&page).unwrap(), old, "the upgrade replaced it");
    assert_eq!(fs::metadata(&page).unwrap().gid(), GROUPS[0], "{said}");
    assert_eq!(fs::metadata(demo.project.join(".gitignore")).unwrap().gid(), GROUPS[0]);
    assert!(!said.contains("owner or group"), "{said}");
    run("54321,60001", &["restore", PAGE]);
    assert_eq!(fs::metadata(&page).unwrap().gid(), GROUPS[0]);
    run("54321,60001", &["rollback", "--yes"]);
    assert_same(&before, &snapshot(&demo.install));
    assert_owners(&belonged, &demo.project);
    // Not among one's groups: told, and all else is done.
    lchown(&page, Some(STRANGER), Some(GROUPS[1])).unwrap();
    let said = run("54321", &CONTENT);
    let told = said.lines().filter(|l| l.contains("owner or group could not be kept") && l.contains(PAGE)).count();
    assert!((1..=2).contains(&told), "as it happens, and in the report: {said}");
    assert_ne!(fs::read(&page).unwrap(), old);
    let said = run("54321", &["rollback", "--yes"]);
    assert!(said.contains("owner or group could not be kept") && said.contains(PAGE), "{said}");
    assert_same(&before, &snapshot(&demo.install));
}

#[test]
fn root_on_its_own_project_keeps_what_belongs_to_others() {
    if !is_root() {
        return skipped("only root can give files away");
    }
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let page = demo.install.join(PAGE);
    let belongs = |path: &Path| path.symlink_metadata().map(|m| (m.uid(), m.gid(), m.mode() & 0o7777)).unwrap();
    lchown(&page, Some(STRANGER), Some(GROUPS[1])).unwrap();
    fs::set_permissions(&page, fs::Permissions::from_mode(0o2644)).unwrap();
    let folder = demo.install.join("standards/universal/testing");
    lchown(&folder, Some(STRANGER), Some(GROUPS[0])).unwrap();
    let wanted = (STRANGER, GROUPS[1], 0o2644);
    let (before, belonged) = (snapshot(&demo.install), owners(&demo.project));
    let state = State::of(&demo.project);
    let run = |command: &[&str]| ok(&sandbox.run(&arguments(&demo, command)));
    run(&["plan", "--only", "content"]);
    state.assert_still(&demo.project);
    let said = run(&CONTENT);
    assert!(!said.contains("going on as"), "{said}");
    assert_eq!((belongs(&page).0, belongs(&page).1), (wanted.0, wanted.1));
    fs::remove_file(&page).unwrap();
    run(&["rollback", "--yes"]);
    assert_same(&before, &snapshot(&demo.install));
    assert_owners(&belonged, &demo.project);
    assert_eq!(belongs(&page), wanted);
    fs::remove_file(&page).unwrap();
    run(&["restore", PAGE]);
    assert_eq!(belongs(&page), wanted);
}

//! The account: where everything of the user's is after upgrades and rollbacks of the demo, and that an upgrade which would
//! lose something of it fails and goes back.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::host::demo::{self, Demo};
use serde_json::Value;

use crate::common::{Sandbox, assert_same, ext, git, snapshot, text};

/// A demo: 1 goes from the first generation to the third, 2 stays in the second, 3 goes from the second to the third.
fn generation(sandbox: &Sandbox, number: usize) -> Demo {
    let dir = sandbox.path().join(format!("demo-{number}"));
    let (source, project) = (dir.join("source"), dir.join("project"));
    let install = project.join(if number == 1 { ".agent-os" } else { ".praxis-os" });
    fs::create_dir_all(&project).unwrap();
    let commits = match number {
        // To the last release of its own generation.
        2 => demo::prepare_source(&source).unwrap(),
        _ => demo::prepare_source_up_to(&source, None).unwrap(),
    };
    demo::install_release(&source, &commits[0], &install).unwrap();
    demo::add_user_edits(&install).unwrap();
    demo::commit_project(&project, &install).unwrap();
    Demo { dir, source, project, install, server_pid: None, commits }
}

/// What no release has: own files of every sort.
fn add_own(install: &Path) {
    let put = |path: &str, bytes: &[u8]| {
        let path = install.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    put("specs/plan.md", b"a plan\nwithout an end");
    put("standards/development/binary.png", b"\x89PNG\0\r\n\0");
    put("standards/development/large.txt", &vec![b'x'; (1 << 20) + 1]);
    put("notes/a b.md", b"crlf\r\n");
    put("mcp_server/plugins/own.py", b"OWN = 1\n");
    put("UPDATE_LOG.txt", b"a line of mine\n");
    fs::set_permissions(install.join("notes/a b.md"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink("../specs/plan.md", install.join("notes/link")).unwrap();
}

fn upgrade(sandbox: &Sandbox, demo: &Demo, policy: &str, env: &[(&str, &str)]) -> Output {
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let words = ["upgrade", "--yes", "--on-conflict", policy, "--project", project, "--source", source];
    sandbox.command().args(words).envs(env.iter().copied()).output().unwrap()
}

fn rollback(sandbox: &Sandbox, demo: &Demo) -> (i32, String) {
    text(&sandbox.run(&["rollback", "--yes", "--project", demo.project.to_str().unwrap()]))
}

/// The account as JSON.
fn account(sandbox: &Sandbox, demo: &Demo) -> Value {
    let output = sandbox.run(&["account", "--json", "--project", demo.project.to_str().unwrap()]);
    let (code, said) = text(&output);
    assert!(code == 0 || code == 6, "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Fate and place by path.
fn fates(account: &Value) -> BTreeMap<String, String> {
    let files = account["files"].as_array().unwrap().iter();
    let of = |file: &Value| {
        let now = file["now"].as_str().unwrap_or("-");
        let word = file["fate"].as_str().unwrap();
        (file["path"].as_str().unwrap().to_owned(), format!("{word} {now}"))
    };
    files.map(of).collect()
}

/// The install after the upgrade.
fn new_place(demo: &Demo) -> PathBuf {
    demo.project.join(".praxis-os")
}

/// Everything that is said of a file is so: looked at without this program's help.
fn is_so(account: &Value, before: &BTreeMap<String, Vec<u8>>) {
    let install = PathBuf::from(account["install"].as_str().unwrap());
    let backup = install.join(".backups").join(account["backup"].as_str().unwrap()).join("files");
    for file in account["files"].as_array().unwrap() {
        let path = file["path"].as_str().unwrap();
        let Some(was) = before.get(path) else { continue };
        let there = file["now"].as_str().map(|now| fs::read(install.join(now)).unwrap());
        if file["fate"] == "unchanged" || file["fate"] == "moved" || file["fate"] == "parked" {
            assert_eq!(there.as_ref(), Some(was), "{path}");
        }
        if file["in_backup"] == true {
            assert_eq!(&fs::read(backup.join(path)).unwrap(), was, "{path}");
        } else {
            assert_eq!(there.as_ref(), Some(was), "{path}");
        }
    }
    assert!(account["line"].as_str().unwrap().ends_with("0 lost"), "{account}");
}

/// All plain files of an install, without what can be made again.
fn files(install: &Path) -> BTreeMap<String, Vec<u8>> {
    let paths = snapshot(install).into_iter().filter(|(_, state)| state.starts_with("file "));
    paths.map(|(path, _)| (path.clone(), fs::read(install.join(path)).unwrap())).collect()
}

#[test]
fn everything_of_the_user_s_is_named_where_it_is() {
    for number in [1, 2, 3] {
        let sandbox = Sandbox::new();
        let demo = generation(&sandbox, number);
        add_own(&demo.install);
        let (before, state) = (files(&demo.install), snapshot(&demo.install));
        let (code, said) = text(&upgrade(&sandbox, &demo, "merge-keep", &[]));
        assert_eq!(code, 0, "{number}: {said}");
        let told = account(&sandbox, &demo);
        assert!(said.contains(told["line"].as_str().unwrap()), "the report says the same: {said}\n{told}");
        let fared = fates(&told);
        is_so(&told, &before);
        let own = ["specs/plan.md", "standards/development/binary.png", "standards/development/large.txt"];
        for path in own.into_iter().chain(["notes/a b.md", "notes/link", "mcp_server/plugins/own.py"]) {
            assert_eq!(fared[path], format!("unchanged {path}"), "{number}");
        }
        assert!(!fared.contains_key("VERSION.txt") && !fared.contains_key("UPDATE_LOG.txt"), "{fared:?}");
        // What the demo's user edited, and nothing else, is among them.
        let edited: Vec<&String> = fared.keys().filter(|path| !path.starts_with("notes/")).collect();
        assert!(edited.len() < 20, "pristine pages are no own files: {edited:?}");
        assert!(fared.values().any(|fate| fate.starts_with("merged ")), "{fared:?}");
        if number < 3 {
            assert!(fared.values().any(|fate| fate.starts_with("answered ")), "{fared:?}");
        }
        let lines = told["files"].as_array().unwrap().iter().filter(|f| f["fate"] == "merged");
        for lines in lines.map(|file| &file["lines"]) {
            assert_eq!(lines["yours"], lines["found"], "{told}");
            assert!(lines["yours"].as_u64().unwrap() > 0, "{told}");
        }
        let text_of = text(&sandbox.run(&["account", "--project", demo.project.to_str().unwrap()])).1;
        assert!(text_of.contains("  specs/plan.md") && text_of.contains("of yours, all found"), "{text_of}");
        let wide = |line: &&str| line.chars().count() > 80 && !line.contains('/');
        assert_eq!(text_of.lines().find(wide), None);

        // What somebody changes afterwards is theirs.
        let install = new_place(&demo);
        fs::write(install.join("specs/plan.md"), "another plan").unwrap();
        fs::remove_file(install.join("notes/a b.md")).unwrap();
        let later = fates(&account(&sandbox, &demo));
        assert_eq!(later["specs/plan.md"], "changed_since specs/plan.md");
        assert_eq!(later["notes/a b.md"], "changed_since -");
        fs::write(install.join("specs/plan.md"), b"a plan\nwithout an end").unwrap();
        fs::write(install.join("notes/a b.md"), b"crlf\r\n").unwrap();

        let (code, said) = rollback(&sandbox, &demo);
        assert_eq!(code, 0, "{number}: {said}");
        let told = account(&sandbox, &demo);
        assert_eq!(told["status"], "rolled_back");
        assert!(said.contains(told["line"].as_str().unwrap()), "{said}\n{told}");
        let back = fates(&told);
        assert!(back.iter().all(|(path, fate)| *fate == format!("unchanged {path}")), "{back:?}");
        assert!(back.len() >= fared.len() - 1, "{back:?}\n{fared:?}");
        let now = snapshot(&demo.install);
        let state_of = |state: &BTreeMap<String, String>| {
            let mut state = state.clone();
            // Written again by this test.
            state.retain(|path, _| !["specs/plan.md", "notes/a b.md", "notes", "specs"].contains(&path.as_str()));
            state
        };
        assert_same(&state_of(&state), &state_of(&now));
    }
}

#[test]
fn every_answer_is_told_as_it_was_given() {
    let answers = [
        ("keep", "answered", Some("kept"), false),
        ("take", "answered", Some("taken"), true),
        ("merge-take", "answered", Some("regions"), true),
        ("park", "parked", None, false),
    ];
    for (policy, fate, how, in_backup) in answers {
        let sandbox = Sandbox::new();
        let demo = generation(&sandbox, 2);
        let before = files(&demo.install);
        let (code, said) = text(&upgrade(&sandbox, &demo, policy, &[]));
        assert_eq!(code, 0, "{said}");
        let told = account(&sandbox, &demo);
        is_so(&told, &before);
        let path = "standards/universal/concurrency/race-conditions.md";
        let file = told["files"].as_array().unwrap().iter().find(|file| file["path"] == path).unwrap();
        assert_eq!(file["fate"], fate, "{file}");
        assert_eq!(file["answer"].as_str(), how, "{file}");
        assert_eq!(file["in_backup"], in_backup, "{file}");
        if policy == "merge-take" {
            assert!(file["lines"]["given_up"].as_u64().unwrap() > 0, "{file}");
        }
    }
}

/// A file with an edit of the user's that is merged, and the edit.
const MERGED: &str = "standards/universal/testing/test-pyramid.md";

#[test]
fn an_upgrade_that_would_lose_something_goes_back() {
    let own = "standards/development/team-conventions.md";
    for number in [1, 2] {
        let sandbox = Sandbox::new();
        let demo = generation(&sandbox, number);
        add_own(&demo.install);
        let spot = if number == 1 { "standards/testing/test-pyramid.md" } else { MERGED };
        let release =
            git(&demo.source, &["show", &format!("{}:universal/standards/testing/test-pyramid.md", demo.commits[0])]);
        let edited = fs::read_to_string(demo.install.join(spot)).unwrap();
        let line = edited.lines().find(|line| line.len() > 9 && !release.contains(line)).unwrap();
        let before = snapshot(&demo.install);
        for (fault, what, named) in [
            ("POS_LOSE", own, own),
            ("POS_LOSE", "mcp_server/plugins/own.py", "mcp_server/plugins/own.py"),
            ("POS_LOSE", "notes/link", "notes/link"),
            ("POS_LOSE_LINE", line, line),
        ] {
            let output = upgrade(&sandbox, &demo, "merge-keep", &[(fault, what)]);
            let (code, said) = text(&output);
            assert_eq!(code, 5, "{fault} {what}: {said}");
            // A long line is cut.
            let named: String = named.chars().take(50).collect();
            assert!(said.contains("of yours would be lost") && said.contains(&named), "{said}");
            assert!(said.contains("is back as it was") && said.contains("account --project"), "{said}");
            if fault == "POS_LOSE_LINE" {
                assert!(said.contains(spot), "{said}");
            }
            assert_same(&before, &snapshot(&demo.install));
            let told = account(&sandbox, &demo);
            assert_eq!(told["counts"]["lost"], 0, "{told}");
        }
        // Without a fault it goes through.
        let (code, said) = text(&upgrade(&sandbox, &demo, "merge-keep", &[]));
        assert_eq!(code, 0, "{said}");
    }
}

/// An install with files of the user's own whose upgrade was cut off at a point.
fn cut_off(point: &str) -> (Sandbox, Demo) {
    let sandbox = Sandbox::new();
    let demo = generation(&sandbox, 2);
    add_own(&demo.install);
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let words = ["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source", source];
    let crashed = sandbox.command().args(words).env("POS_CRASH_AT", point).output().unwrap();
    assert_ne!(crashed.status.code(), Some(0));
    (sandbox, demo)
}

#[test]
fn what_somebody_takes_away_while_a_session_waits_is_no_loss_of_ours() {
    // Cut off before anything was applied; the user tidies up, and goes on.
    let (sandbox, demo) = cut_off("base.keep before");
    let project = demo.project.to_str().unwrap();
    fs::remove_file(demo.install.join("specs/plan.md")).unwrap();
    let (code, said) = text(&sandbox.run(&["resume", "--yes", "--project", project]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(fates(&account(&sandbox, &demo))["specs/plan.md"], "changed_since -");
    // The rollback leaves it so, and says so.
    let (code, said) = rollback(&sandbox, &demo);
    assert_eq!(code, 0, "{said}");
    assert_eq!(fates(&account(&sandbox, &demo))["specs/plan.md"], "changed_since -");
}

#[test]
fn what_somebody_takes_away_while_an_upgrade_stands_still_half_done_is_no_loss_of_ours() {
    let (sandbox, demo) = cut_off("journal.exchange after");
    let project = demo.project.to_str().unwrap();
    // A folder in its place is as good as nothing.
    fs::remove_file(demo.install.join("specs/plan.md")).unwrap();
    fs::create_dir(demo.install.join("specs/plan.md")).unwrap();
    // Once more cut off, so that it is taken up twice.
    let again = sandbox
        .command()
        .args(["resume", "--yes", "--project", project])
        .env("POS_CRASH_AT", "journal.exchange before 2")
        .output()
        .unwrap();
    assert_ne!(again.status.code(), Some(0));
    let (code, said) = text(&sandbox.run(&["resume", "--yes", "--project", project]));
    assert_eq!(code, 0, "{said}");
    let told = text(&again).1 + &said;
    assert!(told.contains("specs/plan.md: gone while the upgrade stood still"), "{told}");
    assert_eq!(fates(&account(&sandbox, &demo))["specs/plan.md"], "changed_since -");
    assert!(demo.install.join("specs/plan.md").is_dir());
}

#[test]
fn what_is_edited_behind_an_upgrade_is_rescued_by_the_rollback_and_told() {
    let sandbox = Sandbox::new();
    let demo = generation(&sandbox, 2);
    let (code, said) = text(&upgrade(&sandbox, &demo, "keep", &[]));
    assert_eq!(code, 0, "{said}");
    fs::write(demo.install.join(MERGED), "all anew\n").unwrap();
    assert_eq!(fates(&account(&sandbox, &demo))[MERGED], format!("changed_since {MERGED}"));
    let (code, said) = rollback(&sandbox, &demo);
    assert_eq!(code, 0, "{said}");
    let aside = fs::read_dir(demo.install.join("rescued")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(sha256(&fs::read(aside.join(MERGED)).unwrap()), sha256(b"all anew\n"));
    assert_eq!(fates(&account(&sandbox, &demo))[MERGED], format!("unchanged {MERGED}"));
}

#[test]
fn nothing_is_claimed_where_nothing_can_be_told() {
    let sandbox = Sandbox::new();
    let demo = generation(&sandbox, 2);
    let project = demo.project.to_str().unwrap();
    let (code, said) = text(&sandbox.run(&["account", "--project", project]));
    assert!(code == 0 && said.contains("no upgrade has changed"), "{said}");
    ext::refused(
        &sandbox,
        &demo.project,
        &["account", "none-such", "--project", project],
        2,
        &["there is no session none-such", "history"],
    );
    let (code, said) = text(&upgrade(&sandbox, &demo, "keep", &[]));
    assert_eq!(code, 0, "{said}");
    let backups = demo.install.join(".backups");
    let name = fs::read_dir(&backups).unwrap().next().unwrap().unwrap().path();
    fs::rename(&name, sandbox.path().join("elsewhere")).unwrap();
    ext::refused(
        &sandbox,
        &demo.project,
        &["account", "--project", project],
        4,
        &["this backup is gone", "nothing was changed"],
    );
    fs::rename(sandbox.path().join("elsewhere"), &name).unwrap();
    let taken = "standards/universal/testing/test-pyramid.md";
    fs::write(name.join("files").join(taken), "damaged").unwrap();
    let told = account(&sandbox, &demo);
    let file = told["files"].as_array().unwrap().iter().find(|file| file["path"] == taken).unwrap();
    assert!(file["note"].as_str().unwrap().contains("damaged"), "{file}");
}

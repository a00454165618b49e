//! Whole upgrades of the demo without a terminal: git, venv, pip and the MCP server are real.

use crate::common;
use std::fs;

use crate::common::{Sandbox, assert_same, snapshot, text, tools};
use pos_upgrade_tui::core::plan::{Kind, Plan};

fn plan(sandbox: &Sandbox, project: &str, source: &str) -> Plan {
    let output = sandbox.run(&["plan", "--json", "--project", project, "--source", source]);
    assert!(output.status.success(), "{}", text(&output).1);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_demo_is_upgraded_as_planned_and_rolled_back_byte_for_byte() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let before = snapshot(&demo.install);
    let gitignore = fs::read(demo.project.join(".gitignore")).unwrap();
    let old_tools = tools(&demo.install).unwrap();
    let old_bytes = |path: &str| fs::read(demo.install.join(path)).unwrap();
    let own =
        ["config.json", "standards/development/team-conventions.md", "standards/universal/testing/our-flaky-tests.md"];
    let own_bytes: Vec<_> = own.iter().map(|p| old_bytes(p)).collect();
    let conflict = "standards/universal/concurrency/race-conditions.md";
    let kept = old_bytes(conflict);
    let plan = plan(&sandbox, project, source);
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!((plan.summary.conflict, plan.summary.auto_merge, plan.summary.stays_deleted), (3, 3, 1));

    let output = sandbox.run(&["upgrade", "--project", project, "--source", source, "--yes", "--on-conflict", "keep"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);

    // The tree is what the plan said.
    let tree = |path: &str| {
        let spec = format!("HEAD:{path}");
        let out = std::process::Command::new("git").current_dir(source).args(["cat-file", "blob", &spec]).output();
        out.unwrap().stdout
    };
    for file in &plan.files {
        let path = file.path.under(&demo.install);
        let now = fs::read(&path).ok();
        let theirs = file.source_path.as_ref().map(|p| tree(&p.to_string()));
        match file.kind {
            Kind::Update | Kind::New | Kind::Unchanged => assert_eq!(now, theirs, "{}", file.path),
            Kind::Move if file.mine == file.base => assert_eq!(now, theirs, "{}", file.path),
            Kind::Remove | Kind::StaysDeleted => assert_eq!(now, None, "{}", file.path),
            Kind::AutoMerge => assert!(now.is_some() && now != theirs, "{}", file.path),
            _ => assert!(now.is_some(), "{}", file.path),
        }
        if let Some(from) = &file.from {
            assert!(!from.under(&demo.install).exists(), "{from} moved");
        }
    }
    assert_eq!(fs::read(demo.install.join(conflict)).unwrap(), kept);
    for (path, bytes) in own.iter().zip(&own_bytes) {
        assert_eq!(&fs::read(demo.install.join(path)).unwrap(), bytes, "{path}");
    }
    let new_tools = tools(&demo.install).expect("the server answers");
    assert!(new_tools.contains(&"pos_workflow".to_owned()) && !new_tools.contains(&"aos_workflow".to_owned()));
    assert!(fs::read_to_string(demo.install.join("VERSION.txt")).unwrap().contains(&demo.commits[2]));
    assert!(fs::read_to_string(demo.install.join("UPDATE_LOG.txt")).unwrap().contains(&demo.commits[2][..7]));
    let reports: Vec<String> = fs::read_dir(demo.install.join(".cache"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(reports.iter().any(|n| n.starts_with("upgrade-summary-")), "{reports:?}");
    assert!(reports.iter().any(|n| n.starts_with("upgrade-validation-")), "{reports:?}");
    assert!(!demo.install.join(".upgrade-lock").exists());

    let output = sandbox.run(&["upgrade", "--project", project, "--source", source, "--yes", "--on-conflict", "fail"]);
    assert!(text(&output).1.contains("nothing to do"), "{}", text(&output).1);

    let output = sandbox.run(&["rollback", "--project", project, "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(fs::read(demo.project.join(".gitignore")).unwrap(), gitignore);
    assert_eq!(tools(&demo.install).expect("the old server answers"), old_tools);
    assert!(demo.install.join("venv").symlink_metadata().unwrap().is_dir(), "the environment is the folder it was");
    let log = fs::read_to_string(demo.install.join("UPDATE_LOG.txt")).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");

    let again = sandbox.run(&["rollback", "--project", project, "--yes"]);
    assert!(again.status.success() && text(&again).1.contains("rolled back"), "{}", text(&again).1);
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn the_demo_command_does_it_all_and_leaves_no_server() {
    let mut sandbox = Sandbox::new();
    let dir = sandbox.path().join("d");
    sandbox.watch(&dir.join("project/.praxis-os"));
    let output = sandbox.run(&["demo", dir.to_str().unwrap()]);
    let (code, said) = text(&output);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("upgraded") && said.contains("undo"), "{said}");
    assert!(!dir.join("project/.agent-os").exists() && said.contains("-> "), "it begins with the oldest install");
    assert!(tools(&dir.join("project/.praxis-os")).is_none(), "the demo's servers are ended");
    let refused = sandbox.run(&["demo", dir.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(4), "a folder in use is refused");
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn a_merged_edit_is_still_the_users_at_the_next_upgrade() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let merged = demo.install.join("standards/universal/testing/test-pyramid.md");
    let release = tree_at(source, &demo.commits[0], "universal/standards/testing/test-pyramid.md");
    let edited = fs::read_to_string(&merged).unwrap();
    let own_line =
        edited.lines().find(|l| !l.trim().is_empty() && !release.lines().any(|r| r == *l)).unwrap().to_owned();
    for to in ["v1.1.0", "v1.2.0"] {
        let arguments =
            ["upgrade", "--project", project, "--source", source, "--to", to, "--yes", "--on-conflict", "merge-keep"];
        let output = sandbox.run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{to}: {}", text(&output).1);
        let now = fs::read_to_string(&merged).unwrap();
        assert!(now.lines().any(|l| l == own_line), "{to}: the user's line survives:\n{now}");
    }
    let theirs = tree_at(source, &demo.commits[2], "universal/standards/testing/test-pyramid.md");
    let now = fs::read_to_string(&merged).unwrap();
    assert_ne!(now, theirs);
    // And what the last release added is there too.
    let base = tree_at(source, &demo.commits[1], "universal/standards/testing/test-pyramid.md");
    let added: Vec<&str> = theirs.lines().filter(|l| !base.lines().any(|b| b == *l)).collect();
    assert!(added.iter().all(|l| now.lines().any(|n| n == *l)), "{added:?}");
}

fn tree_at(source: &str, commit: &str, path: &str) -> String {
    common::git(source.as_ref(), &["cat-file", "blob", &format!("{commit}:{path}")]) + "\n"
}

#[test]
fn an_install_without_venv_says_so_in_its_evidence() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let output =
        sandbox.run(&["upgrade", "--json", "--project", project, "--source", source, "--yes", "--on-conflict", "take"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let evidence = evidence(&output.stdout, 3);
    assert_eq!(evidence["dependencies_installed"], "not_applicable: no venv");
    assert_eq!(evidence["server_health_check"], "not_applicable: no venv");
    assert_eq!(evidence["mcp_server_copied"], true);
}

fn evidence(stdout: &[u8], phase: u8) -> serde_json::Value {
    let lines = String::from_utf8_lossy(stdout).into_owned();
    let events = lines.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect(l));
    let found = events.into_iter().find(|e| e["event"] == "phase_finished" && e["phase"] == phase);
    found.expect("the phase ended")["evidence"].clone()
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn a_server_that_was_stopped_is_proven_and_stopped_again() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let pid = demo.server_pid.unwrap();
    let process = pos_upgrade_tui::host::process::proc::look(pid).unwrap();
    pos_upgrade_tui::host::process::proc::stop(&process, std::time::Duration::from_secs(5));
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let output = sandbox.run(&[
        "upgrade",
        "--json",
        "--project",
        project,
        "--source",
        source,
        "--yes",
        "--on-conflict",
        "merge-take",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let evidence = evidence(&output.stdout, 3);
    assert_eq!(evidence["server_health_check"], "passed");
    assert_eq!(evidence["server_restarted"], "not_applicable: server was not running");
    assert_eq!(evidence["dependencies_installed"], true);
    assert!(tools(&demo.install).is_none(), "it is left stopped");
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn only_the_content_leaves_the_server_alone_and_the_next_upgrade_brings_it() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let server = |install: &std::path::Path| {
        let all = snapshot(install);
        all.into_iter().filter(|(p, _)| p.starts_with("mcp_server")).collect::<std::collections::BTreeMap<_, _>>()
    };
    let before = server(&demo.install);
    let upgrade = |more: &[&str]| {
        let arguments = ["upgrade", "--project", project, "--source", source, "--yes", "--on-conflict", "keep"];
        let output = sandbox.run(&[&arguments[..], more].concat());
        let (code, said) = text(&output);
        assert_eq!(code, 0, "{said}");
        said
    };
    let said = upgrade(&["--only", "content"]);
    assert!(said.contains("mcp_server/ and its dependencies are untouched"), "{said}");
    assert!(!said.contains("phase 3") && said.contains("phase 5"), "{said}");
    assert_eq!(server(&demo.install), before);
    assert_eq!(
        demo.server_pid.map(|p| pos_upgrade_tui::host::process::proc::look(p).is_some()),
        Some(true),
        "it still runs"
    );
    let plan = plan(&sandbox, project, source);
    let pending: Vec<_> = plan.files.iter().filter(|f| f.kind.changes_install()).map(|f| f.path.to_string()).collect();
    assert!(!pending.is_empty() && pending.iter().all(|p| p.starts_with("mcp_server/")), "{pending:?}");
    assert_eq!(plan.summary.conflict, 0, "the edited server file is still known as edited and merges");
    assert_eq!(plan.summary.auto_merge, 1);
    upgrade(&[]);
    assert!(tools(&demo.install).unwrap().contains(&"list_standards".to_owned()));
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn a_server_that_is_to_be_left_alone_runs_on_and_keeps_its_state_file() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let state = fs::read(demo.install.join(".mcp_server_state.json")).unwrap();
    let old_tools = tools(&demo.install);
    // What proves it where nothing is tried before.
    let arguments = ["upgrade", "--json", "--yes", "--on-conflict", "keep", "--no-restart", "--no-rehearsal"];
    let output = sandbox.run(&[&arguments[..], &["--project", project, "--source", source]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    let evidence = evidence(&output.stdout, 3);
    assert_eq!(evidence["server_restarted"], "not_applicable: auto_restart is off");
    assert_eq!(evidence["server_health_check"], "passed", "proven with a server of its own");
    assert_eq!(fs::read(demo.install.join(".mcp_server_state.json")).unwrap(), state);
    assert_eq!(tools(&demo.install), old_tools, "the old one still answers");
    let back = sandbox.run(&["rollback", "--yes", "--project", project]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_eq!(tools(&demo.install), old_tools, "also after the rollback");
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn readers_that_go_away_do_not_stop_an_upgrade() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    for json in [&["--json"][..], &[]] {
        let mut child = sandbox
            .command()
            .args(["upgrade", "--yes", "--on-conflict", "keep", "--project"])
            .args([&demo.project, std::path::Path::new("--source"), &demo.source])
            .args(json)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let status = sandbox.run(&["status", "--project", demo.project.to_str().unwrap()]);
        assert!(text(&status).1.contains("completed"), "{}", text(&status).1);
        let back = sandbox.run(&["rollback", "--yes", "--project", demo.project.to_str().unwrap()]);
        assert_eq!(back.status.code(), Some(0));
    }
}

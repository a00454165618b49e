//! Sources and installs that are none.

use std::fs;

use crate::bad_input::set_up::{REFUSED, USAGE, git_repository, plan, small_demo, upgrade, utf8};
use crate::common::ext::{refusal, refused, refused_by};
use crate::common::{git, text};

#[test]
fn no_source() {
    let (sandbox, demo) = small_demo();
    for command in ["upgrade", "plan"] {
        let said = refused(
            &sandbox,
            &demo.project,
            &[command, "--yes", "--project", utf8(&demo.project)],
            USAGE,
            &["--source"],
        );
        assert!(said.contains("source_path"), "the settings' key is named too: {said}");
    }
}

#[test]
fn a_source_that_is_no_source() {
    let (sandbox, demo) = small_demo();
    let dir = sandbox.path();
    let missing = dir.join("no-such-clone");
    let file = dir.join("a-file");
    fs::write(&file, "text").unwrap();
    let folder = dir.join("just-a-folder");
    fs::create_dir(&folder).unwrap();
    let empty = dir.join("no-commit-yet");
    git_repository(&empty, &[]);
    let other = dir.join("another-project");
    git_repository(&other, &["README.md", "universal/standards/x.md"]);
    let inside = demo.source.join("universal");
    for (source, why) in [
        (&missing, "no such folder"),
        (&file, "no such folder"),
        (&folder, "not a git repository"),
        (&empty, "no commit"),
        (&other, "not a praxis-os repository"),
        (&inside, "not a git repository"),
    ] {
        for arguments in [upgrade(&demo.project, source), plan(&demo.project, source)] {
            refused(&sandbox, &demo.project, &arguments, REFUSED, &[utf8(source), why]);
        }
    }
    assert!(!missing.exists());
}

/// The source went on to a layout that the program doesn't know: the last release that it does know is named.
#[test]
fn a_source_of_a_later_generation() {
    let (sandbox, demo) = small_demo();
    let last = &demo.commits[2][..7];
    fs::create_dir(demo.source.join("dist")).unwrap();
    git(&demo.source, &["mv", "universal", "mcp_server", "dist"]);
    git(&demo.source, &["commit", "--quiet", "-m", "another layout"]);
    for arguments in [upgrade(&demo.project, &demo.source), plan(&demo.project, &demo.source)] {
        let said = [utf8(&demo.source), "laid out in a later way", &format!("--to {last}")];
        refused(&sandbox, &demo.project, &arguments, REFUSED, &said);
    }
    let mut known = plan(&demo.project, &demo.source);
    known.extend(["--to", last]);
    assert!(sandbox.run(&known).status.success());
}

#[test]
fn a_dirty_source() {
    let (sandbox, demo) = small_demo();
    let arguments = upgrade(&demo.project, &demo.source);
    let tracked = demo.source.join("universal/standards/testing/test-pyramid.md");
    let committed = fs::read(&tracked).unwrap();
    fs::write(&tracked, "half a thought\n").unwrap();
    let names = [utf8(&demo.source), "universal/standards/testing/test-pyramid.md", "stash"];
    refused(&sandbox, &demo.project, &arguments, REFUSED, &names);
    git(&demo.source, &["add", "--all"]);
    refused(&sandbox, &demo.project, &arguments, REFUSED, &names);
    git(&demo.source, &["reset", "--quiet"]);
    fs::remove_file(&tracked).unwrap();
    refused(&sandbox, &demo.project, &arguments, REFUSED, &names);
    fs::write(&tracked, committed).unwrap();

    let untracked = demo.source.join("universal/standards/not-yet-added.md");
    fs::write(&untracked, "new\n").unwrap();
    let names = [utf8(&demo.source), "universal/standards/not-yet-added.md"];
    refused(&sandbox, &demo.project, &arguments, REFUSED, &names);
    fs::remove_file(&untracked).unwrap();

    // And clean again, it is a source again: it was this that was refused.
    let output = sandbox.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

#[test]
fn a_commit_that_is_not_there() {
    let (sandbox, demo) = small_demo();
    for to in ["v9.9.9", "HEAD:README.md", "--all", ""] {
        let option = format!("--to={to}");
        let mut arguments = upgrade(&demo.project, &demo.source);
        arguments.push(&option);
        refused(&sandbox, &demo.project, &arguments, REFUSED, &[utf8(&demo.source), &format!("\"{to}\""), "log"]);
    }
}

#[test]
fn no_install() {
    let (sandbox, demo) = small_demo();
    let bare = sandbox.path().join("bare-project");
    fs::create_dir(&bare).unwrap();
    fs::write(bare.join(".gitignore"), "/target\n").unwrap();
    for arguments in [upgrade(&bare, &demo.source), plan(&bare, &demo.source)] {
        refused(&sandbox, &bare, &arguments, REFUSED, &[utf8(&bare), "--project"]);
    }
    // Found by the current folder: neither it nor its parents have one.
    let here = || {
        let mut command = sandbox.command();
        command.current_dir(&bare);
        command
    };
    let arguments = ["upgrade", "--source", utf8(&demo.source), "--yes"];
    refused_by(&here, &bare, &arguments, REFUSED, &[utf8(&bare), "--project"]);
    assert!(!bare.join(".praxis-os").exists());

    let missing = sandbox.path().join("no-such-project");
    let (said, _) =
        refusal(&|| sandbox.command(), &upgrade(&missing, &demo.source), REFUSED, &[utf8(&missing), "--project"]);
    assert!(said.contains("nothing was changed"), "{said}");
    assert!(!missing.exists());
}

#[test]
fn an_install_of_another_generation() {
    let (sandbox, demo) = small_demo();
    let old = sandbox.path().join("old-project");
    fs::create_dir_all(old.join(".agent-os/standards")).unwrap();
    refused(&sandbox, &old, &upgrade(&old, &demo.source), REFUSED, &[utf8(&old), ".agent-os"]);
    let unlike = sandbox.path().join("unlike-project");
    fs::create_dir_all(unlike.join(".praxis-os/notes")).unwrap();
    refused(&sandbox, &unlike, &upgrade(&unlike, &demo.source), REFUSED, &[utf8(&unlike), "standards"]);
    fs::create_dir(demo.install.join("ouroboros")).unwrap();
    let names = [utf8(&demo.install), "ouroboros"];
    refused(&sandbox, &demo.project, &upgrade(&demo.project, &demo.source), REFUSED, &names);
}

#[test]
fn a_baseline_that_can_not_be_read() {
    let (sandbox, demo) = small_demo();
    let path = demo.install.join(".upgrade-baseline.json");
    let leads_out =
        r#"{"schema":1,"release":"0","layout":"current","files":{"../../x":{"source_path":"x","blob":"0"}}}"#;
    for text in ["{", "[]", leads_out] {
        fs::write(&path, text).unwrap();
        let arguments = upgrade(&demo.project, &demo.source);
        refused(&sandbox, &demo.project, &arguments, REFUSED, &[utf8(&path), "move it aside"]);
    }
}

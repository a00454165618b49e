//! `--git-commit`: exactly the changed paths, made beside the user's index, which nothing that goes wrong may change.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use crate::common::ext::Helper;
use crate::common::{Sandbox, eventually, git, text};
use pos_upgrade_tui::host::demo::Demo;

const UPGRADE: [&str; 7] = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep", "--git-commit"];

/// The demo's project in a repository of the user's, with his name set in it.
fn world(sandbox: &mut Sandbox) -> Demo {
    let demo = sandbox.content_demo();
    fs::write(demo.project.join("main.py"), "one\n").unwrap();
    fs::write(demo.project.join(".gitignore"), "/target\n").unwrap();
    git(&demo.project, &["init", "--quiet", "--template=", "-b", "main"]);
    git(&demo.project, &["config", "user.name", "Ada"]);
    git(&demo.project, &["config", "user.email", "ada@example.invalid"]);
    git(&demo.project, &["add", "--all"]);
    git(&demo.project, &["commit", "--quiet", "-m", "The project"]);
    demo
}

fn upgrade(sandbox: &Sandbox, demo: &Demo) -> Output {
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let mut command = sandbox.command();
    // No name can be made up from this machine's.
    command.env("EMAIL", "").args(UPGRADE).args(["--project", project, "--source", source]);
    command.output().unwrap()
}

/// What the user has in his index: mode, id and path of every entry.
fn index(project: &Path) -> String {
    git(project, &["ls-files", "--stage", "-v"])
}

fn head(project: &Path) -> String {
    git(project, &["rev-parse", "HEAD"])
}

fn is_upgraded(demo: &Demo) -> bool {
    fs::read_to_string(demo.install.join("VERSION.txt")).is_ok_and(|v| v.contains("1.2.0"))
}

/// The upgrade stays done, nothing is committed, and the index is the same to the byte.
fn not_committed(sandbox: &Sandbox, demo: &Demo, why: &str) {
    let (before, bytes) = (head(&demo.project), fs::read(demo.project.join(".git/index")).unwrap());
    let (code, said) = text(&upgrade(sandbox, demo));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the changes were not committed") && said.contains(why), "{why}: {said}");
    assert!(is_upgraded(demo));
    assert_eq!(head(&demo.project), before, "{why}");
    assert!(fs::read(demo.project.join(".git/index")).unwrap() == bytes, "the index, {why}");
    assert_eq!(demo.project.join(".git/index.lock").exists(), why.contains("another git"));
}

#[test]
fn exactly_the_changed_paths_and_the_user_goes_on_with_his_own() {
    let mut sandbox = Sandbox::new();
    let demo = world(&mut sandbox);
    fs::write(demo.project.join("main.py"), "two\n").unwrap();
    fs::write(demo.project.join("staged.py"), "new\n").unwrap();
    git(&demo.project, &["add", "main.py", "staged.py"]);
    fs::write(demo.project.join("main.py"), "three\n").unwrap();
    fs::write(demo.project.join("later.py"), "later\n").unwrap();
    git(&demo.project, &["add", "--intent-to-add", "later.py"]);
    let before = head(&demo.project);
    let (code, said) = text(&upgrade(&sandbox, &demo));
    assert_eq!(code, 0, "{said}");
    assert_eq!(git(&demo.project, &["rev-parse", "HEAD^"]), before);
    assert_eq!(
        git(&demo.project, &["log", "-1", "--format=%an %ae %s"]),
        "Ada ada@example.invalid Upgrade .praxis-os to 1.2.0"
    );
    let paths = git(&demo.project, &["diff", "--name-only", "HEAD^", "HEAD"]);
    assert!(paths.lines().all(|p| p.starts_with(".praxis-os/") || p == ".gitignore"), "{paths}");
    assert!(paths.contains(".praxis-os/.upgrade-baseline.json") && paths.lines().count() > 20, "{paths}");
    let status = git(&demo.project, &["status", "--porcelain", "--untracked-files=no"]);
    assert_eq!(status.lines().map(str::trim).collect::<Vec<_>>(), ["A later.py", "MM main.py", "A  staged.py"]);
    assert_eq!(git(&demo.project, &["show", ":main.py"]), "two");
    // The install at the commit is the install as it is.
    assert_eq!(git(&demo.project, &["diff", "--name-only", "HEAD", "--", ".praxis-os"]), "");
}

#[test]
fn what_fails_leaves_the_index_as_it_was() {
    let ways: [(&str, &str); 9] = [
        ("no name", "auto-detection is disabled"),
        ("a filter that fails", "filter"),
        ("the branch is locked", "main.lock"),
        ("a merge", "a merge is going on"),
        ("a rebase", "a rebase is going on"),
        ("a cherry-pick", "a cherry-pick is going on"),
        ("another git", "another git is at work"),
        ("unmerged paths", "unmerged paths"),
        ("his own staged change", "you have staged changes of your own there: .praxis-os/"),
    ];
    for (way, why) in ways {
        let mut sandbox = Sandbox::new();
        let demo = world(&mut sandbox);
        let (project, git_dir) = (&demo.project, demo.project.join(".git"));
        fs::write(project.join("main.py"), "two\n").unwrap();
        git(project, &["add", "main.py"]);
        match way {
            "no name" => {
                git(project, &["config", "--unset", "user.name"]);
                git(project, &["config", "--unset", "user.email"]);
                git(project, &["config", "user.useConfigOnly", "true"]);
            }
            "a filter that fails" => {
                fs::create_dir_all(git_dir.join("info")).unwrap();
                fs::write(git_dir.join("info/attributes"), "*.json filter=bad\n").unwrap();
                git(project, &["config", "filter.bad.clean", "false"]);
                git(project, &["config", "filter.bad.required", "true"]);
            }
            "the branch is locked" => fs::write(git_dir.join("refs/heads/main.lock"), "").unwrap(),
            "another git" => fs::write(git_dir.join("index.lock"), "").unwrap(),
            "a merge" => fs::write(git_dir.join("MERGE_HEAD"), format!("{}\n", head(project))).unwrap(),
            "a rebase" => fs::create_dir(git_dir.join("rebase-merge")).unwrap(),
            "a cherry-pick" => fs::write(git_dir.join("CHERRY_PICK_HEAD"), format!("{}\n", head(project))).unwrap(),
            "unmerged paths" => {
                let id = git(project, &["rev-parse", ":main.py"]);
                let lines: String = (1..4).map(|stage| format!("100644 {id} {stage}\tmain.py\n")).collect();
                let list = sandbox.path().join("list");
                fs::write(&list, format!("0 {id}\tmain.py\n{lines}")).unwrap();
                let mut command = std::process::Command::new("git");
                command.current_dir(project).args(["update-index", "--index-info"]);
                assert!(command.stdin(fs::File::open(list).unwrap()).status().unwrap().success());
            }
            _ => {
                // Of a file that the upgrade changes.
                let path = ".praxis-os/standards/universal/testing/test-pyramid.md";
                let text = fs::read_to_string(project.join(path)).unwrap();
                fs::write(project.join(path), format!("{text}\nstaged\n")).unwrap();
                git(project, &["add", path]);
                fs::write(project.join(path), text).unwrap();
            }
        }
        not_committed(&sandbox, &demo, why);
    }
    println!("{} ways to fail", ways.len());
}

/// No hook is run, whether it would let the commit pass, refuse it or change files.
#[test]
fn hooks_and_keys_have_no_say() {
    let mut sandbox = Sandbox::new();
    let demo = world(&mut sandbox);
    let hooks = demo.project.join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    let mark = sandbox.path().join("ran");
    for name in ["pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "reference-transaction"] {
        fs::write(hooks.join(name), format!("#!/bin/sh\n: > '{}'\nexit 1\n", mark.display())).unwrap();
        fs::set_permissions(hooks.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    git(&demo.project, &["config", "commit.gpgSign", "true"]);
    git(&demo.project, &["config", "gpg.program", "false"]);
    let before = head(&demo.project);
    let (code, said) = text(&upgrade(&sandbox, &demo));
    assert_eq!(code, 0, "{said}");
    assert_ne!(head(&demo.project), before, "{said}");
    assert!(!mark.exists());
}

/// Killed while git takes the files in, and right after the commit: the next run finds the index as it was, or makes it
/// fit the commit.
#[test]
fn killed_in_the_middle() {
    let mut sandbox = Sandbox::new();
    let demo = world(&mut sandbox);
    let (wait, begun) = (sandbox.path().join("wait"), sandbox.path().join("begun"));
    fs::write(demo.project.join("main.py"), "two\n").unwrap();
    git(&demo.project, &["add", "main.py"]);
    fs::create_dir_all(demo.project.join(".git/info")).unwrap();
    fs::write(demo.project.join(".git/info/attributes"), "VERSION.txt filter=slow\n").unwrap();
    let slow = format!(": > '{}'; while [ -e '{}' ]; do sleep 0.05; done; cat", begun.display(), wait.display());
    git(&demo.project, &["config", "filter.slow.clean", &slow]);
    fs::write(&wait, "").unwrap();
    let (before, old_index) = (head(&demo.project), index(&demo.project));
    let bytes = fs::read(demo.project.join(".git/index")).unwrap();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let mut command = sandbox.command();
    command.args(UPGRADE).args(["--project", project, "--source", source]);
    let mut running = Helper(command.stdout(std::process::Stdio::null()).spawn().unwrap());
    eventually("the filter runs", || begun.exists());
    running.kill();
    fs::remove_file(&wait).unwrap();
    assert_eq!(head(&demo.project), before);
    assert!(fs::read(demo.project.join(".git/index")).unwrap() == bytes);
    let (code, said) = text(&sandbox.run(&["resume", "--project", project]));
    assert_eq!(code, 0, "{said}");
    let commit = head(&demo.project);
    assert_eq!(git(&demo.project, &["rev-parse", "HEAD^"]), before, "{said}");
    let clean = git(&demo.project, &["status", "--porcelain", "--untracked-files=no"]);
    assert_eq!(clean, "M  main.py", "{said}");

    // As a kill right behind the commit leaves it: the commit is there, and the index does not know it.
    fs::write(demo.project.join(".git/index"), &bytes).unwrap();
    assert_eq!(index(&demo.project), old_index);
    let paths: Vec<std::path::PathBuf> = git(&demo.project, &["diff", "--no-renames", "--name-only", "HEAD^", "HEAD"])
        .lines()
        .map(|path| demo.project.join(path))
        .collect();
    let made =
        pos_upgrade_tui::host::git::commit_paths(&demo.project, &paths, None, "Upgrade .praxis-os to 1.2.0").unwrap();
    assert_eq!((made.id, made.behind, head(&demo.project)), (commit.clone(), None, commit));
    assert_eq!(git(&demo.project, &["status", "--porcelain", "--untracked-files=no"]), "M  main.py");
}

/// A project whose folder is a part of a repository, whose install is ignored, and one without any commit.
#[test]
fn where_the_project_stands_in_its_repository() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let top = demo.project.parent().unwrap().join("mono");
    fs::create_dir(&top).unwrap();
    let inside = top.join("a b");
    fs::rename(&demo.project, &inside).unwrap();
    git(&top, &["init", "--quiet", "--template="]);
    git(&top, &["config", "user.name", "Ada"]);
    git(&top, &["config", "user.email", "ada@example.invalid"]);
    fs::write(top.join("other"), "other\n").unwrap();
    git(&top, &["add", "other"]);
    let run = || {
        let (project, source) = (inside.to_str().unwrap(), demo.source.to_str().unwrap());
        text(&sandbox.run(&[&UPGRADE[..], &["--project", project, "--source", source]].concat()))
    };
    let (code, said) = run();
    assert_eq!(code, 0, "{said}");
    let files = git(&top, &["ls-tree", "-r", "--name-only", "HEAD"]);
    assert!(files.lines().all(|f| f.starts_with("a b/.praxis-os/") || f == "a b/.gitignore"), "{files}");
    assert_eq!(git(&top, &["diff", "--cached", "--name-only"]), "other");

    let project = inside.to_str().unwrap();
    assert_eq!(text(&sandbox.run(&["rollback", "--yes", "--project", project])).0, 0);
    git(&top, &["add", "--all"]);
    git(&top, &["commit", "--quiet", "-m", "Back"]);
    git(&top, &["rm", "--quiet", "-r", "--cached", "a b"]);
    fs::write(top.join(".gitignore"), "a b/\n").unwrap();
    git(&top, &["add", ".gitignore"]);
    git(&top, &["commit", "--quiet", "-m", "Ignored"]);
    let (code, said) = run();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("there is nothing to commit"), "{said}");
}

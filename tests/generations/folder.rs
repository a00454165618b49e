use super::{NEW, OLD, before, content_demo, whole_demo};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::{Sandbox, eventually, git, text, tools};
use pos_upgrade_tui::host::demo::Demo;

fn upgrade(sandbox: &Sandbox, demo: &Demo, more: &[&str]) -> Output {
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let all = ["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source", source];
    sandbox.run(&[&all[..], more].concat())
}

fn rollback(sandbox: &Sandbox, demo: &Demo) -> Output {
    sandbox.run(&["rollback", "--yes", "--project", demo.project.to_str().unwrap()])
}

/// Every script of an environment starts, with this environment's Python, and what a shell reads names this place.
fn scripts_work(install: &Path) {
    let (place, other) = (install.join("venv"), if install.ends_with(OLD) { NEW } else { OLD });
    let mut started = 0;
    for entry in fs::read_dir(install.join("venv/bin")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if bytes.starts_with(b"#!") {
            let output = Command::new(&path).arg("--version").stdin(Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.contains("No module named"), "{name}: {said}");
            started += 1;
        } else if name == "activate" {
            let named = String::from_utf8_lossy(&bytes);
            assert!(named.contains(place.to_str().unwrap()), "{named}");
        }
        if bytes.starts_with(b"#!") || name.to_lowercase().starts_with("activate") {
            assert!(!String::from_utf8_lossy(&bytes).contains(&format!("/{other}/")), "{name} names the other folder");
        }
    }
    assert!(started >= 3, "pip, and one of a package: {started}");
}

#[test]
fn the_folder_gets_its_new_name_and_its_old_one_back() {
    let mut sandbox = Sandbox::new();
    let demo = whole_demo(&mut sandbox);
    let new = demo.project.join(NEW);
    let config = br#"{"rag": {"standards_path": ".agent-os/standards", "x": "my.agent-os"}}"#;
    fs::write(demo.install.join("config.json"), config).unwrap();
    fs::create_dir(demo.install.join("notes")).unwrap();
    fs::write(demo.install.join("notes/own.md"), "mine\n").unwrap();
    git(&demo.project, &["add", "--all"]);
    git(&demo.project, &["commit", "--quiet", "-m", "Notes"]);
    let old_tools = tools(&demo.install).expect("the old server answers");
    let old_server = fs::read_to_string(demo.install.join(".mcp_server_state.json")).unwrap();
    let was = before(&demo.project);

    let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the folder .agent-os becomes .praxis-os"), "{said}");
    assert!(!demo.install.exists(), "{said}");
    assert_eq!(fs::read(new.join("notes/own.md")).unwrap(), b"mine\n");
    let config = fs::read_to_string(new.join("config.json")).unwrap();
    assert!(config.contains(".praxis-os/standards") && config.contains("my.agent-os"), "{config}");
    let ignored = fs::read_to_string(demo.project.join(".gitignore")).unwrap();
    for line in [".agent-os/.cache/", ".praxis-os/.cache/", ".praxis-os/venv"] {
        assert_eq!(ignored.lines().filter(|l| *l == line).count(), 1, "{line} in {ignored}");
    }
    assert!(tools(&new).expect("the new server answers").contains(&"pos_workflow".to_owned()));
    scripts_work(&new);
    let found = git(&demo.project, &["status", "--short", "--ignored", "--untracked-files=all"]);
    assert!(!found.contains("venv/bin"), "only as ignored folders: {found}");
    git(&demo.project, &["add", "--all"]);
    let renames = git(&demo.project, &["diff", "--cached", "--name-status", "-M"]);
    assert!(renames.contains("R100\t.agent-os/notes/own.md\t.praxis-os/notes/own.md"), "{renames}");
    assert!(!renames.lines().any(|l| l.starts_with("D\t") && l.contains("/standards/development/")), "{renames}");
    git(&demo.project, &["reset", "--quiet"]);

    let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
    assert!(code == 0 && said.contains("nothing to do"), "{said}");

    let (code, said) = text(&rollback(&sandbox, &demo));
    assert_eq!(code, 0, "{said}");
    assert_eq!(before(&demo.project), was);
    assert_eq!(tools(&demo.install).expect("the old server answers again"), old_tools);
    assert_ne!(fs::read_to_string(demo.install.join(".mcp_server_state.json")).unwrap(), old_server, "started anew");
    scripts_work(&demo.install);
}

#[test]
fn what_stands_beside_the_folder_is_told() {
    let sandbox = Sandbox::new();
    let demo = content_demo(&sandbox.path().join("demo"));
    let new = demo.project.join(NEW);
    let was = before(&demo.project);

    // Somebody's notes at the new place.
    fs::create_dir(&new).unwrap();
    fs::write(new.join("notes.md"), "mine").unwrap();
    let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
    assert!(code == 4 && said.contains("stands where") && said.contains("mv "), "{code} {said}");
    fs::remove_dir_all(&new).unwrap();
    assert_eq!(before(&demo.project), was, "nothing was changed");

    // What can be made again waits, and comes back.
    let time = || demo.install.metadata().unwrap().modified().unwrap();
    let old_time = time();
    fs::create_dir_all(new.join(".cache")).unwrap();
    fs::write(new.join(".cache/x"), "an index").unwrap();
    let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
    assert_eq!(code, 0, "{said}");
    assert!(new.join("VERSION.txt").exists() && !demo.install.exists());
    let (code, said) = text(&rollback(&sandbox, &demo));
    assert_eq!(code, 0, "{said}");
    assert_eq!(fs::read(new.join(".cache/x")).unwrap(), b"an index");
    fs::remove_dir_all(&new).unwrap();
    assert_eq!(before(&demo.project), was);
    assert_eq!(time(), old_time, "the folder's own time");

    // What comes to the old place meanwhile is the user's.
    assert_eq!(text(&upgrade(&sandbox, &demo, &[])).0, 0);
    fs::create_dir(&demo.install).unwrap();
    fs::write(demo.install.join("since.md"), "since").unwrap();
    let (code, said) = text(&rollback(&sandbox, &demo));
    assert!(code == 0 && said.contains("it came while the install had another name"), "{said}");
    let rescued = walkdir::WalkDir::new(demo.install.join("rescued")).into_iter().flatten();
    let rescued: Vec<_> = rescued.filter(|e| e.file_name() == "since.md").collect();
    assert_eq!(rescued.len(), 1);

    // An install beside it is the one; the older is left alone, and named.
    let demo = content_demo(&sandbox.path().join("both"));
    fs::create_dir_all(demo.project.join(NEW)).unwrap();
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(demo.install.join("."))
            .arg(demo.project.join(NEW))
            .status()
            .unwrap()
            .success()
    );
    let was = before(&demo.project).1;
    let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
    assert!(code == 0 && said.contains("another install stands beside this one"), "{said}");
    assert_eq!(before(&demo.project).1, was);
}

#[test]
fn a_folder_that_can_not_move_is_refused_and_so_is_a_part() {
    let sandbox = Sandbox::new();
    let demo = content_demo(&sandbox.path().join("demo"));
    let was = before(&demo.project);
    let (code, said) = text(&upgrade(&sandbox, &demo, &["--only", "content"]));
    assert!(code == 2 && said.contains("can't be done in part") && said.contains("POS-E0305"), "{code} {said}");
    fs::write(demo.install.join(".git"), "gitdir: ../.git/modules/x\n").unwrap();
    let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
    assert!(code == 4 && said.contains("a repository of its own"), "{code} {said}");
    fs::remove_file(demo.install.join(".git")).unwrap();

    let elsewhere = demo.dir.join("elsewhere");
    fs::rename(&demo.install, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &demo.install).unwrap();
    let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
    assert!(code == 4 && said.contains("link"), "{code} {said}");
    fs::remove_file(&demo.install).unwrap();
    fs::rename(&elsewhere, &demo.install).unwrap();

    // A script of the user's that runs from it.
    fs::write(demo.install.join("watch.sh"), "read line\n").unwrap();
    let mut watcher = Command::new("/bin/sh");
    let mut watcher = watcher.arg(demo.install.join("watch.sh")).stdin(Stdio::piped()).spawn().unwrap();
    let runs =
        || fs::read(format!("/proc/{}/cmdline", watcher.id())).is_ok_and(|c| c.windows(8).any(|w| w == b"watch.sh"));
    eventually("the script runs", runs);
    let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
    drop(watcher.stdin.take());
    watcher.wait().unwrap();
    assert!(
        code == 4 && said.contains("watch.sh") && said.contains("runs from it") && said.contains("POS-E0606"),
        "{code} {said}"
    );
    fs::remove_file(demo.install.join("watch.sh")).unwrap();
    assert_eq!(before(&demo.project), was, "nothing was changed");
    assert_eq!(text(&upgrade(&sandbox, &demo, &[])).0, 0);
}

#[test]
fn a_commit_of_the_upgrade_has_the_renames() {
    let sandbox = Sandbox::new();
    let demo = content_demo(&sandbox.path().join("demo"));
    git(&demo.project, &["config", "user.name", "Ada"]);
    git(&demo.project, &["config", "user.email", "ada@example.invalid"]);
    fs::write(demo.install.join("untracked.md"), "not yet").unwrap();
    let (code, said) = text(&upgrade(&sandbox, &demo, &["--git-commit"]));
    assert_eq!(code, 0, "{said}");
    let files = git(&demo.project, &["ls-tree", "-r", "--name-only", "HEAD"]);
    assert!(!files.contains(OLD), "{files}");
    assert!(files.contains(".praxis-os/standards/development/team-conventions.md"), "{files}");
    assert!(!files.contains("untracked.md"), "{files}");
    let left = git(&demo.project, &["status", "--short", "--untracked-files=all"]);
    assert!(left.lines().all(|l| l.starts_with("?? ")) && left.contains("untracked.md"), "{left}");
}

/// The user's own lines get the folder's new name by `outside --write`, and are then what ours are.
#[test]
fn a_rollback_leaves_the_users_lines_of_gitignore() {
    const OWN: &str = "/target\n.agent-os/.cache/\nmiddle\n.agent-os/state/\n.agent-os/x\n";
    let renamed = OWN.replace(OLD, NEW);
    for (way, edit) in [("write", ""), ("write, edit", "# mine\n"), ("undo first", ""), ("only an edit", "# mine\n")] {
        let sandbox = Sandbox::new();
        let demo = content_demo(&sandbox.path().join("demo"));
        let (project, path) = (demo.project.to_str().unwrap(), demo.project.join(".gitignore"));
        let run = |arguments: &[&str]| text(&sandbox.run(&[arguments, &["--project", project][..]].concat()));
        fs::write(&path, OWN).unwrap();
        let (code, said) = text(&upgrade(&sandbox, &demo, &[]));
        assert_eq!(code, 0, "{way}: {said}");
        let added = fs::read_to_string(&path).unwrap();
        assert!(added.starts_with(OWN) && added.contains("\n.praxis-os/.cache/\n.praxis-os/"), "{added}");
        if way != "only an edit" {
            let (code, said) =
                run(&["outside", "--write", ".gitignore", "--yes", "--source", demo.source.to_str().unwrap()]);
            assert_eq!(code, 0, "{way}: {said}");
            assert!(fs::read_to_string(&path).unwrap().starts_with(&renamed), "{way}");
        }
        if way == "undo first" {
            let (code, said) = run(&["outside", "--undo", "--yes"]);
            assert_eq!((code, fs::read_to_string(&path).unwrap()), (0, added.clone()), "{way}: {said}");
        }
        let now = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{now}{edit}")).unwrap();
        let (code, said) = text(&rollback(&sandbox, &demo));
        assert_eq!(code, 0, "{way}: {said}");
        let kept = if way.starts_with("write") { &renamed } else { OWN };
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{kept}{edit}"), "{way}: {said}");
        if way.starts_with("write") {
            let (code, said) = run(&["outside", "--undo", "--yes"]);
            assert_eq!(code, 0, "{way}: {said}");
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{OWN}{edit}"), "{way}: {said}");
        }
    }
}

/// A session that changed nothing leaves nothing where the server of its release would read it.
#[test]
fn a_session_that_changed_nothing_leaves_no_copy() {
    let copies = |install: &Path| {
        let found = walkdir::WalkDir::new(install.join("state")).into_iter().flatten();
        found.map(|e| e.path().display().to_string()).collect::<Vec<_>>()
    };
    for end in ["refused", "rolled back"] {
        let sandbox = Sandbox::new();
        let source = sandbox.path().join("demo/source");
        let project = sandbox.path().join("demo/project");
        fs::create_dir_all(&project).unwrap();
        let commits = pos_upgrade_tui::host::demo::prepare_source_up_to(&source, None).unwrap();
        let install = project.join(NEW);
        pos_upgrade_tui::host::demo::install_release(&source, &commits[commits.len() - 2], &install).unwrap();
        pos_upgrade_tui::host::demo::commit_project(&project, &install).unwrap();
        let page = walkdir::WalkDir::new(install.join("standards")).into_iter().flatten();
        let page = page.map(|e| e.into_path()).find(|path| path.extension().is_some_and(|e| e == "md")).unwrap();
        let was = copies(&install);
        let words = ["upgrade", "--yes", "--on-conflict", "keep", "--only", "content", "--project"];
        let mut command = sandbox.command();
        command.args(words).arg(&project).arg("--source").arg(&source).env("POS_CRASH_AT", "base.keep before");
        assert_ne!(command.output().unwrap().status.code(), Some(0));
        assert_ne!(copies(&install), was, "{end}: there is one while it is unfinished");
        let project = project.to_str().unwrap();
        let (code, said) = match end {
            "refused" => {
                for entry in walkdir::WalkDir::new(install.join("standards")).into_iter().flatten() {
                    if entry.file_type().is_file() {
                        fs::write(entry.path(), "changed since\n").unwrap();
                    }
                }
                text(&sandbox.run(&["resume", "--yes", "--project", project]))
            }
            _ => text(&sandbox.run(&["rollback", "--yes", "--project", project])),
        };
        assert_eq!(code == 0, end != "refused", "{end}: {said}");
        assert!(page.exists());
        assert_eq!(copies(&install), was, "{end}: {said}");
    }
}

//! Clones as people have them, and how others own them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::ext::{Plain, is_root, refused_by, skipped};
use crate::common::terminal::Terminal;
use crate::common::{Sandbox, git, text};

/// The files of a folder, by name, with their times: what a source that is only looked at keeps.
fn listed(folder: &Path) -> Vec<(PathBuf, u64)> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap);
    let file = walk.filter(|e| e.file_type().is_file());
    file.map(|e| (e.path().to_owned(), e.metadata().unwrap().len())).collect()
}

fn clone(sandbox: &Sandbox, from: &Path, how: &[&str], name: &str) -> PathBuf {
    let to = sandbox.path().join(name);
    let url = format!("file://{}", from.display());
    git(&sandbox.path(), &[&["clone", "--quiet"], how, &[&url, to.to_str().unwrap()]].concat());
    to
}

fn plan(sandbox: &Sandbox, project: &Path, source: &Path, more: &[&str]) -> (i32, Value, String) {
    let mut command = sandbox.command();
    command.args(["plan", "--json", "--project"]).arg(project).arg("--source").arg(source).args(more);
    let output = command.output().unwrap();
    let (code, all) = text(&output);
    (code, serde_json::from_slice(&output.stdout).unwrap_or_default(), all)
}

#[test]
fn somebody_elses_clone_is_told_by_its_owner_and_the_ways_on() {
    if !is_root() {
        return skipped("only root can make files of others");
    }
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let plain = Plain::new(&sandbox);
    fs::write(sandbox.path().join("home/.gitconfig"), "").unwrap();
    for entry in walkdir::WalkDir::new(&demo.source) {
        std::os::unix::fs::lchown(entry.unwrap().path(), Some(0), Some(0)).unwrap();
    }
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let start = || plain.command(&sandbox);
    let before = listed(&demo.source);
    for command in ["plan", "upgrade"] {
        let arguments = [command, "--yes", "--project", project, "--source", source];
        let names =
            ["belongs to root", "sudo chown -R", "git config --global --add safe.directory", source, "POS-E0204"];
        let said = refused_by(&start, &demo.project, &arguments, 4, &names);
        assert!(!said.contains("not a git repository"), "{said}");
    }
    assert_eq!(listed(&demo.source), before);
    assert_eq!(fs::read(sandbox.path().join("home/.gitconfig")).unwrap(), b"", "neither is done");
    // A linked work tree and a bare clone of theirs say so, too.
    for (how, name) in [(&["--bare"][..], "bare.git"), (&["--mirror"], "mirror.git")] {
        let other = clone(&sandbox, &demo.source, how, name);
        let arguments = ["plan", "--project", project, "--source", other.to_str().unwrap()];
        refused_by(&start, &demo.project, &arguments, 4, &["belongs to root", "safe.directory", name]);
    }
    // The second of the ways leads on.
    fs::write(sandbox.path().join("home/.gitconfig"), format!("[safe]\n\tdirectory = {source}\n")).unwrap();
    let output = plain.command(&sandbox).args(["plan", "--project", project, "--source", source]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

#[test]
fn bare_and_mirror_clones_are_sources() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (_, wanted, all) = plan(&sandbox, &demo.project, &demo.source, &[]);
    assert!(wanted["summary"]["update"].as_u64().unwrap() > 0, "{all}");
    for (how, name) in [(&["--bare"][..], "bare.git"), (&["--mirror"], "mirror"), (&["--bare"], "no-suffix")] {
        let source = clone(&sandbox, &demo.source, how, name);
        let before = listed(&source);
        let (code, planned, all) = plan(&sandbox, &demo.project, &source, &[]);
        assert_eq!(code, 0, "{all}");
        assert_eq!((&planned["summary"], &planned["files"]), (&wanted["summary"], &wanted["files"]));
        assert_eq!(listed(&source), before, "nothing is written there");
        let mut inside = sandbox.command();
        inside.args(["plan", "--project"]).arg(&demo.project).arg("--source").arg(source.join("refs"));
        let (code, said) = text(&inside.output().unwrap());
        assert!(code == 4 && said.contains("it is a folder of"), "{said}");
    }
    // The git folder of a clone with a work tree is no source: the clone is named.
    let (code, _, said) = plan(&sandbox, &demo.project, &demo.source.join(".git"), &[]);
    assert!(code == 4 && said.contains("name") && said.contains("itself"), "{said}");

    let bare = sandbox.path().join("bare.git");
    let mut command = sandbox.command();
    command.args(["upgrade", "--yes", "--on-conflict", "merge-keep", "--project"]).arg(&demo.project);
    let output = command.arg("--source").arg(&bare).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

/// A clone that left out contents: made with a checkout or without one.
fn partial(sandbox: &Sandbox, from: &Path, how: &[&str], name: &str) -> PathBuf {
    git(from, &["config", "uploadpack.allowFilter", "true"]);
    git(from, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    clone(sandbox, from, how, name)
}

fn packs(clone: &Path) -> usize {
    let git_dir = if clone.join(".git").is_dir() { clone.join(".git") } else { clone.to_owned() };
    let entries = fs::read_dir(git_dir.join("objects/pack")).unwrap().flatten();
    entries.filter(|e| e.path().extension().is_some_and(|end| end == "pack")).count()
}

#[test]
fn a_partial_clone_tells_what_ids_tell_and_fetches_the_rest_with_consent() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (_, whole, _) = plan(&sandbox, &demo.project, &demo.source, &[]);
    let conflicts = |plan: &Value| plan["summary"]["conflict"].as_u64().unwrap_or_else(|| panic!("{plan}"));
    for (filter, name) in [("blob:none", "blobless"), ("tree:0", "treeless"), ("blob:limit=100", "no-large")] {
        let how = format!("--filter={filter}");
        let source = partial(&sandbox, &demo.source, &[&how], name);
        let before = listed(&source);
        let (code, planned, all) = plan(&sandbox, &demo.project, &source, &[]);
        assert_eq!(code, 0, "{filter}: {all}");
        assert!(conflicts(&planned) > conflicts(&whole), "{filter}: {all}");
        assert_eq!(listed(&source), before, "{filter}: nothing is fetched unasked");
        let (_, said) = text(
            &sandbox
                .command()
                .args(["upgrade", "--dry-run", "--project"])
                .arg(&demo.project)
                .arg("--source")
                .arg(&source)
                .output()
                .unwrap(),
        );
        println!("{said}");
        let had = packs(&source);
        let (code, planned, all) = plan(&sandbox, &demo.project, &source, &["--deepen"]);
        assert_eq!(code, 0, "{filter}: {all}");
        assert_eq!(planned["summary"], whole["summary"], "{filter}");
        assert!(planned["source"]["partial"].is_null(), "{planned}");
        if filter != "tree:0" {
            assert_eq!(packs(&source), had + 1, "{filter}: one batch");
        }
        git(&source, &["fsck", "--strict"]);
        let left = git(&source, &["rev-list", "--objects", "--all", "--missing=print"]);
        assert!(!left.lines().any(|line| line.starts_with('?')), "{filter}: {left}");
        // Done once, there is nothing more to fetch.
        fs::rename(&demo.source, sandbox.path().join("away")).unwrap();
        let (code, _, all) = plan(&sandbox, &demo.project, &source, &["--deepen"]);
        fs::rename(sandbox.path().join("away"), &demo.source).unwrap();
        assert_eq!(code, 0, "{filter}: {all}");
    }
}

#[test]
fn a_partial_clone_without_what_is_installed_is_planned_and_refused() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let source = partial(&sandbox, &demo.source, &["--filter=blob:none", "--bare"], "bare-partial");
    let (code, planned, all) = plan(&sandbox, &demo.project, &source, &[]);
    assert_eq!(code, 0, "{all}");
    assert!(planned["summary"]["update"].as_u64().unwrap() > 0, "{all}");
    assert!(all.contains("would be refused") && all.contains("--deepen"), "{all}");
    let (project, at) = (demo.project.to_str().unwrap(), source.to_str().unwrap());
    let arguments = ["upgrade", "--yes", "--on-conflict", "keep", "--project", project, "--source", at];
    let said = crate::common::ext::refused(&sandbox, &demo.project, &arguments, 4, &["partial clone", "--deepen", at]);
    assert!(!said.contains("chmod"), "{said}");
    let output = sandbox.command().args(arguments).arg("--deepen").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

#[test]
fn a_key_of_the_wizard_fetches_what_a_partial_clone_lacks() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let source = partial(&sandbox, &demo.source, &["--filter=blob:none"], "blobless");
    let (project, at) = (demo.project.to_str().unwrap(), source.to_str().unwrap());
    let mut wizard = Terminal::start(&sandbox.path().join("home"), &["--project", project, "--source", at]);
    wizard.see(&["preview", "h fetch history"]);
    wizard.press("h");
    wizard.see(&["this clone lacks", "y yes"]);
    wizard.press("y");
    wizard.see(&["preview", "will ask 3"]);
    assert!(!wizard.text().contains("fetch history"), "{}", wizard.text());
    wizard.press("q");
    assert_eq!(wizard.end(), 0);
}

//! Two people upgrade on two branches, then merge them with git: what is left by the merge is told, and made one again.

use crate::common;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::ext::refused;
use crate::common::{Sandbox, git, snapshot, text};
use pos_upgrade_tui::core::baseline::{self, Baseline};
use pos_upgrade_tui::host::demo::Demo;
use serde_json::Value;

struct World {
    sandbox: Sandbox,
    demo: Demo,
    /// Releases of the source, oldest first: three of the demo, then some that only change a page each.
    commits: Vec<String>,
    /// The file that those change.
    page: PathBuf,
}

impl World {
    /// A project with an install of the first release, committed with its baseline.
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let page = git(&demo.source, &["ls-files", "universal/standards/*.md"]);
        let page = demo.source.join(page.lines().next().unwrap());
        let mut commits = demo.commits.clone();
        for number in 0..3 {
            let text = fs::read_to_string(&page).unwrap();
            fs::write(&page, format!("Release {number} says this.\n{text}")).unwrap();
            git(&demo.source, &["commit", "-qam", &format!("release {number}")]);
            commits.push(git(&demo.source, &["rev-parse", "HEAD"]));
        }
        git(&demo.project, &["init", "-q", "-b", "main"]);
        let world = Self { sandbox, demo, commits, page };
        world.upgrade(&world.demo.project, 1);
        commit(&world.demo.project, "upgraded");
        world
    }

    fn run(&self, project: &Path, arguments: &[&str]) -> (i32, String) {
        text(&self.sandbox.command().args(arguments).arg("--project").arg(project).output().unwrap())
    }

    fn upgrade(&self, project: &Path, to: usize) {
        let (source, commit) = (self.demo.source.to_str().unwrap(), self.commits[to].as_str());
        let arguments = ["upgrade", "--yes", "--on-conflict", "keep", "--source", source, "--to", commit];
        let (code, said) = self.run(project, &arguments);
        assert_eq!(code, 0, "{said}");
    }

    /// A clone of the project, upgraded and committed.
    fn colleague(&self, name: &str, to: usize) -> PathBuf {
        let clone = self.sandbox.path().join(name);
        git(&self.demo.project, &["clone", "-q", ".", clone.to_str().unwrap()]);
        self.upgrade(&clone, to);
        commit(&clone, "upgraded");
        clone
    }

    fn source(&self) -> &str {
        self.demo.source.to_str().unwrap()
    }
}

fn commit(project: &Path, message: &str) {
    git(project, &["add", "-A"]);
    git(project, &["commit", "-qm", message]);
}

/// Merges what a colleague did; the paths that conflict.
fn merge(project: &Path, from: &Path) -> Vec<String> {
    git(project, &["fetch", "-q", from.to_str().unwrap(), "main"]);
    let mut command = Command::new("git");
    command.current_dir(project).args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"]);
    command.args(["merge", "-q", "--no-edit", "FETCH_HEAD"]).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let _ = command.output().unwrap();
    git(project, &["diff", "--name-only", "--diff-filter=U"]).lines().map(str::to_owned).collect()
}

fn read(project: &Path) -> Baseline {
    serde_json::from_slice(&fs::read(project.join(".praxis-os").join(baseline::FILE)).unwrap()).unwrap()
}

#[test]
fn two_releases_on_two_branches() {
    // Which side is merged into which, and whether git also shows what both came from.
    for (mine, theirs, style) in [(2, 4, "merge"), (4, 2, "merge"), (3, 5, "diff3"), (5, 3, "zdiff3")] {
        let world = World::new();
        let (one, two) = (world.colleague("one", mine), world.colleague("two", theirs));
        git(&one, &["config", "merge.conflictStyle", style]);
        let conflicts = merge(&one, &two);
        let file = format!(".praxis-os/{}", baseline::FILE);
        assert!(conflicts.contains(&file), "{conflicts:?}");
        // The release's own files are the newer one's; the reports are left as git left them.
        let newer = if mine > theirs { "--ours" } else { "--theirs" };
        for path in
            conflicts.iter().filter(|p| p.contains("standards/") || p.contains("scripts/") || p.contains("workflows/"))
        {
            git(&one, &["checkout", newer, "--", path]);
        }
        let reconcile = "pos-upgrade-tui reconcile --source";
        for command in [
            vec!["plan", "--source", world.source()],
            vec!["edits"],
            vec!["upgrade", "--yes", "--source", world.source()],
        ] {
            let arguments = [&command[..], &["--project", one.to_str().unwrap()]].concat();
            let names = [baseline::FILE, "line 2", reconcile];
            let names = if style == "zdiff3" { [baseline::FILE, "line", reconcile] } else { names };
            let (code, said) = text(&world.sandbox.run(&arguments));
            assert_eq!(code, 4, "{said}");
            assert!(names.iter().all(|n| said.contains(n) || *n == "line 2" && said.contains("line 3")), "{said}");
            assert!(said.contains(&world.commits[mine][..7]) && said.contains(&world.commits[theirs][..7]), "{said}");
        }
        let (code, said) = world.run(&one, &["status"]);
        assert!(code == 4 && said.contains(reconcile) && !said.contains("not known yet"), "{said}");
        // Going back would mix the two.
        let names = ["mix two releases", reconcile];
        refused(&world.sandbox, &one, &["rollback", "--yes", "--project", one.to_str().unwrap()], 4, &names);

        refused(
            &world.sandbox,
            &one,
            &["reconcile", "--project", one.to_str().unwrap(), "--source", world.source()],
            2,
            &["--yes"],
        );
        let (code, said) = world.run(&one, &["reconcile", "--yes", "--source", world.source()]);
        assert_eq!(code, 0, "{said}");
        let newest = mine.max(theirs);
        assert!(said.contains(&world.commits[newest][..7]), "{said}");
        // What it says is what an upgrade to that release would have written.
        let other = if mine > theirs {
            git(&one, &["show", &format!("HEAD:{file}")])
        } else {
            git(&two, &["show", &format!("HEAD:{file}")])
        };
        let expected: Baseline = serde_json::from_str(&other).unwrap();
        assert_eq!(read(&one), expected);
        let kept = fs::read_dir(one.join(".praxis-os/rescued")).unwrap().flatten().next().unwrap().path();
        assert!(fs::read_to_string(kept.join(baseline::FILE)).unwrap().contains("<<<<<<<"), "the merged one is kept");
        let (code, said) = world.run(&one, &["reconcile", "--yes", "--source", world.source()]);
        assert!(code == 0 && said.contains("nothing to do"), "{said}");
        // From here on all goes as ever.
        let (code, said) = world.run(&one, &["edits", "--json"]);
        assert_eq!(code, 0, "{said}");
        let found: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
        assert_eq!(found["release"], world.commits[newest]);
        let (code, said) = world.run(&two, &["edits", "--json"]);
        assert_eq!(code, 0, "{said}");
        if theirs > mine {
            let theirs: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
            assert_eq!(found["edits"], theirs["edits"], "the same edits as before the merge");
        }
        let (code, said) = world.run(&one, &["status"]);
        assert!(code == 0 && said.contains(&world.commits[newest][..7]), "{said}");
        if newest == theirs {
            assert!(said.contains("did not come by an upgrade in this folder"), "{said}");
            let names = ["mix two releases", &world.commits[newest][..7]];
            refused(&world.sandbox, &one, &["rollback", "--yes", "--project", one.to_str().unwrap()], 4, &names);
        }
        commit(&one, "merged");
        let before = snapshot(&one.join(".praxis-os"));
        world.upgrade(&one, 5);
        if newest < 5 {
            assert_eq!(read(&one).release, world.commits[5]);
            let (code, said) = world.run(&one, &["rollback", "--yes"]);
            assert_eq!(code, 0, "{said}");
            common::assert_same(&before, &snapshot(&one.join(".praxis-os")));
        }
    }
    println!("4 merges of two releases, each made one");
}

#[test]
fn one_release_on_two_branches_is_one_baseline() {
    let world = World::new();
    let (one, two) = (world.colleague("one", 4), world.colleague("two", 4));
    let conflicts = merge(&one, &two);
    let appended = ["VERSION.txt", "UPDATE_LOG.txt", "INSTALLATION_SUMMARY.md"];
    let others: Vec<_> = conflicts.iter().filter(|path| !appended.iter().any(|name| path.ends_with(name))).collect();
    assert!(others.is_empty(), "only what names the session differs: {others:?}");
    assert_eq!(read(&one).release, world.commits[4]);
    let (code, said) = world.run(&one, &["plan", "--source", world.source(), "--to", &world.commits[4], "--exit-code"]);
    assert_eq!(code, 0, "{said}");
    // Also with the marks still in the log.
    world.upgrade(&one, 5);
    let (code, said) = world.run(&one, &["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_baseline_made_from_nothing() {
    let world = World::new();
    let one = world.colleague("one", 3);
    let file = one.join(".praxis-os").join(baseline::FILE);
    let whole = read(&one);
    for damaged in [&b"torn"[..], b"", b"<<<<<<< a\n=======\n>>>>>>> b\n"] {
        fs::write(&file, damaged).unwrap();
        let (code, said) = world.run(&one, &["reconcile", "--yes", "--source", world.source()]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(read(&one).release, whole.release, "what the install is most like");
        let files = read(&one).files;
        assert_eq!(files.keys().collect::<Vec<_>>(), whole.files.keys().collect::<Vec<_>>());
    }
    let (code, said) = world.run(&one, &["status"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn files_of_other_releases_are_told() {
    let world = World::new();
    let one = world.colleague("one", 5);
    // As a merge leaves it in which somebody took the older side of one page.
    let place = world.page.strip_prefix(world.demo.source.join("universal")).unwrap();
    let older = git(&world.demo.source, &["show", &format!("{}:universal/{}", world.commits[4], place.display())]);
    let page = place.strip_prefix("standards").unwrap();
    let page = one.join(".praxis-os/standards/universal").join(page);
    assert!(page.is_file(), "{}", page.display());
    fs::write(&page, older + "\n").unwrap();
    let (code, said) = world.run(&one, &["reconcile", "--yes", "--source", world.source()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("of other releases: 1") && said.contains(&world.commits[4][..7]), "{said}");
    // So it is no edit, and comes up to date without a question.
    let (code, said) = world.run(&one, &["plan", "--json", "--source", world.source()]);
    assert_eq!(code, 0, "{said}");
    let plan: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&plan["summary"]["update"], &plan["summary"]["conflict"]),
        (&1.into(), &0.into()),
        "{}",
        plan["summary"]
    );
}

#[test]
fn marks_of_a_merge_are_nobodys_text() {
    let world = World::new();
    let one = world.colleague("one", 3);
    let place = world.page.strip_prefix(world.demo.source.join("universal/standards")).unwrap();
    let page = one.join(".praxis-os/standards/universal").join(place);
    let text = fs::read_to_string(&page).unwrap();
    for end in ["\n", "\r\n"] {
        let block = ["<<<<<<< HEAD", "mine", "=======", "theirs", ">>>>>>> FETCH_HEAD", ""].join(end);
        fs::write(&page, format!("{text}{block}")).unwrap();
        let line = format!("line {}", text.lines().count() + 1);
        let project = one.to_str().unwrap();
        for command in ["plan", "upgrade"] {
            let arguments = [command, "--yes", "--source", world.source(), "--project", project];
            let names = [place.to_str().unwrap(), &line, "two sides of a merge"];
            refused(&world.sandbox, &one, &arguments, 4, &names);
        }
    }
    // A heading underlined with = is none.
    fs::write(&page, format!("{text}Heading\n=======\n")).unwrap();
    let (code, said) = world.run(&one, &["plan", "--source", world.source()]);
    assert_eq!(code, 0, "{said}");
}

use std::collections::BTreeSet;
use std::process::Command;

use crate::host::demo::*;

#[test]
fn releases_fit_onto_each_other() {
    let releases = assets::releases().unwrap();
    let versions: Vec<_> = releases.iter().map(|release| release.version.as_str()).collect();
    assert_eq!(versions, ["1.0.0", "1.1.0", "1.2.0", "2.0.0", "2.1.0"]);
    let mut present = BTreeSet::new();
    for release in &releases {
        for path in &release.removed {
            assert!(present.remove(path), "{path} is removed but was never there");
        }
        for rename in &release.renamed {
            assert!(present.remove(&rename.from), "{} is renamed but was never there", rename.from);
            assert!(present.insert(rename.to.clone()), "{} is there already", rename.to);
        }
        let tree = release.tree().unwrap();
        for file in assets::files(tree) {
            present.insert(file.path().strip_prefix(tree.path()).unwrap().to_str().unwrap().to_owned());
        }
        for path in &release.executable {
            assert!(tree.get_file(tree.path().join(path)).is_some(), "{path} must be in the tree to get its mode");
        }
        for wheel in &release.wheels {
            assets::folder(&format!("wheels/{wheel}")).unwrap();
        }
    }
}

#[test]
fn nothing_that_python_leaves_behind_is_embedded() {
    for part in ["releases", "user", "wheels", "project", "projects"] {
        for file in assets::files(assets::folder(part).unwrap()) {
            assert!(!file.path().to_string_lossy().contains("__pycache__"), "{:?}", file.path());
        }
    }
}

#[test]
fn a_folder_in_use_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine"), "1").unwrap();
    let error = prepare(dir.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, DemoError::DirNotEmpty(_)), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn only_the_end_of_a_long_output_is_shown() {
    let text: String = (0..40).map(|n| format!("line {n}\n\n")).collect();
    let end = command::last_lines(&text);
    assert_eq!((end.lines().next(), end.lines().last()), (Some("line 28"), Some("line 39")));
    assert_eq!(command::last_lines(""), "");
}

#[test]
fn commit_ids_are_the_same_on_each_run() {
    let dir = tempfile::tempdir().unwrap();
    let first = prepare_source(&dir.path().join("a")).unwrap();
    let second = prepare_source(&dir.path().join("b")).unwrap();
    assert_eq!(first, second);
    assert_eq!(first.len(), 3);
}

fn of(name: &str) -> &'static Generation {
    layouts().generation(name).unwrap()
}

#[test]
fn the_whole_source_begins_with_the_same_releases_and_changes_its_generation() {
    let dir = tempfile::tempdir().unwrap();
    let (short, whole, between) = (dir.path().join("short"), dir.path().join("whole"), dir.path().join("between"));
    let commits = prepare_source_up_to(&whole, None).unwrap();
    assert_eq!(commits.len(), 5);
    assert_eq!(prepare_source(&short).unwrap(), commits[..3]);
    assert_eq!(prepare_source_up_to(&between, Some("2.0.0")).unwrap(), commits[..4]);
    assert!(prepare_source_up_to(&dir.path().join("none"), Some("9.0.0")).is_err());
    let generations: Vec<&str> =
        commits.iter().map(|commit| install::released(&whole, commit).unwrap().name.as_str()).collect();
    assert_eq!(generations, ["praxis-os", "praxis-os", "praxis-os", "ouroboros", "ouroboros"]);
    for (generation, oldest) in [("agent-os", 0), ("praxis-os", 0), ("ouroboros", 3)] {
        assert_eq!(oldest_of(of(generation), &whole, &commits).unwrap(), &commits[oldest], "{generation}");
    }
    assert!(oldest_of(of("ouroboros"), &short, &commits[..3]).is_err());

    let mut diff = command::git(&whole, "");
    diff.args(["diff", "--name-status", "-M", "--diff-filter=R", "v1.2.0", "v2.0.0"]);
    let renames = command::run_git(&mut diff).unwrap();
    for (from, to) in [
        ("mcp_server/search.py", "dist/ouroboros/index/search.py"),
        ("mcp_server/server.py", "dist/ouroboros/protocol.py"),
        ("mcp_server/workflows.py", "dist/ouroboros/workflow/library.py"),
        ("universal/standards/ai-safety/git-safety.md", "dist/universal/standards/ai-safety/git-safety.md"),
    ] {
        assert!(renames.lines().any(|line| line.ends_with(&format!("\t{from}\t{to}"))), "{from}: {renames}");
    }
    let mut list = command::git(&whole, "");
    let files = command::run_git(list.args(["ls-tree", "-r", "--name-only", "v2.0.0"])).unwrap();
    let gone = |line: &&str| line.starts_with("mcp_server/") || line.starts_with("universal/");
    assert_eq!(files.lines().filter(gone).collect::<Vec<_>>(), Vec::<&str>::new());
}

/// What an installer copies, and what the user did with it, in the layout of the release or of an older folder.
#[test]
fn later_installs_are_laid_out_as_their_release_says() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    let commits = prepare_source_up_to(&source, None).unwrap();
    let new = dir.path().join(".praxis-os");
    install_release(&source, &commits[3], &new).unwrap();
    for there in ["ouroboros/__main__.py", "ouroboros/wheels", "standards/universal/testing", "workflows", "scripts"] {
        assert!(new.join(there).exists(), "{there}");
    }
    for missing in ["mcp_server", "dist", "universal", "config/index_config.yaml", "ouroboros/wheels/wheels"] {
        assert!(!new.join(missing).exists(), "{missing}");
    }
    let template = fs::read(source.join("dist/config/mcp.yaml")).unwrap();
    // The newest release's template is another one.
    assert_ne!(fs::read(new.join("config/mcp.yaml")).unwrap(), template);

    add_user_edits(&new).unwrap();
    assert!(new.join("standards/development/team-conventions.md").exists());
    assert!(!new.join("standards/universal/concurrency/race-conditions.md").exists());
    assert!(!new.join("config.json").exists() && !new.join("mcp_server").exists());
    let later = dir.path().join("later");
    install_release(&source, &commits[4], &later).unwrap();
    assert_eq!(fs::read(later.join("config/mcp.yaml")).unwrap(), template);
    let pristine = dir.path().join("pristine");
    install_release(&source, &commits[3], &pristine).unwrap();
    for path in ["standards/universal/ai-assistant/asking-the-project.md", "config/mcp.yaml"] {
        let mut merge = Command::new("git");
        merge.args(["merge-file", "-p", "--diff-algorithm=histogram"]);
        merge.args([new.join(path), pristine.join(path), later.join(path)]);
        let merged = merge.output().unwrap();
        assert_eq!(merged.status.code(), Some(0), "{path}");
        assert_ne!(merged.stdout, fs::read(new.join(path)).unwrap(), "{path}: nothing comes with the release");
        assert_ne!(merged.stdout, fs::read(later.join(path)).unwrap(), "{path}: the user changed nothing");
    }

    let old = dir.path().join(".agent-os");
    install_release(&source, &commits[0], &old).unwrap();
    assert!(old.join("standards/testing").is_dir() && !old.join("scripts").exists());
    let project = dir.path().join("project");
    for (generation, install) in [("agent-os", &old), ("ouroboros", &new)] {
        commit_project(&project, install).unwrap();
        let text = |file: &str| fs::read_to_string(project.join(file)).unwrap();
        let (name, not) =
            if generation == "agent-os" { (".agent-os", ".praxis-os") } else { (".praxis-os", ".agent-os") };
        for file in [".cursor/mcp.json", ".gitignore", ".github/workflows/check.yml"] {
            assert!(text(file).contains(name) && !text(file).contains(not), "{file} of {generation}");
        }
        let module = format!("\"{}\"", of(generation).server().package);
        assert!(text(".cursor/mcp.json").contains(&module) && text(".cursor/mcp.json").contains("shop-database"));
        fs::remove_dir_all(&project).unwrap();
    }
}

/// The demo is worth showing only as long as the user's edits meet the releases in these ways.
#[test]
fn edits_merge_and_conflict_as_intended() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("source");
    let commits = prepare_source(&source).unwrap();
    let trees: Vec<PathBuf> = ["old", "middle", "new"].iter().map(|name| dir.path().join(name)).collect();
    for (commit, tree) in commits.iter().zip(&trees) {
        install_release(&source, commit, tree).unwrap();
    }
    let mine = dir.path().join("mine");
    install_release(&source, &commits[0], &mine).unwrap();
    add_user_edits(&mine).unwrap();

    let conflicts = |path: &str, new_path: &str, tree: &Path| {
        let mut merge = Command::new("git");
        merge.args(["merge-file", "-p", "--diff-algorithm=histogram"]);
        merge.args([mine.join(path), trees[0].join(path), tree.join(new_path)]);
        merge.output().unwrap().status.code()
    };
    let standards = "standards/universal";
    for (path, in_middle, in_new) in [
        ("ai-safety/git-safety.md", 1, 3),
        ("concurrency/race-conditions.md", 1, 1),
        ("documentation/readme-guide.md", 0, 1),
        ("testing/test-pyramid.md", 0, 0),
    ] {
        let path = format!("{standards}/{path}");
        assert_eq!(conflicts(&path, &path, &trees[1]), Some(in_middle), "{path}");
        assert_eq!(conflicts(&path, &path, &trees[2]), Some(in_new), "{path}");
    }
    let (old, new) = ("documentation/code-comments.md", "documentation/commenting-code.md");
    assert_eq!(conflicts(&format!("{standards}/{old}"), &format!("{standards}/{new}"), &trees[2]), Some(0));
    assert_eq!(conflicts("mcp_server/search.py", "mcp_server/search.py", &trees[2]), Some(0));
    assert!(!mine.join(standards).join("ai-safety/date-handling.md").exists());
}

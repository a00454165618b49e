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

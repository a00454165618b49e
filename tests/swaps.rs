//! A file where a folder comes and the reverse, on the built binary: nothing is asked, and a rollback brings all back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::common::{Sandbox, assert_same, git, snapshot, text};
use pos_upgrade_tui::host::demo;

/// Puts the files of a release into a repository, and nothing else of the folder they stand in.
fn release(source: &Path, files: &[(&str, &str)]) -> String {
    let topics = source.join("universal/standards/topics");
    let _ = fs::remove_dir_all(&topics);
    for (path, text) in files {
        let path = topics.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    git(source, &["add", "-A"]);
    git(source, &["commit", "-qm", "Release"]);
    git(source, &["rev-parse", "HEAD"])
}

#[test]
fn files_and_folders_change_places_and_back() {
    let sandbox = Sandbox::new();
    let (source, project) = (sandbox.path().join("source"), sandbox.path().join("project"));
    let install = project.join(".praxis-os");
    demo::prepare_source(&source).unwrap();
    let old =
        [("becomes-a-folder", "a file\n"), ("becomes-a-file/deep/er/x.md", "deep\n"), ("becomes-a-file/y.md", "y\n")];
    let new = [("becomes-a-folder/deep/x.md", "in a folder\n"), ("becomes-a-file", "a file now\n")];
    let first = release(&source, &old);
    release(&source, &new);
    fs::create_dir_all(&project).unwrap();
    demo::install_release(&source, &first, &install).unwrap();
    let topics = install.join("standards/universal/topics");
    fs::set_permissions(topics.join("becomes-a-file/deep"), fs::Permissions::from_mode(0o750)).unwrap();
    // An empty folder of the user's own is in nobody's way, but it is his.
    fs::create_dir(topics.join("becomes-a-file/empty")).unwrap();
    let before = snapshot(&install);

    let (project, source) = (project.to_str().unwrap(), source.to_str().unwrap());
    let upgrade = ["upgrade", "--yes", "--only", "content", "--project", project, "--source", source];
    let (code, said) = text(&sandbox.run(&upgrade));
    assert_eq!(code, 0, "{said}");
    for (path, text) in new {
        assert_eq!(fs::read_to_string(topics.join(path)).unwrap(), text, "{path}");
    }
    let (code, said) = text(&sandbox.run(&["rollback", "--yes", "--project", project]));
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &snapshot(&install));
}

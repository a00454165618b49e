//! Sources that lost their history: an unpacked tarball, with and without a git repository of its own around it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Sandbox, assert_same, git, real_content, snapshot, text};
use serde_json::Value;

/// The files of a commit, without git.
fn unpack(source: &Path, commit: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let tar = to.with_extension("tar");
    git(source, &["archive", "--format=tar", "-o", tar.to_str().unwrap(), commit]);
    let status = std::process::Command::new("tar").arg("-xf").arg(&tar).arg("-C").arg(to).status().unwrap();
    assert!(status.success());
}

fn plan(sandbox: &Sandbox, project: &Path, source: &Path) -> Value {
    let arguments = ["plan", "--json", "--project", project.to_str().unwrap(), "--source", source.to_str().unwrap()];
    let output = sandbox.run(&arguments);
    assert!(output.status.success(), "{}", text(&output).1);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output).1))
}

fn kind(plan: &Value, path: &str) -> String {
    let entry = plan["files"].as_array().unwrap().iter().find(|f| f["path"] == path);
    entry.unwrap_or_else(|| panic!("{path} is not planned"))["kind"].as_str().unwrap().to_owned()
}

#[test]
fn files_without_git_are_a_source() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let tarball = sandbox.path().join("praxis-os-1.2.0");
    unpack(&demo.source, "HEAD", &tarball);
    // Whatever the tree says of its files, their bytes count.
    let crlf = tarball.join("universal/standards/testing/ends.md");
    fs::write(&crlf, "one\r\ntwo\r\n").unwrap();
    fs::write(tarball.join(".gitattributes"), "*.md text=auto eol=lf filter=evil\n").unwrap();
    fs::write(tarball.join(".gitignore"), "ends.md\n").unwrap();
    let before = snapshot(&tarball);
    let planned = plan(&sandbox, &demo.project, &tarball);
    assert_eq!(planned["source"]["commit"], plan(&sandbox, &demo.project, &tarball)["source"]["commit"]);
    assert_eq!(kind(&planned, "standards/universal/testing/ends.md"), "new");
    let (project, source) = (demo.project.to_str().unwrap(), tarball.to_str().unwrap());
    let arguments = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep"];
    let upgrade = [&arguments[..], &["--project", project, "--source", source]].concat();
    let (code, said) = text(&sandbox.run(&upgrade));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("folder without git"), "{said}");
    assert_eq!(fs::read(demo.install.join("standards/universal/testing/ends.md")).unwrap(), b"one\r\ntwo\r\n");
    assert_same(&before, &snapshot(&tarball));
    assert!(!tarball.join(".git").exists());
    let (code, said) = text(&sandbox.run(&[&["plan", "--deepen"], &upgrade[6..]].concat()));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("name a clone"), "{said}");
}

#[test]
fn what_a_tarball_can_not_tell_the_known_releases_do() {
    let Some(bundle) = real_content() else { return };
    let sandbox = Sandbox::new();
    let clone = sandbox.path().join("clone");
    git(&sandbox.path(), &["clone", "-q", "-b", "devcut", bundle.to_str().unwrap(), clone.to_str().unwrap()]);
    // What makes a praxis-os of the content.
    let serve = |dir: &Path| {
        fs::create_dir_all(dir.join("mcp_server")).unwrap();
        fs::write(dir.join("mcp_server/__init__.py"), "").unwrap();
    };
    let first = git(&clone, &["rev-parse", "HEAD~8"]);
    let bare = sandbox.path().join("unpacked");
    unpack(&clone, "HEAD", &bare);
    serve(&bare);
    let committed: PathBuf = sandbox.path().join("committed");
    unpack(&clone, "HEAD", &committed);
    serve(&committed);
    git(&committed, &["init", "-q"]);
    git(&committed, &["add", "-A"]);
    git(&committed, &["commit", "-qm", "Import"]);

    let project = sandbox.path().join("project");
    fs::create_dir(&project).unwrap();
    let install = project.join(".praxis-os");
    let older = sandbox.path().join("older");
    unpack(&clone, &first, &older);
    fs::create_dir_all(install.join("standards")).unwrap();
    fs::rename(older.join("universal/standards"), install.join("standards/universal")).unwrap();
    fs::rename(older.join("universal/workflows"), install.join("workflows")).unwrap();
    for source in [&bare, &committed] {
        let untouched = plan(&sandbox, &project, source);
        assert_eq!(untouched["summary"]["conflict"], 0, "{}", untouched["summary"]);
        assert_eq!(untouched["summary"]["stays_deleted"], 0, "{}", untouched["summary"]);
        assert_eq!(untouched["summary"]["local_only"], 0, "{}", untouched["summary"]);
        assert!(untouched["summary"]["update"].as_u64() > Some(0), "{}", untouched["summary"]);
        // An edit of a file that the source changed is asked about: taking the new text for its base would hide that.
        let entries = untouched["files"].as_array().unwrap();
        let changed = entries.iter().find(|f| f["kind"] == "update").unwrap()["path"].as_str().unwrap().to_owned();
        let bytes = fs::read(install.join(&changed)).unwrap();
        fs::write(install.join(&changed), [&bytes[..], b"\nan edit\n"].concat()).unwrap();
        assert_eq!(kind(&plan(&sandbox, &project, source), &changed), "conflict");
        fs::write(install.join(&changed), bytes).unwrap();
    }
}

//! Lines of the project that name what an upgrade moves or takes away: `outside`, and what `plan` says of them.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;

use crate::common::ext::{is_root, lines};
use crate::common::{Sandbox, git, snapshot, text};

fn outside(sandbox: &Sandbox, project: &Path, more: &[&str]) -> Value {
    let mut all = vec!["outside", "--json", "--project", project.to_str().unwrap()];
    all.extend(more);
    let output = sandbox.run(&all);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    lines(&output.stdout).pop().unwrap()
}

/// `path:line becomes`, sorted as they come.
fn told(found: &Value) -> Vec<String> {
    let one = |line: &Value| {
        let becomes = line["becomes"].as_str().unwrap_or("GONE");
        format!("{}:{} {becomes}", line["path"].as_str().unwrap(), line["line"])
    };
    found["references"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn lines_that_name_what_moves() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (&demo.project, demo.source.to_str().unwrap());
    let write = |name: &str, bytes: &[u8]| {
        let path = project.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    git(project, &["init", "-q"]);
    write("README.md", b"Standards are in `.agent-os/standards/`.\nmy.agent-os-tool\n~/.agent-os/x\n");
    write("docs/b.txt", b"\xff .agent-os/\r\nfine\r\n.agent-os");
    write("pic.png", b"\x89PNG\0.agent-os");
    write("big.txt", format!("{}.agent-os", "x".repeat(1 << 20)).as_bytes());
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", "a".repeat(64));
    write("model.bin", pointer.as_bytes());
    write("new/untracked.md", b".agent-os");
    fs::write(project.join(std::ffi::OsStr::from_bytes(b"n\xff.md")), ".agent-os").unwrap();
    symlink(".agent-os/standards", project.join("link")).unwrap();
    write(".praxis-os/specs/own.md", b".agent-os");
    git(project, &["add", "-A", ":!new", ":!.praxis-os"]);
    // Told to assistants, and not tracked.
    write(".cursorrules", b"call aos_workflow(action=\"start\")\nget_phase\n");
    write("CLAUDE.md", b"get_current_phase()\r\nget_workflow_state\r\n");
    write("src/x.py", b"self.get_current_phase()\n");
    git(project, &["add", "src"]);
    fs::set_permissions(project.join("src/x.py"), fs::Permissions::from_mode(0o000)).unwrap();
    let before = snapshot(project);

    let found = outside(&sandbox, project, &["--source", source]);
    let wanted = [
        ".cursorrules:1 call pos_workflow(action=\"start\")",
        "CLAUDE.md:1 pos_workflow(action=\"get_phase\")",
        "CLAUDE.md:2 pos_workflow",
        "README.md:1 Standards are in `.praxis-os/standards/`.",
        "docs/b.txt:1 \u{fffd} .praxis-os/",
        "docs/b.txt:3 .praxis-os",
        "link:0 .praxis-os/standards",
        "n\u{fffd}.md:1 .praxis-os",
    ];
    assert_eq!(told(&found), wanted);
    let odd = found["references"].as_array().unwrap().iter().find(|line| line["path_base64"].is_string());
    assert_eq!(odd.unwrap()["path_base64"], "bv8ubWQ=");
    let mut unread = vec!["big.txt", "model.bin"];
    if !is_root() {
        unread.push("src/x.py");
    }
    let names: Vec<&str> = found["unread"].as_array().unwrap().iter().map(|u| u["path"].as_str().unwrap()).collect();
    assert_eq!(names, unread);
    assert_eq!(found["tracked"], true);
    assert_eq!(before, snapshot(project), "nothing is written");

    // Without a source: what the installed server has no more, which calls the tool by its old name.
    let found = outside(&sandbox, project, &[]);
    assert_eq!(told(&found), wanted[3..]);

    // A folder of that name that is there is somebody else's.
    fs::create_dir(project.join(".agent-os")).unwrap();
    assert_eq!(told(&outside(&sandbox, project, &["--source", source])), wanted[..3]);
    fs::remove_dir(project.join(".agent-os")).unwrap();

    // For people, on a narrow terminal.
    let (code, said) = text(&sandbox.run(&["outside", "--source", source, "--project", project.to_str().unwrap()]));
    assert!(code == 0 && said.contains("6 files name what moved, moves or goes (8 lines)"), "{said}");
    let own = project.to_str().unwrap();
    let wide: Vec<&str> = said.lines().filter(|l| l.chars().count() > 80 && !l.contains(own)).collect();
    assert!(wide.is_empty(), "{wide:?}");

    // Without git every file is read that no tool made.
    fs::remove_dir_all(project.join(".git")).unwrap();
    write("node_modules/x.md", b".agent-os");
    let found = outside(&sandbox, project, &["--source", source]);
    assert!(found["tracked"] == false && told(&found).contains(&"new/untracked.md:1 .praxis-os".to_owned()));
    assert!(!told(&found).iter().any(|line| line.starts_with("node_modules")), "{found}");
}

#[test]
fn pages_that_a_plan_moves_are_named_with_it() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let plan = |more: &[&str]| {
        let mut all = vec!["plan", "--source", source, "--project", project];
        all.extend(more);
        sandbox.run(&all)
    };
    let planned = lines(&plan(&["--json"]).stdout).pop().unwrap();
    let moved = planned["files"].as_array().unwrap().iter().find(|f| f["kind"] == "move").unwrap().clone();
    let (from, to) = (moved["from"].as_str().unwrap(), moved["path"].as_str().unwrap());
    assert_eq!(planned["outside"]["references"], serde_json::json!([]));
    let name = |page: &str| format!("[it](.praxis-os/{page}) and {page}\n");
    fs::write(demo.project.join("NOTES.md"), name(from)).unwrap();
    let planned = lines(&plan(&["--json"]).stdout).pop().unwrap();
    let becomes = format!("NOTES.md:1 [it](.praxis-os/{to}) and {from}");
    assert_eq!(told(&planned["outside"]), [becomes]);
    let (_, said) = text(&plan(&[]));
    assert!(said.contains("outside of the install, 1 file names what moved, moves or goes (1 line)"), "{said}");
    assert!(said.contains("NOTES.md"), "{said}");

    // A saved plan with them is a plan.
    let saved = demo.dir.join("plan.json");
    fs::write(&saved, plan(&["--json"]).stdout).unwrap();
    let saved = ["upgrade", "--yes", "--on-conflict", "keep", "--plan", saved.to_str().unwrap(), "--project", project];
    let (code, said) = text(&sandbox.run(&saved));
    assert!(code == 0 && said.contains("1 file names what moved, moves or goes (1 line); to see them"), "{said}");
    assert_eq!(fs::read_to_string(demo.project.join("NOTES.md")).unwrap(), name(from), "the file is the user's");
}

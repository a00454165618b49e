//! Entries of editors that would not start the new server: shown, changed only where that is wanted, and put back.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::common::ext::{is_root, lines};
use crate::common::{Sandbox, snapshot, text};
use crate::crash::many::shard;
use pos_upgrade_tui::host::demo::Demo;

/// An entry that is dead since somebody renamed the folder, as a person leaves it, with what it should be.
fn settings() -> (String, String) {
    let old = "\u{feff}{\r\n\t// servers of .agent-os, and others\r\n  \"mcpServers\": {\r\n\
        \t\"other\": { \"command\": \"npx\", \"args\": [\"-y\", \"x\",], \"autoApprove\": [\"aos_workflow\"] },\r\n\
        \t\"whatever\": {\r\n      \"command\": \"${workspaceFolder}/.agent-os/venv/bin/python\",\r\n\
        \x20     \"args\": [\"-m\",   \"mcp_server\", \"--transport\", \"dual\"], /* .agent-os */\r\n\
        \x20     \"env\": { \"PYTHONPATH\": \"${workspaceFolder}/.agent-os\", \"KEY\": \"secret\" },\r\n\
        \x20     \"autoApprove\": [ \"search_standards\", \"aos_workflow\", ],\r\n    },\r\n  },\r\n}";
    let (head, own) = old.split_at(old.find("\"whatever\"").unwrap());
    let own = own.replace("${workspaceFolder}/.agent-os", "${workspaceFolder}/.praxis-os");
    (old.to_owned(), format!("{head}{}", own.replace("aos_workflow", "pos_workflow")))
}

struct World {
    sandbox: Sandbox,
    demo: Demo,
}

impl World {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        Self { sandbox, demo }
    }

    /// The same with a dead entry in Cursor's settings.
    fn with_entry() -> Self {
        let world = Self::new();
        world.write(".cursor/mcp.json", &settings().0);
        fs::set_permissions(world.path(".cursor/mcp.json"), fs::Permissions::from_mode(0o640)).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.demo.project.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn cursor(&self) -> String {
        fs::read_to_string(self.path(".cursor/mcp.json")).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.sandbox.command();
        command.args(arguments).arg("--project").arg(&self.demo.project);
        if matches!(arguments[0], "plan" | "upgrade") {
            command.arg("--source").arg(&self.demo.source);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let (code, said) = text(&self.command(arguments).output().unwrap());
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    fn json(&self, arguments: &[&str]) -> Value {
        lines(&self.command(&[arguments, &["--json"]].concat()).output().unwrap().stdout).pop().unwrap()
    }
}

const UPGRADE: [&str; 4] = ["upgrade", "--yes", "--on-conflict", "keep"];
const CHANGING: [&str; 6] = ["upgrade", "--yes", "--on-conflict", "keep", "--editor-config", "yes"];

#[test]
fn a_dead_entry_is_shown_changed_and_put_back() {
    let (old, new) = settings();
    let world = World::with_entry();
    let before = snapshot(&world.demo.project);
    let plan = world.json(&["plan"]);
    let files = plan["project_files"].as_array().unwrap();
    assert_eq!((files.len(), &files[0]["path"], &files[0]["problem"]), (1, &json!(".cursor/mcp.json"), &Value::Null));
    let pointers: Vec<&str> =
        files[0]["edits"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    let own = |key: &str| format!("/mcpServers/whatever/{key}");
    assert_eq!(pointers, [own("command"), own("env/PYTHONPATH"), own("autoApprove")]);
    let said = world.run(&["plan"]);
    assert!(said.contains("+ \"${workspaceFolder}/.praxis-os/venv/bin/python\""), "{said}");
    assert!(said.contains("--editor-config yes"), "{said}");
    assert_eq!(snapshot(&world.demo.project), before, "a plan writes nothing");

    let time = || fs::metadata(world.path(".cursor/mcp.json")).unwrap().modified().unwrap();
    let was = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::open(world.path(".cursor/mcp.json")).unwrap().set_modified(was).unwrap();
    let said = world.run(&CHANGING);
    assert_eq!(world.cursor(), new);
    assert!(said.contains("The editors' entries for the server"), "{said}");
    let mode = fs::metadata(world.path(".cursor/mcp.json")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    assert_eq!(world.json(&["plan"])["project_files"], json!([]));
    let backups = world.path(".praxis-os/.backups");
    let backup = fs::read_dir(backups).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(backup.join("project.cursor-mcp.json")).unwrap(), old);
    assert_ne!(time(), was);
    world.run(&["backups", "verify"]);

    world.run(&["rollback", "--yes"]);
    assert_eq!(world.cursor(), old, "byte for byte");
    assert_eq!(time(), was, "as old as it was");
    let mode = fs::metadata(world.path(".cursor/mcp.json")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    assert_eq!(fs::read_dir(world.path(".cursor")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn without_a_yes_the_report_says_what_to_change() {
    let (old, new) = settings();
    for no in [&UPGRADE[..], &[&UPGRADE[..], &["--editor-config", "no"]].concat()] {
        let world = World::with_entry();
        let said = world.run(no);
        assert_eq!(world.cursor(), old);
        let value = "/mcpServers/whatever/command: \"${workspaceFolder}/.agent-os/venv/bin/python\" should be \
                     \"${workspaceFolder}/.praxis-os/venv/bin/python\"";
        assert!(said.contains("Change these by hand") && said.contains(value), "{said}");
        // A current install whose entry is dead: that is told, and mended where it is wanted.
        let said = world.run(no);
        assert!(said.contains("nothing to do") && said.contains("--editor-config yes"), "{said}");
        world.run(&CHANGING);
        assert_eq!(world.cursor(), new);
        world.run(&["rollback", "--yes"]);
        assert_eq!(world.cursor(), old);
    }
    // The content alone changes no server.
    let world = World::with_entry();
    world.run(&[&CHANGING[..], &["--only", "content"]].concat());
    assert_eq!(world.cursor(), old);
}

#[test]
fn what_the_user_wrote_since_stays() {
    let (old, new) = settings();
    let world = World::with_entry();
    world.run(&CHANGING);
    let since = |text: &str| {
        let text = text.replace("\"other\"", "\"mine\": {\"url\": \"http://127.0.0.1:1\"},\r\n\"other\"");
        text.replace("\"KEY\": \"secret\"", "\"KEY\": \"other\"")
    };
    let own = since(&new).replace("\"search_standards\", ", "");
    fs::write(world.path(".cursor/mcp.json"), &own).unwrap();
    let said = world.run(&["rollback", "--yes"]);
    let wanted = since(&old).replace("[ \"search_standards\", \"aos_workflow\", ]", "[ \"pos_workflow\", ]");
    assert_eq!(world.cursor(), wanted);
    assert!(said.contains("/mcpServers/whatever/autoApprove was changed since, so it stays"), "{said}");

    // What can't be read any more, what is gone, and what has become a link.
    for (at, (text, named)) in [(Some("{ not"), "can't be read as JSON"), (None, "")].into_iter().enumerate() {
        let world = World::with_entry();
        world.run(&CHANGING);
        match text {
            Some(text) => fs::write(world.path(".cursor/mcp.json"), text).unwrap(),
            None => fs::remove_file(world.path(".cursor/mcp.json")).unwrap(),
        }
        let said = world.run(&["rollback", "--yes"]);
        assert!(said.contains(named), "{at}: {said}");
        assert_eq!(fs::read_to_string(world.path(".cursor/mcp.json")).ok().as_deref(), text);
    }
}

#[test]
fn links_and_what_can_not_be_read_are_named_and_left() {
    let (old, _) = settings();
    for folder in [true, false] {
        let world = World::new();
        let outside = world.demo.dir.join("elsewhere");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("mcp.json"), &old).unwrap();
        if folder {
            symlink(&outside, world.path(".cursor")).unwrap();
        } else {
            fs::create_dir(world.path(".cursor")).unwrap();
            symlink(outside.join("mcp.json"), world.path(".cursor/mcp.json")).unwrap();
        }
        let plan = world.json(&["plan"]);
        assert!(plan["project_files"][0]["problem"].as_str().unwrap().contains("link"), "{plan}");
        let said = world.run(&CHANGING);
        assert!(said.contains("mcp.json: it is a link") && said.contains("should be"), "{said}");
        assert_eq!(fs::read_to_string(outside.join("mcp.json")).unwrap(), old);
        world.run(&["rollback", "--yes"]);
        assert_eq!(fs::read_to_string(outside.join("mcp.json")).unwrap(), old);
    }
    let world = World::new();
    world.write(".mcp.json", "{ .agent-os/ broken");
    world.write(".vscode/mcp.json", "{ something else");
    let said = world.run(&CHANGING);
    assert!(said.contains(".mcp.json: it can't be read as JSON") && !said.contains(".vscode"), "{said}");
    // A folder that is shut is told before anything begins.
    if !is_root() {
        let world = World::with_entry();
        fs::set_permissions(world.path(".cursor"), fs::Permissions::from_mode(0o555)).unwrap();
        let (code, said) = text(&world.command(&CHANGING).output().unwrap());
        assert!(code == 4 && said.contains("chmod u+w") && said.contains("POS-E0902"), "{said}");
        assert_eq!(world.cursor(), old);
        world.run(&UPGRADE);
        fs::set_permissions(world.path(".cursor"), fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn killed_around_the_writing_it_goes_on_or_back() {
    let (old, new) = settings();
    let crashed = |number: usize| {
        let world = World::with_entry();
        let output = world.command(&CHANGING).env("POS_CRASH_AT", number.to_string()).output().unwrap();
        assert!(output.status.code().is_none(), "it did not die at {number}: {}", text(&output).1);
        world
    };
    let world = World::with_entry();
    let log = world.demo.dir.join("points.log");
    assert!(world.command(&CHANGING).env("POS_CRASH_LOG", &log).output().unwrap().status.success());
    let all = fs::read_to_string(log).unwrap().lines().count();
    // The first point behind which it is written.
    let (mut low, mut high) = (1, all);
    while low < high {
        let middle = usize::midpoint(low, high);
        if crashed(middle).cursor() == old {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let mut ends = [0, 0];
    let near = (low.saturating_sub(4)..=low + 2).flat_map(|number| [(number, false), (number, true)]).collect();
    for (number, back) in shard(near, 2, |(number, back)| format!("{number}, {back}")) {
        let world = crashed(number);
        let between = world.cursor();
        assert!(between == old || between == new, "{number}: {between}");
        ends[usize::from(between == new)] += 1;
        if !back {
            world.run(&["resume", "--yes"]);
            assert_eq!(world.cursor(), new, "{number}");
        }
        world.run(&["rollback", "--yes"]);
        assert_eq!(world.cursor(), old, "{number}");
        assert_eq!(fs::read_dir(world.path(".cursor")).unwrap().count(), 1, "{number}: nothing is left beside it");
    }
    println!("{all} points, written at {low}; {} times before, {} behind", ends[0], ends[1]);
    assert!(ends.iter().all(|n| *n > 0), "{ends:?}");
}

//! `outside --write` and `--undo`: names replaced in the files that a person names, and put back.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use crate::common::ext::lines;
use crate::common::{Sandbox, assert_same, git, snapshot, text};
use pos_upgrade_tui::host::demo::Demo;

const CI: &str = ".github/workflows/ci.yml";
const OLD_DOC: &[u8] = b"\xe9t\xe9: see .agent-os/x\r\n\r\nmy.agent-os-tool\r\nmiddle\r\nmore\r\nend .agent-os/";
const NEW_DOC: &[u8] = b"\xe9t\xe9: see .praxis-os/x\r\n\r\nmy.agent-os-tool\r\nmiddle\r\nmore\r\nend .praxis-os/";
const OLD_CI: &str = "on:\n  push:\n    paths: ['.agent-os/**', 'src/**']\n";

struct World {
    sandbox: Sandbox,
    demo: Demo,
}

impl World {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let world = Self { sandbox, demo };
        world.put("docs/a.md", OLD_DOC);
        world.put(CI, OLD_CI);
        world.put("README.md", "fine");
        fs::set_permissions(world.path("docs/a.md"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("docs/a.md", world.path("link.md")).unwrap();
        git(&world.demo.project, &["init", "-q"]);
        git(&world.demo.project, &["add", "-A"]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.demo.project.join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let project = self.demo.project.to_str().unwrap();
        text(&self.sandbox.run(&[&["outside", "--project", project][..], arguments].concat()))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let project = self.demo.project.to_str().unwrap();
        let output = self.sandbox.run(&[&["outside", "--json", "--project", project][..], arguments].concat());
        lines(&output.stdout).pop().unwrap_or_else(|| panic!("{}", text(&output).1))
    }
}

#[test]
fn exactly_the_listed_names_change_and_come_back() {
    let world = World::new();
    let before = snapshot(&world.demo.project);
    let (code, said) = world.run(&["--write", "docs/a.md", CI, "--dry-run"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("--- a/docs/a.md") && said.contains("-\\xe9t\\xe9: see .agent-os/x"), "{said}");
    assert!(said.contains("+    paths: ['.praxis-os/**', 'src/**']") && said.contains("nothing was changed"), "{said}");
    let (code, said) = world.run(&["--write", "docs/a.md"]);
    assert!(code == 2 && said.contains("--yes"), "nobody said yes: {said}");
    assert_same(&before, &snapshot(&world.demo.project));

    let (code, said) = world.run(&["--write", "docs/a.md", "./docs/a.md", "--yes"]);
    assert!(code == 0 && said.contains("docs/a.md: 2 names replaced"), "{said}");
    assert_eq!((world.bytes("docs/a.md"), world.bytes(CI)), (NEW_DOC.to_vec(), OLD_CI.as_bytes().to_vec()));
    assert_eq!(fs::metadata(world.path("docs/a.md")).unwrap().permissions().mode() & 0o777, 0o640);
    let (code, said) = world.run(&["--write", "docs/a.md", "--yes"]);
    assert!(code == 4 && said.contains("nothing in it names what moved"), "{said}");
    let ci = world.path(CI);
    let done = world.json(&["--yes", "--write", ci.to_str().unwrap()]);
    assert_eq!(done["files"], json!([{"path": CI, "path_base64": null, "replaced": 1, "left": []}]));
    assert_eq!(world.json(&[])["references"], json!([]));

    // The last one first.
    let (code, said) = world.run(&["--undo", "--dry-run"]);
    assert!(code == 0 && said.contains("+    paths: ['.agent-os/**'"), "{said}");
    for _ in 0..2 {
        let (code, said) = world.run(&["--undo", "--yes"]);
        assert!(code == 0 && said.contains("is as it was"), "{said}");
    }
    assert_eq!((world.bytes("docs/a.md"), world.bytes(CI)), (OLD_DOC.to_vec(), OLD_CI.as_bytes().to_vec()));
    assert_eq!(fs::metadata(world.path("docs/a.md")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(world.path("docs")).unwrap().count(), 1, "nothing is left beside it");
    let (code, said) = world.run(&["--undo", "--yes"]);
    assert!(code == 2 && said.contains("nothing was written outside of the install"), "{said}");
}

#[test]
fn what_the_user_wrote_since_stays() {
    let world = World::new();
    let written = |name: &str| {
        let done = world.json(&["--yes", "--write", name]);
        done["stamp"].as_str().unwrap().to_owned()
    };
    let (first, second) = (written("docs/a.md"), written(CI));
    let edit = |bytes: &[u8], from: &str, to: &str| -> Vec<u8> {
        let at = bytes.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        [&bytes[..at], to.as_bytes(), &bytes[at + from.len()..]].concat()
    };
    world.put("docs/a.md", edit(NEW_DOC, "middle", "mine"));
    world.put(CI, world.bytes(CI).iter().copied().filter(|b| *b != b'*').collect::<Vec<u8>>());
    let (code, said) = world.run(&["--undo", &first, "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(world.bytes("docs/a.md"), edit(OLD_DOC, "middle", "mine"));

    let own = world.bytes(CI);
    let (code, said) = world.run(&["--undo", "--yes"]);
    assert!(code == 6 && said.contains("the same lines were changed since") && said.contains("0.old"), "{said}");
    assert_eq!(world.bytes(CI), own);
    // It can be tried again; what is gone is named.
    fs::remove_file(world.path(CI)).unwrap();
    let left = world.json(&["--undo", &second, "--yes"]);
    assert!(left["stays"][0].as_str().unwrap().contains("it is gone"), "{left}");
    world.put(CI, OLD_CI);
    assert_eq!(world.json(&["--undo", &second, "--yes"])["stays"], json!([]));
    assert!(!world.demo.install.join(".upgrade/outside").join(&second).exists());

    // What was kept and is damaged is not put back.
    let third = written(CI);
    let new = world.bytes(CI);
    fs::write(world.demo.install.join(".upgrade/outside").join(&third).join("0.old"), "forged").unwrap();
    let left = world.json(&["--undo", "--yes"]);
    assert!(left["stays"][0].as_str().unwrap().contains("damaged"), "{left}");
    assert_eq!(world.bytes(CI), new);
}

#[test]
fn what_is_not_for_it_is_refused_and_nothing_is_written() {
    let world = World::new();
    let elsewhere = world.demo.dir.join("elsewhere.md");
    fs::write(&elsewhere, ".agent-os").unwrap();
    world.put(".git/hooks/pre-commit", ".agent-os");
    world.put("say.json", r#"{"say": "call get_current_phase() in .agent-os"}"#);
    world.put(".cursor/say.json", r#"{"say": "call get_current_phase()"}"#);
    world.put(".praxis-os/specs/own.md", ".agent-os");
    world.put(
        "wide.md",
        ".agent-os".encode_utf16().fold(vec![0xff, 0xfe], |mut all, unit| {
            all.extend(unit.to_le_bytes());
            all
        }),
    );
    symlink("docs", world.path("folder")).unwrap();
    git(&world.demo.project, &["add", "-A"]);
    let source = world.demo.source.to_str().unwrap();
    let before = snapshot(&world.demo.project);
    let cases = [
        ("link.md", "it is a link"),
        ("folder/a.md", "it is a link, or in a folder that is one"),
        ("../elsewhere.md", "outside of the project"),
        (elsewhere.to_str().unwrap(), "outside of the project"),
        ("/etc/passwd", "outside of the project"),
        (".git/hooks/pre-commit", "git's own folder"),
        (".praxis-os/specs/own.md", "part of an install"),
        ("README.md", "nothing in it names"),
        ("docs", "there is no such file"),
        ("nowhere.md", "there is no such file"),
        ("wide.md", "UTF-16"),
        (".cursor/say.json", "is not valid JSON"),
    ];
    for (name, why) in cases {
        let (code, said) = world.run(&["--source", source, "--yes", "--write", "docs/a.md", name]);
        assert!(code == 4 && said.contains(why) && said.contains("nothing was changed"), "{name}: {said}");
    }
    assert_same(&before, &snapshot(&world.demo.project));
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), ".agent-os");

    // Another one at work, and a place of ours that leads elsewhere.
    fs::create_dir_all(world.demo.install.join(".upgrade")).unwrap();
    let lock = fs::File::create(world.demo.install.join(".upgrade/lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let (code, said) = world.run(&["--yes", "--write", "docs/a.md"]);
    assert!(code == 7 && world.bytes("docs/a.md") == OLD_DOC, "{said}");
    drop(lock);
    let away = world.demo.dir.join("away");
    fs::create_dir(&away).unwrap();
    symlink(&away, world.demo.install.join(".upgrade/outside")).unwrap();
    let (code, said) = world.run(&["--yes", "--write", "docs/a.md"]);
    assert!(code == 4 && said.contains("is a link") && world.bytes("docs/a.md") == OLD_DOC, "{said}");
    assert_eq!(fs::read_dir(&away).unwrap().count(), 0);
}

#[test]
fn a_forged_note_leads_nowhere() {
    let world = World::new();
    let stamp = world.json(&["--yes", "--write", CI])["stamp"].as_str().unwrap().to_owned();
    let note = world.demo.install.join(".upgrade/outside").join(&stamp).join("written.json");
    let text: Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
    let new = world.bytes(CI);
    world.put(".git/hooks/x", &new);
    for path in ["../elsewhere", "/etc/passwd", ".git/hooks/x", ".praxis-os/upgrade.json", "link.md", ""] {
        let mut forged = text.clone();
        forged["files"][0]["path"] = json!(path);
        fs::write(&note, forged.to_string()).unwrap();
        let before = snapshot(&world.demo.project);
        let left = world.json(&["--undo", "--yes"]);
        assert_eq!(left["stays"].as_array().unwrap().len(), 1, "{path}: {left}");
        let changed = snapshot(&world.demo.project);
        assert_eq!(world.bytes(".git/hooks/x"), new, "{path}");
        assert!(before.keys().all(|name| name.contains("/.upgrade") || before[name] == changed[name]), "{path}");
    }
    fs::write(&note, "{").unwrap();
    let (code, said) = world.run(&["--undo", "--yes"]);
    assert!(code == 4 && said.contains("can't be read"), "{said}");
}

#[test]
fn a_kill_in_the_middle_loses_nothing() {
    let world = World::new();
    let project = world.demo.project.to_str().unwrap();
    let arguments = ["outside", "--yes", "--project", project, "--write", "docs/a.md", CI];
    let mut died = 0;
    for number in 1.. {
        let mut command = world.sandbox.command();
        let output = command.args(arguments).env("POS_CRASH_AT", number.to_string()).output().unwrap();
        let done = output.status.code().is_some();
        died += u32::from(!done);
        // Whatever happened: the files are old or new, and undoing brings all back.
        assert!([OLD_DOC, NEW_DOC].contains(&&world.bytes("docs/a.md")[..]), "{number}");
        let (code, said) = world.run(&["--undo", "--yes"]);
        assert!(
            code == 0 || said.contains("nothing was written") || said.contains("can't be read"),
            "{number}: {said}"
        );
        assert_eq!(
            (world.bytes("docs/a.md"), world.bytes(CI)),
            (OLD_DOC.to_vec(), OLD_CI.as_bytes().to_vec()),
            "{number}"
        );
        let left = fs::read_dir(world.path("docs")).unwrap().count();
        assert!(left <= 2, "{number}: at most what was half written");
        if done {
            assert_eq!(left, 1, "and that goes with the next");
            break;
        }
    }
    assert!(died > 8, "{died}");
}

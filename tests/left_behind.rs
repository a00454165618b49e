//! What lies about in an install and beside it: hand-made upgrades' files, other programs' locks, workflows that go on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use crate::common::ext::{lines, sleeper};
use crate::common::{Sandbox, assert_same, git, snapshot, text};
use pos_upgrade_tui::host::demo::Demo;

struct World {
    sandbox: Sandbox,
    demo: Demo,
    template: Value,
}

impl World {
    /// A source whose config template has gained a key, and an install with a config of its own made from the older one.
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let ship = |template: &Value, message: &str| {
            let path = demo.source.join("universal/templates/config.json");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, template.to_string()).unwrap();
            git(&demo.source, &["add", "-A"]);
            git(&demo.source, &["commit", "-qm", message]);
        };
        let config: Value = serde_json::from_slice(&fs::read(demo.install.join("config.json")).unwrap()).unwrap();
        ship(&config, "Ship a template");
        let mut template = config.clone();
        template["telemetry"] = json!({"enabled": false});
        ship(&template, "Add a key");
        Self { sandbox, demo, template }
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.demo.install.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.sandbox.command();
        command.args(arguments).arg("--project").arg(&self.demo.project).arg("--source").arg(&self.demo.source);
        command
    }

    /// `kind path what next`, as a plan tells it.
    fn told(&self) -> Vec<String> {
        let output = self.command(&["plan", "--json"]).output().unwrap();
        let plan = lines(&output.stdout).pop().unwrap_or_else(|| panic!("{}", text(&output).1));
        let project = format!("{}/", fs::canonicalize(&self.demo.project).unwrap().display());
        let one = |left: &Value| {
            let text = |key: &str| left[key].as_str().unwrap_or_default().replace(&project, "");
            format!("{} {}: {}; {}", text("kind"), text("path"), text("what"), text("next"))
        };
        plan["leftovers"].as_array().unwrap().iter().map(one).collect()
    }

    fn tells(&self, wanted: &[&[&str]]) {
        let told = self.told();
        assert_eq!(told.len(), wanted.len(), "{told:#?}");
        for (line, parts) in told.iter().zip(wanted) {
            assert!(parts.iter().all(|part| line.contains(part)), "{line}\nhas not {parts:?}");
        }
    }
}

#[test]
fn what_hand_made_upgrades_left_is_named_with_what_to_do() {
    let world = World::new();
    assert_eq!(world.told(), [""; 0]);
    let install = &world.demo.install;
    let page = "standards/universal/installation/gitignore-requirements.md";
    assert!(install.join(page).is_file());
    world.write("config.json.new", world.template.to_string());
    world.write("config.json.backup2", "{}");
    world.write("config/CONFIG_RECONCILIATION_NEEDED.md", "x");
    world.write(&format!("{page}.new"), "of nobody");
    // Names that only look like it.
    for own in [
        "specs/plan",
        "specs/plan.new",
        "specs/plan.backup",
        "CONFIG_RECONCILIATION_NEEDED.md",
        ".cache/config.json.new",
    ] {
        world.write(own, "mine");
    }
    symlink("config.json", install.join("config.json.bak")).unwrap();
    fs::create_dir(world.demo.project.join(".praxis-os.backup.20251114_101112")).unwrap();
    fs::create_dir(world.demo.project.join(".praxis-os-backup")).unwrap();
    let before = snapshot(&world.demo.project);
    world.tells(&[
        &["copy .praxis-os/config.json.backup2: a copy of config.json", "diff "],
        // What the config has more is asked about: nobody knows which template it was made from.
        &["template .praxis-os/config.json.new: a release's version of config.json, which will still lack /telemetry"],
        &["note .praxis-os/config/CONFIG_RECONCILIATION_NEEDED.md", "rm .praxis-os/config/CONFIG"],
        &["template .praxis-os/standards/universal/installation/gitignore", "is of no release of this source"],
        &["backup .praxis-os.backup.20251114_101112", "nothing here reads or removes it", "rm -r "],
    ]);
    assert_same(&before, &snapshot(&world.demo.project));

    // A config that has all keys, with the user's own values: the template can go.
    let mut config = world.template.clone();
    config["telemetry"]["enabled"] = json!(true);
    config["mine"] = json!(1);
    world.write("config.json", config.to_string());
    let told = world.told();
    assert!(
        told[1].contains("which has all of it when the upgrade is done; rm .praxis-os/config.json.new"),
        "{told:#?}"
    );
    let (_, said) = text(&world.command(&["plan"]).output().unwrap());
    assert!(said.contains("lying about: look at these before you upgrade"), "{said}");
    let upgrade = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep"];
    let (code, said) = text(&world.command(&upgrade).output().unwrap());
    assert!(code == 0 && install.join("config.json.new").is_file(), "{said}");
}

#[test]
fn a_page_beside_its_own_kind_goes_only_where_the_release_has_it_so() {
    let world = World::new();
    let page = "standards/universal/installation/gitignore-requirements.md";
    let shipped = git(&world.demo.source, &["show", "HEAD:universal/standards/installation/gitignore-requirements.md"]);
    world.write(&format!("{page}.new"), format!("{}\n", shipped.trim_end()));
    let told = world.told();
    assert!(told.len() == 1 && told[0].contains("which has all of it when the upgrade is done; rm "), "{told:#?}");
    world.write(page, "a text of my own\n");
    let told = world.told();
    assert!(told.len() == 1 && told[0].contains("keep it until"), "{told:#?}");
}

#[test]
fn locks_that_are_held_stop_an_upgrade_and_others_are_named() {
    let world = World::new();
    let path = |name: &str| world.demo.install.join(name);
    for name in [".upgrade_lock", ".cache/.runtime.lock"] {
        world.write(name, "");
    }
    world.tells(&[
        &["lock .praxis-os/.upgrade_lock: a lock that nobody holds any more; rm .praxis-os/.upgrade_lock"],
        &["lock .praxis-os/.cache/.runtime.lock", "rm .praxis-os/.cache/.runtime.lock"],
    ]);
    let refused = |wanted: &str, lock: &Path| {
        let before = snapshot(&world.demo.install);
        for arguments in [&["plan"][..], &["upgrade", "--yes", "--on-conflict", "keep"]] {
            let (code, said) = text(&world.command(arguments).output().unwrap());
            assert!(
                code == 4 && [wanted, lock.to_str().unwrap(), "POS-E0410"].iter().all(|word| said.contains(word)),
                "{arguments:?}: {said}"
            );
        }
        assert_same(&before, &snapshot(&world.demo.install));
    };
    let holder = sleeper();
    world.write(".cache/.runtime.lock", format!("{} 1764212345", holder.pid()));
    refused(&format!("process {} holds this lock", holder.pid()), &path(".cache/.runtime.lock"));
    drop(holder);

    let lock = fs::File::create(path(".upgrade.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    refused(&format!("process {} holds this lock", std::process::id()), &path(".upgrade.lock"));
    drop(lock);
    assert_eq!(world.told().len(), 3);
}

#[test]
fn workflows_that_go_on_are_named_with_what_becomes_of_them() {
    let world = World::new();
    let plan: Value = lines(&world.command(&["plan", "--json"]).output().unwrap().stdout).pop().unwrap();
    let files = plan["files"].as_array().unwrap();
    let workflow = |wanted: &dyn Fn(&str) -> bool| {
        let of = |file: &Value| {
            let path = file["path"].as_str().unwrap().strip_prefix("workflows/")?;
            Some((path.split_once('/')?.0.to_owned(), file["kind"].as_str().unwrap().to_owned()))
        };
        let all: Vec<(String, String)> = files.iter().filter_map(of).collect();
        all.iter()
            .map(|(name, _)| name.clone())
            .find(|name| all.iter().any(|(other, kind)| other == name && wanted(kind)))
    };
    let changed = workflow(&|kind| kind == "update").unwrap();
    let session = |workflow: &str, more: Value| {
        let mut file = json!({"session_id": "x", "workflow_type": workflow, "current_phase": 2, "completed_phases": [0, 1],
            "updated_at": "2025-11-14T10:00:00", "checkpoints": {"0": "passed", "2": "pending"}});
        more.as_object().unwrap().iter().for_each(|(key, value)| file[key] = value.clone());
        file.to_string()
    };
    world.write(".cache/state/a.json", session(&changed, json!({})));
    world.write(".cache/state/b.json", session("my_own_v1", json!({"current_phase": "3"})));
    world.write(".cache/state/c.json", session(&changed, json!({"metadata": {"total_phases": 2}})));
    world.write(".cache/state/d.json", "{ torn");
    world.write("state/workflow/active/e.json", session(&changed, json!({"status": "active"})));
    world.write("state/workflow/completed/f.json", session(&changed, json!({})));
    world.tells(&[
        &[
            "session .praxis-os/state/workflow/active/e.json",
            "this upgrade changes that workflow",
            "does not read its session",
        ],
        &[
            "session .praxis-os/.cache/state/a.json: the workflow",
            &changed,
            "(phase 2, last used ",
            " days ago)",
            "this upgrade changes",
        ],
        &[
            "session .praxis-os/.cache/state/b.json: the workflow my_own_v1 is not finished (phase 3",
            "leaves that workflow alone",
        ],
    ]);
    // Our own sessions are none of these.
    let upgrade = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep"];
    let (code, said) = text(&world.command(&upgrade).output().unwrap());
    assert_eq!(code, 0, "{said}");
    assert_eq!(world.told().iter().filter(|line| line.starts_with("session")).count(), 3);
}

//! Rules files for assistants: the release's text comes into them where that is wanted, and goes back with a rollback.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::common::ext::lines;
use crate::common::{Sandbox, git, snapshot, text};
use pos_upgrade_tui::host::demo::Demo;

const OLD: &str = "# Rules\n\nask search_standards() first\nthen go\n";
const NEW: &str = "# Rules\n\nask pos_search_project() first\nthen go on\n";

struct World {
    sandbox: Sandbox,
    demo: Demo,
}

const UPGRADE: [&str; 4] = ["upgrade", "--yes", "--on-conflict", "keep"];
const WITH_RULES: [&str; 6] = ["upgrade", "--yes", "--on-conflict", "keep", "--rules", "yes"];

impl World {
    /// A source that ships rules, and shipped others before.
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let world = Self { sandbox, demo };
        world.ship(OLD);
        world.ship(NEW);
        world
    }

    fn ship(&self, rules: &str) {
        fs::create_dir_all(self.demo.source.join("installation")).unwrap();
        fs::write(self.demo.source.join("installation/.cursorrules"), rules).unwrap();
        git(&self.demo.source, &["add", "-A"]);
        git(&self.demo.source, &["commit", "-qm", "Ship rules"]);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.demo.project.join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
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

    fn planned(&self) -> Value {
        lines(&self.command(&["plan", "--json"]).output().unwrap().stdout).pop().unwrap()["rules"].clone()
    }
}

#[test]
fn a_pristine_one_is_managed_and_comes_back() {
    let world = World::new();
    world.put(".cursorrules", OLD.replace('\n', "\r\n"));
    fs::set_permissions(world.path(".cursorrules"), fs::Permissions::from_mode(0o640)).unwrap();
    let own = format!("# Mine\n\n{OLD}\n## More\nno end");
    world.put(".claude/CLAUDE.md", &own);
    world.put("AGENTS.md", "nothing of it\n");
    let before = snapshot(&world.demo.project);
    let plan = world.planned();
    let wanted = json!([
        {"path": ".claude/CLAUDE.md", "how": "wrapped", "problem": null},
        {"path": ".cursorrules", "how": "whole", "problem": null},
    ]);
    assert_eq!(plan, wanted);
    let said = world.run(&["plan"]);
    assert!(said.contains("+ask pos_search_project() first") && said.contains("only with: --rules yes"), "{said}");
    assert_eq!(before, snapshot(&world.demo.project));

    // Without a yes the report says it, and so does a current install.
    let said = world.run(&UPGRADE);
    assert!(said.contains("These rules for assistants still have an older release's text"), "{said}");
    assert_eq!(world.text(".claude/CLAUDE.md"), own);
    let said = world.run(&UPGRADE);
    assert!(said.contains("nothing to do") && said.contains("--rules yes"), "{said}");

    let said = world.run(&WITH_RULES);
    assert!(said.contains("Rules for assistants have the new release's text"), "{said}");
    assert_eq!(world.text(".cursorrules"), NEW.replace('\n', "\r\n"));
    assert_eq!(fs::metadata(world.path(".cursorrules")).unwrap().permissions().mode() & 0o777, 0o640);
    let new = world.text(".claude/CLAUDE.md");
    assert!(new.starts_with("# Mine\n\n<!-- pos-upgrade-tui: begin installation/.cursorrules "), "{new}");
    assert!(new.ends_with("<!-- pos-upgrade-tui: end installation/.cursorrules -->\n\n## More\nno end"), "{new}");
    assert_eq!(world.planned(), json!([]));
    world.run(&["backups", "verify"]);

    world.run(&["rollback", "--yes"]);
    assert_eq!((world.text(".cursorrules"), world.text(".claude/CLAUDE.md")), (OLD.replace('\n', "\r\n"), own));
    assert_eq!(fs::metadata(world.path(".cursorrules")).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(world.path(".claude")).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_block_is_replaced_and_what_the_user_wrote_since_stays() {
    let world = World::new();
    world.put(".cursorrules", format!("mine\r\n{}\r\nend", OLD.replace('\n', "\r\n")));
    world.run(&WITH_RULES);
    let first = world.text(".cursorrules");
    assert!(first.starts_with("mine\r\n# pos-upgrade-tui: begin"), "{first}");
    world.ship("# Rules\nall new\n");
    // Own lines around the block.
    let own = first.replacen("mine", "mine, and more", 1);
    world.put(".cursorrules", &own);
    world.run(&WITH_RULES);
    let second = world.text(".cursorrules");
    assert_eq!(second, own.replace(&NEW.replace('\n', "\r\n"), "# Rules\r\nall new\r\n"));
    // A line of the user's in front of it, then back.
    world.put(".cursorrules", second.replacen("end", "the end", 2).replacen("the end", "end", 1));
    world.run(&["rollback", "--yes"]);
    let back = world.text(".cursorrules");
    assert!(back.contains("pos_search_project") && back.ends_with("\r\nthe end"), "{back}");

    // The very lines changed: it stays, and is named with its copy.
    let world = World::new();
    world.put(".cursorrules", OLD);
    world.run(&WITH_RULES);
    let own = NEW.replace("go on", "stop");
    world.put(".cursorrules", &own);
    let said = world.run(&["rollback", "--yes"]);
    assert!(said.contains("the same lines were changed since") && said.contains("rules-.cursorrules"), "{said}");
    assert_eq!(world.text(".cursorrules"), own);
}

#[test]
fn forged_markers_links_and_others_texts_are_left() {
    let world = World::new();
    let elsewhere = world.demo.dir.join("rules.md");
    fs::write(&elsewhere, OLD).unwrap();
    symlink(&elsewhere, world.path("CLAUDE.md")).unwrap();
    let forged = "<!-- pos-upgrade-tui: begin installation/.cursorrules -->\nx\n";
    world.put("AGENTS.md", forged);
    world.put(".clinerules", format!("{OLD}{OLD}"));
    world.put(".cursorrules", "a text of somebody else's\n");
    let problems: Vec<String> = world.planned().as_array().unwrap().iter().map(|f| f["problem"].to_string()).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    let said = world.run(&WITH_RULES);
    for why in ["looks like a marker of ours", "more than once", "is a link"] {
        assert!(problems.iter().any(|p| p.contains(why)) && said.contains(why), "{why}: {said}");
    }
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), OLD);
    assert_eq!(
        (world.text("AGENTS.md"), world.text(".cursorrules")),
        (forged.into(), "a text of somebody else's\n".into())
    );

    // A text at its place that speaks of the install gets a block in front.
    let world = World::new();
    world.put(".cursorrules", "see .praxis-os/standards\n");
    assert_eq!(world.planned()[0]["how"], "added");
    world.run(&WITH_RULES);
    assert!(world.text(".cursorrules").ends_with("end installation/.cursorrules\nsee .praxis-os/standards\n"));
    // Of a part of the upgrade they are no part.
    let world = World::new();
    world.put(".cursorrules", OLD);
    world.run(&[&WITH_RULES[..], &["--only", "content"]].concat());
    assert_eq!(world.text(".cursorrules"), OLD);
}

#[test]
#[ignore = "takes long: cargo test --test suites -- --ignored"]
fn killed_around_the_writing_it_goes_on_or_back() {
    let prepared = || {
        let world = World::new();
        world.put(".cursorrules", OLD);
        world
    };
    let crashed = |number: usize| {
        let world = prepared();
        let output = world.command(&WITH_RULES).env("POS_CRASH_AT", number.to_string()).output().unwrap();
        assert!(output.status.code().is_none(), "it did not die at {number}: {}", text(&output).1);
        world
    };
    let world = prepared();
    let log = world.demo.dir.join("points.log");
    assert!(world.command(&WITH_RULES).env("POS_CRASH_LOG", &log).output().unwrap().status.success());
    let all = fs::read_to_string(log).unwrap().lines().count();
    // The first point behind which it is written.
    let (mut low, mut high) = (1, all);
    while low < high {
        let middle = usize::midpoint(low, high);
        if crashed(middle).text(".cursorrules") == OLD {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let mut ends = [0, 0];
    for number in low.saturating_sub(3)..=low + 1 {
        for back in [false, true] {
            let world = crashed(number);
            let between = world.text(".cursorrules");
            assert!(between == OLD || between == NEW, "{number}: {between}");
            ends[usize::from(between == NEW)] += 1;
            if !back {
                world.run(&["resume", "--yes"]);
                assert_eq!(world.text(".cursorrules"), NEW, "{number}");
            }
            world.run(&["rollback", "--yes"]);
            assert_eq!(world.text(".cursorrules"), OLD, "{number}");
        }
    }
    assert!(ends.iter().all(|n| *n > 0), "{ends:?}");
}

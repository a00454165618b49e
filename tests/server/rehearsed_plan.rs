//! `plan --rehearse`: whether the release works here, and nothing is applied.

use serde_json::{Value, json};

use crate::common::{text, tools};
use crate::server::world::World;

impl World {
    /// The command: its exit code, and what it said.
    fn rehearsed_plan(&self, more: &[&str]) -> (i32, String) {
        let all = ["plan", "--rehearse", "--source", self.source.to_str().unwrap()];
        let before = (self.exact(), self.state()["pid"].clone(), tools(&self.install));
        let (code, said) = text(&self.rehearsing(&[&all[..], more].concat()).output().unwrap());
        let after = (self.exact(), self.state()["pid"].clone(), tools(&self.install));
        assert!(before == after, "something changed: {said}");
        self.nothing_left();
        (code, said)
    }

    fn rehearsed_json(&self, more: &[&str]) -> (i32, Value) {
        let (code, said) = self.rehearsed_plan(&[&["--json"], more].concat());
        let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len(), 1, "{said}");
        (code, serde_json::from_str(lines[0]).unwrap_or_else(|_| panic!("{said}")))
    }
}

#[test]
fn it_says_whether_an_upgrade_would_work() {
    let Some(world) = World::running() else { return };
    let (code, said) = world.rehearsed_plan(&[]);
    assert!(code == 0 && said.contains("nothing to do"), "{said}");
    world.release(&json!({}));
    let (code, said) = world.rehearsed_plan(&[]);
    assert_eq!(code, 0, "{said}");
    for words in
        ["mcp_server/more_tools.py", "was tried here, and works; nothing", "expected tools are registered: done"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(crate::common::ext::sessions(&world.install).is_empty(), "no session stays");
    let (code, told) = world.rehearsed_json(&[]);
    assert_eq!((code, &told["rehearsal"]["result"], &told["asks"]), (0, &json!("rehearsed"), &json!(0)), "{told}");
    assert!(told["files"].as_array().unwrap().len() > 3 && told["rehearsal"]["report"].as_array().unwrap().len() > 3);
    assert_eq!(told["will_be_tried"], json!({"place": "here"}));

    // A conflict waits, and is tried as it was said.
    let page = "standards/universal/naming.md";
    std::fs::write(world.install.join(page), "# Mine\n").unwrap();
    std::fs::write(world.source.join("universal/standards/naming.md"), "# Theirs\n").unwrap();
    world.commit("Another page");
    let (code, said) = world.rehearsed_plan(&[]);
    assert!(code == 10 && said.contains("1 conflict waits for you"), "{said}");
    let (code, told) = world.rehearsed_json(&["--on-conflict", "take"]);
    assert_eq!((code, &told["rehearsal"]["result"], &told["asks"]), (10, &json!("rehearsed"), &json!(1)), "{told}");
    let (code, said) = world.rehearsed_plan(&["--on-conflict", "fail"]);
    assert!(code == 2 && said.contains("leaves nothing to try"), "{said}");

    world.release(&json!({"exit_at_once": "no luck with numpy"}));
    let (code, said) = world.rehearsed_plan(&[]);
    assert!(code == 4 && said.contains("no luck with numpy") && said.contains("nothing in the install"), "{said}");
    assert!(said.contains(".upgrade/rehearsal.log") && world.install.join(".upgrade/rehearsal.log").exists(), "{said}");
    let (code, told) = world.rehearsed_json(&[]);
    assert_eq!((code, &told["rehearsal"]["result"]), (4, &json!("failed")), "{told}");
    assert!(crate::common::ext::sessions(&world.install).is_empty(), "no session stays");
    let (code, said) = text(&world.run(&["status"]));
    assert!(code == 0 && !said.contains("last upgrade"), "{said}");

    // Where it can't be tried that is said, and is no praise.
    world.release(&json!({}));
    std::fs::create_dir(world.project.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", world.install.join("workspace")).unwrap();
    let (code, told) = world.rehearsed_json(&[]);
    assert_eq!((code, &told["rehearsal"]["result"]), (4, &json!("not_rehearsed")), "{told}");
    let (_, said) = world.rehearsed_plan(&[]);
    assert!(said.contains("POS-E0604"), "{said}");
    assert_eq!(told["will_be_tried"]["place"], "nowhere");
}

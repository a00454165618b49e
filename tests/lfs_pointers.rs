//! A source that has git-lfs pointers instead of files: the plan says so, an upgrade is refused before anything changes.

use std::fs;
use std::path::Path;

use crate::common::ext::refused;
use crate::common::{Sandbox, assert_same, git, snapshot, text};
use pos_upgrade_tui::core::plan::{Kind, Plan};
use pos_upgrade_tui::host::demo::Demo;

const REFUSED: i32 = 4;
const STANDARDS: &str = "universal/standards/pictures";

/// The demo, whose source gets a commit with so many pointers.
fn demo_with_pointers(sandbox: &mut Sandbox, count: usize) -> Demo {
    let demo = sandbox.content_demo();
    let folder = demo.source.join(STANDARDS);
    fs::create_dir_all(&folder).unwrap();
    for n in 0..count {
        let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{n:064x}\nsize 12345\n");
        fs::write(folder.join(format!("{n:02}.png")), pointer).unwrap();
    }
    git(&demo.source, &["add", "--all"]);
    git(&demo.source, &["commit", "--quiet", "-m", "Pictures"]);
    demo
}

fn of<'a>(command: &'a str, demo: &'a Demo, more: &[&'a str]) -> Vec<&'a str> {
    let path = |p: &'a Path| p.to_str().unwrap();
    [&[command, "--project", path(&demo.project), "--source", path(&demo.source)], more].concat()
}

#[test]
fn an_upgrade_is_refused_with_all_other_problems() {
    let mut sandbox = Sandbox::new();
    let demo = demo_with_pointers(&mut sandbox, 2);
    let named = ["git-lfs pointers", "pictures/00.png", "pictures/01.png", "--to REF", "log --oneline", "POS-E0208"];
    let said = refused(&sandbox, &demo.project, &of("upgrade", &demo, &["--yes"]), REFUSED, &named);
    assert!(!said.contains(" more\n"), "both are named: {said}");

    fs::write(demo.source.join("not-committed.md"), "half a thought\n").unwrap();
    let both = [&named[..5], &["not-committed.md", "stash"]].concat();
    refused(&sandbox, &demo.project, &of("upgrade", &demo, &["--yes"]), REFUSED, &both);
    refused(&sandbox, &demo.project, &of("plan", &demo, &[]), REFUSED, &both);
}

#[test]
fn of_many_the_first_are_named() {
    let mut sandbox = Sandbox::new();
    let demo = demo_with_pointers(&mut sandbox, 13);
    let named = ["instead of 13 files", "pictures/09.png", "and 3 more"];
    let said = refused(&sandbox, &demo.project, &of("upgrade", &demo, &["--yes"]), REFUSED, &named);
    assert!(!said.contains("pictures/10.png"), "{said}");
}

#[test]
fn the_plan_is_shown_and_says_so() {
    let mut sandbox = Sandbox::new();
    let demo = demo_with_pointers(&mut sandbox, 1);
    let before = snapshot(&demo.install);
    let json = sandbox.run(&of("plan", &demo, &["--json"]));
    let plan: Plan = serde_json::from_slice(&json.stdout).unwrap();
    let entry = plan.files.iter().find(|f| f.path.to_string().ends_with("pictures/00.png")).unwrap();
    assert!(entry.kind == Kind::New && entry.reason.contains("git-lfs pointer"), "{entry:?}");
    for arguments in [&["--diff"][..], &[]] {
        let (code, said) = text(&sandbox.run(&of("plan", &demo, arguments)));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("new in the source; the source has only a git-lfs pointer of it"), "{said}");
        assert!(said.contains("an upgrade would be refused: ") && said.contains("  next: name a commit"), "{said}");
    }
    assert_same(&before, &snapshot(&demo.install));
}

#[test]
fn another_commit_is_the_way_out() {
    let mut sandbox = Sandbox::new();
    let demo = demo_with_pointers(&mut sandbox, 1);
    let arguments = ["--yes", "--to", "HEAD~1", "--on-conflict", "keep"];
    let (code, said) = text(&sandbox.run(&of("upgrade", &demo, &arguments)));
    assert_eq!(code, 0, "{said}");

    // The pointer is as good as content once it is there: what the source leaves alone is no reason to refuse.
    let there = demo.install.join("standards/universal/pictures/00.png");
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::copy(demo.source.join(STANDARDS).join("00.png"), there).unwrap();
    let (code, said) = text(&sandbox.run(&of("upgrade", &demo, &["--yes"])));
    assert!(code == 0 && !said.contains("git-lfs"), "{said}");
}

//! What stands for Linux elsewhere (`src/host/platform/others.rs`), run here by a switch: no handles on processes, no mounts
//! of our own, no attributes, no processes to see, no exchange of two files. macOS itself was never tried.

use crate::common::{Sandbox, assert_same, eventually, snapshot, text, tools};

/// What macOS has not.
const WITHOUT: &str = "linux,views,exchange";

#[test]
fn an_upgrade_and_its_rollback() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let (before, old) = (snapshot(&demo.install), tools(&demo.install).unwrap());
    let run = |arguments: &[&str]| {
        text(
            &sandbox
                .command()
                .args(arguments)
                .args(["--project", project])
                .env("POS_WITHOUT", WITHOUT)
                .output()
                .unwrap(),
        )
    };
    let (code, said) = run(&["upgrade", "--source", source, "--yes", "--on-conflict", "keep"]);
    assert!(code == 0 && said.contains("was tried in a copy of the install"), "{said}");
    assert_ne!(tools(&demo.install).unwrap(), old);
    let (code, said) = run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &snapshot(&demo.install));
    eventually("the old server answers", || tools(&demo.install).as_ref() == Some(&old));
}

/// A server that can't be seen is left alone, and that is said; the one that proves the release is still ended.
#[test]
fn where_no_process_is_seen() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let (before, old) = (snapshot(&demo.install), tools(&demo.install).unwrap());
    let run = |arguments: &[&str]| {
        let without = format!("{WITHOUT},processes");
        let mut command = sandbox.command();
        text(&command.args(arguments).args(["--project", project]).env("POS_WITHOUT", without).output().unwrap())
    };
    let warning = "this system does not show which processes run";
    let (code, said) = run(&["upgrade", "--source", source, "--yes", "--on-conflict", "keep"]);
    assert!(code == 0 && said.contains(warning), "{code} {said}");
    let (code, said) = run(&["rollback", "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &snapshot(&demo.install));
    assert_eq!(tools(&demo.install), Some(old), "the one that ran runs on");
    let pid = demo.server_pid.unwrap();
    let of_install = |p: &pos_upgrade_tui::host::process::proc::Process| {
        p.pid != pid && p.env.values().chain(&p.command).any(|text| text.contains(project))
    };
    let all = pos_upgrade_tui::host::process::proc::all();
    let left: Vec<_> = all.filter_map(pos_upgrade_tui::host::process::proc::look).filter(of_install).collect();
    assert!(left.is_empty(), "{left:?}");
}

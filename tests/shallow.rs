//! A shallow source: what it can't tell, and how the wizard fetches it.

use std::fs;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, git, text};

#[test]
fn a_key_fetches_the_history_and_the_plan_is_made_again() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    let url = format!("file://{}", demo.source.display());
    let shallow = sandbox.path().join("shallow");
    git(&sandbox.path(), &["clone", "--quiet", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let source = shallow.to_str().unwrap();
    let plan = ["plan", "--json", "--project", project, "--source", source];
    let conflicts = |sandbox: &Sandbox| {
        let plan: serde_json::Value = serde_json::from_slice(&sandbox.run(&plan).stdout).unwrap();
        (plan["source"]["shallow"].as_bool().unwrap(), plan["summary"]["conflict"].as_u64().unwrap())
    };
    let (is_shallow, many) = conflicts(&sandbox);
    assert!(is_shallow && many > 3, "{many} conflicts");

    let mut wizard = Terminal::start(&sandbox.path().join("home"), &["--project", project, "--source", source]);
    wizard.see(&["preview", &format!("will ask {many}"), "h fetch history"]);
    // Where it can't be fetched, the plan stays.
    git(&shallow, &["remote", "set-url", "origin", "file:///nowhere/at/all"]);
    wizard.press("h");
    wizard.see(&["git fetch --unshallow", "y yes"]);
    wizard.press("y");
    wizard.see(&["preview", "the plan stays as it is"]);
    git(&shallow, &["remote", "set-url", "origin", &url]);
    wizard.press("h");
    wizard.see(&["y yes"]);
    wizard.press("y");
    wizard.see(&["preview", "will ask 3"]);
    assert!(!wizard.text().contains("fetch history"), "{}", wizard.text());
    wizard.press("q");
    assert_eq!(wizard.end(), 0);
    assert_eq!(conflicts(&sandbox), (false, 3));
}

#[test]
fn the_same_by_command() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    let shallow = sandbox.path().join("shallow");
    let url = format!("file://{}", demo.source.display());
    git(&sandbox.path(), &["clone", "--quiet", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let plan = ["plan", "--json", "--project", project, "--source", shallow.to_str().unwrap()];
    fs::rename(&demo.source, sandbox.path().join("moved")).unwrap();
    let (code, said) = text(&sandbox.run(&[&plan[..], &["--deepen"]].concat()));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("--deepen") && said.contains("nothing was changed"), "{said}");
    fs::rename(sandbox.path().join("moved"), &demo.source).unwrap();
    let output = sandbox.run(&[&plan[..], &["--deepen"]].concat());
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&plan["source"]["shallow"], &plan["summary"]["conflict"]), (&false.into(), &3.into()), "{plan}");
}

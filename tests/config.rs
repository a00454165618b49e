//! The user's config and the source's template for it, on the built binary.

use std::fs;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, git, text};
use pos_upgrade_tui::host::demo::Demo;

/// The demo with a template that has one key more than the user's config.
fn prepared(sandbox: &mut Sandbox) -> (Demo, Vec<u8>) {
    let demo = sandbox.content_demo();
    let config = fs::read(demo.install.join("config.json")).unwrap();
    let mut template: serde_json::Value = serde_json::from_slice(&config).unwrap();
    template["telemetry"] = serde_json::json!({"enabled": false});
    let path = demo.source.join("universal/templates/config.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, serde_json::to_vec(&template).unwrap()).unwrap();
    git(&demo.source, &["add", "-A"]);
    git(&demo.source, &["commit", "-qm", "Ship a config template"]);
    (demo, config)
}

#[test]
fn no_policy_and_no_wide_rule_writes_it() {
    for policy in ["take", "merge-take", "keep"] {
        let mut sandbox = Sandbox::new();
        let (demo, config) = prepared(&mut sandbox);
        let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
        fs::write(demo.install.join("upgrade.json"), r#"{"always_take": ["**", "*.json"]}"#).unwrap();
        let said = text(&sandbox.run(&["plan", "--diff", "--project", project, "--source", source])).1;
        assert!(said.contains("merged key by key") && said.contains("telemetry"), "{said}");
        let on_conflict = ["upgrade", "--yes", "--only", "content", "--on-conflict", policy];
        let (code, said) =
            text(&sandbox.run(&[&on_conflict[..], &["--project", project, "--source", source]].concat()));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("config.json: kept yours (only your own answer writes your config)"), "{said}");
        assert_eq!(fs::read(demo.install.join("config.json")).unwrap(), config);
    }
}

#[test]
fn without_an_answer_the_upgrade_waits_for_a_person() {
    let mut sandbox = Sandbox::new();
    let (demo, config) = prepared(&mut sandbox);
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    fs::write(demo.install.join("upgrade.json"), r#"{"always_keep": ["standards/**"]}"#).unwrap();
    let (code, said) = text(&sandbox.run(&["upgrade", "--yes", "--project", project, "--source", source]));
    assert_eq!(code, 3, "{said}");
    assert_eq!(fs::read(demo.install.join("config.json")).unwrap(), config);
}

#[test]
fn the_wizard_merges_the_news_into_the_users_own_text() {
    let mut sandbox = Sandbox::new();
    let (demo, config) = prepared(&mut sandbox);
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    fs::write(demo.install.join("upgrade.json"), r#"{"always_keep": ["standards/**"]}"#).unwrap();
    let mut wizard = Terminal::start(&sandbox.path().join("home"), &["--project", project, "--source", source]);
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&["conflict 1 of 1", "config.json", "only written if you say so", "telemetry"]);
    // Nothing overlaps, and still nothing is decided.
    wizard.press("\r");
    wizard.press("F");
    wizard.see(&["still open"]);
    wizard.press("m");
    wizard.see(&["settled"]);
    wizard.press("F");
    wizard.see(&["report", "Upgraded"]);
    wizard.press("\r");
    assert_eq!(wizard.end(), 0);
    let now = fs::read_to_string(demo.install.join("config.json")).unwrap();
    let mine = String::from_utf8(config).unwrap();
    for line in mine.lines().filter(|l| l.trim().len() > 2) {
        assert!(now.contains(line.trim_end_matches(',')), "{line:?} of the user's is not in\n{now}");
    }
    assert_eq!(serde_json::from_str::<serde_json::Value>(&now).unwrap()["telemetry"]["enabled"], false);
}

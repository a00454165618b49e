//! The manual: what `help` prints, and the blocks that it says can be run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::common::{Sandbox, program, text};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/docs")
}

fn good(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output).1);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_prints_pages_as_they_were_written_and_commands_as_clap_does() {
    let sandbox = Sandbox::new();
    let list = good(&sandbox, &["help"]);
    assert!(list.starts_with(&good(&sandbox, &["--help"])), "{list}");
    let mut seen = 0;
    for entry in fs::read_dir(docs()).unwrap() {
        let path = entry.unwrap().path();
        let Some(topic) = path.to_str().unwrap().strip_suffix(".md").and_then(|p| p.rsplit('/').next()) else {
            continue;
        };
        let written = fs::read_to_string(&path).unwrap();
        assert_eq!(good(&sandbox, &["help", topic]), written);
        assert!(list.lines().any(|line| line.trim_start().starts_with(topic)), "{topic} is not listed");
        let json: Value = serde_json::from_str(&good(&sandbox, &["help", "--json", topic])).unwrap();
        assert_eq!(json["page"]["text"], written.as_str());
        seen += 1;
    }
    let json: Value = serde_json::from_str(&good(&sandbox, &["help", "--json"])).unwrap();
    assert_eq!(json["pages"].as_array().unwrap().len(), seen);
    for command in [&["upgrade"][..], &["backups", "prune"], &["help"], &["config", "set"]] {
        let asked = [&["help"], command].concat();
        assert_eq!(good(&sandbox, &asked), good(&sandbox, &[command, &["--help"]].concat()));
    }
    let (code, said) = text(&sandbox.run(&["help", "no\x1bpage"]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("rehearsal") && !said.contains('\x1b'), "{said}");
}

/// The blocks of a page that say that they can be run.
fn blocks(page: &str) -> Vec<String> {
    page.split("```sh run\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// One page after the other, block after block, in the project of a demo, whose source is where the pages say.
#[test]
fn what_can_be_run_runs_in_the_demos_world() {
    let mut ran = 0;
    for entry in fs::read_dir(docs()).unwrap() {
        let path = entry.unwrap().path();
        let blocks = if path.is_file() { blocks(&fs::read_to_string(&path).unwrap()) } else { Vec::new() };
        if blocks.is_empty() {
            continue;
        }
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        let (home, bin) = (sandbox.path().join("home"), sandbox.path().join("bin"));
        fs::create_dir_all(home.join("src")).unwrap();
        symlink(&demo.source, home.join("src/praxis-os")).unwrap();
        fs::create_dir(&bin).unwrap();
        symlink(program::program(), bin.join("pos-upgrade-tui")).unwrap();
        for block in blocks {
            let mut command = Command::new("sh");
            command.args(["-e", "-c", &block]).current_dir(&demo.project).env("HOME", &home);
            command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
            for name in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
                command.env_remove(name);
            }
            let output = command.stdin(std::process::Stdio::null()).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}:\n{block}\n{}", path.display(), text(&output).1);
            ran += 1;
        }
    }
    assert!(ran >= 3, "{ran}");
}

//! What the program says about itself: the workflow's pages, the help, the completions.

use std::process::{Command, Output};

use crate::common::text;
use serde_json::Value;

const PAGES: [&str; 9] = [
    "phases/0-pre-flight-checks",
    "phases/1-backup-preparation",
    "phases/2-content-upgrade",
    "phases/3-mcp-server-upgrade",
    "phases/4-post-upgrade-validation",
    "phases/5-cleanup-documentation",
    "supporting-docs/rollback-procedure",
    "supporting-docs/troubleshooting",
    "supporting-docs/validation-criteria",
];

/// Needs neither a project nor a home.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
    command.args(arguments).current_dir("/").env_remove("HOME").output().unwrap()
}

fn good(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output).1);
    String::from_utf8(output.stdout).unwrap()
}

fn subcommands() -> Vec<String> {
    let help = good(&["--help"]);
    let names = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    names.filter(|l| !l.starts_with("   ")).map(|l| l.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn pages_are_printed_as_they_were_written() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/workflow/agent_os_upgrade_v1");
    let list = good(&["workflow"]);
    for (i, page) in PAGES.into_iter().enumerate() {
        let written = std::fs::read_to_string(folder.join(format!("{page}.md"))).unwrap();
        let name = page.split('/').next_back().unwrap();
        assert_eq!(good(&["workflow", name]), written);
        if i < 6 {
            assert_eq!(good(&["workflow", &i.to_string()]), written);
        }
        assert!(list.lines().any(|l| l.starts_with(name)), "{list}");
        let json: Value = serde_json::from_str(&good(&["workflow", "--json", name])).unwrap();
        assert_eq!((&json["schema"], json["page"]["text"].as_str()), (&1.into(), Some(written.as_str())));
    }
    let json: Value = serde_json::from_str(&good(&["workflow", "--json"])).unwrap();
    let metadata = std::fs::read_to_string(folder.join("metadata.json")).unwrap();
    assert_eq!(json["workflow"], serde_json::from_str::<Value>(&metadata).unwrap());
    let files: Vec<_> = json["pages"].as_array().unwrap().iter().map(|p| p["file"].as_str().unwrap()).collect();
    assert_eq!(files, PAGES.map(|p| format!("{p}.md")));
    let (code, said) = text(&run(&["workflow", "no\x1bpage"]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("2-content-upgrade") && !said.contains('\x1b'), "{said}");
}

/// Whatever a page tells to type can be typed.
#[test]
fn pages_and_readme_name_commands_and_options_that_there_are() {
    let names = subcommands();
    let mut help: String = names.iter().filter(|n| *n != "help").map(|n| good(&[n, "--help"])).collect();
    help += &good(&["backups", "prune", "--help"]);
    help += &good(&["config", "set", "--help"]);
    help += &good(&["--help"]);
    // Of other programs, or told in a sentence.
    help += " --release --include-untracked ";
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts: Vec<String> = PAGES.map(|p| good(&["workflow", p.split('/').next_back().unwrap()])).into();
    texts.push(std::fs::read_to_string(root.join("README.md")).unwrap());
    for entry in std::fs::read_dir(root.join("assets/docs")).unwrap() {
        let path = entry.unwrap().path();
        texts.extend(path.is_file().then(|| std::fs::read_to_string(&path).unwrap()));
    }
    let word = |after: &str| after.split(|c: char| !(c.is_alphanumeric() || c == '-')).next().unwrap().to_owned();
    let mut seen = 0;
    for text in texts {
        let title = text.lines().next().unwrap();
        for name in text.split("pos-upgrade-tui ").skip(1).map(word).filter(|w| !w.is_empty() && !w.starts_with('-')) {
            assert!(names.contains(&name), "{title}: pos-upgrade-tui {name}");
            seen += 1;
        }
        for option in text.split([' ', '`']).filter(|w| w.starts_with("--")).map(word).filter(|o| o.len() > 2) {
            assert!(help.split([' ', '\n', ',']).any(|w| w == option), "{title}: {option}");
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

/// What is offered for the last of these words.
fn offered(shell: &str, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
    command.current_dir("/").env_remove("HOME").env("POS_UPGRADE_TUI_COMPLETE", shell);
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string()).env("_CLAP_IFS", "\n");
    let output = command.arg("--").args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{shell} {words:?}: {}", text(&output).1);
    String::from_utf8(output.stdout).unwrap()
}

/// The newest version that the changelog tells of is this one, in the form that programs read.
#[test]
fn the_changelog_begins_with_this_version() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = std::fs::read_to_string(root.join("CHANGELOG.md")).unwrap();
    let versions: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let form = |line: &str| {
        let (version, date) = line.strip_prefix('[')?.split_once("] - ")?;
        date.parse::<jiff::civil::Date>().ok()?;
        Some(version.to_owned())
    };
    let newest = versions.iter().find(|line| **line != "[Unreleased]").unwrap();
    assert_eq!(form(newest).as_deref(), Some(env!("CARGO_PKG_VERSION")), "{newest}");
    assert!(versions.iter().all(|line| *line == "[Unreleased]" || form(line).is_some()), "{versions:?}");
    let kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
    for kind in told.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(kinds.contains(&kind), "{kind}");
    }
}

/// The variable alone asks for nothing.
#[test]
fn without_words_to_complete_the_program_does_its_work() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
    let output = command.arg("--version").env("POS_UPGRADE_TUI_COMPLETE", "bash").output().unwrap();
    assert_eq!(text(&output), (0, format!("pos-upgrade-tui {}\n\n", env!("CARGO_PKG_VERSION"))));
    let mut command = Command::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
    let output = command.args(["workflow", "--", "0"]).env("POS_UPGRADE_TUI_COMPLETE", "csh").output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

/// Any bytes, any length, and words that mean nothing: an answer or none, never a panic.
#[test]
fn nonsense_is_completed_by_nothing() {
    for words in [
        &["pos-upgrade-tui", "nothing", "\u{1b}]0;x\u{7}", ""][..],
        &["x"],
        &["", "--source="],
        &["pos-upgrade-tui", "--project", "\u{202e}", "rollback", ""],
    ] {
        for index in ["0", "1", "99", "-1", "x"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_pos-upgrade-tui"));
            command.current_dir("/").env("POS_UPGRADE_TUI_COMPLETE", "zsh").env("_CLAP_COMPLETE_INDEX", index);
            let output = command.arg("--").args(words).output().unwrap();
            let (code, said) = text(&output);
            assert!(matches!(code, 0 | 2) && !said.contains("panicked"), "{words:?} {index}: {code} {said}");
        }
    }
}

#[test]
fn every_subcommand_has_help_and_every_shell_completions() {
    let names = subcommands();
    assert!(names.len() > 10, "{names:?}");
    for name in names.iter().filter(|n| *n != "help") {
        assert!(good(&[name, "--help"]).contains("Usage: pos-upgrade-tui"), "{name}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = good(&["completions", shell]);
        assert!(script.contains("pos-upgrade-tui") && script.contains("POS_UPGRADE_TUI_COMPLETE"), "{shell}: {script}");
        let answer = offered(shell, &["pos-upgrade-tui", ""]);
        for name in &names {
            assert!(answer.contains(name.as_str()), "{shell}: {name}");
        }
        assert!(!answer.contains("crash-points"), "{shell}: what only tests use is not offered");
        assert!(offered(shell, &["pos-upgrade-tui", "upgrade", "--on-conflict", "merge-t"]).contains("merge-take"));
    }
    assert_eq!(run(&["completions", "csh"]).status.code(), Some(2));
}

//! README, CONTRIBUTING, CHANGELOG and the manual: every link leads somewhere, every command can be typed, and what is
//! generated is what the program says.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::args::Cli;
use super::option_order;
use crate::core::manual;
use crate::core::settings::Settings;
use crate::engine::events::Event;
use crate::tui::tests::generated;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts that people read, relative to the top.
fn texts() -> Vec<(PathBuf, String)> {
    let mut files: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from).into();
    for folder in ["assets/docs", "assets/docs/errors", "assets/workflow/agent_os_upgrade_v1/phases"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        files.extend(entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name())));
    }
    files.retain(|file| file.extension().is_some_and(|e| e == "md"));
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(root().join(file)).unwrap())).collect()
}

/// The lines outside of code blocks, and those inside.
fn split(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (mut prose, mut code, mut inside) = (Vec::new(), Vec::new(), false);
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            code.push(line);
        } else {
            prose.push(line);
        }
    }
    assert!(!inside, "a code block does not end");
    (prose, code)
}

/// The anchors that a page's headings make.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = split(text).0.into_iter().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// What stands behind `](` in a line, outside of quoted code.
fn links(line: &str) -> Vec<&str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

#[test]
fn every_link_and_anchor_is_there() {
    let mut seen = 0;
    for (file, text) in texts() {
        for link in split(&text).0.into_iter().flat_map(links) {
            if link.starts_with("http") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let to = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(root().join(&to).exists(), "{}: {link} is not there", file.display());
            if !anchor.is_empty() {
                let there = anchors(&fs::read_to_string(root().join(&to)).unwrap());
                assert!(there.contains(anchor), "{}: {link} has no such heading", file.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen}");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for page in manual::pages() {
        let link = format!("](assets/docs/{}.md)", page.topic);
        assert!(readme.contains(&link), "the README does not link {}", page.topic);
    }
}

/// The words of a line as a shell reads the first command in it: quotes, comments and pipes, no more.
fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('"' | '\'', None) => (quote, begun) = (Some(c), true),
            ('#', None) if !begun => break,
            ('|' | '>' | '<' | ';' | '&', None) => break,
            (' ', None) => {
                if begun {
                    all.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (c, _) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        all.push(word);
    }
    all
}

/// The commands of ours that a text tells to type: in blocks, and quoted in sentences.
fn commands(text: &str) -> Vec<String> {
    let (prose, code) = split(text);
    let prose = prose.join(" ");
    let quoted = prose.split('`').skip(1).step_by(2).filter(|q| q.contains(' '));
    let all = code.into_iter().chain(quoted).map(str::trim);
    all.filter(|line| line.starts_with("pos-upgrade-tui ")).map(str::to_owned).collect()
}

/// Why clap or the program would not take a command.
fn refused(all: &clap::Command, line: &str) -> Option<String> {
    // What stands for a value: a number where one is wanted.
    let typed = words(line).into_iter().map(|word| if word == "N" { "3".into() } else { word.into() });
    let typed: Vec<OsString> = typed.collect();
    match option_order::arranged(all, typed) {
        Err(misplaced) => Some(format!("{} means nothing to {}", misplaced.option, misplaced.command)),
        Ok(words) => Cli::try_parse_from(words).err().filter(|e| e.exit_code() != 0).map(|e| e.to_string()),
    }
}

#[test]
fn every_command_can_be_typed() {
    let mut all = Cli::command();
    all.build();
    let mut seen = 0;
    for (file, text) in texts() {
        for line in commands(&text) {
            if let Some(why) = refused(&all, &line) {
                panic!("{}: {line}: {why}", file.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
    for bad in ["pos-upgrade-tui uprade", "pos-upgrade-tui plan --yse", "pos-upgrade-tui --plan x upgrade"] {
        assert!(refused(&all, bad).is_some(), "{bad}");
    }
    assert_eq!(words("a \"b c\" 'd' # e"), ["a", "b c", "d"]);
}

#[test]
fn the_list_of_commands_has_them_all() {
    let all = Cli::command();
    let page = manual::find("commands").unwrap();
    let lines = commands(page.text);
    let named: BTreeSet<String> = lines.iter().filter_map(|line| words(line).get(1).cloned()).collect();
    for command in all.get_subcommands().filter(|c| !c.is_hide_set()) {
        assert!(named.contains(command.get_name()), "commands.md does not name {}", command.get_name());
    }
}

fn schema<T: schemars::JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

#[test]
fn manual_has_every_event() {
    let schema = schema::<Event>();
    let mut rows = String::new();
    for kind in schema["oneOf"].as_array().unwrap() {
        let name = kind["properties"]["event"]["const"].as_str().unwrap();
        let about = kind["description"].as_str().unwrap_or_default().replace('\n', " ");
        let about = about.split(": send [").next().unwrap_or_default().trim_end_matches('.');
        rows += &format!("| `{name}` | {} |\n", about.replace('|', "\\|"));
    }
    generated::holds("events", "events", &format!("| event | says |\n|---|---|\n{rows}"));
}

#[test]
fn manual_has_every_setting() {
    let page = manual::find("settings").unwrap();
    let rows = manual::pieces(page.text).into_iter().filter_map(|piece| match piece {
        manual::Piece::Row(cells) if cells[0] != "key" => Some(cells),
        _ => None,
    });
    let mut written = BTreeSet::new();
    let all = Cli::command();
    let mut options: BTreeSet<&str> = all.get_arguments().filter_map(clap::Arg::get_long).collect();
    options.extend(all.get_subcommands().flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long));
    for cells in rows {
        written.extend(cells[0].split(", ").map(|key| key.trim_matches('`').to_owned()));
        if let Some(flag) = cells[1].strip_prefix("`--") {
            let name = flag.split([' ', '`']).next().unwrap();
            assert!(options.contains(name), "there is no --{name}");
        }
    }
    let known: BTreeSet<String> = schema::<Settings>()["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(written, known);
}

//! Which file may know which: read off the `use` lines and paths of `src/`, without building anything.
//!
//! Arrows run one way between the layers, no two files know each other, and `core` neither waits nor touches the world.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::common::program::WORDS;

/// From the bottom up: a layer knows itself and those before it. The commands start the wizard and the
/// assistant's server, so they stand above them.
const LAYERS: [&str; 6] = ["core", "host", "engine", "tui", "mcp", "cli"];

/// What `core` must not name: files, processes, clocks, waiting, drawing.
const IMPURE: [&str; 9] = [
    "std::fs",
    "std::process",
    "std::net",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "tokio::",
    "ratatui::",
];

/// Calls that write, of the standard library and of `host/files`.
const WRITES: [&str; 17] = [
    "fs::write(",
    "fs::copy(",
    "fs::rename(",
    "fs::hard_link(",
    "fs::create_dir(",
    "fs::create_dir_all(",
    "fs::remove_file(",
    "fs::remove_dir(",
    "fs::remove_dir_all(",
    "File::create",
    "OpenOptions",
    " symlink(",
    "::symlink(",
    "write_durable",
    "create_durable",
    "create_folders(",
    "remove_tree(",
];

/// Whoever writes into an install holds its lock: one of these is named.
const LOCKED: [&str; 3] = ["LockedInstall", "Lock", "Run"];

/// Files and rooms that write without a lock in hand, and where they write.
const WRITE_ELSEWHERE: [(&str, &str); 26] = [
    ("cli/demo.rs", "the empty folder of a demo that was not built"),
    ("cli/man.rs", "the folder for manual pages that the person names"),
    ("engine/own_tools.rs", "temporary files for the person's own editor"),
    ("engine/report/plan_document.rs", "the file that the person names"),
    ("host/demo/", "a demo, which is nobody's install until it is built"),
    ("host/files/crash_points.rs", "the list of points that a test asks for"),
    ("host/files/fs.rs", "what the others write with"),
    ("host/files/planted.rs", "faults that tests plant"),
    ("host/files/scratch.rs", "the system's temporary folder"),
    ("host/files/tree.rs", "what the others write with"),
    ("host/files/walk.rs", "what the others write with"),
    ("host/git/cached.rs", "clones in the user's cache folder, under a lock of their own"),
    (
        "host/git/deepen.rs",
        "the source's git folder: a fetch, under git's own lock, which no install's lock stands for",
    ),
    ("host/git/partial.rs", "a temporary git folder"),
    ("host/git/reach.rs", "a temporary git folder"),
    ("host/git/snapshot.rs", "a temporary git folder"),
    ("host/git/view.rs", "a temporary git folder"),
    ("host/server/trial_copy.rs", "the rehearsal's copy, which is nobody's install"),
    ("host/platform/private_mounts.rs", "this process's own numbers, in a namespace of its own"),
    ("host/server/view.rs", "the rehearsal's view, which is nobody's install"),
    ("host/user/consent.rs", "the user's own folder"),
    ("host/user/history_store.rs", "the user's own folder, under a lock of its own"),
    ("host/user/key.rs", "the user's own folder"),
    ("host/user/own_lock.rs", "the user's own folders"),
    ("host/user/recent_sources.rs", "the user's own folder"),
    ("host/user/settings_file.rs", "the user's own folder"),
];

/// Who makes folders by a plain path: the install's own are made by `LockedInstall::make_folder`, which makes no folder
/// anew that an upgrade has renamed, and follows no link.
const MAKE_FOLDERS: [&str; 7] = [
    "cli/man.rs",
    "host/files/fs.rs",
    "host/files/walk.rs",
    "host/server/kept_index.rs",
    "host/server/trial_copy.rs",
    "host/server/view.rs",
    "host/user/settings_file.rs",
];

/// Files that still know each other. None may join them, and one that is free must leave this list.
const STILL_TIED: &[&str] = &[];

/// A module's path: `engine::phases::content` is `["engine", "phases", "content"]`.
type Module = Vec<String>;

/// The code of one file: without comments, texts and what only tests see.
struct Source {
    file: String,
    module: Module,
    code: String,
}

/// All of `src/` that is shipped.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let entry = entry.unwrap();
        let file = entry.path().strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let Some(path) = file.strip_suffix(".rs") else { continue };
        let mut module: Module = path.split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        found.push(Source { code: shipped(&text), module, file });
    }
    let tests: Vec<Module> = found.iter().flat_map(test_modules).collect();
    found.retain(|source| !tests.iter().any(|test| source.module.starts_with(test)));
    for source in &mut found {
        source.code = without_tests(&source.code);
    }
    found
}

/// The code without comments, and with empty texts.
fn shipped(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if c == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            code.push_str("\"\"");
            rest = &rest[end.map_or(rest.len(), |end| end + 2)..];
        } else if let Some(quoted) = ["'\"'", "'\\''", "'\\\\'"].into_iter().find(|q| rest.starts_with(q)) {
            code.push_str("' '");
            rest = &rest[quoted.len()..];
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// The modules that a file declares for tests alone.
fn test_modules(source: &Source) -> Vec<Module> {
    let lines: Vec<&str> = source.code.lines().map(str::trim).collect();
    let declared = |pair: &[&str]| {
        let name = pair[1]
            .trim_start_matches("pub(crate) ")
            .trim_start_matches("pub ")
            .strip_prefix("mod ")?
            .strip_suffix(';')?
            .to_owned();
        pair[0].contains("cfg(").then_some(())?;
        pair[0].contains("test").then(|| [source.module.clone(), vec![name]].concat())
    };
    lines.windows(2).filter_map(declared).collect()
}

/// The code without its `#[cfg(test)] mod … { … }`, which stand at the end.
fn without_tests(code: &str) -> String {
    let inline = code.match_indices("#[cfg(test)]").find(|(at, mark)| {
        let behind = code[at + mark.len()..].trim_start();
        let seen =
            if behind.starts_with("pub(") { behind.find(' ').map_or(behind, |at| &behind[at + 1..]) } else { behind };
        seen.starts_with("mod ") && seen.find('{') < seen.find(';')
    });
    inline.map_or(code, |(at, _)| &code[..at]).to_owned()
}

/// Every path that a piece of code names, `use` trees spread out.
fn paths(code: &str) -> Vec<Module> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = next_word(rest, "use") {
        let end = rest[at..].find(';').map_or(rest.len(), |end| at + end);
        spread(&[], &rest[at + 3..end], &mut found);
        rest = &rest[end..];
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    // A parent may name its children without more ado; what is none of them leads nowhere.
    let bare =
        code.split(|c| !word(c)).filter(|path| path.contains("::") && !path.starts_with(':') && !path.ends_with(':'));
    found.extend(bare.map(|path| path.split("::").map(str::to_owned).collect::<Module>()));
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let path = &code[at..];
            let path = &path[..path.find(|c| !word(c)).unwrap_or(path.len())];
            // Before a brace: what stands in that was spread out above.
            if path.ends_with(':') {
                continue;
            }
            found.push(path.split("::").map(str::to_owned).collect());
        }
    }
    found
}

fn next_word(text: &str, word: &str) -> Option<usize> {
    let bounds = |at: usize| {
        let before = text[..at].chars().next_back().is_none_or(|c| c.is_whitespace() || c == ';' || c == '}');
        before && text[at + word.len()..].starts_with(char::is_whitespace)
    };
    text.match_indices(word).map(|(at, _)| at).find(|at| bounds(*at))
}

fn spread(above: &[String], tree: &str, found: &mut Vec<Module>) {
    let mut depth = 0;
    let at_top = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    for part in tree.split(at_top).map(str::trim).filter(|part| !part.is_empty()) {
        let (path, below) = match (part.find('{'), part.rfind('}')) {
            (Some(open), Some(close)) if open < close => (&part[..open], Some(&part[open + 1..close])),
            _ => (part.split(" as ").next().unwrap_or(part), None),
        };
        let names = path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        let path = above.iter().cloned().chain(names).collect::<Module>();
        match below {
            Some(below) => spread(&path, below, found),
            None => found.push(path),
        }
    }
}

/// A path from the crate's root, or none if it leads out of the crate.
fn absolute(path: &Module, source: &Source, children: &BTreeSet<Module>) -> Option<Module> {
    let mut from = source.module.clone();
    let mut rest = path.as_slice();
    match rest.first()?.as_str() {
        "crate" => return Some(rest[1..].to_vec()),
        "self" => rest = &rest[1..],
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                from.pop();
                rest = &rest[1..];
            }
        }
        name => {
            let child = [from.clone(), vec![name.to_owned()]].concat();
            children.contains(&child).then_some(())?;
        }
    }
    Some([from, rest.to_vec()].concat())
}

/// Who names whom, by file.
fn arrows(sources: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let modules: BTreeSet<Module> = sources.iter().map(|s| s.module.clone()).collect();
    let files: BTreeMap<&[String], &str> = sources.iter().map(|s| (&s.module[..], &s.file[..])).collect();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        let to = arrows.entry(&source.file).or_default();
        for path in paths(&source.code).iter().filter_map(|path| absolute(path, source, &modules)) {
            let file = (1..=path.len()).rev().find_map(|length| files.get(&path[..length]));
            to.extend(file.filter(|file| **file != source.file));
        }
    }
    arrows
}

/// All files that a file reaches.
fn reached<'f>(from: &'f str, arrows: &BTreeMap<&'f str, BTreeSet<&'f str>>) -> BTreeSet<&'f str> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(file) = next.pop() {
        next.extend(arrows.get(file).into_iter().flatten().filter(|to| seen.insert(**to)));
    }
    seen
}

#[test]
fn no_two_files_know_each_other() {
    let sources = sources();
    let arrows = arrows(&sources);
    let reach: BTreeMap<&str, BTreeSet<&str>> = arrows.keys().map(|file| (*file, reached(file, &arrows))).collect();
    let tied: BTreeSet<&str> = reach.iter().filter(|(file, seen)| seen.contains(**file)).map(|(f, _)| *f).collect();
    let count: usize = arrows.values().map(BTreeSet::len).sum();
    println!("{} files, {count} arrows, {} files in circles", sources.len(), tied.len());
    assert!(sources.len() > 150 && count > 500, "the sources were not read");
    let ways = |file: &&str| {
        let back = arrows[*file].iter().filter(|to| reach.get(**to).is_some_and(|seen| seen.contains(*file)));
        format!("{file} -> {}", back.copied().collect::<Vec<_>>().join(", "))
    };
    let new: Vec<String> = tied.iter().filter(|file| !STILL_TIED.contains(file)).map(ways).collect();
    assert!(new.is_empty(), "these files lead back to themselves:\n{}", new.join("\n"));
    let free: Vec<_> = STILL_TIED.iter().filter(|file| !tied.contains(*file)).collect();
    assert!(free.is_empty(), "no longer tied, strike them off the list: {free:?}");
}

#[test]
fn arrows_run_one_way_between_the_layers() {
    let level = |file: &str| LAYERS.iter().position(|layer| file.split(['/', '.']).next() == Some(layer));
    let sources = sources();
    let mut wrong = Vec::new();
    for (from, all) in arrows(&sources) {
        for to in all {
            let (Some(low), Some(high)) = (level(from), level(to)) else { continue };
            if high > low {
                wrong.push(format!("{from} -> {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that run up:\n{}", wrong.join("\n"));
}

#[test]
fn core_neither_waits_nor_touches_the_world() {
    let sources = sources();
    let core = sources.iter().filter(|s| s.module.first().is_some_and(|layer| layer == "core"));
    let mut wrong = Vec::new();
    for source in core {
        let named: Vec<String> = paths(&source.code).iter().map(|path| path.join("::")).collect();
        for impure in IMPURE {
            if source.code.contains(impure) || named.iter().any(|path| format!("{path}::").contains(impure)) {
                wrong.push(format!("{} names {impure}", source.file));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn who_writes_holds_the_lock_of_the_install() {
    let sources = sources();
    let writes = |source: &&Source| WRITES.iter().any(|call| source.code.contains(call));
    let is_locked = |source: &Source| {
        let words = source.code.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.into_iter().any(|word| LOCKED.contains(&word))
    };
    let (locked, free): (Vec<&Source>, Vec<&Source>) = sources.iter().filter(writes).partition(|s| is_locked(s));
    println!("{} files write with a lock in hand, {} elsewhere", locked.len(), free.len());
    assert!(locked.len() > 20, "the sources were not read");
    let is_listed = |file: &str| WRITE_ELSEWHERE.iter().any(|(listed, _)| file.starts_with(listed));
    let wrong: Vec<&str> = free.iter().map(|s| &s.file[..]).filter(|file| !is_listed(file)).collect();
    assert!(wrong.is_empty(), "write without the lock of an install:\n{}", wrong.join("\n"));
    let is_used = |listed: &str| free.iter().any(|s| s.file.starts_with(listed));
    let unused: Vec<_> = WRITE_ELSEWHERE.iter().filter(|(listed, _)| !is_used(listed)).collect();
    assert!(unused.is_empty(), "no longer write without a lock, strike them off the list: {unused:?}");
}

#[test]
fn folders_of_the_install_are_made_by_the_lock() {
    let sources = sources();
    let makes = |source: &&Source| source.code.contains("create_folders(");
    let wrong: Vec<&str> = sources.iter().filter(makes).map(|s| &s.file[..]).collect();
    assert_eq!(wrong, MAKE_FOLDERS);
}

/// The launcher of the tests knows each variable that is for them alone.
#[test]
fn every_word_of_tests_is_known() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    for file in walkdir::WalkDir::new(top).into_iter().flatten().filter(|f| f.file_type().is_file()) {
        if file.path().components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        for line in text.lines().filter(|line| line.contains("var(") || line.contains("var_os(")) {
            let named = line.split('"').find(|part| part.starts_with("POS_"));
            found.extend(named.map(ToOwned::to_owned));
        }
    }
    // Not for tests: how the program tells itself.
    found.retain(|word| !word.starts_with("POS_UPGRADE_TUI_"));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), WORDS);
}

/// What stands in no program of tests would never run, and nobody would miss it.
#[test]
fn every_suite_is_in_a_program_and_the_short_one_names_what_it_leaves_out() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let [short, long] = ["main.rs", "long.rs"].map(|name| std::fs::read_to_string(tests.join(name)).unwrap());
    let suites = |text: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        lines.map(ToOwned::to_owned).collect()
    };
    let there: BTreeSet<String> = std::fs::read_dir(&tests)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("mod.rs").is_file() || path.extension().is_some_and(|e| e == "rs"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "main" && name != "long")
        .collect();
    let (in_short, mut in_long) = (suites(&short), suites(&long));
    assert_eq!(in_short.union(&in_long).cloned().collect::<BTreeSet<_>>(), there);
    let listed = short.split("left_out! {").nth(1).unwrap().split('}').next().unwrap();
    in_long.remove("common");
    assert_eq!(listed.split_whitespace().map(ToOwned::to_owned).collect::<BTreeSet<_>>(), in_long);
}

//! Commits that no `git add` would make: trees with names that lead elsewhere, and what a source says of itself.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::git;
use crate::escape::world::World;

/// An entry of a tree, as git stores it.
type Entry = (&'static str, Vec<u8>, String);

fn raw(source: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    command.current_dir(source).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    output.stdout
}

fn id(output: Vec<u8>) -> String {
    String::from_utf8(output).unwrap().trim().to_owned()
}

fn blob(source: &Path, bytes: &[u8]) -> String {
    id(raw(source, &["hash-object", "-w", "--stdin"], bytes))
}

/// Writes a tree with any names, in any order.
fn tree(source: &Path, entries: &[Entry]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend_from_slice(mode.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend((0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
    }
    id(raw(source, &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &bytes))
}

fn read(source: &Path, spec: &str) -> Vec<Entry> {
    let bytes = raw(source, &["cat-file", "tree", spec], b"");
    let (mut rest, mut entries) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let blank = rest.iter().position(|b| *b == b' ').unwrap();
        let end = rest.iter().position(|b| *b == 0).unwrap();
        let mode = match &rest[..blank] {
            b"40000" => "40000",
            b"100755" => "100755",
            b"120000" => "120000",
            _ => "100644",
        };
        let id = rest[end + 1..end + 21].iter().map(|b| format!("{b:02x}")).collect();
        entries.push((mode, rest[blank + 1..end].to_vec(), id));
        rest = &rest[end + 21..];
    }
    entries
}

/// A commit behind `HEAD` with these entries added in a folder.
fn commit(source: &Path, folder: &str, more: &[Entry]) -> String {
    let mut path: Vec<&str> = folder.split('/').collect();
    let mut entries = read(source, &format!("HEAD:{folder}"));
    entries.retain(|(_, name, _)| more.iter().all(|(_, other, _)| other != name || other.is_empty()));
    entries.extend_from_slice(more);
    let mut id = tree(source, &entries);
    while let Some(name) = path.pop() {
        let mut above = read(source, &format!("HEAD:{}", path.join("/")));
        let place = above.iter_mut().find(|(_, n, _)| n == name.as_bytes()).unwrap();
        place.2 = id;
        id = tree(source, &above);
    }
    git(source, &["commit-tree", &id, "-p", "HEAD", "-m", "Hostile"])
}

/// A tree in a tree in a tree, down to a file.
fn nested(source: &Path, names: &[&str], leaf: &Entry) -> Entry {
    names.iter().rev().fold(leaf.clone(), |inner, name| ("40000", name.as_bytes().to_vec(), tree(source, &[inner])))
}

#[test]
fn trees() {
    let world = World::new();
    let source = &world.source;
    let evil = blob(source, b"evil\n");
    let link = |to: &str| blob(source, to.as_bytes());
    let file = |name: &[u8]| -> Entry { ("100644", name.to_vec(), evil.clone()) };
    let absolute = world.sandbox.path().join("case-1/outside/evil");
    let mut all: Vec<(String, Vec<Entry>)> = Vec::new();
    let names: [&[u8]; 18] = [
        b"..",
        b".",
        b"",
        b".git",
        b"../evil",
        b"../../evil",
        b"../../../outside/victim",
        b"a/../../../../outside/victim",
        b"/",
        b"//evil",
        b"./evil",
        b"evil/",
        b"a//evil",
        b"..\\evil",
        b"\xff\xfe",
        b"\x1b[2J\n..",
        b"universal/../../../x.md",
        b"\xe2\x80\xa4\xe2\x80\xa4",
    ];
    for name in names {
        all.push((format!("file {:?}", String::from_utf8_lossy(name)), vec![file(name)]));
    }
    all.push(("absolute".into(), vec![file(absolute.to_str().unwrap().as_bytes())]));
    for path in [
        &["..", "..", "outside"][..],
        &["..", "..", "..", "outside", "deep"],
        &["a", "..", "..", "..", "..", "outside"],
        &[".", ".", "."],
        &[".git", "hooks"],
        &["..", ".upgrade"],
        &["..", "..", ".backups"],
        &["", ""],
    ] {
        all.push((format!("folders {path:?}"), vec![nested(source, path, &file(b"victim"))]));
    }
    // A link, and something behind it under the same name.
    for to in ["../../../../outside", "/etc", absolute.parent().unwrap().to_str().unwrap(), "..", "."] {
        let a_link: Entry = ("120000", b"linked".to_vec(), link(to));
        let behind = nested(source, &["linked"], &file(b"victim"));
        all.push((format!("link to {to}"), vec![a_link.clone()]));
        all.push((format!("link to {to} and a folder"), vec![a_link.clone(), behind.clone()]));
        all.push((format!("a folder and link to {to}"), vec![behind, a_link]));
    }
    all.push(("submodule".into(), vec![("160000", b"..".to_vec(), "1".repeat(40))]));
    let folder = nested(source, &["both"], &file(b"x.md"));
    all.push(("file and folder of one name".into(), vec![file(b"both"), folder]));
    all.push(("the same twice".into(), vec![file(b"twice.md"), file(b"twice.md")]));
    all.push(("case".into(), vec![file(b"Readme.md"), file(b"README.md"), file(b"readme.md")]));
    all.push(("unicode".into(), vec![file("é.md".as_bytes()), file("e\u{301}.md".as_bytes())]));
    all.push(("long".into(), vec![file("n".repeat(300).as_bytes())]));
    let mut applied = 0;
    for (number, (name, entries)) in all.iter().enumerate() {
        // Where another map of the layout leads, for some of them.
        let folders: &[&str] = if number % 4 == 2 || entries.len() > 2 {
            &["universal/standards", "scripts"]
        } else {
            &["universal/standards"]
        };
        for &folder in folders {
            if world.passes_over() {
                continue;
            }
            let case = world.case(format!("{name} in {folder}"));
            let to = commit(source, folder, entries);
            let plan = ["plan", "--json", "--source", source.to_str().unwrap(), "--to", &to];
            let said = case.run(&[&plan, &case.upgrade_to(&to), &["rollback", "--yes"]]);
            applied += u32::from(said[1].0 == 0);
            // A name that is fine on this file system is no reason to refuse the rest.
            if ["case", "unicode"].contains(&name.as_str()) {
                let place = if folder == "scripts" { "scripts" } else { "standards/universal" };
                let count = |text: &str| text.matches(&format!("\"path\":\"{place}/")).count();
                assert!(said.iter().all(|(code, _)| *code == 0), "{said:?}");
                assert!(count(&said[0].1) > entries.len(), "{}", said[0].1);
            }
            std::fs::remove_dir_all(&case.root).unwrap();
        }
    }
    println!("{applied} of them could be applied without their hostile parts");
    assert!(applied * 2 >= world.cases.get(), "a source that is refused for another reason proves nothing");
    world.done("git trees", 60);
}

#[test]
fn the_sources_manifest() {
    let world = World::new();
    let manifest = |path: &str| {
        let sum = format!("sha256:{}", pos_upgrade_tui::core::blob::sha256(b"evil\n"));
        serde_json::json!({"version": "1", "generated": "now", "files": {path: {"checksum": sum, "size": 5, "last_updated": "now"}}})
    };
    for path in ["../../outside/victim", "/etc/passwd", "a/../../..", "", "standards/../../../outside/x.md", "..\0"] {
        let case = world.case(format!("manifest naming {path:?}"));
        let id = blob(&world.source, manifest(path).to_string().as_bytes());
        let to = commit(&world.source, "universal", &[("100644", b".universal-manifest.json".to_vec(), id)]);
        let said = case.run(&[&case.upgrade_to(&to), &["rollback", "--yes"]]);
        case.expect(said.iter().all(|(code, _)| *code == 0), &format!("{said:?}"));
    }
    world.done("the source's manifest", 6);
}

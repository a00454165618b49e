//! Links, pipes and devices where this program keeps what is its own, and where releases put files.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::escape::world::{World, pipe, replace};

/// Folders that everything is written to.
const FOLDERS: [&str; 8] =
    [".upgrade", ".upgrade/base", ".upgrade/parked", ".backups", ".cache", ".cache/state", "rescued", "venvs"];
/// Files that an upgrade writes.
const DOCUMENTS: [&str; 5] =
    ["VERSION.txt", "UPDATE_LOG.txt", "INSTALLATION_SUMMARY.md", ".upgrade-baseline.json", "../.gitignore"];
/// Files that are made anew, or only read: nothing to refuse, as long as nothing is followed.
const OTHERS: [&str; 6] = [
    ".upgrade/lock",
    ".upgrade-lock",
    "upgrade.json",
    ".upgrade/answers.json",
    "standards/.rebuild_index",
    ".mcp_server_state.json",
];

/// What is put there, by name.
fn put(path: &Path, kind: &str, outside: &Path) {
    let folder = outside.join("deep");
    replace(path, |path| match kind {
        "folder" => symlink(folder, path).unwrap(),
        "file" => symlink(outside.join("victim"), path).unwrap(),
        "dangling" => symlink(outside.join("none"), path).unwrap(),
        "dangling below" => symlink(outside.join("none/none"), path).unwrap(),
        "null" => symlink("/dev/null", path).unwrap(),
        "zero" => symlink("/dev/zero", path).unwrap(),
        "loop" => symlink(path, path).unwrap(),
        "to a pipe" => {
            pipe(&outside.join("pipe"));
            symlink(outside.join("pipe"), path).unwrap();
        }
        "pipe" => pipe(path),
        other => panic!("{other}"),
    });
}

const KINDS: [&str; 9] = ["folder", "file", "dangling", "dangling below", "null", "zero", "loop", "to a pipe", "pipe"];

#[test]
fn our_own_places_before_an_upgrade() {
    let world = World::new();
    for place in FOLDERS.iter().chain(&DOCUMENTS) {
        for kind in KINDS {
            if world.passes_over() {
                continue;
            }
            let case = world.case(format!("{place}: {kind}"));
            let path = case.install().join(place);
            put(&path, kind, &case.outside());
            let name = place.trim_start_matches("../");
            let said = case.refused(&case.upgrade(), 4, name);
            let next = |what: &str| said.lines().any(|l| l.contains("next:") && l.contains(what));
            // A pipe among the files is known as what can't be copied.
            let advice = ["rm ", "mv ", "cp ", "end the program"].into_iter().any(next);
            case.expect(advice, &format!("no advice: {said}"));
            let stays = path.symlink_metadata().is_ok_and(|m| !m.is_dir() && !m.is_file());
            case.expect(stays, "it is gone");
            std::fs::remove_dir_all(&case.root).unwrap();
        }
    }
    world.done("our own places, before", 100);
}

#[test]
fn what_is_made_anew_is_not_followed() {
    let world = World::new();
    for place in OTHERS {
        for kind in KINDS {
            if world.passes_over() {
                continue;
            }
            let case = world.case(format!("{place}: {kind}"));
            put(&case.install().join(place), kind, &case.outside());
            let commands: [&[&str]; 4] =
                [&["status"], &case.upgrade(), &["unlock", "--yes", "x"], &["rollback", "--yes"]];
            case.run(&commands);
            std::fs::remove_dir_all(&case.root).unwrap();
        }
    }
    world.done("what is made anew", 50);
}

#[test]
fn our_own_places_after_an_upgrade() {
    let world = World::upgraded();
    for place in FOLDERS.iter().chain(&DOCUMENTS).chain(&OTHERS) {
        for kind in ["folder", "dangling"] {
            if world.passes_over() {
                continue;
            }
            let case = world.case(format!("{place} after an upgrade: {kind}"));
            // With what stood there behind the link, so that it works as if it stood there still.
            let path = case.install().join(place);
            let behind = case.outside().join("deep");
            if kind == "folder" && path.is_dir() {
                std::fs::remove_dir_all(&behind).unwrap();
                std::fs::rename(&path, &behind).unwrap();
            }
            put(&path, kind, &case.outside());
            case.run(&[
                &["status"],
                &["backups", "prune", "--keep", "1", "--yes"],
                &["restore", "scripts/check-links.py"],
                &case.upgrade(),
                &["rollback", "--yes"],
            ]);
            std::fs::remove_dir_all(&case.root).unwrap();
        }
    }
    world.done("our own places, after", 38);
}

#[test]
fn bases_that_are_links_are_not_written_through() {
    let world = World::new();
    let ids = crate::common::git(&world.source, &["ls-tree", "-r", "--format=%(objectname)", "HEAD"]);
    for kind in KINDS {
        let case = world.case(format!(".upgrade/base/*: {kind}"));
        for id in ids.lines().take(if kind == "to a pipe" { 1 } else { 100 }) {
            put(&case.install().join(".upgrade/base").join(id), kind, &case.outside());
        }
        let said = case.run(&[&case.upgrade(), &["rollback", "--yes"]]);
        case.expect(said.iter().all(|(code, _)| *code == 0), &format!("{said:?}"));
    }
    world.done("kept bases", 9);
}

#[test]
fn managed_places() {
    let world = World::new();
    let places = [
        "standards",
        "standards/universal",
        "standards/universal/ai-safety",
        "workflows",
        "scripts",
        "scripts/check-links.py",
        "mcp_server",
        "config.json",
    ];
    for place in places {
        for kind in ["folder", "file", "dangling", "pipe"] {
            for late in [false, true] {
                if world.passes_over() {
                    continue;
                }
                let case = world.case(format!("{place}: {kind}, {}", if late { "after" } else { "before" }));
                let upgrade = case.upgrade();
                if late {
                    assert_eq!(case.run(&[&upgrade]).remove(0).0, 0);
                }
                put(&case.install().join(place), kind, &case.outside());
                let path = format!("{place}/victim.md");
                case.run(&[&upgrade, &["restore", &path], &["rollback", "--yes"]]);
                std::fs::remove_dir_all(&case.root).unwrap();
            }
        }
    }
    world.done("managed places", 64);
}

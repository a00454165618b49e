//! Every file of ours that is read back: whoever can write it may have written anything into it, checksums in order.

use crate::common::forge;
use std::path::Path;

use pos_upgrade_tui::core::blob::sha256;
use serde_json::{Value, json};

use crate::escape::world::{Case, World, change, pipe, replace};

/// Paths that lead out, by themselves or behind a link.
const OUT: [&str; 7] = [
    "../../outside/victim",
    "/etc/passwd",
    "a/../../../outside/victim",
    "..",
    "",
    "base64:Li4vLi4vb3V0c2lkZS92aWN0aW0=",
    "standards/./../../../outside/x.md",
];

#[test]
fn the_baseline() {
    let world = World::upgraded();
    let commands = |case: &Case<'_>| {
        case.run(&[&["status"], &["edits", "--diff"], &case.upgrade(), &["rollback", "--yes"]]);
    };
    for path in OUT {
        let case = world.case(format!("baseline with {path:?}"));
        change(&case.install().join(".upgrade-baseline.json"), |all| {
            let files = all["files"].as_object_mut().unwrap();
            let any = files.values().next().unwrap().clone();
            files.insert(path.to_owned(), any);
        });
        commands(&case);
        let case = world.case(format!("baseline with the source {path:?}"));
        change(&case.install().join(".upgrade-baseline.json"), |all| {
            let files = all["files"].as_object_mut().unwrap();
            files.values_mut().for_each(|file| file["source"] = path.into());
        });
        commands(&case);
    }
    for key in ["release", "layout", "blob"] {
        for text in ["../../../outside/victim", "--output=../../outside/evil", "HEAD:..", ""] {
            let case = world.case(format!("baseline with {key} {text:?}"));
            change(&case.install().join(".upgrade-baseline.json"), |all| match key {
                "blob" => all["files"].as_object_mut().unwrap().values_mut().for_each(|f| f["blob"] = text.into()),
                _ => all[key] = text.into(),
            });
            commands(&case);
        }
    }
    world.done("the baseline", 26);
}

#[test]
fn sessions() {
    let world = World::broken();
    type Change = Box<dyn Fn(&mut Value)>;
    let mut all: Vec<(String, Change)> = Vec::new();
    let mut set = |pointer: &'static str, value: Value| {
        let how = move |session: &mut Value| {
            *session.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.clone();
        };
        all.push((pointer.to_owned(), Box::new(how)));
    };
    for out in ["../../outside", "/etc", "..", "2026-11-22-103045/../../../outside"] {
        for pointer in ["/backup", "/stamp", "/venv_generation", "/session_id"] {
            set(pointer, out.into());
        }
        set("/documents", json!({out: "0"}));
        set("/answers", json!({out: "take"}));
        set("/plan/files/0/path", out.into());
        set("/plan/files/0/from", out.into());
        set("/plan/files/0/source_path", out.into());
        set("/plan/files/0/theirs", out.into());
    }
    let elsewhere = world.sandbox.path().join("case-1/outside");
    for pointer in ["/project", "/install", "/source", "/plan/install/path", "/plan/source/path"] {
        set(pointer, elsewhere.to_str().unwrap().into());
        set(pointer, "../../outside".into());
    }
    set("/gitignore_added", json!(["../../outside/victim", "/target"]));
    set("/gitignore_added", json!(["fn main() {}"]));
    set("/venv_generation", "2026-11-22-103045".into());
    set(
        "/server",
        json!({"was_running": false, "pid": 1, "command": [], "cwd": "../../outside", "env": {}, "tools": []}),
    );
    for (pointer, how) in &all {
        if world.passes_over() {
            continue;
        }
        let case = world.case(format!("session with another {pointer}"));
        forge::approved_session(&world.sandbox.path().join("home"), &case.session(), how);
        case.run(&[&["status"], &["history"], &["resume"], &["rollback", "--yes"], &["rollback", "--yes"]]);
        std::fs::remove_dir_all(&case.root).unwrap();
    }
    world.done("sessions", 40);
}

/// A journal's two files with other steps, checksums in order.
fn journal(folder: &Path, how: &dyn Fn(&mut Vec<Value>)) {
    let whole: Value = serde_json::from_slice(&std::fs::read(folder.join("journal.json")).unwrap()).unwrap();
    let mut steps = whole["steps"].as_array().unwrap().clone();
    how(&mut steps);
    let text = serde_json::to_string(&steps).unwrap();
    let sum = sha256(text.as_bytes());
    for name in ["journal.json", "journal.copy.json"] {
        std::fs::write(folder.join(name), format!("{{\"sha256\":\"{sum}\",\"steps\":{text}}}")).unwrap();
    }
}

#[test]
fn journals() {
    let world = World::broken();
    let absolute = world.sandbox.path().join("case-1/outside/victim");
    let own = [".upgrade/lock", ".backups/x", "venv/bin/python", ".cache/state/x.json"];
    let through = ["linked/victim", "linked/new/file.md", "standards/linked/deep/er/victim.md"];
    let paths: Vec<&str> = OUT.into_iter().chain(own).chain(through).chain([absolute.to_str().unwrap()]).collect();
    for path in paths {
        for command in ["resume", "rollback"] {
            if world.passes_over() {
                continue;
            }
            let case = world.case(format!("journal with {path:?}, {command}"));
            for place in ["linked", "standards/linked"] {
                std::os::unix::fs::symlink(case.outside(), case.install().join(place)).unwrap();
            }
            let not_ours = json!({"file": {"sha256": sha256(b"not ours\n"), "mode": 0o644}});
            journal(&case.session().join("content"), &|steps| {
                steps.insert(0, json!({"path": path, "old": not_ours, "new": "absent"}));
                steps.push(json!({"path": path, "old": not_ours, "new": not_ours}));
                let last = steps.len() - 1;
                steps.swap(1, last);
            });
            case.run(&[&[command, "--yes"], &["rollback", "--yes"], &["rollback", "--yes"], &["status"]]);
            std::fs::remove_dir_all(&case.root).unwrap();
        }
    }
    // The journal's own places as links: what is exchanged with the staging would land there.
    for place in
        ["content", "content/stage", "server", "server/stage", "rollback", "rollback/stage", "content/stage.done"]
    {
        for command in ["resume", "rollback"] {
            if world.passes_over() {
                continue;
            }
            let case = world.case(format!("{place} is a link, {command}"));
            let to = case.outside().join("stage");
            let staged = case.session().join("content/stage");
            if place == "content/stage" {
                // With all that an apply needs, so that nothing else stops it.
                std::fs::remove_dir_all(&to).unwrap();
                assert!(std::process::Command::new("cp").arg("-a").arg(&staged).arg(&to).status().unwrap().success());
            }
            replace(&case.session().join(place), |path| std::os::unix::fs::symlink(&to, path).unwrap());
            let shown = case.session().join(place);
            case.refused(&[command, "--yes"], 4, shown.to_str().unwrap());
        }
    }
    for name in ["journal.json", "journal.copy.json"] {
        let case = world.case(format!("{name} is a pipe"));
        replace(&case.session().join("content").join(name), pipe);
        case.run(&[&["status"], &["resume"], &["rollback", "--yes"]]);
    }
    world.done("journals", 40);
}

/// A backup's manifest with other entries, its checksum beside it.
fn manifest(case: &Case<'_>, how: impl FnOnce(&mut Value)) {
    let path = case.backup().join("MANIFEST.json");
    change(&path, how);
    let sum = sha256(&std::fs::read(&path).unwrap());
    std::fs::write(case.backup().join("MANIFEST.json.sha256"), format!("{sum}  MANIFEST.json\n")).unwrap();
}

#[test]
fn backups() {
    let world = World::upgraded();
    let commands = |case: &Case<'_>, path: &str| {
        case.run(&[
            &["backups", "verify"],
            &["restore", path],
            &["rollback", "--yes"],
            &["backups", "prune", "--keep", "1", "--yes"],
        ]);
        std::fs::remove_dir_all(&case.root).unwrap();
    };
    let folder = || json!({"type": "folder", "mode": 0o700, "mtime": "0"});
    let file = || json!({"type": "file", "sha256": sha256(b"evil"), "size": 4, "mode": 0o666, "mtime": "0"});
    let link = || json!({"type": "link", "target": "../../outside"});
    for path in
        OUT.into_iter().chain(["linked/victim", "linked/deep", "linked/new/x.md", ".upgrade/base", ".upgrade/lock"])
    {
        for entry in [folder(), file(), link()] {
            if world.passes_over() {
                continue;
            }
            let case = world.case(format!("backup with {path:?}: {}", entry["type"]));
            std::os::unix::fs::symlink(case.outside(), case.install().join("linked")).unwrap();
            let copy = case.backup().join("files").join(path.trim_start_matches('/'));
            if copy.parent().is_some_and(|p| std::fs::create_dir_all(p).is_ok()) && !copy.exists() {
                let _ = std::fs::write(copy, "evil");
            }
            manifest(&case, |all| {
                all["entries"][path] = entry;
                all["entries"]["linked"] = link();
            });
            commands(&case, path);
        }
    }
    // A managed folder that the backup knows as one, and that is a link by now.
    for place in ["standards/universal/ai-safety", "workflows", "scripts"] {
        let case = world.case(format!("{place} became a link"));
        std::fs::rename(case.install().join(place), case.root.join("aside")).unwrap();
        std::os::unix::fs::symlink("../".repeat(place.split('/').count() + 1) + "outside", case.install().join(place))
            .unwrap();
        commands(&case, "scripts/check-links.py");
    }
    for bad in ["schema", "session_id", "created_at", "project_gitignore"] {
        let case = world.case(format!("backup with another {bad}"));
        manifest(&case, |all| all[bad] = "../../outside/victim".into());
        commands(&case, "scripts/check-links.py");
    }
    for name in ["MANIFEST.json", "MANIFEST.json.sha256", "files", "files/scripts/check-links.py", "project.gitignore"]
    {
        let case = world.case(format!("{name} of a backup is a pipe"));
        replace(&case.backup().join(name), pipe);
        commands(&case, "scripts/check-links.py");
        let case = world.case(format!("{name} of a backup is a link"));
        let to = case.outside().join("victim");
        replace(&case.backup().join(name), |path| std::os::unix::fs::symlink(to, path).unwrap());
        commands(&case, "scripts/check-links.py");
    }
    world.done("backups", 45);
}

#[test]
fn saved_plans() {
    let world = World::new();
    let first = world.case("a plan");
    let source = world.source.to_str().unwrap();
    let said = first.run(&[&["plan", "--json", "--source", source]]).remove(0).1;
    let plan: Value = serde_json::from_str(said.trim()).unwrap();
    for pointer in
        ["/files/0/path", "/files/0/from", "/files/0/source_path", "/files/0/theirs", "/install/path", "/source/path"]
    {
        for out in ["../../outside/victim", "/etc", first.outside().to_str().unwrap()] {
            let case = world.case(format!("a plan with {pointer} {out}"));
            let mut changed = plan.clone();
            *changed.pointer_mut("/install/path").unwrap() = case.install().to_str().unwrap().into();
            *changed.pointer_mut(pointer).unwrap() = out.into();
            let saved = case.root.join("plan.json");
            std::fs::write(&saved, changed.to_string()).unwrap();
            let (code, said) = case
                .run(&[&["upgrade", "--yes", "--on-conflict", "take", "--plan", saved.to_str().unwrap()]])
                .remove(0);
            case.expect([2, 4].contains(&code), &said);
        }
    }
    world.done("saved plans", 19);
}

#[test]
fn settings_and_answers() {
    let world = World::new();
    for text in [
        r#"{"source_path": "../../outside"}"#,
        r#"{"source_path": "/dev/zero"}"#,
        r#"{"always_take": ["../../**", "/**"], "always_keep": ["../**"]}"#,
        r#"{"always_take": ["**"], "keep_backups": 0}"#,
        r#"{"../../outside": 1}"#,
    ] {
        let case = world.case(format!("upgrade.json {text}"));
        std::fs::write(case.install().join("upgrade.json"), text).unwrap();
        case.run(&[&["plan"], &["upgrade", "--yes"], &case.upgrade(), &["rollback", "--yes"]]);
    }
    for text in ["{}", r#"{"schema":1,"answers":{"../../outside/victim":"take"}}"#, "[[["] {
        let case = world.case(format!("answers.json {text}"));
        replace(&case.install().join(".upgrade/answers.json"), |path| std::fs::write(path, text).unwrap());
        case.run(&[&case.upgrade(), &["rollback", "--yes"]]);
    }
    world.done("settings and answers", 8);
}

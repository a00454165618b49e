//! `plan --json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::common::ext::{keys, set};
use crate::common::git;
use crate::contracts::set::{KINDS, Set, installed, is_id};

#[test]
fn the_plan() {
    let set_up = Set::new();
    let plan = set_up.plan(&[]);
    assert_eq!(
        keys(&plan),
        set(&[
            "schema",
            "source",
            "install",
            "summary",
            "files",
            "outside",
            "project_files",
            "rules",
            "leftovers",
            "will_be_tried"
        ])
    );
    assert_eq!(keys(&plan["outside"]), set(&["files_read", "tracked", "cut_off", "references", "unread"]));
    assert_eq!(plan["schema"], 1);
    let (source, install) = (&plan["source"], &plan["install"]);
    assert_eq!(keys(source), set(&["path", "version", "commit", "shallow", "generation"]));
    assert_eq!(source["path"], set_up.demo.source.to_str().unwrap());
    assert_eq!((&source["commit"], &source["shallow"]), (&json!(set_up.demo.commits[2]), &json!(false)));
    assert_eq!(source["version"], "1.2.0");
    assert_eq!((&source["generation"], &install["generation"]), (&json!("praxis-os"), &json!("praxis-os")));
    assert_eq!(keys(install), set(&["path", "layout", "generation", "release", "release_evidence"]));
    assert_eq!(install["path"], set_up.demo.install.to_str().unwrap());
    assert_eq!((&install["layout"], &install["release_evidence"]), (&json!("current"), &json!("history")));
    assert_eq!(install["release"], json!(set_up.demo.commits[0]));
    assert_eq!(keys(&plan["summary"]), set(&KINDS));

    let files = plan["files"].as_array().unwrap();
    let paths: Vec<&str> = files.iter().map(|f| f["path"].as_str().unwrap()).collect();
    let sorted: BTreeSet<&str> = paths.iter().copied().collect();
    assert_eq!(paths, sorted.into_iter().collect::<Vec<_>>(), "sorted, each once");
    let mut counted: BTreeMap<&str, u64> = KINDS.into_iter().map(|k| (k, 0)).collect();
    for file in files {
        assert_file(&set_up, file);
        *counted.get_mut(file["kind"].as_str().unwrap()).expect("a kind of the list") += 1;
    }
    assert_eq!(json!(counted), plan["summary"]);
    assert!(counted["conflict"] > 0 && counted["move"] > 0 && counted["auto_merge"] > 0, "{counted:?}");

    // It lists every managed path: all that the release ships is among them.
    let listed: BTreeSet<&str> = paths.into_iter().collect();
    for path in set_up.release().keys() {
        assert!(listed.contains(path.as_str()), "{path} is not in the plan");
    }
    // A dry run shows the same.
    let dry = set_up.run("upgrade", &["--dry-run"], 0);
    assert_eq!(dry, [plan]);
}

/// One entry of the plan: its keys, and that what it says is so.
fn assert_file(set_up: &Set, file: &Value) {
    let Set { demo, .. } = set_up;
    let documented =
        ["path", "kind", "from", "source_path", "base", "mine", "theirs", "conflict_hunks", "reason", "executable"];
    assert_eq!(keys(file), set(&documented), "no path_base64 where the path is text");
    let path = file["path"].as_str().unwrap();
    let kind = file["kind"].as_str().unwrap();
    for id in ["base", "mine", "theirs"] {
        assert!(file[id].is_null() || is_id(&file[id]), "{id} of {file}");
    }
    assert!(file["from"].is_null() || file["from"].is_string());
    assert!(!file["reason"].as_str().unwrap().is_empty());
    assert!(file["executable"].is_boolean());
    let hunks = file["conflict_hunks"].as_u64().unwrap();
    assert_eq!(hunks > 0, kind == "conflict", "{file}");
    // A move has an old path; what does not move has none, unless the user's edit goes with the move.
    match kind {
        "move" => assert!(file["from"].is_string() && file["from"] != file["path"], "{file}"),
        "auto_merge" | "conflict" => {}
        _ => assert!(file["from"].is_null(), "{file}"),
    }
    let now = demo.install.join(file["from"].as_str().unwrap_or(path));
    match file["mine"].as_str() {
        Some(mine) => assert_eq!(git(&demo.source, &["hash-object", "--no-filters", now.to_str().unwrap()]), mine),
        None => assert!(!now.exists(), "{file}"),
    }
    let source_path = file["source_path"].as_str().expect("a source path");
    if let Some(theirs) = file["theirs"].as_str() {
        assert_eq!(git(&demo.source, &["rev-parse", &format!("HEAD:{source_path}")]), theirs, "{file}");
        assert_eq!(installed(source_path).as_deref(), Some(path));
    }
    if let Some(base) = file["base"].as_str() {
        assert_eq!(git(&demo.source, &["cat-file", "-t", base]), "blob");
    }
    let (base, mine, theirs) = (&file["base"], &file["mine"], &file["theirs"]);
    match kind {
        "unchanged" => assert_eq!(mine, theirs, "{file}"),
        "update" => assert!(mine == base && theirs != base && !theirs.is_null(), "{file}"),
        "new" => assert!(mine.is_null() && is_id(theirs), "{file}"),
        "remove" => assert!(mine == base && theirs.is_null(), "{file}"),
        "move" => assert!(mine == base && is_id(theirs), "{file}"),
        "auto_merge" | "conflict" => assert!(mine != base && theirs != base && mine != theirs, "{file}"),
        "stays_deleted" => assert!(mine.is_null() && theirs == base && is_id(base), "{file}"),
        "local_only" => assert!(mine != base && theirs == base, "{file}"),
        _ => {}
    }
}

#[test]
fn every_conflict_has_something_to_settle() {
    let set_up = Set::new();
    let Set { demo, .. } = &set_up;
    // Beside the demo's own: deleted here and changed there, edited here and removed there, added by both.
    fs::remove_file(demo.install.join("standards/universal/ai-safety/credential-handling.md")).unwrap();
    for path in ["concurrency/thread-pools.md", "testing/contract-tests.md"] {
        let path = demo.install.join("standards/universal").join(path);
        let old = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, format!("{old}What we do.\n")).unwrap();
    }
    let plan = set_up.plan(&[]);
    let conflicts: Vec<&Value> = plan["files"].as_array().unwrap().iter().filter(|f| f["kind"] == "conflict").collect();
    let of =
        |path: &str| *conflicts.iter().find(|f| f["path"] == path).unwrap_or_else(|| panic!("{path}: {conflicts:#?}"));
    let deleted = of("standards/universal/ai-safety/credential-handling.md");
    assert!(is_id(&deleted["base"]) && deleted["mine"].is_null() && is_id(&deleted["theirs"]), "{deleted}");
    let removed = of("standards/universal/concurrency/thread-pools.md");
    assert!(is_id(&removed["base"]) && is_id(&removed["mine"]) && removed["theirs"].is_null(), "{removed}");
    let both = of("standards/universal/testing/contract-tests.md");
    assert!(both["base"].is_null() && is_id(&both["mine"]) && is_id(&both["theirs"]), "{both}");
    assert_eq!(conflicts.len(), 6);
    for file in conflicts {
        assert!(file["conflict_hunks"].as_u64().unwrap() > 0, "{file}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_that_is_not_text_is_told_in_base64_too() {
    let set_up = Set::new();
    let name = std::ffi::OsStr::from_bytes(b"universal/standards/testing/caf\xe9.md");
    fs::write(set_up.demo.source.join(name), "# A page\n").unwrap();
    git(&set_up.demo.source, &["add", "--all"]);
    git(&set_up.demo.source, &["commit", "--quiet", "-m", "A name in Latin-1"]);
    let plan = set_up.plan(&[]);
    let odd: Vec<&Value> =
        plan["files"].as_array().unwrap().iter().filter(|f| f.get("path_base64").is_some()).collect();
    assert_eq!(odd.len(), 1, "{odd:?}");
    assert_eq!(odd[0]["path"], "standards/universal/testing/caf\u{fffd}.md");
    let bytes = base64::engine::general_purpose::STANDARD.decode(odd[0]["path_base64"].as_str().unwrap()).unwrap();
    assert_eq!(bytes, b"standards/universal/testing/caf\xe9.md");
    // And it is carried out, under its own name.
    let events = set_up.upgrade("keep");
    assert_eq!(events.last().unwrap()["result"], "completed");
    let path = set_up.demo.install.join(std::ffi::OsStr::from_bytes(&bytes));
    assert_eq!(fs::read_to_string(path).unwrap(), "# A page\n");
}

//! Nothing to do makes nothing: no session, no backup, no line in a log; and no number of such upgrades costs a backup.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use crate::common::terminal::Terminal;
use crate::common::{Sandbox, locked, text};
use pos_upgrade_tui::core::plan::Summary;
use pos_upgrade_tui::core::session::{Session, StateEvent, Status};
use pos_upgrade_tui::host::backup::copy;
use pos_upgrade_tui::host::session::store;
use pos_upgrade_tui::host::session::store::Truth;

/// Everything below a folder, whatever it is: type, mode, times and bytes.
fn all(folder: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder).into_iter().flatten() {
        let meta = entry.path().symlink_metadata().unwrap();
        let times = (meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec());
        let bytes = if meta.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        let sum = pos_upgrade_tui::core::blob::sha256(&bytes);
        let state = format!("{:o} {times:?} {} {sum}", meta.permissions().mode(), meta.ino());
        all.insert(entry.path().to_string_lossy().into_owned(), state);
    }
    all
}

#[track_caller]
fn same(before: &BTreeMap<String, String>, folder: &Path, what: &str) {
    let now = all(folder);
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differ: Vec<_> = paths.into_iter().filter(|p| before.get(*p) != now.get(*p)).collect();
    assert!(differ.is_empty(), "{what}: {differ:#?}");
}

/// Five times without a screen, and five times in the wizard, each with an attempt to start it all the same.
#[test]
fn an_upgrade_of_a_current_install_leaves_no_trace() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let upgrade = ["upgrade", "--project", project, "--source", source, "--yes", "--on-conflict", "keep"];
    let keep_one = [&upgrade[..], &["--keep-backups", "1"]].concat();
    let (code, said) = text(&sandbox.run(&keep_one));
    assert_eq!(code, 0, "{said}");
    let before = all(&demo.project);
    let backups = || fs::read_dir(demo.install.join(".backups")).unwrap().count();
    assert_eq!(backups(), 1);
    for n in 0..5 {
        let (code, said) = text(&sandbox.run(&keep_one));
        assert!(code == 0 && said.contains("nothing to do"), "{said}");
        same(&before, &demo.project, &format!("upgrade {n}"));
        let output = sandbox.run(&[&keep_one[..], &["--json"]].concat());
        let last: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&last["event"], &last["result"]), (&"finished".into(), &"nothing_to_do".into()));
        assert_eq!(output.status.code(), Some(0));
        same(&before, &demo.project, &format!("upgrade {n} in JSON"));
    }
    let home = sandbox.path().join("home");
    for n in 0..5 {
        let mut wizard = Terminal::start(&home, &["--project", project, "--source", source, "--keep-backups", "1"]);
        wizard.see(&["preview", "Nothing to do: this install is at", "q leave"]);
        assert!(!wizard.text().contains("Enter start"), "{}", wizard.text());
        wizard.press("\r");
        wizard.see(&["There is nothing to do, so nothing is started."]);
        wizard.press("N");
        wizard.see(&["Esc goes back to the plan."]);
        wizard.press("\r");
        wizard.press("\x1b");
        wizard.see(&["Nothing to do: this install is at"]);
        wizard.press("q");
        assert_eq!(wizard.end_sane(), 0);
        same(&before, &demo.project, &format!("wizard {n}"));
    }
    assert_eq!(backups(), 1);
    // That one is from before the real change, and brings it back.
    let (code, said) = text(&sandbox.run(&["rollback", "--project", project, "--yes"]));
    assert!(code == 0 && said.contains("is back as it was"), "{said}");
}

/// However many sessions changed nothing since: the backup from before the last real change is not pruned for theirs.
#[test]
fn backups_from_before_nothing_cost_no_backup_from_before_a_change() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let upgrade = ["upgrade", "--project", project, "--source", source, "--yes", "--on-conflict", "keep"];
    let (code, said) = text(&sandbox.run(&upgrade));
    assert_eq!(code, 0, "{said}");
    let names = || -> Vec<String> {
        let all = fs::read_dir(demo.install.join(".backups")).unwrap().flatten();
        let mut names: Vec<String> = all.map(|e| e.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let real = names().remove(0);
    let id = store::ids(&demo.install).unwrap().remove(0);
    let Truth::Sound(upgrade) = store::read(&demo.install, &id) else { panic!("the upgrade's session") };
    for (n, status) in
        [Status::Completed, Status::RolledBack, Status::Completed, Status::Failed].into_iter().enumerate()
    {
        let id = format!("ffffffff-7c1e-7d2a-b7c4-0f1e2d3c4b5{n}");
        let (mut session, events) = match status {
            Status::Completed => (*upgrade.clone(), vec![]),
            Status::RolledBack => {
                (*upgrade.clone(), vec![StateEvent::RollbackBegan("asked for".into()), StateEvent::RollbackDone])
            }
            _ => {
                let (project, install) = (demo.project.clone(), demo.install.clone());
                let begun =
                    Session::begin(upgrade.approved().clone(), id.clone(), project, install, jiff::Timestamp::now());
                (begun, vec![StateEvent::Failed("so".into())])
            }
        };
        for event in &events {
            session.advance(event).unwrap();
        }
        assert_eq!(session.status(), status);
        session.session_id = id;
        (session.server, session.venv_generation) = (None, None);
        if status == Status::Completed {
            let mut approval = session.approved().clone();
            approval.plan.summary = Summary::default();
            session = session.with_approval(approval);
        }
        let name = format!("2099-01-0{}-000000", n + 1);
        session.backup = Some(name.clone());
        let lock = locked(&demo.install);
        store::save(lock.install(), &session).unwrap();
        let folder = demo.install.join(".backups").join(&name);
        let made = copy::create(lock.install(), &demo.project, &folder, &session.session_id, "now", &|_, _| {});
        made.unwrap().write_manifest(lock.install()).unwrap();
    }
    assert_eq!(names().len(), 5);
    let (code, said) = text(&sandbox.run(&["backups", "prune", "--keep", "2", "--yes", "--project", project]));
    assert_eq!(code, 0, "{said}");
    assert_eq!(names(), [real, "2099-01-03-000000".to_owned(), "2099-01-04-000000".to_owned()]);
}

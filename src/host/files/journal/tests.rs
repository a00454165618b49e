use crate::host::files::journal::*;

fn locked(folder: &Path) -> LockedInstall {
    LockedInstall::of_test(folder)
}

fn rel(text: &str) -> RelPath {
    text.parse().unwrap()
}

fn wanted(path: &str, old: Option<&str>, new: Option<&str>) -> Wanted {
    Wanted {
        path: rel(path),
        old: old.map_or(State::Absent, |t| State::of(t.as_bytes(), 0o644)),
        new: new.map(|t| NewFile { bytes: t.into(), mode: 0o644, mtime: None }),
    }
}

fn put(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    stdfs::create_dir_all(path.parent().unwrap()).unwrap();
    stdfs::write(&path, text).unwrap();
    stdfs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
}

fn text(dir: &Path, path: &str) -> Option<String> {
    stdfs::read_to_string(dir.join(path)).ok()
}

#[test]
fn applies_twice_as_well_as_once() {
    let dir = tempfile::tempdir().unwrap();
    let install = dir.path();
    put(install, "s/changed", "old");
    put(install, "s/gone/x", "old");
    let folder = install.join(".upgrade/id/content");
    let all = vec![
        wanted("s/changed", Some("old"), Some("new")),
        wanted("s/gone/x", Some("old"), None),
        wanted("n/e/w", None, Some("fresh")),
    ];
    let journal = Journal::commit(&locked(install), &folder, all).unwrap();
    let first = journal.apply(&locked(install), &rel("rescued/1"), &mut |_, _| {}).unwrap();
    assert_eq!((first.changed, first.rescued.len()), (3, 0));
    let again = Journal::load(install, &folder).unwrap().unwrap();
    assert_eq!(again.apply(&locked(install), &rel("rescued/1"), &mut |_, _| {}).unwrap(), Applied::default());
    assert_eq!(text(install, "s/changed").as_deref(), Some("new"));
    assert_eq!(text(install, "n/e/w").as_deref(), Some("fresh"));
    assert!(!install.join("s/gone").exists(), "the emptied folder goes too");
}

#[test]
fn what_the_user_wrote_meanwhile_is_rescued() {
    let dir = tempfile::tempdir().unwrap();
    let install = dir.path();
    put(install, "a/changed", "old");
    put(install, "a/gone", "old");
    let folder = install.join(".upgrade/id/content");
    let all = vec![
        wanted("a/changed", Some("old"), Some("new")),
        wanted("a/gone", Some("old"), None),
        wanted("a/new", None, Some("fresh")),
    ];
    let journal = Journal::commit(&locked(install), &folder, all).unwrap();
    for name in ["changed", "gone", "new"] {
        put(install, &format!("a/{name}"), "the user's");
    }
    let applied = journal.apply(&locked(install), &rel("rescued/1"), &mut |_, _| {}).unwrap();
    assert_eq!(applied.rescued.len(), 3);
    for name in ["changed", "gone", "new"] {
        assert_eq!(text(install, &format!("rescued/1/a/{name}")).as_deref(), Some("the user's"));
    }
    assert_eq!(text(install, "a/new").as_deref(), Some("fresh"));
}

#[test]
fn what_the_user_wrote_and_a_crash_left_aside_is_rescued() {
    let dir = tempfile::tempdir().unwrap();
    let install = dir.path();
    let folder = install.join(".upgrade/id/content");
    let all = vec![wanted("a/gone", Some("old"), None), wanted("a/changed", Some("old"), Some("new"))];
    Journal::commit(&locked(install), &folder, all).unwrap();
    // Where two files can't be exchanged, and it died behind the first rename of each.
    stdfs::create_dir_all(install.join("a")).unwrap();
    put(install, ".upgrade/id/content/stage/0.out", "the user's");
    put(install, ".upgrade/id/content/stage/1.out", "the user's");
    let journal = Journal::load(install, &folder).unwrap().unwrap();
    assert_eq!(journal.apply(&locked(install), &rel("rescued/1"), &mut |_, _| {}).unwrap().rescued.len(), 2);
    assert_eq!(text(install, "a/changed").as_deref(), Some("new"));
    for name in ["changed", "gone"] {
        assert_eq!(text(install, &format!("rescued/1/a/{name}")).as_deref(), Some("the user's"));
    }
}

#[test]
fn what_stands_in_the_way_goes_aside_whatever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let install = dir.path();
    let all = vec![
        wanted("a/changed", Some("old"), Some("new")),
        wanted("b/deep/changed", Some("old"), Some("new")),
        wanted("gone/x", Some("old"), None),
    ];
    let journal = Journal::commit(&locked(install), &install.join(".upgrade/id/content"), all).unwrap();
    put(install, "a/changed/mine", "in a folder");
    put(install, "b", "a file where folders come");
    put(install, "gone", "a file where one was");
    let applied = journal.apply(&locked(install), &rel("rescued/1"), &mut |_, _| {}).unwrap();
    assert_eq!(text(install, "a/changed").as_deref(), Some("new"));
    assert_eq!(text(install, "b/deep/changed").as_deref(), Some("new"));
    let moved: Vec<String> = applied.rescued.iter().map(|(from, to)| format!("{from} {to}")).collect();
    assert_eq!(moved, ["a/changed rescued/1/a/changed", "b rescued/1/b"]);
    assert_eq!(text(install, "rescued/1/a/changed/mine").as_deref(), Some("in a folder"));
    assert_eq!(text(install, "rescued/1/b").as_deref(), Some("a file where folders come"));
    assert_eq!(text(install, "gone").as_deref(), Some("a file where one was"), "in nobody's way");
}

#[test]
fn what_was_written_since_a_step_stays() {
    let dir = tempfile::tempdir().unwrap();
    let install = dir.path();
    let folder = install.join(".upgrade/id/content");
    for path in ["a/changed", "a/deleted", "a/gone"] {
        put(install, path, "old");
    }
    let all = vec![
        wanted("a/changed", Some("old"), Some("new")),
        wanted("a/deleted", Some("old"), Some("new")),
        wanted("a/gone", Some("old"), None),
        wanted("a/fresh", None, Some("fresh")),
        wanted("a/back", None, Some("fresh")),
    ];
    Journal::commit(&locked(install), &folder, all)
        .unwrap()
        .apply(&locked(install), &rel("rescued/1"), &mut |_, _| {})
        .unwrap();
    put(install, "a/changed", "since");
    put(install, "a/gone", "since");
    put(install, "a/fresh", "since");
    stdfs::remove_file(install.join("a/deleted")).unwrap();
    stdfs::remove_file(install.join("a/back")).unwrap();
    for _ in 0..2 {
        let journal = Journal::load(install, &folder).unwrap().unwrap();
        let applied = journal.apply(&locked(install), &rel("rescued/1"), &mut |_, _| {}).unwrap();
        assert_eq!((applied.changed, applied.rescued.len(), applied.since.len()), (0, 0, 5));
        for path in ["a/changed", "a/gone", "a/fresh"] {
            assert_eq!(text(install, path).as_deref(), Some("since"), "{path}");
        }
        assert!(!install.join("a/deleted").exists() && !install.join("a/back").exists());
    }
}

#[test]
fn staged_bytes_that_are_gone_before_their_step_are_missed() {
    for damage in [None, Some("damaged")] {
        let dir = tempfile::tempdir().unwrap();
        let install = dir.path();
        let folder = install.join(".upgrade/id/content");
        put(install, "a", "old");
        let journal = Journal::commit(&locked(install), &folder, vec![wanted("a", Some("old"), Some("new"))]).unwrap();
        stdfs::remove_file(folder.join("stage/0")).unwrap();
        if let Some(damage) = damage {
            put(&folder, "stage/0", damage);
        }
        let applied = journal.apply(&locked(install), &rel("rescued/1"), &mut |_, _| {});
        assert!(matches!(applied, Err(JournalError::StagingLost { .. })), "{applied:?}");
        assert_eq!(text(install, "a").as_deref(), Some("old"));
    }
}

#[test]
fn a_journal_that_was_given_up_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(".upgrade/id/rollback");
    Journal::commit(&locked(dir.path()), &folder, vec![wanted("x", None, Some("y"))])
        .unwrap()
        .give_up(&locked(dir.path()))
        .unwrap();
    assert!(Journal::load(dir.path(), &folder).unwrap().is_none() && !Journal::was_begun(&folder).unwrap());
}

#[test]
fn a_damaged_journal_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(".upgrade/id/content");
    Journal::commit(&locked(dir.path()), &folder, vec![wanted("x", None, Some("y"))]).unwrap();
    let tear = |name: &str| {
        let path = folder.join(name);
        let torn = stdfs::read_to_string(&path).unwrap().replace("\"x\"", "\"z\"");
        stdfs::write(&path, torn).unwrap();
    };
    tear(JOURNAL);
    let journal = Journal::load(dir.path(), &folder).unwrap().unwrap();
    assert_eq!(journal.results().map(|(p, _)| p.to_string()).collect::<Vec<_>>(), ["x"], "the copy knows");
    tear(COPY);
    assert!(matches!(Journal::load(dir.path(), &folder), Err(JournalError::Damaged(_))));
    assert!(Journal::traces(&folder).is_none() && Journal::was_begun(&folder).unwrap());
    assert!(Journal::load(dir.path(), &dir.path().join("none")).unwrap().is_none());
}

#[test]
fn what_was_not_committed_is_not_carried_out_but_known() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(".upgrade/id/content");
    Journal::commit(&locked(dir.path()), &folder, vec![wanted("x", None, Some("y"))]).unwrap();
    stdfs::remove_file(folder.join(JOURNAL)).unwrap();
    assert!(Journal::load(dir.path(), &folder).unwrap().is_none());
    assert_eq!(Journal::traces(&folder).unwrap().len(), 1);
}

#[test]
fn a_journal_about_our_own_files_is_none() {
    let dir = tempfile::tempdir().unwrap();
    for path in [".upgrade/lock", ".backups/2026-11-22-103045/MANIFEST.json", "venv/bin/python"] {
        let folder = dir.path().join(".upgrade/id/content");
        Journal::commit(&locked(dir.path()), &folder, vec![wanted(path, None, Some("y"))]).unwrap();
        assert!(matches!(Journal::load(dir.path(), &folder), Err(JournalError::Damaged(_))), "{path}");
    }
}

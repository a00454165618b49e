//! Paths that would lead out of the install, from everywhere that paths come from: git trees, every file that is read,
//! arguments, links, and links that change while an upgrade runs. Nothing outside may change.

mod arguments;
mod forged;
mod links;
mod notes;
mod nothing_runs;
mod swaps;
mod trees;
mod world;

use std::os::unix::fs::PermissionsExt as _;

/// A check that can't fail is none: each kind of change outside is seen.
#[test]
fn an_escape_would_be_seen() {
    let world = world::World::new();
    let case = world.case("seen");
    let before = case.around();
    let (victim, project) = (case.outside().join("victim"), case.project());
    let seen = |what: &str| {
        assert!(case.around() != before, "{what} is not seen");
    };
    let meta = std::fs::metadata(&victim).unwrap();
    std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o600)).unwrap();
    seen("a mode");
    std::fs::set_permissions(&victim, meta.permissions()).unwrap();
    assert!(case.around() == before);
    let file = std::fs::File::options().write(true).open(&victim).unwrap();
    file.set_modified(meta.modified().unwrap() + std::time::Duration::from_nanos(1)).unwrap();
    seen("a time");
    file.set_modified(meta.modified().unwrap()).unwrap();
    assert!(case.around() == before);
    std::fs::write(&victim, "not ourS\n").unwrap();
    file.set_modified(meta.modified().unwrap()).unwrap();
    seen("bytes");
    std::fs::write(&victim, "not ours\n").unwrap();
    file.set_modified(meta.modified().unwrap()).unwrap();
    assert!(case.around() == before);
    std::fs::write(project.join("src/more"), "").unwrap();
    seen("a file of the project");
}

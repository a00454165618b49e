//! Installs that are no layout's: roots that were never installed, one release at two places, folders copied by hand.

use super::world::World;
use super::{AWAY, BASE, MINE};
use crate::matrix::seen::Effect::{Nothing, Remove};
use crate::matrix::seen::write;
use pos_upgrade_tui::core::plan::Kind;

/// A release with a page, a script and a page that the next one renames.
fn releases(world: World) -> World {
    let before = [("a.md", BASE), ("old/b.md", "the\nother\npage\n"), ("scripts/x.py", "1\n"), ("scripts/y.py", "1\n")];
    let after = [("a.md", AWAY), ("new/b.md", "the\nother\npage\n"), ("scripts/x.py", "2\n"), ("scripts/y.py", "1\n")];
    world.release(&before).release(&after)
}

#[test]
fn pristine_second_copies_go() {
    let world = releases(World::without_baseline()).install(0);
    let world = world.edit("standards/a.md", BASE).edit("standards/old/b.md", "the\nother\npage\n");
    let planned = world.edit("standards/ours.md", BASE).plan();
    planned.at("a.md").is(Kind::Update).stays().does(write(AWAY));
    let seen = planned.at("standards/a.md").is(Kind::Remove).stays().does(Remove);
    seen.why(&["a second copy of standards/universal/a.md", "pristine from {0}"]);
    // Under its old name too, the page being where the release has it now.
    let seen = planned.at("standards/old/b.md").is(Kind::Remove).does(Remove);
    seen.why(&["a second copy of standards/universal/new/b.md"]);
    // Released bytes at a place that no release has.
    assert!(!planned.paths().contains(&"standards/ours.md".to_owned()));
}

#[test]
fn second_copies_of_another_release_go_too() {
    let planned = releases(World::without_baseline()).install(0).edit("standards/a.md", AWAY).plan();
    planned.at("standards/a.md").is(Kind::Remove).does(Remove).why(&["a second copy of standards/universal/a.md"]);
}

#[test]
fn an_edited_second_copy_is_asked_about() {
    // What makes it a copy is that another file of its root is a release's.
    let world = releases(World::without_baseline()).install(0);
    let planned = world.edit("standards/old/b.md", "the\nother\npage\n").edit("standards/a.md", MINE).plan();
    let seen = planned.at("standards/a.md").is(Kind::Conflict).stays().keep(Nothing).take(Remove);
    seen.why(&["a second copy of standards/universal/a.md, edited by you since"]);
    planned.at("a.md").is(Kind::Update).does(write(AWAY));
}

#[test]
fn a_page_that_stands_at_the_old_place_alone_moves() {
    let world = releases(World::without_baseline()).install(0).delete("a.md");
    let planned = world.edit("standards/a.md", BASE).plan();
    planned.at("a.md").is(Kind::Move).from("standards/a.md").does(write(AWAY));
}

#[test]
fn what_was_never_installed_is_not_called_deleted() {
    // Installers of the first generation left the scripts out.
    let world = releases(World::without_baseline()).in_folder(".agent-os").install(0);
    let planned = world.delete("scripts").plan();
    planned.at("scripts/x.py").is(Kind::New).does(write("2\n"));
    planned.at("scripts/y.py").is(Kind::New).does(write("1\n"));
    // The same in a later generation was deleted by somebody.
    let planned = releases(World::without_baseline()).install(0).delete("scripts/y.py").plan();
    planned.at("scripts/y.py").is(Kind::StaysDeleted).does(Nothing);
}

#[test]
fn files_that_were_copied_by_hand_are_managed() {
    let world = releases(World::without_baseline()).in_folder(".agent-os").install(0);
    let planned = world.delete("scripts/y.py").plan();
    planned.at("scripts/x.py").is(Kind::Update).why(&["pristine from {0}"]).does(write("2\n"));
    planned.at("scripts/y.py").is(Kind::New).why(&["new in the source"]).does(write("1\n"));
}

#[test]
fn a_file_of_ones_own_with_a_releases_name() {
    let world = releases(World::without_baseline()).in_folder(".agent-os").install(0).delete("scripts");
    let planned = world.edit("scripts/x.py", "mine\n").plan();
    let seen = planned.at("scripts/x.py").is(Kind::Conflict).keep(Nothing).take(write("2\n"));
    seen.why(&["a file of your own stands where the source ships one"]);
}

#[test]
fn what_differs_in_its_form_alone_is_no_edit() {
    let page = |end: &str| format!("# Title\n\nA line.{end}\nAnother.\n");
    let world = World::without_baseline().release(&[("a.md", page(""))].each_ref().map(|(n, b)| (*n, b.as_str())));
    let world = world.release(&[("a.md", "# Title\n\nA line.\nA third.\n")]).install(0);
    let planned = world.edit("a.md", page("  ")).plan();
    let seen = planned.at("a.md").is(Kind::Update).why(&["only formatted differently from {0}"]);
    seen.does(write("# Title\n\nA line.\nA third.\n"));
    // Since an upgrade of ours such a change is somebody's.
    let world = World::with_baseline().release(&[("a.md", BASE)]).release(&[("a.md", AWAY)]).install(0);
    world.edit("a.md", BASE.replace("line.\n", "line.  \n")).plan().at("a.md").is(Kind::Conflict);
}

#[test]
fn of_a_root_with_a_few_files_copied_by_hand_nothing_was_deleted() {
    let pages: Vec<String> = (0..20).map(|n| format!("universal/standards/a/page{n}.md")).collect();
    let release = |text: &str| -> Vec<(String, String)> {
        pages.iter().map(|path| (path.clone(), format!("{path}\n{text}\n"))).collect()
    };
    let (first, second) = (release("one"), release("two"));
    for (deleted, kind) in [(1, Kind::Conflict), (9, Kind::Conflict), (13, Kind::New), (18, Kind::New)] {
        let world = World::without_baseline().release(&as_texts(&first)).release(&as_texts(&second)).install(0);
        let world = (0..deleted).fold(world, |world, n| world.delete(format!("a/page{n}.md")));
        let planned = world.plan();
        let missing = (0..deleted).map(|n| format!("standards/universal/a/page{n}.md"));
        let kinds: Vec<Kind> = planned
            .plan
            .files
            .iter()
            .filter(|f| missing.clone().any(|m| f.path.to_string() == m))
            .map(|f| f.kind)
            .collect();
        let why =
            planned.plan.files.iter().map(|f| format!("{} {:?} {}\n", f.path, f.kind, f.reason)).collect::<String>();
        assert_eq!(kinds, vec![kind; deleted], "{deleted} of 20 are not there\n{why}");
    }
}

fn as_texts(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(path, text)| (&path[..], &text[..])).collect()
}

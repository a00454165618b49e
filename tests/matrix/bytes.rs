//! Bytes that are no text, no bytes at all, and very many.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use pos_upgrade_tui::core::merge::Choice;
use pos_upgrade_tui::core::plan::Kind;

use crate::matrix::content::{LINES, with};
use crate::matrix::seen::Effect::{Nothing, Refused};
use crate::matrix::seen::write;
use crate::matrix::world::{World, each};

const BASE: &[u8] = b"PNG\0base";

#[test]
fn a_pristine_binary_file_is_updated() {
    each(|world| {
        let world = world.release(&[("f.png", BASE)]).release(&[("f.png", &b"PNG\0new"[..])]).install(0);
        world.plan().at("f.png").is(Kind::Update).does(write(b"PNG\0new"));
    });
}

#[test]
fn a_binary_file_changed_on_both_sides_is_kept_or_taken_whole() {
    each(|world| {
        let world = world.release(&[("f.png", BASE)]).release(&[("f.png", &b"PNG\0new"[..])]).install(0);
        let planned = world.edit("f.png", b"PNG\0mine").plan();
        let seen = planned.at("f.png").is(Kind::Conflict).hunks(1).why(&["you edited this", "binary"]);
        seen.keep(Nothing).take(write(b"PNG\0new")).merge(Choice::Mine, Refused);
    });
}

#[test]
fn a_binary_edit_stays_or_follows_a_move() {
    each(|world| {
        let world = world.release(&[("f.png", BASE), ("old.png", &b"\0\x01\x02 moved"[..])]);
        let world = world.release(&[("f.png", BASE), ("new.png", &b"\0\x01\x02 moved"[..])]).install(0);
        let planned = world.edit("f.png", b"PNG\0mine").edit("old.png", b"\0 mine").plan();
        planned.at("f.png").is(Kind::LocalOnly).does(Nothing);
        planned.at("new.png").is(Kind::Move).from("old.png").does(write(b"\0 mine"));
    });
}

#[test]
fn text_became_binary() {
    each(|world| {
        let world = world.release(&[("f.md", LINES.as_bytes())]).release(&[("f.md", BASE)]).install(0);
        let planned = world.edit("f.md", with("six", "mine")).plan();
        planned.at("f.md").is(Kind::Conflict).hunks(1).keep(Nothing).take(write(BASE));
    });
}

#[test]
fn a_binary_file_of_the_user_at_a_new_path() {
    each(|world| {
        let world = world.release(&[("a.md", "a")]).release(&[("a.md", "a"), ("f.md", LINES)]).install(0);
        let planned = world.edit("f.md", BASE).plan();
        planned.at("f.md").is(Kind::Conflict).hunks(1).keep(Nothing).take(write(LINES)).merge(Choice::Mine, Refused);
    });
}

#[test]
fn latin_1_merges_bytewise() {
    each(|world| {
        let base = b"gr\xf6\xdfer\nb\nc\nd\ne\n";
        let theirs = b"gr\xf6\xdfer\nb\nc\nd\n\xe9\n";
        let mine = b"gr\xf6\xdfte\nb\nc\nd\ne\n";
        let world = world.release(&[("f.md", base)]).release(&[("f.md", theirs)]).install(0).edit("f.md", mine);
        world.plan().at("f.md").is(Kind::AutoMerge).does(write(b"gr\xf6\xdfte\nb\nc\nd\n\xe9\n"));
    });
}

#[test]
fn an_empty_file_gets_content() {
    each(|world| {
        let before = [("f.md", ""), ("g.md", ""), ("h.md", "")];
        let world = world.release(&before).release(&[("f.md", "new\n"), ("g.md", "new\n"), ("h.md", "")]).install(0);
        let planned = world.edit("g.md", "mine\n").edit("h.md", "mine\n").plan();
        planned.at("f.md").is(Kind::Update).does(write("new\n"));
        let seen = planned.at("g.md").is(Kind::Conflict).hunks(1).keep(Nothing).take(write("new\n"));
        seen.merge(Choice::Both, write("mine\nnew\n"));
        planned.at("h.md").is(Kind::LocalOnly).does(Nothing);
    });
}

#[test]
fn content_becomes_empty() {
    each(|world| {
        let before = [("f.md", LINES), ("g.md", LINES), ("h.md", LINES)];
        let world = world.release(&before).release(&[("f.md", ""), ("g.md", ""), ("h.md", LINES)]).install(0);
        let planned = world.edit("g.md", with("six", "mine")).edit("h.md", "").plan();
        planned.at("f.md").is(Kind::Update).does(write(""));
        planned.at("g.md").is(Kind::Conflict).hunks(1).keep(Nothing).take(write(""));
        planned.at("h.md").is(Kind::LocalOnly).does(Nothing);
    });
}

#[test]
fn both_emptied_it() {
    each(|world| {
        let world = world.release(&[("f.md", LINES)]).release(&[("f.md", "")]).install(0).edit("f.md", "");
        world.plan().at("f.md").is(Kind::Unchanged).does(Nothing);
    });
}

fn megabytes(count: usize) -> String {
    let mut text = String::with_capacity(count * 1_000_000);
    for line in 0..count * 10_000 {
        writeln!(text, "{line:>99}").unwrap();
    }
    text
}

#[test]
fn fifty_megabytes_are_planned_in_seconds() {
    let base = megabytes(50);
    let theirs = format!("{base}the source's last line\n");
    let world = World::with_baseline().release(&[("f.md", &base)]).release(&[("f.md", &theirs)]).install(0);
    let begun = Instant::now();
    let planned = world.plan();
    in_seconds(begun, 5);
    planned.at("f.md").is(Kind::Update).does(write(&theirs));
}

#[test]
fn ten_megabytes_are_merged_in_seconds() {
    let base = megabytes(10);
    let theirs = format!("{base}the source's last line\n");
    let mine = format!("the user's first line\n{base}");
    let world = World::with_baseline().release(&[("f.md", &base)]).release(&[("f.md", &theirs)]).install(0);
    let world = world.edit("f.md", &mine);
    let begun = Instant::now();
    let planned = world.plan();
    in_seconds(begun, 3);
    planned.at("f.md").is(Kind::AutoMerge).why(&["none overlap"]);
}

/// An unoptimised build takes many times as long, and the tests beside it take their share.
fn in_seconds(begun: Instant, limit: u64) {
    let took = begun.elapsed();
    println!("planned in {took:?}");
    let limit = if cfg!(debug_assertions) { 12 * limit } else { limit };
    assert!(took < Duration::from_secs(limit), "{took:?}");
}

fn pointer(digit: char) -> String {
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", digit.to_string().repeat(64))
}

#[test]
fn a_git_lfs_pointer_in_the_source_is_refused() {
    const REFUSED: &str = "the source has only a git-lfs pointer of it, so the upgrade is refused";
    each(|world| {
        let [now, before, gone, moved] = ['a', 'b', 'd', 'e'].map(pointer);
        let text = format!("{LINES}{}", "more\n".repeat(300));
        let old: [(&str, &str); 7] = [
            ("edited.png", "edited"),
            ("f.png", "f"),
            ("gone.png", &gone),
            ("moved/before.png", &moved),
            ("same.png", &before),
            ("text.md", &text),
            ("words.md", "words"),
        ];
        let long = format!("{now}{}", "x".repeat(1024));
        let new: [(&str, &str); 8] = [
            ("edited.png", &now),
            ("f.png", &now),
            ("long.png", &long),
            ("moved/after.png", &moved),
            ("new.png", &now),
            ("same.png", &before),
            ("text.md", &text),
            ("words.md", "version https://git-lfs.github.com/spec/v1\nis how a pointer begins\n"),
        ];
        let world = world.release(&old).release(&new).install(0).edit("edited.png", "mine").edit("text.md", &now);
        let planned = world.plan();
        for (name, kind) in [
            ("edited.png", Kind::Conflict),
            ("f.png", Kind::Update),
            ("moved/after.png", Kind::Move),
            ("new.png", Kind::New),
        ] {
            planned.at(name).is(kind).why(&[REFUSED]);
        }
        let is_named = |name: &str| planned.at(name).entry.reason.contains("git-lfs");
        // What is not written can't do harm, and mine is the user's own affair.
        planned.at("same.png").is(Kind::Unchanged);
        planned.at("gone.png").is(Kind::Remove);
        planned.at("text.md").is(Kind::LocalOnly);
        // Not what the specification calls a pointer.
        planned.at("long.png").is(Kind::New);
        planned.at("words.md").is(Kind::Update);
        assert!(!["same.png", "gone.png", "text.md", "long.png", "words.md"].into_iter().any(is_named));
    });
}

#[test]
fn an_edit_that_follows_a_move_brings_no_pointer() {
    each(|world| {
        let pointer = pointer('c');
        let world = world.release(&[("old.png", &pointer)]).release(&[("new.png", &pointer)]).install(0);
        let planned = world.edit("old.png", "the file itself").plan();
        let seen = planned.at("new.png").is(Kind::Move).from("old.png").does(write("the file itself"));
        assert!(!seen.entry.reason.contains("git-lfs"));
    });
}

//! What the conflict screen says, on terminals of all sizes.

use ratatui::crossterm::event::KeyCode;

use crate::core::path::RelPath;
use crate::engine::events::{ConflictFile, Event};
use crate::engine::outside::Tool;
use crate::tui::model::Model;
use crate::tui::samples;
use crate::tui::svg::paint;
use crate::tui::tests::{MONO, SIZES, keys, press, text};
use crate::tui::update::{Effect, Msg};

fn shown(model: &Model) -> String {
    text(&paint(model))
}

fn last_lines(model: &Model) -> (String, String) {
    let screen = shown(model);
    let mut lines = screen.lines().rev().map(str::to_owned);
    let footer = lines.next().unwrap_or_default();
    (lines.next().unwrap_or_default(), footer)
}

/// A conflict in `count` places, with so many changes besides that only mine or only theirs made.
fn file(name: &str, count: usize, mine_alone: usize, theirs_alone: usize) -> ConflictFile {
    let side = |who: &str| {
        let hunks = (0..count).map(|i| format!("hunk {i} {who}\n\n"));
        let alone = |whose: &'static str, n| {
            let word = if who == whose { whose } else { "base" };
            (0..n).map(move |i| format!("alone {whose} {i} {word}\n\n"))
        };
        let all = hunks.chain(alone("mine", mine_alone)).chain(alone("theirs", theirs_alone));
        Some(std::sync::Arc::from(all.collect::<String>().into_bytes()))
    };
    ConflictFile {
        path: RelPath::new(name).unwrap(),
        from: None,
        reason: "changed by both".to_owned(),
        base: side("base"),
        mine: side("mine"),
        theirs: side("theirs"),
        draft: None,
        answered: false,
        refused: Vec::new(),
    }
}

fn opened(files: Vec<ConflictFile>, (width, height): (u16, u16)) -> Model {
    let mut model = samples::preview(MONO, width, height);
    samples::feed(&mut model, Msg::Event(Event::ConflictsOpen { files: std::sync::Arc::new(files) }));
    model
}

#[test]
fn the_footer_leads_to_other_files() {
    let files = || vec![file("a.md", 1, 1, 1), file("b.md", 1, 1, 1)];
    let mut model = opened(files(), (80, 24));
    for pressed in ["", "m", "k", "t", "1", "\t", "1", "k", "t", "m"] {
        if pressed == "\t" {
            press(&mut model, KeyCode::Tab);
        }
        keys(&mut model, pressed.trim());
        let footer = last_lines(&model).1;
        for hint in ["Tab file", "u undo", "q leave", "? help", "Enter "] {
            assert!(footer.contains(hint), "{hint} after {pressed:?}: {footer}");
        }
    }
    let alone = opened(vec![file("a.md", 1, 1, 1)], (80, 24));
    assert!(!last_lines(&alone).1.contains("Tab"));
}

#[test]
fn a_whole_file_says_what_is_lost() {
    let cases = [
        (1, 0, 1, "Mine is kept whole; 1 other change of theirs is left out.", "Theirs is taken whole."),
        (1, 2, 0, "Mine is kept whole.", "Theirs is taken whole; 2 other changes of yours go."),
        (
            0,
            3,
            3,
            "Mine is kept whole; 3 changes of theirs are left out.",
            "Theirs is taken whole; 3 changes of yours go.",
        ),
    ];
    for (hunks, mine, theirs, kept, taken) in cases {
        let mut model = opened(vec![file("a.md", hunks, mine, theirs), file("b.md", 1, 0, 0)], (120, 40));
        for (key, words) in [("k", kept), ("t", taken)] {
            keys(&mut model, key);
            let said = last_lines(&model).0;
            assert!(said.contains(&format!("{words} Enter accepts")), "{said}");
            assert_eq!(said.contains("m merges instead."), words.contains(';'), "{said}");
        }
    }
    for size in SIZES {
        for n in [1, 12, 123] {
            let mut model = opened(vec![file("a.md", 1, n, n), file("b.md", 1, 0, 0)], size);
            for key in ["k", "t"] {
                keys(&mut model, key);
                let said = last_lines(&model).0;
                let words = if size.0 < 80 { "change" } else { "other change" };
                assert!(said.contains(&format!("{n} {words}")) && !said.contains('…'), "{said}");
                assert!(size.0 < 80 || said.contains("m merges"), "{said}");
            }
        }
    }
    // Also where nothing is open behind it, until it is accepted.
    let mut model = opened(vec![file("a.md", 1, 1, 2)], (80, 24));
    keys(&mut model, "k");
    assert!(shown(&model).contains("2 other changes of theirs are left out. F finishes, m merges."));
    press(&mut model, KeyCode::Enter);
    assert!(shown(&model).contains("The conflict is settled."));
}

#[test]
fn settled_hunks_come_back_on_the_screen() {
    let mut model = opened(vec![file("a.md", 3, 0, 0), file("b.md", 1, 0, 0)], (80, 24));
    keys(&mut model, "12km");
    assert!(shown(&model).contains("hunk 3 of 3: open") && shown(&model).contains("1 hunk open"), "{}", shown(&model));
    keys(&mut model, "t3");
    assert!(shown(&model).contains("Every hunk is settled"), "{}", shown(&model));
}

#[test]
fn a_settled_hunk_is_said_to_be_settled() {
    let mut model = opened(vec![file("a.md", 3, 0, 0), file("b.md", 1, 0, 0)], (80, 24));
    keys(&mut model, "1[");
    assert_eq!(model.conflicts.settling.hunk(), 0);
    let said = last_lines(&model).0;
    assert_eq!(said, " Hunk 1 is settled: 1 mine. 1 2 3 0 e change it, n goes to an open one.");
    keys(&mut model, "]");
    assert!(last_lines(&model).0.starts_with(" Hunk 2: 1 mine, 2 theirs"), "{}", last_lines(&model).0);
}

#[test]
fn another_file_is_said_to_be_another_one() {
    let mut model = opened(vec![file("s/a.md", 2, 0, 0), file("s/b.md", 1, 0, 0), file("z/b.md", 1, 0, 0)], (80, 24));
    for (typed, said) in [
        ("p", "This is b.md; a.md has 1 open hunk more."),
        ("n", "Nothing else is open in b.md; this is a.md."),
        ("11n", "Nothing else is open in a.md; this is b.md."),
        ("n", "Nothing else is open in s/b.md; this is z/b.md."),
        ("pKy", "1 file in s/: mine. u undoes it. This is b.md."),
        ("u", "Undone."),
    ] {
        keys(&mut model, typed);
        assert!(last_lines(&model).0.starts_with(&format!(" {said}")), "{typed}: {}", last_lines(&model).0);
    }
    keys(&mut model, "n");
    keys(&mut model, "n");
    assert!(last_lines(&model).0.contains("this is"));
    keys(&mut model, "k");
    assert!(last_lines(&model).0.contains("kept whole"), "it is said for one key only");
}

#[test]
fn what_is_put_off_is_counted_when_nothing_is_open() {
    let files = || ["a", "b", "c"].map(|name| file(name, 1, 0, 0)).to_vec();
    for (typed, said, narrow) in [
        ("kkk", "All 3 are settled. F finishes", "All 3 settled. F finishes"),
        (
            "kk.",
            "All 3 are settled, 1 put off (yours stays). F finishes and applies",
            "All 3 settled, 1 put off. F finishes.",
        ),
        ("...", "All 3 are put off (yours stays). F finishes", "All 3 put off. F finishes"),
    ] {
        for (size, said) in [((80, 24), said), ((40, 10), narrow)] {
            let mut model = opened(files(), size);
            for key in typed.chars() {
                keys(&mut model, &key.to_string());
                press(&mut model, KeyCode::Enter);
            }
            let shown = last_lines(&model).0;
            assert!(shown.contains(said) && !shown.contains('…'), "{shown}");
        }
    }
}

#[test]
fn what_the_view_does_is_never_cut() {
    for size in SIZES {
        let mut model = samples::conflict(MONO, size.0, size.1);
        keys(&mut model, "W/git");
        assert!(shown(&model).contains("[/git▏: "), "{}", shown(&model));
        press(&mut model, KeyCode::Enter);
        model.conflicts.search.as_mut().unwrap().at = 0;
        for _ in 0..4 {
            let screen = shown(&model);
            let hits = model.conflicts.search.as_ref().map_or(0, |s| s.hits.len());
            assert!(hits > 1 && screen.contains(&format!("[/git: 1 of {hits}")), "{screen}");
            let room = size.0 > 80 || size.0 == 80 && screen.contains("─ merge ");
            assert!(!room || screen.contains(", Ctrl-n next] "), "{screen}");
            keys(&mut model, "d");
            model.conflicts.search.as_mut().unwrap().at = 0;
        }
        // Where nothing is searched for, there is room for how far the file is settled.
        press(&mut model, KeyCode::Esc);
        assert!(size.0 < 80 || shown(&model).contains("2 hunks open ─"), "{}", shown(&model));
        keys(&mut model, "/");
        for _ in 0..50 {
            keys(&mut model, "long-");
        }
        assert!(shown(&model).contains("long-▏: nowhere]"), "{}", shown(&model));
    }
}

#[test]
fn the_marks_on_the_right_edge_are_explained_and_seen_without_colour() {
    let mut model = opened(vec![file("a.md", 2, 1, 1), file("b.md", 1, 0, 0)], (80, 24));
    keys(&mut model, "1");
    let edge = |model: &Model| {
        let buffer = paint(model);
        (0..24).map(|y| buffer[(79, y)].symbol().to_owned()).collect::<String>()
    };
    let marks = edge(&model);
    assert!(["●", "✔", "┤"].iter().all(|mark| marks.contains(mark)) && !marks.contains('?'), "{marks}");
    keys(&mut model, "?");
    let help = shown(&model);
    assert!(help.contains("right edge") && help.contains("● still open, ✔ settled, ┤ another change"), "{help}");
    press(&mut model, KeyCode::Esc);
    model.theme.ascii = true;
    let marks = edge(&model);
    assert!(["!", "v", "+"].iter().all(|mark| marks.contains(mark)), "{marks}");
}

#[test]
fn the_editor_is_told_what_to_do_and_the_merge_tool_is_not() {
    let given = |model: &mut Model, key: &str| match keys(model, key).pop() {
        Some(Effect::Edit { tool: Tool::Editor(text) | Tool::MergeTool { merged: text, .. }, .. }) => {
            (String::from_utf8(text.clone()).unwrap(), text)
        }
        other => panic!("{other:?}"),
    };
    for (key, hinted) in [("e", true), ("E", true), ("x", false)] {
        let mut model = opened(vec![file("a.md", 2, 1, 1)], (80, 24));
        let (text, bytes) = given(&mut model, key);
        assert_eq!(text.contains("<<<<<<< mine (leave only the lines you want, "), hinted, "{text}");
        assert_eq!(text.contains("<<<<<<< mine\n"), key != "e", "{text}");
        // Given back as it is, it is refused; and the merge tool gets plain labels then, too.
        samples::feed(&mut model, Msg::Edited(Ok(bytes)));
        assert!(shown(&model).contains("is still a conflict marker"), "{}", shown(&model));
        assert_eq!(model.conflicts.settling.open_files(), 1);
        let (again, _) = given(&mut model, "x");
        assert!(!again.contains("leave only"), "{again}");
    }
}

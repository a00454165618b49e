//! What the conflict screen says, on terminals of all sizes.

use ratatui::crossterm::event::KeyCode;

use crate::engine::events::{ConflictFile, Event};
use crate::engine::own_tools::Tool;
use crate::tui::message::{Effect, Msg};
use crate::tui::model::Model;
use crate::tui::tests::samples;
use crate::tui::tests::support::paint;
use crate::tui::tests::support::{MONO, SIZES, conflict_file, keys, press, text};

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
    conflict_file(name, side("base"), side("mine"), side("theirs"))
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
fn a_missing_last_line_break_is_marked() {
    let bytes = |text: &str| Some(std::sync::Arc::from(text.as_bytes()));
    let mut overlap = file("a.md", 1, 0, 0);
    (overlap.base, overlap.mine, overlap.theirs) = (bytes("a\nb\n"), bytes("a\nb"), bytes("a\nB\n"));
    let mut alone = file("b.md", 1, 0, 0);
    let (base, mine, theirs) = ("a\n2\n3\nb\n", "A\n2\n3\nb", "new\n2\n3\nb\n");
    (alone.base, alone.mine, alone.theirs) = (bytes(base), bytes(mine), bytes(theirs));
    for size in [(80, 24), (120, 40)] {
        let mut model = opened(vec![overlap.clone(), alone.clone()], size);
        assert!(shown(&model).contains("1 mine (no line break at the end)"), "{}", shown(&model));
        assert!(!shown(&model).contains("2 theirs (no"), "{}", shown(&model));
        press(&mut model, KeyCode::Tab);
        let screen = shown(&model);
        assert!(screen.lines().any(|l| l.contains("+ b ") && l.contains("no line break at the end")), "{screen}");
        let said = |model: &Model| shown(model).contains("The new text has no line break at its end.");
        let mut presses = 0..4;
        assert!(presses.any(|_| keys(&mut model, "d").is_empty() && said(&model)), "{}", shown(&model));
    }
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
        keys(&mut model, "/git");
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

/// A conflict whose lines are as long as paragraphs are.
fn paragraphs() -> Vec<ConflictFile> {
    let side = |who: &str| {
        let words = |i: usize| "some words that go on and on ".repeat(2 + i * 3 % 11);
        let line = |i: usize| match i % 7 {
            3 => format!("{}{who} {i} {}\n\n", words(i), words(i + 1)),
            5 if who != "base" => format!("- {who} wrote this 日本語日本語日本語 {}\n", words(i)),
            _ => format!("\tplain {i} {}\n", words(i)),
        };
        Some(std::sync::Arc::from((0..60).map(line).collect::<String>().into_bytes()))
    };
    vec![ConflictFile { base: side("base"), mine: side("mine"), theirs: side("theirs"), ..file("long.md", 1, 0, 0) }]
}

#[test]
fn what_is_measured_is_what_is_drawn() {
    use crate::tui::view::conflict_rows;
    for size in [(80, 24), (40, 10), (120, 40)] {
        for setup in ["", "s", "d", "dd", "/words", "W", "Wd", "+++"] {
            let mut model = opened(paragraphs(), size);
            keys(&mut model, setup);
            if setup.starts_with('/') {
                press(&mut model, KeyCode::Enter);
            }
            // Row by row to the end: what is said to be in sight is, and nothing comes behind the end.
            let (all, last) = (conflict_rows(&model).count(), conflict_rows(&model).last_top());
            assert!(last < all && last > 0, "{size:?} {setup}: {last} of {all}");
            press(&mut model, KeyCode::Char('g'));
            let mut seen = vec![false; all];
            loop {
                let (top, whole) = (model.conflicts.scroll, conflict_rows(&model).seen_from(model.conflicts.scroll));
                let end = (top + whole).min(all);
                seen[top..end].fill(true);
                let above = model.conflicts.above();
                press(&mut model, KeyCode::PageDown);
                if (model.conflicts.scroll, model.conflicts.above()) == (top, above) {
                    assert_eq!((top, end), (last, all), "{size:?} {setup}");
                    break;
                }
                assert!(model.conflicts.scroll <= end, "{size:?} {setup}: rows are skipped");
            }
            assert!(seen.iter().all(|s| *s), "{size:?} {setup}");
            // And back, without skipping any.
            while model.conflicts.scroll > 0 || model.conflicts.above() > 0 {
                let before = (model.conflicts.scroll, model.conflicts.above());
                press(&mut model, KeyCode::PageUp);
                let to = model.conflicts.scroll;
                assert!((to, model.conflicts.above()) < before, "{size:?} {setup}");
                assert!(to + conflict_rows(&model).seen_from(to) >= before.0, "{size:?} {setup}");
            }
        }
    }
}

#[test]
fn every_hunk_is_in_sight_when_the_cursor_is_on_it() {
    for size in SIZES {
        for setup in ["", "s", "W"] {
            let mut model = opened(paragraphs(), size);
            keys(&mut model, setup);
            let hunks = model.conflicts.settling.current().unwrap().open_hunks();
            assert!(hunks > 5, "{hunks}");
            for hunk in 1..=hunks {
                assert!(shown(&model).contains(&format!("▸ hunk {hunk} of {hunks}")), "{}", shown(&model));
                keys(&mut model, "1");
            }
            assert_eq!(model.conflicts.settling.open_files(), 0, "none was out of sight at {size:?} {setup}");
        }
    }
}

#[test]
fn words_are_wrapped_whole_and_cut_off_by_a_key() {
    let mut model = opened(paragraphs(), (80, 24));
    let screen = shown(&model);
    assert!(!screen.contains("cut off"), "{screen}");
    let body = screen.lines().take_while(|l| !l.contains("result")).filter(|l| l.contains("words"));
    let result = |model: &Model| {
        shown(model).lines().skip_while(|l| !l.contains("─ result")).map(str::to_owned).collect::<Vec<_>>()
    };
    for row in body {
        let ends = row.trim_matches(|c| "│▌┃●✔┤… ".contains(c));
        let last = ends.rsplit(' ').next().unwrap();
        assert!(["some", "words", "that", "go", "on", "and", "mine", "theirs", "base"].contains(&last), "{row}");
    }
    // What will be written is wrapped, too, as far as there is room.
    keys(&mut model, "1");
    model.conflicts.settling.go_to_hunk(0);
    let below = result(&model);
    assert!(below[2].starts_with("│ | some words") && below[3].starts_with("│   "), "{below:#?}");
    keys(&mut model, "W");
    let screen = shown(&model);
    assert!(screen.contains("[cut off]") && screen.contains('…'), "{screen}");
}

#[test]
fn a_megabyte_in_a_line_is_drawn_at_once() {
    let side = |who: &str| -> Option<std::sync::Arc<[u8]>> {
        Some(format!("{who} {}\n", "日本 word ".repeat(100_000)).into_bytes().into())
    };
    let long = ConflictFile { base: side("base"), mine: side("mine"), theirs: side("theirs"), ..file("x.md", 1, 0, 0) };
    for setup in ["", "s", "W", "d"] {
        let mut model = opened(vec![long.clone()], (80, 24));
        keys(&mut model, setup);
        assert!(shown(&model).contains('…'), "{}", shown(&model));
        let begun = std::time::Instant::now();
        for _ in 0..5 {
            press(&mut model, KeyCode::Down);
            paint(&model);
        }
        assert!(begun.elapsed().as_secs() < 5, "{setup}: {:?}", begun.elapsed());
    }
}

#[test]
fn each_row_is_drawn_as_high_as_it_is_measured() {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    for (width, setup) in [(40, ""), (61, ""), (80, "s"), (120, ""), (233, "")] {
        let mut model = opened(paragraphs(), (width, 40));
        keys(&mut model, setup);
        let (merge, rows) = (model.conflicts.text().unwrap().merge.clone().unwrap(), model.conflicts.merge_rows());
        let rows = rows.unwrap();
        let view = super::merge::View::new(&model, &merge, rows, width - 2);
        for row in &rows.rows {
            let area = Rect::new(0, 0, width - 2, 200);
            let drawn = view.row(row, area, &mut Buffer::empty(area));
            assert_eq!(usize::from(drawn), view.height(row, width - 2, 200), "{row:?} at {width} {setup}");
        }
    }
}

#[test]
fn all_of_a_row_that_is_longer_than_the_view_can_be_seen() {
    for (size, count, setup) in [((40, 10), 60, ""), ((40, 10), 60, "s"), ((40, 10), 60, "d"), ((80, 24), 250, "")] {
        let side = |who: &str| -> Option<std::sync::Arc<[u8]>> {
            let words: String = (0..count).map(|i| format!("{who}{i} ")).collect();
            Some(format!("first\n{words}\nlast\n").into_bytes().into())
        };
        let (base, mine, theirs) = (side("base"), side("mine"), side("theirs"));
        let long = ConflictFile { base, mine, theirs, ..file("x.md", 1, 0, 0) };
        for (there, back, times) in [(KeyCode::Down, KeyCode::Up, 100), (KeyCode::PageDown, KeyCode::PageUp, 30)] {
            let mut model = opened(vec![long.clone()], size);
            keys(&mut model, setup);
            for (key, end) in [(there, 'G'), (back, 'g')] {
                let mut all = String::new();
                for _ in 0..times {
                    all += &shown(&model);
                    press(&mut model, key);
                }
                let place = (model.conflicts.scroll, model.conflicts.above());
                let words = all.split_whitespace().collect::<std::collections::BTreeSet<_>>();
                for i in 0..count {
                    assert!(words.contains(format!("theirs{i}").as_str()), "theirs{i} at {size:?} {setup} {key:?}");
                }
                press(&mut model, KeyCode::Char(end));
                assert_eq!(place, (model.conflicts.scroll, model.conflicts.above()), "{size:?} {setup} {key:?}");
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn wrapping_loses_nothing_and_fits(text in "a[a-c日é→ ]{0,60}", room in 2u16..12, above in 0usize..3) {
        use crate::tui::view::difftext::{Look, height, pieces};
        let area = ratatui::layout::Rect::new(0, 0, room, 80);
        let draw = |above| {
            let mut buffer = ratatui::buffer::Buffer::empty(area);
            let look = Look { theme: MONO, across: 0, wrap: true, needle: "", above };
            let style = ratatui::style::Style::new();
            let used = pieces(look, area, &[(false, text.clone())], (style, style), &mut buffer);
            (usize::from(used), super::tests::text(&buffer))
        };
        let (used, all) = draw(0);
        proptest::prop_assert_eq!(used, height(text.as_bytes(), room, 80));
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        proptest::prop_assert_eq!(letters(&all), letters(&text));
        // No word is broken that fits into a row.
        for word in text.split(' ').filter(|w| crate::tui::text::width(w) <= room.into()) {
            proptest::prop_assert!(all.lines().any(|l| l.contains(word)), "{} in\n{}", word, all);
        }
        let (rest, below) = draw(above.min(used - 1));
        proptest::prop_assert_eq!(rest, used - above.min(used - 1));
        let tail: Vec<&str> = all.lines().skip(above.min(used - 1)).take(rest).collect();
        let shown: Vec<&str> = below.lines().take(rest).collect();
        proptest::prop_assert_eq!(shown, tail);
    }
}

//! Clicks: on keys, on rows, on scrollbars, and on what is neither.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Modifier;

use super::samples;
use super::support::paint;
use super::support::{MONO, SAMPLES, SIZES, keys, press, text};
use super::support::{after, everywhere};
use crate::core::path::RelPath;
use crate::engine::events::{ConflictFile, Event};
use crate::tui::click::Target;
use crate::tui::keymap::{Chord, Mode, in_mode};
use crate::tui::message::{Effect, Msg};
use crate::tui::model::{Model, Overlay, Screen};
use crate::tui::setup::{Choice, Spot};
use crate::tui::update::update;
use crate::tui::view;

fn click(model: &mut Model, x: u16, y: u16) -> Vec<Effect> {
    samples::feed(model, Msg::Click { x, y })
}

fn pressed(model: &mut Model, key: Chord) -> Vec<Effect> {
    let held = if key.ctrl { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
    samples::feed(model, Msg::Key(KeyEvent::new(key.code, held)))
}

/// Long enough for the next click to be one of its own.
fn wait(model: &mut Model) {
    let later = model.now + Duration::from_secs(1);
    samples::feed(model, Msg::Tick(later));
}

/// A row of the screen, a character for each cell: the samples have no wide ones.
fn row(buffer: &Buffer, y: u16) -> String {
    (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect()
}

/// The first cell of some words in a row.
fn column(row: &str, words: &str) -> u16 {
    let at = row.find(words).unwrap_or_else(|| panic!("{words} in {row}"));
    row[..at].chars().count() as u16
}

/// The first and the last cell of each piece of a row that stands between wider gaps, and its first word.
fn pieces(row: &str) -> Vec<(u16, u16, &str)> {
    let mut out = Vec::new();
    for piece in row.split("  ").map(str::trim).filter(|p| !p.is_empty()) {
        let from = row[..piece.as_ptr() as usize - row.as_ptr() as usize].chars().count();
        let word = piece.split(' ').next().unwrap();
        out.push((from as u16, (from + piece.chars().count() - 1) as u16, word));
    }
    out
}

fn chord(mode: Mode, label: &str) -> Option<Chord> {
    in_mode(mode).flat_map(|b| b.keys).find(|k| k.label() == label).copied()
}

/// That a click there does what the key does, and nothing else.
fn is_key(model: &Model, x: u16, y: u16, key: Chord) {
    let (mut clicked, mut typed) = (model.clone(), model.clone());
    let effects = click(&mut clicked, x, y);
    let place = format!("{} in {:?} at {x},{y}", key.label(), model.mode());
    assert_eq!(format!("{effects:?}"), format!("{:?}", pressed(&mut typed, key)), "{place}");
    assert!(paint(&clicked) == paint(&typed), "{place}:\n{}{}", text(&paint(&clicked)), text(&paint(&typed)));
    assert_eq!(clicked.mode(), typed.mode(), "{place}");
}

/// That a click there does nothing.
fn is_nothing(model: &Model, x: u16, y: u16) {
    let mut clicked = model.clone();
    let effects = click(&mut clicked, x, y);
    assert!(effects.is_empty(), "{:?} at {x},{y}: {effects:?}", model.mode());
    let (before, after) = (paint(model), paint(&clicked));
    assert!(before == after, "{:?} at {x},{y}:\n{}{}", model.mode(), text(&before), text(&after));
}

/// The samples and what a few keys lead to from there, one for each footer.
fn all(width: u16, height: u16) -> Vec<Model> {
    let mut all = everywhere(width, height);
    for (_, sample) in SAMPLES {
        let model = sample(MONO, width, height);
        all.extend(["", "?", "q", "K", "R", "D", "ki", ">"].map(|typed| after(model.clone(), typed)));
    }
    let mut seen = HashSet::new();
    all.retain(|model| seen.insert((model.mode(), row(&paint(model), height - 1))));
    all
}

#[test]
fn a_click_on_a_key_of_the_footer_is_that_key() {
    for (width, height) in [(80, 24), (120, 40), (40, 10)] {
        let mut seen = 0;
        for model in all(width, height) {
            let (mode, y, places) = (model.mode(), height - 1, view::places(&model));
            let footer = row(&paint(&model), y);
            let mut end = 0;
            for (from, to, label) in pieces(&footer) {
                let key = chord(mode, label).unwrap_or_else(|| panic!("{label} in {mode:?}: {footer}"));
                is_key(&model, from, y, key);
                is_key(&model, to, y, key);
                (end..from).for_each(|x| assert_eq!(places.at(x, y), None, "{footer}"));
                (end, seen) = (to + 1, seen + 1);
            }
            (end..width).for_each(|x| assert_eq!(places.at(x, y), None, "{footer}"));
            is_nothing(&model, 0, y);
        }
        assert!(seen > 40, "{seen} at {width}x{height}");
    }
}

#[test]
fn a_click_on_an_answer_is_its_key_and_around_it_nothing() {
    let rule = |width, height| after(samples::conflict(MONO, width, height), "ki");
    for (width, height) in SIZES {
        let at = |sample: super::support::Sample, typed: &str| after(sample(MONO, width, height), typed);
        for (model, answers) in [
            (at(samples::progress, "q"), &["p", "R", "Esc"][..]),
            (at(samples::asked, ""), &["r", "c", "R"]),
            (at(samples::unfinished, "R"), &["y", "Esc"]),
            (at(samples::preview, ">"), &["y", "Esc"]),
            (at(samples::conflict, "K"), &["y", "Esc"]),
            (rule(width, height), &["y", "Tab", "Esc"]),
            (at(samples::unfinished, ""), &["r", "R", "D", "q"]),
        ] {
            let (mode, buffer) = (model.mode(), paint(&model));
            let wide = match mode {
                Mode::Unfinished => width,
                Mode::Asked => width.min(76),
                _ => width.min(64),
            };
            let left = (width - wide) / 2;
            let mut found = Vec::new();
            for y in 1..height - 2 {
                // What stands in the box.
                let line: String = row(&buffer, y).chars().skip(left.into()).take(wide.into()).collect();
                let line = line.replace('│', " ");
                let answer = pieces(&line).first().copied().filter(|p| p.0 == 3 && answers.contains(&p.2));
                let Some((_, _, label)) = answer else { continue };
                let (from, words) = (left + 3, left + line.trim_end().chars().count() as u16);
                let key = chord(mode, label).unwrap();
                is_key(&model, from, y, key);
                is_key(&model, words - 1, y, key);
                is_nothing(&model, from - 1, y);
                is_nothing(&model, words, y);
                found.push(label.to_owned());
            }
            // In the smallest size there may be no room for them.
            let whole = !matches!(mode, Mode::Unfinished | Mode::Confirm) || height > 10;
            assert!(!whole || found == answers, "{mode:?} at {width}x{height}: {found:?}");
            if mode != Mode::Unfinished {
                // Behind the question nothing is listened to.
                let places = view::places(&model);
                for (x, y) in (0..width).flat_map(|x| [(x, 0), (x, 1), (x, height - 3)]) {
                    assert_eq!(places.at(x, y), None, "{mode:?} at {x},{y}");
                }
            }
        }
    }
}

#[test]
fn a_click_on_a_row_selects_the_file_that_stands_there() {
    for (width, height) in SIZES {
        for typed in ["", "/m", "\t"] {
            let mut model = samples::preview(MONO, width, height);
            match typed {
                "\t" => drop(press(&mut model, KeyCode::BackTab)),
                typed => drop(keys(&mut model, typed)),
            }
            for down in [0, 7, 40] {
                (0..down).for_each(|_| drop(samples::feed(&mut model, Msg::Wheel { up: false })));
                let (before, places) = (paint(&model), view::places(&model));
                let mut seen = 0;
                for y in 0..height {
                    let Some(Target::Row { row: at, .. }) = places.at(20, y) else { continue };
                    let mut clicked = model.clone();
                    assert!(click(&mut clicked, 20, y).is_empty());
                    let preview = clicked.preview.as_ref().unwrap();
                    assert_eq!(preview.selected, at);
                    let (shown, after) = (row(&before, y), paint(&clicked));
                    if let Some(entry) = preview.entry() {
                        let path = entry.path.to_string();
                        let name = path.rsplit('/').next().unwrap();
                        assert!(shown.contains(name), "{name} at {width}x{height}: {shown}");
                    } else {
                        assert!(shown.contains('→'), "{shown}");
                    }
                    assert_eq!(row(&after, y), shown, "it stays where it is");
                    assert!(after[(20, y)].modifier.contains(Modifier::REVERSED), "it is seen to be selected");
                    seen += 1;
                }
                assert!(seen > 2, "{seen} rows at {width}x{height} after {typed}");
            }
        }
    }
}

#[test]
fn a_list_that_was_clicked_moves_only_when_it_must() {
    let mut model = samples::preview(MONO, 40, 10);
    let names = |model: &Model| {
        let (places, shown) = (view::places(model), paint(model));
        let is_row = |y: &u16| matches!(places.at(5, *y), Some(Target::Row { .. }));
        (0..10).filter(is_row).map(|y| row(&shown, y)).collect::<Vec<_>>()
    };
    press(&mut model, KeyCode::PageDown);
    press(&mut model, KeyCode::PageDown);
    let places = view::places(&model);
    let y = (0..10).rfind(|y| matches!(places.at(5, *y), Some(Target::Row { .. }))).unwrap();
    let before = names(&model);
    click(&mut model, 5, y);
    press(&mut model, KeyCode::Up);
    assert_eq!(names(&model), before, "what is selected is in sight");
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Down);
    let after = names(&model);
    assert_eq!(after[..after.len() - 1], before[1..], "by one row");
    press(&mut model, KeyCode::Up);
    assert_eq!(names(&model), after, "and it stays there");
    press(&mut model, KeyCode::Tab);
    assert!(names(&model)[0].contains("git-safety-rules"), "another list begins at its top");
}

#[test]
fn a_click_on_a_tab_shows_that_kind() {
    for (width, height) in SIZES {
        let model = samples::preview(MONO, width, height);
        let (buffer, places) = (paint(&model), view::places(&model));
        let y = (0..height).find(|y| row(&buffer, *y).contains("changes 2")).unwrap();
        let heading = row(&buffer, y);
        let mut seen = 0;
        for (at, (tab, count)) in model.preview.as_ref().unwrap().tabs.iter().enumerate() {
            let cells: Vec<u16> = (0..width).filter(|x| places.at(*x, y) == Some(Target::Tab(at))).collect();
            let (Some(first), Some(last)) = (cells.first(), cells.last()) else { continue };
            let shown: String = heading.chars().skip((*first).into()).take((last - first + 1).into()).collect();
            assert!(shown.ends_with(&format!(" {count}")) || shown.trim() == "›", "{tab:?}: {shown:?}");
            for x in [*first, *last] {
                let mut clicked = model.clone();
                assert!(click(&mut clicked, x, y).is_empty());
                assert_eq!(clicked.preview.as_ref().unwrap().tab, at);
            }
            seen += 1;
        }
        assert!(seen > 1, "{heading}");
        is_nothing(&model, 0, y);
        is_nothing(&model, 2, y);
    }
}

#[test]
fn a_click_in_the_setup_goes_there_and_changes_only_what_was_selected() {
    for (width, height) in SIZES {
        let mut model = samples::setup(MONO, width, height);
        for _ in 0..12 {
            let (buffer, places) = (paint(&model), view::places(&model));
            for y in 1..height - 2 {
                let Some(Target::Spot(spot)) = places.at(4, y) else {
                    is_nothing(&model, 4, y);
                    continue;
                };
                let mut clicked = model.clone();
                let before = clicked.setup.as_ref().unwrap().clone();
                let effects = click(&mut clicked, 4, y);
                assert!(effects.is_empty() || before.spot == spot && matches!(effects[..], [Effect::Look(_)]));
                let setup = clicked.setup.as_ref().unwrap();
                if spot == Spot::Install {
                    assert_eq!(*setup, before, "nothing is wrong with it");
                    continue;
                }
                assert_eq!(setup.spot, spot);
                let marked = row(&paint(&clicked), y);
                match spot {
                    Spot::Option(choice) => {
                        assert!(row(&buffer, y).contains(choice.name()));
                        assert!(marked.starts_with('▸'), "{marked}");
                        assert_eq!(setup.draft == before.draft, before.spot != spot);
                        if before.spot != spot {
                            click(&mut clicked, 4, y);
                            assert_ne!(clicked.setup.as_ref().unwrap().draft, before.draft, "clicked again");
                        }
                    }
                    Spot::Offer(_) => assert!(marked.contains('▸'), "{marked}"),
                    _ => {}
                }
                assert_eq!(clicked.setup.as_ref().map(|s| s.field.text().to_owned()), Some(before.field.text().into()));
            }
            press(&mut model, KeyCode::Down);
        }
        assert_eq!(model.setup.unwrap().spot, Spot::Option(Choice::DryRun), "it went through all of it");
    }
}

/// Many small conflicts.
fn many() -> Vec<ConflictFile> {
    let file = |n: usize| ConflictFile {
        path: RelPath::new(format!("standards/file-{n}.md")).unwrap(),
        ..samples::conflict_files().remove(1)
    };
    (100..140).map(file).collect()
}

/// One file with hunks that need several screens.
fn long() -> Vec<ConflictFile> {
    let side = |word: &str| {
        let line = |n: usize| if n % 12 == 5 { format!("line {n} {word}\n") } else { format!("line {n}\n") };
        Some(Arc::<[u8]>::from((0..240).map(line).collect::<String>().as_bytes()))
    };
    let first = samples::conflict_files().remove(0);
    vec![ConflictFile { base: side("base"), mine: side("mine"), theirs: side("theirs"), ..first }]
}

fn opened(files: Vec<ConflictFile>, (width, height): (u16, u16)) -> Model {
    let mut model = samples::preview(MONO, width, height);
    samples::feed(&mut model, Msg::Event(Event::ConflictsOpen { files: Arc::new(files) }));
    model
}

#[test]
fn a_click_in_the_list_of_conflicts_selects_and_goes_nowhere() {
    for size in SIZES {
        let mut model = opened(many(), size);
        keys(&mut model, "f");
        for down in [0, 7, 40] {
            (0..down).for_each(|_| drop(press(&mut model, KeyCode::Down)));
            let (before, places) = (paint(&model), view::places(&model));
            let x = size.0 / 2;
            let mut seen = 0;
            for y in 0..size.1 {
                let Some(Target::Row { row: at, .. }) = places.at(x, y) else { continue };
                let mut clicked = model.clone();
                assert!(click(&mut clicked, x, y).is_empty());
                assert_eq!(clicked.overlay, Some(Overlay::Files(at)));
                let after = row(&paint(&clicked), y);
                assert!(after.contains(&format!("file-{}.md", at + 100)) && after.contains("▸ "), "{after}");
                assert_eq!(after.replace('▸', " "), row(&before, y).replace('▸', " "), "it stays where it is");
                seen += 1;
            }
            assert!(seen > 2, "{seen} at {size:?}");
        }
    }
}

#[test]
fn a_click_on_a_hunk_puts_the_cursor_there_and_settles_nothing() {
    for size in SIZES {
        for typed in ["", "s", "W", "]]]"] {
            let mut model = opened(long(), size);
            keys(&mut model, typed);
            let (mut hunks, places) = (0, view::places(&model));
            for (x, y) in (1..size.1 - 2).flat_map(|y| [(1, y), (size.0 - 2, y)]) {
                let target = places.at(x, y);
                let Some(Target::Hunk(hunk)) = target else {
                    assert!(matches!(target, None | Some(Target::Bar(_))), "{target:?}");
                    continue;
                };
                let mut clicked = model.clone();
                assert!(click(&mut clicked, x, y).is_empty());
                assert_eq!(clicked.conflicts.settling.hunk(), hunk);
                assert_eq!(clicked.conflicts.scroll, model.conflicts.scroll);
                assert_eq!(clicked.conflicts.settling.current(), model.conflicts.settling.current());
                // The heading of the hunk that the row belongs to is marked now: it is the next one above.
                let after = paint(&clicked);
                let above = (1..=y).rev().map(|y| row(&after, y)).find(|row| row.contains("hunk "));
                assert!(above.is_none_or(|row| row.contains(&format!("▸ hunk {} of 20", hunk + 1))), "{hunk}");
                hunks += 1;
            }
            assert!(hunks > 0, "at {size:?} after {typed}");
        }
    }
}

/// The cells of the scrollbar, and the column that they stand in.
fn bar(model: &Model) -> (u16, Vec<u16>) {
    let places = view::places(model);
    let cells = |x: u16| -> Vec<u16> {
        (0..model.height).filter(|y| matches!(places.at(x, *y), Some(Target::Bar(_)))).collect()
    };
    (0..model.width).rev().map(|x| (x, cells(x))).find(|c| !c.1.is_empty()).unwrap()
}

#[test]
fn a_click_on_a_scrollbar_scrolls_there() {
    for size in [(80, 24), (120, 40), (40, 12)] {
        let (width, height) = size;
        let mut log = samples::progress(MONO, width, height);
        for n in 0..200 {
            let text = format!("line {n}");
            let level = crate::engine::events::Level::Info;
            samples::feed(&mut log, Msg::Event(Event::Log { level, origin: "pip", text }));
        }
        let diff = |model: &mut Model| {
            keys(model, "dd");
            model.clone()
        };
        for mut model in [
            opened(long(), size),
            diff(&mut opened(long(), size)),
            after(opened(many(), size), "f"),
            after(log.clone(), "L"),
            after(samples::conflict(MONO, width, height), "?"),
            after(samples::progress(MONO, width, 12), "P"),
        ] {
            let mode = model.mode();
            let settled = model.conflicts.settling.current().cloned();
            let (x, cells) = bar(&model);
            let (top, end) = (*cells.first().unwrap(), *cells.last().unwrap());
            let mut typed = model.clone();
            for (y, key) in [(end, KeyCode::End), (top, KeyCode::Home)] {
                // What has a mark leads to what that stands for.
                let marked = !matches!(paint(&model)[(x, y)].symbol(), "│" | "┃");
                press(&mut typed, key);
                assert!(click(&mut model, x, y).is_empty());
                assert!(marked || paint(&model) == paint(&typed), "{mode:?} at {size:?}: {key:?}");
            }
            let (mut before, mut thumbs) = (0, 0);
            for y in &cells {
                wait(&mut model);
                assert!(click(&mut model, x, *y).is_empty());
                let (shown, held) = (paint(&model), |cell: &ratatui::buffer::Cell| {
                    cell.symbol() == "┃" || cell.modifier.contains(Modifier::REVERSED)
                });
                let thumb: Vec<u16> = cells.iter().copied().filter(|y| held(&shown[(x, *y)])).collect();
                let near = thumb.iter().any(|at| at.abs_diff(*y) <= 1);
                assert!(near, "{mode:?} at {size:?}: {y}, the thumb is at {thumb:?}");
                let first = thumb.first().copied().unwrap_or(0);
                assert!(first >= before, "it goes down with the place");
                before = first;
                thumbs += 1;
            }
            assert!(thumbs > 2, "{mode:?}");
            assert_eq!((model.mode(), model.conflicts.settling.current().cloned()), (mode, settled));
        }
    }
}

#[test]
fn a_click_on_a_mark_shows_what_it_stands_for() {
    let mut model = opened(long(), (80, 24));
    let (x, cells) = bar(&model);
    let mut seen = 0;
    for y in cells {
        if paint(&model)[(x, y)].symbol() != "●" {
            continue;
        }
        let Some(Target::Bar(at)) = view::places(&model).at(x, y) else { panic!("nothing at {y}") };
        let hunk = model.conflicts.merge_rows().unwrap().heads.iter().position(|head| *head == at).unwrap();
        wait(&mut model);
        click(&mut model, x, y);
        let shown = paint(&model);
        let title = format!("hunk {} of 20", hunk + 1);
        assert!((0..24).any(|y| row(&shown, y).contains(&title)), "{title}");
        seen += 1;
    }
    assert!(seen > 5);
}

#[test]
fn what_only_stands_there_is_not_scrolled() {
    // The small log, and the page of what runs beside the progress.
    let mut model = samples::progress(MONO, 120, 40);
    for n in 0..200 {
        let (level, text) = (crate::engine::events::Level::Info, format!("line {n}"));
        samples::feed(&mut model, Msg::Event(Event::Log { level, origin: "pip", text }));
    }
    let places = view::places(&model);
    for y in 1..38 {
        (0..120).for_each(|x| assert_eq!(places.at(x, y), None));
    }
    // A word about the last key lies over what stands there.
    let mut model = samples::preview(MONO, 40, 10);
    let under = |model: &Model| view::places(model).at(5, 6);
    assert!(matches!(under(&model), Some(Target::Row { .. })));
    model.status = Some("word ".repeat(30));
    assert_eq!(under(&model), None);
}

#[test]
fn a_click_before_the_question_is_drawn_is_dropped() {
    let mut model = samples::fresh(MONO, 80, 24);
    update(&mut model, Msg::Inspected(Box::new(samples::inspection())));
    let start = column(&row(&paint(&model), 23), "Enter start");
    let click = || Msg::Click { x: start, y: 23 };
    assert!(update(&mut model, click()).is_empty(), "clicked ahead");
    assert_eq!(model.screen, Screen::Preview);
    update(&mut model, Msg::Drawn);
    assert!(update(&mut model, click()).is_empty(), "not shown yet");
    update(&mut model, Msg::Seen);
    assert!(matches!(update(&mut model, click())[..], [Effect::Start(..)]));
    assert!(model.undrawn && update(&mut model, Msg::Click { x: 1, y: 23 }).is_empty());
}

#[test]
fn the_second_half_of_a_double_click_is_not_for_what_came_up_there() {
    let at = |model: &mut Model, milliseconds: u64, x: u16, y: u16| {
        samples::feed(model, Msg::Tick(Duration::from_millis(milliseconds)));
        click(model, x, y)
    };
    // Where `q` stands in the footer, `p` comes up.
    let mut model = samples::progress(MONO, 80, 24);
    let place = column(&row(&paint(&model), 23), "q leave");
    at(&mut model, 100_000, place, 23);
    assert_eq!(model.mode(), Mode::Leave);
    assert_eq!(view::places(&model).at(place, 23), chord(Mode::Leave, "p").map(Target::Key));
    for later in [100_150, 100_450, 100_800] {
        assert!(at(&mut model, later, place + 1, 23).is_empty(), "one gesture, however long it goes on");
        assert_eq!(model.mode(), Mode::Leave);
    }
    assert!(matches!(at(&mut model, 101_300, place, 23)[..], [Effect::Send(_)]), "another one is heard");

    // The same key stands there still: it is pressed twice.
    let mut model = opened(long(), (120, 40));
    let place = column(&row(&paint(&model), 39), "Enter next open");
    for hunk in 1..4 {
        at(&mut model, 1_000 + hunk as u64 * 100, place, 39);
        assert_eq!(model.conflicts.settling.hunk(), hunk);
    }
}

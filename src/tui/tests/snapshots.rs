//! The screens as text and in colour, at every size and with every depth of colour.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::samples;
use super::support::*;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::engine::events::{ConflictFile, Event};
use crate::engine::refusal::About;
use crate::engine::refusal::Problem;
use crate::tui::keymap::Mode;
use crate::tui::message::{Effect, Msg};
use crate::tui::model::Model;
use crate::tui::theme::{Depth, Theme};

#[test]
fn screens() {
    for (name, sample) in SAMPLES {
        for (width, height) in SIZES {
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&paint(&sample(MONO, width, height))));
        }
    }
}

/// A letter for every cell that looks otherwise than most, and what each letter stands for.
fn looks(buffer: &Buffer) -> String {
    const LETTERS: &[u8] = b" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let look = |x: u16, y: u16| (buffer[(x, y)].fg, buffer[(x, y)].bg, buffer[(x, y)].modifier);
    let mut known: Vec<((Color, Color, Modifier), usize)> = Vec::new();
    for (x, y) in (0..buffer.area.height).flat_map(|y| (0..buffer.area.width).map(move |x| (x, y))) {
        match known.iter_mut().find(|(k, _)| *k == look(x, y)) {
            Some((_, count)) => *count += 1,
            None => known.push((look(x, y), 1)),
        }
    }
    known.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let letter = |wanted| known.iter().position(|(k, _)| *k == wanted).map_or('?', |at| char::from(LETTERS[at]));
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width).map(|x| letter(look(x, y))).collect();
        out.push_str(&format!("{}\n", line.trim_end()));
    }
    for (known, _) in &known {
        let (fg, bg, modifier) = known;
        out.push_str(&format!("{:?}: {fg} on {bg} {modifier:?}\n", letter(*known)));
    }
    out
}

#[test]
fn screens_in_colour() {
    for (name, sample) in SAMPLES {
        for (width, height) in SIZES {
            let buffer = paint(&sample(RGB, width, height));
            let both = format!("{}\n{}", text(&buffer), looks(&buffer));
            insta::assert_snapshot!(format!("{name}_{width}x{height}_rgb"), both);
        }
    }
}

/// The preview with the diff of a file.
fn diff(width: u16, height: u16) -> Model {
    let mut model = samples::preview(MONO, width, height);
    let effects = press(&mut model, KeyCode::Char('d'));
    let Some(Effect::LoadTexts { entry, .. }) = effects.into_iter().next() else { panic!("d reads the texts") };
    let file = samples::conflict_files().remove(0);
    let texts = Sides { base: file.base, mine: file.mine, theirs: file.theirs };
    samples::feed(&mut model, Msg::TextsLoaded { entry, texts: Ok(texts), result: None });
    model
}

#[test]
fn a_diff_is_searched_without_touching_the_list() {
    for (width, height) in SIZES {
        let mut model = diff(width, height);
        keys(&mut model, "/GIT");
        assert_eq!(model.mode(), Mode::Search);
        assert!(text(&paint(&model)).contains("/GIT▏: 1 of "), "{}", text(&paint(&model)));
        keys(&mut model, "q");
        assert!(text(&paint(&model)).contains("/GITq▏: nowhere"));
        press(&mut model, KeyCode::Backspace);
        press(&mut model, KeyCode::Enter);
        samples::feed(&mut model, Msg::Key(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL)));
        keys(&mut model, "W");
        insta::assert_snapshot!(format!("diff_search_{width}x{height}"), text(&paint(&model)));
        press(&mut model, KeyCode::Esc);
        assert_eq!(model.mode(), Mode::Diff, "first the search ends");
        press(&mut model, KeyCode::Esc);
        assert_eq!(model.mode(), Mode::Preview);
        assert!(model.preview.unwrap().filter.is_empty());
    }
}

#[test]
fn panes_over_the_screens() {
    type Pane = (&'static str, Sample, &'static str);
    let panes: [Pane; 7] = [
        ("news", samples::preview, "N"),
        ("help", samples::conflict, "?"),
        ("files", samples::conflict, "f"),
        ("rule", samples::conflict, "ki"),
        ("page", samples::progress, "P"),
        ("log", samples::progress, "v/chrom"),
        ("leave", samples::progress, "q"),
    ];
    for (width, height) in SIZES {
        insta::assert_snapshot!(format!("diff_{width}x{height}"), text(&paint(&diff(width, height))));
        for (name, sample, typed) in panes {
            let mut model = sample(MONO, width, height);
            keys(&mut model, typed);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&paint(&model)));
        }
    }

    let mut settled = samples::conflict(MONO, 80, 24);
    keys(&mut settled, "12");
    insta::assert_snapshot!("settled_80x24", text(&paint(&settled)));

    let mut setup = samples::fresh(MONO, 80, 24);
    let mut inspection = samples::inspection();
    inspection.problems = ["source has uncommitted changes:\nuniversal/standards/a.md", "disk is full"]
        .map(|what| Problem {
            code: Code::Files,
            about: About::Source,
            exit_code: Exit::Refused,
            what: what.to_owned(),
            next: "git stash".to_owned(),
        })
        .into();
    samples::feed(&mut setup, Msg::Inspected(Box::new(inspection)));
    insta::assert_snapshot!("problems_80x24", text(&paint(&setup)));
}

#[test]
fn help_says_that_there_is_more_only_where_there_is() {
    let mut model = samples::conflict(MONO, 80, 24);
    keys(&mut model, "?");
    assert!(text(&paint(&model)).contains("↓ more, Esc closes"));
    keys(&mut model, "G");
    let screen = text(&paint(&model));
    assert!(screen.contains("Shift held") && !screen.contains("↓ more"), "{screen}");
}

#[test]
fn tiny_terminals_say_so() {
    for (width, height) in [(39, 24), (80, 9), (1, 1), (0, 0), (10, 3)] {
        for (_, sample) in SAMPLES {
            let shown = text(&paint(&sample(MONO, width, height)));
            assert!(width < 10 || shown.contains("terminal"), "{shown}");
        }
    }
}

#[test]
fn every_size_can_be_drawn() {
    for (_, sample) in SAMPLES {
        for width in [40, 41, 55, 69, 70, 100, 233] {
            for height in [10, 11, 13, 17, 30, 77] {
                paint(&sample(RGB, width, height));
            }
        }
    }
}

#[test]
fn mono_has_no_colours_and_a_visible_selection() {
    for (name, sample) in SAMPLES {
        let buffer = paint(&sample(MONO, 80, 24));
        let plain = |c: &ratatui::buffer::Cell| c.fg == Color::Reset && c.bg == Color::Reset;
        assert!(buffer.content.iter().all(plain), "{name}");
    }
    let buffer = paint(&samples::preview(MONO, 80, 24));
    assert!(buffer[(14, 6)].modifier.contains(Modifier::REVERSED));
    assert!(!buffer[(14, 7)].modifier.contains(Modifier::REVERSED));
}

#[test]
fn colours_stand_for_sides() {
    let buffer = paint(&samples::conflict(RGB, 80, 24));
    let row = |y: u16| (0..80).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    let mine = (0..24).find(|y| row(*y).contains("our CI may push tags")).unwrap();
    let theirs = (0..24).find(|y| row(*y).contains("git show")).unwrap();
    assert_ne!(buffer[(15, mine)].fg, buffer[(15, theirs)].fg);
    assert!(matches!(buffer[(15, mine)].fg, Color::Rgb(..)));
}

#[test]
fn ascii_terminals_get_ascii() {
    let theme = Theme { depth: Depth::Sixteen, light: false, ascii: true };
    for (name, sample) in SAMPLES {
        let shown = text(&paint(&sample(theme, 100, 30)));
        assert!(shown.is_ascii(), "{name}: {shown}");
    }
}

#[test]
fn files_cannot_inject_escapes() {
    let evil: std::sync::Arc<[u8]> = std::sync::Arc::from(&b"a\x1b]0;owned\x07\r\nb\x1b[2Jc\n"[..]);
    let file = ConflictFile {
        path: RelPath::new("a\x1b[31m.md").unwrap(),
        from: None,
        ids: Default::default(),
        reason: "\x1b[2J".to_owned(),
        base: Some(std::sync::Arc::from(&b"x\n"[..])),
        mine: Some(evil),
        theirs: Some(std::sync::Arc::from(&b"y\x9b\n"[..])),
        draft: None,
        answered: false,
        refused: Vec::new(),
    };
    let mut model = samples::preview(MONO, 80, 24);
    samples::feed(&mut model, Msg::Event(Event::ConflictsOpen { files: std::sync::Arc::new(vec![file]) }));
    for _ in 0..5 {
        let buffer = paint(&model);
        assert!(buffer.content.iter().all(|c| !c.symbol().chars().any(char::is_control)));
        keys(&mut model, "d");
    }
    assert!(text(&paint(&model)).contains("a\\u{1b}[31m.md"));
}

//! The pictures in `screenshots/`: the screens in full colour, and a tour through them.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::samples;
use super::support::paint;
use super::svg::{Scene, moving, svg};
use crate::engine::events::Event;
use crate::tui::message::Msg;
use crate::tui::model::Model;
use crate::tui::theme::{Depth, Theme};

const SIZE: (u16, u16) = (100, 30);

fn theme(light: bool) -> Theme {
    Theme { depth: Depth::Rgb, light, ascii: false }
}

/// The screens at 100x30 in full colour: name and SVG.
fn pictures() -> Vec<(&'static str, String)> {
    let (width, height) = SIZE;
    let dark = |sample: fn(Theme, u16, u16) -> Model| svg(&paint(&sample(theme(false), width, height)));
    vec![
        ("setup", dark(samples::setup)),
        ("preview", dark(samples::preview)),
        ("conflict", dark(samples::conflict)),
        ("conflict-light", svg(&paint(&samples::conflict(theme(true), width, height)))),
        ("progress", dark(samples::progress)),
        ("rehearsal", dark(samples::rehearsing)),
        ("question", dark(samples::asked)),
        ("report", dark(samples::report)),
        ("unfinished", dark(samples::unfinished)),
        ("tour", tour()),
    ]
}

/// From the plan to the report in half a minute.
fn tour() -> String {
    let (width, height) = SIZE;
    let mut scenes = Vec::new();
    let mut add = |model: &Model, seconds: f32, key| scenes.push(Scene { screen: paint(model), seconds, key });
    add(&samples::preview(theme(false), width, height), 4.0, "");
    let mut model = samples::preview(theme(false), width, height);
    model.running = true;
    // Those that the plan names.
    let files = samples::conflict_files().into_iter().take(3).collect();
    samples::feed(&mut model, Msg::Event(Event::ConflictsOpen { files: Arc::new(files) }));
    add(&model, 3.5, "Enter");
    for (code, seconds, key) in [
        (KeyCode::Char('1'), 2.5, "1"),
        (KeyCode::Char('2'), 3.0, "2"),
        (KeyCode::Enter, 2.0, "Enter"),
        (KeyCode::Char('k'), 1.5, "k"),
        (KeyCode::Enter, 1.5, "Enter"),
        (KeyCode::Char('k'), 1.5, "k"),
    ] {
        samples::feed(&mut model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        add(&model, seconds, key);
    }
    add(&samples::progress(theme(false), width, height), 4.0, "F");
    add(&samples::report(theme(false), width, height), 5.0, "");
    moving(&scenes)
}

#[test]
fn pictures_are_current_and_well_formed() {
    let pictures = pictures();
    assert_eq!(pictures, self::pictures(), "the same bytes every time");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/screenshots");
    let anew = std::env::var("POS_PICTURES").ok();
    for (name, svg) in &pictures {
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{name}");
        for tag in ["text", "g", "style"] {
            let opened = svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{name}: {tag}");
        }
        assert!(svg.len() < if *name == "tour" { 300_000 } else { 60_000 }, "{name}: {} bytes", svg.len());
        if let Some(folder) = &anew {
            std::fs::write(format!("{folder}/{name}.svg"), svg).unwrap();
        }
        let committed = std::fs::read_to_string(format!("{folder}/{name}.svg")).unwrap_or_default();
        let hint = "take the pictures anew: POS_PICTURES=$PWD/screenshots cargo test picture";
        assert!(anew.is_some() || committed == *svg, "screenshots/{name}.svg is not what the program shows; {hint}");
    }
}

#[test]
fn scenes_follow_each_other_and_rows_that_stay_are_drawn_once() {
    let scene = |second: &str| {
        let mut screen = Buffer::with_lines(["same", second]);
        screen.set_style(screen.area, ratatui::style::Style::new());
        Scene { screen, seconds: 1.0, key: "" }
    };
    let svg = moving(&[scene("first"), scene("second"), scene("first")]);
    assert_eq!(svg.matches(">same<").count(), 1);
    assert_eq!((svg.matches(">first<").count(), svg.matches(">second<").count()), (2, 1));
    for (name, times) in [
        ("s0-1", "0%{visibility:visible}33.3%{visibility:hidden}"),
        ("s1-2", "0%{visibility:hidden}33.3%{visibility:visible}66.7%{visibility:hidden}"),
        ("s2-3", "0%{visibility:hidden}66.7%{visibility:visible}"),
    ] {
        assert!(svg.contains(&format!("@keyframes {name}{{{times}}}")), "{svg}");
    }
    assert_eq!(svg.matches("visibility=\"visible\"").count(), 1, "without motion: the first scene");
}

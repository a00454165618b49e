//! The screens as text, and keys against the whole model.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Modifier;

use super::model::{Model, Overlay, Question};
use super::samples;
use super::svg::paint;
use super::theme::{Depth, Theme};
use super::update::{Effect, Msg, update};

const MONO: Theme = Theme { depth: Depth::Mono, ascii: false };
const RGB: Theme = Theme { depth: Depth::Rgb, ascii: false };
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

type Sample = fn(Theme, u16, u16) -> Model;
const SAMPLES: [(&str, Sample); 5] = [
    ("preview", samples::preview),
    ("progress", samples::progress),
    ("conflict", samples::conflict),
    ("report", samples::report),
    ("unfinished", samples::unfinished),
];

fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += super::text::width(symbol).max(1) as u16;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    samples::feed(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn keys(model: &mut Model, typed: &str) -> Vec<Effect> {
    typed.chars().flat_map(|c| press(model, KeyCode::Char(c))).collect()
}

#[test]
fn screens() {
    for (name, sample) in SAMPLES {
        for (width, height) in SIZES {
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&paint(&sample(MONO, width, height))));
        }
    }
}

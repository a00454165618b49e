//! What the tests of the wizard share: each screen as a sample, the screen as text, keys that are pressed.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::samples;
use crate::core::path::RelPath;
use crate::engine::events::ConflictFile;
use crate::tui::message::{Effect, Msg};
use crate::tui::model::Model;
use crate::tui::theme::{Depth, Theme};
use crate::tui::view;

pub(crate) const MONO: Theme = Theme { depth: Depth::Mono, light: false, ascii: false };
pub(crate) const RGB: Theme = Theme { depth: Depth::Rgb, light: false, ascii: false };
pub(crate) const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

pub(crate) type Sample = fn(Theme, u16, u16) -> Model;
pub(crate) const SAMPLES: [(&str, Sample); 10] = [
    ("setup", samples::setup),
    ("preview", samples::preview),
    ("progress", samples::progress),
    ("rehearsing", samples::rehearsing),
    ("asked", samples::asked),
    ("conflict", samples::conflict),
    ("report", samples::report),
    ("failed", samples::failed),
    ("unfinished", samples::unfinished),
    ("rebuilt", samples::rebuilt),
];

/// A file that both sides changed, with nothing decided.
pub(crate) fn conflict_file(
    path: &str,
    base: Option<Arc<[u8]>>,
    mine: Option<Arc<[u8]>>,
    theirs: Option<Arc<[u8]>>,
) -> ConflictFile {
    ConflictFile {
        path: RelPath::new(path).unwrap(),
        from: None,
        ids: Default::default(),
        reason: "changed by both".to_owned(),
        base,
        mine,
        theirs,
        draft: None,
        answered: false,
        refused: Vec::new(),
    }
}

/// What is on the screen, as text.
pub(crate) fn shown(model: &Model) -> String {
    text(&paint(model))
}

pub(crate) fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += crate::tui::text::width(symbol).max(1) as u16;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

pub(crate) fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    samples::feed(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

pub(crate) fn keys(model: &mut Model, typed: &str) -> Vec<Effect> {
    typed.chars().flat_map(|c| press(model, KeyCode::Char(c))).collect()
}

/// All cells of the screen, those at the ends of lines too.
pub(crate) fn cells(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let lines =
        buffer.content.chunks(width).map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

pub(crate) fn after(mut model: Model, typed: &str) -> Model {
    for c in typed.chars() {
        for effect in press(&mut model, KeyCode::Char(c)) {
            if let Effect::LoadTexts { entry, .. } = effect {
                let file = samples::conflict_files().remove(0);
                let texts = crate::core::outcome::Sides { base: file.base, mine: file.mine, theirs: file.theirs };
                samples::feed(&mut model, Msg::TextsLoaded { entry, texts: Ok(texts), result: None });
            }
        }
    }
    model
}

/// The wizard in every mode but those of the setup, which need a source to look at.
pub(crate) fn everywhere(width: u16, height: u16) -> Vec<Model> {
    let at = |sample: fn(Theme, u16, u16) -> Model, typed: &str| after(sample(MONO, width, height), typed);
    vec![
        samples::fresh(MONO, width, height),
        at(samples::preview, ""),
        at(samples::preview, "/"),
        at(samples::preview, "d"),
        at(samples::preview, "N"),
        at(samples::progress, ""),
        at(samples::progress, "L"),
        at(samples::progress, "P"),
        at(samples::progress, "q"),
        at(samples::asked, ""),
        at(samples::conflict, ""),
        at(samples::conflict, "f"),
        at(samples::conflict, "/"),
        at(samples::report, ""),
        at(samples::unfinished, ""),
        at(samples::unfinished, "R"),
        at(samples::unfinished, "?"),
    ]
}

/// A model drawn at its own size.
pub(crate) fn paint(model: &Model) -> Buffer {
    let area = Rect { x: 0, y: 0, width: model.width, height: model.height };
    let mut buffer = Buffer::empty(area);
    view::draw(model, area, &mut buffer);
    buffer
}

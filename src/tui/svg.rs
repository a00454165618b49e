//! Pictures of the screens: a buffer as SVG, the same bytes every time.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

use super::model::Model;
use super::theme::{Depth, Theme};
use super::{samples, view};

/// Size of a character cell, in SVG units.
const CELL: (f32, f32) = (9.0, 20.0);
/// Room around the text.
const MARGIN: f32 = 18.0;
/// The window's background and text colour where the terminal's own stand.
const PAPER: &str = "#1b1f27";
const INK: &str = "#d5dae3";

/// The sixteen colours of a usual dark terminal.
const SIXTEEN: [u32; 16] = [
    0x1b1f27, 0xe88a8a, 0x9ccc8f, 0xe3bf78, 0x7fb4e6, 0xc3a6e8, 0x86c9c6, 0xd5dae3, 0x848ea0, 0xe88a8a, 0x9ccc8f,
    0xe3bf78, 0x7fb4e6, 0xc3a6e8, 0x86c9c6, 0xffffff,
];

fn hex(color: Color, default: &str) -> String {
    let indexed = |i: u8| match i {
        0..16 => SIXTEEN[usize::from(i)],
        16..232 => {
            let (i, step) = (u32::from(i) - 16, |n: u32| if n == 0 { 0 } else { 55 + 40 * n });
            step(i / 36) << 16 | step(i / 6 % 6) << 8 | step(i % 6)
        }
        _ => (8 + 10 * (u32::from(i) - 232)) * 0x01_01_01,
    };
    let value = match color {
        Color::Reset => return default.to_owned(),
        Color::Rgb(r, g, b) => u32::from(r) << 16 | u32::from(g) << 8 | u32::from(b),
        Color::Indexed(i) => indexed(i),
        Color::Black => SIXTEEN[0],
        Color::Red => SIXTEEN[1],
        Color::Green => SIXTEEN[2],
        Color::Yellow => SIXTEEN[3],
        Color::Blue => SIXTEEN[4],
        Color::Magenta => SIXTEEN[5],
        Color::Cyan => SIXTEEN[6],
        Color::Gray => SIXTEEN[7],
        Color::DarkGray => SIXTEEN[8],
        Color::LightRed => SIXTEEN[9],
        Color::LightGreen => SIXTEEN[10],
        Color::LightYellow => SIXTEEN[11],
        Color::LightBlue => SIXTEEN[12],
        Color::LightMagenta => SIXTEEN[13],
        Color::LightCyan => SIXTEEN[14],
        Color::White => SIXTEEN[15],
    };
    format!("#{value:06x}")
}

/// Foreground and background as they are seen.
fn colors(cell: &Cell) -> (String, String) {
    let (fg, bg) = (hex(cell.fg, INK), hex(cell.bg, PAPER));
    if cell.modifier.contains(Modifier::REVERSED) { (bg, fg) } else { (fg, bg) }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn number(value: f32) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A run of cells in one row that look alike.
struct Run {
    x: u16,
    cells: u16,
    text: String,
}

/// The runs of a row for which `key` is the same; trailing cells of wide characters are skipped.
fn runs<K: PartialEq>(buffer: &Buffer, y: u16, key: impl Fn(&Cell) -> K) -> Vec<(K, Run)> {
    let mut out: Vec<(K, Run)> = Vec::new();
    let mut x = buffer.area.x;
    while x < buffer.area.right() {
        let Some(cell) = buffer.cell((x, y)) else { break };
        let wide = (cell.symbol().width().max(1) as u16).min(buffer.area.right() - x);
        let look = key(cell);
        match out.last_mut() {
            Some((last, run)) if *last == look => {
                run.cells += wide;
                run.text.push_str(cell.symbol());
            }
            _ => out.push((look, Run { x, cells: wide, text: cell.symbol().to_owned() })),
        }
        x += wide;
    }
    out
}

/// The lines of a box-drawing character from the cell's middle: left, right, up, down.
fn strokes(symbol: &str) -> Option<[bool; 4]> {
    Some(match symbol {
        "─" => [true, true, false, false],
        "│" => [false, false, true, true],
        "┌" => [false, true, false, true],
        "┐" => [true, false, false, true],
        "└" => [false, true, true, false],
        "┘" => [true, false, true, false],
        _ => return None,
    })
}

/// Draws frames as one path per colour, so that no font can leave gaps in them.
fn frames(buffer: &Buffer, out: &mut String) {
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    for y in buffer.area.y..buffer.area.bottom() {
        for x in buffer.area.x..buffer.area.right() {
            let Some(cell) = buffer.cell((x, y)) else { continue };
            let Some([left, right, up, down]) = strokes(cell.symbol()) else { continue };
            let (x0, y0) = (MARGIN + f32::from(x) * CELL.0, MARGIN + f32::from(y) * CELL.1);
            let (cx, cy) = (x0 + CELL.0 / 2.0, y0 + CELL.1 / 2.0);
            let path = paths.entry(colors(cell).0).or_default();
            let ends = [(left, x0, cy), (right, x0 + CELL.0, cy), (up, cx, y0), (down, cx, y0 + CELL.1)];
            for (_, ex, ey) in ends.into_iter().filter(|e| e.0) {
                let _ = write!(path, "M{} {}L{} {}", number(cx), number(cy), number(ex), number(ey));
            }
        }
    }
    for (color, path) in paths {
        let _ = writeln!(out, "<path d=\"{path}\" stroke=\"{color}\" stroke-width=\"1\" fill=\"none\"/>");
    }
}

/// A rectangle for a block character: x, width as shares of the cell, and opacity.
fn block(symbol: &str) -> Option<(f32, f32, &'static str)> {
    match symbol {
        "█" => Some((0.0, 1.0, "1")),
        "░" => Some((0.0, 1.0, "0.25")),
        "▌" => Some((0.0, 0.4, "1")),
        "┃" => Some((0.3, 0.4, "1")),
        _ => None,
    }
}

/// A buffer as an SVG document, in a rounded window.
pub fn svg(buffer: &Buffer) -> String {
    let (width, height) =
        (f32::from(buffer.area.width) * CELL.0 + 2.0 * MARGIN, f32::from(buffer.area.height) * CELL.1 + 2.0 * MARGIN);
    let (w, h) = (number(width), number(height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"'DejaVu Sans Mono', 'JetBrains Mono', Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"{w}\" height=\"{h}\" rx=\"12\" fill=\"{PAPER}\"/>\n"
    );
    for y in buffer.area.y..buffer.area.bottom() {
        let top = number(MARGIN + f32::from(y) * CELL.1);
        for (color, run) in runs(buffer, y, |c| colors(c).1) {
            if color != PAPER {
                let (x, wide) = (number(MARGIN + f32::from(run.x) * CELL.0), number(f32::from(run.cells) * CELL.0));
                let tall = number(CELL.1);
                let _ =
                    writeln!(out, "<rect x=\"{x}\" y=\"{top}\" width=\"{wide}\" height=\"{tall}\" fill=\"{color}\"/>");
            }
        }
        for ((symbol, color), run) in runs(buffer, y, |c| (c.symbol().to_owned(), colors(c).0)) {
            let Some((left, share, opacity)) = block(&symbol) else { continue };
            let cells = f32::from(run.cells) - 1.0 + share;
            let (x, wide) = (number(MARGIN + (f32::from(run.x) + left) * CELL.0), number(cells * CELL.0));
            let tall = number(CELL.1);
            let _ = writeln!(
                out,
                "<rect x=\"{x}\" y=\"{top}\" width=\"{wide}\" height=\"{tall}\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>"
            );
        }
    }
    frames(buffer, &mut out);
    for y in buffer.area.y..buffer.area.bottom() {
        let drawn = |c: &Cell| strokes(c.symbol()).is_some() || block(c.symbol()).is_some();
        // A run ends at every second space, so that text starts at its own column whatever the font.
        for ((color, modifier, skipped, _), run) in
            runs(buffer, y, |c| (colors(c).0, c.modifier, drawn(c) || c.symbol() == " ", c.symbol().is_ascii()))
        {
            if skipped && !modifier.contains(Modifier::UNDERLINED) {
                continue;
            }
            text_run(&run, y, &color, modifier, &mut out);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn text_run(run: &Run, y: u16, color: &str, modifier: Modifier, out: &mut String) {
    let x = number(MARGIN + f32::from(run.x) * CELL.0);
    let baseline = number(MARGIN + f32::from(y) * CELL.1 + 14.5);
    let length = number(f32::from(run.cells) * CELL.0);
    let mut look = String::new();
    for (flag, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\"0.65\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if modifier.contains(flag) {
            look.push_str(attribute);
        }
    }
    let text = escape(&run.text);
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{baseline}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{color}\"{look} xml:space=\"preserve\">{text}</text>"
    );
}

/// A model drawn at its own size.
pub fn paint(model: &Model) -> Buffer {
    let area = Rect { x: 0, y: 0, width: model.width, height: model.height };
    let mut buffer = Buffer::empty(area);
    view::draw(model, area, &mut buffer);
    buffer
}

/// The screens at 100x30 in full colour: name and SVG.
pub fn pictures() -> Vec<(&'static str, String)> {
    let theme = Theme { depth: Depth::Rgb, light: false, ascii: false };
    let (width, height) = (100, 30);
    [
        ("preview", samples::preview(theme, width, height)),
        ("progress", samples::progress(theme, width, height)),
        ("conflict", samples::conflict(theme, width, height)),
        ("report", samples::report(theme, width, height)),
        ("unfinished", samples::unfinished(theme, width, height)),
    ]
    .into_iter()
    .map(|(name, model)| (name, svg(&paint(&model))))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_the_same_every_time_and_well_formed() {
        let pictures = pictures();
        assert_eq!(pictures, super::pictures());
        for (name, svg) in &pictures {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{name}");
            assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count(), "{name}");
        }
        if let Ok(folder) = std::env::var("POS_PICTURES") {
            for (name, svg) in &pictures {
                std::fs::write(format!("{folder}/{name}.svg"), svg).unwrap();
            }
        }
    }
}

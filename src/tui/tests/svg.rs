//! Pictures of the screens: a buffer as SVG, the same bytes every time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

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
        "├" => [false, true, true, true],
        "┤" => [true, false, true, true],
        "┬" => [true, true, false, true],
        "┴" => [true, true, true, false],
        "┼" => [true, true, true, true],
        _ => return None,
    })
}

/// Draws frames as one path per colour, so that no font can leave gaps in them.
fn frames(buffer: &Buffer, rows: Range<u16>, out: &mut String) {
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    for y in rows {
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

/// The window that everything stands in.
fn window(area: Rect, paper: &str) -> String {
    let (width, height) =
        (f32::from(area.width) * CELL.0 + 2.0 * MARGIN, f32::from(area.height) * CELL.1 + 2.0 * MARGIN);
    let (w, h) = (number(width), number(height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
         font-family=\"'DejaVu Sans Mono', 'JetBrains Mono', Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"{w}\" height=\"{h}\" rx=\"12\" fill=\"{paper}\"/>\n"
    )
}

/// A buffer as an SVG document, in a rounded window.
pub(crate) fn svg(buffer: &Buffer) -> String {
    // A theme with a ground of its own fills the window with it.
    let paper = buffer.content.last().map_or(PAPER.to_owned(), |cell| hex(cell.bg, PAPER));
    let mut out = window(buffer.area, &paper);
    let rows = buffer.area.y..buffer.area.bottom();
    grounds(buffer, rows.clone(), &paper, &mut out);
    frames(buffer, rows.clone(), &mut out);
    texts(buffer, rows, &mut out);
    out.push_str("</svg>\n");
    out
}

/// Backgrounds and block characters.
fn grounds(buffer: &Buffer, rows: Range<u16>, paper: &str, out: &mut String) {
    for y in rows {
        let top = number(MARGIN + f32::from(y) * CELL.1);
        for (color, run) in runs(buffer, y, |c| colors(c).1) {
            if color != paper {
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
}

fn texts(buffer: &Buffer, rows: Range<u16>, out: &mut String) {
    for y in rows {
        let drawn = |c: &Cell| strokes(c.symbol()).is_some() || block(c.symbol()).is_some();
        // A run ends at every second space, so that text starts at its own column whatever the font.
        for ((color, modifier, skipped, _), run) in
            runs(buffer, y, |c| (colors(c).0, c.modifier, drawn(c) || c.symbol() == " ", c.symbol().is_ascii()))
        {
            if skipped && !modifier.contains(Modifier::UNDERLINED) {
                continue;
            }
            text_run(&run, y, &color, modifier, out);
        }
    }
}

/// A moment of a moving picture.
pub(crate) struct Scene {
    /// What the screen shows.
    pub(crate) screen: Buffer,
    /// For so many seconds.
    pub(crate) seconds: f32,
    /// The key that led there, if one did.
    pub(crate) key: &'static str,
}

/// Scenes as one SVG document that shows one after the other, for ever. Rows that stay are drawn once. Who wants no
/// motion sees the first scene.
pub(crate) fn moving(scenes: &[Scene]) -> String {
    let Some(first) = scenes.first() else { return String::new() };
    let area = first.screen.area;
    let row = |scene: &Scene, y: u16| {
        let mut out = String::new();
        grounds(&scene.screen, y..y + 1, PAPER, &mut out);
        frames(&scene.screen, y..y + 1, &mut out);
        texts(&scene.screen, y..y + 1, &mut out);
        out
    };
    let mut pieces: Vec<(usize, usize, String)> = Vec::new();
    for y in area.y..area.bottom() {
        let mut open: Option<(usize, String)> = None;
        for (at, scene) in scenes.iter().enumerate() {
            let now = row(scene, y);
            open = match open.take() {
                Some((since, before)) if before == now => Some((since, before)),
                Some((since, before)) => {
                    pieces.push((since, at, before));
                    Some((at, now))
                }
                None => Some((at, now)),
            };
        }
        pieces.extend(open.map(|(since, last)| (since, scenes.len(), last)));
    }
    pieces.extend(scenes.iter().enumerate().map(|(at, scene)| (at, at + 1, badge(area, scene.key))));
    let starts: Vec<f32> = scenes
        .iter()
        .scan(0.0, |sum, s| {
            let start = *sum;
            *sum += s.seconds;
            Some(start)
        })
        .collect();
    let total: f32 = scenes.iter().map(|s| s.seconds).sum();
    let share = |scene: usize| number(starts.get(scene).map_or(100.0, |start| start * 100.0 / total));
    let mut style = String::from("<style>@media (prefers-reduced-motion: no-preference){");
    let mut body = String::new();
    pieces.sort_by_key(|(since, until, _)| (*since, *until));
    for same in pieces.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let Some((since, until)) = same.first().map(|p| (p.0, p.1)) else { continue };
        let inside: String = same.iter().map(|p| p.2.as_str()).collect();
        if inside.is_empty() {
            continue;
        }
        if (since, until) == (0, scenes.len()) {
            body += &inside;
            continue;
        }
        let name = format!("s{since}-{until}");
        let seconds = number(total);
        let _ = write!(style, ".{name}{{animation:{name} {seconds}s step-end infinite}}@keyframes {name}{{");
        if since > 0 {
            style.push_str("0%{visibility:hidden}");
        }
        let _ = write!(style, "{}%{{visibility:visible}}", share(since));
        if until < scenes.len() {
            let _ = write!(style, "{}%{{visibility:hidden}}", share(until));
        }
        style.push('}');
        let still = if since == 0 { "visible" } else { "hidden" };
        let _ = write!(body, "<g class=\"{name}\" visibility=\"{still}\">\n{inside}</g>\n");
    }
    style.push_str("}</style>\n");
    format!("{}{style}{body}</svg>\n", window(area, PAPER))
}

/// The key that was pressed, at the end of the last line.
fn badge(area: Rect, key: &str) -> String {
    if key.is_empty() {
        return String::new();
    }
    let wide = key.width() as f32 * CELL.0 + 18.0;
    let (x, y) = (MARGIN + f32::from(area.width) * CELL.0 - wide, MARGIN + f32::from(area.height - 1) * CELL.1 - 3.0);
    format!(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"26\" rx=\"6\" fill=\"#e3bf78\"/>\n\
         <text x=\"{}\" y=\"{}\" fill=\"{PAPER}\" font-weight=\"bold\" text-anchor=\"middle\">{}</text>\n",
        number(x),
        number(y),
        number(wide),
        number(x + wide / 2.0),
        number(y + 18.0),
        escape(key)
    )
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

//! The conflict screen with a file of 100,000 lines beside one of 100, in one run: how long until text stands there, until
//! its first conflict does, until a key is answered meanwhile, and what a frame costs at 200x60.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pos_upgrade_tui::core::merge::Merge;
use pos_upgrade_tui::core::outcome::{Sides, merge_of};
use pos_upgrade_tui::core::path::RelPath;
use pos_upgrade_tui::engine::events::{ConflictFile, Event};
use pos_upgrade_tui::tui::diff;
use pos_upgrade_tui::tui::launch::Launch;
use pos_upgrade_tui::tui::merge_rows;
use pos_upgrade_tui::tui::message::{Effect, Msg};
use pos_upgrade_tui::tui::model::Model;
use pos_upgrade_tui::tui::theme::{Depth, Theme};
use pos_upgrade_tui::tui::update::update;
use pos_upgrade_tui::tui::view;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use crate::ratios::Report;

const SIZE: (u16, u16) = (200, 60);
const FRAMES: usize = 2_000;

/// A file with a hunk in each hundred lines.
fn file(lines: usize) -> ConflictFile {
    let side = |word: &str| -> Option<Arc<[u8]>> {
        let line = |i: usize| match i % 100 {
            40 => format!("    let value_{i} = self.{word}(line, {i}).unwrap_or_default();\n"),
            70 if word == "theirs" => format!("    // the source alone changed line {i}\n"),
            _ => format!("    let value_{i} = self.compute(line, {i}); // a comment of some length\n"),
        };
        Some((0..lines).map(line).collect::<String>().into_bytes().into())
    };
    ConflictFile {
        path: RelPath::new("mcp_server/big.txt").unwrap(),
        from: None,
        ids: Default::default(),
        reason: "changed by both".to_owned(),
        base: side("base"),
        mine: side("mine"),
        theirs: side("theirs"),
        draft: None,
        answered: false,
        refused: Vec::new(),
    }
}

/// A wizard that has just been started.
fn wizard() -> Model {
    let launch = Launch { source: Some("/home/ada/src/praxis-os".into()), ..Launch::new("/home/ada/shop".into()) };
    Model::new(launch, Theme { depth: Depth::Rgb, light: false, ascii: false }, SIZE.0, SIZE.1)
}

/// Takes a message in, and does at once what the loop has done beside it.
fn feed(model: &mut Model, msg: Msg) {
    let mut todo = update(model, msg);
    while !todo.is_empty() {
        let lay_out = |file, merge: Arc<Merge>, layout| {
            let rows = [false, true].map(|beside| merge_rows::build(&merge, beside, layout));
            let [below, beside] = rows;
            Msg::MergeReady { file, merge: Some(merge), hunks: Arc::default(), rows: Some(Arc::new((below, beside))) }
        };
        let answer = match todo.remove(0) {
            Effect::BuildMerge { file, texts, layout } => {
                let sides = Sides { base: texts.base, mine: texts.mine, theirs: texts.theirs };
                lay_out(file, Arc::new(merge_of(&texts.path, &sides).unwrap()), layout)
            }
            Effect::LayOut { file, merge, layout } => lay_out(file, merge, layout),
            Effect::BuildDiff { owner, compare, old, new, how } => {
                let diff = Arc::new(diff::build(old.as_ref(), new.as_ref(), how));
                Msg::DiffReady { owner, compare, diff }
            }
            _ => continue,
        };
        todo.extend(update(model, answer));
    }
    update(model, Msg::Drawn);
    update(model, Msg::Seen);
}

fn draw(model: &Model, buffer: &mut Buffer) -> Duration {
    let begun = Instant::now();
    view::draw(model, buffer.area, buffer);
    begun.elapsed()
}

fn shows(buffer: &Buffer, words: &str) -> bool {
    let text: String = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
    text.contains(words)
}

fn key(code: char) -> Msg {
    Msg::Key(KeyEvent::new(KeyCode::Char(code), KeyModifiers::NONE))
}

fn screen(lines: usize) -> String {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut model = wizard();
    let open = || Msg::Event(Event::ConflictsOpen { files: Arc::new(vec![file(lines)]) });

    // What the loop does before anything is aligned.
    let (message, mut buffer) = (open(), Buffer::empty(area));
    let begun = Instant::now();
    update(&mut model, message);
    view::draw(&model, area, &mut buffer);
    let text = begun.elapsed();
    assert!(shows(&buffer, "let value_0 ="), "the text stands there");
    update(&mut model, Msg::Drawn);
    let begun = Instant::now();
    update(&mut model, key('1'));
    let mut buffer = Buffer::empty(area);
    view::draw(&model, area, &mut buffer);
    let meanwhile = begun.elapsed();

    // The same with the alignment, in a line. Opened once more, what is known of the files would stay.
    let mut model = wizard();
    let message = open();
    let begun = Instant::now();
    feed(&mut model, message);
    let mut buffer = Buffer::empty(area);
    view::draw(&model, area, &mut buffer);
    let conflict = begun.elapsed();
    assert!(shows(&buffer, "hunk 1 of"), "the first conflict stands there");

    let mut times = Vec::with_capacity(FRAMES);
    let mut keys = Duration::ZERO;
    for i in 0..FRAMES {
        // What people do: to the next hunk, settle it, look around.
        let begun = Instant::now();
        feed(&mut model, key(['n', '1', ']', '2', 'n', 'u', 's', 'p'][i % 8]));
        keys = keys.max(begun.elapsed());
        let mut buffer = Buffer::empty(area);
        times.push(draw(&model, &mut buffer));
    }
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    format!(
        "a conflict of {lines} lines: text {text:?}, key meanwhile {meanwhile:?}, first conflict {conflict:?}, frame at {}x{}: \
         median {:?}, 99th percentile {:?}, worst {:?}, slowest key {keys:?}",
        SIZE.0,
        SIZE.1,
        at(0.5),
        at(0.99),
        at(1.0),
    )
}

/// A line for each of the two.
pub fn measure(report: &Report) {
    [100, 100_000].map(screen).into_iter().for_each(|line| report.line(line));
}

//! Whatever is pressed or clicked: nothing panics, what is saved is what is decided, and what is shown as the result is what
//! the engine would write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::samples;
use super::support::paint;
use super::support::{MONO, SAMPLES, conflict_file};
use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::outcome::{Outcome, OutcomeError, outcome};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};
use crate::engine::events::{Command, ConflictFile, Event};
use crate::engine::own_tools::Tool;
use crate::tui::click::Target;
use crate::tui::conflict::Decision;
use crate::tui::keymap::Mode;
use crate::tui::message::{Effect, Msg};
use crate::tui::model::{Compare, Model, Screen};
use crate::tui::theme::{Depth, Theme};
use crate::tui::view;

const KEYS: usize = 10_000;

/// How many random keys each screen gets: `POS_KEYS`, else so many that a person waits for them.
fn key_count() -> usize {
    std::env::var("POS_KEYS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_500)
}

/// The random keys, the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

fn text(bytes: &str) -> Option<Arc<[u8]>> {
    Some(Arc::from(bytes.as_bytes()))
}

/// Seven hunks; JSON; CRLF; config by keys; no base; deleted; removed; moved; not text.
fn files() -> Vec<ConflictFile> {
    let many = |word: &str| -> String {
        let line = |i: usize| if i % 9 == 4 { format!("line {i} {word}\n") } else { format!("line {i}\n") };
        (0..63).map(line).collect()
    };
    let json = |a: &str| format!("{{\n  \"a\": [\n    {a}\n  ],\n  \"b\": 1\n}}\n");
    let config = |n: u32| format!("{{\"port\": {n}, \"keep\": true}}\n");
    let mut moved = conflict_file("usage/new.md", text("a\nb\nc\n"), text("a\nmine\nc"), text("a\ntheirs\nc"));
    moved.from = RelPath::new("usage/old.md").ok();
    vec![
        conflict_file("standards/a/seven.md", text(&many("base")), text(&many("mine")), text(&many("theirs"))),
        conflict_file(
            "workflows/w/metadata.json",
            text(&json("1")),
            text(&json("1,\n    2")),
            text(&json("1,\n    3")),
        ),
        conflict_file("standards/a/crlf.md", text("a\nb\nc\n"), text("a\r\nmine\r\nc\r\n"), text("a\ntheirs\nc\n")),
        conflict_file("config/server.json", text(&config(1)), text(&config(2)), text(&config(3))),
        conflict_file("standards/b/own.md", None, text("a\nmine\nc\n"), text("a\ntheirs\nc\nd\n")),
        conflict_file("standards/b/deleted.md", text("a\n"), None, text("b\n")),
        conflict_file("standards/b/removed.md", text("a\n"), text("b\n"), None),
        moved,
        conflict_file("usage/picture.png", text("\0a"), text("\0b"), text("\0c")),
    ]
}

fn entry(file: &ConflictFile) -> FileEntry {
    let id = |side: &Option<Arc<[u8]>>| side.as_ref().map(|b| BlobId::of(b, ObjectFormat::Sha1));
    FileEntry {
        path: file.path.clone(),
        path_base64: None,
        kind: Kind::Conflict,
        from: file.from.clone(),
        source_path: None,
        base: id(&file.base),
        mine: id(&file.mine),
        theirs: id(&file.theirs),
        conflict_hunks: 1,
        reason: String::new(),
        executable: false,
    }
}

/// What the engine has been told of each file.
type Saved = BTreeMap<RelPath, Decision>;

fn opened(saved: &Saved) -> Model {
    let mut model = samples::preview(Theme { depth: Depth::Rgb, light: false, ascii: false }, 80, 24);
    model.running = true;
    let mut files = files();
    for file in &mut files {
        file.draft = saved.get(&file.path).cloned();
    }
    samples::feed(&mut model, Msg::Event(Event::ConflictsOpen { files: Arc::new(files) }));
    model
}

/// That the screen and the engine agree.
fn check(model: &Model, saved: &Saved) {
    let c = &model.conflicts;
    let mut open = 0;
    for (i, (file, settled)) in c.files.iter().zip(c.settling.files()).enumerate() {
        assert_eq!(saved.get(&file.path).unwrap_or(&Decision::Open), &settled.decision, "{} is saved", file.path);
        open += usize::from(!settled.is_settled());
        let Some(answer) = Some(&settled.decision).filter(|d| d.is_resolved()) else {
            assert_eq!(c.result_of(i), None, "{}: nothing is decided", file.path);
            continue;
        };
        let sides = file.sides();
        let shown = c.result_of(i);
        match outcome(&entry(file), Some(answer), &sides) {
            Ok(Outcome::Write { bytes, .. }) => assert_eq!(shown.as_ref(), Some(&bytes), "{}: {answer:?}", file.path),
            Ok(Outcome::Nothing) => assert_eq!(shown, file.mine, "{}: {answer:?}", file.path),
            Ok(Outcome::Remove { .. }) => assert_eq!(shown, None, "{}", file.path),
            Err(OutcomeError::Damaged { .. }) => {
                assert!(c.damage_of(i).is_some() && !settled.is_settled(), "{} is refused", file.path);
            }
            Err(e) => panic!("{}: {answer:?}: {e}", file.path),
        }
    }
    assert_eq!(open, c.settling.open_files());
    if c.shown() == Compare::Result
        && let Some(diff) = c.diff()
    {
        let result = c.result_of(c.settling.file()).unwrap_or_else(|| Arc::from(&b""[..]));
        assert_eq!(diff.new_text(), &result, "what is drawn");
    }
}

/// What might come back from an editor that was given this.
fn came_back(given: &[u8], random: &mut Random) -> Result<Vec<u8>, String> {
    let no_marks = || -> Vec<u8> {
        let is_mark = |l: &[u8]| [&b"<<<<<<<"[..], b"|||||||", b"=======", b">>>>>>>"].iter().any(|m| l.starts_with(m));
        given.split_inclusive(|b| *b == b'\n').filter(|l| !is_mark(l)).collect::<Vec<_>>().concat()
    };
    match random.below(6) {
        0 => Err("vi ended with exit code 1.".to_owned()),
        1 => Ok(given.to_vec()),
        2 => Ok(Vec::new()),
        3 => Ok(b"written\nby hand".to_vec()),
        _ => Ok(no_marks()),
    }
}

fn key(random: &mut Random) -> KeyEvent {
    const NAMED: [KeyCode; 13] = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::Backspace,
    ];
    let plain: Vec<char> = "kmt1230eExup].i[nKTFfqyWwbsd-+/?gGna ".chars().collect();
    let held: Vec<char> = "rnpcu".chars().collect();
    match random.below(plain.len() + NAMED.len() + held.len()) {
        i if i < plain.len() => KeyEvent::new(KeyCode::Char(plain[i]), KeyModifiers::NONE),
        i if i < plain.len() + NAMED.len() => KeyEvent::new(NAMED[i - plain.len()], KeyModifiers::NONE),
        i => KeyEvent::new(KeyCode::Char(held[i - plain.len() - NAMED.len()]), KeyModifiers::CONTROL),
    }
}

/// Anywhere, as often as not on the footer.
fn click(model: &Model, random: &mut Random) -> Msg {
    let y = if random.below(2) == 0 { model.height - 1 } else { random.below(model.height.into()) as u16 };
    Msg::Click { x: random.below(model.width.into()) as u16, y }
}

/// All is settled, as the screen says: so F finishes, with what it shows. False where no key reaches the conflicts now.
fn finishes(model: &Model) -> bool {
    if model.mode() != Mode::Conflict {
        return false;
    }
    let mut model = model.clone();
    let all = model.conflicts.settling.all();
    let effects = samples::feed(&mut model, Msg::Key(KeyEvent::new(KeyCode::Char('F'), KeyModifiers::SHIFT)));
    let [Effect::Send(Command::Finish(told))] = &effects[..] else { panic!("F with all settled: {effects:?}") };
    assert!(told.iter().map(|(_, decision)| decision).eq(all.iter().map(|(_, decision)| decision)));
    assert!(told.iter().all(|(_, decision)| decision.is_resolved()), "{told:?}");
    assert_eq!(model.screen, Screen::Progress);
    true
}

#[test]
fn what_is_shown_as_the_result_is_what_is_written() {
    let seed = std::env::var("POS_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(0x5eed_0006);
    println!("POS_SEED={seed}, {KEYS} keys");
    let mut random = Random(seed | 1);
    let mut saved = Saved::new();
    let mut model = opened(&saved);
    let (mut finished, mut settled, mut edits, mut relaunches) = (0, 0, 0, 0);
    for n in 0..KEYS {
        let key = if random.below(10) == 0 { click(&model, &mut random) } else { Msg::Key(key(&mut random)) };
        let what = format!("{key:?}");
        let later = model.now + Duration::from_secs(1);
        samples::feed(&mut model, Msg::Tick(later));
        let mut effects = samples::feed(&mut model, key);
        let mut over = false;
        while let Some(effect) = effects.pop() {
            match effect {
                Effect::Send(Command::Decide(all)) => saved.extend(all),
                Effect::Send(Command::Finish(all)) => {
                    for (path, decision) in &all {
                        assert_eq!(saved.get(path), Some(decision), "{path}: what was told before");
                    }
                    assert!(saved.values().filter(|d| d.is_resolved()).count() == files().len(), "none is open");
                    assert_eq!(all.len(), files().len());
                    (finished, over) = (finished + 1, true);
                }
                Effect::Send(Command::Pause) | Effect::Quit { .. } => over = true,
                Effect::Edit { tool, .. } => {
                    let given = match tool {
                        Tool::Editor(text) => text,
                        Tool::MergeTool { merged, .. } => merged,
                    };
                    edits += 1;
                    let text = came_back(&given, &mut random);
                    effects.extend(samples::feed(&mut model, Msg::Edited(text)));
                }
                Effect::Start(..) | Effect::RollBack(_) | Effect::Discard(_) => panic!("{what} began something"),
                _ => {}
            }
        }
        saved.retain(|_, d| *d != Decision::Open);
        if n % 7 == 0 {
            check(&model, &saved);
        }
        if !over && model.screen == Screen::Conflict && model.conflicts.settling.open_files() == 0 {
            settled += usize::from(finishes(&model));
        }
        if n % 23 == 0 {
            let (width, height) = [(80, 24), (40, 10), (120, 40), (200, 60), (13, 5)][random.below(5)];
            samples::feed(&mut model, Msg::Resize(width, height));
            paint(&model);
        }
        if over || model.screen != Screen::Conflict {
            check(&model, &saved);
            saved.clear();
            model = opened(&saved);
        } else if n % 301 == 0 {
            // Killed, and opened again.
            let before: Vec<Decision> = model.conflicts.settling.files().iter().map(|f| f.decision.clone()).collect();
            model = opened(&saved);
            let after: Vec<Decision> = model.conflicts.settling.files().iter().map(|f| f.decision.clone()).collect();
            assert_eq!(before, after, "every choice is still there");
            relaunches += 1;
        }
    }
    println!("{finished} times finished, {settled} times all was settled, {edits} edits, {relaunches} relaunches");
    assert!(edits > 50 && relaunches > 20, "it got somewhere");
}

#[test]
fn all_of_it_can_be_answered_by_hand() {
    let mut saved = Saved::new();
    let mut model = opened(&saved);
    let mut finished = Vec::new();
    for keys in ["1203120F", "\t1F", "\t1F", "\tkF", "\t12F", "\tkF", "\ttF", "\t1F", "\tk.F"] {
        for c in keys.chars() {
            let code = if c == '\t' { KeyCode::Tab } else { KeyCode::Char(c) };
            for effect in samples::feed(&mut model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))) {
                match effect {
                    Effect::Send(Command::Decide(all)) => saved.extend(all),
                    Effect::Send(Command::Finish(all)) => finished.extend(all),
                    _ => {}
                }
            }
        }
    }
    let answers = finished.iter().filter(|(_, decision)| decision.is_resolved()).count();
    assert_eq!(answers, files().len(), "{:?}", model.status);
    assert_eq!(saved.values().filter(|d| **d == Decision::Park).count(), 1);
}

fn mode_is_over(mode: Mode) -> bool {
    matches!(mode, Mode::Help | Mode::Leave | Mode::Confirm | Mode::Files)
}

#[test]
fn random_keys_and_clicks_never_panic_and_never_start_by_accident() {
    let pool: Vec<KeyEvent> = "kmt1230unp][KTFqdsgGNLrRDy/? axPvlcSCeE.ifbwW-+"
        .chars()
        .map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
        .chain(
            [
                KeyCode::Enter,
                KeyCode::Esc,
                KeyCode::Tab,
                KeyCode::BackTab,
                KeyCode::Up,
                KeyCode::Down,
                KeyCode::Left,
                KeyCode::Right,
                KeyCode::PageUp,
                KeyCode::PageDown,
                KeyCode::Backspace,
            ]
            .map(|k| KeyEvent::new(k, KeyModifiers::NONE)),
        )
        .chain("rcunp".chars().map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)))
        .collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    for (name, sample) in SAMPLES {
        let mut model = sample(MONO, 80, 24);
        for i in 0..key_count() as u64 {
            let mut key = pool[random(pool.len())];
            let mode = model.mode();
            let before = model.conflicts.settling.open_files();
            let msg = if random(8) == 0 {
                let (width, height) = (usize::from(model.width), usize::from(model.height));
                // Every other one on the footer, where the keys are.
                let y = if random(2) == 0 { height.saturating_sub(1) } else { random(height + 1) };
                let (x, y) = (random(width + 1) as u16, y as u16);
                key = match view::places(&model).at(x, y) {
                    Some(Target::Key(chord)) => KeyEvent::new(chord.code, KeyModifiers::NONE),
                    _ => KeyEvent::new(KeyCode::Null, KeyModifiers::NONE),
                };
                samples::feed(&mut model, Msg::Tick(std::time::Duration::from_secs(i)));
                Msg::Click { x, y }
            } else {
                Msg::Key(key)
            };
            let settled = (key.code == KeyCode::Null).then(|| model.conflicts.settling.files().to_vec());
            let effects = samples::feed(&mut model, msg);
            if let Some(settled) = settled {
                assert_eq!(
                    settled,
                    model.conflicts.settling.files(),
                    "{name}: a click beside the keys decides nothing"
                );
                assert!(effects.iter().all(|e| matches!(e, Effect::Look(_))), "{name}: {effects:?}");
                assert_eq!(model.overlay.is_some(), mode_is_over(mode), "{name}: it opens and closes nothing");
            }
            if key.code == KeyCode::Enter && mode == Mode::Conflict {
                assert_eq!(model.conflicts.settling.open_files(), before, "Enter decided something");
            }
            for effect in &effects {
                match effect {
                    Effect::Start(..) => assert_eq!((key.code, mode), (KeyCode::Enter, Mode::Preview), "{name}"),
                    Effect::Discard(_) | Effect::RollBack(_) => assert_eq!(key.code, KeyCode::Char('y')),
                    _ => {}
                }
            }
            // Whatever led away from the screen, go on from where it was.
            if !effects.is_empty() && i % 3 == 0 {
                model = sample(MONO, 80, 24);
            }
            if i % 50 == 0 {
                let size = [(80, 24), (40, 10), (120, 40)][random(3)];
                samples::feed(&mut model, Msg::Resize(size.0, size.1));
                paint(&model);
            }
        }
    }
}

//! The screens as text, and keys against the whole model.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::click::Target;
use super::keymap::Mode;
use super::model::{Model, Overlay, Question};
use super::samples;
use super::svg::paint;
use super::theme::{Depth, Theme};
use super::update::{Effect, Msg, awaits_texts, update};
use super::view;
use super::worker::align;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::question::Way;
use crate::core::session::Decision;
use crate::engine::events::{Command, ConflictFile, Event, Finish, FinishKind};
use crate::engine::refusal::{About, Problem};

pub(super) const MONO: Theme = Theme { depth: Depth::Mono, light: false, ascii: false };
pub(super) const RGB: Theme = Theme { depth: Depth::Rgb, light: false, ascii: false };
pub(super) const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 10)];

pub(super) type Sample = fn(Theme, u16, u16) -> Model;
pub(super) const SAMPLES: [(&str, Sample); 9] = [
    ("setup", samples::setup),
    ("preview", samples::preview),
    ("progress", samples::progress),
    ("asked", samples::asked),
    ("conflict", samples::conflict),
    ("report", samples::report),
    ("failed", samples::failed),
    ("unfinished", samples::unfinished),
    ("rebuilt", samples::rebuilt),
];

pub(super) fn text(buffer: &Buffer) -> String {
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

pub(super) fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    samples::feed(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

pub(super) fn keys(model: &mut Model, typed: &str) -> Vec<Effect> {
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
        .map(|what| Problem { about: About::Source, exit_code: 4, what: what.to_owned(), next: "git stash".to_owned() })
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
    assert!(buffer[(14, 5)].modifier.contains(Modifier::REVERSED));
    assert!(!buffer[(14, 6)].modifier.contains(Modifier::REVERSED));
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

#[test]
fn an_edit_in_crlf_is_compared_line_by_line() {
    let side = |text: &str| Some(std::sync::Arc::<[u8]>::from(text.as_bytes()));
    let file = ConflictFile {
        path: RelPath::new("a.md").unwrap(),
        from: None,
        reason: "you edited this".to_owned(),
        base: side("one\ntwo\n"),
        mine: side("one\r\nmine\r\n"),
        theirs: side("one\nTWO\n"),
        draft: None,
        answered: false,
        refused: Vec::new(),
    };
    let mut model = samples::preview(MONO, 80, 24);
    samples::feed(&mut model, Msg::Event(Event::ConflictsOpen { files: std::sync::Arc::new(vec![file]) }));
    let mut compared = 0;
    for _ in 0..4 {
        // Not `press`, which takes up the effect itself.
        for effect in update(&mut model, Msg::Key(KeyEvent::new(KeyCode::Char('d'), KeyModifiers::NONE))) {
            let Effect::BuildDiff { old: Some(old), new: Some(new), .. } = effect else { continue };
            compared += 1;
            assert!(old.starts_with(b"one\r\n") && new.starts_with(b"one\r\n"), "{old:?} {new:?}");
        }
    }
    assert!(compared > 1, "{compared}");
}

#[test]
fn input_before_a_question_is_drawn_never_answers_it() {
    let mut model = samples::fresh(MONO, 80, 24);
    update(&mut model, Msg::Inspected(Box::new(samples::inspection())));
    let enter = || Msg::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    assert!(update(&mut model, enter()).is_empty(), "typed ahead");
    update(&mut model, Msg::Drawn);
    assert!(update(&mut model, enter()).is_empty(), "drawn, and not shown by the terminal yet");
    update(&mut model, Msg::Seen);
    assert!(matches!(update(&mut model, enter())[..], [Effect::Start(..)]));
}

#[test]
fn a_key_waits_for_the_texts_that_it_is_about() {
    let opened = |files: Vec<ConflictFile>| {
        let mut model = samples::preview(MONO, 80, 24);
        let open = Msg::Event(Event::ConflictsOpen { files: std::sync::Arc::new(files) });
        let merges = update(&mut model, open);
        update(&mut model, Msg::Drawn);
        update(&mut model, Msg::Seen);
        (model, merges)
    };
    let (mut model, merges) = opened(samples::conflict_files());
    assert!(awaits_texts(&model), "its texts come in an instant");
    press(&mut model, KeyCode::Char('1'));
    assert_eq!(model.status.as_deref(), Some("The texts are still being aligned."));
    let Some(Effect::BuildMerge { file, texts, layout }) = merges.into_iter().next() else { panic!("no alignment") };
    samples::feed(&mut model, align(file, &texts, layout));
    assert_eq!((awaits_texts(&model), model.status.as_deref()), (false, None));
    let mut long = samples::conflict_files().remove(0);
    long.mine = Some("line\n".repeat(1 << 18).into_bytes().into());
    assert!(!awaits_texts(&opened(vec![long]).0), "keys are answered while a long text is aligned");
}

#[test]
fn decisions_reach_the_engine_one_by_one() {
    let mut model = samples::conflict(MONO, 80, 24);
    let sent = |effects: Vec<Effect>| -> Vec<String> {
        let name = |(path, decision): &(RelPath, Decision)| format!("{path}: {decision:?}");
        let said = |e: &Effect| match e {
            Effect::Send(Command::Decide(all)) => all.iter().map(name).collect(),
            Effect::Send(Command::Finish(all)) => all.iter().map(name).chain(["Finish".to_owned()]).collect::<Vec<_>>(),
            other => vec![format!("{other:?}")],
        };
        effects.iter().flat_map(said).collect()
    };
    let first = "standards/universal/ai-safety/git-safety-rules.md: Merge([Some(Mine), ";
    assert_eq!(sent(keys(&mut model, "1")), [format!("{first}None])")]);
    assert_eq!(sent(keys(&mut model, "2")), [format!("{first}Some(Theirs)])")]);
    assert!(sent(press(&mut model, KeyCode::Enter)).is_empty(), "Enter decides nothing");
    assert!(sent(keys(&mut model, "F")).is_empty(), "three are open");
    assert!(model.status.as_deref().unwrap().starts_with("3 files are still open"));
    assert_eq!(sent(keys(&mut model, "k")), ["workflows/spec_creation_v1/metadata.json: Keep"]);
    press(&mut model, KeyCode::Enter);
    assert!(sent(keys(&mut model, "m")).is_empty());
    assert!(model.status.as_deref().unwrap().contains("you deleted this file"), "{:?}", model.status);
    keys(&mut model, "t");
    press(&mut model, KeyCode::Enter);
    keys(&mut model, "1");
    assert!(model.status.as_deref().unwrap().contains("not text"));
    assert_eq!(sent(keys(&mut model, "k")), ["usage/diagram.png: Keep"]);
    // The last word says all of it once more.
    let last = sent(keys(&mut model, "F"));
    assert_eq!(last.len(), 5, "{last:?}");
    assert_eq!(last[0], format!("{first}Some(Theirs)])"));
    assert_eq!(last[3..], ["usage/diagram.png: Keep", "Finish"]);
}

#[test]
fn a_refusal_of_what_was_changed_meanwhile_is_not_meant_any_more() {
    let mut model = samples::conflict(MONO, 80, 24);
    keys(&mut model, "k");
    let path = model.conflicts.files[0].path.clone();
    let refused = |decision| {
        Msg::Event(Event::AnswerRefused { path: path.clone(), decision, problem: "it can't be written".to_owned() })
    };
    samples::feed(&mut model, refused(Decision::Take));
    assert!(model.conflicts.settling.files()[0].is_settled());
    samples::feed(&mut model, refused(Decision::Keep));
    assert!(!model.conflicts.settling.files()[0].is_settled());
    keys(&mut model, "t");
    assert!(model.conflicts.settling.files()[0].is_settled());
}

#[test]
fn a_phase_is_answered_only_by_what_it_offers() {
    let mut model = samples::asked(MONO, 80, 24);
    assert_eq!(model.mode(), Mode::Asked);
    assert!(keys(&mut model, "lSytk").is_empty(), "not offered");
    keys(&mut model, "q");
    assert_eq!(model.mode(), Mode::Leave);
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.mode(), Mode::Asked, "it waits behind");
    let effects = keys(&mut model, "c");
    let [Effect::Send(Command::Choose { id, way: Way::GoOn })] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(id, "post_install:playwright");
    assert_eq!(model.mode(), Mode::Progress);
    assert!(keys(&mut model, "c").is_empty(), "one question, one answer");

    // What is typed before the question is seen does not answer it; nor what is typed before it is seen again.
    let question = samples::asked(MONO, 80, 24).asked.unwrap();
    update(&mut model, Msg::Event(Event::QuestionAsked(question)));
    let key = |c| Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
    assert!(update(&mut model, key('R')).is_empty());
    update(&mut model, Msg::Drawn);
    assert!(update(&mut model, key('R')).is_empty());
    update(&mut model, Msg::Seen);
    keys(&mut model, "?");
    update(&mut model, Msg::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)));
    assert!(update(&mut model, key('R')).is_empty());
    update(&mut model, Msg::Seen);
    assert!(update(&mut model, key('R')).is_empty(), "that was about the frame before");
    update(&mut model, Msg::Drawn);
    update(&mut model, Msg::Seen);
    assert!(matches!(update(&mut model, key('R'))[..], [Effect::Send(Command::Choose { way: Way::RollBack, .. })]));
}

#[test]
fn every_answer_has_a_key_of_its_own() {
    use super::keymap::{key_of, lookup, way};
    for one in [Way::Retry, Way::GoOn, Way::Leave, Way::Stop, Way::RollBack, Way::Allow] {
        let chord = key_of(one).unwrap();
        let action = lookup(Mode::Asked, &KeyEvent::new(chord.code, KeyModifiers::NONE)).unwrap();
        assert_eq!(way(action), Some(one));
    }
}

#[test]
fn a_hunk_out_of_sight_is_shown_before_it_is_settled() {
    let mut model = samples::conflict(MONO, 40, 10);
    press(&mut model, KeyCode::Char('G'));
    keys(&mut model, "1");
    assert_eq!(model.conflicts.settling.current().unwrap().open_hunks(), 2);
    keys(&mut model, "1");
    assert_eq!(model.conflicts.settling.current().unwrap().open_hunks(), 1);
}

#[test]
fn a_folder_is_asked_for_and_undone_at_once() {
    let mut model = samples::conflict(MONO, 80, 24);
    keys(&mut model, "K");
    assert!(matches!(model.overlay, Some(Overlay::Confirm(Question::Folder { .. }))));
    keys(&mut model, "y");
    assert_eq!(model.conflicts.settling.open_files(), 3);
    keys(&mut model, "u");
    assert_eq!(model.conflicts.settling.open_files(), 4);
}

#[test]
fn the_log_is_filtered_and_pages_are_turned() {
    let mut model = samples::progress(MONO, 80, 24);
    let shown = |model: &Model, words: &str| text(&paint(model)).contains(words);
    keys(&mut model, "v");
    assert!(shown(&model, "1 of 5") && shown(&model, "its chromium is not") && !shown(&model, "Collecting"));
    keys(&mut model, "v");
    assert!(shown(&model, "No line of the log is like that"));
    keys(&mut model, "v/COLLECT");
    assert!(shown(&model, "2 of 5") && shown(&model, "filter: COLLECT_"));
    press(&mut model, KeyCode::Enter);
    assert!(shown(&model, "log with \"COLLECT\"") && !shown(&model, "filter:"));
    keys(&mut model, "/");
    press(&mut model, KeyCode::Esc);
    assert!(!shown(&model, " of 5"));
    keys(&mut model, "P");
    assert_eq!(model.mode(), Mode::Page);
    assert!(shown(&model, "Phase 3: MCP Server Upgrade"));
    keys(&mut model, "G");
    assert!(shown(&model, "the server answers"));
    press(&mut model, KeyCode::Tab);
    assert!(shown(&model, "Phase 4") && shown(&model, "Proves over MCP"), "a new page begins at its top");
    for _ in 0..5 {
        press(&mut model, KeyCode::BackTab);
    }
    assert!(shown(&model, "Validation criteria"));
    // It stays where it was turned to, while another phase begins.
    let next = Event::PhaseStarted { phase: Phase::Validation, name: "", estimate_seconds: 30 };
    samples::feed(&mut model, Msg::Event(next));
    assert!(shown(&model, "Validation criteria"));
    keys(&mut model, "PP");
    assert!(shown(&model, "Phase 4"), "opened anew it follows");
    keys(&mut model, "q");
    assert_eq!(model.mode(), Mode::Leave);
    keys(&mut model, "p");
    assert!(shown(&model, "Finishing this step, then leaving"));
    keys(&mut model, "x");
    assert!(shown(&model, "Finishing this step, then leaving"), "a word that stays until it is done");
}

#[test]
fn discard_only_while_nothing_is_applied() {
    let mut model = samples::unfinished(MONO, 80, 24);
    keys(&mut model, "D");
    assert!(matches!(keys(&mut model, "y")[..], [Effect::Discard(_)]));
    let mut model = samples::fresh(MONO, 80, 24);
    samples::feed(&mut model, Msg::Opened(Ok(Some(Box::new(samples::session(true).into())))));
    assert!(keys(&mut model, "Dy").is_empty());
    assert!(!text(&paint(&model)).contains("discard"));
    keys(&mut model, "R");
    assert!(matches!(keys(&mut model, "y")[..], [Effect::RollBack(_)]));
}

#[test]
fn leaving_pauses_first() {
    let mut model = samples::progress(MONO, 80, 24);
    assert!(keys(&mut model, "q").is_empty());
    assert!(matches!(keys(&mut model, "p")[..], [Effect::Send(Command::Pause)]));
    let finish = Finish {
        result: FinishKind::Interrupted,
        exit_code: 130,
        message: "Paused.".to_owned(),
        next: None,
        report: vec![],
        session_id: None,
        backup: None,
        seconds: None,
    };
    let effects = samples::feed(&mut model, Msg::Event(Event::Finished(finish)));
    assert!(matches!(effects[..], [Effect::Quit { exit_code: 130, .. }]));
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
        for i in 0..10_000 {
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

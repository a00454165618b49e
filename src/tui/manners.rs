//! Tests of what holds on every screen: help, footer, the README's keys, texts that would do something to a terminal.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::keymap::{ALL_MODES, Action, BINDINGS, Mode, in_mode};
use super::model::Model;
use super::samples;
use super::svg::paint;
use super::theme::{Depth, Theme};
use super::update::{Effect, Msg};
use crate::core::phase::Phase;
use crate::core::question::Way;
use crate::core::session::StateEvent;
use crate::engine::events::{ConflictFile, Event, Finish, FinishKind, Level, Outcome};
use crate::engine::planning::inspect::{About, Problem};

const MONO: Theme = Theme { depth: Depth::Mono, light: false, ascii: false };

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let lines =
        buffer.content.chunks(width).map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    samples::feed(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

pub(super) fn after(mut model: Model, typed: &str) -> Model {
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
pub(super) fn everywhere(width: u16, height: u16) -> Vec<Model> {
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

/// All that the help shows, line by line from its top to its end.
fn help_of(mut model: Model) -> String {
    press(&mut model, KeyCode::Char('?'));
    assert_eq!(model.mode(), Mode::Help);
    let shown = |model: &Model| -> Vec<String> {
        let screen = text(&paint(model));
        // What stands around the box is not the help.
        let beside = usize::from(model.width.saturating_sub(76) / 2);
        let inside = |row: &str| row.chars().skip(beside + 1).take(usize::from(model.width).min(76) - 2).collect();
        screen.lines().skip(2).take(usize::from(model.height) - 5).map(inside).collect()
    };
    let mut all = shown(&model);
    loop {
        let before = shown(&model);
        press(&mut model, KeyCode::Down);
        let now = shown(&model);
        if now == before {
            return all.join("\n");
        }
        all.extend(now.last().cloned());
    }
}

#[test]
fn no_key_is_missing_from_the_help() {
    let mut told: Vec<(Mode, Action)> = Vec::new();
    for (width, height) in [(80, 24), (40, 10), (120, 40)] {
        for model in everywhere(width, height) {
            let mode = model.mode();
            if !in_mode(mode).any(|b| b.action == Action::Help) {
                continue;
            }
            let help = help_of(model);
            let words: String = help.chars().filter(|c| !c.is_whitespace() && *c != '│' && *c != '┃').collect();
            for section in ALL_MODES {
                for binding in in_mode(section) {
                    let all: String = binding.help.chars().filter(|c| !c.is_whitespace()).collect();
                    let shown = words.contains(&all)
                        && binding.keys.iter().all(|k| words.contains(&k.label().replace(' ', "")));
                    if section == mode {
                        assert!(shown, "{} in {mode:?} at {width}x{height}:\n{help}", binding.labels());
                    }
                    if shown {
                        told.push((section, binding.action));
                    }
                }
            }
        }
    }
    // The path's field has a help of its own, with F1.
    for mode in ALL_MODES.into_iter().filter(|m| !matches!(m, Mode::Source | Mode::Setup)) {
        for binding in in_mode(mode) {
            assert!(told.contains(&(mode, binding.action)), "{} in {mode:?} stands in no help", binding.labels());
        }
    }
}

#[test]
fn the_footer_always_says_how_to_go_on_and_where_help_is() {
    for (width, height) in [(80, 24), (40, 10), (120, 40)] {
        for model in everywhere(width, height) {
            let mode = model.mode();
            let screen = text(&paint(&model));
            let footer = screen.lines().last().unwrap();
            let named = |b: &super::keymap::Binding| footer.contains(&format!("{} ", b.keys[0].label()));
            assert!(in_mode(mode).any(named), "{mode:?} at {width}x{height}: {footer}");
            if in_mode(mode).any(|b| b.action == Action::Help) {
                assert!(footer.contains(" help"), "{mode:?} at {width}x{height}: {footer}");
            }
        }
    }
}

/// Where a row of the table is listened to, for the README.
fn places(modes: &[Mode]) -> String {
    if modes.len() > 9 {
        return "everywhere".to_owned();
    }
    let name = |mode: &Mode| match mode {
        Mode::Checking => "checks",
        Mode::Setup => "setup",
        Mode::Source => "path field",
        Mode::Preview => "preview",
        Mode::Filter => "filter",
        Mode::Diff => "diff",
        Mode::News => "what's new",
        Mode::Progress => "progress",
        Mode::Log => "log",
        Mode::Page => "about a phase",
        Mode::Conflict => "conflicts",
        Mode::Files => "list of conflicts",
        Mode::Search => "search",
        Mode::Report => "report",
        Mode::Unfinished => "unfinished",
        Mode::Help => "help",
        Mode::Leave => "leaving",
        Mode::Confirm => "yes or no",
        Mode::Asked => "question",
    };
    modes.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn table() -> String {
    let mut out = "| key | where | what |\n|---|---|---|\n".to_owned();
    for binding in BINDINGS {
        let keys: Vec<String> = binding.keys.iter().map(|k| format!("`{}`", k.label())).collect();
        out += &format!("| {} | {} | {} |\n", keys.join(" "), places(binding.modes), binding.help.replace('|', "\\|"));
    }
    out
}

#[test]
fn the_readme_has_the_table_of_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- keys: begin -->\n", "<!-- keys: end -->");
    let (before, rest) = readme.split_once(begin).unwrap();
    let (written, behind) = rest.split_once(end).unwrap();
    let wanted = format!("\n{}\n", table());
    if std::env::var_os("POS_README").is_some() {
        std::fs::write(path, format!("{before}{begin}{wanted}{end}{behind}")).unwrap();
    } else {
        let hint =
            "the README's keys are not those of the program; write them anew: POS_README=1 cargo test --lib readme";
        assert!(written == wanted, "{hint}");
    }
}

#[test]
fn paths_are_copied_whole_and_only_where_one_is_shown() {
    let copied = |sample: fn(Theme, u16, u16) -> Model, typed: &str| {
        let mut model = after(sample(MONO, 40, 10), typed);
        match &press(&mut model, KeyCode::Char('C'))[..] {
            [Effect::Copy(path)] => {
                assert!(text(&paint(&model)).contains("Copied, if"), "{path}");
                Some(path.strip_prefix("/home/ada/shop/.praxis-os").unwrap().to_owned())
            }
            other => {
                assert!(other.is_empty(), "{other:?}");
                None
            }
        }
    };
    let first = "/standards/universal/ai-safety/git-safety-rules.md";
    assert_eq!(copied(samples::preview, "").as_deref(), Some(first));
    assert_eq!(copied(samples::preview, "d").as_deref(), Some(first));
    assert_eq!(copied(samples::conflict, "").as_deref(), Some(first));
    assert_eq!(copied(samples::report, "").as_deref(), Some("/.backups/2026-11-22-103045"));
    assert_eq!(copied(samples::unfinished, "").as_deref(), Some(""));
    assert_eq!(copied(samples::progress, ""), None);
    let mut empty = after(samples::preview(MONO, 80, 24), "/no such path");
    press(&mut empty, KeyCode::Enter);
    assert!(press(&mut empty, KeyCode::Char('C')).is_empty());
}

#[test]
fn the_wheel_scrolls_and_answers_nothing() {
    for model in everywhere(80, 24) {
        let mode = model.mode();
        let mut turned = model.clone();
        for up in [false, false, true] {
            let effects = samples::feed(&mut turned, Msg::Wheel { up });
            assert!(effects.iter().all(|e| matches!(e, Effect::LoadTexts { .. })), "{mode:?} {effects:?}");
        }
        assert_eq!(turned.mode(), mode);
    }
    let mut help = after(samples::conflict(MONO, 80, 24), "?");
    let before = text(&paint(&help));
    samples::feed(&mut help, Msg::Wheel { up: false });
    assert_ne!(text(&paint(&help)), before);
}

/// What a file, a name, a commit message or a program may say to take over a terminal, or to hide what it says.
const EVIL: &str = "\u{1b}]0;x\u{7}\u{1b}[2J\r\n\u{9b}31m\u{90}q\u{202e}abc\u{2066}\u{200b}\u{200d}\u{e0041}e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}日\t\u{feff}\u{fe0f}\u{1f44d}\u{1f3fd}";

fn evil_models(theme: Theme, width: u16, height: u16) -> Vec<(&'static str, Model)> {
    let evil = || EVIL.to_owned();
    let path = |n: usize| crate::core::path::RelPath::new(format!("standards/{n}{EVIL}.md")).unwrap();
    let mut all = Vec::new();
    let mut inspection = samples::inspection();
    inspection.evidence.warnings = vec![evil()];
    inspection.whats_new = vec![(evil(), evil(), evil())];
    for (n, file) in inspection.plan.iter_mut().flat_map(|p| &mut p.files).enumerate() {
        (file.path, file.reason) = (path(n), evil());
        file.from = file.from.as_ref().map(|_| path(n + 1_000));
    }
    let mut broken = inspection.clone();
    broken.problems = vec![problem(evil()), problem(format!("{EVIL}\n{EVIL}"))];
    let mut model = samples::fresh(theme, width, height);
    model.launch.project = format!("/{EVIL}").into();
    model.launch.source = Some(format!("/source{EVIL}").into());
    let mut setup = model.clone();
    samples::feed(&mut setup, Msg::Inspected(Box::new(broken)));
    all.push(("setup", setup));
    samples::feed(&mut model, Msg::Inspected(Box::new(inspection)));
    (model.from, model.to) = (Some(evil()), Some(evil()));
    all.push(("preview", model.clone()));
    all.push(("news", after(model.clone(), "N")));
    all.push(("filter", after(model.clone(), "/")));

    let side = |n: usize| {
        let lines: Vec<String> =
            (0..30).map(|i| if i % 7 == n { format!("{n}{EVIL}") } else { format!("{i} {EVIL}") }).collect();
        Some(std::sync::Arc::<[u8]>::from([lines.join("\n").as_bytes(), b"\n\xff\xfe\x80\xc3\n"].concat()))
    };
    let file = |n: usize| ConflictFile {
        path: path(n),
        from: Some(path(n + 1)),
        reason: evil(),
        base: side(1),
        mine: side(2),
        theirs: side(3),
        draft: None,
        answered: false,
        refused: Vec::new(),
    };
    let mut conflict = model.clone();
    conflict.running = true;
    samples::feed(
        &mut conflict,
        Msg::Event(Event::ConflictsOpen { files: std::sync::Arc::new(vec![file(1), file(2)]) }),
    );
    for typed in ["", "d", "dd", "ddd", "s", "1", "G", "f", "b", "/", "K", "."] {
        all.push(("conflict", after(conflict.clone(), typed)));
    }

    let mut progress = model.clone();
    progress.running = true;
    progress.screen = super::model::Screen::Progress;
    let (phase, task) = (Phase::Server, "dependencies");
    for event in [
        Event::PhaseStarted { phase, name: "", estimate_seconds: 60 },
        Event::TaskFinished { phase, task: "stop_server", outcome: Outcome::Failed, detail: evil(), seconds: 2.0 },
        Event::TaskStarted { phase, task },
        Event::TaskProgress { phase, task, done: 1, total: 2, detail: evil() },
        Event::Log { level: Level::Warn, origin: "pip", text: evil() },
    ] {
        samples::feed(&mut progress, Msg::Event(event));
    }
    all.push(("progress", progress.clone()));
    all.push(("log", after(progress.clone(), "L")));
    let mut filtered = after(progress.clone(), "L/");
    samples::feed(&mut filtered, Msg::Paste(evil()));
    all.push(("log filter", filtered));
    let mut back = progress.clone();
    samples::feed(&mut back, Msg::Event(Event::RollbackStarted { reason: evil() }));
    all.push(("rollback", back));
    let mut asked = progress.clone();
    let question = crate::core::question::Question::new(evil(), evil(), Way::RollBack)
        .saying([evil(), evil()])
        .offering(Way::Retry, EVIL, evil())
        .offering(Way::RollBack, EVIL, evil());
    samples::feed(&mut asked, Msg::Event(Event::QuestionAsked(question)));
    all.push(("asked", asked));
    let mut said = progress;
    said.status = Some(evil());
    all.push(("status", said.clone()));
    for result in [FinishKind::Completed, FinishKind::Failed, FinishKind::RolledBack] {
        let mut report = said.clone();
        let finish = Finish {
            result,
            exit_code: 0,
            message: evil(),
            next: Some(evil()),
            report: vec![evil(), format!("warning: {EVIL}"), format!("conflict: {EVIL}: kept yours")],
            session_id: Some(evil()),
            seconds: Default::default(),
            backup: Some(format!("/{EVIL}").into()),
        };
        samples::feed(&mut report, Msg::Event(Event::Finished(finish)));
        all.push(("report", report));
    }
    let session = samples::session(true).approving(|approval| {
        approval.source = format!("/{EVIL}").into();
        (approval.plan.source.commit, approval.plan.source.version) = (evil(), evil());
        approval.plan.install.release = Some(evil());
    });
    let mut session = samples::after(session, &[StateEvent::Failed(evil()), StateEvent::PhaseBegan]);
    session.project = format!("/{EVIL}").into();
    session.created_at = evil();
    session.updated_at = evil();
    session.backup = Some(evil());
    session.answers = [(path(1), crate::core::session::Answer::Keep)].into();
    let mut unfinished = samples::fresh(theme, width, height);
    samples::feed(&mut unfinished, Msg::Opened(Ok(Some(Box::new(session.into())))));
    all.push(("unfinished", unfinished));
    all
}

fn problem(what: String) -> Problem {
    Problem { exit_code: 4, what, next: EVIL.to_owned(), about: About::Source }
}

#[test]
fn nothing_that_is_shown_can_do_something_to_a_terminal_or_hide() {
    for ascii in [false, true] {
        let theme = Theme { ascii, ..MONO };
        for (width, height) in [(80, 24), (40, 10), (120, 40)] {
            for (name, model) in evil_models(theme, width, height) {
                let buffer = paint(&model);
                for cell in &buffer.content {
                    let symbol = cell.symbol();
                    // One by one, on a letter: that a mark stands on others is not the question here.
                    for c in symbol.chars() {
                        let alone = format!("e{c}");
                        let shown = super::text::visible_str(&alone, false);
                        assert_eq!(shown, alone, "{name} at {width}x{height}: {symbol:?}");
                    }
                    assert!(!ascii || symbol.is_ascii(), "{name}: {symbol:?}");
                }
                let shown = text(&buffer);
                assert!(
                    name == "status" || name == "filter" || shown.contains("]0;x"),
                    "{name}: it is not shown:\n{shown}"
                );
            }
        }
    }
}

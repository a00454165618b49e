//! Texts that would do something to a terminal, or hide what they say: on every screen they are only shown.

use super::samples;
use super::support::*;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::phase::Phase;
use crate::core::question::Way;
use crate::core::report_parts::Part;
use crate::core::session::StateEvent;
use crate::core::task::Task;
use crate::engine::events::{ConflictFile, Event, Finish, FinishKind, Level, Outcome};
use crate::engine::refusal::About;
use crate::engine::refusal::Problem;
use crate::tui::message::Msg;
use crate::tui::model::Model;
use crate::tui::theme::Theme;

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
        ids: Default::default(),
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
    progress.screen = crate::tui::model::Screen::Progress;
    let (phase, task) = (Phase::Server, Task::Dependencies);
    for event in [
        Event::PhaseStarted { phase, name: "", estimate_seconds: 60 },
        Event::TaskFinished { phase, task: Task::StopServer, outcome: Outcome::Failed, detail: evil(), seconds: 2.0 },
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
            exit_code: Exit::Done,
            code: None,
            message: evil(),
            next: Some(evil()),
            report: vec![
                Part::Subject(evil()),
                Part::Heading(evil()),
                Part::Warning(evil()),
                Part::Line(format!("conflict: {EVIL}: kept yours")),
            ],
            session_id: Some(evil()),
            seconds: Default::default(),
            backup: Some(format!("/{EVIL}").into()),
            conflicts: Vec::new(),
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
    session.decisions.answer(path(1), crate::core::session::Decision::Keep);
    let mut unfinished = samples::fresh(theme, width, height);
    samples::feed(&mut unfinished, Msg::Opened(Ok(Some(Box::new(session.into())))));
    all.push(("unfinished", unfinished));
    all
}

fn problem(what: String) -> Problem {
    Problem { code: Code::Files, exit_code: Exit::Refused, what, next: EVIL.to_owned(), about: About::Source }
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
                        let shown = crate::tui::text::visible_str(&alone, false);
                        assert_eq!(shown, alone, "{name} at {width}x{height}: {symbol:?}");
                    }
                    assert!(!ascii || symbol.is_ascii(), "{name}: {symbol:?}");
                }
                let shown = cells(&buffer);
                assert!(
                    name == "status" || name == "filter" || shown.contains("]0;x"),
                    "{name}: it is not shown:\n{shown}"
                );
            }
        }
    }
}

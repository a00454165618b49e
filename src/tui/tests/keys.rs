//! Keys and the engine's events against the model: what is asked, what is sent, and what is shown.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::samples;
use super::support::*;
use crate::core::exit::Exit;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::question::Way;
use crate::core::session::Decision;
use crate::engine::events::{Command, ConflictFile, Event, Finish, FinishKind};
use crate::tui::keymap::Mode;
use crate::tui::message::{Effect, Msg};
use crate::tui::model::{Model, Overlay, Question};
use crate::tui::update::update;
use crate::tui::worker::align;

#[test]
fn an_edit_in_crlf_is_compared_line_by_line() {
    let side = |text: &str| Some(std::sync::Arc::<[u8]>::from(text.as_bytes()));
    let file = ConflictFile {
        path: RelPath::new("a.md").unwrap(),
        from: None,
        ids: Default::default(),
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
    assert!(model.awaits_texts(), "its texts come in an instant");
    press(&mut model, KeyCode::Char('1'));
    assert_eq!(model.status.as_deref(), Some("The texts are still being aligned."));
    let Some(Effect::BuildMerge { file, texts, layout }) = merges.into_iter().next() else { panic!("no alignment") };
    samples::feed(&mut model, align(file, &texts, layout));
    assert_eq!((model.awaits_texts(), model.status.as_deref()), (false, None));
    let mut long = samples::conflict_files().remove(0);
    long.mine = Some("line\n".repeat(1 << 18).into_bytes().into());
    assert!(!opened(vec![long]).0.awaits_texts(), "keys are answered while a long text is aligned");
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
    assert_eq!(model.status.as_deref(), Some("it can't be written"));
    // What the screen found by itself says more: which keys mend it.
    model.status = Some("said by the screen".to_owned());
    samples::feed(&mut model, refused(Decision::Keep));
    assert_eq!(model.status.as_deref(), Some("said by the screen"));
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
    use crate::tui::keymap::{key_of, lookup, way};
    for one in [Way::Retry, Way::GoOn, Way::Leave, Way::Stop, Way::RollBack, Way::Allow, Way::ChangeAnswers] {
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
    assert!(shown(&model, "Phase 2: Content Upgrade"));
    keys(&mut model, "G");
    assert!(shown(&model, "every conflict has an answer"));
    press(&mut model, KeyCode::Tab);
    assert!(shown(&model, "Phase 3") && shown(&model, "Puts the new server's code"), "a new page begins at its top");
    for _ in 0..4 {
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
        exit_code: Exit::Interrupted,
        code: None,
        message: "Paused.".to_owned(),
        next: None,
        report: vec![],
        session_id: None,
        backup: None,
        seconds: None,
        conflicts: Vec::new(),
    };
    let effects = samples::feed(&mut model, Msg::Event(Event::Finished(finish)));
    assert!(matches!(effects[..], [Effect::Quit { exit_code: Exit::Interrupted, .. }]));
}

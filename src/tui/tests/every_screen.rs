//! Preview, report and unfinished session: keys against the model.

use std::path::PathBuf;

use ratatui::crossterm::event::KeyCode;

use super::samples;
use super::support::{MONO, keys, press, shown};
use crate::core::phase::Phase;
use crate::core::plan::Kind;
use crate::core::session::{PhaseRecord, Session, StateEvent};
use crate::engine::events::{Event, Finish, FinishKind};
use crate::engine::planning::inspect::{Draft, Unfinished};
use crate::engine::report::plan_document;
use crate::tui::message::{Effect, Msg};
use crate::tui::model::{Model, Overlay, Pane, Question, Screen};

#[test]
fn a_folder_that_moves_is_opened_by_space_and_has_no_diff() {
    let mut model = samples::preview(MONO, 80, 24);
    while !shown(&model).contains("> move") {
        press(&mut model, KeyCode::Right);
    }
    let preview = |model: &Model| model.preview.clone().unwrap();
    let at = preview(&model).rows.iter().position(|r| r.file().is_none()).unwrap();
    (0..at).for_each(|_| drop(press(&mut model, KeyCode::Down)));
    assert!(shown(&model).contains("The source moved this folder; 2 files move along."), "{}", shown(&model));
    assert!(keys(&mut model, "d").is_empty() && matches!(preview(&model).pane, Pane::List));
    let rows = preview(&model).rows.len();
    keys(&mut model, " ");
    assert_eq!(preview(&model).rows.len(), rows + 2);
    press(&mut model, KeyCode::Down);
    assert!(matches!(keys(&mut model, "d")[..], [Effect::LoadTexts { .. }]));
    press(&mut model, KeyCode::Esc);
    // From one of its files it closes, too.
    keys(&mut model, " ");
    assert_eq!((preview(&model).rows.len(), preview(&model).selected), (rows, at));
}

#[test]
fn enter_is_only_promised_where_it_starts_and_says_that_all_is_meant() {
    let mut model = samples::preview(MONO, 80, 24);
    keys(&mut model, "/metadata");
    press(&mut model, KeyCode::Enter);
    assert!(shown(&model).contains("Enter start all 23 (will ask 3)"), "{}", shown(&model));
    for key in ["d", "N"] {
        keys(&mut model, key);
        let screen = shown(&model);
        assert!(screen.contains("Esc goes back to the plan; Enter starts from there."), "{screen}");
        assert!(!screen.contains("makes a backup") && press(&mut model, KeyCode::Enter).is_empty());
        press(&mut model, KeyCode::Esc);
    }
    (model.width, model.height) = (40, 10);
    assert!(shown(&model).contains("Enter start all 23"), "{}", shown(&model));
    press(&mut model, KeyCode::Esc);
    assert!(shown(&model).contains("Enter start (will ask 3)"), "{}", shown(&model));
}

#[test]
fn tabs_that_are_hidden_leave_a_mark() {
    let mut model = samples::preview(MONO, 80, 24);
    let bar = |model: &Model| shown(model).lines().find(|l| l.contains('┌')).unwrap().to_owned();
    assert!(!bar(&model).contains('‹') && bar(&model).contains(" › "), "{}", bar(&model));
    press(&mut model, KeyCode::Left);
    assert!(
        bar(&model).contains(" ‹ ") && !bar(&model).contains('›') && bar(&model).contains("all 30"),
        "{}",
        bar(&model)
    );
    assert!(!bar(&samples::preview(MONO, 140, 40)).contains(['‹', '›']));
}

#[test]
fn why_names_the_commits_of_the_source() {
    let model = samples::preview(MONO, 80, 40);
    let screen = shown(&model);
    assert!(screen.contains("dc10c02") && screen.contains("Safety rules: never reset --hard"), "{screen}");
}

#[test]
fn the_plan_is_written_where_it_was_said_and_only_after_a_yes() {
    let mut model = samples::preview(MONO, 80, 24);
    assert!(keys(&mut model, ">").is_empty());
    assert!(shown(&model).contains("~/shop/upgrade-plan-3446b8a-e8b70c7.md"), "{}", shown(&model));
    press(&mut model, KeyCode::Esc);
    keys(&mut model, ">");
    let effects = keys(&mut model, "y");
    let [Effect::Save { folder, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(folder, &PathBuf::from("/home/ada/shop"));
    samples::feed(&mut model, Msg::Saved(Ok(folder.join("x.md"))));
    assert_eq!(model.status.as_deref(), Some("Written: ~/shop/x.md"));
    // Not into the install, which the plan would then have to take notice of.
    model.launch.here = PathBuf::from("/home/ada/shop/.praxis-os/standards");
    keys(&mut model, ">");
    let Some(Overlay::Confirm(Question::Save(path))) = &model.overlay else { panic!("{:?}", model.overlay) };
    assert_eq!(path.parent().unwrap(), PathBuf::from("/home/ada/shop"));
}

#[test]
fn the_written_plan_names_every_file_and_is_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let request = samples::launch().request().unwrap();
    let inspection = samples::inspection();
    let first = plan_document::save(dir.path(), &request, &inspection).unwrap();
    let plan = inspection.plan.as_ref().unwrap();
    assert_eq!(first, plan_document::planned_path(dir.path(), plan));
    let second = plan_document::save(dir.path(), &request, &inspection).unwrap();
    assert_ne!(first, second);
    let text = std::fs::read_to_string(&first).unwrap();
    assert_eq!(text, std::fs::read_to_string(&second).unwrap());
    for file in plan.files.iter().filter(|f| f.kind != Kind::Unchanged) {
        assert!(text.contains(&format!("| {}", file.path)), "{} is not named", file.path);
    }
    assert!(text.contains("pos-upgrade-tui --project /home/ada/shop --source /home/ada/src/praxis-os"), "{text}");
    assert!(text.contains("- files: 3 conflict, 2 merge, 11 update") && text.contains("1 yours, 1 deleted"), "{text}");
    assert!(text.contains("(moves from workflows/agent_os_upgrade_v1/metadata.json)"), "{text}");
    let gone = plan_document::save(&dir.path().join("gone"), &request, &inspection).unwrap_err();
    assert!(gone.contains("gone/upgrade-plan-"), "{gone}");
}

#[test]
fn the_report_takes_the_upgrade_back_after_a_yes() {
    let mut model = samples::report(MONO, 80, 24);
    assert!(keys(&mut model, "R").is_empty());
    assert!(shown(&model).contains("Put the install back as it was?"));
    press(&mut model, KeyCode::Esc);
    keys(&mut model, "R");
    let effects = keys(&mut model, "y");
    assert!(matches!(&effects[..], [Effect::RollBack(session)] if session.applied()), "{effects:?}");
    assert_eq!(model.screen, Screen::Progress);
    // Where its session can't be read, the key is not offered and does nothing.
    let mut model = samples::report(MONO, 80, 24);
    model.session = None;
    assert!(!shown(&model).contains("R puts it all back") && !shown(&model).contains("R roll back"));
    assert!(keys(&mut model, "Ry").is_empty() && model.overlay.is_none());
}

#[test]
fn a_finished_upgrade_asks_for_its_session_and_nothing_else_does() {
    for (kind, asks) in [(FinishKind::Completed, true), (FinishKind::RolledBack, false), (FinishKind::Failed, false)] {
        let mut model = samples::progress(MONO, 80, 24);
        let finish = Finish { result: kind, ..samples::report(MONO, 80, 24).finish.unwrap() };
        let effects = samples::feed(&mut model, Msg::Event(Event::Finished(finish)));
        assert_eq!(matches!(&effects[..], [Effect::Recall(_)]), asks, "{kind:?}: {effects:?}");
    }
}

#[test]
fn a_failure_shows_why_the_state_the_next_step_and_the_end_of_the_log() {
    let screen = shown(&samples::failed(MONO, 80, 40));
    for words in
        ["Rolled back", "is back as it was", "phase 3 failed", "next", "The end of the log", "Could not find a version"]
    {
        assert!(screen.contains(words), "{words}:\n{screen}");
    }
    assert!(!screen.contains("What changed"), "{screen}");
    assert!(!shown(&samples::report(MONO, 80, 40)).contains("The end of the log"));
}

#[test]
fn an_unfinished_session_says_what_each_choice_does() {
    let open = |session: Session| {
        let mut model = samples::fresh(MONO, 80, 24);
        samples::feed(&mut model, Msg::Opened(Ok(Some(Box::new(session.into())))));
        shown(&model)
    };
    let has = |screen: &str, words: &[&str], not: &[&str]| {
        words.iter().for_each(|w| assert!(screen.contains(w), "{w}:\n{screen}"));
        not.iter().for_each(|w| assert!(!screen.contains(w), "{w}:\n{screen}"));
    };
    let waiting = open(samples::session(false));
    has(
        &waiting,
        &[
            "2 are open. F there applies the plan",
            "1 of 3 files settled, all saved",
            "10:30 UTC, 4 hours ago",
            "as it was",
        ],
        &[],
    );
    let cut_off = open(samples::session(true));
    has(&cut_off, &["cut off", "between the two releases", "from the backup"], &["discard"]);
    let going_back = open(going_back());
    has(&going_back, &["A rollback was cut off", "finish the rollback", "no way but back"], &["discard"]);
    let rebuilt = open(samples::session(true).without_approval("it is gone"));
    has(&rebuilt, &["damaged", "not known any more", "R  roll back"], &["resume", "discard"]);
    let mut later = samples::session(true);
    later.complete(Phase::Content, PhaseRecord::default());
    let later = samples::after(later, &[StateEvent::Failed("pip failed".into())]);
    has(&open(later), &["the new files are in place", "pip failed", "phase 3 (MCP Server Upgrade)"], &[]);
}

/// A session whose rollback was cut off.
fn going_back() -> Session {
    samples::after(samples::session(true), &[StateEvent::RollbackBegan("asked for by a person".into())])
}

#[test]
fn what_is_lost_with_a_session_is_named_before_it_is_dropped() {
    let flat = |model: &Model| shown(model).split_whitespace().collect::<Vec<_>>().join(" ").replace("│ │ ", "");
    let mut model = samples::unfinished(MONO, 120, 40);
    let hunks = "2 hunks of git-safety-rules.md";
    assert!(flat(&model).contains(&format!("1 of 3 files settled; {hunks} are settled and saved")), "{}", flat(&model));
    for key in ["D", "R"] {
        keys(&mut model, key);
        let asked = flat(&model);
        for words in ["Nothing was applied", hunks, "1 text that you wrote", "Lost with it: 1 answer, "] {
            assert!(asked.contains(words), "{key}: {words}: {asked}");
        }
        assert!(!asked.contains("Put the install back"), "{asked}");
        press(&mut model, KeyCode::Esc);
    }
    let mut done = samples::session(false);
    done.answers_done = true;
    model.session = Some(done);
    assert!(
        flat(&model).contains("1 answer is remembered"),
        "what was finished once is asked no more: {}",
        flat(&model)
    );
    let draft = |name: &str, hunks, written| Draft { path: name.parse().unwrap(), hunks, written };
    model.drafts = vec![draft("a/x.md", None, 0), draft("y.md", Some(1), 0), draft("z.md", Some(0), 1)];
    assert!(flat(&model).contains("all of x.md and 1 hunk of y.md are settled"), "{}", flat(&model));
    model.drafts.insert(0, draft("w.md", Some(1), 0));
    assert!(flat(&model).contains("1 hunk of w.md and parts of 2 more files are settled"), "{}", flat(&model));
}

#[test]
fn enter_resumes_and_never_leads_back() {
    let open = |session: Session| {
        let mut model = samples::fresh(MONO, 80, 24);
        samples::feed(&mut model, Msg::Opened(Ok(Some(Box::new(session.into())))));
        model
    };
    for applied in [false, true] {
        let mut model = open(samples::session(applied));
        assert!(shown(&model).contains("Enter resume"));
        assert!(matches!(press(&mut model, KeyCode::Enter)[..], [Effect::Resume(_, false)]));
        // A source that only the session's files name is shown, and needs a yes.
        let mut model = samples::fresh(MONO, 80, 24);
        let found = Unfinished { needs_a_word: true, ..samples::session(applied).into() };
        samples::feed(&mut model, Msg::Opened(Ok(Some(Box::new(found)))));
        assert!(press(&mut model, KeyCode::Enter).is_empty());
        assert!(shown(&model).contains("Only files in the project name this source"), "{}", shown(&model));
        assert!(press(&mut model, KeyCode::Enter).is_empty(), "Enter is no yes");
        assert!(matches!(press(&mut model, KeyCode::Char('y'))[..], [Effect::Resume(_, true)]));
    }
    for session in [going_back(), samples::session(true).without_approval("it is gone")] {
        let mut model = open(session);
        assert!(!shown(&model).contains("Enter resume"));
        assert!(press(&mut model, KeyCode::Enter).is_empty() && model.overlay.is_none());
    }
}

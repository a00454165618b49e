//! Setup, preview, report and unfinished session: keys against the model.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::samples;
use super::support::paint;
use super::support::{MONO, keys, press, text};
use crate::core::exit::Exit;
use crate::core::phase::Phase;
use crate::core::plan::Kind;
use crate::core::policy::OnConflict;
use crate::core::session::{PhaseRecord, Session, StateEvent};
use crate::engine::events::{Event, Finish, FinishKind};
use crate::engine::planning::inspect::{Draft, Unfinished};
use crate::engine::planning::sources::{Candidate, Fetchable, Found};
use crate::engine::refusal::{About, Problem};
use crate::engine::report::plan_document;
use crate::tui::launch::Launch;
use crate::tui::message::{Effect, Look, Msg};
use crate::tui::model::{Model, Overlay, Pane, Question, Screen};
use crate::tui::setup::{Choice, Looked, Spot};

fn shown(model: &Model) -> String {
    text(&paint(model))
}

fn looks(effects: Vec<Effect>) -> Vec<Look> {
    effects.into_iter().filter_map(|e| if let Effect::Look(look) = e { Some(*look) } else { None }).collect()
}

fn ctrl(model: &mut Model, c: char) -> Vec<Effect> {
    samples::feed(model, Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)))
}

fn field(model: &Model) -> &str {
    model.setup.as_ref().map_or("", |s| s.field.text())
}

fn spot(model: &Model) -> Option<Spot> {
    model.setup.as_ref().map(|s| s.spot)
}

/// Answers the last look as a folder with these names below it.
fn answer(model: &mut Model, look: &Look, found: Found, names: &[&str]) -> Vec<Effect> {
    let parent = look.request.source.parent().unwrap().to_owned();
    let candidate = |n: &&str| Candidate { path: parent.join(n), is_source: false, recent: false };
    let folders = names.iter().map(candidate).collect();
    samples::feed(model, Msg::Looked(Box::new(Looked { typed: look.typed.clone(), found, folders })))
}

#[test]
fn a_source_that_was_found_is_used_by_enter_alone() {
    let mut model = samples::setup(MONO, 80, 24);
    assert!(shown(&model).contains("Used before"), "{}", shown(&model));
    let effects = press(&mut model, KeyCode::Enter);
    let [Effect::Inspect(request)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(request.source, PathBuf::from("/home/ada/src/praxis-os"));
    assert_eq!(model.screen, Screen::Checking);
}

#[test]
fn typing_replaces_what_was_offered_and_is_looked_at() {
    let mut model = samples::setup(MONO, 80, 24);
    let seen = looks(keys(&mut model, "~/x"));
    assert_eq!(field(&model), "~/x");
    let last = seen.last().unwrap();
    assert_eq!((seen.len(), last.request.source.as_path()), (3, PathBuf::from("/home/ada/x").as_path()));
    assert!(!last.at_once, "typing goes on");
    // What was found for an earlier text is not shown for this one.
    answer(&mut model, &seen[0], Found::Clone(samples::clone_facts()), &[]);
    assert!(!shown(&model).contains("praxis-os 1.2.0"), "{}", shown(&model));
    answer(&mut model, last, Found::Nothing, &["xa", "xb"]);
    assert!(shown(&model).contains("no such folder yet") && shown(&model).contains("~/xb"), "{}", shown(&model));
    // Enter is refused without a check: there is nothing to check. It is only looked for once more.
    assert!(matches!(press(&mut model, KeyCode::Enter)[..], [Effect::Look(_)]));
    assert!(model.status.as_deref().unwrap().contains("no such folder yet: type on, or choose one with ↓"));
    answer(&mut model, last, Found::Nothing, &[]);
    assert!(matches!(press(&mut model, KeyCode::Enter)[..], [Effect::Look(_)]));
    assert_eq!(model.status.as_deref(), Some("There is no such folder: type another."), "nothing is offered");
    ctrl(&mut model, 'u');
    assert_eq!(field(&model), "");
    assert!(press(&mut model, KeyCode::Enter).is_empty(), "nothing is typed");
}

/// A wizard in which this address stands, looked at.
fn addressed(fetched: bool) -> Model {
    let mut model = samples::setup(MONO, 80, 24);
    let look = looks(keys(&mut model, "https://h.invalid//o/r.git")).pop().unwrap();
    assert_eq!((field(&model), look.request.source.to_str()), (ADDRESS, Some(ADDRESS)));
    let fetched = fetched.then(|| (PathBuf::from("/home/ada/.cache/r.git"), Duration::from_secs(7_300)));
    answer(&mut model, &look, Found::Address(Fetchable { shown: ADDRESS.to_owned(), fetched }), &[]);
    model
}

const ADDRESS: &str = "https://h.invalid/o/r.git";

#[test]
fn an_address_is_fetched_by_enter_and_can_be_given_up() {
    let mut model = addressed(false);
    assert!(shown(&model).contains("an address: Enter fetches it into your cache folder"), "{}", shown(&model));
    let effects = press(&mut model, KeyCode::Enter);
    let [Effect::Fetch { typed, address }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((typed.as_str(), address.to_str()), (ADDRESS, Some(ADDRESS)));
    samples::feed(&mut model, Msg::Fetching("Receiving objects:  45% (9/20)".to_owned()));
    assert!(shown(&model).contains("fetching it: Receiving objects:  45%"), "{}", shown(&model));
    assert!(press(&mut model, KeyCode::Enter).is_empty(), "once is enough");
    assert!(matches!(press(&mut model, KeyCode::Esc)[..], [Effect::StopFetching]));
    let late = samples::feed(&mut model, Msg::Fetched(ADDRESS.to_owned(), Ok(PathBuf::from("/c/r.git"))));
    assert!(late.is_empty() && model.screen == Screen::Setup, "what was given up comes too late");
    // Typing on gives it up, too.
    press(&mut model, KeyCode::Enter);
    let effects = press(&mut model, KeyCode::Backspace);
    assert!(matches!(effects[..], [Effect::StopFetching, Effect::Look(_)]), "{effects:?}");

    let mut model = addressed(true);
    assert!(shown(&model).contains("an address, fetched 2 hours ago: Enter fetches what is new"), "{}", shown(&model));
    press(&mut model, KeyCode::Enter);
    let effects = samples::feed(&mut model, Msg::Fetched(ADDRESS.to_owned(), Ok(PathBuf::from("/c/r.git"))));
    let [Effect::Inspect(request)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((request.source.to_str(), model.screen), (Some("/c/r.git"), Screen::Checking));
}

#[test]
fn an_address_that_can_not_be_reached_leaves_what_was_fetched_before() {
    for fetched in [true, false] {
        let mut model = addressed(fetched);
        press(&mut model, KeyCode::Enter);
        samples::feed(&mut model, Msg::Fetched(ADDRESS.to_owned(), Err("no route to h.invalid".to_owned())));
        let screen = shown(&model);
        assert!(screen.contains("no route to h.invalid") && screen.contains("Enter tries again"), "{screen}");
        assert_eq!(screen.contains("~/.cache/r.git"), fetched, "{screen}");
        press(&mut model, KeyCode::Down);
        if fetched {
            press(&mut model, KeyCode::Enter);
            assert_eq!((field(&model), spot(&model)), ("~/.cache/r.git", Some(Spot::Source)));
        } else {
            assert!(matches!(spot(&model), Some(Spot::Option(_))));
            assert!(matches!(press(&mut model, KeyCode::Enter)[..], [Effect::Fetch { .. }]), "tried again");
        }
    }
}

#[test]
fn offline_an_address_is_what_was_fetched_before() {
    for fetched in [true, false] {
        let mut model = addressed(fetched);
        model.setup.as_mut().unwrap().draft.offline = true;
        assert!(shown(&model).contains("--offline"), "{}", shown(&model));
        let effects = press(&mut model, KeyCode::Enter);
        assert_eq!(matches!(effects[..], [Effect::Inspect(_)]), fetched, "{effects:?}");
        assert_eq!(effects.is_empty(), !fetched);
    }
}

#[test]
fn tab_completes_and_waits_for_what_is_not_known_yet() {
    let mut model = samples::setup(MONO, 80, 24);
    let seen = looks(keys(&mut model, "/src/pr"));
    let last = seen.last().unwrap().clone();
    press(&mut model, KeyCode::Tab);
    assert_eq!(field(&model), "/src/pr", "the folders are not known yet");
    let effects = answer(&mut model, &last, Found::Nothing, &["praxis-a", "praxis-b"]);
    assert_eq!(field(&model), "/src/praxis-");
    let look = looks(effects).pop().unwrap();
    answer(&mut model, &look, Found::Nothing, &["praxis-a", "praxis-b"]);
    press(&mut model, KeyCode::Tab);
    assert!(model.status.as_deref().unwrap().contains("2 folders"), "{:?}", model.status);
    // A folder that is no clone is a step on the way.
    press(&mut model, KeyCode::Down);
    assert_eq!((field(&model), spot(&model)), ("/src/praxis-", Some(Spot::Offer(0))));
    press(&mut model, KeyCode::Enter);
    assert_eq!((field(&model), spot(&model)), ("/src/praxis-a/", Some(Spot::Source)));
}

#[test]
fn an_offer_is_highlighted_by_arrows_and_taken_by_enter_or_tab() {
    let mut model = samples::setup(MONO, 80, 24);
    for code in [KeyCode::Down, KeyCode::Down, KeyCode::Up] {
        assert!(press(&mut model, code).is_empty(), "nothing is looked at");
        assert_eq!(field(&model), "~/src/praxis-os", "whoever passes by has chosen nothing");
    }
    assert_eq!(spot(&model), Some(Spot::Offer(0)));
    let screen = shown(&model);
    assert!(screen.contains("▸ ~/try/praxis-os") && screen.contains("  source  ~/src/praxis-os"), "{screen}");
    assert!(screen.contains("Enter take this") && screen.contains("praxis-os 1.2.0"), "{screen}");
    press(&mut model, KeyCode::Esc);
    assert_eq!((field(&model), spot(&model)), ("~/src/praxis-os", Some(Spot::Source)));
    for code in [KeyCode::Enter, KeyCode::Tab] {
        let mut model = model.clone();
        press(&mut model, KeyCode::Down);
        let look = looks(press(&mut model, code)).pop().unwrap();
        assert!(look.at_once, "it is final");
        assert_eq!((field(&model), spot(&model)), ("~/try/praxis-os", Some(Spot::Source)));
        assert!(shown(&model).contains("· ~/src/praxis-os"), "the other one can still be chosen: {}", shown(&model));
        let effects = press(&mut model, KeyCode::Enter);
        let [Effect::Inspect(request)] = &effects[..] else { panic!("{effects:?}") };
        assert_eq!(request.source, PathBuf::from("/home/ada/try/praxis-os"));
    }
}

#[test]
fn what_is_found_late_does_not_move_the_cursor() {
    let mut model = samples::fresh(MONO, 80, 12);
    model.launch.source = None;
    samples::feed(&mut model, Msg::Opened(Ok(None)));
    (0..4).for_each(|_| drop(press(&mut model, KeyCode::Down)));
    let row = |model: &Model| shown(model).lines().position(|l| l.contains('▸')).unwrap();
    let (at, was) = (row(&model), spot(&model));
    let one = |path: &str| Candidate { path: path.into(), is_source: true, recent: false };
    let found = vec![one("/home/ada/src/praxis-os"), one("/home/ada/try/praxis-os")];
    let look = looks(samples::feed(&mut model, Msg::Offered(found))).pop().unwrap();
    answer(&mut model, &look, Found::Clone(samples::clone_facts()), &[]);
    assert_eq!((row(&model), spot(&model)), (at, was), "{}", shown(&model));
    assert!(model.setup.as_ref().unwrap().offers.is_empty(), "offered where one can choose");
    (0..4).for_each(|_| drop(press(&mut model, KeyCode::Up)));
    assert!(shown(&model).contains("· ~/try/praxis-os"), "{}", shown(&model));
}

#[test]
fn options_are_changed_by_space_and_arrows_and_go_with_the_request() {
    let mut model = samples::setup(MONO, 80, 24);
    while spot(&model) != Some(Spot::Option(Choice::Conflicts)) {
        press(&mut model, KeyCode::Down);
    }
    keys(&mut model, " ");
    press(&mut model, KeyCode::Down);
    keys(&mut model, " ");
    while spot(&model) != Some(Spot::Option(Choice::Backups)) {
        press(&mut model, KeyCode::Down);
    }
    press(&mut model, KeyCode::Right);
    press(&mut model, KeyCode::Right);
    press(&mut model, KeyCode::Left);
    let default = samples::launch();
    let effects = press(&mut model, KeyCode::Enter);
    let [Effect::Inspect(request)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((request.options.auto_restart, request.options.keep_backups), (false, 4));
    assert_eq!(model.launch.on_conflict, OnConflict::MergeKeep);
    assert_eq!(default.options.keep_backups, 3);
    // What was chosen is what the plan says and what is started.
    samples::feed(&mut model, Msg::Inspected(Box::new(samples::inspection())));
    let screen = shown(&model);
    assert!(screen.contains("3 are settled as you\n chose (merge, mine first)"), "{screen}");
    assert!(screen.contains("Enter start  "), "{screen}");
    let effects = press(&mut model, KeyCode::Enter);
    assert!(matches!(&effects[..], [Effect::Start(.., OnConflict::MergeKeep)]), "{effects:?}");
}

#[test]
fn from_the_preview_there_and_back_changes_nothing() {
    let mut model = samples::preview(MONO, 80, 24);
    let launch: Launch = model.launch.clone();
    keys(&mut model, "o");
    assert_eq!(model.screen, Screen::Setup);
    press(&mut model, KeyCode::Down);
    keys(&mut model, " ");
    press(&mut model, KeyCode::Up);
    keys(&mut model, "x");
    press(&mut model, KeyCode::Esc);
    assert_eq!((model.screen, &model.launch), (Screen::Preview, &launch));
}

#[test]
fn problems_stand_beside_what_mends_them() {
    let problem = |about, what: &str| Problem {
        about,
        exit_code: Exit::Refused,
        what: what.to_owned(),
        next: "mend it".to_owned(),
    };
    let mut inspection = samples::inspection();
    inspection.problems = vec![
        problem(About::Source, "SOURCE is dirty"),
        problem(About::Install, "INSTALL is full"),
        problem(About::Downgrade, "THIS would be a downgrade"),
    ];
    let mut model = samples::fresh(MONO, 80, 40);
    samples::feed(&mut model, Msg::Inspected(Box::new(inspection.clone())));
    let screen = shown(&model);
    let row = |what: &str| screen.lines().position(|l| l.contains(what)).unwrap_or_else(|| panic!("{what}:\n{screen}"));
    assert_eq!(row("SOURCE is dirty"), row("▸ source") + 1);
    assert_eq!(row("INSTALL is full"), row("  install") + 1);
    assert_eq!(row("THIS would be a downgrade") + 2, row("  older release"));
    assert!(screen.contains("Some things stop the upgrade") && !screen.contains("--"), "no flags in here: {screen}");
    // Another source is another matter.
    keys(&mut model, "/x");
    let screen = shown(&model);
    assert!(!screen.contains("SOURCE is dirty") && screen.contains("One thing stops the upgrade"), "{screen}");
    // A problem of the install alone: the cursor is there, and r looks again.
    inspection.problems.remove(0);
    inspection.problems.pop();
    let mut model = samples::fresh(MONO, 40, 10);
    samples::feed(&mut model, Msg::Inspected(Box::new(inspection)));
    assert_eq!(spot(&model), Some(Spot::Install));
    assert!(matches!(keys(&mut model, "r")[..], [Effect::Inspect(_)]));
}

#[test]
fn a_folder_that_is_no_clone_is_named_once_and_forgotten_with_its_path() {
    let mut inspection = samples::inspection();
    let what = "git rev-parse: fatal: not a git repository".to_owned();
    let next = "name a clone of praxis-os: --source DIR".to_owned();
    inspection.problems = vec![Problem { about: About::Source, exit_code: Exit::Refused, what, next }];
    let mut model = samples::fresh(MONO, 80, 24);
    let look = looks(samples::feed(&mut model, Msg::Inspected(Box::new(inspection)))).pop().unwrap();
    answer(&mut model, &look, Found::Folder("Not a clone of praxis-os.".to_owned()), &[]);
    let screen = shown(&model);
    assert!(screen.contains("! Not a clone of praxis-os. Type another folder."), "{screen}");
    assert!(!screen.contains("fatal") && !screen.contains("--source"), "{screen}");
    assert!(matches!(press(&mut model, KeyCode::Enter)[..], [Effect::Look(_)]), "it is only looked at once more");
    let look = looks(keys(&mut model, "~/x")).pop().unwrap();
    answer(&mut model, &look, Found::Clone(samples::clone_facts()), &[]);
    let screen = shown(&model);
    assert!(screen.contains("✔ praxis-os 1.2.0") && !screen.contains("stops the upgrade"), "{screen}");
}

#[test]
fn the_outlook_follows_the_policy_that_is_chosen() {
    let mut model = samples::setup(MONO, 80, 24);
    assert!(shown(&model).contains("an upgrade would change 23 files; 3 of them need you"));
    while spot(&model) != Some(Spot::Option(Choice::Conflicts)) {
        press(&mut model, KeyCode::Down);
    }
    keys(&mut model, " ");
    let merged = "an upgrade would change 23 files; 3 conflicts: merge, mine first";
    assert!(shown(&model).contains(merged), "{}", shown(&model));
    press(&mut model, KeyCode::Left);
    press(&mut model, KeyCode::Left);
    let put_off = "an upgrade would change 20 files; 3 conflicts: put off";
    assert!(shown(&model).contains(put_off), "{}", shown(&model));
}

#[test]
fn an_option_is_saved_by_its_own_key_and_only_where_a_setting_holds_it() {
    let mut model = samples::setup(MONO, 80, 24);
    let mut saved = Vec::new();
    for choice in Choice::ALL.into_iter().filter(|choice| *choice != Choice::Rules) {
        while spot(&model) != Some(Spot::Option(choice)) {
            press(&mut model, KeyCode::Down);
        }
        match &keys(&mut model, ">")[..] {
            [Effect::SaveOption(key, value)] => saved.push(format!("{key} {value}")),
            _ => assert!(shown(&model).contains("it can't be saved"), "{choice:?}"),
        }
    }
    let all = ["auto_restart true", "skip_tests false", "keep_backups 3", "git_commit_after false", "dry_run false"];
    assert_eq!(saved, all);
    samples::feed(&mut model, Msg::OptionSaved(Err("the disk is full; nothing was changed".to_owned())));
    assert!(shown(&model).contains("the disk is full"));
}

#[test]
fn the_cursor_of_a_long_setup_can_always_be_seen() {
    for (width, height) in [(40, 10), (80, 24), (60, 12)] {
        let mut model = samples::setup(MONO, width, height);
        for code in [KeyCode::Down, KeyCode::Up] {
            for _ in 0..15 {
                let screen = shown(&model);
                assert!(screen.contains('▸'), "{:?} at {width}x{height}:\n{screen}", spot(&model));
                press(&mut model, code);
            }
        }
    }
}

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

//! The setup screen: the path that is typed, what is offered, the options.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::samples;
use super::support::{MONO, keys, press, shown};
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::policy::OnConflict;
use crate::engine::planning::sources::{Candidate, Fetchable, Found};
use crate::engine::refusal::{About, Problem};
use crate::tui::launch::Launch;
use crate::tui::message::{Effect, Look, Msg};
use crate::tui::model::{Model, Screen};
use crate::tui::setup::{Choice, Looked, Spot};

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
        code: Code::Files,
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
    inspection.problems =
        vec![Problem { code: Code::Files, about: About::Source, exit_code: Exit::Refused, what, next }];
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

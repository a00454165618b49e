//! Every state with every event: what follows, or that it can't happen.

use super::*;
use crate::core::session::state::Wait;

fn question() -> Question {
    Question {
        id: "pip".to_owned(),
        title: String::new(),
        lines: Vec::new(),
        choices: Vec::new(),
        unattended: crate::core::question::Way::Retry,
    }
}

/// A state by its name in the table; a `*` behind it says that something was applied.
fn state(name: &str) -> State {
    let so_far = SoFar { applied: name.ends_with('*'), reason: None };
    let end = |end: End| State::Ended { end, so_far: so_far.clone() };
    match name.trim_end_matches('*') {
        "running" => State::Running(so_far),
        "conflicts" => State::Waiting { so_far, on: Wait::Conflicts },
        "question" => State::Waiting { so_far, on: Wait::Question(question()) },
        "paused" => State::Paused { so_far, asked: None },
        "paused_asked" => State::Paused { so_far, asked: Some(question()) },
        "going_back" => State::RollingBack(so_far),
        "back_paused" => State::RollbackPaused(so_far),
        "completed" => end(End::Completed),
        "failed" => end(End::Failed),
        "rolled_back" => end(End::RolledBack),
        "aborted" => end(End::Aborted),
        other => panic!("no state is called {other}"),
    }
}

fn name(state: &State) -> String {
    let name = match state {
        State::Running(_) => "running",
        State::Waiting { on: Wait::Conflicts, .. } => "conflicts",
        State::Waiting { on: Wait::Question(_), .. } => "question",
        State::Paused { asked: None, .. } => "paused",
        State::Paused { asked: Some(_), .. } => "paused_asked",
        State::RollingBack(_) => "going_back",
        State::RollbackPaused(_) => "back_paused",
        State::Ended { end, .. } => match end {
            End::Completed => "completed",
            End::Failed => "failed",
            End::RolledBack => "rolled_back",
            End::Aborted => "aborted",
        },
    };
    format!("{name}{}", if state.so_far().applied { "*" } else { "" })
}

fn event(name: &str) -> StateEvent {
    match name {
        "phase" => StateEvent::PhaseBegan,
        "open" => StateEvent::ConflictsOpened,
        "ask" => StateEvent::Asked(question()),
        "decide" => StateEvent::Decided,
        "apply" => StateEvent::Applied,
        "pause" => StateEvent::Paused,
        "fail" => StateEvent::Failed("it broke".to_owned()),
        "complete" => StateEvent::Completed,
        "discard" => StateEvent::Discarded,
        "go_back" => StateEvent::RollbackBegan("asked for".to_owned()),
        "is_back" => StateEvent::RollbackDone,
        other => panic!("no event is called {other}"),
    }
}

/// The first line names the events, the first column the states; `-` is what can't happen.
const TABLE: &str = "
state          phase     open       ask       decide    apply     pause          fail     complete    discard  go_back      is_back
running        running   conflicts  question  -         running*  paused         failed   completed   aborted  going_back   -
running*       running*  conflicts* question* -         running*  paused*        paused*  completed*  -        going_back*  -
conflicts      running   -          -         running   -         paused         failed   -           aborted  going_back   -
conflicts*     running*  -          -         running*  -         paused*        paused*  -           -        going_back*  -
question       running   -          -         running   -         paused_asked   failed   -           aborted  going_back   -
question*      running*  -          -         running*  -         paused_asked*  paused*  -           -        going_back*  -
paused         running   -          -         -         -         paused         failed   completed   aborted  going_back   -
paused*        running*  -          -         -         -         paused*        paused*  completed*  -        going_back*  -
paused_asked   running   -          -         -         -         paused_asked   failed   -           aborted  going_back   -
paused_asked*  running*  -          -         -         -         paused_asked*  paused*  -           -        going_back*  -
going_back     -         -          -         -         -         back_paused    -        -           aborted  going_back   rolled_back
going_back*    -         -          -         -         -         back_paused*   -        -           -        going_back*  rolled_back*
back_paused    -         -          -         -         -         back_paused    -        -           aborted  going_back   -
back_paused*   -         -          -         -         -         back_paused*   -        -           -        going_back*  -
completed      -         -          -         -         -         -              -        -           -        going_back   -
completed*     -         -          -         -         -         -              -        -           -        going_back*  -
failed         -         -          -         -         -         -              -        -           -        -            -
failed*        -         -          -         -         -         -              -        -           -        -            -
rolled_back    -         -          -         -         -         -              -        -           -        -            -
rolled_back*   -         -          -         -         -         -              -        -           -        -            -
aborted        -         -          -         -         -         -              -        -           -        -            -
aborted*       -         -          -         -         -         -              -        -           -        -            -
";

#[test]
fn every_state_with_every_event() {
    let mut lines = TABLE.lines().filter(|line| !line.is_empty()).map(|line| line.split_whitespace());
    let events: Vec<&str> = lines.next().unwrap().skip(1).collect();
    assert_eq!(events.len(), 11);
    let mut states = std::collections::BTreeSet::new();
    for mut line in lines {
        let from = line.next().unwrap();
        assert_eq!(name(&state(from)), from);
        assert!(states.insert(from), "{from} stands there twice");
        let results: Vec<&str> = line.collect();
        assert_eq!(results.len(), events.len(), "{from}");
        for (with, expected) in events.iter().zip(results) {
            let next = on(&state(from), &event(with)).map_or("-".to_owned(), |next| name(&next));
            assert_eq!(next, expected, "{with} in {from}");
        }
    }
    assert_eq!(states.len(), 22, "eleven kinds, each with and without something applied");
}

#[test]
fn reasons_stay_with_what_they_are_of() {
    let reason = |state: &State| state.so_far().reason.clone().unwrap_or_default();
    let failed = on(&state("running*"), &event("fail")).unwrap();
    assert_eq!(reason(&failed), "it broke");
    let resumed = on(&failed, &event("phase")).unwrap();
    assert_eq!(reason(&resumed), "it broke", "until it stops for another one");
    assert_eq!(reason(&on(&resumed, &StateEvent::Failed("again".into())).unwrap()), "again");
    assert_eq!(reason(&on(&failed, &event("go_back")).unwrap()), "it broke", "why it goes back is why it failed");
    assert_eq!(reason(&on(&state("completed*"), &event("go_back")).unwrap()), "asked for");
    assert_eq!(reason(&on(&state("paused"), &event("discard")).unwrap()), "discarded");
}

#[test]
fn what_can_not_happen_is_named() {
    let illegal = on(&state("rolled_back*"), &event("go_back")).unwrap_err();
    let words = "a bug in this program: \"a rollback began\" can't happen to a session that is rolled back";
    assert_eq!(illegal.to_string(), words);
}

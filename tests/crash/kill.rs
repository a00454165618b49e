//! Killed at every call that changes a file: in an upgrade, in a resumed one, and in a rollback.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::crash::many::{Slot, each, shard};
use crate::crash::strace::{self, Call, Traced};
use crate::crash::world::{Case, Outcome, Small};

const SIGKILL: i32 = 9;
/// In how many parts one day's run is one.
const PARTS: usize = 18;

/// What a run makes of a project, and what is to be struck.
struct Scenario<'s> {
    small: &'s Small,
    name: &'s str,
    start: &'s Path,
    arguments: Vec<&'s str>,
}

/// Runs it traced, with the user's note on its source written before: that is the main thread's work, before there is a lock,
/// and its calls would be struck in place of those that have the same numbers in the thread that upgrades.
fn traced(small: &Small, slot: &Slot, case: &Case, arguments: &[&str], inject: &[String]) -> Traced {
    let state = small.allowing(case);
    let settle = |command: &mut Command| {
        small.settle(command).env("XDG_STATE_HOME", &state);
    };
    strace::run_with(&settle, slot, case, arguments, inject)
}

/// Kills a run at a call's number; the case, and what was struck. Nothing, where the run had fewer calls of that name because
/// fewer processes ran beside it that it looks at.
fn kill(small: &Small, slot: &Slot, start: &Path, arguments: &[&str], call: &Call) -> (Case, Option<Call>) {
    let case = small.case(start);
    let inject = format!("{}:signal=KILL:when={}", call.name, call.nth);
    let run = traced(small, slot, &case, arguments, &[inject]);
    let struck = run.struck(&call.name, call.nth).cloned();
    let as_expected = if struck.is_some() { run.signal == Some(SIGKILL) } else { run.code == Some(0) };
    assert!(as_expected, "not killed at {}, it ended with {:?}:\n{}", call.line, run.code, run.said);
    (case, struck)
}

/// What a run does undisturbed: all its calls that change something.
fn record(small: &Small, start: &Path, arguments: &[&str]) -> Vec<Call> {
    let slot = Slot::take();
    let case = small.case(start);
    let run = traced(small, &slot, &case, arguments, &[]);
    assert_eq!(run.code, Some(0), "{}", run.said);
    strace::targets(&run)
}

/// How often a call is tried to be struck.
const TRIES: usize = 5;

fn killed_everywhere(scenario: &Scenario<'_>) {
    let Scenario { small, name, start, arguments } = scenario;
    let all = record(small, start, arguments);
    let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter().for_each(|c| *by_name.entry(&c.name).or_default() += 1);
    println!("{name}: {} calls: {by_name:?}", all.len());
    let chosen = shard(all.clone(), PARTS, Call::id);
    let results = each(&chosen, Call::id, |call, slot| {
        let mut tries = 0;
        loop {
            let (case, struck) = kill(small, slot, start, arguments, call);
            let outcome = small.recover(case);
            tries += 1;
            // Another thread may have reached the number first; the next time it need not.
            let was_struck = struck.is_some_and(|struck| struck.is(call));
            if was_struck || tries == TRIES {
                return ((!was_struck).then(|| call.clone()), outcome);
            }
        }
    });
    let mut outcomes: BTreeMap<Outcome, usize> = BTreeMap::new();
    results.iter().for_each(|(_, outcome)| *outcomes.entry(*outcome).or_default() += 1);
    let missed: Vec<&Call> = results.iter().filter_map(|(missed, _)| missed.as_ref()).collect();
    println!("{name}: {} kills, {} of them in another thread; then {outcomes:?}", results.len(), missed.len());
    // Other threads load libraries, talk to git, make the folder that git works in, and print: they may reach a number
    // first. Then the state before this call was not tried; it differs from that before the next call by nothing, an empty
    // temporary file or an empty folder.
    let allowed = |c: &Call| ["openat", "write", "mkdir"].contains(&c.name.as_str());
    let other = missed.iter().find(|c| !allowed(c));
    assert!(missed.iter().filter(|c| c.name == "mkdir").count() <= 3, "folders are hardly tried: {missed:?}");
    assert!(other.is_none(), "never struck: {other:?}");
    assert!(!results.is_empty());
}

#[test]
fn killed_at_every_call_of_an_upgrade() {
    if !strace::works() {
        return;
    }
    let small = Small::new();
    killed_everywhere(&Scenario { small: &small, name: "upgrade", start: &small.pristine, arguments: small.upgrade() });
}

#[test]
fn killed_at_every_call_of_a_resumed_upgrade() {
    if !strace::works() {
        return;
    }
    let small = Small::new();
    let all = record(&small, &small.pristine, &small.upgrade());
    let begun = all.iter().find(|c| c.name.starts_with("rename") && c.paths[0].contains(".cache")).unwrap();
    let (case, _) = kill(&small, &Slot::take(), &small.pristine, &small.upgrade(), begun);
    assert_eq!(small.status(&case.project), (true, Some("running".into())));
    killed_everywhere(&Scenario {
        small: &small,
        name: "resume from the start",
        start: &case.project,
        arguments: vec!["resume"],
    });
}

#[test]
fn killed_at_every_call_of_a_resumed_upgrade_in_the_middle() {
    if !strace::works() {
        return;
    }
    let small = Small::new();
    let all = record(&small, &small.pristine, &small.upgrade());
    let exchanges: Vec<&Call> = all.iter().filter(|c| c.name == "renameat2").collect();
    let (case, _) = kill(&small, &Slot::take(), &small.pristine, &small.upgrade(), exchanges[exchanges.len() / 2]);
    assert!(!small.is_new(&case.project));
    for (name, arguments) in
        [("resume from the middle", vec!["resume"]), ("rollback from the middle", vec!["rollback", "--yes"])]
    {
        killed_everywhere(&Scenario { small: &small, name, start: &case.project, arguments });
    }
}

#[test]
fn killed_at_every_call_of_a_rollback() {
    if !strace::works() {
        return;
    }
    let small = Small::new();
    killed_everywhere(&Scenario {
        small: &small,
        name: "rollback",
        start: &small.upgraded,
        arguments: vec!["rollback", "--yes"],
    });
}

//! Every call that changes a file is refused by the system, once or from then on; and a disk that is really full.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::common::mounts::Mount;
use crate::common::text;
use crate::crash::many::{Slot, each, shard};
use crate::crash::strace::{self, Call, Traced};
use crate::crash::world::{Case, Small, copy};

/// In how many parts one day's run is one.
const PARTS: usize = 48;
const DONE: i32 = 0;
const REFUSED: i32 = 4;
const ROLLED_BACK: i32 = 5;
const INCOMPLETE: i32 = 6;
/// No exit code: another thread was struck.
const ELSEWHERE: i32 = -1;
/// No exit code: the run had fewer calls of that name, because fewer processes ran beside it that it looks at.
const NOT_REACHED: i32 = -2;

/// What the system may say to a call.
fn errors(name: &str) -> &'static [&'static str] {
    match name {
        "open" | "openat" | "openat2" | "creat" => &["ENOSPC", "EACCES", "EROFS", "EMFILE"],
        "mkdir" | "mkdirat" | "rename" | "renameat" | "renameat2" => &["ENOSPC", "EACCES", "EROFS"],
        "fsync" | "fdatasync" | "write" | "pwrite64" => &["EIO", "ENOSPC"],
        "unlink" | "unlinkat" | "rmdir" => &["EACCES", "EROFS"],
        _ => &["EROFS"],
    }
}

struct Refused {
    call: Call,
    error: &'static str,
    /// Not only this call, but all that follow.
    from_then_on: bool,
}

impl Refused {
    /// As in `POS_CALL`.
    fn id(&self) -> String {
        format!("{}:{}{}", self.call.id(), self.error, if self.from_then_on { "+" } else { "" })
    }

    fn inject(&self) -> String {
        let more = if self.from_then_on { "+" } else { "" };
        format!("{}:error={}:when={}{more}", self.call.name, self.error, self.call.nth)
    }
}

/// What a run does undisturbed, times what can go wrong with it.
fn all_of(small: &Small, start: &Path, arguments: &[&str]) -> Vec<Refused> {
    let slot = Slot::take();
    let run = strace::run(small, &slot, &small.case(start), arguments, &[]);
    assert_eq!(run.code, Some(DONE), "{}", run.said);
    let mut all = Vec::new();
    for call in strace::targets(&run) {
        let kinds = errors(&call.name);
        all.extend(kinds.iter().map(|error| Refused { call: call.clone(), error, from_then_on: false }));
        // Not writes: those that wake up threads never fail, and would end it.
        if call.name != "write" {
            all.push(Refused { error: kinds[0], from_then_on: true, call });
        }
    }
    all
}

/// What the last JSON line says; none if it could not be written.
fn last_words(said: &str) -> Option<(String, String)> {
    let line: Value = said.lines().rev().find_map(|l| serde_json::from_str(l).ok())?;
    (line["event"] == "finished").then(|| {
        let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        (word("message"), word("next"))
    })
}

/// Asserts that a run ended cleanly and said how the install stands, and that this is how it stands.
fn judge(small: &Small, start: &Path, case: Case, run: &Traced, refused: &Refused) -> i32 {
    let Some(struck) = run.struck(&refused.call.name, refused.call.nth) else {
        assert_eq!(run.code, Some(DONE), "nothing was refused: {}", run.said);
        small.go_back(&case);
        return NOT_REACHED;
    };
    let why = format!("{}\n{}\n{}", refused.inject(), struck.line, run.said);
    if struck.paths.is_empty() || run.hung {
        // Another thread got to that number first: it loads libraries, wakes up a third one, talks to git.
        // What was planned then may be planned otherwise now, so going on may be refused; going back never is.
        small.go_back(&case);
        return ELSEWHERE;
    }
    assert_eq!(run.signal, None, "{why}");
    let code = run.code.unwrap();
    assert!([DONE, REFUSED, ROLLED_BACK, INCOMPLETE].contains(&code), "exit code {code}: {why}");
    match last_words(&run.said) {
        Some(words) => clear(code, &words, &why),
        // They too may have been the call of that number in their thread.
        None => assert!(refused.call.name == "write", "no last words: {why}"),
    }
    if struck.name == "fsync" {
        trusted_never_again(run, struck, &why);
    }
    match code {
        REFUSED if *start == *small.upgraded => small.assert_new_but_for_the_lock(&case.project, &why),
        REFUSED | ROLLED_BACK => small.assert_old_but_for_the_lock(&case.project, &why),
        DONE if run.said.contains("\"result\":\"completed\"") => {
            // Where the index can't be marked, the flag stays that makes the server build a new one, and that is said.
            let flag = case.project.join(".praxis-os/standards/.rebuild_index");
            if flag.exists() && run.said.contains("a search may find pages that are gone") {
                std::fs::remove_file(flag).unwrap();
            }
            small.assert_new_but_for_the_lock(&case.project, &why);
        }
        _ => {}
    }
    if case.project.join(".praxis-os/.upgrade-lock").exists() && code == REFUSED {
        // The note of a lock that is free again goes with the next upgrade.
        small.upgrade_anew(&case.project, &why);
    } else if refused.from_then_on && refused.call.name.starts_with("open") {
        // The plan may have been made without the texts that could not be read: then it is not gone on with.
        small.go_back(&case);
    } else {
        small.recover(case);
    }
    code
}

/// Asserts that the last words say how the install stands, which path it was about, and what to do.
fn clear(code: i32, (message, next): &(String, String), why: &str) {
    let told = match code {
        DONE => true,
        REFUSED => message.contains("nothing") && message.contains("changed"),
        ROLLED_BACK => message.contains("is back as it was"),
        _ => ["not complete", "not rolled back", "new release is in place"].iter().any(|w| message.contains(w)),
    };
    assert!(told, "exit code {code}: {message}\n{why}");
    assert!(code == DONE || message.contains('/'), "no path is named: {message}\n{why}");
    assert!([DONE, ROLLED_BACK].contains(&code) || !next.is_empty(), "no next step: {message}\n{why}");
}

/// After a failed fsync of a file nobody knows what the disk holds: it must not be synced again, nor put in place.
fn trusted_never_again(run: &Traced, struck: &Call, why: &str) {
    let Some(path) = struck.line.split(['<', '>']).nth(1) else { return };
    let at = run.calls.iter().position(|c| c == struck).unwrap();
    let (before, after) = run.calls.split_at(at);
    let made = |c: &&Call| c.line.contains("O_CREAT") && c.line.contains(&format!("{path}\""));
    // A folder is synced whenever something in it was made.
    let Some(made) = before.iter().rfind(made) else { return };
    let again =
        after[1..].iter().take_while(|c| !(c.line.contains("O_CREAT") && c.line.contains(&format!("{path}\""))));
    for call in again {
        let synced = call.name == "fsync" && call.line.contains(&format!("<{path}>"));
        let placed = call.name.starts_with("rename") && call.line.split('"').nth(1) == Some(path);
        assert!(
            !synced && !placed,
            "trusted again, though its sync failed: {}\nmade by {}\n{why}",
            call.line,
            made.line
        );
    }
}

fn refused_everywhere(small: &Small, name: &str, start: &Path, arguments: &[&str]) {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let all = all_of(small, start, &arguments);
    println!("{name}: {} errors to inject", all.len());
    let chosen = shard(all, PARTS, Refused::id);
    let codes = each(&chosen, Refused::id, |refused, slot| {
        let attempt = || {
            let case = small.case(start);
            let run = strace::run(small, slot, &case, &arguments, &[refused.inject()]);
            judge(small, start, case, &run, refused)
        };
        (0..3).map(|_| attempt()).find(|code| *code != NOT_REACHED).unwrap_or(NOT_REACHED)
    });
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    codes.iter().for_each(|code| *counts.entry(*code).or_default() += 1);
    println!("{name}: {} errors; exit codes {counts:?}", codes.len());
    let missed = counts.get(&NOT_REACHED).copied().unwrap_or_default();
    assert!(codes.len() > missed * 8, "{missed} of {} errors were never injected", codes.len());
}

#[test]
fn every_call_of_an_upgrade_fails() {
    if strace::works() {
        let small = Small::new();
        refused_everywhere(&small, "upgrade", &small.pristine, &small.upgrade());
    }
}

#[test]
fn every_call_of_a_rollback_fails() {
    if strace::works() {
        let small = Small::new();
        refused_everywhere(&small, "rollback", &small.upgraded, &["rollback", "--yes"]);
    }
}

/// The smallest disk holds little more than the install, the largest one all of an upgrade.
#[test]
fn the_disk_runs_full_at_many_places() {
    const PAGE: usize = 4096;
    let small = Small::new();
    let mut codes: BTreeMap<i32, usize> = BTreeMap::new();
    let mut pages = 26;
    loop {
        let dir = small.path().join(format!("full-{pages}"));
        let Some(mount) = Mount::tmpfs(&dir, pages * PAGE) else { return };
        let project = dir.join("project");
        copy(&small.pristine, &project);
        let (code, said) = text(&small.run(&project, &small.upgrade()));
        let why = format!("a disk of {pages} pages:\n{said}");
        *codes.entry(code).or_default() += 1;
        match code {
            DONE => small.assert_new(&project, &why),
            REFUSED | ROLLED_BACK => small.assert_old_but_for_the_lock(&project, &why),
            INCOMPLETE => assert!(said.contains("next:"), "{why}"),
            _ => panic!("exit code {code}: {why}"),
        }
        // Somebody made room.
        mount.resize(PAGE * 4096);
        let case = small.case(&project);
        drop(mount);
        small.recover(case);
        if code == DONE {
            break;
        }
        pages += 1;
    }
    println!("up to {pages} pages; exit codes {codes:?}");
    assert!(codes.values().sum::<usize>() > 20, "the steps are too large: {codes:?}");
}

//! Session files that anything may have happened to: what is used instead is the generation before, else what journal
//! and backup tell, else nothing; and the install is never left between two releases.

use crate::common::ext;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Sandbox, assert_same, locked, snapshot, text};
use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::core::path::RelPath;
use pos_upgrade_tui::core::session::{Session, StateEvent, Status};
use pos_upgrade_tui::host::demo::Demo;
use pos_upgrade_tui::host::files::folder::{Folder, Found};
use pos_upgrade_tui::host::files::journal::Journal;
use pos_upgrade_tui::host::session::catalog;
use pos_upgrade_tui::host::session::catalog::Used;
use pos_upgrade_tui::host::session::store;
use pos_upgrade_tui::host::session::store::Truth;

const NAMES: [&str; 2] = ["session.json", "session.1.json"];
const APPROVAL: &str = "approval.json";

/// An upgrade that was killed when everything was staged and committed, and then carried out by half: as a crash
/// between two renames leaves it.
struct Half {
    sandbox: Sandbox,
    demo: Demo,
    session: String,
    /// The install before the upgrade.
    old: BTreeMap<String, String>,
}

impl Half {
    fn new() -> Self {
        for _ in 0..20 {
            let mut sandbox = Sandbox::new();
            let demo = sandbox.content_demo();
            let old = snapshot(&demo.install);
            let mut command = sandbox.command();
            command.args(["upgrade", "--json", "--yes", "--on-conflict", "merge-keep", "--project"]);
            command.arg(&demo.project).arg("--source").arg(&demo.source);
            let seen = ext::kill_at(command, |l| l["event"] == "task_started" && l["task"] == "apply");
            let session = seen[0]["session_id"].as_str().unwrap().to_owned();
            let half = Self { sandbox, demo, session, old };
            if half.apply_half() {
                return half;
            }
        }
        panic!("it was always killed too late");
    }

    fn folder(&self) -> PathBuf {
        store::folder(&self.demo.install, &self.session)
    }

    /// Carries the journal out to a step in its middle, and is cut off there.
    fn apply_half(&self) -> bool {
        let install = &self.demo.install;
        let journal = Journal::load(install, &self.folder().join("content")).unwrap().unwrap();
        let root = Folder::open(install).unwrap();
        // Saved before the first step, as the engine does.
        let Truth::Sound(mut session) = store::read(install, &self.session) else { panic!("sound to begin with") };
        session.advance(&StateEvent::Applied).unwrap();
        let lock = locked(install);
        store::save(lock.install(), &session).unwrap();
        let missing = |path: &RelPath| root.look(path).unwrap() == Found::Absent;
        let new: Vec<_> = journal.results().filter(|(p, s)| missing(p) && !s.matches(&Found::Absent)).collect();
        let Some((path, _)) = new.get(new.len() / 2) else { return false };
        let rescue: RelPath = "rescued/none".parse().unwrap();
        let mut cut_off = |_: usize, step: &RelPath| assert!(step != *path, "cut off here, as a kill would");
        let apply = std::panic::AssertUnwindSafe(|| journal.apply(lock.install(), &rescue, &mut cut_off));
        std::panic::catch_unwind(apply).unwrap_err();
        let (done, all) = journal
            .results()
            .fold((0, 0), |(done, all), (p, s)| (done + usize::from(s.matches(&root.look(p).unwrap())), all + 1));
        assert!(done > 0 && done < all, "by half: {done} of {all}");
        true
    }

    /// A copy of the project with all its times, in its own folder.
    fn copy(&self, name: &str) -> PathBuf {
        let project = self.sandbox.path().join(name);
        let copied = Command::new("cp").arg("-a").arg(&self.demo.project).arg(&project).status().unwrap();
        assert!(copied.success());
        project
    }

    fn run(&self, command: &str, project: &Path) -> (i32, String) {
        text(&self.sandbox.run(&[command, "--yes", "--project", project.to_str().unwrap()]))
    }
}

/// Without times: what an upgrade writes has the time of its writing.
fn timeless(all: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let bare = |state: &String| match (state.find('('), state.find(')')) {
        (Some(from), Some(to)) if !state.starts_with("link") => format!("{}{}", &state[..from], &state[to + 1..]),
        _ => state.clone(),
    };
    // These name the time and the session.
    let told = ["UPDATE_LOG.txt", "VERSION.txt", "INSTALLATION_SUMMARY.md"];
    all.iter().filter(|(p, _)| !told.contains(&p.as_str())).map(|(p, s)| (p.clone(), bare(s))).collect()
}

/// Puts something else in the place of a file.
fn put(path: &Path, bytes: &[u8]) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir_all(path);
    fs::write(path, bytes).unwrap();
}

/// A generation's file with any text as its session, number and checksums in order.
fn generation(sequence: u64, session: &str) -> Vec<u8> {
    let sum = sha256(session.as_bytes());
    let seal = sha256(format!("{sequence} {sum}").as_bytes());
    format!("{{\"sequence\":{sequence},\"sha256\":\"{sum}\",\"seal\":\"{seal}\",\"session\":{session}}}").into_bytes()
}

fn session_text(bytes: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Generation {
        session: Box<serde_json::value::RawValue>,
    }
    serde_json::from_slice::<Generation>(bytes).unwrap().session.get().to_owned()
}

/// What one damaged variant may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Newest,
    Previous,
    Rebuilt,
    Refused,
}

/// Two sound generations, and what is read from whatever is put in their places.
struct Bench {
    install: PathBuf,
    id: String,
    bytes: [Vec<u8>; 2],
    truths: [Session; 2],
    count: BTreeMap<Outcome, u64>,
}

impl Bench {
    /// On a half-applied install, with a plan cut short: every byte of its files will be damaged.
    fn new(half: &Half) -> Self {
        let (install, id) = (half.demo.install.clone(), half.session.clone());
        let Truth::Sound(mut session) = store::read(&install, &id) else { panic!("sound to begin with") };
        let mut approval = session.approved().clone();
        approval.plan.files.truncate(1);
        fs::remove_file(store::folder(&install, &id).join(APPROVAL)).unwrap();
        *session = session.with_approval(approval);
        assert!(session.applied() && session.status() == Status::Running);
        let mut truths = Vec::new();
        for n in 0..2 {
            session.prompts = n;
            store::save(locked(&install).install(), &session).unwrap();
            truths.push((*session).clone());
        }
        let read = |name: &&str| fs::read(store::folder(&install, &id).join(name)).unwrap();
        let mut both = NAMES.each_ref().map(read);
        let sequence = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap()["sequence"].as_u64();
        if sequence(&both[0]) < sequence(&both[1]) {
            both.swap(0, 1);
        }
        let Ok([older, newest]) = <[Session; 2]>::try_from(truths) else { panic!("two were saved") };
        let truths = [newest, older];
        // The newest first, whichever of the two files it was.
        Self { install, id, bytes: both, truths, count: BTreeMap::new() }
    }

    fn path(&self, slot: usize) -> PathBuf {
        store::folder(&self.install, &self.id).join(NAMES[slot])
    }

    /// Puts the two in place and sees what is made of them.
    fn outcome(&mut self, newest: Option<&[u8]>, older: Option<&[u8]>) -> Outcome {
        for (slot, bytes) in [newest, older].into_iter().enumerate() {
            match bytes {
                Some(bytes) => put(&self.path(slot), bytes),
                None => drop(fs::remove_file(self.path(slot))),
            }
        }
        self.seen()
    }

    fn seen(&mut self) -> Outcome {
        let found = catalog::survey(&self.install);
        let outcome = match (found.unfinished(), found.lost(), found.damage(&self.id)) {
            (None, Some(_), Some(_)) => Outcome::Refused,
            (Some(session), None, damage) if *session == self.truths[0] => {
                assert!(damage.is_none_or(|d| d.used == Used::Previous));
                Outcome::Newest
            }
            (Some(session), None, Some(damage)) if *session == self.truths[1] => {
                assert_eq!(damage.used, Used::Previous);
                Outcome::Previous
            }
            (Some(session), None, Some(damage)) => {
                assert_eq!(damage.used, Used::Rebuilt);
                assert!(
                    session.rebuilt() && session.rolling_back() && session.applied(),
                    "only for going back: {session:?}"
                );
                assert!(session.backup.is_some(), "there is something to go back to");
                Outcome::Rebuilt
            }
            other => panic!("not an outcome: {other:?}"),
        };
        *self.count.entry(outcome).or_default() += 1;
        outcome
    }
}

/// Every truncation and bit flips in every byte, of each generation and of both.
#[test]
fn every_byte_of_a_session_may_be_damaged() {
    let half = Half::new();
    let mut bench = Bench::new(&half);
    let [new, old] = bench.bytes.clone();
    assert_eq!(bench.outcome(Some(&new), Some(&old)), Outcome::Newest);
    for end in 0..new.len() {
        assert_eq!(bench.outcome(Some(&new[..end]), Some(&old)), Outcome::Previous, "cut at {end}");
    }
    for end in 0..old.len() {
        assert_eq!(bench.outcome(Some(&new), Some(&old[..end])), Outcome::Newest, "cut at {end}");
    }
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        // Another bit for each byte, the high one among them.
        bytes[at] ^= 1 << (at % 8);
        bytes
    };
    for at in 0..new.len() {
        assert_eq!(bench.outcome(Some(&flipped(&new, at)), Some(&old)), Outcome::Previous, "flipped at {at}");
    }
    for at in 0..old.len() {
        assert_eq!(bench.outcome(Some(&new), Some(&flipped(&old, at))), Outcome::Newest, "flipped at {at}");
    }
    for at in (0..new.len().min(old.len())).step_by(2) {
        assert_eq!(bench.outcome(Some(&flipped(&new, at)), Some(&flipped(&old, at))), Outcome::Rebuilt, "both at {at}");
        assert_eq!(bench.outcome(Some(&new[..at]), Some(&old[..at])), Outcome::Rebuilt, "both cut at {at}");
    }
    let all: u64 = bench.count.values().sum();
    println!("{all} damaged variants of {} and {} bytes: {:?}", new.len(), old.len(), bench.count);
    assert!(all >= 10_000, "{all}");
    // Reading has moved nothing.
    let left = fs::read_dir(half.folder()).unwrap().flatten();
    assert!(!left.into_iter().any(|e| e.file_name().to_string_lossy().contains("damaged")));
}

/// What looks like a session and is none, or another one.
#[test]
fn what_is_no_session_is_not_followed() {
    let half = Half::new();
    let mut bench = Bench::new(&half);
    let [new, old] = bench.bytes.clone();
    // Exchanged: the number says which is newer, not the name.
    assert_eq!(bench.outcome(Some(&old), Some(&new)), Outcome::Newest);
    assert_eq!(bench.outcome(Some(&new), Some(&new)), Outcome::Newest, "the same twice");
    let (newest, older) = (session_text(&new), session_text(&old));
    assert_eq!(bench.outcome(Some(&generation(7, &newest)), Some(&generation(7, &older))), Outcome::Rebuilt);
    assert_eq!(bench.outcome(None, Some(&old)), Outcome::Previous, "the newest is gone");
    assert_eq!(bench.outcome(Some(&new), None), Outcome::Newest, "the other is gone");
    assert_eq!(bench.outcome(None, None), Outcome::Rebuilt, "both are gone");
    for foreign in ["", "null", "[]", "{}", "\"x\"", "{\"sequence\":1}", "{\"a\":[[[[]]]]}", "\u{feff}{}", "[[[[[["] {
        assert_eq!(bench.outcome(Some(foreign.as_bytes()), Some(&old)), Outcome::Previous, "{foreign}");
        assert_eq!(bench.outcome(Some(foreign.as_bytes()), Some(foreign.as_bytes())), Outcome::Rebuilt, "{foreign}");
        assert_eq!(bench.outcome(Some(&generation(99, "{\"schema\":1}")), Some(&old)), Outcome::Previous);
    }
    let deep = "[".repeat(100_000);
    assert_eq!(bench.outcome(Some(deep.as_bytes()), Some(&old)), Outcome::Previous);
    // Of a later version: neither followed nor taken for damage.
    let later = generation(99, &newest.replacen("\"schema\":2", "\"schema\":3", 1));
    assert_eq!(bench.outcome(Some(&later), Some(&old)), Outcome::Refused);
    // Other things than files.
    for slot in 0..2 {
        let other = if slot == 0 { Outcome::Previous } else { Outcome::Newest };
        let place = |bench: &Bench| {
            for at in 0..2 {
                put(&bench.path(at), [&new, &old][at]);
            }
            fs::remove_file(bench.path(slot)).unwrap();
            bench.path(slot)
        };
        fs::create_dir(place(&bench)).unwrap();
        assert_eq!(bench.seen(), other, "a folder");
        fs::remove_dir(bench.path(slot)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", place(&bench)).unwrap();
        assert_eq!(bench.seen(), other, "a link");
        let pipe = place(&bench);
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(bench.seen(), other, "a pipe");
        fs::remove_file(pipe).unwrap();
    }
    println!("{:?}", bench.count);
}

/// Names in a session are joined to paths: one that leads elsewhere makes it a session that is not followed.
#[test]
fn names_that_lead_out_are_refused() {
    let half = Half::new();
    let mut bench = Bench::new(&half);
    let [new, old] = bench.bytes.clone();
    let session: serde_json::Value = serde_json::from_str(&session_text(&new)).unwrap();
    let bad_names = ["..", "/etc", "../../x", "a/b", "", ".", "2026-11-22-103045/../../x", "2026-11-22"];
    let mut bad: Vec<(&str, serde_json::Value)> = Vec::new();
    for name in bad_names {
        bad.extend(["backup", "stamp", "venv_generation", "session_id"].map(|key| (key, name.into())));
        bad.push(("documents", serde_json::json!({name: "0"})));
        bad.push(("answers", serde_json::json!({name: "keep"})).to_owned());
    }
    bad.retain(|(key, value)| *key != "answers" || !["a/b", "2026-11-22"].iter().any(|ok| value.get(*ok).is_some()));
    bad.push(("documents", serde_json::json!({".upgrade/lock": "0"})));
    bad.push(("documents", serde_json::json!({"config.json": "0"})));
    bad.push(("gitignore_added", serde_json::json!(["a\nb"])));
    bad.push(("created_at", "ééééééééééé".into()));
    bad.push(("approval", "../../x".into()));
    bad.push(("session_id", uuid::Uuid::now_v7().to_string().into()));
    for (key, value) in &bad {
        let mut changed = session.clone();
        changed[*key] = value.clone();
        let bytes = generation(99, &changed.to_string());
        assert_eq!(bench.outcome(Some(&bytes), Some(&old)), Outcome::Previous, "{key}: {value}");
        assert_eq!(bench.outcome(Some(&bytes), Some(&bytes)), Outcome::Rebuilt, "{key}: {value}");
    }
    // In what was approved too, all checksums in order.
    let path = store::folder(&bench.install, &bench.id).join(APPROVAL);
    let sealed: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (pointer, value) in [("/plan/files/0/path", "../../x"), ("/plan/source/commit", "--upload-pack=x")] {
        let mut approval = sealed["approval"].clone();
        *approval.pointer_mut(pointer).unwrap() = value.into();
        let sum = sha256(approval.to_string().as_bytes());
        put(&path, format!("{{\"sha256\":\"{sum}\",\"approval\":{approval}}}").as_bytes());
        let mut changed = session.clone();
        changed["approval"] = sum.into();
        let bytes = generation(99, &changed.to_string());
        assert_eq!(bench.outcome(Some(&bytes), Some(&old)), Outcome::Rebuilt, "{pointer}: {value}");
    }
    println!("{} names refused", bad.len() + 2);
}

/// Truncations and flipped bits of what was approved: then the session goes back, and not on.
#[test]
fn what_was_approved_may_be_damaged() {
    let half = Half::new();
    let mut bench = Bench::new(&half);
    let [new, old] = bench.bytes.clone();
    let path = store::folder(&bench.install, &bench.id).join(APPROVAL);
    let good = fs::read(&path).unwrap();
    assert_eq!(bench.outcome(Some(&new), Some(&old)), Outcome::Newest);
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        for bad in [&good[..at], &flipped[..]] {
            put(&path, bad);
            assert_eq!(bench.seen(), Outcome::Rebuilt, "at {at}");
        }
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(bench.seen(), Outcome::Rebuilt, "gone");
    assert_eq!(bench.outcome(Some(&new), None), Outcome::Rebuilt, "gone with a generation");
    fs::create_dir(&path).unwrap();
    assert_eq!(bench.outcome(Some(&new), Some(&old)), Outcome::Rebuilt, "a folder");
    fs::remove_dir(&path).unwrap();
    put(&path, &good);
    assert_eq!(bench.seen(), Outcome::Newest, "it is back");
    println!("{:?}", bench.count);
}

/// A journal is damaged in every byte: its steps are those that were committed, or none.
#[test]
fn a_damaged_journal_is_known_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("content");
    let path: RelPath = "standards/universal/x.md".parse().unwrap();
    let wanted = pos_upgrade_tui::host::files::journal::Wanted {
        path: path.clone(),
        old: pos_upgrade_tui::host::files::journal::State::Absent,
        new: Some(pos_upgrade_tui::host::files::journal::NewFile { bytes: b"x".to_vec(), mode: 0o644, mtime: None }),
    };
    Journal::commit(locked(dir.path()).install(), &folder, vec![wanted]).unwrap();
    let good = fs::read(folder.join("journal.json")).unwrap();
    let steps = |journal: Journal| journal.results().map(|(p, s)| (p.clone(), s.clone())).collect::<Vec<_>>();
    let truth = steps(Journal::load(dir.path(), &folder).unwrap().unwrap());
    let mut count = 0;
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        for bad in [&good[..at], &flipped[..]] {
            fs::write(folder.join("journal.json"), bad).unwrap();
            fs::write(folder.join("journal.copy.json"), &good).unwrap();
            assert_eq!(steps(Journal::load(dir.path(), &folder).unwrap().unwrap()), truth, "at {at}");
            fs::write(folder.join("journal.copy.json"), bad).unwrap();
            assert!(Journal::load(dir.path(), &folder).is_err() && Journal::traces(&folder).is_none(), "at {at}");
            count += 2;
        }
    }
    println!("{count} damaged journals");
}

type Damage = (&'static str, fn(&Path));

/// What happens to the files of a session's folder, in turn.
const DAMAGES: [Damage; 16] = [
    ("nothing", |_| {}),
    ("the first generation torn", |f| tear(&f.join(NAMES[0]))),
    ("the second generation torn", |f| tear(&f.join(NAMES[1]))),
    ("the first generation a folder", |f| {
        fs::remove_file(f.join(NAMES[0])).unwrap();
        fs::create_dir(f.join(NAMES[0])).unwrap();
    }),
    ("the second generation empty", |f| fs::write(f.join(NAMES[1]), "").unwrap()),
    ("both generations torn", |f| NAMES.iter().for_each(|n| tear(&f.join(n)))),
    ("both generations gone", |f| NAMES.iter().for_each(|n| fs::remove_file(f.join(n)).unwrap())),
    ("what was approved torn", |f| tear(&f.join(APPROVAL))),
    ("what was approved gone", |f| fs::remove_file(f.join(APPROVAL)).unwrap()),
    ("generations exchanged", |f| {
        fs::rename(f.join(NAMES[0]), f.join("x")).unwrap();
        fs::rename(f.join(NAMES[1]), f.join(NAMES[0])).unwrap();
        fs::rename(f.join("x"), f.join(NAMES[1])).unwrap();
    }),
    ("the content's journal torn", |f| tear(&f.join("content/journal.json"))),
    ("the content's journal gone", |f| fs::remove_file(f.join("content/journal.json")).unwrap()),
    ("both copies of the content's journal torn", |f| {
        tear(&f.join("content/journal.json"));
        tear(&f.join("content/journal.copy.json"));
    }),
    ("both generations and the journal torn", |f| {
        NAMES.iter().for_each(|n| tear(&f.join(n)));
        tear(&f.join("content/journal.json"));
    }),
    ("both generations and both copies of both journals torn", |f| {
        NAMES.iter().for_each(|n| tear(&f.join(n)));
        for journal in ["content", "server"] {
            tear(&f.join(journal).join("journal.json"));
            tear(&f.join(journal).join("journal.copy.json"));
        }
    }),
    ("everything but the staged files gone", |f| {
        NAMES.iter().for_each(|n| fs::remove_file(f.join(n)).unwrap());
        for journal in ["content", "server"] {
            fs::remove_file(f.join(journal).join("journal.json")).unwrap();
        }
    }),
];

fn tear(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() * 2 / 3]).unwrap();
}

#[test]
fn the_install_is_old_or_new_whatever_was_damaged() {
    let half = Half::new();
    let new = {
        let project = half.copy("reference");
        let (code, said) = half.run("resume", &project);
        assert_eq!(code, 0, "{said}");
        timeless(&snapshot(&project.join(".praxis-os")))
    };
    assert_ne!(new, timeless(&half.old));
    let mut runs = 0;
    for (number, (name, damage)) in DAMAGES.iter().enumerate() {
        for command in ["resume", "rollback"] {
            let project = half.copy(&format!("{command}-{number}"));
            let install = project.join(".praxis-os");
            let folder = store::folder(&install, &half.session);
            damage(&folder);
            let torn: Vec<Vec<u8>> = NAMES.iter().filter_map(|n| fs::read(folder.join(n)).ok()).collect();
            let before = ext::State::of(&project);
            let (code, said) = half.run("status", &project);
            assert_eq!(code, 10, "{name}: {said}");
            before.assert_still(&project);
            let (mut code, mut said) = half.run(command, &project);
            runs += 2;
            if command == "resume" && code == 4 {
                // Refused, and nothing was touched: then the way back is open.
                assert!(said.contains("rollback") && said.contains("nothing was changed"), "{name}: {said}");
                before.assert_still(&project);
                (code, said) = half.run("rollback", &project);
                runs += 1;
            }
            let now = snapshot(&install);
            match (command, code) {
                ("resume", 0) if timeless(&now) == new => {}
                (_, 0 | 5) => assert_same(&half.old, &now),
                _ => panic!("{name}, {command}: {code}\n{said}"),
            }
            // What was damaged is still there to be looked at.
            let kept: Vec<Vec<u8>> =
                fs::read_dir(&folder).unwrap().flatten().filter_map(|e| fs::read(e.path()).ok()).collect();
            for bytes in torn.iter().filter(|b| serde_json::from_slice::<serde_json::Value>(b).is_err()) {
                assert!(kept.contains(bytes), "{name}: a damaged file was thrown away");
            }
            assert_eq!(half.run("status", &project).0, 0, "{name}: nothing is unfinished any more");
            runs += 1;
            fs::remove_dir_all(project).unwrap();
        }
    }
    println!("{} damages, {runs} runs of the binary", DAMAGES.len());
}

/// Damage in sessions that are over is told, is in nobody's way, and is cleared away by the next upgrade.
#[test]
fn the_next_upgrade_clears_what_is_over() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let run =
        |arguments: &[&str]| text(&sandbox.run(&[arguments, &["--project", demo.project.to_str().unwrap()]].concat()));
    let upgrade = |commit: &str| {
        let source = demo.source.to_str().unwrap();
        run(&["upgrade", "--yes", "--on-conflict", "keep", "--source", source, "--to", commit])
    };
    assert_eq!(upgrade(&demo.commits[1]).0, 0);
    let id = store::ids(&demo.install).unwrap().remove(0);
    let folder = store::folder(&demo.install, &id);
    // The end of the upgrade stands in its log: it is not taken for unfinished.
    NAMES.iter().for_each(|n| tear(&folder.join(n)));
    // Its folder says so too. Either is enough: earlier builds left the log alone.
    for one in [demo.install.join("UPDATE_LOG.txt"), folder.join("ended.json")] {
        let aside = demo.project.join("aside");
        fs::rename(&one, &aside).unwrap();
        let (code, said) = run(&["status"]);
        assert!(code == 0 && said.contains("damaged") && said.contains("completed"), "without {one:?}: {said}");
        fs::rename(&aside, &one).unwrap();
    }
    let before = ext::State::of(&demo.project);
    let (code, said) = run(&["status"]);
    assert!(code == 0 && said.contains("damaged") && said.contains("completed"), "{said}");
    let (code, said) = run(&["plan", "--source", demo.source.to_str().unwrap(), "--json"]);
    assert_eq!(code, 0, "{said}");
    before.assert_still(&demo.project);
    let (code, said) = upgrade(&demo.commits[2]);
    assert!(code == 0 && said.contains("moved aside"), "{said}");
    let (code, said) = run(&["status"]);
    assert!(code == 0 && !said.contains("damaged"), "{said}");
    let moved = fs::read_dir(&folder).unwrap().flatten();
    assert_eq!(moved.filter(|e| e.file_name().to_string_lossy().contains(".damaged-")).count(), 2);
    // Both can be rolled back, one after the other, the rebuilt one too.
    assert_eq!(run(&["rollback", "--yes"]).0, 0);
    let (code, said) = run(&["rollback", &id, "--yes"]);
    assert_eq!(code, 0, "{said}");
    assert!(!demo.install.join(".upgrade-baseline.json").exists());
}

/// The state file is only ever written: whatever the server made of it, the next save writes it again.
#[test]
fn the_state_file_is_written_again() {
    let half = Half::new();
    let state = half.demo.install.join(".cache/state").join(format!("{}.json", half.session));
    for broken in ["", "{\"session_id\": \"other\", \"status\": \"completed\"}", "folder"] {
        if broken == "folder" {
            fs::remove_file(&state).unwrap();
            fs::create_dir(&state).unwrap();
        } else {
            fs::write(&state, broken).unwrap();
        }
        assert_eq!(half.run("status", &half.demo.project).0, 10, "it is not read");
        let Truth::Sound(session) = store::read(&half.demo.install, &half.session) else { panic!("sound") };
        store::save(locked(&half.demo.install).install(), &session).unwrap();
        let shown: serde_json::Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
        assert_eq!(shown, session.state_file());
    }
    assert_eq!(half.run("resume", &half.demo.project).0, 0);
}

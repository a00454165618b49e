use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::lines::{self, Made};
use super::*;
use crate::core::blob::{BlobId, ObjectFormat, sha256};
use crate::core::merge::{Choice, Merge, RegionKind};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};
use crate::core::session::{Decision, Session, example};

/// Numbers that look random and are the same each time (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    /// Some lines: few different ones, so that many are the same.
    fn lines(&mut self, most: usize) -> Vec<String> {
        let words = ["", "}", "a", "- item", "# head", "text"];
        (0..self.below(most + 1)).map(|_| words[self.below(words.len())].to_owned()).collect()
    }

    /// The lines with some taken out, put in, changed or doubled.
    fn edited(&mut self, lines: &[String], who: &str) -> Vec<String> {
        let mut lines = lines.to_vec();
        for n in 0..=self.below(4) {
            let at = self.below(lines.len() + 1);
            match self.below(5) {
                0 if at < lines.len() => drop(lines.remove(at)),
                1 if at < lines.len() => lines[at] = format!("{who} {n}"),
                2 if at < lines.len() => lines.insert(at, lines[at].clone()),
                3 => lines.splice(at..at, self.lines(3)).for_each(drop),
                _ => lines.insert(at, format!("{who} {n}")),
            }
        }
        lines
    }
}

fn text(lines: &[String], ends: &str, last: bool) -> Arc<[u8]> {
    let mut text = lines.join(ends);
    if last && !lines.is_empty() {
        text.push_str(ends);
    }
    text.into_bytes().into()
}

#[test]
fn no_line_is_missed_that_is_there_and_each_that_is_taken_out_is() {
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let (mut clean, mut conflicts, mut taken_out, mut both) = (0, 0, 0, 0);
    for _ in 0..2_000 {
        let base = dice.lines(24);
        let (mut mine, mut theirs) = (dice.edited(&base, "mine"), dice.edited(&base, "theirs"));
        if dice.below(4) == 0 {
            // The same change on both sides, at the end.
            mine.push("agreed".to_owned());
            theirs.push("agreed".to_owned());
        }
        let ends = ["\n", "\n", "\r\n"][dice.below(3)];
        let [b, t] = [&base, &theirs].map(|lines| text(lines, "\n", true));
        let m = text(&mine, ends, dice.below(4) > 0);
        let with_base = dice.below(8) > 0;
        let merge = match with_base {
            true => Merge::three_way(b.clone(), m.clone(), t).unwrap(),
            false => Merge::two_way(m.clone(), t).unwrap(),
        };
        let choose = |dice: &mut Dice| match dice.below(5) {
            0 => Choice::Mine,
            1 => Choice::Theirs,
            2 => Choice::Both,
            3 => Choice::Base,
            _ => Choice::Edited(b"a text of my own\n}\n".to_vec()),
        };
        let choices: Vec<Choice> = (0..merge.conflicts()).map(|_| choose(&mut dice)).collect();
        let given: Vec<Option<Choice>> = choices.iter().cloned().map(Some).collect();
        let result = merge.result(&given).unwrap();
        let made =
            Made { merge: &merge, choices: &given, by_key: false, base: with_base.then_some(&b[..]), renamed: None };
        let found = made.find(&result);
        assert_eq!(found.missing, Vec::<String>::new(), "{mine:?} {theirs:?} {base:?} {choices:?}");
        assert_eq!(found.yours, found.found + found.given_up);
        if choices.is_empty() {
            clean += 1;
            assert_eq!(found.given_up, 0);
        }
        conflicts += choices.len();
        both += merge.regions().iter().filter(|r| r.kind == RegionKind::Both).count();
        // Each line that is only mine stands there once for each time that I wrote it.
        let stands: Vec<&[u8]> = result.split_inclusive(|b| *b == b'\n').collect();
        let bare = |line: &[u8]| String::from_utf8_lossy(line).trim_end_matches(['\r', '\n']).to_owned();
        for (at, line) in stands.iter().enumerate().filter(|(_, line)| bare(line).starts_with("mine ")) {
            let without: Vec<u8> = [&stands[..at], &stands[at + 1..]].concat().concat();
            let found = made.find(&without);
            let gone = bare(line);
            assert!(found.missing.contains(&gone), "{gone} is not missed: {mine:?} {theirs:?} {base:?} {choices:?}");
            assert_eq!(found.missing.len(), 1);
            taken_out += 1;
        }
        // A line of mine of which others look the same, too: one less is told, whoever's it is.
        if let Some(line) =
            mine.iter().find(|line| with_base && choices.is_empty() && count(&mine, line) > count(&base, line))
        {
            let at = stands.iter().position(|other| bare(other) == *line).unwrap();
            let without: Vec<u8> = [&stands[..at], &stands[at + 1..]].concat().concat();
            assert_eq!(made.find(&without).missing, std::slice::from_ref(line), "{mine:?} {theirs:?} {base:?}");
            taken_out += 1;
        }
    }
    println!("{clean} clean, {conflicts} answered regions, {both} regions of both, {taken_out} lines taken out");
    assert!(clean > 300 && conflicts > 500 && both > 100 && taken_out > 1_000, "the dice are loaded");
}

fn count(lines: &[String], line: &String) -> usize {
    lines.iter().filter(|other| *other == line).count()
}

#[test]
fn a_text_that_grew_has_all_its_lines() {
    assert!(lines::absent(b"a\r\nb", b"b\na\nc\n").missing.is_empty());
    assert_eq!(lines::absent(b"a\na\n", b"a\n").missing, ["a"]);
    assert_eq!(lines::absent(b"\xff\n", b"").missing, ["\\xff"]);
}

fn rel(path: &str) -> RelPath {
    path.parse().unwrap()
}

fn id(text: &str) -> Option<BlobId> {
    Some(BlobId::of(text.as_bytes(), ObjectFormat::Sha1))
}

/// An install before and after, made by hand.
#[derive(Default)]
struct World {
    before: BTreeMap<RelPath, String>,
    now: BTreeMap<RelPath, String>,
    wrote: BTreeMap<RelPath, Option<String>>,
    rescued: BTreeMap<String, RelPath>,
    blobs: Vec<String>,
    files: Vec<FileEntry>,
    answers: BTreeMap<RelPath, Decision>,
    gone: Vec<RelPath>,
    ended: bool,
    renamed: bool,
}

impl Texts for World {
    fn before(&self, path: &RelPath) -> Option<Arc<[u8]>> {
        self.before.get(path).map(|text| text.as_bytes().into())
    }

    fn now(&self, path: &RelPath) -> Option<Arc<[u8]>> {
        self.now.get(path).map(|text| text.as_bytes().into())
    }

    fn blob(&self, id: &BlobId) -> Option<Arc<[u8]>> {
        let found = self.blobs.iter().find(|text| BlobId::of(text.as_bytes(), id.format()) == *id);
        found.map(|text| text.as_bytes().into())
    }
}

fn things(texts: &BTreeMap<RelPath, String>) -> Things {
    let thing = |text: &String| match text.strip_prefix("-> ") {
        Some(target) => Thing::Link(Some(target.as_bytes().to_vec())),
        None => Thing::File { sha256: sha256(text.as_bytes()), mode: if text.contains("#!") { 0o755 } else { 0o644 } },
    };
    texts.iter().map(|(path, text)| (path.clone(), thing(text))).collect()
}

impl World {
    /// A file that is not in the plan, or what stands there now.
    fn own(mut self, path: &str, before: Option<&str>, now: Option<&str>) -> Self {
        self.before.extend(before.map(|text| (rel(path), text.to_owned())));
        self.now.extend(now.map(|text| (rel(path), text.to_owned())));
        self
    }

    /// A file of the plan: its three texts.
    fn entry(mut self, path: &str, from: Option<&str>, kind: Kind, [base, mine, theirs]: [&str; 3]) -> Self {
        let some = |text: &str| if text == "none" { None } else { id(text) };
        let entry = json!({"path": path, "kind": kind, "from": from, "source_path": path, "base": some(base),
            "mine": some(mine), "theirs": some(theirs), "conflict_hunks": 0, "reason": ""});
        self.files.push(serde_json::from_value(entry).unwrap());
        self.blobs.extend([base, theirs].map(str::to_owned));
        self.before.insert(rel(from.unwrap_or(path)), mine.to_owned());
        self
    }

    /// What the upgrade wrote, and what stands there.
    fn wrote(mut self, path: &str, text: Option<&str>) -> Self {
        self.wrote.insert(rel(path), text.map(|text| sha256(text.as_bytes())));
        self.now.extend(text.map(|text| (rel(path), text.to_owned())));
        self
    }

    fn answer(mut self, path: &str, answer: Decision) -> Self {
        self.answers.insert(rel(path), answer);
        self
    }

    fn session(&self) -> Session {
        let mut session = example().approving(|a| a.plan.files = self.files.clone());
        session.decisions = self.answers.clone().into();
        session.gone.insert(2, self.gone.clone());
        session
    }

    fn account(&self) -> Account {
        let session = self.session();
        after(&After {
            session: &session,
            before: &things(&self.before),
            now: &things(&self.now),
            wrote: &self.wrote,
            rescued: &self.rescued,
            ended: self.ended,
            without_server: false,
            renamed: self.renamed.then(|| (rel("config.json"), rel(".old"), rel(".new"))),
            texts: self,
        })
    }

    /// The only file of the account, as a line.
    fn only(&self) -> String {
        let account = self.account();
        assert!(account.items.len() < 2, "{account:?}");
        account.items.first().map(line).unwrap_or_default()
    }
}

fn line(item: &Item) -> String {
    let mut line = format!("{} {}", item.path, item.fate.word());
    if let Some(now) = &item.now {
        line.push_str(&format!(" {now}"));
    }
    if let Some(answer) = item.answer {
        line.push_str(&format!(", {}", answer.label()));
    }
    if let Some(lines) = &item.lines {
        line.push_str(&format!(", {} of {}", lines.found, lines.yours));
    }
    line
}

const BASE: &str = "1\n2\n3\n4\n5\n6\n7\n8\n";
const MINE: &str = "1\nmine\n2\n3\n4\n5\n6\n7\n8\n";
const THEIRS: &str = "1\n2\n3\n4\n5\n6\n7\n8\ntheirs\n";
const MERGED: &str = "1\nmine\n2\n3\n4\n5\n6\n7\n8\ntheirs\n";

#[test]
fn what_no_release_put_there_stays() {
    assert_eq!(World::default().own("a", Some("x"), Some("x")).only(), "a unchanged a");
    assert_eq!(World::default().own("l", Some("-> x"), Some("-> x")).only(), "l unchanged l");
    assert_eq!(World::default().own("a", Some("x"), None).only(), "a lost");
    assert_eq!(World::default().own("l", Some("-> x"), Some("-> y")).only(), "l changed_since l");
    assert_eq!(World::default().own("a", Some("x"), Some("y")).only(), "a changed_since a");
    // Where the journal put something else there, it was this program.
    assert_eq!(World::default().own("a", Some("x"), None).wrote("a", Some("y")).only(), "a lost");
    assert_eq!(World::default().own("a", Some("x"), None).wrote("a", None).only(), "a lost");
    let mut ended = World { ended: true, ..World::default() }.own("a", Some("x"), None);
    assert_eq!(ended.only(), "a changed_since");
    ended.rescued.insert(sha256(b"x"), rel("rescued/s/a"));
    assert_eq!(ended.only(), "a rescued rescued/s/a");
    let gone = World { gone: vec![rel("a")], ..World::default() }.own("a", Some("x"), None);
    assert_eq!(gone.only(), "a changed_since");
    let of_servers = World::default().own("state/workflow/active/s.json", Some("x"), None);
    assert_eq!(of_servers.only(), "state/workflow/active/s.json changed_since");
    let flag = World::default().own("standards/.rebuild_index", Some(""), None);
    assert_eq!(flag.only(), "");
}

#[test]
fn a_release_s_own_bytes_are_nobody_s() {
    let update = World::default().entry("a", None, Kind::Update, [BASE, BASE, THEIRS]).wrote("a", Some(THEIRS));
    assert_eq!(update.only(), "");
    assert_eq!(World::default().entry("a", None, Kind::Remove, [BASE, BASE, "none"]).wrote("a", None).only(), "");
    assert_eq!(World::default().entry("a", None, Kind::Unchanged, [BASE, BASE, BASE]).only(), "");
}

#[test]
fn an_edit_stays_moves_or_is_merged() {
    let local = World::default().entry("a", None, Kind::LocalOnly, [BASE, MINE, BASE]);
    assert_eq!(local.only(), "a lost");
    assert_eq!(local.own("a", None, Some(MINE)).only(), "a unchanged a");
    let moved = World::default().entry("b", Some("a"), Kind::Move, [BASE, MINE, BASE]).wrote("a", None);
    assert_eq!(moved.only(), "a lost");
    assert_eq!(moved.wrote("b", Some(MINE)).only(), "a moved b");
    let merged = || World::default().entry("a", None, Kind::AutoMerge, [BASE, MINE, THEIRS]);
    assert_eq!(merged().wrote("a", Some(MERGED)).only(), "a merged a, 1 of 1");
    assert_eq!(merged().wrote("a", Some(THEIRS)).only(), "a lost a, 0 of 1", "its bytes would be the release's");
    // Changed by somebody else behind the upgrade.
    assert_eq!(merged().wrote("a", Some(MERGED)).own("a", None, Some("anew")).only(), "a changed_since a");
    // The upgrade did not come to it.
    assert_eq!(merged().own("a", None, Some(MINE)).only(), "a unchanged a");
    let crlf = MINE.replace('\n', "\r\n");
    let merged = World::default().entry("a", None, Kind::AutoMerge, [BASE, &crlf, THEIRS]);
    assert_eq!(merged.wrote("a", Some(&MERGED.replace('\n', "\r\n"))).only(), "a merged a, 1 of 1");
    // Its text before is not kept: nothing is claimed of its lines.
    let mut merged = World::default().entry("a", None, Kind::AutoMerge, [BASE, MINE, THEIRS]).wrote("a", Some(MERGED));
    merged.blobs.clear();
    assert_eq!(merged.only(), "a merged a");
}

#[test]
fn a_conflict_fares_as_it_was_answered() {
    let theirs = "1\nother\n2\n3\n4\n5\n6\n7\n8\n";
    let conflict = || World::default().entry("a", None, Kind::Conflict, [BASE, MINE, theirs]);
    let kept = || conflict().own("a", None, Some(MINE));
    assert_eq!(kept().answer("a", Decision::Keep).only(), "a answered a, kept yours");
    assert_eq!(kept().answer("a", Decision::Park).only(), "a parked a");
    assert_eq!(conflict().answer("a", Decision::Keep).only(), "a lost");
    let taken = conflict().answer("a", Decision::Take).wrote("a", Some(theirs));
    assert_eq!(taken.only(), "a answered, took theirs");
    assert!(taken.account().items[0].in_backup);
    let merge =
        |choice, text| conflict().answer("a", Decision::Merge(vec![Some(choice)])).wrote("a", Some(text)).only();
    let both = "1\nmine\nother\n2\n3\n4\n5\n6\n7\n8\n";
    assert_eq!(merge(Choice::Both, both), "a answered a, chosen region by region, 1 of 1");
    assert_eq!(merge(Choice::Theirs, theirs), "a answered a, chosen region by region, 0 of 1", "as it was answered");
    assert_eq!(merge(Choice::Both, theirs), "a lost a, chosen region by region, 0 of 1");
    let edited = || conflict().answer("a", Decision::Edited(b"anew\n".to_vec()));
    assert_eq!(edited().wrote("a", Some("anew\n")).only(), "a answered a, your own text");
    assert_eq!(edited().wrote("a", Some(theirs)).only(), "a lost");
    let mut copy = World::default().entry("a", None, Kind::Conflict, [BASE, MINE, "none"]).wrote("a", None);
    copy.files[0].source_path = None;
    assert_eq!(copy.answer("a", Decision::Take).only(), "a removed_as_copy");
}

#[test]
fn what_this_program_writes_is_no_loss() {
    let config = World { renamed: true, ..World::default() };
    let config = config.own("config.json", Some("{\"a\": \".old/x\"}\n"), None);
    let config = config.wrote("config.json", Some("{\"a\": \".new/x\"}\n"));
    assert_eq!(config.only(), "config.json merged config.json, 1 of 1");
    let documents = World::default()
        .own("UPDATE_LOG.txt", Some("old\n"), None)
        .wrote("UPDATE_LOG.txt", Some("old\nnew\n"))
        .own(".upgrade-baseline.json", Some("{}"), None)
        .wrote(".upgrade-baseline.json", Some("[]"));
    assert_eq!(documents.only(), "");
    let log = World::default().own("UPDATE_LOG.txt", Some("old\nmine\n"), None).wrote("UPDATE_LOG.txt", Some("old\n"));
    assert_eq!(log.only(), "UPDATE_LOG.txt lost, 1 of 2");
    let rules = |now: &str| {
        let world = World::default().own("upgrade.json", Some("{\"a\": 1, \"always_keep\": [\"x\"]}"), None);
        let world = world.wrote("upgrade.json", Some(now));
        let mut session = world.session();
        session.rules.push((false, "y".to_owned()));
        let account = after(&After {
            session: &session,
            before: &things(&world.before),
            now: &things(&world.now),
            wrote: &world.wrote,
            rescued: &world.rescued,
            ended: false,
            without_server: false,
            renamed: None,
            texts: &world,
        });
        line(&account.items[0])
    };
    assert_eq!(rules("{\"a\": 1, \"always_keep\": [\"x\", \"y\"]}"), "upgrade.json merged upgrade.json, 1 of 1");
    assert_eq!(rules("{\"always_keep\": [\"x\", \"y\"]}"), "upgrade.json lost");
}

#[test]
fn a_mode_alone_is_told_and_no_loss() {
    let account = |before: &str, now: u32| {
        let world = World::default().own("a", Some(before), None);
        let thing = Thing::File { sha256: sha256(before.as_bytes()), mode: now };
        let session = world.session();
        let account = after(&After {
            session: &session,
            before: &things(&world.before),
            now: &BTreeMap::from([(rel("a"), thing)]),
            wrote: &world.wrote,
            rescued: &world.rescued,
            ended: false,
            without_server: false,
            renamed: None,
            texts: &world,
        });
        (account.items[0].fate, account.items[0].note.clone())
    };
    assert_eq!(account("x", 0o644), (Fate::Unchanged, None));
    assert_eq!(account("x", 0o755), (Fate::Unchanged, Some("its mode is 755, it was 644".to_owned())));
}

#[test]
fn after_a_rollback_all_is_back_or_named() {
    let world = World::default()
        .own("UPDATE_LOG.txt", Some("old\n"), Some("old\nrolled back\n"))
        .own("back", Some("x"), Some("x"))
        .own("edited", Some("x"), Some("y"))
        .own("aside", Some("z"), None)
        .own("short", Some("q"), None)
        .entry("pristine", None, Kind::Update, [BASE, BASE, THEIRS])
        .own("pristine", None, Some(THEIRS));
    let session = world.session();
    let rescued = BTreeMap::from([(sha256(b"z"), rel("rescued/s/aside"))]);
    let told = |ended| {
        let account = back(&Back {
            session: &session,
            before: &things(&world.before),
            now: &things(&world.now),
            touched: &["UPDATE_LOG.txt", "aside", "short", "pristine"].map(rel).into(),
            rescued: &rescued,
            ended,
            texts: &world,
        });
        account.items.iter().map(line).collect::<Vec<_>>()
    };
    let aside = "aside rescued rescued/s/aside";
    let expected =
        [aside, "back unchanged back", "edited changed_since edited", "pristine lost pristine", "short lost"];
    assert_eq!(told(false), expected);
    assert!(told(true).iter().all(|line| !line.contains("lost")));
}

#[test]
fn all_in_a_line() {
    let account = World::default()
        .entry("a", None, Kind::AutoMerge, [BASE, MINE, THEIRS])
        .wrote("a", Some(MERGED))
        .own("b", Some("x"), Some("x"))
        .own("c", Some("x"), Some("y"))
        .account();
    assert_eq!(
        account.line(),
        "yours: 1 file unchanged, 1 merged with 1 line of yours all found, 1 changed since the upgrade, 0 lost"
    );
}

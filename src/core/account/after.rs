//! The account after an upgrade, whole or so far.

use std::collections::BTreeMap;

use crate::core::account::item::{Account, Fate, Item, Settled};
use crate::core::account::lines::{self, Lines, Made};
use crate::core::account::texts::{Texts, Thing, Things};
use crate::core::baseline;
use crate::core::blob::sha256;
use crate::core::layout::layouts;
use crate::core::outcome::{self, Sides};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind, Only};
use crate::core::renamed::renamed;
use crate::core::session::{DOCUMENTS, Decision, Session};
use crate::core::settings;

/// All that an account is taken from.
pub(crate) struct After<'a> {
    /// The session, with its plan and the answers.
    pub(crate) session: &'a Session,
    /// What stood in the install before, as the backup's manifest has it.
    pub(crate) before: &'a Things,
    /// What stands there now.
    pub(crate) now: &'a Things,
    /// What the journals put at each path; none where they took it away.
    pub(crate) wrote: &'a BTreeMap<RelPath, Option<String>>,
    /// What was set aside, by its checksum.
    pub(crate) rescued: &'a BTreeMap<String, RelPath>,
    /// The upgrade has ended: what is gone since, and was not its own to change, somebody else took away.
    pub(crate) ended: bool,
    /// The server's files are still to come.
    pub(crate) without_server: bool,
    /// The config in which the folder's new name is written, with both names.
    pub(crate) renamed: Option<(RelPath, RelPath, RelPath)>,
    /// Contents.
    pub(crate) texts: &'a dyn Texts,
}

/// Whether what stands at an entry's path is a release's and not the user's, as the plan has it.
pub(crate) fn is_pristine(entry: &FileEntry) -> bool {
    let settled = matches!(entry.kind, Kind::Conflict | Kind::AutoMerge | Kind::LocalOnly);
    entry.mine.is_none() || (!settled && entry.mine == entry.base) || entry.mine == entry.theirs
}

/// Takes the account of every file that was the user's own or edited.
pub(crate) fn after(what: &After<'_>) -> Account {
    let entries = what.session.plan().files.iter().filter(|entry| entry.mine.is_some());
    let planned: BTreeMap<&RelPath, &FileEntry> =
        entries.map(|entry| (entry.from.as_ref().unwrap_or(&entry.path), entry)).collect();
    let items = what.before.iter().filter_map(|(path, was)| match planned.get(path) {
        Some(entry) if is_pristine(entry) => None,
        Some(entry) if what.without_server && is_server(entry) => None,
        Some(entry) => Some(what.planned(path, was, entry)),
        None => what.own(path, was),
    });
    Account { items: items.collect() }
}

fn is_server(entry: &FileEntry) -> bool {
    layouts().is_server(&entry.path) || entry.from.as_ref().is_some_and(|from| layouts().is_server(from))
}

fn item(path: &RelPath, fate: Fate, now: Option<&RelPath>) -> Item {
    Item { path: path.clone(), fate, answer: None, now: now.cloned(), in_backup: false, lines: None, note: None }
}

/// That a file has other permission bits than before.
fn other_mode(was: &Thing, now: &Thing) -> Option<String> {
    let (was, now) = (was.mode()?, now.mode()?);
    (was != now).then(|| format!("its mode is {now:03o}, it was {was:03o}"))
}

impl After<'_> {
    /// A file that no release put there, or of a part that is not upgraded.
    fn own(&self, path: &RelPath, was: &Thing) -> Option<Item> {
        let named = |name: &str| name.as_bytes() == path.as_bytes();
        if named(baseline::FILE) || is_order(path) {
            // Made by programs, for programs.
            return None;
        }
        if named("VERSION.txt") || DOCUMENTS.iter().any(|name| named(name)) {
            return self.document(path, was);
        }
        let now = self.now.get(path);
        if now.is_some_and(|now| now.is(was)) {
            // Nothing tells here whether it is the user's or a release's.
            let untold = self.session.resolving() || self.is_other_part(path);
            let note = now.and_then(|now| other_mode(was, now));
            return (!untold).then(|| Item { note, ..item(path, Fate::Unchanged, Some(path)) });
        }
        if let Some((config, from, to)) = self.renamed.as_ref().filter(|(config, ..)| config == path)
            && let (Some(before), Some(Thing::File { sha256: sum, .. })) = (self.texts.before(config), now)
            && sha256(&renamed(&before, from.as_bytes(), to.as_bytes())) == *sum
        {
            let note = Some(format!("{to} stands where {from} stood"));
            let lines = Some(Lines::all_of(&before));
            return Some(Item { note, lines, in_backup: true, ..item(path, Fate::Merged, Some(path)) });
        }
        if named(settings::FILE) && !self.session.rules.is_empty() && self.has_rules(path) {
            let note = Some("a standing rule of yours was added".to_owned());
            let lines = self.texts.before(path).map(|before| Lines::all_of(&before));
            return Some(Item { note, lines, in_backup: true, ..item(path, Fate::Merged, Some(path)) });
        }
        Some(self.elsewhere(path, path, was))
    }

    /// Whether a path is of the part of the install that is left as it is: the plan says nothing of what is pristine there.
    fn is_other_part(&self, path: &RelPath) -> bool {
        match self.session.plan().only {
            None => false,
            Some(Only::Content) => layouts().is_server(path),
            Some(Only::Server) => !layouts().is_server(path) && layouts().managed_folders().any(|f| path.is_within(f)),
        }
    }

    /// What is not where it should be, unless it is `rescued`: lost, or somebody else changed it.
    fn elsewhere(&self, path: &RelPath, place: &RelPath, was: &Thing) -> Item {
        let aside = was.sum().and_then(|sum| self.rescued.get(sum));
        if let Some(aside) = aside {
            return item(path, Fate::Rescued, Some(aside));
        }
        let in_backup = Item { in_backup: true, ..item(path, Fate::ChangedSince, None) };
        let now = self.now.get(place);
        let ours = match (self.wrote.get(place), now) {
            (Some(Some(sum)), Some(now)) => now.sum() == Some(sum),
            // What the journal took away is gone.
            (Some(None), None) => true,
            (Some(_), _) => false,
            // Never touched by the journal: a file that is there was changed by somebody, one that is gone may be our doing.
            (None, Some(_)) => false,
            (None, None) => !self.ended && !self.is_gone(path),
        };
        match (ours, now) {
            (true, _) => Item { fate: Fate::Lost, ..in_backup },
            (false, None) => Item { note: Some("it is gone".to_owned()), ..in_backup },
            (false, Some(_)) => Item { now: Some(place.clone()), ..in_backup },
        }
    }

    /// Whether somebody had taken it away before the upgrade changed anything, or may have, for it is the servers'.
    fn is_gone(&self, path: &RelPath) -> bool {
        let noted = self.session.gone.values().any(|gone| gone.contains(path));
        let sessions = || layouts().servers().filter(|server| server.session_folders.is_some());
        noted || sessions().any(|server| path.is_within(&server.sessions))
    }

    /// A document that upgrades write to: it is told of only where a line of it is missing.
    fn document(&self, path: &RelPath, was: &Thing) -> Option<Item> {
        if self.now.get(path).is_some_and(|now| now.is(was)) {
            return None;
        }
        let (Some(before), Some(now)) = (self.texts.before(path), self.texts.now(path)) else {
            return Some(self.elsewhere(path, path, was));
        };
        // Lines are added behind what stands there, which is bytes in any encoding.
        if now.starts_with(before.trim_ascii_end()) {
            return None;
        }
        let lines = lines::absent(&before, &now);
        if lines.missing.is_empty() {
            return None;
        }
        let item = self.elsewhere(path, path, was);
        Some(Item { lines: (item.fate == Fate::Lost).then_some(lines), ..item })
    }

    /// Whether `upgrade.json` has all that it had, with the rules that were added.
    fn has_rules(&self, path: &RelPath) -> bool {
        let parsed = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).ok();
        let both = self.texts.before(path).zip(self.texts.now(path));
        both.and_then(|(before, now)| Some(has(&parsed(&now)?, &parsed(&before)?))).unwrap_or(false)
    }

    /// A file that the plan names.
    fn planned(&self, path: &RelPath, was: &Thing, entry: &FileEntry) -> Item {
        let answer = self.session.answers().get(&entry.path).filter(|_| entry.kind == Kind::Conflict);
        let place = &entry.path;
        let stays = if path == place { Fate::Unchanged } else { Fate::Moved };
        let settled = |fate, how| (fate, Some(how));
        let (fate, how) = match answer {
            Some(Decision::Take) => return self.taken(path, was, entry),
            Some(Decision::Merge(_)) if entry.theirs.is_some() => {
                return self.merged(path, was, entry, Some(Settled::Regions));
            }
            Some(Decision::Edited(text)) => return self.edited(path, was, entry, text),
            Some(Decision::Keep | Decision::Merge(_)) => settled(Fate::Answered, Settled::Kept),
            Some(Decision::Park) => (Fate::Parked, None),
            None | Some(Decision::Open) if entry.kind == Kind::AutoMerge => return self.merged(path, was, entry, None),
            None | Some(Decision::Open) => (stays, None),
        };
        match self.now.get(place) {
            Some(now) if now.is(was) => {
                Item { answer: how, note: other_mode(was, now), ..item(path, fate, Some(place)) }
            }
            _ if self.is_renamed(place) => self.merged(path, was, entry, how),
            // Mine and theirs are the same page in other line ends.
            _ if entry.kind == Kind::Move => self.merged(path, was, entry, how),
            _ => self.elsewhere(path, place, was),
        }
    }

    fn is_renamed(&self, place: &RelPath) -> bool {
        self.renamed.as_ref().is_some_and(|(config, ..)| config == place)
    }

    /// A file whose place the release's took, as it was answered.
    fn taken(&self, path: &RelPath, was: &Thing, entry: &FileEntry) -> Item {
        let now = self.now.get(&entry.path);
        let is_copy = entry.theirs.is_none() && entry.source_path.is_none() && !self.session.resolving();
        let fate = if is_copy { Fate::RemovedAsCopy } else { Fate::Answered };
        let answer = Some(Settled::Taken).filter(|_| !is_copy);
        // The answer was not carried out, or somebody put it back: it is there.
        let still = now.filter(|now| now.is(was)).map(|_| &entry.path);
        Item { answer, in_backup: still.is_none(), ..item(path, fate, still) }
    }

    /// A file that the user wrote anew.
    fn edited(&self, path: &RelPath, was: &Thing, entry: &FileEntry, text: &[u8]) -> Item {
        let place = &entry.path;
        let text = match self.renamed.as_ref().filter(|(config, ..)| config == place) {
            Some((_, from, to)) => renamed(text, from.as_bytes(), to.as_bytes()),
            None => text.to_vec(),
        };
        if self.now.get(place).and_then(Thing::sum) == Some(&sha256(&text)) {
            let answer = Some(Settled::Edited);
            return Item { answer, in_backup: true, ..item(path, Fate::Answered, Some(place)) };
        }
        self.elsewhere(path, place, was)
    }

    /// A file whose lines stand among the release's.
    fn merged(&self, path: &RelPath, was: &Thing, entry: &FileEntry, how: Option<Settled>) -> Item {
        let place = &entry.path;
        let fate = if how.is_some() { Fate::Answered } else { Fate::Merged };
        let done = |lines, note| Item { answer: how, in_backup: true, lines, note, ..item(path, fate, Some(place)) };
        let Some(now) = self.now.get(place) else { return self.elsewhere(path, place, was) };
        match self.wrote.get(place) {
            // Not carried out: the user's bytes stand where they stood.
            None if now.is(was) => return item(path, Fate::Unchanged, Some(place)),
            Some(Some(sum)) if now.sum() == Some(sum) => {}
            _ => return self.elsewhere(path, place, was),
        }
        let (Some(before), Some(result)) = (self.texts.before(path), self.texts.now(place)) else {
            return self.elsewhere(path, place, was);
        };
        match self.lines(entry, &before, &result) {
            None => done(None, Some("the release's text is not at hand, so its lines are not counted".to_owned())),
            Some(lines) if lines.missing.is_empty() => done(Some(lines), None),
            Some(lines) => Item { lines: Some(lines), fate: Fate::Lost, ..done(None, None) },
        }
    }

    /// The user's lines in the result; none where a text of the release is not kept.
    fn lines(&self, entry: &FileEntry, before: &std::sync::Arc<[u8]>, result: &[u8]) -> Option<Lines> {
        let text = |id: &Option<_>| match id {
            Some(id) => self.texts.blob(id).map(Some),
            None => Some(None),
        };
        let sides = Sides { base: text(&entry.base)?, mine: Some(before.clone()), theirs: text(&entry.theirs)? };
        let none = Vec::new();
        let (sides, choices) = match self.session.answers().get(&entry.path) {
            Some(Decision::Merge(choices)) if entry.kind == Kind::Conflict => (sides, choices),
            // Nothing of theirs goes in where the user's is kept.
            Some(_) => (Sides { theirs: Some(before.clone()), ..sides }, &none),
            None => (sides, &none),
        };
        let merge = outcome::merge_of(&entry.path, &sides)?;
        let names = self.renamed.as_ref().filter(|(config, ..)| *config == entry.path);
        let made = Made {
            merge: &merge,
            choices,
            by_key: outcome::is_keyed(&entry.path),
            base: sides.base.as_deref(),
            renamed: names.map(|(_, from, to)| (from.as_bytes(), to.as_bytes())),
        };
        Some(made.find(result))
    }
}

/// Whether a file is an order to a server, which takes it away.
fn is_order(path: &RelPath) -> bool {
    layouts().servers().any(|server| server.rebuild_flag.as_ref().is_some_and(|flag| flag.name() == path.name()))
}

/// Whether a JSON value has all that another one has.
fn has(value: &serde_json::Value, part: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object};
    match (value, part) {
        (Object(value), Object(part)) => part.iter().all(|(key, part)| value.get(key).is_some_and(|v| has(v, part))),
        (Array(value), Array(part)) => part.iter().all(|part| value.contains(part)),
        _ => value == part,
    }
}

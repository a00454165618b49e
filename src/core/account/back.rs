//! The account after a rollback: every file of the backup stands again where it stood.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::account::after::is_pristine;
use crate::core::account::item::{Account, Fate, Item};
use crate::core::account::lines;
use crate::core::account::texts::{Texts, Things};
use crate::core::baseline;
use crate::core::path::RelPath;
use crate::core::plan::FileEntry;
use crate::core::session::{DOCUMENTS, Session};

/// All that the account is taken from.
pub(crate) struct Back<'a> {
    /// The session that was rolled back.
    pub(crate) session: &'a Session,
    /// What stood in the install before it, as the backup's manifest has it.
    pub(crate) before: &'a Things,
    /// What stands there now.
    pub(crate) now: &'a Things,
    /// The paths that the upgrade or its rollback changed.
    pub(crate) touched: &'a BTreeSet<RelPath>,
    /// What was set aside, by its checksum.
    pub(crate) rescued: &'a BTreeMap<String, RelPath>,
    /// The rollback has ended: what differs since is somebody else's doing.
    pub(crate) ended: bool,
    /// Contents.
    pub(crate) texts: &'a dyn Texts,
}

/// Takes the account of the user's files, and of all others that are not back.
pub(crate) fn back(what: &Back<'_>) -> Account {
    let entries = what.session.plan().files.iter().filter(|entry| is_pristine(entry));
    let pristine: BTreeSet<&RelPath> =
        entries.map(|entry: &FileEntry| entry.from.as_ref().unwrap_or(&entry.path)).collect();
    let item = |path: &RelPath, fate, now: Option<&RelPath>| Item {
        path: path.clone(),
        fate,
        answer: None,
        now: now.cloned(),
        in_backup: !matches!(fate, Fate::Unchanged | Fate::Rescued),
        lines: None,
        note: None,
    };
    let items = what.before.iter().filter_map(|(path, was)| {
        let documents = DOCUMENTS.into_iter().chain([baseline::FILE, "VERSION.txt"]);
        let is_document = documents.into_iter().any(|name| name.as_bytes() == path.as_bytes());
        let now = what.now.get(path);
        if now.is_some_and(|now| now.is(was)) {
            let is_users = !pristine.contains(path) && !is_document && !what.session.resolving();
            return is_users.then(|| item(path, Fate::Unchanged, Some(path)));
        }
        // A rollback says in one of them that it was.
        if is_document && what.grew(path) {
            return None;
        }
        if let Some(aside) = was.sum().and_then(|sum| what.rescued.get(sum)) {
            return Some(item(path, Fate::Rescued, Some(aside)));
        }
        let fate = if what.ended || !what.touched.contains(path) { Fate::ChangedSince } else { Fate::Lost };
        let note = now.is_none().then(|| "it is gone".to_owned());
        Some(Item { note, ..item(path, fate, now.map(|_| path)) })
    });
    Account { items: items.collect() }
}

impl Back<'_> {
    /// Whether a document has all the lines that it had.
    fn grew(&self, path: &RelPath) -> bool {
        let both = self.texts.before(path).zip(self.texts.now(path));
        both.is_some_and(|(before, now)| {
            now.starts_with(before.trim_ascii_end()) || lines::absent(&before, &now).missing.is_empty()
        })
    }
}

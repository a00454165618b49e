//! The user's config, where the source ships a template for it: it is his own, so it is never an update. What the template
//! changed goes in key by key, where he has not changed the same keys; all else is only written with an answer of his.

use super::{Installed, Lineage, Planner};
use crate::core::config::keyed::Keyed;
use crate::core::known_releases::was_shipped;
use crate::core::outcome::{Sides, keyed_format, merge_of};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};
use crate::core::release_history::Shipped;

/// So many keys are named, the others counted.
const NAMED: usize = 5;

impl Planner<'_> {
    /// What the plan says of a config file; nothing where the user has none that the server could not do without, or no
    /// release had a template.
    pub(super) fn config(&self, line: &Lineage, spot: &RelPath) -> Option<FileEntry> {
        let Some(mine) = self.inputs.installed.files.get(spot) else {
            let template = line.next.as_ref().filter(|_| self.inputs.generation_next.requires(spot));
            let reason = "the server does not start without it: the source's template comes as it is".to_owned();
            return template.map(|_| self.entry(line, spot.clone(), None, Kind::New, None, reason));
        };
        let base = self.config_base(line, spot, mine);
        let id = base.as_ref().map(|b| b.blob.clone());
        let entry = |kind, reason: String| Some(self.entry(line, spot.clone(), id.clone(), kind, Some(mine), reason));
        let Some((_, _, theirs)) = &line.next else {
            line.base.as_ref()?;
            return entry(Kind::LocalOnly, "your config; the source no longer ships a template for it".into());
        };
        if mine.is(&theirs.blob) {
            return entry(Kind::Unchanged, "your config is what the source's template says".into());
        }
        if base.as_ref().is_some_and(|b| b.blob == theirs.blob) {
            return entry(Kind::LocalOnly, "your config; its template did not change".into());
        }
        let texts = self.inputs.texts;
        let sides = Sides {
            base: base.and_then(|b| texts.blob(&b.blob)),
            mine: texts.mine(spot),
            theirs: texts.blob(&theirs.blob),
        };
        let by_key = keyed(spot, &sides);
        let by_line = if by_key.is_some() { None } else { merge_of(spot, &sides) };
        let merge = match &by_key {
            Some(keyed) => keyed.as_ref().ok().map(|keyed| &keyed.merge),
            None => by_line.as_ref(),
        };
        let Some(merge) = merge else {
            let problem = by_key.and_then(Result::err).unwrap_or_else(|| "it can't be merged".to_owned());
            let reason = format!("your config; its template changed, but {problem}: keep or take it whole");
            return entry(Kind::Conflict, reason).map(|e| FileEntry { conflict_hunks: 1, ..e });
        };
        if merge.conflicts() == 0 && merge.result(&[]).as_deref() == sides.mine.as_deref() {
            return entry(Kind::LocalOnly, "your config; it has all that its template changed".into());
        }
        let what = match &by_key {
            Some(Ok(keyed)) => keys_of(keyed),
            _ => format!("{} changes", merge.changed_by_theirs()),
        };
        // Nothing to decide: only keys that you have as the template had them, or that come new.
        let is_clean = merge.conflicts() == 0 && sides.base.is_some();
        if is_clean && matches!(&by_key, Some(Ok(keyed)) if keyed.dropped.is_empty() && keyed.offered.is_empty()) {
            let reason = format!("your config, merged key by key; since {} its template has {what}", self.since());
            return entry(Kind::AutoMerge, reason);
        }
        let reason = format!("your config, only written if you say so; since {} its template has {what}", self.since());
        entry(Kind::Conflict, reason).map(|e| FileEntry { conflict_hunks: merge.conflicts().max(1), ..e })
    }

    /// The template that the user started from.
    fn config_base(&self, line: &Lineage, spot: &RelPath, mine: &Installed) -> Option<Shipped> {
        let source = line.source_before.as_ref().or(line.next.as_ref().map(|n| &n.1))?;
        if line.base.is_none() && was_shipped(self.inputs.history, source, &mine.blob) {
            return Some(Shipped { blob: mine.blob.clone(), executable: mine.executable });
        }
        line.base.clone().or_else(|| Some(self.closest(source, spot)?.1))
    }
}

/// The merge by key, or why it can't be; none for config that isn't merged so.
fn keyed(path: &RelPath, sides: &Sides) -> Option<Result<Keyed, String>> {
    let (mine, theirs) = (sides.mine.as_ref()?, sides.theirs.as_deref()?);
    Some(Keyed::new(keyed_format(path)?, sides.base.as_deref(), mine, theirs))
}

/// The keys that the template changed, in words.
fn keys_of(merge: &Keyed) -> String {
    let listed = |what: &str, pointers: &[String]| {
        let keys: Vec<String> = pointers.iter().take(NAMED).map(|p| dotted(p)).collect();
        let more = pointers.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!keys.is_empty()).then(|| format!("{what} {}{more}", keys.join(", ")))
    };
    let parts = [
        listed("news in", &merge.changes),
        listed("changes, as you did, in", &merge.conflicts),
        listed("no more what you still have:", &merge.dropped),
        listed("other values, or keys that you lack:", &merge.offered),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A JSON pointer as people write keys: `mcp.port`.
fn dotted(pointer: &str) -> String {
    let parts = pointer.split('/').skip(1).map(|p| p.replace("~1", "/").replace("~0", "~"));
    let keys: Vec<String> = parts.collect();
    if keys.is_empty() { "the whole file".to_owned() } else { shortened(&keys.join(".")) }
}

/// A key that fits into a sentence: anybody may have written one of a megabyte.
fn shortened(key: &str) -> String {
    const SHOWN: usize = 120;
    match key.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

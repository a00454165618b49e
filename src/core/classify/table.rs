//! The table itself: what happens to one path, by what the user and the source did to it.

use std::collections::BTreeMap;

use super::obstacles::Leaving;
use super::{Installed, Lineage, Planner};
use crate::core::blob::BlobId;
use crate::core::doubled::doubled;
use crate::core::formatting;
use crate::core::layout::layouts;
use crate::core::line_ends::LineEnds;
use crate::core::merge::Merge;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind};
use crate::core::release_history::Shipped;
use crate::core::release_history::short;

/// A root with fewer files tells nothing by how many of them are missing.
const FEW: usize = 8;

impl Planner<'_> {
    /// What happens to a path. `leaving` is what goes from the install in the same plan, and so is in nobody's way.
    pub(super) fn classify(&self, line: &Lineage, leaving: &Leaving) -> Vec<FileEntry> {
        let installed = self.inputs.installed;
        let moved_onto = matches!((&line.now, &line.next), (Some(now), Some((next, ..)))
            if now != next && installed.files.contains_key(next));
        if moved_onto {
            // The user already has a file at the new path: two questions, not one.
            let removed = Lineage { next: None, now: line.now.clone(), ..line_ref(line) };
            let arrived =
                Lineage { now: None, source_before: None, base: None, copy_of: None, became: None, ..line_ref(line) };
            return [self.classify(&removed, leaving), self.classify(&arrived, leaving)].concat();
        }
        let spot = line.now.as_ref().or(line.next.as_ref().map(|n| &n.0));
        let Some(spot) = spot else { return Vec::new() };
        let next_spot = line.next.as_ref().map_or(spot, |n| &n.0);
        if let Some(link) = installed.linked(spot).or_else(|| installed.linked(next_spot)) {
            let reason = format!("{link} is a symbolic link; what it leads to is not changed");
            return vec![self.entry(line, next_spot.clone(), None, Kind::Linked, None, reason)];
        }
        if layouts().is_config(spot) {
            return self.config(line, spot).into_iter().collect();
        }
        if let Some(obstacle) = line.next.as_ref().and_then(|_| installed.obstacle(next_spot, leaving)) {
            let entry = self.entry(line, next_spot.clone(), None, Kind::Conflict, None, obstacle);
            // The user put something else in the place of a file that the source left alone: no question.
            let deleted = self.absent(line, spot).filter(|e| e.kind == Kind::StaysDeleted);
            return vec![deleted.unwrap_or(entry)];
        }
        match installed.files.get(spot) {
            Some(mine) => vec![self.present(line, spot, mine)],
            None => self.absent(line, spot).into_iter().collect(),
        }
    }

    /// The file is there.
    fn present(&self, line: &Lineage, spot: &RelPath, mine: &Installed) -> FileEntry {
        let source = line.source_before.as_ref().or(line.next.as_ref().map(|n| &n.1));
        if self.is_pristine(line, source, spot, mine) {
            self.pristine(line, spot, mine)
        } else {
            self.edited(line, spot, mine)
        }
    }

    /// Some release's very bytes: nobody's edit, whichever release they are of. Somebody may have gone back to an older
    /// version on purpose, or merged a branch that was upgraded elsewhere; the plan says so, and the page is upgraded.
    fn pristine(&self, line: &Lineage, spot: &RelPath, mine: &Installed) -> FileEntry {
        let source = line.source_before.as_ref().or(line.next.as_ref().map(|n| &n.1));
        let origin = source.and_then(|s| self.inputs.history.origin(s, &mine.blob)).map(|c| short(&c.id));
        let from = match (origin, self.release()) {
            (Some(id), _) => format!("pristine from {id}"),
            (None, Some(release)) => format!("pristine from {}", short(release)),
            (None, None) => "pristine".to_owned(),
        };
        let other_base = line.base.as_ref().filter(|b| !mine.is(&b.blob));
        let from = match other_base {
            Some(_) => format!("{from}, where {} has another version", self.since()),
            None => from,
        };
        let base = Some(mine.blob.clone());
        if let Some(twin) = &line.copy_of {
            let reason = format!("a second copy of {twin}, {from}");
            return self.entry(line, spot.clone(), base, Kind::Remove, Some(mine), reason);
        }
        let Some((next, _, theirs)) = &line.next else {
            let reason = format!("{from}; {}", removed(line));
            return self.entry(line, spot.clone(), base, Kind::Remove, Some(mine), reason);
        };
        let mode_changed = mine.executable != theirs.executable
            && line.base.as_ref().is_some_and(|b| b.executable != theirs.executable);
        let (kind, what) = if spot != next {
            (Kind::Move, "source moved it")
        } else if mine.is(&theirs.blob) {
            if mode_changed {
                (Kind::Update, "source changed its mode")
            } else {
                (Kind::Unchanged, "source has the same")
            }
        } else if other_base.is_some_and(|b| b.blob == theirs.blob) {
            (Kind::Update, "that one comes back")
        } else {
            (Kind::Update, "source changed it")
        };
        self.entry(line, next.clone(), base, kind, Some(mine), format!("{from}; {what}"))
    }

    fn edited(&self, line: &Lineage, spot: &RelPath, mine: &Installed) -> FileEntry {
        if let Some(twin) = &line.copy_of {
            let closest = line.source_before.as_ref().and_then(|source| self.closest(source, spot));
            let since = closest.as_ref().map_or_else(|| "an earlier release".to_owned(), |(commit, _)| commit.clone());
            let reason = format!("a second copy of {twin}, edited by you since {since}: keep leaves it here");
            return self.entry(line, spot.clone(), closest.map(|c| c.1.blob), Kind::Conflict, Some(mine), reason);
        }
        let Some((next, source, theirs)) = &line.next else {
            return match &line.base {
                Some(base) if self.is_formatted(spot, base) => {
                    let reason = format!("only formatted differently from {}; {}", self.since(), removed(line));
                    self.entry(line, spot.clone(), Some(mine.blob.clone()), Kind::Remove, Some(mine), reason)
                }
                Some(base) => {
                    let reason = format!("you edited this since {}; {}", self.since(), removed(line));
                    self.entry(line, spot.clone(), Some(base.blob.clone()), Kind::Conflict, Some(mine), reason)
                }
                None => {
                    let reason = "left from an earlier release and edited by you; source no longer has it".to_owned();
                    self.entry(line, spot.clone(), None, Kind::LocalOnly, Some(mine), reason)
                }
            };
        };
        // A history that is cut off knows only the newest versions: taking it for the base would hide what the source changed.
        let closest = if line.base.is_none() && !self.cut_off { self.closest(source, spot) } else { None };
        let tied = self.closest_of_ties(line, spot);
        let base = tied.as_ref().or(line.base.as_ref()).or(closest.as_ref().map(|c| &c.1));
        let mode_changed =
            mine.executable != theirs.executable && base.is_some_and(|b| b.executable != theirs.executable);
        if mine.is(&theirs.blob) {
            let (kind, what) = match spot == next {
                true if mode_changed && theirs.blob == mine.blob => (Kind::Update, "; source changed its mode"),
                true => (Kind::Unchanged, ""),
                false => (Kind::Move, ""),
            };
            let reason = format!("you already have what the source ships{what}");
            return self.entry(line, next.clone(), base.map(|b| b.blob.clone()), kind, Some(mine), reason);
        }
        let Some(base) = base else {
            let reason = if self.cut_off {
                "edited by you, or from a release that this source's history does not hold: \
                 the whole history would tell (a shallow clone fetches it with h, or --deepen)"
            } else {
                "a file of your own stands where the source ships one"
            };
            let reason = reason.to_owned();
            return self.merged(line, spot, mine, None, reason);
        };
        // Among releases that fit equally well, the one that ships the version which is the base.
        let tied = tied.as_ref().filter(|t| line.base.as_ref().is_none_or(|b| b.blob != t.blob));
        let tied = tied.and_then(|t| self.inputs.history.origin(line.source_before.as_ref()?, &t.blob));
        let since = match (&closest, tied) {
            (_, Some(commit)) => {
                format!("you edited this since {} (of the releases that fit, the most like yours)", short(&commit.id))
            }
            (Some((commit, _)), _) => format!("you edited this since {commit} (the closest version)"),
            (None, None) => format!("you edited this since {}", self.since()),
        };
        if let Some(entry) = self.formatted(line, spot, mine, base) {
            return entry;
        }
        if base.blob == theirs.blob {
            let merged =
                (spot == next && mode_changed).then(|| self.merged(line, spot, mine, Some(base), since.clone()));
            // Not a binary file: its merge would be a question, and the mode alone is not worth one.
            if let Some(entry) = merged.filter(|entry| entry.kind == Kind::AutoMerge) {
                return FileEntry { reason: format!("{since}; source changed its mode"), ..entry };
            }
            let (kind, what) = if spot == next {
                (Kind::LocalOnly, "source did not change it")
            } else {
                (Kind::Move, "source moved it, your edit follows")
            };
            let reason = format!("{since}; {what}");
            return self.entry(line, next.clone(), Some(base.blob.clone()), kind, Some(mine), reason);
        }
        self.merged(line, spot, mine, Some(base), since)
    }

    /// A file that differs from the release's in its form alone: theirs is taken, nobody is asked, and the plan says so.
    fn formatted(&self, line: &Lineage, spot: &RelPath, mine: &Installed, base: &Shipped) -> Option<FileEntry> {
        let (next, _, theirs) = line.next.as_ref()?;
        if !self.is_formatted(spot, base) {
            return None;
        }
        let (kind, what) = match (spot == next, theirs.blob == base.blob) {
            (false, _) => (Kind::Move, "source moved it"),
            (true, true) => (Kind::Update, "the release's form comes back"),
            (true, false) => (Kind::Update, "source changed it"),
        };
        let reason = format!("only formatted differently from {}; {what}", self.since());
        Some(self.entry(line, next.clone(), Some(mine.blob.clone()), kind, Some(mine), reason))
    }

    fn is_formatted(&self, spot: &RelPath, base: &Shipped) -> bool {
        let texts = self.inputs.texts;
        // What changed since our own upgrade somebody changed.
        let both = || Some((texts.blob(&base.blob)?, texts.mine(spot)?));
        self.inputs.baseline.is_none() && both().is_some_and(|(base, mine)| formatting::is_same(spot, &base, &mine))
    }

    /// Both sides changed it: merge, or ask.
    fn merged(
        &self,
        line: &Lineage,
        spot: &RelPath,
        mine: &Installed,
        base: Option<&Shipped>,
        since: String,
    ) -> FileEntry {
        let Some((next, _, theirs)) = &line.next else {
            return self.entry(line, spot.clone(), None, Kind::LocalOnly, Some(mine), since);
        };
        let base_id = base.map(|b| b.blob.clone());
        let conflict = |hunks: usize, reason: String| {
            let mut entry = self.entry(line, next.clone(), base_id.clone(), Kind::Conflict, Some(mine), reason);
            entry.conflict_hunks = hunks;
            entry
        };
        let texts = self.inputs.texts;
        let (my_text, their_text) = (texts.mine(spot), texts.blob(&theirs.blob));
        let (Some(my_text), Some(their_text)) = (my_text, their_text) else {
            return conflict(1, format!("{since}; its texts could not be read"));
        };
        let Some(base) = base else {
            return match Merge::two_way(my_text, their_text).map_or(1, |m| m.conflicts()) {
                0 => {
                    let reason = "you already have what the source ships, with other line ends".to_owned();
                    self.entry(line, next.clone(), None, Kind::Unchanged, Some(mine), reason)
                }
                hunks => conflict(hunks, since),
            };
        };
        let Some(base_text) = texts.blob(&base.blob) else {
            let reason = format!("{since}; the source changed it, and the release's text is not in this clone");
            return conflict(1, reason);
        };
        let Some(merge) = Merge::three_way(base_text, my_text.clone(), their_text) else {
            return conflict(1, format!("{since}; the source changed it too, and it is binary"));
        };
        let (yours, theirs) = (merge.changed_by_mine(), merge.changed_by_theirs());
        let hunks = if yours == 1 { "hunk" } else { "hunks" };
        let counts = format!("{since} ({yours} {hunks}); source changed {theirs}");
        match merge.conflicts() {
            0 => {
                let text = merge.result(&[]).unwrap_or_default();
                let vetoed = || self.inputs.vetoes.get(next).cloned();
                match crate::core::outcome::damage(next, &my_text, &text).or_else(vetoed) {
                    Some(damage) => conflict(1, format!("{counts}; merged by itself {damage}")),
                    None => {
                        let twice = doubled(next, &my_text, merge.texts()[2], &text);
                        let twice = twice.map(|what| format!(", but {what}")).unwrap_or_default();
                        let reason = format!("{counts}; none overlap{twice}");
                        self.entry(line, next.clone(), base_id, Kind::AutoMerge, Some(mine), reason)
                    }
                }
            }
            n => conflict(n, format!("{counts}; {n} overlap")),
        }
    }

    /// Whether the install has most of what the matched release has in the root of a path. Where it has not, somebody copied
    /// some files by hand, and deleted nothing. Of a small root that can't be told.
    fn mostly_stands(&self, spot: &RelPath) -> bool {
        let Some(found) = &self.matched else { return true };
        let standing = self.standing.get_or_init(|| {
            let mut roots: BTreeMap<RelPath, (usize, usize)> = BTreeMap::new();
            for place in found.tree.keys().filter_map(|source| self.now(source)) {
                let Some(root) = self.inputs.roots.root_of(&place) else { continue };
                let count = roots.entry(root.clone()).or_default();
                count.0 += usize::from(self.inputs.installed.files.contains_key(&place));
                count.1 += 1;
            }
            roots
        });
        let root = self.inputs.roots.root_of(spot).and_then(|root| standing.get(root));
        root.is_none_or(|(there, all)| *all < FEW || there * 2 >= *all)
    }

    /// The file is not there.
    fn absent(&self, line: &Lineage, spot: &RelPath) -> Option<FileEntry> {
        let had = line.source_before.as_ref().is_some_and(|source| self.inputs.roots.had(source, spot));
        let deleted_by_user = line.base.is_some()
            && (self.inputs.baseline.is_some() || (had && self.mostly_stands(spot)))
            && match (&self.matched, &line.source_before) {
                (Some(found), Some(source)) => found.in_every_tie.contains(source),
                _ => true,
            };
        let base = line.base.as_ref().map(|b| b.blob.clone());
        let Some((next, source, theirs)) = &line.next else {
            let reason = "not there, and the source removed it".to_owned();
            return deleted_by_user.then(|| self.entry(line, spot.clone(), base, Kind::Unchanged, None, reason));
        };
        if !deleted_by_user {
            let reason = "new in the source".to_owned();
            return Some(self.entry(line, next.clone(), None, Kind::New, None, reason));
        }
        let since = self.since();
        // A new layout alone moves everything: that is not the source's doing, and no reason to ask.
        let renamed = line.source_before.as_ref().is_some_and(|before| before != source);
        let (kind, reason) = if spot != next && renamed {
            (Kind::Conflict, format!("you deleted this since {since}; source moved it"))
        } else if line.base.iter().chain(self.tied_versions(line)).all(|b| b.blob == theirs.blob) {
            (Kind::StaysDeleted, format!("you deleted this since {since}; source did not change it"))
        } else {
            (Kind::Conflict, format!("you deleted this since {since}; source changed it"))
        };
        Some(self.entry(line, next.clone(), base, kind, None, reason))
    }

    pub(super) fn since(&self) -> String {
        self.release().map_or_else(|| "it was installed".to_owned(), |id| short(id).to_owned())
    }

    /// What the other releases that fit the install equally well ship there, where it differs.
    fn tied_versions(&self, line: &Lineage) -> &[Shipped] {
        let others = self.matched.as_ref().zip(line.source_before.as_ref()).and_then(|(m, s)| m.others.get(s));
        others.map_or(&[], Vec::as_slice)
    }

    /// Where several releases fit the install equally well and ship this path differently: the version most like mine.
    fn closest_of_ties(&self, line: &Lineage, spot: &RelPath) -> Option<Shipped> {
        let others = self.tied_versions(line);
        if others.is_empty() {
            return None;
        }
        let mine = self.inputs.texts.mine(spot)?;
        // The newest first: it wins where several are equally like mine.
        self.most_like(&mine, line.base.iter().chain(others).cloned().map(|s| ((), s))).map(|(_, _, s)| s)
    }

    /// The version most like `mine` and how alike they are; the first of several that are equally like it.
    fn most_like<T>(&self, mine: &[u8], versions: impl Iterator<Item = (T, Shipped)>) -> Option<(f32, T, Shipped)> {
        let ends = LineEnds::of(mine);
        let likeness = |blob: &BlobId| {
            let text = self.inputs.texts.blob(blob)?;
            let text = ends.write(&text);
            Some(similar::TextDiff::from_lines(&text[..], mine).ratio())
        };
        let scored = versions.filter_map(|(what, s)| Some((likeness(&s.blob)?, what, s)));
        scored.reduce(|best, next| if next.0 > best.0 { next } else { best })
    }

    /// The version most like mine, for a file that the installed release doesn't ship but an earlier one did.
    ///
    /// Where only files that later moved here were shipped, mine has to look like one of them, by git's measure of a
    /// rename: any other file is the user's own.
    pub(super) fn closest(&self, source: &RelPath, spot: &RelPath) -> Option<(String, Shipped)> {
        let mine = self.inputs.texts.mine(spot)?;
        let history = self.inputs.history;
        let versions = history.versions(source, self.release());
        if !self.inputs.roots.places(source).any(|place| place == *spot) {
            // Nobody ever installed anything there.
            return None;
        }
        let here = self.release().is_some_and(|release| history.existed(source, release));
        let (likeness, commit, shipped) = self.most_like(&mine, versions.into_iter())?;
        (here || likeness >= 0.5).then(|| (short(&commit.id).to_owned(), shipped))
    }

    pub(super) fn entry(
        &self,
        line: &Lineage,
        path: RelPath,
        base: Option<BlobId>,
        kind: Kind,
        mine: Option<&Installed>,
        reason: String,
    ) -> FileEntry {
        let theirs = line.next.as_ref();
        let moved = theirs.is_some() && line.now.as_ref().is_some_and(|now| *now != path);
        // Three-way on the bit alone: theirs wins only where the source changed it.
        let executable = match (mine, theirs.map(|n| n.2.executable)) {
            (Some(mine), Some(theirs)) => {
                let changed = line.base.as_ref().is_none_or(|b| b.executable != theirs);
                if changed { theirs } else { mine.executable }
            }
            (None, Some(theirs)) => theirs,
            (mine, None) => mine.is_some_and(|m| m.executable),
        };
        let hunks = usize::from(kind == Kind::Conflict);
        FileEntry {
            path_base64: path.base64(),
            from: line.now.clone().filter(|_| moved && !matches!(kind, Kind::StaysDeleted | Kind::New)),
            path,
            kind,
            // Where the release has the page is what the entry of its own place says.
            source_path: match &line.copy_of {
                Some(_) => None,
                None => theirs.map(|n| n.1.clone()).or_else(|| line.source_before.clone()),
            },
            base,
            mine: mine.map(|m| m.blob.clone()),
            theirs: theirs.map(|n| n.2.blob.clone()),
            conflict_hunks: hunks,
            reason,
            executable,
        }
    }
}

/// That the source no longer has a file, and what it has instead.
fn removed(line: &Lineage) -> String {
    match &line.became {
        Some(became) => format!("source removed it, and has {became} instead"),
        None => "source removed it".to_owned(),
    }
}

fn line_ref(line: &Lineage) -> Lineage {
    Lineage {
        now: line.now.clone(),
        source_before: line.source_before.clone(),
        base: line.base.clone(),
        next: line.next.clone(),
        copy_of: line.copy_of.clone(),
        became: line.became.clone(),
    }
}

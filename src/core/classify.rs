//! Makes the plan: each user state meets each upstream state in exactly one way (the table of the design).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::baseline::{Baseline, BaselineFile};
use super::blob::BlobId;
use super::known::known;
use super::layout::{Layout, layouts};
use super::merge::Merge;
use super::path::RelPath;
use super::plan::{FileEntry, Kind, Only, Plan, PlanInstall, PlanSource, ReleaseEvidence, Summary};
use super::provenance::{History, Match, Shipped, Tree};

/// A file of the install, as found on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its content's id in the source's object format.
    pub blob: BlobId,
    /// The id with CRLF read as LF, where that makes a difference.
    pub blob_with_lf: Option<BlobId>,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// What was found in the managed folders of an install.
#[derive(Debug, Clone, Default)]
pub struct InstalledTree {
    /// Regular files.
    pub files: BTreeMap<RelPath, Installed>,
    /// Folders.
    pub folders: BTreeSet<RelPath>,
    /// Symbolic links, to files or folders: what lies behind them is not ours to write.
    pub links: BTreeSet<RelPath>,
    /// Sockets, pipes and devices.
    pub special: BTreeSet<RelPath>,
}

impl InstalledTree {
    fn linked(&self, path: &RelPath) -> Option<&RelPath> {
        self.links.iter().find(|link| path.is_within(link))
    }
}

/// Where the texts come from, one at a time: only what has to be merged is read.
pub trait Texts {
    /// A blob of the source or of the kept base; none if it isn't there (shallow clone).
    fn blob(&self, id: &BlobId) -> Option<Arc<[u8]>>;
    /// A file of the install.
    fn mine(&self, path: &RelPath) -> Option<Arc<[u8]>>;
    /// What is wrong with a merged text that mine didn't have, beyond what can be told without a program.
    fn damage(&self, _path: &RelPath, _mine: &[u8], _merged: &[u8]) -> Option<String> {
        None
    }
}

/// All that a plan is made from.
pub struct Inputs<'a> {
    /// Up to the commit that will be installed.
    pub history: &'a History,
    /// That commit's files, only those that an install can hold.
    pub target: &'a Tree,
    /// The layout of the install as it is.
    pub layout_now: &'a Layout,
    /// The layout that it will have.
    pub layout_next: &'a Layout,
    /// What is installed.
    pub installed: &'a InstalledTree,
    /// What the last upgrade noted.
    pub baseline: Option<&'a Baseline>,
    /// Only this part of the install; all of it if none.
    pub only: Option<Only>,
    /// For the plan's head.
    pub source: PlanSource,
    /// The install's folder, for the plan's head.
    pub install_path: String,
    /// Contents.
    pub texts: &'a dyn Texts,
}

/// A path followed from the release it was installed from to the commit that will be installed.
struct Lineage {
    /// Where it stands (or stood) in the install.
    now: Option<RelPath>,
    /// Its source path then.
    source_before: Option<RelPath>,
    /// What the release shipped.
    base: Option<Shipped>,
    /// Where it will stand, its source path, what is shipped.
    next: Option<(RelPath, RelPath, Shipped)>,
}

/// What planning found.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// Files of the install that are from a release after the one that would be installed.
    pub newer: Vec<RelPath>,
    /// The baseline that is written when the plan has been applied.
    pub next_baseline: Baseline,
}

/// Makes the plan and the baseline that is written when it has been applied. Pure apart from the texts it asks for.
pub fn plan(inputs: &Inputs<'_>) -> Planned {
    let planner = Planner::new(inputs);
    let base = planner.base_files();
    let mut files: Vec<FileEntry> = planner.lineages(&base).iter().flat_map(|l| planner.classify(l)).collect();
    files.retain(|f| planner.wanted(&f.path) && f.from.as_ref().is_none_or(|from| planner.wanted(from)));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (release, release_evidence) = match (inputs.baseline, &planner.matched) {
        (Some(baseline), _) => (Some(baseline.release.clone()), ReleaseEvidence::Baseline),
        (None, Some(found)) => (Some(found.commit.clone()), ReleaseEvidence::History),
        (None, None) => match planner.known_release() {
            Some(release) => (Some(release), ReleaseEvidence::Known),
            None => (None, ReleaseEvidence::None),
        },
    };
    let plan = Plan {
        schema: 1,
        source: inputs.source.clone(),
        install: PlanInstall {
            path: inputs.install_path.clone(),
            layout: inputs.layout_now.name.clone(),
            release,
            release_evidence,
        },
        only: inputs.only,
        summary: Summary::of(&files),
        files,
    };
    let next_baseline = planner.next_baseline(base);
    Planned { plan, newer: planner.newer, next_baseline }
}

struct Planner<'a> {
    inputs: &'a Inputs<'a>,
    /// The release that the install matches; not looked for where a baseline names it.
    matched: Option<Match>,
    /// Files from releases after the one that would be installed.
    newer: Vec<RelPath>,
}

impl<'a> Planner<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Self {
        let mut planner = Self { inputs, matched: None, newer: Vec::new() };
        planner.newer = planner.find_newer();
        if inputs.baseline.is_none() {
            let managed: HashMap<&RelPath, RelPath> =
                inputs.history.paths().filter_map(|p| Some((p, planner.now(p)?))).collect();
            let by_source: HashMap<RelPath, BlobId> = managed
                .iter()
                .filter_map(|(source, install)| {
                    let mine = inputs.installed.files.get(install)?;
                    let lf = mine.blob_with_lf.as_ref().filter(|id| inputs.history.shipped(source, id));
                    Some(((*source).clone(), lf.unwrap_or(&mine.blob).clone()))
                })
                .collect();
            let best = inputs.history.best_match(&by_source, |p| managed.contains_key(p));
            planner.matched = best.filter(|found| !inputs.source.shallow || planner.fits_whole(found, &by_source));
            if let Some(found) = planner.matched.as_mut().filter(|_| !planner.newer.is_empty()) {
                // A newer install: what it lacks of an older release was removed by the source, not by the user.
                found.in_every_tie.clear();
            }
        }
        planner
    }

    /// Whether the one release that a shallow clone knows really is the installed one: nothing of it is missing, most of
    /// it is there as it was shipped, and nothing is from a release that the clone doesn't know.
    fn fits_whole(&self, found: &Match, installed: &HashMap<RelPath, BlobId>) -> bool {
        let shipped: Vec<_> = found.tree.keys().filter(|p| self.now(p).is_some()).collect();
        let foreign = |(path, blob): (&RelPath, &BlobId)| {
            !self.inputs.history.shipped(path, blob) && known().version(path, blob).is_some()
        };
        shipped.iter().all(|p| installed.contains_key(*p))
            && found.matching * 2 > shipped.len()
            && !installed.iter().any(foreign)
    }

    /// Whether a release is known to have shipped this blob at this source path.
    fn was_shipped(&self, source: &RelPath, blob: &BlobId) -> bool {
        let history = self.inputs.history;
        history.shipped(source, blob) || history.shipped_later(source, blob) || known().version(source, blob).is_some()
    }

    /// The newest known release that first shipped a file of the install: at least that one is installed.
    fn known_release(&self) -> Option<String> {
        let installed = &self.inputs.installed.files;
        let version = |source: &RelPath| known().version(source, &installed.get(&self.now(source)?)?.blob);
        let newest = known().paths().filter_map(version).max_by(|a, b| a.first_date.cmp(&b.first_date))?;
        Some(newest.first.clone())
    }

    /// Files of the install that are from a release after the one that would be installed.
    fn find_newer(&self) -> Vec<RelPath> {
        let history = self.inputs.history;
        let paths: BTreeSet<&RelPath> = history.paths().chain(history.later_paths()).chain(known().paths()).collect();
        // When the public releases had got as far as the commit that would be installed.
        let date =
            |(source, file): (&RelPath, &Shipped)| Some(known().version(source, &file.blob)?.first_date.as_str());
        let reached = self.inputs.target.iter().filter_map(date).max().unwrap_or_default();
        let after = |date: &str| {
            // Of releases of one day a whole history tells the earlier ones, a shallow one doesn't.
            !reached.is_empty() && (date > reached || (date == reached && !self.inputs.source.shallow))
        };
        let is_newer = |source: &&RelPath, mine: &Installed| {
            let ids = || [Some(&mine.blob), mine.blob_with_lf.as_ref()].into_iter().flatten();
            let later = |id: &BlobId| {
                history.shipped_later(source, id) || known().version(source, id).is_some_and(|v| after(&v.first_date))
            };
            !ids().any(|id| history.shipped(source, id)) && ids().any(later)
        };
        let found = paths.into_iter().filter_map(|source| {
            let path = self.now(source)?;
            let mine = self.inputs.installed.files.get(&path)?;
            is_newer(&source, mine).then_some(path)
        });
        found.collect()
    }

    fn now(&self, source: &RelPath) -> Option<RelPath> {
        self.inputs.layout_now.install_path(source, |f| self.inputs.installed.folders.contains(f))
    }

    fn next(&self, source: &RelPath) -> Option<RelPath> {
        self.inputs.layout_next.install_path(source, |f| self.inputs.installed.folders.contains(f))
    }

    /// Whether a path is in the part that is upgraded.
    fn wanted(&self, path: &RelPath) -> bool {
        let server = self.inputs.layout_next.is_server(path);
        match self.inputs.only {
            None => true,
            Some(Only::Server) => server,
            Some(Only::Content) => !server,
        }
    }

    /// The new release's files; where only a part is upgraded, the rest stays at the release it is from.
    fn next_baseline(&self, base: BTreeMap<RelPath, BaselineFile>) -> Baseline {
        let inputs = self.inputs;
        let shipped = |(source, file): (&RelPath, &Shipped)| Some((self.next(source)?, BaselineFile::of(source, file)));
        let new = inputs.target.iter().filter_map(shipped).filter(|(path, _)| self.wanted(path));
        let old = base.into_iter().filter(|(path, _)| !self.wanted(path)).map(|(path, mut file)| {
            file.release = file.release.or_else(|| self.release().map(str::to_owned));
            (path, file)
        });
        let release = inputs.source.commit.clone();
        Baseline { schema: 1, release, layout: inputs.layout_next.name.clone(), files: new.chain(old).collect() }
    }

    fn release(&self) -> Option<&str> {
        match self.inputs.baseline {
            Some(baseline) => Some(&baseline.release),
            None => self.matched.as_ref().map(|m| m.commit.as_str()),
        }
    }

    /// What the installed release shipped, by install path.
    fn base_files(&self) -> BTreeMap<RelPath, BaselineFile> {
        if let Some(baseline) = self.inputs.baseline {
            let own = |p: &RelPath| layouts().is_own(p) || layouts().is_ephemeral(p);
            return baseline.files.iter().filter(|(p, _)| !own(p)).map(|(p, f)| (p.clone(), f.clone())).collect();
        }
        let tree = self.matched.iter().flat_map(|m| &m.tree);
        tree.filter_map(|(source, file)| Some((self.now(source)?, BaselineFile::of(source, file)))).collect()
    }

    fn lineages(&self, base: &BTreeMap<RelPath, BaselineFile>) -> Vec<Lineage> {
        let target = self.inputs.target;
        let mut claimed: BTreeSet<RelPath> = BTreeSet::new();
        let base_sources: BTreeSet<&RelPath> = base.values().map(|f| &f.source_path).collect();
        let mut lineages = Vec::new();
        for (now, file) in base {
            let successor = self.successor(file, &base_sources, &claimed);
            let next = successor.and_then(|s| Some((self.next(&s)?, s.clone(), target.get(&s)?.clone())));
            if let Some((_, source, _)) = &next {
                claimed.insert(source.clone());
            }
            lineages.push(Lineage {
                now: Some(now.clone()),
                source_before: Some(file.source_path.clone()),
                base: Some(file.shipped()),
                next,
            });
        }
        for (source, shipped) in target.iter().filter(|(source, _)| !claimed.contains(*source)) {
            let Some(path) = self.next(source) else { continue };
            lineages.push(Lineage {
                now: None,
                source_before: None,
                base: None,
                next: Some((path, source.clone(), shipped.clone())),
            });
        }
        // What releases before the installed one left behind.
        let known: BTreeSet<RelPath> =
            lineages.iter().flat_map(|l| l.now.iter().chain(l.next.iter().map(|n| &n.0))).cloned().collect();
        let history = self.inputs.history;
        let ever: BTreeSet<&RelPath> =
            history.paths().chain(history.later_paths()).chain(self::known().paths()).collect();
        for source in ever {
            let Some(now) = self.now(source).filter(|p| !known.contains(p)) else { continue };
            if self.inputs.installed.files.contains_key(&now) {
                lineages.push(Lineage { now: Some(now), source_before: Some(source.clone()), base: None, next: None });
            }
        }
        lineages
    }

    /// Where the target commit has what the release had at `source`.
    fn successor(
        &self,
        file: &BaselineFile,
        base_sources: &BTreeSet<&RelPath>,
        claimed: &BTreeSet<RelPath>,
    ) -> Option<RelPath> {
        let (target, source) = (self.inputs.target, &file.source_path);
        if target.contains_key(source) {
            return Some(source.clone());
        }
        let free = |p: &RelPath| !base_sources.contains(p) && !claimed.contains(p);
        let since = file.release.as_deref().or(self.release()).unwrap_or_default();
        if self.inputs.history.contains(since) {
            return self.inputs.history.follow(source, since, target).filter(free);
        }
        // No history between the two: only an unchanged file can be recognised.
        let mut same = target.iter().filter(|(p, f)| f.blob == file.blob && free(p) && p.name() == source.name());
        same.next().filter(|_| same.next().is_none()).map(|(p, _)| p.clone())
    }

    fn classify(&self, line: &Lineage) -> Vec<FileEntry> {
        let installed = self.inputs.installed;
        let moved_onto = matches!((&line.now, &line.next), (Some(now), Some((next, ..)))
            if now != next && installed.files.contains_key(next));
        if moved_onto {
            // The user already has a file at the new path: two questions, not one.
            let removed = Lineage { next: None, now: line.now.clone(), ..line_ref(line) };
            let arrived = Lineage { now: None, source_before: None, base: None, next: line.next.clone() };
            return [self.classify(&removed), self.classify(&arrived)].concat();
        }
        let spot = line.now.as_ref().or(line.next.as_ref().map(|n| &n.0));
        let Some(spot) = spot else { return Vec::new() };
        let next_spot = line.next.as_ref().map_or(spot, |n| &n.0);
        if let Some(link) = installed.linked(spot).or_else(|| installed.linked(next_spot)) {
            let reason = format!("{link} is a symbolic link; what it leads to is not changed");
            return vec![self.entry(line, next_spot.clone(), None, Kind::Linked, None, reason)];
        }
        if let Some(entry) = self.misplaced(line, next_spot) {
            // The user put something else in the place of a file that the source left alone: no question.
            let deleted = self.absent(line, spot).filter(|e| e.kind == Kind::StaysDeleted);
            return vec![deleted.unwrap_or(entry)];
        }
        match installed.files.get(spot) {
            Some(mine) => vec![self.present(line, spot, mine)],
            None => self.absent(line, spot).into_iter().collect(),
        }
    }

    /// A folder, socket or file stands where the tree needs something else.
    fn misplaced(&self, line: &Lineage, path: &RelPath) -> Option<FileEntry> {
        let installed = self.inputs.installed;
        line.next.as_ref()?;
        let mut parent = path.parent();
        while let Some(folder) = parent {
            if installed.files.contains_key(&folder) || installed.special.contains(&folder) {
                let reason = format!("{folder} is a file of yours where the source has a folder");
                return Some(self.entry(line, path.clone(), None, Kind::Conflict, None, reason));
            }
            parent = folder.parent();
        }
        let what = if installed.special.contains(path) {
            "a special file"
        } else if installed.folders.contains(path) {
            "a folder"
        } else {
            return None;
        };
        let reason = format!("{what} of yours stands where the source has a file");
        Some(self.entry(line, path.clone(), None, Kind::Conflict, None, reason))
    }

    /// The file is there.
    fn present(&self, line: &Lineage, spot: &RelPath, mine: &Installed) -> FileEntry {
        let same_as =
            |shipped: &Shipped| shipped.blob == mine.blob || mine.blob_with_lf.as_ref() == Some(&shipped.blob);
        let from_history = self.inputs.baseline.is_none_or(|b| !b.files.contains_key(spot));
        let source = line.source_before.as_ref().or(line.next.as_ref().map(|n| &n.1));
        let shipped_once = || {
            source.is_some_and(|s| {
                let ids = [Some(&mine.blob), mine.blob_with_lf.as_ref()];
                ids.into_iter().flatten().any(|id| self.was_shipped(s, id))
            })
        };
        if line.base.as_ref().is_some_and(same_as) || (from_history && shipped_once()) {
            self.pristine(line, spot, mine)
        } else {
            self.edited(line, spot, mine)
        }
    }

    fn pristine(&self, line: &Lineage, spot: &RelPath, mine: &Installed) -> FileEntry {
        let source = line.source_before.as_ref().or(line.next.as_ref().map(|n| &n.1));
        let origin = source.and_then(|s| self.inputs.history.origin(s, &mine.blob)).map(|c| short(&c.id));
        let from = match (origin, self.release()) {
            (Some(id), _) => format!("pristine from {id}"),
            (None, Some(release)) => format!("pristine from {}", short(release)),
            (None, None) => "pristine".to_owned(),
        };
        let base = Some(mine.blob.clone());
        let Some((next, _, theirs)) = &line.next else {
            let reason = format!("{from}; source removed it");
            return self.entry(line, spot.clone(), base, Kind::Remove, Some(mine), reason);
        };
        let mode_changed = mine.executable != theirs.executable
            && line.base.as_ref().is_some_and(|b| b.executable != theirs.executable);
        let (kind, what) = if spot != next {
            (Kind::Move, "source moved it")
        } else if theirs.blob == mine.blob || mine.blob_with_lf.as_ref() == Some(&theirs.blob) {
            if mode_changed {
                (Kind::Update, "source changed its mode")
            } else {
                (Kind::Unchanged, "source has the same")
            }
        } else {
            (Kind::Update, "source changed it")
        };
        self.entry(line, next.clone(), base, kind, Some(mine), format!("{from}; {what}"))
    }

    fn edited(&self, line: &Lineage, spot: &RelPath, mine: &Installed) -> FileEntry {
        let Some((next, source, theirs)) = &line.next else {
            return match &line.base {
                Some(base) => {
                    let reason = format!("you edited this since {}; source removed it", self.since());
                    self.entry(line, spot.clone(), Some(base.blob.clone()), Kind::Conflict, Some(mine), reason)
                }
                None => {
                    let reason = "left from an earlier release and edited by you; source no longer has it".to_owned();
                    self.entry(line, spot.clone(), None, Kind::LocalOnly, Some(mine), reason)
                }
            };
        };
        // A shallow clone knows only the newest version: taking it for the base would hide what the source changed.
        let shallow = self.inputs.source.shallow;
        let closest = if line.base.is_none() && !shallow { self.closest(source, spot) } else { None };
        let tied = self.closest_of_ties(line, spot);
        let base = tied.as_ref().or(line.base.as_ref()).or(closest.as_ref().map(|c| &c.1));
        let mode_changed =
            mine.executable != theirs.executable && base.is_some_and(|b| b.executable != theirs.executable);
        if theirs.blob == mine.blob || mine.blob_with_lf.as_ref() == Some(&theirs.blob) {
            let (kind, what) = match spot == next {
                true if mode_changed && theirs.blob == mine.blob => (Kind::Update, "; source changed its mode"),
                true => (Kind::Unchanged, ""),
                false => (Kind::Move, ""),
            };
            let reason = format!("you already have what the source ships{what}");
            return self.entry(line, next.clone(), base.map(|b| b.blob.clone()), kind, Some(mine), reason);
        }
        let Some(base) = base else {
            let reason = if shallow {
                "edited by you, or from a release that this shallow clone does not hold: \
                 the whole history (--deepen) would tell"
            } else {
                "a file of your own stands where the source ships one"
            };
            let reason = reason.to_owned();
            return self.merged(line, spot, mine, None, reason);
        };
        let since = match &closest {
            Some((commit, _)) => format!("you edited this since {commit} (the closest version)"),
            None => format!("you edited this since {}", self.since()),
        };
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
            let hunks = Merge::two_way(my_text, their_text).map_or(1, |m| m.conflicts());
            return conflict(hunks, since);
        };
        let Some(base_text) = texts.blob(&base.blob) else {
            let reason = format!("{since}; the source changed it, and the release's text is not in this clone");
            return conflict(1, reason);
        };
        let Some(merge) = Merge::three_way(base_text, my_text.clone(), their_text) else {
            return conflict(1, format!("{since}; the source changed it too, and it is binary"));
        };
        let (yours, theirs) = (merge.changed_by_mine(), merge.changed_by_theirs());
        let counts = format!("{since} ({yours} hunks); source changed {theirs}");
        match merge.conflicts() {
            0 => {
                let text = merge.result(&[]).unwrap_or_default();
                match super::outcome::damage(next, &my_text, &text).or_else(|| texts.damage(next, &my_text, &text)) {
                    Some(damage) => conflict(1, format!("{counts}; merged by itself {damage}")),
                    None => {
                        let reason = format!("{counts}; none overlap");
                        self.entry(line, next.clone(), base_id, Kind::AutoMerge, Some(mine), reason)
                    }
                }
            }
            n => conflict(n, format!("{counts}; {n} overlap")),
        }
    }

    /// The file is not there.
    fn absent(&self, line: &Lineage, spot: &RelPath) -> Option<FileEntry> {
        let deleted_by_user = line.base.is_some()
            && match (&self.matched, &line.source_before) {
                (Some(found), Some(source)) => found.in_every_tie.contains(source),
                _ => true,
            };
        let base = line.base.as_ref().map(|b| b.blob.clone());
        let Some((next, _, theirs)) = &line.next else {
            let reason = "not there, and the source removed it".to_owned();
            return deleted_by_user.then(|| self.entry(line, spot.clone(), base, Kind::Unchanged, None, reason));
        };
        if !deleted_by_user {
            let reason = "new in the source".to_owned();
            return Some(self.entry(line, next.clone(), None, Kind::New, None, reason));
        }
        let since = self.since();
        let (kind, reason) = if spot != next {
            (Kind::Conflict, format!("you deleted this since {since}; source moved it"))
        } else if line.base.iter().chain(self.tied_versions(line)).all(|b| b.blob == theirs.blob) {
            (Kind::StaysDeleted, format!("you deleted this since {since}; source did not change it"))
        } else {
            (Kind::Conflict, format!("you deleted this since {since}; source changed it"))
        };
        Some(self.entry(line, next.clone(), base, kind, None, reason))
    }

    fn since(&self) -> String {
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
        let likeness = |blob: &BlobId| {
            let text = self.inputs.texts.blob(blob)?;
            Some(similar::TextDiff::from_lines(&text[..], mine).ratio())
        };
        let scored = versions.filter_map(|(what, s)| Some((likeness(&s.blob)?, what, s)));
        scored.reduce(|best, next| if next.0 > best.0 { next } else { best })
    }

    /// The version most like mine, for a file that the installed release doesn't ship but an earlier one did.
    ///
    /// Where only files that later moved here were shipped, mine has to look like one of them, by git's measure of a
    /// rename: any other file is the user's own.
    fn closest(&self, source: &RelPath, spot: &RelPath) -> Option<(String, Shipped)> {
        let mine = self.inputs.texts.mine(spot)?;
        let history = self.inputs.history;
        let versions = history.versions(source, self.release());
        let here = self.release().is_some_and(|release| history.existed(source, release));
        let (likeness, commit, shipped) = self.most_like(&mine, versions.into_iter())?;
        (here || likeness >= 0.5).then(|| (short(&commit.id).to_owned(), shipped))
    }

    fn entry(
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
            from: if moved { line.now.clone() } else { None },
            path,
            kind,
            source_path: theirs.map(|n| n.1.clone()).or_else(|| line.source_before.clone()),
            base,
            mine: mine.map(|m| m.blob.clone()),
            theirs: theirs.map(|n| n.2.blob.clone()),
            conflict_hunks: hunks,
            reason,
            executable,
        }
    }
}

fn line_ref(line: &Lineage) -> Lineage {
    Lineage {
        now: line.now.clone(),
        source_before: line.source_before.clone(),
        base: line.base.clone(),
        next: line.next.clone(),
    }
}

/// The first seven digits of an id, as people write them.
pub fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}

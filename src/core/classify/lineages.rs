//! Where files come from: the release that the install matches, and each of its paths followed to the target commit.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Inputs, Installed, Lineage, Planner};
use crate::core::baseline::{Baseline, BaselineFile};
use crate::core::blob::BlobId;
use crate::core::known_releases::{known, was_shipped};
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::plan::Only;
use crate::core::release_history::{Match, Shipped};

impl<'a> Planner<'a> {
    pub(super) fn new(inputs: &'a Inputs<'a>) -> Self {
        let mut planner = Self {
            inputs,
            matched: None,
            ever: super::ever(inputs.history).into_iter().map(|source| (source, place_now(inputs, source))).collect(),
            newer: Vec::new(),
            cut_off: inputs.source.shallow,
            standing: OnceCell::new(),
        };
        planner.newer = planner.find_newer();
        planner.cut_off |= planner.begins_late();
        if inputs.baseline.is_none() {
            // Nothing installs config, so its being there or not says nothing about the release.
            let installs = |p: &_| planner.now(p).filter(|path| !layouts().is_config(path));
            let managed: HashMap<&RelPath, RelPath> =
                inputs.history.paths().filter_map(|p| Some((p, installs(p)?))).collect();
            let by_source: HashMap<RelPath, BlobId> = managed
                .iter()
                .filter_map(|(source, install)| {
                    let mine = inputs.installed.files.get(install)?;
                    let lf = mine.blob_with_lf.as_ref().filter(|id| inputs.history.shipped(source, id));
                    Some(((*source).clone(), lf.unwrap_or(&mine.blob).clone()))
                })
                .collect();
            let best = inputs.history.best_match(&by_source, |p| managed.contains_key(p));
            planner.matched = best.filter(|found| !planner.cut_off || planner.fits_whole(found, &by_source));
            if let Some(found) = planner.matched.as_mut().filter(|_| !planner.newer.is_empty()) {
                // A newer install: what it lacks of an older release was removed by the source, not by the user.
                found.in_every_tie.clear();
            }
        }
        planner
    }

    /// Whether the source is no shallow clone and still has its history cut off, as a tarball that somebody committed
    /// has: it begins with a later release than the known ones do, and the install has files from before.
    fn begins_late(&self) -> bool {
        fn known_date(path: &RelPath, blob: &BlobId) -> Option<&'static str> {
            known().version(path, blob).map(|v| v.first_date.as_str())
        }
        let begins = self.inputs.history.first_files().filter_map(|(path, blob)| known_date(path, blob)).max();
        let from_before = |source: &RelPath| {
            let mine = self.now(source).and_then(|path| self.inputs.installed.files.get(&path));
            mine.is_some_and(|mine| {
                let date = known_date(source, &mine.blob);
                date.is_some_and(|d| Some(d) < begins) && !self.inputs.history.shipped(source, &mine.blob)
            })
        };
        begins > known().begin() && known().paths().any(from_before)
    }

    /// Whether the one release that a shallow clone knows really is the installed one: nothing of it is missing, most of
    /// it is there as it was shipped, and nothing is from a release that the clone doesn't know.
    pub(super) fn fits_whole(&self, found: &Match, installed: &HashMap<RelPath, BlobId>) -> bool {
        let shipped: Vec<_> = found.tree.keys().filter(|p| self.now(p).is_some()).collect();
        let foreign = |(path, blob): (&RelPath, &BlobId)| {
            !self.inputs.history.shipped(path, blob) && known().version(path, blob).is_some()
        };
        shipped.iter().all(|p| installed.contains_key(*p))
            && found.matching * 2 > shipped.len()
            && !installed.iter().any(foreign)
    }

    /// Whether the manifest tells of any file of the install where it came from.
    pub(super) fn manifest_tells(&self) -> bool {
        let installed = |source: &RelPath| self.now(source).filter(|p| self.inputs.installed.files.contains_key(p));
        self.inputs.manifest.keys().any(|source| installed(source).is_some_and(|spot| self.in_manifest(source, &spot)))
    }

    /// The newest known release that first shipped a file of the install: at least that one is installed.
    pub(super) fn known_release(&self) -> Option<String> {
        let installed = &self.inputs.installed.files;
        let version = |source: &RelPath| known().version(source, &installed.get(&self.now(source)?)?.blob);
        let newest = known().paths().filter_map(version).max_by(|a, b| a.first_date.cmp(&b.first_date))?;
        Some(newest.first.clone())
    }

    /// Files of the install that are from a release after the one that would be installed.
    pub(super) fn find_newer(&self) -> Vec<RelPath> {
        let history = self.inputs.history;
        // When the public releases had got as far as the commit that would be installed.
        let date =
            |(source, file): (&RelPath, &Shipped)| Some(known().version(source, &file.blob)?.first_date.as_str());
        let reached = self.inputs.target.iter().filter_map(date).max().unwrap_or_default();
        let after = |date: &str| {
            // Of releases of one day a whole history tells the earlier ones, a shallow one doesn't.
            !reached.is_empty() && (date > reached || (date == reached && !self.inputs.source.shallow))
        };
        let is_newer = |source: &RelPath, mine: &Installed| {
            let ids = || [Some(&mine.blob), mine.blob_with_lf.as_ref()].into_iter().flatten();
            let later = |id: &BlobId| {
                history.shipped_later(source, id) || known().version(source, id).is_some_and(|v| after(&v.first_date))
            };
            !ids().any(|id| history.shipped(source, id)) && ids().any(later)
        };
        let found = self.ever.iter().filter_map(|(source, path)| {
            let path = path.as_ref()?;
            let mine = self.inputs.installed.files.get(path)?;
            is_newer(source, mine).then(|| path.clone())
        });
        found.collect()
    }

    pub(super) fn now(&self, source: &RelPath) -> Option<RelPath> {
        self.ever.get(source).cloned().unwrap_or_else(|| place_now(self.inputs, source))
    }

    pub(super) fn next(&self, source: &RelPath) -> Option<RelPath> {
        self.inputs.generation_next.newest().install_path(source, |f| self.inputs.installed.folders.contains(f))
    }

    /// Whether a path is in the part that is upgraded.
    pub(super) fn wanted(&self, path: &RelPath) -> bool {
        let server = layouts().is_server(path);
        match self.inputs.only {
            None => true,
            Some(Only::Server) => server,
            Some(Only::Content) => !server,
        }
    }

    /// The new release's files; where only a part is upgraded, the rest stays at the release it is from.
    pub(super) fn next_baseline(&self, base: BTreeMap<RelPath, BaselineFile>) -> Baseline {
        let inputs = self.inputs;
        let shipped = |(source, file): (&RelPath, &Shipped)| Some((self.next(source)?, BaselineFile::of(source, file)));
        let new = inputs.target.iter().filter_map(shipped).filter(|(path, _)| self.wanted(path));
        let old = base.into_iter().filter(|(path, _)| !self.wanted(path)).map(|(path, mut file)| {
            file.release = file.release.or_else(|| self.release().map(str::to_owned));
            (path, file)
        });
        let release = inputs.source.commit.clone();
        Baseline {
            schema: 1,
            release,
            layout: inputs.generation_next.newest().name.clone(),
            files: new.chain(old).collect(),
        }
    }

    pub(super) fn release(&self) -> Option<&str> {
        match self.inputs.baseline {
            Some(baseline) => Some(&baseline.release),
            None => self.matched.as_ref().map(|m| m.commit.as_str()),
        }
    }

    /// What the installed release shipped, by install path.
    pub(super) fn base_files(&self) -> BTreeMap<RelPath, BaselineFile> {
        if let Some(baseline) = self.inputs.baseline {
            let own = |(p, f): &(&RelPath, &BaselineFile)| {
                let config = layouts().config_path(&f.source_path).as_ref() == Some(*p);
                !config && (layouts().is_own(p) || layouts().is_ephemeral(p))
            };
            return baseline.files.iter().filter(|one| !own(one)).map(|(p, f)| (p.clone(), f.clone())).collect();
        }
        let tree = self.matched.iter().flat_map(|m| &m.tree);
        tree.filter_map(|(source, file)| Some((self.now(source)?, BaselineFile::of(source, file)))).collect()
    }

    pub(super) fn lineages(&self, base: &BTreeMap<RelPath, BaselineFile>) -> Vec<Lineage> {
        let target = self.inputs.target;
        let mut claimed: BTreeSet<RelPath> = BTreeSet::new();
        let base_sources: BTreeSet<&RelPath> = base.values().map(|f| &f.source_path).collect();
        let mut lineages = Vec::new();
        for (now, file) in base {
            let successor = self.successor(file, &base_sources, &claimed);
            let other = |s: &RelPath| layouts().other_server(&file.source_path, s);
            let (became, successor) = match successor {
                Some(s) if other(&s) => (self.next(&s), None),
                successor => (None, successor),
            };
            let next = successor.and_then(|s| Some((self.next(&s)?, s.clone(), target.get(&s)?.clone())));
            if let Some((_, source, _)) = &next {
                claimed.insert(source.clone());
            }
            lineages.push(Lineage {
                now: Some(now.clone()),
                source_before: Some(file.source_path.clone()),
                base: Some(file.shipped()),
                next,
                copy_of: None,
                became,
            });
        }
        for (source, shipped) in target.iter().filter(|(source, _)| !claimed.contains(*source)) {
            let Some(path) = self.next(source) else { continue };
            lineages.push(Lineage {
                now: None,
                source_before: None,
                base: None,
                next: Some((path, source.clone(), shipped.clone())),
                copy_of: None,
                became: None,
            });
        }
        // What releases before the installed one left behind.
        let followed: BTreeSet<RelPath> =
            lineages.iter().flat_map(|l| l.now.iter().chain(l.next.iter().map(|n| &n.0))).cloned().collect();
        for source in self.ever.keys().copied() {
            for now in self.inputs.roots.places(source).filter(|p| !followed.contains(p)) {
                if self.inputs.installed.files.get(&now).is_some_and(|mine| !self.came_later(source, mine)) {
                    let copy_of = self.twin(source).filter(|twin| *twin != now && followed.contains(twin));
                    lineages.push(Lineage {
                        now: Some(now),
                        source_before: Some(source.clone()),
                        base: None,
                        next: None,
                        copy_of,
                        became: None,
                    });
                }
            }
        }
        lineages.extend(self.ever.keys().flat_map(|source| self.strays(source)));
        lineages
    }

    /// What was copied by hand with a folder that goes, and is as a release has it.
    fn strays(&self, source: &RelPath) -> Vec<Lineage> {
        let is_released = |path: &RelPath| {
            let mine = self.inputs.installed.files.get(path);
            mine.is_some_and(|mine| was_shipped(self.inputs.history, source, &mine.blob))
        };
        let found = self.inputs.roots.strays(source, self.inputs.generation_next.newest()).filter(is_released);
        found
            .map(|now| Lineage {
                now: Some(now),
                source_before: Some(source.clone()),
                base: None,
                next: None,
                copy_of: None,
                became: None,
            })
            .collect()
    }

    /// Whether a file can't be from any release: its page came after the installed one, and never had these bytes.
    fn came_later(&self, source: &RelPath, mine: &Installed) -> bool {
        let history = self.inputs.history;
        let Some(release) = self.release().filter(|release| history.contains(release)) else { return false };
        let ids = [Some(&mine.blob), mine.blob_with_lf.as_ref()];
        let shipped = ids.into_iter().flatten().any(|id| was_shipped(history, source, id));
        !shipped && !history.versions(source, None).is_empty() && history.versions(source, Some(release)).is_empty()
    }

    /// Where a page of an earlier release will stand, for what may be another copy of it.
    fn twin(&self, source: &RelPath) -> Option<RelPath> {
        let (history, target) = (self.inputs.history, self.inputs.target);
        if target.contains_key(source) {
            return self.next(source);
        }
        let begin = history.versions(source, None).last().map(|(commit, _)| commit.id.clone())?;
        self.next(&history.follow(source, &begin, target)?)
    }

    /// Where the target commit has what the release had at `source`.
    pub(super) fn successor(
        &self,
        file: &BaselineFile,
        base_sources: &BTreeSet<&RelPath>,
        claimed: &BTreeSet<RelPath>,
    ) -> Option<RelPath> {
        let (target, source) = (self.inputs.target, &file.source_path);
        if target.contains_key(source) {
            return Some(source.clone());
        }
        if let Some(config) = layouts().config_path(source) {
            // Of another generation's source, too, there is one template for a config file.
            return target.keys().find(|p| layouts().config_path(p).as_ref() == Some(&config)).cloned();
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
}

/// Where a source path stands in the install, or would stand.
fn place_now(inputs: &Inputs<'_>, source: &RelPath) -> Option<RelPath> {
    let mut places = inputs.roots.places(source).peekable();
    let first = places.peek().cloned();
    places.find(|place| inputs.installed.files.contains_key(place)).or(first)
}

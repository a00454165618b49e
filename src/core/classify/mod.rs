//! Makes the plan: each user state meets each upstream state in exactly one way (the table of the design).

mod config;
mod lineages;
mod obstacles;
pub(crate) mod pristine;
mod table;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::core::baseline::Baseline;
use crate::core::blob::BlobId;
use crate::core::known_releases::{known, was_shipped};
use crate::core::layout::roots::Roots;
use crate::core::layout::{Generation, Layout, Map};
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind, Only, Plan, PlanInstall, PlanSource, ReleaseEvidence, Summary};
use crate::core::release_history::{History, Match, Shipped, Tree};

/// A file of the install, as found on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Its content's id in the source's object format.
    pub(crate) blob: BlobId,
    /// The id with CRLF read as LF, where that makes a difference.
    pub(crate) blob_with_lf: Option<BlobId>,
    /// Whether its owner may execute it.
    pub(crate) executable: bool,
}

impl Installed {
    /// Whether it has these bytes, line ends apart.
    pub(crate) fn is(&self, blob: &BlobId) -> bool {
        self.blob == *blob || self.blob_with_lf.as_ref() == Some(blob)
    }
}

/// What was found in the managed folders of an install.
#[derive(Debug, Clone, Default)]
pub(crate) struct InstalledTree {
    /// Regular files.
    pub(crate) files: BTreeMap<RelPath, Installed>,
    /// Folders.
    pub(crate) folders: BTreeSet<RelPath>,
    /// Symbolic links, to files or folders: what lies behind them is not ours to write.
    pub(crate) links: BTreeSet<RelPath>,
    /// Sockets, pipes and devices.
    pub(crate) special: BTreeSet<RelPath>,
    /// What was not looked at: ephemeral, or the user's own.
    pub(crate) skipped: BTreeSet<RelPath>,
}

impl InstalledTree {
    fn linked(&self, path: &RelPath) -> Option<&RelPath> {
        self.links.iter().find(|link| path.is_within(link))
    }
}

/// Where the texts come from, one at a time: only what has to be merged is read.
pub(crate) trait Texts {
    /// A blob of the source or of the kept base; none if it isn't there (shallow clone).
    fn blob(&self, id: &BlobId) -> Option<Arc<[u8]>>;
    /// A file of the install.
    fn mine(&self, path: &RelPath) -> Option<Arc<[u8]>>;
}

/// All that a plan is made from.
pub(crate) struct Inputs<'a> {
    /// Up to the commit that will be installed.
    pub(crate) history: &'a History,
    /// That commit's files, only those that an install can hold.
    pub(crate) target: &'a Tree,
    /// The generation of the install as it is.
    pub(crate) generation_now: &'static Generation,
    /// Its layout.
    pub(crate) layout_now: &'static Layout,
    /// The generation that it will be of.
    pub(crate) generation_next: &'static Generation,
    /// Where the source's folders stand in the install.
    pub(crate) roots: &'a Roots,
    /// What is installed.
    pub(crate) installed: &'a InstalledTree,
    /// What the last upgrade noted.
    pub(crate) baseline: Option<&'a Baseline>,
    /// The sha256 (hex) of source paths, as the source's manifest lists them: often those of an earlier release.
    pub(crate) manifest: &'a BTreeMap<RelPath, String>,
    /// Only this part of the install; all of it if none.
    pub(crate) only: Option<Only>,
    /// For the plan's head.
    pub(crate) source: PlanSource,
    /// The install's folder, for the plan's head.
    pub(crate) install_path: std::path::PathBuf,
    /// Contents.
    pub(crate) texts: &'a dyn Texts,
    /// Paths of which is known that their text, merged by itself, is damaged, and how: a person decides about them.
    pub(crate) vetoes: &'a BTreeMap<RelPath, String>,
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
    /// Where the page stands, or comes, of which this is another copy.
    copy_of: Option<RelPath>,
    /// The file of another generation's server that it became: another file all the same.
    became: Option<RelPath>,
}

/// What planning found.
#[derive(Debug)]
pub(crate) struct Planned {
    /// The plan.
    pub(crate) plan: Plan,
    /// Files of the install that are from a release after the one that would be installed.
    pub(crate) newer: Vec<RelPath>,
    /// The baseline that is written when the plan has been applied.
    pub(crate) next_baseline: Baseline,
}

impl Planned {
    /// What would be merged without a question. Who can say that such a text is damaged, which takes a program, plans again
    /// with that as [`Inputs::vetoes`]: what gets a question may be in the way of something else.
    pub(crate) fn auto_merges(&self) -> impl Iterator<Item = &FileEntry> {
        self.plan.files.iter().filter(|entry| entry.kind == Kind::AutoMerge)
    }
}

/// Makes the plan and the baseline that is written when it has been applied. Pure apart from the texts it asks for.
pub(crate) fn plan(inputs: &Inputs<'_>) -> Planned {
    let planner = Planner::new(inputs);
    let base = planner.base_files();
    let mut files = planner.entries(&planner.lineages(&base));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (release, release_evidence) = match (inputs.baseline, &planner.matched) {
        (Some(baseline), _) => (Some(baseline.release.clone()), ReleaseEvidence::Baseline),
        (None, Some(found)) => (Some(found.commit.clone()), ReleaseEvidence::History),
        (None, None) => match planner.known_release() {
            Some(release) => (Some(release), ReleaseEvidence::Known),
            None if planner.manifest_tells() => (None, ReleaseEvidence::Manifest),
            None => (None, ReleaseEvidence::None),
        },
    };
    let plan = Plan {
        schema: 1,
        source: inputs.source.clone(),
        install: PlanInstall {
            path: inputs.install_path.to_string_lossy().into_owned(),
            path_base64: super::os_text::base64(&inputs.install_path),
            layout: inputs.layout_now.name.clone(),
            generation: inputs.generation_now.name.clone(),
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

/// Every source path that a release is known to have shipped.
fn ever(history: &History) -> BTreeSet<&RelPath> {
    history.paths().chain(history.later_paths()).chain(known().paths()).collect()
}

/// The roots that an install has: those of its layout, and those in which some file is byte for byte a release's, or
/// was put there by the last upgrade.
pub(crate) fn roots(
    history: &History,
    installed: &InstalledTree,
    baseline: Option<&Baseline>,
    (generation_now, layout_now): (&'static Generation, &'static Layout),
    generation_next: &'static Generation,
) -> Roots {
    let ever = ever(history);
    let noted = |map: &Map| {
        baseline.is_some_and(|b| b.files.iter().any(|(path, f)| map.place(&f.source_path).as_ref() == Some(path)))
    };
    let is_released = |map: &Map| {
        noted(map)
            || ever.iter().any(|source| {
                let mine = map.place(source).and_then(|place| installed.files.get(&place));
                mine.is_some_and(|mine| {
                    let ids = [Some(&mine.blob), mine.blob_with_lf.as_ref()];
                    ids.into_iter().flatten().any(|id| was_shipped(history, source, id))
                })
            })
    };
    Roots::of(generation_now, layout_now, generation_next.newest(), is_released, |folder| {
        installed.folders.contains(folder)
    })
}

struct Planner<'a> {
    inputs: &'a Inputs<'a>,
    /// The release that the install matches; not looked for where a baseline names it.
    matched: Option<Match>,
    /// Every source path that a release is known to have shipped, with where it stands or would stand in the install.
    ever: BTreeMap<&'a RelPath, Option<RelPath>>,
    /// Files from releases after the one that would be installed.
    newer: Vec<RelPath>,
    /// The history doesn't reach back to the release that is installed.
    cut_off: bool,
    /// How many files of the matched release stand in each root, and how many it has there; counted when it is asked.
    standing: OnceCell<BTreeMap<RelPath, (usize, usize)>>,
}

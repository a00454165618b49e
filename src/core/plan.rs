//! The plan: what will happen to every managed path, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blob::{BlobId, sha256};
use super::layout::layouts;
use super::os_text;
use super::path::RelPath;
use crate::core::policy::OnConflict;

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Already what the source ships.
    Unchanged,
    /// Pristine, and the source changed it.
    Update,
    /// The source added it.
    New,
    /// Pristine, and the source removed it.
    Remove,
    /// The source moved it; edits follow.
    Move,
    /// Edited, and the source left it alone.
    LocalOnly,
    /// Edited, and the source changed other places: merged without a question.
    AutoMerge,
    /// A person has to decide.
    Conflict,
    /// The user deleted it and the source left it alone.
    StaysDeleted,
    /// Reached through a symbolic link: reported, not touched.
    Linked,
}

impl Kind {
    /// All kinds, those that need a person first.
    pub const ALL: [Kind; 10] = [
        Kind::Conflict,
        Kind::AutoMerge,
        Kind::Update,
        Kind::New,
        Kind::Move,
        Kind::Remove,
        Kind::LocalOnly,
        Kind::StaysDeleted,
        Kind::Linked,
        Kind::Unchanged,
    ];

    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Unchanged => "unchanged",
            Kind::Update => "update",
            Kind::New => "new",
            Kind::Remove => "remove",
            Kind::Move => "move",
            Kind::LocalOnly => "local_only",
            Kind::AutoMerge => "auto_merge",
            Kind::Conflict => "conflict",
            Kind::StaysDeleted => "stays_deleted",
            Kind::Linked => "linked",
        }
    }

    /// The word for people.
    pub fn label(self) -> &'static str {
        match self {
            Kind::LocalOnly => "yours",
            Kind::AutoMerge => "merge",
            Kind::StaysDeleted => "deleted",
            other => other.word(),
        }
    }

    /// Whether applying it writes, moves or removes something (a conflict may).
    pub fn changes_install(self) -> bool {
        matches!(self, Kind::Update | Kind::New | Kind::Remove | Kind::Move | Kind::AutoMerge | Kind::Conflict)
    }
}

/// One managed path of the plan. `base`, `mine`, `theirs` are blob ids in the source's object format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "EntryJson")]
#[schemars(!from)]
pub struct FileEntry {
    /// Where it stands in the install when done.
    #[serde(serialize_with = "lossy")]
    #[schemars(with = "String")]
    pub path: RelPath,
    /// The path's bytes, for a name that is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// What happens to it.
    pub kind: Kind,
    /// Where it stands now, if it moves.
    pub from: Option<RelPath>,
    /// The name of its page: its path in the source, as the first sources had it; the old one if the source no longer
    /// has it.
    pub source_path: Option<RelPath>,
    /// The release's bytes that the user started from.
    pub base: Option<BlobId>,
    /// What is installed now.
    pub mine: Option<BlobId>,
    /// What the source's commit ships.
    pub theirs: Option<BlobId>,
    /// How many regions a person has to settle.
    pub conflict_hunks: usize,
    /// Why, in a sentence.
    pub reason: String,
    /// Whether the file that is written is executable.
    #[serde(default)]
    pub executable: bool,
}

impl FileEntry {
    /// Whether another plan says the same of this path; the words of the reason don't count.
    pub fn agrees(&self, other: &FileEntry) -> bool {
        let wordless = |entry: &FileEntry| FileEntry { reason: String::new(), ..entry.clone() };
        wordless(self) == wordless(other)
    }

    /// Whether the source's bytes are what is written, offered or merged.
    pub(crate) fn uses_theirs(&self) -> bool {
        match self.kind {
            // An edit that follows a move brings only the user's bytes.
            Kind::Move => self.base != self.theirs || self.mine == self.base,
            kind => kind.changes_install(),
        }
    }
}

impl Plan {
    /// The paths of which this plan and another say different things, sorted.
    pub(crate) fn disagreements(&self, other: &Plan) -> Vec<RelPath> {
        let by_path = |plan: &Plan| -> BTreeMap<RelPath, FileEntry> {
            plan.files.iter().map(|f| (f.path.clone(), f.clone())).collect()
        };
        let (ours, others) = (by_path(self), by_path(other));
        let paths: BTreeSet<&RelPath> = ours.keys().chain(others.keys()).collect();
        let same = |path: &RelPath| matches!((ours.get(path), others.get(path)), (Some(a), Some(b)) if a.agrees(b));
        paths.into_iter().filter(|path| !same(path)).cloned().collect()
    }
}

/// Unusually many removals: more than a person would pass over without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removals {
    /// Files that go, with nothing in their place.
    pub removed: u64,
    /// Files of the install that the plan knows.
    pub managed: u64,
}

impl std::fmt::Display for Removals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { removed, managed } = self;
        write!(f, "{removed} of the {managed} files that releases put here are removed, with nothing in their place")
    }
}

impl Plan {
    /// Names what the plan does: what is applied is what was shown where this is the same.
    pub(crate) fn id(&self) -> String {
        let does: Vec<FileEntry> =
            self.files.iter().map(|f| FileEntry { reason: String::new(), ..f.clone() }).collect();
        // Plain data always has a JSON form.
        let text =
            serde_json::to_string(&(&self.source.commit, &self.install.path, self.only, does)).unwrap_or_default();
        let sum = sha256(text.as_bytes());
        sum.get(..16).unwrap_or(&sum).to_owned()
    }
}

impl Plan {
    /// What this plan removes, if that is unusually much: more than twenty files, or more than five and a tenth of those
    /// that are there. What moves is not removed, nor are second copies of what stays and the server that another one
    /// replaces; what the policy gives up of the user's is.
    pub(crate) fn many_removals(&self, policy: OnConflict) -> Option<Removals> {
        let takes = matches!(policy, OnConflict::Take | OnConflict::MergeTake);
        let goes = |f: &&FileEntry| match f.kind {
            Kind::Remove => true,
            Kind::Conflict => takes && f.theirs.is_none() && f.mine.is_some(),
            _ => false,
        };
        let replaced = self.replaced_server();
        let lost = |f: &&FileEntry| {
            // What is removed and has no page of its own is a second copy.
            let is_copy = f.kind == Kind::Remove && f.source_path.is_none();
            !is_copy && !replaced.is_some_and(|package| f.path.is_within(package))
        };
        let removed = self.files.iter().filter(goes).filter(lost).count() as u64;
        let managed = self.files.iter().filter(|f| f.mine.is_some() && f.kind != Kind::Linked).count() as u64;
        (removed > 20 || (removed > 5 && removed * 10 > managed)).then_some(Removals { removed, managed })
    }
}

impl Plan {
    /// The package of the server that the source's generation has another one for.
    fn replaced_server(&self) -> Option<&'static RelPath> {
        let package = |name: &str| layouts().generation(name).map(|generation| &generation.server().package);
        package(&self.install.generation).filter(|before| package(&self.source.generation) != Some(before))
    }
}

/// How the release that the install matches was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseEvidence {
    /// `.upgrade-baseline.json` names it.
    Baseline,
    /// The source's history has a commit like it.
    History,
    /// The embedded table of known releases.
    Known,
    /// The manifest.
    Manifest,
    /// Nothing.
    None,
}

/// Where the new files come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanSource {
    /// The clone; lossy where it is not UTF-8.
    pub path: String,
    /// The path's bytes, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// The label.
    pub version: String,
    /// The commit's full id.
    pub commit: String,
    /// The clone's history is cut off.
    pub shallow: bool,
    /// It is a partial clone, and lacks contents of its history; told where it is so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The generation of its commit: the one that the install will be of.
    #[serde(default = "first_generation")]
    pub generation: String,
}

/// What is upgraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanInstall {
    /// The `.praxis-os` folder; lossy where it is not UTF-8.
    pub path: String,
    /// The path's bytes, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_base64: Option<String>,
    /// The layout's name.
    pub layout: String,
    /// The name of the generation that the install is of.
    #[serde(default = "first_generation")]
    pub generation: String,
    /// The commit it best matches.
    pub release: Option<String>,
    /// How that is known.
    pub release_evidence: ReleaseEvidence,
}

/// What both are in a plan that was saved before there was another generation to upgrade to.
fn first_generation() -> String {
    layouts().first_target().name.clone()
}

impl PlanSource {
    /// The clone's folder, byte for byte.
    pub fn folder(&self) -> PathBuf {
        os_text::exact(&self.path, self.path_base64.as_deref()).into()
    }
}

impl PlanInstall {
    /// An install as it is laid out now, for a plan that no source was asked for.
    pub(crate) fn laid_out(folder: &Path, generation: &str, layout: &str) -> Self {
        Self {
            path: folder.to_string_lossy().into_owned(),
            path_base64: os_text::base64(folder),
            layout: layout.to_owned(),
            generation: generation.to_owned(),
            release: None,
            release_evidence: ReleaseEvidence::None,
        }
    }

    /// The install's folder, byte for byte.
    pub fn folder(&self) -> PathBuf {
        os_text::exact(&self.path, self.path_base64.as_deref()).into()
    }
}

/// Counts by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // the fields are the kinds, documented there
pub struct Summary {
    pub unchanged: u64,
    pub update: u64,
    pub new: u64,
    pub remove: u64,
    pub r#move: u64,
    pub local_only: u64,
    pub auto_merge: u64,
    pub conflict: u64,
    pub stays_deleted: u64,
    pub linked: u64,
}

impl Summary {
    /// Counts the entries.
    pub fn of(files: &[FileEntry]) -> Self {
        let mut summary = Self::default();
        for file in files {
            *summary.slot(file.kind) += 1;
        }
        summary
    }

    fn slot(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Unchanged => &mut self.unchanged,
            Kind::Update => &mut self.update,
            Kind::New => &mut self.new,
            Kind::Remove => &mut self.remove,
            Kind::Move => &mut self.r#move,
            Kind::LocalOnly => &mut self.local_only,
            Kind::AutoMerge => &mut self.auto_merge,
            Kind::Conflict => &mut self.conflict,
            Kind::StaysDeleted => &mut self.stays_deleted,
            Kind::Linked => &mut self.linked,
        }
    }

    /// The count of one kind.
    pub fn get(&self, kind: Kind) -> u64 {
        *self.clone().slot(kind)
    }

    /// How many paths change or wait for an answer.
    pub fn pending(&self) -> u64 {
        Kind::ALL.into_iter().filter(|k| k.changes_install()).map(|k| self.get(k)).sum()
    }
}

/// A part of the install that can be upgraded alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// Standards, workflows, scripts: no server code, no dependencies.
    Content,
    /// Server code and dependencies.
    Server,
}

/// The plan, as `plan --json` prints it (schema 1).
///
/// ```json
/// {"schema":1,
///  "source":{"path":"/src","version":"1.0.0","commit":"<id>","shallow":false,"generation":"praxis-os"},
///  "install":{"path":"/p/.praxis-os","layout":"current","generation":"praxis-os","release":"<id>",
///             "release_evidence":"history"},
///  "summary":{"unchanged":0,"update":1,"new":0,"remove":0,"move":0,"local_only":0,"auto_merge":0,"conflict":0,
///             "stays_deleted":0,"linked":0},
///  "files":[{"path":"standards/universal/x.md","kind":"update","from":null,"source_path":"universal/standards/x.md",
///            "base":"<id>","mine":"<id>","theirs":"<id>","conflict_hunks":0,"reason":"…"}],
///  "outside":{"files_read":12,"tracked":true,"cut_off":false,"references":[],"unread":[]},
///  "project_files":[],"leftovers":[],"rules":[],"will_be_tried":{"place":"here"}}
/// ```
///
/// What stands outside of the install is no part of what is approved: it is only told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// 1.
    pub schema: u32,
    /// Where from.
    pub source: PlanSource,
    /// Where to.
    pub install: PlanInstall,
    /// The part that is upgraded; not there when all of it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// Counts by kind.
    pub summary: Summary,
    /// Every managed path, sorted.
    pub files: Vec<FileEntry>,
}

/// For JSON: what isn't UTF-8 stands in `path_base64`, this is for people.
fn lossy<S: serde::Serializer>(path: &RelPath, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(path.as_bytes()))
}

/// An entry as it is read: `path_base64` outweighs `path`.
#[derive(Deserialize)]
struct EntryJson {
    path: RelPath,
    path_base64: Option<String>,
    kind: Kind,
    from: Option<RelPath>,
    source_path: Option<RelPath>,
    base: Option<BlobId>,
    mine: Option<BlobId>,
    theirs: Option<BlobId>,
    conflict_hunks: usize,
    reason: String,
    #[serde(default)]
    executable: bool,
}

impl From<EntryJson> for FileEntry {
    fn from(json: EntryJson) -> Self {
        let exact = json.path_base64.as_ref().and_then(|coded| format!("base64:{coded}").parse().ok());
        FileEntry {
            path: exact.unwrap_or(json.path),
            path_base64: json.path_base64,
            kind: json.kind,
            from: json.from,
            source_path: json.source_path,
            base: json.base,
            mine: json.mine,
            theirs: json.theirs,
            conflict_hunks: json.conflict_hunks,
            reason: json.reason,
            executable: json.executable,
        }
    }
}

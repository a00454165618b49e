//! What a person sees before saying yes: the checks of phase 0 and the plan. Reads, never writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::answers::{self, Prior, Rules};
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::core::phase::PreFlightEvidence;
use crate::core::plan::{FileEntry, Kind, Only, Plan};
pub(crate) use crate::core::session::Draft;
use crate::core::session::Session;
use crate::core::visible::Shown as _;
use crate::engine::conflicts::settle;
pub(crate) use crate::engine::conflicts::settle::unasked_outcome;
use crate::engine::planning::assistant_rules;
use crate::engine::planning::assistant_rules::RulesFile;
use crate::engine::planning::checks;
use crate::engine::planning::editors;
use crate::engine::planning::editors::ProjectFile;
use crate::engine::planning::environment;
use crate::engine::planning::folder;
use crate::engine::planning::leftover::Leftover;
use crate::engine::planning::leftovers;
use crate::engine::planning::lfs_pointers;
use crate::engine::planning::live_workflows;
use crate::engine::planning::make_plan;
use crate::engine::planning::make_plan::{Planned, PlanningError};
pub(crate) use crate::engine::planning::other_upgrades::session_in_the_way;
use crate::engine::planning::outside;
use crate::engine::planning::outside::Outside;
use crate::engine::planning::possible;
use crate::engine::planning::python;
use crate::engine::planning::rehearsal::{self, Foreseen};
use crate::engine::planning::request::Request;
use crate::engine::planning::source;
use crate::engine::planning::source::Source;
use crate::engine::planning::writable;
use crate::engine::refusal::{About, Problem};
use crate::engine::session::word;
use crate::host::files::error::FsError;
use crate::host::files::folder::{Content, Folder};
use crate::host::files::fs;
use crate::host::git::{GitError, Repo};
use crate::host::install;
use crate::host::server::{self, Owner, Running};
use crate::host::session::catalog;

/// The result of looking.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The checks' evidence; fields that couldn't be found are empty when there are problems.
    pub(crate) evidence: PreFlightEvidence,
    /// What stops the upgrade; empty if nothing does.
    pub(crate) problems: Vec<Problem>,
    /// The plan; none when a problem made planning impossible.
    pub(crate) plan: Option<Plan>,
    /// The source that the plan was made from, open at its commit, for whoever goes on with it.
    pub(crate) source: Option<Arc<Source>>,
    /// Subjects of the source's commits since the installed release: `(short id, date, subject)`, newest first.
    pub(crate) whats_new: Vec<(String, String, String)>,
    /// Short ids of the commits since the installed release that changed a file, newest first; only of those that change.
    pub(crate) changed_by: BTreeMap<RelPath, Vec<String>>,
    /// The answers that conflicts have already, by a standing rule or from before.
    pub(crate) prior: BTreeMap<RelPath, Prior>,
    /// Those from before don't count.
    pub(crate) ask_again: bool,
    /// Paths of the plan for which the source has only git-lfs pointers: one of the problems, which the plan names too.
    pub(crate) pointers: Vec<RelPath>,
    /// Why the plan can be made, but not carried out by this program: one of the problems.
    pub(crate) only_planned: Option<Problem>,
    /// Lines of the project that name what moves or goes.
    pub(crate) outside: Outside,
    /// Settings of editors with an entry that would not start the new server.
    pub(crate) project_files: Vec<ProjectFile>,
    /// Rules files that get the release's text where that is wanted.
    pub(crate) rules: Vec<RulesFile>,
    /// What lies about in the install and beside it; the warnings say it, too.
    pub(crate) leftovers: Vec<Leftover>,
    /// How the release will be tried before anything changes; none where there is no server to try.
    pub(crate) rehearsal: Option<Foreseen>,
    /// There is nothing to do, as [`approval`] found out: starting would only make a backup and a session.
    pub(crate) current: bool,
}

impl Inspection {
    /// What settles a conflict, so that it is not asked.
    pub(crate) fn settled(&self, path: &RelPath) -> Option<&Prior> {
        self.prior.get(path).filter(|prior| !(prior.earlier && self.ask_again))
    }

    /// How many conflicts have an answer from before, whether it counts or not.
    pub(crate) fn answered_before(&self) -> u64 {
        self.prior.values().filter(|prior| prior.earlier).count() as u64
    }

    /// How many conflicts a person will be asked.
    pub(crate) fn asks(&self) -> u64 {
        let conflicts = self.plan.as_ref().map_or(0, |p| p.summary.conflict);
        let settled = self.prior.keys().filter(|path| self.settled(path).is_some()).count();
        conflicts.saturating_sub(settled as u64)
    }

    /// Whether the plan itself says all that is wrong, so that it can be shown although it can't be carried out.
    pub(crate) fn plan_says_it(&self) -> bool {
        self.problems.len() == usize::from(!self.pointers.is_empty()) + usize::from(self.only_planned.is_some())
    }

    /// The exit code of all problems together: a lock in the way outweighs the rest.
    pub(crate) fn exit_code(&self) -> Exit {
        self.problems.iter().map(|p| p.exit_code).max().unwrap_or_default()
    }
}

/// Checks and plans. Blocking: call it off the drawing thread.
pub(crate) fn inspect(request: &Request) -> Inspection {
    let checked = checks::pre_flight(request, &catalog::survey(&request.install()), None, false, &mut |_, _, _, _| {});
    let mut inspection = Inspection {
        evidence: checked.evidence,
        problems: checked.problems,
        plan: None,
        source: None,
        whats_new: Vec::new(),
        changed_by: BTreeMap::new(),
        prior: BTreeMap::new(),
        ask_again: request.options.ask_again,
        pointers: Vec::new(),
        only_planned: None,
        outside: Outside::default(),
        project_files: Vec::new(),
        rules: Vec::new(),
        leftovers: checked.leftovers,
        rehearsal: None,
        current: false,
    };
    let place = checked.place;
    inspection.problems.extend(folder::problems(request));
    let Some(source) = checked.source.filter(|_| inspection.evidence.target_structure_valid) else {
        return inspection;
    };
    match make_plan::make_plan_for(&source, &request.install(), request.only) {
        Ok(planned) => {
            if let Some(why) = planned.stranger.as_ref().filter(|_| !request.options.unrelated_source) {
                inspection.problems.push(Problem { code: Code::UnrelatedSource,
                    about: About::Source,
                    exit_code: Exit::Refused,
                    what: unrelated(&request.source, why),
                    next: "name the clone that this install came from: --source DIR (--unrelated-source insists on this one)"
                        .into(),
                });
            }
            if let Some(why) = planned.downgrade.as_ref().filter(|_| !request.options.allow_downgrade) {
                let what = format!("{}: this would be a downgrade: {why}", request.install().shown());
                let next = "update the clone (git pull), name a newer commit (--to REF), or say --allow-downgrade";
                inspection.problems.push(Problem {
                    code: Code::Downgrade,
                    about: About::Downgrade,
                    exit_code: Exit::Refused,
                    what,
                    next: next.into(),
                });
            }
            let python = python::check(request, &request.install(), &source);
            inspection.evidence.warnings.extend(python.warning);
            inspection.only_planned = python.problem;
            inspection.problems.extend(inspection.only_planned.clone());
            if inspection.only_planned.is_none()
                && let Some(lacking) = checks::lacking(&source, &planned.plan)
            {
                inspection.problems.push(lacking.clone());
                inspection.only_planned = Some(lacking);
            }
            inspection.problems.extend(lfs_pointers::problem(&source, &planned.pointers));
            inspection.pointers.clone_from(&planned.pointers);
            let install = request.install();
            inspection.problems.extend(writable::unwritable(&install, &planned.plan));
            inspection.problems.extend(checks::unmerged(&source, &install, &planned));
            inspection.problems.extend(folder::stranger(&install, &planned.plan));
            inspection.problems.extend(possible::problems(&install, &planned.plan));
            inspection.whats_new = whats_new(&planned);
            inspection.changed_by = changed_by(&planned);
            match prior(request, &planned.plan) {
                Ok(prior) => inspection.prior = prior,
                Err(e) => inspection.problems.push(unreadable(&e)),
            }
            let mut lying = leftovers::files(&request.project, &install, &source, &planned);
            lying.extend(live_workflows::find(&install, &source, &planned));
            inspection.evidence.warnings.extend(lying.iter().map(Leftover::describe));
            inspection.leftovers.extend(lying);
            let moves = outside::moves(&request.project, &install, Some(&source), Some(&planned.plan));
            inspection.project_files =
                editors::find(&request.project, &install, source.generation(), &moves, request.only);
            if request.options.editor_config {
                inspection.problems.extend(editors::unwritable(&request.project, &inspection.project_files));
            }
            inspection.rules = assistant_rules::find(&request.project, &source, request.only);
            if request.options.rules {
                inspection.problems.extend(assistant_rules::unwritable(&request.project, &inspection.rules));
            }
            inspection.rehearsal = place.map(|place| rehearsal::foresee(&request.install(), place));
            inspection.outside = outside::find(&request.project, &install, moves);
            inspection.plan = Some(planned.plan);
            inspection.source = Some(source);
        }
        Err(PlanningError::Git(e)) => inspection.problems.push(Problem {
            code: source::code_of(&e),
            about: About::Source,
            exit_code: Exit::Refused,
            what: e.to_string(),
            next: checks::damaged_source(&request.source),
        }),
        Err(e) => inspection.problems.push(Problem {
            code: Code::Files,
            about: About::Install,
            exit_code: Exit::Refused,
            what: e.to_string(),
            next: match e {
                PlanningError::Merged { .. } => reconcile(request),
                _ => UNREADABLE.into(),
            },
        }),
    }
    inspection
}

/// What a person is told of a source that has nothing to do with the install.
pub(crate) fn unrelated(source: &Path, why: &str) -> String {
    format!("{}: this install did not come from there: {why}", source.shown())
}

/// The same for somebody who is going to start what is planned: also whether that would do anything. Blocking; may run
/// pip's dry run.
pub(crate) fn approval(request: &Request) -> Inspection {
    let mut inspection = inspect(request);
    let plan = inspection.plan.as_ref().filter(|_| inspection.problems.is_empty());
    inspection.current = plan.is_some_and(|plan| nothing_to_do(request, plan));
    inspection
}

const UNREADABLE: &str = "mend that (for a file that can't be read: chmod u+r), then try again";

fn unreadable(error: &FsError) -> Problem {
    Problem {
        code: Code::Files,
        about: About::Install,
        exit_code: Exit::Refused,
        what: error.to_string(),
        next: UNREADABLE.into(),
    }
}

/// The command that makes one baseline of two.
fn reconcile(request: &Request) -> String {
    Next::Reconcile(Some(&request.source)).of(&request.project)
}

/// Fetches what a shallow or a partial clone lacks; nothing to do for one that is whole. Blocking, and the one thing
/// here that uses the network and writes to the source.
///
/// # Errors
/// [`GitError`] with git's words.
pub(crate) fn deepen(source: &Path) -> Result<(), GitError> {
    let mut repo = Repo::open(source)?;
    if repo.shallow || repo.lacks.any() { repo.deepen() } else { Ok(()) }
}

/// The answers that the conflicts of a plan have already; those from before also where they don't count. Blocking.
///
/// # Errors
/// [`FsError`] where the earlier answers are there and can't be read.
pub(crate) fn prior(request: &Request, plan: &Plan) -> Result<BTreeMap<RelPath, Prior>, FsError> {
    let remembered = settle::remembered(&request.install())?;
    let rules = Rules::of(&request.options);
    let conflicts = plan.files.iter().filter(|f| f.kind == Kind::Conflict);
    Ok(conflicts.filter_map(|f| Some((f.path.clone(), answers::prior(f, &rules, &remembered)?))).collect())
}

fn whats_new(planned: &Planned) -> Vec<(String, String, String)> {
    let Some(release) = &planned.plan.install.release else { return Vec::new() };
    let paths: Vec<_> = planned.plan.files.iter().filter_map(|f| f.source_path.as_ref()).collect();
    let line = |c: &crate::core::release_history::Commit| {
        let subject = fs::visible(&c.subject);
        (crate::core::release_history::short(&c.id).to_owned(), c.date.clone(), subject)
    };
    planned.history.commits_touching(release, &paths).map(line).collect()
}

fn changed_by(planned: &Planned) -> BTreeMap<RelPath, Vec<String>> {
    let Some(release) = &planned.plan.install.release else { return BTreeMap::new() };
    let changed = planned.plan.files.iter().filter(|f| f.kind.changes_install());
    let commits = |f: &FileEntry| {
        let found = planned.history.changes_of(release, f.source_path.as_ref()?);
        let ids: Vec<String> = found.iter().map(|c| crate::core::release_history::short(&c.id).to_owned()).collect();
        Some((f.path.clone(), ids)).filter(|(_, ids)| !ids.is_empty())
    };
    changed.filter_map(commits).collect()
}

/// Reads the texts of one entry, for its diff, from the source that the plan was made from where it is still open. Blocking.
///
/// # Errors
/// A sentence naming the path that can't be read.
pub(crate) fn texts(request: &Request, source: Option<Arc<Source>>, entry: &FileEntry) -> Result<Sides, String> {
    let open = || Source::open(&request.source, request.to.as_deref()).map(Arc::new).map_err(|e| e.to_string());
    let source = source.map_or_else(open, Ok)?;
    make_plan::sides(&source, &request.install(), entry).map_err(|e| e.to_string())
}

/// The texts of a plan's entries, for showing all of them: the source is opened once, at the plan's commit.
#[derive(Debug)]
pub(crate) struct Texts {
    source: Source,
    install: PathBuf,
}

impl Texts {
    /// Opens the source of a plan. Blocking.
    ///
    /// # Errors
    /// A sentence naming the source that can't be read.
    pub(crate) fn open(request: &Request, plan: &Plan) -> Result<Self, String> {
        let source = Source::open(&request.source, Some(&plan.source.commit)).map_err(|e| e.to_string())?;
        Ok(Self { source, install: request.install() })
    }

    /// The texts of one entry. Blocking.
    ///
    /// # Errors
    /// A sentence naming the path that can't be read.
    pub(crate) fn of(&self, entry: &FileEntry) -> Result<Sides, String> {
        make_plan::sides(&self.source, &self.install, entry).map_err(|e| e.to_string())
    }

    /// Whether the installed file of an entry is executable now; none if there is none. Blocking.
    pub(crate) fn executable_now(&self, entry: &FileEntry) -> Option<bool> {
        let spot = entry.from.as_ref().unwrap_or(&entry.path);
        match Folder::open(&self.install).and_then(|folder| folder.read(spot)) {
            Ok(Content::File { mode, .. }) => Some(mode & 0o100 != 0),
            _ => None,
        }
    }
}

/// A session that was left, with what is settled in it without being an answer yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// The session.
    pub(crate) session: Session,
    /// What would be lost with it.
    pub(crate) drafts: Vec<Draft>,
    /// Nobody but its own files names the source: going on needs a yes.
    pub(crate) needs_a_word: bool,
}

impl From<Session> for Unfinished {
    fn from(session: Session) -> Self {
        Self { session, drafts: Vec::new(), needs_a_word: false }
    }
}

/// The unfinished session of an install, if it has one. Blocking.
///
/// # Errors
/// A sentence saying what is damaged and what to do.
pub(crate) fn unfinished(project: &Path) -> Result<Option<Unfinished>, String> {
    let found = catalog::survey(&install::folder_of(project));
    match found.lost() {
        Some(damage) => Err(format!("{}\n{}", damage.describe(), damage.next())),
        None => {
            let with_drafts = |s: &Session| {
                let needs_a_word = word::is_missing(s);
                Ok(Unfinished { drafts: settle::drafts(s)?, session: s.clone(), needs_a_word })
            };
            found.unfinished().map(with_drafts).transpose().map_err(|e: FsError| e.to_string())
        }
    }
}

/// A session of an install by its id, if it can be read. Blocking.
pub(crate) fn session(project: &Path, id: &str) -> Option<Session> {
    catalog::survey(&install::folder_of(project)).sessions.into_iter().find(|s| s.session_id == id)
}

/// Whether an upgrade would change nothing: the plan is empty, the environment satisfies the requirements, and a
/// running server was started after its code's last change. Blocking; may run pip's dry run.
pub(crate) fn nothing_to_do(request: &Request, plan: &Plan) -> bool {
    let server = || {
        request.only == Some(Only::Content)
            || (environment::is_current(&request.install(), &request.project) && server_current(request))
    };
    plan.summary.pending() == 0 && folder::leaves(&request.install()).is_none() && server()
}

/// What to do about a running server that runs other code than what is installed, and that is not ours to restart.
pub(crate) fn server_left_behind(request: &Request) -> Option<String> {
    let install = request.install();
    let Running::Yes(live) = server::find(&install) else { return None };
    let pid = live.process.pid;
    let whose = live.owner.words();
    live.is_older_than_code(&install).then(|| {
        format!(
            "the server (pid {pid}; {whose}) was started before its code last changed: restart it where it was started"
        )
    })
}

fn server_current(request: &Request) -> bool {
    let install = request.install();
    match server::find(&install) {
        Running::Yes(live) => {
            let options = &request.options;
            let by_hand = live.owner == Owner::Terminal && options.restart_by_hand;
            let ours = options.auto_restart && (live.owner == Owner::Nobody || by_hand);
            // One that is not ours to restart would not be restarted now either.
            !ours || !live.is_older_than_code(&install)
        }
        _ => true,
    }
}

//! The checks of phase 0. They only read, and report all problems at once.

use crate::core::error_code::Code;
use crate::core::task::Task;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::core::baseline;
use crate::core::layout::layouts;
use crate::core::os_text::quoted;
use crate::core::path::RelPath;
use crate::core::phase::PreFlightEvidence;
use crate::core::plan::{FileEntry, Kind, Plan};
use crate::core::release_history::short;
use crate::core::visible::{self, Shown as _};
use crate::engine::events::Outcome;
use crate::engine::planning::environment_anew;
use crate::engine::planning::environment_anew::Environment;
use crate::engine::planning::folder;
use crate::engine::planning::foreign_locks;
use crate::engine::planning::leftover::Leftover;
use crate::engine::planning::make_plan;
use crate::engine::planning::make_plan::{Planned, PlanningError, layout_of, read_baseline};
use crate::engine::planning::other_upgrades;
use crate::engine::planning::rehearsal::{self, Foreseen};
use crate::engine::planning::request::Request;
use crate::engine::planning::room;
use crate::engine::planning::running_server;
use crate::engine::planning::source;
use crate::engine::planning::source::{Source, stale_manifest};
use crate::engine::planning::uninstalled;
use crate::engine::planning::usual_address::usual_address;
use crate::engine::planning::writable;
use crate::engine::refusal::problem;
use crate::engine::refusal::{About, Problem};
use crate::host::backup::retention;
use crate::host::backup::retention::Kept;
use crate::host::backup::scope::{self, Scope};
use crate::host::files::{fs, own_places};
use crate::host::git::GitError;
use crate::host::install;
use crate::host::process::timing::{Who, waiting};
use crate::host::process::{children, output};
use crate::host::python::installer::Installer;
use crate::host::python::interpreters::{self, Version};
use crate::host::python::venv;
use crate::host::session::catalog;
use crate::host::session::catalog::{Found, Used};

/// A check's result, as it is told: task, how it ended, a few words, seconds.
pub(crate) type Tell<'a> = dyn FnMut(Task, Outcome, &str, f64) + 'a;

/// What the checks found.
#[derive(Debug)]
pub(crate) struct Checked {
    /// The phase's evidence.
    pub(crate) evidence: PreFlightEvidence,
    /// What stops the upgrade.
    pub(crate) problems: Vec<Problem>,
    /// The source, if it could be opened.
    pub(crate) source: Option<Arc<Source>>,
    /// What is worth knowing and needs nothing: for the log and the report.
    pub(crate) notes: Vec<String>,
    /// What lies about and was told among the warnings.
    pub(crate) leftovers: Vec<Leftover>,
    /// Where the release can be tried, as far as the install tells; none where there is no server to try.
    pub(crate) place: Option<Foreseen>,
}

struct Check<'a, 'b> {
    tell: &'a mut Tell<'b>,
    problems: Vec<Problem>,
}

impl Check<'_, '_> {
    /// Runs one check; its problems are collected.
    fn run<T>(&mut self, task: Task, check: impl FnOnce() -> Result<(String, T), Problem>) -> Option<T> {
        let begun = Instant::now();
        let result = check();
        let seconds = begun.elapsed().as_secs_f64();
        match result {
            Ok((detail, value)) => {
                (self.tell)(task, Outcome::Done, &detail, seconds);
                Some(value)
            }
            Err(mut problem) => {
                if matches!(task, Task::SourceValid | Task::SourceClean | Task::SourceIdentity) {
                    problem.about = About::Source;
                }
                (self.tell)(task, Outcome::Failed, problem.what.lines().next().unwrap_or_default(), seconds);
                self.problems.push(problem);
                None
            }
        }
    }
}

/// Runs all checks. `own` says that this process holds the lock and the session in question; `found` are the sessions that
/// the install has, `opened` is the source where it is open already, at the commit that is asked for.
pub(crate) fn pre_flight(
    request: &Request,
    found: &Found,
    opened: Option<Arc<Source>>,
    own: bool,
    tell: &mut Tell<'_>,
) -> Checked {
    let install = request.install();
    let mut check = Check { tell, problems: Vec::new() };
    let mut warnings = Vec::new();

    let source = check.run(Task::SourceValid, || source_valid(request, opened));
    let clean = source.as_ref().map(|source| check.run(Task::SourceClean, || source_clean(source)).is_some());
    if let Some(source) = &source {
        check.run(Task::SourceIdentity, || {
            let detail = format!("{} ({})", source.version, crate::core::release_history::short(&source.commit));
            Ok((detail, ()))
        });
        if source.repo.is_snapshot() {
            warnings.push(
                "the source is a folder without git: whether it is whole can't be told, and edits can only be merged \
                 where the old text is known; a clone would tell more"
                    .into(),
            );
        } else if source.repo.shallow {
            warnings.push("the source is a shallow clone: edits can only be merged where the old text is known; h (or --deepen) fetches the rest".into());
        }
        if source.repo.lacks.contents > 0 {
            warnings.push(format!(
                "the source is a partial clone: {} contents of its history are not in it, so edits can only be merged where \
                 the old text is known; h (or --deepen) fetches them, all at once",
                source.repo.lacks.contents
            ));
        }
    }
    // Nobody has to do anything about it.
    let notes: Vec<String> = source.as_deref().and_then(stale_manifest).into_iter().collect();
    // Whoever holds the lock has told them, and has mended what can be mended.
    let only_told = |d: &&catalog::Damage| !own && !matches!(d.used, Used::Nothing | Used::Unreadable);
    warnings.extend(found.damages.iter().filter(only_told).map(catalog::Damage::describe));
    let least = source.as_ref().and_then(|source| source.generation().server().minimum_python);
    let (mut valid, mut scope) = (false, None);
    let target = check.run(Task::TargetValid, || {
        if let Some(session) = uninstalled::done(&install, found) {
            return Err(uninstalled::is_out(&install, session));
        }
        let (words, copied) = target_valid(&request.project, &install)?;
        scope = Some(copied);
        Ok((words, environment(request, least, own)?))
    });
    if let Some(anew) = target {
        valid = true;
        warnings.extend(anew);
    }
    for problem in own_places(&request.project, &install) {
        valid &= check.run::<()>(Task::TargetValid, || Err(problem)).is_some();
    }
    for problem in writable::around(&request.project, &install, source.as_deref()) {
        valid &= check.run::<()>(Task::TargetValid, || Err(problem)).is_some();
    }
    warnings.extend(folder::warnings(&request.project));
    warnings.extend(old_backups(&install, found, &mut check));
    let place = rehearsal::place_of(request);
    let is_tried = place.as_ref().is_some_and(Foreseen::is_tried);
    let on_disk = || room::on_disk(&install, &request.options, is_tried, scope);
    let space = if install.is_dir() { check.run(Task::DiskSpace, on_disk) } else { None };
    let alone = check.run(Task::ConcurrentWorkflows, || other_upgrades::concurrent(&install, found, own));
    let (held, leftovers) = foreign_locks::find(&install);
    let no_other = held.is_empty();
    for problem in held {
        check.run::<()>(Task::ConcurrentWorkflows, || Err(problem));
    }
    warnings.extend(leftovers.iter().map(Leftover::describe));
    let (available, required) = space.unwrap_or_default();
    let evidence = PreFlightEvidence {
        source_path: request.source.to_string_lossy().into_owned(),
        source_version: source.as_ref().map(|s| s.version.clone()).unwrap_or_default(),
        source_commit: source.as_ref().map(|s| s.commit.clone()).unwrap_or_default(),
        source_git_clean: clean.unwrap_or(false),
        target_exists: install.is_dir(),
        target_structure_valid: valid,
        disk_space_available: fs::human_size(available),
        disk_space_required: fs::human_size(required),
        disk_space_available_bytes: available,
        disk_space_required_bytes: required,
        no_concurrent_workflows: alone.is_some() && no_other,
        server_found: running_server::found(request, &install, source.as_deref(), is_tried, &mut warnings),
        warnings,
    };
    Checked { evidence, problems: check.problems, source, leftovers, notes, place }
}

fn source_valid(request: &Request, opened: Option<Arc<Source>>) -> Result<(String, Arc<Source>), Problem> {
    let (path, named) = (request.source.shown(), quoted(&request.source));
    let clone = "name a clone of praxis-os: --source DIR";
    let source = match opened {
        Some(source) if request.source.is_dir() => Ok(source),
        Some(_) => Err(GitError::NoFolder(request.source.clone())),
        None => Source::open(&request.source, request.to.as_deref()).map(Arc::new),
    };
    let source = source.map_err(|e| match &e {
        GitError::NoGit(_) => problem(Code::NoGit, &e, "install git (Debian: apt install git), then try again"),
        GitError::NoSuchCommit { .. } => {
            problem(Code::NoSuchCommit, &e, format!("see what there is: git -C {named} log --oneline --all"))
        }
        GitError::NotYours { .. } => problem(Code::SourceNotYours, &e, e.ways_on().unwrap_or_default()),
        GitError::Failed { .. } => {
            problem(source::code_of(&e), &e, format!("see what git says: git -C {named} status"))
        }
        GitError::Damaged { .. } => problem(source::code_of(&e), &e, damaged_source(&request.source)),
        GitError::NoView { .. } => {
            problem(Code::Files, &e, "make it readable for you, and the temporary folder writable, then try again")
        }
        // The install's own installer takes its clone away: there may be none any more.
        GitError::NoFolder(_) => {
            let url = quoted(usual_address(&request.install()));
            problem(Code::NotASource, &e, format!("{clone}, or let it be fetched: --source {url}"))
        }
        _ => problem(Code::NotASource, &e, clone),
    })?;
    if source.marked().is_some() {
        return Ok((path.to_string(), source));
    }
    let (marks, commit) = (layouts().marks_in_words(), short(&source.commit));
    if let Some(last) = source.last_known() {
        let what = format!(
            "{path}: commit {commit} has no {marks} any more: its release is laid out in a later way than this program \
             knows; the last one that it knows there is {}",
            short(&last)
        );
        return Err(problem(Code::NotASource, what, format!("upgrade to that one: --to {}", short(&last))));
    }
    Err(problem(Code::NotASource, format!("{path}: not a praxis-os repository (no {marks} at commit {commit})"), clone))
}

/// What a partial clone lacks and the plan installs.
pub(crate) fn lacking(source: &Source, plan: &Plan) -> Option<Problem> {
    if !source.repo.lacks.any() {
        return None;
    }
    let theirs = plan.files.iter().filter(|file| file.uses_theirs());
    let lacking: Vec<RelPath> = theirs
        .filter(|file| file.theirs.as_ref().is_some_and(|id| source.read(id).is_none()))
        .map(|file| file.path.clone())
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let named = source.repo.path();
    let what = format!(
        "{}: a partial clone, which lacks {} of the texts that are installed:{}",
        named.shown(),
        lacking.len(),
        some_of(&lacking)
    );
    Some(Problem {
        code: Code::SourceDamaged,
        about: About::Source,
        ..problem(Code::SourceDamaged, what, "let them be fetched, all at once: add --deepen")
    })
}

fn source_clean(source: &Source) -> Result<(String, ()), Problem> {
    const SHOWN: usize = 10;
    let (path, named) = (source.repo.path().shown(), quoted(source.repo.path()));
    let dirty = source
        .repo
        .dirty()
        .map_err(|e| problem(Code::GitFailed, e, format!("see what git says: git -C {named} status")))?;
    if dirty.is_empty() {
        return Ok(("clean".into(), ()));
    }
    let unsure = dirty.iter().filter(|change| change.filter.is_some()).count();
    let mut what = match unsure == dirty.len() {
        true => format!("{path}: may have uncommitted changes, then it would be no release:"),
        false => format!("{path}: has uncommitted changes, so it is no release:"),
    };
    for change in dirty.iter().take(SHOWN) {
        what.push_str("\n  ");
        what.push_str(&change.line);
        if let Some(filter) = &change.filter {
            what.push_str(&format!(" (only its filter \"{}\" could tell, which is not run)", visible::line(filter)));
        }
    }
    if dirty.len() > SHOWN {
        what.push_str(&format!("\n  and {} more", dirty.len() - SHOWN));
    }
    let stash = format!("commit or stash them: git -C {named} stash --include-untracked");
    Err(problem(
        Code::SourceUnclean,
        what,
        match unsure {
            0 => stash,
            _ => format!("let git look at them with its filters: git -C {named} status; if they are changed, {stash}"),
        },
    ))
}

/// What to do about a source with damaged objects.
pub(crate) fn damaged_source(path: &Path) -> String {
    format!("see what is damaged: git -C {} fsck, or name another clone: --source DIR", quoted(path))
}

fn target_valid(project: &Path, install: &Path) -> Result<(String, Scope), Problem> {
    if !install.is_dir() {
        let what = format!(
            "{}: no {} folder here, so there is nothing to upgrade",
            project.shown(),
            install::name_of(install)
        );
        return Err(problem(Code::NoInstall, what, "name the project that has one: --project DIR"));
    }
    let (_, layout) = layout_of(install)
        .map_err(|e| problem(Code::UnknownInstall, e, "name the project that has one: --project DIR"))?;
    let folders = layout.install_folders().map(|f| f.under(install)).filter(|f| f.is_dir());
    for folder in std::iter::once(install.to_owned()).chain(folders) {
        writable::shut(&folder, "the install can't be written").map_or(Ok(()), Err)?;
    }
    read_baseline(install).map_err(|e| {
        if let PlanningError::Merged { .. } = e {
            return problem(Code::TwoBaselines, e, "make one of them: pos-upgrade-tui reconcile --source DIR");
        }
        let next = format!(
            "take it back from your repository, or move it aside: mv {0} {0}.old",
            quoted(install.join(crate::core::baseline::FILE))
        );
        problem(Code::BadBaseline, e, next)
    })?;
    Ok((format!("{} layout", layout.name), can_be_copied(install)?))
}

/// What this program writes must be its own: a link would take it out of the install.
pub(crate) fn own_places(project: &Path, install: &Path) -> Vec<Problem> {
    let odd = own_places::odd_folders(install).into_iter().chain(own_places::odd_documents(project, install));
    odd.map(|odd| problem(Code::OddPlace, odd.describe(), odd.next())).collect()
}

/// Names for a message, not too many of them.
fn some_of(paths: &[RelPath]) -> String {
    const SHOWN: usize = 10;
    let more = if paths.len() > SHOWN { format!("\n  and {} more", paths.len() - SHOWN) } else { String::new() };
    paths.iter().take(SHOWN).map(|p| format!("\n  {p}")).collect::<String>() + &more
}

/// The backup copies all that is not made again by itself: what can't be copied is said before anything begins.
pub(crate) fn can_be_copied(install: &Path) -> Result<Scope, Problem> {
    let shown = install.shown();
    let readable = format!("make it readable for you: chmod -R u+rX {}", quoted(install));
    let found = scope::look(install).map_err(|e| problem(Code::NotToBeCopied, e, readable.clone()))?;
    if !found.special.is_empty() {
        let what =
            format!("{shown}: holds sockets, pipes or devices, which can't be backed up:{}", some_of(&found.special));
        return Err(problem(
            Code::NotToBeCopied,
            what,
            "end the program that made them, or move them out of the install",
        ));
    }
    if !found.unreadable.is_empty() {
        let what = format!("{shown}: holds files that you may not read:{}", some_of(&found.unreadable));
        return Err(problem(Code::NotToBeCopied, what, readable));
    }
    Ok(found)
}

/// Files in which git left two sides of a merge, and that would be merged once more, or asked about. What stands there is
/// nobody's text yet.
pub(crate) fn unmerged(source: &Source, install: &Path, planned: &Planned) -> Option<Problem> {
    let mut found = Vec::new();
    let touched = |f: &&FileEntry| matches!(f.kind, Kind::AutoMerge | Kind::Conflict | Kind::Move);
    for entry in planned.plan.files.iter().filter(touched).filter(|f| f.mine.is_some() && f.mine != f.base) {
        let path = entry.from.as_ref().unwrap_or(&entry.path);
        let Some(line) = planned.unmerged.get(path) else { continue };
        let sides = match make_plan::sides(source, install, entry) {
            Ok(sides) => sides,
            Err(e) => return Some(problem(Code::Files, e, "mend that, then try again")),
        };
        // A page may be about such marks.
        let shipped = [&sides.base, &sides.theirs].into_iter().flatten().any(|text| baseline::marker(text).is_some());
        if !shipped {
            found.push(format!("\n  {path}, line {line}"));
        }
    }
    if found.is_empty() {
        return None;
    }
    let what = format!(
        "{}: git left two sides of a merge in files that would be merged again:{}",
        install.shown(),
        found.concat()
    );
    Some(problem(Code::MergeMarks, what, "settle these first, in your editor or with git mergetool, then try again"))
}

/// What an upgrade does about the environment; where one is made from scratch, that is a warning. The live one is only `run`
/// where the upgrade itself begins: what only looks runs nothing of the project's.
fn environment(request: &Request, least: Option<Version>, run: bool) -> Result<Option<String>, Problem> {
    let install = request.install();
    let by = match environment_anew::look(&install, &request.project, least, request.options.python.as_deref())? {
        None => return Ok(None),
        Some(Environment::Anew(_)) if request.options.python.is_some() => return Ok(None),
        Some(Environment::Anew(anew)) => return Ok(Some(anew.describe())),
        Some(Environment::Copy(by)) => by,
    };
    if !run {
        return Ok(None);
    }
    let live = venv::live(&install);
    let _program = waiting(Who::Programs);
    let mut command = children::helper(live.join("bin/python"));
    let code = if by == Installer::Pip { "import pip" } else { "import sys" };
    command.args(["-I", "-c", code]).env("PYTHONDONTWRITEBYTECODE", "1");
    let said = match output::output(&mut command, None, output::SHORT) {
        Ok(out) if out.status.success() => return Ok(None),
        Ok(out) => output::last_line(&out.stderr),
        Err(e) => e.to_string(),
    };
    let python = live.join("bin/python");
    let what = format!("{}: this python3 does not work, or has no pip ({})", python.shown(), fs::visible(&said));
    let next = match interpreters::found(least.unwrap_or((3, 10)), &request.project).into_iter().next() {
        Some(one) => format!("let the environment be made anew: --python {}", quoted(&one.path)),
        None => "install python3 with venv (Debian: apt install python3-venv), then let the environment be made anew: \
                 --python python3"
            .to_owned(),
    };
    Err(problem(Code::BrokenEnvironment, what, next))
}

fn old_backups(install: &Path, found: &Found, check: &mut Check<'_, '_>) -> Vec<String> {
    const OLD_DAYS: i64 = 7;
    let begun = Instant::now();
    let all = match retention::list_of(install, found) {
        Ok(all) => all,
        Err(what) => {
            let next = format!("mend that (for permissions: chmod u+rwX {})", install.join(".backups").shown());
            check.run::<()>(Task::ExistingBackups, || Err(problem(Code::Files, what, next)));
            return Vec::new();
        }
    };
    let good: Vec<&Kept> = all.iter().filter(|b| b.complete).collect();
    let age = |one: &&Kept| {
        let then: jiff::Timestamp = one.created_at.as_ref()?.parse().ok()?;
        Some((jiff::Timestamp::now().as_second() - then.as_second()) / 86_400)
    };
    let newest = good.last().and_then(age);
    let (detail, warning) = match newest {
        None => ("none yet".to_owned(), None),
        Some(days) if days > OLD_DAYS => {
            let text = format!("the newest backup is {days} days old; a new one is made before anything changes");
            (format!("{}, {days} days old", good.len()), Some(text))
        }
        Some(_) => (format!("{}, the newest this week", good.len()), None),
    };
    let outcome = if warning.is_some() { Outcome::Warning } else { Outcome::Done };
    (check.tell)(Task::ExistingBackups, outcome, &detail, begun.elapsed().as_secs_f64());
    warning.into_iter().collect()
}

//! Dependencies: pip, in a new generation of the environment beside the live one, before anything changes and while the old
//! server still answers; the switch comes when it has stopped.

use crate::core::error_code::Code;
use crate::core::task::Task;
use std::path::{Path, PathBuf};

use crate::core::os_text;
use crate::core::path::RelPath;
use crate::core::phase::{Fact, NotApplicable, Phase};
use crate::core::question::Way;
use crate::core::requirements::of_file;
use crate::engine::events::Level;
use crate::engine::phases::server::draft::Draft;
use crate::engine::phases::server::fetch;
use crate::engine::phases::server::fetch::Fetched;
use crate::engine::phases::server::target;
use crate::engine::planning::environment;
use crate::engine::planning::environment::Satisfied;
use crate::engine::planning::environment_anew;
use crate::engine::planning::environment_anew::{Anew, Environment};
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, not_applicable};
use crate::host::files::fs;
use crate::host::files::journal::Journal;
use crate::host::files::read;
use crate::host::process::program::{Listener, ProgramError};
use crate::host::process::timing::{Who, waiting};
use crate::host::python::installer::Installer;
use crate::host::python::pip;
use crate::host::python::pip::Wanted;
use crate::host::python::venv;

const PHASE: Phase = Phase::Content;
/// Where the server's package stands as it will be, in the session's folder.
const DRAFT: &str = "draft";

/// Installs what the new requirements need into a new generation of the environment.
///
/// # Errors
/// [`Stop`], with pip's last lines; the live environment is as it was.
pub(crate) fn run(run: &mut Run, journal: &Journal) -> TaskResult<Fact<bool>> {
    let install = run.install();
    let skip = |why| not_applicable(why, Fact::NotApplicable(why));
    if !venv::is_there(&install) {
        return skip(NotApplicable::NoVenv);
    }
    if run.session.venv_generation.as_ref().is_some_and(|name| venv::is_live(&install, name)) {
        return done("in place already", Fact::Is(true));
    }
    let requirements = draft(run, journal)?;
    let Some(bytes) = read::read_if_there(&requirements)? else {
        if run.session.is_to_move() {
            return only_renamed(run, NotApplicable::NoRequirements);
        }
        return skip(NotApplicable::NoRequirements);
    };
    let now = read::read_if_there(&target(run).requirements.under(&install))?;
    let unchanged = now.as_ref() == Some(&bytes);
    let least = target(run).minimum_python;
    let named = run.session.options().python.clone();
    let found = environment_anew::look(&install, &run.session.project, least, named.as_deref());
    let found = found.map_err(|problem| Stop::Failed {
        code: Some(problem.code),
        what: problem.what,
        next: Some(problem.next.into()),
    })?;
    let Some(found) = found else { return skip(NotApplicable::NoVenv) };
    let must = named.is_some() || matches!(&found, Environment::Anew(anew) if anew.is_needed());
    if let Some(why) = environment::without_pip(&install, &bytes, unchanged).filter(|_| !must) {
        run.background = None;
        return nothing(run, why, &bytes);
    }
    let fetched = fetch::take(run, &bytes)?;
    let missing = match (&found, fetched.missing.clone()) {
        (_, Some(missing)) => Some(missing),
        (Environment::Anew(_), None) => None,
        (Environment::Copy(by), None) => ask_installer(run, by, &requirements)?,
    };
    if missing.as_ref().is_some_and(Vec::is_empty) {
        return nothing(run, Satisfied::Asked, &bytes);
    }
    if let Environment::Anew(anew) = &found
        && named.is_none()
    {
        if run.ask(anew.question())? == Way::RollBack {
            return Err(Stop::RollBack);
        }
        run.warn("venv", anew.describe());
    }
    let name = run.session.venv_generation.clone().unwrap_or_else(|| run.session.stamp.clone());
    run.session.venv_generation = Some(name.clone());
    run.save()?;
    let before = venv::fingerprint(&install)?;
    let names: Vec<String> = of_file(&String::from_utf8_lossy(&bytes)).0.into_iter().map(|r| r.name).collect();
    let count = missing.map_or(0, |m| m.len());
    if let Err(stop) = build(run, &name, &found, (&requirements, &fetched), &names, count) {
        abandon(run)?;
        return Err(stop);
    }
    let after = venv::fingerprint(&install)?;
    let old = if before == after {
        format!("the old one is unchanged, {} entries", after.1)
    } else {
        run.warn("venv", "the old environment was changed while the new one was built; not by this upgrade".into());
        "the old one was changed meanwhile".to_owned()
    };
    let count = if count == 0 { "packages".to_owned() } else { format!("{count} packages") };
    done(format!("{count} into venvs/{name}; {old}"), Fact::Is(true))
}

/// Where the requirements stand that are worked with: as they will be, or as they are.
pub(crate) fn requirements(run: &Run, journal: &Journal) -> PathBuf {
    let drafted = target(run).requirements.under(&run.folder(DRAFT));
    if drafted.is_file() && !journal.is_done() { drafted } else { target(run).requirements.under(&run.session.install) }
}

/// Makes the environment that was built the live one, when no server runs from the old one any more.
///
/// # Errors
/// [`Stop`].
pub(crate) fn switch(run: &mut Run) -> Result<(), Stop> {
    let install = run.install();
    if let Some(name) = run.session.venv_generation.clone().filter(|name| venv::generation(&install, name).is_dir()) {
        venv::switch(&install, &name)?;
        run.log(Level::Info, "venv", &format!("venv leads to venvs/{name} now"));
    }
    Ok(())
}

/// After the server has started with it: notes what the environment satisfies, and drops what is not needed any more.
pub(crate) fn settle(run: &mut Run) {
    let path = target(run).requirements.under(&run.session.install);
    if run.session.venv_generation.is_some()
        && let Ok(Some(bytes)) = read::read_if_there(&path)
        && let Err(e) = environment::note(run.lock.install(), &bytes)
    {
        run.log(Level::Warn, "venv", &e.to_string());
    }
    fetch::clear(run);
    let _ = fs::remove_tree(&run.folder(DRAFT));
}

/// Nothing has to be installed, for this reason.
fn nothing(run: &mut Run, why: Satisfied, requirements: &[u8]) -> TaskResult<Fact<bool>> {
    // What an interrupted try began to build is of no use.
    abandon(run)?;
    if run.session.is_to_move() {
        return only_renamed(run, NotApplicable::RequirementsSatisfied);
    }
    run.log(Level::Info, "venv", why.words());
    if why != Satisfied::Known
        && let Err(e) = environment::note(run.lock.install(), requirements)
    {
        run.log(Level::Warn, "venv", &e.to_string());
    }
    let why = NotApplicable::RequirementsSatisfied;
    not_applicable(why, Fact::NotApplicable(why))
}

/// Removes what was built for a switch that never came.
///
/// # Errors
/// [`Stop`].
pub(crate) fn abandon(run: &mut Run) -> Result<(), Stop> {
    let Some(name) = run.session.venv_generation.take() else { return Ok(()) };
    if venv::is_live(run.lock.install(), &name) {
        run.session.venv_generation = Some(name);
        return Ok(());
    }
    venv::discard(run.lock.install(), &name)?;
    run.save()
}

/// No package changes, but the scripts of the environment name the folder that the install loses. Those of one that is not
/// the install's don't, and a link that leads nowhere has none: for them there is nothing to do, for this reason.
fn only_renamed(run: &mut Run, nothing: NotApplicable) -> TaskResult<Fact<bool>> {
    let (install, name) = (run.install(), run.session.stamp.clone());
    if !venv::is_own(&install) {
        return not_applicable(nothing, Fact::NotApplicable(nothing));
    }
    run.session.venv_generation = Some(name.clone());
    run.save()?;
    venv::clone_live(&install, &name)?;
    venv::finish(&install, &name, &run.session.goes_to())?;
    done(format!("no package changed; the scripts in venvs/{name} name the new folder"), Fact::Is(true))
}

/// The server's package as it will be, for pip to read its requirements from; the path of these.
///
/// # Errors
/// [`Stop`].
pub(crate) fn draft(run: &Run, journal: &Journal) -> Result<PathBuf, Stop> {
    let draft = Draft::begin(run.lock.install(), &run.folder(DRAFT))?;
    let install = &run.session.install;
    let server = target(run);
    let mut all: Vec<RelPath> = journal.results().map(|(path, _)| path.clone()).collect();
    for entry in walkdir::WalkDir::new(server.package.under(install)).into_iter().flatten() {
        let path = entry.path().strip_prefix(install).ok();
        let path = path.and_then(|p| RelPath::new(std::os::unix::ffi::OsStrExt::as_bytes(p.as_os_str())).ok());
        if let Some(path) = path.filter(|_| entry.file_type().is_file()) {
            all.push(path);
        }
    }
    for path in all {
        let bytes = match journal.to_come(&path) {
            Some(Some(bytes)) => bytes,
            Some(None) => continue,
            None => match read::read_own(&path.under(install)) {
                Ok(bytes) => bytes,
                // Gone, or nothing that pip would read.
                Err(_) => continue,
            },
        };
        draft.put(&path, &bytes)?;
    }
    Ok(draft.path(&server.requirements))
}

/// What would be installed. None if that can't be told: then the real installation says why, in its words.
fn ask_installer(run: &mut Run, by: &Installer, requirements: &Path) -> Result<Option<Vec<Wanted>>, Stop> {
    let (what, with) = match by {
        Installer::Ensured => return Ok(None),
        Installer::Uv(_) => ("compile", format!(" {}", target(run).requirements)),
        _ => ("install --dry-run", format!(" -r {}", target(run).requirements)),
    };
    run.commands_run.push(by.shown("venv", what, &with));
    let live = venv::live(&run.session.install);
    Ok(in_installer(run, by.name(), 0, |listener| by.missing(&live, requirements, listener))?.ok())
}

/// The environment that is installed into: a clone of the live one, or a new one. Its folder, and who installs there.
fn prepare(run: &mut Run, name: &str, found: &Environment) -> Result<(PathBuf, Installer), Stop> {
    let install = run.install();
    match found {
        Environment::Copy(by) => {
            // uv may write into the files that it finds.
            let made = match by {
                Installer::Uv(_) => venv::copy_live(&install, name)?,
                _ => venv::clone_live(&install, name)?,
            };
            if *by == Installer::Ensured {
                run.commands_run.push(format!("venvs/{name}/bin/python -m ensurepip"));
            }
            let by = by.clone();
            let ready = in_installer(run, "ensurepip", 0, |listener| by.ready(&install, &made, listener))?;
            Ok((made, ready.map_err(|e| failed("ensurepip", &e))?))
        }
        Environment::Anew(Anew { python, by, .. }) => {
            run.commands_run.push(match by {
                Installer::Uv(_) => format!("uv venv --python {} venvs/{name}", os_text::encode(python)),
                _ => format!("{} -m venv venvs/{name}", os_text::encode(python)),
            });
            let made =
                in_installer(run, "venv", 0, |listener| venv::make_anew(&install, name, (python, by), listener))?;
            Ok((made.map_err(|e| failed("venv", &e))?, by.clone()))
        }
    }
}

fn build(
    run: &mut Run,
    name: &str,
    found: &Environment,
    (requirements, fetched): (&Path, &Fetched),
    names: &[String],
    count: usize,
) -> Result<(), Stop> {
    let install = run.install();
    let (target, by) = prepare(run, name, found)?;
    run.log(Level::Info, "venv", &format!("installed with {}", by.words()));
    let (wanted, tool) = (&super::target(run).requirements, by.name());
    let environment = format!("venvs/{name}");
    let shown = |with: &str| by.shown(&environment, "install", &format!("{with} -r {wanted}"));
    let offline = fetched.wheels.as_deref();
    run.commands_run.push(shown(if offline.is_some() { " --no-index --find-links <fetched>" } else { "" }));
    let mut installed =
        in_installer(run, tool, count, |listener| by.install(&install, &target, requirements, offline, listener))?;
    if let (Err(e), Some(_)) = (&installed, offline) {
        run.log(Level::Warn, "pip", &format!("not from what was fetched before: {e}"));
        prepare(run, name, found)?;
        run.commands_run.push(shown(""));
        installed =
            in_installer(run, tool, count, |listener| by.install(&install, &target, requirements, None, listener))?;
    }
    installed.map_err(|e| failed(tool, &e))?;
    run.commands_run.push(by.shown(&environment, "check", ""));
    let complaints = in_installer(run, tool, 0, |listener| by.complaints(&target, listener))?;
    let complaints = complaints.map_err(|e| failed(tool, &e))?;
    if !complaints.is_empty() {
        // What did not fit before doesn't stop an upgrade that has no part in it.
        let live = venv::live(&install);
        let asks = match found {
            // One without a pip is asked by the pip that was unpacked into its copy.
            Environment::Copy(Installer::Ensured) => Some(Installer::Other(target.join("bin/python"))),
            Environment::Copy(by) => Some(by.clone()),
            Environment::Anew(_) => None,
        };
        let before = match asks {
            Some(by) => in_installer(run, tool, 0, |listener| by.complaints(&live, listener))?.unwrap_or_default(),
            None => Vec::new(),
        };
        let (old, new): (Vec<&String>, Vec<&String>) = complaints.iter().partition(|c| before.contains(c));
        for line in old {
            run.warn("pip", format!("{tool} check complained before, and does so still: {line}"));
        }
        if !new.is_empty() {
            let lines: Vec<&str> = new.into_iter().map(String::as_str).collect();
            return Err(Stop::Failed {
                code: Some(Code::PackagesFailed),
                what: format!("the new environment does not fit together, {tool} check says:\n{}", lines.join("\n")),
                next: Some("see which requirement brings it, then upgrade again".into()),
            });
        }
    }
    match in_installer(run, tool, 0, |listener| pip::not_importable(&target, names, listener))? {
        Ok(problems) if problems.is_empty() => {}
        Ok(problems) => {
            return Err(Stop::Failed {
                code: Some(Code::PackagesFailed),
                what: format!("a required package can't be imported in the new environment:\n{}", problems.join("\n")),
                next: Some("see what it lacks, then upgrade again".into()),
            });
        }
        // A large package on a slow machine: the server's start will tell.
        Err(e @ ProgramError::Ended { .. }) => run.warn("pip", format!("not known whether all can be imported: {e}")),
        Err(e) => return Err(failed(tool, &e)),
    }
    Ok(venv::finish(&install, name, &run.session.goes_to())?)
}

/// Lets a program work that installs, followed by the session; the wish to stop comes before the program's own end.
fn in_installer<T>(
    run: &mut Run,
    tool: &'static str,
    count: usize,
    work: impl FnOnce(&mut dyn Listener) -> Result<T, ProgramError>,
) -> Result<Result<T, ProgramError>, Stop> {
    let mut listener = InstallerListener::new(run, tool, count as u64);
    let result = {
        let _pip = waiting(Who::Pip);
        work(&mut listener)
    };
    match listener.asked {
        Some(asked) => Err(asked),
        None => Ok(result),
    }
}

fn failed(tool: &str, error: &ProgramError) -> Stop {
    Stop::Failed {
        code: Some(Code::PackagesFailed),
        what: error.to_string(),
        next: Some(format!("mend what {tool} names (network, package index, disk), then upgrade again").into()),
    }
}

/// Shows an installer's lines, notes its process, and stops it when a person asks.
struct InstallerListener<'a> {
    run: &'a mut Run,
    tool: &'static str,
    /// Packages collected so far, and how many there will be; 0 if that isn't known.
    done: u64,
    total: u64,
    lines: u64,
    asked: Option<Stop>,
}

impl<'a> InstallerListener<'a> {
    fn new(run: &'a mut Run, tool: &'static str, total: u64) -> Self {
        Self { run, tool, done: 0, total, lines: 0, asked: None }
    }
}

impl Listener for InstallerListener<'_> {
    fn started(&mut self, pid: u32) {
        self.run.note_child(pid);
        // From here on a person sees that it works.
        self.run.progress(PHASE, Task::Dependencies, 0, self.total, self.tool);
    }

    fn line(&mut self, text: &str) {
        self.lines += 1;
        self.run.log(Level::Info, self.tool, text);
        let first = text.split_whitespace().next().unwrap_or_default();
        if first == "Collecting" || first == "Processing" || first == "+" {
            self.done = (self.done + 1).min(self.total);
        }
        let (done, detail) = match self.total {
            0 => (self.lines, text.to_owned()),
            total => (self.done, format!("package {} of {total}: {}", self.done, text.trim_start())),
        };
        self.run.progress(PHASE, Task::Dependencies, done, self.total, detail);
    }

    fn go_on(&mut self) -> bool {
        self.asked = self.run.check().err();
        self.asked.is_none()
    }
}

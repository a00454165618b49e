//! Fetches packages from phase 1 on, while the backup is made and questions are answered: phase 2 then needs neither
//! the network nor the time. Whatever goes wrong here is of no consequence: pip is asked again later.

use crate::core::task::Task;
use std::any::Any;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::core::blob::{BlobId, sha256};
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::plan::Only;
use crate::engine::events::Level;
use crate::engine::phases::server::draft::Draft;
use crate::engine::phases::server::target;
use crate::engine::planning::environment;
use crate::engine::session::background::Background;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::process::children;
use crate::host::process::program;
use crate::host::process::program::Newest;
use crate::host::process::pulse::Pulse;
use crate::host::process::timing::{Who, waiting};
use crate::host::python::condition::{self, Condition};
use crate::host::python::installer::Installer;
use crate::host::python::pip;
use crate::host::python::pip::Wanted;
use crate::host::python::venv;

/// Its folder in the session's.
const FOLDER: &str = "fetch";
const REPORT: &str = "report.json";
const WHEELS: &str = "wheels";
/// What is asked for exactly, beside the requirements: options that name places relative to them still lead there.
const EXACTLY: &str = "exactly.txt";

/// A running fetch. Its program ends with it.
#[derive(Debug)]
pub(crate) struct Fetch {
    venv: PathBuf,
    /// Another Python whose pip is asked.
    by: Option<PathBuf>,
    draft: Draft,
    /// The requirements that it is for, where they stand and by sha256.
    requirements: PathBuf,
    sum: String,
    child: Option<Child>,
    pulse: Option<Pulse>,
    said: Newest,
    fetched: Fetched,
    downloading: bool,
}

/// What a fetch found out and brought.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fetched {
    /// What pip would install; none if that isn't known.
    pub(crate) missing: Option<Vec<Wanted>>,
    /// A folder with wheels of all that, if they were fetched.
    pub(crate) wheels: Option<PathBuf>,
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            program::end(&mut child);
        }
    }
}

impl Background for Fetch {
    fn poll(&mut self) -> Option<u32> {
        let status = self.child.as_mut()?.try_wait();
        let ended = match status {
            Ok(None) => return None,
            Ok(Some(status)) => status.success(),
            Err(_) => false,
        };
        self.child = None;
        if self.downloading {
            self.fetched.wheels = Some(self.draft.join(WHEELS)).filter(|folder| ended && only_wheels(folder));
            return None;
        }
        if !ended {
            return None;
        }
        let missing = pip::wanted(&pip::read_report(&self.draft.join(REPORT)).ok()?)?;
        self.fetched.missing = Some(missing.clone());
        // What lies on this machine needs no fetching.
        if missing.iter().all(|m| m.url.starts_with("file:")) {
            return None;
        }
        let exactly = self.exactly(&missing)?;
        self.downloading = true;
        self.spawn(|f| pip::download(f.by.as_deref(), &f.venv, &exactly, &f.draft.join(WHEELS)))
    }

    fn is_busy(&self) -> bool {
        self.child.is_some()
    }
}

/// Begins, if there is something to fetch. Never an error: later pip says what is wrong.
pub(crate) fn begin(run: &mut Run) {
    // pip would make the folder anew under the name that it is about to lose; and an environment with another Python is
    // yet to be made.
    if run.session.is_to_move() || run.session.options().python.is_some() {
        return;
    }
    if run.background.is_some() || run.session.plan().only == Some(Only::Content) {
        return;
    }
    match prepare(run) {
        Ok(Some(mut fetch)) => {
            let pid = fetch.spawn(|f| pip::dry_run(f.by.as_deref(), &f.venv, &f.requirements, &f.draft.join(REPORT)));
            if let Some(pid) = pid {
                run.note_child(pid);
                run.background = Some(Box::new(fetch));
            }
        }
        Ok(None) => {}
        Err(why) => run.log(Level::Info, "fetch", &why),
    }
}

/// The requirements of the release, as far as they can be known before conflicts are settled.
fn prepare(run: &mut Run) -> Result<Option<Fetch>, String> {
    let venv = venv::live(&run.session.install);
    // uv keeps what it fetches by itself, and one that has nobody to install into it yet can't be asked.
    let by = match condition::of(&run.session.install, &run.session.project) {
        Condition::Sound(by @ (Installer::Pip | Installer::Other(_))) => by.other().map(Path::to_owned),
        _ => return Ok(None),
    };
    let source = run.source().map_err(|e| e.to_string())?;
    let install = &run.session.install;
    let server = target(run);
    let place = |path: &RelPath| {
        let path = source.generation().newest().install_path(path, |_| false)?;
        layouts().is_server(&path).then_some(path)
    };
    let files: Vec<(RelPath, &BlobId)> =
        source.tree.iter().filter_map(|(path, file)| Some((place(path)?, &file.blob))).collect();
    let theirs = files.iter().find(|(path, _)| *path == server.requirements);
    let Some(bytes) = theirs.and_then(|(_, blob)| source.read(blob)) else { return Ok(None) };
    let now = read::read_if_there(&server.requirements.under(install)).map_err(|e| e.to_string())?;
    if environment::without_pip(install, &bytes, now.as_deref() == Some(&bytes)).is_some() {
        return Ok(None);
    }
    let draft = Draft::begin(run.lock.install(), &run.folder(FOLDER)).map_err(|e| e.to_string())?;
    for (path, blob) in files {
        let Some(bytes) = source.read(blob) else { continue };
        draft.put(&path, &bytes).map_err(|_| format!("{path} could not be written"))?;
    }
    let requirements = draft.path(&server.requirements);
    let (sum, fetched) = (sha256(&bytes), Fetched::default());
    let said = Newest::default();
    Ok(Some(Fetch { venv, by, draft, requirements, sum, child: None, pulse: None, said, fetched, downloading: false }))
}

/// Waits for what was begun, if it was for these requirements, and takes what it brought.
///
/// # Errors
/// [`Stop`] if that is what was asked.
pub(crate) fn take(run: &mut Run, requirements: &[u8]) -> Result<Fetched, Stop> {
    let Some(mut fetch) = begun(run).filter(|fetch| fetch.sum == sha256(requirements)) else {
        return Ok(Fetched::default());
    };
    let command = format!("venv/bin/python -m pip install --dry-run -r {}", target(run).requirements);
    run.commands_run.push(command);
    let _pip = waiting(Who::Pip);
    let mut told = String::new();
    while fetch.is_busy() {
        if let Some(pid) = fetch.poll() {
            run.note_child(pid);
        }
        if let Err(stop) = run.check() {
            // It goes on until somebody decides what becomes of the session.
            run.background = Some(Box::new(fetch));
            return Err(stop);
        }
        let said = fetch.last_line();
        if said != told {
            run.progress(Phase::Content, Task::Dependencies, 0, 0, &said);
            told = said;
        }
        std::thread::sleep(Duration::from_millis(20));
        if fetch.hangs() {
            fetch.give_up();
        }
    }
    if fetch.downloading {
        run.commands_run.push("venv/bin/python -m pip download --no-deps -r <exactly these>".into());
        let said = match (&fetch.fetched.wheels, &fetch.fetched.missing) {
            (Some(_), Some(missing)) => format!("{} packages were fetched while other work was done", missing.len()),
            _ => format!("packages could not be fetched before: {}", fetch.last_line()),
        };
        run.log(Level::Info, "fetch", &said);
    }
    Ok(fetch.fetched.clone())
}

/// What [`begin`] began, taken out of the session.
fn begun(run: &mut Run) -> Option<Fetch> {
    let work: Box<dyn Any> = run.background.take()?;
    work.downcast().ok().map(|fetch| *fetch)
}

/// Ends what still runs and removes what was fetched.
pub(crate) fn clear(run: &mut Run) {
    run.background = None;
    let _ = fs::remove_tree(&run.folder(FOLDER));
}

impl Fetch {
    fn spawn(&mut self, command: impl FnOnce(&Self) -> Command) -> Option<u32> {
        let mut command = command(self);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = children::spawn(&mut command).ok()?;
        self.said.follow(&mut child);
        let pid = child.id();
        self.child = Some(child);
        self.pulse = Some(Pulse::of(pid));
        Some(pid)
    }

    /// A requirements file that asks for exactly these, from the same places.
    fn exactly(&self, missing: &[Wanted]) -> Option<PathBuf> {
        let text = std::fs::read_to_string(&self.requirements).ok()?;
        let places = text.lines().filter(|l| l.trim_start().starts_with('-')).map(ToOwned::to_owned);
        let pins = missing.iter().map(|m| format!("{}=={}", m.name, m.version));
        let lines: Vec<String> = places.chain(pins).collect();
        let path = self.requirements.with_file_name(EXACTLY);
        std::fs::write(&path, lines.join("\n") + "\n").ok()?;
        Some(path)
    }

    fn last_line(&self) -> String {
        self.said.line()
    }

    fn hangs(&mut self) -> bool {
        self.pulse.as_mut().is_some_and(|pulse| pulse.silence() > pip::silence())
    }

    fn give_up(&mut self) {
        if let Some(mut child) = self.child.take() {
            program::end(&mut child);
        }
    }
}

/// Whether a folder has packages, all of them ready to be installed without building.
fn only_wheels(folder: &Path) -> bool {
    let names: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name()).collect();
    !names.is_empty() && names.iter().all(|n| n.to_string_lossy().ends_with(".whl"))
}

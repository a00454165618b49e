//! What runs inside of the rehearsal's view, or in its copy: the server is started as phase 3 would start it, and asked as
//! phase 4 would ask it. What happens is told line by line on standard output.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;

use crate::core::index::Trust;
use crate::core::session::Session;
use crate::core::visible::Shown as _;
use crate::engine::events::Event;
use crate::engine::phases::server::launch::start_again;
use crate::engine::phases::server::rehearse::{FOLDER, KEPT_LOG, Place, Verdict};
use crate::engine::phases::validation;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::journal::Journal;
use crate::host::platform::process::end_with_parent;
use crate::host::process::children;
use crate::host::python::venv;
use crate::host::server::view::{self, Impossible, Places};
use crate::host::server::{self, kept_index, search_index, trial_copy};
use crate::host::session::catalog;
use crate::host::session::lock::Lock;
use crate::host::session::store;

/// Tries the release of a session, and tells what happens in lines of JSON. There must be one thread only, and no runtime yet.
pub fn run(install: &OsStr, session_id: &OsStr, place: &OsStr, tell: fn(&str)) {
    // Nobody would end the server that is started here.
    end_with_parent();
    children::inherit();
    if let Ok(text) = serde_json::to_string(&verdict(install, session_id, Place::of(place), tell)) {
        tell(&text);
    }
}

fn verdict(install: &OsStr, session_id: &OsStr, place: Place, tell: fn(&str)) -> Verdict {
    let found = catalog::survey(Path::new(install)).sessions;
    let Some(session) = found.into_iter().find(|session| session_id == session.session_id.as_str()) else {
        return Verdict::Impossible { what: "its session can't be read".into() };
    };
    // Of one that only tries nothing else stays.
    let own = store::folder(&session.install, &session.session_id);
    let (above, up) = match session.options().only_rehearsal {
        true => (session.install.join(".upgrade"), "../.."),
        false => (own, ".."),
    };
    let kept_log = above.join(KEPT_LOG);
    let goes_to = session.goes_to();
    match tried(session, place, tell) {
        Ok(()) => Verdict::Passed,
        Err(Failure::Failed { stop: Stop::Failed { what, next, .. }, install }) => {
            // What was said there goes with it, so it is kept; and the paths are those that a person can look at.
            let log = server::log_path(&install);
            let _ = std::fs::copy(&log, Path::new(up).join(KEPT_LOG));
            let shown = |path: &Path| path.shown().to_string();
            let here = |text: String| {
                let text = text.replace(&shown(&log), &shown(&kept_log));
                if install == goes_to { text } else { text.replace(&shown(&install), &shown(&goes_to)) }
            };
            Verdict::Failed { what: here(what), next: next.map(|next| here(next.for_an_upgrade())) }
        }
        Err(Failure::Failed { .. }) => Verdict::Impossible { what: "it was stopped".into() },
        Err(Failure::NoView(what)) => Verdict::NoView { what },
        Err(Failure::Impossible(what)) => Verdict::Impossible { what },
    }
}

/// Why it did not pass.
enum Failure {
    Impossible(String),
    /// There is no view to try it in; in a copy it may be possible.
    NoView(String),
    Failed {
        stop: Stop,
        /// Where it was tried.
        install: PathBuf,
    },
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(e: E) -> Self {
        Failure::Impossible(e.to_string())
    }
}

fn tried(mut session: Session, place: Place, tell: fn(&str)) -> Result<(), Failure> {
    let own = store::folder(&session.install, &session.session_id);
    session.install = match place {
        Place::Here => shown(&session, &own)?,
        Place::Copy => copied(&mut session, &own)?,
    };
    view::forget_the_running(&session.install)?;
    if let Some(before) = &mut session.server {
        before.was_running = false;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let proven = proven(session, &runtime, tell);
    runtime.shutdown_background();
    proven
}

/// Enters the view of the upgraded install; where that is.
fn shown(session: &Session, own: &Path) -> Result<PathBuf, Failure> {
    let (live, install) = (&session.install, session.goes_to());
    let index = kept_index::noted(&own.join(kept_index::FOLDER));
    let built = index.map(|record| kept_index::to_build_in(&own.join(kept_index::FOLDER), &record)).transpose()?;
    let folder = own.join(FOLDER);
    view::enter(&Places { project: &session.project, live, install: &install, folder: &folder })
        .map_err(|Impossible(what)| Failure::NoView(what))?;
    // From here on this process stands in the folder of the rehearsal, as the disk has it; all absolute paths are the view's.
    put_staged_in_place(&install)?;
    if let Some(name) = &session.venv_generation
        && venv::generation(&install, name).is_dir()
    {
        view::use_environment(&install, name)?;
    }
    for (place, real) in built.unwrap_or_default() {
        let real = Path::new("..").join(real.strip_prefix(own)?);
        view::lead_to(&install, &place, &real)?;
    }
    Ok(install)
}

/// Makes a copy that is upgraded; where it is.
fn copied(session: &mut Session, own: &Path) -> Result<PathBuf, Failure> {
    let (goes_to, folder) = (session.goes_to(), own.join(FOLDER));
    let name = goes_to.file_name().ok_or_else(|| Failure::Impossible("the install has no name".into()))?;
    let built = session.venv_generation.as_deref().filter(|built| venv::generation(&session.install, built).is_dir());
    let project = trial_copy::make(&session.install, &folder, name, built)?;
    std::env::set_current_dir(&folder)?;
    let install = project.join(name);
    put_staged_in_place(&install)?;
    session.project = project;
    // How it is started elsewhere names paths that are not these.
    session.server = None;
    Ok(install)
}

/// Puts in place what is staged beside the folder that this process stands in.
fn put_staged_in_place(install: &Path) -> Result<(), Failure> {
    for name in ["server", "content"] {
        if let Some(journal) = Journal::staged_in(install, &Path::new("..").join(name)) {
            view::put_in_place(install, &journal)?;
        }
    }
    Ok(())
}

fn proven(session: Session, runtime: &tokio::runtime::Runtime, tell: fn(&str)) -> Result<(), Failure> {
    let install = session.install.clone();
    let lock = Lock::acquire(&install)?;
    lock.install().make_folder(store::folder(&install, &session.session_id))?;
    let (events, mut heard) = mpsc::channel::<Event>(1024);
    let (_wishes, commands) = mpsc::channel(1);
    let telling = std::thread::spawn(move || {
        while let Some(event) = heard.blocking_recv() {
            if let Ok(text) = serde_json::to_string(&event) {
                tell(&text);
            }
        }
    });
    let mut run = Run::new(session, lock, runtime.handle().clone(), events, commands);
    run.server_settings = Some(server::Settings::of_own_environment()).filter(|settings| !settings.names().is_empty());
    let install = run.install();
    let places = search_index::places(&install);
    if places.note_layout().is_some() {
        // As phase 2 does, whatever comes of it.
        let _ = search_index::outdate(&install, &places, Trust::Files);
    }
    let _ = search_index::ask_for_rebuild(&install);
    let result = run.save().and_then(|()| start_again(&mut run)).and_then(|url| match url {
        Some(_) => validation::prove(&mut run),
        None => Err(Stop::failed("the new server can't be started here")),
    });
    run.stop_proof_server();
    drop(run);
    let _ = telling.join();
    result.map_err(|stop| Failure::Failed { stop, install: install.to_path_buf() })
}

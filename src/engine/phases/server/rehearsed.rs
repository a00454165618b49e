//! What runs inside of the rehearsal's view: the server is started as phase 3 would start it, and asked as phase 4 would
//! ask it. What happens is told line by line on standard output.

use std::ffi::OsStr;
use std::path::Path;

use tokio::sync::mpsc;

use crate::core::index::Trust;
use crate::core::session::Session;
use crate::engine::events::Event;
use crate::engine::phases::server::launch::start_again;
use crate::engine::phases::server::rehearse::{FOLDER, Verdict};
use crate::engine::phases::validation;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::journal::Journal;
use crate::host::process::children;
use crate::host::python::venv;
use crate::host::server::view::{self, Places};
use crate::host::server::{self, kept_index, search_index};
use crate::host::session::catalog;
use crate::host::session::lock::Lock;
use crate::host::session::store;

/// Tries the release of a session, and tells what happens in lines of JSON. There must be one thread only, and no runtime yet.
pub fn run(install: &OsStr, session_id: &OsStr, tell: fn(&str)) {
    // Nobody would end the server that is started here.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    children::inherit();
    if let Ok(text) = serde_json::to_string(&verdict(install, session_id, tell)) {
        tell(&text);
    }
}

fn verdict(install: &OsStr, session_id: &OsStr, tell: fn(&str)) -> Verdict {
    let found = catalog::survey(Path::new(install)).sessions;
    let Some(session) = found.into_iter().find(|session| session_id == session.session_id.as_str()) else {
        return Verdict::Impossible { what: "its session can't be read".into() };
    };
    match tried(session, tell) {
        Ok(()) => Verdict::Passed,
        Err(Failure::Failed(Stop::Failed { what, next })) => {
            Verdict::Failed { what, next: next.map(|next| next.for_an_upgrade()) }
        }
        Err(Failure::Failed(_)) => Verdict::Impossible { what: "it was stopped".into() },
        Err(Failure::Impossible(what)) => Verdict::Impossible { what },
    }
}

/// Why it did not pass.
enum Failure {
    Impossible(String),
    Failed(Stop),
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(e: E) -> Self {
        Failure::Impossible(e.to_string())
    }
}

fn tried(mut session: Session, tell: fn(&str)) -> Result<(), Failure> {
    let live = session.install.clone();
    let install = session.goes_to();
    let own = store::folder(&live, &session.session_id);
    let index = kept_index::noted(&own.join(kept_index::FOLDER));
    let built = index.map(|record| kept_index::to_build_in(&own.join(kept_index::FOLDER), &record)).transpose()?;
    let folder = own.join(FOLDER);
    view::enter(&Places { project: &session.project, live: &live, install: &install, folder: &folder })?;
    // From here on this process stands in the folder of the rehearsal, as the disk has it; all absolute paths are the view's.
    for name in ["server", "content"] {
        if let Some(journal) = Journal::staged_in(&install, &Path::new("..").join(name)) {
            view::put_in_place(&install, &journal)?;
        }
    }
    if let Some(name) = &session.venv_generation
        && venv::generation(&install, name).is_dir()
    {
        view::use_environment(&install, name)?;
    }
    for (place, real) in built.unwrap_or_default() {
        let real = Path::new("..").join(real.strip_prefix(&own)?);
        view::lead_to(&install, &place, &real)?;
    }
    view::forget_the_running(&install)?;
    session.install = install;
    if let Some(before) = &mut session.server {
        before.was_running = false;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let proven = proven(session, &runtime, tell);
    runtime.shutdown_background();
    proven
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
    result.map_err(Failure::Failed)
}

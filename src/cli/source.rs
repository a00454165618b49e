//! Where a source is that was named: a folder, or an address whose clone lies in the user's cache folder and is fetched
//! first. And what is offered where none was named.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cli::args::From;
use crate::cli::ask::{at_a_terminal, confirmed};
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::session::ago;
use crate::engine::planning::usual_address::usual_address;
use crate::host::git::{address, cached};
use crate::host::install;
use crate::host::process::program::Listener;

/// The folder of a source. An address is fetched first, which the user asked for by naming it; `offline` takes what was
/// fetched before.
///
/// # Errors
/// [`Refusal`] for an address that is none, and one that can't be reached.
pub(crate) fn folder(source: &Path, offline: bool) -> Result<PathBuf, Refusal> {
    brought(source, offline, |_| "add --offline".to_owned())
}

/// [`folder`]; `way_on` says how to go on with the clone that was fetched before.
fn brought(source: &Path, offline: bool, way_on: impl Fn(&Path) -> String) -> Result<PathBuf, Refusal> {
    let url = match address::address(source) {
        None => return Ok(source.to_owned()),
        Some(Ok(url)) => url,
        Some(Err(why)) => {
            let shown = address::shown(&source.to_string_lossy());
            return Err(Refusal::refused(
                Code::AddressRefused,
                format!("{shown}: nothing is fetched from this address: {why}; nothing was changed"),
                "name another one, or a clone: --source DIR",
            ));
        }
    };
    let shown = address::shown(url);
    let Some(clone) = cached::place(url) else {
        let what = format!("{shown}: there is no cache folder to fetch it into (HOME is not set); nothing was changed");
        return Err(Refusal::refused(Code::NoHome, what, "name a clone: --source DIR"));
    };
    let age = cached::age(&clone);
    if offline {
        let Some(age) = age else {
            let what = format!(
                "{shown}: was never fetched here, so there is nothing to go on with offline; nothing was changed"
            );
            return Err(Refusal::refused(Code::FetchFailed, what, "fetch it, with a network: leave --offline out"));
        };
        complain!("{shown}: not fetched; taken as it was fetched {}", ago(age));
        return Ok(clone);
    }
    complain!("fetching {shown}");
    let begun = Instant::now();
    let Err(error) = cached::fetch(url, &clone, &mut Progress { told: begun, last: String::new() }) else {
        return Ok(clone);
    };
    let Some(age) = age else {
        return Err(Refusal::refused(
            Code::FetchFailed,
            format!("{error}; nothing was changed"),
            "see whether you can reach it: git ls-remote ADDRESS, or name a clone: --source DIR",
        ));
    };
    if at_a_terminal() && print::at_a_terminal() {
        complain!("{error}");
        if confirmed(&format!("Go on with what was fetched {}?", ago(age))) {
            return Ok(clone);
        }
    }
    Err(Refusal::refused(
        Code::FetchFailed,
        format!("{error}; nothing was changed"),
        format!("go on with what was fetched {}: {}", ago(age), way_on(&clone)),
    ))
}

/// The folder of a source for commands that look only: what the settings name is not fetched for that, and its age is told.
///
/// # Errors
/// As [`folder`].
pub(crate) fn seen(source: &Path, named: bool) -> Result<PathBuf, Refusal> {
    if named {
        // These have no `--offline`.
        return brought(source, false, |clone| format!("--source {}", quoted(clone)));
    }
    let place = cached::place_of(source);
    if let Some(age) = cached::age(&place).filter(|_| place != source) {
        complain!("{}: not fetched; seen as it was fetched {}", address::shown(&source.to_string_lossy()), ago(age));
    }
    Ok(place)
}

/// The source where none is named: at a terminal the address that the install came from, or the usual one, is offered.
///
/// # Errors
/// [`Refusal`] naming the ways to name one.
pub(crate) fn offered(project: &Path, from: &From) -> Result<PathBuf, Refusal> {
    let install = install::folder_of(project);
    let url = usual_address(&install);
    if at_a_terminal() && !from.offline {
        say!("No source is named: where is the clone of praxis-os to upgrade from?");
        if confirmed(&format!("Fetch {url} into your cache folder, and take that?")) {
            return folder(Path::new(&url), false);
        }
    }
    Err(Refusal::usage(
        Code::NoSource,
        "no source: where is the clone of praxis-os to upgrade from? nothing was changed",
        format!(
            "name it: --source DIR (or \"source_path\" in {}/upgrade.json), or let it be fetched: --source {}",
            install::name_of(&install),
            quoted(&url)
        ),
    ))
}

/// git's lines, not more than one a second.
struct Progress {
    told: Instant,
    last: String,
}

impl Listener for Progress {
    fn line(&mut self, text: &str) {
        let is_progress = text.contains('%');
        if is_progress && self.told.elapsed() > Duration::from_secs(1) && self.last != text {
            complain!("  {text}");
            self.told = Instant::now();
            text.clone_into(&mut self.last);
        }
    }
}

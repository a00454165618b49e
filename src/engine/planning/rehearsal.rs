//! How the new release can be tried here before anything changes: told before the approval. Nothing is written for it.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::core::plan::Only;
use crate::core::settings::Options;
use crate::engine::planning::request::Request;
use crate::host::process::children;
use crate::host::process::program::{self, Deaf, Limits};
use crate::host::python::venv;
use crate::host::server::search_index;
use crate::host::server::view::{self, Hindrance};

/// The kernel answers at once, or something is very wrong.
const LIMITS: Limits = Limits { silent: Duration::from_secs(10), total: Duration::from_secs(10) };

/// How it will be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(tag = "place", content = "why", rename_all = "snake_case")]
pub(crate) enum Foreseen {
    /// At the install's own place, in a view that only the trial has.
    Here,
    /// In a copy, and why not at its own place.
    Copy(String),
    /// Not at all, and why.
    Nowhere(String),
}

impl Foreseen {
    /// In a sentence for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Foreseen::Here => "Before anything changes, the new release is tried here.".to_owned(),
            Foreseen::Copy(why) => {
                format!("Before anything changes, the new release is tried in a copy of the install ({why}).")
            }
            Foreseen::Nowhere(why) => format!("The new release is not tried before anything changes: {why}."),
        }
    }
}

impl Foreseen {
    /// Whether a server will be started for the trial.
    pub(crate) fn is_tried(&self) -> bool {
        !matches!(self, Foreseen::Nowhere(_))
    }
}

/// Where a release can be tried, as far as the install tells. `index_outside` says that the new server's search index lies
/// outside of it.
pub(crate) fn place(install: &Path, options: &Options, index_outside: bool) -> Foreseen {
    if options.no_rehearsal {
        return Foreseen::Nowhere("it is switched off".into());
    }
    if index_outside {
        return Foreseen::Nowhere("the search index lies outside of the install, where trying would change it".into());
    }
    match view::hindrance(install) {
        None => Foreseen::Here,
        Some(Hindrance::InPlace(why)) => Foreseen::Copy(why),
        Some(Hindrance::Anywhere(why)) => Foreseen::Nowhere(why),
    }
}

/// The same for what is planned. None where there is no server to try.
pub(crate) fn place_of(request: &Request) -> Option<Foreseen> {
    let install = request.install();
    if request.only == Some(Only::Content) || !venv::is_there(&install) {
        return None;
    }
    let index_outside = search_index::places(&install).index.is_none();
    Some(place(&install, &request.options, index_outside))
}

/// How it will be tried, with a short try of what the kernel allows.
pub(crate) fn foresee(install: &Path, place: Foreseen) -> Foreseen {
    if place != Foreseen::Here {
        return place;
    }
    let Ok(program) = std::env::current_exe() else { return place };
    let mut command = children::helper(program);
    command.arg(view::COMMAND).arg(install).env(view::INSIDE, "1");
    match program::run("a try of private mounts", &mut command, LIMITS, &mut Deaf) {
        Ok(said) if said.lines.is_empty() => Foreseen::Here,
        Ok(said) => Foreseen::Copy(said.lines.join(" ")),
        Err(e) => Foreseen::Copy(e.to_string()),
    }
}

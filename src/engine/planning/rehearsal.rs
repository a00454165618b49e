//! How the new release can be tried here before anything changes: told before the approval. Nothing is written for it.

use std::time::Duration;

use serde::Serialize;

use crate::engine::planning::request::Request;
use crate::host::process::children;
use crate::host::process::program::{self, Deaf, Limits};
use crate::host::python::venv;
use crate::host::server::{search_index, view};

/// The kernel answers at once, or something is very wrong.
const LIMITS: Limits = Limits { silent: Duration::from_secs(10), total: Duration::from_secs(10) };

/// How it will be tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// Looks, with a short try of what the kernel allows. None where there is no server to try.
pub(crate) fn foresee(request: &Request) -> Option<Foreseen> {
    let install = request.install();
    if !venv::is_there(&install) {
        return None;
    }
    if request.options.no_rehearsal {
        return Some(Foreseen::Nowhere("it is switched off".into()));
    }
    if let Err(why) = view::is_closed(&install) {
        return Some(Foreseen::Nowhere(why.to_string()));
    }
    if search_index::places(&install).index.is_none() {
        return Some(Foreseen::Nowhere("its search index lies outside of the install".into()));
    }
    if let Err(why) = view::is_possible(&install) {
        return Some(Foreseen::Copy(why.to_string()));
    }
    let Ok(program) = std::env::current_exe() else { return Some(Foreseen::Here) };
    let mut command = children::helper(program);
    command.arg(view::COMMAND).arg(&install).env(view::INSIDE, "1");
    match program::run("a try of private mounts", &mut command, LIMITS, &mut Deaf) {
        Ok(said) if said.lines.is_empty() => Some(Foreseen::Here),
        Ok(said) => Some(Foreseen::Copy(said.lines.join(" "))),
        Err(e) => Some(Foreseen::Copy(e.to_string())),
    }
}

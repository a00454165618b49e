//! What the wizard is started with.

use std::path::PathBuf;

use crate::core::plan::{Only, Plan};
use crate::core::policy::OnConflict;
use crate::core::settings::{Look, Options};
use crate::engine::planning::request::Request;

/// What the wizard is started with: by its command, or typed on the setup screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// The project's folder.
    pub project: PathBuf,
    /// The clone of praxis-os, if it is known; else the wizard asks.
    pub source: Option<PathBuf>,
    /// Commit, tag or branch; HEAD if none.
    pub to: Option<String>,
    /// Nothing is fetched: of an address only what was fetched before is taken.
    pub offline: bool,
    /// Only this part of the install; all of it if none.
    pub only: Option<Only>,
    /// The options.
    pub options: Options,
    /// How the wizard looks and listens.
    pub look: Look,
    /// Who settles conflicts.
    pub on_conflict: OnConflict,
    /// The folder that it was started in: typed paths begin there.
    pub here: PathBuf,
    /// Settle conflicts that were put off, by this plan, instead of upgrading.
    pub resolve: Option<Box<Plan>>,
    /// Go on with the unfinished session without asking.
    pub resume: bool,
    /// The source that only the project's own file names, as long as the user has not said yes to it.
    pub foreign_source: Option<PathBuf>,
}

impl Launch {
    /// One that knows its project alone: with the defaults, and paths that are typed begin in the project.
    pub fn new(project: PathBuf) -> Self {
        Self {
            source: None,
            to: None,
            offline: false,
            only: None,
            options: Options::default(),
            look: Look::default(),
            on_conflict: OnConflict::Ask,
            here: project.clone(),
            resolve: None,
            resume: false,
            foreign_source: None,
            project,
        }
    }

    /// What the engine is asked, once there is a source.
    pub fn request(&self) -> Option<Request> {
        let source = self.source.clone()?;
        let Launch { project, to, only, options, .. } = self.clone();
        Some(Request { project, source, to, only, options })
    }
}

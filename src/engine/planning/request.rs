//! What a person asks for: which upgrade, and from where.

use std::path::PathBuf;

use crate::core::plan::Only;
use crate::core::settings::Options;
use crate::host::install;

/// What to upgrade, and from where.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The project's folder, the one that holds `.praxis-os`.
    pub(crate) project: PathBuf,
    /// The clone of praxis-os.
    pub(crate) source: PathBuf,
    /// Commit, tag or branch; HEAD if none.
    pub(crate) to: Option<String>,
    /// Only this part of the install; all of it if none.
    pub(crate) only: Option<Only>,
    /// The options.
    pub(crate) options: Options,
}

impl Request {
    /// The folder of the project's install, as it is called now.
    pub(crate) fn install(&self) -> PathBuf {
        install::folder_of(&self.project)
    }
}

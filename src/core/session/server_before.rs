//! The server that a session found.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::os_text;
use crate::core::path::RelPath;
use crate::core::renamed;

/// What is needed to start the install's server again, known before it is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ServerBefore {
    /// It answered when the session began.
    pub was_running: bool,
    /// Its process then.
    pub pid: Option<u32>,
    /// Its command line; what is not UTF-8 as [`crate::core::os_text::encode`] writes it.
    pub command: Vec<String>,
    /// Its folder.
    #[serde(with = "crate::core::os_text::path")]
    #[schemars(with = "String")]
    pub cwd: PathBuf,
    /// Those environment variables that the layout's table names; their values are written as the command line is.
    pub env: BTreeMap<String, String>,
    /// The tools it had.
    pub tools: Vec<String>,
}

impl ServerBefore {
    /// The same server where a folder of its paths has another name.
    #[must_use]
    pub fn renamed(&self, from: &RelPath, to: &RelPath) -> Self {
        let bytes = |text: &[u8]| renamed::renamed(text, from.as_bytes(), to.as_bytes());
        let place = |path: &Path| PathBuf::from(OsString::from_vec(bytes(path.as_os_str().as_bytes())));
        let word = |text: &String| os_text::encode(place(Path::new(&os_text::decode(text))));
        Self {
            command: self.command.iter().map(word).collect(),
            cwd: place(&self.cwd),
            env: self.env.iter().map(|(name, value)| (name.clone(), word(value))).collect(),
            ..self.clone()
        }
    }
}

//! What an upgrade made ready while the old release still answered.

use serde::{Deserialize, Serialize};

use crate::core::phase::{Fact, PostInstallStep};

/// What came of trying the whole new install before anything was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rehearsal {
    /// It works here.
    Passed,
    /// It works in a copy of the install, and why the install's own place could not be used.
    PassedInCopy(String),
    /// It was not tried, and why.
    NotTried(String),
}

/// What was made ready before anything was changed; phase 3 has it in its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ready {
    /// The requirements that the environment was built for, by sha256; none where there was nothing to build.
    pub requirements: Option<String>,
    /// Whether packages were installed.
    pub dependencies_installed: Fact<bool>,
    /// Steps after the installation.
    pub post_install_steps: Fact<Vec<PostInstallStep>>,
    /// What came of the rehearsal, once it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// How long that took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal_seconds: Option<f64>,
    /// The search index that is moved in was built from the pages that are installed now.
    #[serde(default)]
    pub index_is_current: bool,
    /// How the server was found that was stopped, once it was.
    #[serde(default)]
    pub server_found: Option<String>,
}

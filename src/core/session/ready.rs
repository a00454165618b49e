//! What an upgrade made ready while the old release still answered.

use serde::{Deserialize, Serialize};

use crate::core::phase::{Fact, PostInstallStep};

/// What was made ready before anything was changed; phase 3 has it in its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// The requirements that the environment was built for, by sha256; none where there was nothing to build.
    pub requirements: Option<String>,
    /// Whether packages were installed.
    pub dependencies_installed: Fact<bool>,
    /// Steps after the installation.
    pub post_install_steps: Fact<Vec<PostInstallStep>>,
    /// What came of trying the whole new install before anything changed: `passed`, or why it was not tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<String>,
    /// The search index that is moved in was built from the pages that are installed now.
    #[serde(default)]
    pub index_is_current: bool,
    /// How the server was found that was stopped, once it was.
    #[serde(default)]
    pub server_found: Option<String>,
}

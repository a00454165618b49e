//! `.upgrade-baseline.json`: what the last upgrade installed, committed with the project.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::blob::BlobId;
use super::path::RelPath;
use super::provenance::Shipped;

/// The file's name in the install.
pub const FILE: &str = ".upgrade-baseline.json";

/// The release's bytes at every path it ships: never what was written, so that a merged or kept file is still known
/// as the user's next time.
///
/// ```json
/// {"schema":1,"release":"<commit>","layout":"current",
///  "files":{"standards/universal/x.md":{"source_path":"universal/standards/x.md","blob":"<id>"}}}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// 1.
    pub schema: u32,
    /// The commit that was installed.
    pub release: String,
    /// The layout's name.
    pub layout: String,
    /// By install path.
    pub files: BTreeMap<RelPath, BaselineFile>,
}

/// One path of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineFile {
    /// Where the source has it.
    pub source_path: RelPath,
    /// The release's content.
    pub blob: BlobId,
    /// The release it is from, where that is another one than the baseline's: an upgrade of only a part leaves the
    /// rest as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Whether the release ships it executable.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

impl BaselineFile {
    /// A path of a release.
    pub fn of(source_path: &RelPath, file: &Shipped) -> Self {
        let (source_path, blob) = (source_path.clone(), file.blob.clone());
        Self { source_path, blob, release: None, executable: file.executable }
    }

    /// As a file of a release.
    pub fn shipped(&self) -> Shipped {
        Shipped { blob: self.blob.clone(), executable: self.executable }
    }
}

//! Whether what was read as a session can be what this program wrote: anybody may have written the file.

use super::saved::Session;
use super::times::is_stamp;
use crate::core::{editor_entry, rules_file};

/// The documents that a session appends to outside of its journals; nothing else may be named in [`Session::documents`].
pub(crate) const DOCUMENTS: [&str; 2] = ["INSTALLATION_SUMMARY.md", "UPDATE_LOG.txt"];

impl Session {
    /// Checks what was read from a file that anybody may have written: every name that is joined to a path, and every
    /// text that is cut by position. `folder` is the name of the folder it was found in.
    ///
    /// # Errors
    /// What is wrong, naming the key.
    pub fn check(&self, folder: &str) -> Result<(), String> {
        let is_time = |text: &str| text.parse::<jiff::Timestamp>().is_ok();
        let wrong = |key: &str| Err(format!("\"{key}\" is not what this program writes"));
        if self.session_id != folder || uuid::Uuid::try_parse(folder).is_err() {
            return wrong("session_id");
        }
        if self.stamp.len() != 17 || !is_stamp(&self.stamp) {
            return wrong("stamp");
        }
        if self.backup.as_deref().is_some_and(|name| !is_stamp(name)) {
            return wrong("backup");
        }
        if self.venv_generation.as_deref().is_some_and(|name| !is_stamp(name)) {
            return wrong("venv_generation");
        }
        if !is_time(&self.created_at) || !is_time(&self.updated_at) {
            return wrong("created_at or updated_at");
        }
        if self.after.iter().any(|id| uuid::Uuid::try_parse(id).is_err()) {
            return wrong("after");
        }
        if self.approval.as_deref().is_some_and(|sum| sum.len() != 64 || !sum.bytes().all(|b| b.is_ascii_hexdigit())) {
            return wrong("approval");
        }
        if self.gitignore_added.iter().any(|line| line.trim().is_empty() || line.contains(['\n', '\0'])) {
            return wrong("gitignore_added");
        }
        if self.editors.iter().any(|(path, saved)| !editor_entry::is_settings(path) || !saved.is_sound()) {
            return wrong("editors");
        }
        if !self.decisions.are_sound() {
            return wrong("answers");
        }
        if self.rules_files.iter().any(|(path, saved)| !rules_file::is_rules(path) || !saved.is_sound()) {
            return wrong("rules_files");
        }
        if self.taken_out.iter().any(|(path, file)| !file.is_sound(path)) {
            return wrong("taken_out");
        }
        if self.documents.keys().any(|path| !DOCUMENTS.iter().any(|d| d.as_bytes() == path.as_bytes())) {
            return wrong("documents");
        }
        let folders = crate::core::layout::layouts().folders();
        if self.folder_before.as_ref().is_some_and(|name| !folders.contains(&name)) {
            return wrong("folder_before");
        }
        if self.set_aside.iter().any(|path| crate::core::layout::layouts().is_ephemeral(path)) {
            return wrong("set_aside");
        }
        if self.lost.iter().any(|path| crate::core::layout::layouts().is_ephemeral(path)) {
            return wrong("lost");
        }
        Ok(())
    }
}

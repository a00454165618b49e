//! Changes one value of a settings file: the project's under its lock, or the user's own.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::core::error_code::Code;
use crate::core::os_text::quoted;
use crate::core::settings;
use crate::core::visible::Shown as _;
use crate::engine::maintenance::locked;
use crate::engine::planning::settings::{absolute, project_file};
use crate::engine::refusal::{self, Problem};
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::install;
use crate::host::session::lock::Lock;
use crate::host::user::{own_lock, settings_file};

/// Whose file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose<'a> {
    /// The project's, in its install.
    Project(&'a Path),
    /// The user's own.
    User,
}

/// Sets a value, or takes it out where there is none. Gives the file.
///
/// # Errors
/// [`Problem`]; then nothing was changed.
pub(crate) fn set(
    whose: Whose<'_>,
    key: &str,
    value: Option<Value>,
    note: &mut dyn FnMut(&str),
) -> Result<PathBuf, Problem> {
    let path = match whose {
        Whose::Project(project) => project_file(project),
        Whose::User => settings_file::path().ok_or_else(|| {
            refusal::problem(
                Code::NoHome,
                "there is no home folder to keep settings in; nothing was changed",
                "set HOME, then try again",
            )
        })?,
    };
    let broken = |problem: String| {
        let what = format!("{}: {problem}; nothing was changed", path.shown());
        refusal::usage(
            Code::BadSettings,
            what,
            format!("mend the file, or move it aside: mv {0} {0}.old", quoted(&path)),
        )
    };
    // Whoever writes looks at it under the lock.
    let _lock: (Option<Lock>, Option<File>) = match whose {
        Whose::Project(project) => (Some(locked::without_session(&install::folder_of(project), note)?), None),
        Whose::User => {
            let held = own_lock::alone(path.parent().unwrap_or(&path), "upgrade.lock");
            let told = |e| {
                refusal::problem(
                    Code::Files,
                    format!("{}: {e}; nothing was changed", path.shown()),
                    "mend that, then try again",
                )
            };
            (None, Some(held.map_err(told)?))
        }
    };
    if std::fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
        return Err(broken("something other than a file stands there".to_owned()));
    }
    // The user's own file holds for every folder that a command is typed in.
    let value = match (whose, value) {
        (Whose::User, Some(Value::String(text))) if key == "source_path" => {
            let full = absolute(Some(Path::new(&text))).and_then(|path| path.to_str().map(str::to_owned));
            Some(Value::String(full.unwrap_or(text)))
        }
        (_, value) => value,
    };
    let old = read::read_settings(&path).map_err(broken)?.unwrap_or_default();
    let new = settings::with_value(&old, key, value).map_err(|e| match e {
        settings::SettingsError::UnknownKey { .. } | settings::SettingsError::BadValue { .. } => refusal::usage(
            Code::BadSettings,
            format!("{e}; nothing was changed"),
            "see the keys: pos-upgrade-tui config show",
        ),
        other => broken(other.to_string()),
    })?;
    let written = match whose {
        Whose::User => settings_file::write(&path, &new),
        Whose::Project(_) => fs::write_durable(&path, new.as_bytes(), 0o644),
    };
    written
        .map_err(|e| refusal::problem(Code::Files, format!("{e}; nothing was changed"), "mend that, then try again"))?;
    Ok(path)
}

//! `config`: the settings, where each comes from, and a change of one.

use std::path::Path;

use serde_json::{Value, json};

use crate::cli::args::{Common, ConfigCommand, From};
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::exit::Exit;
use crate::core::os_text;
use crate::core::settings::{KEYS, value_of};
use crate::core::visible::Shown as _;
use crate::engine::maintenance::settings::{self as change, Whose};
use crate::engine::planning::settings::{Layers, project_file};
use crate::host::git::address::{is_address, shown};
use crate::host::user::settings_file;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) fn run(common: &Common, command: Option<&ConfigCommand>) -> Result<Exit, Refusal> {
    match command {
        None | Some(ConfigCommand::Show) => show(common),
        Some(ConfigCommand::Set { key, value, user }) => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.clone()));
            write(common, *user, key, Some(value))
        }
        Some(ConfigCommand::Unset { key, user }) => write(common, *user, key, None),
    }
}

fn write(common: &Common, user: bool, key: &str, value: Option<Value>) -> Result<Exit, Refusal> {
    let install = if user { None } else { Some(request::install(common)?) };
    let project = install.as_deref().and_then(Path::parent);
    let whose = project.map_or(Whose::User, Whose::Project);
    let word = if value.is_some() { "set" } else { "unset" };
    let path = change::set(whose, key, value, &mut |line| complain!("{line}"))?;
    Ok(output::done(&format!("{word} \"{key}\" in {}", path.shown()), common.json))
}

/// A value as it may be printed: an address without its password.
fn printable(value: Value) -> Value {
    match value {
        Value::String(text) if is_address(Path::new(&text)) => Value::String(shown(&text)),
        other => other,
    }
}

/// Who says what a key is, and what it is, as it may be printed.
fn origin(layers: &Layers, key: &str) -> (Value, &'static str) {
    for (settings, name) in [(&layers.project, "project"), (&layers.user, "user")] {
        if let Some(value) = value_of(settings, key).0 {
            return (printable(value), name);
        }
    }
    (value_of(&layers.user, key).1, "default")
}

fn show(common: &Common) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let layers = request::layers(&project, &From::default())?;
    let (of_project, of_user) = (project_file(&project), settings_file::path());
    if common.json {
        let values: serde_json::Map<String, Value> = KEYS
            .iter()
            .map(|key| {
                let (value, from) = origin(&layers, key);
                ((*key).to_owned(), json!({"value": value, "from": from}))
            })
            .collect();
        let mut shown = serde_json::Map::new();
        shown.insert("schema".into(), 1.into());
        os_text::put(&mut shown, "project_file", &of_project);
        match &of_user {
            Some(path) => os_text::put(&mut shown, "user_file", path),
            None => drop(shown.insert("user_file".into(), Value::Null)),
        }
        shown.insert("settings".into(), values.into());
        print::json(&Value::Object(shown));
        return Ok(Exit::Done);
    }
    say!("project: {}", of_project.shown());
    if let Some(path) = of_user {
        say!("user:    {}", path.shown());
    }
    for key in KEYS {
        let (value, from) = origin(&layers, key);
        let value = if value.is_null() { "-".to_owned() } else { value.to_string() };
        say!("  {key:<22} {value}  ({from})");
    }
    say!("change one: pos-upgrade-tui config set KEY VALUE (--user for your own file)");
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_source_is_not_shown() {
        assert_eq!(printable("https://ada:secret@h.invalid/x".into()), "https://h.invalid/x");
        assert_eq!(printable("ada@here".into()), "ada@here");
        assert_eq!(printable(true.into()), true);
    }
}

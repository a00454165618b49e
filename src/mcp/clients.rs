//! What editors and assistants are told to start this server, from `assets/own-mcp-clients.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The data.
const CLIENTS: &str = include_str!("../../assets/own-mcp-clients.json");

#[derive(Deserialize)]
struct Data {
    clients: Vec<Client>,
}

/// How one client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Client {
    /// What people call it.
    pub(crate) name: String,
    /// The file in the project.
    pub(crate) file: String,
    /// What stands in it.
    pub(crate) entry: Value,
    /// A command that does the same, word by word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) or: Vec<String>,
}

fn filled(value: &mut Value, command: &str, project: &str) {
    match value {
        Value::String(text) if text == "COMMAND" => *text = command.to_owned(),
        Value::String(text) if text == "PROJECT" => *text = project.to_owned(),
        Value::Array(all) => all.iter_mut().for_each(|one| filled(one, command, project)),
        Value::Object(all) => all.values_mut().for_each(|one| filled(one, command, project)),
        _ => {}
    }
}

/// All clients, for a project. A path that is not UTF-8 can't stand in JSON as it is, and is named lossily.
pub(crate) fn clients(command: &Path, project: &Path) -> Vec<Client> {
    let (command, project) = (command.to_string_lossy(), project.to_string_lossy());
    let mut all = serde_json::from_str::<Data>(CLIENTS).map(|data| data.clients).unwrap_or_default();
    for client in &mut all {
        filled(&mut client.entry, &command, &project);
        for word in &mut client.or {
            if word == "COMMAND" {
                *word = command.clone().into_owned();
            } else if word == "PROJECT" {
                *word = project.clone().into_owned();
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_starts_this_program_on_the_project() {
        let all = clients(Path::new("/bin/pos"), Path::new("/my project"));
        assert!(all.len() >= 3);
        for client in all {
            let text = client.entry.to_string() + &client.or.join(" ");
            assert!(text.contains("/bin/pos") && text.contains("/my project") && !text.contains("COMMAND"), "{text}");
        }
    }
}

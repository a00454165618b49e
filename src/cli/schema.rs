//! `schema`: the JSON Schema of what the program prints and reads, from its own types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::json;

use crate::cli::args::Common;
use crate::cli::refusal::Refusal;
use crate::cli::{doctor, history, history_all, plan, print, status};
use crate::core::bound_answers::AnswersFile;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::session::Session;
use crate::core::settings::Settings;
use crate::core::visible;
use crate::engine::events::Event;
use crate::mcp::fault::Fault;

/// What has a schema: its name, what it is, and how the schema is made.
type Named = (&'static str, &'static str, fn() -> Schema);

fn printed<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

fn read<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// An object behind the keys of an install, as commands print it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema")]
struct About<T> {
    schema: u32,
    /// The install's folder; lossy where it is not UTF-8.
    install: String,
    /// The path's bytes, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    install_base64: Option<String>,
    #[serde(flatten)]
    rest: T,
}

const ALL: [Named; 12] = [
    ("answers", "what upgrade --answers and resume --answers read", read::<AnswersFile>),
    ("doctor", "what doctor --json prints", printed::<doctor::Shown>),
    (
        "events",
        "each line of upgrade, resume and rollback with --json, also the one line of a refusal",
        printed::<Event>,
    ),
    ("fault", "the structured content of an error of a tool of mcp", printed::<Fault>),
    ("history", "what history --json prints", printed::<About<history::Listed>>),
    ("history-all", "what history --all --json prints", printed::<history_all::Listed>),
    ("history-all-stats", "what history --all --stats --json prints", printed::<history_all::Figures>),
    ("history-stats", "what history --stats --json prints", printed::<About<history::Figures>>),
    ("plan", "what plan --json prints and upgrade --plan reads", printed::<plan::Shown<'static>>),
    ("session", "the data of session.json", printed::<Session>),
    ("settings", "what upgrade.json may hold", read::<Settings>),
    ("status", "what status --json prints", printed::<About<status::Standing>>),
];

/// What has a schema, and what it is.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().map(|(name, about, _)| (*name, *about))
}

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`] for a name that nothing has.
pub(crate) fn run(common: &Common, name: Option<&str>) -> Result<Exit, Refusal> {
    let Some(name) = name else {
        if common.json {
            let names: Vec<_> = ALL.iter().map(|(name, about, _)| json!({"name": name, "about": about})).collect();
            print::json(&json!({"schema": 1, "schemas": names}));
        } else {
            ALL.iter().for_each(|(name, about, _)| say!("{name:<17} {about}"));
            say!("the tools of mcp tell their own");
        }
        return Ok(Exit::Done);
    };
    match ALL.iter().find(|(known, ..)| *known == name) {
        Some((.., schema)) => {
            print::json(&schema());
            Ok(Exit::Done)
        }
        None => {
            let names: Vec<&str> = ALL.iter().map(|(name, ..)| *name).collect();
            let what = format!(
                "{}: nothing of that name has a schema; there are {}",
                visible::start_of(name, 60),
                names.join(", ")
            );
            Err(Refusal::usage(Code::NoSuchName, what, "the list: pos-upgrade-tui schema"))
        }
    }
}

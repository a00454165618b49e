//! `workflow`: the embedded pages.

use std::io;

use serde_json::{Value, json};

use crate::cli::args::Common;
use crate::cli::diff;
use crate::cli::diff::{Ink, Paper};
use crate::cli::page;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::workflow::{self, METADATA, Page};

/// Runs the subcommand: a page, or the list of them.
///
/// # Errors
/// [`Refusal`] where no page has that name, or the output can't be written.
pub(crate) fn run(common: &Common, wanted: Option<&str>) -> Result<Exit, Refusal> {
    let Some(wanted) = wanted else {
        diff::to_stdout(|paper| if common.json { paper.json(&list_json()) } else { list(paper) })?;
        return Ok(Exit::Done);
    };
    let Some(page) = workflow::find(wanted) else {
        let names: Vec<_> = workflow::pages().iter().map(|p| p.name).collect();
        let shown = diff::shown(wanted.as_bytes());
        return Err(Refusal::usage(
            Code::NoSuchName,
            format!("{shown}: no page of that name; there are {}", names.join(", ")),
            "the list: pos-upgrade-tui workflow",
        ));
    };
    page::print(common, &page_json(&page, true), page.text)
}

fn page_json(page: &Page, whole: bool) -> Value {
    let mut entry = json!({"name": page.name, "file": page.file, "title": page.title()});
    if whole {
        entry["text"] = page.text.into();
    }
    entry
}

fn list_json() -> Value {
    let metadata: Value = serde_json::from_str(METADATA).unwrap_or_default();
    let pages: Vec<Value> = workflow::pages().iter().map(|p| page_json(p, false)).collect();
    json!({"schema": 1, "workflow": metadata, "pages": pages})
}

fn list(paper: &mut Paper<'_>) -> io::Result<()> {
    for page in workflow::pages() {
        paper.line(Ink::Plain, &format!("{:<28} {}", page.name, page.title()))?;
    }
    paper.line(Ink::Plain, "")?;
    paper.line(Ink::Plain, "read one: pos-upgrade-tui workflow 2, or workflow rollback")
}

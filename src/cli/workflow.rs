//! `workflow`: the embedded pages.

use std::io;

use serde_json::{Value, json};

use crate::cli::args::Common;
use crate::cli::diff;
use crate::cli::diff::{Ink, Paper};
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::workflow::{self, Block, METADATA, Page};
use crate::tui::text;

/// The widest line of a page on a terminal.
const WIDEST: u16 = 88;

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
    diff::to_stdout(|paper| match (common.json, print::at_a_terminal()) {
        (true, _) => paper.json(&json!({"schema": 1, "page": page_json(&page, true)})),
        (_, true) => read(paper, &page),
        // For a pager, a file or an assistant: as it was written.
        _ => page.text.lines().try_for_each(|line| paper.with_tabs(line)),
    })?;
    Ok(Exit::Done)
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

/// A page for eyes: wrapped, headings in bold.
fn read(paper: &mut Paper<'_>, page: &Page) -> io::Result<()> {
    let width = usize::from(output::columns().min(WIDEST));
    let mut before = None;
    for block in workflow::blocks(page.text) {
        let item = matches!(block, Block::Item(_));
        if before.is_some_and(|was_item| !(was_item && item)) {
            paper.line(Ink::Plain, "")?;
        }
        before = Some(item);
        let (ink, first, words) = match block {
            Block::Title(words) | Block::Heading(words) => (Ink::Bold, "", words),
            Block::Paragraph(words) => (Ink::Plain, "", words),
            Block::Item(words) => (Ink::Plain, "- ", words),
        };
        for (i, line) in text::wrap(words, width.saturating_sub(first.len())).into_iter().enumerate() {
            let indent = if i == 0 { first } else { &"  "[..first.len()] };
            paper.line(ink, &format!("{indent}{line}"))?;
        }
    }
    Ok(())
}

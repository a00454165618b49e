//! A page of the manual or of the workflow on standard output.

use std::io;

use serde_json::{Value, json};

use crate::cli::args::Common;
use crate::cli::diff::{self, Ink, Paper};
use crate::cli::output;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::exit::Exit;
use crate::core::manual::{self, Piece};
use crate::tui::text;

/// The widest line of a page on a terminal.
const WIDEST: u16 = 88;

/// Prints a page; `entry` is what `--json` says of it.
///
/// # Errors
/// [`Refusal`] where the output can't be written.
pub(crate) fn print(common: &Common, entry: &Value, page: &str) -> Result<Exit, Refusal> {
    diff::to_stdout(|paper| match (common.json, print::at_a_terminal()) {
        (true, _) => paper.json(&json!({"schema": 1, "page": entry})),
        (_, true) => read(paper, page),
        // For a pager, a file or an assistant: as it was written.
        _ => page.lines().try_for_each(|line| paper.with_tabs(line)),
    })?;
    Ok(Exit::Done)
}

/// A page for eyes: wrapped, headings in bold.
fn read(paper: &mut Paper<'_>, page: &str) -> io::Result<()> {
    let width = usize::from(output::columns().min(WIDEST));
    let mut before = None;
    for piece in manual::pieces(page) {
        let kind = std::mem::discriminant(&piece);
        // Items, rows and lines of code stand together.
        let together = matches!(piece, Piece::Item(_) | Piece::Row(_) | Piece::Code(_)) && before == Some(kind);
        if before.is_some() && !together {
            paper.line(Ink::Plain, "")?;
        }
        before = Some(kind);
        match piece {
            Piece::Heading(words) => wrapped(paper, Ink::Bold, ("", ""), &words, width)?,
            Piece::Paragraph(words) => wrapped(paper, Ink::Plain, ("", ""), &words, width)?,
            Piece::Item(words) => wrapped(paper, Ink::Plain, ("- ", "  "), &words, width)?,
            Piece::Row(cells) => wrapped(paper, Ink::Plain, ("", "    "), &cells.join("  "), width)?,
            Piece::Code(line) => paper.line(Ink::Plain, &format!("    {line}"))?,
        }
    }
    Ok(())
}

fn wrapped(paper: &mut Paper<'_>, ink: Ink, indent: (&str, &str), words: &str, width: usize) -> io::Result<()> {
    for (i, line) in text::wrap(words, width.saturating_sub(indent.1.len())).into_iter().enumerate() {
        paper.line(ink, &format!("{}{line}", if i == 0 { indent.0 } else { indent.1 }))?;
    }
    Ok(())
}

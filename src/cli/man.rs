//! `man`: the manual pages, made from what the program knows of its own arguments.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::cli::args::Cli;
use crate::cli::complete;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::visible::Shown as _;
use crate::host::files::fs;

/// Says when each version came.
const CHANGES: &str = include_str!("../../CHANGELOG.md");
/// What stands behind the options in the help, as [`Man`] begins it.
const EXTRA: &str = ".SH EXTRA\n";

/// A page: its file's name, and its text for `man`.
type Page = (String, Vec<u8>);

/// Runs the subcommand: the program's own page on standard output, or every page into a folder.
///
/// # Errors
/// [`Refusal`] where a page can't be written.
pub(crate) fn run(folder: Option<&Path>) -> Result<Exit, Refusal> {
    let pages = pages().map_err(|e| {
        Refusal::refused(Code::Files, format!("the manual pages could not be made ({e}); nothing was changed"), "")
    })?;
    let Some(folder) = folder else {
        return match pages.first() {
            Some((_, text)) => print::much(|out| out.write_all(text)).map(|()| Exit::Done),
            None => Ok(Exit::Done),
        };
    };
    let refused = |e: crate::host::files::error::FsError| {
        Refusal::refused(
            Code::Files,
            format!("{e}; no install was changed"),
            "name a folder that you can write to: pos-upgrade-tui man DIR",
        )
    };
    fs::create_folders(folder).map_err(refused)?;
    for (name, text) in &pages {
        fs::write_durable(&folder.join(name), text, 0o644).map_err(refused)?;
    }
    say!("{}: {} manual pages", folder.shown(), pages.len());
    Ok(Exit::Done)
}

/// All pages, the program's own first.
fn pages() -> std::io::Result<Vec<Page>> {
    let mut all = Cli::command().disable_help_subcommand(true);
    all.build();
    let mut pages = Vec::new();
    let mut rest = vec![&all];
    while let Some(command) = rest.pop() {
        rest.extend(command.get_subcommands().filter(|sub| !sub.is_hide_set()));
        pages.push(page(command)?);
    }
    Ok(pages)
}

fn page(command: &Command) -> std::io::Result<Page> {
    // The same version and day stand on each page.
    let source = format!("{} {}", complete::NAME, env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).date(day()).manual("praxis-os upgrades");
    let mut text = Vec::new();
    man.render(&mut text)?;
    Ok((man.get_filename(), tidy(&String::from_utf8_lossy(&text)).into_bytes()))
}

/// The day of this version, as the changelog has it.
fn day() -> &'static str {
    let newest = CHANGES.lines().find_map(|line| line.strip_prefix("## [")?.split_once("] - "));
    newest.map_or("", |(_, day)| day)
}

/// What checkers of such pages complain of, and lines of a table that must not run together.
fn tidy(page: &str) -> String {
    let page = page.replace(".br\n\n.br\n", ".sp\n");
    let Some((before, extra)) = page.split_once(EXTRA) else { return page };
    let (extra, after) = extra.split_at(extra.find("\n.SH ").map_or(extra.len(), |at| at + 1));
    format!("{before}.SH MORE\n.nf\n{extra}.fi\n{after}")
}

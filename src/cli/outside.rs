//! `outside`: lines of the project that name what an upgrade moves or takes away.

use std::io;
use std::path::Path;

use unicode_width::UnicodeWidthChar as _;

use crate::cli::args::{Common, From, OutsideArgs};
use crate::cli::diff;
use crate::cli::diff::{Ink, Paper};
use crate::cli::outside_write;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::source;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text;
use crate::core::references::Reference;
use crate::core::visible::{self, Shown as _};
use crate::engine::maintenance::outside as maintenance;
use crate::engine::planning::make_plan;
use crate::engine::planning::outside::{self, Outside};
use crate::engine::planning::source::Source;

/// Columns that a line of the project may take; what is in front of it takes ten.
const COLUMNS: usize = 70;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn run(common: &Common, arguments: &OutsideArgs) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let Some(install) = outside::install_of(&project) else {
        let what = format!("{}: there is no install in it; nothing was changed", project.shown());
        return Err(Refusal::refused(Code::NoInstall, what, "name the project that has one: --project DIR"));
    };
    if let Some(stamp) = &arguments.undo {
        return outside_write::undo(common, &project, &install, stamp.as_deref(), arguments.dry_run);
    }
    let source = source(&project, arguments)?;
    let planned = source.as_ref().map(|source| make_plan::make_plan(source, &install));
    let (plan, unplanned) = match planned {
        Some(Ok(planned)) => (Some(planned.plan), None),
        Some(Err(e)) => (None, Some(e.to_string())),
        None => (None, None),
    };
    let moves = outside::moves(&project, &install, source.as_ref(), plan.as_ref());
    let (found, moves) = outside::look(&project, &install, moves);
    if !arguments.write.is_empty() {
        let changes = maintenance::changes(&project, &found, &moves, &arguments.write)?;
        return outside_write::write(common, &project, &install, changes, arguments.dry_run);
    }
    if common.json {
        let more = serde_json::to_value(&found).map_err(|e| {
            let what = format!("a bug in this program: what it found has no JSON form ({e}); nothing was changed");
            Refusal::of(Code::Bug, Exit::Bug, what, "")
        })?;
        diff::to_stdout(|paper| paper.json(&os_text::about(&install, more)))?;
    } else {
        diff::to_stdout(|paper| write(paper, &install, &found))?;
    }
    if let Some(why) = unplanned {
        complain!("no plan could be made, so pages that move are not among them: {why}");
    }
    Ok(Exit::Done)
}

/// The source, if one is named. One that only the settings name may be gone: then what earlier upgrades left is told.
fn source(project: &Path, arguments: &OutsideArgs) -> Result<Option<Source>, Refusal> {
    let from = From { source: arguments.source.clone(), ..From::default() };
    let Some(path) = request::absolute(request::settings(project, &from)?.source_path.as_deref()) else {
        return Ok(None);
    };
    let path = source::seen(&path, arguments.source.is_some())?;
    match Source::open(&path, arguments.to.as_deref()) {
        Ok(source) => Ok(Some(source)),
        Err(_) if arguments.source.is_none() && arguments.to.is_none() => Ok(None),
        Err(e) => Err(Refusal::refused(
            Code::NotASource,
            format!("{e}; nothing was changed"),
            "name a clone of praxis-os: pos-upgrade-tui outside --source DIR",
        )),
    }
}

fn write(paper: &mut Paper<'_>, install: &Path, found: &Outside) -> io::Result<()> {
    paper.line(Ink::Plain, &install.shown().to_string())?;
    match found.count() {
        Some(count) => paper.line(Ink::Bold, &format!("  {count}"))?,
        None => paper.line(Ink::Plain, "  nothing outside of the install names what moved, moves or goes")?,
    }
    if !found.tracked {
        paper.line(Ink::Plain, "  no git says which files are the project's: all that were found were read")?;
    }
    if found.cut_off {
        paper.line(Ink::Plain, "  there are too many files: some were not read")?;
    }
    lines(paper, found, None)?;
    if !found.unread.is_empty() {
        paper.line(Ink::Plain, "")?;
        paper.line(Ink::Bold, "not read")?;
        for passed in &found.unread {
            paper.line(Ink::Plain, &format!("  {}: {}", visible::line(&passed.path), passed.why))?;
        }
    }
    if !found.references.is_empty() {
        paper.line(Ink::Plain, "")?;
        paper.line(Ink::Plain, "These files are yours: upgrades write editors' entries and .gitignore alone.")?;
        paper.line(Ink::Plain, "To replace these names in one of them: pos-upgrade-tui outside --write PATH")?;
    }
    Ok(())
}

/// The lines, each with what it should say, by file; at most so many.
///
/// # Errors
/// As [`Paper::line`].
pub(crate) fn lines(paper: &mut Paper<'_>, found: &Outside, most: Option<usize>) -> io::Result<()> {
    let mut file = None;
    for line in found.references.iter().take(most.unwrap_or(usize::MAX)) {
        if file != Some(&line.path) {
            if most.is_none() {
                paper.line(Ink::Plain, "")?;
            }
            paper.line(Ink::Bold, &format!("  {}", diff::path(&line.path)))?;
            file = Some(&line.path);
        }
        one(paper, line)?;
    }
    Ok(())
}

fn one(paper: &mut Paper<'_>, line: &Reference) -> io::Result<()> {
    let number = if line.line == 0 { "link".to_owned() } else { line.line.to_string() };
    let (now, then) = cut(&visible::line(&line.text), line.becomes.as_deref().map(visible::line).as_deref());
    paper.line(Ink::Removed, &format!("{number:>7}  {now}"))?;
    if let Some(then) = then {
        paper.line(Ink::Added, &format!("{:>7}  {then}", "->"))?;
    }
    for gone in line.names.iter().filter(|named| named.now.is_none()) {
        paper.line(Ink::Plain, &format!("{:>7}  {} goes, with nothing in its place", "", visible::line(&gone.name)))?;
    }
    Ok(())
}

/// Both texts without what is in front, from shortly before the first difference, cut to the same width.
fn cut(now: &str, then: Option<&str>) -> (String, Option<String>) {
    let start = now.len() - now.trim_start().len();
    let differs = then.map_or(start, |then| {
        now.char_indices().zip(then.chars()).find(|((_, a), b)| a != b).map_or(now.len(), |((at, _), _)| at)
    });
    let mut from = start;
    // So much in front of the difference is enough to know the place.
    if now[start..differs.max(start)].chars().count() > COLUMNS / 2 {
        let before: Vec<usize> = now[..differs].char_indices().map(|(at, _)| at).collect();
        from = before[before.len().saturating_sub(COLUMNS / 3)];
    }
    let fit = |text: &str| {
        let front = if from > start { "…" } else { "" };
        let mut out = front.to_owned();
        let mut width = front.chars().count();
        for c in text[from..].trim_end().chars() {
            width += c.width().unwrap_or(0);
            if width >= COLUMNS {
                out.push('…');
                break;
            }
            out.push(c);
        }
        out
    };
    (fit(now), then.map(fit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines_begin_at_the_same_place_and_fit() {
        let (now, then) = cut("    see .old/x", Some("    see .new-os/x"));
        assert_eq!((now.as_str(), then.as_deref()), ("see .old/x", Some("see .new-os/x")));
        let long = format!("  {}.old/{}", "日".repeat(60), "ö".repeat(90));
        let (now, then) = cut(&long, Some(&long.replace(".old", ".new-os")));
        let then = then.unwrap();
        for text in [&now, &then] {
            let width: usize = text.chars().filter_map(|c| c.width()).sum();
            assert!(width <= COLUMNS && text.starts_with("…日") && text.ends_with('…'), "{text}");
        }
        assert!(now.contains(".old") && then.contains(".new-os"));
        assert_eq!(cut("  gone", None).0, "gone");
    }
}

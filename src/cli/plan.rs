//! `plan`: what would happen and why.

use std::io;

use super::args::{Common, PlanArgs};
use super::diff::{self, Ink, Paper};
use super::{Refusal, settings};
use crate::core::classify::short;
use crate::core::merge::Choice;
use crate::core::outcome::{Outcome, Sides, is_keyed, merge_of, outcome};
use crate::core::plan::{FileEntry, Kind, Plan};
use crate::engine::inspect::{self, Inspection, Texts};
use crate::host::fs;

/// Exit code when something is pending and `--exit-code` asks.
const PENDING: u8 = 10;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub fn run(common: &Common, arguments: &PlanArgs) -> Result<u8, Refusal> {
    if common.json && arguments.diff {
        return Err(diff::no_json());
    }
    let request = settings::request(common, &arguments.from)?;
    let mut inspection = inspect::inspect(&request);
    let refused = if inspection.plan_says_it() { std::mem::take(&mut inspection.problems) } else { Vec::new() };
    let plan = plan_of(inspection)?;
    let texts = match arguments.diff {
        true => Some(Texts::open(&request, &plan).map_err(|e| {
            Refusal::refused(format!("{e}; nothing was changed"), "without the texts: pos-upgrade-tui plan")
        })?),
        false => None,
    };
    diff::to_stdout(|paper| match common.json {
        true => paper.line(Ink::Plain, &serde_json::to_string(&plan).unwrap_or_default()),
        false => write(paper, &plan, texts.as_ref()),
    })?;
    for problem in &refused {
        complain!("an upgrade would be refused: {}\n  next: {}", problem.what, problem.next);
    }
    let pending = arguments.exit_code && plan.summary.pending() > 0;
    Ok(if pending { PENDING } else { 0 })
}

/// The plan, or all problems in one refusal.
///
/// # Errors
/// [`Refusal`].
pub fn plan_of(inspection: Inspection) -> Result<Plan, Refusal> {
    let exit_code = inspection.exit_code();
    match inspection.plan {
        Some(plan) if inspection.problems.is_empty() => Ok(plan),
        _ => {
            let what: Vec<String> = inspection.problems.iter().map(|p| p.what.clone()).collect();
            let next: Vec<String> = inspection.problems.into_iter().map(|p| p.next).collect();
            let what = format!("{}\nnothing was changed", what.join("\n"));
            Err(Refusal { exit_code, what, next: next.join("\n  next: ") })
        }
    }
}

/// The plan for people: grouped by kind, those that need a person first.
pub fn print(plan: &Plan) {
    // What can't be shown is no reason to stop: whoever asks for more looks at the answer.
    let _ = diff::to_stdout(|paper| write(paper, plan, None));
}

/// One entry: what it is called, why it is there and, with texts, what would change.
fn entry(paper: &mut Paper<'_>, file: &FileEntry, texts: Option<&Texts>) -> io::Result<()> {
    let name = match &file.from {
        Some(from) => format!("{} -> {}", diff::path(from), diff::path(&file.path)),
        None => diff::path(&file.path),
    };
    let reason = diff::shown(file.reason.as_bytes());
    let Some(texts) = texts.filter(|_| file.kind.changes_install() && file.kind != Kind::Remove) else {
        paper.line(Ink::Plain, &format!("  {name}"))?;
        return paper.line(Ink::Plain, &format!("      {reason}"));
    };
    paper.line(Ink::Plain, "")?;
    paper.line(Ink::Bold, &name)?;
    paper.line(Ink::Plain, &format!("  {reason}"))?;
    match texts.of(file) {
        Err(problem) => {
            paper.line(Ink::Plain, &format!("  its texts can't be shown: {}", diff::shown(problem.as_bytes())))
        }
        Ok(sides) if file.kind == Kind::Conflict => conflict(paper, file, &sides),
        Ok(sides) => match outcome(file, None, &sides) {
            Ok(Outcome::Write { bytes, executable, .. }) => written(paper, file, &sides, &bytes, executable),
            Ok(_) => Ok(()),
            Err(problem) => paper.line(Ink::Plain, &format!("  {problem}")),
        },
    }
}

fn written(paper: &mut Paper<'_>, file: &FileEntry, sides: &Sides, bytes: &[u8], executable: bool) -> io::Result<()> {
    match sides.mine.as_deref() {
        None => diff::head(paper, bytes),
        Some(mine) if mine == bytes && file.kind == Kind::Move => paper.line(Ink::Plain, "  its text stays as it is"),
        Some(mine) if mine == bytes => {
            let mode = if executable { "executable" } else { "not executable" };
            paper.line(Ink::Plain, &format!("  its text stays as it is; the file becomes {mode}"))
        }
        Some(mine) => diff::unified(paper, ["yours", "after the upgrade"], mine, bytes),
    }
}

/// Both differences, with the common base.
fn conflict(paper: &mut Paper<'_>, file: &FileEntry, sides: &Sides) -> io::Result<()> {
    let (base, mine, theirs) = (sides.base.as_deref(), sides.mine.as_deref(), sides.theirs.as_deref());
    if base.is_none() && file.base.is_some() {
        paper.line(Ink::Plain, "  the text of the release that you started from is not at hand")?;
    }
    if let Some(merge) = merge_of(&file.path, sides).filter(|_| is_keyed(&file.path)) {
        let names = ["yours", "merged key by key, with your values where both changed one"];
        return diff::unified(paper, names, mine.unwrap_or_default(), &merge.result_all(&Choice::Mine));
    }
    match (base, mine, theirs) {
        (Some(base), ..) => {
            match mine {
                Some(mine) => diff::unified(paper, ["base", "you"], base, mine)?,
                None if file.mine.is_some() => paper.line(Ink::Plain, "  you: edited, but your text can't be read")?,
                None => paper.line(Ink::Plain, "  you: deleted")?,
            }
            match theirs {
                Some(theirs) => diff::unified(paper, ["base", "the source"], base, theirs),
                None if file.theirs.is_some() => {
                    paper.line(Ink::Plain, "  the source: changed, but its text is not in this clone")
                }
                None => paper.line(Ink::Plain, "  the source: removed"),
            }
        }
        (None, Some(mine), Some(theirs)) => diff::unified(paper, ["you", "the source"], mine, theirs),
        (None, None, Some(theirs)) => {
            paper.line(Ink::Plain, "  what the source ships:")?;
            diff::head(paper, theirs)
        }
        (None, _, None) => Ok(()),
    }
}

/// The plan, grouped by kind; with texts, each change in full.
fn write(paper: &mut Paper<'_>, plan: &Plan, texts: Option<&Texts>) -> io::Result<()> {
    let from = plan.install.release.as_deref().map_or("an unknown release", short);
    let to = format!("{} ({})", short(&plan.source.commit), plan.source.version);
    paper.line(Ink::Plain, &fs::visible(&format!("{}  {from} -> {to}", plan.install.path)))?;
    for kind in Kind::ALL {
        let count = plan.summary.get(kind);
        if count == 0 {
            continue;
        }
        paper.line(Ink::Plain, "")?;
        paper.line(Ink::Bold, &format!("{} {count}", kind.word()))?;
        for file in plan.files.iter().filter(|f| f.kind == kind && kind != Kind::Unchanged) {
            entry(paper, file, texts)?;
        }
    }
    if plan.summary.pending() == 0 {
        paper.line(Ink::Plain, "")?;
        paper.line(Ink::Plain, "nothing to do")?;
    }
    Ok(())
}

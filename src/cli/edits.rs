//! `edits`: what the user has customised.

use std::io;
use std::path::Path;

use crate::cli::args::{Common, EditsArgs, From};
use crate::cli::diff;
use crate::cli::diff::{Ink, Paper};
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::source;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::plan::ReleaseEvidence;
use crate::core::release_history::short;
use crate::core::visible::Shown as _;
use crate::engine::planning::edits;
use crate::engine::planning::edits::{Edit, EditKind, EditTexts, Edits, EditsError};
use crate::engine::planning::make_plan;
use crate::engine::planning::source::Source;
use crate::host::files::fs;
use crate::host::install;

/// The way out where a clone is needed.
const WITH_SOURCE: &str = "name a clone of praxis-os: pos-upgrade-tui edits --source DIR";

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn run(common: &Common, arguments: &EditsArgs) -> Result<Exit, Refusal> {
    if common.json && arguments.diff {
        return Err(diff::no_json());
    }
    let project = request::project(common)?;
    let install = install::folder_of(&project);
    if !install.is_dir() {
        let what = format!("{}: no such install; nothing was changed", install.shown());
        return Err(Refusal::refused(Code::NoInstall, what, "name the project that has one: --project DIR"));
    }
    let source = source(&project, &install, arguments)?;
    let found = edits::find(&install, source.as_ref()).map_err(|e| refusal(&e))?;
    if common.json {
        diff::to_stdout(|paper| paper.json(&found))?;
        return Ok(Exit::Done);
    }
    let texts = match arguments.diff {
        true => Some(EditTexts::open(&install, source.as_ref()).map_err(|e| refusal(&e))?),
        false => None,
    };
    diff::to_stdout(|paper| print(paper, &install, &found, texts.as_ref()))?;
    Ok(Exit::Done)
}

/// The source, if one is named: it tells an edit from another release's bytes. One that only the settings name may be gone,
/// as long as the install can do without.
fn source(project: &Path, install: &Path, arguments: &EditsArgs) -> Result<Option<Source>, Refusal> {
    let from = From { source: arguments.source.clone(), ..From::default() };
    let has_baseline = make_plan::read_baseline(install).map_err(|e| refusal(&e.into()))?.is_some();
    let can_do_without = has_baseline && arguments.source.is_none();
    let settings = match request::settings(project, &from) {
        Err(_) if can_do_without => return Ok(None),
        settings => settings?,
    };
    let Some(path) = request::absolute(settings.source_path.as_deref()) else { return Ok(None) };
    let path = source::seen(&path, arguments.source.is_some())?;
    let unusable =
        |what: String| Refusal::refused(Code::NotASource, format!("{what}; nothing was changed"), WITH_SOURCE);
    match Source::open(&path, None) {
        Err(_) if can_do_without => Ok(None),
        Err(e) => Err(unusable(e.to_string())),
        Ok(source) if source.marked().is_some() => Ok(Some(source)),
        Ok(_) if can_do_without => Ok(None),
        Ok(_) => Err(unusable(format!("{}: a git repository, but not praxis-os", path.shown()))),
    }
}

fn refusal(error: &EditsError) -> Refusal {
    let next = match error {
        EditsError::NoRelease(_) => WITH_SOURCE.to_owned(),
        EditsError::Planning(merged @ make_plan::PlanningError::Merged { .. }) => super::status::mending(merged),
        EditsError::Planning(make_plan::PlanningError::Baseline { path, .. }) => {
            format!("bring it back from git, or move it aside and name a clone: mv {0} {0}.old", quoted(path))
        }
        EditsError::Planning(_) => "mend that, then try again: pos-upgrade-tui edits".to_owned(),
    };
    Refusal::refused(Code::ReleaseNotKnown, format!("{error}; nothing was changed"), next)
}

fn print(paper: &mut Paper<'_>, install: &Path, found: &Edits, texts: Option<&EditTexts<'_>>) -> io::Result<()> {
    paper.line(Ink::Plain, &fs::visible(&install.shown().to_string()))?;
    let release = match (&found.release, found.release_evidence) {
        (None, _) => "unlike any that the source knows".to_owned(),
        (Some(release), ReleaseEvidence::Baseline) => format!("{} (as installed)", short(release)),
        (Some(release), _) => format!("{} (the one it is most like)", short(release)),
    };
    paper.line(Ink::Plain, &format!("  release: {}", fs::visible(&release)))?;
    for kind in EditKind::ALL {
        let of_kind: Vec<&Edit> = found.edits.iter().filter(|e| e.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        paper.line(Ink::Plain, "")?;
        paper.line(Ink::Bold, &format!("{} {}", kind.word(), of_kind.len()))?;
        for edit in of_kind {
            one(paper, edit, texts)?;
        }
    }
    if found.edits.is_empty() {
        paper.line(Ink::Plain, "")?;
        paper.line(Ink::Plain, "no edits: every managed file is as the release has it")?;
    }
    Ok(())
}

fn one(paper: &mut Paper<'_>, edit: &Edit, texts: Option<&EditTexts<'_>>) -> io::Result<()> {
    let with_diff = texts.filter(|_| edit.kind == EditKind::Edited && edit.mine.is_some() && edit.mine != edit.base);
    if with_diff.is_some() {
        paper.line(Ink::Plain, "")?;
    }
    let ink = if with_diff.is_some() { Ink::Bold } else { Ink::Plain };
    paper.line(ink, &format!("  {}", diff::path(&edit.path)))?;
    if let Some(executable) = edit.executable {
        let (now, then) = if executable { ("executable", "is not") } else { ("not executable", "is") };
        paper.line(Ink::Plain, &format!("      now {now}; the release's {then}"))?;
    }
    if let Some(note) = &edit.note {
        paper.line(Ink::Plain, &format!("      {}", fs::visible(note)))?;
    }
    let Some(texts) = with_diff else { return Ok(()) };
    let (base, mine) = (texts.base(edit), texts.mine(edit));
    match (base.map_err(io::Error::other)?, mine.map_err(io::Error::other)?) {
        (Some(base), Some(mine)) => diff::unified(paper, ["the release", "yours"], &base, &mine),
        (None, _) => {
            paper.line(Ink::Plain, "      the release's text is not at hand")?;
            paper.line(Ink::Plain, &format!("      {WITH_SOURCE} --diff"))
        }
        (_, None) => paper.line(Ink::Plain, "      it can't be read any more"),
    }
}

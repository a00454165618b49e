//! The plan as a document for people: what would happen to every file and why. What `plan --json` is to programs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::core::os_text::quoted;
use crate::core::plan::{Kind, Plan};
use crate::core::release_history::short;
use crate::core::visible::{Shown as _, cell, line as visible};
use crate::engine::planning::inspect::Inspection;
use crate::engine::planning::request::Request;

/// So many numbers are tried for a name that is taken.
const NAMES: u32 = 100;

/// The name that the document gets: the releases, and a number where that name is taken.
fn name(plan: &Plan, number: u32) -> String {
    let from = plan.install.release.as_deref().map_or("unknown", short);
    let more = if number > 1 { format!("-{number}") } else { String::new() };
    format!("upgrade-plan-{from}-{}{more}.md", short(&plan.source.commit))
}

/// Where the document would go, as far as that can be told before.
pub(crate) fn planned_path(folder: &Path, plan: &Plan) -> PathBuf {
    folder.join(name(plan, 1))
}

/// Writes the document into a folder, never over a file that is there. Blocking. Returns its path.
///
/// # Errors
/// A sentence naming the path that can't be written.
pub(crate) fn save(folder: &Path, request: &Request, inspection: &Inspection) -> Result<PathBuf, String> {
    let plan = inspection.plan.as_ref().ok_or("there is no plan to write down")?;
    let text = document(request, inspection, plan);
    for number in 1..NAMES {
        let path = folder.join(name(plan, number));
        match std::fs::File::create_new(&path) {
            Ok(mut file) => {
                let written = file.write_all(text.as_bytes());
                return written.map(|()| path.clone()).map_err(|e| format!("{}: not written ({e})", path.shown()));
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(format!("{}: can't be written ({e})", path.shown())),
        }
    }
    Err(format!("{}: holds {NAMES} such plans already", folder.shown()))
}

fn document(request: &Request, inspection: &Inspection, plan: &Plan) -> String {
    let from = plan.install.release.as_deref().map_or("an unknown release", short);
    let mut text = format!("# Upgrade plan: {from} to {}\n\n", short(&plan.source.commit));
    let _ = writeln!(text, "- install: {}", visible(&plan.install.path));
    let source = format!("{} ({}, commit {})", plan.source.path, plan.source.version, plan.source.commit);
    let _ = writeln!(text, "- source: {}", visible(&source));
    let counts = Kind::ALL.iter().map(|k| (k.label(), plan.summary.get(*k))).filter(|(_, n)| *n > 0);
    let counts: Vec<String> = counts.map(|(word, n)| format!("{n} {word}")).collect();
    let _ = writeln!(text, "- files: {}", counts.join(", "));
    let only = match plan.only {
        Some(part) => format!(" --only {}", format!("{part:?}").to_lowercase()),
        None => String::new(),
    };
    let to = request.to.as_ref().map(|to| format!(" --to {}", quoted(to))).unwrap_or_default();
    let (project, source) = (quoted(&request.project), quoted(plan.source.folder()));
    let again = if request.options.ask_again { " --ask-again" } else { "" };
    let command = format!("pos-upgrade-tui --project {project} --source {source}{to}{only}{again}");
    let _ = writeln!(text, "- to do it: `{}`", visible(&command));
    text.push_str("\nNothing was changed by writing this down.\n");
    if !inspection.evidence.warnings.is_empty() {
        text.push_str("\n## Warnings\n\n");
        for warning in &inspection.evidence.warnings {
            let _ = writeln!(text, "- {}", visible(warning));
        }
    }
    for kind in Kind::ALL.into_iter().filter(|k| *k != Kind::Unchanged && plan.summary.get(*k) > 0) {
        let _ = writeln!(text, "\n## {} ({})\n\n{}\n", title(kind), plan.summary.get(kind), meaning(kind));
        text.push_str("| path | why | commits |\n|---|---|---|\n");
        for file in plan.files.iter().filter(|f| f.kind == kind) {
            let from = file.from.as_ref().map(|from| format!(" (moves from {from})")).unwrap_or_default();
            let settled = inspection.settled(&file.path).map(|p| format!("; settled by {}", p.why)).unwrap_or_default();
            let commits = inspection.changed_by.get(&file.path).map(|ids| ids.join(" ")).unwrap_or_default();
            let path = cell(&format!("{}{from}", file.path));
            let why = cell(&format!("{}{settled}", file.reason));
            let _ = writeln!(text, "| {path} | {why} | {} |", cell(&commits));
        }
    }
    if !inspection.whats_new.is_empty() {
        text.push_str("\n## What is new in the source\n\n");
        for (id, date, subject) in &inspection.whats_new {
            let _ = writeln!(text, "- {}", visible(&format!("{id} {date} {subject}")));
        }
    }
    text
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Conflict => "Conflicts",
        Kind::AutoMerge => "Your edits, merged",
        Kind::Update => "Updated",
        Kind::New => "New",
        Kind::Move => "Moved",
        Kind::Remove => "Removed",
        Kind::LocalOnly => "Your edits, left alone",
        Kind::StaysDeleted => "Deleted by you",
        Kind::Linked => "Linked",
        Kind::Unchanged => "Unchanged",
    }
}

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Conflict => "You and the source changed the same place: you will be asked.",
        Kind::AutoMerge => "You and the source changed different places: both changes are kept, without a question.",
        Kind::Update => "You did not change them, the source did: they get the new version.",
        Kind::New => "The source added them.",
        Kind::Move => "The source moved them; what you edited moves along.",
        Kind::Remove => "The source removed them, and you did not change them. The backup keeps them.",
        Kind::LocalOnly => "You changed them, the source did not: they stay as they are.",
        Kind::StaysDeleted => "You deleted them, and they stay deleted.",
        Kind::Linked => "They are reached through a symbolic link, which is left alone.",
        Kind::Unchanged => "They are what the source ships.",
    }
}

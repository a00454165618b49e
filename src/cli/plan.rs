//! `plan`: what would happen and why.

use std::io;

use crate::cli::args::{Common, PlanArgs};
use crate::cli::diff;
use crate::cli::diff::{Ink, Paper};
use crate::cli::outside;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::line_ends::LineEnds;
use crate::core::merge::{Choice, is_binary};
use crate::core::outcome::{Outcome, Sides, is_keyed, merge_of, outcome};
use crate::core::plan::{FileEntry, Kind, Plan};
use crate::core::policy::OnConflict;
use crate::core::release_history::short;
use crate::core::visible;
use crate::engine::planning::assistant_rules::RulesFile;
use crate::engine::planning::editors::ProjectFile;
use crate::engine::planning::inspect;
use crate::engine::planning::inspect::{Inspection, Texts};
use crate::engine::planning::leftover::Leftover;
use crate::engine::planning::outside::Outside;
use crate::engine::planning::rehearsal::Foreseen;
use crate::engine::refusal::code_of;
use crate::host::files::fs;
use crate::host::python::compile;

/// So many lines of the project are shown with a plan.
const FIRST: usize = 3;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn run(common: &Common, arguments: &PlanArgs) -> Result<Exit, Refusal> {
    if common.json && arguments.diff {
        return Err(diff::no_json());
    }
    let request = request::request(common, &arguments.from)?;
    let mut inspection = inspect::inspect(&request);
    let refused = if inspection.plan_says_it() { std::mem::take(&mut inspection.problems) } else { Vec::new() };
    let around = Around::of(&mut inspection);
    let plan = plan_of(inspection)?;
    let texts = match arguments.diff {
        true => Some(Texts::open(&request, &plan).map_err(|e| {
            Refusal::refused(
                Code::GitFailed,
                format!("{e}; nothing was changed"),
                "without the texts: pos-upgrade-tui plan",
            )
        })?),
        false => None,
    };
    diff::to_stdout(|paper| match common.json {
        true => paper.json(&Shown { plan: &plan, around: &around }),
        false => write(paper, &plan, texts.as_ref()).and_then(|()| around.write(paper)),
    })?;
    let merged = |f: &FileEntry| matches!(f.kind, Kind::AutoMerge | Kind::Conflict) && f.path.name().ends_with(b".py");
    let unchecked = plan.files.iter().filter(|f| merged(f)).count();
    if unchecked > 0 && !compile::can_compile(&request.install()) {
        complain!(
            "not checked: whether {unchecked} merged Python files compile. Only a python3 that is not the project's own \
             is asked for that, and there is none on PATH"
        );
    }
    for problem in &refused {
        print::error_text(&format!("an upgrade would be refused: {}\n  next: {}", problem.what, problem.next));
    }
    let pending = arguments.exit_code && plan.summary.pending() > 0;
    Ok(if pending { Exit::Pending } else { Exit::Done })
}

/// The plan with what else `--json` tells.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
pub(super) struct Shown<'a> {
    /// The plan.
    #[serde(flatten)]
    pub(crate) plan: &'a Plan,
    /// What is outside of the install.
    #[serde(flatten)]
    pub(crate) around: &'a Around,
}

/// What was found outside of the install.
#[derive(Debug, Default, serde::Serialize, schemars::JsonSchema)]
pub(super) struct Around {
    /// Lines of the project that name what moves or goes.
    pub(crate) outside: Outside,
    /// Settings of editors with an entry that would not start the new server.
    pub(crate) project_files: Vec<ProjectFile>,
    /// Rules files that get the release's text where that is wanted.
    pub(crate) rules: Vec<RulesFile>,
    /// What lies about in the install and beside it.
    pub(crate) leftovers: Vec<Leftover>,
    /// How the release will be tried before anything changes; none where there is no server to try.
    #[serde(rename = "will_be_tried")]
    pub(crate) rehearsal: Option<Foreseen>,
}

impl Around {
    /// What an inspection found.
    pub(crate) fn of(inspection: &mut Inspection) -> Self {
        Self {
            outside: std::mem::take(&mut inspection.outside),
            project_files: std::mem::take(&mut inspection.project_files),
            rules: std::mem::take(&mut inspection.rules),
            leftovers: std::mem::take(&mut inspection.leftovers),
            rehearsal: inspection.rehearsal.take(),
        }
    }

    /// Whether an entry can be changed.
    pub(crate) fn has_entries(&self) -> bool {
        self.project_files.iter().any(ProjectFile::can_be_written)
    }

    /// Whether a rules file can be changed.
    pub(crate) fn has_rules(&self) -> bool {
        self.rules.iter().any(|file| file.problem.is_none())
    }

    /// How many lines of the project name what moves, the first of them, and where to see all; and every value of an editor's
    /// entry that would have to change.
    fn write(&self, paper: &mut Paper<'_>) -> io::Result<()> {
        if !self.leftovers.is_empty() {
            paper.line(Ink::Plain, "")?;
            paper.line(Ink::Bold, "lying about: look at these before you upgrade")?;
        }
        for left in &self.leftovers {
            paper.line(Ink::Plain, &format!("  {}", visible::line(&left.path)))?;
            paper.line(Ink::Plain, &format!("      {}", left.what))?;
            if let Some(next) = &left.next {
                paper.line(Ink::Plain, &format!("      {next}"))?;
            }
        }
        for file in &self.project_files {
            paper.line(Ink::Plain, "")?;
            let path = diff::path(&file.path);
            paper
                .line(Ink::Bold, &format!("{path}: the editor's entry would not start the new server as it should"))?;
            for edit in &file.edits {
                paper.line(Ink::Plain, &format!("  {}", edit.pointer))?;
                paper.line(Ink::Removed, &format!("  - {}", edit.old))?;
                paper.line(Ink::Added, &format!("  + {}", edit.new))?;
            }
            for entry in &file.by_hand {
                paper.line(Ink::Plain, &format!("  {}: {}", entry.entry, entry.why))?;
            }
            match &file.problem {
                Some(problem) => paper.line(Ink::Plain, &format!("  {problem}: it is not changed for you"))?,
                None if file.edits.is_empty() => {}
                None => paper.line(Ink::Plain, "  changed for you only with: --editor-config yes")?,
            }
        }
        for file in &self.rules {
            paper.line(Ink::Plain, "")?;
            paper.line(Ink::Bold, &file.describe())?;
            if file.problem.is_none() {
                let name = diff::path(&file.path);
                diff::unified(paper, [&format!("a/{name}"), &format!("b/{name}")], &file.now, &file.then)?;
                paper.line(Ink::Plain, "  changed for you only with: --rules yes")?;
            }
        }
        if let Some(count) = self.outside.count() {
            paper.line(Ink::Plain, "")?;
            paper.line(Ink::Bold, &count)?;
            outside::lines(paper, &self.outside, Some(FIRST))?;
            paper.line(Ink::Plain, "  all of them: pos-upgrade-tui outside --source DIR")?;
        }
        let Some(rehearsal) = &self.rehearsal else { return Ok(()) };
        paper.line(Ink::Plain, "")?;
        paper.line(Ink::Plain, &diff::shown(rehearsal.describe().as_bytes()))
    }
}

/// The plan, or all problems in one refusal.
///
/// # Errors
/// [`Refusal`].
pub(crate) fn plan_of(inspection: Inspection) -> Result<Plan, Refusal> {
    let exit_code = inspection.exit_code();
    match inspection.plan {
        Some(plan) if inspection.problems.is_empty() => Ok(plan),
        _ => {
            let code = code_of(&inspection.problems);
            let what: Vec<String> = inspection.problems.iter().map(|p| p.what.clone()).collect();
            let next: Vec<String> = inspection.problems.into_iter().map(|p| p.next).collect();
            let what = format!("{}\nnothing was changed", what.join("\n"));
            Err(Refusal::of(code, exit_code, what, next.join("\n  next: ")))
        }
    }
}

/// The plan for people: grouped by kind, those that need a person first.
pub(crate) fn print(plan: &Plan, around: &Around) {
    // What can't be shown is no reason to stop: whoever asks for more looks at the answer.
    let _ = diff::to_stdout(|paper| write(paper, plan, None).and_then(|()| around.write(paper)));
}

/// One entry: what it is called, why it is there and, with texts, what would change.
fn entry(paper: &mut Paper<'_>, file: &FileEntry, texts: Option<&Texts>) -> io::Result<()> {
    let name = match &file.from {
        Some(from) => format!("{} -> {}", diff::path(from), diff::path(&file.path)),
        None => diff::path(&file.path),
    };
    let reason = diff::shown(file.reason.as_bytes());
    let Some(texts) = texts.filter(|_| file.kind.changes_install()) else {
        paper.line(Ink::Plain, &format!("  {name}"))?;
        return paper.line(Ink::Plain, &format!("      {reason}"));
    };
    paper.line(Ink::Plain, "")?;
    paper.line(Ink::Bold, &name)?;
    paper.line(Ink::Plain, &format!("  {reason}"))?;
    let sides = match texts.of(file) {
        Ok(sides) => sides,
        Err(problem) => {
            let line = format!("  its texts can't be shown: {}", diff::shown(problem.as_bytes()));
            return paper.line(Ink::Plain, &line);
        }
    };
    let now = texts.executable_now(file);
    if file.kind == Kind::Conflict {
        return conflict(paper, file, &sides, now);
    }
    match outcome(file, None, &sides) {
        Ok(Outcome::Write { bytes, executable, .. }) => {
            modes(paper, now, executable)?;
            written(paper, file, &sides, &bytes)
        }
        Ok(Outcome::Remove { .. }) => {
            let lines = sides.mine.as_deref().map_or(0, |text| text.split_inclusive(|b| *b == b'\n').count());
            let lines = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
            paper.line(Ink::Removed, &format!("deleted file mode {}", mode(now.unwrap_or_default())))?;
            paper.line(Ink::Plain, &format!("  all of it goes ({lines}); the backup keeps it"))
        }
        Ok(Outcome::Nothing) => Ok(()),
        Err(problem) => paper.line(Ink::Plain, &format!("  {problem}")),
    }
}

fn mode(executable: bool) -> &'static str {
    if executable { "100755" } else { "100644" }
}

/// A changed mode, in git's words; a new file's only where it is not the usual one.
fn modes(paper: &mut Paper<'_>, now: Option<bool>, then: bool) -> io::Result<()> {
    match now {
        None if then => paper.line(Ink::Bold, &format!("new file mode {}", mode(then))),
        Some(now) if now != then => {
            paper.line(Ink::Bold, &format!("old mode {}", mode(now)))?;
            paper.line(Ink::Bold, &format!("new mode {}", mode(then)))
        }
        _ => Ok(()),
    }
}

fn written(paper: &mut Paper<'_>, file: &FileEntry, sides: &Sides, bytes: &[u8]) -> io::Result<()> {
    let Some(mine) = sides.mine.as_deref() else { return diff::head(paper, bytes) };
    if mine == bytes {
        let what = if file.kind == Kind::Move { "it moves; its text stays" } else { "its text stays" };
        return paper.line(Ink::Plain, &format!("  {what} as it is"));
    }
    let ends = ends_of(mine);
    if !ends.only_these_differ(&[bytes]) {
        return diff::unified(paper, ["yours", "after the upgrade"], mine, bytes);
    }
    // Line by line nothing would be the same, though nobody changed a word.
    let new_ends = if ends == LineEnds::Crlf { "LF" } else { "CRLF" };
    paper.line(Ink::Plain, &format!("  its line ends become {new_ends}"))?;
    match ends.write(bytes) {
        same if *same == *mine => paper.line(Ink::Plain, "  its text stays as it is"),
        text => diff::unified(paper, ["yours", "after the upgrade"], mine, &text),
    }
}

/// A text's line ends; those of bytes that are no text count for nothing.
fn ends_of(text: &[u8]) -> LineEnds {
    if is_binary(text) { LineEnds::None } else { LineEnds::of(text) }
}

/// Both differences, with the common base.
fn conflict(paper: &mut Paper<'_>, file: &FileEntry, sides: &Sides, now: Option<bool>) -> io::Result<()> {
    if let Some(now) = now.filter(|now| *now != file.executable && sides.theirs.is_some()) {
        let (old, new) = (mode(now), mode(file.executable));
        paper.line(Ink::Plain, &format!("  its mode is {old}; taken or merged it becomes {new}"))?;
    }
    let (base, mine, theirs) = (sides.base.as_deref(), sides.mine.as_deref(), sides.theirs.as_deref());
    let ends = ends_of(mine.unwrap_or_default());
    let others: Vec<&[u8]> = base.into_iter().chain(theirs).collect();
    // As the merge compares them.
    let (base, theirs) = if ends.only_these_differ(&others) {
        let (yours, other) = if ends == LineEnds::Crlf { ("CRLF", "LF") } else { ("LF", "CRLF") };
        let line =
            format!("  your lines end in {yours}, the source's in {other}: a merge keeps yours, it is not shown below");
        paper.line(Ink::Plain, &line)?;
        (base.map(|text| ends.write(text)), theirs.map(|text| ends.write(text)))
    } else {
        (base.map(Into::into), theirs.map(Into::into))
    };
    if base.is_none() && file.base.is_some() {
        paper.line(Ink::Plain, "  the text of the release that you started from is not at hand")?;
    }
    if let Some(merge) = merge_of(&file.path, sides).filter(|_| is_keyed(&file.path)) {
        let names = ["yours", "merged key by key, with your values where both changed one"];
        return diff::unified(paper, names, mine.unwrap_or_default(), &merge.result_all(&Choice::Mine));
    }
    match (base.as_deref(), mine, theirs.as_deref()) {
        (Some(base), ..) => {
            match mine {
                Some(mine) => diff::unified(paper, ["base", "you"], base, mine)?,
                None if file.mine.is_some() => paper.line(Ink::Plain, "  you: edited, but your text can't be read")?,
                None => paper.line(Ink::Plain, "  you: deleted")?,
            }
            match theirs.as_deref() {
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
    if let Some(many) = plan.many_removals(OnConflict::Ask) {
        paper.line(Ink::Bold, &format!("{many}: is this the right source?"))?;
    }
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

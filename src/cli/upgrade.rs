//! `upgrade`: all six phases without a screen.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::Path;

use crate::cli::answers;
use crate::cli::args::{Common, Policy, UpgradeArgs, YesNo};
use crate::cli::ask::{at_a_terminal, confirmed};
use crate::cli::output;
use crate::cli::plan;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::core::bound_answers::Ids;
use crate::core::command_line::Next;
use crate::core::conflict_list;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind, Plan};
use crate::core::release_history::short;
use crate::core::visible::{self, Shown as _};
use crate::engine::executor::{self, How};
use crate::engine::planning::inspect;
use crate::engine::planning::request::Request;
use crate::host::files::read;
use crate::host::install;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) async fn run(common: &Common, arguments: &UpgradeArgs) -> Result<Exit, Refusal> {
    let saved = arguments.plan.as_deref().map(saved_plan).transpose()?;
    let given = arguments.answers.as_deref().map(answers::read).transpose()?.unwrap_or_default();
    let mut from = arguments.from.clone();
    if let Some(saved) = &saved {
        from.source = from.source.or_else(|| Some(saved.source.folder()));
    }
    let project = request::project(common)?;
    let layers = request::layers(&project, &from)?;
    let mut request = request::request_of(project, &layers, &from)?;
    if let Some(saved) = &saved {
        request.only = saved.only;
    }
    request.options.allow_post_install_failure = arguments.allow_post_install_failure;
    request.options.no_rehearsal = arguments.no_rehearsal;
    request.options.editor_config = arguments.editor_config == Some(YesNo::Yes);
    request.options.rules = arguments.rules == Some(YesNo::Yes);
    let dry_run = request.options.dry_run;
    if !dry_run && !common.yes && !std::io::stdin().is_terminal() {
        return Err(Refusal::usage(
            Code::NeedsTerminal,
            "there is no terminal to ask at, and --yes is not given; nothing was changed",
            "look first: pos-upgrade-tui plan, then: pos-upgrade-tui upgrade --yes",
        ));
    }
    let word = layers.word(&request.project, from.allow_test_command);
    let foreign = word.foreign_source.clone().filter(|_| !dry_run);
    if let (Some(source), true) = (&foreign, common.yes) {
        return Err(foreign_source(&request.project, source, "upgrade --yes"));
    }
    let mut inspection = inspect::inspect(&request);
    let warnings = inspection.evidence.warnings.clone();
    let is_settled: BTreeSet<RelPath> =
        inspection.prior.keys().filter(|path| inspection.settled(path).is_some()).cloned().collect();
    let around = plan::Around::of(&mut inspection);
    let source = inspection.source.take();
    let approved = plan::plan_of(inspection)?;
    if let Some(saved) = &saved {
        same_plan(saved, &approved)?;
    }
    if dry_run {
        return Ok(show(&approved, &around, common.json));
    }
    let mends =
        (request.options.editor_config && around.has_entries()) || (request.options.rules && around.has_rules());
    if !mends && inspect::nothing_to_do(&request, &approved) {
        return Ok(nothing(&request, &around, common.json));
    }
    let texts = |entry: &FileEntry| inspect::texts(&request, source.clone(), entry);
    let decided = answers::bound(&request.install(), &approved, &given, texts)?;
    let is_asked =
        |f: &&FileEntry| f.kind == Kind::Conflict && !is_settled.contains(&f.path) && !decided.contains_key(&f.path);
    let asked: Vec<&FileEntry> = approved.files.iter().filter(is_asked).collect();
    if !asked.is_empty() && arguments.on_conflict == Policy::Fail {
        return Err(conflicts(&request, &asked, texts));
    }
    let mut warnings = if common.json { Vec::new() } else { warnings };
    if !common.yes {
        // Before the question.
        warnings.drain(..).for_each(|w| complain!("warning: {w}"));
        plan::print(&approved, &around);
        if let Some(source) = &foreign {
            say!(
                "\nThe source is named by the project's own upgrade.json, and its code will run here:\n  {}",
                source.shown()
            );
        }
        if !at_a_terminal() || !confirmed("\nApply this?") {
            return Err(Refusal::refused(Code::SaidNo, "not applied; nothing was changed", ""));
        }
        if arguments.editor_config.is_none() && around.has_entries() {
            request.options.editor_config = confirmed("\nChange the editors' entries as shown, too?");
        }
        if arguments.rules.is_none() && around.has_rules() {
            request.options.rules = confirmed("\nBring the release's text into the rules files as shown, too?");
        }
    }
    removals(&approved, arguments, common.json)?;
    request::remember(&request.project, &word, &request.source);
    let how = How { on_conflict: arguments.on_conflict.on_conflict(), answers: decided, gated: false };
    let handle = executor::start_with(request, approved, source, how);
    Ok(output::follow_with(handle, common.json, warnings, Vec::new()).await)
}

/// A source that only the project's own file names is not the user's word.
pub(super) fn foreign_source(project: &Path, source: &Path, command: &str) -> Refusal {
    let name = install::name_of(&install::folder_of(project));
    let source = crate::host::files::fs::visible(&source.to_string_lossy());
    Refusal::usage(
        Code::SourceNotNamedByYou,
        format!(
            "{source}: only the project's own {name}/upgrade.json names this source, and its code would run here; \
             nothing was changed"
        ),
        format!("if you trust it, name it yourself: pos-upgrade-tui {command} --source {source}"),
    )
}

/// Unusually many removals need a yes of their own: at a terminal, or by their number.
fn removals(plan: &Plan, arguments: &UpgradeArgs, json: bool) -> Result<(), Refusal> {
    let Some(many) = plan.many_removals(arguments.on_conflict.on_conflict()) else { return Ok(()) };
    if arguments.allow_removals.is_some_and(|allowed| allowed >= many.removed) {
        return Ok(());
    }
    if !json && at_a_terminal() {
        if confirmed(&format!("\n{many}.\nThe backup keeps them. Remove these {} files?", many.removed)) {
            return Ok(());
        }
        return Err(Refusal::refused(Code::SaidNo, "not applied; nothing was changed", ""));
    }
    let what = format!("{many}; that needs a yes of its own; nothing was changed");
    let next = format!("see which: pos-upgrade-tui plan; if they shall go: {}", command_with(many.removed));
    Err(Refusal::refused(Code::ManyRemovals, what, next))
}

/// The command that this process was started with, allowed to remove so many files.
fn command_with(removals: u64) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut given = std::env::args_os().skip(1);
    while let Some(word) = given.next() {
        if word == "--allow-removals" {
            given.next();
        } else if !word.as_encoded_bytes().starts_with(b"--allow-removals=") {
            words.push(quoted(&word));
        }
    }
    format!("pos-upgrade-tui {} --allow-removals {removals}", words.join(" "))
}

fn show(plan: &Plan, around: &plan::Around, json: bool) -> Exit {
    if json {
        print::json(&plan::Shown { plan, around });
    } else {
        plan::print(plan, around);
    }
    Exit::Done
}

pub(super) fn nothing(request: &Request, around: &plan::Around, json: bool) -> Exit {
    let install = request.install();
    output::tidy(&request.project);
    let mut message = format!("{}: nothing to do, this install is current", install.shown());
    if let Some(server) = inspect::server_left_behind(request) {
        message.push_str(&format!("; but {server}"));
    }
    if around.has_entries() {
        message.push_str("; but an editor's entry does not start it as it should: pos-upgrade-tui plan shows how, ");
        message.push_str("pos-upgrade-tui upgrade --editor-config yes changes it");
    }
    if around.has_rules() {
        message
            .push_str("; but a rules file has an older release's text: pos-upgrade-tui upgrade --rules yes changes it");
    }
    output::nothing_to_do(&message, json)
}

fn conflicts(request: &Request, files: &[&FileEntry], texts: impl Fn(&FileEntry) -> Result<Sides, String>) -> Refusal {
    let list: String = files.iter().map(|f| format!("\n  {} ({})", f.path, f.reason)).collect();
    let what = format!("{} conflicts need a person; nothing was changed:{list}", files.len());
    let next = "settle them in the wizard: pos-upgrade-tui --source DIR, or in a file: --answers FILE, or choose a policy: \
                --on-conflict merge-keep";
    let more = Next::PlanDiff(&request.source).of(&request.project);
    let listed = |f: &&FileEntry| {
        // What can't be read has no regions; an upgrade will say why.
        let sides = texts(f).unwrap_or_default();
        conflict_list::listed(&f.path, f.from.as_ref(), &f.reason, Ids::of(f), &sides, Some(more.clone()))
    };
    Refusal {
        conflicts: files.iter().map(listed).collect(),
        ..Refusal::of(Code::Conflicts, Exit::Conflicts, what, next)
    }
}

/// Reads a plan that `plan --json` printed.
fn saved_plan(path: &Path) -> Result<Plan, Refusal> {
    let unusable = |problem: String| {
        let problem = visible::start_of(&problem, 300);
        let what = format!("{}: not a saved plan ({problem}); nothing was changed", path.shown());
        Refusal::usage(Code::BadPlan, what, "make one: pos-upgrade-tui plan --json --source DIR > plan.json")
    };
    let bytes = read::read_at_most(path, read::NOTE).map_err(|e| unusable(e.to_string()))?;
    let plan: Plan = serde_json::from_slice(&bytes).map_err(|e| unusable(e.to_string()))?;
    if plan.schema == 1 { Ok(plan) } else { Err(unusable(format!("schema {} is not known", plan.schema))) }
}

/// A saved plan is only good as long as it is what would be planned now.
fn same_plan(saved: &Plan, now: &Plan) -> Result<(), Refusal> {
    let next = "look at the new plan: pos-upgrade-tui plan --json --source DIR > plan.json";
    let stale = |what: String| Err(Refusal::refused(Code::PlanOutdated, format!("{what}; nothing was changed"), next));
    if saved.install.folder() != now.install.folder() {
        let [then, now] = [&saved.install.path, &now.install.path].map(|path| visible::line(path));
        return stale(format!("the saved plan is for {then}, not for {now}"));
    }
    if saved.source.commit != now.source.commit {
        let then = visible::line(short(&saved.source.commit));
        let now = short(&now.source.commit);
        return stale(format!("the source changed since the plan was made: it is at {now}, the plan is for {then}"));
    }
    let paths = saved.disagreements(now);
    if paths.is_empty() {
        return Ok(());
    }
    let list: String = paths.iter().map(|p| format!("\n  {p}")).collect();
    stale(format!("the install changed since the plan was made:{list}\n"))
}

//! `upgrade_plan` and `upgrade_start`: what would happen, and its beginning.

use std::path::Path;

use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::plan::{Kind, Plan};
use crate::core::policy::OnConflict;
use crate::core::settings::Settings;
use crate::core::visible::{self, Shown as _};
use crate::engine::executor::{self, How};
use crate::engine::planning::inspect::{self, Inspection};
use crate::engine::planning::request::Request;
use crate::engine::planning::settings::{self, Layers, Word};
use crate::engine::refusal::{Problem, code_of};
use crate::host::git::{address, cached};
use crate::host::install;
use crate::mcp::call::{Call, off, step, with};
use crate::mcp::fault::Fault;
use crate::mcp::shapes::{Change, PlanArgs, PlanShown, StartArgs, Status};

/// So many changes are told.
const MOST: usize = 300;

/// All problems in one.
fn fault(problems: Vec<Problem>) -> Fault {
    let exit_code = problems.iter().map(|p| p.exit_code).max().unwrap_or_default();
    let what: Vec<&str> = problems.iter().map(|p| &p.what[..]).collect();
    let fix: Vec<&str> = problems.iter().map(|p| &p.next[..]).collect();
    let fault =
        Fault { exit_code: exit_code.code(), ..Fault::new(code_of(&problems), what.join("\n"), fix.join("\n")) };
    match exit_code {
        Exit::Locked => fault.then("upgrade_status"),
        _ => fault.then("upgrade_plan"),
    }
}

fn request(project: &Path, args: &PlanArgs) -> Result<(Request, Layers), Fault> {
    let flags = Settings { source_path: args.source.clone(), ..Settings::default() };
    let layers = Layers::read(project, flags)?;
    let all = layers.all();
    let Some(source) = settings::absolute(all.source_path.as_deref()) else {
        let what = "no source: where is the clone of praxis-os to upgrade from?";
        return Err(Fault::usage(Code::NoSource, what, "ask the person, and name it: source").then("upgrade_plan"));
    };
    let source = match address::is_address(&source) {
        true => Some(cached::place_of(&source)).filter(|clone| clone.is_dir()).ok_or_else(|| {
            let what = "this address was never fetched here, and an assistant fetches nothing";
            Fault::usage(Code::FetchFailed, what, "ask the person to fetch it: pos-upgrade-tui plan --source ADDRESS")
                .then("upgrade_plan")
        })?,
        false => source,
    };
    let request =
        Request { project: project.to_owned(), source, to: args.to.clone(), only: args.only, options: all.options() };
    Ok((request, layers))
}

fn shown(named: Option<&Path>, request: &Request, inspection: &Inspection, plan: &Plan, foreign: bool) -> PlanShown {
    let mut changes: Vec<Change> = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.changes_install()) {
        let of_kind = plan.files.iter().filter(|f| f.kind == kind);
        changes.extend(of_kind.map(|f| Change {
            path: f.path.clone(),
            from: f.from.clone(),
            kind,
            reason: visible::line(&f.reason),
        }));
    }
    let more_changes = changes.len().saturating_sub(MOST);
    changes.truncate(MOST);
    let mut warnings = inspection.evidence.warnings.clone();
    if foreign {
        warnings.push(format!(
            "the source is named by the project's own {}/upgrade.json alone, and its code would run here: ask the person, \
             and name it in upgrade_start",
            install::name_of(&request.install())
        ));
    }
    let id = plan.id();
    let mut next = with(step("upgrade_start", named, None, "the person agrees to this plan"), "plan_id", id.clone());
    let mut also = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            next.arguments.insert(key.to_owned(), value.into());
        }
    };
    // Naming it is the person's consent: who only follows `next` must not give that.
    also("source", (!foreign).then(|| request.source.to_string_lossy().into_owned()));
    also("to", request.to.clone());
    also("only", request.only.and_then(|only| serde_json::to_value(only).ok()?.as_str().map(str::to_owned)));
    PlanShown {
        schema: 1,
        plan_id: id,
        install: plan.install.path.clone(),
        source: plan.source.path.clone(),
        from_release: plan.install.release.clone(),
        to_commit: plan.source.commit.clone(),
        to_version: visible::line(&plan.source.version),
        current: inspection.current,
        summary: plan.summary.clone(),
        changes,
        more_changes,
        asks: inspection.asks(),
        many_removals: plan.many_removals(OnConflict::Ask).map(|many| many.removed),
        warnings,
        will_be_tried: inspection.rehearsal.as_ref().map(|r| r.describe()),
        next: (!inspection.current).then_some(next),
    }
}

/// What an upgrade would do. Writes nothing.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn plan(call: &Call, args: PlanArgs) -> Result<PlanShown, Fault> {
    let project = call.project(args.project.as_deref())?;
    off(move || {
        let (request, layers) = request(&project, &args)?;
        let foreign = layers.word(&project, false).foreign_source.is_some();
        let inspection = inspect::approval(&request);
        match &inspection.plan {
            Some(plan) if inspection.problems.is_empty() => {
                Ok(shown(args.project.as_deref(), &request, &inspection, plan, foreign))
            }
            _ => Err(fault(inspection.problems)),
        }
    })
    .await?
}

/// Begins the upgrade that was shown, and works until conflicts or the word to apply are waited for: checks and backup.
///
/// # Errors
/// [`Fault`].
pub(crate) async fn start(call: &Call, args: StartArgs) -> Result<Status, Fault> {
    let project = call.project(args.project.as_deref())?;
    let (named, wait) = (args.project.clone(), args.wait_seconds);
    let here = project.clone();
    let (request, plan, source, word) = off(move || approved(&here, &args)).await??;
    let chosen = request.source.clone();
    let how = How { on_conflict: OnConflict::Ask, gated: true, ..How::default() };
    let live = call.begin(&project, || executor::start_with(request, plan, source, how))?;
    settings::remember(&project, &word, &chosen);
    let not_asked = call.wait(&live, wait).await;
    let status = call.status_of(&project, named.as_deref(), Some(&live), None).await?;
    Ok(Status { not_asked, ..status })
}

type Approved = (Request, Plan, Option<std::sync::Arc<crate::engine::planning::source::Source>>, Word);

/// What is begun, if it is what was shown.
fn approved(project: &Path, args: &StartArgs) -> Result<Approved, Fault> {
    let plan_args = PlanArgs { project: None, source: args.source.clone(), to: args.to.clone(), only: args.only };
    let (mut request, layers) = request(project, &plan_args)?;
    request.options.editor_config = args.editor_config;
    request.options.rules = args.rules;
    request.options.no_rehearsal = args.no_rehearsal;
    request.options.git_commit_after |= args.git_commit;
    if request.options.dry_run {
        let what = "the settings say dry_run, so nothing is begun here";
        let fix = "ask the person; if they want an upgrade, they type: pos-upgrade-tui config unset dry_run";
        return Err(Fault::new(Code::PersonOnly, what, fix).then("upgrade_plan"));
    }
    let word = layers.word(project, false);
    if let Some(source) = &word.foreign_source {
        let what = format!(
            "{}: only the project's own settings name this source, and its code would run here",
            source.shown()
        );
        return Err(Fault::usage(Code::SourceNotNamedByYou, what, "ask the person; if they trust it, name it: source")
            .then("upgrade_start"));
    }
    let mut inspection = inspect::inspect(&request);
    let source = inspection.source.take();
    let plan = match inspection.plan.take() {
        Some(plan) if inspection.problems.is_empty() => plan,
        _ => return Err(fault(inspection.problems)),
    };
    if plan.id() != args.plan_id {
        let what = format!(
            "plan {} is not what would be done now, which is plan {}",
            visible::start_of(&args.plan_id, 40),
            plan.id()
        );
        return Err(Fault::new(Code::PlanOutdated, what, "show the person the new plan").then("upgrade_plan"));
    }
    if let Some(many) = plan.many_removals(OnConflict::Ask).filter(|many| many.removed > args.allow_removals) {
        let fix = format!("show the person which, and if they agree: allow_removals {}", many.removed);
        return Err(Fault::new(Code::ManyRemovals, many.to_string(), fix).then("upgrade_start"));
    }
    if inspect::nothing_to_do(&request, &plan) && !args.editor_config && !args.rules {
        let what = format!("{}: nothing to do, this install is current", request.install().shown());
        let fault = Fault::new(Code::NotNow, what, "nothing").then("upgrade_status");
        return Err(Fault { code: None, exit_code: Exit::Done.code(), ..fault });
    }
    Ok((request, plan, source, word))
}

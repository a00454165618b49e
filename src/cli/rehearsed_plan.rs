//! `plan --rehearse`: the plan, and whether the release works here. Nothing is applied.

use crate::cli::args::{Common, PlanArgs, Policy};
use crate::cli::output;
use crate::cli::plan::{self, Around};
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::upgrade;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::plan::Plan;
use crate::engine::events::Finish;
use crate::engine::executor;
use crate::engine::planning::inspect;

/// `--json`: the plan as `plan --json` has it, and what came of trying the release.
#[derive(Debug, serde::Serialize)]
struct Rehearsed<'a> {
    #[serde(flatten)]
    plan: plan::Shown<'a>,
    /// As the last line of `upgrade --json` has it; the result is `rehearsed`, `not_rehearsed` or `failed`.
    rehearsal: &'a Finish,
    /// How many conflicts a person will be asked about; they were tried as `--on-conflict` says.
    asks: u64,
}

/// Runs it. Exit code 0: an upgrade works; 10: it does, once the conflicts are settled; 4: it would fail, or can't be tried.
///
/// # Errors
/// [`Refusal`], also where the project's own settings name a source that nobody agreed to: its code would run.
pub(crate) async fn run(common: &Common, arguments: &PlanArgs) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let layers = request::layers(&project, &arguments.from)?;
    let mut request = request::request_of(project, &layers, &arguments.from)?;
    request.options.only_rehearsal = true;
    request.options.allow_post_install_failure = arguments.allow_post_install_failure;
    if let Some(source) = layers.word(&request.project, arguments.from.allow_test_command).foreign_source {
        return Err(upgrade::foreign_source(&request.project, &source, "plan --rehearse"));
    }
    let mut inspection = inspect::inspect(&request);
    let asks = inspection.asks();
    let source = inspection.source.take();
    let around = Around::of(&mut inspection);
    let approved = plan::plan_of(inspection)?;
    if inspect::nothing_to_do(&request, &approved) {
        return Ok(upgrade::nothing(&request, &around, common.json));
    }
    let policy = arguments.on_conflict.unwrap_or(Policy::Keep);
    if asks > 0 && policy == Policy::Fail {
        return Err(Refusal::usage(
            Code::Conflicts,
            format!("{asks} conflicts are open, and --on-conflict fail leaves nothing to try; nothing was changed"),
            "say how they are taken: --on-conflict keep, or merge-take",
        ));
    }
    let shown: Plan = approved.clone();
    if !common.json {
        plan::print(&shown, &around);
        say!("");
    }
    let handle = executor::start(request, approved, source, policy.on_conflict());
    let exit = if common.json {
        let finish = output::follow_quietly(handle).await;
        let plan = plan::Shown { plan: &shown, around: &around };
        print::json(&Rehearsed { plan, rehearsal: &finish, asks });
        finish.exit_code
    } else {
        output::follow(handle, false).await
    };
    Ok(match exit {
        Exit::Done if asks > 0 => {
            if !common.json {
                let waits = if asks == 1 { "1 conflict waits".to_owned() } else { format!("{asks} conflicts wait") };
                say!("  {waits} for you; tried with --on-conflict {}", policy.word());
            }
            Exit::Pending
        }
        exit => exit,
    })
}

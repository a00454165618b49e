//! `upgrade`: all six phases without a screen.

use std::io::IsTerminal as _;

use super::args::{Common, Policy, UpgradeArgs};
use super::output::CONFLICTS;
use super::{Refusal, at_a_terminal, confirmed, output, plan, settings};
use crate::core::plan::{Kind, Plan};
use crate::engine::{executor, inspect};

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub async fn run(common: &Common, arguments: &UpgradeArgs) -> Result<u8, Refusal> {
    let mut request = settings::request(common, &arguments.from)?;
    request.options.allow_post_install_failure = arguments.allow_post_install_failure;
    let dry_run = request.options.dry_run;
    if !dry_run && !common.yes && !std::io::stdin().is_terminal() {
        return Err(Refusal::usage(
            "there is no terminal to ask at, and --yes is not given; nothing was changed",
            "look first: pos-upgrade-tui plan, then: pos-upgrade-tui upgrade --yes",
        ));
    }
    let inspection = inspect::inspect(&request);
    let warnings = inspection.evidence.warnings.clone();
    let approved = plan::plan_of(inspection)?;
    if dry_run {
        return Ok(show(&approved, common.json));
    }
    if inspect::nothing_to_do(&request, &approved) {
        return Ok(nothing(&request, common.json));
    }
    if approved.summary.conflict > 0 && arguments.on_conflict == Policy::Fail {
        return Err(conflicts(&approved));
    }
    if !common.json {
        warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    }
    if !common.yes {
        plan::print(&approved);
        if !at_a_terminal() || !confirmed("\nApply this?") {
            return Err(Refusal::refused("not applied; nothing was changed", ""));
        }
    }
    let handle = executor::start(request, approved, arguments.on_conflict.on_conflict());
    Ok(output::follow(handle, common.json).await)
}

fn show(plan: &Plan, json: bool) -> u8 {
    if json {
        println!("{}", serde_json::to_string(plan).unwrap_or_default());
    } else {
        plan::print(plan);
    }
    0
}

fn nothing(request: &inspect::Request, json: bool) -> u8 {
    let message = format!("{}: nothing to do, this install is current", request.project.join(".praxis-os").display());
    if json {
        let line = serde_json::json!({"event": "finished", "schema": 1, "result": "nothing_to_do", "exit_code": 0,
                                      "message": message, "next": null});
        println!("{line}");
    } else {
        println!("{message}");
    }
    0
}

fn conflicts(plan: &Plan) -> Refusal {
    let files = plan.files.iter().filter(|f| f.kind == Kind::Conflict);
    let list: String = files.map(|f| format!("\n  {} ({})", f.path, f.reason)).collect();
    let what = format!("{} conflicts need a person; nothing was changed:{list}", plan.summary.conflict);
    let next = "settle them in the wizard: pos-upgrade-tui --source DIR, or choose a policy: --on-conflict merge-keep";
    Refusal { exit_code: CONFLICTS, what, next: next.into() }
}

//! `plan`: what would happen and why.

use super::args::{Common, PlanArgs};
use super::diff::{self, Ink};
use super::{Refusal, settings};
use crate::core::plan::Plan;
use crate::engine::inspect::{self, Inspection, Texts};

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
    let inspection = inspect::inspect(&request);
    let plan = plan_of(inspection)?;
    let texts = match arguments.diff {
        true => Some(Texts::open(&request, &plan).map_err(|e| {
            Refusal::refused(format!("{e}; nothing was changed"), "without the texts: pos-upgrade-tui plan")
        })?),
        false => None,
    };
    diff::to_stdout(|paper| match common.json {
        true => paper.line(Ink::Plain, &serde_json::to_string(&plan).unwrap_or_default()),
        false => diff::plan(paper, &plan, texts.as_ref()),
    })?;
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
    let _ = diff::to_stdout(|paper| diff::plan(paper, plan, None));
}

//! `plan`: what would happen and why.

use super::args::{Common, PlanArgs};
use super::{Refusal, settings};
use crate::core::classify::short;
use crate::core::plan::{Kind, Plan};
use crate::engine::inspect::{self, Inspection};

/// Exit code when something is pending and `--exit-code` asks.
const PENDING: u8 = 10;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`].
pub fn run(common: &Common, arguments: &PlanArgs) -> Result<u8, Refusal> {
    let request = settings::request(common, &arguments.from)?;
    let inspection = inspect::inspect(&request);
    let plan = plan_of(inspection)?;
    if common.json {
        println!("{}", serde_json::to_string(&plan).unwrap_or_default());
    } else {
        print(&plan);
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
    let from = plan.install.release.as_deref().map_or("an unknown release", short);
    println!("{}  {from} -> {} ({})", plan.install.path, short(&plan.source.commit), plan.source.version);
    for kind in Kind::ALL {
        let count = plan.summary.get(kind);
        if count == 0 {
            continue;
        }
        println!("\n{} {count}", kind.word());
        if kind == Kind::Unchanged {
            continue;
        }
        for file in plan.files.iter().filter(|f| f.kind == kind) {
            match &file.from {
                Some(from) => println!("  {from} -> {}\n      {}", file.path, file.reason),
                None => println!("  {}\n      {}", file.path, file.reason),
            }
        }
    }
    if plan.summary.pending() == 0 {
        println!("\nnothing to do");
    }
}

//! `resolve`: the conflict screen for conflicts that were put off.

use crate::cli::args::{Common, From, Look};
use crate::cli::ask::at_a_terminal;
use crate::cli::output;
use crate::cli::plain;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::session;
use crate::cli::wizard;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::path::RelPath;
use crate::core::visible::Shown as _;
use crate::engine::conflicts::deferred;
use crate::engine::executor;
use crate::engine::planning::inspect;
use crate::tui::launch::Launch;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`]; then nothing was changed.
pub(crate) async fn run(common: &Common, look: &Look) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let install = request::install(common)?;
    let found = session::all(&project)?;
    if let Some(problem) = inspect::session_in_the_way(&install) {
        return Err(problem.unchanged().into());
    }
    let unusable =
        |e: String| Refusal::refused(Code::Files, format!("{e}; nothing was changed"), "pos-upgrade-tui status");
    let plan = deferred::plan(&install, &found.sessions).map_err(unusable)?;
    let Some(plan) = plan else {
        let message = format!("{}: nothing to resolve, no conflict is put off", install.shown());
        return Ok(output::nothing_to_do(&message, common.json));
    };
    let found = request::settings(&project, &From::default())?;
    let options = request::options(&found, &From::default());
    let look = request::look(found, look);
    if plain::is_meant(look) && (look.plain || at_a_terminal()) {
        return plain::go_on(executor::resolve(&project, plan, options), &project).await;
    }
    if !at_a_terminal() {
        let paths: Vec<&RelPath> = plan.files.iter().map(|f| &f.path).collect();
        let list: String = paths.iter().map(|p| format!("\n  {p}")).collect();
        return Err(Refusal::usage(
            Code::NeedsTerminal,
            format!(
                "{} conflicts are put off, and settling them needs a terminal; nothing was changed:{list}",
                paths.len()
            ),
            "at a terminal: pos-upgrade-tui resolve",
        ));
    }
    let (only, resolve) = (plan.only, Some(Box::new(plan)));
    wizard::open(Launch { only, options, look, resolve, ..Launch::new(project) }).await
}

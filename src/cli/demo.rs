//! `demo`: a small praxis-os and a customised project, upgraded for real.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::args::{Common, DemoArgs, From};
use crate::cli::ask::at_a_terminal;
use crate::cli::output;
use crate::cli::plan;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::wizard;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::quoted;
use crate::core::policy::OnConflict;
use crate::core::session::Status;
use crate::core::settings::Options;
use crate::core::visible::Shown as _;
use crate::engine::executor;
use crate::engine::planning::inspect;
use crate::engine::planning::request::Request;
use crate::host::demo::{self, Demo, DemoError, Releases};
use crate::host::install;
use crate::host::process::proc;
use crate::host::server::{self, Running};
use crate::host::session::catalog;
use crate::tui::launch::Launch;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`], for instance where git or python3 is missing.
pub(crate) async fn run(common: &Common, arguments: &DemoArgs) -> Result<Exit, Refusal> {
    let dir = folder(arguments.dir.as_ref())?;
    let quiet = common.json;
    let say = |line: &str| {
        if quiet {
            print::error_text(line);
        } else {
            print::text(line);
        }
    };
    say(&format!("building the demo in {}", dir.shown()));
    let releases = Releases::All;
    let built = demo::prepare_generation(arguments.from, releases, &dir, &mut |line| say(&format!("  {line}")));
    let built = built.map_err(|e| {
        // A temporary folder that stayed empty is nothing to keep.
        if arguments.dir.is_none() {
            let _ = std::fs::remove_dir(&dir);
        }
        refusal(&e)
    })?;
    let project = quoted(&built.project);
    let command = format!("pos-upgrade-tui --project {project} --source {}", quoted(&built.source));
    if arguments.prepare_only {
        say(&format!("\nthe install's server runs as pid {}; upgrade it with:", built.server_pid.unwrap_or(0)));
        say(&format!("  {command}"));
        return Ok(Exit::Done);
    }
    let request = Request {
        project: built.project.clone(),
        source: built.source.clone(),
        to: None,
        only: None,
        options: Options::default(),
    };
    let result = if arguments.headless || !at_a_terminal() {
        headless(request, common.json).await
    } else {
        let Request { project, source, to, only, options } = request;
        // As in every wizard: who has seen what it changes may still say no.
        let options = Options { editor_config: true, ..options };
        let found = request::settings(&project, &From::default());
        let look = request::look(found.unwrap_or_default(), &arguments.look);
        wizard::open(Launch { source: Some(source), to, only, options, look, ..Launch::new(project) }).await
    };
    stop_server(&built);
    say(&format!("\nlook around: {}", dir.shown()));
    say("the demo's server is ended");
    let sessions = catalog::survey(&install::folder_of(&built.project)).sessions;
    if sessions.last().is_some_and(|s| s.status() == Status::Completed) {
        say(&format!("undo it:     pos-upgrade-tui rollback --project {project}"));
    }
    result
}

fn folder(named: Option<&PathBuf>) -> Result<PathBuf, Refusal> {
    let unusable = |path: &str, e: &std::io::Error| {
        Refusal::refused(
            Code::NoDemo,
            format!("{path}: the demo can't be built there ({e})"),
            "name another folder: demo DIR",
        )
    };
    match named {
        Some(dir) => std::path::absolute(dir).map_err(|e| unusable(&dir.shown().to_string(), &e)),
        None => {
            let made = tempfile::Builder::new().prefix("pos-upgrade-demo-").tempdir();
            made.map(tempfile::TempDir::keep).map_err(|e| unusable("the temporary folder", &e))
        }
    }
}

fn refusal(error: &DemoError) -> Refusal {
    let next = match error {
        DemoError::MissingTool { .. } => "install it, then try again: pos-upgrade-tui demo",
        DemoError::DirNotEmpty(_) => "name another folder: pos-upgrade-tui demo DIR",
        _ => "mend that, then try again in a new folder: pos-upgrade-tui demo",
    };
    Refusal::refused(Code::NoDemo, error.to_string(), next)
}

async fn headless(request: Request, json: bool) -> Result<Exit, Refusal> {
    let mut inspection = inspect::inspect(&request);
    let around = plan::Around::of(&mut inspection);
    let source = inspection.source.take();
    let approved = plan::plan_of(inspection)?;
    if !json {
        plan::print(&approved, &around);
        print::text("");
    }
    Ok(output::follow(executor::start(request, approved, source, OnConflict::MergeKeep), json).await)
}

/// Whatever server runs for the demo's install now was started by the demo. The install's folder may have another name now.
fn stop_server(built: &Demo) {
    if let Running::Yes(live) = server::find(&install::folder_of(&built.project)) {
        proc::stop(&live.process, Duration::from_secs(5));
    }
}

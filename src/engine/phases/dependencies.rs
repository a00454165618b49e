//! Phase 3's dependencies: pip, in a new generation of the environment beside the live one.

use super::server::Told;
use crate::core::layout::layouts;
use crate::core::phase::{Fact, NotApplicable, Phase};
use crate::engine::events::Level;
use crate::engine::run::{Run, Stop, done, not_applicable};
use crate::host::venv;

const PHASE: Phase = Phase::Server;

/// Installs what the new requirements need into a new generation of the environment.
///
/// # Errors
/// [`Stop`], with pip's last lines.
pub fn run(run: &mut Run) -> Told<Fact<bool>> {
    let install = run.session.install.clone();
    let skip = |why| not_applicable(why, Fact::NotApplicable(why));
    if !venv::live(&install).exists() {
        return skip(NotApplicable::NoVenv);
    }
    let requirements = layouts().server.requirements.under(&install);
    if !requirements.is_file() {
        return skip(NotApplicable::NoRequirements);
    }
    if run.session.venv_generation.as_ref().is_some_and(|name| venv::is_live(&install, name)) {
        return done("in place already", Fact::Is(true));
    }
    run.commands_run.push("venv/bin/python -m pip install --dry-run -r mcp_server/requirements.txt".into());
    // A dry run that fails is told by the real one, with its words.
    if venv::satisfied(&install, &requirements).unwrap_or(false) {
        return skip(NotApplicable::RequirementsSatisfied);
    }
    let name = run.session.venv_generation.clone().unwrap_or_else(|| run.session.stamp.clone());
    run.session.venv_generation = Some(name.clone());
    run.session.applied = true;
    run.save()?;
    run.commands_run.push(format!("venvs/{name}/bin/python -m pip install -r mcp_server/requirements.txt"));
    let mut listener = PipListener { run, lines: 0, asked: None };
    let built = venv::build(&install, &name, &requirements, &mut listener);
    if let Some(asked) = listener.asked {
        return Err(asked);
    }
    built.map_err(|e| Stop::Failed {
        what: e.to_string(),
        next: Some("mend what pip names (network, package index, disk), then upgrade again".into()),
    })?;
    venv::switch(&install, &name)?;
    done(format!("new environment venvs/{name}"), Fact::Is(true))
}

/// Shows pip's lines, notes its process, and stops it when a person asks.
struct PipListener<'a> {
    run: &'a mut Run,
    lines: u64,
    asked: Option<Stop>,
}

impl venv::Listener for PipListener<'_> {
    fn started(&mut self, pid: u32) {
        self.run.note_child(pid);
    }

    fn line(&mut self, text: &str) -> bool {
        self.lines += 1;
        self.run.log(Level::Info, "pip", text);
        self.run.progress(PHASE, "dependencies", self.lines, 0, text);
        self.asked = self.run.check().err();
        self.asked.is_none()
    }
}

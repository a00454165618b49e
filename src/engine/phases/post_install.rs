//! Phase 3's post-install steps: what a requirement needs besides its packages, `assets/post-install.json`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::server::Told;
use crate::core::layout::layouts;
use crate::core::phase::{Fact, NotApplicable, PostInstallStep};
use crate::core::question::{Question, Way};
use crate::engine::events::Level;
use crate::engine::run::{Run, Stop, done, not_applicable, warned};
use crate::host::{fs, server, venv};

/// What requirement needs what command after its installation: `assets/post-install.json`.
#[derive(Deserialize)]
struct PostInstall {
    steps: Vec<PostInstallRule>,
}

/// One row of the table.
#[derive(Deserialize)]
pub struct PostInstallRule {
    requirement: String,
    command: Vec<String>,
    shown: String,
    limit_seconds: u64,
}

fn post_install_rules() -> &'static PostInstall {
    static TABLE: LazyLock<PostInstall> = LazyLock::new(|| {
        // Embedded at build time and read by a test: it can't be broken by input.
        #[allow(clippy::expect_used)]
        serde_json::from_str(include_str!("../../../assets/post-install.json")).expect("post-install.json is valid")
    });
    &TABLE
}

/// The steps that this install's requirements need.
pub fn scan(install: &Path) -> Told<Vec<&'static PostInstallRule>> {
    let text = fs::read_if_there(&layouts().server.requirements.under(install))?.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).to_lowercase();
    let needs = |rule: &&PostInstallRule| {
        let names =
            text.lines().map(|l| l.trim().split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).next());
        venv::live(install).exists() && names.flatten().any(|name| name == rule.requirement)
    };
    let found: Vec<&PostInstallRule> = post_install_rules().steps.iter().filter(needs).collect();
    if found.is_empty() {
        return not_applicable(NotApplicable::NoPostInstallSteps, found);
    }
    done(found.iter().map(|r| r.shown.as_str()).collect::<Vec<_>>().join(", "), found)
}

/// Runs them.
///
/// # Errors
/// [`Stop`].
pub fn run(run: &mut Run, rules: &[&PostInstallRule]) -> Told<Fact<Vec<PostInstallStep>>> {
    if rules.is_empty() {
        let why = NotApplicable::NoPostInstallSteps;
        return not_applicable(why, Fact::NotApplicable(why));
    }
    let python = venv::live(&run.session.install).join("bin/python");
    let mut steps = Vec::new();
    for rule in rules {
        run.commands_run.push(rule.shown.clone());
        run.log(Level::Info, "post-install", &rule.shown);
        let status = loop {
            let mut command = Command::new(&python);
            let result = limited(command.args(&rule.command), Duration::from_secs(rule.limit_seconds), run);
            match result {
                Ok(()) => break "success",
                Err(Stop::Failed { what, .. }) if !again(run, rule, &what)? => {
                    run.warn(
                        "post-install",
                        format!("{} failed, and the upgrade went on without it: {what}", rule.shown),
                    );
                    break "failed";
                }
                Err(Stop::Failed { .. }) => {}
                Err(other) => return Err(other),
            }
        };
        steps.push(PostInstallStep { command: rule.shown.clone(), status: status.into(), size_downloaded: None });
    }
    let failed = steps.iter().filter(|s| s.status == "failed").count();
    if failed > 0 {
        warned(format!("{failed} failed, went on without"), Fact::Is(steps))
    } else {
        done("done", Fact::Is(steps))
    }
}

/// Asks what to do about a step that failed: true to try it again, false to go on without it.
fn again(run: &mut Run, rule: &PostInstallRule, what: &str) -> Result<bool, Stop> {
    if run.session.options.allow_post_install_failure {
        return Ok(false);
    }
    let question =
        Question::new(format!("post_install:{}", rule.requirement), format!("{} failed", rule.shown), Way::RollBack)
            .saying(what.lines())
            .offering(Way::Retry, "Retry", "run it again")
            .offering(Way::GoOn, "Continue without", "the report names it; you can run it later")
            .offering(Way::RollBack, "Roll back", "the install goes back to what it was");
    match run.ask(question)? {
        Way::Retry => Ok(true),
        Way::GoOn => Ok(false),
        _ => {
            let next = "mend it, or go on without it: upgrade --allow-post-install-failure".to_owned();
            Err(Stop::Failed { what: format!("{} failed: {what}", rule.shown), next: Some(next) })
        }
    }
}

/// Runs a command to its end or its time limit, with its last lines as the error.
fn limited(command: &mut Command, limit: Duration, run: &mut Run) -> Result<(), Stop> {
    let log = tempfile::NamedTempFile::new().map_err(Stop::failed)?;
    let out = || log.reopen().map(Stdio::from).map_err(Stop::failed);
    let mut child = command.stdin(Stdio::null()).stdout(out()?).stderr(out()?).spawn().map_err(Stop::failed)?;
    run.note_child(child.id());
    let begun = Instant::now();
    let said = || server::last_lines(log.path(), 0, 6);
    loop {
        if let Some(status) = child.try_wait().map_err(Stop::failed)? {
            return if status.success() { Ok(()) } else { Err(Stop::failed(format!("{status}\n{}", said()))) };
        }
        let asked = run.check().err();
        if begun.elapsed() > limit || asked.is_some() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(
                asked.unwrap_or_else(|| Stop::failed(format!("no end after {} s\n{}", limit.as_secs(), said())))
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_post_install_table_is_valid() {
        assert!(!super::post_install_rules().steps.is_empty());
    }
}

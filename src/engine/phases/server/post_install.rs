//! Post-install steps, before anything changes: what a requirement needs besides its packages, `assets/post-install.json`.

use crate::core::error_code::Code;
use crate::core::task::Task;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

use crate::core::phase::{Fact, NotApplicable, Phase, PostInstallStep};
use crate::core::question::{Question, Way};
use crate::core::requirements::of_file;
use crate::engine::events::Level;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::{TaskResult, done, not_applicable, warned};
use crate::host::files::read;
use crate::host::process::program;
use crate::host::process::program::{Limits, Listener, ProgramError};
use crate::host::process::timing::{Who, waiting};
use crate::host::python::{pip, venv};

/// What requirement needs what command after its installation: `assets/post-install.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PostInstall {
    steps: Vec<PostInstallRule>,
}

/// One row of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostInstallRule {
    /// The package that triggers it.
    requirement: String,
    /// Arguments for the environment's interpreter.
    command: Vec<String>,
    /// What people call it.
    shown: String,
    /// How long it may take.
    limit_seconds: u64,
    /// How to see that it is done already; without it, it is always run.
    satisfied: Option<Check>,
}

/// Arguments for the environment's interpreter, which ends with 0 if there is nothing to do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    command: Vec<String>,
    limit_seconds: u64,
}

fn post_install_rules() -> &'static PostInstall {
    static TABLE: LazyLock<PostInstall> = LazyLock::new(|| {
        // Embedded at build time and read by a test: it can't be broken by input.
        #[allow(clippy::expect_used)]
        serde_json::from_str(include_str!("../../../../assets/post-install.json")).expect("post-install.json is valid")
    });
    &TABLE
}

/// The environment that the server will run in: the one that was built for it, or the live one.
fn environment(run: &Run) -> PathBuf {
    let install = &run.session.install;
    let built = run.session.venv_generation.as_ref().map(|name| venv::generation(install, name));
    built.filter(|path| path.is_dir()).unwrap_or_else(|| venv::live(install))
}

/// A step, and whether it is done already.
pub(crate) type Found = (&'static PostInstallRule, bool);

/// The steps that this install's requirements need.
///
/// # Errors
/// [`Stop`].
pub(crate) fn scan(run: &mut Run, requirements: &Path) -> TaskResult<Vec<Found>> {
    let text = read::read_if_there(requirements)?.unwrap_or_default();
    let (wanted, _) = of_file(&String::from_utf8_lossy(&text));
    let needs = |rule: &&PostInstallRule| wanted.iter().any(|w| w.name == rule.requirement);
    let rules: Vec<&PostInstallRule> = match venv::is_there(&run.session.install) {
        true => post_install_rules().steps.iter().filter(needs).collect(),
        false => Vec::new(),
    };
    if rules.is_empty() {
        return not_applicable(NotApplicable::NoPostInstallSteps, Vec::new());
    }
    let mut found = Vec::new();
    for rule in rules {
        let satisfied = match &rule.satisfied {
            // A check that fails, whatever the reason, is a step that is not done.
            Some(check) => match interpreter(run, "the check", &check.command, check.limit_seconds, false) {
                Ok(_) => true,
                Err(Stop::Failed { .. }) => false,
                Err(asked) => return Err(asked),
            },
            None => false,
        };
        found.push((rule, satisfied));
    }
    let words = |(rule, done): &Found| match done {
        true => format!("{}: done already", rule.shown),
        false => rule.shown.clone(),
    };
    done(found.iter().map(words).collect::<Vec<_>>().join(", "), found)
}

/// Runs those that are not done.
///
/// # Errors
/// [`Stop`].
pub(crate) fn run(run: &mut Run, found: &[Found]) -> TaskResult<Fact<Vec<PostInstallStep>>> {
    if found.is_empty() {
        let why = NotApplicable::NoPostInstallSteps;
        return not_applicable(why, Fact::NotApplicable(why));
    }
    let mut steps = Vec::new();
    for (rule, satisfied) in found {
        let step = match satisfied {
            true => ("already satisfied", None),
            false => carry_out(run, rule)?,
        };
        let (status, size_downloaded) = (step.0.to_owned(), step.1);
        let step = PostInstallStep { command: rule.shown.clone(), status, size_downloaded };
        steps.push(step);
    }
    match steps.iter().filter(|s| s.status == "failed").count() {
        0 => done(steps.iter().map(|s| s.status.as_str()).collect::<Vec<_>>().join(", "), Fact::Is(steps)),
        failed => warned(format!("{failed} failed, went on without"), Fact::Is(steps)),
    }
}

/// Runs one, as often as a person wants it; its status, and how much came over the network.
fn carry_out(run: &mut Run, rule: &PostInstallRule) -> Result<(&'static str, Option<String>), Stop> {
    loop {
        run.commands_run.push(rule.shown.clone());
        run.log(Level::Info, "post-install", &rule.shown);
        match interpreter(run, &rule.shown, &rule.command, rule.limit_seconds, true) {
            Ok(said) => return Ok(("success", said.iter().find_map(|line| size(line)))),
            Err(Stop::Failed { what, .. }) if !again(run, rule, &what)? => {
                let what = what.lines().map(str::trim).collect::<Vec<_>>().join(" ");
                run.warn("post-install", format!("went on without {}: {what}", rule.shown));
                return Ok(("failed", None));
            }
            Err(Stop::Failed { .. }) => {}
            Err(asked) => return Err(asked),
        }
    }
}

/// The size in a line like `Downloading Chromium 143.0 - 169.8 MiB from …`.
fn size(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let unit = |word: &str| ["KB", "MB", "GB", "KiB", "MiB", "GiB", "Mb"].contains(&word);
    let at = words.windows(2).position(|pair| pair[0].parse::<f64>().is_ok() && unit(pair[1]))?;
    line.starts_with("Downloading").then(|| format!("{} {}", words[at], words[at + 1]))
}

/// Asks what to do about a step that failed: true to try it again, false to go on without it.
fn again(run: &mut Run, rule: &PostInstallRule, what: &str) -> Result<bool, Stop> {
    if run.session.options().allow_post_install_failure {
        return Ok(false);
    }
    let question =
        Question::new(format!("post_install:{}", rule.requirement), format!("{} failed", rule.shown), Way::RollBack)
            .saying(what.lines())
            .offering(Way::Retry, "Retry", "run it again")
            .offering(Way::GoOn, "Continue without", "the report names it; you can run it later")
            .offering(Way::RollBack, "Give up", "nothing in the install was changed");
    match run.ask(question)? {
        Way::Retry => Ok(true),
        Way::GoOn => Ok(false),
        _ => {
            let next = "mend it, or go on without it: upgrade --allow-post-install-failure".into();
            Err(Stop::Failed { code: Some(Code::StepFailed), what: what.to_owned(), next: Some(next) })
        }
    }
}

/// Runs the environment's interpreter to its end or its time limit; what it said, or its last lines as the error.
fn interpreter(run: &mut Run, name: &str, arguments: &[String], limit: u64, aloud: bool) -> Result<Vec<String>, Stop> {
    let mut command = pip::python(&environment(run));
    command.args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    let limit = Duration::from_secs(limit);
    let mut listener = StepListener { run, aloud, asked: None };
    let result = {
        let _program = waiting(Who::Programs);
        program::run(name, &mut command, Limits { silent: limit, total: limit }, &mut listener)
    };
    match (listener.asked, result) {
        (Some(asked), Err(ProgramError::Cancelled { .. })) => Err(asked),
        (_, result) => result.map(|said| said.lines).map_err(Stop::failed),
    }
}

/// Shows a step's lines, notes its process, and stops it when a person asks.
struct StepListener<'a> {
    run: &'a mut Run,
    aloud: bool,
    asked: Option<Stop>,
}

impl Listener for StepListener<'_> {
    fn started(&mut self, pid: u32) {
        self.run.note_child(pid);
    }

    fn line(&mut self, text: &str) {
        if self.aloud {
            self.run.log(Level::Info, "post-install", text);
            self.run.progress(Phase::Content, Task::PostInstall, 0, 0, text);
        }
    }

    fn go_on(&mut self) -> bool {
        self.asked = self.run.check().err();
        self.asked.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_post_install_table_is_valid() {
        let names: Vec<_> = post_install_rules().steps.iter().map(|s| s.requirement.as_str()).collect();
        assert!(names.contains(&"playwright"));
        assert!(names.iter().all(|n| crate::core::requirements::normal(n) == *n), "compared in the normal form");
    }

    #[test]
    fn sizes_are_found() {
        let line = "Downloading Chromium 143.0 (playwright build v1200) - 169.8 MiB from https://x.invalid/a.zip";
        assert_eq!(size(line).as_deref(), Some("169.8 MiB"));
        assert_eq!(size("Removing 3 MiB"), None);
        assert_eq!(size("Downloading nothing"), None);
    }
}

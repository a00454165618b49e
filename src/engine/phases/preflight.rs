//! Phase 0: checks everything, changes nothing.

use crate::core::phase::{Phase, PreFlightEvidence};
use crate::core::plan::Only;
use crate::core::question::{Question, Way};
use crate::engine::events::{Event, Level};
use crate::engine::planning::checks;
use crate::engine::planning::lfs_pointers;
use crate::engine::planning::possible;
use crate::engine::planning::request::Request;
use crate::engine::planning::writable;
use crate::engine::refusal::code_of;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::fs::visible;
use crate::host::install;
use crate::host::user::consent;
use crate::host::user::consent::Wish;

/// Runs the checks again, now that the lock is held: what was found before the approval may have changed.
///
/// # Errors
/// [`Stop::Failed`] naming every problem.
pub(crate) fn run(run: &mut Run) -> Result<PreFlightEvidence, Stop> {
    const PHASE: Phase = Phase::PreFlight;
    let request = request_of(run);
    let opened = run.source.take();
    let mut checked = checks::pre_flight(&request, &run.found, opened, true, &mut |task, outcome, detail, seconds| {
        run.say(Event::TaskStarted { phase: PHASE, task });
        run.say(Event::TaskFinished { phase: PHASE, task, outcome, detail: detail.to_owned(), seconds });
    });
    // Seen before the approval too, but a session says nothing of it.
    if let Some(source) = &checked.source {
        checked.problems.extend(lfs_pointers::problem(source, &lfs_pointers::found(source, &run.session.plan().files)));
    }
    run.source.clone_from(&checked.source);
    checked.problems.extend(writable::unwritable(&run.session.install, run.session.plan()));
    checked.problems.extend(possible::problems(&run.session.install, run.session.plan()));
    checked.problems.extend(possible::tried(run.lock.install(), run.session.plan(), &run.folder("names")));
    for note in &checked.notes {
        run.log(Level::Info, "checks", note);
        run.notes.push(note.clone());
    }
    for warning in &checked.evidence.warnings {
        run.warn("checks", warning.clone());
    }
    if checked.problems.is_empty() {
        ask_for_tests(run)?;
        return Ok(checked.evidence);
    }
    let what: Vec<String> = checked.problems.iter().map(|p| p.what.clone()).collect();
    for line in what.iter().flat_map(|w| w.lines()) {
        run.log(Level::Error, "checks", line);
    }
    let code = Some(code_of(&checked.problems));
    let next = checked.problems.into_iter().next().map(|p| p.next.into());
    Err(Stop::Failed { code, what: what.join("\n"), next })
}

/// Asks whether the project's own test command may run, as long as somebody is there and before anything takes its time.
/// Where nobody can be asked the tests are left out, and phase 4 says so.
fn ask_for_tests(run: &mut Run) -> Result<(), Stop> {
    let command = run.session.options().test_command.clone();
    let wish = Wish::TestCommand(command.clone());
    let project = run.session.project.clone();
    let only_content = run.session.plan().only == Some(Only::Content);
    if command.is_empty() || run.session.options().skip_tests || only_content || consent::allows(&project, &wish) {
        return Ok(());
    }
    let question = Question::new("test_command", "May the project's test command run?", Way::GoOn)
        .saying([
            format!("  {}", visible(&command.join(" "))),
            format!(
                "It stands in {}/upgrade.json, which everybody can change who can write the project.",
                install::name_of(&run.session.install)
            ),
            "If you allow it, it runs after the new server was tried, now and in later upgrades of this project, until \
             it changes."
                .to_owned(),
        ])
        .offering(Way::Allow, "Allow it", "exactly this command, for this project")
        .offering(Way::GoOn, "Leave it out", "the report says that the tests were not run");
    if run.ask(question)? == Way::Allow {
        consent::allow(&project, &wish);
    }
    Ok(())
}

/// The request that a session was made for.
pub(crate) fn request_of(run: &Run) -> Request {
    let session = &run.session;
    Request {
        project: session.project.clone(),
        source: session.source().to_owned(),
        to: Some(session.source_commit().to_owned()),
        only: session.plan().only,
        options: session.options().clone(),
    }
}

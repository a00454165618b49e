//! The end of an upgrade in words: what changed, how questions were answered, how long it took, the way back.

use crate::core::account::Account;
use crate::core::command_line::Next;
use crate::core::merge::Choice;
use crate::core::phase::{Fact, Phase, ServerEvidence};
use crate::core::plan::{Kind, Only};
use crate::core::release_history::short;
use crate::core::report_parts::Part;
use crate::core::session::{Decision, Rehearsal, Seconds, Session, Status};
use crate::core::visible::Shown as _;
use crate::engine::report::relaunch;
use crate::engine::report::shared_phrases::from_to;
use crate::engine::report::shared_phrases::undo_command;
use crate::host::install;
use crate::host::server;

/// So many paths of a kind are named.
const NAMED: usize = 20;

/// The report on a session as it stands, with the account of the user's files where there is one, and with where the time
/// went for who has counted it.
pub(crate) fn report(
    session: &Session,
    warnings: &[String],
    seconds: Option<Seconds>,
    account: Option<&Account>,
) -> Vec<Part> {
    let mut parts = vec![Part::Subject(format!("{}  {}", session.install.shown(), from_to(session)))];
    if session.status() == Status::RolledBack {
        let release = session.from_release().map_or("the release before", short);
        parts.push(Part::Line(format!("back at {release}")));
        parts.extend(account.map(Account::line).map(Part::Line));
        parts.extend(relaunch::parts(session));
        parts.extend(told(warnings));
        parts.extend(times(session));
        return parts;
    }
    if matches!(session.status(), Status::Failed | Status::Aborted) && !session.applied() {
        parts.push(Part::line("nothing in the install was changed"));
        parts.extend(told(warnings));
        return parts;
    }
    if session.uninstalling() {
        parts.extend(taken_out(session, account));
        if !warnings.is_empty() {
            parts.push(Part::heading("Worth a look"));
            parts.extend(told(warnings));
        }
        parts.extend(times(session));
        let way = [format!("undo: {}", undo_command(session)), for_good(session)];
        parts.push(Part::WayBack(backup_line(session).into_iter().chain(way).collect()));
        return parts;
    }
    parts.extend(changes(session));
    parts.extend(put_off(session));
    parts.extend(edits(session, account));
    parts.extend(server(session));
    parts.extend(relaunch::parts(session));
    parts.extend(editors(session));
    parts.extend(rules(session));
    if !warnings.is_empty() {
        parts.push(Part::heading("Worth a look"));
        parts.extend(told(warnings));
    }
    parts.extend(times(session));
    parts.extend(seconds.map(|seconds| Part::Line(seconds.line())));
    let undo = format!("undo: {}", undo_command(session));
    parts.push(Part::WayBack(backup_line(session).into_iter().chain([undo]).collect()));
    parts
}

/// What an uninstall took out, and what of the user's is still there.
fn taken_out(session: &Session, account: Option<&Account>) -> Vec<Part> {
    let plan = session.plan();
    let files = format!("files with a release's very bytes: {}", plan.summary.remove);
    let environment = session.venv_generation.as_ref().map(|_| "the environment is set aside in venvs/".to_owned());
    let server = session.server.as_ref().filter(|server| server.was_running).map(|_| "the server has ended".to_owned());
    let outside = session.taken_out.iter().map(|(path, file)| match file.after {
        Some(_) => format!("what spoke of the install in {}", path.under(&session.project).shown()),
        None => format!("{}, which held nothing else", path.under(&session.project).shown()),
    });
    let mut parts = under("Taken out", [files].into_iter().chain(environment).chain(server).chain(outside).collect());
    let mut stays: Vec<String> = account.map(Account::line).into_iter().collect();
    let edited: Vec<_> = plan.files.iter().filter(|file| file.kind == Kind::LocalOnly).collect();
    stays.extend(edited.iter().take(NAMED).map(|file| format!("edited by you: {}", file.path)));
    if edited.len() > NAMED {
        stays.push(format!("edited by you: {} more", edited.len() - NAMED));
    }
    parts.extend(under("Yours stays where it was", stays));
    parts
}

/// The one command that removes what an uninstall leaves.
fn for_good(session: &Session) -> String {
    format!(
        "for good, with what is yours in it and without a way back: rm -r {}",
        crate::core::os_text::quoted(&session.install)
    )
}

fn backup_line(session: &Session) -> Option<String> {
    let backup = session.backup.as_ref()?;
    Some(format!("backup: {}/.backups/{backup}/", install::name_of(&session.install)))
}

/// A report with what is worth knowing and needs nothing, before the way back.
pub(crate) fn with_notes(mut report: Vec<Part>, notes: &[String]) -> Vec<Part> {
    if let Some(at) = report.iter().position(|part| matches!(part, Part::WayBack(_))) {
        report.splice(at..at, notes.iter().map(|note| Part::Line(format!("to know: {note}"))));
    }
    report
}

/// What is said when a rollback could not be done: what the upgrade did does not matter then.
pub(crate) fn not_back(session: &Session, warnings: &[String]) -> Vec<Part> {
    let mut parts = vec![Part::Subject(session.install.shown().to_string())];
    parts.extend(backup_line(session).map(Part::Line));
    parts.extend(told(warnings));
    parts
}

fn told(warnings: &[String]) -> impl Iterator<Item = Part> {
    warnings.iter().cloned().map(Part::Warning)
}

fn changes(session: &Session) -> Vec<Part> {
    let plan = session.plan();
    let mut parts = vec![Part::heading("What changed")];
    let counted = [
        (Kind::Update, "updated"),
        (Kind::New, "new"),
        (Kind::Move, "moved"),
        (Kind::Remove, "removed"),
        (Kind::AutoMerge, "merged with your edits"),
    ];
    let parked = session.put_off() as u64;
    let settled = plan.summary.get(Kind::Conflict).saturating_sub(parked);
    let conflicts = [
        (settled, if settled == 1 { "conflict settled" } else { "conflicts settled" }),
        (parked, if parked == 1 { "conflict put off" } else { "conflicts put off" }),
    ];
    let counts = counted.iter().map(|(kind, word)| (plan.summary.get(*kind), *word)).chain(conflicts);
    let counts: Vec<String> = counts.filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    parts.push(if counts.is_empty() {
        Part::line("no file")
    } else {
        Part::Line(format!("files: {}", counts.join(", ")))
    });
    match plan.only {
        Some(Only::Content) => parts.push(Part::Line(format!(
            "only the content: {}/ and its dependencies are untouched",
            server::layout_of(&session.install).package
        ))),
        Some(Only::Server) => {
            parts.push(Part::line("only the server: standards, workflows and scripts are untouched"));
        }
        None => {}
    }
    parts
}

fn edits(session: &Session, account: Option<&Account>) -> Vec<Part> {
    let plan = session.plan();
    let mut lines: Vec<String> = account.map(Account::line).into_iter().collect();
    let merged: Vec<_> = plan.files.iter().filter(|f| f.kind == Kind::AutoMerge).collect();
    lines.extend(merged.iter().take(NAMED).map(|file| format!("merged by itself: {}", file.path)));
    if merged.len() > NAMED {
        lines.push(format!("merged by themselves: {} more", merged.len() - NAMED));
    }
    for (path, answer) in session.answers().iter().filter(|(_, answer)| **answer != Decision::Park) {
        let why = session.answered_by.get(path).map(|why| format!(" ({why})")).unwrap_or_default();
        lines.push(format!("conflict: {path}: {}{why}", answer_words(answer)));
    }
    let (alone, deleted) = (plan.summary.get(Kind::LocalOnly), plan.summary.get(Kind::StaysDeleted));
    let counted = |n: u64, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    if alone > 0 {
        lines.push(counted(alone, "edit of yours was left alone", "edits of yours were left alone"));
    }
    if deleted > 0 {
        lines.push(counted(deleted, "file that you deleted stays deleted", "files that you deleted stay deleted"));
    }
    under("Your edits", lines)
}

/// Lines under a heading; nothing where there are none.
fn under(heading: &str, lines: Vec<String>) -> Vec<Part> {
    let heading = Some(Part::heading(heading)).filter(|_| !lines.is_empty());
    heading.into_iter().chain(lines.into_iter().map(Part::Line)).collect()
}

/// What became of the server.
fn server(session: &Session) -> Vec<Part> {
    let Some(evidence) = session.evidence::<ServerEvidence>(Phase::Server) else { return Vec::new() };
    let ran = session.server.as_ref().is_some_and(|s| s.was_running);
    let line = match (ran, &evidence.server_restarted) {
        (true, Fact::Is(true)) => "it was restarted with the new code, and runs",
        (true, _) => "the running one was left alone, with the code that it was started with",
        (false, Fact::Is(true)) => "it was not running: started to prove that it works, and stopped again",
        (false, _) => return Vec::new(),
    };
    let tried = session.ready.as_ref().and_then(|ready| ready.rehearsal.as_ref()).map(|rehearsal| match rehearsal {
        Rehearsal::Passed => "the new release was tried here before anything changed, and works".to_owned(),
        Rehearsal::PassedInCopy(why) => {
            format!("the new release was tried in a copy of the install before anything changed, and works ({why})")
        }
        Rehearsal::NotTried(why) => format!("the new release was not tried before the switch: {why}"),
    });
    under("The server", tried.into_iter().chain([line.to_owned()]).collect())
}

/// What became of the editors' entries: each value that was changed, or that somebody has to change.
fn editors(session: &Session) -> Vec<Part> {
    let written = session.options().editor_config;
    let mut lines = Vec::new();
    for (path, saved) in &session.editors {
        lines.push(format!("{}:", path.under(&session.project).shown()));
        let word = if written { "is now" } else { "should be" };
        lines.extend(saved.edits.iter().map(|(at, (old, new))| format!("  {at}: {old} {word} {new}")));
    }
    let heading = match written {
        true => "The editors' entries for the server",
        false => "Change these by hand, or an editor will not start the new server as it should",
    };
    under(heading, lines)
}

/// What became of the files that tell assistants what to do.
fn rules(session: &Session) -> Vec<Part> {
    let heading = match session.options().rules {
        true => "Rules for assistants have the new release's text, but for those that the warnings name",
        false => {
            "These rules for assistants still have an older release's text: the next upgrade brings it with --rules yes"
        }
    };
    under(heading, session.rules_files.keys().map(|path| path.under(&session.project).shown().to_string()).collect())
}

/// What waits for a person.
fn put_off(session: &Session) -> Vec<Part> {
    let mut lines = Vec::new();
    let put_off: Vec<_> = session.answers().iter().filter(|(_, answer)| **answer == Decision::Park).collect();
    if !put_off.is_empty() {
        lines.extend(put_off.iter().map(|(path, answer)| format!("conflict: {path}: {}", answer_words(answer))));
        lines.push(format!("settle them: {}", Next::Resolve.of(&session.project)));
    }
    under("Put off for another day", lines)
}

/// How a conflict was settled, in a few words.
fn answer_words(answer: &Decision) -> String {
    match answer {
        Decision::Open => "not decided".to_owned(),
        Decision::Keep => "kept yours".to_owned(),
        Decision::Take => "took theirs".to_owned(),
        Decision::Edited(_) => "your own text".to_owned(),
        Decision::Park => "put off, yours stays for now".to_owned(),
        Decision::Merge(choices) => {
            let words = ["yours", "theirs", "both", "as before", "edited", "as offered"];
            let which = |choice: &Choice| match choice {
                Choice::Mine => 0,
                Choice::Theirs => 1,
                Choice::Both => 2,
                Choice::Base => 3,
                Choice::Edited(_) => 4,
                Choice::Combined(_) => 5,
            };
            let count = |i: usize| choices.iter().flatten().filter(|c| which(c) == i).count();
            let parts: Vec<String> =
                (0..words.len()).filter(|i| count(*i) > 0).map(|i| format!("{} {}", count(i), words[i])).collect();
            let hunks =
                if choices.len() == 1 { "1 hunk chosen".to_owned() } else { format!("{} hunks chosen", choices.len()) };
            if parts.is_empty() { "merged".to_owned() } else { format!("merged, {hunks}: {}", parts.join(", ")) }
        }
    }
}

fn times(session: &Session) -> Vec<Part> {
    let line = |number: &u8, seconds: f64| {
        let name = Phase::try_from(*number).map_or("", Phase::name);
        format!("phase {number} {name}: {seconds:.1} s")
    };
    under("Time", session.phase_artifacts.iter().map(|(number, record)| line(number, record.seconds)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_nothing_is_no_warning_and_stands_before_the_way_back() {
        let report = vec![Part::heading("Time"), Part::WayBack(vec!["undo: x".to_owned()])];
        let with = with_notes(report.clone(), &["a cache was left".to_owned()]);
        let lines: Vec<String> = with.iter().flat_map(Part::plain).collect();
        let at = |line: &str| lines.iter().position(|l| l == line).unwrap_or_else(|| panic!("{line}: {lines:?}"));
        assert_eq!(at("to know: a cache was left") + 1, lines.iter().position(|l| l.contains("way back")).unwrap());
        assert!(!with.iter().any(|part| matches!(part, Part::Warning(_))));
        // A report without a way back, as of what was not begun, is as it was.
        assert_eq!(with_notes(vec![Part::heading("Time")], &["a".to_owned()]).len(), 1);
    }

    #[test]
    fn each_answer_is_told_as_it_was_given() {
        let merged = Decision::Merge([Choice::Mine, Choice::Edited(b"x".to_vec()), Choice::Mine].map(Some).to_vec());
        assert_eq!(answer_words(&merged), "merged, 3 hunks chosen: 2 yours, 1 edited");
        assert_eq!(answer_words(&Decision::Merge(vec![Some(Choice::Both)])), "merged, 1 hunk chosen: 1 both");
        assert_eq!(answer_words(&Decision::Merge(vec![])), "merged");
        let all =
            [Decision::Keep, Decision::Take, Decision::Park, Decision::Edited(Vec::new())].map(|a| answer_words(&a));
        assert!(all.iter().enumerate().all(|(i, word)| !all[..i].contains(word)), "{all:?}");
    }
}

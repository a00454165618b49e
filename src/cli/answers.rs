//! `--answers FILE`: answers to conflicts from a file, for `upgrade` and `resume`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::refusal::Refusal;
use crate::core::bound_answers::{AnswersFile, Bound};
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Plan};
use crate::core::session::{Decision, Session};
use crate::core::visible::{self, Shown as _};
use crate::engine::conflicts::given_answers;
use crate::host::files::read;

/// How to get a file that can be used.
const NEXT: &str = "write it anew, with the ids that the conflicts have now: pos-upgrade-tui upgrade --json (exit code 3 lists \
                    them), and its form: pos-upgrade-tui schema answers";

/// Reads the file.
///
/// # Errors
/// [`Refusal`] naming what is wrong with it.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<RelPath, Bound>, Refusal> {
    let unusable = |problem: String| {
        let problem = visible::start_of(&problem, 300);
        Refusal::usage(Code::BadAnswers, format!("{}: no answers ({problem}); nothing was changed", path.shown()), NEXT)
    };
    let bytes = read::read_at_most(path, read::NOTE).map_err(|e| unusable(e.to_string()))?;
    Ok(AnswersFile::parse(&bytes).map_err(unusable)?.answers)
}

/// What the answers come to for the conflicts of a plan.
///
/// # Errors
/// [`Refusal`] naming each that does not count.
pub(crate) fn bound(
    install: &Path,
    plan: &Plan,
    given: &BTreeMap<RelPath, Bound>,
    texts: impl Fn(&FileEntry) -> Result<Sides, String>,
) -> Result<BTreeMap<RelPath, Decision>, Refusal> {
    given_answers::bound(install, plan, given, texts).map_err(|refused| {
        let list: String = refused.iter().map(|one| format!("\n  {one}")).collect();
        let word = if refused.len() == 1 { "answer" } else { "answers" };
        Refusal::refused(
            Code::BadAnswers,
            format!("{} {word} can't be used; nothing was changed:{list}", refused.len()),
            NEXT,
        )
    })
}

/// The same for a session that waits for answers.
///
/// # Errors
/// [`Refusal`], also where it waits for none.
pub(crate) fn for_session(session: &Session, path: &Path) -> Result<Vec<(RelPath, Decision)>, Refusal> {
    let given = read(path)?;
    if session.applied() || session.answers_done {
        let what = format!("the conflicts of session {} are settled already; nothing was changed", session.session_id);
        return Err(Refusal::refused(
            Code::BadAnswers,
            what,
            format!("without the answers: {}", Next::Resume.of(&session.project)),
        ));
    }
    let texts = given_answers::texts_of(session).map_err(|e| {
        Refusal::refused(Code::Files, format!("{e}; nothing was changed"), Next::Status.of(&session.project))
    })?;
    Ok(bound(&session.install, session.plan(), &given, texts)?.into_iter().collect())
}

//! Answers that a program gives: bound to the conflicts that they are for, or refused and named.

use std::collections::BTreeMap;
use std::path::Path;

use crate::core::bound_answers::Bound;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::core::plan::{FileEntry, Kind, Plan};
use crate::core::session::{Decision, Session};
use crate::engine::conflicts::{deferred, settle};
use crate::engine::planning::make_plan;
use crate::engine::planning::source::Source;
use crate::engine::session::stop::Stop;

/// What the report says of such an answer.
pub(crate) const WHY: &str = "the answers that were given with the command";

/// The decisions that the answers come to. Each is carried out in thought, as those of the wizard are: what would leave
/// markers or would not parse is refused with its place. `texts` reads a conflict's. Blocking.
///
/// # Errors
/// A sentence for each that does not count, with its path.
pub(crate) fn bound(
    install: &Path,
    plan: &Plan,
    given: &BTreeMap<RelPath, Bound>,
    texts: impl Fn(&FileEntry) -> Result<Sides, String>,
) -> Result<BTreeMap<RelPath, Decision>, Vec<String>> {
    let conflicts: BTreeMap<&RelPath, &FileEntry> =
        plan.files.iter().filter(|f| f.kind == Kind::Conflict).map(|f| (&f.path, f)).collect();
    let (mut decided, mut refused) = (BTreeMap::new(), Vec::new());
    for (path, answer) in given {
        let decision = || {
            let entry = *conflicts.get(path).ok_or_else(|| format!("{path}: not a conflict of this upgrade"))?;
            let sides = texts(entry)?;
            let decision = answer.decision(entry, &sides).map_err(|problem| format!("{path}: {problem}"))?;
            settle::check(install, entry, &sides, &decision).map(|()| decision)
        };
        match decision() {
            Ok(decision) => drop(decided.insert(path.clone(), decision)),
            Err(problem) => refused.push(problem),
        }
    }
    if refused.is_empty() { Ok(decided) } else { Err(refused) }
}

/// Reads the texts of a session's conflicts, before anything of it is applied. Blocking.
///
/// # Errors
/// A sentence naming the source that can't be read.
pub(crate) fn texts_of(session: &Session) -> Result<impl Fn(&FileEntry) -> Result<Sides, String>, String> {
    let source = match session.resolving() {
        // What was put off is kept in the install, and needs no source.
        true => None,
        false => Some(Source::open(session.source(), Some(session.source_commit())).map_err(|e| e.to_string())?),
    };
    let install = session.install.clone();
    Ok(move |entry: &FileEntry| match &source {
        Some(source) => make_plan::sides(source, &install, entry).map_err(|e| e.to_string()),
        None => deferred::sides(&install, entry).map_err(|stop| match stop {
            Stop::Failed { what, .. } => what,
            _ => format!("{}: its texts can't be read", entry.path),
        }),
    })
}

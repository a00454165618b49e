//! The texts that an upgrade leaves for people: version file, update log, summaries, and lines in `.gitignore`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::core::account::Account;
use crate::core::document::{self, appended, appended_plain};
use crate::core::layout::layouts;
use crate::core::path::RelPath;
use crate::core::phase::DryRunPreview;
use crate::core::plan::Kind;
use crate::core::release_history::short;
use crate::core::renamed;
use crate::core::report_parts::{Part, Told};
use crate::core::session::{Decision, Seconds, Session};
use crate::core::update_log::Ending;
use crate::core::visible::{self, Shown as _, cell};
use crate::engine::report::final_report::report;
use crate::engine::report::shared_phrases::from_to;
use crate::engine::session::context::{Run, now};
use crate::engine::session::stop::Stop;
use crate::host::files::folder::Folder;
use crate::host::files::fs;
use crate::host::files::read;
use crate::host::git;
use crate::host::install::locked::LockedInstall;

/// What every install of ours needs ignored, besides the release's own list. `venv` without a slash: it may be a link.
const OURS: [&str; 5] = [".upgrade/", ".backups/", ".upgrade-lock", "venvs/", "venv"];
const LIST: &str = "standards/universal/installation/gitignore-requirements.md";

/// `VERSION.txt` with the new release behind what it said.
pub(crate) fn version_text(session: &Session, old: &[u8]) -> Vec<u8> {
    let text = format!(
        "version={}\nversion_updated={}\ncommit={}\n",
        visible::line(session.source_version()),
        visible::line(&session.created_at),
        visible::line(session.source_commit())
    );
    appended(old, &text)
}

/// `UPDATE_LOG.txt` with an entry for this upgrade behind what it said.
pub(crate) fn update_log(session: &Session, preview: &DryRunPreview, old: &[u8]) -> Vec<u8> {
    let text = format!(
        "{} | {} | upgraded to {} ({})\n  - {} new, {} updated, {} conflicts settled\n  - session {}\n",
        day(session),
        visible::line(short(session.source_commit())),
        visible::line(session.source_version()),
        visible::line(&from_to(session)),
        preview.new_files,
        preview.updated_files,
        session.answers().len() - session.put_off(),
        session.session_id,
    );
    appended(old, &text)
}

/// The day that a session began on, `YYYY-MM-DD`.
fn day(session: &Session) -> String {
    visible::start_of(session.created_at.get(..10).unwrap_or(&session.created_at), 10)
}

/// `UPDATE_LOG.txt` with an entry for conflicts that were settled later.
pub(crate) fn resolve_log(session: &Session, old: &[u8]) -> Vec<u8> {
    let (put_off, settled): (Vec<_>, Vec<_>) = session.answers().values().partition(|a| **a == Decision::Park);
    let text = format!(
        "{} | {} | conflicts put off before: {} settled, {} still wait\n  - session {}\n",
        day(session),
        visible::line(short(session.source_commit())),
        settled.len(),
        put_off.len(),
        session.session_id,
    );
    appended(old, &text)
}

/// `UPDATE_LOG.txt` with an entry for an uninstall.
pub(crate) fn uninstall_log(session: &Session, old: &[u8]) -> Vec<u8> {
    let text = format!(
        "{} | {} | uninstalled: {} files taken out\n  - session {}\n",
        day(session),
        visible::line(short(session.source_commit())),
        session.plan().summary.remove,
        session.session_id,
    );
    appended(old, &text)
}

/// One line more in `UPDATE_LOG.txt`, written at once.
///
/// # Errors
/// [`Stop::Failed`].
pub(crate) fn log_line(_: &LockedInstall, session: &Session, text: &str) -> Result<(), Stop> {
    let path = session.install.join("UPDATE_LOG.txt");
    if is_something_else(&path) {
        // The user's; it is one line of history that is not told.
        return Ok(());
    }
    let old = read::read_if_there(&path)?.unwrap_or_default();
    let said = format!("{} | {} | {text}", &now()[..10], short(session.source_commit()));
    let line = visible::line(&said) + "\n";
    if document::ends_with(&old, &line) {
        return Ok(());
    }
    Ok(fs::write_durable(&path, &appended(&old, &line), mode_of(&path))?)
}

/// Whether all that stands here are lines that rollbacks of later sessions appended to `UPDATE_LOG.txt`.
pub(crate) fn is_of_rollbacks(text: &str) -> bool {
    text.lines().all(|line| matches!(Ending::of_line(line), Some(Ending::RolledBack { .. })))
}

/// Whether something other than a file stands there: a folder, a link, which writing would replace.
pub(crate) fn is_something_else(path: &std::path::Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file())
}

/// Permission bits of a file, or those that a new one gets.
pub(crate) fn mode_of(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).map_or(crate::host::process::proc::new_file_mode(), |m| m.permissions().mode() & 0o7777)
}

/// Adds the lines that an install needs to the project's `.gitignore`, those that are missing. Returns how many.
///
/// # Errors
/// [`Stop::Failed`].
pub(crate) fn add_gitignore_lines(run: &mut Run) -> Result<usize, Stop> {
    let path = run.session.project.join(".gitignore");
    if is_something_else(&path) {
        run.warn("gitignore", format!("{}: no file any more, so no lines were added", path.shown()));
        return Ok(0);
    }
    let old = read::read_if_there(&path)?;
    if old.is_none() && git::work_tree_of(&run.session.project).is_none() {
        return Ok(0);
    }
    let is_new = old.is_none();
    let old = old.unwrap_or_default();
    let list = read::read_if_there(&run.session.install.join(LIST))?.unwrap_or_default();
    let moved = run.session.folder_before.as_ref();
    let mut missing = missing_lines(&old, &list);
    missing.extend(moved.map(|before| moved_lines(&old, before, &missing)).unwrap_or_default());
    if missing.is_empty() {
        return Ok(0);
    }
    // Saved first, so that a rollback knows which lines are ours even after a crash right here.
    run.session.gitignore_added.extend(missing.iter().cloned());
    run.save()?;
    let text = missing.iter().fold(String::new(), |all, line| all + line + "\n");
    let bytes = appended_plain(&old, &text);
    if is_new {
        if !fs::create_durable(&path, &bytes, mode_of(&path))? {
            // Somebody made one since it was looked for; it is never new again.
            return add_gitignore_lines(run);
        }
    } else {
        fs::write_durable(&path, &bytes, mode_of(&path))?;
    }
    Ok(missing.len())
}

/// The lines that a `.gitignore` lacks, given a release's own list.
fn missing_lines(gitignore: &[u8], list: &[u8]) -> Vec<String> {
    // As git reads it: byte by byte, behind the mark that some editors put first.
    let bare = gitignore.strip_prefix(b"\xef\xbb\xbf").unwrap_or(gitignore);
    let have: Vec<&[u8]> = bare.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).collect();
    let ours = OURS.iter().map(|l| format!("{}/{l}", layouts().newest().folder));
    let mut missing: Vec<String> = Vec::new();
    for line in required_lines(&String::from_utf8_lossy(list)).into_iter().chain(ours) {
        if !have.contains(&line.as_bytes()) && !missing.contains(&line) {
            missing.push(line);
        }
    }
    missing
}

/// The lines of a `.gitignore` that this program, or people by a release's list, put there for an install: those that upgrades
/// added, and those of the list that speak of an install's folder.
pub(crate) fn lines_of_install(install: &std::path::Path, sessions: &[Session]) -> BTreeSet<String> {
    let folders: Vec<String> = layouts().folders().iter().map(|folder| format!("{folder}/")).collect();
    let speaks = |line: &String| {
        let bare = line.trim_start_matches('!').trim_start_matches('/');
        folders.iter().any(|folder| bare.starts_with(folder.as_str()))
    };
    let list = read::read_if_there(&install.join(LIST)).ok().flatten().unwrap_or_default();
    // What earlier releases asked for, whose lists are gone: each names what can be made again, with or without a slash.
    let again = layouts().ephemeral_tops().iter().flat_map(|top| [top.to_string(), format!("{top}/")]);
    let again: Vec<String> = again.chain(OURS.map(str::to_owned)).collect();
    let ours = folders.iter().flat_map(|folder| again.iter().map(move |line| format!("{folder}{line}")));
    let listed = required_lines(&String::from_utf8_lossy(&list)).into_iter().filter(speaks);
    let added = sessions.iter().filter(|session| !session.is_back()).flat_map(|s| s.gitignore_added.iter().cloned());
    ours.chain(listed).chain(added).collect()
}

/// The lines of a `.gitignore` that name the folder which an install had, with the name that it has now; without those
/// that are there or come anyway.
fn moved_lines(gitignore: &[u8], before: &RelPath, coming: &[String]) -> Vec<String> {
    let lines: Vec<&[u8]> = gitignore.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).collect();
    let target = &layouts().newest().folder;
    let naming = lines.iter().filter(|line| !line.starts_with(b"#") && renamed::names(line, before.as_bytes()));
    let now = naming.map(|line| renamed::renamed(line, before.as_bytes(), target.as_bytes()));
    // What is not UTF-8 can't be noted as ours, and is left to the person.
    let texts = now.filter_map(|line| String::from_utf8(line).ok());
    texts.fold(Vec::new(), |mut all, line| {
        if !lines.contains(&line.as_bytes()) && !coming.contains(&line) && !all.contains(&line) {
            all.push(line);
        }
        all
    })
}

/// Whether an upgrade to a release with this list will write the project's `.gitignore`.
pub(crate) fn writes_gitignore(project: &std::path::Path, install: &std::path::Path, shipped: Option<&[u8]>) -> bool {
    let old = read::read_if_there(&project.join(".gitignore")).ok().flatten();
    if old.is_none() && !git::seems_in_work_tree(project) {
        return false;
    }
    let old = old.unwrap_or_default();
    // One that is edited stays, so both may be the one that counts.
    let installed = read::read_if_there(&install.join(LIST)).ok().flatten().unwrap_or_default();
    [&installed[..], shipped.unwrap_or_default()].iter().any(|list| !missing_lines(&old, list).is_empty())
}

/// Whether a source's path is that of a release's list for `.gitignore`.
pub(crate) fn is_list(source: &crate::core::path::RelPath) -> bool {
    source.to_str().is_some_and(|path| path.ends_with("standards/installation/gitignore-requirements.md"))
}

/// The lines of the first `gitignore` block of a document, without their trailing comments, which git would take for
/// part of the pattern.
fn required_lines(document: &str) -> Vec<String> {
    let inside = document.lines().skip_while(|l| l.trim() != "```gitignore").skip(1);
    let lines = inside.take_while(|l| !l.trim().starts_with("```"));
    let bare = |line: &str| {
        let line = line.trim();
        let cut = line.find(" #").map_or(line, |at| &line[..at]);
        cut.trim_end().to_owned()
    };
    // What can't be seen in a list of names is none that should be ignored.
    lines.map(bare).filter(|l| !l.is_empty() && !l.starts_with('#') && !visible::has_unsafe(l)).collect()
}

/// `.cache/upgrade-summary-<date>.md`.
pub(crate) fn summary(session: &Session, warnings: &[String], seconds: Seconds, account: Option<&Account>) -> String {
    let mut text = format!("# Upgrade {}\n\n", visible::line(&from_to(session)));
    let _ = writeln!(text, "- session: {}\n- source: {}", session.session_id, session.source().shown());
    let commit = format!("- commit: {} ({})", session.source_commit(), session.source_version());
    let _ = writeln!(text, "{}\n", visible::line(&commit));
    for told in report(session, warnings, Some(seconds), account).iter().flat_map(Part::told) {
        let _ = match told {
            Told::Heading(heading) => writeln!(text, "\n## {}\n", visible::line(&heading)),
            Told::Line(line) => writeln!(text, "- {}", visible::line(&line)),
        };
    }
    text.push_str("\n## Files\n\n| what | path | why |\n|---|---|---|\n");
    for file in session.plan().files.iter().filter(|f| f.kind != Kind::Unchanged) {
        let _ = writeln!(text, "| {} | {} | {} |", file.kind.word(), cell(&file.path.to_string()), cell(&file.reason));
    }
    text
}

/// A section for `INSTALLATION_SUMMARY.md`.
pub(crate) fn installation_section(session: &Session) -> String {
    let line = visible::line;
    format!(
        "\n## {} {}\n\n- release: {} ({})\n- was: {}\n- session: {}\n- backup: {}\n",
        if session.resolving() { "Settled what was put off," } else { "Upgraded" },
        line(&session.created_at),
        line(session.source_commit()),
        line(session.source_version()),
        line(session.from_release().unwrap_or("unknown")),
        session.session_id,
        line(session.backup.as_deref().unwrap_or("none")),
    )
}

/// A document with text appended, and its new bytes' sha256 noted for the rollback.
///
/// # Errors
/// [`Stop::Failed`].
pub(crate) fn append_document(run: &mut Run, name: &str, text: &str) -> Result<(), Stop> {
    let path = run.session.install.join(name);
    if is_something_else(&path) {
        let root = Folder::open(&run.session.install)?;
        let rel = crate::core::path::RelPath::new(name).map_err(Stop::failed)?;
        if let Some(to) = crate::host::files::aside::set_aside(run.lock.install(), &root, &rel, &run.rescue_folder()?)?
        {
            run.warn("rescued", format!("{name}: no file any more; what stood there is now in {to}"));
        }
    }
    let old = read::read_if_there(&path)?.unwrap_or_default();
    let bytes = if document::holds(&old, text) { old } else { appended(&old, text) };
    let rel = crate::core::path::RelPath::new(name).map_err(Stop::failed)?;
    run.session.documents.insert(rel, crate::core::blob::sha256(&bytes));
    run.save()?;
    Ok(fs::write_durable(&path, &bytes, mode_of(&path))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gitignore_lines_lose_their_comments() {
        let document = "text\n```gitignore\n# head\n.praxis-os/.cache/   # the index, 1 GB\n.praxis-os/venv/\n\n```\nmore\n```gitignore\nno\n```\n";
        assert_eq!(required_lines(document), [".praxis-os/.cache/", ".praxis-os/venv/"]);
        assert!(required_lines("nothing").is_empty());
    }
}

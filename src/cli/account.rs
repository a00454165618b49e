//! `account`: where everything of the user's is since an upgrade or a rollback.

use std::io;

use serde_json::json;

use crate::cli::args::Common;
use crate::cli::diff;
use crate::cli::diff::{Ink, Paper};
use crate::cli::output;
use crate::cli::refusal::Refusal;
use crate::cli::request;
use crate::cli::session;
use crate::core::account::{Account, Fate, Item, Settled};
use crate::core::command_line::Next;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use crate::core::os_text::about;
use crate::core::release_history::short;
use crate::core::session::{Session, Status, moment};
use crate::core::visible::{self, Shown as _};
use crate::engine::account::take::{self, AccountError, When};
use crate::host::install;

/// So many files of a kind, and so many lines of one, are named; the JSON has all.
const NAMED: usize = 20;

/// How wide a line of ours is at most; paths may be longer.
const WIDTH: usize = 80;

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`] where it can't be told.
pub(crate) fn run(common: &Common, named: Option<&str>) -> Result<Exit, Refusal> {
    let project = request::project(common)?;
    let found = session::all(&project)?;
    let is_it = |s: &&Session| match named {
        Some(name) => s.session_id == name || s.backup.as_deref() == Some(name),
        None => s.applied(),
    };
    let Some(chosen) = found.sessions.iter().rev().find(is_it) else {
        return match named {
            Some(name) => Err(Refusal::usage(
                Code::NoSuchSession,
                format!("there is no session {}; nothing was changed", visible::line(name)),
                "see which there are: pos-upgrade-tui history",
            )),
            None => {
                let message = format!("no upgrade has changed {}", install::folder_of(&project).shown());
                Ok(output::nothing_to_do(&message, common.json))
            }
        };
    };
    if !chosen.applied() {
        let message = format!("session {} has changed nothing: all is as it was", chosen.session_id);
        return Ok(output::nothing_to_do(&message, common.json));
    }
    if chosen.is_unfinished() || chosen.rolling_back() {
        let what = format!("session {} has not ended, so the account is not closed", chosen.session_id);
        let next = format!("{}, or {}", Next::Resume.of(&project), Next::Rollback.of(&project));
        return Err(Refusal::refused(Code::NothingToGoOnWith, format!("{what}; nothing was changed"), next));
    }
    let account = take::of(chosen, When::Ended).map_err(|e| {
        let next = match e {
            AccountError::Fs(_) => "mend that, then try again: pos-upgrade-tui account",
            _ => "see which backups there are: pos-upgrade-tui backups",
        };
        Refusal::refused(Code::BadBackup, format!("{e}; nothing was changed"), next)
    })?;
    let later = found.later(&chosen.session_id);
    diff::to_stdout(|paper| match common.json {
        true => paper.json(&as_json(chosen, later, &account)),
        false => print(paper, chosen, later, &account),
    })?;
    Ok(if account.count(Fate::Lost) > 0 { Exit::Incomplete } else { Exit::Done })
}

/// ```json
/// {"schema":1,"install":"/p/.praxis-os","session_id":"…","status":"completed","backup":"2026-11-22-103045","later":null,
///  "counts":{"unchanged":1,"merged":1},"line":"yours: …",
///  "files":[{"path":"standards/a.md","fate":"merged","now":"standards/a.md","in_backup":true,
///            "lines":{"yours":2,"found":2,"given_up":0,"missing":[]}}]}
/// ```
fn as_json(session: &Session, later: Option<&Session>, account: &Account) -> serde_json::Value {
    let counts: serde_json::Map<_, _> =
        Fate::ALL.into_iter().map(|fate| (fate.word().to_owned(), account.count(fate).into())).collect();
    let more = json!({"session_id": session.session_id, "status": session.status(), "backup": session.backup,
        "later": later.map(|s| &s.session_id), "counts": counts, "line": account.line(), "files": account.items});
    about(&session.install, more)
}

fn print(paper: &mut Paper<'_>, session: &Session, later: Option<&Session>, account: &Account) -> io::Result<()> {
    let mut plain = |text: &str| paper.line(Ink::Plain, text);
    plain(&diff::shown(session.install.shown().to_string().as_bytes()))?;
    let when = moment(&session.created_at, Some(jiff::Timestamp::now()));
    let done = match session.status() {
        Status::RolledBack => "rolled back",
        status => status.words(),
    };
    plain(&format!("  upgrade to {}, {done} ({when})", visible::line(short(session.source_commit()))))?;
    plain(&format!("  session {}", session.session_id))?;
    if let Some(later) = later {
        plain("  what later upgrades did counts as changed since; the next one was")?;
        plain(&format!("  session {}", later.session_id))?;
    }
    for line in folded(&account.line()) {
        plain(&format!("  {line}"))?;
    }
    for fate in Fate::ALL {
        let items: Vec<&Item> = account.of(fate).collect();
        if items.is_empty() {
            continue;
        }
        paper.line(Ink::Plain, "")?;
        paper.line(Ink::Bold, &format!("{} {}", fate.label(), items.len()))?;
        for item in items.iter().take(NAMED) {
            one(paper, session, item)?;
        }
        if items.len() > NAMED {
            let more = format!("  and {} more; all of them: pos-upgrade-tui account --json", items.len() - NAMED);
            paper.line(Ink::Plain, &more)?;
        }
    }
    Ok(())
}

/// One file: its path, and below it what there is to say.
fn one(paper: &mut Paper<'_>, session: &Session, item: &Item) -> io::Result<()> {
    let mut plain = |text: &str| paper.line(Ink::Plain, text);
    plain(&format!("  {}", diff::path(&item.path)))?;
    if let Some(answer) = item.answer {
        plain(&format!("      {}", answer.label()))?;
    }
    if let Some(now) = item.now.as_ref().filter(|now| **now != item.path) {
        plain(&format!("      now {}", diff::path(now)))?;
    }
    if let Some(lines) = &item.lines {
        let given =
            if lines.given_up > 0 { format!(", {} given up by your answer", lines.given_up) } else { String::new() };
        let found = match lines.missing.len() {
            0 if lines.given_up == 0 => "all found".to_owned(),
            0 => format!("{} found", lines.found),
            n => format!("{} found, {n} missing", lines.found),
        };
        let word = if lines.yours == 1 { "line" } else { "lines" };
        match lines.yours {
            0 => plain("      you only took lines out of it")?,
            n => plain(&format!("      {n} {word} of yours, {found}{given}"))?,
        }
        for line in lines.missing.iter().take(NAMED) {
            plain(&format!("      missing: {}", visible::start_of(line, WIDTH - 20)))?;
        }
    }
    if let Some(note) = &item.note {
        plain(&format!("      {}", diff::shown(note.as_bytes())))?;
    }
    let only_there = item.in_backup && (item.now.is_none() || matches!(item.fate, Fate::Lost | Fate::ChangedSince));
    if let Some(backup) = session.backup.as_ref().filter(|_| only_there || item.answer == Some(Settled::Edited)) {
        let name = install::name_of(&session.install);
        plain(&format!("      as it was: {name}/.backups/{backup}/files/{}", diff::path(&item.path)))?;
    }
    Ok(())
}

/// A sentence in lines that are not too wide, broken behind commas.
fn folded(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for part in text.split_inclusive(", ") {
        if let Some(last) = lines.last_mut()
            && (last.is_empty() || last.len() + part.trim_end().len() <= WIDTH - 2)
        {
            last.push_str(part);
            continue;
        }
        lines.push(format!("  {part}"));
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_sentence_is_broken_behind_commas() {
        let text = ["yours: 411 files unchanged", "3 merged with 27 lines of yours all found", "2 answered", "0 lost"];
        let lines = folded(&text.join(", "));
        assert!(lines.len() == 2 && lines.iter().all(|line| line.len() <= WIDTH - 2), "{lines:?}");
        assert_eq!(lines.join("").replace(",  ", ", "), text.join(", "));
    }
}

//! What the conflict screen asks, or says of what has been decided.

use super::merge;
use crate::core::layout::layouts;
use crate::core::merge::RegionKind;
use crate::engine::events::ConflictFile;
use crate::tui::conflict::{Decision, Shape};
use crate::tui::model::{Conflicts, Model};
use crate::tui::text;
use crate::tui::theme::Role;

/// What has been decided, or what there is to decide.
pub(crate) fn question(model: &Model) -> (String, Role) {
    let c = &model.conflicts;
    let Some(file) = c.settling.current() else { return (String::new(), Role::Text) };
    if c.settling.open_files() == 0 && !loses(c) {
        return (all_settled(model), Role::Good);
    }
    let (deleted, removed) = sides_missing(c.file());
    let narrow = model.width < 70;
    let config = c.file().is_some_and(|f| layouts().is_config(&f.path));
    let four = if c.offer(c.settling.hunk()).is_some() { " 4" } else { "" };
    let base = if c.file().is_some_and(|f| f.base.is_some()) { " 0" } else { "" };
    if let Some(problem) = &file.problem {
        return (problem.clone(), Role::Bad);
    }
    let words = match &file.decision {
        Decision::Open if deleted => "Stay deleted (k), or take the source's version (t)?".to_owned(),
        Decision::Open if removed => "Keep yours (k), or remove it as the source did (t)?".to_owned(),
        Decision::Open => match file.shape {
            Shape::Text(n) if n > 0 && narrow => format!("k mine, t theirs, or by hunk 1 2 3{four}{base}?"),
            Shape::Text(n) if n > 0 => {
                format!("Keep mine (k), take theirs (t), or settle hunk by hunk (1 2 3{four}{base})?")
            }
            Shape::Text(_) if config => "Keep mine (k), or merge the template's news in (m)?".to_owned(),
            Shape::Text(_) => "Keep mine (k), take theirs (t), or merge both (m)?".to_owned(),
            _ => "Keep mine (k), or take theirs (t)?".to_owned(),
        },
        Decision::Keep if deleted => "It stays deleted. Enter accepts.".to_owned(),
        Decision::Keep => kept(model),
        Decision::Take if removed => "It is removed; the backup keeps it. Enter accepts.".to_owned(),
        Decision::Take => taken(model),
        Decision::Park => "Put off: mine stays, `resolve` asks again later. Enter accepts.".to_owned(),
        Decision::Edited(_) => "Your own text is written. Enter accepts, d shows it.".to_owned(),
        Decision::Merge(_) if file.is_settled() => "Every hunk is settled. Enter accepts.".to_owned(),
        Decision::Merge(_) => {
            let hunk = c.settling.hunk() + 1;
            let offer = c.offer(hunk - 1).map(|offer| offer.kind.label());
            match file.choice(c.settling.hunk()) {
                Some(choice) => {
                    let four = if offer.is_some() { " 4" } else { "" };
                    let (chosen, keys) = (merge::chosen(c, hunk - 1, &choice), format!("1 2 3{four}{base} e"));
                    let all = [
                        format!("Hunk {hunk} is settled: {chosen}. {keys} change it, n goes to an open one."),
                        format!("Hunk {hunk}: {chosen}. {keys} change it."),
                    ];
                    fitting(model, all)
                }
                None => {
                    let base = if base.is_empty() { "" } else { ", 0 base" };
                    let short = base.replace(',', "");
                    let four = offer.map(|word| format!(", 4 {word}")).unwrap_or_default();
                    let only = if offer.is_some() { " 4" } else { "" };
                    let all = [
                        format!("Hunk {hunk}: 1 mine, 2 theirs, 3 both{four}{base}, e edit?"),
                        format!("Hunk {hunk}: 1 mine 2 theirs 3 both{}{short}?", four.replace(',', "")),
                        format!("{hunk}: 1 mine 2 theirs 3 both{only}{short}?"),
                    ];
                    fitting(model, all)
                }
            }
        }
    };
    (words, if file.is_settled() { Role::Good } else { Role::Accent })
}

/// That nothing is open, and how much of it is only put off.
fn all_settled(model: &Model) -> String {
    let files = model.conflicts.settling.files();
    let put_off = files.iter().filter(|f| f.decision == Decision::Park).count();
    let (long, short) = match (files.len(), put_off) {
        (1, 0) => ("The conflict is settled.".to_owned(), "It is settled.".to_owned()),
        (1, _) => ("The conflict is put off (yours stays).".to_owned(), "It is put off.".to_owned()),
        (n, 0) => (format!("All {n} are settled."), format!("All {n} settled.")),
        (n, p) if n == p => (format!("All {n} are put off (yours stays)."), format!("All {n} put off.")),
        (n, p) => (
            format!("All {n} are settled, {p} of them put off (yours stays)."),
            format!("All {n} settled, {p} put off."),
        ),
    };
    let middle = long.replace(" of them", "");
    let all = [
        format!("{long} F finishes and applies, u undoes."),
        format!("{middle} F finishes and applies, u undoes."),
        format!("{middle} F finishes, u undoes."),
        format!("{short} F finishes."),
    ];
    fitting(model, all)
}

/// The first of these that fits into the status line, the last if none does.
fn fitting(model: &Model, all: impl IntoIterator<Item = String>) -> String {
    let room = usize::from(model.width.saturating_sub(2));
    let mut last = String::new();
    for words in all {
        if text::width(&words) <= room {
            return words;
        }
        last = words;
    }
    last
}

/// Changes that only one side made, beyond the hunks that are asked about.
fn others(c: &Conflicts, kind: RegionKind) -> usize {
    let merge = c.text().and_then(|t| t.merge.as_ref());
    merge.map_or(0, |m| m.regions().iter().filter(|r| r.kind == kind).count())
}

/// `2 other changes`, where there are hunks that overlap besides.
fn other_changes(c: &Conflicts, n: usize) -> String {
    let hunks = c.text().and_then(|t| t.merge.as_ref()).is_some_and(|m| m.conflicts() > 0);
    let (one, many) = if hunks { ("other change", "other changes") } else { ("change", "changes") };
    text::count(n as u64, one, many)
}

/// The key that goes on from a settled file.
fn onwards(c: &Conflicts) -> &'static str {
    if c.settling.open_files() == 0 { "F finishes" } else { "Enter accepts" }
}

/// That mine is kept whole, and what of theirs this leaves out.
fn kept(model: &Model) -> String {
    let c = &model.conflicts;
    let n = others(c, RegionKind::Theirs);
    if n == 0 {
        return "Mine is kept whole. Enter accepts.".to_owned();
    }
    let (changes, are, on) = (other_changes(c, n), if n == 1 { "is" } else { "are" }, onwards(c));
    let all = [
        format!("Mine is kept whole; {changes} of theirs {are} left out. {on}, m merges instead."),
        format!("Mine is kept; {changes} of theirs {are} left out. {on}, m merges."),
        format!("Mine is kept; {changes} of theirs {are} left out. m merges."),
        format!("Mine; {} of theirs left out.", text::count(n as u64, "change", "changes")),
    ];
    fitting(model, all)
}

/// That theirs is taken whole, and what of mine this gives up.
fn taken(model: &Model) -> String {
    let c = &model.conflicts;
    let n = others(c, RegionKind::Mine);
    if n == 0 {
        return "Theirs is taken whole. Enter accepts.".to_owned();
    }
    let (changes, go, on) = (other_changes(c, n), if n == 1 { "goes" } else { "go" }, onwards(c));
    let all = [
        format!("Theirs is taken whole; {changes} of yours {go}. {on}, m merges instead."),
        format!("Theirs is taken whole; {changes} of yours {go}. {on}, m merges."),
        format!("Theirs is taken; {changes} of yours {go}. {on}, m merges."),
        format!("Theirs; {} of yours {go}.", text::count(n as u64, "change", "changes")),
    ];
    fitting(model, all)
}

/// Whether the current file is kept or taken whole and something is lost by that, which is said until it is accepted.
fn loses(c: &Conflicts) -> bool {
    let lost = match c.settling.current() {
        Some(file) if file.accepted => return false,
        Some(file) => match file.decision {
            Decision::Keep => RegionKind::Theirs,
            Decision::Take => RegionKind::Mine,
            _ => return false,
        },
        None => return false,
    };
    others(c, lost) > 0
}

fn sides_missing(file: Option<&ConflictFile>) -> (bool, bool) {
    file.map_or((false, false), |f| (f.mine.is_none(), f.theirs.is_none()))
}

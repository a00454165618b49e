//! What both sides did to a file, said before anything is asked.

use crate::core::layout::layouts;
use crate::core::line_ends::LineEnds;
use crate::tui::conflict::Shape;
use crate::tui::diff;
use crate::tui::model::Model;
use crate::tui::text;

/// What both sides did, plainly.
pub(super) fn facts(model: &Model) -> String {
    let c = &model.conflicts;
    let (Some(file), Some(texts)) = (c.file(), c.text()) else { return String::new() };
    // Of one that was put off it is not said which release it came from.
    let since = model
        .from
        .as_deref()
        .filter(|f| model.to.as_deref() != Some(*f))
        .map_or(String::new(), |f| format!(" since {}", text::short(f)));
    let moved = file.from.as_ref().map(|f| format!(" The source moved it here from {f}.")).unwrap_or_default();
    let size = |bytes: &Option<std::sync::Arc<[u8]>>| bytes.as_ref().map_or("none".to_owned(), |b| text::size(b.len()));
    if layouts().is_config(&file.path) {
        let mut reason = file.reason.chars();
        let first = reason.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
        return format!("{first}{}.", reason.as_str());
    }
    let words = match (&texts.merge, &file.mine, &file.theirs) {
        (_, None, Some(_)) => format!("You deleted this file; the source changed it{since}."),
        (_, Some(_), None) => format!("The source removed this file; you changed it{since}."),
        (Some(merge), ..) if file.base.is_none() => {
            let n = text::count(merge.conflicts() as u64, "difference", "differences");
            format!("No version that both started from is known: each of the {n} is asked.")
        }
        (Some(merge), ..) => {
            let places = |n: usize| text::count(n as u64, "place", "places");
            let overlaps = match merge.conflicts() {
                0 => "none overlap".to_owned(),
                1 => "1 overlaps".to_owned(),
                n => format!("{n} overlap"),
            };
            let (mine, theirs) = (merge.changed_by_mine(), merge.changed_by_theirs());
            if model.width < 60 {
                return format!("You changed {mine}, source {theirs}; {overlaps}.{moved}");
            }
            format!("You changed {}{since}, the source changed {theirs}; {overlaps}.", places(mine))
        }
        _ if matches!(c.settling.current().map(|f| &f.shape), Some(Shape::Waiting)) => "Aligning the texts…".to_owned(),
        _ => format!("Not text: yours has {}, the source's {}.", size(&file.mine), size(&file.theirs)),
    };
    words + &moved + &ends(&texts.merge)
}

/// How all lines of the two sides end, where that differs: not a change of each of them.
fn ends(merge: &Option<std::sync::Arc<crate::core::merge::Merge>>) -> String {
    match merge.as_ref().map(|m| m.line_ends()) {
        Some((mine, theirs)) if mine != theirs && mine != LineEnds::None && theirs != LineEnds::None => {
            let (a, b) = (diff::word(mine), diff::word(theirs));
            format!(" Line ends differ: yours {a}, the source's {b}; a merge has yours.")
        }
        _ => String::new(),
    }
}

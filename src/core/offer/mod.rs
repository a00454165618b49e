//! What a conflicting hunk can become besides mine, theirs and both: an offer, that a person may take. It is never taken
//! by itself, and no policy takes it. Where it is not sure, there is none.

mod entries;
mod moved;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::keyed::Format;
use super::merge::{Choice, Combined, Merge, Region};
use super::outcome::{damage, is_keyed};
use super::path::RelPath;

/// A side of a hunk that is longer than this, in bytes, gets no offer.
const LONGEST: usize = 64 * 1024;

/// How an offer comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfferKind {
    /// Both changed different words of the same lines.
    Words,
    /// Both added entries at the same place of a list, a table, a map.
    Entries,
    /// One side moved the lines, the other one changed them.
    Moved,
}

impl OfferKind {
    /// What stands behind its key.
    pub fn label(self) -> &'static str {
        match self {
            Self::Words => "combined",
            Self::Entries => "both in order",
            Self::Moved => "moved and changed",
        }
    }
}

/// What a hunk can become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// How it comes about.
    pub kind: OfferKind,
    /// What is written.
    pub(crate) combined: Combined,
    /// Why it can be offered, as a short sentence without its stop.
    pub reason: String,
}

impl Offer {
    /// The choice that takes it.
    pub fn choice(&self) -> Choice {
        Choice::Combined(self.combined.clone())
    }

    /// What a person is shown of it: the lines that stand in the result, at their new place where they moved.
    pub fn shown(&self) -> &[u8] {
        self.elsewhere().unwrap_or(&self.combined.text)
    }

    /// The lines of another region that it changes, where they moved there.
    pub fn elsewhere(&self) -> Option<&[u8]> {
        self.combined.elsewhere.as_ref().map(|there| &there.text[..])
    }

    /// The hunk's own lines.
    pub fn text(&self) -> &[u8] {
        &self.combined.text
    }
}

/// At most one offer for each conflicting region of a merge, in their order: the surest. None for config that is merged
/// key by key, because its base is no text that anybody had.
pub fn offers(path: &RelPath, merge: &Merge) -> Vec<Option<Offer>> {
    if is_keyed(path) || merge.texts()[0].is_empty() {
        return vec![None; merge.conflicts()];
    }
    let mut all: Vec<Option<Offer>> =
        merge.overlaps().enumerate().map(|(hunk, region)| offer(path, merge, hunk, region)).collect();
    // Of two that change the same place none is sure.
    let places: Vec<Option<usize>> =
        all.iter().map(|o| Some(o.as_ref()?.combined.elsewhere.as_ref()?.region)).collect();
    for (offer, place) in all.iter_mut().zip(&places) {
        if place.is_some() && places.iter().filter(|other| *other == place).count() > 1 {
            *offer = None;
        }
    }
    all
}

fn offer(path: &RelPath, merge: &Merge, hunk: usize, region: &Region) -> Option<Offer> {
    let sides = merge.sides(region);
    let all = [sides.base, sides.mine, sides.theirs];
    if all.iter().any(|side| side.len() > LONGEST || std::str::from_utf8(side).is_err()) {
        return None;
    }
    let found = [
        words::combined(sides).map(|text| {
            let reason = match &text[..] {
                text if text == sides.mine => "your lines have all that they changed",
                text if text == sides.theirs => "their lines have all that you changed",
                _ => "you and they changed different words",
            };
            (OfferKind::Words, Combined::of(text), reason.to_owned())
        }),
        entries::in_order(path, merge, region).map(|(text, what)| {
            let reason = format!("you and they added {what} here");
            (OfferKind::Entries, Combined::of(text), reason)
        }),
        moved::at_new_place(merge, region).map(|(combined, reason)| (OfferKind::Moved, combined, reason)),
    ];
    let offers = found.into_iter().flatten().map(|(kind, combined, reason)| Offer { kind, combined, reason });
    offers.into_iter().find(|offer| is_sound(path, merge, hunk, &offer.combined))
}

/// Whether the file can be read with it as it can be without: no marks of a conflict, no key twice.
fn is_sound(path: &RelPath, merge: &Merge, hunk: usize, combined: &Combined) -> bool {
    let mine = merge.texts()[1];
    let mut choices = vec![Some(Choice::Mine); merge.conflicts()];
    if let Some(choice) = choices.get_mut(hunk) {
        *choice = Some(Choice::Combined(combined.clone()));
    }
    let Some(result) = merge.result(&choices) else { return false };
    let format = Format::of(path.name());
    damage(path, mine, &result).is_none() && format.is_none_or(|format| format.has_each_key_once(&result))
}

#[cfg(test)]
mod tests;

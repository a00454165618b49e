//! A conflict as it is told to a program: its three texts by their ids, the regions that both sides changed, what can be
//! answered. What is long is cut, and said to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bound_answers::{Ids, WAYS};
use super::merge::{Merge, Region};
use super::offer::{Offer, OfferKind, offers};
use super::outcome::{Sides, merge_of};
use super::path::RelPath;

/// So much of a side of a region is told, in bytes.
const MOST_OF_A_TEXT: usize = 2_000;

/// So many regions of a file are told.
const MOST_REGIONS: usize = 40;

/// A conflict, for a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    /// The install's path.
    pub(crate) path: RelPath,
    /// Where it stands now, if the source moved it.
    pub(crate) from: Option<RelPath>,
    /// Why it is a conflict, in a sentence.
    pub(crate) reason: String,
    /// The three texts that an answer is bound to.
    pub(crate) ids: Ids,
    /// How many regions both sides changed; 0 where nothing can be combined.
    pub(crate) region_count: usize,
    /// The first of them.
    pub(crate) regions: Vec<ListedRegion>,
    /// Something of them is cut off, and `more` shows the rest.
    pub(crate) cut: bool,
    /// The command that shows all of it.
    pub(crate) more: Option<String>,
    /// What can be answered.
    pub(crate) ways: Vec<String>,
}

/// A region that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedRegion {
    /// From 1.
    pub(crate) number: usize,
    /// What the user started from.
    pub(crate) base: ListedLines,
    /// What is installed.
    pub(crate) mine: ListedLines,
    /// What the source ships.
    pub(crate) theirs: ListedLines,
    /// What both come to together, where that is sure: the answer `combined` takes it. It is never taken by itself.
    #[serde(default)]
    pub(crate) offer: Option<ListedOffer>,
}

/// What is offered for a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedOffer {
    /// How it comes about.
    pub(crate) kind: OfferKind,
    /// Why it can be offered.
    pub(crate) reason: String,
    /// The region's lines.
    pub(crate) text: String,
    /// Where it changes lines that one side moved: those, with what stands around them. Else null.
    #[serde(default)]
    pub(crate) elsewhere: Option<String>,
    /// Something is cut off.
    pub(crate) cut: bool,
}

impl ListedOffer {
    fn of(offer: &Offer) -> Self {
        let text = |all: &[u8]| String::from_utf8_lossy(&all[..all.len().min(MOST_OF_A_TEXT)]).into_owned();
        let there = offer.elsewhere();
        let longest = offer.text().len().max(there.map_or(0, <[u8]>::len));
        Self {
            kind: offer.kind,
            reason: offer.reason.clone(),
            text: text(offer.text()),
            elsewhere: there.map(text),
            cut: longest > MOST_OF_A_TEXT,
        }
    }
}

/// Some lines of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListedLines {
    /// The first one, from 1; where there are none, the one behind.
    pub(crate) first_line: usize,
    /// How many.
    pub(crate) lines: usize,
    /// What they say, cut where that is long; bytes that are no text are replaced.
    pub(crate) text: String,
    /// Something is cut off.
    pub(crate) cut: bool,
}

impl ListedLines {
    fn of(text: &[u8], before: usize) -> Self {
        let shown = String::from_utf8_lossy(&text[..text.len().min(MOST_OF_A_TEXT)]).into_owned();
        let lines = text.split_inclusive(|b| *b == b'\n').count();
        Self { first_line: before + 1, lines, text: shown, cut: text.len() > MOST_OF_A_TEXT }
    }
}

/// How many lines of a text end before an offset.
pub(crate) fn lines_before(text: &[u8], at: usize) -> usize {
    text.get(..at).unwrap_or(text).iter().filter(|b| **b == b'\n').count()
}

fn region(merge: &Merge, number: usize, region: &Region, offer: Option<&Offer>) -> ListedRegion {
    let [base, mine, theirs] = merge.texts();
    let sides = merge.sides(region);
    ListedRegion {
        number,
        base: ListedLines::of(sides.base, lines_before(base, region.base.start)),
        mine: ListedLines::of(sides.mine, lines_before(mine, region.mine.start)),
        theirs: ListedLines::of(sides.theirs, lines_before(theirs, region.theirs.start)),
        offer: offer.map(ListedOffer::of),
    }
}

/// The regions of a file that both sides changed, from the `first` one on (from 1), and how many there are.
pub(crate) fn regions(path: &RelPath, sides: &Sides, first: usize) -> (usize, Vec<ListedRegion>) {
    let Some(merge) = merge_of(path, sides) else { return (0, Vec::new()) };
    let offers = offers(path, &merge);
    let offer = |at: usize| offers.get(at).and_then(Option::as_ref);
    let all = merge.overlaps().enumerate().skip(first.saturating_sub(1)).take(MOST_REGIONS);
    let listed = all.map(|(at, one)| region(&merge, at + 1, one, offer(at))).collect();
    (merge.conflicts(), listed)
}

/// A conflict as it is told. `more` is the command that shows all of it.
pub(crate) fn listed(
    path: &RelPath,
    from: Option<&RelPath>,
    reason: &str,
    ids: Ids,
    sides: &Sides,
    more: Option<String>,
) -> Listed {
    let (region_count, regions) = regions(path, sides, 1);
    let is_cut = |r: &ListedRegion| {
        [&r.base, &r.mine, &r.theirs].into_iter().any(|lines| lines.cut) || r.offer.as_ref().is_some_and(|o| o.cut)
    };
    let cut = regions.len() < region_count || regions.iter().any(is_cut);
    let can = |way: &&&str| match **way {
        "merge-keep" | "merge-take" | "regions" => region_count > 0,
        _ => true,
    };
    Listed {
        path: path.clone(),
        from: from.cloned(),
        reason: reason.to_owned(),
        ids,
        region_count,
        regions,
        cut,
        more: more.filter(|_| cut),
        ways: WAYS.iter().filter(can).map(|way| (*way).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_their_lines_and_what_is_long_is_cut() {
        let text = |middle: &str| Some(format!("one\ntwo\n{middle}\nfour\n").into_bytes().into());
        let sides = Sides { base: text("three"), mine: text("mine\nmore"), theirs: text(&"x".repeat(9_000)) };
        let all = listed(&"a.md".parse().unwrap(), None, "", Ids::default(), &sides, Some("see".into()));
        assert_eq!((all.region_count, all.cut, all.more.as_deref()), (1, true, Some("see")));
        let one = &all.regions[0];
        assert_eq!((one.mine.first_line, one.mine.lines, &one.mine.text[..]), (3, 2, "mine\nmore\n"));
        assert!(one.theirs.cut && one.theirs.text.len() == MOST_OF_A_TEXT && !one.base.cut);
        assert_eq!(one.offer, None);
        let words = Sides { base: text("1 2 3"), mine: text("0 2 3"), theirs: text("1 2 4") };
        let all = listed(&"a.md".parse().unwrap(), None, "", Ids::default(), &words, None);
        let offer = all.regions[0].offer.as_ref().map(|o| (o.kind, &o.text[..], o.elsewhere.as_ref(), o.cut));
        assert_eq!(offer, Some((OfferKind::Words, "0 2 4\n", None, false)));
        let binary = Sides { mine: Some(b"\0"[..].into()), ..sides };
        let all = listed(&"a.md".parse().unwrap(), None, "", Ids::default(), &binary, None);
        assert_eq!((all.region_count, all.ways.join(" ")), (0, "keep take park text".to_owned()));
    }
}

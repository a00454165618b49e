//! What is offered for the hunks of real texts: how many get an offer, and how many offers are what people wrote.
//!
//! The real history has no merges of its own, so what people wrote is known in two ways. Of three versions in a row, the last
//! one is what became of both changes. And one change of theirs is told in two halves, each word given to one side in turn:
//! together they are the change as it was made.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use pos_upgrade_tui::core::merge::{Choice, Merge};
use pos_upgrade_tui::core::offer::{Offer, OfferKind, offers};
use pos_upgrade_tui::core::path::RelPath;
use similar::{Algorithm, DiffTag, capture_diff_slices};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::common;

type Text = Arc<[u8]>;

/// Every path of the real content with its different versions, the oldest first.
fn versions() -> Option<BTreeMap<String, Vec<Text>>> {
    let mut all = common::real_texts()?;
    for texts in all.values_mut() {
        let mut seen: Vec<Text> = Vec::new();
        for text in texts.drain(..).rev() {
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
        *texts = seen;
    }
    Some(all)
}

/// One change of a page: its path, which of its changes it is, and the texts before and after.
struct Changed<'t> {
    path: &'t str,
    n: usize,
    pair: &'t [Text],
    old: &'t str,
    new: &'t str,
}

/// Every change of a page that is text.
fn changes<'t>(all: &'t BTreeMap<String, Vec<Text>>) -> impl Iterator<Item = Changed<'t>> {
    let pairs = all.iter().flat_map(|(path, texts)| texts.windows(2).enumerate().map(move |(n, pair)| (path, n, pair)));
    pairs.filter_map(|(path, n, pair): (&'t String, usize, &'t [Text])| {
        let (old, new) = (std::str::from_utf8(&pair[0]).ok()?, std::str::from_utf8(&pair[1]).ok()?);
        Some(Changed { path, n, pair, old, new })
    })
}

/// What was counted.
#[derive(Debug, Default)]
struct Count {
    hunks: usize,
    by_kind: BTreeMap<OfferKind, usize>,
    as_written: usize,
    otherwise: Vec<String>,
}

impl Count {
    fn offered(&self) -> usize {
        self.by_kind.values().sum()
    }

    fn add(&mut self, what: &str, offer: &Offer, written: Option<&[u8]>) {
        *self.by_kind.entry(offer.kind).or_default() += 1;
        match written {
            Some(written) if written == offer.text() => self.as_written += 1,
            Some(written) => self.otherwise.push(format!(
                "{what}: {:?}, {}\n--- offered\n{}\n--- written\n{}",
                offer.kind,
                offer.reason,
                String::from_utf8_lossy(offer.text()),
                String::from_utf8_lossy(written)
            )),
            None => {}
        }
    }

    fn print(&self, title: &str) {
        for other in self.otherwise.iter().take(if std::env::var_os("POS_SHOW").is_some() { 1_000 } else { 0 }) {
            println!("{other}\n");
        }
        let known = self.as_written + self.otherwise.len();
        println!(
            "{title}: {} open hunks, {} with an offer ({:?}); {} of {known} known are what people wrote",
            self.hunks,
            self.offered(),
            self.by_kind,
            self.as_written,
        );
    }
}

/// Each hunk of a merge that is open, its offer, and what it is called.
fn each(path: &str, [base, mine, theirs]: [&Text; 3], mut with: impl FnMut(&Merge, usize, Option<&Offer>)) {
    let path: RelPath = path.parse().unwrap();
    let Some(merge) = Merge::three_way(base.clone(), mine.clone(), theirs.clone()) else { return };
    if merge.conflicts() == 0 {
        return;
    }
    let all = offers(&path, &merge);
    assert_eq!(all.len(), merge.conflicts(), "{path}");
    for (hunk, offer) in all.iter().enumerate() {
        with(&merge, hunk, offer.as_ref());
        let Some(offer) = offer else { continue };
        // What is shown is what is written, and a kept answer writes the same.
        let mut choices = vec![Some(Choice::Mine); merge.conflicts()];
        choices[hunk] = Some(offer.choice());
        let kept: Vec<Option<Choice>> = serde_json::from_str(&serde_json::to_string(&choices).unwrap()).unwrap();
        assert_eq!(merge.result(&choices), merge.result(&kept), "{path}");
    }
    // Whose a side is makes no difference to words.
    let other = Merge::three_way(base.clone(), theirs.clone(), mine.clone()).unwrap();
    let turned = offers(&path, &other);
    let words = |all: &[Option<Offer>]| -> Vec<Option<Vec<u8>>> {
        let text = |o: &Option<Offer>| Some(o.as_ref().filter(|o| o.kind == OfferKind::Words)?.text().to_vec());
        all.iter().map(text).collect()
    };
    assert_eq!(words(&all), words(&turned), "{path}");
}

#[test]
fn of_three_versions_in_a_row_the_last_is_what_became_of_both() {
    let Some(all) = versions() else { return };
    let (mut rows, mut others) = (Count::default(), Count::default());
    for (path, texts) in &all {
        for (b, base) in texts.iter().enumerate() {
            for (m, mine) in texts.iter().enumerate().filter(|(m, _)| *m != b) {
                for (t, theirs) in texts.iter().enumerate().filter(|(t, _)| *t != b && *t != m) {
                    let in_a_row = b < m && m < t;
                    let count = if in_a_row { &mut rows } else { &mut others };
                    each(path, [base, mine, theirs], |merge, hunk, offer| {
                        count.hunks += 1;
                        let Some(offer) = offer else { return };
                        let region = merge.overlaps().nth(hunk).unwrap();
                        let written = in_a_row.then(|| merge.sides(region).theirs);
                        count.add(&format!("{path} {b} {m} {t} hunk {hunk}"), offer, written);
                    });
                }
            }
        }
    }
    rows.print("three versions in a row");
    others.print("any other three versions");
    assert!(rows.hunks >= 500 && rows.offered() >= 8 && rows.otherwise.is_empty(), "{:?}", rows.otherwise);
    assert!(others.offered() >= 15);
}

/// The changes between two texts, part by part: where in the old one, and what stands there instead.
fn changes_by<'t>(old: &'t str, new: &'t str, parts: fn(&'t str) -> Vec<&'t str>) -> Vec<(Range<usize>, String)> {
    let (a, b) = (parts(old), parts(new));
    let offsets: Vec<usize> =
        a.iter().scan(0, |at, t| Some(std::mem::replace(at, *at + t.len()))).chain([old.len()]).collect();
    let ops = capture_diff_slices(Algorithm::Myers, &a, &b);
    let changed = ops.into_iter().filter(|op| op.tag() != DiffTag::Equal);
    changed.map(|op| (offsets[op.old_range().start]..offsets[op.old_range().end], b[op.new_range()].concat())).collect()
}

fn with_changes<'c>(old: &str, changes: impl IntoIterator<Item = &'c (Range<usize>, String)>) -> String {
    let (mut out, mut at) = (String::new(), 0);
    for (range, new) in changes {
        out += &old[at..range.start];
        out += new;
        at = range.end;
    }
    out + &old[at..]
}

#[test]
fn two_halves_of_a_change_are_the_change() {
    let Some(all) = versions() else { return };
    let mut count = Count::default();
    for Changed { path, n, pair, old, new } in changes(&all) {
        let (mut all, mut halves) = (Vec::new(), [Vec::new(), Vec::new()]);
        for (lines, instead) in changes_by(old, new, |text| text.split_inclusive('\n').collect()) {
            let words = changes_by(&old[lines.clone()], &instead, |text| text.split_word_bounds().collect());
            let gone: usize = words.iter().map(|(range, _)| range.len()).sum();
            // Lines that were written anew are nobody's half.
            if words.len() < 2 || gone * 2 > lines.len() {
                halves[1].push((lines.clone(), instead.clone()));
                all.push((lines, instead));
                continue;
            }
            for (at, (range, new)) in words.into_iter().enumerate() {
                let change = (lines.start + range.start..lines.start + range.end, new);
                halves[at % 2].push(change.clone());
                all.push(change);
            }
        }
        let [mine, theirs] = halves.map(|half| Text::from(with_changes(old, &half).into_bytes()));
        each(path, [&pair[0], &mine, &theirs], |merge, hunk, offer| {
            count.hunks += 1;
            let Some(offer) = offer else { return };
            // Where a hunk ends is another place in each text, but what is offered stands in the change as it was made.
            let offered = offer.text();
            let stands = pair[1].windows(offered.len()).any(|part| part == offered);
            let sides = merge.sides(merge.overlaps().nth(hunk).unwrap());
            count.add(&format!("{path} {n} hunk {hunk}"), offer, Some(if stands { offered } else { sides.theirs }));
        });
    }
    count.print("two halves of a change");
    assert!(count.offered() >= 250 && count.otherwise.len() * 10 <= count.offered());
}

/// A user who changes one word of each changed stretch of a release, against that release's change: what most conflicts are.
#[test]
fn a_word_of_a_user_beside_a_change_of_a_release() {
    let Some(all) = versions() else { return };
    let mut count = Count::default();
    let mut pages = 0;
    for Changed { path, n, pair, old, new } in changes(&all) {
        let stretches = changes_by(old, new, |text| text.split_inclusive('\n').collect());
        let mine: Vec<(Range<usize>, String)> = stretches
            .iter()
            .enumerate()
            .filter_map(|(k, (lines, _))| {
                let words: Vec<(usize, &str)> = old[lines.clone()].unicode_word_indices().collect();
                let (at, word) = *words.get((k * 7 + n) % words.len().max(1))?;
                Some((lines.start + at..lines.start + at + word.len(), format!("my{word}")))
            })
            .collect();
        pages += 1;
        let mine: Text = with_changes(old, &mine).into_bytes().into();
        each(path, [&pair[0], &mine, &pair[1]], |merge, hunk, offer| {
            count.hunks += 1;
            let Some(offer) = offer else { return };
            let region = merge.overlaps().nth(hunk).unwrap();
            let sides = merge.sides(region);
            // Theirs with the user's word: each of its words is there, in its order, but for the one that he replaced.
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let (offered, theirs) = (text(offer.text()), text(sides.theirs));
            let ours = changes_by(&theirs, &offered, |text| text.split_word_bounds().collect()).len();
            let users =
                changes_by(&text(sides.base), &text(sides.mine), |text| text.split_word_bounds().collect()).len();
            let written = if offer.kind != OfferKind::Words || ours <= users { offered } else { theirs };
            count.add(&format!("{path} {n} hunk {hunk}"), offer, Some(written.as_bytes()));
        });
    }
    println!("{pages} changes of pages");
    count.print("a user's words beside a release's change");
    assert!(count.offered() >= 250 && count.otherwise.is_empty());
}

/// A user who adds an entry where a release adds some to the same list or table.
#[test]
fn an_entry_of_a_user_beside_entries_of_a_release() {
    let Some(all) = versions() else { return };
    let mut count = Count::default();
    for Changed { path, n, pair, old, new } in changes(&all) {
        for (lines, added) in changes_by(old, new, |text| text.split_inclusive('\n').collect()) {
            let Some(own) = like(&added) else { continue };
            let mine: Text = with_changes(old, &[(lines.start..lines.start, own.clone())]).into_bytes().into();
            let theirs: Text = with_changes(old, &[(lines.clone(), added.clone())]).into_bytes().into();
            each(path, [&pair[0], &mine, &theirs], |merge, _, offer| {
                count.hunks += 1;
                let Some(offer) = offer else { return };
                let all = merge.result(&[Some(offer.choice())]).unwrap();
                let written = with_changes(old, &[(lines.clone(), format!("{own}{added}"))]).into_bytes();
                let as_written = if all == written { offer.text() } else { &written };
                count.add(&format!("{path} {n}"), offer, Some(as_written));
            });
        }
    }
    count.print("a user's entry beside a release's entries");
    assert!(count.offered() >= 20 && count.otherwise.len() * 20 <= count.offered(), "{count:?}");
}

/// An entry of the user's own, of the kind that these lines are; none if they are not all entries of one kind.
fn like(added: &str) -> Option<String> {
    let first = added.lines().next()?;
    let all = |mark: &str| added.lines().all(|line| line.starts_with(mark));
    match () {
        () if all("- ") => Some("- Zebra crossings of mine\n".to_owned()),
        () if all("| ") && !added.contains("\\|") => {
            let columns = first.trim().matches('|').count() - 1;
            Some(format!("|{}\n", " zebra |".repeat(columns)))
        }
        () => None,
    }
}

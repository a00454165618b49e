//! The lines that differ between two texts, exactly as git's histogram diff has them.
//!
//! The `imara-diff` crate has such an algorithm too, but cuts equal ends off before it counts lines, and passes over
//! some of a repeated line's places. In texts that have little but blank lines and rules in common that pairs other
//! lines than git does, and so a merge puts an edit in another place. Here only what is the same in both is taken
//! from it: Myers' algorithm, for stretches in which every common line is frequent, and the sliding of changes.

use std::ops::Range;

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput, Token};

/// A change: the lines before and the lines after.
pub(super) type Hunk = (Range<usize>, Range<usize>);

/// Git looks at no line that is more frequent than this; where all are, it takes Myers' algorithm.
const MOST_FREQUENT: u32 = 64;

/// The changes between two texts.
pub(super) fn hunks(before: &[u8], after: &[u8]) -> Vec<Hunk> {
    let input = InternedInput::new(byte_lines(before), byte_lines(after));
    let mut search = Search::new(&input);
    search.run();
    let mut diff = search.paired_backwards();
    // Git slides what was removed before it slides what was added, the crate does it the other way round: so it is told
    // of the change from `after` to `before`. Each goes down as far as it can, unless it can join one of the others.
    diff.postprocess_with(&input.after, &input.before, |_: &[Token], hunk: Range<u32>, _: u32| hunk.end);
    let lines = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks().map(|hunk| (lines(hunk.after), lines(hunk.before))).collect()
}

/// A stretch of lines on both sides.
#[derive(Clone, Copy)]
struct Stretch {
    before: (usize, usize),
    after: (usize, usize),
}

/// The common stretch that a search has found, and how often its rarest line stands in the stretch searched.
#[derive(Clone, Copy)]
struct Best {
    stretch: Stretch,
    rarity: u32,
}

struct Search<'a> {
    before: &'a [Token],
    after: &'a [Token],
    tokens: u32,
    removed: Vec<bool>,
    added: Vec<bool>,
    /// By token: how often it stands in the stretch searched, and where first.
    count: Vec<u32>,
    first: Vec<Option<usize>>,
    /// By line before: where the same line stands next.
    next: Vec<Option<usize>>,
}

impl<'a> Search<'a> {
    fn new<T>(input: &'a InternedInput<T>) -> Self
    where
        T: std::hash::Hash + Eq,
    {
        let (before, after) = (&input.before[..], &input.after[..]);
        let tokens = input.interner.num_tokens();
        Self {
            before,
            after,
            tokens,
            removed: vec![false; before.len()],
            added: vec![false; after.len()],
            count: vec![0; tokens as usize],
            first: vec![None; tokens as usize],
            next: vec![None; before.len()],
        }
    }

    /// Marks every line that is in no common stretch.
    fn run(&mut self) {
        // Not by recursion: a long text may have as many stretches as lines.
        let mut open = vec![Stretch { before: (0, self.before.len()), after: (0, self.after.len()) }];
        while let Some(here) = open.pop() {
            let ((b, b_end), (a, a_end)) = (here.before, here.after);
            if b == b_end || a == a_end {
                self.removed[b..b_end].fill(true);
                self.added[a..a_end].fill(true);
                continue;
            }
            self.index(here);
            let (best, common) = self.best(here);
            self.forget(here);
            match best {
                Some(Best { stretch: found, .. }) => {
                    open.push(Stretch { before: (found.before.1, b_end), after: (found.after.1, a_end) });
                    open.push(Stretch { before: (b, found.before.0), after: (a, found.after.0) });
                }
                None if common => self.myers(here),
                None => {
                    self.removed[b..b_end].fill(true);
                    self.added[a..a_end].fill(true);
                }
            }
        }
    }

    fn index(&mut self, here: Stretch) {
        for line in (here.before.0..here.before.1).rev() {
            let token = self.before[line].0 as usize;
            self.count[token] += 1;
            self.next[line] = self.first[token].replace(line);
        }
    }

    fn forget(&mut self, here: Stretch) {
        for token in &self.before[here.before.0..here.before.1] {
            self.count[token.0 as usize] = 0;
            self.first[token.0 as usize] = None;
        }
    }

    fn count_at(&self, line: usize) -> u32 {
        self.count[self.before[line].0 as usize]
    }

    /// The longest of the common stretches with the rarest line; and whether there is a common line at all.
    fn best(&self, here: Stretch) -> (Option<Best>, bool) {
        let (mut best, mut common): (Option<Best>, bool) = (None, false);
        let mut at = here.after.0;
        while at < here.after.1 {
            let token = self.after[at].0 as usize;
            let mut next_at = at + 1;
            let rarity = best.map_or(MOST_FREQUENT + 1, |b| b.rarity);
            common |= self.count[token] > 0;
            let mut line = self.first[token].filter(|_| self.count[token] <= rarity);
            while let Some(here_before) = line {
                let found = self.grown(here, here_before, at);
                next_at = next_at.max(found.stretch.after.1);
                let length = |s: Stretch| s.before.1 - s.before.0;
                // Of lines that stand alone git takes none until something rare enough is found.
                let (longest, rarest) = best.map_or((1, MOST_FREQUENT + 1), |b| (length(b.stretch), b.rarity));
                if length(found.stretch) > longest || found.rarity < rarest {
                    best = Some(found);
                }
                line = self.next[here_before];
                while line.is_some_and(|l| l < found.stretch.before.1) {
                    line = line.and_then(|l| self.next[l]);
                }
            }
            at = next_at;
        }
        (best.filter(|b| b.rarity <= MOST_FREQUENT), common)
    }

    /// The common stretch around a line that both have.
    fn grown(&self, here: Stretch, before: usize, after: usize) -> Best {
        let mut rarity = self.count_at(before);
        let (mut b, mut a) = (before, after);
        while b > here.before.0 && a > here.after.0 && self.before[b - 1] == self.after[a - 1] {
            (b, a) = (b - 1, a - 1);
            rarity = rarity.min(self.count_at(b));
        }
        let (mut b_end, mut a_end) = (before + 1, after + 1);
        while b_end < here.before.1 && a_end < here.after.1 && self.before[b_end] == self.after[a_end] {
            rarity = rarity.min(self.count_at(b_end));
            (b_end, a_end) = (b_end + 1, a_end + 1);
        }
        Best { stretch: Stretch { before: (b, b_end), after: (a, a_end) }, rarity }
    }

    fn myers(&mut self, here: Stretch) {
        let ((b, b_end), (a, a_end)) = (here.before, here.after);
        let mut diff = Diff::default();
        diff.compute_with(Algorithm::Myers, &self.before[b..b_end], &self.after[a..a_end], self.tokens);
        for hunk in diff.hunks() {
            self.removed[b..b_end][hunk.before.start as usize..hunk.before.end as usize].fill(true);
            self.added[a..a_end][hunk.after.start as usize..hunk.after.end as usize].fill(true);
        }
    }

    /// The marks as a `Diff` from `after` to `before`, for what it can do with them. It can only be had by comparing, so
    /// each pair of equal lines is compared under a name of its own, and each other line under one that nothing equals.
    fn paired_backwards(&self) -> Diff {
        let kept = self.removed.iter().filter(|removed| !**removed).count();
        let mut others = (kept as u32)..;
        let mut named = |changed: &[bool]| -> Vec<Token> {
            let mut pairs = 0..;
            let name = |changed: &bool| if *changed { others.next() } else { pairs.next() };
            changed.iter().filter_map(name).map(Token).collect()
        };
        let (before, after) = (named(&self.removed), named(&self.added));
        let mut diff = Diff::default();
        diff.compute_with(Algorithm::Histogram, &after, &before, (before.len() + after.len()) as u32);
        diff
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(before: &str, after: &str) -> Vec<Hunk> {
        let lines = |text: &str| text.chars().map(|c| format!("{c}\n")).collect::<String>();
        hunks(lines(before).as_bytes(), lines(after).as_bytes())
    }

    #[test]
    fn the_ends_of_the_texts_and_nothing_at_all() {
        assert_eq!(of("", ""), []);
        assert_eq!(of("abc", "abc"), []);
        assert_eq!(of("", "ab"), [(0..0, 0..2)]);
        assert_eq!(of("ab", ""), [(0..2, 0..0)]);
        assert_eq!(of("abc", "xbc"), [(0..1, 0..1)]);
        assert_eq!(of("abc", "abx"), [(2..3, 2..3)]);
        assert_eq!(of("abc", "xyz"), [(0..3, 0..3)]);
    }

    #[test]
    fn a_change_slides_down_as_far_as_it_goes() {
        assert_eq!(of("a__b", "a___b"), [(3..3, 3..4)]);
        assert_eq!(of("a_b_b_c", "a_b_c"), [(4..6, 4..4)]);
    }

    #[test]
    fn what_is_removed_slides_before_what_is_added() {
        // As `git diff --histogram --no-indent-heuristic` has it; the other way round both become one change.
        let (before, after) = ("f_6a5______-_", "f_6a5_a5_____6a5____-_");
        assert_eq!(of(before, after), [(6..6, 6..17), (9..11, 20..20)]);
    }

    #[test]
    fn a_line_may_stand_64_times() {
        let blank = "_".repeat(64);
        // With one more, Myers' algorithm decides; the smallest change is the same here.
        for blank in [blank.clone(), blank + "_"] {
            let changes = of(&format!("{blank}a"), &format!("b{blank}"));
            assert_eq!(changes, [(0..0, 0..1), (blank.len()..blank.len() + 1, blank.len() + 1..blank.len() + 1)]);
        }
    }

    proptest! {
        #[test]
        fn what_is_not_changed_is_equal(before in "[_ab-]{0,90}", after in "[_ab-]{0,90}") {
            let (old, new): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
            let (mut b, mut a) = (0, 0);
            for (was, is) in of(&before, &after).into_iter().chain([(old.len()..old.len(), new.len()..new.len())]) {
                prop_assert_eq!(&old[b..was.start], &new[a..is.start]);
                (b, a) = (was.end, is.end);
            }
        }
    }
}

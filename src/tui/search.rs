//! A search in a text that is shown: what for, the rows with hits, and which of them the view stands at.

use super::keymap::{self, Action};
use super::text;

/// A search in the shown text. The hits are found off the drawing thread and come later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// What for.
    pub(crate) needle: String,
    /// It is being typed.
    pub(crate) typing: bool,
    /// Rows with a hit.
    pub(crate) hits: Vec<usize>,
    /// The one that the view stands at.
    pub(crate) at: usize,
    /// The hits are those of the needle as it is now.
    pub(crate) current: bool,
}

/// What became of a search that is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Typed {
    /// It looks for something else now.
    Changed,
    /// It is typed; the first hit is wanted.
    Done,
    /// It is over.
    Ended,
    /// The key means nothing here.
    Nothing,
}

impl Search {
    /// A search whose text is typed next, the one before to begin with.
    pub(crate) fn begin(search: &mut Option<Self>) {
        search.get_or_insert_with(Self::default).typing = true;
    }

    /// Changes what is searched for.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut String)) {
        change(&mut self.needle);
        self.current = false;
    }

    /// A key while it is typed.
    pub(crate) fn key(&mut self, action: Action) -> Typed {
        match action {
            Action::Erase => self.change(|s| {
                s.pop();
            }),
            Action::EraseAll => self.change(String::clear),
            Action::Accept if self.needle.is_empty() => return Typed::Ended,
            Action::Accept => {
                self.typing = false;
                return Typed::Done;
            }
            Action::Back | Action::Leave => return Typed::Ended,
            _ => return Typed::Nothing,
        }
        Typed::Changed
    }

    /// Takes the rows in that were found for `needle`, unless something else is searched for by now. True if the view
    /// should go to the first of them behind its row `scroll`.
    pub(crate) fn found(&mut self, needle: &str, hits: Vec<usize>, scroll: usize) -> bool {
        if self.needle != needle {
            return false;
        }
        let fresh = !self.current;
        self.hits = hits;
        self.current = true;
        self.at = self.at.min(self.hits.len().saturating_sub(1));
        if fresh {
            self.at = self.hits.iter().position(|h| *h >= scroll).unwrap_or(0);
        }
        fresh
    }

    /// The scroll position of the hit that is `by` from here, around the ends, for a view of `page` rows.
    ///
    /// # Errors
    /// A sentence to be shown where there is no hit; empty while it is not known yet.
    pub(crate) fn go(&mut self, by: isize, rows: usize, page: usize) -> Result<usize, String> {
        let count = self.hits.len();
        if count == 0 {
            let shown = text::visible_str(&self.needle, false);
            return Err(if self.current { format!("\"{shown}\" is nowhere here.") } else { String::new() });
        }
        self.at = (self.at + count).saturating_add_signed(by) % count;
        let hit = self.hits.get(self.at).copied().unwrap_or(0);
        Ok(hit.saturating_sub(page / 3).min(rows.saturating_sub(page)))
    }

    /// The chip that tells of it.
    pub(crate) fn chip(&self) -> String {
        self.chip_within(usize::MAX)
    }

    /// The chip in at most so many cells, if some of the needle fits at all: of a long one its end is shown.
    pub(crate) fn chip_within(&self, most: usize) -> String {
        let found = match (self.hits.len(), self.current) {
            _ if self.needle.is_empty() => String::new(),
            (_, false) => " …".to_owned(),
            (0, _) => ": nowhere".to_owned(),
            (n, _) => format!(": {} of {n}", self.at + 1),
        };
        let cursor = if self.typing { "▏" } else { "" };
        let room = most.saturating_sub(text::width(&found) + text::width(cursor) + 1).max(1);
        format!("/{}{cursor}{found}", text::fit_end(&text::visible_str(&self.needle, false), room))
    }

    /// The chip with the key that goes to the next hit, where there is one.
    pub(crate) fn chip_with_keys(&self) -> String {
        let chip = self.chip();
        let next = keymap::BINDINGS.iter().find(|b| b.action == Action::NextHit).filter(|_| !self.typing);
        match next.filter(|_| self.hits.len() > 1) {
            Some(binding) => format!("{chip}, {} next", binding.labels()),
            None => chip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_walked_around_the_ends() {
        let mut search = Search { needle: "git".into(), ..Search::default() };
        assert_eq!(search.go(1, 100, 9), Err(String::new()), "it is not known yet");
        assert!(!search.found("gi", vec![1], 0), "of what was searched for before");
        assert!(search.found("git", vec![3, 40, 90], 20));
        assert_eq!((search.go(0, 100, 9), search.chip().as_str()), (Ok(37), "/git: 2 of 3"));
        assert_eq!((search.go(1, 100, 9), search.go(1, 100, 9), search.go(-1, 100, 9)), (Ok(87), Ok(0), Ok(87)));
        assert!(!search.found("git", vec![3], 0), "the same search in another layout moves nothing");
        assert_eq!(search.at, 0);
        search.change(|s| s.push('x'));
        assert!(search.found("gitx", vec![], 0));
        assert_eq!(search.go(1, 100, 9), Err("\"gitx\" is nowhere here.".into()));
        assert_eq!((search.key(Action::EraseAll), search.key(Action::Accept)), (Typed::Changed, Typed::Ended));
    }
}

//! A line of text that is typed: the path of the source.

/// A line of text with a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Field {
    pub(super) text: String,
    /// In bytes, at a character's border.
    pub(super) at: usize,
    /// Chosen as a whole: the first character typed replaces it.
    pub(crate) whole: bool,
}

impl Field {
    /// A text that was put there, with the cursor at its end.
    pub(crate) fn offered(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { at: text.len(), whole: !text.is_empty(), text }
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor.
    pub(crate) fn before(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// Types or pastes.
    pub(crate) fn insert(&mut self, typed: &str) {
        if self.whole {
            self.clear();
        }
        self.text.insert_str(self.at, typed);
        self.at += typed.len();
        // One slash is as good as two, and what is shown of the path has one. An address has more behind its scheme.
        let mut from = self.text.find("://").map_or(0, |scheme| scheme + 3);
        while let Some(double) = self.text.get(from..).and_then(|rest| rest.find("//")) {
            from += double;
            self.text.remove(from);
            self.at -= usize::from(self.at > from);
        }
    }

    /// Erases the character before the cursor.
    pub(crate) fn erase(&mut self) {
        self.whole = false;
        if let Some(c) = self.before().chars().next_back() {
            self.at -= c.len_utf8();
            self.text.remove(self.at);
        }
    }

    /// Erases the character under the cursor.
    pub(crate) fn erase_next(&mut self) {
        self.whole = false;
        if self.at < self.text.len() {
            self.text.remove(self.at);
        }
    }

    /// Erases back to the last `/` before the cursor.
    pub(crate) fn erase_part(&mut self) {
        self.whole = false;
        let kept = self.before().trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
        self.text.replace_range(kept..self.at, "");
        self.at = kept;
    }

    /// Erases all.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Moves the cursor by a character.
    pub(crate) fn step(&mut self, forward: bool) {
        self.whole = false;
        let next = match forward {
            true => self.text.get(self.at..).and_then(|rest| rest.chars().next()),
            false => self.before().chars().next_back(),
        };
        let width = next.map_or(0, char::len_utf8);
        self.at = if forward { self.at + width } else { self.at - width };
    }

    /// Moves the cursor to an end.
    pub(crate) fn jump(&mut self, forward: bool) {
        self.whole = false;
        self.at = if forward { self.text.len() } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_offered_path_is_replaced_by_typing_and_edited_by_moving() {
        let mut field = Field::offered("/a/b");
        field.insert("x");
        assert_eq!(field.text(), "x");
        let mut field = Field::offered("/a/b");
        field.step(false);
        field.insert("x");
        assert_eq!(field.text(), "/a/xb");
        field.erase_part();
        assert_eq!(field.text(), "/a/b");
        field.jump(true);
        field.erase_part();
        assert_eq!(field.text(), "/a/");
        field.erase_part();
        assert_eq!(field.text(), "/");
        field.insert("/a//b/");
        assert_eq!((field.text(), field.before()), ("/a/b/", "/a/b/"));
    }

    proptest! {
        #[test]
        fn the_cursor_stays_between_characters(steps in prop::collection::vec(0u8..7, 0..60)) {
            let mut field = Field::offered("/日本/é");
            for step in steps {
                match step {
                    0 => field.insert("ü/"),
                    1 => field.erase(),
                    2 => field.erase_next(),
                    3 => field.erase_part(),
                    4 => field.step(true),
                    5 => field.step(false),
                    _ => field.jump(step % 2 == 0),
                }
                prop_assert!(field.text().starts_with(field.before()));
            }
        }
    }
}

//! Which differences in white space count.

use std::borrow::Cow;

/// Which differences in white space count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Space {
    /// All of them.
    #[default]
    Exact,
    /// Not how much of it there is, nor what is at the end of a line.
    Amount,
    /// None.
    Ignored,
}

impl Space {
    /// The next one of the cycle.
    pub fn next(self) -> Self {
        match self {
            Space::Exact => Space::Amount,
            Space::Amount => Space::Ignored,
            Space::Ignored => Space::Exact,
        }
    }

    /// What says on the screen that not everything is shown; none where it is.
    pub(crate) fn chip(self) -> Option<&'static str> {
        match self {
            Space::Exact => None,
            Space::Amount => Some("space: amount ignored"),
            Space::Ignored => Some("space: ignored"),
        }
    }

    /// A line as it counts.
    pub fn of(self, line: &[u8]) -> Cow<'_, [u8]> {
        let is_space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c);
        match self {
            Space::Exact => line.into(),
            Space::Ignored => line.iter().copied().filter(|b| !is_space(b)).collect::<Vec<u8>>().into(),
            Space::Amount => {
                let mut out = Vec::with_capacity(line.len());
                for byte in line {
                    match is_space(byte) {
                        true if out.last() == Some(&b' ') => {}
                        true => out.push(b' '),
                        false => out.push(*byte),
                    }
                }
                out.truncate(out.trim_ascii_end().len());
                out.into()
            }
        }
    }
}

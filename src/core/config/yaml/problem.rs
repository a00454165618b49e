//! Why a YAML file is kept or taken whole, and why a key of one is asked about.

use crate::core::config::Side;
use crate::core::visible;

/// Why YAML texts can't be merged key by key. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not YAML; with the parser's words.
    #[error("line {line} is not valid YAML ({})", visible::line(.words))]
    Syntax {
        /// Where.
        line: usize,
        /// The parser's.
        words: String,
    },
    /// A map that has a key twice: which of the two counts is anyone's guess.
    #[error("line {line} has the key {key:?} a second time")]
    Twice {
        /// Of the second.
        line: usize,
        /// Which.
        key: String,
    },
    /// Indentation by tabs.
    #[error("line {line} is indented by a tab")]
    Tab {
        /// Where.
        line: usize,
    },
    /// More than one document.
    #[error("line {line} begins another document")]
    Documents {
        /// Of the second.
        line: usize,
    },
    /// A list or a map as a key.
    #[error("line {line} has a key that is a list or a map")]
    Key {
        /// Where.
        line: usize,
    },
    /// A line break that not all readers take for one.
    #[error("line {line} has an unusual line break")]
    Break {
        /// Where.
        line: usize,
    },
    /// Nested too deeply.
    #[error("line {line} is nested too deeply")]
    Deep {
        /// Where.
        line: usize,
    },
    /// More than half a megabyte.
    #[error("it is larger than 512 kB")]
    Large,
    /// A change would have to touch an anchor, an alias or a merge key.
    #[error("line {line} has an anchor, an alias or a merge key where something changes")]
    Tied {
        /// Where.
        line: usize,
    },
    /// A key that does not begin its line: behind a question mark, or with an anchor or a tag.
    #[error("line {line} has a key that does not begin its line")]
    Odd {
        /// Where.
        line: usize,
    },
    /// The file ends within a text, so that a line behind it would change what it says.
    #[error("line {line} ends a text without a line break: nothing can come behind it")]
    Unended {
        /// The last.
        line: usize,
    },
    /// What would be written does not say what was decided.
    #[error("its lines can't be changed without changing what else it says")]
    Unwritable,
}

/// A YAML file that can't be merged key by key: it has to be kept or taken whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{side} config file can't be merged key by key: {problem}")]
pub struct YamlError {
    /// Whose.
    pub(crate) side: Side,
    /// What is in the way.
    pub problem: Problem,
}

/// Why a person has to settle a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Both sides changed it.
    Both,
    /// The template has it no more, and the user still has it as it was.
    Dropped,
    /// The template has it otherwise, or the user does not have it, and nothing tells who changed it.
    Offered,
}

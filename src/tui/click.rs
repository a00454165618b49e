//! Clicks: what they can be about, and which of them belong to one gesture.

use std::time::Duration;

use super::keymap::Chord;
use super::setup::Spot;

/// Clicks at one place within this time are one gesture, such as a double click.
const GESTURE: Duration = Duration::from_millis(400);

/// What a place on the screen stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// A key, with its words.
    Key(Chord),
    /// A row of the list that is shown.
    Row {
        /// Which.
        row: usize,
        /// The first row in sight.
        first: usize,
    },
    /// A tab of the preview.
    Tab(usize),
    /// What the setup's cursor can be at.
    Spot(Spot),
    /// A hunk of the conflict that is shown.
    Hunk(usize),
    /// A place of the scrollbar, and the row that stands there.
    Bar(usize),
}

/// The last click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Click {
    /// Column and row of the screen.
    pub(crate) at: (u16, u16),
    /// What it was about.
    pub(crate) target: Option<Target>,
    /// Time since the wizard's start.
    pub(crate) when: Duration,
}

impl Click {
    /// Whether `next` belongs to the same gesture: so soon, and as near as a hand holds still.
    pub(crate) fn goes_on(&self, next: &Click) -> bool {
        next.when.saturating_sub(self.when) < GESTURE
            && self.at.0.abs_diff(next.at.0) <= 1
            && self.at.1.abs_diff(next.at.1) <= 1
    }
}

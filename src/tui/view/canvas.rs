//! What the views draw on: the screen's cells, and what a click at them is about.

use std::ops::{Deref, DerefMut};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::click::Target;

/// What stands where on a screen.
#[derive(Debug, Default)]
pub struct Places {
    /// The uppermost last; none where something lies over what is not meant any more.
    all: Vec<(Rect, Option<Target>)>,
}

impl Places {
    /// What stands at this column and row.
    pub(crate) fn at(&self, x: u16, y: u16) -> Option<Target> {
        self.all.iter().rev().find(|(area, _)| area.contains((x, y).into())).and_then(|(_, target)| *target)
    }
}

/// A buffer that remembers what stands where.
pub(super) struct Canvas<'b> {
    buffer: &'b mut Buffer,
    places: Places,
}

impl<'b> Canvas<'b> {
    /// Nothing stands anywhere yet.
    pub(crate) fn new(buffer: &'b mut Buffer) -> Self {
        Self { buffer, places: Places::default() }
    }

    /// Says what stands here.
    pub(crate) fn mark(&mut self, area: Rect, target: Target) {
        self.places.all.push((area.intersection(self.buffer.area), Some(target)));
    }

    /// The same for the words of a line that is drawn at `place`, those from column `from` on.
    pub(crate) fn mark_words(&mut self, place: Rect, from: u16, line: &Line<'_>, target: Target) {
        let width = (line.width() as u16).min(place.width).saturating_sub(from);
        self.mark(Rect { x: place.x + from, width, ..place }, target);
    }

    /// The same for a scrollbar beside so many rows.
    pub(crate) fn mark_bar(&mut self, track: Rect, rows: usize) {
        for (i, y) in (track.y..track.bottom()).enumerate() {
            let row = (i * rows.saturating_sub(1)).checked_div(usize::from(track.height) - 1).unwrap_or(0);
            self.mark(Rect { y, height: 1, ..track }, Target::Bar(row));
        }
    }

    /// Says that whatever stood here is covered.
    pub(crate) fn cover(&mut self, area: Rect) {
        self.places.all.push((area, None));
    }

    /// What was drawn where.
    pub(crate) fn places(self) -> Places {
        self.places
    }
}

impl Deref for Canvas<'_> {
    type Target = Buffer;

    fn deref(&self) -> &Buffer {
        self.buffer
    }
}

impl DerefMut for Canvas<'_> {
    fn deref_mut(&mut self) -> &mut Buffer {
        self.buffer
    }
}

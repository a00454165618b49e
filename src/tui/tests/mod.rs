//! Tests of the wizard's insides, named by what they hold, and what they share.

pub(crate) mod generated;
pub(super) mod samples;
pub(super) mod support;
pub(super) mod svg;

mod agreement;
mod clicks;
mod event_loop;
mod every_screen;
mod help_and_footer;
mod hostile_text;
mod keys;
mod offers;
mod pictures;
mod random_keys;
mod setup_screen;
mod snapshots;

//! Entries in the settings of editors that start an install's server, and what has to change in them so that they start
//! it after an upgrade too. Only the values that are wrong are written; every other byte of the file stays.

mod change;
mod entry;
mod jsonc;
mod take_back;
mod take_out;

pub(crate) use change::{ByHand, Edit, Looked, look};
pub(crate) use entry::Starts;
pub(crate) use take_back::{Saved, is_settings, take_back};
pub(crate) use take_out::take_out;

#[cfg(test)]
mod tests;

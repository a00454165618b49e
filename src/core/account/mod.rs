//! The account: for every file that the user wrote or edited, where it is after an upgrade or a rollback.
//!
//! It goes by what stood in the install before and what stands there now, not by what the upgrade says that it did.

mod after;
mod back;
mod item;
mod lines;
mod texts;

pub(crate) use after::{After, after, is_pristine};
pub(crate) use back::{Back, back};
pub(crate) use item::{Account, Fate, Item, Settled};
pub(crate) use texts::{Texts, Thing, Things};

#[cfg(test)]
mod offered;
#[cfg(test)]
mod tests;

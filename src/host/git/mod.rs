//! Asks git, and git alone: everything is read from objects, never from the work tree, and no lock is taken.
//!
//! A source is somebody else's: nothing that its settings, attributes, hooks or refs say makes git start a program or
//! take one object for another. It is read through a git folder of our own ([`view`]), and what is read is hashed
//! ([`objects`]). Fetching what a shallow clone lacks ([`deepen`]) is done with the user's own settings, the commit
//! after an upgrade ([`commit`]) with those of his project.

pub(crate) mod address;
pub(crate) mod cached;
mod cat_file;
mod clean;
mod command;
mod commit;
mod deepen;
mod error;
mod history;
mod objects;
mod partial;
mod reach;
mod repo;
mod settings;
pub(crate) mod snapshot;
mod tracked;
mod view;
mod work_tree;

pub(crate) use command::version;
pub use commit::{Committed, commit_paths};
pub(crate) use error::GitError;
pub(crate) use objects::{Blobs, Listing, MANIFEST_FOLDER};
pub use repo::Repo;
pub use tracked::Tracked;
pub(crate) use tracked::tracked;
pub(crate) use work_tree::{seems_in_work_tree, work_tree_of};

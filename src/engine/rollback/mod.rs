//! The way back: what has to change, what stands in its way, and how it is put back.

pub(crate) mod assistant_rules;
pub(crate) mod changes;
pub(crate) mod editors;
mod folders;
mod gitignore;
mod index;
mod project_file;
pub(crate) mod put_back;
pub(crate) mod restored;
mod server;
pub(crate) mod set_aside;
mod taken_out;

//! The way back: what has to change, what stands in its way, and how it is put back.

pub mod assistant_rules;
pub mod changes;
pub mod editors;
mod folders;
mod gitignore;
mod index;
mod project_file;
pub mod put_back;
pub mod restored;
mod server;
pub mod set_aside;

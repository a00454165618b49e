//! Sessions on the disk: their files, all that can be told of them, and the lock.

pub mod catalog;
pub mod damaged;
pub mod ended;
pub mod lock;
pub mod lock_note;
pub mod shown;
pub mod store;

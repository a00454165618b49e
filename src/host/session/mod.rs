//! Sessions on the disk: their files, all that can be told of them, and the lock.

pub mod catalog;
pub(crate) mod damaged;
pub(crate) mod ended;
pub mod lock;
pub(crate) mod lock_holder;
pub(crate) mod shown;
pub mod store;

//! The user: who they are, the key that is theirs alone, what they allowed, and which sources they used.

pub(crate) mod consent;
pub(crate) mod history_store;
pub(crate) mod identity;
pub mod key;
pub(crate) mod own_lock;
pub mod recent_sources;
pub(crate) mod settings_file;

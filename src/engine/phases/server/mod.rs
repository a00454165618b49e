//! Phase 3: packages, steps after installation, the server's code and its start.

pub mod dependencies;
pub mod draft;
pub mod fetch;
pub mod launch;
pub mod post_install;
pub mod replace;

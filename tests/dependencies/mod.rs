//! Dependencies and post-install steps: real pip in real environments, packages made here, an index on this machine.

mod environment;
mod failures;
mod index;
mod left;
mod places;
mod post_install;
pub mod world;

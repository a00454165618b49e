//! The environments, clones and machines that people have, each built for real.

mod installers;
mod sources;
mod world;

//! The environments, clones and machines that people have, each built for real.

mod addresses;
mod files;
mod installers;
mod remote;
mod sources;
mod supervised;
mod world;

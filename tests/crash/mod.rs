//! What is left when an upgrade is cut off or refused by the system at any of its calls: the old install, the new one,
//! or one command away from either.
//!
//! What takes long runs as a rotating shard, a different one every day: `POS_SHARD=all` runs everything,
//! `POS_SHARD=2/6` one part, `POS_CALL=fsync:30` the one case of that name.

mod between;
mod errors;
mod filesystems;
mod kill;
pub mod many;
mod model;
mod mutants;
mod plain;
mod points;
mod power;
pub mod strace;
mod trace;
pub mod world;

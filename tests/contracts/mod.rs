//! One example of every contract, from what the built binary prints and writes: keys, kinds, counts, ids and times.

mod events;
mod files;
mod plan;
mod printed;
mod set;

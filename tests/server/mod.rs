//! Phases 3 and 4 against a real FastMCP server: whole upgrades by the binary, and every way in which a server can go
//! wrong. A process that is not this install's server is never signalled.

mod downtime;
mod found;
mod index;
mod launched;
mod left;
mod rehearsal;
mod rehearsal_places;
mod rehearsed_plan;
mod upgrades;
pub mod world;
mod wrong;

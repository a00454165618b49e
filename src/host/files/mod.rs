//! Files: durable writes, journalled changes, and how a file system keeps names, owners and folders.

pub(crate) mod aside;
pub(crate) mod attributes;
pub(crate) mod batch;
pub(crate) mod clear;
pub mod crash_points;
pub(crate) mod error;
pub(crate) mod fixed;
pub mod folder;
pub mod fs;
pub mod journal;
pub(crate) mod names;
pub(crate) mod own_places;
pub(crate) mod ownership;
pub mod parallel;
pub(crate) mod planted;
pub(crate) mod project;
pub(crate) mod read;
pub(crate) mod rename;
pub(crate) mod restore;
pub(crate) mod scan;
pub(crate) mod scratch;
pub(crate) mod stat_cache;
pub(crate) mod tree;
pub mod walk;

//! Files: durable writes, journalled changes, and how a file system keeps names, owners and folders.

pub mod aside;
pub mod clear;
pub mod crash_points;
pub mod error;
pub mod fixed;
pub mod folder;
pub mod fs;
pub mod journal;
pub mod names;
pub mod own_places;
pub mod ownership;
pub mod parallel;
pub mod planted;
pub mod project;
pub mod rename;
pub mod restore;
pub mod scan;
pub mod scratch;
pub mod tree;
pub mod walk;

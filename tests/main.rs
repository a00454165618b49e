//! Every suite in one program: it links once, and what takes long runs beside what waits.
//!
//! `cargo test` runs those that a person waits for: the units, the classification matrix, merges against git, a whole upgrade
//! and rollback, the wizard on a terminal, a kill and a resume. `cargo test --features long-tests` runs all.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(feature = "long-tests")]
mod account;
#[cfg(feature = "long-tests")]
mod answers;
#[cfg(feature = "long-tests")]
mod answers_file;
mod architecture;
mod assistant_rules;
#[cfg(feature = "long-tests")]
mod backups;
#[cfg(feature = "long-tests")]
mod bad_input;
#[cfg(feature = "long-tests")]
mod branches;
#[cfg(feature = "long-tests")]
mod clean_source;
#[cfg(feature = "long-tests")]
mod clock;
mod common;
mod config;
#[cfg(feature = "long-tests")]
mod conflicts;
#[cfg(feature = "long-tests")]
mod contracts;
#[cfg(feature = "long-tests")]
mod crash;
#[cfg(feature = "long-tests")]
mod current;
#[cfg(feature = "long-tests")]
mod demo_server;
#[cfg(feature = "long-tests")]
mod dependencies;
#[cfg(feature = "long-tests")]
mod diff_and_edits;
#[cfg(feature = "long-tests")]
mod documents;
#[cfg(feature = "long-tests")]
mod editor_entries;
#[cfg(feature = "long-tests")]
mod environments;
#[cfg(feature = "long-tests")]
mod escape;
#[cfg(feature = "long-tests")]
mod fidelity;
#[cfg(feature = "long-tests")]
mod generations;
#[cfg(feature = "long-tests")]
mod git_commands;
#[cfg(feature = "long-tests")]
mod git_commit;
#[cfg(feature = "long-tests")]
mod git_merge;
mod headless;
#[cfg(feature = "long-tests")]
mod history_store;
mod known_releases;
mod left_behind;
#[cfg(feature = "long-tests")]
mod lfs_pointers;
#[cfg(feature = "long-tests")]
mod locking;
mod matrix;
#[cfg(feature = "long-tests")]
mod mcp;
mod merge_oracle;
mod named_outside;
mod newcomer;
#[cfg(feature = "long-tests")]
mod odd_paths;
#[cfg(feature = "long-tests")]
mod other_systems;
#[cfg(feature = "long-tests")]
mod outside;
mod outside_write;
#[cfg(feature = "long-tests")]
mod owners;
mod pages;
#[cfg(feature = "long-tests")]
mod plan_reads;
#[cfg(feature = "long-tests")]
mod possible;
#[cfg(feature = "long-tests")]
mod real_content;
#[cfg(feature = "long-tests")]
mod real_generations;
mod resume;
#[cfg(feature = "long-tests")]
mod rollback;
#[cfg(feature = "long-tests")]
mod schemas;
#[cfg(feature = "long-tests")]
mod screens;
#[cfg(feature = "long-tests")]
mod server;
#[cfg(feature = "long-tests")]
mod session_damage;
#[cfg(feature = "long-tests")]
mod settings_commands;
#[cfg(feature = "long-tests")]
mod shallow;
#[cfg(feature = "long-tests")]
mod substituted;
mod swaps;
#[cfg(feature = "long-tests")]
mod tarball;
#[cfg(feature = "long-tests")]
mod terminal;
#[cfg(feature = "long-tests")]
mod typed_ahead;
#[cfg(feature = "long-tests")]
mod unreadable;
#[cfg(feature = "long-tests")]
mod unrelated_source;
#[cfg(feature = "long-tests")]
mod vanished;
mod wizard;
mod yaml_merge;

/// A line for each suite that is left out.
#[cfg(not(feature = "long-tests"))]
mod left_out {
    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn account() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn answers() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn answers_file() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn backups() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn bad_input() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn branches() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn clean_source() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn clock() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn conflicts() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn contracts() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn crash() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn current() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn demo_server() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn dependencies() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn diff_and_edits() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn documents() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn environments() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn escape() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn fidelity() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn generations() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn git_commands() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn git_commit() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn git_merge() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn history_store() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn lfs_pointers() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn locking() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn mcp() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn odd_paths() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn other_systems() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn outside() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn owners() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn plan_reads() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn possible() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn real_content() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn real_generations() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn rollback() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn schemas() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn screens() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn server() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn session_damage() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn settings_commands() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn shallow() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn substituted() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn tarball() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn terminal() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn typed_ahead() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn unreadable() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn unrelated_source() {}

    #[test]
    #[ignore = "takes long: cargo test --features long-tests"]
    fn vanished() {}
}

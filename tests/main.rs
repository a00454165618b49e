//! The suites that a person waits for, in one program: it links once, and what takes long runs beside what waits.
//!
//! The units, the classification matrix, merges against git, a whole upgrade and rollback, the wizard on a terminal, a kill
//! and a resume. Those that take minutes are in `long.rs`: `cargo test --test long`. Of both, `cargo test` runs only these.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod architecture;
mod assistant_rules;
mod common;
mod config;
mod headless;
mod known_releases;
mod left_behind;
mod matrix;
mod merge_oracle;
mod named_outside;
mod newcomer;
mod outside_write;
mod pages;
mod resume;
mod swaps;
mod wizard;
mod yaml_merge;

/// A line for each suite that is left out.
mod left_out {
    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn account() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn answers() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn answers_file() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn backups() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn bad_input() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn branches() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn clean_source() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn clock() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn conflicts() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn contracts() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn crash() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn current() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn demo_server() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn dependencies() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn diff_and_edits() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn documents() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn editor_entries() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn environments() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn escape() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn fidelity() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn generations() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn git_commands() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn git_commit() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn git_merge() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn history_store() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn lfs_pointers() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn locking() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn mcp() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn odd_paths() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn other_systems() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn outside() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn owners() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn plan_reads() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn possible() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn real_content() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn real_generations() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn rollback() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn schemas() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn screens() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn server() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn session_damage() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn settings_commands() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn shallow() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn substituted() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn tarball() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn terminal() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn typed_ahead() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn unreadable() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn unrelated_source() {}

    #[test]
    #[ignore = "takes long: cargo test --test long"]
    fn vanished() {}
}

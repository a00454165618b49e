//! The suites that a person waits for, in one program: it links once, and what takes long runs beside what waits.
//!
//! The units, the classification matrix, merges against git, a whole upgrade and rollback, the wizard on a terminal, a kill
//! and a resume. Those that take minutes are in `long.rs`: `cargo test --test long`. Of both, `cargo test` runs only these.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod architecture;
mod assistant_rules;
mod common;
mod config;
mod errors;
mod headless;
mod known_releases;
mod left_behind;
mod manual;
mod matrix;
mod merge_oracle;
mod named_outside;
mod newcomer;
mod outside_write;
mod pages;
mod plain;
mod resume;
mod swaps;
mod wizard;
mod yaml_merge;

macro_rules! left_out {
    ($($suite:ident)*) => {
        $(
            #[test]
            #[ignore = "takes long: cargo test --test long"]
            fn $suite() {}
        )*
    };
}

/// A line for each suite that is left out.
mod left_out {
    left_out! {
        account answers answers_file backups bad_input branches clean_source clock conflicts contracts crash current
        demo_server dependencies diff_and_edits documents editor_entries environments escape fidelity generations
        git_commands git_commit git_merge history_store lfs_pointers life locking mcp odd_paths offers other_systems outside
        owners packaging plan_reads possible real_content real_generations rollback schemas screens server session_damage
        settings_commands shallow substituted tarball terminal typed_ahead unreadable unrelated_source vanished
    }
}

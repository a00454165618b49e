//! The command line: arguments in, a face out. One file per subcommand.

#[macro_use]
mod print;

mod account;
mod adopt;
mod answers;
mod args;
mod as_owner;
mod ask;
mod backups;
mod complete;
mod completions;
mod config_command;
mod demo;
mod diff;
mod doctor;
mod edits;
mod help;
mod history;
mod history_all;
mod known_releases;
mod man;
#[cfg(test)]
mod manual_tests;
mod mcp;
mod option_order;
mod output;
mod outside;
mod outside_write;
mod page;
mod plain;
mod plan;
mod progress_row;
mod reconcile;
mod refusal;
mod rehearse;
mod rehearsed_plan;
mod request;
mod resolve;
mod restore;
mod resume;
mod rollback;
mod schema;
mod session;
mod source;
mod status;
mod uninstall;
mod unlock;
mod upgrade;
mod wizard;
mod workflow;

use std::ffi::OsString;

pub use as_owner::become_owner;
pub use complete::complete;
pub use rehearse::rehearse;

use crate::cli::refusal::Refusal;
use crate::cli::resume::How;
use crate::core::error_code::Code;
use crate::core::exit::Exit;
use args::{Cli, Command};
use clap::{CommandFactory as _, Parser as _};

/// Runs the program and gives its exit code.
pub async fn run() -> Exit {
    let words: Vec<OsString> = std::env::args_os().collect();
    // Before clap has looked at anything.
    let wants_json = words.iter().skip(1).take_while(|w| *w != "--").any(|w| w == "--json");
    let mut all = Cli::command();
    all.build();
    let words = match option_order::arranged(&all, words) {
        Ok(words) => words,
        Err(misplaced) => {
            let refusal = Refusal::usage(
                Code::Usage,
                format!("{} means nothing to {}; nothing was changed", misplaced.option, misplaced.command),
                format!("leave it out, or see what there is: pos-upgrade-tui {} --help", misplaced.command),
            );
            output::refusal(&refusal, wants_json);
            return refusal.exit_code;
        }
    };
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => return print::usage(&error),
    };
    let json = cli.common.json;
    let result = match cli.command {
        None => wizard::run(&cli.common, &cli.from, &cli.look).await,
        Some(Command::Plan(arguments)) if arguments.rehearse => rehearsed_plan::run(&cli.common, &arguments).await,
        Some(Command::Plan(arguments)) => plan::run(&cli.common, &arguments),
        Some(Command::Upgrade(arguments)) => upgrade::run(&cli.common, &arguments).await,
        Some(Command::Resume { session, source, answers, plain }) => {
            let how = if plain { How::Plain } else { answers.as_deref().map_or(How::Screen, How::Answers) };
            resume::run(&cli.common, session.as_deref(), source.as_deref(), how).await
        }
        Some(Command::Rollback { session, set_aside }) => {
            rollback::run(&cli.common, session.as_deref(), set_aside).await
        }
        Some(Command::Backups { command }) => backups::run(&cli.common, command.as_ref()),
        Some(Command::Restore { path, from }) => restore::run(&cli.common, &path, from.as_deref()),
        Some(Command::Resolve { look }) => resolve::run(&cli.common, &look).await,
        Some(Command::History { stats, all: true }) => history_all::run(&cli.common, stats),
        Some(Command::History { stats, all: false }) => history::run(&cli.common, stats),
        Some(Command::Reconcile { source }) => reconcile::run(&cli.common, source.as_deref()),
        Some(Command::Adopt { source }) => adopt::run(&cli.common, source.as_deref()),
        Some(Command::Uninstall { dry_run }) => uninstall::run(&cli.common, dry_run).await,
        Some(Command::Account { session }) => account::run(&cli.common, session.as_deref()),
        Some(Command::Mcp { print_config }) => mcp::run(&cli.common, print_config).await,
        Some(Command::Config { command }) => config_command::run(&cli.common, command.as_ref()),
        Some(Command::Schema { name }) => schema::run(&cli.common, name.as_deref()),
        Some(Command::Doctor) => doctor::run(&cli.common),
        Some(Command::Status) => status::run(&cli.common),
        Some(Command::Unlock { session }) => unlock::run(&cli.common, &session),
        Some(Command::Edits(arguments)) => edits::run(&cli.common, &arguments),
        Some(Command::Outside(arguments)) => outside::run(&cli.common, &arguments),
        Some(Command::Workflow { page }) => workflow::run(&cli.common, page.as_deref()),
        Some(Command::Help { words }) => help::run(&cli.common, &words),
        Some(Command::Completions { shell }) => completions::run(shell),
        Some(Command::Man { dir }) => man::run(dir.as_deref()),
        Some(Command::CrashPoints) => {
            crate::host::files::crash_points::ALL.iter().for_each(|point| say!("{}", point.0));
            Ok(Exit::Done)
        }
        Some(Command::Demo(arguments)) => demo::run(&cli.common, &arguments).await,
        Some(Command::KnownReleases(arguments)) => known_releases::run(&arguments),
    };
    result.unwrap_or_else(|refusal| {
        output::refusal(&refusal, json);
        refusal.exit_code
    })
}

/// Says why the program could not even begin.
pub fn cannot_start(error: &std::io::Error) {
    complain!("pos-upgrade-tui: cannot start: {error}");
}

/// Reports a bug. Where nobody can read it, that is no bug of its own.
pub fn report(bug: &impl std::fmt::Display) {
    print::error_text(&bug.to_string());
}

//! `completions`: what a shell needs to complete this program's arguments.

use clap::{Command, CommandFactory as _};

use crate::cli::args::Cli;
use crate::cli::print;
use crate::cli::refusal::Refusal;
use crate::core::exit::Exit;

/// What a person may type: without the subcommands that only tests and upkeep use.
fn visible(all: &Command) -> Command {
    let subcommands = all.get_subcommands().filter(|c| !c.is_hide_set()).cloned();
    Command::new("pos-upgrade-tui").args(all.get_arguments().cloned()).subcommands(subcommands)
}

/// Runs the subcommand.
///
/// # Errors
/// [`Refusal`] where the output can't be written.
pub(crate) fn run(shell: clap_complete::Shell) -> Result<Exit, Refusal> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut visible(&Cli::command()), "pos-upgrade-tui", &mut script);
    print::much(|out| out.write_all(&script)).map(|()| Exit::Done)
}

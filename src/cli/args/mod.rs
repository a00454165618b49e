//! The arguments, as clap reads them.

mod from;
mod others;
mod upgrade;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::core::exit::MEANINGS;

pub(crate) use from::{Colours, From, Look, Part};
pub(crate) use others::{BackupsCommand, ConfigCommand, DemoArgs, EditsArgs, KnownArgs, OutsideArgs};
pub(crate) use upgrade::{PlanArgs, Policy, UpgradeArgs, YesNo};

/// Upgrades a project's .praxis-os folder from a clone of praxis-os, and loses nothing that you wrote.
///
/// Without a subcommand: the wizard.
#[derive(Debug, Parser)]
#[command(version, about, after_help = examples_and_exit_codes(), subcommand_precedence_over_arg = true)]
#[command(disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) from: From,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) look: Look,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  pos-upgrade-tui --source ~/src/praxis-os         the wizard, in the project's folder
  pos-upgrade-tui plan --source ~/src/praxis-os    what would happen, and why; writes nothing
  pos-upgrade-tui rollback                         the install as it was, also days later
  pos-upgrade-tui demo                             try all of it on a project made for that
";

const FURTHER: &str = "
The manual, page by page: pos-upgrade-tui help
What each phase does, and what to do when it fails: pos-upgrade-tui workflow";

/// What stands below the options: examples, and the exit codes.
fn examples_and_exit_codes() -> String {
    let codes: String = MEANINGS.iter().map(|(exit, meaning)| format!("{:>5}  {meaning}\n", exit.code())).collect();
    format!("{EXAMPLES}\nExit codes:\n{codes}{FURTHER}")
}

const COMPLETIONS: &str = "For instance, and again after an update of this program:
  bash  pos-upgrade-tui completions bash > ~/.local/share/bash-completion/completions/pos-upgrade-tui
  zsh   pos-upgrade-tui completions zsh > ~/.zfunc/_pos-upgrade-tui   (a folder of your fpath)
  fish  pos-upgrade-tui completions fish > ~/.config/fish/completions/pos-upgrade-tui.fish";

const MAN: &str = "For instance:
  pos-upgrade-tui man ~/.local/share/man/man1      then: man pos-upgrade-tui, man pos-upgrade-tui-plan";

/// What every subcommand understands.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The project that holds .praxis-os [default: the nearest parent that has one]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// Print JSON (schema 1) instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Answer yes to "shall I?"; never answers a conflict
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what would happen and why; writes nothing
    Plan(PlanArgs),
    /// Run all six phases, no terminal needed
    Upgrade(UpgradeArgs),
    /// Go on with an unfinished upgrade
    Resume {
        /// Its id [default: the unfinished one]
        session: Option<String>,
        /// The clone that it upgrades from: your word, where only files of the project name it
        #[arg(long, value_name = "DIR")]
        source: Option<PathBuf>,
        /// Answers to its conflicts, each bound to the texts that it is for (schema answers shows the form)
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
        /// Line by line, with numbered questions and no screen
        #[arg(long, conflicts_with = "answers")]
        plain: bool,
    },
    /// Put the install back as it was before an upgrade
    Rollback {
        /// The session's id or its backup's name [default: the unfinished or the last one]
        #[arg(value_name = "SESSION|BACKUP")]
        session: Option<String>,
        /// Move also what can't be read out of the way, to .praxis-os/rescued/
        #[arg(long)]
        set_aside: bool,
    },
    /// List, verify or prune the backups
    Backups {
        #[command(subcommand)]
        command: Option<BackupsCommand>,
    },
    /// Bring one file of a backup back; what stands there now is set aside
    Restore {
        /// The file or link, relative to .praxis-os
        path: PathBuf,
        /// The backup's name [default: the newest]
        #[arg(long, value_name = "BACKUP")]
        from: Option<String>,
    },
    /// Settle the conflicts that were put off
    Resolve {
        #[command(flatten)]
        look: Look,
    },
    /// Show past upgrades, the newest first
    History {
        /// Show their figures instead: how many ended well, how long they took, how often a person was asked
        #[arg(long)]
        stats: bool,
        /// Of all projects of yours on this machine
        #[arg(long)]
        all: bool,
    },
    /// Make one .upgrade-baseline.json where a git merge left two, from the clone and the install as it is
    Reconcile {
        /// The clone of praxis-os that has the releases [default: source_path in upgrade.json]
        #[arg(long, value_name = "DIR")]
        source: Option<PathBuf>,
    },
    /// Tell which release an install is of that this program never upgraded, and note it: only .upgrade-baseline.json is written
    Adopt {
        /// The clone of praxis-os that has the release [default: source_path in upgrade.json]
        #[arg(long, value_name = "DIR")]
        source: Option<PathBuf>,
    },
    /// Take out what releases put here, and keep what is yours; rollback undoes it
    Uninstall {
        /// Only say what would go and what would stay
        #[arg(long)]
        dry_run: bool,
    },
    /// Say where everything of yours is since an upgrade or a rollback; exit 6 if something is lost
    Account {
        /// The session's id or its backup's name [default: the last one that changed the install]
        #[arg(value_name = "SESSION|BACKUP")]
        session: Option<String>,
    },
    /// Say how the install stands; exit 10 if an upgrade is unfinished or conflicts are put off
    Status,
    /// Remove the lock of an upgrade on another machine or in a container, when you know that it is over
    Unlock {
        /// Its session's id, as the refusal names it
        session: String,
    },
    /// Show what you have customised, against the release that the install came from
    Edits(EditsArgs),
    /// Show the lines of the project, outside of the install, that name what an upgrade moves or takes away; writes only the
    /// files that you name
    Outside(OutsideArgs),
    /// Show the settings and where each comes from, or change one
    Config {
        #[command(subcommand)]
        command: Option<ConfigCommand>,
    },
    /// Say what this program sees of machine, project and install, for a bug report; nothing secret, and no path of yours
    Doctor,
    /// Print the JSON Schema of what this program prints or reads
    Schema {
        /// Of what [default: the list]
        name: Option<String>,
    },
    /// Serve an AI assistant on standard input and output (MCP): it plans, asks, upgrades and rolls back for a person
    Mcp {
        /// Print what editors and assistants are told to start it, for this project, and end
        #[arg(long)]
        print_config: bool,
    },
    /// Print the workflow's own pages: what each phase checks, changes and may ask, how it fails, and what to do then
    Workflow {
        /// 0 to 5, a phase's name, or rollback, troubleshooting, criteria [default: the list]
        #[arg(value_name = "PHASE")]
        page: Option<String>,
    },
    /// Print a page of the manual, or what a command takes
    Help {
        /// A topic, a command, or the code of an error [default: the list]
        #[arg(value_name = "TOPIC|COMMAND")]
        words: Vec<String>,
    },
    /// Print what a shell needs to complete commands, options, sessions, backups and paths
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// For which
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each subcommand
    #[command(after_help = MAN)]
    Man {
        /// The folder that they are written to [default: the program's own page is printed]
        dir: Option<PathBuf>,
    },
    /// List the places where a test build can be made to crash
    #[command(hide = true)]
    CrashPoints,
    /// Build a small praxis-os and a customised project, and upgrade it for real
    Demo(DemoArgs),
    /// Print the table of known releases for a clone, as it is embedded in this program
    #[command(hide = true)]
    KnownReleases(KnownArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}

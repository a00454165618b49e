//! Where from, how, and how it looks: what several subcommands have.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::core::plan::Only;
use crate::core::settings::Scheme;

/// Where from, and how.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct From {
    /// The clone of praxis-os to upgrade from, or an address that is fetched first [default: source_path in upgrade.json]
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) source: Option<PathBuf>,
    /// Take what was last fetched from the address, without a network
    #[arg(long)]
    pub(crate) offline: bool,
    /// The commit, tag or branch of it to install [default: HEAD]
    #[arg(long, value_name = "REF")]
    pub(crate) to: Option<String>,
    /// Only this part of the install
    #[arg(long, value_enum, value_name = "PART")]
    pub(crate) only: Option<Part>,
    /// Install a release that is older than the installed one
    #[arg(long)]
    pub(crate) allow_downgrade: bool,
    /// Make the environment anew with this Python, where the server needs another one than it has
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) python: Option<PathBuf>,
    /// Upgrade from a source that does not know the release that is installed
    #[arg(long)]
    pub(crate) unrelated_source: bool,
    /// Fetch the whole history first, if the clone is shallow or partial
    #[arg(long)]
    pub(crate) deepen: bool,
    /// Only show what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave a running server alone
    #[arg(long)]
    pub(crate) no_restart: bool,
    /// Restart also a server that was started by hand on a terminal
    #[arg(long, conflicts_with = "no_restart")]
    pub(crate) restart: bool,
    /// Leave the test command out
    #[arg(long)]
    pub(crate) skip_tests: bool,
    /// Let the test command of the project's own upgrade.json run: exactly this one, now and later
    #[arg(long)]
    pub(crate) allow_test_command: bool,
    /// Ask also what you answered before; standing rules still hold
    #[arg(long)]
    pub(crate) ask_again: bool,
    /// How many backups stay [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) keep_backups: Option<u32>,
    /// Commit the changed paths to the project's repository
    #[arg(long)]
    pub(crate) git_commit: bool,
}

/// `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Standards, workflows and scripts; the server and its dependencies stay as they are
    Content,
    /// The server and its dependencies
    Server,
}

impl Part {
    /// For the engine.
    pub(crate) fn only(self) -> Only {
        match self {
            Part::Content => Only::Content,
            Part::Server => Only::Server,
        }
    }
}

/// How the wizard looks.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The wizard's screen")]
pub(crate) struct Look {
    /// Colours for this background; mono for none [default: what the terminal says, else dark]
    #[arg(long, value_enum, value_name = "COLOURS")]
    pub(crate) theme: Option<Colours>,
    /// Line by line, with numbered questions and no screen: for a screen reader, or a terminal that can't draw
    #[arg(long)]
    pub(crate) plain: bool,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Let the wheel scroll, and clicks select rows and press the footer's keys; text is then selected with Shift held
    #[arg(long)]
    pub(crate) mouse: bool,
}

/// `--theme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colours {
    Auto,
    Dark,
    Light,
    Mono,
}

impl Colours {
    /// For the wizard.
    pub(crate) fn scheme(self) -> Scheme {
        match self {
            Colours::Auto => Scheme::Auto,
            Colours::Dark => Scheme::Dark,
            Colours::Light => Scheme::Light,
            Colours::Mono => Scheme::Mono,
        }
    }
}

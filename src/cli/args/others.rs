//! Subcommands that have more than an option or two.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::args::from::Look;
use crate::core::layout::{Generation, layouts};

/// What to do with the backups.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupsCommand {
    /// Show which there are
    List,
    /// Read them back from the disk and compare with what was copied; exit 4 if one is damaged
    Verify {
        /// The backup's name [default: all]
        backup: Option<String>,
    },
    /// Remove old ones; the newest good one always stays
    Prune {
        /// How many stay
        #[arg(long, value_name = "N")]
        keep: u32,
    },
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show each value and where it comes from
    Show,
    /// Set a value in the project's upgrade.json
    Set {
        /// Which
        key: String,
        /// The value, as JSON; what is no JSON is a text
        value: String,
        /// In your own file, which holds for all projects
        #[arg(long)]
        user: bool,
    },
    /// Take a value out of the project's upgrade.json
    Unset {
        /// Which
        key: String,
        /// Out of your own file
        #[arg(long)]
        user: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EditsArgs {
    /// Show each edit line by line
    #[arg(long)]
    pub(crate) diff: bool,
    /// A clone of praxis-os, for an install whose release is not on record [default: source_path in upgrade.json]
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct OutsideArgs {
    /// The clone of praxis-os that is going to be installed: what it moves counts too [default: source_path in upgrade.json]
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
    /// The commit, tag or branch of it [default: HEAD]
    #[arg(long, value_name = "REF")]
    pub(crate) to: Option<String>,
    /// Replace the names in these files, each by its path in the project; what stood there is kept. A name that has nothing
    /// in its place stays. Best done when the upgrade is
    #[arg(long, value_name = "PATH", num_args = 1.., group = "writing")]
    pub(crate) write: Vec<PathBuf>,
    /// Put back what was written then, or last; what you changed since stays
    #[arg(long, value_name = "WHEN", num_args = 0..=1, group = "writing")]
    pub(crate) undo: Option<Option<String>>,
    /// Only show what would be written
    #[arg(long, requires = "writing")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KnownArgs {
    /// A whole clone of praxis-os
    #[arg(long, value_name = "DIR")]
    pub(crate) source: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// A new or empty folder [default: a temporary one, which is kept]
    pub(crate) dir: Option<PathBuf>,
    /// Which generation of installs the demo begins with: its name or number
    #[arg(long, value_name = "GENERATION", default_value = "1", value_parser = generation)]
    pub(crate) from: &'static Generation,
    /// Without the wizard; conflicts are merged, overlapping lines keep yours
    #[arg(long)]
    pub(crate) headless: bool,
    /// Only build it and print the upgrade command
    #[arg(long)]
    pub(crate) prepare_only: bool,
    #[command(flatten)]
    pub(crate) look: Look,
}

/// A generation by its name, or by its number in the order in which they came.
fn generation(text: &str) -> Result<&'static Generation, String> {
    let all = || layouts().generations.iter().enumerate().map(|(at, generation)| (at + 1, generation));
    let named = all().find(|(number, generation)| generation.name == text || number.to_string() == text);
    named.map(|(_, generation)| generation).ok_or_else(|| {
        let known = all().map(|(number, generation)| format!("{number} ({})", generation.name));
        format!("there is no such generation; known: {}", known.collect::<Vec<_>>().join(", "))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn generations_have_names_and_numbers() {
        let name = |text: &str| super::generation(text).map(|generation| generation.name.as_str());
        assert_eq!(name("1"), name("agent-os"));
        assert_eq!(name("3"), Ok("ouroboros"));
        assert!(name("0").is_err() && name("4").unwrap_err().contains("2 (praxis-os)"));
    }
}

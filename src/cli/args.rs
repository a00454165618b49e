//! The arguments, as clap reads them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::core::layout::{Generation, layouts};
use crate::core::plan::Only;
use crate::core::policy::OnConflict;
use crate::core::settings::Scheme;

/// Upgrades a project's .praxis-os folder from a clone of praxis-os, and loses nothing that you wrote.
///
/// Without a subcommand: the wizard.
#[derive(Debug, Parser)]
#[command(version, about, after_help = EXAMPLES_AND_EXIT_CODES, subcommand_precedence_over_arg = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(crate) from: From,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) look: Look,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// How the wizard looks.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The wizard's screen")]
pub(super) struct Look {
    /// Colours for this background; mono for none [default: what the terminal says, else dark]
    #[arg(long, value_enum, value_name = "COLOURS")]
    pub(crate) theme: Option<Colours>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Let the wheel scroll, and clicks select rows and press the footer's keys; text is then selected with Shift held
    #[arg(long)]
    pub(crate) mouse: bool,
}

/// `--theme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colours {
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

const EXAMPLES_AND_EXIT_CODES: &str = "\
Examples:
  pos-upgrade-tui --source ~/src/praxis-os         the wizard, in the project's folder
  pos-upgrade-tui plan --source ~/src/praxis-os    what would happen, and why; writes nothing
  pos-upgrade-tui rollback                         the install as it was, also days later
  pos-upgrade-tui demo                             try all of it on a project made for that

Exit codes:
    0  done, or nothing to do
    1  a bug
    2  usage, or broken settings
    3  conflicts need a person; nothing was changed
    4  refused, or failed before anything changed
    5  failed and rolled back
    6  rollback incomplete, a person is needed
    7  another upgrade holds the lock, or an unfinished session is in the way
   10  pending
  130  interrupted, the session is saved

What each phase does, and what to do when it fails: pos-upgrade-tui workflow";

const COMPLETIONS: &str = "For instance:
  bash  pos-upgrade-tui completions bash > ~/.local/share/bash-completion/completions/pos-upgrade-tui
  zsh   pos-upgrade-tui completions zsh > ~/.zfunc/_pos-upgrade-tui   (a folder of your fpath)
  fish  pos-upgrade-tui completions fish > ~/.config/fish/completions/pos-upgrade-tui.fish";

/// What every subcommand understands.
#[derive(Debug, Args)]
pub(super) struct Common {
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

/// Where from, and how.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct From {
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

#[derive(Debug, Subcommand)]
pub(super) enum Command {
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
    History,
    /// Make one .upgrade-baseline.json where a git merge left two, from the clone and the install as it is
    Reconcile {
        /// The clone of praxis-os that has the releases [default: source_path in upgrade.json]
        #[arg(long, value_name = "DIR")]
        source: Option<PathBuf>,
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
    /// Print the workflow's own pages: what each phase checks, changes and may ask, how it fails, and what to do then
    Workflow {
        /// 0 to 5, a phase's name, or rollback, troubleshooting, criteria [default: the list]
        #[arg(value_name = "PHASE")]
        page: Option<String>,
    },
    /// Print the completions for a shell
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// For which
        #[arg(value_enum)]
        shell: clap_complete::Shell,
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

#[derive(Debug, Args)]
pub(super) struct KnownArgs {
    /// A whole clone of praxis-os
    #[arg(long, value_name = "DIR")]
    pub(crate) source: PathBuf,
}

/// What to do with the backups.
#[derive(Debug, Subcommand)]
pub(super) enum BackupsCommand {
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

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(crate) from: From,
    /// Exit with 10 when updates are pending
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Show each change line by line
    #[arg(long)]
    pub(crate) diff: bool,
    /// Try the release here, too: its server is started and asked, as an upgrade would do it, and nothing is applied. Exit 0:
    /// it works; 10: it does, and conflicts wait; 4: it would fail
    #[arg(long, conflicts_with_all = ["exit_code", "diff"])]
    pub(crate) rehearse: bool,
    /// How conflicts are taken while the release is tried [default: keep]
    #[arg(long, value_enum, requires = "rehearse")]
    pub(crate) on_conflict: Option<Policy>,
    /// Try it also where a post-install step (such as a browser download) fails
    #[arg(long, requires = "rehearse")]
    pub(crate) allow_post_install_failure: bool,
}

#[derive(Debug, Args)]
pub(super) struct EditsArgs {
    /// Show each edit line by line
    #[arg(long)]
    pub(crate) diff: bool,
    /// A clone of praxis-os, for an install whose release is not on record [default: source_path in upgrade.json]
    #[arg(long, value_name = "DIR")]
    pub(crate) source: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct OutsideArgs {
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
pub(super) struct UpgradeArgs {
    #[command(flatten)]
    pub(crate) from: From,
    /// What to do where you and the source changed the same lines
    #[arg(long, value_enum, default_value_t = Policy::Fail)]
    pub(crate) on_conflict: Policy,
    /// Apply exactly this saved plan (the output of plan --json)
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Remove up to this many files without asking, where a plan removes unusually many
    #[arg(long, value_name = "N")]
    pub(crate) allow_removals: Option<u64>,
    /// Whether entries of editors that would not start the new server are changed, value by value [default: asked at a
    /// terminal, else no]
    #[arg(long, value_enum, value_name = "YES|NO")]
    pub(crate) editor_config: Option<YesNo>,
    /// Whether rules files of assistants that have an older release's text get the new one's; a text of yours around it stays
    /// [default: asked at a terminal, else no]
    #[arg(long, value_enum, value_name = "YES|NO")]
    pub(crate) rules: Option<YesNo>,
    /// Go on when a post-install step (such as a browser download) fails
    #[arg(long)]
    pub(crate) allow_post_install_failure: bool,
    /// Do not try the new release before anything changes
    #[arg(long)]
    pub(crate) no_rehearsal: bool,
}

/// `--editor-config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum YesNo {
    /// Change them
    Yes,
    /// Leave them; the report says what to change
    No,
}

/// `--only`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
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

/// `--on-conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Policy {
    /// Change nothing and name them
    Fail,
    /// Keep yours
    Keep,
    /// Take theirs
    Take,
    /// Merge; where both changed the same lines, keep yours
    MergeKeep,
    /// Merge; where both changed the same lines, take theirs
    MergeTake,
    /// Put them off: yours stay, theirs are kept for `resolve`
    Park,
}

impl Policy {
    /// As it is given.
    pub(crate) fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// For the engine; `fail` has stopped before it gets there.
    pub(crate) fn on_conflict(self) -> OnConflict {
        match self {
            Policy::Fail => OnConflict::Ask,
            Policy::Keep => OnConflict::Keep,
            Policy::Take => OnConflict::Take,
            Policy::MergeKeep => OnConflict::MergeKeep,
            Policy::MergeTake => OnConflict::MergeTake,
            Policy::Park => OnConflict::Park,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
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
    use clap::CommandFactory as _;

    #[test]
    fn generations_have_names_and_numbers() {
        let name = |text: &str| super::generation(text).map(|generation| generation.name.as_str());
        assert_eq!(name("1"), name("agent-os"));
        assert_eq!(name("3"), Ok("ouroboros"));
        assert!(name("0").is_err() && name("4").unwrap_err().contains("2 (praxis-os)"));
    }

    #[test]
    fn the_definition_is_sound() {
        super::Cli::command().debug_assert();
    }
}

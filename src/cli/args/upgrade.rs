//! `plan` and `upgrade`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::args::from::From;
use crate::core::policy::OnConflict;

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
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
pub(crate) struct UpgradeArgs {
    #[command(flatten)]
    pub(crate) from: From,
    /// What to do where you and the source changed the same lines
    #[arg(long, value_enum, default_value_t = Policy::Fail)]
    pub(crate) on_conflict: Policy,
    /// Answers to conflicts, each bound to the texts that it is for (schema answers shows the form); what they leave open is
    /// settled as --on-conflict says
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
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
pub(crate) enum YesNo {
    /// Change them
    Yes,
    /// Leave them; the report says what to change
    No,
}

/// `--on-conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Policy {
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

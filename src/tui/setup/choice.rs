//! The options of the setup screen: what each says of what will be launched, and how it changes that.

use serde_json::Value;

use crate::core::plan::Only;
use crate::core::policy::OnConflict;
use crate::tui::launch::Launch;

/// An option of the setup screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// All, content, server.
    Part,
    /// Who settles conflicts.
    Conflicts,
    /// Stop and start the server.
    Restart,
    /// Change editors' entries that would not start the new server.
    Editors,
    /// Bring the release's text into rules files.
    Rules,
    /// Run the test command.
    Tests,
    /// Try the new release before anything changes.
    Rehearsal,
    /// Whether a failing post-install step stops the upgrade.
    PostInstall,
    /// How many backups stay.
    Backups,
    /// Commit afterwards.
    Commit,
    /// An older release.
    Downgrade,
    /// Only look.
    DryRun,
}

impl Choice {
    /// In the order of the screen.
    pub(crate) const ALL: [Choice; 12] = [
        Choice::Part,
        Choice::Conflicts,
        Choice::Restart,
        Choice::Editors,
        Choice::Rules,
        Choice::Tests,
        Choice::Rehearsal,
        Choice::PostInstall,
        Choice::Backups,
        Choice::Commit,
        Choice::Downgrade,
        Choice::DryRun,
    ];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Choice::Part => "upgrade",
            Choice::Conflicts => "conflicts",
            Choice::Restart => "restart the server",
            Choice::Editors => "editors' entries",
            Choice::Rules => "rules files",
            Choice::Tests => "run the tests",
            Choice::Rehearsal => "try it first",
            Choice::PostInstall => "a failing download",
            Choice::Backups => "keep backups",
            Choice::Commit => "commit afterwards",
            Choice::Downgrade => "older release",
            Choice::DryRun => "only look",
        }
    }

    /// What its present value means.
    pub(crate) fn meaning(self, launch: &Launch) -> &'static str {
        let options = &launch.options;
        match self {
            Choice::Part => match launch.only {
                None => "standards, workflows, scripts and the server",
                Some(Only::Content) => "standards, workflows and scripts",
                Some(Only::Server) => "the server and its packages",
            },
            Choice::Conflicts => match launch.on_conflict {
                OnConflict::Ask => "you decide where both changed the same lines",
                OnConflict::Keep => "a file in conflict stays yours, whole",
                OnConflict::Take => "a file in conflict becomes theirs, whole",
                OnConflict::MergeKeep => "where lines collide, yours stay",
                OnConflict::MergeTake => "where lines collide, theirs win",
                OnConflict::Park => "yours stay for now, `resolve` asks later",
            },
            Choice::Restart if options.auto_restart => "stop the running server, start the new code",
            Choice::Restart => "a running server keeps its old code for now",
            Choice::Editors if options.editor_config => "one that would not start the new server is changed",
            Choice::Editors => "they stay, and the report says what to change",
            Choice::Rules if options.rules => "those with an older release's text get this one's",
            Choice::Rules => "they stay, with an older release's text",
            Choice::Tests if options.skip_tests => "the install's own tests are left out",
            Choice::Tests => "the install's own tests run, if it has any",
            Choice::Rehearsal if options.no_rehearsal => "what fails after the switch is taken back",
            Choice::Rehearsal => "the new server is started before anything changes",
            Choice::PostInstall if options.allow_post_install_failure => "a browser, say, can be fetched later",
            Choice::PostInstall => "a browser, say, that can't be fetched",
            Choice::Backups => "the older ones go afterwards; ← → change it",
            Choice::Commit if options.git_commit_after => "the changed paths go into your repository",
            Choice::Commit => "nothing is committed, that is left to you",
            Choice::Downgrade if options.allow_downgrade => "it may replace a newer one of yours",
            Choice::Downgrade => "a newer one of yours is never replaced",
            Choice::DryRun if options.dry_run => "the plan is shown, and can't be started",
            Choice::DryRun => "the plan is shown, and starts when you say so",
        }
    }

    /// Its present value: on or off, or a word.
    pub(crate) fn value(self, launch: &Launch) -> Result<bool, String> {
        let options = &launch.options;
        Ok(match self {
            Choice::Part => {
                return Err(match launch.only {
                    None => "everything",
                    Some(Only::Content) => "content only",
                    Some(Only::Server) => "server only",
                }
                .to_owned());
            }
            Choice::Conflicts => return Err(policy_word(launch.on_conflict).to_owned()),
            Choice::Backups => return Err(options.keep_backups.to_string()),
            Choice::Restart => options.auto_restart,
            Choice::Editors => options.editor_config,
            Choice::Rules => options.rules,
            Choice::Tests => !options.skip_tests,
            Choice::Rehearsal => !options.no_rehearsal,
            Choice::PostInstall => {
                return Err(if options.allow_post_install_failure { "only warns" } else { "gives up" }.into());
            }
            Choice::Commit => options.git_commit_after,
            Choice::Downgrade => {
                return Err(if options.allow_downgrade { "allowed" } else { "refused" }.into());
            }
            Choice::DryRun => options.dry_run,
        })
    }

    /// The setting that holds it for later upgrades, with its present value; none for what is decided anew each time.
    pub(crate) fn setting(self, launch: &Launch) -> Option<(&'static str, Value)> {
        let options = &launch.options;
        Some(match self {
            Choice::Restart => ("auto_restart", options.auto_restart.into()),
            Choice::Tests => ("skip_tests", options.skip_tests.into()),
            Choice::Backups => ("keep_backups", options.keep_backups.into()),
            Choice::Commit => ("git_commit_after", options.git_commit_after.into()),
            Choice::DryRun => ("dry_run", options.dry_run.into()),
            Choice::Part
            | Choice::Conflicts
            | Choice::Editors
            | Choice::Rules
            | Choice::Rehearsal
            | Choice::PostInstall
            | Choice::Downgrade => return None,
        })
    }

    /// Changes it: to the next value or the one before; on and off either way.
    pub(crate) fn change(self, launch: &mut Launch, forward: bool) {
        const PARTS: [Option<Only>; 3] = [None, Some(Only::Content), Some(Only::Server)];
        const POLICIES: [OnConflict; 6] = [
            OnConflict::Ask,
            OnConflict::MergeKeep,
            OnConflict::MergeTake,
            OnConflict::Keep,
            OnConflict::Take,
            OnConflict::Park,
        ];
        let options = &mut launch.options;
        match self {
            Choice::Part => launch.only = next(&PARTS, launch.only, forward),
            Choice::Conflicts => launch.on_conflict = next(&POLICIES, launch.on_conflict, forward),
            Choice::Backups if forward => options.keep_backups = (options.keep_backups + 1).min(99),
            Choice::Backups => options.keep_backups = options.keep_backups.saturating_sub(1).max(1),
            Choice::Restart => options.auto_restart = !options.auto_restart,
            Choice::Editors => options.editor_config = !options.editor_config,
            Choice::Rules => options.rules = !options.rules,
            Choice::Tests => options.skip_tests = !options.skip_tests,
            Choice::Rehearsal => options.no_rehearsal = !options.no_rehearsal,
            Choice::PostInstall => options.allow_post_install_failure = !options.allow_post_install_failure,
            Choice::Commit => options.git_commit_after = !options.git_commit_after,
            Choice::Downgrade => options.allow_downgrade = !options.allow_downgrade,
            Choice::DryRun => options.dry_run = !options.dry_run,
        }
    }
}

/// How conflicts are settled, in a few words.
pub(crate) fn policy_word(policy: OnConflict) -> &'static str {
    match policy {
        OnConflict::Ask => "ask me",
        OnConflict::Keep => "keep mine",
        OnConflict::Take => "take theirs",
        OnConflict::MergeKeep => "merge, mine first",
        OnConflict::MergeTake => "merge, theirs first",
        OnConflict::Park => "put off",
    }
}

fn next<T: Copy + PartialEq>(all: &[T], now: T, forward: bool) -> T {
    let at = all.iter().position(|v| *v == now).unwrap_or(0);
    let by = if forward { 1 } else { all.len().saturating_sub(1) };
    all.get((at + by) % all.len().max(1)).copied().unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_can_be_changed_there_and_back() {
        for choice in Choice::ALL {
            let before = crate::tui::tests::samples::launch();
            let mut launch = before.clone();
            choice.change(&mut launch, true);
            assert_ne!(launch, before, "{choice:?}");
            assert!(choice.value(&launch) != choice.value(&before), "{choice:?}");
            choice.change(&mut launch, false);
            assert_eq!(launch, before, "{choice:?}");
        }
    }
}

//! Sessions that were left unfinished.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{FROM, TO, feed, fresh, launch, path, plan};
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::policy::OnConflict;
use crate::core::session::{Answer, Session, Status};
use crate::engine::planning::inspect::{Draft, Unfinished};
use crate::tui::message::Msg;
use crate::tui::model::Model;
use crate::tui::theme::Theme;

/// A session that was cut off in phase 2; `applied` if it had begun to write.
pub fn session(applied: bool) -> Session {
    let launch = launch();
    let answers: BTreeMap<RelPath, Answer> =
        path("workflows/spec_creation_v1/metadata.json").map(|p| (p, Answer::Keep)).into_iter().collect();
    Session {
        schema: 1,
        session_id: "019303a0-7c1e-7d2a-b7c4-0f1e2d3c4b5a".to_owned(),
        number: 1,
        after: Vec::new(),
        status: if applied { Status::Running } else { Status::AwaitingDecision },
        reason: None,
        install: launch.project.join(".praxis-os"),
        project: launch.project,
        source: PathBuf::from("/home/ada/src/praxis-os"),
        source_commit: TO.to_owned(),
        source_version: "1.2.0".to_owned(),
        from_release: Some(FROM.to_owned()),
        created_at: "2026-11-22T10:30:45Z".to_owned(),
        updated_at: "2026-11-22T10:33:02Z".to_owned(),
        current_phase: Phase::Content,
        completed_phases: vec![Phase::PreFlight, Phase::Backup],
        phase_artifacts: BTreeMap::new(),
        answers,
        answers_done: false,
        rules: Vec::new(),
        answered_by: Default::default(),
        prompts: 1,
        applied,
        options: launch.options,
        plan: plan(),
        backup: Some("2026-11-22-103045".to_owned()),
        server: None,
        venv_generation: None,
        gitignore_added: Vec::new(),
        rebuilt: false,
        set_aside: Vec::new(),
        resolving: false,
        on_conflict: OnConflict::Ask,
        counted: (0, 0),
        rolling_back: false,
        documents: BTreeMap::new(),
        asked: None,
        chosen: BTreeMap::new(),
        stamp: "2026-11-22-103045".to_owned(),
    }
}

/// The screen of such a session.
pub fn unfinished(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = fresh(theme, width, height);
    let drafts = path("standards/universal/ai-safety/git-safety-rules.md");
    let drafts = drafts.into_iter().map(|path| Draft { path, hunks: Some(2), written: 1 }).collect();
    let found = Unfinished { session: session(false), drafts };
    feed(&mut model, Msg::Opened(Ok(Some(Box::new(found)))));
    model
}

/// The screen of a session whose files were damaged: made of what its journal and backup tell.
pub fn rebuilt(theme: Theme, width: u16, height: u16) -> Model {
    let mut session = session(false);
    session.rebuilt = true;
    session.rolling_back = true;
    session.applied = true;
    session.status = Status::Interrupted;
    session.current_phase = Phase::Content;
    session.reason = Some(
        "its files were damaged (session.json is damaged, session.1.json is damaged); rebuilt from journal and backup"
            .to_owned(),
    );
    session.source_commit.clear();
    session.source_version.clear();
    session.updated_at.clone_from(&session.created_at);
    session.answers.clear();
    session.plan.files.clear();
    session.backup = Some("2026-11-22-103045".to_owned());
    let mut model = fresh(theme, width, height);
    feed(&mut model, Msg::Opened(Ok(Some(Box::new(session.into())))));
    model
}

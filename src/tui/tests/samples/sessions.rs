//! Sessions that were left unfinished.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{FROM, TO, feed, fresh, launch, path, plan};
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::policy::OnConflict;
use crate::core::session::{self, Approval, Decision, PhaseRecord, Remains, Session, StateEvent};
use crate::engine::planning::inspect::{Draft, Unfinished};
use crate::tui::message::Msg;
use crate::tui::model::Model;
use crate::tui::theme::Theme;

/// A session that was cut off in phase 2; `applied` if it had begun to write.
pub(crate) fn session(applied: bool) -> Session {
    let launch = launch();
    let answers: BTreeMap<RelPath, Decision> =
        path("workflows/spec_creation_v1/metadata.json").map(|p| (p, Decision::Keep)).into_iter().collect();
    let mut plan = plan();
    (plan.source.commit, plan.source.version) = (TO.to_owned(), "1.2.0".to_owned());
    plan.install.release = Some(FROM.to_owned());
    let source = PathBuf::from("/home/ada/src/praxis-os");
    let options = launch.options;
    let approval = Approval { source, on_conflict: OnConflict::Ask, options, plan, ..Approval::default() };
    let install = launch.project.join(".praxis-os");
    let mut session = Session::begin(approval, ID.to_owned(), launch.project, install, began());
    session.number = 1;
    session.updated_at = "2026-11-22T10:33:02Z".to_owned();
    session.decisions = answers.into();
    session.prompts = 1;
    session.backup = Some("2026-11-22-103045".to_owned());
    // Without evidence, which no screen shows.
    for phase in [Phase::PreFlight, Phase::Backup] {
        session.complete(phase, PhaseRecord::default());
    }
    session.phase_artifacts.clear();
    let event = if applied { StateEvent::Applied } else { StateEvent::ConflictsOpened };
    after(session, &[event])
}

/// Its id.
const ID: &str = "019303a0-7c1e-7d2a-b7c4-0f1e2d3c4b5a";

/// When it began.
fn began() -> jiff::Timestamp {
    "2026-11-22T10:30:45Z".parse().unwrap_or_default()
}

/// A session to which this has happened; what can't happen is left out.
pub(crate) fn after(mut session: Session, events: &[StateEvent]) -> Session {
    for event in events {
        let _ = session.advance(event);
    }
    session
}

/// The screen of such a session.
pub(crate) fn unfinished(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = fresh(theme, width, height);
    let drafts = path("standards/universal/ai-safety/git-safety-rules.md");
    let drafts = drafts.into_iter().map(|path| Draft { path, hunks: Some(2), written: 1 }).collect();
    let found = Unfinished { session: session(false), drafts, needs_a_word: false };
    feed(&mut model, Msg::Opened(Ok(Some(Box::new(found)))));
    model
}

/// The screen of a session whose files were damaged: made of what its journal and backup tell.
pub(crate) fn rebuilt(theme: Theme, width: u16, height: u16) -> Model {
    let install = launch().project.join(".praxis-os");
    let session = session::rebuilt(Remains {
        session_id: ID.to_owned(),
        install,
        why: "session.json is damaged, session.1.json is damaged".to_owned(),
        began: began(),
        stamp: "2026-11-22-103045".to_owned(),
        applied: true,
        ended: None,
        backup: Some("2026-11-22-103045".to_owned()),
        number: 1,
        parent: None,
        venv_generation: None,
        gitignore_added: Vec::new(),
        folder_before: None,
    });
    // The release it came from is named above the screen.
    let mut approval = session.approved().clone();
    approval.plan.install.release = Some(FROM.to_owned());
    let session = session.attach(approval);
    let mut model = fresh(theme, width, height);
    feed(&mut model, Msg::Opened(Ok(Some(Box::new(session.into())))));
    model
}

//! What is noted of sessions in the user's own history, which outlives their installs.

use crate::core::past_upgrade::{Kind, PastUpgrade};
#[cfg(debug_assertions)]
use crate::core::session::Approval;
use crate::core::session::Session;
use crate::engine::events::Finish;
use crate::engine::events::Level;
use crate::engine::session::context::Run;
use crate::host::demo;
use crate::host::server::view;
use crate::host::session::catalog::Found;
use crate::host::user::history_store::{self, StoreError};

/// Notes how a run ended, and every session of its install that is not noted yet. Where that can't be done, a line in the log
/// says so, and nothing else: the upgrade is what it is.
pub(crate) fn note(run: &Run, finish: &Finish) {
    if view::is_inside() || finish.session_id.is_none() {
        return;
    }
    let mut rows = rows(&run.found_now());
    let going_back = run.session.rolling_back() || rows.iter().any(|row| is_back(row, &run.session));
    let kind_ended = |row: &&mut PastUpgrade| match going_back {
        true => is_back(row, &run.session),
        false => row.id == run.session.session_id,
    };
    for row in rows.iter_mut().filter(kind_ended) {
        row.exit = Some(finish.exit_code as u8);
    }
    if let Err(e) = history_store::put(&rows, true) {
        run.log(Level::Info, "history", &format!("this upgrade is not in the history of this machine: {e}"));
    }
}

/// Notes what an install's sessions say, as they were read without its lock.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn note_found(found: &Found) -> Result<(), StoreError> {
    history_store::put(&rows(found), false)
}

/// In builds with debug assertions `POS_HISTORY_ROWS=N` notes so many upgrades that never were, and says each id to `noted`
/// when it is in the store. In release builds there is nothing of it.
///
/// # Errors
/// [`StoreError`].
#[cfg(debug_assertions)]
pub(crate) fn planted(mut noted: impl FnMut(&str)) -> Result<(), StoreError> {
    let count = std::env::var("POS_HISTORY_ROWS").ok().and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    for _ in 0..count {
        let id = uuid::Uuid::now_v7().to_string();
        let now = jiff::Timestamp::now();
        let session = Session::begin(Approval::default(), id.clone(), "/p".into(), "/p/.praxis-os".into(), now);
        history_store::put(&PastUpgrade::all_of(&session), true)?;
        noted(&id);
    }
    Ok(())
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn planted(_: impl FnMut(&str)) -> Result<(), StoreError> {
    Ok(())
}

fn is_back(row: &PastUpgrade, session: &Session) -> bool {
    row.kind == Kind::Rollback && row.rollback_of.as_ref() == Some(&session.session_id)
}

/// A demo is nobody's project, and what was only tried is no upgrade.
fn rows(found: &Found) -> Vec<PastUpgrade> {
    let real = |s: &&Session| {
        let is_demo = s.source().is_absolute() && demo::is_demo(s.source());
        !is_demo && !s.options().only_rehearsal
    };
    found.sessions.iter().filter(real).flat_map(PastUpgrade::all_of).collect()
}

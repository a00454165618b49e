//! The hidden command that an upgrade starts itself with, to try the new release in a view of its own.

use crate::core::exit::Exit;
use crate::engine;
use crate::host::server::view;

/// Runs it, if that is what this process was started for. There must be one thread only.
pub fn rehearse() -> Option<Exit> {
    let mut words = std::env::args_os().skip(1);
    if !view::is_inside() || words.next()? != view::COMMAND {
        return None;
    }
    let install = words.next()?;
    let Some(session_id) = words.next() else {
        // Only asked whether there could be a view.
        if let Err(why) = view::try_here(install.as_ref()) {
            say!("{why}");
        }
        return Some(Exit::Done);
    };
    let place = words.next()?;
    engine::rehearse(&install, &session_id, &place, |line| say!("{line}"));
    Some(Exit::Done)
}

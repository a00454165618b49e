//! Standing rules that a person makes of answers. They are noted in the session, and stand in the project's
//! `upgrade.json` once the conflicts are settled: written with the rest, and taken back with the rest. In their own
//! session they settle nothing: what they cover is decided on the screen, where it can be changed.

use crate::core::session::Session;
use crate::core::settings;
use crate::core::visible::Shown as _;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::read;

/// Notes a rule: the glob will stand in the project's `upgrade.json`, and holds for upgrades to come.
///
/// # Errors
/// A sentence saying why it can't be written there.
pub(crate) fn add(run: &mut Run, take: bool, pattern: &str) -> Result<(), String> {
    let path = run.session.install.join(settings::FILE);
    let failed = |problem: String| format!("{}: {problem}; the rule is not made", path.shown());
    if std::fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_file()) {
        return Err(failed("something other than a file stands there".into()));
    }
    let old = read::read_if_there(&path).map_err(|e| failed(e.to_string()))?.unwrap_or_default();
    let rule = (take, pattern.to_owned());
    if run.session.rules.contains(&rule) {
        return Ok(());
    }
    run.session.rules.push(rule);
    if let Err(problem) = text(&run.session, &old) {
        run.session.rules.pop();
        return Err(failed(problem));
    }
    match run.save() {
        Err(Stop::Failed { what, .. }) => Err(what),
        _ => Ok(()),
    }
}

/// Drops a rule of this session.
///
/// # Errors
/// When the session can't be saved.
pub(crate) fn remove(run: &mut Run, take: bool, pattern: &str) -> Result<(), Stop> {
    run.session.rules.retain(|(t, p)| (*t, p.as_str()) != (take, pattern));
    run.save()
}

/// The text of `upgrade.json` with the session's rules; all else in it stays as it is.
///
/// # Errors
/// What is wrong with the text that is there.
pub(crate) fn text(session: &Session, old: &[u8]) -> Result<Vec<u8>, String> {
    let mut text = String::from_utf8(old.to_vec()).map_err(|_| "not UTF-8 text".to_owned())?;
    for (take, pattern) in &session.rules {
        let options = session.options();
        let known = if *take { &options.always_take } else { &options.always_keep };
        text = settings::with_rule(&text, *take, pattern, known).map_err(|e| e.to_string())?;
    }
    Ok(text.into_bytes())
}

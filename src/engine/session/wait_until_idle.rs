//! Waits for servers that are left alone: they see the new pages too, and two servers that write into one index at once
//! leave it with every row twice.

use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant, SystemTime};

use crate::core::index::Places;
use crate::core::path::RelPath;
use crate::core::phase::Phase;
use crate::core::task::Task;
use crate::engine::events::Level;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::host::files::journal::Journal;
use crate::host::process::proc;
use crate::host::server;
use crate::host::server::search_index;

/// How long is waited.
struct Patience {
    /// A server begins 5 s after it saw a change: so long after the last one, with some room.
    after: f64,
    /// So long it must do nothing then.
    quiet: f64,
    /// No longer than this in all.
    longest: f64,
}

/// The share of a processor that a server takes which does nothing but wait.
const IDLE: f64 = 0.05;

/// Builds for tests can be told to be less patient: three numbers of seconds.
fn patience() -> Patience {
    let told = std::env::var("POS_WATCHER_PATIENCE").ok().filter(|_| cfg!(debug_assertions));
    let told: Vec<f64> = told.iter().flat_map(|t| t.split(',')).filter_map(|n| n.trim().parse().ok()).collect();
    match told[..] {
        [after, quiet, longest] => Patience { after, quiet, longest },
        _ => Patience { after: 6.0, quiet: 2.0, longest: 90.0 },
    }
}

/// Servers of this install that run now, while none of our own does.
pub(crate) fn left_alone(run: &Run) -> Vec<u32> {
    server::all(&run.session.install).into_iter().map(|process| process.pid).collect()
}

/// Waits, before a server of our own is started, until those that are left alone have read the pages that phase 2 wrote.
///
/// # Errors
/// [`Stop`] if a person asked for that meanwhile.
pub(crate) fn after_changes(run: &mut Run, phase: Phase, task: Task) -> Result<(), Stop> {
    let install = &run.session.install;
    let places = search_index::places(install);
    // Without an index there is none that two could write into; one outside of the install is not looked at.
    if places.index.as_ref().is_some_and(|folder| !folder.under(install).is_dir()) {
        return Ok(());
    }
    let Some(age) = age_of_changes(run, &places) else { return Ok(()) };
    let others = left_alone(run);
    let patience = patience();
    let still = Duration::try_from_secs_f64(patience.after - age.as_secs_f64()).unwrap_or_default();
    until_quiet(run, &others, still, &patience, &mut |run, waited, what| run.progress(phase, task, waited, 0, what))
}

/// Waits, in a rollback, until servers that are left alone do nothing: one that is about to finish its index would call
/// it current.
///
/// # Errors
/// None while nobody is listened to.
pub(crate) fn before_outdating(run: &mut Run, others: &[u32]) -> Result<(), Stop> {
    for pid in others {
        run.log(Level::Info, "server", &format!("waiting until pid {pid}, which is left alone, does nothing"));
    }
    until_quiet(run, others, Duration::ZERO, &patience(), &mut |_, _, _| {})
}

fn until_quiet(
    run: &mut Run,
    others: &[u32],
    still: Duration,
    patience: &Patience,
    tell: &mut dyn FnMut(&mut Run, u64, &str),
) -> Result<(), Stop> {
    if others.is_empty() {
        return Ok(());
    }
    let pids = others.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let what = format!("waiting until the server (pid {pids}) that is left alone has read the new pages");
    let (begun, mut busy, mut used) = (Instant::now(), Instant::now(), seconds_used(others));
    loop {
        run.check()?;
        let (now, idle) = (seconds_used(others), busy.elapsed().as_secs_f64());
        let Some(used_now) = now else { return Ok(()) };
        if used_now - used.unwrap_or(0.0) > IDLE * patience.quiet.max(idle) {
            (busy, used) = (Instant::now(), now);
        } else if idle >= patience.quiet && begun.elapsed() >= still {
            return Ok(());
        }
        if begun.elapsed().as_secs_f64() >= patience.longest {
            run.warn("server", still_busy(run, &pids, begun.elapsed().as_secs()));
            return Ok(());
        }
        tell(run, begun.elapsed().as_secs(), &what);
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn still_busy(run: &Run, pids: &str, seconds: u64) -> String {
    let install = &run.session.install;
    let places = search_index::places(install);
    let under = |path: Option<RelPath>| path.map(|p| run.shown(&p.under(install)));
    let remedy = match (under(places.note()), under(places.flag())) {
        (Some(note), Some(flag)) => {
            format!("; if a search finds pages twice: rm -f {note}; touch {flag}; then reload that server")
        }
        _ => String::new(),
    };
    format!(
        "the server (pid {pids}) that is left alone was still busy after {seconds} s, and is not waited for{remedy}"
    )
}

/// What those have used that still live; none if none does.
fn seconds_used(pids: &[u32]) -> Option<f64> {
    let living: Vec<f64> = pids.iter().filter_map(|pid| proc::seconds_used(*pid)).collect();
    (!living.is_empty()).then(|| living.iter().sum())
}

/// How long ago phase 2 changed its last page; none if it changed none.
fn age_of_changes(run: &Run, places: &Places) -> Option<Duration> {
    let install = &run.session.install;
    let journal = Journal::load(install, &run.folder("content")).ok().flatten()?;
    let pages = journal.results().map(|(path, _)| path).filter(|path| places.is_page(path));
    // Of a page that is gone its folder tells, or one above.
    let changed = pages.map(|page| {
        let all = std::iter::successors(Some(page.clone()), RelPath::parent);
        let found = all.into_iter().find_map(|path| path.under(install).symlink_metadata().ok());
        found.map_or(SystemTime::UNIX_EPOCH, |meta| {
            let nanoseconds = u32::try_from(meta.ctime_nsec()).unwrap_or(0);
            SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(meta.ctime()).unwrap_or(0), nanoseconds)
        })
    });
    // A clock that was set back meanwhile: as if it had been just now.
    changed.max().map(|last| last.elapsed().unwrap_or_default())
}

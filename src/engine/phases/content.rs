//! Phase 2: standards, workflows and scripts, exactly as planned; with them the baseline and the version files.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;

use crate::core::account::is_pristine;
use crate::core::baseline;
use crate::core::blob::BlobId;
use crate::core::error_code::Code;
use crate::core::index::Trust;
use crate::core::layout::layouts;
use crate::core::outcome::Sides;
use crate::core::path::RelPath;
use crate::core::phase::{ActualUpgrade, ContentEvidence, DryRunPreview, Phase};
use crate::core::plan::{FileEntry, Kind, Only, Plan};
use crate::core::renamed;
use crate::core::session::StateEvent;
use crate::core::settings;
use crate::core::task::Task;
use crate::core::visible::Shown as _;
use crate::engine::account::check;
use crate::engine::account::take::When;
use crate::engine::conflicts::apply;
use crate::engine::conflicts::apply::Decided;
use crate::engine::conflicts::deferred;
use crate::engine::conflicts::rules;
use crate::engine::conflicts::settle;
use crate::engine::events::Level;
use crate::engine::phases::rename_folder;
use crate::engine::phases::server::{index, ready};
use crate::engine::phases::{assistant_rules, editors};
use crate::engine::planning::make_plan;
use crate::engine::planning::source::Source;
use crate::engine::report::documents;
use crate::engine::rollback::changes;
use crate::engine::session::context::Run;
use crate::engine::session::stop::Stop;
use crate::engine::session::task::done;
use crate::host::backup::copy;
use crate::host::backup::copy::{Backup, Entry};
use crate::host::files::crash_points::{KEEP, around};
use crate::host::files::error::FsError;
use crate::host::files::folder::{Content, Folder};
use crate::host::files::fs;
use crate::host::files::journal::{Journal, NewFile, State, Wanted};
use crate::host::files::parallel;
use crate::host::install::locked::LockedInstall;
use crate::host::process::proc;
use crate::host::server::search_index;
use crate::host::server::{self, Running};

const PHASE: Phase = Phase::Content;

/// Whether an entry is server code, which phase 3 applies.
fn is_server(decided: &Decided) -> bool {
    layouts().is_server(&decided.entry.path) || decided.entry.from.as_ref().is_some_and(|f| layouts().is_server(f))
}

/// Applies the content. After the journal's commit a relaunch only rolls forward and needs no source.
///
/// # Errors
/// [`Stop`].
pub(crate) fn run(run: &mut Run) -> Result<ContentEvidence, Stop> {
    if !run.session.applied() {
        rename_folder::make_sure(run)?;
    }
    let install = run.install();
    // A session that was taken up here has lost what it began in phase 1.
    crate::engine::phases::server::fetch::begin(run);
    let folder = run.folder("content");
    let preview = preview(run.session.plan());
    let journal = match Journal::load(&install, &folder)? {
        Some(journal) => {
            // Planned, answered and committed before an interruption.
            for task in [Task::DryRun, Task::Preview, Task::Conflicts].iter().chain(ready::BEFORE).copied() {
                run.task(PHASE, task, |_| done("as committed before the interruption", ()))?;
            }
            journal
        }
        // Planned again now, what is half applied would be taken for the user's work.
        None if run.session.applied() => {
            return Err(Stop::failed(format!("{}: the journal of this upgrade is gone", folder.shown())));
        }
        None => loop {
            let prepared = match run.session.resolving() {
                true => prepare_parked(run, &install, &folder),
                false => prepare(run, &install, &folder),
            };
            match prepared {
                Err(Stop::ChangeAnswers) => {
                    // Saved, so that whoever takes the session up after a crash is asked, too.
                    run.session.answers_done = false;
                    run.save()?;
                }
                prepared => break prepared?,
            }
        },
    };
    run.advance(&StateEvent::Applied)?;
    run.save()?;
    ready::stop_server(run)?;
    let (journal, applied) = run.task(PHASE, Task::Apply, |run| {
        let journal = in_place(run, journal)?;
        let install = run.install();
        index::aside(run)?;
        let applied = apply::carry_out(run, &journal, PHASE, Task::Apply)?;
        let lines = documents::add_gitignore_lines(run)?;
        editors::write(run)?;
        assistant_rules::write(run)?;
        let outdated = outdate_index(run, &journal);
        let running = || matches!(server::find(&install), Running::Yes(_));
        if run.session.plan().only == Some(Only::Content) && (outdated || running()) {
            // No phase 3 will do it, and the index is out of date now: for a running server, and for the next one.
            search_index::ask_for_rebuild(&install)?;
        }
        done(format!("{} paths, {lines} lines in .gitignore", journal.len()), (journal, applied))
    })?;
    run.task(PHASE, Task::Verify, |run| {
        let checked = apply::verify(run, &journal, &applied.since)?;
        let yours = check::nothing_lost(run, When::Content)?;
        done(format!("{checked} of {checked} paths, {yours} files of yours"), ())
    })?;
    let version = run.session.source_version().to_owned();
    run.task(PHASE, Task::VersionFiles, |_| done(version.clone(), ()))?;
    journal.drop_staging(&install);
    let (new_files, updated_files) = run.session.counted;
    Ok(ContentEvidence {
        safe_upgrade_executed: true,
        dry_run_preview: preview,
        actual_upgrade: ActualUpgrade {
            new_files,
            updated_files,
            conflicts_resolved: (run.session.answers().len() - run.session.put_off()) as u64,
            user_prompts: run.session.prompts,
        },
        checksums_verified: true,
        version_updated: run.session.source_version().to_owned(),
        update_log_appended: true,
        gitignore_entries_added: run.session.gitignore_added.len() as u64,
        rescued: applied.rescued.iter().map(|(_, to)| to.to_string()).collect(),
    })
}

/// The journal where the install is from here on: its folder gets its new name first.
fn in_place(run: &mut Run, journal: Journal) -> Result<Journal, Stop> {
    if !rename_folder::forward(run)? {
        return Ok(journal);
    }
    let folder = run.folder("content");
    let moved = Journal::load(&run.session.install, &folder)?;
    moved.ok_or_else(|| Stop::failed(format!("{}: the journal of this upgrade is gone", folder.shown())))
}

/// Makes the server look for pages that changed, if any did: it goes by the newest time, which is no newer where pages
/// went away, or were staged before an interruption. Whether there is an index that is out of date now.
fn outdate_index(run: &mut Run, journal: &Journal) -> bool {
    let install = run.install();
    let places = search_index::places(&install);
    // One that has no note goes in phase 3, when no server runs.
    if places.note_layout().is_none() || run.session.ready.as_ref().is_some_and(|ready| ready.index_is_current) {
        return false;
    }
    let mut pages = journal.results().filter(|(path, _)| places.is_page(path)).peekable();
    // An index elsewhere can't be marked; it matters only where pages went.
    if pages.peek().is_none() || (places.index.is_none() && !pages.any(|(_, state)| *state == State::Absent)) {
        return false;
    }
    search_index::outdate(&install, &places, Trust::Files).unwrap_or_else(|e| {
        run.warn("index", search_index::problem(&install, &places, &e));
        true
    })
}

/// The plan's counts in the seed's words.
pub(crate) fn preview(plan: &Plan) -> DryRunPreview {
    let count = |kinds: &[Kind]| kinds.iter().map(|k| plan.summary.get(*k)).sum();
    DryRunPreview {
        new_files: count(&[Kind::New]),
        updated_files: count(&[Kind::Update, Kind::Move, Kind::AutoMerge, Kind::Remove]),
        unchanged_files: count(&[Kind::Unchanged]),
        conflicts: count(&[Kind::Conflict]),
        local_only: count(&[Kind::LocalOnly, Kind::StaysDeleted]),
    }
}

/// Plans again, settles conflicts, stages everything and commits. Nothing in the install changes here.
fn prepare(run: &mut Run, install: &LockedInstall, folder: &Path) -> Result<Journal, Stop> {
    let (source, planned) = run.task(PHASE, Task::DryRun, |run| {
        let source = run.source().map_err(Stop::failed)?;
        let (planned, hashed) =
            make_plan::make_plan_anew(&source, install, run.session.plan().only).map_err(Stop::failed)?;
        run.hashed = hashed;
        if let Some(what) = difference(run.session.plan(), &planned.plan) {
            let next = Some("look at the new plan: start the upgrade again".into());
            return Err(Stop::Failed { code: Some(Code::PlanOutdated), what, next });
        }
        done(format!("{} paths, as approved", planned.plan.files.len()), (source, planned))
    })?;
    let texts = |entry: &FileEntry| Ok(make_plan::sides(&source, install, entry)?);
    let decided = settle(run, texts)?;
    let live = Folder::open(install)?;
    let (server, mut content) = wanted(run, &live, decided)?;
    let next_baseline = planned.next_baseline.to_json().map_err(Stop::failed)?.into_bytes();
    content.push(replaced(&live, baseline::FILE, |_| next_baseline)?);
    content.push(replaced(&live, "VERSION.txt", |old| documents::version_text(&run.session, old))?);
    let preview = preview(run.session.plan());
    content.push(replaced(&live, "UPDATE_LOG.txt", |old| documents::update_log(&run.session, &preview, old))?);
    content.extend(rules_file(run, &live)?);
    moved_config(run, &live, &mut content)?;
    covered(run, server.iter().chain(&content))?;
    editors::note(run, &source);
    assistant_rules::note(run, &source)?;
    if !run.session.options().only_rehearsal {
        keep_base(install, &source)?;
        keep_edited_bases(run, texts)?;
    }
    deferred::keep(run, texts)?;
    // What follows needs no source, and may take its time.
    run.source = None;
    commit(run, install, folder, server, content)
}

/// What is written for the decisions, and counted: of the server, which phase 3 applies, and of the rest.
fn wanted(run: &mut Run, live: &Folder, decided: Vec<Decided>) -> Result<(Vec<Wanted>, Vec<Wanted>), Stop> {
    run.session.counted = apply::counts(decided.iter());
    let (server, content): (Vec<Decided>, Vec<Decided>) = decided.into_iter().partition(is_server);
    Ok((apply::wanted(live, server)?, apply::wanted(live, content)?))
}

/// Commits both journals now, while plan and answers are at hand: phase 3 needs no source.
fn commit(
    run: &mut Run,
    install: &LockedInstall,
    folder: &Path,
    server: Vec<Wanted>,
    content: Vec<Wanted>,
) -> Result<Journal, Stop> {
    let old: Vec<(RelPath, State)> = server.iter().chain(&content).map(|w| (w.path.clone(), w.old.clone())).collect();
    let server = Journal::commit(install, &run.folder("server"), server)?;
    ready::make(run, &server)?;
    let staged = Journal::stage(install, folder, content)?;
    ready::rehearse(run)?;
    // What the user takes away until now was not taken by what comes.
    check::note_gone(run, PHASE)?;
    run.check()?;
    still_so(install, &old)?;
    Ok(staged.commit()?)
}

/// What took its time may have been enough for somebody to change a file that the plan is about.
pub(super) fn still_so(install: &Path, old: &[(RelPath, State)]) -> Result<(), Stop> {
    let live = Folder::open(install)?;
    for (path, old) in old {
        if !old.is_met_by(&live.look(path)?) {
            return Err(Stop::Failed {
                code: Some(Code::PlanOutdated),
                what: format!("{path}: changed while the upgrade was made ready, so nothing was applied"),
                next: Some("look at the new plan: start the upgrade again".into()),
            });
        }
    }
    Ok(())
}

/// The tasks of preview and questions.
fn settle(run: &mut Run, texts: impl Fn(&FileEntry) -> Result<Sides, Stop>) -> Result<Vec<Decided>, Stop> {
    run.task(PHASE, Task::Preview, |run| {
        let p = preview(run.session.plan());
        done(format!("{} new, {} updated, {} conflicts", p.new_files, p.updated_files, p.conflicts), ())
    })?;
    let decided = run.task(PHASE, Task::Conflicts, |run| {
        let decided = settle::settle(run, texts)?;
        let parked = run.session.put_off();
        let (answers, asked) = (run.session.answers().len() - parked, run.session.prompts);
        let later = if parked == 0 { String::new() } else { format!(", {parked} put off") };
        let detail =
            if answers + parked == 0 { "none".to_owned() } else { format!("{answers} settled, {asked} by you") };
        done(detail + &later, decided)
    })?;
    run.check()?;
    Ok(decided)
}

/// The same for conflicts that earlier sessions put off. Needs no source; the release stays what it is.
fn prepare_parked(run: &mut Run, install: &LockedInstall, folder: &Path) -> Result<Journal, Stop> {
    run.task(PHASE, Task::DryRun, |run| {
        let now = deferred::plan(install, &run.found_now().sessions).map_err(Stop::failed)?;
        let what = match &now {
            Some(now) => difference(run.session.plan(), now),
            None => Some("none of these conflicts waits any more, so nothing was applied".to_owned()),
        };
        match what {
            Some(what) => Err(Stop::Failed {
                code: Some(Code::PlanOutdated),
                what,
                next: Some("start again: pos-upgrade-tui resolve".into()),
            }),
            None => done(format!("{} paths", run.session.plan().files.len()), ()),
        }
    })?;
    let texts = |entry: &FileEntry| deferred::sides(install, entry);
    let decided = settle(run, texts)?;
    let live = Folder::open(install)?;
    let (server, mut content) = wanted(run, &live, decided)?;
    content.push(replaced(&live, "UPDATE_LOG.txt", |old| documents::resolve_log(&run.session, old))?);
    content.extend(rules_file(run, &live)?);
    covered(run, server.iter().chain(&content))?;
    commit(run, install, folder, server, content)
}

/// Nothing is touched that the backup does not hold as it is now: a file that was changed, or not there, while the
/// backup was made could not be brought back.
pub(super) fn covered<'w>(run: &Run, mut wanted: impl Iterator<Item = &'w Wanted>) -> Result<(), Stop> {
    let Some(name) = &run.session.backup else { return Ok(()) };
    let backup = Backup::open(&copy::folder_of(&run.session.install).join(name)).map_err(Stop::failed)?;
    let folds = fs::folds_case(&run.session.install);
    let held = |w: &Wanted| match (&w.old, changes::entry(&backup, &w.path, folds)) {
        (State::Absent, _) => true,
        (State::File { sha256, mode }, Some((_, Entry::File { sha256: saved, mode: m, .. }))) => {
            sha256 == saved && mode == m
        }
        _ => false,
    };
    match wanted.find(|w| !held(w)) {
        None => Ok(()),
        Some(w) => Err(Stop::Failed {
            code: Some(Code::PlanOutdated),
            what: format!("{}: changed since the backup was made, so nothing was applied", w.path),
            next: Some("look at the new plan: start the upgrade again".into()),
        }),
    }
}

/// A document at the top of the install, made from its old bytes.
pub(super) fn replaced(live: &Folder, name: &str, text: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<Wanted, Stop> {
    let path = RelPath::new(name).map_err(Stop::failed)?;
    let (old, bytes, mode) = match live.read(&path)? {
        Content::File { bytes, mode } => (State::of(&bytes, mode), bytes, mode),
        Content::Folder | Content::Other => {
            return Err(Stop::failed(format!("{name}: something other than a file stands there")));
        }
        Content::Absent => (State::Absent, Vec::new(), crate::host::process::proc::new_file_mode()),
    };
    Ok(Wanted { path, old, new: Some(NewFile { bytes: text(&bytes), mode, mtime: None }) })
}

/// `upgrade.json` with the rules that were made, if there are any.
fn rules_file(run: &Run, live: &Folder) -> Result<Option<Wanted>, Stop> {
    if run.session.rules.is_empty() {
        return Ok(None);
    }
    let mut problem = None;
    let wanted = replaced(live, settings::FILE, |old| {
        rules::text(&run.session, old).unwrap_or_else(|what| {
            problem = Some(what);
            old.to_vec()
        })
    })?;
    match problem {
        Some(what) => Err(Stop::failed(format!("{}: {what}, so nothing was applied", settings::FILE))),
        None => Ok(Some(wanted)),
    }
}

/// The config of a server names folders of the project. Those within the install get its new name, or the new server would
/// look where nothing is any more.
fn moved_config(run: &mut Run, live: &Folder, content: &mut Vec<Wanted>) -> Result<(), Stop> {
    let Some(before) = run.session.folder_before.clone() else { return Ok(()) };
    let config = &server::layout_of(&run.session.install).index.config;
    let renamed = |bytes: &[u8]| renamed::renamed(bytes, before.as_bytes(), layouts().newest().folder.as_bytes());
    let planned = content.iter_mut().find(|wanted| wanted.path == *config);
    let changed = match planned.map(|wanted| wanted.new.as_mut()) {
        Some(None) => false,
        Some(Some(new)) => {
            let old = std::mem::take(&mut new.bytes);
            new.bytes = renamed(&old);
            new.bytes != old
        }
        None => match live.read(config)? {
            Content::File { bytes, .. } if renamed(&bytes) != bytes => {
                content.push(replaced(live, &config.to_string(), renamed)?);
                true
            }
            _ => false,
        },
    };
    if changed {
        run.log(Level::Info, "config", &format!("{config}: the folder's new name stands where {before} stood"));
    }
    Ok(())
}

/// Keeps the bytes of the release that is being installed, so that a shallow source still has a base next time.
fn keep_base(install: &LockedInstall, source: &Source) -> Result<(), Stop> {
    // What stands there may be a link: it is replaced, never written through.
    let folder = Folder::open(&install.make_folder(".upgrade/base")?)?;
    // One that a crash tore is written again.
    let mut all: Vec<(&RelPath, &BlobId)> = source.tree.iter().map(|(path, file)| (path, &file.blob)).collect();
    let mut named = HashSet::new();
    all.retain(|(_, id)| named.insert(*id));
    let kept = parallel::in_parallel(&all, |(_, id)| make_plan::kept_base(install, id).map(|found| found.is_some()))?;
    let missing: Vec<_> = all.into_iter().zip(kept).filter(|(_, kept)| !kept).map(|(one, _)| one).collect();
    let ids: Vec<&BlobId> = missing.iter().map(|(_, id)| *id).collect();
    let mut written = Ok(());
    source.blobs.read_each(&ids, |at, bytes| {
        if let (Some(bytes), Ok(())) = (bytes, &written) {
            written = put_base(&folder, ids[at], &bytes);
        }
    });
    written?;
    for (path, id) in missing {
        source.must_be_sound(Some(id), path).map_err(Stop::failed)?;
    }
    Ok(())
}

/// Keeps the releases' bytes that the user's edits began from: by them it is told later where each line of his is.
fn keep_edited_bases(run: &Run, texts: impl Fn(&FileEntry) -> Result<Sides, Stop>) -> Result<(), Stop> {
    let install = &run.session.install;
    let folder = Folder::open(&install.join(".upgrade/base"))?;
    for entry in run.session.plan().files.iter().filter(|entry| !is_pristine(entry)) {
        let Some(id) = &entry.base else { continue };
        if make_plan::kept_base(install, id)?.is_none()
            && let Some(bytes) = texts(entry)?.base
        {
            put_base(&folder, id, &bytes)?;
        }
    }
    Ok(())
}

fn put_base(folder: &Folder, id: &BlobId, bytes: &[u8]) -> Result<(), FsError> {
    around(KEEP, || folder.put(OsStr::new(&id.to_string()), bytes, proc::new_file_mode()))
}

/// What a new plan has other than the approved one, naming the paths.
pub(super) fn difference(approved: &Plan, now: &Plan) -> Option<String> {
    const SHOWN: usize = 10;
    let paths = approved.disagreements(now);
    if paths.is_empty() {
        return None;
    }
    let more = if paths.len() > SHOWN { format!("\n  and {} more", paths.len() - SHOWN) } else { String::new() };
    let shown = paths.iter().take(SHOWN).map(|p| format!("\n  {p}")).collect::<String>();
    Some(format!("the install changed since you approved the plan, so nothing was applied:{shown}{more}"))
}

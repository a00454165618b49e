//! Does what effects ask for, off the drawing thread, and reaches the engine.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc;

use super::launch::Launch;
use super::merge_rows::Layout;
use super::message::{Effect, Look, Msg};
use super::model::HunkFacts;
use super::setup::Looked;
use super::{diff, merge_rows};
use crate::core::merge::Merge;
use crate::core::outcome::{Outcome, Sides, merge_of};
use crate::core::plan::{FileEntry, Kind};
use crate::core::policy::OnConflict;
use crate::core::session::{Decision, Purpose, Session, Status};
use crate::engine::at_work::Work;
use crate::engine::events::{Command, ConflictFile, Event};
use crate::engine::executor::{self, Handle};
use crate::engine::maintenance::settings::{self, Whose};
use crate::engine::planning::inspect;
use crate::engine::planning::request::Request;
use crate::engine::planning::source::Source;
use crate::engine::planning::sources;
use crate::engine::planning::sources::{Candidate, Found, Standing};
use crate::engine::report::plan_document;
use crate::host::process::program::Listener;
use crate::host::user::consent;
use crate::host::user::consent::Wish;
use crate::host::user::recent_sources;

/// How long a path must stay as it is before it is looked at.
const PAUSE: Duration = Duration::from_millis(150);

/// How long a session may take to finish its step after a signal.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// How the wizard reaches the engine; tests put their own in its place.
pub(crate) trait Engine: Clone + Send + 'static {
    fn unfinished(&self, launch: &Launch) -> Result<Option<inspect::Unfinished>, String>;
    fn inspect(&self, request: &Request) -> inspect::Inspection;
    fn deepen(&self, request: &Request) -> Result<inspect::Inspection, String>;
    fn texts(&self, request: &Request, source: Option<Arc<Source>>, entry: &FileEntry) -> Result<Sides, String>;
    fn candidates(&self, launch: &Launch) -> Vec<Candidate>;
    fn look(&self, look: &Look) -> Looked;
    fn standing(&self, request: &Request) -> Result<Standing, String>;
    fn fetch(&self, address: &Path, listener: &mut dyn Listener) -> Result<PathBuf, String>;
    fn remember(&self, source: &Path);
    fn save_option(&self, key: &str, value: Value) -> Result<PathBuf, String>;
    fn recall(&self, launch: &Launch, session: &str) -> Option<crate::core::session::Session>;
    fn handle(&self, effect: Effect, launch: &Launch) -> Option<Handle>;
}

/// The engine itself.
#[derive(Clone)]
pub(super) struct Real;

impl Engine for Real {
    fn unfinished(&self, launch: &Launch) -> Result<Option<inspect::Unfinished>, String> {
        inspect::unfinished(&launch.project)
    }

    fn inspect(&self, request: &Request) -> inspect::Inspection {
        inspect::approval(request)
    }

    fn deepen(&self, request: &Request) -> Result<inspect::Inspection, String> {
        inspect::deepen(&request.source).map_err(|e| e.to_string())?;
        Ok(inspect::approval(request))
    }

    fn texts(&self, request: &Request, source: Option<Arc<Source>>, entry: &FileEntry) -> Result<Sides, String> {
        inspect::texts(request, source, entry)
    }

    fn candidates(&self, launch: &Launch) -> Vec<Candidate> {
        let home = std::env::var_os("HOME").map(std::path::PathBuf::from);
        sources::candidates(&launch.project, home.as_deref(), recent_sources::folder().as_deref())
    }

    fn look(&self, look: &Look) -> Looked {
        let path = &look.request.source;
        Looked {
            found: sources::look(path, look.request.to.as_deref()),
            folders: sources::folders(path, look.typed.ends_with('/')),
            typed: look.typed.clone(),
        }
    }

    fn standing(&self, request: &Request) -> Result<Standing, String> {
        sources::standing(request)
    }

    fn fetch(&self, address: &Path, listener: &mut dyn Listener) -> Result<PathBuf, String> {
        sources::fetch(address, listener)
    }

    fn remember(&self, source: &Path) {
        if let Some(folder) = recent_sources::folder() {
            sources::remember(&folder, source);
        }
    }

    fn save_option(&self, key: &str, value: Value) -> Result<PathBuf, String> {
        let saved = settings::set(Whose::User, key, Some(value), &mut |_| {});
        saved.map_err(|problem| format!("{}: {}", problem.what, problem.next))
    }

    fn recall(&self, launch: &Launch, session: &str) -> Option<crate::core::session::Session> {
        inspect::session(&launch.project, session)
    }

    fn handle(&self, effect: Effect, launch: &Launch) -> Option<Handle> {
        match effect {
            Effect::Resolve(plan) => Some(executor::resolve(&launch.project, *plan, launch.options.clone())),
            Effect::Start(request, plan, source, policy) => {
                consent::allow(&request.project, &Wish::Source(request.source.clone()));
                Some(executor::start(*request, *plan, source, policy))
            }
            Effect::Resume(session, named) => Some(executor::resume(*session, named)),
            Effect::RollBack(session) => Some(executor::roll_back(*session, "asked for in the wizard", false)),
            Effect::Discard(session) => Some(executor::discard(*session)),
            _ => None,
        }
    }
}

/// Where the running session hears commands, once there is one; it ends as if this did not exist.
pub(super) type Ears = Arc<Mutex<Option<mpsc::WeakSender<Command>>>>;

/// Does what effects ask for, off the drawing thread.
pub(super) struct Worker<E> {
    pub(crate) engine: E,
    pub(crate) results: mpsc::Sender<Msg>,
    pub(crate) handle: Option<Handle>,
    pub(crate) commands: Option<mpsc::UnboundedSender<Command>>,
    /// The same, for whoever must reach the engine while the loop stands still.
    pub(crate) engine_ears: Ears,
    /// Counts the paths that were to be looked at: only the last one matters.
    pub(crate) looks: Arc<AtomicU64>,
    /// Set to give up what is being fetched.
    pub(crate) stop_fetching: Arc<AtomicBool>,
}

impl<E: Engine> Worker<E> {
    /// Runs `work` on a thread where it may block; its message comes back through the inbox.
    pub(crate) fn spawn(
        &self,
        work: impl FnOnce() -> Msg + Send + 'static,
        failed: impl FnOnce() -> Msg + Send + 'static,
    ) {
        let results = self.results.clone();
        tokio::spawn(async move {
            let msg = tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| failed());
            let _ = results.send(msg).await;
        });
    }

    pub(crate) fn open(&self, launch: &Launch) {
        let (engine, launch) = (self.engine.clone(), launch.clone());
        self.spawn(
            move || Msg::Opened(engine.unfinished(&launch).map(|s| s.map(Box::new))),
            || Msg::Broken("Looking for an unfinished session ended in a bug; nothing was changed."),
        );
    }

    pub(crate) fn perform(&mut self, effect: Effect, launch: &Launch) {
        match effect {
            Effect::Inspect(request) => {
                let engine = self.engine.clone();
                self.spawn(
                    move || Msg::Inspected(Box::new(engine.inspect(&request))),
                    || Msg::Broken("The checks ended in a bug; nothing was changed."),
                );
            }
            Effect::Offer => {
                let (engine, launch) = (self.engine.clone(), launch.clone());
                self.spawn(move || Msg::Offered(engine.candidates(&launch)), || Msg::Offered(Vec::new()));
            }
            Effect::Look(look) => self.look(*look),
            Effect::Fetch { typed, address } => self.fetch(typed, address),
            Effect::StopFetching => self.stop_fetching.store(true, Ordering::SeqCst),
            Effect::Recall(session) => {
                let (engine, launch, writes) = (self.engine.clone(), launch.clone(), Work::begin());
                self.spawn(
                    move || {
                        let _writes = writes;
                        let session = engine.recall(&launch, &session);
                        // Here, and not once the screen has it: whoever presses `q` at once is remembered, too.
                        // A session that settles what was put off has no source of its own.
                        let is_upgrade = |s: &&Session| s.purpose() == Purpose::Upgrade;
                        let upgraded = session.as_ref().filter(|s| s.status() == Status::Completed).filter(is_upgrade);
                        if let Some(upgraded) = upgraded {
                            engine.remember(upgraded.source());
                        }
                        Msg::Recalled(session.map(Box::new))
                    },
                    || Msg::Recalled(None),
                );
            }
            Effect::Save { folder, request, inspection } => {
                let writes = Work::begin();
                self.spawn(
                    move || {
                        let _writes = writes;
                        Msg::Saved(plan_document::save(&folder, &request, &inspection))
                    },
                    || Msg::Saved(Err("Writing it ended in a bug".to_owned())),
                );
            }
            Effect::SaveOption(key, value) => {
                let (engine, writes) = (self.engine.clone(), Work::begin());
                self.spawn(
                    move || {
                        let _writes = writes;
                        Msg::OptionSaved(engine.save_option(key, value))
                    },
                    || Msg::OptionSaved(Err("Saving it ended in a bug".to_owned())),
                );
            }
            Effect::Deepen(request) => {
                let (engine, writes) = (self.engine.clone(), Work::begin());
                self.spawn(
                    move || {
                        let _writes = writes;
                        match engine.deepen(&request) {
                            Ok(inspection) => Msg::Inspected(Box::new(inspection)),
                            Err(why) => Msg::NotDeepened(why),
                        }
                    },
                    || Msg::Broken("Fetching the history ended in a bug; nothing was changed in the install."),
                );
            }
            Effect::LoadTexts { entry, prior, policy, source } => {
                let (engine, request, lost) = (self.engine.clone(), launch.request(), entry.clone());
                self.spawn(
                    move || {
                        let texts = match request {
                            Some(request) => engine.texts(&request, source, &entry),
                            None => Err("There is no source to read from.".to_owned()),
                        };
                        let result =
                            texts.as_ref().ok().and_then(|sides| written(&entry, prior.as_ref(), policy, sides));
                        Msg::TextsLoaded { entry, texts, result }
                    },
                    move || {
                        let texts = Err("Reading it ended in a bug.".to_owned());
                        Msg::TextsLoaded { entry: lost, texts, result: None }
                    },
                );
            }
            Effect::BuildDiff { owner, compare, old, new, how } => {
                let lost = owner.clone();
                self.spawn(
                    move || {
                        let diff = Arc::new(diff::build(old.as_ref(), new.as_ref(), how));
                        Msg::DiffReady { owner, compare, diff }
                    },
                    move || {
                        let diff = Arc::new(diff::Diff::with_note("Comparing them ended in a bug."));
                        Msg::DiffReady { owner: lost, compare, diff }
                    },
                );
            }
            Effect::BuildMerge { file, texts, layout } => {
                let lost = move || not_aligned(file);
                self.spawn(move || align(file, &texts, layout), lost);
            }
            Effect::LayOut { file, merge, layout } => {
                let lost = move || not_aligned(file);
                self.spawn(move || lay_out(file, merge, layout), lost);
            }
            Effect::Find { owner, needle, place } => {
                let lost = Msg::Found { owner: owner.clone(), needle: needle.clone(), hits: Vec::new() };
                self.spawn(
                    move || {
                        let hits = place.find(&needle);
                        Msg::Found { owner, needle, hits }
                    },
                    move || lost,
                );
            }
            Effect::Send(command) => drop(self.commands.as_ref().map(|c| c.send(command))),
            other => {
                if let Some(handle) = self.engine.handle(other, launch) {
                    self.forward(handle.commands.clone());
                    self.handle = Some(handle);
                }
            }
        }
    }

    /// Looks at a path, and then at the install from there, unless another path comes in between.
    pub(crate) fn look(&self, look: Look) {
        let (engine, results, looks) = (self.engine.clone(), self.results.clone(), Arc::clone(&self.looks));
        let own = looks.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::spawn(async move {
            let outdated = || looks.load(Ordering::SeqCst) != own;
            if !look.at_once {
                tokio::time::sleep(PAUSE).await;
            }
            if outdated() {
                return;
            }
            let (typed, request) = (look.typed.clone(), look.request.clone());
            let work = engine.clone();
            let looked = tokio::task::spawn_blocking(move || work.look(&look)).await.unwrap_or_else(|_| Looked {
                typed: typed.clone(),
                found: Found::Folder("Looking at it ended in a bug.".to_owned()),
                folders: Vec::new(),
            });
            let is_clone = matches!(looked.found, Found::Clone(_));
            let _ = results.send(Msg::Looked(Box::new(looked))).await;
            if is_clone && !outdated() {
                let standing = tokio::task::spawn_blocking(move || engine.standing(&request)).await;
                let standing = standing.unwrap_or_else(|_| Err("comparing it ended in a bug".to_owned()));
                let _ = results.send(Msg::Stood(typed, standing)).await;
            }
        });
    }

    /// Fetches what an address has, unless an earlier one is given up only now.
    fn fetch(&mut self, typed: String, address: PathBuf) {
        let (engine, results, writes) = (self.engine.clone(), self.results.clone(), Work::begin());
        // One of its own: an earlier one that was given up stays given up.
        self.stop_fetching = Arc::default();
        let mut ear = Ear { stop: Arc::clone(&self.stop_fetching), results, told: None };
        let lost = typed.clone();
        self.spawn(
            move || {
                let _writes = writes;
                Msg::Fetched(typed, engine.fetch(&address, &mut ear))
            },
            move || Msg::Fetched(lost, Err("Fetching it ended in a bug".to_owned())),
        );
    }

    /// Commands go through a task of their own: the loop must never wait for an engine that waits for the loop.
    pub(crate) fn forward(&mut self, to: mpsc::Sender<Command>) {
        let (sender, mut queue) = mpsc::unbounded_channel();
        self.commands = Some(sender);
        if let Ok(mut ears) = self.engine_ears.lock() {
            *ears = Some(to.downgrade());
        }
        tokio::spawn(async move {
            while let Some(command) = queue.recv().await {
                if to.send(command).await.is_err() {
                    break;
                }
            }
        });
    }

    /// Lets a session finish its step: a half-written file is worse than a second's wait.
    pub(crate) async fn wind_down(mut self) {
        self.stop_fetching.store(true, Ordering::SeqCst);
        if let Some(handle) = &mut self.handle {
            let ended = async {
                while let Some(event) = handle.events.recv().await {
                    if matches!(event, Event::Finished(_)) {
                        break;
                    }
                }
            };
            let _ = tokio::time::timeout(GRACE, ended).await;
        }
    }
}

/// How often git is heard.
const TELL: Duration = Duration::from_millis(250);

/// Hears git while it fetches.
struct Ear {
    stop: Arc<AtomicBool>,
    results: mpsc::Sender<Msg>,
    told: Option<Instant>,
}

impl Listener for Ear {
    fn line(&mut self, text: &str) {
        let is_early = self.told.is_some_and(|told| told.elapsed() < TELL);
        if text.contains('%') && !is_early {
            self.told = Some(Instant::now());
            let _ = self.results.try_send(Msg::Fetching(text.to_owned()));
        }
    }

    fn go_on(&mut self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}

/// What a plan entry writes over mine, where a diff of mine and theirs doesn't say it: a merge that needs no question, and
/// whatever settles a conflict.
fn written(entry: &FileEntry, prior: Option<&Decision>, policy: OnConflict, sides: &Sides) -> Option<Arc<[u8]>> {
    let mine = sides.mine.as_ref()?;
    match inspect::unasked_outcome(entry, prior, policy, sides)? {
        Outcome::Write { bytes, .. } if entry.kind == Kind::Conflict || sides.theirs.as_ref() != Some(&bytes) => {
            Some(bytes)
        }
        Outcome::Nothing if entry.kind == Kind::Conflict => Some(Arc::clone(mine)),
        _ => None,
    }
}

/// Aligns a conflict's texts and lays its rows out both ways.
pub(crate) fn align(file: usize, texts: &ConflictFile, layout: Layout) -> Msg {
    match merge_of(&texts.path, &texts.sides()) {
        Some(merge) => {
            let hunks = HunkFacts::all(&texts.path, &merge);
            laid_out(file, Arc::new(merge), hunks, layout)
        }
        None => not_aligned(file),
    }
}

/// Lays the rows of a conflict out both ways.
pub(crate) fn lay_out(file: usize, merge: Arc<Merge>, layout: Layout) -> Msg {
    laid_out(file, merge, Arc::default(), layout)
}

fn laid_out(file: usize, merge: Arc<Merge>, hunks: Arc<[HunkFacts]>, layout: Layout) -> Msg {
    let rows = Arc::new((merge_rows::build(&merge, false, layout), merge_rows::build(&merge, true, layout)));
    Msg::MergeReady { file, merge: Some(merge), hunks, rows: Some(rows) }
}

fn not_aligned(file: usize) -> Msg {
    Msg::MergeReady { file, merge: None, hunks: Arc::default(), rows: None }
}

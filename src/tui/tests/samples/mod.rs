//! Fixed models that snapshots and pictures are drawn from: made-up paths, ids and times, real-looking texts.

use crate::core::task::Task;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::core::blob::{BlobId, ObjectFormat};
use crate::core::exit::Exit;
use crate::core::path::RelPath;
use crate::core::phase::{Phase, PreFlightEvidence};
use crate::core::plan::{FileEntry, Kind, Plan, PlanInstall, PlanSource, ReleaseEvidence, Summary};
use crate::core::question::{Question, Way};
use crate::core::report_parts::Part;
use crate::core::session::StateEvent;
use crate::engine::events::{ConflictFile, Event, Finish, FinishKind, Level, Outcome};
use crate::engine::planning::inspect::Inspection;
use crate::engine::planning::rehearsal::Foreseen;
use crate::engine::planning::sources::{Candidate, Facts, Found, Standing};

mod sessions;

pub(crate) use sessions::{after, rebuilt, session, unfinished};

use crate::tui::launch::Launch;
use crate::tui::message::{Effect, Msg};
use crate::tui::model::Model;
use crate::tui::setup::Looked;
use crate::tui::theme::Theme;
use crate::tui::update::update;
use crate::tui::worker::{align, lay_out};

const FROM: &str = "3446b8a91c0de5f27ab84e6d1039c5b7f2a8e614";
const TO: &str = "e8b70c7d5a2f4916b3c08e7fd1a24596c0b3e8d7";

/// What every sample is started with.
pub(crate) fn launch() -> Launch {
    Launch { source: Some(PathBuf::from("/home/ada/src/praxis-os")), ..Launch::new(PathBuf::from("/home/ada/shop")) }
}

fn path(text: &str) -> Option<RelPath> {
    RelPath::new(text).ok()
}

fn id(text: &str) -> Option<BlobId> {
    Some(BlobId::of(text.as_bytes(), ObjectFormat::Sha1))
}

fn entry(kind: Kind, at: &str, from: Option<&str>, hunks: usize, reason: &str) -> Option<FileEntry> {
    let theirs = if kind == Kind::Remove { None } else { id(&format!("{at} new")) };
    Some(FileEntry {
        path: path(at)?,
        path_base64: None,
        kind,
        from: from.and_then(path),
        source_path: path(&format!("universal/{at}")),
        base: id(at),
        mine: if kind == Kind::New { None } else { id(at) },
        theirs,
        conflict_hunks: hunks,
        reason: reason.to_owned(),
        executable: false,
    })
}

/// A plan with about thirty files of every kind.
pub(crate) fn plan() -> Plan {
    use Kind::{AutoMerge, Conflict, LocalOnly, Move, New, Remove, StaysDeleted, Unchanged, Update};
    let pristine = "Untouched since 3446b8a; the source changed it.";
    let rows: &[(Kind, &str, Option<&str>, usize, &str)] = &[
        (
            Conflict,
            "standards/universal/ai-safety/git-safety-rules.md",
            None,
            2,
            "you edited this since 3446b8a (2 hunks); source changed 3; 2 overlap",
        ),
        (
            Conflict,
            "workflows/spec_creation_v1/metadata.json",
            None,
            1,
            "you edited this since 3446b8a (1 hunk); source changed 2; 1 overlap",
        ),
        (
            Conflict,
            "standards/universal/database/database-patterns.md",
            None,
            0,
            "you deleted this since 3446b8a; source changed it",
        ),
        (
            AutoMerge,
            "standards/universal/testing/test-pyramid.md",
            None,
            0,
            "you edited this since 3446b8a (1 hunk); source changed 4; none overlap",
        ),
        (
            AutoMerge,
            "mcp_server/rag_engine.py",
            None,
            0,
            "you edited this since 3446b8a (1 hunk); source changed 2; none overlap",
        ),
        (Update, "standards/universal/ai-assistant/rag-content-authoring.md", None, 0, pristine),
        (Update, "standards/universal/architecture/dependency-injection.md", None, 0, pristine),
        (Update, "standards/universal/concurrency/deadlocks.md", None, 0, pristine),
        (Update, "standards/universal/concurrency/race-conditions.md", None, 0, pristine),
        (Update, "standards/universal/testing/property-based-testing.md", None, 0, pristine),
        (Update, "usage/operating-model.md", None, 0, pristine),
        (Update, "usage/mcp-usage-guide.md", None, 0, pristine),
        (Update, "mcp_server/__main__.py", None, 0, pristine),
        (Update, "mcp_server/config/loader.py", None, 0, pristine),
        (Update, "mcp_server/server/factory.py", None, 0, pristine),
        (Update, "mcp_server/requirements.txt", None, 0, pristine),
        (New, "standards/universal/workflows/workflow-construction.md", None, 0, "The source added it."),
        (New, "workflows/workflow_creation_v1/metadata.json", None, 0, "The source added it."),
        (New, "workflows/workflow_creation_v1/phases/0/phase.md", None, 0, "The source added it."),
        (New, "mcp_server/browser_manager.py", None, 0, "The source added it."),
        (
            Move,
            "workflows/praxis_os_upgrade_v1/metadata.json",
            Some("workflows/agent_os_upgrade_v1/metadata.json"),
            0,
            "The source renamed the workflow.",
        ),
        (
            Move,
            "workflows/praxis_os_upgrade_v1/phases/0/phase.md",
            Some("workflows/agent_os_upgrade_v1/phases/0/phase.md"),
            0,
            "The source renamed the workflow.",
        ),
        (Remove, "standards/universal/meta/agent-os-naming.md", None, 0, "Untouched by you; the source removed it."),
        (LocalOnly, "standards/universal/security/secrets.md", None, 0, "You edited it; the source left it alone."),
        (
            StaysDeleted,
            "standards/universal/performance/caching.md",
            None,
            0,
            "You deleted it; the source left it alone.",
        ),
        (Unchanged, "standards/universal/documentation/readme-templates.md", None, 0, "Already what the source ships."),
        (Unchanged, "standards/universal/installation/update-procedures.md", None, 0, "Already what the source ships."),
        (Unchanged, "workflows/test_generation_v3/metadata.json", None, 0, "Already what the source ships."),
        (Unchanged, "workflows/test_generation_v3/phases/1/phase.md", None, 0, "Already what the source ships."),
        (Unchanged, "mcp_server/monitoring/watcher.py", None, 0, "Already what the source ships."),
    ];
    let mut files: Vec<FileEntry> = rows.iter().filter_map(|(k, p, f, h, r)| entry(*k, p, *f, *h, r)).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Plan {
        schema: 1,
        source: PlanSource {
            path: "/home/ada/src/praxis-os".to_owned(),
            path_base64: None,
            version: "1.2.0".to_owned(),
            commit: TO.to_owned(),
            shallow: false,
            partial: false,
            generation: "praxis-os".to_owned(),
        },
        install: PlanInstall {
            path: "/home/ada/shop/.praxis-os".to_owned(),
            path_base64: None,
            layout: "current".to_owned(),
            generation: "praxis-os".to_owned(),
            release: Some(FROM.to_owned()),
            release_evidence: ReleaseEvidence::History,
        },
        only: None,
        summary: Summary::of(&files),
        files,
    }
}

/// What looking at the sample's install finds.
pub(crate) fn inspection() -> Inspection {
    let news = [
        ("e8b70c7", "2026-11-20", "Pin the server's protocol version"),
        ("dc10c02", "2026-11-14", "Safety rules: never reset --hard on main"),
        ("4d4827b", "2026-11-09", "Safety rules: allow git show"),
        ("91ac0f3", "2026-11-02", "Workflow creation: from idea to metadata"),
        ("7d02b5e", "2026-10-27", "Browser tools: one session per conversation"),
        ("a4471d9", "2026-10-19", "Rename the upgrade workflow"),
    ];
    Inspection {
        evidence: PreFlightEvidence {
            source_path: "/home/ada/src/praxis-os".to_owned(),
            source_version: "1.2.0".to_owned(),
            source_commit: TO.to_owned(),
            source_git_clean: true,
            target_exists: true,
            target_structure_valid: true,
            disk_space_available: "112 GB".to_owned(),
            disk_space_required: "9.1 MB".to_owned(),
            disk_space_available_bytes: 112_000_000_000,
            disk_space_required_bytes: 9_100_000,
            no_concurrent_workflows: true,
            server_found: "running, ours to restart".into(),
            warnings: vec!["the newest backup is 23 days old".to_owned()],
        },
        problems: Vec::new(),
        rehearsal: Some(Foreseen::Here),
        outside: Default::default(),
        project_files: Vec::new(),
        rules: Vec::new(),
        leftovers: Vec::new(),
        pointers: Vec::new(),
        only_planned: None,
        current: false,
        plan: Some(plan()),
        source: None,
        prior: Default::default(),
        ask_again: false,
        changed_by: [
            ("standards/universal/ai-safety/git-safety-rules.md", &["dc10c02", "4d4827b"][..]),
            ("workflows/praxis_os_upgrade_v1/metadata.json", &["a4471d9"]),
        ]
        .into_iter()
        .filter_map(|(at, ids)| Some((path(at)?, ids.iter().map(|id| (*id).to_owned()).collect())))
        .collect(),
        whats_new: news.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect(),
    }
}

const RULES: &str = "# Git Safety Rules

Rules for assistants that run git for a person.

## Allowed without asking

- `git status`, `git diff`
- `git log`, `git blame`
- `git branch --list`

## Ask first

Everything that writes: commits, merges, rebases, tags.
Say what will change before you do it.

## Never

- `git push --force`
- `git clean -fdx`
- rewriting what others have pulled

## When something went wrong

Stop. Say what happened. `git reflog` finds what seems lost.
";

const METADATA: &str = "{
  \"name\": \"spec_creation_v1\",
  \"version\": \"1.0.0\",
  \"phases\": [
    \"requirements\",
    \"design\",
    \"tasks\"
  ],
  \"strict\": true
}
";

fn bytes(text: &str) -> Option<Arc<[u8]>> {
    Some(Arc::from(text.as_bytes()))
}

/// Four conflicts: two hunks, one hunk, deleted by the user, and not text.
pub(crate) fn conflict_files() -> Vec<ConflictFile> {
    let mine = RULES
        .replace("`git log`, `git blame`", "`git log`, `git blame`, `git grep`\n- our CI may push tags")
        .replace("Say what will change before you do it.", "Show the command, wait for a yes.");
    let theirs = RULES
        .replace("`git log`, `git blame`", "`git log`, `git blame`, `git show`")
        .replace("Say what will change before you do it.", "Show the command, then wait.")
        .replace("- `git clean -fdx`\n", "- `git clean -fdx`\n- `git reset --hard` on main\n");
    let file = |at: &str, reason: &str, base, mine, theirs| {
        Some(ConflictFile {
            path: path(at)?,
            from: None,
            ids: Default::default(),
            reason: reason.to_owned(),
            base,
            mine,
            theirs,
            draft: None,
            answered: false,
            refused: Vec::new(),
        })
    };
    let patterns = "# Database Patterns\n\nOne repository per aggregate.\n";
    [
        file(
            "standards/universal/ai-safety/git-safety-rules.md",
            "changed by both",
            bytes(RULES),
            bytes(&mine),
            bytes(&theirs),
        ),
        file(
            "workflows/spec_creation_v1/metadata.json",
            "changed by both",
            bytes(METADATA),
            bytes(&METADATA.replace("\"tasks\"", "\"tasks\",\n    \"review\"")),
            bytes(&METADATA.replace("\"tasks\"", "\"tasks\",\n    \"implementation\"").replace("1.0.0", "1.1.0")),
        ),
        file(
            "standards/universal/database/database-patterns.md",
            "deleted by you",
            bytes(patterns),
            None,
            bytes(&patterns.replace("aggregate.", "aggregate, one transaction per request.")),
        ),
        file("usage/diagram.png", "changed by both", bytes("\0base"), bytes("\0mine"), bytes("\0their picture")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A wizard of that size before anything has happened.
pub(crate) fn fresh(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = Model::new(launch(), theme, width, height);
    model.home = Some("/home/ada".to_owned());
    model.started = "2026-11-22T15:04:05Z".parse().ok();
    model
}

/// Takes a message in and answers the effects that need no engine, as the loop would.
pub(crate) fn feed(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut left = Vec::new();
    let mut todo = update(model, msg);
    while !todo.is_empty() {
        let effect = todo.remove(0);
        let answer = match effect {
            Effect::BuildMerge { file, texts, layout } => align(file, &texts, layout),
            Effect::LayOut { file, merge, layout } => lay_out(file, merge, layout),
            Effect::Find { owner, needle, place } => {
                let hits = place.find(&needle);
                Msg::Found { owner, needle, hits }
            }
            Effect::BuildDiff { owner, compare, old, new, how } => {
                let diff = Arc::new(crate::tui::diff::build(old.as_ref(), new.as_ref(), how));
                Msg::DiffReady { owner, compare, diff }
            }
            other => {
                left.push(other);
                continue;
            }
        };
        todo.extend(update(model, answer));
    }
    update(model, Msg::Drawn);
    update(model, Msg::Seen);
    left
}

/// What stands at the sample's source.
pub(crate) fn clone_facts() -> Facts {
    Facts {
        path: PathBuf::from("/home/ada/src/praxis-os"),
        version: "1.2.0".to_owned(),
        commit: TO.to_owned(),
        date: "2026-11-20".to_owned(),
        shallow: false,
        partial: false,
        snapshot: false,
        uncommitted: 0,
    }
}

/// A wizard that was started without a source, and found one that was used before.
pub(crate) fn setup(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = fresh(theme, width, height);
    model.launch.source = None;
    feed(&mut model, Msg::Opened(Ok(None)));
    let candidate = |path: &str, recent| Candidate { path: PathBuf::from(path), is_source: true, recent };
    let found = vec![candidate("/home/ada/src/praxis-os", true), candidate("/home/ada/try/praxis-os", false)];
    feed(&mut model, Msg::Offered(found));
    let typed = "~/src/praxis-os".to_owned();
    let looked = Looked { typed: typed.clone(), found: Found::Clone(clone_facts()), folders: Vec::new() };
    feed(&mut model, Msg::Looked(Box::new(looked)));
    let standing = Standing {
        release: Some(FROM.to_owned()),
        evidence: ReleaseEvidence::History,
        edited: 6,
        deleted: 2,
        pending: 23,
        conflicts: 3,
        settled: 0,
    };
    feed(&mut model, Msg::Stood(typed, Ok(standing)));
    model
}

/// The plan, waiting for a yes.
pub(crate) fn preview(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = fresh(theme, width, height);
    feed(&mut model, Msg::Inspected(Box::new(inspection())));
    model
}

/// Phase 2 at 63 % of its dependencies.
pub(crate) fn progress(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = preview(theme, width, height);
    model.running = true;
    model.screen = crate::tui::model::Screen::Progress;
    let mut say = |seconds: f64, event: Event| {
        model.now = Duration::from_millis((seconds * 1e3) as u64);
        feed(&mut model, Msg::Event(event));
    };
    let details: &[(Phase, f64, &[&str])] = &[
        (Phase::PreFlight, 0.3, &["", "", "1.2.0", "", "23 days old", "112 GB free", ""]),
        (Phase::Backup, 0.9, &["", "2026-11-22-103045", "487 files", "41 packages", "", "487 of 487"]),
    ];
    let mut at = 0.0;
    for (phase, seconds, results) in details {
        say(at, Event::PhaseStarted { phase: *phase, name: phase.name(), estimate_seconds: phase.estimate_seconds() });
        at += seconds;
        for (task, detail) in phase.tasks().iter().zip(*results) {
            let (outcome, detail) = (Outcome::Done, (*detail).to_owned());
            say(at, Event::TaskFinished { phase: *phase, task: *task, outcome, detail, seconds: 0.1 });
        }
        say(at, Event::PhaseFinished { phase: *phase, evidence: serde_json::Map::new(), seconds: *seconds });
    }
    let phase = Phase::Content;
    say(at, Event::PhaseStarted { phase, name: phase.name(), estimate_seconds: 90 });
    for (task, detail) in phase.tasks().iter().zip(["as approved", "", "3 answered"]) {
        let (outcome, detail) = (Outcome::Done, detail.to_owned());
        say(at, Event::TaskFinished { phase, task: *task, outcome, detail, seconds: 0.1 });
    }
    say(at + 1.0, Event::TaskStarted { phase, task: Task::Dependencies });
    let log = [
        (2.0, Level::Info, "pip", "Collecting lancedb~=0.25.0"),
        (3.0, Level::Info, "pip", "Downloading lancedb-0.25.3-cp39-abi3-manylinux_2_28_x86_64.whl"),
        (9.0, Level::Warn, "server", "playwright is satisfied, its chromium is not: it will be installed"),
        (11.0, Level::Info, "pip", "Collecting sentence-transformers>=2.0.0"),
        (26.0, Level::Info, "pip", "Downloading torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl"),
    ];
    for (after, level, origin, text) in log {
        say(at + after, Event::Log { level, origin, text: text.to_owned() });
    }
    for (after, done, what) in [(19.0, 8, "numpy 2.3.4 (17 MB)"), (30.0, 12, "torch 2.9.1 (900 MB)")] {
        let detail = format!("downloading {what}");
        say(at + after, Event::TaskProgress { phase, task: Task::Dependencies, done, total: 19, detail });
    }
    model.now = Duration::from_millis(((at + 31.0) * 1e3) as u64);
    model
}

/// The new release is tried.
pub(crate) fn rehearsing(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = progress(theme, width, height);
    model.progress.rehearsal_took = Some(48);
    let mut at = model.now;
    let mut say = |event: Event| {
        at += Duration::from_secs(2);
        model.now = at;
        feed(&mut model, Msg::Event(event));
    };
    let phase = Phase::Content;
    for (task, detail) in [
        (Task::Dependencies, "19 packages"),
        (Task::PostInstallScan, "1 step"),
        (Task::PostInstall, "playwright: done already"),
    ] {
        let (outcome, detail) = (Outcome::Done, detail.to_owned());
        say(Event::TaskFinished { phase, task, outcome, detail, seconds: 12.0 });
    }
    let task = Task::Rehearsal;
    say(Event::TaskStarted { phase, task });
    for text in ["tools: done 7 of 7", "search and workflows answer: done found 3"] {
        say(Event::Log { level: Level::Info, origin: "rehearsal", text: text.to_owned() });
    }
    let detail = "start the server: INFO building the index, 212 of 480 pages".to_owned();
    say(Event::TaskProgress { phase, task, done: 21, total: 0, detail });
    model
}

/// A post-install step that failed.
pub(crate) fn asked(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = progress(theme, width, height);
    let question = Question::new("post_install:playwright", "playwright install chromium failed", Way::RollBack)
        .saying(["exit status: 1", "Downloading Chrome for Testing 143.0", "Error: getaddrinfo ENOTFOUND cdn.example"])
        .offering(Way::Retry, "Retry", "run it again")
        .offering(Way::GoOn, "Continue without", "the report names it; you can run it later")
        .offering(Way::RollBack, "Give up", "nothing in the install was changed");
    feed(&mut model, Msg::Event(Event::QuestionAsked(question)));
    model
}

/// The first of four conflicts.
pub(crate) fn conflict(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = preview(theme, width, height);
    model.running = true;
    feed(&mut model, Msg::Event(Event::ConflictsOpen { files: Arc::new(conflict_files()) }));
    model
}

/// A good end.
pub(crate) fn report(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = preview(theme, width, height);
    let report = vec![
        Part::Subject("/home/ada/shop/.praxis-os  3446b8a -> e8b70c7".to_owned()),
        Part::heading("What changed"),
        Part::line("files: 11 updated, 4 new, 2 moved, 1 removed, 2 merged with your edits, 3 conflicts settled"),
        Part::heading("Your edits"),
        Part::line("merged by itself: mcp_server/rag_engine.py"),
        Part::line("merged by itself: standards/universal/testing/test-pyramid.md"),
        Part::line(
            "conflict: standards/universal/ai-safety/git-safety-rules.md: merged, 2 hunks chosen: 1 yours, 1 theirs",
        ),
        Part::line("conflict: standards/universal/database/database-patterns.md: took theirs"),
        Part::line("conflict: workflows/spec_creation_v1/metadata.json: kept yours (rule always_keep workflows/*)"),
        Part::line("1 edit of yours was left alone"),
        Part::line("1 file that you deleted stays deleted"),
        Part::heading("The server"),
        Part::line("it was restarted with the new code, and runs"),
        Part::heading("Worth a look"),
        Part::Warning("the newest backup is 23 days old".to_owned()),
        Part::heading("Time"),
        Part::line("phase 0 Pre-Flight Checks: 0.3 s"),
        Part::line("phase 1 Backup & Preparation: 0.9 s"),
        Part::line("phase 2 Content Upgrade: 41.2 s"),
        Part::line("phase 3 MCP Server Upgrade: 71.0 s"),
        Part::line("phase 4 Validation: 4.1 s"),
        Part::line("phase 5 Cleanup: 0.2 s"),
        Part::WayBack(vec![
            "backup: .praxis-os/.backups/2026-11-22-103045/".to_owned(),
            "undo: pos-upgrade-tui rollback --project /home/ada/shop".to_owned(),
        ]),
    ];
    let finish = Finish {
        result: FinishKind::Completed,
        exit_code: Exit::Done,
        code: None,
        message: "upgraded /home/ada/shop/.praxis-os (3446b8a -> e8b70c7)".to_owned(),
        next: None,
        report,
        session_id: Some("019303a0-7c1e-7d2a-b7c4-0f1e2d3c4b5a".to_owned()),
        backup: Some(PathBuf::from("/home/ada/shop/.praxis-os/.backups/2026-11-22-103045")),
        seconds: None,
        conflicts: Vec::new(),
    };
    model.running = true;
    feed(&mut model, Msg::Event(Event::Finished(finish)));
    let done = after(session(true), &[StateEvent::Completed]);
    feed(&mut model, Msg::Recalled(Some(Box::new(done))));
    model
}

/// An upgrade that failed in phase 3 and was taken back.
pub(crate) fn failed(theme: Theme, width: u16, height: u16) -> Model {
    let mut model = progress(theme, width, height);
    let said = [
        (Level::Info, "pip", "Collecting lancedb~=0.25.0"),
        (Level::Error, "pip", "ERROR: Could not find a version that satisfies the requirement lancedb~=0.25.0"),
        (Level::Error, "upgrade", "pip ended with exit code 1; nothing of the environment was changed"),
        (Level::Info, "rollback", "22 paths were put back"),
    ];
    for (level, origin, text) in said {
        feed(&mut model, Msg::Event(Event::Log { level, origin, text: text.to_owned() }));
    }
    let finish = Finish {
        result: FinishKind::RolledBack,
        exit_code: Exit::RolledBack,
        code: None,
        message: "/home/ada/shop/.praxis-os is back as it was\nreason: phase 3 failed: pip ended with exit code 1"
            .to_owned(),
        next: Some("see the log above, mend what pip says, then start the upgrade again".to_owned()),
        report: vec![
            Part::Subject("/home/ada/shop/.praxis-os  3446b8a -> e8b70c7".to_owned()),
            Part::line("back at 3446b8a"),
        ],
        session_id: Some("019303a0-7c1e-7d2a-b7c4-0f1e2d3c4b5a".to_owned()),
        backup: Some(PathBuf::from("/home/ada/shop/.praxis-os/.backups/2026-11-22-103045")),
        seconds: None,
        conflicts: Vec::new(),
    };
    feed(&mut model, Msg::Event(Event::Finished(finish)));
    model
}

//! The search index, which a server keeps on disk and calls current by times: it must never answer from pages that are
//! not installed, whatever an upgrade or a rollback did.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{assert_same, eventually, snapshot, text, tools};
use crate::crash::many::shard;
use crate::server::world::{Upgraded, World};

/// How a release misbehaves, with an index of this kind.
fn kept(more: &Value) -> Value {
    let mut switches = json!({"kept_index": true});
    switches.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    switches
}

impl World {
    /// A project with such an index, its server not running, and no index built yet.
    fn with_index(more: &Value) -> Option<Self> {
        let world = Self::new()?;
        world.misbehaves(&kept(more));
        Some(world)
    }

    /// The same, its server running.
    fn running_with_index(more: &Value) -> Option<Self> {
        let mut world = Self::with_index(more)?;
        world.start();
        Some(world)
    }

    /// A release with a new page, a changed one, and one that is gone.
    fn other_pages(&self, more: &Value) {
        fs::remove_file(self.source.join("universal/standards/testing/fast-tests.md")).unwrap();
        fs::write(self.source.join("universal/standards/naming.md"), "# Names are chosen by lot\n\nAll of them.\n")
            .unwrap();
        self.release(&kept(more));
    }

    fn index(&self) -> PathBuf {
        self.install.join(".cache/vector_index")
    }

    /// What the index holds: texts by page, in order.
    fn indexed(&self) -> BTreeMap<String, Vec<String>> {
        let rows: Vec<(String, String)> =
            serde_json::from_slice(&fs::read(self.index().join("rows.json")).unwrap_or_default()).unwrap_or_default();
        let mut all = BTreeMap::<String, Vec<String>>::new();
        for (name, text) in rows {
            all.entry(name).or_default().push(text);
        }
        all
    }

    /// What it should hold.
    fn installed(&self) -> BTreeMap<String, Vec<String>> {
        let files = walkdir::WalkDir::new(self.install.join("standards")).into_iter().map(Result::unwrap);
        let pages = files.filter(|e| e.path().extension().is_some_and(|x| x == "md"));
        let named = |e: walkdir::DirEntry| {
            let name = e.path().strip_prefix(&self.install).unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(e.path()).unwrap().split("\n\n").map(str::to_owned).collect())
        };
        pages.map(named).collect()
    }

    fn is_current(&self, when: &str) {
        assert_eq!(self.indexed(), self.installed(), "{when}");
    }

    fn flag(&self) -> PathBuf {
        self.install.join("standards/.rebuild_index")
    }

    fn roll_back(&self) {
        let back = self.run(&["rollback", "--yes"]);
        assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    }
}

#[test]
fn after_a_rollback_the_index_is_of_the_old_pages() {
    let Some(world) = World::running_with_index(&json!({})) else { return };
    let before = snapshot(&world.install);
    world.is_current("at first");
    world.other_pages(&json!({}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    world.is_current("after the upgrade");
    world.roll_back();
    world.is_current("after the rollback");
    assert_same(&before, &snapshot(&world.install));

    // One that goes back by itself: the new server has its index built before it is found out.
    fs::write(world.source.join("universal/standards/naming.md"), "# Names are drawn from a hat\n\nAll.\n").unwrap();
    world.release(&kept(&json!({"log_error": "the index is torn"})));
    world.fails(&["the index is torn"]);
    world.is_current("after an upgrade that failed");
}

/// Nobody starts a server after the rollback, so the next one has to know.
#[test]
fn a_server_that_is_started_after_a_rollback_has_the_old_pages() {
    for only in [&[][..], &["--only", "content"]] {
        let Some(mut world) = World::with_index(&json!({})) else { return };
        world.start();
        world.stop();
        let before = snapshot(&world.install);
        world.other_pages(&json!({}));
        let done = world.upgrade(only);
        assert_eq!(done.code, 0, "{}", done.said);
        if only.is_empty() {
            world.is_current("after the upgrade");
        } else {
            world.start();
            world.is_current("after the upgrade, when the server was started");
            world.stop();
        }
        world.roll_back();
        let mut after = snapshot(&world.install);
        // A server of the user's built the index meanwhile, which an upgrade of the content alone left in its place.
        let waits = after.remove("standards/.rebuild_index").is_some();
        assert_eq!(waits, !only.is_empty(), "{after:#?}");
        assert_same(&before, &after);
        world.start();
        world.is_current("after the rollback");
        assert!(!world.flag().exists());
    }
}

impl World {
    /// Every file of the index, with its bytes and its time.
    fn index_files(&self) -> BTreeMap<PathBuf, (Vec<u8>, std::time::SystemTime)> {
        let files = walkdir::WalkDir::new(self.index()).into_iter().map(Result::unwrap);
        let read = |e: walkdir::DirEntry| {
            let time = e.metadata().unwrap().modified().unwrap();
            (e.path().to_owned(), (fs::read(e.path()).unwrap(), time))
        };
        files.filter(|e| e.file_type().is_file()).map(read).collect()
    }
}

/// The index of before comes back as a whole: the old server has nothing to build, and no flag is left for it.
#[test]
fn the_old_index_comes_back_as_it_was() {
    let Some(mut world) = World::with_index(&json!({})) else { return };
    world.start();
    world.is_current("at first");
    world.stop();
    let (before, index) = (snapshot(&world.install), world.index_files());
    world.other_pages(&json!({}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    world.is_current("after the upgrade");
    assert!(world.index_files() != index);
    world.roll_back();
    assert_same(&before, &snapshot(&world.install));
    assert_eq!(world.index_files(), index);

    // What the user wrote since, no index of before can know.
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    let own = world.install.join("standards/development");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("ours.md"), "# Ours\n\nWritten since.\n").unwrap();
    world.roll_back();
    assert!(world.flag().exists(), "the next server has to look");
    world.start();
    world.is_current("after the second rollback");
}

/// Killed around each of its renames, the index is that of the pages that are installed in the end.
#[test]
fn killed_while_the_index_goes_aside_or_comes_back() {
    let points = || ["1", "2"].into_iter().flat_map(|n| [(n, "before"), (n, "after")]);
    let after_an_upgrade = points().flat_map(|point| [(false, point, "resume"), (false, point, "rollback")]);
    let cases: Vec<_> = after_an_upgrade.chain(points().map(|point| (true, point, "rollback"))).collect();
    let name = |(upgraded, (n, when), way): &(bool, (&str, &str), &str)| format!("{upgraded} {when} {n} {way}");
    let cases = shard(cases, 4, name);
    for (upgraded, (rename, when), way) in &cases {
        let (upgraded, way) = (*upgraded, *way);
        let Some(mut world) = World::with_index(&json!({})) else { return };
        world.start();
        world.stop();
        let (before, index) = (snapshot(&world.install), world.index_files());
        world.other_pages(&json!({}));
        if upgraded {
            let done = world.upgrade(&[]);
            assert_eq!(done.code, 0, "{}", done.said);
        }
        let source = world.source.to_str().unwrap();
        let upgrade = ["upgrade", "--yes", "--source", source];
        let command: &[&str] = if upgraded { &["rollback", "--yes"] } else { &upgrade };
        let point = format!("index.rename {when} {rename}");
        let died = world.command(command).env("POS_CRASH_AT", &point).output().unwrap();
        assert_eq!(died.status.code(), None, "it was to die at {point}: {}", text(&died).1);
        let way: &[&str] = if way == "resume" { &["resume"] } else { &["rollback", "--yes"] };
        let (code, said) = text(&world.run(way));
        assert_eq!(code, 0, "{way:?} after {point}: {said}");
        if way[0] == "resume" {
            world.is_current(&format!("{way:?} after {point}"));
            world.roll_back();
        }
        let mut after = snapshot(&world.install);
        // Before the first rename nothing was aside, so the rollback goes by times as it always did.
        after.remove("standards/.rebuild_index");
        assert_same(&before, &after);
        world.start();
        world.is_current(&format!("started after {way:?} after {point}"));
        world.stop();
        if way[0] == "resume" || upgraded {
            assert_eq!(world.index_files().len(), index.len());
        }
    }
    println!("{} kills around the renames of the index", cases.len());
}

/// Where no server has looked at the new pages, its index is of the old ones, and nothing is left behind.
#[test]
fn an_index_that_nobody_built_anew_needs_no_flag() {
    let Some(mut world) = World::with_index(&json!({})) else { return };
    world.start();
    world.stop();
    let before = snapshot(&world.install);
    world.other_pages(&json!({}));
    let done = world.upgrade(&["--only", "content"]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert!(world.flag().exists(), "the next server has to know");
    world.roll_back();
    assert_same(&before, &snapshot(&world.install));
    world.start();
    world.is_current("after the rollback");
}

/// A server sees that pages are gone only where another one has changed, or its note says so.
#[test]
fn pages_that_an_upgrade_only_removes_are_found_no_more() {
    let Some(world) = World::running_with_index(&json!({})) else { return };
    fs::remove_file(world.source.join("universal/standards/testing/fast-tests.md")).unwrap();
    world.commit("One page less");
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(world.indexed().len(), 1);
    world.is_current("after the upgrade");
    assert!(!world.finds("Keep the test suite fast").contains("fast-tests"), "the server has it loaded");
    world.roll_back();
    world.is_current("after the rollback");
    assert!(world.finds("Keep the test suite fast").contains("fast-tests"));

    // One page that is brought back from a backup has its old time, too.
    let page = "standards/universal/naming.md";
    fs::write(world.install.join(page), "# Mine\n\nAll mine.\n").unwrap();
    eventually("the server reads what was edited", || world.indexed() == world.installed());
    let back = world.run(&["restore", page]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    eventually("the server reads what was brought back", || world.indexed() == world.installed());
}

#[test]
fn a_flag_that_a_server_could_not_take_is_explained_at_once() {
    let Some(world) = World::running_with_index(&json!({})) else { return };
    world.other_pages(&json!({"flag_fails": "No module named 'lancedb'"}));
    let begun = Instant::now();
    let done = world.fails(&["did not take this flag", "No module named 'lancedb'", "mcp_server.log"]);
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}\n{}", begun.elapsed(), done.said);
}

#[test]
fn the_config_says_where_the_flag_stands() {
    let Some(mut world) = World::with_index(&json!({})) else { return };
    let file = world.install.join("config.json");
    let config = |path: &str| fs::write(&file, json!({"rag": {"standards_path": path}}).to_string()).unwrap();
    config(".praxis-os/standards/universal");
    world.other_pages(&json!({}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.evidence(4)["file_watchers_active"], true);
    assert!(!world.flag().exists() && !world.install.join("standards/universal/.rebuild_index").exists());
    assert!(world.indexed().contains_key("universal/reviews.md"), "{:?}", world.indexed());
    world.roll_back();
    let flag = world.install.join("standards/universal/.rebuild_index");
    assert!(flag.exists() && !world.flag().exists());
    world.start();
    assert!(!flag.exists() && !world.indexed().contains_key("universal/reviews.md"), "{:?}", world.indexed());
    world.stop();

    // Outside of the install no flag is left, and none is waited for.
    fs::create_dir(world.project.join("docs")).unwrap();
    fs::write(world.project.join("docs/ours.md"), "# Names say what a thing is for\n\nHere.\n").unwrap();
    fs::remove_dir_all(world.index()).unwrap();
    config("docs");
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_eq!(done.evidence(4)["file_watchers_active"], "not_applicable: standards outside the install");
    assert!(!world.project.join("docs/.rebuild_index").exists());
}

#[test]
fn a_page_that_the_server_cannot_read_is_a_warning() {
    let Some(world) = World::new() else { return };
    let own = world.install.join("standards/development");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("old.md"), b"# Gr\xfc\xdfe\n").unwrap();
    world.other_pages(&json!({}));
    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    let named = format!("{} is not in the search index: 'utf-8' codec can't decode", own.join("old.md").display());
    assert!(done.warnings().contains(&named), "{}", done.warnings());
    assert_eq!(done.task("index").0, "warning", "{}", done.said);
    let report = done.events.last().unwrap()["report"].to_string();
    assert!(report.contains("standards/development/old.md is not in the search index"), "{report}");
}

/// The editor's server sees the new pages and builds its index; one of our own that did the same at the same time would
/// leave every row twice.
#[test]
fn a_server_that_is_left_alone_has_time_for_its_index() {
    let slow = json!({"debounce": 1.0, "seconds_a_page": 0.7});
    let Some(mut world) = World::with_index(&slow) else { return };
    let mut command = world.server();
    let mut editor = command.stdin(Stdio::piped()).spawn().unwrap();
    let _held = editor.stdin.take();
    let pid = world.adopt(editor);
    world.is_current("at first");
    world.other_pages(&slow);
    let source = world.source.to_str().unwrap();
    let mut command = world.command(&["upgrade", "--json", "--yes", "--source", source]);
    let done = Upgraded::of(&command.env("POS_WATCHER_PATIENCE", "2,1,40").output().unwrap());
    assert_eq!(done.code, 0, "{}", done.said);
    world.is_current("after the upgrade");
    let waiting = format!("waiting until the server (pid {pid}) that is left alone has read the new pages");
    let told = done.events.iter().any(|e| e["event"] == "task_progress" && e["detail"] == waiting.as_str());
    assert!(told, "{}", done.said);
    assert!(tools(&world.install).is_some());

    // It is not told of the rollback, but sees the pages change once more.
    let mut command = world.command(&["rollback", "--yes"]);
    let back = command.env("POS_WATCHER_PATIENCE", "2,1,40").output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    eventually("the editor's server reads the old pages", || world.indexed() == world.installed());
}

/// While that server is waited for, a wish to stop is heard. A rollback that comes while it builds its index waits, and
/// lets it see the old pages afterwards.
#[test]
fn waiting_for_a_server_that_is_left_alone_can_be_stopped() {
    let slow = json!({"debounce": 0.2, "seconds_a_page": 2.0});
    let Some(mut world) = World::with_index(&slow) else { return };
    let mut command = world.server();
    let mut editor = command.stdin(Stdio::piped()).spawn().unwrap();
    let _held = editor.stdin.take();
    world.adopt(editor);
    world.other_pages(&slow);
    let source = world.source.to_str().unwrap();
    let mut command = world.command(&["upgrade", "--json", "--yes", "--source", source]);
    command.env("POS_WATCHER_PATIENCE", "60,1,90").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut upgrade = command.spawn().unwrap();
    let mut lines = BufReader::new(upgrade.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("that is left alone has read the new pages")), "it is not waited for");
    let pid = i32::try_from(upgrade.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let rest: Vec<String> = lines.collect();
    assert_eq!(upgrade.wait().unwrap().code(), Some(130), "{rest:#?}");

    let mut command = world.command(&["rollback", "--yes"]);
    let back = command.env("POS_WATCHER_PATIENCE", "60,1,40").output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    eventually("the editor's server reads the old pages", || world.indexed() == world.installed());
}

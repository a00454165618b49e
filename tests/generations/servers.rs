//! Upgrades between generations with environments and servers that really run, looked at through a client of the test's
//! own: which tools there are, what they find, whether this upgrade's session is read back, which process it is.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pos_upgrade_tui::core::layout::layouts;
use pos_upgrade_tui::host::demo::{Demo, Releases};
use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::python::interpreters;
use pos_upgrade_tui::host::server::{self, Running};
use serde_json::{Value, json};

use super::client::Client;
use super::{NEW, before};
use crate::common::ext::{left_behind, lines, skipped};
use crate::common::{Sandbox, demos, eventually, git, text};

/// A demo's project with an install of a generation, its server running, and a source with all releases.
struct World {
    sandbox: Sandbox,
    demo: Demo,
    new: PathBuf,
}

impl World {
    fn new(generation: &str) -> Self {
        let mut sandbox = Sandbox::new();
        let generation = layouts().generation(generation).unwrap();
        let dir = sandbox.path().join("demo");
        let demo = demos::prepare_generation(generation, Releases::All, &dir);
        let new = demo.project.join(NEW);
        sandbox.watch(&demo.install);
        sandbox.watch(&new);
        Self { sandbox, demo, new }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command();
        command.args(arguments).arg("--project").arg(&self.demo.project);
        command
    }

    fn upgrade(&self, more: &[&str]) -> (i32, String) {
        let source = self.demo.source.to_str().unwrap();
        let all = ["upgrade", "--yes", "--on-conflict", "merge-keep", "--source", source];
        text(&self.command(&[&all[..], more].concat()).output().unwrap())
    }

    fn rollback(&self) -> String {
        let (code, said) = text(&self.command(&["rollback", "--yes"]).output().unwrap());
        assert_eq!(code, 0, "{said}");
        said
    }

    /// Ends the server that the demo started.
    fn stop(&self) {
        let Running::Yes(live) = server::find(&self.demo.install) else { panic!("the demo's server runs") };
        proc::stop(&live.process, crate::common::PATIENCE);
    }

    /// Starts the install's server as an editor does, which talks to it over a pipe.
    fn editor(&self, module: &str) -> Editor {
        self.stop();
        let mut command = Command::new(self.demo.install.join("venv/bin/python"));
        command.args(["-m", module, "--transport", "dual"]).current_dir(&self.demo.project);
        command.env("PYTHONPATH", &self.demo.install).env("PROJECT_ROOT", &self.demo.project);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let child = command.spawn().unwrap();
        let pid = u64::from(child.id());
        eventually("the editor's server answers", || Client::of(&self.demo.install).is_some_and(|c| c.pid == pid));
        Editor(child)
    }

    /// Commits what stands in the source as a release.
    fn release(&self, path: &str, change: impl FnOnce(String) -> String) {
        let place = self.demo.source.join(path);
        fs::write(&place, change(fs::read_to_string(&place).unwrap())).unwrap();
        git(&self.demo.source, &["commit", "--quiet", "--all", "--message", "Another release"]);
    }

    /// The processes that run this install's servers.
    fn servers(&self) -> Vec<u32> {
        let ours = |process: &proc::Process| {
            let module = process
                .command
                .windows(2)
                .any(|w| w[0] == "-m" && ["mcp_server", "ouroboros"].contains(&w[1].as_str()));
            module && process.cwd == self.demo.project
        };
        proc::all().filter(|pid| proc::look(*pid).is_some_and(|process| ours(&process))).collect()
    }
}

/// An editor's hold on its server.
struct Editor(Child);

impl Editor {
    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// The editor lets go and asks it to end, as editors do; older servers end only then.
    fn close(&mut self) {
        drop(self.0.stdin.take());
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), rustix::process::Signal::TERM)
            .unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asserts what the newest release's server must do after an upgrade by a session.
fn serves(install: &Path, id: &str) -> u64 {
    let client = Client::of(install).expect("the new server answers");
    let tools = client.tools();
    for tool in ["current_date", "get_server_info", "pos_filesystem", "pos_search_project", "pos_workflow"] {
        assert!(tools.contains(&tool.to_owned()), "{tool}: {tools:?}");
    }
    // A word that only the user's own page has.
    let found = client.call("pos_search_project", &json!({"action": "search_standards", "query": "retry flaky tests"}));
    assert!(found["status"] == "success" && found["count"].as_u64() > Some(0), "{found}");
    let version = client.call("get_server_info", &json!({"action": "version"}));
    assert!(version["version"].as_str().unwrap().starts_with("2.1.0"), "{version}");
    let session = client.call("pos_workflow", &json!({"action": "get_state", "session_id": id}));
    assert_eq!((&session["status"], &session["session_status"]), (&json!("success"), &json!("completed")), "{session}");
    let listed = client.call("pos_workflow", &json!({"action": "list_sessions"}));
    let sessions = listed["sessions"].as_array().unwrap();
    assert!(sessions.iter().any(|session| session["session_id"] == id), "{listed}");
    client.pid
}

fn there_and_back(generation: &str) {
    let world = World::new(generation);
    let (install, project) = (&world.demo.install, &world.demo.project);
    let (was, old) = (before(project), Client::of(install).expect("the old server answers"));
    let (old_tools, entry) = (old.tools(), fs::read(project.join(".cursor/mcp.json")).unwrap());

    let source = world.demo.source.to_str().unwrap();
    let all =
        ["upgrade", "--yes", "--on-conflict", "merge-keep", "--json", "--editor-config", "yes", "--source", source];
    // An index that takes its time: it is told how far it is, and waited for.
    let output = world.command(&all).env("OUROBOROS_BUILD_SECONDS", "5").output().unwrap();
    let (code, said) = text(&output);
    assert_eq!(code, 0, "{said}");
    let events = lines(&output.stdout);
    let building = |event: &&Value| event.to_string().contains("the server builds its index");
    assert!(events.iter().filter(building).count() > 2, "{said}");
    let id = events.iter().find_map(|event| event["session_id"].as_str()).expect("a session").to_owned();

    let new = serves(&world.new, &id);
    assert_eq!(world.servers(), [u32::try_from(new).unwrap()], "one server, the new one");
    assert!(generation != "agent-os" || !install.exists());
    let new_entry = fs::read_to_string(project.join(".cursor/mcp.json")).unwrap();
    assert!(new_entry.contains("\"ouroboros\"") && !new_entry.contains(".agent-os/"), "{new_entry}");
    assert!(left_behind(&world.sandbox, &world.new).is_empty());
    let (code, said) = world.upgrade(&[]);
    assert!(code == 0 && said.contains("nothing to do"), "{said}");
    assert_eq!(world.servers(), [u32::try_from(new).unwrap()], "it was left alone");

    let said = world.rollback();
    assert_eq!(before(project), was, "{said}");
    assert_eq!(fs::read(project.join(".cursor/mcp.json")).unwrap(), entry);
    let client = Client::of(install).expect("the old server answers again");
    assert_eq!(client.tools(), old_tools);
    assert!(client.pid != new && client.pid != old.pid);
    assert_eq!(world.servers(), [u32::try_from(client.pid).unwrap()], "one server, the old one");
    assert!(left_behind(&world.sandbox, install).is_empty());
}

#[test]
fn from_the_first_generation() {
    there_and_back("agent-os");
}

#[test]
fn from_the_second_generation() {
    there_and_back("praxis-os");
}

#[test]
fn within_the_third_generation() {
    there_and_back("ouroboros");
}

#[test]
fn a_server_that_did_not_run_does_not_run_afterwards() {
    for generation in ["agent-os", "ouroboros"] {
        let world = World::new(generation);
        world.stop();
        let was = before(&world.demo.project);
        let (code, said) = world.upgrade(&[]);
        assert!(code == 0 && said.contains("search and workflows answer"), "{said}");
        assert_eq!(world.servers(), [0; 0], "{said}");
        let said = world.rollback();
        assert_eq!((before(&world.demo.project), world.servers()), (was, vec![]), "{said}");
    }
}

#[test]
fn a_server_of_an_editor_is_left_alone_where_only_one_can_run() {
    let world = World::new("ouroboros");
    let mut editor = world.editor("ouroboros");
    let was = before(&world.demo.project);
    let (code, said) = world.upgrade(&[]);
    assert_eq!(code, 0, "{said}");
    let client = Client::of(&world.new).expect("it still answers");
    assert_eq!((client.pid, world.servers()), (u64::from(editor.pid()), vec![editor.pid()]), "{said}");
    assert!(said.contains("left alone") && said.contains("reload it there"), "{said}");
    println!("{said}");
    for task in
        ["start the server", "health check over MCP", "expected tools are registered", "search and workflows answer"]
    {
        let line = said.lines().find(|line| line.contains(task)).unwrap_or_else(|| panic!("{task}: {said}"));
        assert!(line.trim_start().starts_with("n/a"), "nothing is proven beside it: {line}");
    }
    assert!(client.tools().contains(&"pos_search_project".to_owned()));
    editor.close();
    let said = world.rollback();
    assert_eq!((before(&world.demo.project), world.servers()), (was, vec![]), "{said}");
}

#[test]
fn a_server_of_an_editor_has_to_end_before_it_is_replaced() {
    for generation in ["agent-os", "praxis-os"] {
        let world = World::new(generation);
        let mut editor = world.editor("mcp_server");
        let was = before(&world.demo.project);
        let (code, said) = world.upgrade(&[]);
        let pid = format!("process {}", editor.pid());
        assert!(code == 4 && said.contains(&pid) && said.contains("MCP settings"), "{code} {said}");
        assert!(!said.contains("left alone"), "it has to end, and is not said to run on: {said}");
        assert_eq!(before(&world.demo.project), was, "nothing was changed: {said}");
        let client = Client::of(&world.demo.install).expect("it still answers");
        assert_eq!((client.pid, world.servers()), (u64::from(editor.pid()), vec![editor.pid()]));
        editor.close();
        let (code, said) = world.upgrade(&[]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(world.servers(), [0; 0], "nobody holds one any more: {said}");
        let said = world.rollback();
        assert_eq!(before(&world.demo.project), was, "{said}");
    }
}

#[test]
fn a_release_that_refuses_the_users_config_is_taken_back() {
    let world = World::new("ouroboros");
    // The user's config has this key, as each release until now wanted.
    world.release("dist/ouroboros/config/schema.py", |text| {
        assert!(text.contains("\"chunk_size\""), "{text}");
        text.replace("\"chunk_size\"", "\"size_of_chunks\"")
    });
    let was = before(&world.demo.project);
    let old_tools = Client::of(&world.demo.install).unwrap().tools();
    // Found out before anything changes, or behind it where nothing is tried before.
    for (more, expected) in [(&[][..], 4), (&["--no-rehearsal"], 5)] {
        let (code, said) = world.upgrade(more);
        assert_eq!(code, expected, "{said}");
        assert!(said.contains("chunk_size: Extra inputs are not permitted"), "{said}");
        assert_eq!(before(&world.demo.project), was, "{said}");
    }
    let client = Client::of(&world.demo.install).expect("the old server answers again");
    assert_eq!((client.tools(), world.servers()), (old_tools, vec![u32::try_from(client.pid).unwrap()]));
    assert!(left_behind(&world.sandbox, &world.demo.install).is_empty());
}

#[test]
fn a_python_that_can_not_parse_the_new_server_is_replaced() {
    let found = interpreters::found((3, 12), Path::new("/nowhere"));
    let Some(newer) = found.first() else { return skipped("no Python of 3.12 or newer") };
    let world = World::new("praxis-os");
    let version = |install: &Path| {
        let ask = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"];
        let output = Command::new(install.join("venv/bin/python")).args(ask).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let own = version(&world.demo.install);
    if own != "3.11" {
        return skipped(&format!("python3 is {own}, which can parse all"));
    }
    // Only from 3.12 on may a backslash stand there.
    let newest = "\nWORDS = f\"{'\\n'.join(['parsed'])}\"\n";
    world.release("dist/ouroboros/__init__.py", |text| text + newest);
    let (was, old) = (before(&world.demo.project), Client::of(&world.demo.install).unwrap());
    let old_tools = old.tools();
    let (code, said) = world.upgrade(&[]);
    assert_eq!(code, 4, "{said}");
    for part in ["ouroboros/__init__.py", "3.11", "--python", "nothing was changed", "POS-E0701"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!((before(&world.demo.project), Client::of(&world.demo.install).unwrap().pid), (was.clone(), old.pid));

    let (code, said) = world.upgrade(&["--python", newer.path.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    assert_ne!(version(&world.new), own, "{said}");
    assert!(Client::of(&world.new).expect("the new server answers").tools().contains(&"pos_workflow".to_owned()));
    let said = world.rollback();
    assert_eq!((before(&world.demo.project), version(&world.demo.install)), (was, own), "{said}");
    assert_eq!(Client::of(&world.demo.install).expect("the old server answers again").tools(), old_tools);
}

/// A server that builds its index is not stopped without a word: where nobody can be asked it is waited for.
#[test]
fn a_server_that_builds_its_index_is_waited_for() {
    let world = World::new("ouroboros");
    world.stop();
    let _ = fs::remove_dir_all(world.demo.install.join(".cache"));
    let mut command = Command::new(world.demo.install.join("venv/bin/python"));
    command.args(["-m", "ouroboros", "--transport", "http"]).current_dir(&world.demo.project);
    command.env("PYTHONPATH", &world.demo.install).env("PROJECT_ROOT", &world.demo.project);
    command.env("OUROBOROS_BUILD_SECONDS", "90").process_group(0);
    let mut server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = u64::from(server.id());
    std::thread::spawn(move || server.wait());
    eventually("it answers", || Client::of(&world.demo.install).is_some_and(|c| c.pid == pid));
    let source = world.demo.source.to_str().unwrap();
    let all = ["upgrade", "--yes", "--json", "--on-conflict", "merge-keep", "--source", source];
    let output = world.command(&all).output().unwrap();
    let (code, said) = text(&output);
    assert_eq!(code, 0, "{said}");
    let events = lines(&output.stdout);
    let asked = events.iter().position(|e| e["event"] == "question_asked" && e["id"] == "index_building");
    let asked = asked.unwrap_or_else(|| panic!("nobody was asked: {said}"));
    let waited = |e: &&Value| e["detail"].as_str().is_some_and(|d| d.starts_with("your server builds its index"));
    let told = events[asked..].iter().filter(waited).count();
    let stopped = events.iter().position(|e| e["event"] == "task_started" && e["task"] == "stop_server").unwrap();
    assert!(told > 0 && stopped > asked, "{said}");
    println!("waited, told {told} times");
}

/// The trial of a move between generations says the same as the upgrade would, and changes nothing.
#[test]
fn a_rehearsed_plan_across_generations() {
    for generation in ["agent-os", "praxis-os"] {
        let world = World::new(generation);
        let (project, running) = (&world.demo.project, world.servers());
        let was = before(project);
        let source = world.demo.source.to_str().unwrap();
        let output = world.command(&["plan", "--rehearse", "--json", "--source", source]).output().unwrap();
        let (code, said) = text(&output);
        let told = &lines(&output.stdout)[0]["rehearsal"];
        // Conflicts wait.
        assert_eq!((code, &told["result"]), (10, &json!("rehearsed")), "{said}");
        let report = told["report"].to_string();
        assert!(report.contains("search and workflows answer: done"), "{report}");
        assert_eq!((before(project), world.servers()), (was, running));
        assert!(left_behind(&world.sandbox, &world.demo.install).is_empty());
    }
}

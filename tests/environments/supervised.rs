//! A server that a supervisor runs: a control group of a unit's shape (a systemd of its own a test can't have), and a program
//! that starts again what ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pos_upgrade_tui::host::process::proc::{self, Process};
use pos_upgrade_tui::host::server::{self, Running};

use crate::common::ext::skipped;
use crate::common::{assert_same, eventually, snapshot, text};
use crate::dependencies::world::World;

/// A control group, gone with this.
struct Group(PathBuf);

impl Group {
    /// Of a service's shape; none where none can be made.
    fn new(name: &str) -> Option<Self> {
        for top in ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"] {
            let folder = Path::new(top).join(name);
            if Path::new(top).join("cgroup.procs").is_file() && fs::create_dir(&folder).is_ok() {
                return Some(Self(folder));
            }
        }
        skipped("no control group can be made here");
        None
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn live(install: &Path) -> Option<Process> {
    match server::find(install) {
        Running::Yes(live) => Some(live.process),
        Running::No(_) => None,
    }
}

/// A script that starts the demo's server as it was started before, with these lines before that.
fn script(world: &World, name: &str, process: &Process, before: &str) -> PathBuf {
    let path = world.sandbox.path().join(name);
    let words: Vec<String> = process.command.iter().map(|word| format!("'{word}'")).collect();
    let project = world.demo.project.display();
    let settings: Vec<String> = ["PYTHONPATH", "PROJECT_ROOT"]
        .iter()
        .filter_map(|key| Some(format!("{key}='{}'", process.env.get(*key)?)))
        .collect();
    let log = world.sandbox.path().join("server.log");
    // A real systemd hands nothing of ours on.
    let text = format!(
        "#!/bin/sh\nunset POS_UPGRADE_TUI_MARK\n{before}\ncd '{project}'\nexport INVOCATION_ID=00ff {}\nexec setsid {} </dev/null >>'{}' 2>&1\n",
        settings.join(" "),
        words.join(" "),
        log.display()
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The demo's server, started anew by a script of its own, in a group.
fn in_group(world: &World, group: &Group) -> (PathBuf, crate::common::ext::Helper) {
    let process = live(&world.demo.install).unwrap();
    proc::stop(&process, Duration::from_secs(10));
    let enter = format!("echo $$ > '{}/cgroup.procs'", group.0.display());
    let unit = script(world, "unit", &process, &enter);
    let helper = crate::common::ext::Helper(Command::new(&unit).spawn().unwrap());
    eventually("the unit's server answers", || live(&world.demo.install).is_some());
    (unit, helper)
}

fn change_the_server(world: &World) {
    let main = world.demo.source.join("mcp_server/__main__.py");
    fs::write(&main, fs::read_to_string(&main).unwrap() + "\n# a change\n").unwrap();
    world.release("");
}

/// A `systemctl` that does this, and knows the first process of a group as the unit's own.
fn systemctl(world: &World, group: &Group, does: &str) -> String {
    let main = format!("head -n1 '{}/cgroup.procs'", group.0.display());
    systemctl_that_knows(world, &main, does)
}

/// The same, where this says which process is the unit's own.
fn systemctl_that_knows(world: &World, main: &str, does: &str) -> String {
    let bin = world.sandbox.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let path = bin.join("systemctl");
    fs::write(
        &path,
        format!(
            "#!/bin/sh\ncase \" $* \" in *' show '*) {main}; exit;; esac\necho \"$@\" >> '{}'\n{does}\n",
            bin.join("asked").display()
        ),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    crate::environments::world::path_with(&[&bin])
}

fn asked(world: &World) -> String {
    fs::read_to_string(world.sandbox.path().join("bin/asked")).unwrap_or_default()
}

#[test]
fn a_units_server_is_restarted_through_systemctl_where_that_is_allowed() {
    let Some(group) = Group::new("pos-shop.service") else { return };
    let mut world = World::new();
    let (unit, _helper) = in_group(&world, &group);
    let before = live(&world.demo.install).unwrap().pid;
    change_the_server(&world);
    let restart = format!(
        "for pid in $(cat '{0}/cgroup.procs'); do kill $pid; done\nwhile [ -s '{0}/cgroup.procs' ]; do sleep 0.05; done\n\
         '{1}' >/dev/null 2>&1 &\nexit 0",
        group.0.display(),
        unit.display()
    );
    world.env("PATH", &systemctl(&world, &group, &restart));
    let said = world.upgrade(&[]);
    said.assert_done();
    assert_eq!(asked(&world), "--no-ask-password restart -- pos-shop.service\n", "{}", said.all);
    let warnings = said.evidence(0)["warnings"].to_string();
    assert!(warnings.contains("the systemd unit pos-shop.service, which is asked to restart it"), "{warnings}");
    assert_eq!(said.evidence(0)["server_found"], "running, restarted by its supervisor");
    let now = live(&world.demo.install).unwrap();
    assert_ne!(now.pid, before);
    assert_eq!(said.evidence(3)["server_restarted"], true, "{}", said.evidence(3));
    let groups = fs::read_to_string(format!("/proc/{}/cgroup", now.pid)).unwrap();
    assert!(groups.contains("pos-shop.service"), "none is started beside the unit's: {groups}");

    let back = world.command(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_eq!(asked(&world).lines().count(), 2, "{}", text(&back).1);
    assert_same(&world.before, &snapshot(&world.demo.install));
    eventually("the unit runs the old release", || live(&world.demo.install).is_some_and(|p| p.pid != now.pid));
    if let Some(process) = live(&world.demo.install) {
        proc::stop(&process, Duration::from_secs(10));
    }
}

#[test]
fn one_that_may_not_be_restarted_is_left_alone_and_the_command_is_named() {
    let Some(group) = Group::new("pos-left.service") else { return };
    let mut world = World::new();
    let (_, _helper) = in_group(&world, &group);
    let before = live(&world.demo.install).unwrap();
    change_the_server(&world);
    world.env("PATH", &systemctl(&world, &group, "echo 'Failed to restart: Access denied' >&2; exit 4"));
    let said = world.upgrade(&[]);
    said.assert_done();
    for part in ["Access denied", "sudo systemctl restart pos-left.service"] {
        assert!(said.finished()["report"].to_string().contains(part), "{part}: {}", said.finished());
    }
    let rehearsed = said.task("rehearsal");
    assert_eq!(rehearsed.0, "done", "proven by the trial: {rehearsed:?}");
    assert_eq!(live(&world.demo.install).map(|p| p.pid), Some(before.pid), "it was not touched");
    let back = world.command(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_eq!(live(&world.demo.install).map(|p| p.pid), Some(before.pid), "nor now");
    proc::stop(&before, Duration::from_secs(10));
}

#[test]
fn what_another_supervisor_runs_is_told_by_its_parent() {
    let world = World::new();
    let process = live(&world.demo.install).unwrap();
    proc::stop(&process, Duration::from_secs(10));
    let run = script(&world, "run", &process, "export SUPERVISOR_GROUP_NAME=shop SUPERVISOR_PROCESS_NAME=pos");
    // As supervisord is installed: a script of Python's.
    let supervisord = world.sandbox.path().join("supervisord");
    let code = format!("import subprocess\nwhile True:\n    subprocess.run([{:?}])\n", run.to_str().unwrap());
    fs::write(&supervisord, code.replace("subprocess.run", "subprocess.call")).unwrap();
    let mut helper =
        crate::common::ext::Helper(Command::new("/usr/bin/env").arg("python3").arg(&supervisord).spawn().unwrap());
    eventually("its server answers", || live(&world.demo.install).is_some());
    let before = live(&world.demo.install).unwrap().pid;
    change_the_server(&world);
    let said = world.upgrade(&[]);
    let warnings = said.evidence(0)["warnings"].to_string();
    let now = live(&world.demo.install).map(|p| p.pid);
    let _ = helper.0.kill();
    let _ = helper.0.wait();
    if let Some(process) = live(&world.demo.install) {
        proc::stop(&process, Duration::from_secs(10));
    }
    said.assert_done();
    assert!(warnings.contains("supervisord") && warnings.contains("supervisorctl restart shop:pos"), "{warnings}");
    assert!(said.finished()["report"].to_string().contains("supervisorctl restart shop:pos"), "{}", said.finished());
    assert_eq!(now, Some(before), "it was not touched");
}

//! A server that a supervisor runs: it would be started again beside one of ours, and by its rules. Told by its control group
//! and by who started it; restarted by the supervisor's own command, where that is allowed.

use std::path::Path;
use std::time::Duration;

use crate::core::os_text::quoted;
use crate::core::visible;
use crate::host::process::children::{self, MARK};
use crate::host::process::output::{Bounds, last_line, output};
use crate::host::process::proc;
use crate::host::process::proc::Process;

/// How long a unit may take to stop and start.
const RESTART: Bounds = Bounds { answer: 64 << 10, time: Some(Duration::from_secs(120)) };

/// How long systemd may take to say what it runs.
const ASKED: Bounds = Bounds { answer: 64 << 10, time: Some(Duration::from_secs(5)) };

/// Programs that may stand between a unit and its server, and end with it.
const LAUNCHERS: [&str; 12] =
    ["uv", "uvx", "poetry", "pipx", "pdm", "hatch", "rye", "env", "setsid", "nice", "timeout", "flock"];
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"];

/// Programs that start again what ends, by their names.
const PROGRAMS: [&str; 8] =
    ["supervisord", "runsv", "s6-supervise", "circusd", "pm2", "immortal", "daemontools", "supervise"];

/// Who runs a server, and starts it again when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Supervisor {
    /// A unit of systemd's: its name, and whether it is one of the user's own.
    Systemd(String, bool),
    /// Another program: its name, and the command that restarts what it runs, where that is known.
    Program(String, Option<String>),
}

/// The program of [`PROGRAMS`] that a word of a command line names: its path, or a title that it gave itself, such as
/// `PM2 v6.0.5: God Daemon (/home/ada/.pm2)`.
fn program(word: &str) -> Option<&'static str> {
    let title = word.split(' ').next().unwrap_or_default();
    [word, title].into_iter().find_map(|path| {
        let name = Path::new(path).file_name()?.to_str()?.split([' ', '.']).next()?.to_ascii_lowercase();
        PROGRAMS.into_iter().find(|known| *known == name)
    })
}

impl Supervisor {
    /// Of a running server; none where nobody supervises it.
    pub(crate) fn of(process: &Process) -> Option<Self> {
        // What this program started belongs to nobody, wherever this program itself was run.
        if process.env.contains_key(MARK) {
            return None;
        }
        let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", process.pid)).unwrap_or_default();
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        if process.env.contains_key("INVOCATION_ID")
            && let Some((unit, user)) = unit(&groups)
            && unit_path(&groups) != unit_path(&own)
        {
            match main_pid(&unit, user) {
                Some(main) if is_main(process.pid, main) => return Some(Self::Systemd(unit, user)),
                // The service is another program's, such as an editor's: restarting it would end that one.
                Some(_) => {}
                // It may be the unit's: it is left alone, and nothing is restarted unasked.
                None if !is_held(process.pid) => {
                    let unit = Self::Systemd(unit, user);
                    return Some(Self::Program(unit.words(), Some(unit.command())));
                }
                None => {}
            }
        }
        let parent = proc::parent(process.pid).filter(|pid| *pid > 1).and_then(proc::look)?;
        // A script's name is that of its interpreter: what it runs stands behind.
        let name = parent.command.iter().take(2).find_map(|word| program(word))?.to_owned();
        let value = |key: &str| process.env.get(key).filter(|value| !value.is_empty());
        let command = match (value("SUPERVISOR_GROUP_NAME"), value("SUPERVISOR_PROCESS_NAME"), value("pm_id")) {
            (Some(group), Some(process), _) => {
                Some(format!("supervisorctl restart {}", quoted(format!("{group}:{process}"))))
            }
            (_, _, Some(id)) if name == "pm2" => Some(format!("pm2 restart {}", quoted(id))),
            _ => None,
        };
        Some(Self::Program(name, command))
    }

    /// Whose it is, in a few words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Systemd(unit, true) => format!("the user's systemd unit {}", visible::line(unit)),
            Self::Systemd(unit, false) => format!("the systemd unit {}", visible::line(unit)),
            Self::Program(name, _) => name.clone(),
        }
    }

    /// What restarts the server, as a person does it.
    pub(crate) fn command(&self) -> String {
        match self {
            Self::Systemd(unit, true) => format!("systemctl --user restart {}", quoted(unit)),
            Self::Systemd(unit, false) => format!("sudo systemctl restart {}", quoted(unit)),
            Self::Program(_, Some(command)) => command.clone(),
            Self::Program(name, None) => format!("restart it with {name}"),
        }
    }

    /// Restarts the server where that is allowed: only a unit of systemd's, and without a password.
    ///
    /// # Errors
    /// Why it was not restarted.
    pub(crate) fn restart(&self) -> Result<(), String> {
        let Self::Systemd(unit, user) = self else { return Err("this program can't ask it to".to_owned()) };
        let mut command = children::helper("systemctl");
        if *user {
            command.arg("--user");
        }
        command.args(["--no-ask-password", "restart", "--", unit]);
        match output(&mut command, None, RESTART) {
            Ok(out) if out.status.success() => Ok(()),
            Ok(out) => Err(last_line(&out.stderr)),
            Err(e) => Err(e.to_string()),
        }
    }
}

/// The main process of a unit, as systemd says; 0 where it has none, none where systemd can't be asked.
fn main_pid(unit: &str, user: bool) -> Option<u32> {
    let mut command = children::helper("systemctl");
    if user {
        command.arg("--user");
    }
    command.args(["show", "-p", "MainPID", "--value", "--", unit]);
    let out = output(&mut command, None, ASKED).ok().filter(|out| out.status.success())?;
    String::from_utf8_lossy(&out.stdout).trim().parse().ok()
}

/// Whether a server is a unit's main process, or was started by it where that does nothing else.
fn is_main(server: u32, main: u32) -> bool {
    let starts = || proc::look(main).is_some_and(|process| only_starts(&process.command));
    main == server || (main > 1 && proc::parent(server) == Some(main) && starts())
}

/// Whether a program is there only to start another one: a shell that runs a script, or a launcher; no editor, and no shell
/// that a person types in.
fn only_starts(command: &[impl AsRef<Path>]) -> bool {
    let Some(name) = command.first().and_then(|word| word.as_ref().file_name()?.to_str()) else { return false };
    let has_script = command.iter().skip(1).any(|word| !word.as_ref().to_string_lossy().starts_with('-'));
    LAUNCHERS.contains(&name) || (SHELLS.contains(&name) || name.starts_with("python")) && has_script
}

/// Whether an editor or a person at a terminal holds the standard input of a server.
fn is_held(server: u32) -> bool {
    proc::descriptors(server).get(&0).is_some_and(|input| input.leads != "/dev/null")
}

/// The path of a control group, in systemd's own tree.
fn unit_path(groups: &str) -> Option<&str> {
    let path = |line: &str| line.starts_with("0::") || line.split(':').nth(1) == Some("name=systemd");
    let mut paths = groups.lines().filter(|line| path(line)).filter_map(|line| line.splitn(3, ':').nth(2));
    // Where both trees are there, systemd's has more to say.
    paths.find(|path| *path != "/")
}

/// The service of a control group, and whether it is the user's: one that a session or a terminal is in is none.
fn unit(groups: &str) -> Option<(String, bool)> {
    let mut parts = unit_path(groups)?.split('/').filter(|part| !part.is_empty()).rev();
    // A service may have groups of its own below.
    let name = parts.find(|part| part.ends_with(".service") || part.ends_with(".scope") || part.ends_with(".slice"))?;
    let sound = name.chars().all(|c| c.is_ascii_alphanumeric() || "@:_.\\-".contains(c)) && !name.starts_with('-');
    let is_service = name.ends_with(".service") && !name.starts_with("user@") && sound;
    is_service.then(|| (name.to_owned(), parts.any(|part| part.starts_with("user@"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_starts_a_server_is_told_from_what_has_work_of_its_own() {
        for starts in [&["/bin/sh", "run.sh"][..], &["bash", "-c", "python -m x"], &["/usr/bin/uv", "run"]] {
            assert!(only_starts(starts), "{starts:?}");
        }
        for other in [&["-bash"][..], &["bash", "-l"], &["/usr/bin/emacs", "--daemon"], &["tmux"], &["code", "x"], &[]]
        {
            assert!(!only_starts(other), "{other:?}");
        }
        let own = std::process::id();
        assert!(is_main(own, own) && !is_main(own, 0) && !is_main(own, 1));
    }

    #[test]
    fn programs_are_told_by_path_and_by_title() {
        assert_eq!(program("PM2 v7.0.4: God Daemon (/home/ada/.pm2)"), Some("pm2"));
        assert_eq!(program("/opt/my tools/supervisord"), Some("supervisord"));
        assert_eq!(program("/usr/lib/node_modules/pm2/lib/Daemon.js"), None);
        assert_eq!(program("runsv"), Some("runsv"));
        for other in ["", " ", "python3", "/home/pm2/server", "pm2-logs"] {
            assert_eq!(program(other), None, "{other}");
        }
    }

    #[test]
    fn services_are_told_by_their_groups() {
        let of = |group: &str| unit(group);
        let unit = |name: &str, user| Some((name.to_owned(), user));
        assert_eq!(of("0::/system.slice/pos.service"), unit("pos.service", false));
        assert_eq!(of("9:name=systemd:/system.slice/pos@shop.service\n0::/\n"), unit("pos@shop.service", false));
        let users = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/pos.service/inner";
        assert_eq!(of(users), unit("pos.service", true));
        for none in [
            "0::/",
            "",
            "0::/user.slice/user-1000.slice/session-3.scope",
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope",
            "0::/user.slice/user-1000.slice/user@1000.service",
            "4:memory:/x.service",
            "0::/system.slice/a b.service",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}

//! The demo with an environment of another kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use pos_upgrade_tui::host::demo;
use pos_upgrade_tui::host::process::proc;
use pos_upgrade_tui::host::server::{self, Running};
use serde_json::json;

use crate::common::Sandbox;
use crate::common::ext::skipped;
use crate::dependencies::world::{World, package};

/// uv from the package index, fetched once into the target folder; none where it can't be had.
pub fn uv() -> Option<PathBuf> {
    static UV: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match UV.get_or_init(fetched) {
        Ok(folder) => Some(folder.clone()),
        Err(why) => {
            skipped(&format!("uv can't be fetched: {why}"));
            None
        }
    }
}

fn fetched() -> Result<PathBuf, String> {
    let top = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(&top).map_err(|e| e.to_string())?;
    let (place, draft) = (top.join("uv-for-all"), top.join("uv-draft"));
    // Another test binary may be at it.
    let lock = fs::File::create(top.join("uv.lock")).map_err(|e| e.to_string())?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).map_err(|e| e.to_string())?;
    if !place.is_dir() {
        let _ = fs::remove_dir_all(&draft);
        // A distribution's Python may have no pip of its own.
        let helper = tempfile::tempdir().map_err(|e| e.to_string())?;
        let made = Command::new("python3").args(["-m", "venv"]).arg(helper.path()).output();
        made.map_err(|e| e.to_string())?;
        let pip = ["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--target"];
        let mut command = Command::new(helper.path().join("bin/python"));
        let out = command.args(pip).arg(&draft).arg("uv").stdin(Stdio::null()).output();
        let out = out.map_err(|e| e.to_string())?;
        if !out.status.success() {
            return Err(String::from_utf8_lossy(&out.stderr).lines().last().unwrap_or_default().to_owned());
        }
        fs::rename(&draft, &place).map_err(|e| e.to_string())?;
    }
    Ok(place.join("bin"))
}

/// A `PATH` with these folders in front of the machine's own.
pub fn path_with(folders: &[&Path]) -> String {
    let own = std::env::var_os("PATH").unwrap();
    let all = folders.iter().map(|f| f.to_path_buf()).chain(std::env::split_paths(&own));
    std::env::join_paths(all).unwrap().into_string().unwrap()
}

/// The same without any folder that has uv.
pub fn path_without_uv() -> String {
    let own = std::env::var_os("PATH").unwrap();
    let all = std::env::split_paths(&own).filter(|folder| !folder.join("uv").exists());
    std::env::join_paths(all).unwrap().into_string().unwrap()
}

/// The Python behind the demo's environment.
pub fn python(install: &Path) -> PathBuf {
    fs::canonicalize(install.join("venv/bin/python")).unwrap()
}

/// Ends the demo's server.
pub fn stop(install: &Path) {
    if let Running::Yes(live) = server::find(install) {
        proc::stop(&live.process, Duration::from_secs(10));
    }
}

/// The demo, its environment made by uv, the server running from it.
pub fn of_uv(uv: &Path) -> World {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    stop(&demo.install);
    let (venv, python) = (demo.install.join("venv"), python(&demo.install));
    fs::remove_dir_all(&venv).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(uv.join("uv"));
        command.args(arguments).current_dir("/").env("HOME", sandbox.path().join("home"));
        let out = command.env_remove("VIRTUAL_ENV").output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    run(&["venv", "--quiet", "--python", python.to_str().unwrap(), venv.to_str().unwrap()]);
    let (python, requirements) = (venv.join("bin/python"), demo.install.join("mcp_server/requirements.txt"));
    run(&["pip", "install", "--quiet", "--python", python.to_str().unwrap(), "-r", requirements.to_str().unwrap()]);
    assert!(fs::read_to_string(venv.join("pyvenv.cfg")).unwrap().contains("uv = "));
    demo::start_server(&demo.project, &demo.install).unwrap();
    World::around(sandbox, demo)
}

/// A release that requires two packages more, with a script each.
pub fn release_with_tools(world: &World) {
    for (name, version) in [("tool-one", "1.0"), ("tool-two", "2.0")] {
        let module = name.replace('-', "_");
        let about = json!({
            "name": name, "version": version, "script": format!("{name} = {module}:main"),
            "files": {format!("{module}/__init__.py"): format!("def main():\n    print({version:?})\n")},
        });
        package(&world.wheels(), about);
    }
    world.release("tool-one==1.0\ntool-two\n");
}

/// The packages of an environment by name and version, without what installs.
pub fn packages(venv: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for lib in fs::read_dir(venv.join("lib")).unwrap().flatten() {
        for entry in fs::read_dir(lib.path().join("site-packages")).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some((name, version)) = name.strip_suffix(".dist-info").and_then(|n| n.split_once('-')) {
                found.insert(name.to_lowercase(), version.to_owned());
            }
        }
    }
    found.retain(|name, _| !matches!(name.as_str(), "pip" | "setuptools"));
    found
}

/// The scripts of an environment's packages, each with what it prints.
pub fn scripts(venv: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(venv.join("bin")).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("tool-") {
            let out = Command::new(entry.path()).output().unwrap();
            found.insert(name, String::from_utf8_lossy(&out.stdout).into_owned());
        }
    }
    found
}

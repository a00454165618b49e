//! The project: an installed release, its virtual environment, what the user did to it, and the running server.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::core::layout::{Layout, layouts};
use crate::core::path::RelPath;
use crate::core::renamed;
use crate::host::demo::assets;
use crate::host::demo::command::{clean_python, git, last_lines, python, run, run_git};
use crate::host::demo::error::{At as _, DemoError};
use crate::host::process::children;

/// What the stock installer of the first generation whose installs have a folder of this name copies, and where to. Of
/// its layouts it is the oldest that it still has in the whole.
fn layout(install: &Path) -> &'static Layout {
    let name = install.file_name().unwrap_or_default().as_encoded_bytes();
    let first = layouts().generations.iter().find(|g| g.folder.as_bytes() == name);
    let first = first.or_else(|| layouts().generations.iter().find(|g| g.folder == layouts().newest().folder));
    let first = first.unwrap_or_else(|| layouts().newest());
    if first.source_marks.is_empty() { first.layouts.last().unwrap_or_else(|| first.newest()) } else { first.newest() }
}
const PROJECT_DATE: &str = "2025-10-13T09:00:00+00:00";
const LONGEST_START: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Installs the release at `commit` of `source` into the folder `install`, in the current layout.
///
/// The files come from git's objects; the work tree and the index of `source` are not touched.
///
/// # Errors
/// [`DemoError`] if git fails, or if the folder holds a part of an install already.
pub fn install_release(source: &Path, commit: &str, install: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(install).at("create", install)?;
    let install = &fs::canonicalize(install).at("resolve", install)?;
    // Beside the final place, so that the parts can be moved there.
    let unpacked =
        tempfile::Builder::new().prefix(".unpacked-").tempdir_in(install).at("create a folder in", install)?;
    let index = unpacked.path().join("index");
    let mut prefix = OsString::from("--prefix=");
    prefix.push(unpacked.path().join("tree/"));

    run_git(git(source, "").env("GIT_INDEX_FILE", &index).args(["read-tree", commit]))?;
    run_git(git(source, "").env("GIT_INDEX_FILE", &index).args(["checkout-index", "--all"]).arg(prefix))?;
    for map in layout(install).maps() {
        let (from, to) = (map.source.under(&unpacked.path().join("tree")), map.install.under(install));
        if !from.is_dir() {
            continue;
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).at("create", parent)?;
        }
        fs::rename(&from, &to).at("move files to", &to)?;
    }
    Ok(())
}

/// Creates `venv` in the install and fills it with what the server requires, from the wheels beside it.
///
/// # Errors
/// [`DemoError`] if python or pip fails.
pub fn create_venv(install: &Path) -> Result<(), DemoError> {
    let venv = install.join("venv");
    run(python().args(["-m", "venv"]).arg(&venv), |command, output| DemoError::Python { command, output })?;
    let mut pip = clean_python(children::command(venv.join("bin/python")));
    pip.args(["-m", "pip", "--isolated", "--disable-pip-version-check", "--no-input", "install", "--quiet"]);
    pip.arg("--requirement").arg(install.join("mcp_server/requirements.txt"));
    run(&mut pip, |command, output| DemoError::Pip { command, output })?;
    Ok(())
}

/// Where the install has what the current layout has at a path.
fn place(install: &Path, current: &RelPath) -> PathBuf {
    let source = layouts().source_of(current);
    let here = source.and_then(|source| layout(install).maps().iter().find_map(|map| map.place(&source)));
    here.unwrap_or_else(|| current.clone()).under(install)
}

/// Edits, adds and deletes files of the install.
///
/// # Errors
/// [`DemoError`] if a file can't be written or removed.
pub fn add_user_edits(install: &Path) -> Result<(), DemoError> {
    assets::write_to(assets::folder("user/tree")?, |path| place(install, path))?;
    for path in assets::edits()?.deleted {
        let path = RelPath::new(path).map_err(|e| DemoError::Asset(e.to_string()))?;
        let path = place(install, &path);
        fs::remove_file(&path).at("remove", &path)?;
    }
    Ok(())
}

/// Adds the files around the install and commits everything that git is not told to ignore.
///
/// # Errors
/// [`DemoError`] if git fails or a file can't be written.
pub fn commit_project(project: &Path, install: &Path) -> Result<(), DemoError> {
    assets::write(assets::folder("project")?, project)?;
    let ignored = project.join(".gitignore");
    let text = fs::read(&ignored).at("read", &ignored)?;
    let name = install.file_name().unwrap_or_default().as_encoded_bytes();
    let text = renamed::renamed(&text, layouts().newest().folder.as_bytes(), name);
    fs::write(&ignored, text).at("write", &ignored)?;
    run_git(git(project, "").args(["init", "--quiet", "--template="]))?;
    run_git(git(project, "").args(["add", "--all"]))?;
    run_git(git(project, PROJECT_DATE).args(["commit", "--quiet", "--no-verify", "--message", "The shop"]))?;
    Ok(())
}

/// Starts the install's server in a process group of its own and waits until it can be reached; gives back its pid.
///
/// It goes on running when this process ends.
///
/// # Errors
/// [`DemoError::Server`] if it ends or can't be reached within 20 seconds; it is stopped then.
pub fn start_server(project: &Path, install: &Path) -> Result<u32, DemoError> {
    let cache = install.join(".cache");
    fs::create_dir_all(&cache).at("create", &cache)?;
    let log_path = cache.join("mcp_server.log");
    let log = File::create(&log_path).at("create", &log_path)?;
    let program = install.join("venv/bin/python");
    let mut child = clean_python(children::command(&program))
        .args(["-m", "mcp_server", "--transport", "http", "--log-level", "INFO"])
        .env("PYTHONPATH", install)
        .env("PROJECT_ROOT", project)
        .current_dir(project)
        .stdin(Stdio::null())
        .stdout(log.try_clone().at("open", &log_path)?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .at("run", &program)?;

    match wait_until_reachable(&mut child, install) {
        Ok(()) => {
            let pid = child.id();
            // Whoever stops the server later must not find its remains as long as this process lives.
            thread::spawn(move || child.wait());
            Ok(pid)
        }
        Err(reason) => {
            let _ = child.kill();
            let _ = child.wait();
            let log = fs::read(&log_path).unwrap_or_default();
            Err(DemoError::Server { reason, output: last_lines(&String::from_utf8_lossy(&log)) })
        }
    }
}

fn wait_until_reachable(child: &mut Child, install: &Path) -> Result<(), String> {
    let deadline = Instant::now() + LONGEST_START;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("ended early ({status})"));
        }
        if port_of(child.id(), install).is_some_and(accepts) {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(format!("was not reachable after {} seconds", LONGEST_START.as_secs()));
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// The port in the state file, if this process wrote it.
fn port_of(pid: u32, install: &Path) -> Option<u16> {
    let text = fs::read(install.join(".mcp_server_state.json")).ok()?;
    let state: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let port = state.get("port")?.as_u64()?;
    (state.get("pid")?.as_u64()? == u64::from(pid)).then(|| u16::try_from(port).ok())?
}

fn accepts(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1)).is_ok()
}

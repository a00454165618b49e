//! The project: an installed release, its virtual environment, what the user did to it, and the running server.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::core::layout::{Generation, Layout, layouts};
use crate::core::os_text;
use crate::core::path::RelPath;
use crate::core::renamed;
use crate::host::demo::assets;
use crate::host::demo::command::{clean_python, git, last_lines, python_from, run, run_git};
use crate::host::demo::error::{At as _, DemoError};
use crate::host::process::children;

/// The generation that the release at a commit installs; one that says nothing is taken for the first.
pub(super) fn released(source: &Path, commit: &str) -> Result<&'static Generation, DemoError> {
    let folders = run_git(git(source, "").args(["ls-tree", "-r", "-d", "--name-only", commit]))?;
    let folders: BTreeSet<&str> = folders.lines().collect();
    let has = |folder: &RelPath| folder.to_str().is_some_and(|folder| folders.contains(folder));
    Ok(layouts().generation_of_source(has).unwrap_or_else(|| layouts().first_target()))
}

/// The generation of an install that a release of `released` makes in a folder: that of the release, unless only an
/// earlier one calls its folder so.
fn generation(install: &Path, released: &'static Generation) -> &'static Generation {
    let name = install.file_name().unwrap_or_default().as_encoded_bytes();
    let named = layouts().generations.iter().find(|g| g.folder.as_bytes() == name);
    named.filter(|named| named.folder != released.folder).unwrap_or(released)
}

/// The generation of an install that is there.
fn installed(install: &Path) -> &'static Generation {
    let name = install.file_name().unwrap_or_default().as_encoded_bytes();
    let found = layouts().installed(name, |folder| folder.under(install).is_dir());
    found.map_or_else(|| layouts().first_target(), |(generation, _)| generation)
}

/// What the stock installer of a generation copies, and where to. Of its layouts it is the oldest that it still has in
/// the whole.
fn layout(generation: &'static Generation) -> &'static Layout {
    let newest = generation.newest();
    if generation.source_marks.is_empty() { generation.layouts.last().unwrap_or(newest) } else { newest }
}
const PROJECT_DATE: &str = "2025-10-13T09:00:00+00:00";
const LONGEST_START: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Installs the release at `commit` of `source` into the folder `install`, in the current layout. Config without which
/// its server does not start is copied from the templates.
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
    let tree = unpacked.path().join("tree");
    let generation = generation(install, released(source, commit)?);
    let moved = |from: &Path, to: &Path| {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).at("create", parent)?;
        }
        fs::rename(from, to).at("move files to", to)
    };
    for map in layout(generation).maps() {
        let places = layouts().paths_of(&map.source).into_iter().map(|path| path.under(&tree));
        if let Some(from) = places.into_iter().find(|from| from.is_dir()) {
            moved(&from, &map.install.under(install))?;
        }
    }
    for config in generation.required_config() {
        let templates = layouts().templates_of(config).map(|template| template.under(&tree));
        if let Some(template) = templates.into_iter().find(|template| template.is_file()) {
            moved(&template, &config.under(install))?;
        }
    }
    Ok(())
}

/// Creates `venv` in the install and fills it with what the server requires, from the wheels beside it.
///
/// # Errors
/// [`DemoError`] if python or pip fails.
pub fn create_venv(install: &Path) -> Result<(), DemoError> {
    let venv = install.join("venv");
    let server = installed(install).server();
    let mut python = python_from(server.minimum_python, install);
    run(python.args(["-m", "venv"]).arg(&venv), |command, output| DemoError::Python { command, output })?;
    let mut pip = clean_python(children::command(venv.join("bin/python")));
    pip.args(["-m", "pip", "--isolated", "--disable-pip-version-check", "--no-input", "install", "--quiet"]);
    pip.arg("--requirement").arg(server.requirements.under(install));
    run(&mut pip, |command, output| DemoError::Pip { command, output })?;
    Ok(())
}

/// Where the install has what the current layout has at a path: what is the user's own, at the same place.
fn place(install: &Path, current: &RelPath) -> PathBuf {
    if layouts().is_own(current) {
        return current.under(install);
    }
    let source = layouts().source_of(current);
    let layout = layout(installed(install));
    let here = source.and_then(|source| layout.maps().iter().find_map(|map| map.place(&source)));
    here.unwrap_or_else(|| current.clone()).under(install)
}

/// Edits, adds and deletes files of the install.
///
/// # Errors
/// [`DemoError`] if a file can't be written or removed.
pub fn add_user_edits(install: &Path) -> Result<(), DemoError> {
    let user = assets::user(installed(install));
    assets::write_to(assets::folder(&format!("{user}/tree"))?, |path| place(install, path))?;
    for path in assets::edits(&user)?.deleted {
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
    let name = install.file_name().unwrap_or_default().as_encoded_bytes();
    for file in [".gitignore", ".github/workflows/check.yml"] {
        let path = project.join(file);
        let text = fs::read(&path).at("read", &path)?;
        let text = renamed::renamed(&text, layouts().newest().folder.as_bytes(), name);
        fs::write(&path, text).at("write", &path)?;
    }
    assets::write(assets::folder(&format!("projects/{}", installed(install).name))?, project)?;
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
    let server = installed(install).server();
    let folders = [("{install}", install.as_os_str()), ("{project}", project.as_os_str())];
    let environment = server.environment.iter().map(|(name, value)| (name, os_text::filled(value, &folders)));
    let mut child = clean_python(children::command(&program))
        .args(&server.arguments)
        .envs(environment)
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
    let text = fs::read(installed(install).server().state_file.under(install)).ok()?;
    let state: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let port = state.get("port")?.as_u64()?;
    (state.get("pid")?.as_u64()? == u64::from(pid)).then(|| u16::try_from(port).ok())?
}

fn accepts(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1)).is_ok()
}

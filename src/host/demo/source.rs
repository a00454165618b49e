//! The source repository: one commit and one tag for each embedded release.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::host::demo::assets;
use crate::host::demo::assets::Release;
use crate::host::demo::command::{git, python, run, run_git};
use crate::host::demo::error::{At as _, DemoError};

/// Builds the source repository in the folder `source`, with the releases that have the first one's server; gives back
/// its commits, oldest first.
///
/// The ids are the same on every run and machine: authors, dates and bytes are fixed.
///
/// # Errors
/// [`DemoError`] if git or python fails or the folder can't be written.
pub fn prepare_source(source: &Path) -> Result<Vec<String>, DemoError> {
    let releases = assets::releases()?;
    let first = releases.first().map(|release| release.server.clone());
    add_releases(source, releases.iter().take_while(|release| Some(&release.server) == first.as_ref()))
}

/// The same with all releases until the one of the version `last`, or all that there are.
///
/// # Errors
/// As [`prepare_source`]; there is no such version.
pub fn prepare_source_up_to(source: &Path, last: Option<&str>) -> Result<Vec<String>, DemoError> {
    let releases = assets::releases()?;
    let end = match last {
        None => releases.len(),
        Some(last) => match releases.iter().position(|release| release.version == last) {
            Some(at) => at + 1,
            None => return Err(DemoError::Asset(format!("there is no release {last}"))),
        },
    };
    add_releases(source, &releases[..end])
}

fn add_releases<'a>(source: &Path, releases: impl IntoIterator<Item = &'a Release>) -> Result<Vec<String>, DemoError> {
    fs::create_dir_all(source).at("create", source)?;
    run_git(git(source, "").args(["init", "--quiet", "--template="]))?;
    let mut before: Option<&Release> = None;
    let mut commits = Vec::new();
    for release in releases {
        if let Some(before) = before {
            // They are made anew for each release, at its server's place.
            let wheels = source.join(&before.server).join(WHEELS);
            fs::remove_dir_all(&wheels).at("remove", &wheels)?;
        }
        commits.push(add_release(source, release)?);
        before = Some(release);
    }
    Ok(commits)
}

/// Where a server has the wheels that it requires.
const WHEELS: &str = "wheels";

fn add_release(source: &Path, release: &Release) -> Result<String, DemoError> {
    for path in &release.removed {
        let path = source.join(path);
        fs::remove_file(&path).at("remove", &path)?;
        remove_empty_parents(&path, source);
    }
    for rename in &release.renamed {
        let (from, to) = (source.join(&rename.from), source.join(&rename.to));
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).at("create", parent)?;
        }
        fs::rename(&from, &to).at("move", &from)?;
        remove_empty_parents(&from, source);
    }
    assets::write(release.tree()?, source)?;
    for path in &release.executable {
        let path = source.join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).at("make executable", &path)?;
    }
    build_wheels(release, &source.join(&release.server).join(WHEELS))?;

    let git = || git(source, &release.date);
    // An empty index, so that git looks into every file: two releases may differ in bytes alone, not in size or time.
    run_git(git().args(["read-tree", "--empty"]))?;
    run_git(git().args(["add", "--all"]))?;
    run_git(git().args(["commit", "--quiet", "--no-verify", "--message", &release.message]))?;
    run_git(git().args(["tag", &format!("v{}", release.version)]))?;
    run_git(git().args(["rev-parse", "HEAD"]))
}

/// Makes exactly the wheels of this release in `target`.
fn build_wheels(release: &Release, target: &Path) -> Result<(), DemoError> {
    let workshop = tempfile::tempdir().at("create a folder in", &std::env::temp_dir())?;
    assets::write(assets::folder("wheels")?, workshop.path())?;
    let script = workshop.path().join("build_wheels.py");
    run(python().arg("-B").arg(script).arg(target).args(&release.wheels), |command, output| DemoError::Python {
        command,
        output,
    })?;
    Ok(())
}

fn remove_empty_parents(path: &Path, root: &Path) {
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != root) {
        if fs::remove_dir(parent).is_err() {
            return;
        }
    }
}

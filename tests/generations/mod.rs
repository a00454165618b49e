//! Installs of older generations, upgraded by the binary: the folder gets another name, and comes back.

mod client;
mod crash;
mod folder;
mod servers;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{Sandbox, demos, snapshot};
use pos_upgrade_tui::core::path::RelPath;
use pos_upgrade_tui::host::demo::{self, Demo};

const OLD: &str = ".agent-os";
const NEW: &str = ".praxis-os";

/// The demo's project with an install of the first generation, in a git repository; without environment and server.
fn content_demo(dir: &Path) -> Demo {
    content_demo_up_to(dir, "1.2.0")
}

/// The same with the releases of the source until one.
fn content_demo_up_to(dir: &Path, last: &str) -> Demo {
    let (source, project) = (dir.join("source"), dir.join("project"));
    let install = project.join(OLD);
    fs::create_dir_all(&project).unwrap();
    let commits = demo::prepare_source_up_to(&source, Some(last)).unwrap();
    demo::install_release(&source, &commits[0], &install).unwrap();
    demo::add_user_edits(&install).unwrap();
    demo::commit_project(&project, &install).unwrap();
    Demo { dir: dir.to_owned(), source, project, install, server_pid: None, commits }
}

/// The same with environment and running server.
fn whole_demo(sandbox: &mut Sandbox) -> Demo {
    let folder: RelPath = OLD.parse().unwrap();
    let demo = demos::prepare_from(&folder, &sandbox.path().join("demo"));
    sandbox.watch(&demo.install);
    sandbox.watch(&demo.project.join(NEW));
    demo
}

/// Nothing, where there is no folder.
fn tree(install: &Path) -> BTreeMap<String, String> {
    if install.is_dir() { snapshot(install) } else { BTreeMap::new() }
}

/// What a rollback has to bring back: the folder by its name, with all that is in it, and the project's own files.
fn before(project: &Path) -> (Vec<String>, BTreeMap<String, String>, Option<Vec<u8>>) {
    let names = fs::read_dir(project).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let older = project.join(OLD).is_dir();
    let mut tree = tree(&project.join(if older { OLD } else { NEW }));
    // It has a line more.
    tree.remove("UPDATE_LOG.txt");
    (names, tree, fs::read(project.join(".gitignore")).ok())
}

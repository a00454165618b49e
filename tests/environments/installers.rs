//! Who installs, and environments that can't be used as they stand.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Sandbox, assert_same, snapshot, text};
use crate::dependencies::world::{Said, World, entries};
use crate::environments::world::{of_uv, packages, path_with, path_without_uv, python, release_with_tools, scripts};
use crate::environments::world::{stop, uv};

/// The commands that an upgrade noted.
fn commands(world: &World) -> String {
    let folder = world.demo.install.join(".cache/state");
    let state = fs::read_dir(folder).unwrap().flatten().next().unwrap().path();
    let state: Value = serde_json::from_slice(&fs::read(state).unwrap()).unwrap();
    state["phase_artifacts"].to_string()
}

/// Back, with nothing that could install or fetch anything, to what there was.
fn rolls_back_offline(world: &World) {
    let nowhere = world.sandbox.path().join("nowhere");
    fs::create_dir_all(&nowhere).unwrap();
    let mut back = world.command(&["rollback", "--yes"]);
    let git = crate::common::ext::program("git");
    back.env("PATH", git.parent().unwrap()).env("UV_OFFLINE", "1").env("PIP_NO_INDEX", "1");
    let out = back.output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out).1);
    world.assert_as_before();
}

#[test]
fn an_environment_of_uv_ends_as_one_of_pip_and_both_come_back() {
    let Some(uv) = uv() else { return };
    let mut ends = Vec::new();
    for by_uv in [false, true] {
        let mut world = if by_uv { of_uv(&uv) } else { World::new() };
        world.env("PATH", &path_with(&[&uv]));
        world.env("UV_CACHE_DIR", world.sandbox.path().join("uv-cache").to_str().unwrap());
        release_with_tools(&world);
        let said = world.upgrade(&[]);
        said.assert_done();
        let (outcome, detail) = said.task("dependencies");
        assert!(outcome == "done" && detail.contains("2 packages into venvs/"), "{outcome} {detail}");
        assert!(detail.contains("the old one is unchanged"), "{detail}");
        let list = world.demo.project.join(said.evidence(1)["requirements_snapshot"].as_str().unwrap());
        assert!(fs::read_to_string(list).unwrap().contains("pos-demo-text==1.0.0\n"));
        let ran = commands(&world);
        assert_eq!(ran.contains("uv pip install --python venvs/"), by_uv, "{ran}");
        assert_eq!(ran.contains("-m pip install"), !by_uv, "{ran}");
        let venv = world.demo.install.join("venv");
        ends.push((packages(&venv), scripts(&venv)));
        rolls_back_offline(&world);
    }
    assert_eq!(ends[0], ends[1]);
    assert_eq!(ends[0].1.values().map(String::as_str).collect::<Vec<_>>(), ["1.0\n", "2.0\n"]);
}

#[test]
fn what_uv_can_not_install_is_said_and_nothing_changes() {
    let Some(uv) = uv() else { return };
    let mut world = of_uv(&uv);
    world.env("PATH", &path_with(&[&uv]));
    world.release("no-such-package-at-all==9.9\n");
    let said = world.upgrade(&[]);
    world.assert_failed(&said, &["no-such-package-at-all", "uv"]);
}

#[test]
fn an_environment_of_uv_without_uv_gets_a_pip_beside_the_live_one() {
    let Some(uv) = uv() else { return };
    let mut world = of_uv(&uv);
    world.env("PATH", &path_without_uv());
    release_with_tools(&world);
    let said = world.upgrade(&[]);
    said.assert_done();
    assert!(commands(&world).contains("-m ensurepip"), "{}", said.all);
    let (_, detail) = said.task("dependencies");
    assert!(detail.contains("the old one is unchanged"), "{detail}");
    assert_eq!(scripts(&world.demo.install.join("venv")).len(), 2);
    rolls_back_offline(&world);
}

/// A Python of this machine without `ensurepip`, as distributions make it, in a folder: a copy of its program, links to its
/// library.
fn without_ensurepip(real: &Path, folder: &Path) -> PathBuf {
    let name = real.file_name().unwrap();
    let library = real.parent().unwrap().parent().unwrap().join("lib").join(name);
    let (bin, lib) = (folder.join("bin"), folder.join("lib").join(name));
    fs::create_dir_all(&bin).unwrap();
    fs::create_dir_all(&lib).unwrap();
    fs::copy(real, bin.join(name)).unwrap();
    for entry in fs::read_dir(library).unwrap().flatten() {
        if entry.file_name() != "ensurepip" && entry.file_name() != "site-packages" {
            symlink(entry.path(), lib.join(entry.file_name())).unwrap();
        }
    }
    bin.join(name)
}

#[test]
fn where_no_pip_can_be_unpacked_another_pythons_pip_does_it() {
    let Some(uv) = uv() else { return };
    let mut world = of_uv(&uv);
    world.env("PATH", &path_without_uv());
    let bare = without_ensurepip(&python(&world.demo.install), &world.sandbox.path().join("bare"));
    stop(&world.demo.install);
    let venv = world.demo.install.join("venv");
    fs::remove_file(venv.join("bin/python")).unwrap();
    symlink(&bare, venv.join("bin/python")).unwrap();
    pos_upgrade_tui::host::demo::start_server(&world.demo.project, &world.demo.install).unwrap();
    let world = World { venv: entries(&venv), before: snapshot(&world.demo.install), ..world };
    release_with_tools(&world);
    let said = world.upgrade(&[]);
    said.assert_done();
    assert!(commands(&world).contains(" -m pip --python venvs/"), "{}", commands(&world));
    assert_eq!(scripts(&venv).len(), 2);
    rolls_back_offline(&world);
}

/// The demo without a server, and with an environment that this makes of what there was.
fn with_environment(change: impl FnOnce(&Sandbox, &Path)) -> World {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.demo();
    let world = World::around(sandbox, demo);
    stop(&world.demo.install);
    change(&world.sandbox, &world.demo.install.join("venv"));
    let venv = world.demo.install.join("venv");
    let venv = if venv.exists() { entries(&venv) } else { BTreeMap::new() };
    World { venv, before: snapshot(&world.demo.install), ..world }
}

fn question(said: &Said) -> &Value {
    let asked = said.events.iter().filter(|e| e["event"] == "question_asked").collect::<Vec<_>>();
    assert_eq!(asked.len(), 1, "one question: {}", said.all);
    asked[0]
}

#[test]
fn an_environment_whose_python_is_gone_is_made_from_scratch_and_kept() {
    let mut world = with_environment(|_, venv| {
        for entry in fs::read_dir(venv.join("bin")).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("python") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        symlink("/no/such/python3.9", venv.join("bin/python")).unwrap();
    });
    world.env("PATH", &path_without_uv());
    release_with_tools(&world);
    let plan = world.command(&["plan"]).arg("--source").arg(&world.demo.source).output().unwrap();
    let (code, told) = text(&plan);
    assert_eq!(code, 0, "{told}");
    let said = world.upgrade(&[]);
    said.assert_done();
    let asked = question(&said);
    assert_eq!(asked["id"], "environment_anew", "{asked}");
    let warnings = said.evidence(0)["warnings"].to_string();
    assert!(warnings.contains("/no/such/python3.9") || warnings.contains("No such file"), "{warnings}");
    assert!(warnings.contains("made from scratch with") && warnings.contains("kept for a rollback"), "{warnings}");
    let venv = world.demo.install.join("venv");
    assert_eq!(packages(&venv).keys().filter(|name| name.starts_with("tool_")).count(), 2);
    assert_eq!(scripts(&venv).len(), 2);

    let back = world.command(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_same(&world.before, &snapshot(&world.demo.install));
    assert_eq!(entries(&venv), world.venv);
    assert!(!world.demo.install.join("venvs").exists());
}

#[test]
fn one_that_is_a_link_to_elsewhere_is_never_written() {
    for conda in [false, true] {
        let mut world = with_environment(|sandbox, venv| {
            let elsewhere = sandbox.path().join("shared env");
            fs::rename(venv, &elsewhere).unwrap();
            if conda {
                fs::create_dir(elsewhere.join("conda-meta")).unwrap();
                fs::remove_file(elsewhere.join("pyvenv.cfg")).unwrap();
            }
            symlink(&elsewhere, venv).unwrap();
        });
        world.env("PATH", &path_without_uv());
        let elsewhere = world.sandbox.path().join("shared env");
        let links = |path: &Path| {
            use std::os::unix::fs::MetadataExt as _;
            walkdir::WalkDir::new(path).into_iter().flatten().map(|e| e.metadata().unwrap().nlink()).sum::<u64>()
        };
        let (before, count) = (entries(&elsewhere), links(&elsewhere));
        release_with_tools(&world);
        let said = world.upgrade(&[]);
        said.assert_done();
        question(&said);
        let warnings = said.evidence(0)["warnings"].to_string();
        let kind = if conda { "a conda environment" } else { "one that is not the install's" };
        assert!(warnings.contains(kind) && warnings.contains("shared env"), "{warnings}");
        let venv = world.demo.install.join("venv");
        assert_eq!(scripts(&venv).len(), 2);
        assert_eq!((entries(&elsewhere), links(&elsewhere)), (before.clone(), count), "not written to");
        let back = world.command(&["rollback", "--yes"]).output().unwrap();
        assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
        assert_eq!(fs::read_link(&venv).unwrap(), elsewhere);
        assert_eq!((entries(&elsewhere), links(&elsewhere)), (before, count), "not written to");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_an_environment_that_is_gone() {
    let mut world = with_environment(|_, venv| {
        fs::remove_dir_all(venv).unwrap();
        symlink("/no/such/envs/shop", venv).unwrap();
    });
    world.env("PATH", &path_without_uv());
    let said = world.upgrade(&[]);
    said.assert_done();
    let venv = world.demo.install.join("venv");
    assert!(packages(&venv).contains_key("pos_demo_text"), "{}", said.all);
    let back = world.command(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_eq!(fs::read_link(&venv).unwrap(), Path::new("/no/such/envs/shop"));
}

#[test]
fn without_any_python_that_fits_it_is_refused_and_nothing_is_cleared() {
    let mut world = with_environment(|sandbox, venv| {
        let gone = sandbox.path().join("gone");
        fs::create_dir(&gone).unwrap();
        fs::set_permissions(&gone, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["python", "python3"] {
            let _ = fs::remove_file(venv.join("bin").join(name));
        }
        symlink(gone.join("python3.9"), venv.join("bin/python")).unwrap();
    });
    let bin = world.sandbox.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(crate::common::ext::program("git"), bin.join("git")).unwrap();
    world.env("PATH", bin.to_str().unwrap());
    world.env("PYENV_ROOT", "/no/such");
    release_with_tools(&world);
    let said = world.upgrade(&[]);
    assert_eq!(said.code, 4, "{}", said.all);
    let last = said.finished();
    assert!(
        last["next"].as_str().unwrap().contains("venv.old") && !last["next"].to_string().contains("--clear"),
        "{last}"
    );
    assert_same(&world.before, &snapshot(&world.demo.install));
    assert_eq!(entries(&world.demo.install.join("venv")), world.venv);
}

//! Where environments can't be switched in one step, and where there is no room for them.

use std::fs;
use std::path::Path;

use pos_upgrade_tui::host::demo;

use crate::common::ext::{is_root, skipped};
use crate::common::mounts::Mount;
use crate::common::{Sandbox, text};
use crate::dependencies::world::{World, package, plain};

/// The project lies in the lower layer, as in a container's image: its folders can't be renamed, so not exchanged.
#[test]
fn on_an_overlay() {
    if !is_root() {
        return skipped("only root may mount");
    }
    let mut sandbox = Sandbox::new();
    let path = sandbox.path();
    let layers = ["lower", "upper", "work"].map(|n| path.join(n));
    layers.iter().for_each(|l| fs::create_dir(l).unwrap());
    let [lower, upper, work] = layers.map(|l| l.to_str().unwrap().to_owned());
    // Built where it will be seen, so that the environment's paths are right; then it becomes the lower layer.
    let disk = path.join("disk");
    fs::create_dir(&disk).unwrap();
    let bind = Mount::by(&disk, "mount", &["--bind", &lower]).unwrap();
    let demo = demo::prepare(&disk.join("demo"), &mut |_| {}).unwrap();
    end_server(&demo.install);
    drop(bind);
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    let mount = match Mount::by(&disk, "mount", &["-t", "overlay", "-o", &options, "pos-overlay"]) {
        Ok(mount) => mount,
        Err(why) => return skipped(&why),
    };
    // A folder of the lower layer can't be renamed: otherwise this test shows nothing.
    let try_it = demo.install.join("mcp_server/wheels");
    assert!(fs::rename(&try_it, demo.install.join("mcp_server/w")).is_err(), "the overlay renames folders");
    demo::start_server(&demo.project, &demo.install).unwrap();
    sandbox.watch(&demo.install);
    let world = World::around(sandbox, demo);
    // A bad release is found out in the copy.
    let started = world.demo.source.join("mcp_server/__main__.py");
    let good = fs::read_to_string(&started).unwrap();
    fs::write(&started, format!("raise SystemExit('no luck here')\n{good}")).unwrap();
    world.release("");
    world.assert_failed(&world.upgrade(&[]), &["the new release was tried, and does not work here", "no luck here"]);
    fs::write(&started, good).unwrap();
    plain(&world.wheels(), "from-here", "1.0");
    world.release("from-here==1.0\n");
    let said = world.upgrade(&[]);
    said.assert_done();
    assert!(said.all.contains("answers in a copy: the install is on an overlay itself"), "{}", said.all);
    assert!(world.demo.install.join("venv").symlink_metadata().unwrap().file_type().is_symlink());
    let back = world.command(&["rollback", "--yes"]).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    let venv = world.demo.install.join("venv");
    assert!(venv.symlink_metadata().unwrap().is_dir() && !world.demo.install.join("venvs").exists());
    // A copy has other numbers; all else is the same.
    let same = |state: &str| state.split(' ').enumerate().filter(|(i, _)| *i != 1).map(|(_, w)| w.to_owned()).collect();
    let plain = |all: std::collections::BTreeMap<String, String>| {
        all.into_iter().map(|(path, state)| (path, same(&state))).collect::<Vec<(String, Vec<String>)>>()
    };
    assert_eq!(plain(crate::dependencies::world::entries(&venv)), plain(world.venv.clone()));
    assert_eq!(crate::common::tools(&world.demo.install).as_ref(), Some(&world.tools));
    end_server(&world.demo.install);
    drop(mount);
}

fn end_server(install: &Path) {
    use pos_upgrade_tui::host::process::proc;
    use pos_upgrade_tui::host::server;
    if let server::Running::Yes(live) = server::find(install) {
        proc::stop(&live.process, std::time::Duration::from_secs(5));
    }
}

#[test]
fn on_a_full_disk() {
    let mut sandbox = Sandbox::new();
    let disk = sandbox.path().join("disk");
    let Some(mount) = Mount::tmpfs(&disk, 200 << 20) else { return };
    let demo = demo::prepare(&disk.join("demo"), &mut |_| {}).unwrap();
    sandbox.watch(&demo.install);
    let world = World::around(sandbox, demo);
    // Small as a file, large when installed.
    let about = serde_json::json!({
        "name": "heavy", "version": "1.0", "files": {"heavy/__init__.py": ""}, "zeros": {"heavy/data": 60 << 20},
    });
    package(&world.wheels(), about);
    world.release("heavy==1.0\n");
    let used: u64 = walkdir::WalkDir::new(&disk)
        .into_iter()
        .flatten()
        .filter_map(|e| e.metadata().ok())
        .map(|m| m.len().div_ceil(4096) * 4096)
        .sum();
    mount.resize(used as usize + (20 << 20));
    let said = world.upgrade(&[]);
    world.assert_failed(&said, &["No space left on device"]);
    assert_eq!(said.finished()["code"], "POS-E0704");
    end_server(&world.demo.install);
}

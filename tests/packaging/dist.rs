//! The packages that `.ci/release` made, in the folder that `POS_DIST` names: what is in them, and the first hour of somebody
//! who has Python and no Rust.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::common::ext::{interpreter, program, skipped};
use crate::common::{Sandbox, text};

/// What stands at the top of the sdist.
const AT_TOP: [&str; 11] = [
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "assets",
    "benches",
    "pyproject.toml",
    "src",
];

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is asked of the installed files: each with the sum that the wheel noted.
const SOUND: &str = "
import base64, hashlib, importlib.metadata as m
files = m.distribution('pos-upgrade-tui').files
for f in files:
    if f.hash:
        sum = base64.urlsafe_b64encode(hashlib.sha256(f.locate().read_bytes()).digest()).rstrip(b'=').decode()
        assert f.hash.value == sum, f
print(len(files), *m.metadata('pos-upgrade-tui').get_all('License-File'), m.version('pos-upgrade-tui'))
";

fn dist() -> Option<PathBuf> {
    let named = std::env::var_os("POS_DIST").map(PathBuf::from);
    if named.is_none() {
        skipped("POS_DIST names no folder that .ci/release made");
    }
    named
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn only(folder: &Path, end: &str) -> PathBuf {
    let mut found: Vec<String> = names(folder).into_iter().filter(|name| name.ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    folder.join(found.remove(0))
}

fn good(command: &mut Command) -> String {
    let (code, said) = text(&command.output().unwrap());
    assert_eq!(code, 0, "{command:?}: {said}");
    said
}

fn unpacked(archive: &Path, into: &Path) -> PathBuf {
    fs::create_dir(into).unwrap();
    good(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(into));
    let top = names(into);
    assert_eq!(top.len(), 1, "{top:?}");
    into.join(top.first().unwrap())
}

#[test]
fn sums_hold_and_each_archive_has_what_belongs_there() {
    let Some(dist) = dist() else { return };
    let sandbox = Sandbox::new();
    let summed = good(Command::new("sha256sum").args(["--strict", "-c", "SHA256SUMS"]).current_dir(&dist));
    let checked: BTreeSet<String> =
        summed.lines().filter_map(|l| l.strip_suffix(": OK").map(ToOwned::to_owned)).collect();
    let mut made = names(&dist);
    assert!(made.remove("SHA256SUMS"));
    assert_eq!(checked, made);
    assert_eq!(made.len(), 4, "{made:?}");
    assert!(made.iter().all(|name| name.contains(VERSION)), "{made:?}");

    let source = unpacked(&only(&dist, &format!("pos_upgrade_tui-{VERSION}.tar.gz")), &sandbox.path().join("sdist"));
    assert_eq!(names(&source), AT_TOP.map(ToOwned::to_owned).into());
    let targets = fs::read_to_string(source.join("Cargo.toml")).unwrap();
    assert!(!targets.contains("tests/main.rs"), "what is left out is no target");
    good(
        Command::new("cargo")
            .args(["metadata", "--offline", "--locked", "--no-deps", "--format-version=1"])
            .current_dir(&source),
    );

    let folder = unpacked(&only(&dist, "-x86_64-linux.tar.gz"), &sandbox.path().join("tarball"));
    let there = ["CHANGELOG.md", "LICENSE", "README.md", "THIRD-PARTY.txt", "bin", "share"];
    assert_eq!(names(&folder), there.map(ToOwned::to_owned).into());
    assert!(names(&folder.join("share/man/man1")).len() > 25);
    for place in [
        "bash-completion/completions/pos-upgrade-tui",
        "zsh/site-functions/_pos-upgrade-tui",
        "fish/vendor_completions.d/pos-upgrade-tui.fish",
    ] {
        assert!(fs::read_to_string(folder.join("share").join(place)).unwrap().contains("pos-upgrade-tui"), "{place}");
    }
    let licences = fs::read_to_string(folder.join("THIRD-PARTY.txt")).unwrap();
    for package in ["rusqlite ", "ratatui ", "tokio ", "Permission is hereby granted"] {
        assert!(licences.contains(package), "{package}");
    }
    assert!(!licences.contains("\nproptest "), "what only tests use is not given on");

    let parts: Value = serde_json::from_slice(&fs::read(only(&dist, ".cyclonedx.json")).unwrap()).unwrap();
    assert_eq!(
        (&parts["bomFormat"], &parts["metadata"]["component"]["version"]),
        (&"CycloneDX".into(), &VERSION.into())
    );
    let named = |name: &str| parts["components"].as_array().unwrap().iter().any(|part| part["name"] == name);
    assert!(named("rusqlite") && named("libsqlite3-sys") && named("clap"));
}

/// `GLIBC_2.17` and the like, which stand in a binary that needs them.
fn newest_glibc(binary: &[u8]) -> u32 {
    let mark = b"GLIBC_2.";
    let at =
        binary.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark).map(|(at, _)| at + mark.len());
    let number = |at: usize| {
        let digits: String = binary[at..].iter().map(|b| char::from(*b)).take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    at.filter_map(number).max().expect("it uses the C library")
}

/// Only Python and git: the wheel installed, the demo upgraded and rolled back.
#[test]
fn somebody_without_rust_installs_the_wheel_and_runs_the_demo() {
    let Some(dist) = dist() else { return };
    let mut sandbox = Sandbox::new();
    let home = sandbox.path().join("home");
    // As pipx does it: an environment of its own, and a link on the PATH.
    let (environment, local) = (home.join(".local/share/pipx/venvs/pos-upgrade-tui"), home.join(".local/bin"));
    fs::create_dir_all(&local).unwrap();
    symlink(interpreter(), local.join("python3")).unwrap();
    symlink(program("git"), local.join("git")).unwrap();
    let path = format!("{}:/usr/bin:/bin", local.to_str().unwrap());
    for rust in ["cargo", "rustc", "rustup"] {
        assert!(std::env::split_paths(&path).all(|folder| !folder.join(rust).exists()), "{rust} is on {path}");
    }
    let fresh = |program: &OsStr| {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", &home).env("PATH", &path).env("LANG", "C.UTF-8").current_dir(&home);
        // Where packages come from is the machine's own business.
        for (name, value) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PIP_") {
                command.env(name, value);
            }
        }
        command
    };
    let begun = Instant::now();
    good(fresh("python3".as_ref()).args(["-m", "venv"]).arg(&environment));
    let made = begun.elapsed();
    let python = environment.join("bin/python");
    let wheel = only(&dist, ".whl");
    good(fresh(python.as_os_str()).args(["-m", "pip", "install", "--quiet", "--no-index"]).arg(&wheel));
    let installed = begun.elapsed();
    symlink(environment.join("bin/pos-upgrade-tui"), local.join("pos-upgrade-tui")).unwrap();

    let said = good(fresh(python.as_os_str()).args(["-c", SOUND]));
    assert!(said.trim().ends_with(&format!("LICENSE THIRD-PARTY.txt {VERSION}")), "{said}");
    let ours = |arguments: &[&str]| good(fresh("pos-upgrade-tui".as_ref()).args(arguments));
    assert_eq!(ours(&["--version"]).trim(), format!("pos-upgrade-tui {VERSION}"));
    assert!(names(&environment.join("share/man/man1")).contains("pos-upgrade-tui-plan.1"));
    let binary = fs::read(environment.join("bin/pos-upgrade-tui")).unwrap();
    let folder = unpacked(&only(&dist, "-x86_64-linux.tar.gz"), &sandbox.path().join("tarball"));
    assert!(fs::read(folder.join("bin/pos-upgrade-tui")).unwrap() == binary, "one binary in both");
    let (tag, newest) = (wheel.to_str().unwrap(), newest_glibc(&binary));
    let promised: u32 = tag.split("manylinux_2_").nth(1).unwrap().split('_').next().unwrap().parse().unwrap();
    assert!(newest <= promised, "{tag} needs glibc 2.{newest}");

    let demo = home.join("demo");
    let project = demo.join("project");
    for name in [".agent-os", ".praxis-os"] {
        sandbox.watch(&project.join(name));
    }
    let begun = Instant::now();
    ours(&["demo", demo.to_str().unwrap(), "--headless"]);
    let upgraded = begun.elapsed();
    assert!(project.join(".praxis-os").is_dir());
    let begun = Instant::now();
    ours(&["rollback", "--yes", "--project", project.to_str().unwrap()]);
    let back = begun.elapsed();
    assert!(project.join(".agent-os").is_dir() && !project.join(".praxis-os").exists());
    println!(
        "environment {made:.1?}, wheel {:.1?}, demo upgraded {upgraded:.1?}, rolled back {back:.1?}",
        installed.saturating_sub(made)
    );
}

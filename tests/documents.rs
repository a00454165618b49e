//! Files of the user's that lines are added to: in any writing, with any line ends, they come back byte for byte, and
//! until then what the user wrote stands in front, unchanged.

use crate::common::ext;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{Sandbox, git, text};
use pos_upgrade_tui::host::demo::Demo;

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect()
}

/// Texts as people have them.
fn writings() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("Latin-1", b"# gr\xf6\xdfe\n/caf\xe9/\n".to_vec()),
        ("Latin-1 without a last line end", b"# gr\xf6\xdfe\n/caf\xe9/".to_vec()),
        ("CRLF", b"# a\r\n/target/\r\n".to_vec()),
        ("CRLF without a last line end", b"# a\r\n/target/".to_vec()),
        ("mixed line ends", b"# a\r\n/b\n\r\n/c\n".to_vec()),
        ("UTF-8 with a mark", b"\xef\xbb\xbf# a\n/target/\n".to_vec()),
        ("UTF-16 LE", utf16("# a\n/target/\n", u16::to_le_bytes)),
        ("UTF-16 LE, CRLF, without a last line end", utf16("# a\r\n/target/", u16::to_le_bytes)),
        ("UTF-16 BE", utf16("# gr\u{f6}\u{df}e\n", u16::to_be_bytes)),
        ("NUL and all other bytes", (0..=255).collect()),
        ("empty", Vec::new()),
        ("only a line end", b"\n".to_vec()),
        ("blanks at the end", b"/target/   \n\t\n  ".to_vec()),
    ]
}

/// The documents that lines are added to, relative to the project.
const NAMES: [&str; 4] =
    [".gitignore", ".praxis-os/UPDATE_LOG.txt", ".praxis-os/VERSION.txt", ".praxis-os/INSTALLATION_SUMMARY.md"];

struct World {
    sandbox: Sandbox,
    demo: Demo,
}

/// A copy of its project, for one writing.
struct Case<'w> {
    world: &'w World,
    project: PathBuf,
}

impl World {
    fn new() -> Self {
        let mut sandbox = Sandbox::new();
        let demo = sandbox.content_demo();
        git(&demo.project, &["init", "-q"]);
        Self { sandbox, demo }
    }

    fn case(&self) -> Case<'_> {
        let project = self.sandbox.path().join("case");
        let _ = fs::remove_dir_all(&project);
        assert!(Command::new("cp").arg("-a").arg(&self.demo.project).arg(&project).status().unwrap().success());
        Case { world: self, project }
    }
}

impl Case<'_> {
    fn run(&self, arguments: &[&str]) {
        let mut command = self.world.sandbox.command();
        command.args(arguments).arg("--project").arg(&self.project);
        let (code, said) = text(&command.output().unwrap());
        assert_eq!(code, 0, "{arguments:?}: {said}");
    }

    fn upgrade(&self, to: usize) {
        let demo = &self.world.demo;
        let (source, to) = (demo.source.to_str().unwrap(), demo.commits[to].as_str());
        self.run(&["upgrade", "--yes", "--on-conflict", "keep", "--source", source, "--to", to]);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.project.join(name)
    }
}

#[test]
fn byte_for_byte_in_any_writing() {
    let mut cases = 0;
    let prepared = World::new();
    for (at, (writing, bytes)) in writings().into_iter().enumerate() {
        // Each other one read-only.
        let read_only = at % 2 == 1;
        let world = prepared.case();
        for name in NAMES {
            fs::write(world.path(name), &bytes).unwrap();
            let mode = if read_only { 0o444 } else { 0o640 };
            fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let time = |name: &str| fs::metadata(world.path(name)).unwrap().modified().unwrap();
        let then = std::time::UNIX_EPOCH + std::time::Duration::new(1_500_000_000 + at as u64, 123_456_789);
        for name in NAMES {
            fs::File::open(world.path(name)).unwrap().set_modified(then).unwrap();
        }
        world.upgrade(2);
        assert_ne!(time(".gitignore"), then);
        for name in NAMES {
            let now = fs::read(world.path(name)).unwrap();
            assert!(now.starts_with(&bytes) && now.len() > bytes.len(), "{writing}, {name}: {now:?}");
            let added = &now[bytes.len()..];
            if writing.starts_with("CRLF") {
                let ends = added.iter().filter(|b| **b == b'\n').count();
                let both = added.windows(2).filter(|pair| pair == b"\r\n").count();
                assert_eq!(ends, both, "{writing}, {name}: lines end as those before");
            }
        }
        // Git reads what was added, whatever stands before it.
        if !writing.starts_with("NUL") {
            fs::create_dir_all(world.path(".praxis-os/.upgrade")).unwrap();
            git(&world.project, &["check-ignore", "-q", ".praxis-os/.upgrade/lock"]);
        }
        world.run(&["rollback", "--yes"]);
        for name in NAMES {
            let now = fs::read(world.path(name)).unwrap();
            let same = if name.ends_with("UPDATE_LOG.txt") { now.starts_with(&bytes) } else { now == bytes };
            assert!(same, "{writing}, {name}: {now:?}");
            // The log has one line more.
            assert!(time(name) == then || name.ends_with("UPDATE_LOG.txt"), "{writing}, {name}: {:?}", time(name));
            let mode = fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, if read_only { 0o444 } else { 0o640 }, "{writing}, {name}");
            cases += 1;
        }
        assert!(!world.path(".praxis-os/rescued").exists(), "{writing}: nothing is taken for an edit");
    }
    println!("{cases} documents upgraded and rolled back, each byte for byte");
}

#[test]
fn lines_that_were_added_behind_ours_stay() {
    let prepared = World::new();
    for (writing, bytes) in writings() {
        let world = prepared.case();
        let path = world.path(".gitignore");
        fs::write(&path, &bytes).unwrap();
        world.upgrade(2);
        let mut now = fs::read(&path).unwrap();
        now.extend_from_slice(b"/n\xe9w/\r\n");
        fs::write(&path, &now).unwrap();
        world.run(&["rollback", "--yes"]);
        let back = fs::read(&path).unwrap();
        assert!(back.starts_with(&bytes) && back.ends_with(b"/n\xe9w/\r\n"), "{writing}: {back:?}");
        let left = back.windows(b".praxis-os/".len()).any(|window| window == b".praxis-os/");
        assert!(!left, "{writing}: our lines are gone");
    }
}

#[test]
fn twice_and_back_twice() {
    let prepared = World::new();
    for (writing, bytes) in writings().into_iter().step_by(3) {
        let world = prepared.case();
        for name in NAMES {
            fs::write(world.path(name), &bytes).unwrap();
        }
        world.upgrade(1);
        world.upgrade(2);
        world.run(&["rollback", "--yes"]);
        let history = {
            let mut command = prepared.sandbox.command();
            let output = command.args(["history", "--json", "--project"]).arg(&world.project).output().unwrap();
            ext::lines(&output.stdout).pop().unwrap()
        };
        world.run(&["rollback", history["sessions"][1]["session_id"].as_str().unwrap(), "--yes"]);
        for name in NAMES.iter().filter(|name| !name.ends_with("UPDATE_LOG.txt")) {
            assert_eq!(fs::read(world.path(name)).unwrap(), bytes, "{writing}, {name}");
        }
        assert!(!world.path(".praxis-os/rescued").exists(), "{writing}: lines of rollbacks are known in any writing");
    }
}

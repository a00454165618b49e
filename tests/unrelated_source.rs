//! A source that has nothing to do with the install is refused, and a plan that removes unusually many files needs a yes
//! of its own. What is no stranger is let through: shallow clones, tarballs, forks, new and small installs.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::ext::refused;
use crate::common::terminal::Terminal;
use crate::common::{Sandbox, assert_same, git, real_content, snapshot, text};
use pos_upgrade_tui::host::demo;

const FILES: usize = 60;

/// A praxis-os with many pages, and an install of its first release.
struct World {
    sandbox: Sandbox,
    source: PathBuf,
    project: PathBuf,
    install: PathBuf,
}

fn page(n: usize) -> String {
    format!("universal/standards/area-{}/page-{n}.md", n % 6)
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let (source, project) = (sandbox.path().join("praxis-os"), sandbox.path().join("project"));
        for n in 0..FILES {
            write(&source.join(page(n)), &format!("# Page {n}\n\nWhat page {n} says.\n"));
        }
        write(&source.join("universal/workflows/work_v1/metadata.json"), "{\"name\": \"work\"}\n");
        write(&source.join("scripts/work.py"), "print('work')\n");
        write(&source.join("mcp_server/__init__.py"), "");
        write(&source.join("mcp_server/server.py"), "print('server')\n");
        git(&source, &["init", "--quiet", "--template="]);
        let install = project.join(".praxis-os");
        let world = Self { sandbox, source, project, install };
        let first = world.release("The first release");
        demo::install_release(&world.source, &first, &world.install).unwrap();
        world
    }

    /// Commits what is there.
    fn release(&self, message: &str) -> String {
        git(&self.source, &["add", "--all"]);
        git(&self.source, &["commit", "--quiet", "-m", message]);
        git(&self.source, &["rev-parse", "HEAD"])
    }

    fn arguments<'a>(&'a self, words: &[&'a str], source: &'a Path) -> Vec<&'a str> {
        let path = |p: &'a Path| p.to_str().unwrap();
        [words, &["--project", path(&self.project), "--source", path(source)]].concat()
    }

    fn run(&self, words: &[&str], source: &Path) -> (i32, String) {
        text(&self.sandbox.run(&self.arguments(words, source)))
    }

    /// The demo's source, which is somebody else's here.
    fn stranger(&self) -> PathBuf {
        let source = self.sandbox.path().join("toy/source");
        demo::prepare_source(&source).unwrap();
        source
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const UPGRADE: [&str; 4] = ["upgrade", "--yes", "--only", "content"];

#[test]
fn a_stranger_is_refused_and_whoever_insists_says_how_many_files_may_go() {
    let world = World::new();
    // An upgrade from the true source notes where the install came from.
    write(&world.source.join(page(0)), "# Page 0\n\nNews.\n");
    world.release("The second release");
    let (code, said) = world.run(&UPGRADE, &world.source);
    assert_eq!(code, 0, "{said}");
    let before = snapshot(&world.install);
    let stranger = world.stranger();
    let names = [stranger.to_str().unwrap(), "did not come from there", "63 files", "--unrelated-source", "POS-E0209"];
    for words in [&UPGRADE[..], &["plan"]] {
        refused(&world.sandbox, &world.project, &world.arguments(words, &stranger), 4, &names);
    }
    let insisting = [&UPGRADE[..], &["--unrelated-source"]].concat();
    let removed = ["62 of the 62 files", "yes of its own", "--allow-removals 62", "POS-E0304"];
    let said = refused(&world.sandbox, &world.project, &world.arguments(&insisting, &stranger), 4, &removed);
    let too_few = [&insisting[..], &["--allow-removals", "61"]].concat();
    refused(&world.sandbox, &world.project, &world.arguments(&too_few, &stranger), 4, &removed);
    let (code, plan) = world.run(&["plan", "--only", "content", "--unrelated-source"], &stranger);
    assert_eq!(code, 0, "{plan}");
    assert!(plan.contains("62 of the 62 files that releases put here are removed"), "{plan}");
    // The command that it names is the one to type.
    let command = said.lines().find_map(|l| l.split("if they shall go: pos-upgrade-tui ").nth(1)).unwrap();
    let words: Vec<&str> = command.split(' ').filter(|w| *w != "--json").collect();
    let (code, said) = text(&world.sandbox.run(&words));
    assert_eq!(code, 0, "{said}");
    assert!(!world.install.join("standards/universal/area-1").exists());
    let (code, said) = text(&world.sandbox.run(&["rollback", "--yes", "--project", world.project.to_str().unwrap()]));
    assert_eq!(code, 0, "{said}");
    assert_same(&before, &snapshot(&world.install));
}

#[test]
fn the_true_source_is_known_in_every_shape() {
    let world = World::new();
    for n in 0..FILES {
        if n % 3 != 0 {
            write(&world.source.join(page(n)), &format!("# Page {n}\n\nWhat it says now.\n"));
        }
    }
    world.release("The second release");
    let dir = world.sandbox.path();
    let url = format!("file://{}", world.source.display());
    let shallow = dir.join("shallow");
    git(&dir, &["clone", "--quiet", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let tarball = dir.join("tarball");
    git(&dir, &["clone", "--quiet", &url, tarball.to_str().unwrap()]);
    fs::remove_dir_all(tarball.join(".git")).unwrap();
    let fork = dir.join("fork");
    git(&dir, &["clone", "--quiet", &url, fork.to_str().unwrap()]);
    for n in 0..FILES {
        write(&fork.join(page(n)), &format!("# Ours {n}\n"));
    }
    git(&fork, &["add", "--all"]);
    git(&fork, &["commit", "--quiet", "-m", "All of it rewritten"]);
    for source in [&world.source, &shallow, &tarball, &fork] {
        let (code, said) = world.run(&["plan"], source);
        assert_eq!(code, 0, "{}: {said}", source.display());
    }
    // Every file edited: where they stand tells.
    for entry in walkdir::WalkDir::new(&world.install).into_iter().map(Result::unwrap) {
        if entry.file_type().is_file() {
            let text = fs::read_to_string(entry.path()).unwrap();
            fs::write(entry.path(), format!("{text}\nMine.\n")).unwrap();
        }
    }
    for source in [&world.source, &shallow, &tarball] {
        let (code, said) = world.run(&["plan"], source);
        assert_eq!(code, 0, "{}: {said}", source.display());
    }
    // An install with next to nothing in it.
    fs::remove_dir_all(&world.install).unwrap();
    fs::create_dir_all(world.install.join("standards/universal")).unwrap();
    for files in [0, 1, 3] {
        for n in 0..files {
            write(&world.install.join(format!("standards/universal/own-{n}.md")), "Mine.\n");
        }
        let (code, said) = world.run(&["plan"], &world.source);
        assert_eq!(code, 0, "{files} files: {said}");
    }
}

#[test]
fn the_real_content_is_no_demo() {
    let Some(bundle) = real_content() else { return };
    let mut world = World::new();
    let real = world.sandbox.path().join("real");
    git(&world.sandbox.path(), &["clone", "-q", "-b", "devcut", bundle.to_str().unwrap(), real.to_str().unwrap()]);
    let releases = git(&real, &["rev-list", "--reverse", "HEAD"]);
    let stranger = world.stranger();
    let mut refusals = 0;
    for commit in releases.lines() {
        world.project = world.sandbox.path().join(commit);
        world.install = world.project.join(".praxis-os");
        fs::create_dir_all(&world.install).unwrap();
        let unpacked = world.sandbox.path().join("unpacked");
        fs::create_dir_all(&unpacked).unwrap();
        git(&real, &["--work-tree", unpacked.to_str().unwrap(), "checkout", "--quiet", commit, "--", "universal"]);
        fs::create_dir_all(world.install.join("standards")).unwrap();
        fs::rename(unpacked.join("universal/standards"), world.install.join("standards/universal")).unwrap();
        fs::rename(unpacked.join("universal/workflows"), world.install.join("workflows")).unwrap();
        fs::remove_dir_all(unpacked).unwrap();
        let (code, said) = world.run(&["plan"], &stranger);
        assert_eq!(code, 4, "{commit}: {said}");
        assert!(said.contains("did not come from there"), "{commit}: {said}");
        refusals += 1;
    }
    println!("the demo's source was refused for {refusals} real releases");
    assert!(refusals > 20);
}

/// The true source gives up so many of its pages.
fn given_up(count: usize) -> World {
    let world = World::new();
    (0..count).for_each(|n| fs::remove_file(world.source.join(page(n))).unwrap());
    world.release("Less");
    world
}

#[test]
fn a_few_removals_need_no_second_yes() {
    for (count, code) in [(2, 0), (6, 0), (7, 4), (21, 4)] {
        let world = given_up(count);
        let (ended, said) = world.run(&UPGRADE, &world.source);
        assert_eq!(ended, code, "{count}: {said}");
        assert_eq!(said.contains(&format!("--allow-removals {count}")), code == 4, "{said}");
        let (code, said) =
            world.run(&[&UPGRADE[..], &["--allow-removals", &count.to_string()]].concat(), &world.source);
        assert_eq!(code, 0, "{said}");
    }
    // What moves is not removed.
    let world = World::new();
    git(&world.source, &["mv", "universal/standards/area-0", "universal/standards/elsewhere"]);
    git(&world.source, &["mv", "universal/standards/area-1", "universal/standards/elsewhere/deep"]);
    git(&world.source, &["mv", "universal/standards/area-2", "universal/workflows"]);
    world.release("Moved");
    let (code, said) = world.run(&UPGRADE, &world.source);
    assert_eq!(code, 0, "{said}");
    // What a policy gives up of the user's is.
    let world = World::new();
    write(&world.source.join(page(9)), "# Page 9\n\nNews.\n");
    world.release("The second release");
    let (code, said) = world.run(&UPGRADE, &world.source);
    assert_eq!(code, 0, "what was installed is noted: {said}");
    (0..7).for_each(|n| fs::remove_file(world.source.join(page(n))).unwrap());
    world.release("Less");
    for n in 0..7 {
        write(&world.install.join(page(n).replacen("universal/standards", "standards/universal", 1)), "Mine.\n");
    }
    let (code, said) = world.run(&[&UPGRADE[..], &["--on-conflict", "take"]].concat(), &world.source);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("--allow-removals 7"), "{said}");
    let (code, said) = world.run(&[&UPGRADE[..], &["--on-conflict", "keep"]].concat(), &world.source);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn a_terminal_is_asked_twice() {
    let world = given_up(30);
    let before = snapshot(&world.install);
    let home = world.sandbox.path().join("home");
    let words = world.arguments(&["upgrade", "--only", "content"], &world.source);
    let answer = |answers: [&str; 2]| {
        let mut terminal = Terminal::start(&home, &words);
        terminal.see(&["Apply this?"]);
        terminal.press(answers[0]);
        terminal.see(&["30 of the 6", "Remove these 30 files?"]);
        terminal.press(answers[1]);
        if answers[1] != "y\r" {
            terminal.see(&["POS-E0411"]);
        }
        terminal.end()
    };
    assert_eq!(answer(["y\r", "n\r"]), 4);
    assert_eq!(answer(["y\r", "\r"]), 4);
    assert_same(&before, &snapshot(&world.install));
    assert_eq!(answer(["y\r", "y\r"]), 0);
    assert!(!world.install.join("standards/universal/area-1/page-1.md").exists());
}

#[test]
fn the_wizard_asks_before_it_starts() {
    let world = given_up(30);
    let before = snapshot(&world.install);
    let home = world.sandbox.path().join("home");
    let words = world.arguments(&[], &world.source);
    let mut wizard = Terminal::start(&home, &[&words[..], &["--only", "content"]].concat());
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&["Remove 30 of the 6", "y yes"]);
    wizard.press("\x1b");
    wizard.see(&["preview", "Enter start"]);
    wizard.press("q");
    assert_eq!(wizard.end(), 0);
    assert_same(&before, &snapshot(&world.install));
    assert!(!world.install.join(".upgrade").exists());
    let mut wizard = Terminal::start(&home, &[&words[..], &["--only", "content"]].concat());
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&["Remove 30 of the 6", "y yes"]);
    wizard.press("y");
    wizard.see(&["✔ Upgraded"]);
    wizard.press("q");
    assert_eq!(wizard.end(), 0);
    let state = home.join(".local/state/pos-upgrade-tui/sources.json");
    assert!(fs::read_to_string(state).unwrap().contains("praxis-os\""));
}

#[test]
fn the_wizard_says_that_a_source_is_a_stranger() {
    let world = World::new();
    let home = world.sandbox.path().join("home");
    let stranger = world.stranger();
    let mut wizard = Terminal::start(&home, &world.arguments(&[], &stranger));
    wizard.see(&["One thing stops the upgrade", "--unrelated-source"]);
    wizard.press("\x03");
    wizard.end();
    assert!(!home.join(".local/state/pos-upgrade-tui/sources.json").exists());
}

#[test]
fn a_demo_is_never_remembered() {
    let mut sandbox = Sandbox::new();
    let built = sandbox.demo();
    assert!(demo::is_demo(&built.source));
    let home = sandbox.path().join("home");
    let from = ["--project", built.project.to_str().unwrap(), "--source", built.source.to_str().unwrap()];
    let mut wizard = Terminal::start(&home, &[&from[..], &["--only", "server"]].concat());
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\r");
    wizard.see(&["✔ Upgraded"]);
    wizard.press("q");
    assert_eq!(wizard.end(), 0);
    let state = home.join(".local/state/pos-upgrade-tui");
    assert!(!state.join("sources.json").exists());
    // Nor is one offered that an earlier version of this program remembered.
    let address = std::path::PathBuf::from(format!("file://{}", built.source.display()));
    for named in [&built.source, &address] {
        pos_upgrade_tui::host::user::recent_sources::remember(&state, named);
    }
    let offered = pos_upgrade_tui::engine::planning::sources::candidates(&sandbox.path().join("p"), None, Some(&state));
    assert!(offered.iter().all(|c| c.path.starts_with("https:")), "only the address: {offered:?}");
}

//! What git can put in the place of an object: replacements, grafts, other bytes under its name, here or in another
//! repository. Either the true bytes are written or nothing is, and what was installed is what the baseline says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::ext::refused;
use crate::common::{Sandbox, git, text};
use pos_upgrade_tui::core::blob::{BlobId, ObjectFormat};
use pos_upgrade_tui::core::plan::{FileEntry, Kind, Plan};
use pos_upgrade_tui::host::demo::Demo;

fn of<'a>(words: &[&'a str], demo: &'a Demo) -> Vec<&'a str> {
    let path = |p: &'a Path| p.to_str().unwrap();
    [words, &["--project", path(&demo.project), "--source", path(&demo.source)]].concat()
}

const UPGRADE: [&str; 6] = ["upgrade", "--yes", "--only", "content", "--on-conflict", "merge-keep"];

fn plan(sandbox: &Sandbox, demo: &Demo) -> Plan {
    let output = sandbox.run(&of(&["plan", "--json", "--only", "content"], demo));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output).1))
}

fn entry(plan: &Plan, kind: Kind) -> FileEntry {
    plan.files.iter().find(|f| f.kind == kind && f.theirs.is_some()).cloned().unwrap()
}

/// Writes any bytes into a repository, as an object of this kind; its id.
fn object(source: &Path, kind: &str, bytes: &[u8]) -> String {
    use std::io::Write as _;
    let mut command = Command::new("git");
    command.current_dir(source).args(["hash-object", "-w", "--stdin", "-t", kind]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn loose(source: &Path, id: &str) -> PathBuf {
    source.join(".git/objects").join(&id[..2]).join(&id[2..])
}

/// The demo's last two releases in a repository that names its objects in this way, with an install of the first.
fn world(sandbox: &mut Sandbox, format: &str) -> Demo {
    let mut demo = sandbox.content_demo();
    if format == "sha1" {
        return demo;
    }
    let other = sandbox.path().join("other-format");
    fs::create_dir(&other).unwrap();
    git(&other, &["init", "--quiet", "--template=", "--object-format=sha256"]);
    for commit in demo.commits.clone() {
        git(&demo.source, &["checkout", "--quiet", &commit]);
        for old in fs::read_dir(&other).unwrap().map(|e| e.unwrap().path()).filter(|p| !p.ends_with(".git")) {
            if old.is_dir() { fs::remove_dir_all(old).unwrap() } else { fs::remove_file(old).unwrap() }
        }
        let status = Command::new("cp").arg("-r").arg(demo.source.join(".")).arg(sandbox.path().join("copy")).status();
        assert!(status.unwrap().success());
        fs::remove_dir_all(sandbox.path().join("copy/.git")).unwrap();
        let status = Command::new("cp").arg("-r").arg(sandbox.path().join("copy/.")).arg(&other).status();
        assert!(status.unwrap().success());
        fs::remove_dir_all(sandbox.path().join("copy")).unwrap();
        git(&other, &["add", "--all"]);
        git(&other, &["commit", "--quiet", "-m", "A release"]);
    }
    demo.source = other;
    demo
}

#[test]
fn replacements_and_grafts_are_not_followed() {
    let mut sandbox = Sandbox::new();
    let demo = world(&mut sandbox, "sha1");
    let before = plan(&sandbox, &demo);
    let update = entry(&before, Kind::Update);
    let id = update.theirs.clone().unwrap();
    let other = object(&demo.source, "blob", b"something else\n");
    git(&demo.source, &["replace", &id.to_string(), &other]);
    // A commit in the place of the newest, and a folder in the place of another.
    let evil = git(&demo.source, &["commit-tree", &format!("{}^{{tree}}", demo.commits[0]), "-m", "Evil"]);
    git(&demo.source, &["replace", "HEAD", &evil]);
    let folder = git(&demo.source, &["--no-replace-objects", "rev-parse", "HEAD:universal"]);
    let old_folder = git(&demo.source, &["rev-parse", &format!("{}:universal", demo.commits[0])]);
    git(&demo.source, &["replace", &folder, &old_folder]);
    fs::create_dir_all(demo.source.join(".git/info")).unwrap();
    fs::write(demo.source.join(".git/info/grafts"), format!("{}\n", demo.commits[2])).unwrap();
    assert_eq!(git(&demo.source, &["cat-file", "-p", &id.to_string()]), "something else", "git itself follows it");
    let after = plan(&sandbox, &demo);
    assert_eq!(after.files, before.files);
    assert_eq!(after.source.commit, demo.commits[2]);
    let (code, said) = text(&sandbox.run(&of(&UPGRADE, &demo)));
    assert_eq!(code, 0, "{said}");
    let written = fs::read(update.path.under(&demo.install)).unwrap();
    assert_eq!(BlobId::of(&written, ObjectFormat::Sha1), id);
    let (_, said) = text(&sandbox.run(&of(&["edits"], &demo)[..3]));
    assert!(!said.contains(&update.path.to_string()), "it is the release's: {said}");
}

/// What is found under the name of an object.
#[derive(Debug, Clone, Copy)]
enum Found {
    /// The bytes of another object of its kind.
    Other,
    /// The same, in another repository that this one borrows objects from.
    Borrowed,
    /// No object at all.
    Noise,
    /// Its first half.
    Half,
    /// Nothing.
    Nothing,
}

impl Found {
    const ALL: [Found; 5] = [Found::Other, Found::Borrowed, Found::Noise, Found::Half, Found::Nothing];

    fn put(self, source: &Path, id: &str, other: &str) {
        let path = loose(source, id);
        let bytes = fs::read(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        match self {
            Found::Other => drop(fs::copy(loose(source, other), &path).unwrap()),
            Found::Noise => fs::write(&path, vec![0x55; 200]).unwrap(),
            Found::Half => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
            Found::Nothing => fs::remove_file(&path).unwrap(),
            Found::Borrowed => {
                let store = source.with_extension("store");
                let there = store.join(&id[..2]).join(&id[2..]);
                fs::create_dir_all(there.parent().unwrap()).unwrap();
                fs::copy(loose(source, other), there).unwrap();
                fs::remove_file(&path).unwrap();
                fs::create_dir_all(source.join(".git/objects/info")).unwrap();
                let list = source.join(".git/objects/info/alternates");
                fs::write(list, format!("{}\n", store.display())).unwrap();
            }
        }
    }

    /// Puts everything back.
    fn mend(source: &Path, id: &str, bytes: &[u8]) {
        let path = loose(source, id);
        let _ = fs::remove_file(&path);
        fs::write(&path, bytes).unwrap();
        let _ = fs::remove_file(source.join(".git/objects/info/alternates"));
    }
}

fn other_bytes_are_refused(format: &str) -> usize {
    let mut sandbox = Sandbox::new();
    let demo = world(&mut sandbox, format);
    let planned = plan(&sandbox, &demo);
    assert_eq!(planned.source.commit.len(), if format == "sha1" { 40 } else { 64 });
    let (update, new) = (entry(&planned, Kind::Update), entry(&planned, Kind::New));
    let merged = entry(&planned, Kind::AutoMerge);
    let ask = |spec: &str| git(&demo.source, &["rev-parse", spec]);
    let theirs = |file: &FileEntry| file.theirs.clone().unwrap().to_string();
    let source_path = |file: &FileEntry| file.source_path.clone().unwrap().to_string();
    let base = merged.base.clone().unwrap().to_string();
    let blob = object(&demo.source, "blob", b"other bytes\n");
    let (tree, commit) = (ask("HEAD~1^{tree}"), ask("HEAD~1"));
    let folder = ask("HEAD:universal/standards");
    // What is damaged, something else of its kind, and how a person is told which file it is about.
    let damaged = [
        (theirs(&update), &blob, source_path(&update)),
        (theirs(&new), &blob, source_path(&new)),
        (theirs(&merged), &blob, source_path(&merged)),
        (base, &blob, source_path(&merged)),
        (folder, &tree, "universal/standards".to_owned()),
        (ask("HEAD^{tree}"), &tree, String::new()),
        (ask("HEAD"), &commit, String::new()),
    ];
    let mut cases = 0;
    for (at, (id, other, file)) in damaged.iter().enumerate() {
        let bytes = fs::read(loose(&demo.source, id)).unwrap();
        for found in Found::ALL {
            found.put(&demo.source, id, other);
            // Of a base that git calls missing it is known that it is: the file is asked about, if git can compare at all.
            if at == 3 && !matches!(found, Found::Other | Found::Borrowed) {
                let output = sandbox.run(&of(&["plan", "--json", "--only", "content"], &demo));
                match serde_json::from_slice::<Plan>(&output.stdout) {
                    Ok(now) => {
                        let entry = now.files.iter().find(|f| f.path == merged.path).unwrap();
                        assert_eq!(entry.kind, Kind::Conflict, "{found:?}: {entry:?}");
                    }
                    Err(_) => assert_eq!(text(&output).0, 4, "{found:?}: {}", text(&output).1),
                }
            } else {
                let plans = of(&["plan", "--only", "content"], &demo);
                // git itself finds no commit where there is none.
                let names: Vec<&str> = match at {
                    6 => vec![demo.source.to_str().unwrap()],
                    5 if !matches!(found, Found::Other | Found::Borrowed) => vec![demo.source.to_str().unwrap()],
                    // Without it git does not see that the file has moved: its old name is told.
                    3 => vec![demo.source.to_str().unwrap(), id],
                    _ => vec![demo.source.to_str().unwrap(), id, file],
                };
                // What is planned is looked at before it is shown: the upgrade only shows that it is the same there.
                let upgrades = matches!(found, Found::Other | Found::Borrowed).then(|| of(&UPGRADE, &demo));
                for words in std::iter::once(plans).chain(upgrades) {
                    let said = refused(&sandbox, &demo.project, &words, 4, &names);
                    assert!(said.contains("next:"), "{found:?} {file}: {said}");
                }
            }
            Found::mend(&demo.source, id, &bytes);
            cases += 1;
        }
    }
    let (code, said) = text(&sandbox.run(&of(&UPGRADE, &demo)));
    assert_eq!(code, 0, "mended, it is a source again: {said}");
    let written = fs::read(update.path.under(&demo.install)).unwrap();
    assert_eq!(BlobId::of(&written, update.theirs.as_ref().unwrap().format()), update.theirs.unwrap());
    cases
}

#[test]
fn other_bytes_under_a_name_of_40_digits() {
    println!("{} cases", other_bytes_are_refused("sha1"));
}

#[test]
fn other_bytes_under_a_name_of_64_digits() {
    println!("{} cases", other_bytes_are_refused("sha256"));
}

/// `git log` hashes nothing that it reads: other bytes under the names of folders and commits of the *history* must not choose
/// what an edit is merged against, nor what passes for a file that nobody edited.
fn history_is_hashed(format: &str) -> usize {
    let mut sandbox = Sandbox::new();
    let demo = world(&mut sandbox, format);
    let planned = plan(&sandbox, &demo);
    let merged = planned.files.iter().find(|f| f.kind == Kind::AutoMerge && f.from.is_none()).unwrap();
    let name = merged.source_path.clone().unwrap().to_string();
    let ask = |spec: &str| git(&demo.source, &["rev-parse", spec]);
    let log = git(&demo.source, &["log", "--raw", "-M", "--no-abbrev", "--format=", "--reverse"]);
    let renamed = log.lines().find(|l| l.contains(" R0")).expect("a file of the demo is moved and changed");
    let renamed = renamed.split(' ').nth(2).unwrap().to_owned();
    // The user's own bytes, as if an old release had shipped them.
    let mine = object(&demo.source, "blob", &fs::read(merged.path.under(&demo.install)).unwrap());
    let folder = Path::new(&name).parent().unwrap().to_str().unwrap();
    let forged_tree = |id: &str| {
        let entries = git(&demo.source, &["ls-tree", id]);
        let entries: String = entries
            .lines()
            .map(|line| {
                let (head, file) = line.split_once('\t').unwrap();
                let mut words: Vec<&str> = head.split(' ').collect();
                if name.ends_with(&format!("/{file}")) {
                    words[2] = &mine;
                }
                format!("{}\t{file}\n", words.join(" "))
            })
            .collect();
        use std::io::Write as _;
        let mut make = Command::new("git");
        make.current_dir(&demo.source).arg("mktree").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = make.spawn().unwrap();
        child.stdin.take().unwrap().write_all(entries.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let old = git(&demo.source, &["log", "--reverse", "--format=%H"]).lines().next().unwrap().to_owned();
    let old_tree = ask(&format!("{old}:{folder}"));
    assert_ne!(old_tree, ask(&format!("HEAD:{folder}")), "only history has it");
    // A later release, on a branch of its own, whose folders are only asked what it shipped.
    git(&demo.source, &["checkout", "--quiet", "-b", "later"]);
    fs::write(demo.source.join(folder).join("later.md"), "later\n").unwrap();
    git(&demo.source, &["add", "--all"]);
    git(&demo.source, &["commit", "--quiet", "-m", "Later"]);
    let later_tree = ask(&format!("HEAD:{folder}"));
    git(&demo.source, &["checkout", "--quiet", "-"]);
    let head = ask("HEAD");
    let tree = ask("HEAD^{tree}");
    let around = format!("tree {tree}\nparent {head}\nauthor a <a> 0 +0000\ncommitter a <a> 0 +0000\n\nRound\n");
    let damaged = [
        (old_tree.clone(), forged_tree(&old_tree), "a folder of the release that is installed"),
        (later_tree.clone(), forged_tree(&later_tree), "a folder of a later release"),
        (ask(&format!("{old}^{{tree}}")), ask("HEAD^{tree}"), "the top folder of the first release"),
        (old.clone(), ask("HEAD~1"), "the first release"),
        (old.clone(), object(&demo.source, "commit", around.as_bytes()), "a first release that descends from the last"),
        (renamed, mine.clone(), "what a file was before it was renamed"),
    ];
    assert!(damaged.iter().all(|(id, other, _)| id != other));
    let mut cases = 0;
    for (id, other, what) in &damaged {
        let bytes = fs::read(loose(&demo.source, id)).unwrap();
        for found in [Found::Other, Found::Borrowed] {
            println!("{found:?}: {what}");
            found.put(&demo.source, id, other);
            for words in [of(&["plan", "--only", "content"], &demo), of(&UPGRADE, &demo)] {
                let said = refused(&sandbox, &demo.project, &words, 4, &[demo.source.to_str().unwrap(), id]);
                assert!(said.contains("next:"), "{found:?} {what}: {said}");
            }
            Found::mend(&demo.source, id, &bytes);
            cases += 1;
        }
    }
    assert_eq!(plan(&sandbox, &demo).files, planned.files, "mended, it is a source again");
    cases
}

#[test]
fn history_is_what_its_names_say() {
    println!("{} cases", history_is_hashed("sha1"));
    println!("{} cases", history_is_hashed("sha256"));
}

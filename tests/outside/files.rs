//! Files that people write, and files of ours that are read back, with anything in them: never a panic, an abort or a stack
//! that overflows, and where a file is to blame its name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pos_upgrade_tui::host::demo;
use serde_json::json;

use crate::common::{Sandbox, git};
use crate::outside::passes_over;

/// What stands in a file's place.
enum Bad {
    Bytes(Vec<u8>),
    /// Of this length, without any of it on the disk.
    Sparse(u64),
    Folder,
    Pipe,
    Loop,
}

fn contents() -> Vec<(String, Bad)> {
    let mut all: Vec<(String, Bad)> = Vec::new();
    let mut bytes = |name: &str, text: Vec<u8>| all.push((name.to_owned(), Bad::Bytes(text)));
    bytes("nothing", Vec::new());
    bytes("torn", b"{\"a\": [1, 2".to_vec());
    bytes("brackets", b"[".repeat(200_000));
    bytes("closed brackets", [b"[".repeat(100_000), b"]".repeat(100_000)].concat());
    bytes("objects in objects", b"{\"a\":".repeat(100_000));
    bytes("127 deep", [b"[".repeat(127), b"]".repeat(127)].concat());
    bytes("an object 127 deep", [b"{\"files\":".repeat(126), b"1".to_vec(), b"}".repeat(126)].concat());
    bytes("NUL", b"{\"a\": \"\0\"}".to_vec());
    bytes("only NUL", vec![0; 10_000]);
    bytes("no UTF-8", b"{\"a\": \"\xff\xfe\"}".to_vec());
    bytes("a number", b"1e999999999".to_vec());
    bytes("a long number", b"9".repeat(100_000));
    bytes("null", b"null".to_vec());
    bytes("a word", b"\"text\"".to_vec());
    bytes("a list", b"[{}, null, 1]".to_vec());
    bytes("an empty object", b"{}".to_vec());
    bytes(
        "numbers for texts",
        b"{\"schema\": \"x\", \"files\": 1, \"release\": [], \"entries\": \"no\", \"answers\": 3}".to_vec(),
    );
    bytes("a key twice", b"{\"a\": 1, \"a\": 2}".to_vec());
    bytes("half a surrogate", b"{\"a\": \"\\ud800\"}".to_vec());
    bytes("a long line", [b"{\"".to_vec(), b"k".repeat(900_000), b"\": 1}".to_vec()].concat());
    bytes("a mark of byte order", b"\xef\xbb\xbf{}".to_vec());
    all.push(("a terabyte".into(), Bad::Sparse(1 << 40)));
    all.push(("a folder".into(), Bad::Folder));
    all.push(("a pipe".into(), Bad::Pipe));
    all.push(("a link to itself".into(), Bad::Loop));
    all
}

/// Settings that are bad by what they say.
fn settings() -> Vec<(String, Bad)> {
    let globs = [
        "{".repeat(250) + &"}".repeat(250),
        "{a,".repeat(30_000),
        "{".repeat(100_000),
        "[".to_owned(),
        "[z-a]".to_owned(),
        "{a,{b,{c,{d,{e,{f,{g,{h,{i,{j,{k,{l,{m,{n,{o,{p,{q".to_owned(),
        "\u{1b}[31m{".to_owned(),
        "a\0b".to_owned(),
        "x".repeat(500_000),
    ];
    let mut all: Vec<(String, Bad)> = Vec::new();
    let mut add = |name: String, value: serde_json::Value| all.push((name, Bad::Bytes(value.to_string().into_bytes())));
    for (n, glob) in globs.iter().enumerate() {
        add(format!("glob {n}"), json!({"always_keep": [glob]}));
        add(format!("glob {n} to take"), json!({"always_take": ["fine/**", glob]}));
    }
    for (key, value) in [
        ("source_path", json!(3)),
        ("dry_run", json!("yes")),
        ("test_command", json!("make test")),
        ("test_command", json!([["make"]])),
        ("test_timeout", json!(-1)),
        ("keep_backups", json!(1e40)),
        ("keep_backups", json!("\u{1b}[31m")),
        ("theme", json!("\u{1b}[31mpink")),
        ("mouse", json!(null_in_list())),
        ("always_keep", json!({"a": 1})),
        ("\u{1b}[31mkey", json!(1)),
    ] {
        add(format!("{key:?} of {value}"), json!({key: value}));
    }
    all
}

fn null_in_list() -> Vec<Option<bool>> {
    vec![None]
}

fn put(path: &Path, bad: &Bad) {
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        let _ = fs::remove_file(path);
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match bad {
        Bad::Bytes(bytes) => fs::write(path, bytes).unwrap(),
        Bad::Sparse(length) => fs::File::create(path).unwrap().set_len(*length).unwrap(),
        Bad::Folder => fs::create_dir(path).unwrap(),
        Bad::Pipe => {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }
        Bad::Loop => symlink(path.file_name().unwrap(), path).unwrap(),
    }
}

struct World {
    sandbox: Sandbox,
    template: PathBuf,
}

/// How a command ended.
struct Ended {
    code: Option<i32>,
    said: String,
    out: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let template = sandbox.path().join("template");
        let (source, project) = (template.join("source"), template.join("project"));
        fs::create_dir_all(&project).unwrap();
        let commits = demo::prepare_source(&source).unwrap();
        let install = project.join(".praxis-os");
        demo::install_release(&source, &commits[0], &install).unwrap();
        demo::add_user_edits(&install).unwrap();
        let world = Self { sandbox, template };
        let source = source.to_str().unwrap();
        let ended = world.run(
            &project,
            &["upgrade", "--yes", "--only", "content", "--on-conflict", "park", "--to", "HEAD~1", "--source", source],
        );
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        let plan = world.run(&project, &["plan", "--json", "--source", source]);
        fs::write(world.template.join("plan.json"), plan.out).unwrap();
        world
    }

    fn copy(&self) -> PathBuf {
        let root = self.sandbox.path().join("case");
        if root.exists() {
            fs::remove_dir_all(&root).unwrap();
        }
        assert!(Command::new("cp").arg("-a").arg(&self.template).arg(&root).status().unwrap().success());
        root
    }

    /// Ends what takes too long.
    fn run(&self, project: &Path, words: &[&str]) -> Ended {
        let folder = self.sandbox.path();
        let (out, err) = (folder.join("out"), folder.join("err"));
        let mut command = self.sandbox.command();
        command.args(words).arg("--project").arg(project);
        command.stdin(Stdio::null()).stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if begun.elapsed() > Duration::from_secs(60) {
                child.kill().unwrap();
                child.wait().unwrap();
                break Some(-60);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let out = fs::read(out).unwrap();
        let both = [&out[..], &fs::read(err).unwrap()].concat();
        Ended { code, said: String::from_utf8_lossy(&both).into_owned(), out }
    }
}

/// What is wrong with how a command ended.
fn wrong(ended: &Ended) -> Option<String> {
    let shown = || ended.said.chars().take(1_500).collect::<String>();
    if !matches!(ended.code, Some(0 | 2..=7 | 10)) {
        return Some(format!("{:?}: {}", ended.code, shown()));
    }
    let bad = |c: char| (c.is_control() && c != '\n') || matches!(c as u32, 0x202a..=0x202e | 0x2066..=0x2069);
    if ended.said.chars().any(bad) {
        return Some(format!("it has an escape: {:?}", shown()));
    }
    (ended.said.len() > 200_000).then(|| format!("{} bytes: {}", ended.said.len(), shown()))
}

/// Every bad content in place of one file, through these commands; how many were tried. With `blames` each must be
/// refused by the file's name.
fn try_all(
    world: &World,
    name: &str,
    bad: &[(String, Bad)],
    path: impl Fn(&Path) -> Vec<PathBuf>,
    commands: &[&str],
) -> u32 {
    let (mut tried, mut wrongs) = (0, Vec::new());
    for (_, (what, bad)) in bad.iter().enumerate().filter(|(n, _)| !passes_over(*n)) {
        let root = world.copy();
        let project = root.join("project");
        let paths = path(&root);
        assert!(!paths.is_empty(), "{name}");
        for line in commands {
            // The command before may have mended it.
            paths.iter().for_each(|path| put(path, bad));
            let source = root.join("source");
            let plan = root.join("plan.json");
            let words: Vec<&str> = line
                .split(' ')
                .map(|w| match w {
                    "SOURCE" => source.to_str().unwrap(),
                    "PLAN" => plan.to_str().unwrap(),
                    other => other,
                })
                .collect();
            let ended = world.run(&project, &words);
            tried += 1;
            if let Some(what_is_wrong) = wrong(&ended) {
                wrongs.push(format!("{name}, {what}, {line}: {what_is_wrong}"));
            }
        }
    }
    println!("{name}: {} contents, {tried} runs", bad.len());
    assert!(wrongs.is_empty(), "{} wrong:\n{}", wrongs.len(), wrongs.join("\n---\n"));
    tried
}

const READING: [&str; 6] = ["status", "edits", "history --json", "plan --source SOURCE", "backups verify", "resolve"];
const UPGRADE: &str = "upgrade --yes --only content --on-conflict keep --source SOURCE";

#[test]
fn settings_that_can_not_be_used_are_blamed_by_name() {
    let world = World::new();
    let all: Vec<(String, Bad)> = contents().into_iter().chain(settings()).collect();
    let home = world.sandbox.path().join("home/.config/pos-upgrade-tui");
    let plain = ["nothing at all", "an empty object"];
    for of_user in [false, true] {
        let (mut tried, mut wrongs) = (0, Vec::new());
        // What is refused changes nothing, so one copy is enough.
        let root = world.copy();
        let bad = all.iter().filter(|(what, _)| !plain.contains(&what.as_str()));
        for (_, (what, bad)) in bad.enumerate().filter(|(n, _)| !passes_over(*n)) {
            let (project, source) = (root.join("project"), root.join("source"));
            let path = if of_user { home.join("upgrade.json") } else { project.join(".praxis-os/upgrade.json") };
            put(&path, bad);
            let source = source.to_str().unwrap();
            for words in [
                &["plan", "--source", source][..],
                &["plan", "--json", "--source", source],
                &["upgrade", "--yes", "--on-conflict", "keep", "--only", "content", "--source", source],
            ] {
                let ended = world.run(&project, words);
                tried += 1;
                if let Some(what_is_wrong) = wrong(&ended) {
                    wrongs.push(format!("{what}, {words:?}: {what_is_wrong}"));
                } else if ended.code != Some(2) || !ended.said.contains("upgrade.json") {
                    wrongs.push(format!("{what}, {words:?}: not blamed: {:?} {}", ended.code, ended.said));
                }
            }
        }
        if of_user {
            fs::remove_dir_all(&home).unwrap();
        }
        println!("upgrade.json of the {}: {tried} runs", if of_user { "user" } else { "project" });
        assert!(wrongs.is_empty(), "{} wrong:\n{}", wrongs.len(), wrongs.join("\n---\n"));
        assert!(tried > 30);
    }
}

#[test]
fn a_saved_plan_that_can_not_be_used_is_blamed_by_name() {
    let world = World::new();
    let root = world.copy();
    let (mut tried, mut wrongs) = (0, Vec::new());
    for (_, (what, bad)) in contents().into_iter().enumerate().filter(|(n, _)| !passes_over(*n)) {
        let plan = root.join("plan.json");
        put(&plan, &bad);
        let (plan, source) = (plan.to_str().unwrap(), root.join("source"));
        for more in [&[][..], &["--json"]] {
            let words = ["upgrade", "--yes", "--source", source.to_str().unwrap(), "--plan", plan];
            let ended = world.run(&root.join("project"), &[&words[..], more].concat());
            tried += 1;
            if let Some(what_is_wrong) = wrong(&ended) {
                wrongs.push(format!("{what}: {what_is_wrong}"));
            } else if ended.code != Some(2) || !ended.said.contains("plan.json") {
                wrongs.push(format!("{what}: not blamed: {:?} {}", ended.code, ended.said));
            }
        }
    }
    println!("--plan: {tried} runs");
    assert!(wrongs.is_empty(), "{} wrong:\n{}", wrongs.len(), wrongs.join("\n---\n"));
}

/// The files of a kind that stand in an install.
fn named(root: &Path, name: &str) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root.join("project/.praxis-os")).into_iter().flatten();
    walk.filter(|e| e.file_name().to_string_lossy() == name).map(|e| e.into_path()).collect()
}

fn in_install(root: &Path, path: &str) -> Vec<PathBuf> {
    vec![root.join("project/.praxis-os").join(path)]
}

#[test]
fn files_that_are_read_back() {
    let world = World::new();
    let all = contents();
    let commands: Vec<&str> = READING.into_iter().chain([UPGRADE, "rollback --yes"]).collect();
    let mut tried = 0;
    let mut of = |name: &str, path: &dyn Fn(&Path) -> Vec<PathBuf>| {
        tried += try_all(&world, name, &all, path, &commands);
    };
    of("the baseline", &|root| in_install(root, ".upgrade-baseline.json"));
    of("the lock's note", &|root| in_install(root, ".upgrade-lock"));
    of("manifests", &|root| named(root, "MANIFEST.json"));
    of("sessions", &|root| [named(root, "session.json"), named(root, "session.1.json")].concat());
    of("approvals", &|root| named(root, "approval.json"));
    println!("read back: {tried} runs");
}

#[test]
fn files_that_others_write() {
    let world = World::new();
    let all = contents();
    let commands = ["status", "plan --source SOURCE", UPGRADE];
    let mut tried = 0;
    let mut of = |name: &str, path: &dyn Fn(&Path) -> Vec<PathBuf>| {
        tried += try_all(&world, name, &all, path, &commands);
    };
    of("answers", &|root| in_install(root, ".upgrade/answers.json"));
    of("the server's state", &|root| in_install(root, ".mcp_server_state.json"));
    of("an editor's settings", &|root| {
        [".cursor/mcp.json", ".vscode/mcp.json", ".mcp.json"].iter().map(|p| root.join("project").join(p)).collect()
    });
    println!("written by others: {tried} runs");
}

#[test]
fn files_of_a_release() {
    let world = World::new();
    let (mut tried, mut wrongs) = (0, Vec::new());
    let toml = [
        ("lists in lists", format!("[project]\nversion = {}", "[".repeat(100_000))),
        ("tables in tables", format!("{} = 1", vec!["a"; 50_000].join("."))),
        ("inline tables", format!("a = {}", "{a = ".repeat(50_000))),
        ("a long version", format!("[project]\nversion = \"{}\"", "9".repeat(500_000))),
        ("a number", "[project]\nversion = 1".to_owned()),
        ("lines in it", "[project]\nversion = \"\"\"1\n2\n3\"\"\"".to_owned()),
    ];
    let bytes = contents().into_iter().filter_map(|(name, bad)| match bad {
        Bad::Bytes(bytes) => Some((name, bytes)),
        _ => None,
    });
    let all: Vec<(String, Vec<u8>)> =
        bytes.chain(toml.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes()))).collect();
    for file in ["pyproject.toml", "universal/.universal-manifest.json", "universal/templates/config.json"] {
        for (_, (what, bytes)) in all.iter().enumerate().filter(|(n, _)| !passes_over(*n)) {
            let root = world.copy();
            let (project, source) = (root.join("project"), root.join("source"));
            fs::create_dir_all(source.join(file).parent().unwrap()).unwrap();
            fs::write(source.join(file), bytes).unwrap();
            git(&source, &["add", "--all", "--force"]);
            git(&source, &["commit", "--quiet", "--allow-empty", "-m", "odd"]);
            for line in ["plan --json", "upgrade --yes --only content --on-conflict merge-keep"] {
                let words: Vec<&str> = line.split(' ').chain(["--source", source.to_str().unwrap()]).collect();
                let ended = world.run(&project, &words);
                tried += 1;
                if let Some(what_is_wrong) = wrong(&ended) {
                    wrongs.push(format!("{file}, {what}, {line}: {what_is_wrong}"));
                }
            }
        }
    }
    println!("of a release: {tried} runs");
    assert!(wrongs.is_empty(), "{} wrong:\n{}", wrongs.len(), wrongs.join("\n---\n"));
}

#[test]
fn an_install_whose_config_is_odd() {
    let world = World::new();
    let bytes: Vec<(String, Bad)> = contents().into_iter().filter(|(_, bad)| matches!(bad, Bad::Bytes(_))).collect();
    let commands = ["edits --diff", "plan --source SOURCE --diff", UPGRADE];
    let tried = try_all(&world, "config.json", &bytes, |root| in_install(root, "config.json"), &commands);
    println!("config.json: {tried} runs");
}

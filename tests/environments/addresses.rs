//! Sources by their address: fetched into the user's cache folder, offline with consent, and offered where none is named.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use pos_upgrade_tui::host::demo::Demo;
use serde_json::Value;

use crate::common::ext::refused;
use crate::common::terminal::Terminal;
use crate::common::{Sandbox, assert_same, git, snapshot, text};

const PUBLIC: &str = "https://github.com/honeyhiveai/praxis-os.git";

fn cache(sandbox: &Sandbox) -> PathBuf {
    sandbox.path().join("home/.cache/pos-upgrade-tui/sources")
}

/// What lies in the cache, without locks.
fn clones(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache(sandbox)).into_iter().flatten().flatten().map(|e| e.path());
    entries.filter(|path| path.extension().is_none_or(|end| end != "lock")).collect()
}

fn plan(sandbox: &Sandbox, demo: &Demo, source: &str, more: &[&str]) -> (Output, Value) {
    let mut command = sandbox.command();
    command.args(["plan", "--json", "--source", source, "--project"]).arg(&demo.project).args(more);
    let output = command.output().unwrap();
    let plan = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, plan)
}

fn address(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

#[test]
fn an_address_is_fetched_each_time_and_two_at_once_do_not_meet() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let url = address(&demo.source);
    let (_, wanted) = plan(&sandbox, &demo, demo.source.to_str().unwrap(), &[]);
    assert!(clones(&sandbox).is_empty(), "a folder is no address");
    let start = || {
        let mut command = sandbox.command();
        command.args(["plan", "--json", "--source", &url, "--project"]).arg(&demo.project);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running = [start(), start(), start()];
    for one in running {
        let output = one.wait_with_output().unwrap();
        let (code, all) = text(&output);
        assert_eq!(code, 0, "{all}");
        assert!(all.contains("fetching file://"), "{all}");
        let planned: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&planned["summary"], &planned["files"]), (&wanted["summary"], &wanted["files"]));
    }
    assert_eq!(clones(&sandbox).len(), 1, "{:?}", clones(&sandbox));
    // What is new there comes with the next use, also on another branch that became the usual one.
    git(&demo.source, &["checkout", "--quiet", "-b", "later"]);
    git(&demo.source, &["commit", "--quiet", "--allow-empty", "-m", "later"]);
    let head = git(&demo.source, &["rev-parse", "HEAD"]);
    let (_, planned) = plan(&sandbox, &demo, &url, &[]);
    assert_eq!(planned["source"]["commit"], head.as_str());
    let (_, planned) = plan(&sandbox, &demo, &url, &["--to", &demo.commits[0]]);
    assert_eq!(planned["source"]["commit"], demo.commits[0].as_str());

    let before = snapshot(&demo.install);
    let mut upgrade = sandbox.command();
    upgrade.args(["upgrade", "--yes", "--on-conflict", "merge-keep", "--source", &url, "--project"]);
    let (code, said) = text(&upgrade.arg(&demo.project).output().unwrap());
    assert_eq!(code, 0, "{said}");
    let back = sandbox.command().args(["rollback", "--yes", "--project"]).arg(&demo.project).output().unwrap();
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_same(&before, &snapshot(&demo.install));
}

#[test]
fn without_a_network_what_was_fetched_is_taken_with_consent_only() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let url = address(&demo.source);
    let project = demo.project.to_str().unwrap();
    let never = ["plan", "--source", &url, "--offline", "--project", project];
    refused(&sandbox, &demo.project, &never, 4, &["never fetched", "--offline", &url]);
    assert!(clones(&sandbox).is_empty());
    let (output, first) = plan(&sandbox, &demo, &url, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    fs::rename(&demo.source, sandbox.path().join("away")).unwrap();
    let gone = ["plan", "--source", &url, "--project", project];
    refused(
        &sandbox,
        &demo.project,
        &gone,
        4,
        &["could not be fetched", "what was fetched just now", "--offline", &url],
    );
    let (output, planned) = plan(&sandbox, &demo, &url, &["--offline"]);
    let (code, all) = text(&output);
    assert_eq!(code, 0, "{all}");
    assert!(all.contains("not fetched; taken as it was fetched just now"), "{all}");
    assert_eq!(planned["files"], first["files"]);
    // A command that has no such option names the clone, and one that was not told to fetch says how old it is.
    let clone = clones(&sandbox).remove(0).display().to_string();
    let edits = ["edits", "--source", &url, "--project", project];
    refused(&sandbox, &demo.project, &edits, 4, &["could not be fetched", &format!("--source {clone}")]);
    fs::write(demo.install.join("upgrade.json"), serde_json::json!({"source_path": url}).to_string()).unwrap();
    let (code, said) = text(&sandbox.command().args(["edits", "--project", project]).output().unwrap());
    assert!(code == 0 && said.contains("not fetched; seen as it was fetched just now"), "{code}: {said}");
    // At a terminal it is asked.
    let home = sandbox.path().join("home");
    let mut asked = Terminal::start(&home, &["plan", "--source", &url, "--project", project]);
    asked.see(&["Go on with what was fetched", "[y/N]"]);
    asked.press("n\r");
    assert_eq!(asked.end(), 4);
}

#[test]
fn how_the_user_reaches_an_address_is_his_own_affair_and_no_password_is_printed() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let settings =
        format!("[url \"{}\"]\n\tinsteadOf = https://ada:secret@host.invalid/praxis\n", demo.source.display());
    fs::write(sandbox.path().join("home/.gitconfig"), settings).unwrap();
    let url = "https://ada:secret@host.invalid/praxis";
    let (output, planned) = plan(&sandbox, &demo, url, &[]);
    let (code, all) = text(&output);
    assert_eq!(code, 0, "{all}");
    assert!(planned["summary"]["update"].as_u64().unwrap() > 0);
    fs::write(sandbox.path().join("home/.gitconfig"), "").unwrap();
    let (output, _) = plan(&sandbox, &demo, url, &[]);
    let (code, failed) = text(&output);
    assert_eq!(code, 4, "{failed}");
    assert!(failed.contains("https://host.invalid/praxis"), "{failed}");
    assert!(!(all + &failed).contains("secret"), "{failed}");
    for entry in walkdir::WalkDir::new(cache(&sandbox)).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("secret"), "{}", entry.path().display());
    }
}

#[test]
fn addresses_that_nothing_is_fetched_from() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    let mark = sandbox.path().join("mark");
    let program = format!("ext::touch {}", mark.display());
    for url in [&program[..], "http://host.invalid/x", "git://host.invalid/x", "ssh://-oProxyCommand=x/y", "ftp://h/x"]
    {
        let arguments = ["plan", "--project", project, "--source", url];
        refused(&sandbox, &demo.project, &arguments, 4, &["nothing is fetched from this address", "--source DIR"]);
    }
    assert!(!mark.exists() && clones(&sandbox).is_empty());
    // One that only the project's own file names is not the user's word.
    let url = address(&demo.source);
    fs::write(demo.install.join("upgrade.json"), serde_json::json!({"source_path": url}).to_string()).unwrap();
    for command in ["plan", "upgrade"] {
        let arguments = [command, "--yes", "--project", project];
        refused(&sandbox, &demo.project, &arguments, 2, &["only the project's own", "upgrade.json", "--source"]);
    }
    assert!(clones(&sandbox).is_empty(), "nothing is fetched by the project's word");
    let (output, _) = plan(&sandbox, &demo, &url, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
}

#[test]
fn where_no_source_is_named_the_public_one_is_offered() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let project = demo.project.to_str().unwrap();
    let settings = format!("[url \"{}\"]\n\tinsteadOf = {PUBLIC}\n", demo.source.display());
    fs::write(sandbox.path().join("home/.gitconfig"), settings).unwrap();
    let arguments = ["upgrade", "--yes", "--project", project];
    refused(&sandbox, &demo.project, &arguments, 2, &["no source", PUBLIC, "source_path"]);
    // Installers take the clone away that they came from.
    let gone = ["upgrade", "--yes", "--project", project, "--source", "/nowhere"];
    refused(&sandbox, &demo.project, &gone, 4, &["no such folder", "let it be fetched", PUBLIC]);
    assert!(clones(&sandbox).is_empty(), "nothing is fetched without a word");
    let home = sandbox.path().join("home");
    let mut no = Terminal::start(&home, &["upgrade", "--project", project]);
    no.see(&["No source is named", PUBLIC, "[y/N]"]);
    no.press("n\r");
    assert_eq!(no.end(), 2);
    assert!(clones(&sandbox).is_empty(), "nothing is fetched without a word");
    let mut yes = Terminal::start(&home, &["plan", "--project", project]);
    yes.see(&["No source is named", PUBLIC, "[y/N]"]);
    yes.press("y\r");
    yes.see(&["remove 4"]);
    assert_eq!(yes.end(), 0);
    assert_eq!(clones(&sandbox).len(), 1);
}

#[test]
fn an_address_is_typed_in_the_wizard() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (far, gone) = (sandbox.path().join("far"), sandbox.path().join("gone"));
    fs::rename(&demo.source, &far).unwrap();
    let url = address(&far);
    let home = sandbox.path().join("home");
    let words = ["--project", demo.project.to_str().unwrap(), "--only", "content"];
    let mut wizard = Terminal::sized(&home, &words, 120, 30);
    // Where there is no clone anywhere, the usual address is offered, and nothing is fetched unasked.
    wizard.see(&["Where is your clone", PUBLIC, "its address"]);
    wizard.press("\x1b[B");
    wizard.press("\r");
    wizard.see(&["an address: Enter fetches it into your cache folder"]);
    wizard.press("\x15");
    assert!(clones(&sandbox).is_empty());
    wizard.press(&url);
    wizard.see(&["an address: Enter fetches it into your cache folder"]);
    assert!(clones(&sandbox).is_empty());
    wizard.press("\r");
    wizard.see(&["preview", "Enter start"]);
    assert_eq!(clones(&sandbox).len(), 1);
    wizard.press("\x03");
    wizard.end();

    fs::rename(&far, &gone).unwrap();
    let mut wizard = Terminal::sized(&home, &words, 120, 30);
    wizard.see(&["Where is your clone"]);
    wizard.press("\x15");
    wizard.press(&url);
    wizard.see(&["an address, fetched just now: Enter fetches what is new"]);
    wizard.press("\r");
    wizard.see(&["could not be fetched", "Enter tries again; or go on with what was fetched just now"]);
    wizard.press("\x1b[B");
    wizard.press("\r");
    wizard.see(&["the whole history is there"]);
    wizard.press("\r");
    wizard.see(&["preview", "Enter start"]);
    wizard.press("\x03");
    wizard.end();
}

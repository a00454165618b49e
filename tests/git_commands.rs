//! git starts nobody's program: every setting, hook, attribute and variable that makes git run a command is planted, with
//! a command that leaves a mark, and no command of ours may leave one.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{Sandbox, git, text};
use pos_upgrade_tui::host::demo::Demo;

/// Settings whose value is a command, or a program; `!` stands before those that a shell reads. What git's manual lists
/// (`git help config`), and what the manuals of its tools add.
const COMMANDS: [&str; 66] = [
    "core.fsmonitor",
    "core.editor",
    "core.pager",
    "core.sshCommand",
    "core.askPass",
    "core.gitProxy",
    "core.alternateRefsCommand",
    "credential.helper",
    "credential.https://example.invalid.helper",
    "diff.external",
    "diff.planted.command",
    "diff.planted.textconv",
    "diff.guitool",
    "diff.tool",
    "difftool.planted.cmd",
    "difftool.planted.path",
    "merge.tool",
    "merge.planted.driver",
    "mergetool.planted.cmd",
    "mergetool.planted.path",
    "filter.planted.clean",
    "filter.planted.smudge",
    "filter.planted.process",
    "gpg.program",
    "gpg.openpgp.program",
    "gpg.x509.program",
    "gpg.ssh.program",
    "gpg.ssh.defaultKeyCommand",
    "interactive.diffFilter",
    "sequence.editor",
    "trailer.planted.command",
    "trailer.planted.cmd",
    "uploadpack.packObjectsHook",
    "gc.recentObjectsHook",
    "remote.origin.uploadpack",
    "remote.origin.receivepack",
    "remote.origin.proxy",
    "submodule.planted.update",
    "sendemail.toCmd",
    "sendemail.ccCmd",
    "sendemail.headerCmd",
    "sendemail.sendmailCmd",
    "sendemail.smtpServer",
    "imap.tunnel",
    "instaweb.httpd",
    "instaweb.browser",
    "browser.planted.cmd",
    "browser.planted.path",
    "web.browser",
    "help.browser",
    "man.planted.cmd",
    "man.planted.path",
    "man.viewer",
    "guitool.planted.cmd",
    "http.proxy",
    "pager.config",
    "pager.log",
    "pager.status",
    "pager.diff",
    "pager.cat-file",
    "pager.rev-parse",
    "pager.fetch",
    "alias.rev-parse",
    "alias.status",
    "alias.log",
    "alias.fetch",
];

/// Settings that bring the others into play.
const SWITCHES: [(&str, &str); 10] = [
    ("commit.gpgSign", "true"),
    ("tag.gpgSign", "true"),
    ("log.showSignature", "true"),
    ("protocol.ext.allow", "always"),
    ("protocol.allow", "always"),
    ("fetch.recurseSubmodules", "true"),
    ("credential.useHttpPath", "true"),
    ("diff.ignoreSubmodules", "none"),
    ("remote.origin.vcs", "planted"),
    ("url.ext::planted-ext %S.insteadOf", "file://"),
];

/// All that `githooks(5)` lists.
const HOOKS: [&str; 28] = [
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "reference-transaction",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "sendemail-validate",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-prepare-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "post-index-change",
];

/// Variables that name a program.
const VARIABLES: [&str; 13] = [
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR",
    "GIT_PAGER",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "GIT_EXTERNAL_DIFF",
    "GIT_PROXY_COMMAND",
    "LESSOPEN",
];

/// Where commands are planted, and where they leave their marks.
struct Field {
    bin: PathBuf,
    ran: PathBuf,
    planted: usize,
}

impl Field {
    fn new(sandbox: &Sandbox) -> Self {
        let (bin, ran) = (sandbox.path().join("planted"), sandbox.path().join("ran"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&ran).unwrap();
        Self { bin, ran, planted: 0 }
    }

    /// A program that leaves a mark with this name; what it is given to read it gives back.
    fn program(&mut self, name: &str) -> PathBuf {
        self.planted += 1;
        let mark: String =
            name.chars().map(|c| if c.is_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect();
        let file = self.bin.join(&mark);
        self.program_at(&file, &mark);
        file
    }

    fn program_at(&self, file: &Path, mark: &str) {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, format!("#!/bin/sh\n: > '{}'\nexec cat\n", self.ran.join(mark).display())).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Plants settings, hooks and attributes in a repository: some in its config, some in a file that it includes, some
    /// in its work tree's own config.
    fn plant(&mut self, name: &str, repository: &Path, leave_out: &[&str]) {
        let git_dir = repository.join(".git");
        let included = git_dir.join("included");
        let own = git_dir.join("config.worktree");
        let files = [git_dir.join("config"), included.clone(), own];
        for (at, key) in COMMANDS.iter().enumerate().filter(|(_, key)| !leave_out.contains(key)) {
            let program = self.program(&format!("{name}.{key}"));
            let bang = key.starts_with("alias.") || key.ends_with(".update") || key.starts_with("credential.");
            let value = format!("{}{}", if bang { "!" } else { "" }, program.display());
            set(&files[at % 3], key, &value);
        }
        for (key, value) in SWITCHES {
            set(&files[0], key, value);
        }
        set(&files[0], "include.path", included.to_str().unwrap());
        set(&files[0], "extensions.worktreeConfig", "true");
        let hooks = git_dir.join("other-hooks");
        set(&files[0], "core.hooksPath", hooks.to_str().unwrap());
        for hook in HOOKS {
            self.planted += 2;
            self.program_at(&git_dir.join("hooks").join(hook), &format!("{name}.hook.{hook}"));
            self.program_at(&hooks.join(hook), &format!("{name}.other-hook.{hook}"));
        }
        fs::create_dir_all(git_dir.join("info")).unwrap();
        let attributes = "* filter=planted diff=planted merge=planted\n";
        fs::write(git_dir.join("info/attributes"), attributes).unwrap();
        let file = git_dir.join("attributes");
        fs::write(&file, attributes).unwrap();
        set(&files[0], "core.attributesFile", file.to_str().unwrap());
    }

    /// The built binary, in an environment full of planted programs.
    fn command(&mut self, sandbox: &Sandbox, elsewhere: &Path) -> Command {
        let mut command = sandbox.command();
        for name in VARIABLES {
            command.env(name, self.program(&format!("env.{name}")));
        }
        // Git's own parts, and helpers with names that git makes up.
        let parts = self.bin.join("parts");
        for name in ["git-upload-pack", "git-remote-planted", "git-remote-ext", "git-status", "git-log", "git", "sh"] {
            self.program_at(&parts.join(name), &format!("part.{name}"));
        }
        let helper = self.bin.join("on-path");
        for name in ["git-remote-planted", "planted-ext", "git-planted", "less", "gpg", "ssh"] {
            self.program_at(&helper.join(name), &format!("path.{name}"));
        }
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths([helper].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let templates = self.bin.join("templates");
        self.program_at(&templates.join("hooks/reference-transaction"), "env.template-hook");
        let count = [("core.fsmonitor", "env.counted-fsmonitor"), ("diff.external", "env.counted-diff")];
        command.env("GIT_CONFIG_COUNT", count.len().to_string());
        for (at, (key, name)) in count.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{at}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{at}"), self.program(name));
        }
        let parameter = format!("'core.alternateRefsCommand={}'", self.program("env.parameter").display());
        command
            .env("GIT_CONFIG_PARAMETERS", parameter)
            .env("GIT_EXEC_PATH", parts)
            .env("GIT_TEMPLATE_DIR", templates)
            .env("PATH", path)
            .env("GIT_TRACE", self.ran.join("env.GIT_TRACE"))
            .env("GIT_TRACE2_EVENT", self.ran.join("env.GIT_TRACE2_EVENT"))
            .env("GIT_TRACE_SETUP", self.ran.join("env.GIT_TRACE_SETUP"));
        // Another repository and other objects, as while a hook runs.
        command.env("GIT_DIR", elsewhere.join(".git")).env("GIT_WORK_TREE", elsewhere);
        command.env("GIT_INDEX_FILE", elsewhere.join(".git/index"));
        command.env("GIT_OBJECT_DIRECTORY", elsewhere.join(".git/objects"));
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", elsewhere.join(".git/objects"));
        command.env("GIT_REPLACE_REF_BASE", "refs/elsewhere").env("GIT_NAMESPACE", "elsewhere");
        command.env("GIT_SHALLOW_FILE", "/dev/null").env("GIT_GRAFT_FILE", "/dev/null");
        command
    }

    /// The names of those that ran.
    fn ran(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.ran).unwrap();
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn set(file: &Path, key: &str, value: &str) {
    let file = file.to_str().unwrap();
    git(Path::new("/"), &["config", "--file", file, "--add", key, value]);
}

/// Makes git look into every file: none is as it was noted in the index.
fn touch_all(folder: &Path) {
    for entry in walkdir::WalkDir::new(folder).into_iter().filter_entry(|e| e.file_name() != ".git") {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            fs::File::open(entry.path()).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
        }
    }
}

/// The demo, with its project in a repository, and another repository that has nothing to do with it.
fn world(sandbox: &mut Sandbox) -> (Demo, PathBuf) {
    let demo = sandbox.content_demo();
    git(&demo.project, &["init", "--quiet", "--template="]);
    git(&demo.project, &["add", "--all"]);
    git(&demo.project, &["commit", "--quiet", "-m", "The project"]);
    let elsewhere = sandbox.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    git(&elsewhere, &["init", "--quiet", "--template="]);
    fs::write(elsewhere.join("file"), "elsewhere\n").unwrap();
    git(&elsewhere, &["add", "--all"]);
    git(&elsewhere, &["commit", "--quiet", "-m", "Elsewhere"]);
    (demo, elsewhere)
}

#[test]
fn nothing_that_is_planted_runs() {
    let mut sandbox = Sandbox::new();
    let (demo, elsewhere) = world(&mut sandbox);
    let mut field = Field::new(&sandbox);
    field.plant("source", &demo.source, &[]);
    // The commit after an upgrade is made with the settings of the user's own project: his filters run, and no other.
    field.plant("project", &demo.project, &["filter.planted.process"]);
    set(&demo.project.join(".git/config"), "user.name", "Ada");
    set(&demo.project.join(".git/config"), "user.email", "ada@example.invalid");
    let global = sandbox.path().join("home/.gitconfig");
    for key in COMMANDS.iter().filter(|key| !key.starts_with("filter.")) {
        set(&global, key, field.program(&format!("global.{key}")).to_str().unwrap());
    }
    touch_all(&demo.source);
    let index = fs::read(demo.source.join(".git/index")).unwrap();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let from = ["--project", project, "--source", source];
    let here = ["--project", project];
    let whole = |words: &[&'static str]| -> Vec<String> {
        let more: &[&str] = match words[0] {
            "plan" | "upgrade" => &from,
            "known-releases" => &["--source", source],
            _ => &here,
        };
        words.iter().chain(more).map(|w| (*w).to_owned()).collect()
    };
    let mut seen = 0;
    let mut reads = |field: &mut Field, words: &[&'static str], code: i32| {
        let output = field.command(&sandbox, &elsewhere).args(whole(words)).output().unwrap();
        assert_eq!(text(&output).0, code, "{words:?}: {}", text(&output).1);
        assert_eq!(field.ran(), BTreeSet::new(), "after {words:?}");
        seen += 1;
    };
    // A file whose times have changed, and that only its filter could tell to be unchanged, is no reason to run it.
    reads(&mut field, &["plan"], 0);
    reads(&mut field, &["plan", "--diff"], 0);
    reads(&mut field, &["plan", "--json", "--to", "HEAD~1"], 0);
    reads(&mut field, &["upgrade", "--dry-run"], 0);
    reads(&mut field, &["known-releases"], 0);
    reads(&mut field, &["upgrade", "--yes", "--only", "content", "--on-conflict", "keep"], 0);
    assert_eq!(fs::read(demo.source.join(".git/index")).unwrap(), index, "the source's index is as it was");
    reads(&mut field, &["edits", "--diff"], 0);
    reads(&mut field, &["status"], 0);
    reads(&mut field, &["history"], 0);
    reads(&mut field, &["rollback", "--yes"], 0);
    let commit = ["upgrade", "--yes", "--only", "content", "--on-conflict", "keep", "--git-commit"];
    let output = field.command(&sandbox, &elsewhere).args(whole(&commit)).output().unwrap();
    assert_eq!(text(&output).0, 0, "{}", text(&output).1);
    let filter = "project.filter.planted.clean".to_owned();
    assert_eq!(field.ran(), BTreeSet::from([filter]), "the commit: {}", text(&output).1);
    let subject = plain(&demo.project, &["log", "-1", "--format=%an %s"]);
    assert!(subject.starts_with("Ada Upgrade .praxis-os to 1.2.0"), "{subject}");

    // That the planted commands would run is seen with plain git.
    let _ = fs::remove_dir_all(&field.ran);
    fs::create_dir(&field.ran).unwrap();
    let by_git = control(&sandbox, &demo, &field);
    assert!(by_git.len() >= 12, "{by_git:#?}");
    println!(
        "{} commands planted, {seen} commands of ours ran none of them; plain git ran {}",
        field.planted,
        by_git.len()
    );
}

/// git with the repository's own settings, but for hooks, and without a pager.
fn plain(repository: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(repository).args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]);
    let output = command.args(["-c", "log.showSignature=false"]).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What runs when git itself is used in these repositories.
fn control(sandbox: &Sandbox, demo: &Demo, field: &Field) -> BTreeSet<String> {
    let run = |folder: &Path, arguments: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(folder).args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"]);
        command.args(arguments).env("HOME", sandbox.path().join("home"));
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    };
    touch_all(&demo.source);
    run(&demo.source, &["update-index", "--refresh"]);
    fs::write(demo.source.join("mcp_server/__init__.py"), "changed\n").unwrap();
    run(&demo.source, &["diff"]);
    run(&demo.source, &["diff", "--no-ext-diff"]);
    run(&demo.source, &["log", "-1", "-p"]);
    run(&demo.source, &["log", "-1", "--show-signature"]);
    run(&demo.source, &["-c", "filter.planted.process=", "add", "--all"]);
    run(&demo.source, &["-c", "filter.planted.process=", "checkout", "HEAD", "--", "."]);
    run(&demo.source, &["-c", "filter.planted.process=", "commit", "--no-gpg-sign", "-am", "Planted"]);
    run(&demo.source, &["commit", "--allow-empty", "-m", "Signed"]);
    run(&demo.source, &["commit", "--allow-empty", "--no-gpg-sign"]);
    run(&demo.source, &["fetch", "origin"]);
    run(&demo.source, &["remote", "add", "planted", "https://example.invalid/x"]);
    run(&demo.source, &["rebase", "-i", "HEAD~1"]);
    run(&demo.source, &["gc", "--auto"]);
    field.ran()
}

#[test]
fn fetching_the_history_runs_nothing_of_the_source() {
    let mut sandbox = Sandbox::new();
    let (demo, elsewhere) = world(&mut sandbox);
    let mut field = Field::new(&sandbox);
    let shallow = sandbox.path().join("shallow");
    let url = format!("file://{}", demo.source.display());
    git(&sandbox.path(), &["clone", "--quiet", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let refs = git(&shallow, &["for-each-ref"]);
    field.plant("shallow", &shallow, &[]);
    // The other side is looked at by a git of its own.
    field.plant("source", &demo.source, &[]);
    let global = sandbox.path().join("home/.gitconfig");
    for key in COMMANDS.iter().filter(|key| !key.starts_with("filter.")) {
        set(&global, key, field.program(&format!("global.{key}")).to_str().unwrap());
    }
    touch_all(&shallow);
    let from = ["--project", demo.project.to_str().unwrap(), "--source", shallow.to_str().unwrap()];
    let output = field.command(&sandbox, &elsewhere).args(["plan", "--json"]).args(from).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["source"]["shallow"], true);
    let output = field.command(&sandbox, &elsewhere).args(["plan", "--json", "--deepen"]).args(from).output().unwrap();
    assert_eq!(text(&output).0, 0, "{}", text(&output).1);
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["source"]["shallow"], false);
    assert_eq!(field.ran(), BTreeSet::new());
    // The clone is whole for plain git too, and its refs are as they were.
    for planted in ["config", "config.worktree", "included"] {
        fs::write(shallow.join(".git").join(planted), "").unwrap();
    }
    git(&shallow, &["-c", "core.bare=false", "fsck", "--full", "--strict"]);
    assert_eq!(git(&shallow, &["rev-list", "--count", "HEAD"]), "3");
    assert_eq!(git(&shallow, &["for-each-ref"]), refs);
    println!("{} commands planted, none ran", field.planted);
}

#[test]
fn an_address_that_starts_a_program_is_none() {
    let mut sandbox = Sandbox::new();
    let (demo, _) = world(&mut sandbox);
    let shallow = sandbox.path().join("shallow");
    let url = format!("file://{}", demo.source.display());
    git(&sandbox.path(), &["clone", "--quiet", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let mark = sandbox.path().join("ran");
    for url in [format!("ext::touch {}", mark.display()), "planted::x".to_owned(), "fd::0".to_owned()] {
        git(&shallow, &["remote", "set-url", "origin", &url]);
        git(&shallow, &["config", "protocol.allow", "always"]);
        let from = ["--project", demo.project.to_str().unwrap(), "--source", shallow.to_str().unwrap()];
        let (code, said) = text(&sandbox.run(&[&["plan", "--deepen"], &from[..]].concat()));
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("would start a program") && said.contains("nothing was changed"), "{said}");
        assert!(!mark.exists());
    }
}

/// git looks into repositories that lie in another one, with their own settings: as submodules, and by chance.
#[test]
fn repositories_within_the_source_are_left_alone() {
    let mut sandbox = Sandbox::new();
    let (demo, elsewhere) = world(&mut sandbox);
    let mut field = Field::new(&sandbox);
    let inner = demo.source.join("vendor");
    git(&sandbox.path(), &["clone", "--quiet", elsewhere.to_str().unwrap(), inner.to_str().unwrap()]);
    let url = elsewhere.to_str().unwrap();
    git(&demo.source, &["config", "--file", ".gitmodules", "submodule.vendor.path", "vendor"]);
    git(&demo.source, &["config", "--file", ".gitmodules", "submodule.vendor.url", url]);
    git(&demo.source, &["add", "--all"]);
    git(&demo.source, &["commit", "--quiet", "-m", "A repository within"]);
    git(&demo.source, &["config", "submodule.vendor.url", url]);
    git(&demo.source, &["config", "submodule.vendor.active", "true"]);
    field.plant("inner", &inner, &[]);
    fs::write(inner.join("file"), "changed, in the same length\n").unwrap();
    let from = ["--project", demo.project.to_str().unwrap()];
    let run = |field: &mut Field, source: &Path| {
        let source = ["--source", source.to_str().unwrap()];
        let output = field.command(&sandbox, &elsewhere).arg("plan").args(from).args(source).output().unwrap();
        assert_eq!(text(&output).0, 0, "{}", text(&output).1);
        assert_eq!(field.ran(), BTreeSet::new());
    };
    run(&mut field, &demo.source);
    // Without git around it, with attributes that name a filter.
    let bare = sandbox.path().join("unpacked");
    let copied = Command::new("cp").args(["-r", demo.source.to_str().unwrap(), bare.to_str().unwrap()]).status();
    assert!(copied.unwrap().success());
    fs::remove_dir_all(bare.join(".git")).unwrap();
    fs::write(bare.join(".gitattributes"), "* filter=planted diff=planted\n").unwrap();
    run(&mut field, &bare);
    // plain git does look into it.
    let mut status = Command::new("git");
    status.current_dir(&demo.source).args(["status", "--short"]).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = status.status();
    assert!(!field.ran().is_empty());
}

//! What only looks runs nothing of the project's or the source's: a trap in every place from where something could be run.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::text;
use crate::escape::world::World;

/// Where a trap notes that it was stepped on, a line each.
struct Traps {
    log: PathBuf,
    count: u32,
}

impl Traps {
    /// A program.
    fn program(&mut self, path: &Path) {
        let script = format!("#!/bin/sh\necho '{}' >> '{}'\nexit 1\n", path.display(), self.log.display());
        self.put(path, &script, 0o755);
    }

    /// Python that is run when it is imported, or by a `.pth`.
    fn python(&mut self, path: &Path) {
        let code = format!("import os; open({:?}, 'a').write({:?} + '\\n')\n", self.log, path);
        self.put(path, &code, 0o644);
    }

    fn put(&mut self, path: &Path, text: &str, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(path);
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        self.count += 1;
    }

    fn stepped_on(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

#[test]
fn reading_commands_run_nothing_of_project_or_source() {
    let world = World::new();
    let case = world.case("traps");
    let (project, install) = (case.project(), case.install());
    let source = world.source.to_str().unwrap();
    // An edited Python file that the release changed, too: its merge would be compiled.
    let plan = |case: &crate::escape::world::Case<'_>| -> Value {
        let said = case.run(&[&["plan", "--json", "--source", source]]).remove(0).1;
        serde_json::from_str(said.trim().lines().next().unwrap()).unwrap()
    };
    let python = |plan: &Value, kind: &str| -> Option<String> {
        let files = plan["files"].as_array().unwrap();
        let found = files.iter().find(|f| f["kind"] == kind && f["path"].as_str().is_some_and(|p| p.ends_with(".py")));
        found.map(|f| f["path"].as_str().unwrap().to_owned())
    };
    let edited = python(&plan(&case), "update").expect("a release changes a Python file");
    let text_before = fs::read_to_string(install.join(&edited)).unwrap();
    fs::write(install.join(&edited), format!("{text_before}\n\n# mine\n")).unwrap();

    let mut traps = Traps { log: case.root.join("stepped-on"), count: 0 };
    let packages = install.join("venv/lib/python3.11/site-packages");
    for name in ["python", "python3", "pip", "pip3", "git"] {
        traps.program(&install.join("venv/bin").join(name));
    }
    fs::create_dir_all(packages.join("pip")).unwrap();
    traps.python(&packages.join("pip/__init__.py"));
    traps.python(&packages.join("evil.pth"));
    traps.python(&packages.join("sitecustomize.py"));
    traps.python(&packages.join("usercustomize.py"));
    for folder in [&project, &install, &project.join("src")] {
        traps.python(&folder.join("sitecustomize.py"));
        traps.python(&folder.join("usercustomize.py"));
        traps.python(&folder.join("site.py"));
        traps.python(&folder.join("conftest.py"));
    }
    fs::write(install.join("venv/pyvenv.cfg"), format!("home = {}\nversion = 3.11.2\n", project.display())).unwrap();
    for folder in ["bin", "node_modules/.bin", "scripts", ".venv/bin"] {
        for name in ["python", "python3", "python3.11", "sh", "make"] {
            traps.program(&project.join(folder).join(name));
        }
    }
    traps.program(&project.join("git"));
    traps.program(&project.join("python3"));
    traps.program(&project.join(".envrc"));
    traps.python(&install.join("mcp_server/__init__.py"));
    traps.python(&install.join("mcp_server/__main__.py"));
    traps.program(&project.join("tests.sh"));
    fs::write(install.join("upgrade.json"), json!({"test_command": [project.join("tests.sh")]}).to_string()).unwrap();
    let server = json!({"command": project.join("tests.sh"), "args": ["-m", "mcp_server"]});
    for place in [".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json"] {
        let path = project.join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, json!({"mcpServers": {"praxis-os": server}}).to_string()).unwrap();
    }
    // The project's and the source's repositories, with hooks and a watcher of their own.
    crate::common::git(&project, &["init", "--quiet", "--template="]);
    let copy = case.root.join("source");
    assert!(Command::new("cp").arg("-a").arg(source).arg(&copy).status().unwrap().success());
    for repository in [&project, &copy] {
        for hook in ["post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"]
        {
            traps.program(&repository.join(".git/hooks").join(hook));
        }
        let watcher = repository.join(".git/hooks/fsmonitor-watchman");
        crate::common::git(repository, &["config", "core.fsmonitor", watcher.to_str().unwrap()]);
        crate::common::git(repository, &["config", "core.pager", watcher.to_str().unwrap()]);
        crate::common::git(repository, &["config", "core.editor", watcher.to_str().unwrap()]);
        crate::common::git(repository, &["config", "credential.helper", watcher.to_str().unwrap()]);
    }
    let _ = fs::remove_file(&traps.log);

    let path = std::env::var("PATH").unwrap();
    let own = [".venv/bin", "bin", "node_modules/.bin"].map(|f| project.join(f).display().to_string()).join(":");
    let path = format!(".:node_modules/.bin:{own}:{}:{path}", install.join("venv/bin").display());
    // Without git of the project's own in front: which git is asked is the user's word, by an absolute place in PATH.
    fs::remove_file(install.join("venv/bin/git")).unwrap();
    let source = copy.to_str().unwrap();
    let commands: &[&[&str]] = &[
        &["plan", "--source", source],
        &["plan", "--diff", "--source", source],
        &["plan", "--json", "--source", source],
        &["upgrade", "--dry-run", "--source", source],
        &["status"],
        &["edits"],
        &["outside", "--source", source],
        &["edits", "--diff"],
        &["edits", "--source", source],
        &["history"],
        &["backups"],
        &["backups", "verify"],
        &["workflow", "3"],
        &["resume"],
        &["rollback"],
        &["unlock", "nobody"],
    ];
    for arguments in commands {
        let mut command = world.sandbox.command();
        command.args(*arguments).arg("--project").arg(&project).current_dir(&project).stdin(Stdio::null());
        command.env("PATH", &path).env("PYTHONPATH", &project).env("PYTHONHOME", &project);
        command.env("PYTHONSTARTUP", project.join("site.py")).env("PYTHONINSPECT", "1");
        command.env("VIRTUAL_ENV", install.join("venv"));
        let (code, said) = text(&command.output().unwrap());
        case.expect(traps.stepped_on().is_empty(), &format!("{arguments:?} ran {}\n{said}", traps.stepped_on()));
        case.expect(code != 1 && code >= 0, &format!("{arguments:?}: {code}\n{said}"));
        if arguments.starts_with(&["plan", "--json"]) {
            let plan: Value = serde_json::from_str(said.trim().lines().next().unwrap()).unwrap();
            let merged = python(&plan, "auto_merge").or_else(|| python(&plan, "conflict"));
            case.expect(merged.is_some(), &format!("no Python file is merged\n{said}"));
        }
    }
    // They are traps indeed.
    for trap in [install.join("venv/bin/python"), project.join("bin/python3")] {
        let _ = Command::new(&trap).status();
    }
    assert_eq!(traps.stepped_on().lines().count(), 2);
    println!("{} commands over {} traps, 0 stepped on", commands.len(), traps.count);
    world.done("reading commands", 1);
}

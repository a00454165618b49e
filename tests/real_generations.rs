//! Real installs of the first and the third generation, as a project published them in its source packages, planned to
//! sources made of the real history and of those installs' own releases. Nothing of them is in this repository: pip
//! fetches them, their sums are pinned here. `whole` has whole upgrades of them by the binary. `POS_CI` has to be set, and `POS_REAL_CONTENT` names the history's bundle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::core::plan::{FileEntry, Kind, Plan};
use pos_upgrade_tui::engine::planning::make_plan::make_plan;
use pos_upgrade_tui::engine::planning::source::Source;

use crate::common::{self, ext, git};

mod whole;

/// An install of 2025-10-14, in `.agent-os`.
const FIRST: (&str, &str) = ("1.0.0rc3", "2ed3d6c8c2fab053ab6a69b0d084bf92e1c066c398c8376187ad82da889a3901");
/// One of the third generation, in `.praxis-os`.
const THIRD: (&str, &str) = ("1.0.0rc12", "ae92c49dbf1817498fb98471347f1befac42e1c887639d239df8b423b49a0a4e");

/// The two forms that a source of the third generation can have.
const FORMS: [&str; 2] = ["dist/universal", "universal"];

/// The unpacked source package of a release of the project; none where it can't be had.
fn package((version, sum): (&str, &str), dir: &Path) -> Option<PathBuf> {
    // One download serves all tests, and the next run.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    let name = format!("honeyhive-{version}");
    let file = cache.join(format!("{name}.tar.gz"));
    if !file.exists() {
        let fresh = dir.join("download");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest"]);
        let output = pip.arg(&fresh).arg(format!("honeyhive=={version}")).output().unwrap();
        if !output.status.success() {
            ext::skipped(&format!("pip has no {name}: {}", String::from_utf8_lossy(&output.stderr)));
            return None;
        }
        fs::create_dir_all(&cache).unwrap();
        fs::rename(fresh.join(format!("{name}.tar.gz")), &file).unwrap();
    }
    assert_eq!(sha256(&fs::read(&file).unwrap()), sum, "{name}");
    let tar = Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(dir).status().unwrap();
    assert!(tar.success());
    Some(dir.join(name))
}

/// The sources and installs.
struct Real {
    dir: tempfile::TempDir,
    first: PathBuf,
    third: PathBuf,
    source: PathBuf,
    /// The last commit of the second generation.
    second: String,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "{}", from.display());
}

impl Real {
    /// None where something can't be had.
    fn new() -> Option<Self> {
        if std::env::var_os("POS_CI").is_none() {
            ext::skipped("POS_CI is not set: source packages of another project would be fetched");
            return None;
        }
        let bundle = common::real_content()?;
        let dir = tempfile::Builder::new().prefix("pos-real-").tempdir().unwrap();
        let (first, third) = (package(FIRST, dir.path())?, package(THIRD, dir.path())?);
        let source = dir.path().join("source");
        git(dir.path(), &["clone", "--quiet", "-b", "devcut", bundle.to_str().unwrap(), source.to_str().unwrap()]);
        let mut real = Self {
            first: first.join(".agent-os"),
            third: third.join(".praxis-os"),
            dir,
            source,
            second: String::new(),
        };
        real.second = real.with_server();
        Some(real)
    }

    /// The bundle holds the pages alone. Every commit of it gets the server that the first install has, and scripts,
    /// which that install has not.
    fn with_server(&self) -> String {
        let source = &self.source;
        copy(&self.first.join("mcp_server"), &source.join("mcp_server"));
        copy(&self.third.join("scripts"), &source.join("scripts"));
        git(source, &["add", "--all", "--force"]);
        let tree = git(source, &["write-tree"]);
        let entries = git(source, &["ls-tree", &tree]);
        let ours: Vec<&str> =
            entries.lines().filter(|l| l.ends_with("\tmcp_server") || l.ends_with("\tscripts")).collect();
        let log = git(source, &["log", "--reverse", "--format=%H %cI", "devcut"]);
        let mut parent = String::new();
        for (id, date) in log.lines().map(|line| line.split_once(' ').unwrap()) {
            let own = git(source, &["ls-tree", id]);
            let both: Vec<&str> = own.lines().chain(ours.iter().copied()).collect();
            let tree = piped(source, &["mktree"], &(both.join("\n") + "\n"), date);
            let above: &[&str] = if parent.is_empty() { &[] } else { &["-p", &parent] };
            parent = piped(source, &[&["commit-tree", &tree, "-m", "release"], above].concat(), "", date);
        }
        git(source, &["reset", "--quiet", "--hard", &parent]);
        parent
    }

    /// Commits the third install's release on top, in a form, and a later one: the ids of both.
    fn third_source(&self, form: &str) -> [String; 2] {
        let source = &self.source;
        git(source, &["reset", "--quiet", "--hard", &self.second]);
        git(source, &["rm", "-r", "--quiet", "universal", "mcp_server", "scripts"]);
        for (from, to) in [
            ("standards/universal", format!("{form}/standards")),
            ("workflows", format!("{form}/workflows")),
            ("ouroboros", "dist/ouroboros".to_owned()),
            ("scripts", "scripts".to_owned()),
            ("config/mcp.yaml.new", "dist/config/mcp.yaml".to_owned()),
        ] {
            copy(&self.third.join(from), &source.join(to));
        }
        let first = self.commit("the third generation", "2025-11-14T12:00:00Z");
        let pages = source.join(form).join("standards");
        for page in ["ai-safety/credential-file-protection.md", "ai-safety/git-safety-rules.md"] {
            let path = pages.join(page);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text + "\n## Later\n\nA later release says more.\n").unwrap();
        }
        fs::remove_file(pages.join("ai-safety/date-usage-policy.md")).unwrap();
        let template = source.join("dist/config/mcp.yaml");
        let text = fs::read_to_string(&template).unwrap();
        fs::write(template, text.replacen("\nlogging:", "\norientation:\n  enabled: true\n\nlogging:", 1)).unwrap();
        [first, self.commit("a later release", "2025-12-14T12:00:00Z")]
    }

    /// Commits what stands in the source; the commit's id.
    fn commit(&self, message: &str, date: &str) -> String {
        let source = &self.source;
        git(source, &["add", "--all", "--force"]);
        let tree = git(source, &["write-tree"]);
        let head = git(source, &["rev-parse", "HEAD"]);
        let id = piped(source, &["commit-tree", &tree, "-p", &head, "-m", message], "", date);
        git(source, &["reset", "--quiet", "--hard", &id]);
        id
    }

    /// A copy of an install, in a folder of the second and third generations' name.
    fn project(&self, install: &Path, name: &str) -> PathBuf {
        let to = self.dir.path().join(name).join(".praxis-os");
        copy(install, &to);
        to
    }

    fn plan(&self, install: &Path, commit: &str) -> Plan {
        let planned = make_plan(&Source::open(&self.source, Some(commit)).unwrap(), install).unwrap();
        assert_eq!((planned.downgrade, planned.stranger), (None, None));
        println!("{}: {:?}", planned.plan.source.generation, planned.plan.summary);
        planned.plan
    }

    /// All blobs that any commit of the source has.
    fn released(&self) -> BTreeSet<String> {
        let objects = git(&self.source, &["rev-list", "--objects", "--all", "--reflog", &self.second]);
        objects.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    }

    /// The blob of every file of an install.
    fn blobs(&self, install: &Path) -> BTreeMap<String, String> {
        let files = walkdir::WalkDir::new(install).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
        let paths: Vec<PathBuf> = files.map(|e| e.path().to_owned()).collect();
        let list: String = paths.iter().map(|p| format!("{}\n", p.display())).collect();
        let ids = piped(&self.source, &["hash-object", "--no-filters", "--stdin-paths"], &list, "");
        let name = |p: &PathBuf| p.strip_prefix(install).unwrap().to_str().unwrap().to_owned();
        paths.iter().map(name).zip(ids.lines().map(str::to_owned)).collect()
    }
}

/// Runs git with a text for it and a date for what it commits.
fn piped(dir: &Path, arguments: &[&str], text: &str, date: &str) -> String {
    use std::io::Write as _;
    let mut command = Command::new("git");
    command.current_dir(dir).args(["-c", "user.name=t", "-c", "user.email=t@example.invalid"]).args(arguments);
    command.envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")]);
    if !date.is_empty() {
        command.envs([("GIT_AUTHOR_DATE", date), ("GIT_COMMITTER_DATE", date)]);
    }
    let pipes = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut ask = child.stdin.take().unwrap();
    let text = text.to_owned();
    // It may answer before it has read all.
    let asking = std::thread::spawn(move || ask.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    asking.join().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn at<'p>(plan: &'p Plan, path: &str) -> &'p FileEntry {
    plan.files.iter().find(|f| f.path.to_str() == Some(path)).unwrap_or_else(|| panic!("{path} is not in the plan"))
}

fn paths(plan: &Plan, kind: Kind) -> Vec<String> {
    plan.files.iter().filter(|f| f.kind == kind).map(|f| f.path.to_string()).collect()
}

/// What holds for every plan of an install in which nobody edited or deleted a file but those named: an oracle that knows
/// blobs alone, no layouts and no history.
fn nothing_untrue(real: &Real, install: &Path, plan: &Plan, edited: &[&str]) {
    let (released, blobs) = (real.released(), real.blobs(install));
    for entry in &plan.files {
        let spot = entry.from.as_ref().unwrap_or(&entry.path).to_string();
        assert!(!entry.reason.contains("deleted"), "{entry:#?}");
        let is_released = blobs.get(&spot).map(|id| released.contains(id));
        if entry.reason.starts_with("pristine") || entry.reason.starts_with("a second copy") {
            assert_eq!(is_released, Some(true), "{entry:#?}");
        }
        if entry.reason.contains("you edited") || entry.reason.contains("your own") {
            assert_eq!(is_released, Some(false), "{entry:#?}");
            assert!(edited.contains(&spot.as_str()), "{entry:#?}");
        }
        if matches!(entry.kind, Kind::Remove | Kind::Update | Kind::Move) {
            let formatted = entry.reason.starts_with("only formatted differently");
            assert!(is_released == Some(true) || formatted, "{entry:#?}");
        }
    }
    // No file of a release is left where no release of the target has it: a search would find it.
    let known: BTreeSet<String> = plan.files.iter().map(|f| f.from.as_ref().unwrap_or(&f.path).to_string()).collect();
    for (path, id) in &blobs {
        let managed = ["standards/", "workflows/", "usage/", "mcp_server/", "ouroboros/", "scripts/"];
        // What no installer installs was copied by hand with the server, and goes with it.
        let stray = path.starts_with("mcp_server/.cursor/") && plan.source.generation == "praxis-os";
        let own = path.starts_with("standards/development/") || stray;
        let left = managed.iter().any(|top| path.starts_with(top)) && !own && !known.contains(path);
        // Bytes of a release at a place that none has are the user's.
        assert!(!left || !released.contains(id) || fs::read(install.join(path)).unwrap().is_empty(), "{path} is left");
    }
}

#[test]
fn the_first_generation_to_the_second_and_the_third() {
    let Some(real) = Real::new() else { return };
    let install = real.project(&real.first, "first");
    let plan = real.plan(&install, &real.second);
    assert_eq!((plan.install.generation.as_str(), plan.source.generation.as_str()), ("praxis-os", "praxis-os"));
    nothing_untrue(&real, &install, &plan, &["scripts/build_rag_index.py"]);
    assert_eq!(paths(&plan, Kind::Conflict), ["scripts/build_rag_index.py"]);
    assert_eq!((plan.summary.stays_deleted, plan.summary.auto_merge, plan.summary.local_only), (0, 0, 0));
    assert_eq!(plan.files.iter().filter(|f| f.reason.starts_with("a second copy")).count(), 57);

    let mut plans = Vec::new();
    for form in FORMS {
        let [commit, _] = real.third_source(form);
        let plan = real.plan(&install, &commit);
        assert_eq!((plan.install.generation.as_str(), plan.source.generation.as_str()), ("praxis-os", "ouroboros"));
        nothing_untrue(&real, &install, &plan, &["scripts/build_rag_index.py"]);
        assert_eq!(paths(&plan, Kind::Conflict), ["scripts/build_rag_index.py"]);
        assert_eq!(plan.summary.stays_deleted, 0);
        assert!(
            plan.files.iter().filter(|f| f.path.to_string().starts_with("mcp_server/")).all(|f| f.kind == Kind::Remove)
        );
        assert_eq!(at(&plan, "ouroboros/__main__.py").kind, Kind::New);
        assert_eq!(at(&plan, "config/mcp.yaml").kind, Kind::New);
        assert_eq!(at(&plan, "standards/universal/ai-assistant/operating-model.md").kind, Kind::Move);
        // Nothing but that one script is asked about, and nothing of the user's is in the plan.
        let theirs = |f: &&FileEntry| f.mine.is_some() && f.kind != Kind::Conflict;
        let touched: BTreeSet<String> =
            plan.files.iter().filter(theirs).map(|f| f.from.as_ref().unwrap_or(&f.path).to_string()).collect();
        assert!(!touched.iter().any(|path| path.starts_with("specs/") || path.starts_with("product/")));
        assert!(
            !touched.iter().any(|path| path.starts_with("workflows/test_generation_v3/")),
            "the user's own workflow"
        );
        plans.push(plan.files.into_iter().map(|f| (f.path, f.kind, f.from, f.mine, f.theirs)).collect::<Vec<_>>());
    }
    assert!(plans[0] == plans[1], "the source's form makes no difference");
}

#[test]
fn an_edit_of_the_first_generations_server_is_asked_about() {
    let Some(real) = Real::new() else { return };
    let install = real.project(&real.first, "first");
    let code = install.join("mcp_server/core/session.py");
    let text = fs::read_to_string(&code).unwrap();
    fs::write(&code, text + "\n\nOURS = 1\n").unwrap();
    let [commit, _] = real.third_source(FORMS[0]);
    let plan = real.plan(&install, &commit);
    let edited = ["mcp_server/core/session.py", "scripts/build_rag_index.py"];
    nothing_untrue(&real, &install, &plan, &edited);
    assert_eq!(paths(&plan, Kind::Conflict), edited);
    assert!(at(&plan, edited[0]).reason.contains("source removed it"));
}

#[test]
fn within_the_third_generation() {
    let Some(real) = Real::new() else { return };
    let mut plans = Vec::new();
    for form in FORMS {
        let [same, later] = real.third_source(form);
        let install = real.project(&real.third, form);
        let plan = real.plan(&install, &same);
        assert_eq!((plan.install.generation.as_str(), plan.source.generation.as_str()), ("ouroboros", "ouroboros"));
        assert_eq!((plan.install.release.as_deref(), plan.summary.pending()), (Some(same.as_str()), 0));
        assert_eq!(paths(&plan, Kind::LocalOnly), ["config/mcp.yaml"]);

        // Edits away from the release's, and beside them.
        let page = |name: &str| format!("standards/universal/ai-safety/{name}");
        let ours = [page("credential-file-protection.md"), page("import-verification-rules.md")];
        for path in &ours {
            let path = install.join(path);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, format!("<!-- ours -->\n{text}")).unwrap();
        }
        let plan = real.plan(&install, &later);
        nothing_untrue(&real, &install, &plan, &[&ours[0], &ours[1]]);
        assert_eq!((plan.install.release.as_deref(), at(&plan, &ours[0]).kind), (Some(same.as_str()), Kind::AutoMerge));
        assert_eq!(at(&plan, &ours[1]).kind, Kind::LocalOnly);
        assert_eq!(at(&plan, &page("git-safety-rules.md")).kind, Kind::Update);
        assert_eq!(paths(&plan, Kind::Remove), [page("date-usage-policy.md")]);
        let config = at(&plan, "config/mcp.yaml");
        assert!(config.kind == Kind::AutoMerge && config.reason.contains("news in orientation"), "{config:#?}");
        assert_eq!(paths(&plan, Kind::Conflict), [""; 0]);
        plans.push(plan.files.into_iter().map(|f| (f.path, f.kind, f.mine, f.theirs)).collect::<Vec<_>>());

        let source = Source::open(&real.source, Some(&real.second)).unwrap();
        let said = make_plan(&source, &install).unwrap().downgrade.unwrap();
        assert!(said.contains("generation ouroboros, which came after praxis-os"), "{said}");
    }
    assert!(plans[0] == plans[1], "the source's form makes no difference");
}

//! The table of known releases, made anew from a clone: small ones, and the real content against the embedded table.

use crate::common;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::common::{Sandbox, git, text};

const EMBEDDED: &str = include_str!("../assets/praxis-os-releases.tsv");
/// What stands in a row besides path and blob id: first commit, its date, last commit, its date.
type Row = [String; 4];

fn rows(table: &str) -> BTreeMap<(String, String), Row> {
    let mut rows = BTreeMap::new();
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let [path, blob, row @ ..] = &fields[..] else { panic!("{line}") };
        let before = rows.insert((path.clone(), blob.clone()), row.to_vec().try_into().expect(line));
        assert!(before.is_none(), "twice: {line}");
    }
    rows
}

fn table(sandbox: &Sandbox, source: &Path) -> String {
    let output = sandbox.run(&["known-releases", "--source", source.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output).1);
    String::from_utf8(output.stdout).unwrap()
}

/// Commits all that stands there now, at that day.
fn commit(source: &Path, day: u32) -> String {
    git(source, &["add", "--all"]);
    let date = format!("2025-10-{day:02}T12:00:00Z");
    let output = std::process::Command::new("git")
        .current_dir(source)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.invalid", "commit", "--quiet", "-m", "release"])
        .envs([("GIT_COMMITTER_DATE", &date), ("GIT_AUTHOR_DATE", &date)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    git(source, &["rev-parse", "HEAD"])
}

fn write(source: &Path, path: &str, bytes: &str) -> String {
    let path = source.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    git(source, &["hash-object", "--no-filters", path.to_str().unwrap()])
}

#[test]
fn a_small_repository() {
    let sandbox = Sandbox::new();
    let source = sandbox.path().join("source");
    fs::create_dir(&source).unwrap();
    git(&source, &["init", "--quiet"]);
    let one = write(&source, "universal/standards/a.md", "one\n");
    let tool = write(&source, "scripts/tool.py", "print('a tool that is renamed')\n");
    write(&source, "docs/not-shipped.md", "docs\n");
    write(&source, "universal/.universal-manifest.json", "{}\n");
    let first = commit(&source, 7);
    let two = write(&source, "universal/standards/a.md", "two\n");
    fs::rename(source.join("scripts/tool.py"), source.join("scripts/better-tool.py")).unwrap();
    let template = write(&source, "universal/templates/t.md", "a template\n");
    let second = commit(&source, 8);
    write(&source, "universal/standards/a.md", "one\n");
    let third = commit(&source, 9);

    let short = |id: &String| id[..7].to_owned();
    let (first, second, third) = (short(&first), short(&second), short(&third));
    let table = table(&sandbox, &source);
    let mut expected = [
        format!("scripts/better-tool.py\t{tool}\t{second}\t2025-10-08\t{third}\t2025-10-09"),
        format!("scripts/tool.py\t{tool}\t{first}\t2025-10-07\t{first}\t2025-10-07"),
        // It went away and came back.
        format!("universal/standards/a.md\t{one}\t{first}\t2025-10-07\t{third}\t2025-10-09"),
        format!("universal/standards/a.md\t{two}\t{second}\t2025-10-08\t{second}\t2025-10-08"),
        format!("universal/templates/t.md\t{template}\t{second}\t2025-10-08\t{third}\t2025-10-09"),
    ];
    expected.sort();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[2..], expected);
    let head: Vec<String> =
        EMBEDDED.lines().take(2).map(|l| l.replace("2025-10-07 to 2025-10-29", "2025-10-07 to 2025-10-09")).collect();
    assert_eq!(lines[..2], head);
}

#[test]
fn it_needs_a_whole_clone() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let url = format!("file://{}", demo.source.display());
    git(&sandbox.path(), &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    git(&sandbox.path(), &["init", "--quiet", "--object-format=sha256", "sha256"]);
    for (name, why) in [("shallow", "fetch --unshallow"), ("sha256", "SHA-1"), ("nowhere", "no such folder")] {
        let folder = sandbox.path().join(name);
        let (code, said) = text(&sandbox.run(&["known-releases", "--source", folder.to_str().unwrap()]));
        assert!(code == 4 && said.contains(why) && said.contains(folder.to_str().unwrap()), "{said}");
        assert!(said.contains("nothing was changed") && said.contains("next: "), "{said}");
    }
    let (_, help) = text(&sandbox.run(&["--help"]));
    assert!(!help.contains("known-releases"), "hidden: {help}");
}

/// The bundle holds the content part (`universal/`) of the first 22 releases that changed it, in commits of its own. So
/// what can be compared is `universal/` up to its last day: path, blob and the day of the first commit of each row. Where
/// a version ended by then, the public repository went on shipping it for no longer than until the bundle's next commit.
#[test]
fn the_real_content_gives_the_rows_of_the_embedded_table() {
    let Some(bundle) = common::real_content() else { return };
    let sandbox = Sandbox::new();
    let source = sandbox.path().join("real");
    git(&sandbox.path(), &["clone", "-q", "-b", "devcut", bundle.to_str().unwrap(), source.to_str().unwrap()]);
    let made = table(&sandbox, &source);
    let log = git(&source, &["log", "--reverse", "--format=%h %cs", "--abbrev=7"]);
    let commits: Vec<(&str, &str)> = log.lines().map(|l| l.split_once(' ').unwrap()).collect();
    let last_day = commits.last().unwrap().1;
    let (made_rows, all) = (rows(&made), rows(EMBEDDED));
    let embedded: BTreeMap<_, _> =
        all.iter().filter(|((path, _), row)| path.starts_with("universal/") && row[1].as_str() <= last_day).collect();
    assert!(made_rows.len() > 400, "{}", made_rows.len());
    assert_eq!(made_rows.keys().collect::<Vec<_>>(), embedded.keys().copied().collect::<Vec<_>>());
    let mut ended = 0;
    for (version, row) in &made_rows {
        assert_eq!(row[1], embedded[version][1], "first day of {version:?}");
        let at = commits.iter().position(|(id, _)| *id == row[2]).unwrap();
        if let Some((_, next_day)) = commits.get(at + 1) {
            ended += 1;
            let last = embedded[version][3].as_str();
            assert!(row[3].as_str() <= last && last <= *next_day, "last day of {version:?}: {last}, {row:?}");
        }
    }
    println!("{} rows agree, {ended} of them also in when they ended", made_rows.len());
    assert!(ended > 100, "{ended}");
    // The same order, too.
    let order = |table: &str| -> Vec<String> {
        let lines = table.lines().filter(|l| !l.starts_with('#'));
        let of = |l: &str| l.splitn(3, '\t').take(2).collect::<Vec<_>>().join("\t");
        let named =
            |l: &String| made_rows.contains_key(&l.split_once('\t').map(|(a, b)| (a.into(), b.into())).unwrap());
        lines.map(of).filter(named).collect()
    };
    assert!(order(&made) == order(EMBEDDED));
}

/// Whichever form a source has, a page has one name, and one row for each of its versions.
#[test]
fn a_source_of_another_form() {
    let sandbox = Sandbox::new();
    let source = sandbox.path().join("source");
    fs::create_dir(&source).unwrap();
    git(&source, &["init", "--quiet"]);
    let page = write(&source, "universal/standards/a.md", "a page of some\nlines, that stays\nas it is\n");
    write(&source, "mcp_server/old.py", "old\n");
    let first = commit(&source, 7);
    fs::create_dir(source.join("dist")).unwrap();
    fs::rename(source.join("universal"), source.join("dist/universal")).unwrap();
    fs::rename(source.join("mcp_server"), source.join("dist/ouroboros")).unwrap();
    let server = write(&source, "dist/ouroboros/__main__.py", "server\n");
    let config = write(&source, "dist/config/mcp.yaml", "version: \"1.0\"\n");
    let second = commit(&source, 8);

    let table = table(&sandbox, &source);
    let all = rows(&table);
    let day = |id: &String, day: u32| (id[..7].to_owned(), format!("2025-10-{day:02}"));
    let row = |(from, begin): (String, String), (to, end): (String, String)| [from, begin, to, end];
    let at = |path: &str, blob: &String| all[&(path.to_owned(), blob.clone())].clone();
    assert_eq!(at("universal/standards/a.md", &page), row(day(&first, 7), day(&second, 8)));
    assert_eq!(at("dist/ouroboros/__main__.py", &server), row(day(&second, 8), day(&second, 8)));
    assert_eq!(at("dist/config/mcp.yaml", &config), row(day(&second, 8), day(&second, 8)));
    assert!(!table.contains("dist/universal"), "{table}");
    assert_eq!(all.len(), 5, "{table}");
}

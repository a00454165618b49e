//! The plan against `git merge` (ort, renames on): random releases of the real content, random edits of a user.
//!
//! `POS_CASES` says how many (200), `POS_SEED` with which seed (today's date, printed).

use crate::common;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{Sandbox, git};
use crate::crash::many::shard;
use pos_upgrade_tui::core::layout::layouts;
use pos_upgrade_tui::core::outcome::{Outcome, outcome};
use pos_upgrade_tui::core::plan::Kind;
use pos_upgrade_tui::engine::planning::make_plan::{make_plan, sides};
use pos_upgrade_tui::engine::planning::source::Source;

/// A small generator of our own: the same seed gives the same cases on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

type Files = BTreeMap<String, Vec<u8>>;

/// The files of a commit that an install holds, by source path.
fn files(source: &Source) -> Files {
    let shipped =
        source.tree.iter().filter(|(p, _)| layouts().first_target().newest().install_path(p, |_| false).is_some());
    shipped.map(|(p, f)| (p.to_string(), source.read(&f.blob).unwrap().to_vec())).collect()
}

fn install_path(source: &str) -> PathBuf {
    layouts().first_target().newest().install_path(&source.parse().unwrap(), |_| false).unwrap().as_path().to_owned()
}

/// What a user does: edits lines, adds and deletes files. Returns each line that was added, by path.
fn edit(random: &mut Random, files: &mut Files, likely: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut added = BTreeMap::new();
    for n in 0..2 + random.below(8) {
        // Half of the edits where the source changes something too: elsewhere nothing can go wrong.
        let names: Vec<String> = files.keys().cloned().collect();
        let from = if random.below(2) == 0 && !likely.is_empty() { likely } else { &names[..] };
        let name = from[random.below(from.len())].clone();
        let Some(text) = files.get(&name) else { continue };
        if random.below(12) == 0 {
            files.remove(&name);
            added.remove(&name);
            continue;
        }
        let text = String::from_utf8(text.clone()).expect("text");
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        for m in 0..1 + random.below(4) {
            let at = random.below(lines.len() + 1);
            let line = format!("the user's line {n}.{m} {:x}\n", random.next());
            match random.below(3) {
                0 if at < lines.len() => {
                    lines.remove(at);
                    continue;
                }
                1 if at < lines.len() => lines[at] = line.clone(),
                _ => {
                    if at == lines.len() && lines.last().is_some_and(|l| !l.ends_with('\n')) {
                        lines.last_mut().unwrap().push('\n');
                    }
                    lines.insert(at, line.clone());
                }
            }
            added.entry(name.clone()).or_insert_with(Vec::new).push(line);
        }
        // A line that a later edit took away again is not expected.
        let text = lines.concat();
        if let Some(mine) = added.get_mut(&name) {
            mine.retain(|l: &String| text.contains(l.as_str()));
        }
        files.insert(name, text.into_bytes());
    }
    if random.below(2) == 0 {
        let name = format!("universal/standards/testing/of-the-user-{:x}.md", random.next());
        files.insert(name, b"the user's own file\n".to_vec());
    }
    added
}

/// A commit of exactly these files, on top of `parent`'s other ones.
fn commit(repo: &Path, parent: &str, before: &Files, after: &Files) -> String {
    let index = repo.join(".git/index-of-test");
    let run = |arguments: &[&str]| {
        let out = Command::new("git").current_dir(repo).args(arguments).env("GIT_INDEX_FILE", &index).output().unwrap();
        assert!(out.status.success(), "{arguments:?} {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    run(&["read-tree", parent]);
    for (name, _) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        run(&["update-index", "--force-remove", name]);
    }
    for (name, bytes) in after.iter().filter(|(name, bytes)| before.get(*name) != Some(bytes)) {
        let file = repo.join(".git/blob-of-test");
        fs::write(&file, bytes).unwrap();
        let id = run(&["hash-object", "-w", "--no-filters", file.to_str().unwrap()]);
        run(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},{name}")]);
    }
    let tree = run(&["write-tree"]);
    git(repo, &["commit-tree", &tree, "-p", parent, "-m", "mine"])
}

/// What `git merge` makes of it: the merged files, and the paths in conflict.
fn merged_by_git(repo: &Path, mine: &str, theirs: &str, base: &str) -> (String, BTreeSet<String>) {
    let out = Command::new("git")
        .current_dir(repo)
        .args(["-c", "merge.directoryRenames=false", "-c", "merge.renames=true", "-c", "merge.renameLimit=0"])
        .args(["merge-tree", "--write-tree", "-z", "--name-only", &format!("--merge-base={base}"), mine, theirs])
        .output()
        .unwrap();
    assert!(matches!(out.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let mut parts = text.split('\0');
    let tree = parts.next().unwrap().to_owned();
    (tree, parts.take_while(|p| !p.is_empty()).map(str::to_owned).collect())
}

fn tree_files(repo: &Path, tree: &str) -> BTreeMap<String, String> {
    let list = git(repo, &["ls-tree", "-r", tree]);
    let entry = |line: &str| {
        let (head, path) = line.split_once('\t')?;
        Some((path.to_owned(), head.split(' ').nth(2)?.to_owned()))
    };
    list.lines().filter_map(entry).collect()
}

/// Renames between two commits as the merge sees them: by their end points.
fn endpoint_renames(repo: &Path, base: &str, theirs: &str) -> BTreeMap<String, String> {
    let list = git(repo, &["diff-tree", "-r", "-M", "-l0", "--diff-filter=R", "--name-status", base, theirs]);
    let rename = |line: &str| {
        let mut parts = line.split('\t').skip(1);
        Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
    };
    list.lines().filter_map(rename).collect()
}

#[derive(Default)]
struct Tally {
    paths: usize,
    conflicts: usize,
    needless: usize,
    merged: usize,
    lines: usize,
    left_out: BTreeSet<String>,
    /// Files that the user deleted, where the install is as like a release that never had them.
    undecidable: usize,
}

/// How much an install is like a release: files that match it, less files of it that are missing.
fn likeness(mine: &Files, release: &Files) -> i64 {
    release.iter().fold(0, |sum, (path, bytes)| match mine.get(path) {
        Some(own) if own == bytes => sum + 1,
        Some(_) => sum,
        None => sum - 1,
    })
}

/// Whether nothing can tell that the user deleted this file: another release that didn't ship it fits the install at least
/// as well as the one it was made from, and then the file is new.
fn undecidable(repo: &Path, path: &str, mine: &Files, base: &Files, theirs: &str) -> bool {
    if mine.contains_key(path) || !base.contains_key(path) {
        return false;
    }
    let least = likeness(mine, base);
    git(repo, &["rev-list", theirs]).lines().any(|release| {
        let other = files(&Source::open(repo, Some(release)).unwrap());
        !other.contains_key(path) && likeness(mine, &other) >= least
    })
}

#[test]
fn random_edits_merge_as_git_merge_does() {
    let Some(bundle) = common::real_content() else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let today = jiff::Timestamp::now().as_second() / 86_400;
    let seed = number("POS_SEED").unwrap_or(today.cast_unsigned());
    let cases = number("POS_CASES").unwrap_or(200);
    println!("POS_SEED={seed} POS_CASES={cases}");
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let sandbox = Sandbox::new();
    let repo = sandbox.path().join("real");
    git(&sandbox.path(), &["clone", "-q", "-b", "devcut", bundle.to_str().unwrap(), repo.to_str().unwrap()]);
    let releases: Vec<String> = git(&repo, &["rev-list", "--reverse", "HEAD"]).lines().map(str::to_owned).collect();
    let mut tally = Tally::default();
    for case in 0..cases {
        let newer = 1 + random.below(releases.len() - 1);
        let older = random.below(newer);
        one_case(&sandbox, &repo, &releases[older], &releases[newer], &mut random, &mut tally, case);
    }
    println!(
        "{cases} cases, {} paths compared, {} merged, {} conflicts, {} needless, {} user lines found, {} undecidable, {} paths left out: {:?}",
        tally.paths,
        tally.merged,
        tally.conflicts,
        tally.needless,
        tally.lines,
        tally.undecidable,
        tally.left_out.len(),
        tally.left_out
    );
    assert!(tally.needless * 200 <= tally.conflicts.max(1) + tally.merged, "at most 0.5 % needless conflicts");
    assert!(tally.conflicts > 0 && tally.merged > 0, "there was something to merge");
}

fn one_case(
    sandbox: &Sandbox,
    repo: &Path,
    base: &str,
    theirs: &str,
    random: &mut Random,
    tally: &mut Tally,
    case: u64,
) {
    let old = files(&Source::open(repo, Some(base)).unwrap());
    let source = Source::open(repo, Some(theirs)).unwrap();
    let new = files(&source);
    let likely: Vec<String> = old.keys().filter(|p| new.get(*p) != old.get(*p)).cloned().collect();
    let mut mine = old.clone();
    let added = edit(random, &mut mine, &likely);
    let install = sandbox.path().join(format!("install-{case}"));
    for (path, bytes) in &mine {
        let to = install.join(install_path(path));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }
    let planned = make_plan(&source, &install).unwrap();
    let history = &planned.history;
    let my_commit = commit(repo, base, &old, &mine);
    let (tree, conflicted) = merged_by_git(repo, &my_commit, theirs, base);
    let by_git = tree_files(repo, &tree);
    let renames = endpoint_renames(repo, base, theirs);
    let context = |path: &str| {
        let same = |p: &Option<pos_upgrade_tui::core::path::RelPath>| p.as_ref().is_some_and(|p| p.to_string() == path);
        let entry = planned.plan.files.iter().find(|f| same(&f.source_path));
        let entry = entry.map(|f| format!("{} ({})", f.kind.word(), f.reason));
        format!("case {case}, {} -> {}, {path}, {entry:?}, mine is commit {my_commit}", &base[..7], &theirs[..7])
    };

    // Where the history tells of other renames than the end points do, git and we answer different questions.
    let target = &source.tree;
    let mut skipped: BTreeSet<String> = BTreeSet::new();
    for path in old.keys().filter(|p| !new.contains_key(*p)) {
        let followed = history.follow(&path.parse().unwrap(), base, target).map(|p| p.to_string());
        let seen = renames.get(path).filter(|to| !old.contains_key(*to)).cloned();
        if followed != seen {
            skipped.extend([Some(path.clone()), followed, seen].into_iter().flatten());
        }
    }
    tally.left_out.extend(skipped.iter().cloned());

    let mut results: Files = Files::new();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for entry in &planned.plan.files {
        let path = entry.source_path.as_ref().unwrap().to_string();
        if entry.kind == Kind::Conflict {
            asked.insert(path);
            continue;
        }
        let texts = sides(&source, &install, entry).unwrap();
        match outcome(entry, None, &texts).unwrap() {
            Outcome::Write { bytes, .. } => {
                results.insert(path.clone(), bytes.to_vec());
            }
            Outcome::Nothing => {
                if let Some(mine) = &texts.mine {
                    results.insert(path.clone(), mine.to_vec());
                }
            }
            Outcome::Remove { .. } => {}
        }
        tally.merged += usize::from(entry.kind == Kind::AutoMerge);
    }
    for path in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        if skipped.contains(path) || renames.get(path).is_some_and(|to| skipped.contains(to)) {
            continue;
        }
        tally.paths += 1;
        let git_asks = conflicted.contains(path);
        let ours = results.get(path).map(|bytes| {
            let format = pos_upgrade_tui::core::blob::ObjectFormat::Sha1;
            pos_upgrade_tui::core::blob::BlobId::of(bytes, format).to_string()
        });
        let agree = asked.contains(path) == git_asks && (git_asks || ours.as_ref() == by_git.get(path));
        if !agree && undecidable(repo, path, &mine, &old, theirs) {
            tally.undecidable += 1;
            continue;
        }
        match (asked.contains(path), git_asks) {
            (true, true) => tally.conflicts += 1,
            (true, false) => {
                tally.needless += 1;
                println!("{}: a conflict that git does not see", context(path));
            }
            (false, true) => panic!("{}: clean where git conflicts", context(path)),
            (false, false) => assert_eq!(ours.as_ref(), by_git.get(path), "{}", context(path)),
        }
    }
    for (path, lines) in &added {
        let to = renames.get(path).unwrap_or(path);
        if !mine.contains_key(path) || asked.contains(path) || asked.contains(to) || skipped.contains(path) {
            continue;
        }
        let text = results.get(path).or_else(|| results.get(to)).unwrap_or_else(|| panic!("{}", context(path)));
        for line in lines {
            assert!(String::from_utf8_lossy(text).contains(line.trim_end()), "{}: {line}", context(path));
            tally.lines += 1;
        }
    }
    fs::remove_dir_all(&install).unwrap();
}

/// What a plan that asks nothing makes of an install, by source path.
fn applied(source: &Source, install: &Path) -> Files {
    let planned = make_plan(source, install).unwrap();
    let mut after = Files::new();
    for entry in &planned.plan.files {
        let asks = [Kind::Conflict, Kind::LocalOnly, Kind::AutoMerge, Kind::StaysDeleted, Kind::Linked];
        assert!(!asks.contains(&entry.kind), "{}: {} ({})", entry.path, entry.kind.word(), entry.reason);
        let path = entry.source_path.as_ref().unwrap().to_string();
        let texts = sides(source, install, entry).unwrap();
        match outcome(entry, None, &texts).unwrap() {
            Outcome::Write { bytes, .. } => drop(after.insert(path, bytes.to_vec())),
            Outcome::Nothing => drop(texts.mine.map(|mine| after.insert(path, mine.to_vec()))),
            Outcome::Remove { .. } => {}
        }
    }
    after
}

#[test]
fn every_pair_of_releases_upgrades_an_untouched_install_without_a_question() {
    let Some(bundle) = common::real_content() else { return };
    let sandbox = Sandbox::new();
    let repo = sandbox.path().join("real");
    git(&sandbox.path(), &["clone", "-q", "-b", "devcut", bundle.to_str().unwrap(), repo.to_str().unwrap()]);
    let releases: Vec<String> = git(&repo, &["rev-list", "--reverse", "HEAD"]).lines().map(str::to_owned).collect();
    let trees: Vec<Files> = releases.iter().map(|r| files(&Source::open(&repo, Some(r)).unwrap())).collect();
    let count = releases.len();
    let all: Vec<(usize, usize)> =
        (0..count).flat_map(|older| (older + 1..count).map(move |new| (older, new))).collect();
    assert_eq!(all.len(), count * (count - 1) / 2);
    let chosen = shard(all, 3, |(older, newer)| format!("{older}, {newer}"));
    let mut pairs = 0;
    for (older, tree) in trees.iter().enumerate() {
        let install = sandbox.path().join(format!("pair-{older}"));
        for (path, bytes) in tree {
            let to = install.join(install_path(path));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        }
        for (_, newer) in chosen.iter().copied().filter(|(from, _)| *from == older) {
            let source = Source::open(&repo, Some(&releases[newer])).unwrap();
            let after = applied(&source, &install);
            assert!(after == trees[newer], "{} -> {}", &releases[older][..7], &releases[newer][..7]);
            pairs += 1;
        }
        fs::remove_dir_all(&install).unwrap();
    }
    println!("{pairs} pairs, no question, each byte for byte a fresh install");
    assert_eq!(pairs, chosen.len());
}

//! The merge against `git merge-file --diff-algorithm=histogram`, on every triple of versions of the real content.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pos_upgrade_tui::core::merge::Merge;
use pos_upgrade_tui::core::provenance::History;
use pos_upgrade_tui::host::fs::in_parallel;
use pos_upgrade_tui::host::git::Repo;

/// What git makes of it: the merged text, or a conflict.
fn by_git(dir: &Path, texts: [&[u8]; 3]) -> Option<Vec<u8>> {
    let names = ["mine", "base", "theirs"];
    for (name, text) in names.iter().zip(texts) {
        std::fs::write(dir.join(name), text).unwrap();
    }
    let out = Command::new("git")
        .current_dir(dir)
        .args(["merge-file", "-p", "--diff-algorithm=histogram"])
        .args(names)
        .output()
        .unwrap();
    match out.status.code() {
        Some(0) => Some(out.stdout),
        Some(1..=127) => None,
        other => panic!("git merge-file: {other:?} {}", String::from_utf8_lossy(&out.stderr)),
    }
}

#[test]
fn every_triple_of_the_real_content_merges_as_git_does() {
    let Some(bundle) = common::real_content() else { return };
    let sandbox = common::Sandbox::new();
    let clone = sandbox.path().join("real");
    common::git(&sandbox.path(), &["clone", "-q", "-b", "devcut", bundle.to_str().unwrap(), clone.to_str().unwrap()]);
    let repo = Repo::open(&clone).unwrap();
    let history = History::new(repo.history("HEAD").unwrap());
    let blobs = repo.blobs().unwrap();
    let mut by_path: BTreeMap<String, Vec<Arc<[u8]>>> = BTreeMap::new();
    for path in history.paths() {
        let texts = history.versions(path, None).into_iter().filter_map(|(_, s)| blobs.read(s.blob.as_str()));
        by_path.insert(path.to_string(), texts.collect());
    }
    let mut triples: Vec<(String, [Arc<[u8]>; 3])> = Vec::new();
    for (path, texts) in &by_path {
        for (b, base) in texts.iter().enumerate() {
            for (m, mine) in texts.iter().enumerate().filter(|(m, _)| *m != b) {
                for (_, theirs) in texts.iter().enumerate().filter(|(t, _)| *t != b && *t != m) {
                    triples.push((path.clone(), [mine.clone(), base.clone(), theirs.clone()]));
                }
            }
        }
    }
    let counts: [AtomicUsize; 4] = Default::default();
    let [clean, wrong, missed, needless] = &counts;
    let number = AtomicUsize::new(0);
    let folder = |n: usize| -> PathBuf {
        let dir = sandbox.path().join(format!("m{n}"));
        std::fs::create_dir(&dir).unwrap();
        dir
    };
    in_parallel(&triples, |(path, [mine, base, theirs])| {
        let dir = folder(number.fetch_add(1, Ordering::Relaxed));
        let git = by_git(&dir, [mine, base, theirs]);
        std::fs::remove_dir_all(&dir).unwrap();
        let merge = Merge::three_way(base.clone(), mine.clone(), theirs.clone()).expect("text");
        let ours = (merge.conflicts() == 0).then(|| merge.result(&[]).unwrap());
        match (&git, &ours) {
            (Some(git), Some(ours)) => {
                clean.fetch_add(1, Ordering::Relaxed);
                if git != ours {
                    wrong.fetch_add(1, Ordering::Relaxed);
                    println!("{path}: both clean, but different");
                }
            }
            (None, Some(_)) => {
                missed.fetch_add(1, Ordering::Relaxed);
                println!("{path}: clean where git conflicts");
            }
            (Some(_), None) => {
                needless.fetch_add(1, Ordering::Relaxed);
                println!("{path}: a conflict that git does not see");
            }
            (None, None) => {}
        }
        Ok::<_, ()>(())
    })
    .unwrap();
    let [clean, wrong, missed, needless] = counts.map(AtomicUsize::into_inner);
    println!("{} triples, {clean} clean in both, {wrong} different, {missed} missed, {needless} needless", triples.len());
    assert!(triples.len() > 500, "there is something to compare");
    assert_eq!((wrong, missed), (0, 0));
    assert!(needless * 200 <= triples.len(), "at most 0.5 % needless conflicts");
}

//! The merge against `git merge-file --diff-algorithm=histogram`, on every triple of versions of the real content.

use crate::common;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pos_upgrade_tui::core::merge::Merge;
use pos_upgrade_tui::host::files::parallel::in_parallel;

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
    let Some(by_path) = common::real_texts() else { return };
    let sandbox = common::Sandbox::new();
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
    println!(
        "{} triples, {clean} clean in both, {wrong} different, {missed} missed, {needless} needless",
        triples.len()
    );
    assert!(triples.len() > 500, "there is something to compare");
    assert_eq!((wrong, missed), (0, 0));
    assert!(needless * 200 <= triples.len(), "at most 0.5 % needless conflicts");
}

const FEW: usize = 3;

/// A small generator of our own: the same seed gives the same texts on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }

    /// A line as such texts have them: many blank, some that return, some that stand alone.
    fn line(&mut self, kinds: usize) -> String {
        match self.below(10) {
            0..=3 => "\n".to_owned(),
            4 => "---\n".to_owned(),
            5..=7 => format!("{}\n", self.below(kinds)),
            // With fewer kinds than that, every line returns so often that git takes another algorithm.
            _ if kinds < FEW => "0\n".to_owned(),
            _ => format!("alone {:x}\n", self.below(1 << 20)),
        }
    }

    fn lines(&mut self, count: usize, kinds: usize) -> Vec<String> {
        (0..count).map(|_| self.line(kinds)).collect()
    }

    /// Stretches are taken away, written anew, put in, moved and said twice.
    fn edited(&mut self, text: &[String], edits: usize, kinds: usize) -> Vec<String> {
        let mut text = text.to_vec();
        for _ in 0..edits {
            let at = self.below(text.len() + 1);
            let end = (at + self.below(8)).min(text.len());
            let count = self.below(6);
            match self.below(5) {
                0 => drop(text.drain(at..end)),
                1 => drop(text.splice(at..end, self.lines(count, kinds))),
                2 => drop(text.splice(at..at, self.lines(count, kinds))),
                3 => {
                    let moved: Vec<String> = text.drain(at..end).collect();
                    let to = self.below(text.len() + 1);
                    text.splice(to..to, moved);
                }
                _ => {
                    let again: Vec<String> = text[at..end].to_vec();
                    let to = self.below(text.len() + 1);
                    text.splice(to..to, again);
                }
            }
        }
        text
    }
}

/// Where most lines are blank or return, what is paired with what is a matter of the algorithm's every detail. The real
/// texts seldom are like that, so these are made up: `POS_MERGES` of them (1,000), from `POS_SEED` (1).
#[test]
fn made_up_texts_with_many_equal_lines_merge_as_git_does() {
    let number = |name: &str, or: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(or);
    let (seed, count) = (number("POS_SEED", 1), number("POS_MERGES", 1_000));
    println!("POS_SEED={seed} POS_MERGES={count}");
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let triples: Vec<[Vec<u8>; 3]> = (0..count)
        .map(|_| {
            let (length, kinds, edits) = (random.below(400), 1 + random.below(20), 1 + random.below(12));
            let base = random.lines(length, kinds);
            let (mine, theirs) = (random.edited(&base, 1 + edits / 4, kinds), random.edited(&base, edits, kinds));
            [mine, base, theirs].map(|text| text.concat().into_bytes())
        })
        .collect();
    let sandbox = common::Sandbox::new();
    let (clean, conflicts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let number = AtomicUsize::new(0);
    let different = std::sync::Mutex::new(Vec::new());
    in_parallel(&triples, |[mine, base, theirs]| {
        let dir = sandbox.path().join(format!("m{}", number.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir(&dir).unwrap();
        let git = by_git(&dir, [mine, base, theirs]);
        let merge = Merge::three_way(base[..].into(), mine[..].into(), theirs[..].into()).expect("text");
        let ours = (merge.conflicts() == 0).then(|| merge.result(&[]).unwrap());
        if git == ours {
            std::fs::remove_dir_all(&dir).unwrap();
        } else {
            let what = match (&git, &ours) {
                (Some(_), Some(_)) => "different",
                (None, _) => "missed",
                (_, None) => "needless",
            };
            different.lock().unwrap().push((what, dir));
        }
        if git.is_some() { &clean } else { &conflicts }.fetch_add(1, Ordering::Relaxed);
        Ok::<_, ()>(())
    })
    .unwrap();
    let different = different.into_inner().unwrap();
    let (clean, conflicts) = (clean.into_inner(), conflicts.into_inner());
    let of = |what: &str| different.iter().filter(|d| d.0 == what).count();
    let (wrong, missed, needless) = (of("different"), of("missed"), of("needless"));
    println!(
        "{count} merges, {clean} clean, {conflicts} conflicts; {wrong} different, {missed} missed, {needless} needless"
    );
    assert!(clean > 0 && conflicts > 0, "there is something to compare");
    assert_eq!((wrong, missed), (0, 0), "{different:?}");
    assert!(needless * 200 <= triples.len(), "at most 0.5 % needless conflicts");
}

//! Random edits of YAML configs, merged key by key: against values that another library reads, and byte by byte where
//! nothing changes. `POS_CASES` of them (200), from `POS_SEED` (1). `POS_REAL_CONFIGS` names a
//! folder with real config files, which are edited as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use pos_upgrade_tui::core::config::KeyChoice;
use pos_upgrade_tui::core::config::keyed::{Format, Keyed};
use pos_upgrade_tui::core::config::yaml::{Problem, YamlMerge};
use pos_upgrade_tui::core::merge::Choice;
use serde_yaml_ng::Value;

use oracle::{Oracle, Pick};
use writer::{Random, Writer, edited, map};

mod oracle;
mod writer;

fn number(name: &str, or: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(or)
}

fn cases() -> (u64, u64) {
    let cases = number("POS_CASES", 200);
    (number("POS_SEED", 1), cases)
}

fn random(seed: u64, case: u64) -> Random {
    let mut random = Random((seed << 32 | case).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..8 {
        random.next();
    }
    random
}

/// By the other library, which knows no byte order mark.
fn parsed(text: &str) -> Option<Value> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut value: Value = serde_yaml_ng::from_str(text).ok()?;
    value.apply_merge().ok()?;
    Some(value)
}

#[derive(Default, Debug)]
struct Counts {
    merged: usize,
    tied: usize,
    unended: usize,
    changes: usize,
    conflicts: usize,
    comments: usize,
}

/// One case, all ways to answer it.
fn check(random: &mut Random, base: Option<&str>, mine: &str, theirs: &str, counts: &mut Counts) {
    let merge = match YamlMerge::new(base.map(str::as_bytes), mine.as_bytes(), theirs.as_bytes()) {
        Ok(merge) => merge,
        Err(e) => {
            let tied = matches!(e.problem, Problem::Tied { .. });
            let unended = matches!(e.problem, Problem::Unended { .. }) && !mine.ends_with('\n');
            assert!(tied || unended, "{e}");
            assert!(!tied || [Some(mine), Some(theirs), base].into_iter().flatten().any(|t| t.contains('&')), "{e}");
            *if tied { &mut counts.tied } else { &mut counts.unended } += 1;
            return;
        }
    };
    counts.merged += 1;
    counts.changes += merge.changes.len();
    counts.conflicts += merge.conflicts.len();
    let values = (base.map(|b| parsed(b).unwrap()), parsed(mine).unwrap(), parsed(theirs).unwrap());
    let mut ways = vec![vec![KeyChoice::Mine; merge.conflicts.len()], vec![KeyChoice::Theirs; merge.conflicts.len()]];
    for _ in 0..3 {
        ways.push(merge.conflicts.iter().map(|_| random.pick(&[KeyChoice::Mine, KeyChoice::Theirs])).collect());
    }
    for choices in &ways {
        let result = String::from_utf8(merge.result(choices).unwrap()).unwrap();
        let pick = |choice: &KeyChoice| if *choice == KeyChoice::Mine { Pick::Mine } else { Pick::Theirs };
        let asked: BTreeMap<String, Pick> =
            merge.conflicts.iter().zip(choices).map(|(c, choice)| (c.pointer.clone(), pick(choice))).collect();
        let oracle = Oracle { has_base: base.is_some(), asked: &asked };
        let expected = oracle.expect("", values.0.as_ref(), Some(&values.1), Some(&values.2)).unwrap();
        let found = parsed(&result).unwrap_or_else(|| panic!("does not parse:\n{result}"));
        assert_eq!(found, expected, "{choices:?}:\n{result}");
        counts.comments += comments_stay(mine, &values.1, &result, &found);
        if merge.changes.is_empty() && choices.iter().all(|c| *c == KeyChoice::Mine) {
            assert_eq!(result, mine, "all mine, and nothing comes by itself");
        }
    }
    by_regions(&merge, &ways, base, mine, theirs);
    if let Some(base) = base {
        // The wizard offers the base's lines as well.
        let keyed =
            Keyed::new(Format::Yaml, Some(base.as_bytes()), &mine.as_bytes().into(), theirs.as_bytes()).unwrap();
        let result = String::from_utf8(keyed.merge.result_all(&Choice::Base)).unwrap();
        let asked = merge.conflicts.iter().map(|c| (c.pointer.clone(), Pick::Base)).collect();
        let oracle = Oracle { has_base: true, asked: &asked };
        let expected = oracle.expect("", values.0.as_ref(), Some(&values.1), Some(&values.2)).unwrap();
        assert_eq!(parsed(&result), Some(expected), "all base:\n{result}");
    }
}

/// The comments of keys whose value stays stand as they stood; how many were looked at.
fn comments_stay(mine: &str, before: &Value, result: &str, after: &Value) -> usize {
    let mut count = 0;
    let text = mine.strip_prefix('\u{feff}').unwrap_or(mine);
    for line in text.lines() {
        let Some((_, path)) = line.rsplit_once("# c").and_then(|(_, rest)| rest.split_once(' ')) else { continue };
        let (was, is) = (oracle::at(before, path), oracle::at(after, path));
        if was.is_some() && was == is {
            assert!(result.trim_start_matches('\u{feff}').lines().any(|l| l == line), "{line:?} is gone:\n{result}");
            count += 1;
        }
    }
    count
}

/// The regions that the wizard shows give the same files.
fn by_regions(merge: &YamlMerge, ways: &[Vec<KeyChoice>], base: Option<&str>, mine: &str, theirs: &str) {
    let mine: Arc<[u8]> = mine.as_bytes().into();
    let keyed = Keyed::new(Format::Yaml, base.map(str::as_bytes), &mine, theirs.as_bytes()).unwrap();
    assert_eq!(keyed.merge.result_all(&Choice::Mine), merge.result(&ways[0]).unwrap());
    assert_eq!(keyed.merge.result_all(&Choice::Theirs), merge.result(&ways[1]).unwrap());
    if keyed.merge.conflicts() == merge.conflicts.len() {
        for choices in ways {
            let side = |c: &KeyChoice| Some(if *c == KeyChoice::Mine { Choice::Mine } else { Choice::Theirs });
            let choices_there: Vec<Option<Choice>> = choices.iter().map(side).collect();
            let same = keyed.merge.result(&choices_there).unwrap() == merge.result(choices).unwrap();
            assert!(same, "the regions give another file than the keys");
        }
    }
}

#[test]
fn made_up_configs_merge_by_key_and_keep_every_byte_of_the_rest() {
    let (seed, cases) = cases();
    let only = number("POS_CASE", u64::MAX);
    let mut counts = Counts::default();
    for case in (0..cases).filter(|case| only == u64::MAX || *case == only) {
        let mut random = random(seed, case);
        let random = &mut random;
        let base = map(random, 3, 2);
        let (mine, theirs) = match random.below(8) {
            0 => (base.clone(), edited(random, &base, 3)),
            1 => (edited(random, &base, 3), base.clone()),
            _ => (edited(random, &base, 3), edited(random, &base, 3)),
        };
        let anchors = random.one_in(4);
        let [base, mine, theirs] = [(&base, false), (&mine, anchors), (&theirs, anchors && case % 2 == 0)]
            .map(|(value, anchors)| Writer::write(random, value, anchors));
        let base = (!random.one_in(6)).then_some(base);
        println!("case {case}");
        if only == case {
            println!("== base\n{}\n== mine\n{mine}\n== theirs\n{theirs}\n==", base.as_deref().unwrap_or("none"));
        }
        check(random, base.as_deref(), &mine, &theirs, &mut counts);
        let still = YamlMerge::new(Some(theirs.as_bytes()), mine.as_bytes(), theirs.as_bytes()).unwrap();
        assert_eq!(still.result(&[]).unwrap(), mine.as_bytes(), "the template did not change");
    }
    println!("{cases} cases from POS_SEED={seed}: {counts:?}");
    assert!(only != u64::MAX || counts.merged * 4 > usize::try_from(cases).unwrap() * 3, "too many were refused");
    assert!(only != u64::MAX || counts.unended * 50 < counts.merged, "too many had no last line break");
}

/// Lines of a real config, changed: other values, keys and items gone or new, comments between.
fn edited_lines(random: &mut Random, text: &str) -> Option<String> {
    for _ in 0..20 {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        for _ in 0..1 + random.below(6) {
            let at = random.below(lines.len());
            let line = lines[at].clone();
            let indent = " ".repeat(line.len() - line.trim_start().len());
            let is_key = line.trim_start().starts_with(|c: char| c.is_alphabetic()) && line.contains(':');
            match random.below(5) {
                0 if is_key => lines.insert(at, format!("{indent}new{}: [1, \"x\"]  # new\n", random.below(9))),
                1 if is_key => {
                    lines.insert(at, format!("{indent}new{}:\n{indent}  # deep\n{indent}  k: 1\n", random.below(9)))
                }
                2 if is_key && line.contains(": ") => {
                    lines[at] = format!(
                        "{}: {}\n",
                        line.split(": ").next().unwrap(),
                        random.pick(&["7", "\"other\"", "[a]", "{}"])
                    );
                }
                3 => lines.insert(at, format!("{indent}# my words {}\n", random.below(99))),
                4 if !line.trim_start().starts_with('#') => drop(lines.remove(at)),
                _ => {}
            }
        }
        let text = lines.concat();
        if parsed(&text).is_some() && pos_upgrade_tui::core::config::yaml::check(text.as_bytes()).is_ok() {
            return Some(if random.one_in(5) { text.replace('\n', "\r\n") } else { text });
        }
    }
    None
}

#[test]
fn real_configs_merge_by_key() {
    let Some(folder) = std::env::var_os("POS_REAL_CONFIGS") else {
        println!("skipped: POS_REAL_CONFIGS is not set, it names a folder of real configs");
        return;
    };
    let (seed, cases) = cases();
    let files = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<_> = files.filter(|p| p.to_string_lossy().contains(".yaml")).collect();
    files.sort();
    let texts: Vec<String> = files.iter().map(|p| std::fs::read_to_string(p).unwrap()).collect();
    assert!(!texts.is_empty());
    let mut counts = Counts::default();
    let every = texts.len();
    for n in 0..every.pow(3) {
        let [base, mine, theirs] = [n / every.pow(2), n / every % every, n % every].map(|n| &texts[n]);
        check(&mut random(seed, 0), Some(base), mine, theirs, &mut counts);
    }
    println!("every three of {} real configs: {counts:?}", texts.len());
    for case in 0..cases / 8 {
        let mut random = random(seed, case);
        let base = random.pick(&texts);
        let (Some(mine), Some(theirs)) = (edited_lines(&mut random, &base), edited_lines(&mut random, &base)) else {
            continue;
        };
        check(&mut random, Some(&base), &mine, &theirs, &mut counts);
    }
    println!("{} edits of real configs from POS_SEED={seed}: {counts:?}", cases / 8);
}

#[test]
fn texts_that_cannot_be_relied_on_are_refused_with_their_line() {
    let (seed, cases) = cases();
    let mut refused = 0;
    for case in 0..cases / 4 {
        let mut random = random(seed ^ 0xbad, case);
        let good = Writer::write(&mut random, &map(&mut random_of(case), 3, 2), false).replace("\r\n", "\n");
        let good = format!("{}\n", good.trim_start_matches('\u{feff}').trim_end());
        let lines = good.lines().count();
        let (bad, line) = match random.below(4) {
            0 => (format!("{good}twice: 1\n'twice': 2\n"), lines + 2),
            1 => (format!("{good}tab:\n\tx: 1\n"), lines + 2),
            2 => (format!("{good}---\nx: 1\n"), lines + 1),
            _ => (format!("{good}x: 1: 2\n"), lines + 1),
        };
        let [base, other] = ["x: 1\n", "x: 2\n"].map(str::as_bytes);
        let error = YamlMerge::new(Some(base), bad.as_bytes(), other).expect_err(&bad);
        assert!(error.to_string().contains(&format!("line {line} ")), "{error}, not line {line}:\n{bad}");
        refused += 1;
    }
    println!("{refused} refused");
}

fn random_of(case: u64) -> Random {
    random(7, case)
}

/// Bytes of any kind, cut and doubled texts, deep and large ones: an answer in good time, never a panic.
#[test]
fn junk_does_no_harm() {
    let (seed, cases) = cases();
    let (mut read, mut refused) = (0, 0);
    for case in 0..cases {
        let mut random = random(seed ^ 0xf00d, case);
        let text = Writer::write(&mut random, &map(&mut random_of(case), 3, 2), true);
        let mut junk = text.clone().into_bytes();
        for _ in 0..1 + random.below(6) {
            let at = random.below(junk.len());
            match random.below(4) {
                0 => junk.truncate(at),
                1 => junk.insert(at, random.pick(b"\t\n\r:-#&*!|>{}[],'\"% \x00\xff?")),
                2 => drop(junk.splice(at..at, junk.clone())),
                _ if at < junk.len() => drop(junk.remove(at)),
                _ => {}
            }
        }
        for (base, mine, theirs) in [
            (text.as_bytes(), &junk[..], text.as_bytes()),
            (b"a: 1\n", &junk, text.as_bytes()),
            (&junk, text.as_bytes(), b"a: 1\n"),
            (text.as_bytes(), text.as_bytes(), &junk),
        ] {
            match YamlMerge::new(Some(base), mine, theirs) {
                Ok(merge) => {
                    let taken = vec![KeyChoice::Theirs; merge.conflicts.len()];
                    assert!(merge.result(&taken).is_ok());
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!("{read} merged, {refused} refused");
    assert!(read > 0 && refused > 0);
    let flat = |value: usize| (0..20_000).map(|n| format!("key{n}: {value}\n")).collect::<String>();
    let start = std::time::Instant::now();
    let merge = YamlMerge::new(Some(flat(1).as_bytes()), b"key7: 3\nown: 1\n", flat(2).as_bytes()).unwrap();
    assert_eq!(merge.conflicts.len(), 20_000);
    println!("20,000 conflicts in {:?}", start.elapsed());
    assert!(start.elapsed().as_secs() < 60);
    let large = "key: value # and a comment\n".repeat(400_000);
    let deep = ["[".repeat(100_000), "- ".repeat(100_000), "a: {".repeat(50_000)];
    let nested: String = (0..2_000).map(|n| format!("{}k:\n", " ".repeat(n))).collect();
    for bad in deep.iter().chain([&large, &nested]) {
        let start = std::time::Instant::now();
        assert!(YamlMerge::new(None, bad.as_bytes(), b"a: 1\n").is_err());
        assert!(start.elapsed().as_secs() < 5, "{} bytes take too long", bad.len());
    }
}

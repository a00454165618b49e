use super::*;

fn merge(base: &str, mine: &str, theirs: &str) -> YamlMerge {
    YamlMerge::new(Some(base.as_bytes()), mine.as_bytes(), theirs.as_bytes()).unwrap()
}

fn merged(base: &str, mine: &str, theirs: &str) -> String {
    String::from_utf8(merge(base, mine, theirs).result(&[]).unwrap()).unwrap()
}

fn all(merge: &YamlMerge, choice: KeyChoice) -> String {
    String::from_utf8(merge.result(&vec![choice; merge.conflicts.len()]).unwrap()).unwrap()
}

fn problem(base: &str, mine: &str, theirs: &str) -> YamlError {
    YamlMerge::new(Some(base.as_bytes()), mine.as_bytes(), theirs.as_bytes()).unwrap_err()
}

const BASE: &str = "\
# About this file.
version: 1

# The index.
index:
  # Where the pages are.
  paths:
    - \"a/\"
  size: 200  # small
  gone: x

log: info
";

#[test]
fn nothing_differs_by_key() {
    let mine = BASE.replace("\"a/\"", "a/ # quoted no more").replace("# The index.\n", "");
    let m = merge(BASE, &mine, BASE);
    assert_eq!((m.changes.len(), m.conflicts.len()), (0, 0));
    assert_eq!(merged(BASE, &mine, &BASE.replace("# About", "# Other words about")), mine);
}

#[test]
fn one_side_is_taken_in_place_and_comments_stay() {
    let mine = "\
# About this file.
version:   1 # mine

# My own words.
index:
    # Where the pages are.
    paths: [b/, 'c/']
    size: 200  # small
    gone: x
    own: {a: 1}   # keep
log: 'info'";
    let theirs = BASE.replace("size: 200  # small", "size: 300  # larger").replace(
        "\nlog",
        "  # What is new.\n  #   - much\n  news:\n    deep:\n      - name: x\n        text: |\n          one\n\n          two\n\nend: 1\nlog",
    );
    let expected = mine.replace("size: 200  # small", "size: 300  # larger").replace(
        "log:",
        "\nend: 1\nlog:",
    ).replace(
        "    own:",
        "    # What is new.\n    #   - much\n    news:\n        deep:\n            - name: x\n              text: |\n                one\n\n                two\n    own:",
    );
    let m = merge(BASE, mine, &theirs);
    assert_eq!(m.changes, ["/index/size", "/index/news", "/end"]);
    assert_eq!(String::from_utf8(m.result(&[]).unwrap()).unwrap(), expected);
}

#[test]
fn both_changed_and_dropped_are_asked_with_three_texts() {
    let mine = BASE.replace("info", "debug").replace("a/", "mine/");
    let theirs = BASE.replace("info", "warn").replace("  gone: x\n", "");
    let m = merge(BASE, &mine, &theirs);
    assert!(m.changes.is_empty());
    let pointers: Vec<&str> = m.conflicts.iter().map(|c| c.pointer.as_str()).collect();
    assert_eq!(pointers, ["/index/gone", "/log"]);
    let log = &m.conflicts[1];
    assert_eq!((&*log.base, &*log.mine, &*log.theirs), ("log: info\n", "log: debug\n", "log: warn\n"));
    assert_eq!(all(&m, KeyChoice::Mine), mine);
    assert_eq!(all(&m, KeyChoice::Theirs), mine.replace("debug", "warn").replace("  gone: x\n", ""));
    let one = m.result(&[KeyChoice::Mine, KeyChoice::Theirs]).unwrap();
    assert_eq!(one, mine.replace("debug", "warn").as_bytes());
}

#[test]
fn without_a_base_all_is_offered_and_nothing_taken() {
    let m = YamlMerge::new(None, b"a: 1\nown: 1\n", b"a: 2\n# said\nnew: 1\n").unwrap();
    assert_eq!(m.conflicts.len(), 2);
    assert_eq!(m.result(&[]).unwrap(), b"a: 1\nown: 1\n");
    assert_eq!(all(&m, KeyChoice::Theirs), "a: 2\n# said\nnew: 1\nown: 1\n");
}

#[test]
fn a_comment_of_the_users_in_a_value_that_changes_moves_above_its_key() {
    let (base, theirs) = ("a:\n  l:\n    - x # one\n  z: 1\n", "a:\n  l: [y]\n  z: 1\n");
    let mine = "a:\n  l:\n    # why\n    - x # one\n  z: 1\n";
    assert_eq!(merged(base, mine, theirs), "a:\n  # why\n  l: [y]\n  z: 1\n");
    assert_eq!(merged("s: 1 # so\n", "s: 1 # mine\n", "s: 2 # so now\n"), "s: 2 # mine\n");
    assert_eq!(merged("s: 1 # so\n", "s: 1 # so\n", "s: 2 # so now\n"), "s: 2 # so now\n");
}

#[test]
fn line_ends_a_mark_and_a_missing_last_newline_stay() {
    let mine = "\u{feff}a: 1\r\nb:\r\n  - x\r\nz: 1";
    let theirs = "a: 2\nb:\n- y\n- z\nz: 1\nend:\n  deep: 1\n";
    assert_eq!(
        merged("a: 1\nb: [x]\nz: 1\n", mine, theirs),
        "\u{feff}a: 2\r\nb:\r\n- y\r\n- z\r\nz: 1\r\nend:\r\n  deep: 1"
    );
}

#[test]
fn braces_are_merged_in_braces() {
    let (base, mine) = ("a: {x: 1, y: 2, z: 3} # c\n", "a: { x: 1,  y: 5, z: 3, o: 1 } # c\n");
    let theirs = "a:\n  n: [1, 'a']\n  x: 2\n  y: 2\n  m:\n    q: |\n      t\n  z: 3\n";
    assert_eq!(merged(base, mine, theirs), "a: { n: [1, 'a'], x: 2,  y: 5, m: {q: \"t\\n\"}, z: 3, o: 1 } # c\n");
    let m = merge(base, base, "a: {y: 2}\n");
    assert_eq!(all(&m, KeyChoice::Theirs), "a: {y: 2} # c\n");
    assert_eq!(all(&merge("{a: 1}", "{a: 1}", "{a: 1, b: 2}"), KeyChoice::Mine), "{a: 1, b: 2}");
}

#[test]
fn a_map_that_could_become_empty_is_asked_about_as_a_whole() {
    let m = merge("a:\n  x: 1\nb: 1\n", "a:\n  x: 1\nb: 1\n", "a: {}\nb: 1\n");
    assert_eq!(m.conflicts[0].pointer, "/a");
    assert_eq!(all(&m, KeyChoice::Theirs), "a: {}\nb: 1\n");
    assert_eq!(merged("a: {}\n", "a: {}  # all\n", "a:\n  x: 1\n"), "# all\na:\n  x: 1\n");
}

#[test]
fn anchors_stay_where_nothing_changes_and_are_refused_where_it_does() {
    let base = "d: &d\n  x: 1\ne: *d\nf:\n  <<: *d\n  g: 1\nz: 1\n";
    assert_eq!(merged(base, base, &base.replace("z: 1", "z: 2")), base.replace("z: 1", "z: 2"));
    let tied = |theirs: &str| problem(base, base, theirs).to_string();
    let words = |line: usize| {
        format!(
            "your config file can't be merged key by key: line {line} has an anchor, an alias or a merge key where something changes"
        )
    };
    assert_eq!(tied("d:\n  x: 2\ne:\n  x: 1\nf: {<<: {x: 1}, g: 1}\nz: 1\n"), words(1));
    assert_eq!(tied(&base.replace("g: 1", "g: 2")), words(5));
    assert_eq!(tied(&base.replace("e: *d", "e: 1")), words(3));
    assert_eq!(problem("z: 1\n", "z: 1\n", "z: 1\nq: &q 1\n").side, Side::Theirs);
}

#[test]
fn what_cannot_be_merged_is_named_with_its_line() {
    let said = |mine: &str| problem("a: 1\n", mine, "a: 2\n").problem;
    assert_eq!(said("a: 1\nb:\n  c: 1\n  'c': 2\n"), Problem::Twice { line: 4, key: "c".into() });
    assert_eq!(said("a: 1\nb:\n\tc: 1\n"), Problem::Tab { line: 3 });
    assert_eq!(said("a:\n  - 1\n\t# tab\n"), Problem::Tab { line: 3 });
    assert_eq!(said("a: 1\n---\na: 2\n"), Problem::Documents { line: 2 });
    assert!(matches!(said("b: 1\na: b: c\n"), Problem::Syntax { line: 2, .. }));
    assert_eq!(said("a: 1\n[x]: 1\n"), Problem::Key { line: 2 });
    assert_eq!(said("a: 1\rb: 1\n"), Problem::Break { line: 1 });
    assert_eq!(said("? a\n: 1\n"), Problem::Odd { line: 1 });
    assert_eq!(said(&"a: 1 # long\n".repeat(60_000)), Problem::Large);
    assert!(matches!(said(&format!("a: {}\n", "[".repeat(5_000))), Problem::Syntax { .. }));
    assert!(matches!(said("a: *nobody\n"), Problem::Syntax { line: 1, .. }));
    assert!(matches!(said("a: &a [*a]\n"), Problem::Syntax { line: 1, .. }));
    assert!(check(b"a: |\n  \tt\nb: 'x\n\ty'\n").is_ok());
}

#[test]
fn values_are_compared_as_all_readers_see_them() {
    let m =
        merge("a: 1.50\nb: \"x\"\nc: ~\nd: yes\n", "a: 1.5\nb: x\nc:\nd: yes\n", "a: 1.5\nb: 'x'\nc: null\nd: 'yes'\n");
    assert_eq!(m.changes, ["/d"]);
}

#[test]
fn exponential_aliases_cost_nothing() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for n in 1..60 {
        text += &format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1);
    }
    assert_eq!(merged(&text, &text, &(text.clone() + "z: 1\n")), text.clone() + "z: 1\n");
}

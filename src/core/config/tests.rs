use super::*;
use proptest::prelude::*;

fn merge(base: &str, mine: &str, theirs: &str) -> ConfigMerge {
    ConfigMerge::new(Some(base.as_bytes()), mine.as_bytes(), theirs.as_bytes()).unwrap()
}

fn merged(base: &str, mine: &str, theirs: &str) -> String {
    String::from_utf8(merge(base, mine, theirs).result(&[])).unwrap()
}

#[test]
fn keys_are_added_changed_and_removed_in_place() {
    let base = "{\n  \"a\": 1,\n  \"gone\": true,\n  \"z\": 9\n}\n";
    let mine = "{\n\t\"a\" : 1,\n\n\t\"own\": [1,2],\n\t\"gone\": true,\n\t\"z\": 10\n}\n";
    let theirs = "{\n  \"a\": 2,\n  \"new\": {\n    \"x\": [\"p\", \"q\"]\n  },\n  \"z\": 9,\n  \"end\": null\n}";
    let expected = "{\n\t\"a\" : 2,\n\t\"new\" : {\n\t\t\"x\" : [\"p\", \"q\"]\n\t},\n\n\t\"own\": [1,2],\n\t\"z\": 10,\n\t\"end\" : null\n}\n";
    assert_eq!(merged(base, mine, theirs), expected);
}

#[test]
fn nested_objects_are_merged_and_arrays_are_values() {
    let base = r#"{"mcp": {"groups": ["rag"], "port": 1}}"#;
    let mine = "{\n    \"mcp\": {\n        \"groups\": [\"rag\"],\n        \"port\": 2\n    }\n}\n";
    let theirs = r#"{"mcp": {"groups": ["rag", "browser"], "port": 1, "more": {"deep": {}}}}"#;
    let expected = "{\n    \"mcp\": {\n        \"groups\": [\n            \"rag\",\n            \"browser\"\n        ],\n        \
                    \"port\": 2,\n        \"more\": {\n            \"deep\": {}\n        }\n    }\n}\n";
    assert_eq!(merged(base, mine, theirs), expected);
}

#[test]
fn line_ends_and_a_missing_last_newline_stay() {
    let out = merged("{}", "{\r\n  \"a\": 1\r\n}", "{\n \"b\": {\n  \"c\": 1\n }\n}\n");
    assert_eq!(out, "{\r\n  \"b\": {\r\n    \"c\": 1\r\n  },\r\n  \"a\": 1\r\n}");
}

#[test]
fn one_line_stays_one_line() {
    assert_eq!(merged(r#"{"a":1}"#, r#"{"a":1}"#, "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}"), r#"{"a":1,"b":[2]}"#);
    assert_eq!(merged(r#"{"a":1,"b":2}"#, r#"{ "a": 1, "b": 2 }"#, r#"{"b":2}"#), r#"{ "b": 2 }"#);
    assert_eq!(merged(r#"{"b":2}"#, r#"{ "b": 2 }"#, r#"{"a":1,"b":2}"#), r#"{ "a": 1, "b": 2 }"#);
    assert_eq!(merged(r#"{"a":1}"#, "{\n  \"a\": 1\n}\n", "{}"), "{}\n");
    assert_eq!(merged("{}", "{}\n", "{\n   \"a\": 1\n}\n"), "{\n   \"a\": 1\n}\n");
}

#[test]
fn both_changed_is_a_conflict_with_a_pointer() {
    let m = merge(
        r#"{"a": {"x/y": 1, "m~n": 1, "d": 1}, "t": 1}"#,
        r#"{"a": {"x/y": 2, "m~n": 1}, "t": 2}"#,
        r#"{"a": {"x/y": 3, "m~n": 4, "d": 5}}"#,
    );
    let pointers: Vec<&str> = m.conflicts.iter().map(|c| c.pointer.as_str()).collect();
    assert_eq!(pointers, ["/a/x~1y", "/a/d", "/t"]);
    assert_eq!((&m.conflicts[1].mine, &m.conflicts[1].theirs), (&None, &Some(5.into())));
    assert_eq!(m.result(&[]), br#"{"a": {"x/y": 2, "m~n": 4}, "t": 2}"#);
    let all = [KeyChoice::Theirs; 3];
    assert_eq!(m.result(&all), br#"{"a": {"x/y": 3, "m~n": 4, "d": 5}}"#);
    assert_eq!(m.result(&[KeyChoice::Mine, KeyChoice::Theirs]), br#"{"a": {"x/y": 2, "m~n": 4, "d": 5}, "t": 2}"#);
}

#[test]
fn without_a_base_only_additions_are_certain() {
    let m = ConfigMerge::new(None, br#"{"a": 1, "own": 1}"#, br#"{"a": 2, "new": 1}"#).unwrap();
    assert_eq!(m.conflicts.len(), 1);
    assert_eq!(m.result(&[]), br#"{"a": 1, "new": 1, "own": 1}"#, "behind what both have");
}

#[test]
fn strings_are_compared_by_what_they_say_and_big_numbers_by_how_they_are_written() {
    assert_eq!(merged(r#"{"a":"A"}"#, r#"{"a":"\u0041"}"#, r#"{"a":"B"}"#), r#"{"a":"B"}"#);
    let (old, new) = (r#"{"n": 12345678901234567890123}"#, r#"{"n": 12345678901234567890124}"#);
    assert_eq!(merged(old, old, new), new);
}

#[test]
fn what_is_not_json_is_named() {
    let error = |base: &[u8], mine: &[u8], theirs: &[u8]| ConfigMerge::new(Some(base), mine, theirs).unwrap_err();
    assert_eq!(error(b"{", b"{}", b"{}").side, Side::Base);
    assert_eq!(error(b"{}", b"{'a': 1}", b"{}").side, Side::Mine);
    assert_eq!(error(b"{}", b"{}", b"\xff").side, Side::Theirs);
    let twice = error(b"{}", br#"{"a": 1, "\u0061": 2}"#, b"{}");
    assert_eq!(twice.to_string(), "your config file can't be merged key by key: the key \"a\" stands in it twice");
}

/// Random JSON values with few keys, so that sides meet.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0i64..4).prop_map(Value::from),
        "[a\"\\\\\u{e9}\n]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let key = prop_oneof![Just("a"), Just("b"), Just("c/d"), Just(""), Just("\u{e9}\"")].prop_map(str::to_owned);
        prop_oneof![
            3 => prop::collection::vec((key, inner.clone()), 0..5).prop_map(|m| Value::Object(m.into_iter().collect())),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}

/// A value as a person might have written it: pretty with some indentation, compact, CRLF, odd spaces.
fn written() -> impl Strategy<Value = String> {
    (value(), 0usize..6).prop_map(|(value, style)| {
        let pretty = |unit: &[u8]| {
            let mut out = Vec::new();
            let format = serde_json::ser::PrettyFormatter::with_indent(unit);
            serde::Serialize::serialize(&value, &mut serde_json::Serializer::with_formatter(&mut out, format)).unwrap();
            String::from_utf8(out).unwrap()
        };
        match style {
            0 => value.to_string(),
            1 => pretty(b"  ") + "\n",
            2 => pretty(b"\t"),
            3 => pretty(b"    ").replace('\n', "\r\n") + "\r\n",
            4 => format!(" \n{}  \n\n", pretty(b"").replace(",\n", " ,\n\n  ")),
            _ => pretty(b" ").replace('\n', ""),
        }
    })
}

/// Every member of an object of mine with its lead, by pointer.
fn members(doc: &Doc, node: &Node, at: &str, out: &mut Vec<(String, Value, String, String)>) {
    for member in node.members() {
        let at = below(at, &member.key);
        let own = doc.text[member.written.start..member.value.span.end].to_owned();
        out.push((at.clone(), doc.value(&member.value), doc.text[member.lead.clone()].to_owned(), own));
        members(doc, &member.value, &at, out);
    }
}

fn parsed(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap()
}

proptest! {
    #[test]
    fn an_untouched_mine_becomes_theirs(base in written(), theirs in written()) {
        let m = merge(&base, &base, &theirs);
        prop_assert!(m.conflicts.is_empty());
        prop_assert_eq!(parsed(&m.result(&[])), parsed(theirs.as_bytes()));
    }

    #[test]
    fn an_untouched_source_leaves_every_byte(base in written(), mine in written()) {
        let m = merge(&base, &mine, &base);
        prop_assert!(m.conflicts.is_empty());
        prop_assert_eq!(m.result(&[]), mine.as_bytes());
    }

    #[test]
    fn results_parse_and_untouched_members_stay_byte_identical(
        base in prop::option::of(written()), mine in written(), theirs in written(), picks in prop::collection::vec(any::<bool>(), 0..8)
    ) {
        let m = ConfigMerge::new(base.as_ref().map(String::as_bytes), mine.as_bytes(), theirs.as_bytes()).unwrap();
        let choices: Vec<KeyChoice> =
            picks.iter().map(|p| if *p { KeyChoice::Theirs } else { KeyChoice::Mine }).collect();
        let result = m.result(&choices);
        let after = Doc::parse(&result).unwrap();
        let (mut old, mut new) = (Vec::new(), Vec::new());
        members(&m.mine, &m.mine.root, "", &mut old);
        members(&after, &after.root, "", &mut new);
        for (at, value, lead, own) in old {
            let Some((_, now, now_lead, now_own)) = new.iter().find(|n| n.0 == at) else { continue };
            if *now == value {
                prop_assert_eq!(now_own, &own, "{}", at);
                if lead.contains('\n') {
                    prop_assert_eq!(now_lead, &lead, "{}", at);
                }
            }
        }
    }

    #[test]
    fn all_theirs_gives_their_value_at_every_conflict(base in written(), mine in written(), theirs in written()) {
        let m = merge(&base, &mine, &theirs);
        let all = vec![KeyChoice::Theirs; m.conflicts.len()];
        let (kept, taken) = (parsed(&m.result(&[])), parsed(&m.result(&all)));
        for conflict in &m.conflicts {
            prop_assert_eq!(kept.pointer(&conflict.pointer), conflict.mine.as_ref());
            prop_assert_eq!(taken.pointer(&conflict.pointer), conflict.theirs.as_ref());
        }
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "[{}\\[\\]\",:\\\\ 0-9eu.+\\-\\ntrue]{0,30}") {
        for junk in [&bytes[..], text.as_bytes()] {
            let sides = [(junk, &b"{}"[..], &b"{}"[..]), (b"{}", junk, b"{}"), (b"{}", b"{}", junk), (junk, junk, b"{\"a\":1}")];
            for (base, mine, theirs) in sides {
                if let Ok(m) = ConfigMerge::new(Some(base), mine, theirs) {
                    prop_assert!(serde_json::from_slice::<Value>(&m.result(&[])).is_ok());
                }
            }
        }
    }
}

use crate::core::editor_entry::jsonc::Problem;
use crate::core::editor_entry::take_back::Left;
use serde_json::{Map, Value, json};

use super::*;
use crate::core::layout::editors_and_rules::RenamedTool;
use crate::core::references::Moves;

fn tool(from: &str, to: &str, equal: bool) -> RenamedTool {
    RenamedTool { from: from.into(), to: to.into(), arguments: None, first: None, equal }
}

fn starts() -> Starts {
    let texts = |all: &[&str]| all.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    Starts {
        project: Some("/home/me/p".into()),
        placeholders: texts(&["${workspaceFolder}"]),
        folders: texts(&[".old-os", ".new-os"]),
        modules: texts(&["old_server", "old_server.rag", "new_server"]),
        next: texts(&["new_server"]),
        scripts: texts(&["run_it.py"]),
        approvals: texts(&["autoApprove", "alwaysAllow"]),
        moves: Moves {
            folders: [(".old-os".to_owned(), ".new-os".to_owned())].into(),
            tools: vec![
                tool("old_search", "new_search", true),
                tool("find", "new_search", true),
                tool("phase", "new_flow", false),
            ],
            ..Moves::default()
        },
    }
}

fn places() -> Vec<Vec<String>> {
    [&["mcpServers"][..], &["mcp", "servers"]].iter().map(|p| p.iter().map(|k| (*k).to_owned()).collect()).collect()
}

fn looked(text: &str) -> Looked {
    look(text.as_bytes(), &places(), &starts()).unwrap()
}

fn after(text: &str) -> String {
    String::from_utf8(looked(text).bytes).unwrap()
}

/// An entry with these words as command and arguments, and this environment.
fn entry(words: &[&str], env: &str) -> String {
    let args: Vec<String> = words[1..].iter().map(|w| format!("\"{w}\"")).collect();
    format!(
        r#"{{"mcpServers": {{"x": {{"command": "{}", "args": [{}], "env": {{{env}}}}}}}}}"#,
        words[0],
        args.join(", ")
    )
}

#[test]
fn an_entry_is_known_by_program_module_and_folder() {
    for program in [
        "${workspaceFolder}/.old-os/venv/bin/python",
        ".old-os/venv/bin/python3",
        "./.old-os/venv/bin/python",
        "././.old-os/venv/bin/python3.12",
        "/home/me/p/.old-os/venv/bin/python",
    ] {
        let text = entry(&[program, "-u", "-m", "old_server", "--x"], "");
        let wanted = text.replace(".old-os", ".new-os").replace("old_server", "new_server");
        assert_eq!(after(&text), wanted, "{program}");
        let text = entry(&[program, "-m", "old_server.rag"], "");
        assert_eq!(after(&text), entry(&[&program.replace(".old-os", ".new-os"), "-m", "new_server"], ""));
    }
    let by_code = entry(&["python3", "-m", "old_server"], r#""PYTHONPATH": "/x:${workspaceFolder}/.old-os""#);
    assert_eq!(after(&by_code), by_code.replace(".old-os", ".new-os").replace("old_server", "new_server"));
    let by_uv = entry(&["uv", "run", "--python", ".new-os/venv/bin/python", "-m", "old_server"], "");
    assert_eq!(after(&by_uv), by_uv.replace("old_server", "new_server"));
    let by_cwd = r#"{"mcp": {"servers": {"y": {"cwd": ".old-os", "command": "venv/bin/python", "args": ["-m", "old_server"]}}}}"#;
    assert_eq!(after(by_cwd), by_cwd.replace(".old-os", ".new-os").replace("old_server", "new_server"));
}

#[test]
fn what_starts_something_else_is_left_alone() {
    for words in [
        &["/home/me/other/.old-os/venv/bin/python", "-m", "old_server"][..],
        &["/.old-os/venv/bin/python", "-m", "old_server"],
        &["../.old-os/venv/bin/python", "-m", "old_server"],
        &["sub/.old-os/venv/bin/python", "-m", "old_server"],
        &["${workspaceFolder}/sub/.old-os/venv/bin/python", "-m", "old_server"],
        &["${workspaceFolder}x/.old-os/venv/bin/python", "-m", "old_server"],
        &["~/.old-os/venv/bin/python", "-m", "old_server"],
        &[".old-os/venv/bin/python", "-m", "http.server"],
        &[".old-os/venv/bin/python", "old_server"],
        &[".old-os2/venv/bin/python", "-m", "old_server"],
        &["python", "-m", "old_server"],
        &[".new-os/venv/bin/python", "-m", "new_server"],
    ] {
        let text = entry(words, r#""PYTHONPATH": "lib""#);
        assert_eq!(looked(&text), Looked { bytes: text.clone().into(), ..Looked::default() }, "{words:?}");
    }
    let url = r#"{"mcpServers": {"praxis": {"url": "http://127.0.0.1:4242/mcp"}, "n": null, "old-os": []}}"#;
    assert!(looked(url).edits.is_empty());
    for none in ["{}", "[]", "3", r#"{"mcpServers": 3}"#, r#"{"mcpServers": null}"#, "null"] {
        assert_eq!(after(none), none);
    }
}

#[test]
fn values_are_changed_where_they_name_this_project() {
    let env = r#""A": "/x/.old-os:.old-os", "B": "${workspaceFolder}/.old-os:/home/me/p/.old-os/x", "C": "--at=.old-os", "D": "old_server", "E": "${env:HOME}/.old-os", "F": ".old-os\u002fa\"b""#;
    let text = entry(&[".old-os/venv/bin/python", "-m", "old_server", "--flag=.old-os/x"], env);
    let wanted = r#""A": "/x/.old-os:.new-os", "B": "${workspaceFolder}/.new-os:/home/me/p/.new-os/x", "C": "--at=.new-os", "D": "old_server", "E": "${env:HOME}/.old-os", "F": ".new-os/a\"b""#;
    assert_eq!(after(&text), entry(&[".new-os/venv/bin/python", "-m", "new_server", "--flag=.new-os/x"], wanted));
}

#[test]
fn tools_keep_their_permission_only_where_they_do_the_same() {
    let with = |list: &str| {
        let text = format!(
            r#"{{"mcpServers": {{"x": {{"command": ".new-os/venv/bin/python", "args": ["-m", "new_server"], "autoApprove": {list}}}}}}}"#
        );
        let now = after(&text);
        let start = now.find("autoApprove").unwrap() + "autoApprove\": ".len();
        now[start..now.len() - 3].to_owned()
    };
    assert_eq!(with(r#"["a", "old_search",  "phase"]"#), r#"["a", "new_search",  "phase"]"#);
    assert_eq!(with(r#"["old_search", "find", "a"]"#), r#"["new_search", "a"]"#);
    assert_eq!(with(r#"["find", "new_search"]"#), r#"["new_search"]"#);
    assert_eq!(with("[\n  \"new_search\",\n  \"find\",\n]"), "[\n  \"new_search\",\n]");
    assert_eq!(with("[\"old_search\", /* why */ \"find\", 3]"), "[\"new_search\", /* why */ \"find\", 3]");
    for same in ["[]", "[\"a\"]", "null", "\"old_search\"", "[\"phase\"]"] {
        assert_eq!(with(same), same);
    }
}

#[test]
fn what_only_a_person_can_mend_is_named() {
    let text = entry(&["python3", ".old-os/run_it.py"], "");
    let found = looked(&text);
    assert_eq!((found.bytes.as_slice(), found.by_hand[0].entry.as_str()), (text.as_bytes(), "x"));
    assert!(found.by_hand[0].why.contains(".old-os/run_it.py"));
}

#[test]
fn what_can_not_be_read_is_refused() {
    let refused = |text: &str| look(text.as_bytes(), &places(), &starts()).unwrap_err();
    for bad in
        ["", "{", "{\n\n'a': 1}", "{\"a\" 1}", "{} x", "[1,,2]", "/* ", "{\"a\": tru}", "\"\\", "\"a", "[01]", "{,}"]
    {
        assert!(matches!(refused(bad), Problem::Syntax(_)), "{bad}");
    }
    assert_eq!(refused("{\n\n'a': 1}"), Problem::Syntax(3));
    assert!(matches!(refused(&"[".repeat(100_000)), Problem::Syntax(_)));
    assert_eq!(look(b"\"\xff\"", &places(), &starts()).unwrap_err(), Problem::NotText);
    let twice = r#"{"mcpServers": {}, "mcpServers": {}}"#;
    assert_eq!(refused(twice), Problem::Twice("mcpServers".into()));
    let twice = entry(&[".old-os/venv/bin/python", "-m", "old_server"], "").replace("\"env\"", "\"args\"");
    assert_eq!(refused(&twice), Problem::Twice("args".into()));
}

/// Numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }

    fn space(&mut self, end: &str) -> String {
        let comment = format!("// .old-os, {{\" old_server{end}");
        let parts = ["", "", " ", "\t", end, &format!("{end}    "), "/* \"a\": [ */", &comment, " /**/ "];
        (0..=self.roll(3)).map(|_| self.one(&parts)).collect()
    }

    fn words(&mut self) -> Value {
        json!(self.one(&[
            "",
            "größe 日本",
            "a\"b\\c",
            ".old-os",
            "// no comment",
            "/* nor this */",
            "x,}",
            "old_server"
        ]))
    }

    fn any(&mut self, depth: usize) -> Value {
        match self.roll(if depth > 2 { 4 } else { 6 }) {
            0 => json!(self.roll(1000)),
            1 => json!(self.one(&["-0.5", "1e3"]).parse::<f64>().unwrap()),
            2 => json!(self.one(&[&true, &false])),
            3 => self.words(),
            4 => (0..self.roll(4)).map(|_| self.any(depth + 1)).collect(),
            _ => (0..self.roll(4)).map(|n| (format!("k{n}.old-os"), self.any(depth + 1))).collect(),
        }
    }

    /// An entry of ours, and what it should be.
    fn ours(&mut self) -> (Value, Value) {
        let front = self.one(&["", "./", "${workspaceFolder}/", "/home/me/p/"]);
        let (folder, module) =
            (self.one(&[".old-os", ".new-os"]), self.one(&["old_server", "old_server.rag", "new_server"]));
        let mut old = vec![
            ("command", json!(format!("{front}{folder}/venv/bin/python"))),
            ("args", json!(["-u", "-m", module, "--log", format!("--x={folder}/y"), 7, "old_search"])),
        ];
        let mut new = vec![
            ("command", json!(format!("{front}.new-os/venv/bin/python"))),
            ("args", json!(["-u", "-m", "new_server", "--log", "--x=.new-os/y", 7, "old_search"])),
        ];
        if self.roll(3) > 0 {
            let env =
                |folder: &str| json!({"P": format!("{front}{folder}"), "Q": "a/.old-os", "R": 3, "S": "old_server"});
            old.push(("env", env(folder)));
            new.push(("env", env(".new-os")));
        }
        if self.roll(3) > 0 {
            old.push(("autoApprove", json!(["a", "old_search", "b"])));
            new.push(("autoApprove", json!(["a", "new_search", "b"])));
        }
        let more = self.any(1);
        old.push(("disabled", more.clone()));
        new.push(("disabled", more));
        for _ in 0..self.roll(4) {
            let to = self.roll(old.len());
            old.swap(0, to);
            new.swap(0, to);
        }
        let object =
            |all: Vec<(&str, Value)>| all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>().into();
        (object(old), object(new))
    }

    /// Written by a careless hand.
    fn write(&mut self, value: &Value, end: &str) -> String {
        let (open, close, items): (_, _, Vec<String>) = match value {
            Value::Array(all) => ('[', ']', all.iter().map(|v| self.write(v, end)).collect()),
            Value::Object(all) => {
                let one = |(key, value): (&String, &Value)| {
                    let (a, b) = (self.space(end), self.space(end));
                    format!("{}{a}:{b}{}", json!(key), self.write(value, end))
                };
                ('{', '}', all.iter().map(one).collect())
            }
            Value::String(text) if self.roll(6) == 0 => {
                // Each letter by its number.
                let units: String = text.encode_utf16().map(|u| format!("\\u{u:04x}")).collect();
                return format!("\"{units}\"");
            }
            other => return other.to_string(),
        };
        let mut out = String::from(open);
        for (n, item) in items.iter().enumerate() {
            out += &format!("{}{item}{}", self.space(end), self.space(end));
            if n + 1 < items.len() || self.roll(3) == 0 {
                out.push(',');
            }
        }
        out + &self.space(end) + &close.to_string()
    }
}

/// What another parser reads: comments and commas that JSON has not are taken out letter by letter first.
fn read(bytes: &[u8]) -> Value {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let chars: Vec<char> = text.trim_start_matches('\u{feff}').chars().collect();
    let (mut out, mut at) = (String::new(), 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('"', _) => {
                let start = at;
                at += 1;
                while chars[at] != '"' {
                    at += if chars[at] == '\\' { 2 } else { 1 };
                }
                at += 1;
                out.extend(&chars[start..at]);
            }
            ('/', Some('/')) => at += chars[at..].iter().position(|c| *c == '\n').unwrap_or(chars.len() - at),
            ('/', Some('*')) => {
                at += 2;
                while (chars[at], chars[at + 1]) != ('*', '/') {
                    at += 1;
                }
                at += 2;
            }
            (c, _) => {
                if matches!(c, ']' | '}') && out.trim_end().ends_with(',') {
                    out.truncate(out.trim_end().len() - 1);
                }
                out.push(c);
                at += 1;
            }
        }
    }
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}"))
}

fn saved(edits: &[Edit]) -> Saved {
    let edits = edits.iter().map(|e| (e.pointer.clone(), (e.old.clone(), e.new.clone()))).collect();
    Saved { before: "0".repeat(64), after: "0".repeat(64), edits }
}

#[test]
fn only_the_values_that_change_are_written_and_they_come_back() {
    let (mut changed, mut values) = (0, 0);
    for case in 1..=2_000_u64 {
        let mut dice = Dice(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let end = dice.one(&["\n", "\r\n"]);
        let (mut old, mut new) = (Map::new(), Map::new());
        for n in 0..dice.roll(4) {
            let (a, b) = match dice.roll(2) {
                0 => dice.ours(),
                _ => {
                    let other = dice.any(1);
                    (other.clone(), other)
                }
            };
            old.insert(format!("s{n}/~.old-os"), a);
            new.insert(format!("s{n}/~.old-os"), b);
        }
        let more = dice.any(0);
        let (old, new) = (json!({"a": more, "mcpServers": old}), json!({"a": more, "mcpServers": new}));
        let mark = dice.one(&["", "", "\u{feff}"]);
        let text = format!("{mark}{}{}{}", dice.space(end), dice.write(&old, end), dice.space(end));
        let found = looked(&text);
        assert_eq!(read(text.as_bytes()), old, "case {case}");
        assert_eq!(read(&found.bytes), new, "case {case}: {text}");
        // What is between the edits is the same, byte for byte.
        let now = String::from_utf8(found.bytes.clone()).unwrap();
        let (mut was_at, mut now_at) = (0, 0);
        for edit in &found.edits {
            let same = &text[was_at..edit.at.start];
            assert!(now[now_at..].starts_with(same) && text[edit.at.clone()] == edit.old, "case {case}");
            now_at += same.len();
            assert!(now[now_at..].starts_with(&edit.new), "case {case}");
            (was_at, now_at) = (edit.at.end, now_at + edit.new.len());
            values += 1;
        }
        assert_eq!(text[was_at..], now[now_at..], "case {case}");
        assert_eq!(looked(&now).edits, [], "case {case}: once is enough");
        changed += usize::from(!found.edits.is_empty());
        let saved = saved(&found.edits);
        assert!(saved.is_sound() || found.edits.is_empty());
        assert_eq!(take_back(now.as_bytes(), &saved).unwrap(), (text.clone().into_bytes(), vec![]), "case {case}");
        assert_eq!(take_back(text.as_bytes(), &saved).unwrap(), (text.clone().into_bytes(), vec![]), "twice is once");
        // What somebody wrote around them since stays.
        let grown = |text: &str| text.replacen("\"mcpServers\"", "\"new\": [\"x\"], // since\n\"mcpServers\"", 1);
        assert_eq!(take_back(grown(&now).as_bytes(), &saved).unwrap().0, grown(&text).into_bytes(), "case {case}");
    }
    println!("2000 files, {changed} changed in {values} values");
    assert!(changed > 800 && values > 2_000);
}

#[test]
fn what_somebody_changed_since_stays_and_is_named() {
    let text = entry(&[".old-os/venv/bin/python", "-m", "old_server"], r#""P": ".old-os""#);
    let found = looked(&text);
    let (now, saved) = (String::from_utf8(found.bytes.clone()).unwrap(), saved(&found.edits));
    // Another program; an argument in front.
    let edited = now.replace(".new-os/venv/bin/python", "/mine/python").replace("\"-m\"", "\"-u\", \"-m\"");
    let (back, left) = take_back(edited.as_bytes(), &saved).unwrap();
    let wanted = text.replace(".old-os/venv/bin/python", "/mine/python").replace("\"-m\"", "\"-u\", \"-m\"");
    assert_eq!(String::from_utf8(back).unwrap(), wanted);
    assert_eq!(left, [Left { pointer: "/mcpServers/x/command".into(), old: "\".old-os/venv/bin/python\"".into() }]);
    // The entry is gone, or is called something else: nothing of ours is in it.
    let (back, left) = take_back(b"{\"mcpServers\": {}}", &saved).unwrap();
    assert_eq!((back.as_slice(), left), (&b"{\"mcpServers\": {}}"[..], vec![]));
    assert!(take_back(b"{", &saved).is_err());
    let forged =
        |old: &str| Saved { edits: [("/a".to_owned(), (old.to_owned(), "1".to_owned()))].into(), ..saved.clone() };
    assert!(forged("2").is_sound());
    for bad in ["", "2,", "2 ", "\"a\": 2", "2}//"] {
        assert!(!forged(bad).is_sound(), "{bad}");
    }
}

/// Entries of ours go with their commas and lines, and nothing else does.
#[test]
fn entries_are_taken_out() {
    let ours = r#"{"command": ".old-os/venv/bin/python", "args": ["-m", "old_server"]}"#;
    let theirs = r#"{"command": "node", "args": ["x.js"]}"#;
    let out = |text: &str| {
        let (names, left) = take_out(text.as_bytes(), &places(), &starts()).unwrap();
        (names.len(), String::from_utf8(left).unwrap())
    };
    let file = |entries: &str| format!("{{\n  // mine\n  \"mcpServers\": {{\n{entries}  }}\n}}\n");
    let (a, b) = (format!("    \"a\": {ours}"), format!("    \"b\": {theirs}"));
    for (entries, count, left) in [
        (format!("{a},\n{b}\n"), 1, format!("{b}\n")),
        (format!("{b},\n{a}\n"), 1, format!("{b}\n")),
        (format!("{b}, // theirs\n{a}\n"), 1, format!("{b} // theirs\n")),
        (format!("{b},\n    // about ours\n{a},\n"), 1, format!("{b},\n    // about ours\n")),
        (format!("{a},\n    \"c\": {ours}\n"), 2, String::new()),
        (format!("{b}\n"), 0, format!("{b}\n")),
    ] {
        assert_eq!(out(&file(&entries)), (count, file(&left)), "{entries}");
    }
    let line = |entries: &str| format!("{{\"mcpServers\":{{{entries}}}}}");
    assert_eq!(out(&line(&format!("\"a\":{ours},\"b\":{theirs}"))), (1, line(&format!("\"b\":{theirs}"))));
    assert_eq!(out(&line(&format!("\"b\":{theirs},\"a\":{ours}"))), (1, line(&format!("\"b\":{theirs}"))));
    assert_eq!(out(&line(&format!("\"a\":{ours}"))), (1, line("")));
    assert!(take_out(b"{", &places(), &starts()).is_err());
}

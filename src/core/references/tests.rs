use super::*;
use crate::core::layout::editors_and_rules::RenamedTool;

fn tool(from: &str, to: &str, arguments: Option<&str>, equal: bool) -> RenamedTool {
    let (arguments, first) = (arguments.map(str::to_owned), arguments.map(|_| "query".to_owned()));
    RenamedTool { from: from.into(), to: to.into(), arguments, first, equal }
}

fn moves() -> Moves {
    let rel = |text: &str| Some(text.parse::<RelPath>().unwrap());
    Moves {
        folders: [(".old-os".to_owned(), ".new-os".to_owned())].into(),
        install: ".new-os".into(),
        pages: [
            (b"usage/a.md".to_vec(), rel("standards/usage/a.md")),
            (b"usage/gone.md".to_vec(), None),
            (b"usage/caf\xc3\xa9.md".to_vec(), rel("standards/usage/caf\u{e9}.md")),
        ]
        .into(),
        packages: [("old_server".to_owned(), "new_server".to_owned())].into(),
        imports: true,
        tools: vec![
            tool("old_search", "new_search", Some("action=\"old_search\""), true),
            tool("old_flow", "new_flow", None, true),
            tool("get_phase", "new_flow", Some("action=\"phase\""), false),
        ],
        homes: ["~", "$HOME", "${HOME}"].map(str::to_owned).into(),
    }
}

/// What a line should say; itself if nothing is wrong with it.
fn becomes(line: &str) -> String {
    let found = in_file(&"f".parse().unwrap(), line.as_bytes(), &moves(), true).unwrap();
    assert!(found.len() <= 1, "{found:?}");
    found.first().map_or_else(|| line.to_owned(), |one| one.becomes.clone().unwrap_or_else(|| "GONE".into()))
}

#[test]
fn folders_are_whole_parts_of_a_path() {
    for named in [
        ".old-os",
        ".old-os/",
        "see `.old-os/x`.",
        "./.old-os/x",
        "../../.old-os",
        "${workspaceFolder}/.old-os/venv",
        "/home/me/p/.old-os",
        "in .old-os.",
        "in .old-os, and",
        "- '.old-os/**'",
        r"exclude: '^\.md|\.old-os/(?!specs)'",
        r#""a\n.old-os/b\n""#,
        "Path(x) / \".old-os\"))",
        "**:.old-os**",
        "[x](.old-os/x.md)",
        "größe.old-os",
        "日本/.old-os/日本",
        "c:\\p\\.old-os\\x",
        "!.old-os",
        "a=.old-os:b",
    ] {
        // A letter directly in front makes another name of it.
        let wanted = if named.starts_with('g') { named.to_owned() } else { named.replace(".old-os", ".new-os") };
        assert_eq!(becomes(named), wanted, "{named}");
    }
    for other in [
        "my.old-os-tool",
        ".old-os-tool",
        "x.old-os",
        ".old-os.backup/",
        ".old-os_x",
        ".old-os2",
        "old-os",
        "..old-os",
        ".old-os.tar.gz",
        "~.old-os",
        ".old-os~",
        "~/.old-os/x",
        "`~/.old-os`",
        "\"$HOME/.old-os\"",
        "${HOME}/.old-os/x",
        ".old-os..",
        ".OLD-OS",
    ] {
        assert_eq!(becomes(other), other);
    }
    assert_eq!(becomes("/x~/.old-os/"), "/x~/.new-os/", "no home");
    assert_eq!(becomes(".old-os .old-os2 ~/.old-os .old-os"), ".new-os .old-os2 ~/.old-os .new-os");
}

#[test]
fn pages_are_named_with_the_install_in_front() {
    assert_eq!(becomes("(.old-os/usage/a.md#part)"), "(.new-os/standards/usage/a.md#part)");
    assert_eq!(becomes("see .new-os/usage/a.md."), "see .new-os/standards/usage/a.md.");
    assert_eq!(becomes(".new-os/usage/café.md"), ".new-os/standards/usage/café.md");
    assert_eq!(becomes(".new-os/usage/gone.md"), "GONE");
    assert_eq!(becomes(".old-os/usage/gone.md"), ".new-os/usage/gone.md", "where it would be, and it is named as gone");
    for other in ["usage/a.md", ".new-os/usage/a.md2", ".new-os/usage/", ".new-os/x/usage/a.md", ".new-os"] {
        assert_eq!(becomes(other), other);
    }
    let found = in_file(&"f".parse().unwrap(), b".old-os/usage/gone.md", &moves(), false).unwrap();
    let names: Vec<_> = found[0].names.iter().map(|n| (n.kind, n.name.as_str(), n.now.as_deref())).collect();
    assert_eq!(names, [("folder", ".old-os", Some(".new-os")), ("page", "usage/gone.md", None)]);
}

#[test]
fn packages_are_named_where_they_are_run_or_imported() {
    assert_eq!(becomes("python -m old_server --x"), "python -m new_server --x");
    assert_eq!(becomes(r#"["-m", "old_server"]"#), r#"["-m", "new_server"]"#);
    assert_eq!(becomes("python -m old_server.rag."), "python -m new_server.");
    assert_eq!(becomes("cp .new-os/old_server/x.py"), "cp .new-os/new_server/x.py");
    assert_eq!(becomes(".old-os/old_server"), ".new-os/new_server");
    assert_eq!(becomes("from old_server.core import x"), "from new_server.core import x");
    for other in ["old_server = 1", "x -m old_servers", "an-m old_server", "the old_server", "important old_server"] {
        assert_eq!(becomes(other), other);
    }
    let lines = |text: &str| {
        let found = in_file(&"f".parse().unwrap(), text.as_bytes(), &moves(), true).unwrap();
        found.into_iter().map(|r| r.line).collect::<Vec<_>>()
    };
    assert_eq!(lines("\"args\": [\n  \"-m\",\r\n\n  \"old_server\",\n"), [4]);
    assert_eq!(lines("args:\n- -m\n- old_server\n"), [3]);
    assert_eq!(lines("x -m\n  y old_server\n"), [] as [u64; 0]);
    let own = Moves { imports: false, ..moves() };
    assert!(in_file(&"f".parse().unwrap(), b"import old_server", &own, true).unwrap().is_empty());
}

#[test]
fn tools_are_told_from_actions_of_the_same_name() {
    assert_eq!(becomes("call old_search(\"x\")"), "call new_search(action=\"old_search\", query=\"x\")");
    assert_eq!(becomes("old_search(query=q)"), "new_search(action=\"old_search\", query=q)");
    assert_eq!(becomes("old_search()"), "new_search(action=\"old_search\")");
    assert_eq!(becomes("\"autoApprove\": [\"old_search\"]"), "\"autoApprove\": [\"new_search\"]");
    assert_eq!(becomes("mcp__srv__old_flow"), "mcp__srv__new_flow");
    for other in [
        "new_search(action=\"old_search\", query=q)",
        "{\"action\": \"old_search\"}",
        "{\\\"action\\\": \\\"old_search\\\"}",
        "action: old_search",
        "action='old_search'",
        "my_old_search",
        "old_searches",
        "x__old_flow",
    ] {
        assert_eq!(becomes(other), other);
    }
    let path = "src/x.py".parse().unwrap();
    assert!(in_file(&path, b"self.get_phase()", &moves(), false).unwrap().is_empty(), "a word of everyday");
    assert_eq!(in_file(&path, b"get_phase", &moves(), true).unwrap().len(), 1);
}

#[test]
fn files_that_are_no_text_and_texts_in_other_forms() {
    let path: RelPath = "f".parse().unwrap();
    let read = |bytes: &[u8]| in_file(&path, bytes, &moves(), false);
    assert_eq!(read(b"\0.old-os"), Err(Unread::Binary));
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", "a".repeat(64));
    assert_eq!(read(pointer.as_bytes()), Err(Unread::LfsPointer));
    let wide: Vec<u8> = "\u{feff}a\r\n.old-os\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = read(&wide).unwrap();
    assert_eq!((found[0].line, found[0].text.as_str()), (2, ".old-os"));
    let found = read(b"\xef\xbb\xbf.old-os\nb\xff.old-os/\xfe\r\n").unwrap();
    assert_eq!(found.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 2]);
    let odd = RelPath::new(b"\xff.md".to_vec()).unwrap();
    assert!(in_file(&odd, b".old-os", &moves(), false).unwrap()[0].path_base64.is_some());
    let long = format!("{} .old-os/x{}", "ä".repeat(1000), "ö".repeat(1000));
    let found = read(long.as_bytes()).unwrap();
    let (text, becomes) = (&found[0].text, found[0].becomes.as_ref().unwrap());
    assert!(text.len() < LINE + 10 && text.starts_with('…') && text.ends_with('…') && becomes.contains(".new-os/x"));
    let link = in_link(&path, b"../.old-os/standards", &moves()).unwrap();
    assert_eq!((link.line, link.becomes.as_deref()), (0, Some("../.new-os/standards")));
    assert_eq!(in_link(&path, b"../other", &moves()), None);
}

//! What is not about content: links, files against folders, odd names, what is never managed.

use std::os::unix::fs::FileTypeExt as _;

use pos_upgrade_tui::core::plan::{Kind, Plan};

use crate::matrix::seen::Effect::{Nothing, Refused, Remove};
use crate::matrix::seen::{Planned, write};
use crate::matrix::world::{World, each, file};

mod linked {
    use super::*;

    #[test]
    fn a_linked_folder_is_reported_and_skipped() {
        each(|world| {
            let before =
                [("mcp_server/a.py", "a = 1\n"), ("mcp_server/core/b.py", "b\n"), ("mcp_server/gone.py", "g\n")];
            let after = [("mcp_server/a.py", "a = 2\n"), ("mcp_server/core/b.py", "b\n"), ("mcp_server/new.py", "n\n")];
            let planned = world.release(&before).release(&after).install(0).link("mcp_server", "../mcp_server").plan();
            for name in ["mcp_server/a.py", "mcp_server/core/b.py", "mcp_server/gone.py", "mcp_server/new.py"] {
                planned.at(name).is(Kind::Linked).why(&["mcp_server is a symbolic link", "not changed"]).does(Nothing);
            }
        });
    }

    #[test]
    fn an_install_inside_its_own_source() {
        let world = World::without_baseline().release(&[("mcp_server/a.py", "1\n"), ("a.md", "1\n")]);
        let world = world.release(&[("mcp_server/a.py", "2\n"), ("a.md", "2\n")]).install(0);
        // The folder beside the install is the source's own, at its newest commit.
        let beside = world.folder().parent().unwrap().join("mcp_server");
        std::fs::create_dir(&beside).unwrap();
        std::fs::write(beside.join("a.py"), "2\n").unwrap();
        let planned = world.link("mcp_server", "../mcp_server").plan();
        planned.at("mcp_server/a.py").is(Kind::Linked).does(Nothing);
        planned.at("a.md").is(Kind::Update).does(write("2\n"));
    }

    #[test]
    fn a_single_linked_file() {
        each(|world| {
            let world = world.release(&[("f.md", "1\n"), ("g.md", "1\n")]).release(&[("f.md", "2\n"), ("g.md", "2\n")]);
            let planned = world.install(0).link("f.md", "g.md").plan();
            planned.at("f.md").is(Kind::Linked).why(&["f.md is a symbolic link"]).does(Nothing);
            planned.at("g.md").is(Kind::Update).does(write("2\n"));
        });
    }

    #[test]
    fn a_link_that_leads_nowhere() {
        each(|world| {
            let world =
                world.release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]).install(0).link("f.md", "/nowhere");
            world.plan().at("f.md").is(Kind::Linked).does(Nothing);
        });
    }

    #[test]
    fn a_move_into_or_out_of_a_linked_folder_is_skipped() {
        each(|world| {
            let text = "a text\nof more\nthan one line\n";
            let other = "another text\nof more\nthan one\n";
            let world = world.release(&[("out/f.md", text), ("here.md", other)]);
            let world = world.release(&[("f.md", text), ("out/here.md", other)]).install(0).link("out", "/nowhere");
            let planned = world.plan();
            planned.at("f.md").is(Kind::Linked).from("out/f.md").does(Nothing);
            planned.at("out/here.md").is(Kind::Linked).from("here.md").does(Nothing);
        });
    }
}

mod files_and_folders {
    use super::*;

    #[test]
    fn the_users_file_where_a_folder_comes() {
        each(|world| {
            let world = world.release(&[("a.md", "a")]).release(&[("a.md", "a"), ("topic/x.md", "x")]).install(0);
            let planned = world.edit("topic", "my notes").plan();
            let seen =
                planned.at("topic/x.md").is(Kind::Conflict).hunks(1).why(&["topic is a file of yours", "a folder"]);
            seen.keep(Nothing).take(Refused);
        });
    }

    #[test]
    fn the_users_folder_where_a_file_comes() {
        each(|world| {
            let world = world.release(&[("a.md", "a")]).release(&[("a.md", "a"), ("topic", "x")]).install(0);
            let planned = world.edit("topic/mine.md", "my notes").plan();
            let seen = planned.at("topic").is(Kind::Conflict).hunks(1).why(&["a folder of yours"]);
            seen.keep(Nothing).take(Refused);
        });
    }

    #[test]
    fn the_users_folder_instead_of_a_shipped_file() {
        each(|world| {
            let world = world.release(&[("topic", "x")]).release(&[("topic", "y")]).install(0);
            let planned = world.delete("topic").edit("topic/mine.md", "my notes").plan();
            planned.at("topic").is(Kind::Conflict).hunks(1).why(&["a folder of yours"]).keep(Nothing);
        });
    }

    #[test]
    fn the_users_folder_instead_of_a_file_that_the_source_left_alone() {
        each(|world| {
            let world = world.release(&[("topic", "x")]).release(&[("topic", "x")]).install(0);
            let planned = world.delete("topic").edit("topic/mine.md", "my notes").plan();
            planned.at("topic").is(Kind::StaysDeleted).why(&["you deleted this since {0}"]).does(Nothing);
        });
    }

    #[test]
    fn the_users_file_instead_of_a_folder_that_the_source_left_alone() {
        each(|world| {
            let world = world.release(&[("topic/x.md", "x")]).release(&[("topic/x.md", "x")]).install(0);
            let planned = world.delete("topic").edit("topic", "my notes").plan();
            planned.at("topic/x.md").is(Kind::StaysDeleted).why(&["you deleted this since {0}"]).does(Nothing);
        });
    }

    #[test]
    fn the_users_folder_instead_of_a_file_that_the_source_removed() {
        each(|world| {
            let planned = world.release(&[("topic", "x")]).release(&[("other", "y")]).install(0);
            let planned = planned.delete("topic").edit("topic/mine.md", "my notes").plan();
            planned.at("topic").is(Kind::Unchanged).does(Nothing);
        });
    }

    #[test]
    fn a_deleted_folder_stays_deleted() {
        each(|world| {
            let files = [("topic/x.md", "x"), ("topic/y.md", "y")];
            let planned = world.release(&files).release(&files).install(0).delete("topic").plan();
            assert_eq!(planned.plan.summary.stays_deleted, 2);
            planned.at("topic/x.md").is(Kind::StaysDeleted).does(Nothing);
        });
    }

    #[test]
    fn a_pristine_file_makes_room_for_the_sources_folder() {
        each(|world| {
            let planned =
                world.release(&[("topic", "one")]).release(&[("topic/x.md", "quite another")]).install(0).plan();
            planned.at("topic").is(Kind::Remove).does(Remove);
            planned.at("topic/x.md").is(Kind::New).does(write("quite another"));
        });
    }

    #[test]
    fn an_edited_file_is_in_the_way_of_the_sources_folder() {
        each(|world| {
            let world = world.release(&[("topic", "one")]).release(&[("topic/x.md", "quite another")]).install(0);
            let planned = world.edit("topic", "mine").plan();
            planned.at("topic").is(Kind::Conflict).why(&["you edited this", "source removed it"]).take(Remove);
            planned.at("topic/x.md").is(Kind::Conflict).why(&["topic is a file of yours"]).take(Refused);
        });
    }

    #[test]
    fn a_pristine_folder_where_the_source_has_a_file_now() {
        each(|world| {
            let planned =
                world.release(&[("topic/x.md", "one")]).release(&[("topic", "quite another")]).install(0).plan();
            planned.at("topic/x.md").is(Kind::Remove).does(Remove);
            planned.at("topic").is(Kind::New).does(write("quite another"));
        });
    }

    #[test]
    fn a_pristine_file_moves_into_a_folder_of_its_name_and_back() {
        each(|world| {
            let text = "a text\nof some\nlines\n";
            let world = world.release(&[("in", text), ("out/x.md", text)]);
            let planned = world.release(&[("in/x.md", text), ("out", text)]).install(0).plan();
            for path in ["in/x.md", "out"] {
                let kind = planned.at(path).entry.kind;
                assert!(matches!(kind, Kind::Move | Kind::New), "{kind:?} for {path}");
                planned.at(path).does(write(text));
            }
        });
    }

    #[test]
    fn a_folder_stays_where_anything_in_it_stays() {
        each(|world| {
            let world = world.release(&[("topic/x.md", "one")]).release(&[("topic", "quite another")]).install(0);
            let planned = world.edit("topic/__pycache__/x.pyc", "made by a program").plan();
            planned.at("topic/x.md").is(Kind::Remove).does(Remove);
            planned.at("topic").is(Kind::Conflict).why(&["a folder of yours"]).keep(Nothing).take(Refused);
        });
    }

    #[test]
    fn what_would_make_room_but_is_itself_in_the_way_of_something_stays() {
        each(|world| {
            let (a, b) = ("the first text\nof two lines\n", "and the second\nof them\n");
            let world = world.release(&[("p/a.md", a)]).release(&[("p", a), ("p2/b.md", b)]).install(0);
            let planned = world.edit("p/mine.md", "my notes").edit("p2", "mine").plan();
            planned.at("p").is(Kind::Conflict).why(&["a folder of yours"]).keep(Nothing).take(Refused);
            planned.at("p2/b.md").is(Kind::Conflict).why(&["p2 is a file of yours"]).take(Refused);
        });
    }

    #[test]
    fn a_pipe_where_a_file_comes() {
        each(|world| {
            let world = world.release(&[("a.md", "a")]).release(&[("a.md", "a"), ("f.md", "x")]).install(0);
            let made = std::process::Command::new("mkfifo").arg(world.at("f.md")).status().unwrap();
            assert!(made.success() && world.at("f.md").metadata().unwrap().file_type().is_fifo());
            world.plan().at("f.md").is(Kind::Conflict).why(&["a special file of yours"]).keep(Nothing).take(Refused);
        });
    }
}

mod names {
    use super::*;

    /// All cells of a pristine and an edited file work under this name, and the plan comes back from JSON.
    fn works(name: &[u8]) {
        each(|world| {
            let text = "one\ntwo\nthree\nfour\n";
            let (theirs, mine) = (text.replace("one", "ONE"), text.replace("four", "mine"));
            let moved = [b"moved/", name].concat();
            let edited = [b"edited/", name].concat();
            let world = world.release(&[file(name, text), file(&edited, text)]);
            let world = world.release(&[file(&moved, &theirs), file(&edited, &theirs)]).install(0).edit(&edited, &mine);
            let planned = world.plan();
            planned.at(&edited).is(Kind::AutoMerge).does(write(&theirs.replace("four", "mine")));
            planned.at(&moved).is(Kind::Move).from(name).does(write(&theirs));
            assert_eq!(back(&planned), planned.plan);
            let odd = planned.plan.files.iter().filter(|e| e.path_base64.is_some()).count();
            assert_eq!(odd, if std::str::from_utf8(name).is_ok() { 0 } else { 2 });
        });
    }

    fn back(planned: &Planned) -> Plan {
        serde_json::from_str(&serde_json::to_string(&planned.plan).unwrap()).unwrap()
    }

    #[test]
    fn with_spaces_and_quotes() {
        works(b" a \"b\" 'c' \\d.md ");
    }

    #[test]
    fn with_newlines_and_control_characters() {
        works(b"a\nb\tc\x1b[31m\x01.md");
    }

    #[test]
    fn in_unicode() {
        works("größe/日本 🦀.md".as_bytes());
    }

    #[test]
    fn like_options_patterns_and_base64() {
        works(b"-rf *?[a] :(top) base64:AAAA.md");
    }

    #[test]
    fn not_utf_8() {
        works(b"\xff\xfe caf\xe9.md");
    }

    #[test]
    fn not_utf_8_in_json() {
        use base64::Engine as _;
        each(|world| {
            let name = b"caf\xe9.md";
            let planned = world.release(&[file(name, "1")]).release(&[file(name, "2")]).install(0).plan();
            let entry = planned.at(name).is(Kind::Update).entry;
            let full = b"standards/universal/caf\xe9.md";
            let coded = base64::engine::general_purpose::STANDARD.encode(full);
            assert_eq!(entry.path_base64.as_deref(), Some(&coded[..]));
            let json = serde_json::to_value(entry).unwrap();
            assert_eq!(json["path"], "standards/universal/caf\u{fffd}.md", "lossy beside the bytes");
            assert_eq!(json["path_base64"], coded);
            assert_eq!(back(&planned), planned.plan, "read back, it is the same path");
        });
    }

    #[test]
    fn that_differ_only_by_case() {
        each(|world| {
            let world = world.release(&[("Read.md", "1\n"), ("read.md", "1 small\n")]);
            let world = world.release(&[("Read.md", "2\n"), ("read.md", "2 small\n")]).install(0);
            let planned = world.edit("read.md", "mine\n").plan();
            planned.at("Read.md").is(Kind::Update).does(write("2\n"));
            planned.at("read.md").is(Kind::Conflict).keep(Nothing).take(write("2 small\n"));
        });
    }

    #[test]
    fn renamed_only_by_case() {
        each(|world| {
            let text = "some text\nof two lines\n";
            let planned = world.release(&[("Read.md", text)]).release(&[("read.md", text)]).install(0).plan();
            planned.at("read.md").is(Kind::Move).from("Read.md").does(write(text));
        });
    }
}

mod not_managed {
    use super::*;

    #[test]
    fn what_is_the_users_own_wherever_a_release_ships_it() {
        each(|world| {
            let own = [
                "config.json",
                "config/index.json",
                "specs/s.md",
                "workspace/w.md",
                "standards/development/d.md",
                "universal/config.json",
                "universal/config/index.json",
                "universal/specs/s.md",
            ];
            let release = |text: &'static str| own.map(|path| (path, text));
            let world = world.release(&release("1\n")).release(&release("2\n")).install(0);
            let world = own.iter().fold(world, |w, path| w.edit(path, "1\n"));
            assert_eq!(world.plan().paths(), [""; 0]);
        });
    }

    #[test]
    fn the_users_own_in_a_baseline_is_not_believed() {
        let world = World::with_baseline().release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]).install(0);
        let world = world.noted(|noted| {
            let entry = noted["files"]["standards/universal/f.md"].clone();
            for own in ["config.json", "config/x.json", "specs/s.md", "workspace/w.md", "standards/development/d.md"] {
                noted["files"][own] = entry.clone();
            }
        });
        let own = ["config.json", "specs/s.md", "standards/development/d.md"];
        let world = own.iter().fold(world, |w, path| w.edit(path, "1\n"));
        assert_eq!(world.plan().paths(), ["standards/universal/f.md"]);
    }

    #[test]
    fn the_users_own_in_a_legacy_layout() {
        let release = |text: &'static str| [("development/d.md", text), ("a.md", text), ("mcp_server/m.py", text)];
        let world = World::without_baseline().release(&release("1\n")).release(&release("2\n")).install_legacy(0);
        let planned = world.edit("standards/development/d.md", "1\n").plan();
        assert!(planned.plan.files.iter().all(|e| !e.path.to_string().starts_with("standards/development")));
        assert!(
            planned.plan.files.iter().all(|e| e.from.as_ref().is_none_or(|f| !f.to_string().contains("development")))
        );
        planned.at("development/d.md").is(Kind::New).does(write("2\n"));
    }

    #[test]
    fn what_no_installer_installs() {
        each(|world| {
            let release = |text: &'static str| {
                [
                    ("universal/templates/t.md", text),
                    ("universal/usage/u.md", text),
                    ("docs/d.md", text),
                    ("mcp_server/__pycache__/a.pyc", text),
                    ("mcp_server/a.pyc", text),
                    ("pyproject.toml", "[project]\nversion = \"1.0\"\n"),
                ]
            };
            let planned = world.release(&release("1\n")).release(&release("2\n")).install(0).plan();
            assert_eq!(planned.paths(), [""; 0]);
        });
    }

    #[test]
    fn the_users_files_that_no_release_ships() {
        each(|world| {
            let world = world.release(&[("f.md", "1\n")]).release(&[("f.md", "2\n")]).install(0);
            let world = world.edit("our-own.md", "1\n").edit("mcp_server/our_tool.py", "1\n").edit("notes.txt", "");
            assert_eq!(world.plan().paths(), ["standards/universal/f.md"]);
        });
    }

    #[test]
    fn ignored_but_committed_files_are_shipped_like_any_other() {
        each(|world| {
            let before = [(".gitignore", "*.log\n"), ("f.log", "1\n"), ("universal/standards/.gitignore", "*\n")];
            let after = [(".gitignore", "*.log\n"), ("f.log", "2\n"), ("universal/standards/.gitignore", "*\n!x\n")];
            let planned = world.release(&before).release(&after).install(0).plan();
            planned.at("f.log").is(Kind::Update).does(write("2\n"));
            planned.at("standards/universal/.gitignore").is(Kind::Update);
            assert_eq!(planned.paths().len(), 2);
        });
    }

    #[test]
    fn links_and_submodules_of_the_source_are_skipped() {
        each(|world| {
            let odd =
                [file("link.md", "f.md").link(), file("module", "").submodule(), file("mcp_server/x", "/etc").link()];
            let world = world.release(&[&odd[..], &[file("f.md", "1\n")]].concat());
            let planned = world.release(&[&odd[..], &[file("f.md", "2\n")]].concat()).install(0).plan();
            assert_eq!(planned.paths(), ["standards/universal/f.md"]);
            planned.at("f.md").is(Kind::Update);
        });
    }

    #[test]
    fn a_file_that_became_a_link_in_the_source_is_gone() {
        each(|world| {
            let world = world.release(&[file("f.md", "1\n"), file("g.md", "1\n")]);
            let world = world.release(&[file("f.md", "g.md").link(), file("g.md", "").submodule()]).install(0);
            let planned = world.edit("g.md", "mine\n").plan();
            planned.at("f.md").is(Kind::Remove).does(Remove);
            planned.at("g.md").is(Kind::Conflict).why(&["source removed it"]).keep(Nothing).take(Remove);
        });
    }

    #[test]
    fn a_link_that_became_a_file_is_new() {
        each(|world| {
            let world = world.release(&[file("f.md", "g.md").link(), file("g.md", "1\n")]);
            let planned = world.release(&[file("f.md", "2\n"), file("g.md", "1\n")]).install(0).plan();
            planned.at("f.md").is(Kind::New).does(write("2\n"));
        });
    }

    #[test]
    fn a_file_moved_out_of_what_is_installed_is_gone() {
        each(|world| {
            let text = "a text\nof more\nthan one line\n";
            let world = world.release(&[("f.md", text)]).release(&[("docs/f.md", text)]).install(0);
            world.plan().at("f.md").is(Kind::Remove).does(Remove);
        });
    }

    #[test]
    fn a_file_moved_into_what_is_installed_is_new() {
        each(|world| {
            let text = "a text\nof more\nthan one line\n";
            let world = world.release(&[("docs/f.md", text)]).release(&[("f.md", text)]).install(0);
            world.plan().at("f.md").is(Kind::New).does(write(text));
        });
    }
}

//! What is in the files: equal changes, modes, line ends.

use pos_upgrade_tui::core::merge::Choice;
use pos_upgrade_tui::core::plan::Kind;

use crate::matrix::seen::Effect::{Nothing, Refused};
use crate::matrix::seen::write;
use crate::matrix::world::{World, each, file};

pub const LINES: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";

pub fn with(line: &str, instead: &str) -> String {
    assert!(LINES.contains(line));
    LINES.replace(line, instead)
}

#[test]
fn the_same_change_on_both_sides_is_no_question() {
    each(|world| {
        let theirs = with("two", "TWO");
        let planned = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0).edit("f.md", &theirs);
        planned.plan().at("f.md").is(Kind::Unchanged).does(Nothing);
    });
}

/// Both sides compile, and what is merged of them line by line does not.
#[test]
fn python_that_would_not_compile_merged_is_a_question() {
    each(|world| {
        let code = |first: &str, last: &str| {
            format!("def f():\n    a = 0\n{first}    b = 1\n    c = 2\n    d = 3\n    e = 4\n{last}    return e\n")
        };
        let (base, mine, theirs) = (code("", ""), code("    x = 1\n", ""), code("", "    global x\n"));
        let files = |text: &str, fine: &str| [file("f.py", text), file("g.py", fine), file("h.md", text)];
        let world = world.release(&files(&base, &base)).release(&files(&theirs, &code("", "    y = 2\n"))).install(0);
        let planned = world.edit("f.py", &mine).edit("g.py", &mine).edit("h.md", &mine).plan();
        let seen = planned.at("f.py").is(Kind::Conflict).hunks(1);
        let seen = seen.why(&["(1 hunk); source changed 1; merged by itself does not compile: SyntaxError"]);
        seen.keep(Nothing).take(write(&theirs));
        planned.at("g.py").is(Kind::AutoMerge).does(write(&code("    x = 1\n", "    y = 2\n")));
        planned.at("h.md").is(Kind::AutoMerge).does(write(&code("    x = 1\n", "    global x\n")));
    });
}

#[test]
fn the_same_change_and_another_one_merge() {
    each(|world| {
        let (theirs, mine) = (with("two", "TWO"), with("two", "TWO").replace("six", "mine"));
        let planned = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0).edit("f.md", &mine);
        planned.plan().at("f.md").is(Kind::AutoMerge).why(&["(2 hunks)", "source changed 1"]).does(write(&mine));
    });
}

#[test]
fn the_same_change_in_a_file_that_moved_is_a_move() {
    each(|world| {
        let theirs = with("two", "TWO");
        let planned = world.release(&[("f.md", LINES)]).release(&[("g.md", &theirs)]).install(0).edit("f.md", &theirs);
        planned.plan().at("g.md").is(Kind::Move).from("f.md").does(write(&theirs));
    });
}

#[test]
fn both_deleted_it() {
    each(|world| {
        let planned = world.release(&[("f.md", LINES)]).release(&[("g.md", "other")]).install(0).delete("f.md").plan();
        planned.at("f.md").is(Kind::Unchanged).does(Nothing);
    });
}

#[test]
fn two_overlaps_are_two_hunks_with_an_answer_each() {
    each(|world| {
        let theirs = with("one", "1").replace("six", "6");
        let mine = with("one", "I").replace("six", "VI");
        let planned = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0).edit("f.md", &mine);
        let planned = planned.plan();
        let both = with("one", "I\n1").replace("six", "VI\n6");
        let seen = planned.at("f.md").is(Kind::Conflict).hunks(2).why(&["2 overlap"]);
        seen.merge(Choice::Both, write(&both)).merge(Choice::Base, write(LINES)).keep(Nothing).take(write(&theirs));
    });
}

#[test]
fn a_merge_that_breaks_json_is_asked() {
    each(|world| {
        // Each side drops one element and a comma; together they would leave a comma too many.
        let base = "[\n1\n \n,\n  \n2\n   \n,\n    \n3\n]\n";
        let (mine, theirs) = (base.replacen("1\n \n,\n", " \n", 1), base.replacen(",\n  \n2\n", "  \n", 1));
        let world = world.release(&[("f.json", base)]).release(&[("f.json", &theirs)]).install(0).edit("f.json", &mine);
        let planned = world.plan();
        let seen = planned.at("f.json").is(Kind::Conflict).hunks(1).why(&["merged by itself", "is not valid JSON"]);
        seen.keep(Nothing).take(write(&theirs)).merge(Choice::Mine, Refused);
    });
}

mod modes {
    use super::*;

    #[test]
    fn the_source_makes_a_pristine_file_executable() {
        each(|world| {
            let world = world.release(&[file("scripts/f.sh", LINES)]);
            let world = world.release(&[file("scripts/f.sh", LINES).executable()]).install(0);
            let planned = world.plan();
            let seen = planned.at("scripts/f.sh").is(Kind::Update).why(&["pristine", "source changed its mode"]);
            seen.does(write(LINES)).executable(true);
        });
    }

    #[test]
    fn the_source_takes_the_bit_away() {
        each(|world| {
            let world = world.release(&[file("scripts/f.sh", LINES).executable()]);
            let planned = world.release(&[file("scripts/f.sh", LINES)]).install(0).plan();
            planned.at("scripts/f.sh").is(Kind::Update).does(write(LINES)).executable(false);
        });
    }

    #[test]
    fn the_users_bit_stays_where_the_source_left_it() {
        each(|world| {
            let same = [("scripts/f.sh", LINES)];
            let planned = world.release(&same).release(&same).install(0).set_executable("scripts/f.sh", true).plan();
            planned.at("scripts/f.sh").is(Kind::Unchanged).does(Nothing);
        });
    }

    #[test]
    fn the_users_bit_survives_new_content() {
        each(|world| {
            let theirs = with("two", "TWO");
            let world = world.release(&[("scripts/f.sh", LINES)]).release(&[("scripts/f.sh", &theirs)]).install(0);
            let planned = world.set_executable("scripts/f.sh", true).plan();
            planned.at("scripts/f.sh").is(Kind::Update).does(write(&theirs)).executable(true);
        });
    }

    #[test]
    fn the_users_bit_survives_a_move() {
        each(|world| {
            let world = world.release(&[("scripts/f.sh", LINES)]).release(&[("scripts/g.sh", LINES)]).install(0);
            let planned = world.set_executable("scripts/f.sh", true).plan();
            planned.at("scripts/g.sh").is(Kind::Move).does(write(LINES)).executable(true);
        });
    }

    #[test]
    fn both_set_the_bit() {
        each(|world| {
            let world = world.release(&[file("scripts/f.sh", LINES)]);
            let world = world.release(&[file("scripts/f.sh", LINES).executable()]).install(0);
            let planned = world.set_executable("scripts/f.sh", true).plan();
            planned.at("scripts/f.sh").is(Kind::Unchanged).does(Nothing);
        });
    }

    #[test]
    fn an_edited_file_gets_the_sources_bit_with_its_change() {
        each(|world| {
            let (theirs, mine) = (with("two", "TWO"), with("six", "mine"));
            let world = world.release(&[file("f.sh", LINES)]);
            let world = world.release(&[file("f.sh", &theirs).executable()]).install(0);
            let planned = world.edit("f.sh", &mine).plan();
            let merged = theirs.replace("six", "mine");
            planned.at("f.sh").is(Kind::AutoMerge).does(write(&merged)).executable(true);
        });
    }

    #[test]
    fn an_edited_file_gets_the_sources_bit_without_another_change() {
        each(|world| {
            let mine = with("six", "mine");
            let world = world.release(&[file("f.sh", LINES)]);
            let world = world.release(&[file("f.sh", LINES).executable()]).install(0);
            let planned = world.edit("f.sh", &mine).plan();
            planned.at("f.sh").is(Kind::AutoMerge).does(write(&mine)).executable(true);
        });
    }

    #[test]
    fn equal_text_still_gets_the_sources_bit() {
        each(|world| {
            let theirs = with("two", "TWO");
            let world = world.release(&[file("scripts/f.sh", LINES)]);
            let world = world.release(&[file("scripts/f.sh", &theirs).executable()]).install(0);
            let planned = world.edit("scripts/f.sh", &theirs).plan();
            planned.at("scripts/f.sh").is(Kind::Update).does(write(&theirs)).executable(true);
        });
    }

    #[test]
    fn a_new_file_has_the_sources_bit() {
        each(|world| {
            let world = world.release(&[("a.md", "a")]);
            let planned =
                world.release(&[file("a.md", "a"), file("scripts/f.sh", LINES).executable()]).install(0).plan();
            planned.at("scripts/f.sh").is(Kind::New).does(write(LINES)).executable(true);
        });
    }
}

mod line_ends {
    use super::*;

    fn crlf(text: &str) -> String {
        text.replace('\n', "\r\n")
    }

    #[test]
    fn a_crlf_checkout_is_pristine() {
        each(|world| {
            let same = [("f.md", LINES)];
            let planned = world.release(&same).release(&same).install(0).edit("f.md", crlf(LINES)).plan();
            planned.at("f.md").is(Kind::Unchanged).why(&["pristine"]).does(Nothing);
        });
    }

    #[test]
    fn it_is_updated_to_the_sources_bytes() {
        each(|world| {
            let theirs = with("two", "TWO");
            let world = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0);
            world.edit("f.md", crlf(LINES)).plan().at("f.md").is(Kind::Update).does(write(&theirs));
        });
    }

    #[test]
    fn it_moves_and_goes_like_any_pristine_file() {
        each(|world| {
            let world = world.release(&[("f.md", LINES), ("gone.md", "gone\n")]).release(&[("g.md", LINES)]).install(0);
            let planned = world.edit("f.md", crlf(LINES)).edit("gone.md", "gone\r\n").plan();
            planned.at("g.md").is(Kind::Move).from("f.md").does(write(LINES));
            planned.at("gone.md").is(Kind::Remove);
        });
    }

    #[test]
    fn a_whole_crlf_install_finds_its_release() {
        let world = World::without_baseline().release(&[("f.md", LINES)]).release(&[("f.md", "new\n")]).install(0);
        let world =
            (1..=3).fold(world, |w, n| w.edit(format!("anchors/{n}.md"), format!("anchor {n}\r\nrelease 0\r\n")));
        let planned = world.edit("f.md", crlf(LINES)).plan();
        assert_eq!(planned.plan.install.release.as_deref(), Some(planned.world.full_id(0)));
        planned.at("f.md").is(Kind::Update).does(write("new\n"));
    }

    #[test]
    fn crlf_with_the_sources_change_is_equal() {
        each(|world| {
            let theirs = with("two", "TWO");
            let world = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0);
            world.edit("f.md", crlf(&theirs)).plan().at("f.md").is(Kind::Unchanged).does(Nothing);
        });
    }

    #[test]
    fn an_edit_with_crlf_stays_when_the_source_changed_nothing() {
        each(|world| {
            let same = [("f.md", LINES)];
            let world = world.release(&same).release(&same).install(0).edit("f.md", crlf(&with("six", "mine")));
            world.plan().at("f.md").is(Kind::LocalOnly).does(Nothing);
        });
    }

    #[test]
    fn an_edit_with_crlf_is_merged_and_keeps_its_line_ends() {
        each(|world| {
            let (theirs, mine) = (with("two", "TWO"), crlf(&with("six", "mine")));
            let world = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0);
            let planned = world.edit("f.md", &mine).plan();
            let seen = planned.at("f.md").is(Kind::AutoMerge).why(&["(1 hunk", "source changed 1", "none overlap"]);
            seen.does(write(&crlf(&theirs.replace("six", "mine"))));
        });
    }

    #[test]
    fn an_edit_with_lf_of_what_is_shipped_with_crlf_is_merged_too() {
        each(|world| {
            let (base, theirs, mine) = (crlf(LINES), crlf(&with("two", "TWO")), with("six", "mine"));
            let world = world.release(&[("f.bat", &base), ("g.bat", &base)]);
            let world = world.release(&[("f.bat", &theirs), ("g.bat", &theirs)]).install(0).edit("g.bat", LINES);
            let planned = world.edit("f.bat", &mine).plan();
            planned.at("f.bat").is(Kind::AutoMerge).does(write(&with("two", "TWO").replace("six", "mine")));
            planned.at("g.bat").is(Kind::AutoMerge).does(write(&with("two", "TWO")));
        });
    }

    #[test]
    fn an_edit_with_crlf_is_asked_only_where_the_source_changed_the_same_line() {
        each(|world| {
            let (theirs, mine) = (with("six", "SIX"), crlf(&with("six", "mine")));
            let world = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0);
            let planned = world.edit("f.md", &mine).plan();
            let seen = planned.at("f.md").is(Kind::Conflict).hunks(1).keep(Nothing).take(write(&theirs));
            let seen = seen.merge(Choice::Mine, write(&mine)).merge(Choice::Theirs, write(&crlf(&theirs)));
            seen.merge(Choice::Both, write(&crlf(&with("six", "mine\nSIX"))));
        });
    }

    #[test]
    fn an_edit_with_both_line_ends_is_asked_when_the_source_changed_it() {
        each(|world| {
            let theirs = with("two", "TWO");
            let mine = crlf(&with("six", "mine")).replacen("\r\n", "\n", 1);
            let world = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0);
            let planned = world.edit("f.md", &mine).plan();
            // As git does: a line of mine differs from base, so the one that the source changed overlaps.
            planned.at("f.md").is(Kind::Conflict).hunks(1).keep(Nothing).take(write(&theirs));
        });
    }

    #[test]
    fn a_file_of_the_users_own_that_differs_in_nothing_else_is_no_question() {
        each(|world| {
            let (lf, crlf) = (LINES, crlf(LINES));
            let world = world.release(&[("a.md", "a")]);
            let world = world.release(&[("a.md", "a"), ("f.bat", &crlf), ("g.md", lf), ("h.md", lf)]).install(0);
            let world = world.edit("f.bat", lf).edit("g.md", &crlf);
            let planned = world.edit("h.md", crlf.replace("six", "mine")).plan();
            planned.at("f.bat").is(Kind::Unchanged).why(&["other line ends"]).does(Nothing);
            planned.at("g.md").is(Kind::Unchanged).does(Nothing);
            let seen = planned.at("h.md").is(Kind::Conflict).hunks(1).keep(Nothing).take(write(lf));
            seen.merge(Choice::Theirs, write(&crlf));
        });
    }

    #[test]
    fn the_most_alike_version_is_found_whatever_the_line_ends() {
        let world = World::without_baseline().release(&[("f.md", LINES)]).release(&[("other.md", "other\n")]);
        let theirs = with("two", "TWO");
        let world = world.release(&[("f.md", &*theirs)]).install(1).edit("f.md", crlf(&with("six", "mine")));
        let planned = world.plan();
        let seen = planned.at("f.md").is(Kind::AutoMerge).why(&["since {0} (the closest version)"]);
        seen.does(write(&crlf(&theirs.replace("six", "mine"))));
    }

    #[test]
    fn the_source_ships_crlf() {
        each(|world| {
            let (base, theirs) = (crlf(LINES), crlf(&with("two", "TWO")));
            let (mine, merged) = (crlf(&with("six", "mine")), crlf(&with("two", "TWO").replace("six", "mine")));
            let world = world.release(&[("f.bat", &base), ("g.bat", &base)]);
            let planned =
                world.release(&[("f.bat", &theirs), ("g.bat", &theirs)]).install(0).edit("f.bat", &mine).plan();
            planned.at("f.bat").is(Kind::AutoMerge).does(write(&merged));
            planned.at("g.bat").is(Kind::Update).does(write(&theirs));
        });
    }

    #[test]
    fn mine_lost_the_last_newline() {
        each(|world| {
            let (theirs, mine) = (with("two", "TWO"), LINES.trim_end());
            let world = world.release(&[("f.md", LINES)]).release(&[("f.md", &theirs)]).install(0).edit("f.md", mine);
            world.plan().at("f.md").is(Kind::AutoMerge).does(write(theirs.trim_end()));
        });
    }

    #[test]
    fn theirs_lost_the_last_newline() {
        each(|world| {
            let (theirs, mine) = (LINES.trim_end(), with("two", "mine"));
            let world = world.release(&[("f.md", LINES)]).release(&[("f.md", theirs)]).install(0).edit("f.md", &mine);
            world.plan().at("f.md").is(Kind::AutoMerge).does(write(mine.trim_end()));
        });
    }

    #[test]
    fn base_had_no_last_newline_and_both_added_a_line() {
        each(|world| {
            let (base, mine, theirs) = ("a\nlast", "a\nlast\nmine", "a\nlast\ntheirs\n");
            let world = world.release(&[("f.md", base)]).release(&[("f.md", theirs)]).install(0).edit("f.md", mine);
            let planned = world.plan();
            let seen = planned.at("f.md").is(Kind::Conflict).hunks(1).keep(Nothing).take(write(theirs));
            seen.merge(Choice::Both, write("a\nlast\nmine\nlast\ntheirs\n"));
        });
    }
}

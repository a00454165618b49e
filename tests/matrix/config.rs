//! The user's config, where the source ships a template for it: merged key by key where only one side changed a key, and never
//! written without an answer otherwise.

use pos_upgrade_tui::core::merge::Choice;
use pos_upgrade_tui::core::plan::Kind;

use crate::matrix::seen::Effect::{Nothing, Refused};
use crate::matrix::seen::write;
use crate::matrix::world::{World, each};

const TEMPLATE: &str = "universal/templates/config.json";
const OLD: &str = "{\n  \"mcp\": {\n    \"port\": 4242,\n    \"groups\": [\"rag\"]\n  },\n  \"log\": \"info\"\n}\n";
/// A new key, and another value of one that is there.
const NEW: &str = "{\n  \"mcp\": {\n    \"port\": 5000,\n    \"groups\": [\"rag\"],\n    \"timeout\": 30\n  },\n  \"log\": \"info\"\n}\n";
/// In another order and form, with an own key and an own value.
const MINE: &str =
    "{\n    \"log\": \"debug\",\n    \"mcp\": { \"groups\": [\"rag\"], \"port\": 4242, \"own\": true }\n}\n";

fn templates(world: World, old: &str, new: &str) -> World {
    world.release(&[(TEMPLATE, old)]).release(&[(TEMPLATE, new)]).install(0)
}

#[test]
fn the_templates_news_go_in_key_by_key() {
    each(|world| {
        let planned = templates(world, OLD, NEW).edit("config.json", MINE).plan();
        let merged = "{\n    \"log\": \"debug\",\n    \"mcp\": { \"groups\": [\"rag\"], \"timeout\": 30, \"port\": 5000, \"own\": true }\n}\n";
        let seen = planned.at("config.json").is(Kind::AutoMerge);
        seen.why(&["merged key by key", "mcp.port", "mcp.timeout"]).does(write(merged));
    });
}

#[test]
fn a_key_that_both_changed_is_a_region() {
    each(|world| {
        let mine = OLD.replace("4242", "9999").replace("info", "debug");
        let planned = templates(world, OLD, NEW).edit("config.json", &mine).plan();
        let merged = |port: &str| NEW.replace("5000", port).replace("info", "debug");
        let seen = planned.at("config.json").is(Kind::Conflict).hunks(1).why(&["changes, as you did, in mcp.port"]);
        seen.merge(Choice::Mine, write(&merged("9999"))).merge(Choice::Theirs, write(&merged("5000")));
    });
}

#[test]
fn config_that_is_still_the_template_becomes_the_new_one() {
    each(|world| {
        let planned = templates(world, OLD, NEW).edit("config.json", OLD).plan();
        planned.at("config.json").is(Kind::AutoMerge).does(write(NEW));
    });
}

#[test]
fn nothing_is_asked_where_the_template_brings_nothing() {
    each(|world| {
        let planned = templates(world, OLD, OLD).edit("config.json", MINE).plan();
        planned.at("config.json").is(Kind::LocalOnly).does(Nothing);
    });
    each(|world| {
        let all = MINE.replace("4242", "5000, \"timeout\": 30");
        let planned = templates(world, OLD, NEW).edit("config.json", &all).plan();
        planned.at("config.json").is(Kind::LocalOnly).why(&["has all"]).does(Nothing);
    });
    each(|world| {
        let planned = templates(world, OLD, NEW).edit("config.json", NEW).plan();
        planned.at("config.json").is(Kind::Unchanged).does(Nothing);
    });
    each(|world| {
        let world = world.release(&[(TEMPLATE, OLD)]).release(&[("a.md", "a")]).install(0);
        world.edit("config.json", MINE).plan().at("config.json").is(Kind::LocalOnly).does(Nothing);
    });
}

#[test]
fn a_template_installs_nothing_where_the_user_has_no_config() {
    each(|world| assert_eq!(templates(world, OLD, NEW).plan().paths(), [""; 0]));
}

#[test]
fn a_first_template_asks_about_values_but_not_about_the_users_own_keys() {
    each(|world| {
        let world = world.release(&[("a.md", "a")]).release(&[("a.md", "a"), (TEMPLATE, NEW)]).install(0);
        let planned = world.edit("config.json", "{\n  \"log\": \"debug\",\n  \"own\": 1\n}\n").plan();
        let seen = planned.at("config.json").is(Kind::Conflict).hunks(1).keep(Nothing);
        let merged = |log: &str| {
            let mcp = "\"mcp\": {\n    \"port\": 5000,\n    \"groups\": [\"rag\"],\n    \"timeout\": 30\n  }";
            format!("{{\n  {mcp},\n  \"log\": \"{log}\",\n  \"own\": 1\n}}\n")
        };
        seen.merge(Choice::Mine, write(&merged("debug"))).merge(Choice::Theirs, write(&merged("info")));
    });
}

#[test]
fn config_that_does_not_parse_is_kept_or_taken_whole() {
    each(|world| {
        let planned = templates(world, OLD, NEW).edit("config.json", "{ \"mcp\": // mine\n").plan();
        let seen = planned.at("config.json").is(Kind::Conflict).why(&["your config file", "not valid JSON"]);
        seen.keep(Nothing).take(write(NEW)).merge(Choice::Mine, Refused);
    });
}

#[test]
fn a_yaml_config_merges_by_key() {
    each(|world| {
        let (from, lines) = ("universal/templates/config/mcp.yaml", "a: 1\nb: 2\nc: 3\nd: 4\n");
        let world = world.release(&[(from, lines)]).release(&[(from, &lines.replace("1", "10"))]).install(0);
        let planned = world.edit("config/mcp.yaml", lines.replace("4", "40")).plan();
        let merged = "a: 10\nb: 2\nc: 3\nd: 40\n";
        planned.at("config/mcp.yaml").is(Kind::AutoMerge).does(write(merged));
    });
}

/// The same for YAML, in the folder of configs.
mod yaml {
    use super::*;

    const TEMPLATE: &str = "universal/templates/config/server.yaml";
    const OLD: &str = "# The server.\nport: 4242\nlog: info\nold: 1\n";
    const NEW: &str =
        "# The server.\nport: 5000\n\n# How long it waits.\n#   - in seconds\nwait:\n  start: 30\nlog: warn\n";
    const MINE: &str = "# Mine.\nport:   4242  # as it was\nown: [1]\nlog: 'debug'\nold: 1\n";

    fn templates(world: World, old: &str, new: &str) -> World {
        world.release(&[(TEMPLATE, old)]).release(&[(TEMPLATE, new)]).install(0)
    }

    #[test]
    fn news_come_with_their_comments_and_the_rest_is_asked_key_by_key() {
        each(|world| {
            let planned = templates(world, OLD, NEW).edit("config/server.yaml", MINE).plan();
            let news = "# Mine.\nport:   5000  # as it was\n\n# How long it waits.\n#   - in seconds\nwait:\n  start: 30\nown: [1]\n";
            let seen = planned.at("config/server.yaml").is(Kind::Conflict).hunks(2).why(&[
                "only written if you say so",
                "news in port, wait",
                "changes, as you did, in log",
                "no more what you still have: old",
            ]);
            let seen = seen.keep(Nothing).take(write(NEW));
            let seen = seen.merge(Choice::Mine, write(&format!("{news}log: 'debug'\nold: 1\n")));
            let seen = seen.merge(Choice::Theirs, write(&format!("{news}log: warn\n")));
            // The key would stand there twice.
            seen.merge(Choice::Both, Refused);
        });
    }

    #[test]
    fn nothing_is_asked_where_nothing_differs_by_key() {
        each(|world| {
            let new = OLD.replace("# The server.", "# The server, in other words.").replace("info", "\"info\"");
            let planned = templates(world, OLD, &new).edit("config/server.yaml", MINE).plan();
            planned.at("config/server.yaml").is(Kind::LocalOnly).does(Nothing);
        });
    }

    #[test]
    fn what_cannot_be_merged_is_kept_or_taken_whole_and_the_line_is_named() {
        each(|world| {
            let mine = format!("{MINE}log: twice\n");
            let planned = templates(world, OLD, NEW).edit("config/server.yaml", &mine).plan();
            let seen =
                planned.at("config/server.yaml").is(Kind::Conflict).why(&["line 6 has the key \"log\" a second time"]);
            seen.keep(Nothing).take(write(NEW));
        });
    }
}

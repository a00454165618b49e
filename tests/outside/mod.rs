//! What comes from outside: texts that would do something to a terminal, servers that answer anything, programs that never
//! end to talk, and files that nobody wrote for this program.

mod files;
mod floods;
mod server;
mod texts;

use crate::common::{Sandbox, text};

/// Whether a case of many is not of today's third: `POS_SHARD=all` tries all, `POS_SHARD=0/3` one part.
fn passes_over(number: usize) -> bool {
    let today = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 86_400;
    let (part, parts) = match std::env::var("POS_SHARD").ok().as_deref() {
        None => (today, 3),
        Some("all") => return false,
        Some(one) => {
            let (part, parts) = one.split_once('/').expect("POS_SHARD is `all` or as `2/3`");
            (part.parse().unwrap(), parts.parse().unwrap())
        }
    };
    number as u64 % parts != part % parts
}

/// An option before a subcommand counts for it, or is refused by its name; the unit tests of `cli/option_order.rs` go over all.
#[test]
fn options_before_a_subcommand() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let (project, source) = (demo.project.to_str().unwrap(), demo.source.to_str().unwrap());
    let plan = |words: &[&str]| text(&sandbox.run(&[&["--project", project], words].concat()));
    let behind = plan(&["plan", "--source", source, "--to", "HEAD~1"]);
    assert_eq!(behind.0, 0, "{}", behind.1);
    assert_eq!(plan(&["--source", source, "--to=HEAD~1", "plan"]), behind);
    assert_eq!(plan(&["--source", source, "plan", "--to", "HEAD~1"]), behind);
    assert_ne!(plan(&["--source", source, "plan"]).1, behind.1, "the option counts");
    let (code, said) = plan(&["--source", source, "status"]);
    assert!(code == 2 && said.contains("--source means nothing to status") && said.contains("next:"), "{said}");
    let (code, said) = plan(&["--json", "--theme", "dark", "plan"]);
    assert!(code == 2 && said.contains("\"exit_code\":2") && said.contains("--theme means nothing to plan"), "{said}");
}

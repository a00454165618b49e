//! What a person, or a script with a name from elsewhere, may type.

use crate::escape::world::World;

#[test]
fn arguments() {
    let world = World::upgraded();
    let outside = world.case("where it is").outside();
    let victim = outside.join("victim");
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut add = |arguments: &[&str]| all.push(arguments.iter().map(|a| (*a).to_owned()).collect());
    for path in ["../../outside/victim", "../src/main.rs", "..", ".", "", "a/../../../outside/victim", "/etc/passwd"] {
        add(&["restore", path]);
    }
    for path in [victim.to_str().unwrap(), ".praxis-os/../../outside/victim", "scripts//x", "\u{1b}[2J"] {
        add(&["restore", path]);
    }
    for name in ["../../outside", "..", ".", "", "/etc", "2026-11-22-103045/../../../outside"] {
        add(&["restore", "scripts/check-links.py", "--from", name]);
        add(&["backups", "verify", name]);
        add(&["rollback", "--yes", name]);
        add(&["resume", name]);
        add(&["unlock", "--yes", name]);
    }
    for plan in ["../outside/victim", "/dev/null", victim.to_str().unwrap()] {
        add(&["upgrade", "--yes", "--plan", plan]);
    }
    let evil = format!("--output={}", outside.join("evil").display());
    let source = world.source.to_str().unwrap().to_owned();
    for to in ["../outside", &evil, "HEAD:../..", "@{-1}", "-h", "--upload-pack=touch evil"] {
        let to = format!("--to={to}");
        add(&["upgrade", "--yes", "--source", &source, &to]);
        add(&["plan", "--source", &source, &to]);
    }
    for source in [outside.to_str().unwrap(), "/dev/null", "ext::sh -c 'touch evil'", "--upload-pack=touch evil"] {
        let source = format!("--source={source}");
        add(&["upgrade", "--yes", &source]);
    }
    for arguments in all {
        let case = world.case(format!("{arguments:?}"));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, said) = case.run(&[&arguments]).remove(0);
        // To unlock what is not locked, or to verify nothing in particular, is no harm.
        case.expect(code != 0 || said.contains("nothing to"), &said);
        std::fs::remove_dir_all(&case.root).unwrap();
    }
    world.done("arguments", 50);
}

use std::collections::BTreeMap;
use std::process::Command;

use crate::host::install::locked::LockedInstall;
use crate::host::process::proc;
use crate::host::server::find::*;
use crate::host::server::log;
use crate::host::server::start;
use crate::host::server::{Settings, Watch, log_path};

struct Nobody;

impl Watch for Nobody {
    fn started(&mut self, _: u32) {}
    fn waiting(&mut self, _: Duration, _: &str) -> bool {
        true
    }
}

fn write_state(install: &Path, state: &serde_json::Value) {
    stdfs::write(state_file(install), state.to_string()).unwrap();
}

fn case(install: &Path) -> Case {
    match find(install) {
        Running::No(missing) => missing.case,
        Running::Yes(live) => panic!("{live:?}"),
    }
}

#[test]
fn a_state_file_that_points_to_an_innocent_process_proves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(case(dir.path()), Case::NotRunning);
    let mut child = Command::new("sleep").arg("30").spawn().unwrap();
    write_state(dir.path(), &serde_json::json!({"pid": child.id(), "url": "http://127.0.0.1:4242/mcp"}));
    assert_eq!(case(dir.path()), Case::Stale);
    assert!(child.try_wait().unwrap().is_none(), "and it still lives");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(case(dir.path()), Case::Stale);
}

#[test]
fn an_address_leads_nowhere_else() {
    let of = |url: &str| address(&StateFile { url: Some(url.into()), ..StateFile::default() }).map(|(url, _)| url);
    assert_eq!(of("http://127.0.0.1:4242/mcp").as_deref(), Some("http://127.0.0.1:4242/mcp"));
    assert_eq!(of("http://localhost:4242/mcp/").as_deref(), Some("http://127.0.0.1:4242/mcp/"));
    for bad in [
        "http://127.0.0.1:80@elsewhere.example/mcp",
        "http://elsewhere.example:4242/mcp",
        "https://127.0.0.1:4242/mcp",
        "http://127.0.0.1:0/mcp",
        "http://127.0.0.1:99999/mcp",
        "http://127.0.0.1:4242/m cp",
        "http://127.0.0.1.elsewhere.example:4242/",
    ] {
        assert_eq!(of(bad), None, "{bad}");
    }
    let by_port = StateFile { port: Some(4243), ..StateFile::default() };
    assert_eq!(address(&by_port).map(|(url, _)| url).as_deref(), Some("http://127.0.0.1:4243/mcp"));
}

#[test]
fn a_server_that_ends_at_once_is_told_with_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let command = ["sh", "-c", "echo cannot import numpy >&2; exit 3"].map(str::to_owned).to_vec();
    let launch = ServerBefore {
        was_running: false,
        pid: None,
        command,
        cwd: dir.path().to_owned(),
        env: BTreeMap::new(),
        tools: vec![],
    };
    let error = start(&LockedInstall::of_test(dir.path()), &launch, &Settings::default(), &mut Nobody).unwrap_err();
    assert!(error.to_string().contains("cannot import numpy"), "{error}");
    let log = log_path(dir.path());
    assert_eq!(log::written_since(&log, log::last_start(&log)), "cannot import numpy\n");
}

#[test]
fn a_server_started_at_once_on_new_code_is_not_older_than_it() {
    let dir = tempfile::tempdir().unwrap();
    let code = layouts().server().package.under(dir.path()).join("main.py");
    stdfs::create_dir_all(code.parent().unwrap()).unwrap();
    let write = || stdfs::write(&code, "pass\n").unwrap();
    for again in 0..50 {
        write();
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        let process = proc::look(child.id()).unwrap();
        let live = Live { process, url: String::new(), port: 0, owner: Owner::Nobody };
        let fresh = live.is_older_than_code(dir.path());
        std::thread::sleep(Duration::from_millis(if again == 0 { 100 } else { 0 }));
        write();
        let late = live.is_older_than_code(dir.path());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!fresh, "at start {again}");
        assert!(late || again > 0, "code that changed a tenth of a second later is noticed");
    }
}

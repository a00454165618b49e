//! The MCP Inspector's command line: it lists the tools and calls one.

use std::process::Command;

use serde_json::Value;

use crate::common::Sandbox;
use crate::common::ext::skipped;
use crate::mcp::{binary, home};

#[test]
fn the_inspector_lists_and_calls() {
    let mut sandbox = Sandbox::new();
    let demo = sandbox.content_demo();
    let inspect = |method: &[&str]| {
        let mut command = Command::new("npx");
        command.args(["--yes", "@modelcontextprotocol/inspector", "--cli"]).arg(binary());
        command.args(["mcp", "--project"]).arg(&demo.project).args(method).current_dir(sandbox.path());
        // Its packages are kept where they are for all.
        command
            .env("npm_config_update_notifier", "false")
            .env("XDG_CONFIG_HOME", format!("{}/.config", home(&sandbox)));
        command.stdin(std::process::Stdio::null()).output()
    };
    let listed = match inspect(&["--method", "tools/list"]) {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            return skipped(&format!("the Inspector can't be had: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Err(e) => return skipped(&format!("no npx: {e}")),
    };
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let names: Vec<&str> = listed["tools"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert!(names.len() == 13 && names.contains(&"upgrade_apply"), "{names:?}");
    let output = inspect(&["--method", "tools/call", "--tool-name", "upgrade_status"]).unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["structuredContent"]["stands"], "idle", "{status}");
}

//! Session files as somebody forges them who knows the format: every checksum is in order.

use std::fs;
use std::path::Path;

use pos_upgrade_tui::core::blob::sha256;
use pos_upgrade_tui::host::user::key;
use serde_json::{Map, Value, json};

/// What stands in `approval.json`, and not in the session itself.
const APPROVED: [&str; 5] = ["source", "on_conflict", "resolving", "options", "plan"];

/// The same with the seal of the user's own key, as if the user had approved it.
pub fn approved_session(home: &Path, folder: &Path, how: impl Fn(&mut Value)) {
    session(folder, how);
    let path = folder.join("approval.json");
    let mut sealed: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let key = fs::read_to_string(home.join(".local/state/pos-upgrade-tui/mark.key")).unwrap();
    sealed["seal"] = key::seal(&key, &format!("approval {}", sealed["sha256"].as_str().unwrap())).into();
    fs::write(path, sealed.to_string()).unwrap();
}

/// Changes a session in all of its files. `how` sees what was approved as part of the session.
pub fn session(folder: &Path, how: impl Fn(&mut Value)) {
    let read = |path: &Path| fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let approval_path = folder.join("approval.json");
    let approval = read(&approval_path).map_or(Value::Null, |sealed| sealed["approval"].clone());
    for name in ["session.json", "session.1.json"] {
        let Some(whole) = read(&folder.join(name)) else { continue };
        let mut session = whole["session"].clone();
        let known = session.as_object_mut().unwrap();
        known.extend(approval.as_object().cloned().unwrap_or_default());
        how(&mut session);
        let known = session.as_object_mut().unwrap();
        let taken_out = APPROVED.iter().filter_map(|key| Some(((*key).to_owned(), known.remove(*key)?)));
        let approval: Map<String, Value> = taken_out.collect();
        if !approval.is_empty() {
            let approval = Value::Object(approval);
            let sum = sha256(approval.to_string().as_bytes());
            fs::write(&approval_path, json!({"sha256": sum, "approval": approval}).to_string()).unwrap();
            session["approval"] = sum.into();
        }
        let (text, number) = (session.to_string(), &whole["sequence"]);
        let sum = sha256(text.as_bytes());
        let seal = sha256(format!("{number} {sum}").as_bytes());
        let all = json!({"sequence": number, "sha256": sum, "seal": seal, "session": session});
        fs::write(folder.join(name), all.to_string()).unwrap();
    }
}

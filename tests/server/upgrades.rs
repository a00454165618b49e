//! What goes right.

use serde_json::json;

use crate::common::{assert_same, snapshot, text, tools};
use crate::world::World;

#[test]
fn a_running_server_is_replaced_and_has_other_tools() {
    let Some(world) = World::running() else { return };
    let before = snapshot(&world.install);
    let (old_pid, old_tools) = (world.state()["pid"].clone(), tools(&world.install).unwrap());
    let commit = world.release(&json!({"slow_start": 1, "client_hangs_up": true}));

    let done = world.upgrade(&[]);
    assert_eq!(done.code, 0, "{}", done.said);
    assert_ne!(world.state()["pid"], old_pid);
    let new_tools = tools(&world.install).expect("the new server answers");
    assert!(new_tools.contains(&"list_standards".to_owned()), "{new_tools:?}");
    assert_eq!(done.evidence(4)["server_version"], commit);

    let back = world.run(&["rollback", "--yes"]);
    assert_eq!(back.status.code(), Some(0), "{}", text(&back).1);
    assert_same(&before, &snapshot(&world.install));
    assert_eq!(tools(&world.install).unwrap(), old_tools);
}

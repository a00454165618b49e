//! What goes wrong: each release misbehaves in one way, and each upgrade ends rolled back with the old server answering.

use serde_json::json;

use crate::world::World;

#[test]
fn a_server_that_exits_at_once() {
    let Some(world) = World::running() else { return };
    world.release(&json!({"exit_at_once": "no luck with numpy"}));
    world.fails(&["no luck with numpy", "mcp_server.log"]);
}

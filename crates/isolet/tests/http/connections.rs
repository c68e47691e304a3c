//! Connections are used again, but by nobody else.

use std::sync::Arc;

use isolet::{Permissions, TenantId};

use crate::setup::World;

#[tokio::test]
async fn tenants_have_connections_of_their_own() {
    let world = World::new().await;
    let isolet = world.isolet();
    for (tenant, connections) in [("a", 1), ("a", 1), ("b", 2), ("a", 2), ("c", 3), ("b", 3)] {
        let report = isolet.execute(world.execution_of(tenant, "(await http.get(base + '/say?x')).body")).await;
        assert_eq!((world.told(&report).as_str(), world.server.connections()), (r#""x""#, connections), "{tenant}");
    }
}

#[tokio::test]
async fn a_connection_does_not_lead_to_what_others_may_reach() {
    let world = World::new().await;
    world.names.tell("inside.test", "127.0.0.1");
    let (wide, port) = (Arc::new(world.permissions()), world.server.port());
    let narrow = Arc::new(Permissions { http: vec!["*:*".parse().expect("a pattern")], ..Permissions::default() });
    let policy = move |_: &TenantId, script: &isolet::ScriptId| match script.as_str() {
        "wide" => wide.clone(),
        _ => narrow.clone(),
    };
    let isolet = world.builder().permissions_policy(policy).http(world.http().build()).build().expect("it builds");
    let script = format!("await caught(http.get('http://inside.test:{port}/say?x').then(({{ body }}) => body))");
    for (name, expected) in [("wide", r#""x""#), ("narrow", r#""ERR_PERMISSION""#), ("wide", r#""x""#)] {
        let execution = world.execution(&script).script(isolet::ScriptId::new(name).expect("an id"));
        assert_eq!(world.told(&isolet.execute(execution).await), expected, "{name}");
    }
    assert_eq!(world.server.connections(), 1);
}

use std::collections::BTreeSet;

use isolet_testkit::NatsOptions;

use crate::setup::{Ear, World, caught, nats, start};

/// Names that would reach another tenant's subjects, were they written as they are.
const HOSTILE: [&str; 12] = [
    "acme.orders",
    "acme.*",
    "acme.>",
    "*",
    ">",
    "acme%2Eorders",
    "acme orders",
    "$SYS.REQ",
    "_INBOX",
    "acme\u{2028}x",
    "acmé",
    "isolet.acme",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_name_makes_another_tenants_subject() {
    let server = start(&NatsOptions::default());
    let mut everything = Ear::new(&server, ">").await;
    let mut acme = Ear::new(&server, "isolet.acme.>").await;
    let world = World::new(nats(&server.url()));
    let publish = |payload: &str| caught(&format!("'orders.created', {payload}"));
    let mut subjects = BTreeSet::new();
    for tenant in HOSTILE {
        assert_eq!(world.told(tenant, &publish("'hostile'")).await, r#""taken""#, "{tenant}");
        let heard = loop {
            let heard = everything.next().await;
            if !heard.subject.starts_with("_INBOX.") {
                break heard;
            }
        };
        let parts: Vec<&str> = heard.subject.split('.').collect();
        assert!(matches!(parts[..], ["isolet", _, "orders", "created"]), "{tenant}: {}", heard.subject);
        assert!(subjects.insert(heard.subject), "{tenant} is somebody else");
    }
    assert_eq!(world.told("acme", &publish("'own'")).await, r#""taken""#);
    let heard = acme.next().await;
    assert_eq!((&*heard.subject, &*heard.body), ("isolet.acme.orders.created", r#""own""#));
}

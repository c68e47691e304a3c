use std::time::Duration;

use futures_util::future::{join, join_all};
use isolet_sdk::events::{Nats, NatsError};
use isolet_testkit::{NatsOptions, certificates};

use crate::setup::{World, bounded, caught, nats, publish, start};

/// For what must fail, and waits so long for a server that lets it in.
const IMPATIENT: Duration = Duration::from_secs(5);

async fn refused(nats: Nats) -> String {
    let nats = nats.timeout(IMPATIENT);
    let (told, ready) = join(publish(&nats, "acme", "1"), bounded(nats.ready())).await;
    assert!(told.starts_with("retryable: there was no connection to the NATS server within 5000 ms: "), "{told}");
    let ready = ready.expect_err("it is not").to_string();
    for told in [&told, &ready, &format!("{nats:?}")] {
        assert!(!told.contains("s3cret"), "{told}");
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_in_stays_out() {
    let server = start(&NatsOptions::default().user("ann", "s3cret@/?#:").user("bob", "b"));
    for credentials in ["ann:s3cret%40%2F%3F%23%3A", "bob:b"] {
        assert_eq!(publish(&nats(&server.url_of(credentials)), "acme", "1").await, "taken", "{credentials}");
    }
    let wrong = ["", "ann:s3cret", "bob:s3cret", "s3cret"];
    for told in join_all(wrong.map(|credentials| refused(nats(&server.url_of(credentials))))).await {
        assert!(told.contains("authorization violation"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_checked() {
    let server = start(&NatsOptions::default().token("s3cret"));
    assert_eq!(publish(&nats(&server.url_of("s3cret")), "acme", "1").await, "taken");
    assert!(refused(nats(&server.url_of("not-the-s3cret"))).await.contains("authorization violation"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_checked() {
    let options = NatsOptions::default().tls().user("ann", "s3cret");
    let server = start(&options);
    let url = server.url_of("ann:s3cret");
    let trusting = |url: &str| nats(url).root_certificates(certificates::ROOT).expect("a certificate");
    assert_eq!(World::new(trusting(&url)).told("acme", &caught("'orders', 1")).await, r#""taken""#);
    // Who does not ask for it is secure, too, where the server does.
    let plain = url.replace("tls://", "nats://");
    assert_eq!(publish(&trusting(&plain), "acme", "1").await, "taken");
    let other_name = url.replace("localhost", "127.0.0.1");
    let wrong = [
        // Nobody whom we trust has signed it, whether we ask for it or not.
        nats(&url).root_certificates(certificates::OTHERS).expect("a certificate"),
        nats(&plain).root_certificates(certificates::OTHERS).expect("a certificate"),
        // It is another's.
        trusting(&other_name),
    ];
    for told in join_all(wrong.map(refused)).await {
        assert!(told.contains("error"), "{told}");
    }
    let insecure = start(&NatsOptions::default());
    let url = insecure.url().replace("nats://", "tls://");
    assert!(refused(trusting(&url)).await.contains("certificate is not valid"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_denies_is_not_taken() {
    let server = start(&NatsOptions::default().user_of("ann", "s3cret", &["isolet.acme.>", "_INBOX.>"]));
    for nats in [nats(&server.url_of("ann:s3cret")), nats(&server.url_of("ann:s3cret"))] {
        for _ in 0..3 {
            assert_eq!(publish(&nats, "acme", "1").await, "taken");
            let told = publish(&nats, "other", "1").await;
            assert!(told.starts_with("permanent: ") && told.contains("Permissions Violation for Publish"), "{told}");
        }
    }
    // However many, one after another or at once.
    let nats_of_ann = nats(&server.url_of("ann:s3cret"));
    for _ in 0..300 {
        assert!(publish(&nats_of_ann, "other", "1").await.starts_with("permanent: "));
    }
    let tenants: Vec<String> = (0..500).map(|number| format!("other-{number}")).collect();
    for told in join_all(tenants.iter().map(|tenant| publish(&nats_of_ann, tenant, "1"))).await {
        assert_ne!(told, "taken");
    }
    // What comes beside so many denials may have to be published again.
    let last = loop {
        let told = publish(&nats_of_ann, "acme", "1").await;
        if !told.starts_with("retryable: the NATS server denies too much") {
            break told;
        }
    };
    assert_eq!(last, "taken");
    // Without its inbox nothing is confirmed, and it is told why.
    let server = start(&NatsOptions::default().user_of("ann", "s3cret", &["isolet.>"]));
    let told = publish(&nats(&server.url_of("ann:s3cret")).timeout(IMPATIENT), "acme", "1").await;
    assert!(told.starts_with("retryable: the NATS server has confirmed nothing within 5000 ms: "), "{told}");
    assert!(told.contains("Permissions Violation for Publish to \"_INBOX."), "{told}");
}

#[test]
fn what_is_wrong_is_told_before_anything_is_sent() {
    assert!(matches!(Nats::new("nats://ann:s3cret@"), Err(NatsError::Url { .. })));
    for prefix in ["", "a.", "a b", "*", "a.>", "$SYS", "a.$JS"] {
        let error = Nats::new("nats://a.test").expect("a URL").prefix(prefix).expect_err(prefix);
        assert_eq!(error, NatsError::Prefix, "{prefix}");
    }
    let error = Nats::new("nats://a.test").expect("a URL").root_certificates("none").expect_err("no certificate");
    assert_eq!(error, NatsError::Certificate);
}

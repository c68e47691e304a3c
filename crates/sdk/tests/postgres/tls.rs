use std::sync::OnceLock;
use std::time::Duration;

use isolet_sdk::db::{DbLimits, Postgres};
use isolet_testkit::{Postgres as Server, certificates};

use crate::SECRET;
use crate::setup::World;

const ONE: &str = "return await db.query('SELECT 1 AS one')";
const UNAVAILABLE: &str = "host_error: DatabaseError: the database is not available";

/// A server that has TLS for those who ask for it.
fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        Server::start_with_tls().expect("Postgres is installed (`cargo xtask setup` brings it) and starts")
    })
}

/// The URL of a database of its own, under the name that the certificate is for.
fn url(options: &str) -> String {
    server().database().replace("127.0.0.1", "localhost") + options
}

fn postgres(url: &str) -> Postgres {
    Postgres::new(url, SECRET).expect("the URL is good")
}

fn trusting(url: &str) -> Postgres {
    postgres(url).root_certificates(certificates::ROOT).expect("a certificate")
}

/// Whether each connection to a database is secure, but for the one that asks.
fn is_secure(url: &str) -> String {
    let database = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).expect("it names a database");
    let asked = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = ";
    server().sql("postgres", &format!("{asked}'{database}'"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_secure_if_that_is_asked_for() {
    for (options, expected) in
        [("?sslmode=require", "t"), ("?sslmode=verify-full", "t"), ("?sslmode=prefer", "f"), ("", "f")]
    {
        let url = url(options);
        let world = World::new(trusting(&url).into());
        assert_eq!(world.run(ONE).await, r#"[{"one":1}]"#, "{options}");
        assert_eq!(is_secure(&url), expected, "{options}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_checked() {
    let url = url("?sslmode=require");
    let plain = Server::shared().database().replace("127.0.0.1", "localhost") + "?sslmode=require";
    for (why, postgres) in [
        ("nobody whom the system trusts has signed it", postgres(&url)),
        ("another has signed it", postgres(&url).root_certificates(certificates::OTHERS).expect("a certificate")),
        ("it is for another name", trusting(&url.replace("localhost", "127.0.0.1"))),
        ("the server has none", trusting(&plain)),
    ] {
        assert_eq!(World::new(postgres.into()).run(ONE).await, UNAVAILABLE, "{why}");
    }
    assert!(postgres(&url).root_certificates("-----BEGIN CERTIFICATE-----").is_err());
}

/// What is late is cancelled on a connection of its own, which is secure as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_end_on_secure_connections_too() {
    let url = url("?sslmode=require");
    let limits = DbLimits { statement_timeout: Duration::from_millis(300), ..DbLimits::default() };
    let world = World::new(trusting(&url).limits(limits).into());
    let told = world.run("await db.query('SELECT count(*) FROM generate_series(1, 1000000000000)')").await;
    assert!(told.contains("the statement took more than 300 ms"), "{told}");
    let rows = "return (await db.query(\"SELECT repeat('x', 1000) FROM generate_series(1, 3000)\")).length";
    assert_eq!(world.run(rows).await, "3000");
    let active =
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT count%1000000000000)'";
    for _ in 0..3_000 {
        if server().sql("postgres", active) == "0" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server works on what nobody waits for");
}

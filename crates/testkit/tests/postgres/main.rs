//! The Postgres of tests is a real one, and goes when its time is over.

#[path = "../common/mod.rs"]
mod common;

use std::net::TcpStream;

use isolet_testkit::Postgres;

#[test]
fn databases_are_apart_and_passwords_are_asked_for() {
    let postgres = Postgres::shared();
    let (one, other) = (postgres.database(), postgres.database());
    postgres.sql(&one, "CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2)");
    assert_eq!(postgres.sql(&one, "SELECT x, x * 2 FROM t ORDER BY x"), "1|2\n2|4");
    assert_eq!(postgres.sql(&other, "SELECT to_regclass('t') IS NULL"), "t");
    let wrong = postgres.url("postgres", "wrong", "postgres");
    std::panic::catch_unwind(|| postgres.sql(&wrong, "SELECT 1")).expect_err("the password is wrong");
}

#[test]
fn nothing_is_left_of_a_cluster_that_was_dropped() {
    let postgres = Postgres::start().expect("Postgres starts");
    let (address, directory) = place(&postgres);
    drop(postgres);
    assert!(TcpStream::connect(address).is_err() && !std::path::Path::new(&directory).exists());
}

#[test]
fn what_was_committed_is_there_after_the_server_was_killed() {
    let mut postgres = Postgres::start().expect("Postgres starts");
    let database = postgres.database();
    let (address, _) = place(&postgres);
    let commit = |postgres: &Postgres, number: u32| {
        postgres.sql(&database, &format!("SET synchronous_commit = on; INSERT INTO t VALUES ({number})"));
    };
    postgres.sql(&database, "CREATE TABLE t (x int)");
    for number in 0..2 {
        commit(&postgres, number);
        postgres.kill();
        TcpStream::connect(&address).expect_err("nobody listens");
        postgres.restart();
    }
    assert_eq!(postgres.sql(&database, "SELECT x FROM t ORDER BY x"), "0\n1");
}

#[test]
fn nothing_is_left_when_the_process_is_killed() {
    common::nothing_is_left_when_killed("nothing_is_left_when_the_process_is_killed", || {
        let postgres = Postgres::start().expect("Postgres starts");
        let (address, directory) = place(&postgres);
        (postgres, address, directory)
    });
}

/// Where it listens, and its directory.
fn place(postgres: &Postgres) -> (String, String) {
    let port = postgres.sql("postgres", "SHOW port");
    let data = postgres.sql("postgres", "SHOW data_directory");
    let directory = data.strip_suffix("/data").expect("it is below its own directory");
    assert!(std::path::Path::new(directory).exists());
    (format!("127.0.0.1:{port}"), directory.to_owned())
}

//! Ports of the loopback interface for servers of tests.

use std::io;
use std::net::TcpListener;

/// How many to try: what is free now may not be when the server comes to it.
const PORTS: usize = 5;

pub(crate) fn free_ports() -> io::Result<Vec<u16>> {
    let listeners: io::Result<Vec<_>> = (0..PORTS).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect();
    listeners?.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

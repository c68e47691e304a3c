//! What may lie between a store and its Postgres: a way that is slow, silent or closed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Each answer comes so much later.
    Slow(Duration),
    /// Nothing arrives, and nobody is told. A connection that was used then is silent for ever, as when a machine is gone.
    Silent,
    /// Connections end, and there are no new ones.
    Closed,
}

/// A port that leads to the server of a URL.
pub(crate) struct Proxy {
    way: watch::Sender<Way>,
    location: String,
}

impl Proxy {
    pub(crate) async fn to(location: &str) -> Self {
        let (before, server) = location.split_once('@').expect("a role");
        let (server, database) = server.split_once('/').expect("a database");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (way, changes) = watch::channel(Way::Open);
        tokio::spawn(listen(listener, server.to_owned(), changes));
        Self { way, location: format!("{before}@127.0.0.1:{port}/{database}") }
    }

    /// The URL of the database by this way.
    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

/// Takes connections, but for the times when the way is closed.
async fn listen(mut listener: TcpListener, server: String, mut way: watch::Receiver<Way>) {
    let address = listener.local_addr().expect("it is bound");
    loop {
        tokio::select! {
            client = listener.accept() => {
                let (client, _) = client.expect("a connection");
                tokio::spawn(connect(client, server.clone(), way.clone()));
            }
            () = is_closed(way.clone()) => {
                drop(listener);
                if way.wait_for(|way| *way != Way::Closed).await.is_err() {
                    return;
                }
                listener = TcpListener::bind(address).await.expect("nobody else took it");
            }
        }
    }
}

async fn connect(client: TcpStream, server: String, way: watch::Receiver<Way>) {
    let server = TcpStream::connect(server).await.expect("the server serves");
    let silence = Arc::new(watch::Sender::new(false));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        _ = pass(from_client, to_server, way.clone(), silence.clone(), false) => {}
        _ = pass(from_server, to_client, way.clone(), silence, true) => {}
        () = is_closed(way) => {}
    }
}

/// Hands on what comes, until one side ends.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: watch::Receiver<Way>,
    silence: Arc<watch::Sender<bool>>,
    is_answer: bool,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut bytes).await?;
        let now = *way.borrow();
        if now == Way::Silent {
            silence.send_replace(true);
        }
        if *silence.borrow() {
            // Whoever is at the other end learns neither of the bytes nor of an end.
            std::future::pending::<()>().await;
        }
        if length == 0 {
            return Ok(());
        }
        if let (true, Way::Slow(delay)) = (is_answer, now) {
            tokio::time::sleep(delay).await;
        }
        to.write_all(&bytes[..length]).await?;
    }
}

async fn is_closed(mut way: watch::Receiver<Way>) {
    if way.wait_for(|way| *way == Way::Closed).await.is_err() {
        std::future::pending::<()>().await;
    }
}

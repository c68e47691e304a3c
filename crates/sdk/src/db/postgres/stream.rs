//! The way to a server, which counts what comes back.
//!
//! A row is read as a whole before anybody can look at it, and may have a gigabyte: past the bound, the connection ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// Bytes that came since the count began.
#[derive(Debug)]
pub(super) struct Received {
    bytes: AtomicU64,
    max: u64,
}

impl Received {
    pub(super) fn new(max: u64) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicU64::new(0), max })
    }

    pub(super) fn begin(&self) {
        self.bytes.store(0, Relaxed);
    }

    /// Whether more came than may.
    pub(super) fn is_over(&self) -> bool {
        self.bytes.load(Relaxed) > self.max
    }
}

pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// Connects to the one host of `config`.
pub(super) async fn connect(config: &Config) -> io::Result<Box<dyn Socket>> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match config.get_hosts().first() {
        Some(Host::Tcp(name)) => {
            let stream = TcpStream::connect((name.as_str(), port)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        #[cfg(unix)]
        Some(Host::Unix(directory)) => {
            let path = directory.join(format!(".s.PGSQL.{port}"));
            Ok(Box::new(tokio::net::UnixStream::connect(path).await?))
        }
        _ => Err(io::Error::other("no host")),
    }
}

/// A socket whose bytes are counted, and which fails when there are too many.
pub(super) struct Counted {
    socket: Box<dyn Socket>,
    received: Arc<Received>,
}

impl Counted {
    pub(super) fn new(socket: Box<dyn Socket>, received: Arc<Received>) -> Self {
        Self { socket, received }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        self.received.bytes.fetch_add((buffer.filled().len() - before) as u64, Relaxed);
        match self.received.is_over() {
            true => Poll::Ready(Err(io::Error::other("the answer is too large"))),
            false => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

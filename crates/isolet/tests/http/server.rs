//! A server by hand: what it does is asked for by the path.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// 16 MiB of zeros.
const BOMB: &[u8] = include_bytes!("bomb.gz");
const GZIP: &[u8] =
    b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xcb\x48\xcd\xc9\xc9\xd7\x51\x48\xaf\xca\x2c\0\0\x4a\x9b\xb1\x5c\x0b\0\0\0";
const DEFLATE: &[u8] = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\xd7\x51\x48\x49\x4d\xcb\x49\x2c\x49\x05\0\x26\xad\x05\x36";

/// What a secure connection begins with.
const TLS_HANDSHAKE: u8 = 0x16;

/// Listens until it is dropped.
#[derive(Clone)]
pub(crate) struct Server(Arc<State>);

struct State {
    address: SocketAddr,
    connections: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    /// Requests that are being answered.
    busy: watch::Sender<usize>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// In lower case, in their order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

impl Server {
    /// Listens at an address; port 0 is any.
    pub(crate) async fn start(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let server = Self::of(&listener);
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        server
    }

    pub(crate) fn of(listener: &TcpListener) -> Self {
        let address = listener.local_addr().expect("it listens");
        let (connections, requests) = (AtomicUsize::new(0), Mutex::default());
        Self(Arc::new(State { address, connections, requests, busy: watch::Sender::new(0) }))
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.address.port()
    }

    pub(crate) fn connections(&self) -> usize {
        self.0.connections.load(SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many requests are being answered.
    pub(crate) async fn wait_until_busy(&self, count: usize) {
        let mut busy = self.0.busy.subscribe();
        let wait = tokio::time::timeout(Duration::from_secs(60), busy.wait_for(|busy| *busy == count)).await;
        let _busy = wait.expect("the requests end").expect("the server is there");
    }

    pub(crate) async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        self.0.connections.fetch_add(1, SeqCst);
        let mut connection = Connection { stream, buffer: Vec::new() };
        while let Some(request) = connection.request().await {
            self.0.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
            self.0.busy.send_modify(|busy| *busy += 1);
            let goes_on = connection.answer(&request).await;
            self.0.busy.send_modify(|busy| *busy -= 1);
            if goes_on.is_none() {
                return;
            }
        }
    }
}

struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn request(&mut self) -> Option<Request> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
            if self.buffer[0] == TLS_HANDSHAKE {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
        let length = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .map_or(0, |(_, value)| value.parse().expect("a length"));
        while self.buffer.len() < end + length {
            self.more().await?;
        }
        let body = String::from_utf8_lossy(&self.buffer[end..end + length]).into_owned();
        self.buffer.drain(..end + length);
        Some(Request { method, path, headers, body })
    }

    async fn more(&mut self) -> Option<()> {
        let mut piece = [0; 16 << 10];
        let count = self.stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Some(())
    }

    /// `None` if the connection is over.
    async fn answer(&mut self, request: &Request) -> Option<()> {
        let (path, argument) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let number = || argument.parse::<usize>().expect("a number");
        match path {
            "/echo" => {
                let headers: serde_json::Map<_, _> =
                    request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
                let echo = json!({
                    "method": request.method, "path": request.path, "headers": headers, "body": request.body,
                });
                let named: String = ["authorization", "x-api-key"]
                    .iter()
                    .filter_map(|name| Some(format!("x-echo: {}\r\n", request.header(name)?)))
                    .collect();
                self.whole(&format!("200 OK\r\n{named}content-type: application/json"), echo.to_string().as_bytes())
                    .await
            }
            "/say" => self.whole("200 OK\r\nContent-Type: text/plain; charset=utf-8", argument.as_bytes()).await,
            "/json" => self.whole("200 OK\r\ncontent-type: application/json", b"{\"a\": [1, \"\xc3\xa9\"]}").await,
            "/not-json" => self.whole("200 OK\r\ncontent-type: application/json", b"{").await,
            "/bytes" => self.whole("200 OK\r\ncontent-type: image/png", &[0, 255, 10]).await,
            "/mark" => self.whole("200 OK\r\ncontent-type: text/plain", b"\xEF\xBB\xBFa\xff").await,
            "/cookies" => self.whole("200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-a: 1\r\nx-a: 2", b"").await,
            "/latin" => self.bytes(b"HTTP/1.1 200 OK\r\nx-latin: \xe9\r\ncontent-length: 0\r\n\r\n").await,
            "/status" => self.whole(&format!("{argument} Whatever"), b"told").await,
            "/empty" => self.bytes(b"HTTP/1.1 204 No Content\r\n\r\n").await,
            "/once" => {
                self.whole("200 OK\r\nconnection: close", b"once").await?;
                None
            }
            "/hops" => match number() {
                0 => self.whole("200 OK", b"arrived").await,
                left => self.whole(&format!("302 Found\r\nlocation: /hops?{}", left - 1), b"").await,
            },
            "/gzip" => self.whole("200 OK\r\ncontent-encoding: gzip", GZIP).await,
            "/deflate" => self.whole("200 OK\r\ncontent-encoding: deflate", DEFLATE).await,
            "/bomb" => self.whole("200 OK\r\ncontent-encoding: gzip", BOMB).await,
            "/broken-gzip" => self.whole("200 OK\r\ncontent-encoding: gzip", b"no gzip at all").await,
            "/cut-gzip" => self.whole("200 OK\r\ncontent-encoding: gzip", &GZIP[..20]).await,
            "/large" => self.whole("200 OK", &vec![b'a'; number()]).await,
            "/headers" => {
                let headers: String = (0..number()).map(|at| format!("\r\nx-{at}: {at}")).collect();
                self.whole(&format!("200 OK{headers}"), b"many").await
            }
            "/large-header" => self.whole(&format!("200 OK\r\nx-large: {}", "a".repeat(number())), b"large").await,
            _ => match path.strip_prefix("/redirect/") {
                Some(status) => self.whole(&format!("{status} Elsewhere\r\nlocation: {argument}"), b"elsewhere").await,
                None => self.misbehave(path, argument).await,
            },
        }
    }

    async fn misbehave(&mut self, path: &str, argument: &str) -> Option<()> {
        const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        match path {
            "/silent" => self.until_closed().await,
            "/close" => None,
            "/greeting" => self.last(b"hello\r\nthis is no HTTP\r\n\r\n").await,
            "/half-head" => self.last(b"HTTP/1.1 200 OK\r\nx-a: ").await,
            "/bad-status" => self.last(b"HTTP/1.1 twohundred OK\r\ncontent-length: 0\r\n\r\n").await,
            "/bad-header" => self.last(b"HTTP/1.1 200 OK\r\nx a: 1\r\ncontent-length: 0\r\n\r\n").await,
            "/nul-header" => self.last(b"HTTP/1.1 200 OK\r\nx-a: \0\r\ncontent-length: 0\r\n\r\n").await,
            "/bad-length" => self.last(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nabc").await,
            "/two-lengths" => {
                self.last(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nabcde").await
            }
            "/too-short" => self.last(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc").await,
            "/too-long" => self.last(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n\r\n").await,
            "/claims" => {
                self.bytes(format!("HTTP/1.1 200 OK\r\ncontent-length: {argument}\r\n\r\nabc").as_bytes()).await?;
                self.until_closed().await
            }
            "/cut-chunk" => self.last(&[CHUNKED, b"10\r\nabc"].concat()).await,
            "/bad-chunk" => self.last(&[CHUNKED, b"zz\r\nabc\r\n"].concat()).await,
            "/huge-chunk" => self.last(&[CHUNKED, b"ffffffffffffffffff\r\nabc\r\n"].concat()).await,
            "/upgrade" => {
                self.last(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n").await
            }
            "/drip" => {
                self.bytes(CHUNKED).await?;
                self.repeat(b"1\r\na\r\n", Duration::from_millis(5)).await
            }
            "/drip-head" => {
                self.bytes(b"HTTP/1.1 200 OK\r\nx-a: ").await?;
                self.repeat(b"a", Duration::from_millis(5)).await
            }
            "/endless" => {
                self.bytes(CHUNKED).await?;
                let chunk = [&b"4000\r\n"[..], &[b'a'; 0x4000], b"\r\n"].concat();
                self.repeat(&chunk, Duration::ZERO).await
            }
            "/endless-until-closed" => {
                self.bytes(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                self.repeat(&[b'a'; 0x4000], Duration::ZERO).await
            }
            "/endless-headers" => {
                self.bytes(b"HTTP/1.1 200 OK\r\n").await?;
                self.repeat(&b"x-more: and more\r\n".repeat(50), Duration::ZERO).await
            }
            "/endless-header" => {
                self.bytes(b"HTTP/1.1 200 OK\r\nx-more: ").await?;
                self.repeat(&[b'a'; 0x4000], Duration::ZERO).await
            }
            "/endless-continue" => self.repeat(b"HTTP/1.1 100 Continue\r\n\r\n", Duration::from_millis(1)).await,
            "/endless-trailers" => {
                self.bytes(&[CHUNKED, b"0\r\n"].concat()).await?;
                self.repeat(&b"x-more: and more\r\n".repeat(50), Duration::ZERO).await
            }
            _ => self.whole("404 Not Found\r\ncontent-type: text/plain", b"there is nothing here").await,
        }
    }

    async fn whole(&mut self, head: &str, body: &[u8]) -> Option<()> {
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
        self.bytes(&[head.as_bytes(), body].concat()).await
    }

    async fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    /// The last of a connection.
    async fn last(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes(bytes).await?;
        self.stream.shutdown().await.ok()?;
        None
    }

    async fn until_closed(&mut self) -> Option<()> {
        while self.more().await.is_some() {}
        None
    }

    /// Goes on until the other side has closed the connection.
    async fn repeat(&mut self, bytes: &[u8], pause: Duration) -> Option<()> {
        let (mut read, mut write) = tokio::io::split(&mut self.stream);
        let writing = async {
            while write.write_all(bytes).await.is_ok() {
                tokio::time::sleep(pause).await
            }
        };
        let mut piece = [0; 64];
        let reading = async { while read.read(&mut piece).await.is_ok_and(|count| count > 0) {} };
        either(writing, reading).await;
        None
    }
}

async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! { () = one => {}, () = other => {} }
}

//! TLS between here and the server, or none.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::TryFutureExt;
use futures_util::future::{Either, MapOk, Ready, ready};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::{Connect, TlsConnector, client};

use crate::tls::Tls;

/// The name by which servers know the protocol, which those that are asked for TLS at once insist on.
const PROTOCOL: &[u8] = b"postgresql";

/// How connections to a server are secured.
#[derive(Debug, Clone)]
pub(super) enum Security {
    /// They are not. The configuration says so, too: a connector is never asked.
    None,
    /// The server shows a certificate for this name.
    Tls(Arc<Tls>, ServerName<'static>),
}

impl Security {
    /// By TLS with the server of this name. These roots are trusted besides the system's.
    pub(super) fn tls(name: ServerName<'static>, roots: Vec<CertificateDer<'static>>) -> Self {
        Self::Tls(Arc::new(Tls::new(roots)), name)
    }

    /// For one connection.
    pub(super) async fn connector(&self) -> io::Result<Connector> {
        let Self::Tls(tls, name) = self else { return Ok(Connector(None)) };
        let mut config = tls.secure().await.map_err(io::Error::other)?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Connector(Some((TlsConnector::from(Arc::new(config)), name.clone()))))
    }
}

/// Makes one connection secure, if there is anything in it.
pub(super) struct Connector(Option<(TlsConnector, ServerName<'static>)>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsConnect<S> for Connector {
    type Stream = Secure<S>;
    type Error = io::Error;
    type Future = Either<MapOk<Connect<S>, fn(client::TlsStream<S>) -> Secure<S>>, Ready<io::Result<Secure<S>>>>;

    fn connect(self, stream: S) -> Self::Future {
        match self.0 {
            Some((connector, name)) => Either::Left(connector.connect(name, stream).map_ok(Secure)),
            None => Either::Right(ready(Err(io::Error::other("TLS was not asked for")))),
        }
    }
}

/// A secure connection.
pub(super) struct Secure<S>(client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Secure<S> {
    /// The certificate itself was checked.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secure<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secure<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

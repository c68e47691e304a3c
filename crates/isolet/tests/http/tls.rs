//! Secure connections: certificates are checked, and so is everything else.

use std::sync::Arc;

use isolet::http::Secret;
use isolet::{Isolet, Permissions};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::Server;
use crate::setup::World;

const ROOT: &str = include_str!("tls/root.pem");
/// Of `secure.test`, until 2120.
const CERTIFICATE: &[u8] = include_bytes!("tls/server.pem");
const KEY: &[u8] = include_bytes!("tls/server.key.pem");

async fn secure_server() -> Server {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(KEY).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let config = config.with_single_cert(vec![certificate], key).expect("they fit");
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await);
    let listener = listener.expect("a free port");
    let server = Server::of(&listener);
    let accepting = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (accepting, acceptor) = (accepting.clone(), acceptor.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    accepting.serve(stream).await;
                }
            });
        }
    });
    server
}

fn isolet(world: &World, secure: &Server, trusts: bool) -> Isolet {
    let http = ["*:*".to_owned(), format!("127.0.0.1:{}", secure.port()), format!("127.0.0.1:{}", world.server.port())];
    let http = http.map(|pattern| pattern.parse().expect("a pattern")).to_vec();
    let secret = Secret::bearer("pay", "sk_live_0123456789").expect("a secret").host("secure.test:*").expect("a host");
    let service = world.http().secrets(vec![secret]);
    let service = if trusts { service.root_certificates(ROOT).expect("a certificate") } else { service };
    let permissions = Permissions { http, ..Permissions::default() };
    world.builder().permissions(permissions).http(service.build()).build().expect("it builds")
}

#[tokio::test]
async fn certificates_are_checked() {
    let (world, secure) = (World::new().await, secure_server().await);
    world.names.tell("secure.test", "127.0.0.1");
    world.names.tell("other.test", "127.0.0.1");
    let port = secure.port();
    let told = |host: &str| {
        format!(
            "try {{ await (await fetch('https://{host}:{port}/say?x')).text() }} catch (e) {{ e.code + ': ' + e.message }}"
        )
    };
    let (trusting, other) = (isolet(&world, &secure, true), isolet(&world, &secure, false));
    world.check(&trusting, &[(&told("secure.test"), r#""x""#)]).await;
    for (isolet, host) in [(&trusting, "other.test"), (&trusting, "127.0.0.1"), (&other, "secure.test")] {
        let report = isolet.execute(world.execution(&told(host))).await;
        let told = world.told(&report);
        let is_refused = told.contains("its certificate is not valid for it");
        // A machine may have no certificates at all.
        assert!(is_refused || told.contains("not set up for secure connections"), "{host}: {told}");
    }
    let plain = format!("try {{ await fetch('https://127.0.0.1:{}/') }} catch (e) {{ e.code }}", world.server.port());
    world.check(&trusting, &[(&plain, r#""ERR_HTTP_CONNECT""#)]).await;
    assert_eq!(secure.requests().len(), 1);
}

#[tokio::test]
async fn what_is_secure_stays_so() {
    let (world, secure) = (World::new().await, secure_server().await);
    world.names.tell("secure.test", "127.0.0.1");
    let (isolet, origin) = (isolet(&world, &secure, true), format!("https://secure.test:{}", secure.port()));
    let rows = [
        (
            format!("(await http.get('{origin}/echo', {{ secrets: 'pay' }})).body.headers.authorization"),
            r#""Bearer [secret]""#,
        ),
        (
            format!("await caught(http.get('http://secure.test:{}/echo', {{ secrets: 'pay' }}))", world.server.port()),
            r#""ERR_PERMISSION""#,
        ),
        (format!("await caught(fetch(`{origin}/redirect/302?${{base}}/say?x`))"), r#""ERR_HTTP_REDIRECT""#),
        (format!("(await http.get(base + '/redirect/302?{origin}/say?x')).body"), r#""x""#),
    ];
    for (script, expected) in &rows {
        world.check(&isolet, &[(script, expected)]).await;
    }
}

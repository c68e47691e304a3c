//! What the tests share.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolet::http::{Http, HttpBuilder, HttpLimits, Resolver};
use isolet::{
    ApiCallRate, Execution, Isolet, IsoletBuilder, Limits, Permissions, Report, Source, SourceKind, TenantId,
};

use crate::server::Server;

/// Bytes that a response may have.
pub(crate) const RESPONSE_BYTES: usize = 256 << 10;

/// A server that may be reached, and at the same port of another address one that may not.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) forbidden: Server,
    pub(crate) names: Names,
}

/// Addresses by name, in the order in which they are told; the last ones are told again and again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(Arc<Mutex<NamesState>>);

#[derive(Debug, Default)]
struct NamesState {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    asked: HashMap<String, usize>,
}

impl Names {
    /// `a.test` has these addresses; those of a next lookup come after a `|`.
    pub(crate) fn tell(&self, name: &str, addresses: &str) {
        let list = |list: &str| list.split_whitespace().map(|address| address.parse().expect("an address")).collect();
        let answers = addresses.split('|').map(list).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answers.insert(name.to_owned(), answers);
    }

    /// How often a name was looked up.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).asked.get(name).copied().unwrap_or_default()
    }
}

impl Resolver for Names {
    fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = state.asked.entry(name.to_owned()).or_default();
        *asked += 1;
        let at = *asked - 1;
        let answers = state.answers.get(name).ok_or_else(|| io::Error::other("unknown to 10.1.2.3"))?;
        Ok(answers.get(at).or(answers.last()).cloned().unwrap_or_default())
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        for _ in 0..100 {
            let server = Server::start("127.0.0.1:0").await;
            // The port may be taken at the other address.
            let other = tokio::net::TcpListener::bind(("127.0.0.2", server.port())).await;
            if other.is_ok() {
                drop(other);
                let forbidden = Server::start(&format!("127.0.0.2:{}", server.port())).await;
                return Self { server, forbidden, names: Names::default() };
            }
        }
        panic!("no port is free at both addresses");
    }

    pub(crate) fn http(&self) -> HttpBuilder {
        let limits =
            HttpLimits { response_bytes: RESPONSE_BYTES, timeout: Duration::from_secs(60), ..HttpLimits::default() };
        Http::builder().limits(limits).resolver(self.names.clone())
    }

    /// Every name may be asked for at any port, and of addresses that are not public the server's own.
    pub(crate) fn permissions(&self) -> Permissions {
        let http = ["*:*".to_owned(), format!("127.0.0.1:{}", self.server.port())];
        let http = http.map(|pattern| pattern.parse().expect("a pattern")).to_vec();
        Permissions { http, ..Permissions::default() }
    }

    pub(crate) fn builder(&self) -> IsoletBuilder {
        let api_rate = ApiCallRate { calls: 10_000, per: Duration::from_secs(1), burst: 10_000 };
        let limits = Limits { api_rate, wall_time: Duration::from_secs(120), ..Limits::default() };
        Isolet::builder().workers(2).vms_warm(2).limits(limits).permissions(self.permissions())
    }

    pub(crate) fn isolet(&self) -> Isolet {
        self.builder().http(self.http().build()).build().expect("it builds")
    }

    /// For the tenant acme. In the script, `base` and `forbidden` are the servers' URLs, `port` is their port.
    pub(crate) fn execution(&self, script: &str) -> Execution {
        self.execution_of("acme", script)
    }

    pub(crate) fn execution_of(&self, tenant: &str, script: &str) -> Execution {
        let port = self.server.port();
        let prelude = format!(
            "const base = 'http://127.0.0.1:{port}', forbidden = 'http://127.0.0.2:{port}', port = {port}; \
             const caught = async (work) => {{ try {{ return await work }} catch (e) {{ \
             return e.code ?? e.name }} }};\n"
        );
        let source = Source::new("test.js", prelude + script, SourceKind::Auto).expect("a name");
        Execution::new(source, TenantId::new(tenant).expect("an id"))
    }

    /// The output as JSON, or the status and the error, with the port as `PORT`.
    pub(crate) fn told(&self, report: &Report) -> String {
        let told = match (&report.output, &report.error) {
            (_, Some(error)) => format!("{}: {}: {}", report.status, error.name, error.message),
            (Some(output), None) => output.get().to_owned(),
            (None, None) => report.status.to_string(),
        };
        told.replace(&self.server.port().to_string(), "PORT")
    }

    /// Runs scripts and compares what they give; whatever they did is over then, and nothing was reached that must not be.
    pub(crate) async fn check(&self, isolet: &Isolet, rows: &[(&str, &str)]) {
        for (script, expected) in rows {
            let report = isolet.execute(self.execution(script)).await;
            assert_eq!(self.told(&report), *expected, "{script}");
            self.server.wait_until_busy(0).await;
            assert_eq!(self.forbidden.connections(), 0, "{script}");
        }
    }
}

//! How requests reach a node: one `tower::Service`, over TLS in production, a simulator in tests.

use crate::rest::error::Mistrust;
use crate::rest::tls;
use crate::rest::tls::Presented;
use crate::rest::tls::Trust;
use bytes::Bytes;
use bytes::BytesMut;
use http::Method;
use http::Request;
use http::Response;
use http::Uri;
use rustls_pki_types::ServerName;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::util::BoxCloneSyncService;

/// Takes each request to the node that its URI's authority names.
///
/// A request carries in its extensions the [`Trust`] that the node must satisfy before a byte is sent, and an
/// [`AnswerLimit`]. `CONNECT` needs no trust and sends no HTTP: it shakes hands, and answers 200 with [`Presented`] in the
/// extensions.
pub type Transport = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, TransportError>;

/// Longest body that is read, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimit(pub usize);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// No connection. Nothing was sent.
    Connect(String),
    /// The node is not the one that is trusted. Nothing was sent.
    Untrusted(Mistrust),
    /// The request cannot be sent by anybody. Nothing was sent.
    Unsendable(String),
    /// The connection ended before a complete answer.
    Lost(String),
    /// The answer is longer than [`AnswerLimit`].
    TooLarge,
}

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(why) => write!(f, "no connection: {why}"),
            Self::Untrusted(mistrust) => mistrust.fmt(f),
            Self::Unsendable(why) => write!(f, "the request cannot be sent: {why}"),
            Self::Lost(why) => write!(f, "connection lost: {why}"),
            Self::TooLarge => f.write_str("the answer is too long"),
        }
    }
}

impl StdError for TransportError {}

/// Longest time to connect and shake hands before a request; whoever waits for the answer may wait less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an unused connection is kept: longer than an interval between observations.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Unused connections kept per node.
const IDLE_CONNECTIONS: usize = 4;
/// Ways to trust one node for which connections are kept: the one in force and the one before.
const TRUSTS_PER_NODE: usize = 2;

/// HTTP/1.1 over TLS. Follows no redirect, retries nothing, reads no environment.
pub fn over_tls() -> Transport {
    let pools = Arc::new(Pools::default());
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Bytes>| {
        let pools = pools.clone();
        async move {
            if request.method() == Method::CONNECT {
                return shake_hands(request.uri()).await;
            }
            let trust = request.extensions().get::<Trust>().cloned();
            let trust =
                trust.ok_or_else(|| TransportError::Unsendable("nothing vouches for the node".to_owned()))?;
            let pool = pools.of(request.uri(), trust)?;
            exchange(&pool, request).await
        }
    }))
}

/// Connections, kept per node and per trust: one that was judged by another trust is never used again.
#[derive(Default)]
struct Pools {
    by_node: Mutex<HashMap<String, Vec<(Trust, reqwest::Client)>>>,
}

impl Pools {
    fn of(&self, uri: &Uri, trust: Trust) -> Result<reqwest::Client, TransportError> {
        let node = uri.authority().map(ToString::to_string).unwrap_or_default();
        let mut by_node = self.by_node.lock().unwrap_or_else(PoisonError::into_inner);
        let pools = by_node.entry(node).or_default();
        if let Some((_, pool)) = pools.iter().find(|(other, _)| *other == trust) {
            return Ok(pool.clone());
        }
        let pool = pool(trust.clone())?;
        if pools.len() >= TRUSTS_PER_NODE {
            pools.remove(0);
        }
        pools.push((trust, pool.clone()));
        Ok(pool)
    }
}

fn pool(trust: Trust) -> Result<reqwest::Client, TransportError> {
    let unsendable = |error: &dyn StdError| TransportError::Unsendable(error.to_string());
    let config = tls::verified(trust).map_err(|error| unsendable(&error))?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .https_only(true)
        .http1_only()
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build()
        .map_err(|error| unsendable(&error))
}

async fn exchange(
    pool: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    let limit = request
        .extensions()
        .get::<AnswerLimit>()
        .map_or(0, |limit| limit.0);
    let request = reqwest::Request::try_from(request)
        .map_err(|error| TransportError::Unsendable(root_cause(&error)))?;
    let mut answer = pool.execute(request).await.map_err(|error| failure(&error))?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    let mut body = BytesMut::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|error| TransportError::Lost(root_cause(&error)))?
    {
        if body.len() + chunk.len() > limit {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    *response.body_mut() = body.freeze();
    Ok(response)
}

async fn shake_hands(uri: &Uri) -> Result<Response<Bytes>, TransportError> {
    let presented = look(uri).await.map_err(|error| before_sending(&error))?;
    let mut response = Response::new(Bytes::new());
    response.extensions_mut().insert(presented);
    Ok(response)
}

async fn look(uri: &Uri) -> io::Result<Presented> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let config = tls::onlooking().map_err(io::Error::other)?;
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let (_, connection) = stream.get_ref();
    let chain = connection.peer_certificates().unwrap_or_default().to_vec();
    Presented::read(chain).map_err(io::Error::other)
}

fn failure(error: &reqwest::Error) -> TransportError {
    if error.is_connect() {
        before_sending(error)
    } else {
        TransportError::Lost(root_cause(error))
    }
}

fn before_sending(error: &(dyn StdError + 'static)) -> TransportError {
    match mistrust(error) {
        Some(mistrust) => TransportError::Untrusted(mistrust),
        None => TransportError::Connect(root_cause(error)),
    }
}

/// The TLS failure somewhere below `error`, if there is one.
pub(crate) fn mistrust(error: &(dyn StdError + 'static)) -> Option<Mistrust> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(rustls::OtherError(own))) => {
            own.downcast_ref::<Mistrust>().cloned()
        }
        other => Some(Mistrust::Handshake(other.to_string())),
    })
}

/// `error` and everything below it. An `io::Error` hides what it wraps from `source`.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

/// The innermost cause in words: never a URL, a header or a body.
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let innermost = causes(error).last().unwrap_or(error);
    match innermost.downcast_ref::<reqwest::Error>() {
        Some(_) => "the connection failed".to_owned(),
        None => innermost.to_string(),
    }
}

#[cfg(test)]
mod tests;

//! Requests to one node, under one trust.

use crate::rest::call::Answer;
use crate::rest::call::Call;
use crate::rest::call::refusal;
use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::route;
use crate::rest::route::Route;
use crate::rest::session::Session;
use crate::rest::tls::Presented;
use crate::rest::tls::Trust;
use crate::rest::transport::AnswerLimit;
use crate::rest::transport::Transport;
use crate::rest::transport::TransportError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use http::Request;
use http::Response;
use http::header;
use secrecy::ExposeSecret;
use secrecy::SecretString;
use secrecy::zeroize::Zeroize;
use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;
use tower::ServiceExt;

/// Where a node's REST API is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeAddress {
    /// IP address or host name; no brackets around an IPv6 address.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// `host:port`.
impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<Ipv6Addr>() {
            Ok(address) => write!(f, "[{address}]:{}", self.port),
            Err(_) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// User name and password of a cluster's administrator. Shown without the password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: SecretString,
}

impl Credentials {
    /// Value of the `Authorization` header.
    fn basic(&self) -> Option<HeaderValue> {
        let mut plain = format!("{}:{}", self.username, self.password.expose_secret());
        let mut text = format!("Basic {}", STANDARD.encode(&plain));
        let value = HeaderValue::from_str(&text).ok();
        plain.zeroize();
        text.zeroize();
        value.map(|mut value| {
            value.set_sensitive(true);
            value
        })
    }
}

/// What the client calls itself.
const USER_AGENT: &str = concat!("regent/", env!("CARGO_PKG_VERSION"));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The way to every node. Cheap to clone; knows no credentials and trusts nobody.
#[derive(Clone)]
pub struct Client {
    transport: Transport,
    interval: Duration,
}

/// Shows nothing of the transport.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// A node that belongs to no cluster yet. Its calls carry no `Authorization` header.
#[derive(Clone, Debug)]
pub struct FreshNode {
    client: Client,
    node: NodeAddress,
    trust: Trust,
}

impl Client {
    /// A client over `transport`: [`over_tls`](crate::rest::transport::over_tls), or a simulator.
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            interval: Duration::MAX,
        }
    }

    /// The same for who looks every `interval`: reads end in time for the next look.
    #[must_use]
    pub fn looking_every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Longest time that a call may take.
    pub(crate) fn deadline(&self, route: &Route) -> Duration {
        route.deadline_at(self.interval)
    }

    /// Sees which certificate a node shows, with proof of its key, and sends nothing.
    pub async fn handshake(&self, node: &NodeAddress) -> Result<Presented, Error> {
        let call = Call::new(&route::HANDSHAKE, &[]);
        let failed = |kind| call.failed(&node.to_string(), kind);
        let request = Request::builder()
            .method(http::Method::CONNECT)
            .uri(node.to_string())
            .body(Bytes::new());
        let request = request.map_err(|error| failed(ErrorKind::Unsendable(error.to_string())))?;
        let mut response = self.transmit(&call, request).await.map_err(failed)?;
        let presented = response.extensions_mut().remove::<Presented>();
        presented.ok_or_else(|| failed(ErrorKind::Malformed("no certificate was seen".to_owned())))
    }

    /// A node that belongs to no cluster, vouched for by `trust`.
    pub fn fresh(&self, node: NodeAddress, trust: Trust) -> FreshNode {
        FreshNode {
            client: self.clone(),
            node,
            trust,
        }
    }

    /// The members of a cluster, first choice first. Credentials go to these and to nobody else.
    pub fn session(&self, members: Vec<NodeAddress>, trust: Trust, credentials: Credentials) -> Session {
        Session::new(self.clone(), members, trust, credentials)
    }

    /// Makes a call to one node. A redirect is returned for the caller to judge.
    pub(crate) async fn exchange(
        &self,
        node: &NodeAddress,
        trust: &Trust,
        credentials: Option<&Credentials>,
        call: &Call,
    ) -> Result<Exchange, Error> {
        let authority = node.to_string();
        let failed = |kind| call.failed(&authority, kind);
        let request = request(&authority, trust, credentials, call).map_err(failed)?;
        let response = self.transmit(call, request).await;
        log(call, &authority, &response);
        let (parts, body) = response.map_err(failed)?.into_parts();
        match parts.status.as_u16() {
            status @ 200..=299 => Ok(Exchange::Answer(Answer {
                route: call.route,
                path: call.path.clone(),
                node: authority,
                status,
                body,
            })),
            307 | 308 => {
                let location = parts
                    .headers
                    .get(header::LOCATION)
                    .and_then(|location| location.to_str().ok());
                Ok(Exchange::Redirect(location.unwrap_or_default().to_owned()))
            }
            status => {
                let password = credentials.map(|credentials| credentials.password.expose_secret());
                let secrets: Vec<&str> = call.secrets().into_iter().chain(password).collect();
                Err(failed(refusal(status, &body, &secrets)))
            }
        }
    }

    async fn transmit(&self, call: &Call, request: Request<Bytes>) -> Result<Response<Bytes>, ErrorKind> {
        let answer = self.transport.clone().oneshot(request);
        match tokio::time::timeout(self.deadline(call.route), answer).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(TransportError::Connect(why))) => Err(ErrorKind::Connect(why)),
            Ok(Err(TransportError::Untrusted(mistrust))) => Err(ErrorKind::Untrusted(mistrust)),
            Ok(Err(TransportError::Unsendable(why))) => Err(ErrorKind::Unsendable(why)),
            Ok(Err(TransportError::Lost(why))) => Err(ErrorKind::Lost(why)),
            Ok(Err(TransportError::TooLarge)) => Err(ErrorKind::TooLarge {
                bytes_max: call.route.answer_bytes_max,
            }),
            Err(_) => Err(ErrorKind::Timeout),
        }
    }
}

/// What a node answered, short of a refusal.
pub(crate) enum Exchange {
    /// A success.
    Answer(Answer),
    /// Ask there instead; empty without a `Location`.
    Redirect(String),
}

fn request(
    authority: &str,
    trust: &Trust,
    credentials: Option<&Credentials>,
    call: &Call,
) -> Result<Request<Bytes>, ErrorKind> {
    let body = call.bytes();
    let mut request = Request::builder()
        .method(call.route.method.clone())
        .uri(format!("https://{authority}{}", call.path_and_query()))
        .header(header::ACCEPT, JSON)
        .header(header::USER_AGENT, USER_AGENT)
        .extension(trust.clone())
        .extension(AnswerLimit(call.route.answer_bytes_max));
    if !body.is_empty() {
        request = request.header(header::CONTENT_TYPE, JSON);
    }
    if let Some(credentials) = credentials {
        let unsendable =
            || ErrorKind::Unsendable("the user name or password cannot stand in a header".to_owned());
        request = request.header(header::AUTHORIZATION, credentials.basic().ok_or_else(unsendable)?);
    }
    request
        .body(body)
        .map_err(|_| ErrorKind::Unsendable(format!("{authority} is no address of a node")))
}

/// Method, path, node and status: never a body, a header or a query.
fn log(call: &Call, authority: &str, response: &Result<Response<Bytes>, ErrorKind>) {
    let (method, path) = (call.route.method.as_str(), call.path.as_str());
    match response {
        Ok(response) => tracing::debug!(
            node = authority,
            method,
            path,
            status = response.status().as_u16(),
            "answered"
        ),
        Err(kind) => tracing::debug!(node = authority, method, path, error = %kind, "failed"),
    }
}

impl FreshNode {
    /// Makes a call without credentials.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        match self.client.exchange(&self.node, &self.trust, None, call).await? {
            Exchange::Answer(answer) => Ok(answer),
            Exchange::Redirect(_) => {
                let why = "a node without a cluster has nowhere to point to".to_owned();
                Err(call.failed(&self.node.to_string(), ErrorKind::Redirected(why)))
            }
        }
    }
}

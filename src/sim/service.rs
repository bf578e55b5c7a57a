//! The world as a `tower::Service`, without sockets.

use super::ids::NodeIndex;
use super::world::{Outcome, World};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

/// A world that several tasks use.
#[derive(Clone, Debug)]
pub struct Shared {
    world: Arc<Mutex<World>>,
    /// Simulated time follows this clock of tokio's, which tests pause.
    began: Option<(tokio::time::Instant, Timestamp)>,
}

impl Shared {
    /// Wraps a world whose time the caller moves.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
            began: None,
        }
    }

    /// Wraps a world whose time follows tokio's clock from now on: each request first advances it. Under paused time a
    /// test that sleeps moves the world.
    #[must_use]
    pub fn following_tokio(world: World) -> Self {
        let began = Some((tokio::time::Instant::now(), world.now()));
        Self {
            world: Arc::new(Mutex::new(world)),
            began,
        }
    }

    /// Exclusive access. With a clock, the world is brought up to date first.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((began, start)) = self.began {
            world.advance(start.checked_add(began.elapsed()).unwrap_or(Timestamp::MAX));
        }
        world
    }

    /// Lets simulated time pass up to `to`.
    pub fn advance(&self, to: Timestamp) {
        self.world().advance(to);
    }

    /// A service that takes each request to the node that its URI's authority names.
    #[must_use]
    pub fn service(&self) -> InProcess {
        InProcess { shared: self.clone() }
    }
}

/// The world's nodes behind one `tower::Service`. `CONNECT` shows the certificate of a node and has no effect.
#[derive(Clone, Debug)]
pub struct InProcess {
    shared: Shared,
}

/// Extension of the answer to `CONNECT`: the DER chain that the node presents, leaf first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented(pub Vec<Vec<u8>>);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// Nothing listens at that address. The request has not been sent.
    Refused(String),
    /// The connection closed or was reset before an answer. The request may have taken effect.
    Closed,
    /// The body ended early.
    Truncated,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(authority) => write!(f, "connection to {authority} refused"),
            Self::Closed => f.write_str("connection closed before the answer"),
            Self::Truncated => f.write_str("connection closed in the middle of the answer"),
        }
    }
}

impl std::error::Error for TransportError {}

impl tower::Service<Request<Bytes>> for InProcess {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let shared = self.shared.clone();
        Box::pin(async move { shared.answer(&request).await })
    }
}

impl Shared {
    async fn answer(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let authority = request
            .uri()
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default();
        let refused = || TransportError::Refused(authority.clone());
        let node = self.resolve(request).ok_or_else(refused)?;
        if request.method() == Method::CONNECT {
            if self.world().hangs(node) {
                return std::future::pending().await;
            }
            return self.presented(node).ok_or_else(refused);
        }
        let outcome = self.world().handle(node, request);
        match outcome {
            Outcome::Reply { delay, response } => {
                tokio::time::sleep(delay).await;
                Ok(response)
            }
            Outcome::Slow {
                delay,
                response,
                bytes,
                every,
            } => {
                let pieces = response.body().len().div_ceil(bytes.max(1));
                let pieces = u32::try_from(pieces).unwrap_or(u32::MAX);
                tokio::time::sleep(delay + every.saturating_mul(pieces)).await;
                Ok(response)
            }
            Outcome::Truncated { delay, .. } => {
                tokio::time::sleep(delay).await;
                Err(TransportError::Truncated)
            }
            Outcome::Closed | Outcome::Reset => Err(TransportError::Closed),
            Outcome::Refused => Err(refused()),
            Outcome::Silence => std::future::pending().await,
        }
    }

    fn resolve(&self, request: &Request<Bytes>) -> Option<NodeIndex> {
        let host = request.uri().host()?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.world()
            .node_at(host, request.uri().port_u16().unwrap_or(443))
    }

    fn presented(&self, node: NodeIndex) -> Option<Response<Bytes>> {
        let world = self.world();
        if !world.listens(node) {
            return None;
        }
        let chain = CertificateDer::pem_slice_iter(world.presented(node)?.chain_pem.as_bytes());
        let chain = chain
            .filter_map(Result::ok)
            .map(|der| der.as_ref().to_vec())
            .collect();
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::OK;
        response.extensions_mut().insert(Presented(chain));
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::certs;
    use crate::sim::fixture::{Fixture, LOGIN};
    use serde_json::json;
    use std::time::Duration;
    use tower::{Service, ServiceExt};

    async fn get(service: &mut InProcess, uri: &str) -> Result<Response<Bytes>, TransportError> {
        let request = Request::get(uri)
            .header("authorization", LOGIN)
            .body(Bytes::new());
        service.ready().await?.call(request.unwrap()).await
    }

    fn status(reply: Result<Response<Bytes>, TransportError>) -> u16 {
        reply.map_or(0, |response| response.status().as_u16())
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_reaches_the_node_that_its_uri_names() {
        let shared = Shared::new(Fixture::cluster(2, 2).world);
        let mut service = shared.service();
        for (uri, want) in [
            ("https://10.0.0.1:9443/v1/nodes", 200),
            ("https://10.0.0.2:9443/v1/nodes", 307),
            ("https://10.0.0.3:9443/v1/nodes", 0),
            ("https://10.0.0.1:8443/v1/nodes", 0),
            ("/v1/nodes", 0),
        ] {
            assert_eq!(status(get(&mut service, uri).await), want, "{uri}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connect_shows_the_chain_and_has_no_effect() {
        let mut sim = Fixture::fresh(1);
        let now = sim.world.now();
        let identity = certs::mint::node("n1", &["10.0.0.1"], now, certs::mint::KeyKind::Ecdsa).unwrap();
        sim.world.env.nodes[0].config.identity = identity;
        let shared = Shared::new(sim.world);
        let connect = || Request::connect("10.0.0.1:9443").body(Bytes::new()).unwrap();
        let reply = shared.service().call(connect()).await.unwrap();
        let Presented(chain) = reply.extensions().get::<Presented>().unwrap();
        assert_eq!((chain.len(), chain[0][0]), (1, 0x30), "one DER sequence");
        assert_eq!(shared.world().log(), []);
        shared.world().crash(NodeIndex(0));
        let refused = TransportError::Refused("10.0.0.1:9443".to_owned());
        assert_eq!(shared.service().call(connect()).await.unwrap_err(), refused);
    }

    #[tokio::test(start_paused = true)]
    async fn delays_pass_in_tokios_time() {
        let mut sim = Fixture::cluster(1, 1);
        sim.faults(json!([{"count": 1, "effect": {"delay_ms": 90_000}}]));
        let mut service = Shared::new(sim.world).service();
        let began = tokio::time::Instant::now();
        assert_eq!(
            status(get(&mut service, "https://10.0.0.1:9443/v1/nodes").await),
            200
        );
        assert!(began.elapsed() >= Duration::from_secs(90));
    }

    #[tokio::test(start_paused = true)]
    async fn lost_answers_and_silence_look_like_what_they_are() {
        for (effect, want) in [
            (json!("lost_reply"), Some(TransportError::Closed)),
            (json!("reset"), Some(TransportError::Closed)),
            (json!({"truncate_at": 1}), Some(TransportError::Truncated)),
            (json!("silence"), None),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            sim.faults(json!([{"effect": effect}]));
            let mut service = Shared::new(sim.world).service();
            let reply = get(&mut service, "https://10.0.0.1:9443/v1/nodes");
            let got = tokio::time::timeout(Duration::from_secs(3600), reply).await;
            assert_eq!(got.ok().map(Result::unwrap_err), want, "{effect}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_world_that_follows_tokio_moves_when_a_test_sleeps() {
        let mut sim = Fixture::fresh(1);
        let body = sim.create_body();
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
        let shared = Shared::following_tokio(sim.world);
        assert_eq!(shared.world().clusters(), 0);
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(shared.world().clusters(), 1);
    }
}

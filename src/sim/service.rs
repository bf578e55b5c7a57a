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
            return self.presented(node).ok_or_else(refused);
        }
        let outcome = self.world().handle(node, request);
        match outcome {
            Outcome::Reply { delay, response } => {
                tokio::time::sleep(delay).await;
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

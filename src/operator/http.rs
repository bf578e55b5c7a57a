//! Probes and metrics over HTTP.

use crate::operator::metrics::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use tokio::net::TcpListener;

/// The text format of metrics that the encoder writes.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the probes answer from.
pub struct Probes {
    /// Whether every store has been filled: then a standby is as ready as a leader.
    pub ready: AtomicBool,
    /// The metrics.
    pub metrics: Arc<Metrics>,
}

/// Binds the address and, if asked to, writes the one that was bound to a file.
///
/// # Errors
/// When the address is taken or the file cannot be written.
pub async fn bind(address: SocketAddr, port_file: Option<&Path>) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    tracing::info!(address = %bound, "serving /livez, /readyz and /metrics");
    if let Some(path) = port_file {
        // Whoever waits for the file never sees half of it.
        let draft = path.with_extension("draft");
        tokio::fs::write(&draft, bound.to_string()).await?;
        tokio::fs::rename(&draft, path).await?;
    }
    Ok(listener)
}

/// Serves until the process ends.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, probes: Arc<Probes>) -> io::Result<()> {
    axum::serve(listener, router(probes)).await
}

fn router(probes: Arc<Probes>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(probes)
}

async fn ready(State(probes): State<Arc<Probes>>) -> impl IntoResponse {
    if probes.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the first listing of objects is not complete",
        )
    }
}

async fn metrics(State(probes): State<Arc<Probes>>) -> impl IntoResponse {
    match probes.metrics.text() {
        Ok(text) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    async fn status(path: &str, ready: bool) -> StatusCode {
        let metrics = Arc::new(Metrics::new(Arc::default()));
        let probes = Arc::new(Probes {
            ready: AtomicBool::new(ready),
            metrics,
        });
        let request = Request::get(path).body(Body::empty()).unwrap();
        router(probes).oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn it_is_ready_once_the_stores_are_filled_and_alive_before() {
        assert_eq!(status("/readyz", false).await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status("/readyz", true).await, StatusCode::OK);
        assert_eq!(status("/livez", false).await, StatusCode::OK);
        assert_eq!(status("/metrics", false).await, StatusCode::OK);
    }
}

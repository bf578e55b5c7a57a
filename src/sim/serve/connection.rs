//! One connection, to a node or to the admin port: handshake, requests, answers, the end.

use super::BODY_PACE;
use super::body::Answer;
use super::greeting::Greeting;
use super::live::Live;
use super::stall::Stall;
use crate::sim::client_cert::ClientCertificates;
use crate::sim::ids::NodeIndex;
use crate::sim::state::Power;
use crate::sim::world::Outcome;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::SemaphorePermit;
use tokio::time::{sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

/// Largest head of a request, bytes.
const HEAD_BYTES: usize = 64 << 10;
/// Bodies up to this many bytes are always read; longer ones take turns.
const SMALL_BODY: usize = 64 << 10;
/// How long a connection that has had its last answer is still read, so that the answer is not lost in a reset.
const LINGER: Duration = Duration::from_secs(1);

/// Serves one connection to a node, from the handshake to its end.
pub(super) async fn node_connection(live: Arc<Live>, node: NodeIndex, stream: TcpStream) {
    if !welcomed(&live, node, &stream).await {
        return;
    }
    let Some((greeting, config)) = live.tls(node) else {
        return;
    };
    let handshake = timeout(
        live.options.limits.handshake,
        TlsAcceptor::from(config).accept(stream),
    );
    if let Ok(Ok(tls)) = handshake.await {
        let shown = tls.get_ref().1.peer_certificates();
        let shown = shown.map(|chain| ClientCertificates(chain.iter().map(|der| der.to_vec()).collect()));
        converse(&live, node, Some((&greeting, shown)), tls, |tls| tls.get_ref().0).await;
    }
}

/// Serves one connection to a node without TLS, while the node has that turned on.
pub(super) async fn plain_node_connection(live: Arc<Live>, node: NodeIndex, stream: TcpStream) {
    if live.world().serves_http(node) && welcomed(&live, node, &stream).await {
        converse(&live, node, None, stream, |stream| stream).await;
    }
}

/// Whether the node takes the connection; one that hangs does so when it goes on.
async fn welcomed(live: &Live, node: NodeIndex, stream: &TcpStream) -> bool {
    if !live.world().listens(node) {
        reset(stream);
        return false;
    }
    let _ = stream.set_nodelay(true);
    while is_frozen(live, node) {
        sleep(Duration::from_millis(100)).await;
    }
    true
}

fn is_frozen(live: &Live, node: NodeIndex) -> bool {
    live.world()
        .env
        .node(node)
        .is_some_and(|node| node.power == Power::Frozen)
}

fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Answers requests until the connection ends. With TLS: how the node greeted, and what the client showed.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    live: &Live,
    node: NodeIndex,
    tls: Option<(&Greeting, Option<ClientCertificates>)>,
    stream: S,
    socket: fn(&S) -> &TcpStream,
) {
    let resets = AtomicBool::new(false);
    let (greeting, shown) = tls.map_or((None, None), |(greeting, shown)| (Some(greeting), shown));
    let service = service_fn(|mut request: Request<Incoming>| {
        if let Some(shown) = shown.clone() {
            request.extensions_mut().insert(shown);
        }
        Box::pin(respond(live, node, greeting, &resets, request))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(live.options.limits.head)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(
            TokioIo::new(Stall::new(stream, live.options.limits.body)),
            service,
        );
    let _ = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let mut stream = connection.into_parts().io.into_inner().into_inner();
    if resets.load(Ordering::Relaxed) {
        reset(socket(&stream));
    } else {
        let _ = timeout(LINGER, async {
            stream.shutdown().await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
        })
        .await;
    }
}

/// Whether a connection that began with this greeting, or without TLS, would begin like that now.
fn goes_on(live: &Live, node: NodeIndex, greeting: Option<&Greeting>) -> bool {
    let world = live.world();
    match greeting {
        Some(greeting) => greeting.holds(&world, node),
        None => world.serves_http(node),
    }
}

/// The connection ends without an answer.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection ends without an answer")
    }
}

impl std::error::Error for NoAnswer {}

async fn respond(
    live: &Live,
    node: NodeIndex,
    greeting: Option<&Greeting>,
    resets: &AtomicBool,
    request: Request<Incoming>,
) -> Result<Response<Answer>, NoAnswer> {
    let (request, _turn) = match read(live, request).await? {
        Ok(read) => read,
        Err(status) => return Ok(plain(status)),
    };
    if greeting.is_none() && !goes_on(live, node, greeting) {
        return Err(NoAnswer);
    }
    let began = Instant::now();
    let (delay, response, manner): (_, _, Box<dyn FnOnce(Answer) -> Answer + Send>) =
        match live.handle(node, &request) {
            Outcome::Reply { delay, response } => (delay, response, Box::new(|answer| answer)),
            Outcome::Truncated { delay, response, len } => {
                (delay, response, Box::new(move |answer| answer.cut(len)))
            }
            Outcome::Slow {
                delay,
                response,
                bytes,
                every,
            } => {
                let every = live.real(every);
                (delay, response, Box::new(move |answer| answer.slow(bytes, every)))
            }
            Outcome::Closed => return Err(NoAnswer),
            Outcome::Reset | Outcome::Refused => {
                resets.store(true, Ordering::Relaxed);
                return Err(NoAnswer);
            }
            Outcome::Silence => std::future::pending().await,
        };
    sleep(live.real(delay)).await;
    live.settled().await;
    live.write_trust(&live.world());
    let mut response = response.map(|body| manner(Answer::new(body)));
    let whole = HeaderValue::from(response.body().whole);
    response.headers_mut().insert(header::CONTENT_LENGTH, whole);
    if response
        .headers()
        .get(header::SERVER)
        .is_some_and(|server| server == "envoy")
    {
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        response
            .headers_mut()
            .insert("x-envoy-upstream-service-time", HeaderValue::from(took));
    }
    if !goes_on(live, node, greeting) {
        // The front end reloaded: the next request goes through a new handshake, or HTTP is turned off.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A request with its body, and its turn among the long ones.
type Whole<'a> = (Request<Bytes>, Option<SemaphorePermit<'a>>);

/// Why there is no whole body.
enum Unread {
    TooLong,
    TooSlow,
    Broken,
}

/// The whole request, or the status to refuse it with.
async fn read(live: &Live, request: Request<Incoming>) -> Result<Result<Whole<'_>, StatusCode>, NoAnswer> {
    let (head, body) = request.into_parts();
    if body.size_hint().lower() > live.options.limits.body_bytes as u64 {
        return Ok(Err(StatusCode::PAYLOAD_TOO_LARGE));
    }
    match collect(live, body).await {
        Ok((body, turn)) => Ok(Ok((Request::from_parts(head, body), turn))),
        Err(Unread::TooLong) => Ok(Err(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(Unread::TooSlow) => Ok(Err(StatusCode::REQUEST_TIMEOUT)),
        Err(Unread::Broken) => Err(NoAnswer),
    }
}

/// The whole body. The time in which it must come does not run while it waits for its turn.
async fn collect(live: &Live, mut body: Incoming) -> Result<(Bytes, Option<SemaphorePermit<'_>>), Unread> {
    let (mut whole, mut turn) = (Vec::new(), None);
    let mut end = Instant::now() + live.options.limits.body;
    while let Some(frame) = timeout_at(end.into(), body.frame())
        .await
        .map_err(|_| Unread::TooSlow)?
    {
        let frame = frame.map_err(|_| Unread::Broken)?;
        let Ok(data) = frame.into_data() else { continue };
        let length = whole.len() + data.len();
        if length > live.options.limits.body_bytes {
            return Err(Unread::TooLong);
        }
        if length > SMALL_BODY && turn.is_none() {
            let asked = Instant::now();
            turn = live.large_bodies.acquire().await.ok();
            end += asked.elapsed();
        }
        end += time_for(data.len());
        whole.extend_from_slice(&data);
    }
    Ok((Bytes::from(whole), turn))
}

/// The time that so many bytes of a body add.
fn time_for(bytes: usize) -> Duration {
    Duration::from_secs(1).mul_f64(bytes as f64 / f64::from(BODY_PACE))
}

fn plain(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::new(Bytes::from(format!("{status}\n"))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

pub(super) async fn admin_connection(live: Arc<Live>, stream: TcpStream) {
    let service = service_fn(|request| {
        let live = live.clone();
        async move {
            let (request, _turn) = match read(&live, request).await? {
                Ok(read) => read,
                Err(status) => return Ok::<_, NoAnswer>(plain(status)),
            };
            let (status, body) = live.admin(&request);
            live.settled().await;
            let mut response = Response::new(Answer::new(Bytes::from(body.to_string())));
            *response.status_mut() =
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(live.options.limits.head)
        .max_buf_size(HEAD_BYTES);
    let stream = Stall::new(stream, live.options.limits.body);
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::serve::Limits;

    #[test]
    fn the_longest_body_has_minutes_and_one_that_trickles_has_not() {
        let limits = Limits::default();
        assert_eq!(time_for(limits.body_bytes), Duration::from_secs(160));
        assert!(time_for(100) < Duration::from_millis(2));
    }
}

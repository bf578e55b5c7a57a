//! One TLS listener per node and a plain one for admin requests: the only file of the simulator with sockets and a wall clock.

mod client;

use super::admin;
use super::client_cert::ClientCertificates;
use super::config::TlsIdentity;
use super::data_plane::{self, DataPlane};
use super::ids::NodeIndex;
use super::log::line;
use super::state::Power;
use super::world::{Outcome, World};
use bytes::Bytes;
use client::AnyClient;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{fmt, fs, future::Future, io};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What clients may take up: beyond it they get an answer that says so, or their connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time to send the head of the next request; also how long a connection may be idle.
    pub head: Duration,
    /// Time to send a whole body.
    pub body: Duration,
    /// Largest body, bytes.
    pub body_bytes: usize,
    /// Connections of one listener at a time; further ones are closed at once.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(75),
            body: Duration::from_secs(30),
            body_bytes: 10 << 20,
            connections: 4096,
        }
    }
}

/// Largest head of a request, bytes.
const HEAD_BYTES: usize = 64 << 10;
/// Bodies up to this many bytes are always read; longer ones take turns.
const SMALL_BODY: usize = 64 << 10;
/// So many longer bodies are held at a time.
const LARGE_BODIES: usize = 8;
/// How long an answer waits for the servers of the databases.
const SETTLES: Duration = Duration::from_secs(5);
/// How long a connection that has had its last answer is still read, so that the answer is not lost in a reset.
const LINGER: Duration = Duration::from_secs(1);

/// The time of the machine.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the simulator's one wall clock")]
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}

/// How requests are reported on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line a request.
    #[default]
    Text,
    /// One JSON object a request.
    Json,
    /// Not at all.
    Off,
}

/// How the world is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Simulated seconds per second.
    pub speed: f64,
    /// Report of requests.
    pub log: LogFormat,
    /// File that always holds the certificates that the nodes show.
    pub ca_out: Option<PathBuf>,
    /// File in which the world is kept, and the note that goes with it.
    pub state_file: Option<(PathBuf, serde_json::Value)>,
    /// What clients may take up.
    pub limits: Limits,
}

/// Open listeners: one for each node and one for admin requests.
pub struct Listeners {
    nodes: Vec<(TcpListener, SocketAddr)>,
    admin: (TcpListener, SocketAddr),
}

impl Listeners {
    /// Listens on these addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// Names the address that cannot be had.
    pub async fn open(nodes: &[SocketAddr], admin: SocketAddr) -> Result<Self, String> {
        let mut open = Vec::new();
        for address in nodes {
            open.push(listen(*address).await?);
        }
        Ok(Self {
            nodes: open,
            admin: listen(admin).await?,
        })
    }

    /// Where the nodes listen, with their real ports.
    #[must_use]
    pub fn nodes(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|(_, address)| *address).collect()
    }

    /// Where admin requests go.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin.1
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), String> {
    let failed = |error: io::Error| format!("cannot listen on {address}: {error}");
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// A world behind sockets.
pub struct Server {
    live: Arc<Live>,
    listeners: Listeners,
    data_plane: Option<DataPlane>,
}

impl Server {
    /// Puts `world` behind these listeners; the `n`th one is the node with index `n`. Its time begins to follow the clock.
    #[must_use]
    pub fn new(world: World, listeners: Listeners, options: ServeOptions) -> Self {
        let live = Arc::new(Live::new(world, options));
        live.write_trust(&live.world());
        Self {
            live,
            listeners,
            data_plane: None,
        }
    }

    /// Serves the databases as well, by real `redis-server` processes.
    ///
    /// # Errors
    /// When there is no such program, with the way to get it.
    pub fn with_data_plane(mut self) -> Result<Self, String> {
        let mut secret = [0; 24];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| "no random numbers".to_owned())?;
        let secret = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        self.data_plane = Some(DataPlane::new(secret)?);
        Ok(self)
    }

    /// Access to the world while it is served.
    #[must_use]
    pub fn live(&self) -> Arc<Live> {
        self.live.clone()
    }

    /// Serves until `stop` resolves. Open connections end with it.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut tasks = tokio::task::JoinSet::new();
        for (index, (listener, _)) in self.listeners.nodes.into_iter().enumerate() {
            let node = move |live, stream| node_connection(live, NodeIndex(index), stream);
            tasks.spawn(accept(listener, self.live.clone(), node));
        }
        tasks.spawn(accept(
            self.listeners.admin.0,
            self.live.clone(),
            admin_connection,
        ));
        tasks.spawn(look(self.live.clone()));
        tasks.spawn(keep(self.live.clone()));
        let stopping = Arc::new(AtomicBool::new(false));
        let driven = self.data_plane.map(|plane| {
            let (live, stopping) = (self.live.clone(), stopping.clone());
            live.followed.send_replace(Some(0));
            std::thread::spawn(move || drive(&live, plane, &stopping))
        });
        stop.await;
        stopping.store(true, Ordering::Relaxed);
        if let Some(driven) = driven {
            driven.thread().unpark();
            let _ = driven.join();
        }
        self.live.report(&self.live.world());
        self.live.save();
    }
}

/// Reports what happens without a request, and keeps the file of certificates up to date.
async fn look(live: Arc<Live>) {
    loop {
        sleep(Duration::from_millis(200)).await;
        let world = live.world();
        live.report(&world);
        live.write_trust(&world);
    }
}

/// Keeps the servers of the databases as the world wants them. A thread, not a task: they end with it.
fn drive(live: &Live, mut plane: DataPlane, stopping: &AtomicBool) {
    let mut followed = None;
    while !stopping.load(Ordering::Relaxed) {
        let (revision, wanted) = {
            let world = live.world();
            let revision = world.revision();
            (
                revision,
                (followed != Some(revision)).then(|| data_plane::wanted(&world)),
            )
        };
        if let Some(wanted) = wanted {
            for error in plane.follow(wanted) {
                say(&format!("resim: {error}"));
            }
            followed = Some(revision);
            live.followed.send_replace(followed);
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Saves the world after every change. One whose saving takes long is saved less often.
async fn keep(live: Arc<Live>) {
    loop {
        live.changed.notified().await;
        let began = Instant::now();
        live.save();
        sleep(began.elapsed() * 10).await;
    }
}

/// The world with its clock.
pub struct Live {
    world: Mutex<World>,
    /// A moment, and the simulated time that it corresponds to.
    base: Mutex<(Instant, Timestamp)>,
    options: ServeOptions,
    /// Number of the last request, and how many violations, that have been reported.
    reported: Mutex<(u64, usize)>,
    trust: Mutex<String>,
    large_bodies: Semaphore,
    changed: Notify,
    /// Revision of the world that the servers of the databases have followed; none if nothing serves them.
    followed: watch::Sender<Option<u64>>,
    /// The world's revision that the state file has.
    saved: Mutex<Option<u64>>,
    tls: Mutex<BTreeMap<NodeIndex, (TlsIdentity, Arc<ServerConfig>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    fn new(world: World, options: ServeOptions) -> Self {
        Self {
            base: Mutex::new((Instant::now(), world.now())),
            reported: Mutex::new((world.totals().total, world.violations().len())),
            world: Mutex::new(world),
            options,
            trust: Mutex::default(),
            large_bodies: Semaphore::new(LARGE_BODIES),
            changed: Notify::new(),
            followed: watch::Sender::new(None),
            saved: Mutex::default(),
            tls: Mutex::default(),
        }
    }

    /// Exclusive access, at the present time.
    pub fn world(&self) -> MutexGuard<'_, World> {
        let mut world = lock(&self.world);
        let (began, start) = *lock(&self.base);
        let passed =
            SignedDuration::try_from(began.elapsed().mul_f64(self.options.speed)).unwrap_or_default();
        world.advance(start.checked_add(passed).unwrap_or(Timestamp::MAX));
        world
    }

    /// Simulated time becomes real time.
    fn real(&self, delay: Duration) -> Duration {
        delay.div_f64(self.options.speed)
    }

    fn handle(&self, node: NodeIndex, request: &Request<Bytes>) -> Outcome {
        let mut world = self.world();
        let outcome = world.handle(node, request);
        self.report(&world);
        self.write_trust(&world);
        outcome
    }

    fn admin(&self, request: &Request<Bytes>) -> admin::AdminReply {
        let mut world = self.world();
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let reply = admin::answer(&mut world, request.method().as_str(), path, query, request.body());
        *lock(&self.base) = (Instant::now(), world.now());
        self.report(&world);
        self.write_trust(&world);
        reply
    }

    /// Waits until the databases are served as the world says now, so that an answer never runs ahead of them.
    async fn settled(&self) {
        if self.followed.borrow().is_some() {
            let revision = self.world().revision();
            let mut followed = self.followed.subscribe();
            let _ = timeout(SETTLES, followed.wait_for(|done| *done >= Some(revision))).await;
        }
    }

    /// Writes the state file, if there is one and something has changed.
    fn save(&self) {
        let Some((path, note)) = &self.options.state_file else {
            return;
        };
        let mut saved = lock(&self.saved);
        let (revision, text) = {
            let world = self.world();
            if *saved == Some(world.revision()) {
                return;
            }
            (world.revision(), world.saved(note))
        };
        match write_atomically(path, &text) {
            Ok(()) => *saved = Some(revision),
            Err(error) => say(&format!("resim: {error}")),
        }
    }

    fn report(&self, world: &World) {
        self.changed.notify_one();
        let mut reported = lock(&self.reported);
        for entry in world.log_since(reported.0) {
            match self.options.log {
                LogFormat::Text => say(&line(entry)),
                LogFormat::Json => say(&serde_json::to_string(entry).unwrap_or_default()),
                LogFormat::Off => {}
            }
        }
        for violation in world.violations().get(reported.1..).unwrap_or_default() {
            let (rule, seq, message) = (violation.rule, violation.seq, &violation.message);
            say(&match self.options.log {
                LogFormat::Json => serde_json::json!({"violation": violation}).to_string(),
                LogFormat::Text | LogFormat::Off => {
                    format!("VIOLATION {rule} (request {seq}): {message}")
                }
            });
        }
        *reported = (world.totals().total, world.violations().len());
    }

    /// Keeps the file of `--ca-out` up to date. Nothing depends on it but its readers, so a full disk is only reported.
    fn write_trust(&self, world: &World) {
        let Some(path) = &self.options.ca_out else { return };
        let mut chains: Vec<&str> = (0..)
            .map_while(|index| world.presented(NodeIndex(index)))
            .map(|identity| identity.chain_pem.as_str())
            .collect();
        chains.dedup();
        let text = chains.concat();
        let mut written = lock(&self.trust);
        if *written != text {
            if let Err(error) = write_atomically(path, &text) {
                say(&format!("resim: {error}"));
            }
            *written = text;
        }
    }

    /// The TLS configuration with what the node shows now, and that identity.
    fn tls(&self, node: NodeIndex) -> Option<(TlsIdentity, Arc<ServerConfig>)> {
        let identity = self.world().presented(node)?.clone();
        let mut made = lock(&self.tls);
        if let Some((of, config)) = made.get(&node).filter(|(of, _)| *of == identity) {
            return Some((of.clone(), config.clone()));
        }
        let config = Arc::new(tls_config(&identity)?);
        made.insert(node, (identity.clone(), config.clone()));
        Some((identity, config))
    }
}

/// Reports on standard error, whether or not somebody reads it.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes a file that is either the old one or the new one to its readers, never half.
///
/// # Errors
/// Names the path.
pub fn write_atomically(path: &std::path::Path, text: &str) -> Result<(), String> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    // Some of what is written is secret.
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_data()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn tls_config(identity: &TlsIdentity) -> Option<ServerConfig> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(identity.chain_pem.as_bytes())
        .filter_map(Result::ok)
        .collect();
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).ok()?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?;
    let mut config = builder
        .with_client_cert_verifier(Arc::new(AnyClient))
        .with_single_cert(chain, key)
        .ok()?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Every handshake is a full one, so that each shows the certificate of its time.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Some(config)
}

async fn accept<F, C>(listener: TcpListener, live: Arc<Live>, connection: F)
where
    F: Fn(Arc<Live>, TcpStream) -> C,
    C: Future<Output = ()> + Send + 'static,
{
    let limit = Arc::new(Semaphore::new(live.options.limits.connections));
    let mut open = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, mostly: connections that end give some back.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        while open.try_join_next().is_some() {}
        let Ok(permit) = limit.clone().try_acquire_owned() else {
            continue;
        };
        let serving = connection(live.clone(), stream);
        open.spawn(async move {
            serving.await;
            drop(permit);
        });
    }
}

/// Serves one connection to a node, from the handshake to its end.
async fn node_connection(live: Arc<Live>, node: NodeIndex, stream: TcpStream) {
    if !live.world().listens(node) {
        reset(&stream);
        return;
    }
    let _ = stream.set_nodelay(true);
    while is_frozen(&live, node) {
        sleep(Duration::from_millis(100)).await;
    }
    let Some((identity, config)) = live.tls(node) else {
        return;
    };
    let handshake = timeout(
        live.options.limits.handshake,
        TlsAcceptor::from(config).accept(stream),
    );
    if let Ok(Ok(tls)) = handshake.await {
        converse(live, node, &identity, tls).await;
    }
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

async fn converse(live: Arc<Live>, node: NodeIndex, identity: &TlsIdentity, tls: TlsStream<TcpStream>) {
    let resets = AtomicBool::new(false);
    let shown = tls.get_ref().1.peer_certificates();
    let shown = shown.map(|chain| ClientCertificates(chain.iter().map(|der| der.to_vec()).collect()));
    let service = service_fn(|mut request: Request<Incoming>| {
        if let Some(shown) = shown.clone() {
            request.extensions_mut().insert(shown);
        }
        Box::pin(respond(&live, node, identity, &resets, request))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(live.options.limits.head)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(tls), service);
    let _ = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let mut tls = connection.into_parts().io.into_inner();
    if resets.load(Ordering::Relaxed) {
        reset(tls.get_ref().0);
    } else {
        let _ = timeout(LINGER, async {
            tls.shutdown().await?;
            tokio::io::copy(&mut tls, &mut tokio::io::sink()).await
        })
        .await;
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
    identity: &TlsIdentity,
    resets: &AtomicBool,
    request: Request<Incoming>,
) -> Result<Response<Answer>, NoAnswer> {
    let (request, _turn) = match read(live, request).await? {
        Ok(read) => read,
        Err(status) => return Ok(plain(status)),
    };
    let (delay, response, len) = match live.handle(node, &request) {
        Outcome::Reply { delay, response } => (delay, response, None),
        Outcome::Truncated { delay, response, len } => (delay, response, Some(len)),
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
    let mut response = response.map(|body| Answer::new(body, len));
    if len.is_some() {
        let whole = HeaderValue::from(response.body().whole);
        response.headers_mut().insert(header::CONTENT_LENGTH, whole);
    }
    if live.world().presented(node) != Some(identity) {
        // The front end reloaded: the next request goes through a new handshake.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A request with its body, and its turn among the long ones.
type Whole<'a> = (Request<Bytes>, Option<SemaphorePermit<'a>>);

/// The whole request, or the status to refuse it with.
async fn read(live: &Live, request: Request<Incoming>) -> Result<Result<Whole<'_>, StatusCode>, NoAnswer> {
    let (head, body) = request.into_parts();
    if body.size_hint().lower() > live.options.limits.body_bytes as u64 {
        return Ok(Err(StatusCode::PAYLOAD_TOO_LARGE));
    }
    match timeout(live.options.limits.body, collect(live, body)).await {
        Ok(Ok(Some((body, turn)))) => Ok(Ok((Request::from_parts(head, body), turn))),
        Ok(Ok(None)) => Ok(Err(StatusCode::PAYLOAD_TOO_LARGE)),
        Ok(Err(_)) => Err(NoAnswer),
        Err(_) => Ok(Err(StatusCode::REQUEST_TIMEOUT)),
    }
}

/// The whole body; `None` when it is over the limit.
async fn collect(
    live: &Live,
    mut body: Incoming,
) -> Result<Option<(Bytes, Option<SemaphorePermit<'_>>)>, hyper::Error> {
    let (mut whole, mut turn) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let length = whole.len() + data.len();
        if length > live.options.limits.body_bytes {
            return Ok(None);
        }
        if length > SMALL_BODY && turn.is_none() {
            turn = live.large_bodies.acquire().await.ok();
        }
        whole.extend_from_slice(&data);
    }
    Ok(Some((Bytes::from(whole), turn)))
}

fn plain(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::new(Bytes::from(format!("{status}\n")), None));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

async fn admin_connection(live: Arc<Live>, stream: TcpStream) {
    let head = live.options.limits.head;
    let service = service_fn(|request| {
        let live = live.clone();
        async move {
            let (request, _turn) = match read(&live, request).await? {
                Ok(read) => read,
                Err(status) => return Ok::<_, NoAnswer>(plain(status)),
            };
            let (status, body) = live.admin(&request);
            let mut response = Response::new(Answer::new(Bytes::from(body.to_string()), None));
            *response.status_mut() =
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head);
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// A body, whole or cut short.
struct Answer {
    bytes: Option<Bytes>,
    /// Length of the whole body.
    whole: usize,
    /// Set for a body that ends early: a moment later, so that what was sent leaves before the connection breaks.
    breaks: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Answer {
    fn new(bytes: Bytes, len: Option<usize>) -> Self {
        let whole = bytes.len();
        let sent = len.map_or_else(|| bytes.clone(), |len| bytes.slice(..len.min(whole)));
        let breaks = len.map(|_| Box::pin(sleep(Duration::from_millis(20))));
        Self {
            bytes: Some(sent).filter(|bytes| !bytes.is_empty()),
            whole,
            breaks,
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.breaks {
            None => Poll::Ready(None),
            Some(soon) => soon
                .as_mut()
                .poll(cx)
                .map(|()| Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none() && self.breaks.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.breaks.is_some() {
            SizeHint::default()
        } else {
            SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
        }
    }
}

#[cfg(test)]
mod tests;

//! One TLS listener per node, a plain one if wanted, and one for admin requests: the only part of the simulator with sockets and a wall clock.

mod body;
mod ciphers;
mod client;
mod connection;
mod data_plane;
mod greeting;
mod live;
mod stall;

pub use live::{Live, write_atomically};

use super::ids::NodeIndex;
use super::world::World;
use connection::{admin_connection, node_connection, plain_node_connection};
use data_plane::{DataPlane, Stopping, wanted};
use jiff::Timestamp;
use live::say;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::sleep;

/// What clients may take up: beyond it they get an answer that says so, or their connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time to send the head of the next request; also how long a connection may be idle.
    pub head: Duration,
    /// Time to send a body, to which what has come of it adds ([`BODY_PACE`]); also how long a client may take nothing of its
    /// answer.
    pub body: Duration,
    /// Largest body, bytes.
    pub body_bytes: usize,
    /// Connections of one listener at a time; further ones are closed at once.
    pub connections: usize,
    /// Connections of all listeners together.
    pub all_connections: usize,
}

/// Every so many bytes of a body give the client one more second: who sends much on a slow machine is not taken for one who holds
/// the connection.
const BODY_PACE: u32 = 64 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(75),
            body: Duration::from_secs(30),
            body_bytes: 10 << 20,
            connections: 4096,
            all_connections: 1 << 16,
        }
    }
}

impl Limits {
    /// As many connections as the process may have open files, some left for other things. The limit of files is raised first as
    /// far as it may be.
    #[must_use]
    pub fn of_this_process() -> Self {
        let defaults = Self::default();
        let files = open_files(2 * defaults.all_connections);
        Self {
            all_connections: defaults.all_connections.min(files / 4 * 3),
            ..defaults
        }
    }
}

/// How many files this process may open now that it asked for so many.
fn open_files(wanted: usize) -> usize {
    let found = getrlimit(Resource::Nofile);
    let most = u64::try_from(wanted).unwrap_or(u64::MAX);
    let raised = Rlimit {
        current: Some(found.maximum.map_or(most, |maximum| maximum.min(most))),
        ..found
    };
    if raised.current > found.current && found.current.is_some() {
        // Without the right to it things stay as they are.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    let current = getrlimit(Resource::Nofile).current;
    current.map_or(wanted, |current| usize::try_from(current).unwrap_or(wanted))
}

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

/// Open listeners: one for each node, perhaps a second one without TLS, and one for admin requests.
pub struct Listeners {
    nodes: Vec<(TcpListener, SocketAddr)>,
    http: Vec<(TcpListener, SocketAddr)>,
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
            http: Vec::new(),
            admin: listen(admin).await?,
        })
    }

    /// Listens for plain HTTP as well, at each node's address on `port`, on the next one where nodes share an address; 0 takes
    /// free ones.
    ///
    /// # Errors
    /// Names the address that cannot be had.
    pub async fn with_http(mut self, port: u16) -> Result<Self, String> {
        let mut next: BTreeMap<IpAddr, u16> = BTreeMap::new();
        for node in self.nodes() {
            let port = *next.entry(node.ip()).or_insert(port);
            self.http.push(listen(SocketAddr::new(node.ip(), port)).await?);
            if port != 0 {
                let following = port
                    .checked_add(1)
                    .ok_or("--http-port is too high for so many nodes")?;
                next.insert(node.ip(), following);
            }
        }
        Ok(self)
    }

    /// Where the nodes listen, with their real ports.
    #[must_use]
    pub fn nodes(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|(_, address)| *address).collect()
    }

    /// Where the nodes listen for plain HTTP; nowhere unless that is wanted.
    #[must_use]
    pub fn http(&self) -> Vec<SocketAddr> {
        self.http.iter().map(|(_, address)| *address).collect()
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
    data_plane: Option<Driven>,
}

/// The thread that keeps the servers of the databases. They end when it is dropped.
struct Driven {
    stopping: Stopping,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Driven {
    fn drop(&mut self) {
        self.stopping.stop();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
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
        let plane = DataPlane::new(secret)?;
        let (live, stopping) = (self.live.clone(), plane.stopping());
        let thread = Some(std::thread::spawn(move || drive(&live, plane)));
        self.data_plane = Some(Driven { stopping, thread });
        Ok(self)
    }

    /// Resolves once every database that the world began with is served, if databases are. Until then no request is answered that
    /// would promise them: what comes before [`Server::run`] waits.
    pub fn complete(&self) -> impl Future<Output = ()> + use<> {
        let followed = self.data_plane.as_ref().map(|_| self.live.followed.subscribe());
        async move {
            if let Some(mut followed) = followed {
                let _ = followed.wait_for(Option::is_some).await;
            }
        }
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
        for (index, (listener, _)) in self.listeners.http.into_iter().enumerate() {
            let node = move |live, stream| plain_node_connection(live, NodeIndex(index), stream);
            tasks.spawn(accept(listener, self.live.clone(), node));
        }
        tasks.spawn(accept(
            self.listeners.admin.0,
            self.live.clone(),
            admin_connection,
        ));
        tasks.spawn(look(self.live.clone()));
        tasks.spawn(keep(self.live.clone()));
        stop.await;
        drop(self.data_plane);
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
fn drive(live: &Live, mut plane: DataPlane) {
    let (stopping, mut followed) = (plane.stopping(), None);
    while !stopping.now() {
        let look = plane.needs_a_look();
        let (revision, wanted) = {
            let world = live.world();
            let revision = world.revision();
            let changed = look || followed != Some(revision);
            (revision, changed.then(|| wanted(&world)))
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
        let permits = limit.clone().try_acquire_owned().ok();
        let permits = permits.and_then(|one| Some((one, live.connections.clone().try_acquire_owned().ok()?)));
        let Some(permits) = permits else {
            continue;
        };
        let serving = connection(live.clone(), stream);
        open.spawn(async move {
            serving.await;
            drop(permits);
        });
    }
}

#[cfg(test)]
mod tests;

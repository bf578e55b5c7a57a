//! The world with its clock, and what is told and written of it: requests, violations, certificates, its state.

use super::greeting::Greeting;
use super::{LogFormat, ServeOptions};
use crate::sim::admin;
use crate::sim::ids::NodeIndex;
use crate::sim::log::line;
use crate::sim::world::{Outcome, World};
use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use rustls::ServerConfig;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;

/// So many longer bodies are held at a time.
pub(super) const LARGE_BODIES: usize = 8;
/// How long an answer waits for the servers of the databases.
const SETTLES: Duration = Duration::from_secs(5);

/// The world with its clock.
pub struct Live {
    world: Mutex<World>,
    /// A moment, and the simulated time that it corresponds to.
    base: Mutex<(Instant, Timestamp)>,
    pub(super) options: ServeOptions,
    /// Number of the last request, and how many violations, that have been reported.
    reported: Mutex<(u64, usize)>,
    trust: Mutex<String>,
    pub(super) large_bodies: Semaphore,
    /// Room for connections, of all listeners together.
    pub(super) connections: Arc<Semaphore>,
    pub(super) changed: Notify,
    /// Revision of the world that the servers of the databases have followed; none before the first, or if nothing serves them.
    pub(super) followed: watch::Sender<Option<u64>>,
    /// The world's revision that the state file has.
    saved: Mutex<Option<u64>>,
    tls: Mutex<BTreeMap<NodeIndex, (Greeting, Arc<ServerConfig>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    pub(super) fn new(world: World, options: ServeOptions) -> Self {
        Self {
            base: Mutex::new((Instant::now(), world.now())),
            reported: Mutex::new((world.totals().total, world.violations().len())),
            world: Mutex::new(world),
            connections: Arc::new(Semaphore::new(options.limits.all_connections)),
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
    pub(super) fn real(&self, delay: Duration) -> Duration {
        delay.div_f64(self.options.speed)
    }

    pub(super) fn handle(&self, node: NodeIndex, request: &Request<Bytes>) -> Outcome {
        let mut world = self.world();
        let before = world.now();
        let outcome = world.handle(node, request);
        self.went_on(world.now().duration_since(before));
        self.report(&world);
        self.write_trust(&world);
        outcome
    }

    /// A request moved the clock on by so much: it goes on from there, and has not stood still meanwhile.
    fn went_on(&self, jump: SignedDuration) {
        let mut base = lock(&self.base);
        base.1 = base.1.checked_add(jump).unwrap_or(Timestamp::MAX);
    }

    pub(super) fn admin(&self, request: &Request<Bytes>) -> admin::AdminReply {
        let mut world = self.world();
        let before = world.now();
        let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
        let reply = admin::answer(&mut world, request.method().as_str(), path, query, request.body());
        self.went_on(world.now().duration_since(before));
        self.report(&world);
        self.write_trust(&world);
        reply
    }

    /// Waits until the databases are served as the world says now, so that an answer never runs ahead of them.
    pub(super) async fn settled(&self) {
        if self.followed.borrow().is_some() {
            let revision = self.world().revision();
            let mut followed = self.followed.subscribe();
            let _ = timeout(SETTLES, followed.wait_for(|done| *done >= Some(revision))).await;
        }
    }

    /// Writes the state file, if there is one and something has changed.
    pub(super) fn save(&self) {
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

    pub(super) fn report(&self, world: &World) {
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
    pub(super) fn write_trust(&self, world: &World) {
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

    /// How the node greets now, with the configuration for it.
    pub(super) fn tls(&self, node: NodeIndex) -> Option<(Greeting, Arc<ServerConfig>)> {
        let world = self.world();
        let mut made = lock(&self.tls);
        if let Some((greeting, config)) = made
            .get(&node)
            .filter(|(greeting, _)| greeting.holds(&world, node))
        {
            return Some((greeting.clone(), config.clone()));
        }
        let greeting = Greeting::of(&world, node)?;
        drop(world);
        let config = Arc::new(greeting.config()?);
        made.insert(node, (greeting.clone(), config.clone()));
        Some((greeting, config))
    }
}

/// Reports on standard error, whether or not somebody reads it.
pub(super) fn say(line: &str) {
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

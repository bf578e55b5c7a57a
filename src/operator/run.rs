//! The operator from start to end: fill the stores, take the Lease, look after objects, hand over.

use crate::api::ClusterCertificate;
use crate::api::RedisCluster;
use crate::api::RedisDatabase;
use crate::engine::Moment;
use crate::operator::attend::attend;
use crate::operator::clock::Clock;
use crate::operator::clusters::Clusters;
use crate::operator::context::Context;
use crate::operator::context::Passes;
use crate::operator::context::Reign;
use crate::operator::http;
use crate::operator::http::Probes;
use crate::operator::kube::Kube;
use crate::operator::lease::Elector;
use crate::operator::lease::LeaseConfig;
use crate::operator::lease::Lost;
use crate::operator::lease::Predecessor;
use crate::operator::metrics::Metrics;
use crate::operator::nursery::nursery;
use crate::operator::object::Kind;
use crate::operator::object::ObjectKey;
use crate::operator::resolve::Resolve;
use crate::operator::roster::Ring;
use crate::operator::roster::Roster;
use crate::operator::secrets::Secrets;
use crate::operator::stores::Shelf;
use crate::operator::stores::Stores;
use crate::operator::sweep::sweep;
use crate::operator::watch::News;
use crate::operator::watch::Watched;
use crate::operator::watch::follow;
use crate::plan::access::ClusterKey;
use crate::rest::transport::Transport;
use crate::rest::transport::over_tls;
use jiff::SignedDuration;
use jiff::Timestamp;
use kube::Api;
use kube::Client;
use kube::runtime::reflector::store::Writer;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long passes may take to end when the process is asked to; less than what Kubernetes and people wait for.
const DRAIN: Duration = Duration::from_secs(8);

/// How the operator runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Interval of observation.
    pub interval: Duration,
    /// Interval of observation of a cluster while something is under way there.
    pub floor: Duration,
    /// Namespaces to look after; none means all.
    pub watch_namespaces: Vec<String>,
    /// Where probes and metrics are served; nowhere without it.
    pub http_address: Option<SocketAddr>,
    /// File that takes the address that was bound.
    pub http_port_file: Option<PathBuf>,
    /// Namespace of the Lease.
    pub lease_namespace: String,
    /// How long the Lease outlasts its last renewal.
    pub lease_duration: Duration,
    /// How long, beyond the Lease's duration, calls of a leader that went silent may still arrive.
    pub takeover_grace: Duration,
    /// Name of this process, unique among its replicas.
    pub identity: String,
    /// The time.
    pub clock: Clock,
}

/// Why the operator ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Leadership was lost.
    #[error("stopping: {0}")]
    Lost(#[from] Lost),
    /// Probes and metrics cannot be served.
    #[error("cannot serve probes and metrics on {0}: {1}")]
    Http(SocketAddr, io::Error),
}

/// Looks after every object of the three kinds until `shutdown` completes, over TLS.
///
/// # Errors
/// When leadership is lost or the HTTP address cannot be used; the process should end then.
pub async fn run(config: Config, client: Client, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    run_over(config, client, over_tls(), shutdown).await
}

/// As [`run`], with Redis Enterprise reached over `transport`.
///
/// # Errors
/// As [`run`].
pub async fn run_over(
    config: Config,
    client: Client,
    transport: Transport,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let mut shutdown = pin!(shutdown);
    let mut elector = Elector::new(client.clone(), lease(&config));
    // Whatever is spawned here ends when this function does.
    let mut parts = JoinSet::new();
    let (context, probes) = assemble(&config, client, transport, &elector, &mut parts);
    serve(&config, probes.clone(), &mut parts).await?;
    tokio::select! {
        () = stores_filled(&context) => probes.ready.store(true, Ordering::Relaxed),
        () = &mut shutdown => return Ok(()),
    }
    let predecessor = tokio::select! {
        predecessor = elector.acquire() => predecessor,
        () = &mut shutdown => return Ok(()),
    };
    reign(&context, &config, predecessor);
    tokio::select! {
        lost = elector.hold() => return Err(lost.into()),
        () = shutdown => {}
    }
    tracing::info!("asked to stop; letting passes end");
    let drained = tokio::select! {
        lost = elector.hold() => return Err(lost.into()),
        drained = context.passes.close(DRAIN) => drained,
    };
    if drained {
        elector.release().await;
    } else {
        tracing::warn!("some passes did not end in time; the Lease is left to run out");
    }
    Ok(())
}

fn lease(config: &Config) -> LeaseConfig {
    LeaseConfig {
        namespace: config.lease_namespace.clone(),
        identity: config.identity.clone(),
        duration: config.lease_duration,
    }
}

fn assemble(
    config: &Config,
    client: Client,
    transport: Transport,
    elector: &Elector,
    parts: &mut JoinSet<()>,
) -> (Arc<Context>, Arc<Probes>) {
    let scope: Vec<Option<String>> = match config.watch_namespaces.as_slice() {
        [] => vec![None],
        namespaces => namespaces.iter().cloned().map(Some).collect(),
    };
    let (clusters, cluster_writers) = Shelf::new(scope.len());
    let (databases, database_writers) = Shelf::new(scope.len());
    let (certificates, certificate_writers) = Shelf::new(scope.len());
    let (nursery, nurse) = nursery();
    let roster = Arc::new(Roster::default());
    let metrics = Arc::new(Metrics::new(roster.clone()));
    let context = Arc::new(Context {
        kube: Kube::new(client.clone(), &config.identity),
        stores: Stores {
            clusters,
            databases,
            certificates,
        },
        scope,
        secrets: Secrets::new(config.interval),
        roster,
        clusters: Clusters::new(transport, metrics.clone(), config.clock.clone(), config.interval),
        leadership: elector.leadership(),
        reign: OnceLock::new(),
        nursery,
        metrics: metrics.clone(),
        clock: config.clock.clone(),
        interval: config.interval,
        floor: config.floor,
        passes: Passes::default(),
    });
    parts.spawn(nurse.watch());
    watch::<RedisCluster>(&context, &client, cluster_writers, parts);
    watch::<RedisDatabase>(&context, &client, database_writers, parts);
    watch::<ClusterCertificate>(&context, &client, certificate_writers, parts);
    (
        context,
        Arc::new(Probes {
            ready: AtomicBool::new(false),
            metrics,
        }),
    )
}

fn watch<K: Watched>(
    context: &Arc<Context>,
    client: &Client,
    writers: Vec<Writer<K>>,
    parts: &mut JoinSet<()>,
) {
    for (namespace, writer) in context.scope.iter().zip(writers) {
        let api = match namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        let context = context.clone();
        parts.spawn(follow(api, writer, move |news| hear(&context, news)));
    }
}

async fn serve(config: &Config, probes: Arc<Probes>, parts: &mut JoinSet<()>) -> Result<(), RunError> {
    let Some(address) = config.http_address else {
        return Ok(());
    };
    let listener = http::bind(address, config.http_port_file.as_deref())
        .await
        .map_err(|error| RunError::Http(address, error))?;
    parts.spawn(async move {
        if let Err(error) = http::serve(listener, probes).await {
            tracing::error!(%error, "probes and metrics are not served any more");
        }
    });
    Ok(())
}

async fn stores_filled(context: &Context) {
    context.stores.clusters.ready().await;
    context.stores.databases.ready().await;
    context.stores.certificates.ready().await;
}

/// Begins to act: from now on news is heard, and whatever there is already is entered.
fn reign(context: &Arc<Context>, config: &Config, predecessor: Predecessor) {
    let takeover_until = match predecessor {
        Predecessor::Gone => None,
        Predecessor::Silent => Some(later(
            config.clock.now(),
            config.lease_duration + config.takeover_grace,
        )),
    };
    tracing::info!(
        ?predecessor,
        takeover_until = takeover_until.map(tracing::field::display),
        "leading"
    );
    context.metrics.leads(true);
    // Set once: `run` comes here once.
    let _ = context.reign.set(Reign {
        begun: Moment::now(),
        takeover_until,
    });
    enter_all::<RedisCluster>(context);
    enter_all::<RedisDatabase>(context);
    enter_all::<ClusterCertificate>(context);
}

fn later(now: Timestamp, delay: Duration) -> Timestamp {
    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
    now.checked_add(delay).unwrap_or(Timestamp::MAX)
}

fn enter_all<K: Resolve>(context: &Arc<Context>) {
    for object in K::shelf(&context.stores).all() {
        enter(context, &object.key(), object.cluster());
    }
}

fn hear(context: &Arc<Context>, news: News) {
    if context.reign.get().is_none() {
        return;
    }
    match news {
        News::Changed(key, cluster) => enter(context, &key, cluster),
        News::Gone(key, _) => context.roster.ring(&key, Ring::Changed),
        News::Cluster(cluster) => context.roster.ring_cluster(&cluster, Ring::Related),
    }
}

/// Rings for an object; one that is new gets a task of its own, and a cluster one that sweeps it besides.
fn enter(context: &Arc<Context>, key: &ObjectKey, cluster: ClusterKey) {
    let Some(entry) = context.roster.ring_or_enter(key, cluster.clone(), Ring::Changed) else {
        return;
    };
    let (context, key) = (context.clone(), key.clone());
    let nursery = context.nursery.clone();
    match key.kind {
        Kind::RedisCluster => {
            let seat = context.clusters.seat(&cluster, &context.stores);
            nursery.take(sweep(context.clone(), cluster, seat));
            nursery.take(attend::<RedisCluster>(context, key, entry));
        }
        Kind::RedisDatabase => nursery.take(attend::<RedisDatabase>(context, key, entry)),
        Kind::ClusterCertificate => nursery.take(attend::<ClusterCertificate>(context, key, entry)),
    }
}

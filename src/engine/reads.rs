//! The reads of one cluster, reached in one way: each resource with one GET for all who ask.

use crate::api::ClusterIdentity;
use crate::engine::Moment;
use crate::engine::coalesce::Coalesced;
use crate::engine::coalesce::Shareable;
use crate::engine::login::Login;
use crate::plan::access::ClusterAccess;
use crate::plan::access::NodeAccess;
use crate::plan::database::fields::FIELDS;
use crate::rest::Credentials;
use crate::rest::NodeAddress;
use crate::rest::Session;
use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::model::Bdb;
use crate::rest::model::CertificateName;
use crate::rest::model::Cluster;
use crate::rest::model::JsonMap;
use crate::rest::model::License;
use crate::rest::model::Node;
use crate::rest::model::NodeStatus;
use crate::rest::model::NodeTask;
use crate::rest::model::NodeUid;
use crate::rest::model::Shard;
use crate::rest::model::SpkiPin;
use crate::rest::route::CLUSTER;
use crate::rest::tls::Authority;
use crate::rest::tls::Trust;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Which cluster is reached, and how. Answers that came one way say nothing about another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    cluster_name: String,
    members: Vec<NodeAddress>,
    ca_pem: Option<String>,
    pins: Vec<String>,
    username: String,
    secret_version: String,
}

impl Reach {
    /// Reaches the members that are recorded, and `joined` besides.
    pub fn new(access: &ClusterAccess, joined: &[NodeAddress]) -> Self {
        let recorded = access.nodes.iter().filter(|node| node.member).map(address);
        let mut members: Vec<NodeAddress> = recorded.collect();
        members.extend(
            joined
                .iter()
                .filter(|node| !members.contains(node))
                .cloned()
                .collect::<Vec<_>>(),
        );
        Self {
            cluster_name: access.cluster_name.clone(),
            members,
            ca_pem: access.ca_pem.clone(),
            pins: access.pins.clone(),
            username: access.credentials.username.clone(),
            secret_version: access.credentials.secret_version.clone(),
        }
    }

    /// Whom it asks.
    pub fn members(&self) -> Vec<NodeAddress> {
        self.members.clone()
    }
}

/// Where the REST API of a node is.
pub fn address(node: &NodeAccess) -> NodeAddress {
    NodeAddress {
        host: node.host.clone(),
        port: node.port,
    }
}

/// What a member of the cluster must show. `None` when nothing is known that it could be checked against.
///
/// # Errors
/// When the certificates of the authorities cannot be read.
pub fn member_trust(access: &ClusterAccess) -> Result<Option<Trust>, Error> {
    let authority = access
        .ca_pem
        .as_ref()
        .map(|pem| Authority::read_pem(pem.as_bytes()))
        .transpose();
    let authority =
        authority.map_err(|why| unsendable(format!("the CA certificates cannot be read: {why}")))?;
    let pins: BTreeSet<SpkiPin> = access.pins.iter().filter_map(|pin| pin.parse().ok()).collect();
    let known = authority.is_some() || !pins.is_empty();
    Ok(known.then(|| Trust::Member {
        cluster_name: access.cluster_name.clone(),
        authority,
        pins,
    }))
}

/// What a node must show that does not belong to the cluster yet. `None` until something vouches for it.
pub fn fresh_trust(node: &NodeAccess) -> Option<Trust> {
    let pin = node.pin.as_ref()?.parse().ok()?;
    Some(Trust::Pinned(BTreeSet::from([pin])))
}

/// A call that cannot be made.
pub fn unsendable(why: String) -> Error {
    let kind = ErrorKind::Unsendable(why);
    Error {
        route: &CLUSTER,
        path: CLUSTER.fill(&[]),
        node: "no node".to_owned(),
        kind,
    }
}

/// Fields of a database that somebody reads and that nobody manages.
const UNMANAGED_BDB_FIELDS: &[&str] = &[
    "bigstore",
    "endpoints",
    "enforce_client_authentication",
    "rack_aware",
    "redis_version",
    "sharding",
    "version",
];

/// The fields of databases that are asked for: what is not asked for, such as passwords, is never seen.
fn bdb_fields() -> Vec<&'static str> {
    // Tags come with every list.
    let managed = FIELDS
        .iter()
        .map(|field| field.wire)
        .filter(|wire| *wire != "tags");
    managed.chain(UNMANAGED_BDB_FIELDS.iter().copied()).collect()
}

/// One resource.
type One<T> = Arc<Coalesced<T>>;

/// The reads of one cluster, reached in one way.
#[derive(Debug)]
pub struct Reads {
    pub reach: Reach,
    session: Session,
    login: Arc<Login>,
    cluster: One<Cluster>,
    policy: One<JsonMap>,
    license: One<Option<License>>,
    nodes: One<Vec<Node>>,
    statuses: One<BTreeMap<NodeUid, NodeStatus>>,
    tasks: One<Vec<NodeTask>>,
    bdbs: One<Vec<Bdb>>,
    shards: One<Vec<Shard>>,
    /// The chain of a certificate, PEM, by its name and by the node that is asked; any node without one.
    certificates: Mutex<BTreeMap<CertificateOf, One<Option<String>>>>,
}

/// A certificate by its name, and the node that is asked; any node without one.
type CertificateOf = (CertificateName, Option<NodeAddress>);

impl Reads {
    pub fn new(reach: Reach, session: Session, login: Arc<Login>) -> Self {
        Self {
            reach,
            session,
            login,
            cluster: One::default(),
            policy: One::default(),
            license: One::default(),
            nodes: One::default(),
            statuses: One::default(),
            tasks: One::default(),
            bdbs: One::default(),
            shards: One::default(),
            certificates: Mutex::default(),
        }
    }

    pub async fn cluster(&self, asked: Moment) -> Shareable<Cluster> {
        self.read(
            &self.cluster,
            asked,
            |session| async move { session.cluster().await },
        )
        .await
    }

    pub async fn policy(&self, asked: Moment) -> Shareable<JsonMap> {
        self.read(
            &self.policy,
            asked,
            |session| async move { session.policy().await },
        )
        .await
    }

    pub async fn license(&self, asked: Moment) -> Shareable<Option<License>> {
        self.read(
            &self.license,
            asked,
            |session| async move { session.license().await },
        )
        .await
    }

    pub async fn nodes(&self, asked: Moment) -> Shareable<Vec<Node>> {
        self.read(&self.nodes, asked, |session| async move { session.nodes().await })
            .await
    }

    pub async fn statuses(&self, asked: Moment) -> Shareable<BTreeMap<NodeUid, NodeStatus>> {
        self.read(&self.statuses, asked, |session| async move {
            session.node_statuses().await
        })
        .await
    }

    pub async fn tasks(&self, asked: Moment) -> Shareable<Vec<NodeTask>> {
        self.read(
            &self.tasks,
            asked,
            |session| async move { session.node_tasks().await },
        )
        .await
    }

    pub async fn bdbs(&self, asked: Moment) -> Shareable<Vec<Bdb>> {
        let get = |session: Session| async move { session.bdbs_with(&bdb_fields()).await };
        self.read(&self.bdbs, asked, get).await
    }

    pub async fn shards(&self, asked: Moment) -> Shareable<Vec<Shard>> {
        self.read(
            &self.shards,
            asked,
            |session| async move { session.shards().await },
        )
        .await
    }

    /// The chain of one certificate, PEM, as `node` has it; as whichever member answers has it without one.
    pub async fn certificate(
        &self,
        name: &CertificateName,
        node: Option<&NodeAddress>,
        asked: Moment,
    ) -> Shareable<Option<String>> {
        let one = {
            let mut certificates = self.certificates.lock().unwrap_or_else(PoisonError::into_inner);
            certificates
                .entry((name.clone(), node.cloned()))
                .or_default()
                .clone()
        };
        let get = |session: Session| {
            let session = node.map_or_else(|| session.clone(), |node| session.only(node));
            let name = name.clone();
            async move { session.certificate(&name).await }
        };
        self.read(&one, asked, get).await
    }

    async fn read<T, G>(&self, one: &One<T>, asked: Moment, get: impl Fn(Session) -> G) -> Shareable<T>
    where
        T: Send + Sync + 'static,
        G: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let guarded = || {
            let (login, version) = (self.login.clone(), self.reach.secret_version.clone());
            let request = get(self.session.clone());
            async move { login.through(&version, request).await }
        };
        one.read(asked, guarded).await
    }

    /// Makes a call that nobody shares.
    ///
    /// # Errors
    /// Those of the call, and the rejection of the credentials while it stands.
    pub async fn call<T, G>(&self, request: impl FnOnce(Session) -> G) -> Result<T, Error>
    where
        G: Future<Output = Result<T, Error>>,
    {
        self.login
            .through(&self.reach.secret_version, request(self.session.clone()))
            .await
    }
}

/// Which cluster it is.
pub fn identity(cluster: &Cluster) -> ClusterIdentity {
    ClusterIdentity {
        name: cluster.name.clone(),
        created_time: cluster.created_time.clone(),
    }
}

/// Credentials as the client wants them.
pub fn credentials(access: &ClusterAccess) -> Credentials {
    let given = &access.credentials;
    Credentials {
        username: given.username.clone(),
        password: given.password.clone(),
    }
}

//! What all passes over one cluster share: the way to it, the reads, and what is known of the credentials.

use crate::api::RejectedCredentials;
use crate::engine::Moment;
use crate::engine::coalesce::Coalesced;
use crate::engine::coalesce::Shareable;
use crate::engine::login::Login;
use crate::engine::reads::Reach;
use crate::engine::reads::Reads;
use crate::engine::reads::credentials;
use crate::engine::reads::member_trust;
use crate::engine::reads::unsendable;
use crate::plan::access::ClusterAccess;
use crate::rest::Client;
use crate::rest::NodeAddress;
use crate::rest::Session;
use crate::rest::error::Error;
use crate::rest::model::BdbUid;
use crate::rest::tls::Presented;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;

/// One Redis Enterprise cluster as all passes over its objects see it. Kept from pass to pass, one for each RedisCluster.
///
/// Everybody who asks for the same resource at the same time is served by one GET, and nobody by a GET that was sent
/// before it asked. Credentials go through a guard that keeps wrong ones from locking the account.
#[derive(Debug)]
pub struct ClusterView {
    client: Client,
    login: Arc<Login>,
    /// The ways in which the cluster is reached, the latest last: while the nodes or the trust change, passes of different
    /// objects know different ones for a moment.
    ways: Mutex<Vec<Arc<Reads>>>,
    handshakes: Mutex<BTreeMap<NodeAddress, Arc<Coalesced<Presented>>>>,
    changing: Mutex<BTreeMap<Target, Weak<tokio::sync::Mutex<()>>>>,
}

/// Ways that are remembered.
const WAYS: usize = 3;

/// What a call changes. One call at a time changes the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Nodes, settings, policy, licence, certificates.
    Cluster,
    /// A database.
    Bdb(BdbUid),
}

impl ClusterView {
    /// A view that has seen nothing yet. The client is for all views of the process.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            login: Arc::default(),
            ways: Mutex::default(),
            handshakes: Mutex::default(),
            changing: Mutex::default(),
        }
    }

    /// The view as an earlier process left it: credentials whose rejection is recorded are not tried before it runs out.
    #[must_use]
    pub fn with_rejected(self, recorded: &RejectedCredentials, now: Timestamp) -> Self {
        self.login.restore(recorded, now);
        self
    }

    /// The rejection of the credentials in use, while it stands: for the status of the RedisCluster. Does not change
    /// until the credentials are tried again.
    pub fn rejected(&self, access: &ClusterAccess, now: Timestamp) -> Option<RejectedCredentials> {
        self.login.rejected(&access.credentials.secret_version, now)
    }

    /// Reads whatever passes over the objects of this cluster look at, once, however many objects there are. Passes that
    /// ask for answers after the returned moment need no GET of their own for as long as they have nothing to do. What
    /// cannot be read is remembered too.
    pub async fn sweep(&self, access: &ClusterAccess) -> Moment {
        let asked = Moment::now();
        let Ok(reads) = self.reads(access, &[]) else {
            return asked;
        };
        if reads.cluster(asked).await.is_ok() {
            // What went wrong is for those who ask.
            let rest = futures::join!(
                reads.nodes(asked),
                reads.statuses(asked),
                reads.tasks(asked),
                reads.bdbs(asked),
                reads.shards(asked),
                reads.policy(asked),
                reads.license(asked)
            );
            drop(rest);
        }
        asked
    }

    /// Reads what passes over databases look at, and no more: for the time while databases are under way and nothing else.
    pub async fn sweep_databases(&self, access: &ClusterAccess) -> Moment {
        let asked = Moment::now();
        if let Ok(reads) = self.reads(access, &[])
            && reads.cluster(asked).await.is_ok()
        {
            // What went wrong is for those who ask.
            drop(futures::join!(reads.nodes(asked), reads.bdbs(asked)));
        }
        asked
    }

    /// The way to every node.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The reads of the cluster through its recorded members, and through `joined` besides.
    ///
    /// # Errors
    /// When nothing is known that a member could be checked against.
    pub(crate) fn reads(&self, access: &ClusterAccess, joined: &[NodeAddress]) -> Result<Arc<Reads>, Error> {
        let reach = Reach::new(access, joined);
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reads) = ways.iter().find(|reads| reads.reach == reach) {
            return Ok(reads.clone());
        }
        let trust = member_trust(access)?;
        let trust = trust.ok_or_else(|| unsendable("nothing vouches for the cluster yet".to_owned()))?;
        let session = self.client.session(reach.members(), trust, credentials(access));
        let reads = Arc::new(Reads::new(reach, session, self.login.clone()));
        if ways.len() >= WAYS {
            ways.remove(0);
        }
        ways.push(reads.clone());
        Ok(reads)
    }

    /// The certificate that a node shows.
    pub(crate) async fn handshake(&self, node: &NodeAddress, asked: Moment) -> Shareable<Presented> {
        let one = {
            let mut handshakes = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner);
            handshakes.entry(node.clone()).or_default().clone()
        };
        let shake = || {
            let (client, node) = (self.client.clone(), node.clone());
            async move { client.handshake(&node).await }
        };
        one.read(asked, shake).await
    }

    /// Makes a call that changes `target`, after those that change it already.
    ///
    /// # Errors
    /// Those of the call, and the rejection of the credentials while it stands.
    pub(crate) async fn change<T, G>(
        &self,
        access: &ClusterAccess,
        target: Target,
        request: impl FnOnce(Session) -> G,
    ) -> Result<T, Error>
    where
        G: Future<Output = Result<T, Error>>,
    {
        let reads = self.reads(access, &[])?;
        let turn = self.turn(target);
        let turn = turn.lock().await;
        let answer = reads.call(request).await;
        drop(turn);
        answer
    }

    fn turn(&self, target: Target) -> Arc<tokio::sync::Mutex<()>> {
        let mut changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = changing.get(&target).and_then(Weak::upgrade) {
            return turn;
        }
        changing.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        changing.insert(target, Arc::downgrade(&turn));
        turn
    }
}

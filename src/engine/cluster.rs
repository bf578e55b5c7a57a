//! RedisCluster: every listed node is looked at, and the cluster is read through those that belong to it.

use crate::api::RedisCluster;
use crate::engine::ClusterView;
use crate::engine::Freshness;
use crate::engine::Managed;
use crate::engine::Moment;
use crate::engine::reads::Reads;
use crate::engine::reads::address;
use crate::engine::reads::credentials;
use crate::engine::reads::fresh_trust;
use crate::engine::reads::member_trust;
use crate::engine::reads::unsendable;
use crate::engine::view::Target;
use crate::plan::Plan;
use crate::plan::access::ClusterAccess;
use crate::plan::access::NodeAccess;
use crate::plan::cluster::Action;
use crate::plan::cluster::Contact;
use crate::plan::cluster::Inputs;
use crate::plan::cluster::Live;
use crate::plan::cluster::NodeObserved;
use crate::plan::cluster::Observed;
use crate::plan::cluster::Presented;
use crate::plan::cluster::plan;
use crate::rest::FreshNode;
use crate::rest::MaintenanceOff;
use crate::rest::MaintenanceOn;
use crate::rest::NodeAddress;
use crate::rest::RemoveNode;
use crate::rest::Session;
use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::tls;
use crate::rest::tls::Trust;
use jiff::Timestamp;

impl Managed for RedisCluster {
    type Inputs = Inputs;
    type Observed = Observed;
    type Action = Action;

    async fn observe(
        &self,
        inputs: &Inputs,
        view: &ClusterView,
        asked: Freshness,
        now: Timestamp,
    ) -> Result<Observed, Error> {
        let Ok(access) = &inputs.access else {
            return Ok(Observed {
                nodes: Vec::new(),
                live: None,
            });
        };
        let look = Look {
            view,
            access,
            trust: member_trust(access)?,
            asked: asked.since(),
            now,
        };
        let listed = self
            .spec
            .nodes
            .iter()
            .filter_map(|spec| access.nodes.iter().find(|node| node.name == spec.name));
        let seen = futures::future::join_all(listed.map(|node| look.at(node))).await;
        let live = match look.whom_to_ask(&seen) {
            Some(joined) => Some(live(&*view.reads(access, &joined)?, look.asked).await?),
            None => None,
        };
        Ok(Observed {
            nodes: seen.into_iter().map(|seen| seen.observed).collect(),
            live,
        })
    }

    fn plan(&self, inputs: &Inputs, observed: &Observed, now: Timestamp) -> Plan<Action> {
        plan(self, inputs, observed, now)
    }

    fn shows_at_once(action: &Action) -> bool {
        match action {
            Action::UpdateCluster(_)
            | Action::UpdatePolicy(_)
            | Action::InstallLicense
            | Action::UpdateNode { .. } => true,
            Action::CreateCluster { .. }
            | Action::JoinNode { .. }
            | Action::MaintenanceOn(_)
            | Action::MaintenanceOff(_)
            | Action::RemoveNode(_)
            | Action::ChangeMaster { .. } => false,
        }
    }

    async fn apply(action: &Action, inputs: &Inputs, view: &ClusterView) -> Result<(), Error> {
        let access = inputs
            .access
            .as_ref()
            .map_err(|hold| unsendable(hold.detail.clone()))?;
        let change = Change { view, access };
        match action {
            Action::CreateCluster { seed, body } => {
                let license = inputs.license.as_ref().ok().and_then(Option::as_deref);
                change
                    .fresh(seed)?
                    .create_cluster(body.clone(), &credentials(access), license)
                    .await
            }
            Action::JoinNode { node, body } => {
                change
                    .fresh(node)?
                    .join_cluster(body.clone(), &credentials(access))
                    .await
            }
            Action::UpdateCluster(_)
            | Action::UpdatePolicy(_)
            | Action::InstallLicense
            | Action::UpdateNode { .. }
            | Action::MaintenanceOn(_)
            | Action::MaintenanceOff(_)
            | Action::RemoveNode(_)
            | Action::ChangeMaster { .. } => change.member(action, inputs).await,
        }
    }
}

/// One look at the nodes.
struct Look<'a> {
    view: &'a ClusterView,
    access: &'a ClusterAccess,
    trust: Option<Trust>,
    asked: Moment,
    now: Timestamp,
}

/// What came of the look at one node.
struct Seen {
    observed: NodeObserved,
    /// Where it is, if it belongs to the cluster and may be shown the credentials.
    joined: Option<NodeAddress>,
}

impl Look<'_> {
    async fn at(&self, node: &NodeAccess) -> Seen {
        let observed = |contact, presented| NodeObserved {
            name: node.name.clone(),
            contact,
            presented,
        };
        let address = address(node);
        let shown = match self.view.handshake(&address, self.asked).await {
            Ok(shown) => shown,
            Err(error) => {
                return Seen {
                    observed: observed(unreachable(&error), None),
                    joined: None,
                };
            }
        };
        let presented = Some(self.describe(&shown));
        let Some(trust) = self.trust_of(node, &shown) else {
            let unverified = !node.member && node.pin.is_none();
            let contact = if unverified {
                Contact::Unverified
            } else {
                Contact::Mismatched
            };
            return Seen {
                observed: observed(contact, presented),
                joined: None,
            };
        };
        let contact = match &trust {
            // Only a member has the key of the cluster's certificate: nothing more need be asked of one that is recorded.
            Trust::Member { .. } if node.member => Contact::Joined,
            Trust::Member { .. } | Trust::Pinned(_) => {
                contact(&self.view.client().fresh(address.clone(), trust.clone())).await
            }
        };
        let cluster = matches!(trust, Trust::Member { .. }) && matches!(contact, Contact::Joined);
        Seen {
            observed: observed(contact, presented),
            joined: cluster.then_some(address),
        }
    }

    /// What the node is trusted by, if what it showed passes: the cluster's trust, else its own pin while it is fresh. A
    /// member that was seen before the spec vouched for its cluster passes both.
    fn trust_of(&self, node: &NodeAccess, shown: &tls::Presented) -> Option<Trust> {
        let own = fresh_trust(node).filter(|_| !node.member);
        self.trust
            .clone()
            .into_iter()
            .chain(own)
            .find(|trust| shown.accepted_by(trust, self.now).is_ok())
    }

    fn describe(&self, shown: &tls::Presented) -> Presented {
        let name = &self.access.cluster_name;
        let authority = match &self.trust {
            Some(Trust::Member { authority, .. }) => authority.as_ref(),
            Some(Trust::Pinned(_)) | None => None,
        };
        Presented {
            pin: shown.spki_pin().to_string(),
            names_cluster: shown.names(name),
            self_signed: shown.self_signed(),
            vouched: authority.is_some_and(|authority| shown.vouched_by(authority, name, self.now)),
        }
    }

    /// The listed nodes through which the cluster may be asked, besides those recorded; `None` when it may not.
    ///
    /// When no listed node belongs to it, the recorded members are asked all the same, so that silence becomes an error;
    /// not so when a node is up and is not what it was: that is for the plan to judge.
    fn whom_to_ask(&self, seen: &[Seen]) -> Option<Vec<NodeAddress>> {
        let joined: Vec<NodeAddress> = seen.iter().filter_map(|seen| seen.joined.clone()).collect();
        let recorded = self.access.nodes.iter().any(|node| node.member) && self.trust.is_some();
        let changed = seen.iter().any(|seen| match seen.observed.contact {
            Contact::Unreachable { .. } | Contact::Joined => false,
            Contact::Unverified | Contact::Mismatched | Contact::Fresh(_) => true,
        });
        (!joined.is_empty() || (recorded && !changed)).then_some(joined)
    }
}

async fn contact(node: &FreshNode) -> Contact {
    match node.bootstrap().await {
        Ok(Some(bootstrap)) => Contact::Fresh(Box::new(bootstrap)),
        Ok(None) => Contact::Joined,
        Err(Error {
            kind: ErrorKind::Untrusted(_),
            ..
        }) => Contact::Mismatched,
        Err(error) => unreachable(&error),
    }
}

fn unreachable(error: &Error) -> Contact {
    Contact::Unreachable {
        error: error.to_string(),
    }
}

/// Reads all there is to know of the cluster; any part that cannot be read is an error.
async fn live(reads: &Reads, asked: Moment) -> Result<Live, Error> {
    let cluster = reads.cluster(asked).await?;
    let nodes = async { futures::try_join!(reads.nodes(asked), reads.statuses(asked), reads.tasks(asked)) };
    let data = async { futures::try_join!(reads.bdbs(asked), reads.shards(asked)) };
    let rules = async { futures::try_join!(reads.policy(asked), reads.license(asked)) };
    let ((nodes, statuses, tasks), (bdbs, shards), (policy, license)) =
        futures::try_join!(nodes, data, rules)?;
    Ok(Live {
        cluster: (*cluster).clone(),
        policy: (*policy).clone(),
        license: (*license).clone(),
        nodes: (*nodes).clone(),
        statuses: (*statuses).clone(),
        tasks: (*tasks).clone(),
        bdbs: (*bdbs).clone(),
        shards: (*shards).clone(),
    })
}

/// One call that changes the cluster.
struct Change<'a> {
    view: &'a ClusterView,
    access: &'a ClusterAccess,
}

impl Change<'_> {
    /// A listed node that does not belong to the cluster yet.
    fn fresh(&self, name: &str) -> Result<FreshNode, Error> {
        let node = self.access.nodes.iter().find(|node| node.name == name);
        let node = node.ok_or_else(|| unsendable(format!("node {name} is not listed")))?;
        let trust = fresh_trust(node).map_or_else(|| member_trust(self.access), |trust| Ok(Some(trust)))?;
        let trust = trust.ok_or_else(|| unsendable(format!("nothing vouches for node {name} yet")))?;
        Ok(self.view.client().fresh(address(node), trust))
    }

    /// A call to the cluster.
    async fn member(&self, action: &Action, inputs: &Inputs) -> Result<(), Error> {
        let call = |session: Session| async move {
            match action {
                Action::UpdateCluster(body) => session.update_cluster(body.clone()).await,
                Action::UpdatePolicy(body) => session.update_policy(body.clone()).await,
                Action::InstallLicense => match &inputs.license {
                    Ok(Some(text)) => session.install_license(text).await,
                    Ok(None) | Err(_) => Err(unsendable("there is no licence to install".to_owned())),
                },
                Action::UpdateNode { node, body } => session.update_node(node.uid, body.clone()).await,
                Action::MaintenanceOn(permit) => session
                    .maintenance_on(permit.node().uid, MaintenanceOn::default())
                    .await
                    .map(drop),
                Action::MaintenanceOff(node) => session
                    .maintenance_off(node.uid, MaintenanceOff::default())
                    .await
                    .map(drop),
                Action::RemoveNode(permit) => {
                    let how = RemoveNode {
                        wait_for_persistence: Some(true),
                    };
                    session.remove_node(permit.node().uid, how).await.map(drop)
                }
                Action::ChangeMaster { to } => session.change_master(to.uid).await,
                Action::CreateCluster { .. } | Action::JoinNode { .. } => Err(unsendable(
                    "it is for a node that belongs to no cluster".to_owned(),
                )),
            }
        };
        self.view.change(self.access, Target::Cluster, call).await
    }
}

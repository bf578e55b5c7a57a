//! The safety gates: named checks, and the values that only they can make.

use crate::api::ClusterIdentity;
use crate::api::FORMER_OWNER_TAG;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::OWNER_TAG;
use crate::api::Reason;
use crate::plan::Hold;
use crate::plan::cluster::CertificateState;
use crate::plan::cluster::Live;
use crate::plan::cluster::Member;
use crate::rest::model::Bdb;
use crate::rest::model::BdbStatus;
use crate::rest::model::BdbUid;
use crate::rest::model::Node;
use crate::rest::model::NodeState;
use serde_json::Value;
use std::collections::BTreeSet;

/// Leave to disrupt one node, given after every gate has passed. Cannot be made elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    node: Member,
}

impl Permit {
    /// The node that may be disrupted.
    pub fn node(&self) -> &Member {
        &self.node
    }
}

/// A node that somebody wants to take out, and all that bears on whether it may go.
pub struct Disruption<'a> {
    /// The cluster.
    pub live: &'a Live,
    /// The node.
    pub node: Member,
    /// For how long.
    pub kind: Kind,
    /// What else this object has under way, in words.
    pub under_way: Option<String>,
    /// The cluster's certificates that are being replaced.
    pub certificates: &'a [CertificateState],
}

/// Kinds of disruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The node comes back.
    Maintenance,
    /// The node leaves for good.
    Removal,
}

/// Why a gate stays shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Reason,
    /// The cause in words.
    pub detail: String,
}

/// One check that a disruption has to pass.
pub struct Gate {
    /// What holds once it is passed.
    pub name: &'static str,
    check: fn(&Disruption<'_>) -> Result<(), Refusal>,
}

/// Every gate, in the order in which they are tried.
pub const GATES: &[Gate] = &[
    Gate {
        name: "one_node_at_a_time",
        check: one_node_at_a_time,
    },
    Gate {
        name: "node_at_rest",
        check: node_at_rest,
    },
    Gate {
        name: "quorum_survives",
        check: quorum_survives,
    },
    Gate {
        name: "enough_nodes_remain",
        check: enough_nodes_remain,
    },
    Gate {
        name: "databases_active",
        check: databases_active,
    },
    Gate {
        name: "databases_survive",
        check: databases_survive,
    },
    Gate {
        name: "no_task_running",
        check: |disruption| no_task_running(disruption.live),
    },
    Gate {
        name: "no_certificate_change",
        check: |disruption| no_certificate_change(disruption.certificates),
    },
];

/// Leave for the disruption, or the hold of the first gate that stays shut.
pub fn permit(disruption: &Disruption<'_>) -> Result<Permit, Hold> {
    for gate in GATES {
        (gate.check)(disruption).map_err(|refusal| Hold {
            what: match disruption.kind {
                Kind::Maintenance => format!("put {} into maintenance", disruption.node),
                Kind::Removal => format!("remove {}", disruption.node),
            },
            why: refusal.why,
            detail: refusal.detail,
        })?;
    }
    Ok(Permit {
        node: disruption.node.clone(),
    })
}

/// Whether a node may join or come back: the cluster has nodes, none else is out, leaving or joining, no task runs, no
/// certificate changes.
pub fn quiet(live: &Live, intent: Option<&Intent>, certificates: &[CertificateState]) -> Result<(), Refusal> {
    if let Some(words) = intent.and_then(disruptive) {
        return Err(Refusal {
            why: Reason::OneNodeAtATime,
            detail: format!("{words} is under way"),
        });
    }
    // Of no nodes each is well, and nobody could be named to a joiner.
    if live.nodes.is_empty() {
        return Err(Refusal {
            why: Reason::ClusterUnreachable,
            detail: "the cluster lists no nodes; check the health of its management plane".to_owned(),
        });
    }
    if let Some(down) = live.nodes.iter().find(|node| node.status == NodeState::Down) {
        let detail = format!(
            "node {} at {} is down; bring it back, or take it off spec.nodes first",
            down.uid, down.addr
        );
        return Err(Refusal {
            why: Reason::ClusterUnreachable,
            detail,
        });
    }
    match live.nodes.iter().find_map(|node| out(live, node)) {
        Some(detail) => Err(Refusal {
            why: Reason::OneNodeAtATime,
            detail,
        }),
        None => still(live, certificates),
    }
}

/// Whether no task runs and no certificate changes.
pub fn still(live: &Live, certificates: &[CertificateState]) -> Result<(), Refusal> {
    no_task_running(live).and_then(|()| no_certificate_change(certificates))
}

/// The disruption that an intent stands for, in words.
pub fn disruptive(intent: &Intent) -> Option<String> {
    let target = &intent.target;
    match intent.action {
        IntentAction::MaintenanceOn => Some(format!("maintenance of node {target}")),
        IntentAction::MaintenanceOff => Some(format!("the return of node {target} from maintenance")),
        IntentAction::RemoveNode => Some(format!("the removal of node {target}")),
        IntentAction::CreateCluster
        | IntentAction::JoinNode
        | IntentAction::CreateDatabase
        | IntentAction::DeleteDatabase
        | IntentAction::ChangePassword
        | IntentAction::ReplaceCertificate => None,
    }
}

/// Why a node does not carry its share, whoever brought that about.
fn out(live: &Live, node: &Node) -> Option<String> {
    if node.status != NodeState::Active {
        return Some(format!("node {} is {}", node.uid, node.status));
    }
    live.in_maintenance(node.uid)
        .then(|| format!("node {} is in maintenance", node.uid))
}

fn one_node_at_a_time(disruption: &Disruption<'_>) -> Result<(), Refusal> {
    let other = disruption
        .live
        .nodes
        .iter()
        .filter(|node| node.uid != disruption.node.uid);
    match disruption
        .under_way
        .clone()
        .or_else(|| other.clone().find_map(|node| out(disruption.live, node)))
    {
        Some(detail) => Err(Refusal {
            why: Reason::OneNodeAtATime,
            detail,
        }),
        None => Ok(()),
    }
}

/// A node that is down can leave, but has nothing to move; one that comes or goes is left alone.
fn node_at_rest(disruption: &Disruption<'_>) -> Result<(), Refusal> {
    let Some(node) = disruption.live.node(disruption.node.uid) else {
        return Err(Refusal {
            why: Reason::IdentityMismatch,
            detail: "it does not belong to the cluster".to_owned(),
        });
    };
    let why = match (&node.status, disruption.kind) {
        (NodeState::Active, _) | (NodeState::Down, Kind::Removal) => return Ok(()),
        (NodeState::Down, Kind::Maintenance) => Reason::ClusterUnreachable,
        (NodeState::Decommissioning | NodeState::Provisioning | NodeState::Unknown(_), _) => {
            Reason::TaskRunning
        }
    };
    Err(Refusal {
        why,
        detail: format!("it is {}", node.status),
    })
}

/// RS checks quorum itself, but does not count nodes that are in maintenance already.
fn quorum_survives(disruption: &Disruption<'_>) -> Result<(), Refusal> {
    let live = disruption.live;
    let well = remaining(disruption)
        .filter(|node| out(live, node).is_none())
        .count();
    let all = live.nodes.len();
    if well * 2 > all {
        return Ok(());
    }
    let detail = format!("without it {well} of {all} nodes would be in service, which is no majority");
    Err(Refusal {
        why: Reason::QuorumAtRisk,
        detail,
    })
}

/// A cluster that is to survive the loss of a node has at least this many.
const FEWEST_NODES: usize = 3;

fn enough_nodes_remain(disruption: &Disruption<'_>) -> Result<(), Refusal> {
    let left = remaining(disruption).count();
    match disruption.kind {
        Kind::Removal if left < FEWEST_NODES => {
            let detail = format!(
                "{left} nodes would remain and a cluster keeps at least {FEWEST_NODES}; add one first"
            );
            Err(Refusal {
                why: Reason::QuorumAtRisk,
                detail,
            })
        }
        Kind::Removal | Kind::Maintenance => Ok(()),
    }
}

fn databases_active(disruption: &Disruption<'_>) -> Result<(), Refusal> {
    match disruption
        .live
        .bdbs
        .iter()
        .find(|bdb| bdb.status != BdbStatus::Active)
    {
        Some(bdb) => {
            let detail = format!("database {} ({}) is {}", bdb.name, bdb.uid, bdb.status);
            Err(Refusal {
                why: Reason::DatabasesNotActive,
                detail,
            })
        }
        None => Ok(()),
    }
}

fn databases_survive(disruption: &Disruption<'_>) -> Result<(), Refusal> {
    let live = disruption.live;
    let uid = disruption.node.uid;
    let shards = live.shards.iter().filter(|shard| shard.node_uid == uid).count();
    let hosts: Vec<&Node> = remaining(disruption)
        .filter(|node| hosts_shards(live, node))
        .collect();
    let gone = live.node(uid).is_none_or(|node| node.status == NodeState::Down);
    for bdb in live.bdbs.iter().filter(|bdb| {
        live.shards
            .iter()
            .any(|s| s.node_uid == uid && s.bdb_uid == bdb.uid)
    }) {
        if let Some(words) = endangered(bdb, &hosts, gone) {
            let detail = format!("database {} ({}) {words}", bdb.name, bdb.uid);
            return Err(Refusal {
                why: Reason::DatabaseAtRisk,
                detail,
            });
        }
    }
    match room(&hosts) {
        Some(room) if room < shards => {
            let detail =
                format!("it has {shards} shards and the other nodes have room for {room}; add a node first");
            Err(Refusal {
                why: Reason::InsufficientCapacity,
                detail,
            })
        }
        Some(_) | None => Ok(()),
    }
}

fn hosts_shards(live: &Live, node: &Node) -> bool {
    node.accept_servers && out(live, node).is_none()
}

fn endangered(bdb: &Bdb, hosts: &[&Node], gone: bool) -> Option<String> {
    let set = |field: &str| bdb.fields.get(field) == Some(&Value::Bool(true));
    let replicated = set("replication");
    if gone && !replicated {
        return Some("has shards on it without a replica, and it is down".to_owned());
    }
    let needed = if replicated { 2 } else { 1 };
    if hosts.len() < needed {
        return Some(format!(
            "needs {needed} other nodes that accept shards and there are {}",
            hosts.len()
        ));
    }
    let racks: BTreeSet<&str> = hosts.iter().map(|node| node.rack_id.as_str()).collect();
    (replicated && set("rack_aware") && racks.len() < 2).then(|| "would lose its second rack".to_owned())
}

/// Shards that the nodes can still take; `None` when a node does not say.
fn room(hosts: &[&Node]) -> Option<usize> {
    let free = hosts.iter().map(|node| {
        node.max_redis_servers
            .map(|most| most.saturating_sub(node.shard_count))
    });
    free.sum::<Option<u32>>()
        .and_then(|free| usize::try_from(free).ok())
}

fn no_task_running(live: &Live) -> Result<(), Refusal> {
    match live.tasks.iter().find(|task| task.status.under_way()) {
        Some(task) => {
            let detail = format!("{} of node {} is {}", task.name, task.node_uid, task.status);
            Err(Refusal {
                why: Reason::TaskRunning,
                detail,
            })
        }
        None => Ok(()),
    }
}

fn no_certificate_change(certificates: &[CertificateState]) -> Result<(), Refusal> {
    match certificates.iter().find(|state| state.under_way) {
        Some(state) => {
            let detail = format!("ClusterCertificate {} is being applied", state.name);
            Err(Refusal {
                why: Reason::CertificateChange,
                detail,
            })
        }
        None => Ok(()),
    }
}

fn remaining<'a>(disruption: &'a Disruption<'_>) -> impl Iterator<Item = &'a Node> {
    disruption
        .live
        .nodes
        .iter()
        .filter(|node| node.uid != disruption.node.uid)
}

/// Something proved ours by tag, cluster identity and uid, from reads of the same pass. Cannot be made elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned<T>(T);

impl<T: Copy> Owned<T> {
    /// What is owned.
    pub fn get(&self) -> T {
        self.0
    }
}

/// A database that this object owns.
pub type OwnedBdb = Owned<BdbUid>;

/// What an object has recorded about the database that it owns.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Uid of the object; what the ownership tag must say.
    pub owner: &'a str,
    /// Uid of the database, from the object's status.
    pub uid: Option<u32>,
    /// Identity of the cluster, from the object's status.
    pub identity: Option<&'a ClusterIdentity>,
}

/// The owner that the tag of a database names.
pub fn owner_of(bdb: &Bdb) -> Option<&str> {
    bdb.tag(OWNER_TAG).or_else(|| bdb.tag(FORMER_OWNER_TAG))
}

impl OwnedBdb {
    /// Proof that `bdb`, read in this pass from the cluster `seen`, belongs to the object: same cluster, same uid, and its
    /// tag says so. Never by name.
    pub fn prove(claim: Claim<'_>, seen: &ClusterIdentity, bdb: &Bdb) -> Option<Self> {
        let ours = claim.identity == Some(seen)
            && claim.uid == Some(bdb.uid.0)
            && !claim.owner.is_empty()
            && owner_of(bdb) == Some(claim.owner);
        ours.then_some(Self(bdb.uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::model::Tag;
    use serde_json::json;

    #[test]
    fn a_database_is_ours_by_tag_and_cluster_and_uid_together() {
        let seen = ClusterIdentity {
            name: "c".into(),
            created_time: "t".into(),
        };
        let other = ClusterIdentity {
            name: "c".into(),
            created_time: "u".into(),
        };
        let bdb: Bdb = serde_json::from_value(
            json!({"uid": 7, "status": "active", "tags": [{"key": OWNER_TAG, "value": "cr-uid"}]}),
        )
        .unwrap();
        let claim = Claim {
            owner: "cr-uid",
            uid: Some(7),
            identity: Some(&seen),
        };
        assert_eq!(
            OwnedBdb::prove(claim, &seen, &bdb).map(|owned| owned.get()),
            Some(BdbUid(7))
        );
        let mut former = bdb.clone();
        former.tags[0].key = FORMER_OWNER_TAG.to_owned();
        assert!(OwnedBdb::prove(claim, &seen, &former).is_some());
        former.tags.push(Tag {
            key: OWNER_TAG.to_owned(),
            value: "another".to_owned(),
        });
        assert!(OwnedBdb::prove(claim, &seen, &former).is_none());
        for wrong in [
            Claim {
                owner: "another",
                ..claim
            },
            Claim { owner: "", ..claim },
            Claim {
                uid: Some(8),
                ..claim
            },
            Claim { uid: None, ..claim },
            Claim {
                identity: Some(&other),
                ..claim
            },
            Claim {
                identity: None,
                ..claim
            },
        ] {
            assert_eq!(OwnedBdb::prove(wrong, &seen, &bdb), None, "{wrong:?}");
        }
    }
}

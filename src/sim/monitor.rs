//! Invariants that every request is checked against, in every test.

mod unchanged;

use super::ids::{BdbUid, ClusterId, NodeIndex, NodeUid};
use super::log::LogEntry;
use super::resources::bdbs::Status;
use super::resources::nodes::maintenance_snapshot;
use super::state::{Cluster, Env, MemberStatus, Membership};
use super::task::Kind;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A request that broke an invariant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// Name of the invariant, one of [`RULES`].
    pub rule: &'static str,
    /// Number of the request in the log; of the latest when a background event broke it.
    pub seq: u64,
    /// Simulated time.
    pub at: Timestamp,
    /// `User-Agent` of that request, so that a person's doings can be told from a client's.
    pub user_agent: String,
    /// What happened, in a sentence.
    pub message: String,
    /// Bad manners rather than danger.
    pub advisory: bool,
}

/// Every invariant: name, whether it is only advisory, what it says.
pub const RULES: &[(&str, bool, &str)] = &[
    (
        "two-clusters",
        false,
        "the machines of one fleet form one cluster",
    ),
    (
        "two-owned",
        false,
        "no two databases of a cluster carry the same ownership tag",
    ),
    (
        "foreign-delete",
        false,
        "only a database that carries an ownership tag is deleted",
    ),
    (
        "unchanged-fields",
        false,
        "the body of an update of a database, a node, the cluster or its policy has no field with the value that it has",
    ),
    (
        "stacked-maintenance",
        false,
        "a node in maintenance is not put into maintenance again",
    ),
    (
        "two-disruptions",
        false,
        "one node at a time is in maintenance, leaving or joining",
    ),
    (
        "quorum-at-risk",
        false,
        "a majority of members is up and out of maintenance without the disrupted node",
    ),
    (
        "unsettled-databases",
        false,
        "no node is disrupted while a database is not active",
    ),
    (
        "certificates-during-disruption",
        false,
        "certificates do not change while a node is disrupted, nor the reverse",
    ),
    ("no-persistence-wait", true, "a removal waits for persistence"),
    (
        "hot-retry",
        true,
        "a request that failed is not repeated within a second",
    ),
    (
        "destructive-call",
        true,
        "nothing is flushed, imported, recovered, and no admin password reset",
    ),
    (
        UNDESCRIBED,
        true,
        "every answer is one that the tables describe; else the fault is the simulator's own",
    ),
];

/// The one invariant that is about the simulator and not about its clients.
pub const UNDESCRIBED: &str = "undescribed-answer";

/// Shortest pause before a failed request is repeated.
const PAUSE: SignedDuration = SignedDuration::from_secs(1);

/// Violations of one rule that are kept.
const KEPT: usize = 1000;
/// Failed requests that are remembered for their pace.
const FAILED: usize = 1000;

/// What the monitor remembers.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Monitor {
    ownership_tag: Option<String>,
    #[serde(deserialize_with = "super::saved::violations")]
    violations: Vec<Violation>,
    /// How often each rule was broken.
    filed: BTreeMap<String, usize>,
    fleets: BTreeMap<u32, Vec<String>>,
    /// Complaints about the request at hand, to be filed if it takes effect.
    #[serde(skip)]
    suspected: Vec<(&'static str, String)>,
    certificates_until: Option<Timestamp>,
    #[serde(with = "super::saved::pairs")]
    failed: BTreeMap<(String, String, String), Timestamp>,
    /// Databases seen with a value of the ownership tag.
    #[serde(with = "super::saved::pairs")]
    owned: BTreeMap<(ClusterId, String), BTreeSet<BdbUid>>,
    twice_owned: BTreeSet<(ClusterId, String)>,
    last_seq: u64,
    last_agent: String,
}

impl Monitor {
    pub(crate) fn new(ownership_tag: Option<String>) -> Self {
        Self {
            ownership_tag,
            ..Self::default()
        }
    }

    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn file(&mut self, rule: &'static str, at: Timestamp, message: String) {
        let filed = self.filed.entry(rule.to_owned()).or_default();
        *filed += 1;
        if *filed > KEPT {
            return;
        }
        let advisory = RULES.iter().any(|(name, advisory, _)| *name == rule && *advisory);
        self.violations.push(Violation {
            rule,
            seq: self.last_seq,
            at,
            user_agent: self.last_agent.clone(),
            message,
            advisory,
        });
    }

    /// A cluster was created out of a fleet.
    pub(crate) fn created(&mut self, fleet: u32, name: &str, now: Timestamp) {
        let clusters = self.fleets.entry(fleet).or_default();
        clusters.push(name.to_owned());
        if clusters.len() > 1 {
            let message = format!(
                "the machines formed {} clusters: {}",
                clusters.len(),
                clusters.join(", ")
            );
            self.file("two-clusters", now, message);
        }
    }

    /// The simulator gave an answer that none of its tables describes.
    pub(crate) fn undescribed(&mut self, what: &str, now: Timestamp) {
        let message = format!("a fault of the simulator, no table describes this answer: {what}");
        self.file(UNDESCRIBED, now, message);
    }

    /// Looks at a request before it is served, while its target is as it was.
    pub(crate) fn before(
        &mut self,
        node: NodeIndex,
        entry: &LogEntry,
        env: &Env,
        clusters: &BTreeMap<ClusterId, Cluster>,
    ) {
        self.last_seq = entry.seq;
        self.last_agent.clone_from(&entry.user_agent);
        self.suspected.clear();
        if entry.method == "GET" {
            return;
        }
        let path = entry.path.strip_suffix('/').unwrap_or(&entry.path);
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let cluster = cluster_at(node, env, clusters);
        match (entry.method.as_str(), segments.as_slice(), cluster) {
            ("POST", ["v1", "bootstrap", "join_cluster"], None) => self.suspect_join(entry, clusters),
            ("POST", ["v1", "nodes", uid, "actions", action], Some(cluster)) => {
                if let (Ok(uid), Some(kind)) = (uid.parse(), Kind::of_path(action, true)) {
                    self.suspect_action(entry, env, cluster, uid, kind);
                }
            }
            ("PUT", ["v1", "cluster", "certificates" | "update_cert"], Some(cluster))
            | ("POST", ["v1", "cluster", "certificates", "rotate"], Some(cluster)) => {
                if let Some(node) = disrupted(cluster).first() {
                    let message = format!("certificates change while node {node} is disrupted");
                    self.suspected.push(("certificates-during-disruption", message));
                }
            }
            ("DELETE", ["v1", "bdbs", uid], Some(cluster)) => self.suspect_delete(cluster, uid),
            ("PUT", ["v1", "bdbs", _, what @ ("flush" | "reset_admin_pass")], Some(_))
            | ("POST", ["v1", "bdbs", _, "actions", what @ ("import" | "recover")], Some(_)) => {
                self.suspected
                    .push(("destructive-call", format!("{what} of {}", entry.path)));
            }
            ("PUT", path, Some(cluster)) => {
                let unchanged = unchanged::unchanged(path, &entry.body, env, cluster);
                self.suspected
                    .extend(unchanged.map(|message| ("unchanged-fields", message)));
            }
            _ => {}
        }
    }

    fn suspect_join(&mut self, entry: &LogEntry, clusters: &BTreeMap<ClusterId, Cluster>) {
        let name = entry
            .body
            .pointer("/cluster/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        for cluster in clusters.values().filter(|cluster| cluster.name == name) {
            if let Some(node) = disrupted(cluster).first() {
                let message = format!("a node joins while node {node} is disrupted");
                self.suspected.push(("two-disruptions", message));
            }
        }
    }

    fn suspect_action(&mut self, entry: &LogEntry, env: &Env, cluster: &Cluster, uid: NodeUid, kind: Kind) {
        if kind != Kind::MaintenanceOn && kind != Kind::RemoveNode {
            return;
        }
        let name = kind.name();
        let disrupted = disrupted(cluster);
        if kind == Kind::MaintenanceOn && disrupted.contains(&uid) {
            self.suspected.push((
                "stacked-maintenance",
                format!("node {uid} is in maintenance already"),
            ));
        }
        if let Some(other) = disrupted.iter().find(|other| **other != uid) {
            self.suspected.push((
                "two-disruptions",
                format!("{name} of node {uid} while node {other} is disrupted"),
            ));
        }
        let stays = |member: &&super::state::Member| {
            member.uid != uid && cluster.runs(env, member) && maintenance_snapshot(member).is_none()
        };
        let left = cluster.members.values().filter(stays).count();
        // A removal lowers the number of members, too; the last but one is as safe as the cluster left behind.
        let of = cluster.members.len() - usize::from(kind == Kind::RemoveNode);
        if left * 2 <= of {
            let message = format!("{name} of node {uid} leaves {left} of {of} members");
            self.suspected.push(("quorum-at-risk", message));
        }
        if let Some(bdb) = cluster.databases.unsettled().first() {
            self.suspected.push((
                "unsettled-databases",
                format!("{name} of node {uid} while database {bdb} is not active"),
            ));
        }
        if self.certificates_until.is_some_and(|until| entry.at < until) {
            let message = format!("{name} of node {uid} while certificates change");
            self.suspected.push(("certificates-during-disruption", message));
        }
        if kind == Kind::RemoveNode && entry.body.get("wait_for_persistence") != Some(&json!(true)) {
            self.suspected.push((
                "no-persistence-wait",
                format!("node {uid} is removed without waiting for persistence"),
            ));
        }
    }

    fn suspect_delete(&mut self, cluster: &Cluster, uid: &str) {
        let (Some(key), Ok(uid)) = (&self.ownership_tag, uid.parse::<BdbUid>()) else {
            return;
        };
        if owner(cluster, uid, key).is_none() {
            self.suspected
                .push(("foreign-delete", format!("database {uid} carries no tag {key}")));
        }
    }

    /// Looks at a request once it was served.
    pub(crate) fn after(&mut self, entry: &LogEntry, env: &Env, clusters: &BTreeMap<ClusterId, Cluster>) {
        self.last_seq = entry.seq;
        self.last_agent.clone_from(&entry.user_agent);
        // An update of nothing but what stands there is taken, and has no effect.
        let idle = entry.status == 200 && !entry.query.contains("dry_run");
        for (rule, message) in std::mem::take(&mut self.suspected) {
            if entry.effect || (idle && rule == "unchanged-fields") {
                self.file(rule, entry.at, message);
            }
        }
        if entry.effect {
            if entry.path.starts_with("/v1/cluster/") && entry.path.contains("cert") {
                self.certificates_until = Some(env.after(env.timings.certificate_apply));
            }
            let bdbs = matches!(entry.method.as_str(), "POST" | "PUT") && entry.path.contains("/bdbs");
            if let (true, Some(cluster)) = (bdbs, cluster_at(entry.node, env, clusters)) {
                self.check_owner(entry, cluster);
            }
        }
        self.check_pace(entry);
    }

    /// Looks at the one database that a request created or changed, so that its cost does not grow with their number.
    fn check_owner(&mut self, entry: &LogEntry, cluster: &Cluster) {
        let Some(key) = self.ownership_tag.clone() else {
            return;
        };
        let named = entry.path.split('/').nth(3).and_then(|uid| uid.parse().ok());
        let chosen = entry.body.get("uid").and_then(Value::as_u64).map(BdbUid);
        let newest = BdbUid(cluster.databases.next_uid().0.saturating_sub(1));
        let uid = named.or(chosen).unwrap_or(newest);
        let Some(owner) = owner(cluster, uid, &key) else {
            return;
        };
        let owned = self.owned.entry((cluster.id, owner.clone())).or_default();
        owned.insert(uid);
        owned.retain(|uid| self::owner(cluster, *uid, &key).as_ref() == Some(&owner));
        if owned.len() > 1 && self.twice_owned.insert((cluster.id, owner.clone())) {
            let uids: Vec<String> = owned.iter().map(ToString::to_string).collect();
            let message = format!("databases {} are all owned by {owner}", uids.join(", "));
            self.file("two-owned", entry.at, message);
        }
    }

    fn check_pace(&mut self, entry: &LogEntry) {
        let counts = entry.status == 401 || (entry.status >= 400 && entry.method != "GET");
        let key = (
            entry.method.clone(),
            entry.path.clone(),
            entry.body_sha256.clone(),
        );
        if !counts {
            self.failed.remove(&key);
            return;
        }
        if self.failed.len() >= FAILED {
            self.failed.retain(|_, at| entry.at.duration_since(*at) < PAUSE);
            if self.failed.len() >= FAILED {
                self.failed.clear();
            }
        }
        let before = self.failed.insert(key, entry.at);
        if before.is_some_and(|before| entry.at.duration_since(before) < PAUSE) {
            let message = format!(
                "{} {} failed with {} and came again at once",
                entry.method, entry.path, entry.status
            );
            self.file("hot-retry", entry.at, message);
        }
    }
}

fn cluster_at<'a>(
    node: NodeIndex,
    env: &Env,
    clusters: &'a BTreeMap<ClusterId, Cluster>,
) -> Option<&'a Cluster> {
    match env.node(node)?.membership {
        Membership::Member(id, _) => clusters.get(&id),
        Membership::Fresh | Membership::Removed => None,
    }
}

/// The value of a database's ownership tag, unless it is being deleted.
fn owner(cluster: &Cluster, uid: BdbUid, key: &str) -> Option<String> {
    let database = cluster
        .databases
        .get(uid)
        .filter(|database| database.status != Status::DeletePending)?;
    let tags = database.set.get("tags")?.as_array()?;
    let tag = tags
        .iter()
        .find(|tag| tag.get("key").and_then(Value::as_str) == Some(key))?;
    Some(tag.get("value")?.as_str()?.to_owned())
}

/// Members in maintenance, entering or leaving it, joining or being removed.
fn disrupted(cluster: &Cluster) -> Vec<NodeUid> {
    let at_work = |uid: NodeUid| {
        let mut tasks = cluster.tasks.0.iter();
        tasks.any(|task| task.node == Some(uid) && !task.status.is_over() && task.kind != Kind::ChangeMaster)
    };
    let hit = |member: &&super::state::Member| {
        maintenance_snapshot(member).is_some()
            || matches!(
                member.status,
                MemberStatus::Provisioning | MemberStatus::Decommissioning
            )
            || at_work(member.uid)
    };
    cluster
        .members
        .values()
        .filter(hit)
        .map(|member| member.uid)
        .collect()
}

#[cfg(test)]
mod tests;

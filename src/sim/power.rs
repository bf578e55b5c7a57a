//! Machines that crash, hang, come back or are installed anew, and what their cluster makes of it.

use super::ids::{NodeIndex, NodeUid};
use super::internode;
use super::resources::{alarms, bdbs};
use super::state::{Cluster, Due, Env, Member, MemberStatus, Membership, Power, SimNode};
use super::storage;
use super::work;
use super::world::World;
use serde_json::Value;
use std::time::Duration;

impl World {
    /// Takes the power from a node: connections are refused, and its cluster notices after a while.
    pub fn crash(&mut self, node: NodeIndex) {
        self.lose(node, Power::Crashed);
    }

    /// Lets a node hang: connections are accepted and nothing is answered; for its cluster it is gone.
    pub fn freeze(&mut self, node: NodeIndex) {
        self.lose(node, Power::Frozen);
    }

    fn lose(&mut self, index: NodeIndex, power: Power) {
        if self.env.node(index).is_some_and(SimNode::is_on) {
            storage::keep(self, index);
        }
        let delay = detection(self.cluster_of(index), &self.env);
        let Some(node) = self.env.node_mut(index) else {
            return;
        };
        node.power = power;
        if let Membership::Member(id, uid) = node.membership {
            self.env.schedule(delay, Due::NodeLost(id, uid));
        }
    }

    /// Turns a crashed or frozen node on again; its services need a moment.
    pub fn power_on(&mut self, index: NodeIndex) {
        let restart = self.env.timings.service_restart;
        let (now, until) = (self.env.now, self.env.after(restart));
        let Some(node) = self.env.node_mut(index) else {
            return;
        };
        if node.power == Power::Crashed {
            node.booted = now;
            node.cold = true;
            node.stopped.clear();
        }
        node.power = Power::On;
        node.restarting_until = Some(until);
        let (membership, bootstrapping) = (node.membership, node.bootstrap.request.is_some());
        if let Membership::Member(id, uid) = membership {
            self.env.schedule(restart, Due::NodeFound(id, uid));
        }
        if bootstrapping {
            self.env.schedule(restart, Due::Bootstrap(index));
        }
    }

    /// Sets a node's own clock so many seconds ahead of the others.
    pub fn set_clock(&mut self, index: NodeIndex, secs: i64) {
        if let Some(node) = self.env.node_mut(index) {
            node.config.clock_skew_secs = secs;
        }
    }

    /// Installs the software anew on a machine with an empty disk: nothing is left of what it was.
    pub fn wipe(&mut self, index: NodeIndex) {
        self.reinstall(index);
        if let Some(node) = self.env.node_mut(index) {
            node.storage = Default::default();
        }
    }

    /// The version of the software that a machine has from now on; meant for one that belongs to no cluster.
    pub fn set_software(&mut self, index: NodeIndex, software_version: &str) {
        if let Some(node) = self.env.node_mut(index) {
            software_version.clone_into(&mut node.software_version);
        }
    }

    /// Installs the software anew on a machine: it is fresh, whatever it was. What its persistent storage holds stays. If its
    /// cluster still lists it, the cluster notices that it is gone.
    pub fn reinstall(&mut self, index: NodeIndex) {
        if self.env.node(index).is_some_and(SimNode::is_on) {
            storage::keep(self, index);
        }
        let (now, delay) = (self.env.now, detection(self.cluster_of(index), &self.env));
        let Some(node) = self.env.node_mut(index) else {
            return;
        };
        let before = node.membership;
        node.membership = Membership::Fresh;
        node.bootstrap = Default::default();
        node.installed.clear();
        node.flaws.clear();
        node.stopped.clear();
        node.silent_until = None;
        node.cold = false;
        node.power = Power::On;
        node.restarting_until = None;
        node.booted = now;
        let joining = |member: &Member| member.host == index && member.status == MemberStatus::Provisioning;
        for cluster in self.clusters.values_mut() {
            cluster.members.retain(|_, member| !joining(member));
        }
        if let Membership::Member(id, uid) = before {
            self.env.schedule(delay, Due::NodeLost(id, uid));
            let mut machines = self.env.nodes.iter().map(|node| node.membership);
            if !machines.any(|membership| matches!(membership, Membership::Member(of, _) if of == id)) {
                self.clusters.remove(&id);
            }
        }
    }
}

/// How much longer a cluster of low sensitivity takes to notice.
const LOW_SENSITIVITY: u32 = 5;

/// Time until a cluster notices that a member is gone.
pub(crate) fn detection(cluster: Option<&Cluster>, env: &Env) -> Duration {
    let policy = cluster.and_then(|cluster| cluster.policy.get("failure_detection_sensitivity"));
    let low = policy.and_then(Value::as_str) == Some("low");
    env.timings.failure_detection * if low { LOW_SENSITIVITY } else { 1 }
}

/// The cluster notices that a member is gone, unless it came back in time. Without a majority nobody can write that down.
pub(crate) fn node_lost(cluster: &mut Cluster, env: &mut Env, uid: NodeUid) {
    let Some(member) = cluster
        .members
        .get(&uid)
        .filter(|member| !cluster.runs(env, member))
    else {
        return;
    };
    if member.status == MemberStatus::Down || !cluster.has_quorum(env) {
        return;
    }
    if let Some(member) = cluster.members.get_mut(&uid) {
        member.status = MemberStatus::Down;
    }
    cluster.state_id += 1;
    work::node_lost(cluster, env, uid);
    bdbs::node_lost(cluster, env, uid);
    if cluster.master == Some(uid) {
        cluster.master = None;
        env.schedule(env.timings.leader_election, Due::Election(cluster.id));
    }
    let grace = cluster
        .policy
        .get("slave_ha_grace_period")
        .and_then(Value::as_u64)
        .unwrap_or(600);
    env.schedule(Duration::from_secs(grace), Due::ReplicaHa(cluster.id, uid));
    alarms::look(cluster, env);
}

pub(crate) fn node_found(cluster: &mut Cluster, env: &mut Env, uid: NodeUid) {
    let running = cluster
        .members
        .get(&uid)
        .is_some_and(|member| cluster.runs(env, member));
    let Some(member) = cluster.members.get_mut(&uid).filter(|_| running) else {
        return;
    };
    let (was_down, host) = (member.status == MemberStatus::Down, member.host);
    if was_down {
        member.status = MemberStatus::Active;
        cluster.state_id += 1;
    }
    if env
        .node_mut(host)
        .is_some_and(|node| std::mem::take(&mut node.cold))
    {
        bdbs::lose_data(cluster, env, uid, false);
    }
    if was_down {
        bdbs::node_found(cluster, env, uid);
        internode::catch_up(cluster, env, host);
    }
    if cluster.has_quorum(env) {
        if let Some(member) = cluster.members.get(&uid) {
            storage::follow(cluster, env, member);
        }
        notice_others(cluster, env);
        internode::plan(cluster, env);
    }
    if cluster
        .master
        .is_none_or(|master| !cluster.members.contains_key(&master))
    {
        cluster.elect(env, None);
    }
    alarms::look(cluster, env);
}

/// A majority is back: it notices who else went while there was none.
fn notice_others(cluster: &Cluster, env: &mut Env) {
    let gone = |member: &&Member| member.status != MemberStatus::Down && !cluster.runs(env, member);
    let gone: Vec<NodeUid> = cluster
        .members
        .values()
        .filter(gone)
        .map(|member| member.uid)
        .collect();
    let delay = detection(Some(cluster), env);
    for uid in gone {
        env.schedule(delay, Due::NodeLost(cluster.id, uid));
    }
}

pub(crate) fn replica_ha(cluster: &mut Cluster, env: &mut Env, uid: NodeUid) {
    let down = cluster
        .members
        .get(&uid)
        .is_some_and(|member| member.status == MemberStatus::Down);
    if down && cluster.has_quorum(env) {
        bdbs::replica_ha(cluster, env, uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use crate::sim::ids::NodeUid;
    use serde_json::json;

    fn operate(sim: &mut Fixture, node: usize, path: &str, operation: &str, service: &str) -> u16 {
        let body = json!({"operation_type": operation, "services": [service]});
        sim.admin(node, "POST", path, body).status
    }

    #[test]
    fn a_node_without_its_front_end_is_away_until_it_is_started_anew() {
        for service in ["cnm_http", "envoy"] {
            let mut sim = Fixture::cluster(3, 3);
            assert_eq!(operate(&mut sim, 1, "/v1/local/services", "stop", service), 200);
            assert_eq!(
                sim.admin(1, "GET", "/v1/bootstrap", Value::Null).status,
                0,
                "refused"
            );
            assert!(!sim.world.listens(NodeIndex(1)));
            sim.pass(60);
            let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
            assert_eq!(node["status"], "active", "the cluster still hears of it");
            let check = sim.admin(0, "GET", "/v1/nodes/check/2", Value::Null).json;
            assert_eq!(check["result"], false);
            sim.world.crash(NodeIndex(1));
            sim.world.power_on(NodeIndex(1));
            sim.pass(30);
            assert_eq!(sim.admin(1, "GET", "/v1/bootstrap", Value::Null).status, 200);
        }
    }

    #[test]
    fn a_node_without_its_configuration_store_is_lost_and_enough_of_them_are_the_end() {
        let mut sim = Fixture::cluster(3, 3);
        assert_eq!(operate(&mut sim, 1, "/v1/local/services", "stop", "ccs"), 200);
        sim.pass(30);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json["status"],
            "down"
        );
        assert_eq!(operate(&mut sim, 1, "/v1/local/services", "start", "ccs"), 200);
        sim.pass(30);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json["status"],
            "active"
        );
        assert_eq!(operate(&mut sim, 1, "/v1/local/services", "stop", "ccs"), 200);
        assert_eq!(operate(&mut sim, 2, "/v1/local/services", "stop", "ccs"), 200);
        assert_eq!(sim.admin(0, "GET", "/v1/nodes", Value::Null).code(), "no_quorum");
    }

    #[test]
    fn the_call_without_local_means_the_leader_whoever_receives_it() {
        let mut sim = Fixture::cluster(3, 3);
        sim.admin(0, "PUT", "/v1/cluster", json!({"handle_redirects": true}));
        assert_eq!(operate(&mut sim, 2, "/v1/services", "stop", "cm_server"), 200);
        let status = |sim: &mut Fixture, node: usize| {
            let services = sim.admin(node, "GET", "/v1/local/services", Value::Null).json;
            services["cm_server"]["status"].clone()
        };
        assert_eq!(
            (status(&mut sim, 0), status(&mut sim, 2)),
            (json!("STOPPED"), json!("RUNNING"))
        );
    }

    #[test]
    fn a_cluster_without_a_majority_stands_still_and_goes_on_when_one_is_back() {
        let mut sim = Fixture::cluster(3, 3);
        let body = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2", "replication": true});
        assert_eq!(sim.admin(0, "POST", "/v1/bdbs", body).status, 200);
        sim.pass(60);
        let layout = |sim: &Fixture| {
            let cluster = sim.world.cluster_of(NodeIndex(2)).unwrap();
            cluster.databases.shards.layout()
        };
        let before = layout(&sim);
        sim.world.crash(NodeIndex(0));
        sim.world.crash(NodeIndex(1));
        sim.pass(1000);
        assert_eq!(sim.admin(2, "GET", "/v1/nodes", Value::Null).code(), "no_quorum");
        assert_eq!(layout(&sim), before, "nobody fails over");
        sim.world.power_on(NodeIndex(1));
        sim.pass(60);
        let nodes = sim.admin(1, "GET", "/v1/nodes", Value::Null).json;
        let statuses: Vec<&Value> = nodes
            .as_array()
            .unwrap()
            .iter()
            .map(|node| &node["status"])
            .collect();
        assert_eq!(statuses, ["down", "active", "active"]);
        assert_eq!(
            sim.admin(1, "GET", "/v1/bdbs/1/availability", Value::Null).status,
            200
        );
        sim.world.power_on(NodeIndex(0));
        sim.pass(60);
        assert_eq!(
            sim.admin(1, "GET", "/v1/nodes/1", Value::Null).json["status"],
            "active"
        );
    }

    #[test]
    fn a_cluster_of_low_sensitivity_notices_later() {
        for (sensitivity, at) in [("high", 7), ("low", 31)] {
            let mut sim = Fixture::cluster(3, 3);
            let policy = json!({"failure_detection_sensitivity": sensitivity});
            assert_eq!(sim.admin(0, "PUT", "/v1/cluster/policy", policy).status, 200);
            sim.world.crash(NodeIndex(2));
            let status =
                |sim: &mut Fixture| sim.admin(0, "GET", "/v1/nodes/3", Value::Null).json["status"].clone();
            sim.pass(at - 2);
            assert_eq!(status(&mut sim), "active");
            sim.pass(2);
            assert_eq!(status(&mut sim), "down");
        }
    }

    #[test]
    fn a_new_installation_keeps_the_disk_and_a_wiped_machine_has_nothing() {
        let mut sim = Fixture::cluster(3, 3);
        sim.database(None);
        let live = sim.world.files(NodeIndex(1));
        assert_eq!(live.len(), 1, "the configuration; the database is not persisted");
        sim.world.reinstall(NodeIndex(1));
        assert_eq!(sim.world.files(NodeIndex(1)).len(), 1);
        assert_eq!(sim.world.uid(NodeIndex(1)), None);
        sim.world.wipe(NodeIndex(1));
        assert_eq!(sim.world.files(NodeIndex(1)), []);
        sim.pass(30);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json["status"],
            "down"
        );
        let mut body = sim.join_body(1);
        body["node"]["identity"]["uid"] = json!(2);
        assert_eq!(sim.bootstrap_error(1, body), "");
        assert_eq!(sim.world.uid(NodeIndex(1)), Some(NodeUid(2)));
    }

    #[test]
    fn another_machine_in_a_nodes_place_has_only_the_data_on_its_disk() {
        for (fields, wiped, left) in [
            (json!({"data_persistence": "aof"}), true, 0),
            (json!({"data_persistence": "aof"}), false, 1000),
            (json!({}), false, 0),
            (json!({"replication": true}), true, 1000),
        ] {
            let mut sim = Fixture::cluster(3, 3);
            sim.database_with_data(&[&fields]);
            let shard = sim.admin(0, "GET", "/v1/shards/1", Value::Null).json;
            let uid: u64 = shard["node_uid"].as_str().unwrap().parse().unwrap();
            let machine = usize::try_from(uid).unwrap() - 1;
            if wiped {
                sim.world.wipe(NodeIndex(machine));
            } else {
                sim.world.reinstall(NodeIndex(machine));
            }
            sim.pass(60);
            let mut join = sim.join_body(machine);
            join["cluster"]["nodes"] = json!(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
            join["node"]["identity"]["uid"] = json!(uid);
            assert_eq!(sim.bootstrap_error(machine, join), "");
            let cluster = sim.world.clusters.values().next().unwrap();
            let data = cluster.databases.iter().next().unwrap().data_bytes;
            assert_eq!(data, left, "{fields} {wiped}");
        }
    }

    #[test]
    fn a_replacement_keeps_what_its_request_does_not_say() {
        let mut sim = Fixture::cluster(3, 4);
        for (field, value) in [
            ("rack_id", json!("r2")),
            ("max_redis_servers", json!(7)),
            ("max_listeners", json!(9)),
        ] {
            sim.admin(0, "PUT", "/v1/nodes/2", json!({field: value}));
        }
        sim.world.crash(NodeIndex(1));
        sim.pass(30);
        let mut body = sim.join_body(3);
        body["node"]["identity"]["uid"] = json!(2);
        body["node"]["identity"]["rack_id"] = json!("r2");
        assert_eq!(sim.bootstrap_error(3, body), "");
        let node = sim.admin(0, "GET", "/v1/nodes/2", Value::Null).json;
        for (field, value) in [
            ("addr", json!("10.0.0.4")),
            ("rack_id", json!("r2")),
            ("max_redis_servers", json!(7)),
            ("max_listeners", json!(9)),
            ("status", json!("active")),
        ] {
            assert_eq!(node[field], value, "{field}");
        }
    }
}

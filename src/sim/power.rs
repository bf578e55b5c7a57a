//! Machines that crash, hang, come back or are installed anew, and what their cluster makes of it.

use super::ids::{NodeIndex, NodeUid};
use super::resources::bdbs;
use super::state::{Cluster, Due, Env, Member, MemberStatus, Membership, Power};
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
        let delay = self.env.timings.failure_detection;
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

    /// Installs the software anew on a machine: it is fresh, whatever it was. If its cluster still lists it, the cluster
    /// notices that it is gone.
    pub fn reinstall(&mut self, index: NodeIndex) {
        let (now, delay) = (self.env.now, self.env.timings.failure_detection);
        let Some(node) = self.env.node_mut(index) else {
            return;
        };
        let before = node.membership;
        node.membership = Membership::Fresh;
        node.bootstrap = Default::default();
        node.installed.clear();
        node.power = Power::On;
        node.restarting_until = None;
        node.booted = now;
        let joining = |member: &Member| member.host == index && member.status == MemberStatus::Provisioning;
        for cluster in self.clusters.values_mut() {
            cluster.members.retain(|_, member| !joining(member));
        }
        if let Membership::Member(id, uid) = before {
            self.env.schedule(delay, Due::NodeLost(id, uid));
        }
    }
}

/// The cluster notices that a member is gone, unless it came back in time.
pub(crate) fn node_lost(cluster: &mut Cluster, env: &mut Env, uid: NodeUid) {
    let Some(member) = cluster
        .members
        .get(&uid)
        .filter(|member| !cluster.runs(env, member))
    else {
        return;
    };
    if member.status == MemberStatus::Down {
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
}

pub(crate) fn node_found(cluster: &mut Cluster, env: &mut Env, uid: NodeUid) {
    let running = cluster
        .members
        .get(&uid)
        .is_some_and(|member| cluster.runs(env, member));
    let Some(member) = cluster.members.get_mut(&uid).filter(|_| running) else {
        return;
    };
    if member.status == MemberStatus::Down {
        member.status = MemberStatus::Active;
        cluster.state_id += 1;
        bdbs::node_found(cluster, env, uid);
    }
    if cluster
        .master
        .is_none_or(|master| !cluster.members.contains_key(&master))
    {
        cluster.elect(env, None);
    }
}

pub(crate) fn replica_ha(cluster: &mut Cluster, env: &mut Env, uid: NodeUid) {
    if cluster
        .members
        .get(&uid)
        .is_some_and(|member| member.status == MemberStatus::Down)
    {
        bdbs::replica_ha(cluster, env, uid);
    }
}

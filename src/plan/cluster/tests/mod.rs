//! Worlds for the planner's tests: healthy ones, of which a test changes one thing, and the check that prints the plan and
//! asks the auditor.

mod auditor;
mod begin;
mod disrupt;
mod grow;
mod properties;
mod settle;

use crate::api::ClusterIdentity;
use crate::api::FINALIZER;
use crate::api::Intent;
use crate::api::IntentAction;
use crate::api::NodeRecord;
use crate::api::NodeSpec;
use crate::api::RedisCluster;
use crate::api::RedisClusterSpec;
use crate::api::RedisClusterStatus;
use crate::api::SecretRef;
use crate::api::TlsTrust;
use crate::plan::Plan;
use crate::plan::Step;
use crate::plan::access::ClusterAccess;
use crate::plan::access::ClusterKey;
use crate::plan::access::Credentials;
use crate::plan::audit::audit;
use crate::plan::cluster::Action;
use crate::plan::cluster::Contact;
use crate::plan::cluster::Inputs;
use crate::plan::cluster::Live;
use crate::plan::cluster::NodeObserved;
use crate::plan::cluster::Observed;
use crate::plan::cluster::Presented;
use crate::plan::cluster::plan;
use crate::rest::model::Bootstrap;
use crate::rest::model::MaintenanceSnapshot;
use crate::rest::model::NodeTask;
use crate::rest::model::NodeUid;
use crate::rest::model::Shard;
use expect_test::Expect;
use serde_json::json;

/// The moment at which every test plans.
const NOW: &str = "2026-01-01T12:00:00Z";
/// A minute and a second before.
const LONG_AGO: &str = "2026-01-01T11:58:59Z";
/// A second before.
const JUST_NOW: &str = "2026-01-01T11:59:59Z";

/// What the planner is given.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) object: RedisCluster,
    pub(crate) inputs: Inputs,
    pub(crate) observed: Observed,
}

impl World {
    /// Three listed nodes, fresh, idle and verified by their pins.
    pub(crate) fn fresh() -> Self {
        let nodes: Vec<NodeSpec> = (1..=3).map(node_spec).collect();
        let spec = RedisClusterSpec {
            cluster_name: "prod.example.com".into(),
            credentials_secret_ref: SecretRef {
                name: "prod-admin".into(),
            },
            license_secret_ref: None,
            tls: Some(TlsTrust {
                trust_on_first_use: Some(true),
                ..TlsTrust::default()
            }),
            settings: None,
            policy: None,
            management_policy: None,
            adoption_policy: None,
            nodes,
        };
        let mut object = RedisCluster::new("prod", spec);
        object.metadata.uid = Some("uid-of-prod".into());
        object.metadata.generation = Some(1);
        object.metadata.finalizers = Some(vec![FINALIZER.into()]);
        let records = (1..=3)
            .map(|i| NodeRecord {
                uid: None,
                pin: Some(pin(i)),
                ..node_record(i)
            })
            .collect();
        object.status = Some(RedisClusterStatus {
            nodes: records,
            ..RedisClusterStatus::default()
        });
        let nodes = (1..=3).map(|i| observed_node(i, idle(), pin(i))).collect();
        Self {
            object,
            inputs: inputs(),
            observed: Observed { nodes, live: None },
        }
    }

    /// A cluster of three members, all well, with one replicated database on the first two; node 1 leads.
    pub(crate) fn healthy() -> Self {
        Self::of(3)
    }

    /// The same with this many members.
    fn of(members: u32) -> Self {
        let mut world = Self::fresh();
        world.object.spec.nodes = (1..=members).map(node_spec).collect();
        world.observed.nodes = (1..=members)
            .map(|i| observed_node(i, Contact::Joined, "sha256/cluster".into()))
            .collect();
        let status = world.status();
        status.identity = Some(identity());
        status.api_certificate_pin = Some("sha256/cluster".into());
        status.nodes = (1..=members).map(node_record).collect();
        world.observed.live = Some(live(members));
        world
    }

    fn status(&mut self) -> &mut RedisClusterStatus {
        self.object.status.as_mut().unwrap()
    }

    fn live(&mut self) -> &mut Live {
        self.observed.live.as_mut().unwrap()
    }

    fn spec(&mut self) -> &mut RedisClusterSpec {
        &mut self.object.spec
    }

    /// Node `i`, as the cluster lists it.
    fn member(&mut self, i: u32) -> &mut crate::rest::model::Node {
        self.live()
            .nodes
            .iter_mut()
            .find(|node| node.uid == NodeUid(i))
            .unwrap()
    }

    /// What node `i` of the list showed.
    fn contact(&mut self, i: usize, contact: Contact) -> &mut NodeObserved {
        let node = &mut self.observed.nodes[i - 1];
        node.contact = contact;
        node
    }

    /// The same, as a change to a world.
    fn seeing(mut self, i: usize, contact: Contact) -> Self {
        self.contact(i, contact);
        self
    }

    /// Every listed node showed this.
    fn all(&mut self, contact: &Contact) {
        for node in &mut self.observed.nodes {
            node.contact = contact.clone();
        }
    }

    /// Another listed node that is fresh and verified.
    fn with_fresh_node(mut self, i: u32) -> Self {
        self.object.spec.nodes.push(node_spec(i));
        self.observed.nodes.push(observed_node(i, idle(), pin(i)));
        self.status().nodes.push(NodeRecord {
            uid: None,
            pin: Some(pin(i)),
            ..node_record(i)
        });
        self
    }

    /// Takes node `i` off the list.
    fn without_node(mut self, i: u32) -> Self {
        self.object.spec.nodes.retain(|node| node.name != format!("n{i}"));
        self.observed.nodes.retain(|node| node.name != format!("n{i}"));
        self
    }

    fn intent(mut self, action: IntentAction, target: &str, detail: &str, time: &str) -> Self {
        self.status().intent = Some(Intent {
            action,
            target: target.into(),
            time: time.into(),
            generation: 1,
            detail: Some(detail.into()),
        });
        self
    }

    fn in_maintenance(mut self, i: u32) -> Self {
        let status = self.live().statuses.get_mut(&NodeUid(i)).unwrap();
        status.maintenance_snapshot = Some(MaintenanceSnapshot {
            name: "maintenance_mode_x".into(),
        });
        self.member(i).shard_count = 0;
        self
    }

    fn task(mut self, i: u32, name: &str, status: &str) -> Self {
        let task: NodeTask = serde_json::from_value(json!({
            "name": name, "node_uid": i.to_string(), "status": status,
            "error_code": (status == "failed").then_some("insufficient_resources"),
        }))
        .unwrap();
        self.live().tasks.push(task);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn plan(&self) -> Plan<Action> {
        plan(&self.object, &self.inputs, &self.observed, NOW.parse().unwrap())
    }

    /// Plans, asks the auditor, and compares the printed plan.
    #[track_caller]
    fn check(&self, expected: Expect) {
        let plan = self.plan();
        assert_eq!(
            audit(&self.object, &self.inputs, &self.observed, &plan),
            [],
            "the auditor must agree"
        );
        expected.assert_eq(&plan.to_string());
    }
}

fn node_spec(i: u32) -> NodeSpec {
    NodeSpec {
        name: format!("n{i}"),
        address: address(i),
        port: None,
        rack_id: None,
        external_addresses: None,
        paths: None,
        limits: None,
        pin: None,
        maintenance: None,
    }
}

fn address(i: u32) -> String {
    format!("10.0.0.{i}")
}

fn pin(i: u32) -> String {
    format!("sha256/node{i}")
}

fn node_record(i: u32) -> NodeRecord {
    NodeRecord {
        name: format!("n{i}"),
        address: address(i),
        port: 9443,
        uid: Some(i),
        pin: None,
        maintenance: false,
        state: None,
    }
}

fn identity() -> ClusterIdentity {
    ClusterIdentity {
        name: "prod.example.com".into(),
        created_time: "2026-01-01T00:00:00Z".into(),
    }
}

fn inputs() -> Inputs {
    Inputs {
        access: Ok(ClusterAccess {
            cluster: ClusterKey {
                namespace: "redis".into(),
                name: "prod".into(),
            },
            cluster_name: "prod.example.com".into(),
            nodes: vec![],
            ca_pem: None,
            pins: vec![],
            credentials: Credentials {
                username: "admin@example.com".into(),
                password: "a secret".into(),
                secret_version: "uid/1".into(),
            },
            identity: None,
        }),
        license: Ok(None),
        claimed_by: None,
        certificates: vec![],
        dependents: vec![],
        takeover_until: None,
    }
}

fn bootstrap(state: &str, code: Option<&str>) -> Contact {
    let body: Bootstrap = serde_json::from_value(json!({
        "bootstrap_status": {"state": state, "error_code": code, "error_details": {"message": "as the node says"}},
    }))
    .unwrap();
    Contact::Fresh(Box::new(body))
}

fn idle() -> Contact {
    bootstrap("idle", None)
}

fn unreachable() -> Contact {
    Contact::Unreachable {
        error: "connection refused".into(),
    }
}

fn observed_node(i: u32, contact: Contact, pin: String) -> NodeObserved {
    let names_cluster = pin == "sha256/cluster";
    let presented = Presented {
        pin,
        names_cluster,
        self_signed: true,
        vouched: false,
    };
    NodeObserved {
        name: format!("n{i}"),
        contact,
        presented: Some(presented),
    }
}

fn live(members: u32) -> Live {
    let nodes = (1..=members).map(live_node).collect();
    let statuses = (1..=members).map(|i| {
        let role = if i == 1 { "master" } else { "slave" };
        (NodeUid(i), serde_json::from_value(json!({"role": role})).unwrap())
    });
    Live {
        cluster: serde_json::from_value(json!({
            "name": identity().name, "created_time": identity().created_time, "handle_redirects": false,
            "cm_session_timeout_minutes": 15, "password_complexity": false, "min_control_TLS_version": "1.2",
            "alert_settings": {"node_failed": false, "node_memory": {"enabled": false, "threshold": "80"}},
        }))
        .unwrap(),
        policy: serde_json::from_value(json!({
            "rack_aware": false, "default_shards_placement": "dense", "slave_ha_grace_period": 600,
        }))
        .unwrap(),
        license: Some(
            serde_json::from_value(json!({"license": "---\ntrial\n---\n", "expired": false})).unwrap(),
        ),
        nodes,
        statuses: statuses.collect(),
        tasks: vec![],
        bdbs: vec![
            serde_json::from_value(
                json!({"uid": 1, "name": "sessions", "status": "active", "replication": true}),
            )
            .unwrap(),
        ],
        shards: vec![shard(1, 1, "master"), shard(2, 2, "slave")],
    }
}

fn live_node(i: u32) -> crate::rest::model::Node {
    serde_json::from_value(json!({
        "uid": i, "status": "active", "addr": address(i), "external_addr": [], "rack_id": "", "accept_servers": true,
        "max_listeners": 100, "max_redis_servers": 100, "shard_count": u32::from(i < 3), "software_version": "8.0.10-64",
    }))
    .unwrap()
}

fn shard(uid: u32, node: u32, role: &str) -> Shard {
    serde_json::from_value(
        json!({"uid": uid.to_string(), "bdb_uid": 1, "node_uid": node.to_string(), "role": role}),
    )
    .unwrap()
}

/// Body of the plan's first call that has one.
fn body_of(plan: &Plan<Action>) -> String {
    let body = plan.steps.iter().find_map(|step| match step {
        Step::Call(
            Action::CreateCluster { body, .. }
            | Action::JoinNode { body, .. }
            | Action::UpdateCluster(body)
            | Action::UpdatePolicy(body)
            | Action::UpdateNode { body, .. },
        ) => Some(body),
        Step::Call(_) | Step::Record(_) | Step::Publish(_) | Step::Release => None,
    });
    serde_json::to_string_pretty(body.unwrap()).unwrap()
}

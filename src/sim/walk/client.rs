//! A client that waits for what it began, looks before it disturbs a node, and sends only what differs.

use crate::sim::bugs::Bugs;
use crate::sim::certs::mint::{self, KeyKind};
use crate::sim::config::{CertificateOrder, TlsIdentity};
use crate::sim::fixture::{Fixture, Got};
use crate::sim::form::Formation;
use crate::sim::ids::NodeIndex;
use crate::sim::license_text::License;
use crate::sim::switch::Switches;
use crate::sim::version::Profile;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::LazyLock;

pub(super) const MACHINES: usize = 5;
const NAME: &str = "cluster.example.com";
/// Polls, five seconds apart, after which what was begun must have ended.
const POLLS: usize = 60;

/// What an answer was, for comparison.
pub(super) type Answer = (u16, Value);

pub(super) struct Client {
    pub(super) sim: Fixture,
    pub(super) profile: Profile,
    /// The machine that requests go to.
    pub(super) door: usize,
    /// Numbers for names and values that are to be new.
    drawn: u64,
    /// The node that is in maintenance.
    pub(super) maintained: Option<u64>,
    /// Uids and passwords of its databases, oldest first.
    pub(super) databases: Vec<(u64, Option<String>)>,
    pub(super) answers: Vec<Answer>,
}

impl Client {
    pub(super) fn new(members: usize, profile: Profile, switches: Switches, bugs: Bugs) -> Self {
        let mut sim = Fixture::with(MACHINES, profile, switches);
        sim.world.env.bugs = bugs;
        let formation = Formation {
            members,
            license: License::bought(NAME, 100, sim.world.now(), 365).text,
            ..Formation::new(NAME, "admin@example.com", "secret")
        };
        sim.world.form(&formation).unwrap();
        let mut client = Self {
            sim,
            profile,
            door: 0,
            drawn: 0,
            maintained: None,
            databases: Vec::new(),
            answers: Vec::new(),
        };
        client.configure("/v1/cluster", "handle_redirects", &json!(true));
        client
    }

    /// A number that was not drawn before.
    pub(super) fn draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn
    }

    pub(super) fn send(&mut self, machine: usize, method: &str, path: &str, body: Value) -> Got {
        let got = self.sim.admin(machine, method, path, body);
        assert_ne!(got.status, 500, "{method} {path}: {got:?}");
        self.answers.push((got.status, got.json.clone()));
        got
    }

    /// A request to the cluster that is not refused.
    pub(super) fn ok(&mut self, method: &str, path: &str, body: Value) -> Value {
        let got = self.send(self.door, method, path, body.clone());
        assert_eq!(got.status, 200, "{method} {path} {body}: {got:?}");
        got.json
    }

    pub(super) fn get(&mut self, path: &str) -> Value {
        self.ok("GET", path, Value::Null)
    }

    /// Asks until the answer is wanted.
    pub(super) fn until(&mut self, machine: usize, path: &str, wanted: impl Fn(&Got) -> bool) -> Got {
        for _ in 0..POLLS {
            let got = self.send(machine, "GET", path, Value::Null);
            if wanted(&got) {
                return got;
            }
            self.sim.pass(5);
        }
        panic!("{path} never ended: {:?}", self.answers.last());
    }

    /// Waits for the end of what a database does.
    pub(super) fn settled(&mut self, uid: u64) {
        let path = format!("/v1/bdbs/{uid}?fields=status");
        self.until(self.door, &path, |got| got.json["status"] == "active");
    }

    /// Waits for the end of a node's action and gives its status; "" if it is forgotten, as a removed node's is.
    pub(super) fn ended(&mut self, uid: u64, action: &str) -> String {
        let path = format!("/v1/nodes/{uid}/actions/{action}");
        let over = ["completed", "failed", "cancelled", "aborted"];
        let got = self.until(self.door, &path, |got| {
            let status = got.json["status"].as_str();
            got.status == 404 || status.is_some_and(|status| over.contains(&status))
        });
        got.json["status"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn nodes(&mut self) -> Vec<Value> {
        self.get("/v1/nodes").as_array().unwrap().clone()
    }

    /// The machines that are members.
    pub(super) fn members(&self) -> Vec<usize> {
        let member = |machine: &usize| self.sim.world.uid(NodeIndex(*machine)).is_some();
        (0..MACHINES).filter(member).collect()
    }

    /// Whether a node may be disturbed: every node and every database is well, and none is in maintenance.
    pub(super) fn calm(&mut self) -> bool {
        let active = |objects: &Value| {
            objects
                .as_array()
                .unwrap()
                .iter()
                .all(|object| object["status"] == "active")
        };
        self.maintained.is_none()
            && active(&self.get("/v1/nodes"))
            && active(&self.get("/v1/bdbs?fields=status"))
    }

    /// One of the client's databases.
    pub(super) fn database(&self, choice: usize) -> Option<(usize, u64)> {
        let place = choice.checked_rem(self.databases.len())?;
        Some((place, self.databases[place].0))
    }

    pub(super) fn node(&mut self, choice: usize) -> u64 {
        let nodes = self.nodes();
        nodes[choice % nodes.len()]["uid"].as_u64().unwrap()
    }

    /// Sets a field that has another value.
    pub(super) fn configure(&mut self, path: &str, field: &str, value: &Value) {
        if self.get(path)[field] != *value {
            self.ok("PUT", path, json!({field: value}));
        }
    }
}

/// A certificate of the customer's that every service takes.
pub(super) static CERTIFICATE: LazyLock<TlsIdentity> = LazyLock::new(|| {
    let start = Fixture::fresh(1).world.now() - SignedDuration::from_hours(1);
    mint::source(start, KeyKind::Ecdsa)
        .unwrap()
        .issue(&CertificateOrder {
            cluster_name: NAME.to_owned(),
            certificate: "proxy".to_owned(),
            generation: 0,
            at: start,
        })
});

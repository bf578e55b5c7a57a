//! A world for the simulator's own tests: fresh machines or a formed cluster, and a short way to send requests.

use super::config::{CertificateSource, Config, LOG_CAPACITY, NodeConfig, Timings, TlsIdentity};
use super::fault::FaultPlan;
use super::ids::NodeIndex;
use super::monitor::UNDESCRIBED;
use super::switch::Switches;
use super::version::Profile;
use super::world::{Outcome, World};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

const NAME: &str = "cluster.example.com";
const ADMIN: (&str, &str) = ("admin@example.com", "secret");

/// The header with which the first user logs in.
pub(crate) const LOGIN: &str = "Basic YWRtaW5AZXhhbXBsZS5jb206c2VjcmV0";

/// The credentials of the first user, as a bootstrap wants them.
pub(crate) fn credentials() -> Value {
    json!({"username": ADMIN.0, "password": ADMIN.1})
}

pub(crate) struct Fixture {
    pub(crate) world: World,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Got {
    /// 0 when there was no answer.
    pub(crate) status: u16,
    pub(crate) json: Value,
    pub(crate) state_id: Option<u64>,
    pub(crate) location: Option<String>,
}

impl Got {
    pub(crate) fn code(&self) -> &str {
        self.json["error_code"].as_str().unwrap_or_default()
    }
}

fn identity(name: &str) -> TlsIdentity {
    TlsIdentity {
        chain_pem: format!("certificate of {name}"),
        key_pem: format!("key of {name}"),
    }
}

impl Fixture {
    pub(crate) fn with(nodes: usize, profile: Profile, switches: Switches) -> Self {
        let node = |place: usize| {
            let name = format!("n{place}");
            NodeConfig::new(&name, &format!("10.0.0.{place}"), identity(&name))
        };
        let config = Config {
            seed: 1,
            start: Timestamp::from_second(1_760_400_066).unwrap(),
            profile,
            switches,
            bugs: None,
            timings: Timings::default(),
            nodes: (1..=nodes).map(node).collect(),
            certificates: CertificateSource::new(|order| {
                identity(&format!("{} {}", order.certificate, order.generation))
            }),
            faults: FaultPlan::default(),
            log_capacity: LOG_CAPACITY,
            ownership_tag: Some("owner".to_owned()),
        };
        Self {
            world: World::new(config),
        }
    }

    /// Machines that belong to no cluster.
    pub(crate) fn fresh(nodes: usize) -> Self {
        Self::with(nodes, Profile::default(), Switches::default())
    }

    /// The first `members` of `nodes` machines in a cluster.
    pub(crate) fn cluster(members: usize, nodes: usize) -> Self {
        Self::cluster_with(members, nodes, Switches::default())
    }

    pub(crate) fn cluster_with(members: usize, nodes: usize, switches: Switches) -> Self {
        Self::with(nodes, Profile::default(), switches).formed(members)
    }

    pub(crate) fn cluster_of(profile: Profile, members: usize) -> Self {
        Self::with(members, profile, Switches::default()).formed(members)
    }

    fn formed(mut self, members: usize) -> Self {
        let body = self.create_body();
        assert_eq!(
            self.send(0, "POST", "/v1/bootstrap/create_cluster", None, body)
                .status,
            200
        );
        self.pass(60);
        for node in 1..members {
            let body = self.join_body(node);
            assert_eq!(self.bootstrap_error(node, body), "");
        }
        self
    }

    pub(crate) fn create_body(&self) -> Value {
        json!({"action": "create_cluster", "cluster": {"name": NAME, "nodes": []}, "credentials": credentials()})
    }

    pub(crate) fn join_body(&self, node: usize) -> Value {
        let identity = json!({"addr": format!("10.0.0.{}", node + 1)});
        json!({
            "action": "join_cluster", "cluster": {"name": NAME, "nodes": ["10.0.0.1"]},
            "node": {"identity": identity}, "credentials": credentials(),
        })
    }

    /// Joins a node and gives the `error_code` that it ended with; "" for success.
    pub(crate) fn bootstrap_error(&mut self, node: usize, body: Value) -> String {
        assert_eq!(
            self.send(node, "POST", "/v1/bootstrap/join_cluster", None, body)
                .status,
            200
        );
        self.pass(60);
        let status = self.admin(node, "GET", "/v1/bootstrap", Value::Null).json["bootstrap_status"].clone();
        status["error_code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn faults(&mut self, rules: Value) {
        self.world
            .set_faults(serde_json::from_value(json!({"rules": rules})).unwrap());
    }

    /// Adds a user whose password is the part before the @, with `-pass`.
    pub(crate) fn user(&mut self, email: &str, role: &str) {
        let password = format!("{}-pass", email.split('@').next().unwrap());
        let body =
            json!({"email": email, "name": email.replace('@', " at "), "password": password, "role": role});
        assert_eq!(self.admin(0, "POST", "/v1/users", body).status, 200);
    }

    /// Creates a database with this tag of ownership, waits for it and gives its uid.
    pub(crate) fn database(&mut self, owner: Option<&str>) -> u64 {
        let mut body = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"});
        if let Some(owner) = owner {
            body["tags"] = json!([{"key": "owner", "value": owner}]);
        }
        let reply = self.admin(0, "POST", "/v1/bdbs", body);
        assert_eq!(reply.status, 200, "{reply:?}");
        self.pass(30);
        reply.json["uid"].as_u64().unwrap()
    }

    /// Creates database 1, with these fields besides what every one needs, and puts a thousand bytes into it.
    pub(crate) fn database_with_data(&mut self, fields: &[&Value]) {
        let mut body = Map::new();
        let needed = json!({"name": "db", "memory_size": 1 << 28, "redis_version": "7.2"});
        for part in [&needed].into_iter().chain(fields.iter().copied()) {
            body.extend(part.as_object().unwrap().clone());
        }
        let reply = self.admin(0, "POST", "/v1/bdbs", Value::Object(body));
        assert_eq!(reply.status, 200, "{reply:?}");
        self.pass(60);
        assert!(self.world.fill(NodeIndex(0), 1, 1000));
    }

    pub(crate) fn pass(&mut self, secs: i64) {
        self.pass_ms(secs * 1000);
    }

    pub(crate) fn pass_ms(&mut self, ms: i64) {
        let to = self
            .world
            .now()
            .checked_add(SignedDuration::from_millis(ms))
            .unwrap();
        self.world.advance(to);
    }

    /// Sends as the first user.
    pub(crate) fn admin(&mut self, node: usize, method: &str, path: &str, body: Value) -> Got {
        self.send(node, method, path, Some(ADMIN), body)
    }

    pub(crate) fn send(
        &mut self,
        node: usize,
        method: &str,
        path: &str,
        user: Option<(&str, &str)>,
        body: Value,
    ) -> Got {
        let login =
            user.map(|(user, password)| format!("Basic {}", BASE64.encode(format!("{user}:{password}"))));
        let headers: Vec<(&str, String)> = login.map(|login| ("authorization", login)).into_iter().collect();
        self.raw(node, method, path, &headers, body)
    }

    pub(crate) fn raw(
        &mut self,
        node: usize,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Value,
    ) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        let bytes = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        self.deliver(node, &request.body(bytes).unwrap())
    }

    pub(crate) fn deliver(&mut self, node: usize, request: &Request<Bytes>) -> Got {
        let outcome = self.world.handle(NodeIndex(node), request);
        let faults = self.world.violations().iter();
        let fault = faults.rev().find(|violation| violation.rule == UNDESCRIBED);
        assert!(fault.is_none(), "{fault:?}");
        match outcome {
            Outcome::Reply { response, .. } | Outcome::Slow { response, .. } => Got {
                status: response.status().as_u16(),
                json: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
                state_id: response
                    .headers()
                    .get("cluster-state-id")
                    .map(|id| id.to_str().unwrap().parse().unwrap()),
                location: response
                    .headers()
                    .get("location")
                    .map(|at| at.to_str().unwrap().to_owned()),
            },
            Outcome::Truncated { .. }
            | Outcome::Closed
            | Outcome::Reset
            | Outcome::Refused
            | Outcome::Silence => Got {
                status: 0,
                json: Value::Null,
                state_id: None,
                location: None,
            },
        }
    }
}

//! The world: requests in, outcomes out, and time that moves only when told to.

use super::answer::Answered;
use super::bootstrap;
use super::config::{Config, TlsIdentity};
use super::fault::{Effect, FaultPlan, Faults, Rule};
use super::form::{self, Formation};
use super::front::{self, Served};
use super::ids::{ClusterId, NodeIndex, NodeUid};
use super::internode;
use super::log::{self, LogEntry, RequestLog, Sent, Totals};
use super::monitor::{Monitor, Violation};
use super::power;
use super::resources::{bdbs, certificates, users};
use super::state::{Cluster, Due, Env, Membership, Power, SimNode};
use super::version::Profile;
use super::work;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// What becomes of a request.
#[derive(Debug)]
pub enum Outcome {
    /// An answer, `delay` after the request was taken in (zero mostly). Its effect, if any, has already happened.
    Reply {
        /// How long the answer takes.
        delay: Duration,
        /// The answer.
        response: Response<Bytes>,
    },
    /// The head of `response` with its true content-length, then only the first `len` bytes of the body, then the end.
    Truncated {
        /// How long the answer takes.
        delay: Duration,
        /// The whole answer.
        response: Response<Bytes>,
        /// Bytes of the body that are sent.
        len: usize,
    },
    /// The head of `response`, then its body in pieces of so many bytes.
    Slow {
        /// How long the answer takes to begin.
        delay: Duration,
        /// The whole answer.
        response: Response<Bytes>,
        /// Bytes of a piece.
        bytes: usize,
        /// From one piece to the next.
        every: Duration,
    },
    /// The connection closes without an answer. The request may or may not have taken effect.
    Closed,
    /// The connection is reset without an answer.
    Reset,
    /// Nothing listens: the connection is refused.
    Refused,
    /// Nothing is ever answered.
    Silence,
}

/// Machines and clusters in memory.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct World {
    pub(crate) env: Env,
    pub(crate) clusters: BTreeMap<ClusterId, Cluster>,
    log: RequestLog,
    monitor: Monitor,
    faults: Faults,
    /// Grows with everything that is worth keeping.
    #[serde(skip)]
    pub(crate) revision: u64,
}

impl World {
    /// Machines that run and belong to no cluster.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            env: Env::new(&config),
            clusters: BTreeMap::new(),
            log: RequestLog::new(config.log_capacity),
            monitor: Monitor::new(config.ownership_tag),
            faults: Faults::new(config.faults),
            revision: 0,
        }
    }

    /// Takes in a request that reached `node`.
    pub fn handle(&mut self, node: NodeIndex, request: &Request<Bytes>) -> Outcome {
        match self.env.node(node) {
            Some(machine) if machine.power == Power::Frozen => return Outcome::Silence,
            Some(machine) if machine.answers(self.env.now) => {}
            Some(_) | None => return Outcome::Refused,
        }
        let effect = self
            .faults
            .take(node, request.method().as_str(), request.uri().path());
        match &effect {
            Some(Effect::LostRequest) => return self.unserved(node, request, Outcome::Closed),
            Some(Effect::Reset) => return self.unserved(node, request, Outcome::Reset),
            Some(Effect::Silence) => return self.unserved(node, request, Outcome::Silence),
            Some(Effect::CrashNode) => {
                self.crash(node);
                return self.unserved(node, request, Outcome::Closed);
            }
            Some(Effect::FreezeNode) => {
                self.freeze(node);
                return self.unserved(node, request, Outcome::Silence);
            }
            Some(Effect::Status { code, body }) => {
                let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return self.planned_answer(node, request, status, body.clone());
            }
            Some(Effect::TaskStuck) => self.env.ordered.stuck = true,
            Some(Effect::TaskFailed(code)) => self.env.ordered.failed = Some(code.clone()),
            Some(Effect::CertificatesOn(count)) => self.env.ordered.certificates_on = Some(*count),
            Some(Effect::ClockJump(secs)) => {
                let to = self.env.after(Duration::from_secs(*secs));
                self.advance(to);
            }
            Some(Effect::NodeClock(secs)) => self.set_clock(node, *secs),
            Some(
                Effect::LostReply
                | Effect::CrashAfter
                | Effect::DelayMs(_)
                | Effect::TruncateAt(_)
                | Effect::SlowBody { .. },
            )
            | None => {}
        }
        let (entry, served) = self.served(node, request);
        self.env.ordered = Default::default();
        let Served::Answer(answered) = served else {
            return self.logged(entry, Sent::Nothing, Outcome::Reset);
        };
        let (response, delay) = (answered.response, answered.delay);
        match effect {
            Some(Effect::LostReply) => self.logged(entry, Sent::Nothing, Outcome::Closed),
            Some(Effect::CrashAfter) => {
                self.crash(node);
                self.logged(entry, Sent::Nothing, Outcome::Closed)
            }
            Some(Effect::DelayMs(ms)) => {
                let delay = delay + Duration::from_millis(ms);
                self.logged(entry, Sent::Reply, Outcome::Reply { delay, response })
            }
            Some(Effect::TruncateAt(len)) if len < response.body().len() => self.logged(
                entry,
                Sent::Truncated,
                Outcome::Truncated { delay, response, len },
            ),
            Some(Effect::SlowBody { bytes, every_ms }) => {
                let slow = Outcome::Slow {
                    delay,
                    response,
                    bytes,
                    every: Duration::from_millis(every_ms),
                };
                self.logged(entry, Sent::Reply, slow)
            }
            _ => self.logged(entry, Sent::Reply, Outcome::Reply { delay, response }),
        }
    }

    /// Serves a request and begins its log entry.
    fn served(&mut self, node: NodeIndex, request: &Request<Bytes>) -> (LogEntry, Served) {
        let mut entry = self.entry(node, request);
        self.monitor.before(node, &entry, &self.env, &self.clusters);
        self.env.touched = false;
        let served = front::serve(self, node, request);
        entry.effect = self.env.touched;
        if let Served::Answer(Answered {
            response, error_code, ..
        }) = &served
        {
            entry.status = response.status().as_u16();
            entry.error_code.clone_from(error_code);
        }
        entry.state_id_after = self.cluster_of(node).map(|cluster| cluster.state_id);
        (entry, served)
    }

    fn entry(&self, node: NodeIndex, request: &Request<Bytes>) -> LogEntry {
        let seq = self.log.next_seq();
        let name = self
            .env
            .node(node)
            .map(|node| node.config.name.clone())
            .unwrap_or_default();
        let state_id = self.cluster_of(node).map(|cluster| cluster.state_id);
        log::entry(seq, self.env.now, (node, name), request, state_id)
    }

    fn logged(&mut self, mut entry: LogEntry, sent: Sent, outcome: Outcome) -> Outcome {
        entry.sent = sent;
        // A failed login counts towards a lock, and a fault is used up.
        let kept = entry.effect || entry.status == 401 || !matches!(outcome, Outcome::Reply { .. });
        self.revision += u64::from(kept);
        self.monitor.after(&entry, &self.env, &self.clusters);
        self.log.push(entry);
        outcome
    }

    fn unserved(&mut self, node: NodeIndex, request: &Request<Bytes>, outcome: Outcome) -> Outcome {
        let entry = self.entry(node, request);
        self.logged(entry, Sent::Nothing, outcome)
    }

    fn planned_answer(
        &mut self,
        node: NodeIndex,
        request: &Request<Bytes>,
        status: StatusCode,
        body: String,
    ) -> Outcome {
        let mut entry = self.entry(node, request);
        entry.status = status.as_u16();
        let json = serde_json::from_str::<Value>(&body).is_ok();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let content_type = if json { "application/json" } else { "text/html" };
        response
            .headers_mut()
            .insert("content-type", http::HeaderValue::from_static(content_type));
        self.logged(
            entry,
            Sent::Reply,
            Outcome::Reply {
                delay: Duration::ZERO,
                response,
            },
        )
    }

    /// Lets time pass: everything that is due by `to` happens, in order. Time never goes back.
    pub fn advance(&mut self, to: Timestamp) {
        while let Some(due) = self.env.take_due(to) {
            self.happen(due);
        }
        self.env.now = self.env.now.max(to);
    }

    fn happen(&mut self, due: Due) {
        self.revision += 1;
        if let Due::Bootstrap(node) = due {
            bootstrap::step(self, node);
            return;
        }
        let Self { env, clusters, .. } = self;
        let mut in_cluster = |id: ClusterId, act: &dyn Fn(&mut Cluster, &mut Env)| {
            if let Some(cluster) = clusters.get_mut(&id) {
                act(cluster, env);
            }
        };
        match due {
            Due::Bootstrap(_) => {}
            Due::Task(id, task) => in_cluster(id, &|cluster, env| work::task_due(cluster, env, &task)),
            Due::Machine(id, action_uid) => {
                in_cluster(id, &|cluster, env| bdbs::machine_due(cluster, env, &action_uid));
            }
            Due::NodeLost(id, uid) => in_cluster(id, &|cluster, env| power::node_lost(cluster, env, uid)),
            Due::NodeFound(id, uid) => in_cluster(id, &|cluster, env| power::node_found(cluster, env, uid)),
            Due::Election(id) => in_cluster(id, &|cluster, env| cluster.elect(env, None)),
            Due::ReplicaHa(id, uid) => in_cluster(id, &|cluster, env| power::replica_ha(cluster, env, uid)),
            Due::Certificate(id, node, name) => {
                in_cluster(id, &|cluster, env| {
                    certificates::certificate_due(cluster, env, node, &name)
                });
            }
            Due::UserGone(id, user) => in_cluster(id, &|cluster, env| users::gone(cluster, env, user)),
            Due::Rotation(id) => in_cluster(id, &internode::rotation_due),
            Due::MangledCertificate(id, node) => {
                in_cluster(id, &|cluster, env| internode::mangled(cluster, env, node));
            }
            Due::ShardArrived(id, uid) => in_cluster(id, &|cluster, env| bdbs::arrived(cluster, env, uid)),
            Due::AutoRecovery(id) => in_cluster(id, &bdbs::recover_automatically),
        }
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.env.now
    }

    /// When something will happen by itself next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.env.next_due()
    }

    /// The certificate that the node's REST listener shows now; none for a node that does not exist.
    #[must_use]
    pub fn presented(&self, node: NodeIndex) -> Option<&TlsIdentity> {
        Some(self.env.node(node)?.presented())
    }

    /// The certificate that one of the node's services uses now (`proxy`, `cm` ...).
    #[must_use]
    pub fn installed(&self, node: NodeIndex, certificate: &str) -> Option<&TlsIdentity> {
        self.env.node(node)?.installed.get(certificate)
    }

    /// The build that every node runs unless it says otherwise.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.env.profile
    }

    /// The fault plan, with how many requests each of its rules has matched.
    pub(crate) fn faults(&self) -> &[(Rule, u64)] {
        self.faults.rules()
    }

    /// Replaces the rest of the fault plan.
    pub fn set_faults(&mut self, faults: FaultPlan) {
        self.revision += 1;
        self.faults = Faults::new(faults);
    }

    /// The latest requests: all of them, until there are more than [`Config::log_capacity`].
    #[must_use]
    pub fn log(&self) -> &[LogEntry] {
        self.log.entries()
    }

    /// The requests after number `seq` that the log still has.
    #[must_use]
    pub fn log_since(&self, seq: u64) -> &[LogEntry] {
        self.log.since(seq)
    }

    /// How many requests there were.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        self.log.totals()
    }

    /// Every broken invariant so far; of each rule the first thousand.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        self.monitor.violations()
    }

    /// Whether connections to the node are accepted.
    #[must_use]
    pub fn listens(&self, node: NodeIndex) -> bool {
        self.env.node(node).is_some_and(|node| node.answers(self.env.now))
    }

    /// Whether connections to the node are accepted and get no further.
    pub fn hangs(&self, node: NodeIndex) -> bool {
        self.env
            .node(node)
            .is_some_and(|node| node.power == Power::Frozen)
    }

    /// The node that listens on `address:port`.
    #[must_use]
    pub fn node_at(&self, address: &str, port: u16) -> Option<NodeIndex> {
        let listens = |node: &SimNode| node.config.address == address && node.config.port == port;
        self.env.nodes.iter().position(listens).map(NodeIndex)
    }

    /// The node at `address`, if it is the only one there.
    pub(crate) fn only_node_at(&self, address: &str) -> Option<NodeIndex> {
        let mut there = self
            .env
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.config.address == address);
        let (index, _) = there.next()?;
        there.next().is_none().then_some(NodeIndex(index))
    }

    /// The cluster that a machine belongs to.
    pub(crate) fn cluster_of(&self, node: NodeIndex) -> Option<&Cluster> {
        match self.env.node(node)?.membership {
            Membership::Member(id, _) => self.clusters.get(&id),
            Membership::Fresh | Membership::Removed => None,
        }
    }

    /// Number that the node has in its cluster, while it is a member.
    #[must_use]
    pub fn uid(&self, node: NodeIndex) -> Option<NodeUid> {
        match self.env.node(node)?.membership {
            Membership::Member(_, uid) => Some(uid),
            Membership::Fresh | Membership::Removed => None,
        }
    }

    /// How many clusters there are.
    #[must_use]
    pub fn clusters(&self) -> usize {
        self.clusters.len()
    }

    /// Forms a cluster of the first `members` machines, as a well-behaved client would, and forgets the requests. Simulated
    /// time passes meanwhile.
    ///
    /// # Errors
    /// What went wrong, in a sentence.
    pub fn form(&mut self, formation: &Formation) -> Result<(), String> {
        form::form(self, formation)?;
        self.log.clear();
        Ok(())
    }

    /// Puts data into a database of the cluster that `node` belongs to: it then uses so many bytes more than when it is
    /// empty. `false` without such a database.
    pub fn fill(&mut self, node: NodeIndex, bdb_uid: u64, data_bytes: u64) -> bool {
        let id = self.cluster_of(node).map(|cluster| cluster.id);
        let cluster = id.and_then(|id| self.clusters.get_mut(&id));
        let database = cluster.and_then(|cluster| cluster.databases.get_mut(super::ids::BdbUid(bdb_uid)));
        database
            .map(|database| database.data_bytes = data_bytes)
            .is_some()
    }

    /// What an administrator would get from `GET path` at the leader of the cluster that `node` belongs to. It is not logged
    /// and needs no credentials, so that tests can look without being seen.
    pub fn peek(&mut self, node: NodeIndex, path: &str) -> Option<Value> {
        let id = self.cluster_of(node)?.id;
        front::peek(&mut self.env, self.clusters.get_mut(&id)?, node, path)
    }

    /// Tells the monitor of a new cluster.
    pub(crate) fn monitor_created(&mut self, node: NodeIndex, name: &str) {
        let fleet = self
            .env
            .node(node)
            .map(|node| node.config.fleet)
            .unwrap_or_default();
        self.monitor.created(fleet, name, self.env.now);
    }

    /// The simulator answered what none of its tables describes.
    pub(crate) fn undescribed(&mut self, what: &str) {
        self.monitor.undescribed(what, self.env.now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fixture::Fixture;
    use serde_json::json;

    #[test]
    fn each_fault_shows_the_caller_what_it_promises_and_does_what_it_promises() {
        for (effect, status, happened) in [
            (json!("lost_reply"), 0, true),
            (json!("lost_request"), 0, false),
            (json!("reset"), 0, false),
            (json!("silence"), 0, false),
            (json!({"delay_ms": 50}), 200, true),
            (json!({"status": {"code": 502, "body": "<html>"}}), 502, false),
            (json!({"truncate_at": 3}), 0, true),
            (json!({"slow_body": {"bytes": 9, "every_ms": 5}}), 200, true),
            (json!({"clock_jump": 60}), 200, true),
            (json!({"node_clock": 90}), 200, true),
            (json!("task_stuck"), 200, true),
            (json!({"task_failed": "internal_error"}), 200, true),
            (json!({"certificates_on": 1}), 200, true),
            (json!("crash_node"), 0, false),
            (json!("crash_after"), 0, true),
            (json!("freeze_node"), 0, false),
        ] {
            let mut sim = Fixture::cluster(1, 1);
            sim.faults(json!([{"method": "PUT", "path": "/v1/cluster", "count": 1, "effect": effect}]));
            let reply = sim.admin(0, "PUT", "/v1/cluster", json!({"email_alerts": true}));
            assert_eq!(reply.status, status, "{effect}");
            sim.world.power_on(NodeIndex(0));
            sim.pass(30);
            let shown = sim.admin(0, "GET", "/v1/cluster", Value::Null).json;
            assert_eq!(shown["email_alerts"], happened, "{effect}");
            let entry = sim
                .world
                .log()
                .iter()
                .rfind(|entry| entry.method == "PUT")
                .unwrap();
            assert_eq!(entry.effect, happened, "{effect}");
        }
    }

    #[test]
    fn a_delay_is_told_to_the_caller_and_a_cut_says_where() {
        let mut sim = Fixture::cluster(1, 1);
        let request = || {
            Request::get("/v1/bootstrap")
                .header("authorization", crate::sim::fixture::LOGIN)
                .body(Bytes::new())
        };
        sim.faults(json!([{"count": 1, "effect": {"delay_ms": 50}}]));
        let outcome = sim.world.handle(NodeIndex(0), &request().unwrap());
        assert!(
            matches!(outcome, Outcome::Reply { delay, .. } if delay == Duration::from_millis(50)),
            "{outcome:?}"
        );
        sim.faults(json!([{"count": 1, "effect": {"slow_body": {"bytes": 3, "every_ms": 20}}}]));
        let outcome = sim.world.handle(NodeIndex(0), &request().unwrap());
        assert!(
            matches!(outcome, Outcome::Slow { bytes: 3, every, .. } if every == Duration::from_millis(20)),
            "{outcome:?}"
        );
        sim.faults(json!([{"count": 1, "effect": {"truncate_at": 7}}]));
        let outcome = sim.world.handle(NodeIndex(0), &request().unwrap());
        assert!(
            matches!(outcome, Outcome::Truncated { len: 7, .. }),
            "{outcome:?}"
        );
    }

    #[test]
    fn a_rule_acts_on_its_method_path_and_node_as_often_as_it_says() {
        let mut sim = Fixture::cluster(2, 2);
        sim.faults(json!([
            {"method": "GET", "path": "/v1/nodes/*", "node": 1, "skip": 1, "count": 1, "effect": {"status": {"code": 418}}},
        ]));
        let mut status = |node, method, path| sim.admin(node, method, path, json!({})).status;
        for (node, method, path) in [
            (0, "GET", "/v1/nodes/1"),
            (1, "PUT", "/v1/nodes/1"),
            (1, "GET", "/v1/nodes"),
        ] {
            assert_ne!(status(node, method, path), 418, "{node} {method} {path}");
        }
        let answers = [(); 3].map(|()| status(1, "GET", "/v1/nodes/1"));
        assert_eq!(answers.map(|status| status == 418), [false, true, false]);
        assert_eq!(sim.world.faults()[0].1, 3, "every match is counted");
    }

    #[test]
    fn a_jump_of_the_clock_lets_everything_happen_that_was_due_meanwhile() {
        let mut sim = Fixture::cluster(1, 1);
        let (before, hour) = (sim.world.now(), jiff::SignedDuration::from_hours(1));
        sim.admin(
            0,
            "POST",
            "/v1/bdbs",
            json!({"name": "db", "memory_size": 1 << 30}),
        );
        sim.faults(json!([{"path": "/v1/bdbs/1", "count": 1, "effect": {"clock_jump": 3600}}]));
        let shown = sim.admin(0, "GET", "/v1/bdbs/1", Value::Null).json;
        assert_eq!(shown["status"], "active");
        assert_eq!(sim.world.now(), before + hour);
    }

    #[test]
    fn a_node_whose_clock_is_off_says_so_in_its_answers_and_cannot_join() {
        let mut sim = Fixture::cluster(1, 2);
        sim.faults(json!([{"node": 1, "count": 1, "effect": {"node_clock": 90}}]));
        let date = |sim: &mut Fixture, node| {
            let request = Request::get("/v1/bootstrap").body(Bytes::new());
            match sim.world.handle(NodeIndex(node), &request.unwrap()) {
                Outcome::Reply { response, .. } => response.headers()["date"].to_str().unwrap().to_owned(),
                other => panic!("{other:?}"),
            }
        };
        let dates = [0, 1].map(|node| {
            jiff::fmt::rfc2822::parse(&date(&mut sim, node))
                .unwrap()
                .timestamp()
        });
        assert_eq!(dates[1].duration_since(dates[0]).as_secs(), 90);
        let body = sim.join_body(1);
        assert_eq!(sim.bootstrap_error(1, body.clone()), "time_not_sync");
        sim.world.set_clock(NodeIndex(1), 0);
        assert_eq!(sim.bootstrap_error(1, body), "");
    }

    #[test]
    fn the_log_has_state_ids_users_and_effects() {
        let mut sim = Fixture::cluster(1, 1);
        let from = sim.world.log().len();
        sim.admin(0, "GET", "/v1/cluster?x=1", Value::Null);
        sim.admin(
            0,
            "PUT",
            "/v1/cluster",
            json!({"email_alerts": true, "smtp_password": "hidden"}),
        );
        let [get, put] = &sim.world.log()[from..] else {
            panic!("two entries")
        };
        assert_eq!(
            (get.query.as_str(), get.user.as_str(), get.effect),
            ("x=1", "admin@example.com", false)
        );
        assert_eq!((put.seq, put.effect), (get.seq + 1, true));
        assert_eq!(put.state_id_after, put.state_id_before.map(|id| id + 1));
        assert_eq!(put.body["smtp_password"], "***");
        assert_eq!(put.body_sha256.len(), 64);
    }

    #[test]
    fn nodes_take_over_the_clusters_certificate_when_they_become_members() {
        let mut sim = Fixture::fresh(2);
        let chain = |sim: &Fixture, node| sim.world.presented(NodeIndex(node)).unwrap().chain_pem.clone();
        assert_eq!(
            (chain(&sim, 0), chain(&sim, 1)),
            ("certificate of n1".to_owned(), "certificate of n2".to_owned())
        );
        let body = sim.create_body();
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
        sim.pass(60);
        let body = sim.join_body(1);
        sim.send(1, "POST", "/v1/bootstrap/join_cluster", None, body);
        sim.pass(10);
        assert_eq!(
            (chain(&sim, 0), chain(&sim, 1)),
            ("certificate of api 0".to_owned(), "certificate of n2".to_owned())
        );
        sim.pass(60);
        assert_eq!(chain(&sim, 1), "certificate of api 0");
        assert_eq!(
            sim.world.installed(NodeIndex(1), "proxy").unwrap().chain_pem,
            "certificate of proxy 0"
        );
    }

    #[test]
    fn a_replaced_machine_does_not_come_back_as_the_member_it_was() {
        let mut sim = Fixture::cluster(3, 4);
        sim.world.crash(NodeIndex(2));
        sim.pass(30);
        let mut body = sim.join_body(3);
        body["node"]["identity"]["uid"] = json!(3);
        assert_eq!(sim.bootstrap_error(3, body), "");
        sim.world.power_on(NodeIndex(2));
        sim.pass(30);
        assert_eq!(
            (sim.world.uid(NodeIndex(2)), sim.world.uid(NodeIndex(3))),
            (None, Some(NodeUid(3)))
        );
    }

    #[test]
    fn a_machine_wiped_while_it_joins_leaves_nothing_behind() {
        let mut sim = Fixture::cluster(1, 2);
        let body = sim.join_body(1);
        sim.send(1, "POST", "/v1/bootstrap/join_cluster", None, body.clone());
        sim.pass(5);
        sim.world.reinstall(NodeIndex(1));
        sim.pass(60);
        assert_eq!(
            sim.admin(0, "GET", "/v1/nodes", Value::Null)
                .json
                .as_array()
                .map(Vec::len),
            Some(1)
        );
        assert_eq!(sim.bootstrap_error(1, body), "");
    }

    #[test]
    fn a_bootstrap_that_a_power_cut_stopped_goes_on_after_it() {
        let mut sim = Fixture::fresh(1);
        let body = sim.create_body();
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
        sim.pass(5);
        sim.world.crash(NodeIndex(0));
        sim.pass(60);
        assert_eq!(sim.world.clusters(), 0);
        sim.world.power_on(NodeIndex(0));
        sim.pass(60);
        assert_eq!(sim.world.clusters(), 1);
    }

    #[test]
    fn the_next_wakeup_is_when_something_happens() {
        let mut sim = Fixture::fresh(1);
        assert_eq!(sim.world.next_wakeup(), None);
        let body = sim.create_body();
        sim.send(0, "POST", "/v1/bootstrap/create_cluster", None, body);
        while let Some(at) = sim.world.next_wakeup() {
            sim.world.advance(at);
        }
        assert_eq!(sim.world.clusters(), 1);
    }
}

//! The world: requests in, outcomes out, and time that moves only when told to.

use super::answer::Answered;
use super::bootstrap;
use super::config::{Config, TlsIdentity};
use super::fault::{Effect, FaultPlan, Faults, Rule};
use super::form::{self, Formation};
use super::front::{self, Served};
use super::ids::{BdbUid, ClusterId, NodeIndex, NodeUid};
use super::internode;
use super::log::{self, LogEntry, RequestLog, Sent, Totals};
use super::monitor::{Monitor, Violation};
use super::power;
use super::resources::{alarms, bdbs, certificates, users};
use super::schema::cluster::{control_tls, http_before_a_cluster};
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
        let fate = effect
            .as_ref()
            .and_then(|effect| self.ill_fated(node, request, effect));
        if let Some(outcome) = fate {
            return outcome;
        }
        let (entry, served) = self.served(node, request);
        self.env.ordered = Default::default();
        match served {
            Served::Answer(answered) => self.arrived(node, entry, answered, effect),
            Served::Reset => self.logged(entry, Sent::Nothing, Outcome::Reset),
        }
    }

    /// What a fault does before the request is served; the outcome, if that never happens.
    fn ill_fated(&mut self, node: NodeIndex, request: &Request<Bytes>, effect: &Effect) -> Option<Outcome> {
        let outcome = match effect {
            Effect::LostRequest => Outcome::Closed,
            Effect::Reset => Outcome::Reset,
            Effect::Silence => Outcome::Silence,
            Effect::CrashNode => {
                self.crash(node);
                Outcome::Closed
            }
            Effect::FreezeNode => {
                self.freeze(node);
                Outcome::Silence
            }
            Effect::Status { code, body } => {
                let status = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Some(self.planned_answer(node, request, status, body.clone()));
            }
            Effect::TaskStuck => {
                self.env.ordered.stuck = true;
                return None;
            }
            Effect::TaskFailed(code) => {
                self.env.ordered.failed = Some(code.clone());
                return None;
            }
            Effect::CertificatesOn(count) => {
                self.env.ordered.certificates_on = Some(*count);
                return None;
            }
            Effect::ClockJump(secs) => {
                self.advance(self.env.after(Duration::from_secs(*secs)));
                return None;
            }
            Effect::NodeClock(secs) => {
                self.set_clock(node, *secs);
                return None;
            }
            Effect::LostReply
            | Effect::CrashAfter
            | Effect::DelayMs(_)
            | Effect::TruncateAt(_)
            | Effect::SlowBody { .. } => return None,
        };
        Some(self.unserved(node, request, outcome))
    }

    /// An answer, as a fault lets it arrive.
    fn arrived(
        &mut self,
        node: NodeIndex,
        entry: LogEntry,
        answered: Answered,
        effect: Option<Effect>,
    ) -> Outcome {
        let (response, delay) = (answered.response, answered.delay);
        let (sent, outcome) = match effect {
            Some(Effect::LostReply) => (Sent::Nothing, Outcome::Closed),
            Some(Effect::CrashAfter) => {
                self.crash(node);
                (Sent::Nothing, Outcome::Closed)
            }
            Some(Effect::DelayMs(ms)) => {
                let delay = delay + Duration::from_millis(ms);
                (Sent::Reply, Outcome::Reply { delay, response })
            }
            Some(Effect::TruncateAt(len)) if len < response.body().len() => {
                (Sent::Truncated, Outcome::Truncated { delay, response, len })
            }
            Some(Effect::SlowBody { bytes, every_ms }) => {
                let every = Duration::from_millis(every_ms);
                let slow = Outcome::Slow {
                    delay,
                    response,
                    bytes,
                    every,
                };
                (Sent::Reply, slow)
            }
            // Those that are left have acted before, and what is cut behind its end is whole.
            Some(_) | None => (Sent::Reply, Outcome::Reply { delay, response }),
        };
        self.logged(entry, sent, outcome)
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
            Due::Backup(id, uid) => in_cluster(id, &|cluster, env| bdbs::backup_due(cluster, env, uid)),
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

    /// Whether the node serves its API over plain HTTP as well, as its cluster's `http_support` says.
    #[must_use]
    pub fn serves_http(&self, node: NodeIndex) -> bool {
        match self.cluster_of(node) {
            Some(cluster) => cluster.settings.get("http_support") == Some(&Value::Bool(true)),
            None => http_before_a_cluster(&self.env),
        }
    }

    /// Whether the node's REST listener speaks TLS 1.3 only, and the list of its cipher suites for TLS 1.2.
    pub(crate) fn control_tls(&self, node: NodeIndex) -> (bool, &str) {
        control_tls(self.cluster_of(node).map(|cluster| &cluster.settings))
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
        let Some(cluster) = id.and_then(|id| self.clusters.get_mut(&id)) else {
            return false;
        };
        let uid = BdbUid(bdb_uid);
        let Some(database) = cluster.databases.get_mut(uid) else {
            return false;
        };
        database.data_bytes = data_bytes;
        alarms::look_at(cluster, &self.env, uid);
        true
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
mod tests;

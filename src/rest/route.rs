//! Every call that the client makes: what it may be repeated for, and what its answers mean.

use http::Method;
use std::time::Duration;

/// One call of the REST API.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path; `{}` stands for an argument.
    pub path: &'static str,
    /// Who answers.
    pub scope: Scope,
    /// Whether sending it twice has the effect of sending it once.
    pub idempotent: bool,
    /// What 409 means.
    pub conflict: Conflict,
    /// What 404 means.
    pub not_found: NotFound,
    /// Longest time from the first byte sent until the last byte read; for a read, see [`deadline_at`](Route::deadline_at).
    pub deadline: Duration,
    /// Longest answer, in bytes.
    pub answer_bytes_max: usize,
}

/// Who answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The node that received it, for itself.
    Node,
    /// The cluster; a follower may redirect to the primary node.
    Cluster,
}

/// What 409 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Something else is under way on the same object: later, the same call may succeed.
    Busy,
    /// The object is not what it was when it was read: read again before anything else.
    Stale,
    /// Not documented for this call.
    Undocumented,
}

/// What 404 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// There is no such object: a successful answer.
    Absent,
    /// The object that the call was about is gone since it was read.
    Stale,
    /// The path always exists: whatever answered is not (yet) the REST API.
    NotServed,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// To connect and shake hands.
const HANDSHAKES: Duration = Duration::from_secs(10);
const USUAL: Duration = Duration::from_secs(30);
const LIST: Duration = Duration::from_secs(60);
/// The server's own time budget for applying certificates on every node.
const CERTIFICATES: Duration = Duration::from_secs(900);
/// The interval of observation from which on reads have the deadlines above.
const LONG_INTERVAL: Duration = Duration::from_secs(30);
/// The interval below which the deadlines of reads shrink no further: a slow answer is not an outage.
const SHORT_INTERVAL: Duration = Duration::from_secs(10);

const fn call(method: Method, path: &'static str, idempotent: bool, conflict: Conflict) -> Route {
    Route {
        method,
        path,
        scope: Scope::Cluster,
        idempotent,
        conflict,
        not_found: NotFound::NotServed,
        deadline: USUAL,
        answer_bytes_max: MIB,
    }
}

const fn get(path: &'static str) -> Route {
    call(Method::GET, path, true, Conflict::Undocumented)
}

const fn put(path: &'static str) -> Route {
    call(Method::PUT, path, true, Conflict::Stale)
}

/// Calls that must not be repeated.
const fn once(method: Method, path: &'static str) -> Route {
    call(method, path, false, Conflict::Undocumented)
}

impl Route {
    const fn of_node(mut self) -> Self {
        self.scope = Scope::Node;
        self
    }

    const fn list(mut self) -> Self {
        self.deadline = LIST;
        self.answer_bytes_max = 64 * MIB;
        self
    }

    const fn handshake(mut self) -> Self {
        self.deadline = HANDSHAKES;
        self
    }

    const fn slow(mut self) -> Self {
        self.deadline = CERTIFICATES;
        self
    }

    const fn busy(mut self) -> Self {
        self.conflict = Conflict::Busy;
        self
    }

    const fn stale(mut self) -> Self {
        self.conflict = Conflict::Stale;
        self
    }

    const fn absent(mut self) -> Self {
        self.not_found = NotFound::Absent;
        self
    }

    const fn gone(mut self) -> Self {
        self.not_found = NotFound::Stale;
        self
    }

    /// Whether it changes nothing and is made again with the next look.
    pub fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::CONNECT
    }

    /// Longest time for who looks every `interval`. A node that accepts and never answers must not hide for longer than a
    /// look: with an interval below 30 s the deadlines of reads are shorter in proportion, down to a third. Nothing else is
    /// cut short, for whether it took effect would be unknown.
    pub fn deadline_at(&self, interval: Duration) -> Duration {
        if !self.is_read() {
            return self.deadline;
        }
        let interval = interval.clamp(SHORT_INTERVAL, LONG_INTERVAL);
        self.deadline.mul_f64(interval.div_duration_f64(LONG_INTERVAL))
    }

    /// The path with its arguments, in order. Arguments are percent-encoded.
    pub fn fill(&self, arguments: &[&(dyn std::fmt::Display + Sync)]) -> String {
        let mut arguments = arguments.iter();
        let mut path = String::with_capacity(self.path.len() + 8);
        for (place, part) in self.path.split("{}").enumerate() {
            if place > 0 {
                let argument = arguments.next().map(ToString::to_string).unwrap_or_default();
                encode(&argument, &mut path);
            }
            path.push_str(part);
        }
        path
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Everything but letters, digits and `-._~` is encoded, so that no argument can become another path.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                into.push(char::from(byte))
            }
            other => into.push_str(&format!("%{other:02X}")),
        }
    }
}

/// No HTTP at all: a TLS handshake, to see the certificate of a node.
pub static HANDSHAKE: Route = call(Method::CONNECT, "(TLS handshake)", true, Conflict::Undocumented)
    .of_node()
    .handshake();

/// How far the bootstrap of the answering node is.
pub static BOOTSTRAP: Route = get("/v1/bootstrap").of_node();
/// Makes the answering node the first of a new cluster.
pub static CREATE_CLUSTER: Route = once(Method::POST, "/v1/bootstrap/create_cluster")
    .of_node()
    .stale();
/// Makes the answering node join a cluster.
pub static JOIN_CLUSTER: Route = once(Method::POST, "/v1/bootstrap/join_cluster").of_node().stale();
/// Checks the body of a bootstrap call; changes nothing.
pub static VALIDATE_BOOTSTRAP: Route =
    call(Method::POST, "/v1/bootstrap/validate/{}", true, Conflict::Stale).of_node();

/// Every node.
pub static NODES: Route = get("/v1/nodes").list();
/// Role, memory and maintenance of every node.
pub static NODE_STATUSES: Route = get("/v1/nodes/status").list();
/// Changes a node.
pub static UPDATE_NODE: Route = put("/v1/nodes/{}").busy().gone();
/// Actions of every node.
pub static ALL_NODE_ACTIONS: Route = get("/v1/nodes/actions").list();
/// Actions of one node.
pub static NODE_ACTIONS: Route = get("/v1/nodes/{}/actions").absent();
/// Starts an action of a node; 409 when one of the same kind runs anywhere in the cluster.
pub static START_NODE_ACTION: Route = once(Method::POST, "/v1/nodes/{}/actions/{}").busy().gone();

/// The cluster and its settings.
pub static CLUSTER: Route = get("/v1/cluster");
/// Changes settings.
pub static UPDATE_CLUSTER: Route = put("/v1/cluster");
/// The policy.
pub static POLICY: Route = get("/v1/cluster/policy");
/// Changes the policy.
pub static UPDATE_POLICY: Route = put("/v1/cluster/policy");
/// Makes another node the primary one.
pub static CHANGE_MASTER: Route = once(Method::POST, "/v1/cluster/actions/change_master")
    .busy()
    .gone();

/// The licence; 404 when none is installed.
pub static LICENSE: Route = get("/v1/license").absent();
/// Installs a licence.
pub static INSTALL_LICENSE: Route = put("/v1/license");

/// Every database.
pub static BDBS: Route = get("/v1/bdbs").list();
/// One database.
pub static BDB: Route = get("/v1/bdbs/{}").absent();
/// Creates a database; 409 when the uid that it asks for is taken.
pub static CREATE_BDB: Route = once(Method::POST, "/v1/bdbs").stale();
/// Changes a database; 409 while another change of it is under way.
pub static UPDATE_BDB: Route = put("/v1/bdbs/{}").busy().gone();
/// Deletes a database; 409 while a change of it is under way. Not to be repeated: the uid may be given again.
pub static DELETE_BDB: Route = once(Method::DELETE, "/v1/bdbs/{}").busy().gone();
/// Adds a password beside those in force.
pub static ADD_PASSWORD: Route = once(Method::POST, "/v1/bdbs/{}/passwords").busy().gone();
/// Puts one password in the place of all in force.
pub static REPLACE_PASSWORDS: Route = once(Method::PUT, "/v1/bdbs/{}/passwords").busy().gone();
/// Removes one password.
pub static REMOVE_PASSWORD: Route = once(Method::DELETE, "/v1/bdbs/{}/passwords").busy().gone();
/// Last statistics of one database.
pub static BDB_STATS: Route = get("/v1/bdbs/stats/last/{}").absent();

/// Every shard.
pub static SHARDS: Route = get("/v1/shards").list();

/// Every certificate of the cluster, with its private key.
pub static CERTIFICATES_READ: Route = get("/v1/cluster/certificates");
/// Replaces certificates on every node; 409 when some node has not taken them.
pub static CERTIFICATES_REPLACE: Route = put("/v1/cluster/certificates").busy().slow();
/// The same for one certificate, before 7.22.2.
pub static CERTIFICATE_UPDATE: Route = put("/v1/cluster/update_cert").busy().slow();
/// Removes an optional certificate.
pub static CERTIFICATE_DELETE: Route = call(
    Method::DELETE,
    "/v1/cluster/certificates/{}",
    true,
    Conflict::Busy,
)
.slow()
.absent();

/// Tasks and state machines of the whole cluster.
pub static ACTIONS: Route = get("/v1/actions").list();

/// Every route.
pub static ALL: [&Route; 33] = [
    &HANDSHAKE,
    &BOOTSTRAP,
    &CREATE_CLUSTER,
    &JOIN_CLUSTER,
    &VALIDATE_BOOTSTRAP,
    &NODES,
    &NODE_STATUSES,
    &UPDATE_NODE,
    &ALL_NODE_ACTIONS,
    &NODE_ACTIONS,
    &START_NODE_ACTION,
    &CLUSTER,
    &UPDATE_CLUSTER,
    &POLICY,
    &UPDATE_POLICY,
    &CHANGE_MASTER,
    &LICENSE,
    &INSTALL_LICENSE,
    &BDBS,
    &BDB,
    &CREATE_BDB,
    &UPDATE_BDB,
    &DELETE_BDB,
    &ADD_PASSWORD,
    &REPLACE_PASSWORDS,
    &REMOVE_PASSWORD,
    &BDB_STATS,
    &SHARDS,
    &CERTIFICATES_READ,
    &CERTIFICATES_REPLACE,
    &CERTIFICATE_UPDATE,
    &CERTIFICATE_DELETE,
    &ACTIONS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_fill_the_path_and_cannot_leave_it() {
        assert_eq!(
            START_NODE_ACTION.fill(&[&3, &"remove"]),
            "/v1/nodes/3/actions/remove"
        );
        assert_eq!(BDB.fill(&[&"../cluster?x"]), "/v1/bdbs/..%2Fcluster%3Fx");
    }

    #[test]
    fn every_read_may_be_repeated_and_no_post_but_validation() {
        for route in ALL {
            match route.method {
                Method::GET | Method::CONNECT => assert!(route.idempotent, "{route}"),
                Method::POST => assert_eq!(route.idempotent, *route == VALIDATE_BOOTSTRAP, "{route}"),
                _ => {}
            }
        }
    }

    #[test]
    fn reads_end_in_time_for_the_next_look_and_other_calls_take_what_they_need() {
        let secs = |route: &Route, interval| route.deadline_at(Duration::from_secs(interval)).as_millis();
        for (interval, handshake, usual, list) in [
            (1, 3_333, 10_000, 20_000),
            (10, 3_333, 10_000, 20_000),
            (15, 5_000, 15_000, 30_000),
            (30, 10_000, 30_000, 60_000),
            (3600, 10_000, 30_000, 60_000),
        ] {
            let read = [&HANDSHAKE, &CLUSTER, &BDBS].map(|route| secs(route, interval));
            assert_eq!(read, [handshake, usual, list], "every {interval} s");
        }
        for route in ALL.iter().filter(|route| !route.is_read()) {
            assert_eq!(
                route.deadline_at(Duration::from_secs(1)),
                route.deadline,
                "{route}"
            );
        }
    }

    #[test]
    fn only_certificate_changes_may_take_fifteen_minutes() {
        for route in ALL {
            let certificates = route.path.contains("cert") && route.method != Method::GET;
            assert_eq!(route.deadline == CERTIFICATES, certificates, "{route}");
        }
    }
}

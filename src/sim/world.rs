//! The world: requests in, outcomes out, and time that moves only when told to.

use super::config::{Config, TlsIdentity};
use super::fault::FaultPlan;
use super::ids::{ClusterId, NodeIndex};
use super::log::LogEntry;
use super::monitor::Violation;
use super::state::{Cluster, Env};
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
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
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) env: Env,
    pub(crate) clusters: BTreeMap<ClusterId, Cluster>,
    log: Vec<LogEntry>,
    violations: Vec<Violation>,
    faults: FaultPlan,
}

impl World {
    /// Machines that run and belong to no cluster.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            env: Env::new(&config),
            clusters: BTreeMap::new(),
            log: Vec::new(),
            violations: Vec::new(),
            faults: config.faults,
        }
    }

    /// Takes in a request that reached `node`.
    pub fn handle(&mut self, _node: NodeIndex, _request: &Request<Bytes>) -> Outcome {
        Outcome::Refused
    }

    /// Lets time pass: everything that is due by `to` happens, in order.
    pub fn advance(&mut self, to: Timestamp) {
        self.env.now = self.env.now.max(to);
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

    /// Replaces the rest of the fault plan.
    pub fn set_faults(&mut self, faults: FaultPlan) {
        self.faults = faults;
    }

    /// Every request so far.
    #[must_use]
    pub fn log(&self) -> &[LogEntry] {
        &self.log
    }

    /// Every broken invariant so far.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether connections to the node are accepted.
    #[must_use]
    pub fn listens(&self, node: NodeIndex) -> bool {
        self.env
            .node(node)
            .is_some_and(|node| node.power != super::state::Power::Crashed)
    }

    /// The node that listens on `address:port`.
    #[must_use]
    pub fn node_at(&self, address: &str, port: u16) -> Option<NodeIndex> {
        let listens =
            |node: &super::state::SimNode| node.config.address == address && node.config.port == port;
        self.env.nodes.iter().position(listens).map(NodeIndex)
    }
}

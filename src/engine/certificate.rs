//! ClusterCertificate: the certificate is read back from every node, the REST API's own by a handshake with each.

use crate::api::CertificateRole;
use crate::api::ClusterCertificate;
use crate::engine::ClusterView;
use crate::engine::Freshness;
use crate::engine::Managed;
use crate::engine::Moment;
use crate::engine::reads::Reads;
use crate::engine::reads::address;
use crate::engine::reads::identity;
use crate::engine::reads::unsendable;
use crate::engine::view::Target;
use crate::plan::Plan;
use crate::plan::access::NodeAccess;
use crate::plan::certificate::Action;
use crate::plan::certificate::Inputs;
use crate::plan::certificate::Observed;
use crate::plan::certificate::Seen;
use crate::plan::certificate::Served;
use crate::plan::certificate::plan;
use crate::rest::Session;
use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::model::CertificateFacts;
use crate::rest::model::CertificateName;
use jiff::Timestamp;

impl Managed for ClusterCertificate {
    type Inputs = Inputs;
    type Observed = Observed;
    type Action = Action;

    async fn observe(
        &self,
        inputs: &Inputs,
        view: &ClusterView,
        asked: Freshness,
        _now: Timestamp,
    ) -> Result<Observed, Error> {
        let Ok(access) = &inputs.access else {
            return Ok(Observed::Unasked);
        };
        let asked = asked.since();
        let reads = view.reads(access, &[])?;
        let cluster = reads.cluster(asked).await?;
        let nodes = reads.nodes(asked).await?;
        let members = access.nodes.iter().filter(|node| node.member);
        let look = Look {
            view,
            reads: &reads,
            role: self.spec.certificate,
            asked,
        };
        let served = futures::future::try_join_all(members.map(|node| look.at(node))).await?;
        let seen = Seen {
            identity: identity(&cluster),
            nodes: (*nodes).clone(),
            served,
        };
        Ok(Observed::Seen(Box::new(seen)))
    }

    fn plan(&self, inputs: &Inputs, observed: &Observed, now: Timestamp) -> Plan<Action> {
        plan(self, inputs, observed, now)
    }

    fn shows_at_once(action: &Action) -> bool {
        match action {
            // Nodes take a certificate one by one.
            Action::Replace { .. } => false,
        }
    }

    async fn apply(action: &Action, inputs: &Inputs, view: &ClusterView) -> Result<(), Error> {
        let access = inputs
            .access
            .as_ref()
            .map_err(|hold| unsendable(hold.detail.clone()))?;
        let Action::Replace {
            certificate,
            bulk,
            pair,
        } = action;
        let (name, bulk) = (name(*certificate), *bulk);
        let call = |session: Session| async move { session.replace_certificate(&name, pair, bulk).await };
        view.change(access, Target::Cluster, call).await
    }
}

/// One look at the nodes.
struct Look<'a> {
    view: &'a ClusterView,
    reads: &'a Reads,
    role: CertificateRole,
    asked: Moment,
}

impl Look<'_> {
    async fn at(&self, node: &NodeAccess) -> Result<Served, Error> {
        let fingerprint = match self.role {
            CertificateRole::Api => self.shown(node).await,
            CertificateRole::Cm
            | CertificateRole::Proxy
            | CertificateRole::Syncer
            | CertificateRole::MetricsExporter => self.read_back(node).await?,
        };
        Ok(Served {
            node: node.name.clone(),
            fingerprint,
        })
    }

    /// What the node shows in a handshake; nothing when it does not answer.
    async fn shown(&self, node: &NodeAccess) -> Option<String> {
        let presented = self.view.handshake(&address(node), self.asked).await.ok()?;
        Some(presented.leaf().fingerprint.clone())
    }

    /// What the node reports. One that does not answer has nothing to report; one that points to the primary node leaves
    /// it to that one to speak for the cluster.
    async fn read_back(&self, node: &NodeAccess) -> Result<Option<String>, Error> {
        let name = name(self.role);
        let answer = match self
            .reads
            .certificate(&name, Some(&address(node)), self.asked)
            .await
        {
            Err(Error {
                kind: ErrorKind::Redirected(_),
                ..
            }) => self.reads.certificate(&name, None, self.asked).await,
            answer => answer,
        };
        match answer {
            Ok(chain) => Ok((*chain).as_ref().map(|pem| fingerprint(pem))),
            Err(error) if silent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The fingerprint of the leaf; of nothing known when the node's own certificate cannot be read.
fn fingerprint(pem: &str) -> String {
    CertificateFacts::read_pem(pem.as_bytes())
        .map(|facts| facts.fingerprint)
        .unwrap_or_default()
}

fn silent(error: &Error) -> bool {
    match error.kind {
        ErrorKind::Connect(_) | ErrorKind::Timeout | ErrorKind::Lost(_) | ErrorKind::Untrusted(_) => true,
        ErrorKind::Refused(_)
        | ErrorKind::Redirected(_)
        | ErrorKind::TooLarge { .. }
        | ErrorKind::NotJson
        | ErrorKind::Malformed(_)
        | ErrorKind::Unsendable(_) => false,
    }
}

fn name(role: CertificateRole) -> CertificateName {
    match role {
        CertificateRole::Api => CertificateName::Api,
        CertificateRole::Cm => CertificateName::Cm,
        CertificateRole::Proxy => CertificateName::Proxy,
        CertificateRole::Syncer => CertificateName::Syncer,
        CertificateRole::MetricsExporter => CertificateName::MetricsExporter,
    }
}

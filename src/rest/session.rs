//! Calls to a cluster, through whichever of its members answers.

use crate::rest::call::Answer;
use crate::rest::call::Call;
use crate::rest::client::Client;
use crate::rest::client::Credentials;
use crate::rest::client::Exchange;
use crate::rest::client::NodeAddress;
use crate::rest::error::Disposition;
use crate::rest::error::Error;
use crate::rest::error::ErrorKind;
use crate::rest::tls::Trust;
use http::Uri;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// The members of one cluster, the trust that they must satisfy, and the credentials that only they are shown. Cheap to
/// clone; clones share which member answered last.
///
/// A call goes to that member. If nothing could be sent to it and the call may be repeated, it goes to the next one. One
/// redirect is followed, to a member. Beyond that, nothing is retried. A read has one deadline for all of this.
#[derive(Clone, Debug)]
pub struct Session {
    cluster: Arc<Members>,
}

#[derive(Debug)]
struct Members {
    client: Client,
    members: Vec<NodeAddress>,
    trust: Trust,
    credentials: Credentials,
    /// The member that answered last, or that is to be tried next.
    preferred: AtomicUsize,
}

impl Session {
    pub(crate) fn new(
        client: Client,
        members: Vec<NodeAddress>,
        trust: Trust,
        credentials: Credentials,
    ) -> Self {
        let preferred = AtomicUsize::new(0);
        Self {
            cluster: Arc::new(Members {
                client,
                members,
                trust,
                credentials,
                preferred,
            }),
        }
    }

    /// The members that it may ask.
    pub fn members(&self) -> &[NodeAddress] {
        &self.cluster.members
    }

    /// The same cluster through one member alone: no other is asked, and a redirect is an error.
    pub fn only(&self, member: &NodeAddress) -> Self {
        let cluster = &self.cluster;
        let members = cluster
            .members
            .iter()
            .filter(|other| *other == member)
            .cloned()
            .collect();
        Self::new(
            cluster.client.clone(),
            members,
            cluster.trust.clone(),
            cluster.credentials.clone(),
        )
    }

    /// Makes a call.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let members = &self.cluster.members;
        let first = self.cluster.preferred.load(Ordering::Relaxed);
        let end = Instant::now() + self.cluster.client.deadline(call.route);
        let mut unsent: Option<Error> = None;
        for place in (0..members.len()).map(|step| (first + step) % members.len()) {
            let Some(member) = members.get(place) else { break };
            let asked = self.ask(place, member, call);
            let answer = match call.route.is_read() {
                true => tokio::time::timeout_at(end, asked)
                    .await
                    .unwrap_or_else(|_| Err(call.failed(&member.to_string(), ErrorKind::Timeout))),
                false => asked.await,
            };
            match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    self.leave(place, &error);
                    if !(error.unsent() && call.route.idempotent) {
                        return Err(error);
                    }
                    // A member that is not trusted is the better explanation of several.
                    let better = matches!(error.kind, ErrorKind::Untrusted(_));
                    if better || unsent.is_none() {
                        unsent = Some(error);
                    }
                }
            }
        }
        let nobody = || {
            call.failed(
                "no node",
                ErrorKind::Unsendable("no member of the cluster is known".to_owned()),
            )
        };
        Err(unsent.unwrap_or_else(nobody))
    }

    /// Asks one member, and the one that it points to.
    async fn ask(&self, place: usize, member: &NodeAddress, call: &Call) -> Result<Answer, Error> {
        let location = match self.exchange(member, call).await? {
            Exchange::Answer(answer) => return Ok(self.prefer(place, answer)),
            Exchange::Redirect(location) => location,
        };
        let refused = |why: &str| call.failed(&member.to_string(), ErrorKind::Redirected(why.to_owned()));
        let (place, leader) = self.member_at(&location).map_err(refused)?;
        match self.exchange(leader, call).await? {
            Exchange::Answer(answer) => Ok(self.prefer(place, answer)),
            Exchange::Redirect(_) => Err(refused("the node that it points to points elsewhere")),
        }
    }

    async fn exchange(&self, member: &NodeAddress, call: &Call) -> Result<Exchange, Error> {
        let cluster = &self.cluster;
        cluster
            .client
            .exchange(member, &cluster.trust, Some(&cluster.credentials), call)
            .await
    }

    fn prefer(&self, place: usize, answer: Answer) -> Answer {
        self.cluster.preferred.store(place, Ordering::Relaxed);
        answer
    }

    /// Lets the next call begin elsewhere when this member cannot serve.
    fn leave(&self, place: usize, error: &Error) {
        match error.disposition() {
            Disposition::Unreachable => {
                let next = (place + 1) % self.cluster.members.len().max(1);
                self.cluster.preferred.store(next, Ordering::Relaxed);
            }
            Disposition::Busy
            | Disposition::Stale
            | Disposition::Rejected
            | Disposition::Denied
            | Disposition::Bug => {}
        }
    }

    /// The member at a `Location`. Only host and port count: the call itself stays as it is.
    fn member_at(&self, location: &str) -> Result<(usize, &NodeAddress), &'static str> {
        let uri: Uri = location.parse().map_err(|_| "it points to no address")?;
        if uri.scheme_str() != Some("https") {
            return Err("it points away from HTTPS");
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(443);
        let same = |member: &NodeAddress| member.port == port && member.host.eq_ignore_ascii_case(host);
        let mut members = self.cluster.members.iter().enumerate();
        members
            .find(|(_, member)| same(member))
            .ok_or("it points to a host that is no known member of the cluster")
    }
}

#[cfg(test)]
mod tests;

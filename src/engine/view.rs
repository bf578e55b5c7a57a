//! What all passes over one cluster share: the session, the reads, and what is known of the credentials.

use crate::api::RejectedCredentials;
use crate::engine::login::Login;
use crate::plan::access::ClusterAccess;
use jiff::Timestamp;

/// One Redis Enterprise cluster as all passes over its objects see it. Kept from pass to pass.
#[derive(Debug, Default)]
pub struct ClusterView {
    login: Login,
}

impl ClusterView {
    /// The view as an earlier process left it: credentials whose rejection is recorded are not tried before it runs out.
    #[must_use]
    pub fn with_rejected(self, recorded: &RejectedCredentials, now: Timestamp) -> Self {
        self.login.restore(recorded, now);
        self
    }

    /// The rejection of the credentials in use, while it stands: for the status of the RedisCluster. Does not change
    /// until the credentials are tried again.
    pub fn rejected(&self, access: &ClusterAccess, now: Timestamp) -> Option<RejectedCredentials> {
        self.login.rejected(&access.credentials.secret_version, now)
    }
}

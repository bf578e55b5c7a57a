//! The cluster: GET and PUT `/v1/cluster`, `/v1/cluster/policy`.

use crate::rest::model::JsonMap;
use serde::Deserialize;

/// The cluster, as GET `/v1/cluster` answers. Its settings stay as JSON: the planner compares them by name.
/// Shown without their values: older versions answer the SMTP password among them.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Cluster {
    /// Fully qualified domain name.
    pub name: String,
    /// When it was created; with the name, its identity.
    pub created_time: String,
    /// Every other field.
    #[serde(flatten)]
    pub settings: JsonMap,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            created_time,
            settings: _,
        } = self;
        f.debug_struct("Cluster")
            .field("name", name)
            .field("created_time", created_time)
            .finish_non_exhaustive()
    }
}

//! The cluster: GET and PUT `/v1/cluster`, `/v1/cluster/policy`.

use crate::rest::model::JsonMap;
use serde::Deserialize;

/// The cluster, as GET `/v1/cluster` answers. Its settings stay as JSON: the planner compares them by name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Cluster {
    /// Fully qualified domain name.
    pub name: String,
    /// When it was created; with the name, its identity.
    pub created_time: String,
    /// Every other field.
    #[serde(flatten)]
    pub settings: JsonMap,
}

//! What the policy of the cluster decides about a new database that is not told.

use super::audit;
use super::validate::oss_cluster_lacks;
use crate::sim::resources::auditing;
use crate::sim::state::Cluster;
use serde_json::{Map, Value};

/// Fields of a database, each with the field of the policy that it starts from.
const BY_POLICY: &[(&str, &str)] = &[
    ("data_internode_encryption", "data_internode_encryption"),
    (audit::FLAG, "db_conns_auditing"),
    ("oss_cluster", "default_oss_cluster"),
    (
        "oss_cluster_api_preferred_endpoint_type",
        "oss_cluster_api_preferred_endpoint_type",
    ),
    (
        "oss_cluster_api_preferred_ip_type",
        "oss_cluster_api_preferred_ip_type",
    ),
    ("recovery_wait_time", "default_recovery_wait_time"),
    (
        "tracking_table_max_keys",
        "default_tracking_table_max_keys_policy",
    ),
];

/// Adds to the fields of a new database what the policy has for those that nobody set.
pub(super) fn fill(cluster: &Cluster, set: &mut Map<String, Value>) {
    let never_oss = oss_cluster_lacks(set, set).is_some();
    // Nothing can be recorded before the cluster says where.
    let never_audited = cluster.documents.single(auditing::PATH).is_none();
    let cannot = |field: &str| match field {
        "oss_cluster" => never_oss,
        audit::FLAG => never_audited,
        _ => false,
    };
    for (field, by) in BY_POLICY {
        if let Some(value) = cluster.policy.get(*by).filter(|_| !cannot(field)) {
            set.entry(*field).or_insert_with(|| value.clone());
        }
    }
}

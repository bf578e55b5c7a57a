//! `shards_blueprint`: a layout of shards that the client dictates.

use crate::sim::call::ApiError;
use crate::sim::ids::{BdbUid, NodeUid};
use crate::sim::placement::{Demand, Role};
use crate::sim::state::Cluster;
use serde_json::Value;

/// One shard's first slot, part and node.
type Seat = (u32, Role, NodeUid);

/// Puts the shards of a database where the blueprint wants them.
///
/// # Errors
/// `bad_shards_blueprint` when it does not fit the database or the cluster; nothing has moved then.
pub(super) fn apply(
    cluster: &mut Cluster,
    uid: BdbUid,
    demand: Demand,
    blueprint: &Value,
) -> Result<(), ApiError> {
    let bad =
        |why: &str| ApiError::not_acceptable("bad_shards_blueprint", format!("shards_blueprint: {why}"));
    let parts = blueprint.as_array().map(Vec::as_slice).unwrap_or_default();
    if u64::try_from(parts.len()) != Ok(u64::from(demand.masters)) {
        return Err(bad("it needs one element for each of shards_count"));
    }
    let mut seats: Vec<Seat> = Vec::new();
    for (number, part) in (0..).zip(parts) {
        let (first, last) = demand.slots_of(number);
        if part.get("slot_range").and_then(Value::as_str) != Some(&format!("{first}-{last}")) {
            return Err(bad(&format!("slot range {first}-{last} is missing")));
        }
        let nodes = part
            .get("nodes")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let seat = |node: &Value| {
            let uid = node
                .get("node_uid")
                .and_then(Value::as_str)
                .and_then(|uid| uid.parse().ok());
            let uid = uid.filter(|uid| cluster.members.contains_key(uid))?;
            match node.get("role").and_then(Value::as_str) {
                Some("master") => Some((first, Role::Master, uid)),
                Some("slave") => Some((first, Role::Slave, uid)),
                _ => None,
            }
        };
        let found: Option<Vec<Seat>> = nodes.iter().map(seat).collect();
        let mut found = found.ok_or_else(|| bad("each node has a role and the node_uid of a member"))?;
        found.sort_by_key(|(_, role, _)| *role);
        let fits = match found.as_slice() {
            [(_, Role::Master, _)] => !demand.replicated,
            [(_, Role::Master, master), (_, Role::Slave, slave)] => demand.replicated && master != slave,
            _ => false,
        };
        if !fits {
            return Err(bad(
                "each slot range has one master and, with replication, one replica on another node",
            ));
        }
        seats.append(&mut found);
    }
    for (first, role, node) in seats {
        cluster.databases.shards.place(uid, first, role, node);
    }
    Ok(())
}

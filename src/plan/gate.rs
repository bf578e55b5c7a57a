//! The safety gates: named checks, and the values that only they can make.

use crate::api::ClusterIdentity;
use crate::api::OWNER_TAG;
use crate::plan::cluster::Member;
use crate::rest::model::Bdb;
use crate::rest::model::BdbUid;

/// Leave to disrupt one node, given after every gate has passed. Cannot be made elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    node: Member,
}

impl Permit {
    /// The node that may be disrupted.
    pub fn node(&self) -> &Member {
        &self.node
    }
}

/// Something proved ours by tag, cluster identity and uid, from reads of the same pass. Cannot be made elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned<T>(T);

impl<T: Copy> Owned<T> {
    /// What is owned.
    pub fn get(&self) -> T {
        self.0
    }
}

/// A database that this object owns.
pub type OwnedBdb = Owned<BdbUid>;

/// What an object has recorded about the database that it owns.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Uid of the object; what the ownership tag must say.
    pub owner: &'a str,
    /// Uid of the database, from the object's status.
    pub uid: Option<u32>,
    /// Identity of the cluster, from the object's status.
    pub identity: Option<&'a ClusterIdentity>,
}

impl OwnedBdb {
    /// Proof that `bdb`, read in this pass from the cluster `seen`, belongs to the object: same cluster, same uid, and its
    /// tag says so. Never by name.
    pub fn prove(claim: Claim<'_>, seen: &ClusterIdentity, bdb: &Bdb) -> Option<Self> {
        let ours = claim.identity == Some(seen)
            && claim.uid == Some(bdb.uid.0)
            && !claim.owner.is_empty()
            && bdb.tag(OWNER_TAG) == Some(claim.owner);
        ours.then_some(Self(bdb.uid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_database_is_ours_by_tag_and_cluster_and_uid_together() {
        let seen = ClusterIdentity {
            name: "c".into(),
            created_time: "t".into(),
        };
        let other = ClusterIdentity {
            name: "c".into(),
            created_time: "u".into(),
        };
        let bdb: Bdb = serde_json::from_value(
            json!({"uid": 7, "status": "active", "tags": [{"key": OWNER_TAG, "value": "cr-uid"}]}),
        )
        .unwrap();
        let claim = Claim {
            owner: "cr-uid",
            uid: Some(7),
            identity: Some(&seen),
        };
        assert_eq!(
            OwnedBdb::prove(claim, &seen, &bdb).map(|owned| owned.get()),
            Some(BdbUid(7))
        );
        for wrong in [
            Claim {
                owner: "another",
                ..claim
            },
            Claim { owner: "", ..claim },
            Claim {
                uid: Some(8),
                ..claim
            },
            Claim { uid: None, ..claim },
            Claim {
                identity: Some(&other),
                ..claim
            },
            Claim {
                identity: None,
                ..claim
            },
        ] {
            assert_eq!(OwnedBdb::prove(wrong, &seen, &bdb), None, "{wrong:?}");
        }
    }
}

//! The safety gates: named checks, and the values that only they can make.

use crate::rest::model::BdbUid;
use crate::rest::model::NodeUid;

/// Leave to disrupt one node, given after every gate has passed. Cannot be made elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    node: NodeUid,
}

impl Permit {
    /// The node that may be disrupted.
    pub fn node(&self) -> NodeUid {
        self.node
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

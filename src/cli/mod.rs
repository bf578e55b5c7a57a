//! Floor 5: the verbs of the command, one file each.

pub mod crds;

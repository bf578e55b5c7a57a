//! What in-process tests stand on: the operator, whole, between a Kubernetes API server and machines that are both in memory.

pub mod apiserver;
pub mod certs;
pub mod effects;
pub mod manifests;
pub mod site;
pub mod started;

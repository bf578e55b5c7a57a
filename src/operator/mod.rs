//! The Kubernetes shell: watches objects, resolves what they refer to, carries their plans out and writes their status.

pub mod clock;
pub mod kube;
pub mod lease;
pub mod object;
pub mod resolve;
pub mod secrets;
pub mod stores;

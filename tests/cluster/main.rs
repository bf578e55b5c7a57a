//! The operator's binary against a real Kubernetes API server and the simulator over TLS.
//!
//! Each test has a namespace, nodes on addresses of their own and an operator that runs with the rights that the chart
//! gives it. All share one API server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a world that cannot be set up is a failed test"
)]

#[path = "../support/live/mod.rs"]
mod live;
mod site;
#[path = "../support/started.rs"]
mod started;
#[path = "../support/turn.rs"]
mod turn;

mod bad_input;
mod charts;
mod crds;
mod deletion;
mod demo;
mod leadership;
mod many;
mod outage;
mod plan;
mod rights;
mod spine;

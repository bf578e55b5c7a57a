//! Everything that runs in one process: the engine over the simulator, tidiness, and the simulator by itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a world that cannot be set up is a failed test"
)]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod certificates;
mod clusters;
mod counted;
mod crash;
mod databases;
mod doubts;
mod fleet;
mod generated;
mod lockout;
mod no_effect;
mod outage;
mod pages;
mod reasons;
mod samples;
mod scripts;
mod tidy;
mod wire;

//! Everything that runs in one process: the engine over the simulator, tidiness, and the simulator by itself.

#![expect(
    clippy::unwrap_used,
    reason = "a world that cannot be set up is a failed test"
)]

mod fleet;
mod generated;
mod pages;
mod reasons;
mod samples;
mod tidy;
mod wire;

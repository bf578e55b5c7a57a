//! The program `resim` as its users meet it: a process with flags, files, signals and sockets. Needs no Kubernetes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a program that cannot be started, or answers another shape, is a failed test"
)]

mod data;
mod guide;
mod http;
mod keep;
mod many;
#[path = "../support/onlooker.rs"]
mod onlooker;
mod program;
mod robust;
mod start;
mod stranger;
mod tls;
#[path = "../support/turn.rs"]
mod turn;
mod wire;
mod world;

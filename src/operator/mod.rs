//! The Kubernetes shell: watches objects, resolves what they refer to, carries their plans out and writes their status.

mod accepted;
mod attend;
pub mod clock;
pub mod clusters;
pub mod context;
mod events;
pub mod http;
pub mod journal;
pub mod kube;
pub mod lease;
mod memory;
pub mod metrics;
pub mod nursery;
pub mod object;
pub mod process;
pub mod reconcile;
pub mod requests;
pub mod resolve;
pub mod roster;
mod run;
pub mod schedule;
pub mod secret_writes;
pub mod secrets;
mod sight;
pub mod stores;
pub mod sweep;
pub mod watch;

pub use run::Config;
pub use run::RunError;
pub use run::run;
pub use run::run_over;

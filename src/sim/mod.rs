//! A Redis Enterprise cluster in memory: what `resim` serves and what tests talk to.
//!
//! [`World`] is pure and synchronous: a request goes in, an [`Outcome`] comes out, and time moves only through
//! [`World::advance`]. [`Shared`] wraps it for use as a `tower::Service` without sockets; `serve` gives it TLS listeners.
//! Everything here is written from the documentation of the REST API; no type is shared with a client.

mod admin;
mod answer;
mod auth;
mod bootstrap;
mod call;
pub mod certs;
pub mod cli;
mod config;
mod documents;
mod fault;
mod fidelity;
#[cfg(test)]
mod fixture;
mod form;
mod front;
mod ids;
mod inbound;
pub mod license_text;
mod log;
mod monitor;
mod placement;
mod power;
mod refusals;
mod resources;
mod route;
mod saved;
mod schema;
pub mod serve;
mod service;
mod state;
mod switch;
mod task;
#[cfg(test)]
mod testbed;
mod version;
#[cfg(test)]
mod walk;
mod work;
mod world;

pub use admin::ADMIN_ROUTES;
pub use config::{
    CertificateOrder, CertificateSource, Config, LOG_CAPACITY, NodeConfig, Timings, TlsIdentity,
};
pub use fault::{Effect, FaultPlan, Rule};
pub use fidelity::page as fidelity_page;
pub use form::Formation;
pub use ids::{NodeIndex, NodeUid};
pub use log::{LogEntry, Sent, Totals};
pub use monitor::{RULES, Violation};
pub use saved::Unreadable;
pub use service::{InProcess, Presented, Shared, TransportError};
pub use switch::{SWITCHES, Switch, SwitchRow, Switches};
pub use version::Profile;
pub use world::{Outcome, World};

//! A Redis Enterprise cluster in memory: what `resim` serves and what tests talk to.
//!
//! [`World`] is pure and synchronous: a request goes in, an [`Outcome`] comes out, and time moves only through
//! [`World::advance`]. [`Shared`] wraps it for use as a `tower::Service` without sockets; `serve` gives it TLS listeners.
//!
//! A cluster in a unit test, without sockets and without waiting:
//!
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use jiff::SignedDuration;
//! use regent::sim::{Config, Formation, NodeIndex, Outcome, World};
//!
//! let mut world = World::new(Config::machines(3, "2026-06-01T00:00:00Z".parse()?)?);
//! world.form(&Formation::new("rs.example.com", "admin", "secret"))?;
//!
//! // What your client sends, to the first of the three nodes.
//! let mut send = |world: &mut World, request: http::request::Builder, body: &'static str| {
//!     let request = request.header("authorization", "Basic YWRtaW46c2VjcmV0");
//!     match world.handle(NodeIndex(0), &request.body(Bytes::from(body)).unwrap()) {
//!         Outcome::Reply { response, .. } => response,
//!         other => panic!("no answer: {other:?}"),
//!     }
//! };
//! let created = send(&mut world, Request::post("/v1/bdbs"), r#"{"name": "sessions", "memory_size": 1073741824}"#);
//! assert_eq!(created.status(), 200);
//!
//! // Time is yours.
//! world.advance(world.now() + SignedDuration::from_secs(60));
//! let listed = send(&mut world, Request::get("/v1/bdbs?fields=name,status"), "");
//! assert_eq!(listed.body(), r#"[{"name":"sessions","status":"active"}]"#);
//! assert!(world.violations().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything here is written from the documentation of the REST API; no type is shared with a client.

mod admin;
mod answer;
mod auth;
mod bootstrap;
mod bugs;
mod call;
pub mod certs;
pub mod cli;
mod client_cert;
mod config;
mod documents;
mod events;
mod fault;
mod fidelity;
#[cfg(test)]
mod fixture;
mod form;
mod front;
mod ids;
mod inbound;
mod internode;
pub mod license_text;
mod log;
mod monitor;
mod permission;
mod placement;
mod power;
mod recovery;
mod refusals;
mod resources;
mod route;
mod saved;
mod schema;
pub mod serve;
mod service;
mod state;
mod storage;
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
pub use bugs::{BUGS, Bug, BugRow, Bugs};
pub use client_cert::ClientCertificates;
pub use config::{
    CertificateOrder, CertificateSource, Config, LOG_CAPACITY, NodeConfig, Timings, TlsIdentity,
};
pub use fault::{EFFECTS, Effect, FaultPlan, Rule};
pub use fidelity::page as fidelity_page;
pub use form::Formation;
pub use ids::{NodeIndex, NodeUid};
pub use log::{LogEntry, Sent, Totals};
pub use monitor::{RULES, UNDESCRIBED, Violation};
pub use saved::Unreadable;
pub use service::{InProcess, Presented, Shared, TransportError};
pub use storage::{FileEntry, FileState};
pub use switch::{SWITCHES, Switch, SwitchRow, Switches};
pub use version::Profile;
pub use world::{Outcome, World};

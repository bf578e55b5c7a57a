//! Regent: a Kubernetes operator for Redis Enterprise Software, and `resim`, a simulator of its REST API.
//!
//! The modules are floors: a module may use only those listed above it here, and a test holds them to it.

/// Floor 0: a Redis Enterprise cluster in memory.
pub mod sim;

/// Floors 1 and 3: what Redis Enterprise speaks, and the client.
#[cfg(feature = "operator")]
pub mod rest;

/// Floor 1: what users write.
#[cfg(feature = "operator")]
pub mod api;

/// Floor 2: what to do next, decided.
#[cfg(feature = "operator")]
pub mod plan;

/// Floor 2: what came of it, told.
#[cfg(feature = "operator")]
pub mod report;

/// Floor 4: observation and execution.
#[cfg(feature = "operator")]
pub mod engine;

/// Floor 5: the Kubernetes shell.
#[cfg(feature = "operator")]
pub mod operator;

/// Floor 5: the verbs of the command.
#[cfg(feature = "operator")]
pub mod cli;

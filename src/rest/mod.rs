//! What Redis Enterprise speaks: its objects, its calls, its errors, and the client.
//!
//! [`Client`] shakes hands with any node. A [`FreshNode`] takes calls without credentials, while it belongs to no cluster. A
//! [`Session`] carries credentials to the members of one cluster, and nowhere else.

pub mod error;
pub mod model;
pub mod route;

mod actions;
mod bdbs;
mod bootstrap;
mod call;
mod certificates;
mod client;
mod cluster;
mod license;
mod nodes;
mod session;
mod shards;
pub mod tls;
pub mod transport;

pub use bootstrap::Validation;
pub use client::Client;
pub use client::Credentials;
pub use client::FreshNode;
pub use client::NodeAddress;
pub use nodes::MaintenanceOff;
pub use nodes::MaintenanceOn;
pub use nodes::RemoveNode;
pub use session::Session;

//! What Redis Enterprise speaks: its objects, its calls, its errors, and the client.

pub mod error;
pub mod model;
pub mod route;

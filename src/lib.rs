//! Regent: a Kubernetes operator for Redis Enterprise Software, and `resim`, a simulator of its REST API.

pub mod sim;

//! The operator against a real Kubernetes API server and the simulator over TLS.

fn main() {}

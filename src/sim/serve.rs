//! One TLS listener per node: the only file of the simulator with sockets and a wall clock.

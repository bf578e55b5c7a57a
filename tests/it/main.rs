//! Everything that runs in one process: the engine over the simulator, tidiness, and the simulator by itself.

mod fleet;
mod tidy;
mod wire;

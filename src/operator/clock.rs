//! The one place that asks what time it is.

use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Whom passes ask what time it is. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that somebody else moves, as that of a simulation.
    pub fn new(ask: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// The system's.
    pub fn system() -> Self {
        Self::new(now)
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The time, to the second: what status and Leases carry. Durations are measured on the monotonic clock instead.
pub fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else is told to ask"
    )]
    let now = Timestamp::now();
    now
}

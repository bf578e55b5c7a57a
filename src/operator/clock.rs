//! The one place that asks what time it is.

use jiff::Timestamp;

/// The time, to the second: what status and Leases carry. Durations are measured on the monotonic clock instead.
pub fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else is told to ask"
    )]
    let now = Timestamp::now();
    now
}

//! Points in the order of events of this process, by which readers say how fresh an answer must be.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

static LAST: AtomicU64 = AtomicU64::new(0);

/// A point in the order of events of this process. Later calls of [`now`](Moment::now) give greater moments, also where no
/// clock would tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// This moment, later than every one before.
    pub fn now() -> Self {
        Self(LAST.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// How fresh an answer must be. There is no "any": a reader is given only a GET that was sent after it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// From a GET that is sent after the call that asks.
    Now,
    /// From a GET that was sent after this moment; one that others made will do. For visits that a sweep woke, with
    /// [`ClusterView::sweep`](crate::engine::ClusterView::sweep)'s moment, and only while the object has made no call since.
    After(Moment),
}

impl Freshness {
    /// The moment after which the GET must have been sent.
    pub fn since(self) -> Moment {
        match self {
            Self::Now => Moment::now(),
            Self::After(moment) => moment,
        }
    }
}

//! The pure core: what to do next, decided from the spec, its inputs, what was observed and the time.
//!
//! A plan is data. The operator executes it, `regent plan` prints it, tests compare its text. It holds the next safe wave
//! and no more: after a disruptive effect the world is observed again.

pub mod access;
pub mod audit;
pub mod certificate;
pub mod cluster;
pub mod database;
pub mod effect;
pub mod field;
pub mod gate;
mod record;

use crate::api::Reason;
use crate::api::Record;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::fmt;

/// What one pass decided.
#[derive(Clone, Debug)]
pub struct Plan<A> {
    /// To be done now, in this order; the first failure ends the pass.
    pub steps: Vec<Step<A>>,
    /// Wanted, but not allowed now.
    pub holds: Vec<Hold>,
    /// Started earlier and still running.
    pub waits: Vec<Wait>,
    /// Managed fields whose live value differs from the spec.
    pub drift: Vec<Drift>,
}

impl<A> Default for Plan<A> {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            holds: Vec::new(),
            waits: Vec::new(),
            drift: Vec::new(),
        }
    }
}

impl<A> Plan<A> {
    /// Whether there is nothing to do, to hold or to wait for.
    pub fn is_converged(&self) -> bool {
        self.steps.is_empty() && self.holds.is_empty() && self.waits.is_empty()
    }
}

impl<A: fmt::Display> Plan<A> {
    /// Before `until`, cuts the plan off where the first call begins that cannot be repeated: calls of a previous leader
    /// may still arrive, and two of them could take effect. Reads, records and repeatable calls need not wait.
    #[must_use]
    pub fn after_takeover(mut self, until: Option<jiff::Timestamp>, now: jiff::Timestamp) -> Self {
        let Some(until) = until.filter(|until| now < *until) else {
            return self;
        };
        let Some(first) = self
            .steps
            .iter()
            .position(|step| matches!(step, Step::Record(Record::Intent(_))))
        else {
            return self;
        };
        let cut = self.steps.split_off(first);
        let what = cut
            .iter()
            .find(|step| matches!(step, Step::Call(_)))
            .or_else(|| cut.first());
        self.waits.push(Wait {
            what: what.map(ToString::to_string).unwrap_or_default(),
            why: Reason::TakeoverWait,
            detail: format!("calls of the previous leader run out by {until}"),
        });
        self
    }
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub enum Step<A> {
    /// Write to the object's status, checked against its resourceVersion.
    Record(Record),
    /// Call Redis Enterprise.
    Call(A),
    /// Write a Secret.
    Publish(Publication),
    /// Drop our finalizer; the object may go.
    Release,
}

impl<A> Step<A> {
    /// The call, if this is one.
    pub fn call(&self) -> Option<&A> {
        match self {
            Self::Call(action) => Some(action),
            Self::Record(_) | Self::Publish(_) | Self::Release => None,
        }
    }
}

/// A Secret to be written in the object's namespace.
#[derive(Clone)]
pub enum Publication {
    /// Make a Secret with a random password; never touch one that exists. No ownerReference: it outlives the object.
    GeneratePassword {
        /// Name of the Secret.
        secret: String,
        /// Key that takes the password.
        key: String,
    },
    /// Write the connection Secret, owned by the object. Creates it or replaces its data.
    Connection {
        /// Name of the Secret.
        secret: String,
        /// Its data, by key.
        data: BTreeMap<String, SecretString>,
    },
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Wanted, but not allowed now. `why` decides whether it clears by itself or needs a human.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What is held, as `remove node n4`.
    pub what: String,
    /// Why.
    pub why: Reason,
    /// The cause in words, with the remedy where a human is needed.
    pub detail: String,
}

/// Started and still running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What runs, as `join node n2`.
    pub what: String,
    /// Why it is waited for.
    pub why: Reason,
    /// How far it is, in words that change rarely.
    pub detail: String,
}

/// A managed field whose live value differs from the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Path in the spec, as `spec.memorySize`.
    pub path: String,
    /// Live value as text; never a secret.
    pub live: String,
    /// Wanted value as text; never a secret.
    pub wanted: String,
}

/// Something the spec refers to: there, or the hold that says what is wrong with it.
pub type Input<T> = Result<T, Hold>;

impl<A: fmt::Display> fmt::Display for Plan<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "do    {step}")?;
        }
        for wait in &self.waits {
            writeln!(f, "wait  {}: {:?} ({})", wait.what, wait.why, wait.detail)?;
        }
        for hold in &self.holds {
            writeln!(f, "hold  {}: {:?} ({})", hold.what, hold.why, hold.detail)?;
        }
        for drift in &self.drift {
            writeln!(f, "drift {}: {} -> {}", drift.path, drift.live, drift.wanted)?;
        }
        Ok(())
    }
}

impl<A: fmt::Display> fmt::Display for Step<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => write!(f, "record: {record}"),
            Self::Call(action) => action.fmt(f),
            Self::Publish(publication) => publication.fmt(f),
            Self::Release => f.write_str("release the object"),
        }
    }
}

impl fmt::Display for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GeneratePassword { secret, .. } => write!(f, "make Secret {secret} with a random password"),
            Self::Connection { secret, .. } => write!(f, "write connection Secret {secret}"),
        }
    }
}

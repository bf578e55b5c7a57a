//! What a failure means for the object, and when to look again. With `rest::error`, the only place that knows.

use crate::api::Reason;
use crate::report::Failure;
use crate::rest::error::Disposition;
use crate::rest::error::Error;
use crate::rest::error::ErrorCode;
use crate::rest::error::ErrorKind;
use crate::rest::error::Mistrust;
use std::time::Duration;

/// When to look again. Whoever waits draws a moment from [`window`](Self::window), so that objects spread out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visit {
    /// At once: the picture was out of date, or the next wave is due. The second time in a row, as `Backoff`.
    Again,
    /// In a few seconds: something runs.
    Soon,
    /// In a while: something else goes first.
    Later,
    /// Less and less often, per cluster: 1 s, doubled up to five minutes, full jitter.
    Backoff,
    /// As `Backoff`, and after this at the latest: then there is something to tell.
    BackoffWithin(Duration),
    /// At the next interval.
    Resync,
    /// When something changes; a safety net after five minutes.
    Doubtful,
    /// When something changes; a safety net after ten minutes.
    OnChange,
    /// Never: the object goes.
    Never,
}

impl Visit {
    /// Shortest and longest wait; `None` for `Never`, and for what depends on how often it failed.
    pub fn window(self, interval: Duration) -> Option<(Duration, Duration)> {
        let secs = |least, most| Some((Duration::from_secs(least), Duration::from_secs(most)));
        match self {
            Self::Again => secs(0, 0),
            Self::Soon => secs(2, 5),
            Self::Later => secs(13, 17),
            Self::Resync => Some((interval.mul_f32(0.9), interval.mul_f32(1.1))),
            Self::Doubtful => secs(270, 330),
            Self::OnChange => secs(540, 660),
            Self::Backoff | Self::BackoffWithin(_) | Self::Never => None,
        }
    }
}

/// What a failure means.
pub(super) enum Meaning {
    /// Nothing is wrong; look again.
    Nothing,
    /// It clears by itself.
    Passing(Reason, String, Visit),
    /// Nobody competent answers.
    Unreachable(String),
    /// Somebody has to change something.
    Human(Reason, String, Visit),
    /// Kubernetes did not do its part.
    Retrying(String),
}

/// `credentials` names the Secret that user name and password come from.
pub(super) fn meaning(failure: &Failure, credentials: &str) -> Meaning {
    match failure {
        Failure::LostRace => Meaning::Nothing,
        Failure::Kubernetes(words) => Meaning::Retrying(words.clone()),
        Failure::Rest(error) => rest(error, credentials),
    }
}

fn rest(error: &Error, credentials: &str) -> Meaning {
    // Without the node, which may be another each time.
    let words = format!("{} {}: {}", error.route.method, error.path, error.kind);
    if let ErrorKind::Untrusted(Mistrust::Pin { .. } | Mistrust::Authority { .. }) = &error.kind {
        let remedy = "correct spec.tls of the RedisCluster, or the certificate of the node";
        return Meaning::Human(
            Reason::TlsVerifyFailed,
            format!("{words}; {remedy}"),
            Visit::Backoff,
        );
    }
    match error.disposition() {
        Disposition::Busy => Meaning::Passing(
            Reason::Busy,
            "Redis Enterprise is busy with the same object".to_owned(),
            Visit::Soon,
        ),
        Disposition::Stale => Meaning::Nothing,
        Disposition::Unreachable => {
            let remedy = "check its nodes and the network to them";
            Meaning::Unreachable(format!("Redis Enterprise does not answer ({words}); {remedy}"))
        }
        Disposition::Rejected => {
            let (reason, remedy) = rejection(error);
            Meaning::Human(reason, format!("{words}; {remedy}"), Visit::OnChange)
        }
        Disposition::Denied => {
            let remedy = match error.status() {
                Some(403) => format!("give the user of {credentials} the admin role"),
                Some(_) | None => format!("correct user name and password in {credentials}"),
            };
            Meaning::Human(
                Reason::CredentialsRejected,
                format!("{words}; {remedy}"),
                Visit::Resync,
            )
        }
        Disposition::Bug => {
            let remedy = "Regent does not understand this answer; please report it, with the version of Redis Enterprise";
            Meaning::Human(
                Reason::InternalError,
                format!("{words}; {remedy}"),
                Visit::Doubtful,
            )
        }
    }
}

fn rejection(error: &Error) -> (Reason, &'static str) {
    let licence = (
        Reason::LicenseLimit,
        "install a licence that allows it, or ask for less",
    );
    let expired = (Reason::LicenseExpired, "install a licence that is in force");
    match error.code() {
        Some(ErrorCode::InsufficientResources) => (
            Reason::InsufficientCapacity,
            "free memory or shards, add a node, or ask for less",
        ),
        Some(ErrorCode::LicenseExpired) => expired,
        Some(ErrorCode::InvalidLicense) => licence,
        _ if error
            .hint()
            .is_some_and(|hint| hint.to_lowercase().contains("expired")) =>
        {
            expired
        }
        _ if error.status() == Some(403) => licence,
        _ => (Reason::Rejected, "correct the spec"),
    }
}

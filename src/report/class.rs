//! Which reasons pass by themselves, and which need somebody.

use crate::api::Reason;

/// Whether a human is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It clears by itself: the object is Reconciling.
    SelfClearing,
    /// Somebody has to change something: the object is Stalled.
    NeedsHuman,
}

/// The class of a reason.
pub fn class(reason: Reason) -> Class {
    match reason {
        Reason::InvalidSpec
        | Reason::RefNotFound
        | Reason::SecretNotFound
        | Reason::SecretInvalid
        | Reason::CredentialsRejected
        | Reason::TlsVerifyFailed
        | Reason::AlreadyExists
        | Reason::OwnershipConflict
        | Reason::IdentityMismatch
        | Reason::Missing
        | Reason::DowngradeNotAllowed
        | Reason::UnsupportedChange
        | Reason::InUse
        | Reason::CertificateInvalid
        | Reason::MassDeletion
        | Reason::InsufficientCapacity
        | Reason::LicenseLimit
        | Reason::LicenseExpired
        | Reason::Rejected
        | Reason::NoEffect
        | Reason::BootstrapFailed
        | Reason::JoinFailed
        | Reason::CreationFailed
        | Reason::NodeActionFailed
        | Reason::InternalError => Class::NeedsHuman,
        Reason::ClusterUnreachable
        | Reason::WaitingForCluster
        | Reason::WaitingForRef
        | Reason::OneNodeAtATime
        | Reason::QuorumAtRisk
        | Reason::DatabasesNotActive
        | Reason::DatabaseAtRisk
        | Reason::CertificateChange
        | Reason::Disruption
        | Reason::TaskRunning
        | Reason::TakeoverWait
        | Reason::Busy
        | Reason::Bootstrapping
        | Reason::Joining
        | Reason::Removing
        | Reason::Maintenance
        | Reason::Creating
        | Reason::Updating
        | Reason::Deleting
        | Reason::Rotating
        | Reason::Applying
        | Reason::OutcomeUnknown => Class::SelfClearing,
    }
}

//! The error codes of the REST API.

use crate::rest::error::Disposition;
use crate::rest::model::server_string;

server_string! {
    /// Error codes that decisions or words depend on.
    ErrorCode {
        /// The object has a change under way.
        Busy = "busy",
        /// The uid that a database asked for is taken.
        UidExists = "uid_exists",
        /// The configuration changed since the id that the request carried.
        WrongClusterStateId = "wrong_cluster_state_id",
        /// Somebody else changed the settings at the same time.
        ConfigEditConflict = "config_edit_conflict",
        /// No room for the database: memory, shards, listeners or licence.
        InsufficientResources = "insufficient_resources",
        /// The port is reserved or taken.
        PortUnavailable = "port_unavailable",
        /// No such database version.
        InvalidVersion = "invalid_version",
        /// A name is missing.
        MissingDbName = "missing_db_name",
        /// A memory size is missing.
        MissingMemorySize = "missing_memory_size",
        /// Replication is not possible here.
        InvalidReplication = "invalid_replication",
        /// Replication is required.
        ReplicationViolation = "replication_violation",
        /// Too few nodes for replication.
        ReplicationNodeViolation = "replication_node_violation",
        /// Too little memory for replication.
        ReplicationSizeViolation = "replication_size_violation",
        /// Sharding is not possible so.
        InvalidSharding = "invalid_sharding",
        /// The placement asked for is not possible.
        BadShardsBlueprint = "bad_shards_blueprint",
        /// The cluster is not rack aware.
        NotRackAware = "not_rack_aware",
        /// Too few racks.
        RackAwarenessViolation = "rack_awareness_violation",
        /// Persistence is not possible so.
        InvalidDataPersistence = "invalid_data_persistence",
        /// Backups need an interval.
        MissingBackupInterval = "missing_backup_interval",
        /// The proxy policy is not possible.
        InvalidProxyPolicy = "invalid_proxy_policy",
        /// The OSS Cluster API is not possible so.
        InvalidOssClusterConfiguration = "invalid_oss_cluster_configuration",
        /// A certificate cannot be used.
        InvalidCertificate = "invalid_certificate",
        /// A certificate has expired.
        CertificateExpired = "certificate_expired",
        /// A certificate is given twice.
        DuplicatedCerts = "duplicated_certs",
        /// The eviction policy is not known to the database version.
        EvictionPolicyViolation = "eviction_policy_violation",
        /// Tags are not well-formed, or a key is given twice.
        InvalidBdbTags = "invalid_bdb_tags",
        /// The database version knows no access control lists.
        RedisAclUnsupported = "redis_acl_unsupported",
        /// A module is missing.
        MissingModule = "missing_module",
        /// A module cannot do what is asked.
        UnsupportedModuleCapabilities = "unsupported_module_capabilities",
        /// The name cannot be given.
        NameViolation = "name_violation",
        /// Not possible for an Active-Active database.
        NotSupportedActionOnCrdt = "not_supported_action_on_crdt",
        /// The licence has expired.
        LicenseExpired = "license_expired",
        /// The licence is not valid.
        InvalidLicense = "invalid_license",
        /// No such database.
        DbNotFound = "db_not_found",
        /// No such node.
        NodeNotFound = "node_not_found",
        /// The address of a node that is up cannot change.
        NodeNotOffline = "node_not_offline",
        /// The node still holds shards or endpoints.
        NodeAlreadyPopulated = "node_already_populated",
        /// The rack of a node is set once.
        NodeAlreadyHasRackId = "node_already_has_rack_id",
        /// Front-end settings are not possible.
        BadNginxConf = "bad_nginx_conf",
        /// The directory for support packages cannot be used.
        BadDebuginfoPath = "bad_debuginfo_path",
        /// Cipher suites cannot change in FIPS mode.
        TlsCipherUpdateNotAllowed = "tls_cipher_update_not_allowed",
        /// The majority of the nodes is lost.
        NoQuorum = "no_quorum",
        /// Internal error.
        InternalError = "internal_error",
    }
}

impl ErrorCode {
    /// What it means wherever it comes from; `None` when the status decides.
    pub(super) fn disposition(&self) -> Option<Disposition> {
        match self {
            Self::Busy => Some(Disposition::Busy),
            Self::UidExists
            | Self::WrongClusterStateId
            | Self::ConfigEditConflict
            | Self::NodeNotFound
            | Self::DbNotFound => Some(Disposition::Stale),
            Self::NoQuorum => Some(Disposition::Unreachable),
            Self::InsufficientResources
            | Self::PortUnavailable
            | Self::InvalidVersion
            | Self::MissingDbName
            | Self::MissingMemorySize
            | Self::InvalidReplication
            | Self::ReplicationViolation
            | Self::ReplicationNodeViolation
            | Self::ReplicationSizeViolation
            | Self::InvalidSharding
            | Self::BadShardsBlueprint
            | Self::NotRackAware
            | Self::RackAwarenessViolation
            | Self::InvalidDataPersistence
            | Self::MissingBackupInterval
            | Self::InvalidProxyPolicy
            | Self::InvalidOssClusterConfiguration
            | Self::InvalidCertificate
            | Self::CertificateExpired
            | Self::DuplicatedCerts
            | Self::EvictionPolicyViolation
            | Self::InvalidBdbTags
            | Self::RedisAclUnsupported
            | Self::MissingModule
            | Self::UnsupportedModuleCapabilities
            | Self::NameViolation
            | Self::NotSupportedActionOnCrdt
            | Self::LicenseExpired
            | Self::InvalidLicense
            | Self::NodeNotOffline
            | Self::NodeAlreadyPopulated
            | Self::NodeAlreadyHasRackId
            | Self::BadNginxConf
            | Self::BadDebuginfoPath
            | Self::TlsCipherUpdateNotAllowed => Some(Disposition::Rejected),
            Self::InternalError | Self::Unknown(_) => None,
        }
    }
}

//! Why a call failed, classified once: what to do about it is decided from [`Disposition`] alone.

use crate::rest::model::JsonMap;
use crate::rest::model::server_string;
use crate::rest::route::Conflict;
use crate::rest::route::NotFound;
use crate::rest::route::Route;
use std::fmt;

/// A call that did not end in the answer that it was made for. Shows the call and the object, never a body or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The call.
    pub route: &'static Route,
    /// The path with its arguments, without its query.
    pub path: String,
    /// The node that was asked, as `host:port`.
    pub node: String,
    /// What went wrong.
    pub kind: ErrorKind,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection. Nothing was sent.
    Connect(String),
    /// The node could not show that it is the one that is trusted. Nothing was sent.
    Untrusted(Mistrust),
    /// No complete answer within the deadline.
    Timeout,
    /// The connection ended before a complete answer.
    Lost(String),
    /// The server answered that it will not, or cannot.
    Refused(Refusal),
    /// The server pointed to another place to which credentials must not go.
    Redirected(String),
    /// The answer is longer than the call may bring.
    TooLarge {
        /// The limit, in bytes.
        bytes_max: usize,
    },
    /// A success whose body is not JSON: something in between answered.
    NotJson,
    /// A success whose JSON is not what the call answers; in words that quote none of it.
    Malformed(String),
    /// The request could not be put together.
    Unsendable(String),
}

/// Why the certificate of a node, or its handshake, was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistrust {
    /// Its key is none of those pinned, and no authority is given that could vouch for it.
    Pin {
        /// Pin of the key that it showed, `sha256/<base64>`.
        shown: String,
    },
    /// Its key is none of those pinned, and the authority does not vouch for it.
    Authority {
        /// Pin of the key that it showed, `sha256/<base64>`.
        shown: String,
        /// What speaks against it.
        why: String,
    },
    /// The handshake failed otherwise: no proof of the key, no common version, no TLS.
    Handshake(String),
}

/// An answer other than success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error code of the body.
    pub code: Option<ErrorCode>,
    /// At most 200 characters of the body's explanation, without anything that may be a secret.
    pub hint: Option<String>,
}

/// What to do about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Something else is under way: come back in a few seconds.
    Busy,
    /// The picture that the call was decided on is out of date: read again.
    Stale,
    /// Nobody competent answers: come back, less and less often.
    Unreachable,
    /// The server understood and refuses: nothing helps but a change of the spec or of the cluster.
    Rejected,
    /// The credentials are wrong, locked, or lack a permission. Five wrong logins lock an account.
    Denied,
    /// Regent and the server misunderstand each other.
    Bug,
}

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

impl Error {
    /// HTTP status of the answer, if a refusal came.
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// Error code of the answer, if it had one.
    pub fn code(&self) -> Option<&ErrorCode> {
        self.refusal().and_then(|refusal| refusal.code.as_ref())
    }

    /// What the server said about it, without anything that may be a secret.
    pub fn hint(&self) -> Option<&str> {
        self.refusal().and_then(|refusal| refusal.hint.as_deref())
    }

    fn refusal(&self) -> Option<&Refusal> {
        match &self.kind {
            ErrorKind::Refused(refusal) => Some(refusal),
            ErrorKind::Connect(_)
            | ErrorKind::Untrusted(_)
            | ErrorKind::Timeout
            | ErrorKind::Lost(_)
            | ErrorKind::Redirected(_)
            | ErrorKind::TooLarge { .. }
            | ErrorKind::NotJson
            | ErrorKind::Malformed(_)
            | ErrorKind::Unsendable(_) => None,
        }
    }

    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match &self.kind {
            ErrorKind::Connect(_)
            | ErrorKind::Untrusted(_)
            | ErrorKind::Timeout
            | ErrorKind::Lost(_)
            | ErrorKind::Redirected(_)
            | ErrorKind::NotJson => Disposition::Unreachable,
            ErrorKind::TooLarge { .. } | ErrorKind::Malformed(_) | ErrorKind::Unsendable(_) => {
                Disposition::Bug
            }
            ErrorKind::Refused(refusal) => refusal.disposition(self.route),
        }
    }

    /// Whether the call may have taken effect and must not be made again before a look: its answer was lost or says
    /// nothing, and sending it twice is not sending it once.
    pub fn outcome_unknown(&self) -> bool {
        !self.route.idempotent
            && match &self.kind {
                ErrorKind::Connect(_)
                | ErrorKind::Untrusted(_)
                | ErrorKind::Redirected(_)
                | ErrorKind::Unsendable(_) => false,
                ErrorKind::Timeout
                | ErrorKind::Lost(_)
                | ErrorKind::TooLarge { .. }
                | ErrorKind::NotJson
                | ErrorKind::Malformed(_) => true,
                ErrorKind::Refused(refusal) => {
                    refusal.status < 300 || matches!(refusal.status, 408 | 500 | 502 | 503 | 504)
                }
            }
    }

    /// Whether nothing was sent, so that the call may be made elsewhere.
    pub fn unsent(&self) -> bool {
        match &self.kind {
            ErrorKind::Connect(_) | ErrorKind::Untrusted(_) | ErrorKind::Unsendable(_) => true,
            ErrorKind::Timeout
            | ErrorKind::Lost(_)
            | ErrorKind::Refused(_)
            | ErrorKind::Redirected(_)
            | ErrorKind::TooLarge { .. }
            | ErrorKind::NotJson
            | ErrorKind::Malformed(_) => false,
        }
    }
}

impl Refusal {
    /// Reads an error body of either generation, plain text, HTML, or none. `secrets` are struck from the hint.
    pub fn read(status: u16, body: &[u8], secrets: &[&str]) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default().trim();
        if let Some(body) = ErrorBody::read(body) {
            let code = body
                .error_code
                .map(|code| ErrorCode::from(&*tidy(&code, secrets)));
            return Self {
                status,
                code,
                hint: body.words.and_then(|words| hint(&words, secrets)),
            };
        }
        let plain = !text.starts_with(['<', '{', '[', '"']);
        Self {
            status,
            code: None,
            hint: plain.then(|| hint(text, secrets)).flatten(),
        }
    }

    fn disposition(&self, route: &Route) -> Disposition {
        if let Some(disposition) = self.code.as_ref().and_then(by_code) {
            return disposition;
        }
        match self.status {
            401 => Disposition::Denied,
            403 if self.speaks_of_license() => Disposition::Rejected,
            403 => Disposition::Denied,
            404 => match route.not_found {
                NotFound::Absent | NotFound::Stale => Disposition::Stale,
                NotFound::NotServed => Disposition::Unreachable,
            },
            // Older versions answer 406 where newer ones say 409: the database is not in a state to be deleted.
            406 if *route == crate::rest::route::DELETE_BDB => Disposition::Busy,
            409 => match route.conflict {
                Conflict::Busy => Disposition::Busy,
                Conflict::Stale => Disposition::Stale,
                Conflict::Undocumented => Disposition::Rejected,
            },
            400 | 406 | 413 | 422 | 501 => Disposition::Rejected,
            408 | 429 => Disposition::Unreachable,
            200..=299 | 402 | 405 | 407 | 410..=499 | 505 => Disposition::Bug,
            _ => Disposition::Unreachable,
        }
    }

    fn speaks_of_license(&self) -> bool {
        let code = self.code.as_ref().map(ErrorCode::as_str).unwrap_or_default();
        let hint = self.hint.as_deref().unwrap_or_default();
        code.contains("licen") || hint.to_ascii_lowercase().contains("licen")
    }
}

/// What a code means wherever it comes from; `None` when the status decides.
fn by_code(code: &ErrorCode) -> Option<Disposition> {
    match code {
        ErrorCode::Busy => Some(Disposition::Busy),
        ErrorCode::UidExists
        | ErrorCode::WrongClusterStateId
        | ErrorCode::ConfigEditConflict
        | ErrorCode::NodeNotFound
        | ErrorCode::DbNotFound => Some(Disposition::Stale),
        ErrorCode::NoQuorum => Some(Disposition::Unreachable),
        ErrorCode::InsufficientResources
        | ErrorCode::PortUnavailable
        | ErrorCode::InvalidVersion
        | ErrorCode::MissingDbName
        | ErrorCode::MissingMemorySize
        | ErrorCode::InvalidReplication
        | ErrorCode::ReplicationViolation
        | ErrorCode::ReplicationNodeViolation
        | ErrorCode::ReplicationSizeViolation
        | ErrorCode::InvalidSharding
        | ErrorCode::BadShardsBlueprint
        | ErrorCode::NotRackAware
        | ErrorCode::RackAwarenessViolation
        | ErrorCode::InvalidDataPersistence
        | ErrorCode::MissingBackupInterval
        | ErrorCode::InvalidProxyPolicy
        | ErrorCode::InvalidOssClusterConfiguration
        | ErrorCode::InvalidCertificate
        | ErrorCode::CertificateExpired
        | ErrorCode::DuplicatedCerts
        | ErrorCode::EvictionPolicyViolation
        | ErrorCode::InvalidBdbTags
        | ErrorCode::RedisAclUnsupported
        | ErrorCode::MissingModule
        | ErrorCode::UnsupportedModuleCapabilities
        | ErrorCode::NameViolation
        | ErrorCode::NotSupportedActionOnCrdt
        | ErrorCode::LicenseExpired
        | ErrorCode::InvalidLicense
        | ErrorCode::NodeNotOffline
        | ErrorCode::NodeAlreadyPopulated
        | ErrorCode::NodeAlreadyHasRackId
        | ErrorCode::BadNginxConf
        | ErrorCode::BadDebuginfoPath
        | ErrorCode::TlsCipherUpdateNotAllowed => Some(Disposition::Rejected),
        ErrorCode::InternalError | ErrorCode::Unknown(_) => None,
    }
}

/// An error body of either generation.
struct ErrorBody {
    error_code: Option<String>,
    words: Option<String>,
}

impl ErrorBody {
    fn read(body: &[u8]) -> Option<Self> {
        let body: JsonMap = serde_json::from_slice(body).ok()?;
        let text = |key| {
            body.get(key)
                .and_then(serde_json::Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        // A bootstrap that fails has its words one level down.
        let details = || {
            body.get("error_details")?
                .get("message")?
                .as_str()
                .map(str::to_owned)
        };
        let words = text("description").or_else(|| text("message")).or_else(details);
        Some(Self {
            error_code: text("error_code"),
            words,
        })
    }
}

/// Whether a success carries the body of an error.
pub(crate) fn is_error_body(body: &[u8]) -> bool {
    ErrorBody::read(body).is_some_and(|read| read.error_code.is_some())
}

/// Longest hint, in characters.
const HINT_CHARS_MAX: usize = 200;
/// Words longer than this are more likely a key, a token or a licence than a word.
const WORD_CHARS_MAX: usize = 40;

fn hint(words: &str, secrets: &[&str]) -> Option<String> {
    let tidy = tidy(words, secrets);
    (!tidy.is_empty()).then_some(tidy)
}

/// One line of at most 200 characters, without control characters, long words, and `secrets`.
fn tidy(words: &str, secrets: &[&str]) -> String {
    let mut words = words.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        words = words.replace(secret, "…");
    }
    let shorten = |word: &str| match word.chars().count() {
        0..=WORD_CHARS_MAX => word.to_owned(),
        _ => "…".to_owned(),
    };
    let line: Vec<String> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(shorten)
        .collect();
    line.join(" ").chars().take(HINT_CHARS_MAX).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} at {}: {}",
            self.route.method, self.path, self.node, self.kind
        )
    }
}

impl std::error::Error for Error {}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(why) => write!(f, "no connection: {why}"),
            Self::Untrusted(mistrust) => write!(f, "not trusted, nothing was sent: {mistrust}"),
            Self::Timeout => f.write_str("no complete answer in time"),
            Self::Lost(why) => write!(f, "connection lost before a complete answer: {why}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Redirected(why) => write!(f, "redirect not followed: {why}"),
            Self::TooLarge { bytes_max } => write!(f, "the answer is longer than {bytes_max} bytes"),
            Self::NotJson => f.write_str("the answer is not JSON; is this the REST API?"),
            Self::Malformed(why) => write!(f, "the answer is not understood: {why}"),
            Self::Unsendable(why) => write!(f, "the request cannot be sent: {why}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, ": {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Mistrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pin { shown } => write!(f, "it shows the key {shown}, which is not pinned"),
            Self::Authority { shown, why } => {
                write!(
                    f,
                    "it shows the key {shown}, which is not pinned, and the authority does not vouch for it: {why}"
                )
            }
            Self::Handshake(why) => write!(f, "the TLS handshake failed: {why}"),
        }
    }
}

impl std::error::Error for Mistrust {}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "Busy",
            Self::Stale => "Stale",
            Self::Unreachable => "Unreachable",
            Self::Rejected => "Rejected",
            Self::Denied => "Denied",
            Self::Bug => "Bug",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::route;

    fn refused(route: &'static Route, status: u16, body: &str) -> Error {
        failed(
            route,
            ErrorKind::Refused(Refusal::read(status, body.as_bytes(), &[])),
        )
    }

    fn failed(route: &'static Route, kind: ErrorKind) -> Error {
        Error {
            route,
            path: route.fill(&[&7]),
            node: "10.0.0.11:9443".to_owned(),
            kind,
        }
    }

    #[test]
    fn every_shape_of_error_body_is_read() {
        let long = format!("key {} end", "x".repeat(64));
        let many = "word ".repeat(80);
        let cases: &[(&str, &str)] = &[
            (
                r#"{"error_code":"busy","description":"in use"}"#,
                "406 busy: in use",
            ),
            (r#"{"error_code":"busy","message":"in use"}"#, "406 busy: in use"),
            (r#"{"description":"both","message":"old"}"#, "406: both"),
            (r#"{"error_code":"brand_new"}"#, "406 brand_new"),
            (r#"{"error_code":"","description":""}"#, "406"),
            (r#"{"error_code":null,"description":"a\u0000b\nc"}"#, "406: a b c"),
            (r#"{"error_code":5}"#, "406"),
            (r#"{"something":"else"}"#, "406"),
            (r#"["busy"]"#, "406"),
            ("<html><body>502 Bad Gateway</body></html>", "406"),
            ("  plain words\r\n", "406: plain words"),
            ("", "406"),
            ("\u{1b}[31mred", "406: [31mred"),
            (&long, "406: key … end"),
        ];
        for (body, shown) in cases {
            assert_eq!(
                Refusal::read(406, body.as_bytes(), &[]).to_string(),
                *shown,
                "{body}"
            );
        }
        assert_eq!(Refusal::read(500, &[0xff, 0xfe], &[]).to_string(), "500");
        let hint = Refusal::read(500, many.as_bytes(), &[]).hint.unwrap();
        assert_eq!(hint.chars().count(), HINT_CHARS_MAX);
    }

    #[test]
    fn secrets_of_the_request_are_struck_from_the_hint() {
        let body = r#"{"error_code":"canary","description":"password 'canary' is too weak"}"#;
        let refusal = Refusal::read(400, body.as_bytes(), &["canary", ""]);
        assert_eq!(refusal.to_string(), "400 …: password '…' is too weak");
    }

    #[test]
    fn answers_are_disposed_of_by_route_status_and_code() {
        use Disposition::*;
        let cases: &[(&Route, u16, &str, Disposition)] = &[
            (&route::BDB, 401, "", Denied),
            (&route::CREATE_BDB, 403, "", Denied),
            (
                &route::CREATE_BDB,
                403,
                r#"{"description":"License expired"}"#,
                Rejected,
            ),
            (
                &route::UPDATE_BDB,
                403,
                r#"{"error_code":"license_expired"}"#,
                Rejected,
            ),
            (&route::UPDATE_BDB, 404, "", Stale),
            (&route::CLUSTER, 404, "", Unreachable),
            (&route::UPDATE_BDB, 405, "", Bug),
            (
                &route::CREATE_BDB,
                406,
                r#"{"error_code":"insufficient_resources"}"#,
                Rejected,
            ),
            (
                &route::CREATE_BDB,
                406,
                r#"{"error_code":"of_tomorrow"}"#,
                Rejected,
            ),
            (
                &route::CREATE_BDB,
                406,
                r#"{"error_code":"wrong_cluster_state_id"}"#,
                Stale,
            ),
            (&route::DELETE_BDB, 406, "", Busy),
            (&route::UPDATE_BDB, 400, "", Rejected),
            (&route::UPDATE_BDB, 409, "", Busy),
            (&route::CREATE_BDB, 409, "", Stale),
            (&route::CREATE_BDB, 409, r#"{"error_code":"busy"}"#, Busy),
            (&route::CREATE_BDB, 409, r#"{"error_code":"uid_exists"}"#, Stale),
            (&route::CREATE_CLUSTER, 409, "", Stale),
            (&route::START_NODE_ACTION, 409, "", Busy),
            (&route::CERTIFICATES_REPLACE, 409, "", Busy),
            (
                &route::UPDATE_CLUSTER,
                409,
                r#"{"error_code":"config_edit_conflict"}"#,
                Stale,
            ),
            (&route::CLUSTER, 409, "", Rejected),
            (&route::CLUSTER, 429, "", Unreachable),
            (
                &route::CLUSTER,
                500,
                r#"{"error_code":"internal_error"}"#,
                Unreachable,
            ),
            (&route::UPDATE_BDB, 501, "", Rejected),
            (&route::CLUSTER, 502, "<html>", Unreachable),
            (&route::CLUSTER, 503, r#"{"error_code":"no_quorum"}"#, Unreachable),
            (&route::CLUSTER, 504, "", Unreachable),
            (&route::CLUSTER, 505, "", Bug),
            (&route::UPDATE_BDB, 200, r#"{"error_code":"of_tomorrow"}"#, Bug),
        ];
        for (route, status, body, disposition) in cases {
            let route = route::ALL.into_iter().find(|other| *other == *route).unwrap();
            assert_eq!(
                refused(route, *status, body).disposition(),
                *disposition,
                "{route} {status} {body}"
            );
        }
    }

    #[test]
    fn failures_without_an_answer_are_disposed_of_by_kind() {
        use Disposition::*;
        let pin = Mistrust::Pin {
            shown: "sha256/x".to_owned(),
        };
        let cases = [
            (ErrorKind::Connect(String::new()), Unreachable, false, true),
            (ErrorKind::Untrusted(pin), Unreachable, false, true),
            (ErrorKind::Timeout, Unreachable, true, false),
            (ErrorKind::Lost(String::new()), Unreachable, true, false),
            (ErrorKind::Redirected(String::new()), Unreachable, false, false),
            (ErrorKind::TooLarge { bytes_max: 1 }, Bug, true, false),
            (ErrorKind::NotJson, Unreachable, true, false),
            (ErrorKind::Malformed(String::new()), Bug, true, false),
            (ErrorKind::Unsendable(String::new()), Bug, false, true),
        ];
        for (kind, disposition, unknown, unsent) in cases {
            let error = failed(&route::CREATE_BDB, kind.clone());
            assert_eq!(error.disposition(), disposition, "{kind:?}");
            assert_eq!(error.outcome_unknown(), unknown, "{kind:?}");
            assert_eq!(error.unsent(), unsent, "{kind:?}");
            assert!(
                !failed(&route::BDB, kind).outcome_unknown(),
                "a read has no outcome"
            );
        }
    }

    #[test]
    fn a_refusal_settles_the_outcome_unless_the_server_itself_is_in_doubt() {
        for (status, unknown) in [
            (400, false),
            (401, false),
            (406, false),
            (409, false),
            (500, true),
            (503, true),
            (504, true),
        ] {
            assert_eq!(
                refused(&route::CREATE_BDB, status, "").outcome_unknown(),
                unknown,
                "{status}"
            );
        }
    }

    #[test]
    fn an_error_names_the_call_the_object_and_the_node() {
        let error = refused(
            &route::UPDATE_BDB,
            409,
            r#"{"error_code":"busy","description":"pending"}"#,
        );
        assert_eq!(
            error.to_string(),
            "PUT /v1/bdbs/7 at 10.0.0.11:9443: 409 busy: pending"
        );
    }
}

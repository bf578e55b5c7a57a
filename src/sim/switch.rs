//! Documented doubts: where sources conflict or are silent, both behaviours exist and a switch chooses.

use std::collections::BTreeSet;

/// One documented doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Switch {
    /// Key of the text in an error body.
    ErrorMessageKey,
    /// Keys that a request body should not have.
    UnknownFieldsIgnored,
    /// Status of a mismatch of `cluster-state-id`.
    StateIdMismatch406,
    /// A database with TLS needs client certificates unless told otherwise.
    ClientCertificateOptional,
    /// Creating a database without `redis_version` on 7.4.
    VersionlessCreate,
    /// Whether `authentication_redis_pass` follows the passwords calls.
    RedisPassIsStale,
    /// Whether a second password can be added.
    NoPasswordOverlap,
    /// Usages that an uploaded certificate must list.
    LenientCertificateUsage,
}

/// Row of the table of switches.
#[derive(Clone, Copy, Debug)]
pub struct SwitchRow {
    /// The switch.
    pub switch: Switch,
    /// How the command line names it.
    pub name: &'static str,
    /// What happens unless it is set.
    pub default: &'static str,
    /// What happens when it is set.
    pub alternative: &'static str,
    /// Where the doubt comes from.
    pub source: &'static str,
}

/// Every switch.
pub const SWITCHES: &[SwitchRow] = &[
    SwitchRow {
        switch: Switch::ErrorMessageKey,
        name: "error-message-key",
        default: "errors are {error_code, description}",
        alternative: "errors are {error_code, message}",
        source: "current API schema and a capture of 7.4.6 against older reference pages",
    },
    SwitchRow {
        switch: Switch::UnknownFieldsIgnored,
        name: "unknown-fields-ignored",
        default: "an unknown field in a body is 400",
        alternative: "an unknown field in a body is ignored",
        source: "undocumented for the older handlers",
    },
    SwitchRow {
        switch: Switch::StateIdMismatch406,
        name: "state-id-mismatch-406",
        default: "a wrong cluster-state-id is 409",
        alternative: "a wrong cluster-state-id is 406",
        source: "error code documented, status not",
    },
    SwitchRow {
        switch: Switch::ClientCertificateOptional,
        name: "client-certificate-optional",
        default: "tls_mode enabled without client certificates is 406 unless enforce_client_authentication is disabled",
        alternative: "tls_mode enabled without client certificates is accepted",
        source: "documented default of enforce_client_authentication, absent from a capture",
    },
    SwitchRow {
        switch: Switch::VersionlessCreate,
        name: "versionless-create",
        default: "7.4 refuses to create a database without redis_version",
        alternative: "7.4 chooses a version as later ones do",
        source: "seen on a 7.4.6 container, against the documentation",
    },
    SwitchRow {
        switch: Switch::RedisPassIsStale,
        name: "redis-pass-is-stale",
        default: "authentication_redis_pass follows PUT and DELETE passwords",
        alternative: "authentication_redis_pass shows what was last set through the database object",
        source: "undocumented",
    },
    SwitchRow {
        switch: Switch::NoPasswordOverlap,
        name: "no-password-overlap",
        default: "POST passwords adds a second password",
        alternative: "POST passwords is 406 while there is a password",
        source: "the page on rotating passwords against the reference of the call",
    },
    SwitchRow {
        switch: Switch::LenientCertificateUsage,
        name: "lenient-certificate-usage",
        default: "uploaded certificates must list serverAuth, clientAuth, digitalSignature and keyEncipherment",
        alternative: "clientAuth and keyEncipherment are wanted between nodes only",
        source: "guidelines for certificates; enforcement is documented for internode certificates",
    },
];

/// Which switches are set to their alternative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches(BTreeSet<Switch>);

impl Switches {
    /// Every doubt on its default side.
    #[must_use]
    pub fn all_default() -> Self {
        Self::default()
    }

    /// Every doubt on its other side.
    #[must_use]
    pub fn all_alternative() -> Self {
        Self(SWITCHES.iter().map(|row| row.switch).collect())
    }

    /// The same with one more switch set.
    #[must_use]
    pub fn with(mut self, switch: Switch) -> Self {
        self.0.insert(switch);
        self
    }

    /// Sets the switch that the command line calls `name`.
    ///
    /// # Errors
    /// When there is no such switch.
    pub fn set(&mut self, name: &str) -> Result<(), String> {
        let row = SWITCHES.iter().find(|row| row.name == name);
        let row = row.ok_or_else(|| format!("no switch {name:?}; --list-switches names them"))?;
        self.0.insert(row.switch);
        Ok(())
    }

    /// Whether the alternative holds.
    #[must_use]
    pub fn on(&self, switch: Switch) -> bool {
        self.0.contains(&switch)
    }
}

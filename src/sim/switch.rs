//! Documented doubts: where sources conflict or are silent, both behaviours exist and a switch chooses.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One documented doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
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
    /// Status of a login to a locked account.
    LockedAccount403,
    /// What happens to connections while services restart after a bootstrap.
    RestartResets,
    /// What a node says of itself after its removal.
    RemovedNodeLooksIdle,
    /// What a join does while a member is down.
    JoinReplacesDeadNode,
    /// Which of two joins at the same time wins.
    ConcurrentJoinFails,
    /// Types that captures show and the documentation does not.
    TypesAsDocumented,
    /// Setting a rack id to the value that it has.
    SameRackIdAccepted,
    /// What an update of the policy answers.
    PolicyPutAnswersObject,
    /// What happens to the licence when a new one is refused.
    RefusedLicenseDropsOld,
    /// What an alert that is turned off says.
    DisabledAlertKeepsState,
    /// A read-only field in a body.
    ReadOnlyFieldsIgnored,
    /// An unknown node of an update.
    UnknownNode406,
    /// Where the settings of replica availability, proxies and placement start.
    DefaultsAsDocumented,
    /// How the sign that a node's removal works shows.
    RemovingNodeStaysActive,
    /// Rules about users in an ACL.
    AclUserRulesAccepted,
    /// Meaning of `accept_servers` in a bootstrap.
    BootstrapAcceptServersInverted,
    /// Path of a database's health report.
    V4BdbPath,
    /// Status of the deletion of a busy database.
    DeleteBusy406,
    /// Who may rebalance a database.
    RebalanceByViewers,
    /// Who may see the configuration of single sign-on.
    SsoViewForAll,
    /// Who may change the configuration of single sign-on.
    SsoConfigAdminOnly,
    /// Which of the two lists of the permissions page holds.
    PermissionsByRole,
    /// Whether users may read their own account.
    OwnAccountReadable,
    /// Type of an alert's state.
    AlertStateIsText,
    /// Type of node uids in the cluster check.
    CheckUidIsNumber,
    /// What a recovery answers that lacks files.
    RecoveryFailsLate,
    /// Whether databases can be updated under `/v2`.
    V2BdbPut,
    /// Whether a new user must have an email address.
    UserNeedsEmail,
    /// Form of the lists of groups of databases and of Active-Active databases.
    ListsUnderName,
    /// What the lists of Active-Active databases and of their tasks answer.
    CrdbListsEmpty,
    /// When the query performance factor is shown.
    PerformanceFactorExtendedOnly,
    /// What an update does to the settings of a module that it leaves out.
    ModuleSettingsReplaced,
    /// A path that ends in a slash.
    TrailingSlashServed,
}

impl Switch {
    /// How the command line names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        SWITCHES
            .iter()
            .find(|row| row.switch == self)
            .map_or("", |row| row.name)
    }
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
    SwitchRow {
        switch: Switch::LockedAccount403,
        name: "locked-account-403",
        default: "a login to a locked account is 401, like a wrong password",
        alternative: "it is 403 with error code user_locked",
        source: "undocumented",
    },
    SwitchRow {
        switch: Switch::RestartResets,
        name: "restart-resets",
        default: "while services restart after a bootstrap, requests are answered 503",
        alternative: "they are reset",
        source: "field reports of both",
    },
    SwitchRow {
        switch: Switch::RemovedNodeLooksIdle,
        name: "removed-node-looks-idle",
        default: "a removed node's bootstrap stays completed and refuses a POST with 409",
        alternative: "it looks idle, and a POST ends in state error",
        source: "the documentation only says that the software must be reinstalled",
    },
    SwitchRow {
        switch: Switch::JoinReplacesDeadNode,
        name: "join-replaces-dead-node",
        default: "a plain join while a member is down fails with repair_required",
        alternative: "the joining node takes the dead one's place by itself",
        source: "bootstrap page against the page on replacing a node",
    },
    SwitchRow {
        switch: Switch::ConcurrentJoinFails,
        name: "concurrent-join-fails",
        default: "two nodes that join at the same time both succeed",
        alternative: "the later one fails with internal_error",
        source: "not documented as refused; a release note reports failures",
    },
    SwitchRow {
        switch: Switch::TypesAsDocumented,
        name: "types-as-documented",
        default: "uid \"1\", progress \"100\", available_addresses, import_status \"\", module_args \"\" ... as captured",
        alternative: "uid 1, progress 100.0, available_addrs, import_status \"idle\", module_args [] ... as documented",
        source: "captures of a development build of 8.0",
    },
    SwitchRow {
        switch: Switch::SameRackIdAccepted,
        name: "same-rack-id-accepted",
        default: "setting the rack id that a node has is refused like any other",
        alternative: "it is accepted",
        source: "the error code is documented, the case is not",
    },
    SwitchRow {
        switch: Switch::PolicyPutAnswersObject,
        name: "policy-put-answers-object",
        default: "PUT policy answers 200 without a body",
        alternative: "it answers the whole policy",
        source: "the page documents the status only",
    },
    SwitchRow {
        switch: Switch::RefusedLicenseDropsOld,
        name: "refused-license-drops-old",
        default: "a refused licence leaves the old one in force",
        alternative: "the cluster behaves as if it had none",
        source: "licence keys page against the licence object page",
    },
    SwitchRow {
        switch: Switch::DisabledAlertKeepsState,
        name: "disabled-alert-keeps-state",
        default: "an alert that is turned off reads false",
        alternative: "it reads {enabled: false} with its true state",
        source: "page against capture",
    },
    SwitchRow {
        switch: Switch::ReadOnlyFieldsIgnored,
        name: "read-only-fields-ignored",
        default: "a read-only field with another value is 400",
        alternative: "it is ignored",
        source: "undocumented",
    },
    SwitchRow {
        switch: Switch::UnknownNode406,
        name: "unknown-node-406",
        default: "PUT to an unknown node is 404",
        alternative: "it is 406",
        source: "the page lists 400 and 406 and the code node_not_found",
    },
    SwitchRow {
        switch: Switch::DefaultsAsDocumented,
        name: "defaults-as-documented",
        default: "settings of clusters, proxies and databases start as captured",
        alternative: "they start as documented (slave_ha off, http_support off, client_eviction on, hash_slots_policy legacy, ...)",
        source: "documentation against a capture of an 8.0 build",
    },
    SwitchRow {
        switch: Switch::RemovingNodeStaysActive,
        name: "removing-node-stays-active",
        default: "a node that is being removed has status decommissioning",
        alternative: "its status stays active until it is gone",
        source: "the value is documented, when it shows is not",
    },
    SwitchRow {
        switch: Switch::AclUserRulesAccepted,
        name: "acl-user-rules-accepted",
        default: "an ACL with rules about users (on, >password) is refused",
        alternative: "it is accepted",
        source: "ACL guide against the example of the API schema",
    },
    SwitchRow {
        switch: Switch::BootstrapAcceptServersInverted,
        name: "bootstrap-accept-servers-inverted",
        default: "identity.accept_servers true in a bootstrap lets the node take shards",
        alternative: "it keeps shards off the node",
        source: "the bootstrap page words it the other way round than the node object",
    },
    SwitchRow {
        switch: Switch::V4BdbPath,
        name: "v4-bdb-path",
        default: "a database's health is at /v4/db/{uid}/health",
        alternative: "it is at /v4/bdb/{uid}/health",
        source: "API schema against a how-to page and release notes",
    },
    SwitchRow {
        switch: Switch::DeleteBusy406,
        name: "delete-busy-406",
        default: "deleting a busy database is 409",
        alternative: "it is 406",
        source: "present page against older versions",
    },
    SwitchRow {
        switch: Switch::RebalanceByViewers,
        name: "rebalance-by-viewers",
        default: "rebalancing needs the right to change databases",
        alternative: "whoever sees the database may rebalance it",
        source: "the page names view_bdb_info, other actions name a right to write",
    },
    SwitchRow {
        switch: Switch::SsoViewForAll,
        name: "sso-view-for-all",
        default: "admin and user_manager see the configuration of single sign-on",
        alternative: "every role sees it",
        source: "two lists of permissions",
    },
    SwitchRow {
        switch: Switch::SsoConfigAdminOnly,
        name: "sso-config-admin-only",
        default: "admin and user_manager configure single sign-on",
        alternative: "only admin does",
        source: "user_manager is missing in a list of permissions",
    },
    SwitchRow {
        switch: Switch::PermissionsByRole,
        name: "permissions-by-role",
        default: "user_manager sees recovery plans and fetches support archives",
        alternative: "it may do neither",
        source: "the list of roles for each permission against the list of permissions for each role",
    },
    SwitchRow {
        switch: Switch::OwnAccountReadable,
        name: "own-account-readable",
        default: "reading an account needs view_user_info, even one's own",
        alternative: "every user reads the own account",
        source: "the page names view_user_info, the API schema no permission",
    },
    SwitchRow {
        switch: Switch::AlertStateIsText,
        name: "alert-state-is-text",
        default: "the state of an alert of the cluster or a database is a boolean",
        alternative: "it is \"on\" or \"off\"",
        source: "captures against samples of the page",
    },
    SwitchRow {
        switch: Switch::CheckUidIsNumber,
        name: "check-uid-is-number",
        default: "node_uid in the cluster check is text",
        alternative: "it is a number",
        source: "a sample of the page against the check of one node",
    },
    SwitchRow {
        switch: Switch::RecoveryFailsLate,
        name: "recovery-fails-late",
        default: "recovering a database without all its files is 409",
        alternative: "it is accepted, its action fails, and the database stays in recovery",
        source: "the page has 409 for a database that cannot be recovered, and does not say whether missing files are that",
    },
    SwitchRow {
        switch: Switch::V2BdbPut,
        name: "v2-bdb-put",
        default: "PUT /v2/bdbs/{uid} does not exist",
        alternative: "it works as PUT /v1/bdbs/{uid}",
        source: "a page refers to it, and no page describes it",
    },
    SwitchRow {
        switch: Switch::UserNeedsEmail,
        name: "user-needs-email",
        default: "a user can be created without an email address",
        alternative: "it is 400",
        source: "API schema and clients in use against the page on user requests",
    },
    SwitchRow {
        switch: Switch::ListsUnderName,
        name: "lists-under-name",
        default: "GET bdb_groups and GET crdbs answer the list",
        alternative: "they answer an object with the list under its name",
        source: "an audit of real clusters against samples and a client in use",
    },
    SwitchRow {
        switch: Switch::CrdbListsEmpty,
        name: "crdb-lists-empty",
        default: "GET crdbs and GET crdb_tasks say that Active-Active databases are not simulated",
        alternative: "they answer an empty list, for clients that list everything",
        source: "a cluster without Active-Active databases has none to list",
    },
    SwitchRow {
        switch: Switch::PerformanceFactorExtendedOnly,
        name: "performance-factor-extended-only",
        default: "a database shows query_performance_factor with and without extended",
        alternative: "it shows it with extended=true only",
        source: "an audit of real clusters against the release notes of 8.0.2",
    },
    SwitchRow {
        switch: Switch::ModuleSettingsReplaced,
        name: "module-settings-replaced",
        default: "an update of search, timeseries, probabilistic or query_performance_factor changes the keys that it names",
        alternative: "the keys that it leaves out fall back to their defaults",
        source: "undocumented",
    },
    SwitchRow {
        switch: Switch::TrailingSlashServed,
        name: "trailing-slash-served",
        default: "a path with a slash at its end does not exist",
        alternative: "it is served as without the slash",
        source: "the quick start of the API calls it /v1/bdbs/ in its text and /v1/bdbs in its commands",
    },
];

/// Which switches are set to their alternative.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_name_and_stands_for_another_switch() {
        let mut switches = Switches::all_default();
        for row in SWITCHES {
            assert!(!switches.on(row.switch), "{} twice", row.name);
            switches.set(row.name).unwrap();
        }
        assert_eq!(switches, Switches::all_alternative());
        assert!(switches.set("no-such-switch").is_err());
    }
}

//! Documented doubts: where sources conflict or are silent, both behaviours exist and a switch chooses.

mod table;

pub use table::SWITCHES;

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
    /// Whether a database with TLS needs client certificates unless told otherwise.
    ClientCertificateRequired,
    /// Creating a database without `redis_version` on 7.4.
    VersionlessCreate,
    /// Whether `authentication_redis_pass` follows the passwords calls.
    RedisPassIsStale,
    /// Whether an update may name the password that the user has.
    SamePasswordRefused,
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
    PlainLists,
    /// What the lists of Active-Active databases and of their tasks answer.
    CrdbListsEmpty,
    /// When the query performance factor is shown.
    PerformanceFactorExtendedOnly,
    /// What an update does to the settings of a module that it leaves out.
    ModuleSettingsReplaced,
    /// A path that ends in a slash.
    TrailingSlashServed,
    /// A path that does not begin with a version.
    UnversionedPathsServed,
    /// Meaning of `accept_servers` in an update of a node.
    NodeAcceptServersInverted,
    /// How a request shows a token.
    JwtSchemeOnly,
    /// Status of the deletion of an ACL that is in use.
    AclInUse409,
    /// Status of a single upload of an invalid certificate.
    UpdateCertInvalid404,
    /// Whether users show a role besides the uids of their roles.
    RbacHidesRole,
    /// What the actions of a node are on which none ran.
    NodeActionsEmpty404,
    /// What the result of the cluster check means.
    CheckResultInverted,
    /// What the deletion of a database answers.
    BdbDeleteAnswersNothing,
    /// Whether the authority of client certificates can be deleted while they log in.
    UsedAuthorityDeletable,
    /// When a deleted user is gone.
    DeletedUserLingers,
    /// A body that does not say that it is JSON.
    ContentTypeRequired,
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
mod probes;

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

    #[test]
    fn every_switch_has_a_row() {
        // The message about an unknown name is where the names of all variants stand without a list to keep by hand.
        let message = serde_json::from_str::<Switch>("\"?\"").unwrap_err().to_string();
        let variants: Vec<&str> = message.split('`').skip(1).step_by(2).skip(1).collect();
        let mut rows: Vec<String> = SWITCHES.iter().map(|row| format!("{:?}", row.switch)).collect();
        let mut variants: Vec<String> = variants.into_iter().map(str::to_owned).collect();
        rows.sort();
        variants.sort();
        assert_eq!(rows, variants);
    }

    #[test]
    fn every_row_says_what_differs_and_why() {
        for row in SWITCHES {
            assert!(!row.default.is_empty() && !row.source.is_empty(), "{}", row.name);
            assert_ne!(row.default, row.alternative, "{}", row.name);
        }
    }
}
